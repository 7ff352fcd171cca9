"""Bearer tokens: PyJWT's one door. One Ed25519 key made at first start signs them; one strict reader accepts nothing else.

A token is a JWT (RFC 7519) signed with EdDSA (RFC 8037): header ``alg, typ, kid`` and no other member, claims ``iss, aud, sub, iat, exp``
and no other. The header never chooses the key or the algorithm: the key is the one in the data folder, its thumbprint must be ``kid``.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.identity import canonical
from hub.model import Identifier
from hub.web.keyfile import load_key

ISSUER: Final = "urn:hub"
AUDIENCE: Final = "urn:hub:web"
TYPE: Final = "hub+jwt"
ALGORITHM: Final = "EdDSA"
KEY_FILE: Final = "token.key"
TTL_SECONDS: Final = 8 * 3600
TTL_SECONDS_MAX: Final = 24 * 3600
TOKEN_CHARS_MAX: Final = 2048
LEEWAY_SECONDS: Final = 5  # the clocks of two machines of one installation
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)  # no padding, exactly three parts
_HEADER: Final = {"alg", "typ", "kid"}
_CLAIMS: Final = {"iss", "aud", "sub", "iat", "exp"}
_SUBJECT: Final = re.compile(r"(admin)|(patient|provider):([^\s\x00-\x1f\x7f]{1,256})")


class Unauthorized(Exception):  # noqa: N818  a state of the asker, not an error of the hub
    """No token, or not one of ours. Carries nothing: the asker learns only that it was not accepted."""


class Role(StrEnum):
    """What a token lets its bearer be."""

    ADMIN = "admin"
    PATIENT = "patient"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. ``id`` is a provider's hub id or a patient's identifier (``value`` or ``system|value``), "" for admin."""

    role: Role
    id: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> "Principal":
        """From ``admin``, ``patient:<id>`` or ``provider:<id>``. Raises ValueError."""
        match = _SUBJECT.fullmatch(text)
        if match is None:
            raise ValueError("a token is for admin, patient:<id> or provider:<id>")
        return cls(Role.ADMIN) if match[1] else cls(Role(match[2]), match[3])

    def is_patient(self, patient: Identifier) -> bool:
        """True when this is that patient.

        A token with a system is that one person; one without is whoever has the value, as a consent without a system concerns them all.
        """
        if self.role is not Role.PATIENT:
            return False
        system, _, value = self.id.rpartition("|")
        if not system:
            return value == patient.value
        return canonical(system, value) == canonical(patient.system, patient.value)


@dataclass(frozen=True, slots=True)
class Keys:
    """The signing key of an installation and its thumbprint."""

    private: Ed25519PrivateKey = field(repr=False)
    kid: str

    @property
    def public(self) -> Ed25519PublicKey:
        """What signatures are checked with."""
        return self.private.public_key()


def _keys(private: Ed25519PrivateKey) -> Keys:
    raw = private.public_key().public_bytes_raw()
    return Keys(private, hashlib.sha256(raw).hexdigest()[:32])


def load_keys(data: Path) -> Keys:
    """The key of a data folder, made there (mode 0600) when there is none. Raises OSError, or ConfigError for a damaged file."""
    return _keys(load_key(data / KEY_FILE, "every token made so far is void"))


def issue(data: Path, as_: str, now_us: int, ttl_seconds: int = TTL_SECONDS) -> str:
    """A token for ``admin``, ``patient:<id>`` or ``provider:<id>``, signed by the key of the data folder.

    Raises ValueError, OSError; ConfigError for a damaged key.
    """
    Principal.parse(as_)
    if not 0 < ttl_seconds <= TTL_SECONDS_MAX:
        raise ValueError(f"a token lives 1 to {TTL_SECONDS_MAX} seconds")
    keys = load_keys(data)
    start = now_us // 1_000_000
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": as_, "iat": start, "exp": start + ttl_seconds}
    return jwt.encode(claims, keys.private, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": keys.kid})


def verify(token: str, keys: Keys, now_us: int) -> Principal:
    """Whose token it is. Raises Unauthorized for everything that is not exactly what ``issue`` makes, and in its time."""
    if len(token) > TOKEN_CHARS_MAX or _COMPACT.fullmatch(token) is None:
        raise Unauthorized
    try:
        header = jwt.get_unverified_header(token)
        if set(header) != _HEADER or (header["alg"], header["typ"], header["kid"]) != (ALGORITHM, TYPE, keys.kid):
            raise Unauthorized
        # PyJWT's own checks of time read the machine's clock; ours take now_us.
        options: Any = {"require": sorted(_CLAIMS), "strict_aud": True, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        claims = jwt.decode(token, keys.public, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=options)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as exc:
        raise Unauthorized from exc
    _check_times(claims, now_us)
    try:
        return Principal.parse(claims["sub"])
    except ValueError as exc:
        raise Unauthorized from exc


def _check_times(claims: Mapping[str, Any], now_us: int) -> None:
    start, end = claims["iat"], claims["exp"]
    if set(claims) != _CLAIMS or type(start) is not int or type(end) is not int:
        raise Unauthorized
    now = now_us // 1_000_000
    if not (start - LEEWAY_SECONDS <= now < end and 0 < end - start <= TTL_SECONDS_MAX):
        raise Unauthorized
