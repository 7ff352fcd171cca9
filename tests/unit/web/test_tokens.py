"""Only what ``issue`` made, unchanged and in its time, is a token."""

import base64
import hmac
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hub.model import Identifier
from hub.web import tokens
from hub.web.tokens import Keys, Principal, Role, Unauthorized, issue, load_keys, verify

NOW_US = 1_800_000_000_000_000
NOW = NOW_US // 1_000_000
GOOD: dict[str, Any] = {"iss": tokens.ISSUER, "aud": tokens.AUDIENCE, "sub": "admin", "iat": NOW, "exp": NOW + 600}


def part(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def signed(keys: Keys, header: object, claims: object) -> str:
    """A token over any header and claims, with a signature that is truly ours."""
    body = f"{part(header)}.{part(claims)}"
    signature = keys.private.sign(body.encode())
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def head(keys: Keys, **changes: object) -> dict[str, object]:
    return {"alg": "EdDSA", "typ": tokens.TYPE, "kid": keys.kid} | changes


def claims(**changes: object) -> dict[str, object]:
    return {k: v for k, v in (GOOD | changes).items() if v is not ...}


def hs256(keys: Keys, secret: bytes) -> str:
    """HMAC keyed by something public; made by hand because PyJWT refuses to."""
    body = f"{part(head(keys, alg='HS256'))}.{part(GOOD)}"
    return body + "." + base64.urlsafe_b64encode(hmac.digest(secret, body.encode(), "sha256")).rstrip(b"=").decode()


def public_pem(keys: Keys) -> bytes:
    return keys.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


def flipped(token: str, place: int) -> str:
    return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]


OTHER = Ed25519PrivateKey.generate()
FORGED: dict[str, Callable[[Keys], str]] = {
    # the algorithm
    "alg none, no signature": lambda k: f"{part(head(k, alg='none'))}.{part(GOOD)}.",
    "alg none, some signature": lambda k: f"{part(head(k, alg='none'))}.{part(GOOD)}.AAAA",
    "alg None in capitals": lambda k: f"{part(head(k, alg='NONE'))}.{part(GOOD)}.AAAA",
    "alg nOnE, our signature": lambda k: signed(k, head(k, alg="nOnE"), GOOD),
    "HS256 with the public key's bytes": lambda k: hs256(k, k.public.public_bytes_raw()),
    "HS256 with the public key's PEM": lambda k: hs256(k, public_pem(k)),
    "HS256 with an empty secret": lambda k: hs256(k, b""),
    "HS256 with the kid": lambda k: hs256(k, k.kid.encode()),
    "RS256 of another": lambda k: jwt.encode(
        GOOD, rsa.generate_private_key(65537, 2048), algorithm="RS256", headers={"typ": tokens.TYPE, "kid": k.kid}
    ),
    "ES256 of another": lambda k: jwt.encode(
        GOOD, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"typ": tokens.TYPE, "kid": k.kid}
    ),
    "alg Ed25519": lambda k: signed(k, head(k, alg="Ed25519"), GOOD),
    "alg in lower case": lambda k: signed(k, head(k, alg="eddsa"), GOOD),
    "alg a list": lambda k: signed(k, head(k, alg=["EdDSA"]), GOOD),
    "alg missing": lambda k: signed(k, {"typ": tokens.TYPE, "kid": k.kid}, GOOD),
    # the key
    "another's key": lambda k: jwt.encode(GOOD, OTHER, algorithm="EdDSA", headers={"typ": tokens.TYPE, "kid": k.kid}),
    "jwk in the header": lambda k: jwt.encode(
        GOOD, OTHER, algorithm="EdDSA", headers={"typ": tokens.TYPE, "kid": k.kid, "jwk": jwk(OTHER)}
    ),
    "jwk in the header, our signature": lambda k: signed(k, head(k, jwk=jwk(OTHER)), GOOD),
    "jku in the header": lambda k: signed(k, head(k, jku="http://127.0.0.1/keys"), GOOD),
    "x5u in the header": lambda k: signed(k, head(k, x5u="http://127.0.0.1/keys"), GOOD),
    "x5c in the header": lambda k: signed(k, head(k, x5c=["AAAA"]), GOOD),
    "kid of another": lambda k: signed(k, head(k, kid="0" * 32), GOOD),
    "kid a path": lambda k: signed(k, head(k, kid="../../dev/null"), GOOD),
    "kid an injection": lambda k: signed(k, head(k, kid="' OR 1=1 --"), GOOD),
    "kid a number": lambda k: signed(k, head(k, kid=1), GOOD),
    "kid null": lambda k: signed(k, head(k, kid=None), GOOD),
    "kid missing": lambda k: signed(k, {"alg": "EdDSA", "typ": tokens.TYPE}, GOOD),
    # the header
    "typ JWT": lambda k: signed(k, head(k, typ="JWT"), GOOD),
    "typ missing": lambda k: signed(k, {"alg": "EdDSA", "kid": k.kid}, GOOD),
    "typ with other letters": lambda k: signed(k, head(k, typ="HUB+JWT"), GOOD),
    "crit": lambda k: signed(k, head(k, crit=["exp"]), GOOD),
    "unencoded payload": lambda k: signed(k, head(k, b64=False, crit=["b64"]), GOOD),
    "cty": lambda k: signed(k, head(k, cty="JWT"), GOOD),
    "header a list": lambda k: signed(k, [1], GOOD),
    "header no JSON": lambda k: signed(k, "{", GOOD),
    "header deep": lambda k: signed(k, "[" * 1000, GOOD),
    # the claims
    "expired": lambda k: signed(k, head(k), claims(iat=NOW - 700, exp=NOW - 1)),
    "expires now": lambda k: signed(k, head(k), claims(exp=NOW)),
    "not yet": lambda k: signed(k, head(k), claims(iat=NOW + 60)),
    "nbf in the future": lambda k: signed(k, head(k), claims(nbf=NOW + 60)),
    "nbf at all": lambda k: signed(k, head(k), claims(nbf=NOW)),
    "too long a life": lambda k: signed(k, head(k), claims(exp=NOW + tokens.TTL_SECONDS_MAX + 1)),
    "exp missing": lambda k: signed(k, head(k), claims(exp=...)),
    "exp a text": lambda k: signed(k, head(k), claims(exp=str(NOW + 600))),
    "exp a float": lambda k: signed(k, head(k), claims(exp=NOW + 600.5)),
    "exp infinite": lambda k: signed(k, head(k), json.dumps(GOOD).replace(str(NOW + 600), "Infinity")),
    "exp true": lambda k: signed(k, head(k), claims(exp=True)),
    "exp null": lambda k: signed(k, head(k), claims(exp=None)),
    "iat missing": lambda k: signed(k, head(k), claims(iat=...)),
    "iat after exp": lambda k: signed(k, head(k), claims(iat=NOW + 4, exp=NOW + 3)),
    "iss of another": lambda k: signed(k, head(k), claims(iss="urn:hub2")),
    "iss missing": lambda k: signed(k, head(k), claims(iss=...)),
    "iss a list": lambda k: signed(k, head(k), claims(iss=[tokens.ISSUER])),
    "aud of another": lambda k: signed(k, head(k), claims(aud="urn:other")),
    "aud missing": lambda k: signed(k, head(k), claims(aud=...)),
    "aud several": lambda k: signed(k, head(k), claims(aud=[tokens.AUDIENCE, "urn:other"])),
    "aud a list of one": lambda k: signed(k, head(k), claims(aud=[tokens.AUDIENCE])),
    "sub missing": lambda k: signed(k, head(k), claims(sub=...)),
    "sub unknown role": lambda k: signed(k, head(k), claims(sub="root")),
    "sub in capitals": lambda k: signed(k, head(k), claims(sub="Admin")),
    "sub admin with a suffix": lambda k: signed(k, head(k), claims(sub="admin:1")),
    "sub admin and a line end": lambda k: signed(k, head(k), claims(sub="admin\n")),
    "sub provider of nobody": lambda k: signed(k, head(k), claims(sub="provider:")),
    "sub with a control character": lambda k: signed(k, head(k), claims(sub="provider:a\u0000b")),
    "sub a list": lambda k: signed(k, head(k), claims(sub=["admin"])),
    "sub a number": lambda k: signed(k, head(k), claims(sub=1)),
    "sub with fullwidth letters": lambda k: signed(k, head(k), claims(sub="ａｄｍｉｎ")),
    "another claim": lambda k: signed(k, head(k), claims(scope="*")),
    "claims a list": lambda k: signed(k, head(k), ["admin"]),
    "claims no JSON": lambda k: signed(k, head(k), "{"),
    # the text
    "empty": lambda k: "",
    "dots only": lambda k: "..",
    "two parts": lambda k: signed(k, head(k), GOOD).rpartition(".")[0],
    "no signature": lambda k: signed(k, head(k), GOOD).rpartition(".")[0] + ".",
    "four parts": lambda k: signed(k, head(k), GOOD) + ".AAAA",
    "a dot at the end": lambda k: signed(k, head(k), GOOD) + ".",
    "a dot at the start": lambda k: "." + signed(k, head(k), GOOD),
    "five parts, as encrypted": lambda k: "a.b.c.d.e",
    "truncated": lambda k: signed(k, head(k), GOOD)[:-10],
    "signature changed": lambda k: flipped(signed(k, head(k), GOOD), -20),
    "claims changed": lambda k: flipped(signed(k, head(k), GOOD), len(part(head(k))) + 12),
    "signature of other claims": lambda k: ".".join(
        [*signed(k, head(k), claims(sub="provider:a")).split(".")[:2], signed(k, head(k), GOOD).split(".")[2]]
    ),
    "padding": lambda k: signed(k, head(k), GOOD) + "==",
    "a space": lambda k: signed(k, head(k), GOOD) + " ",
    "a line end": lambda k: signed(k, head(k), GOOD) + "\n",
    "a zero width space": lambda k: signed(k, head(k), GOOD) + "\u200b",
    "unicode digits": lambda k: signed(k, head(k), GOOD) + "١",
    "huge": lambda k: signed(k, head(k), claims(sub="provider:" + "a" * 100_000)),
    "huge and meaningless": lambda k: "a" * 1_000_000 + ".b.c",
}


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return load_keys(tmp_path)


def test_there_are_at_least_forty_forgeries() -> None:
    assert len(FORGED) >= 40


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused(name: str, keys: Keys) -> None:
    with pytest.raises(Unauthorized):
        verify(FORGED[name](keys), keys, NOW_US)


@pytest.mark.parametrize("as_", ["admin", "provider:st-olavs", "patient:13116900216", "patient:urn:oid:1.2|a:b", "patient:Åse"])
def test_an_issued_token_is_accepted_for_its_time(as_: str, tmp_path: Path) -> None:
    token = issue(tmp_path, as_, NOW_US, 60)
    keys = load_keys(tmp_path)
    assert verify(token, keys, NOW_US) == Principal.parse(as_)
    assert verify(token, keys, NOW_US + 59_999_999) == Principal.parse(as_)
    with pytest.raises(Unauthorized):
        verify(token, keys, NOW_US + 60_000_000)


def test_the_hand_made_tokens_are_refused_for_their_one_fault(keys: Keys) -> None:
    assert verify(signed(keys, head(keys), GOOD), keys, NOW_US) == Principal(Role.ADMIN)


def test_a_token_of_another_installation_is_refused(tmp_path: Path) -> None:
    token = issue(tmp_path / "a", "admin", NOW_US)
    with pytest.raises(Unauthorized):
        verify(token, load_keys(tmp_path / "b"), NOW_US)


@pytest.mark.parametrize("as_", ["", "root", "patient:", "provider:a b", "Admin", "patient", "admin:x"])
def test_only_known_roles_are_issued(as_: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a token is for"):
        issue(tmp_path, as_, NOW_US)


@pytest.mark.parametrize("ttl", [0, -1, tokens.TTL_SECONDS_MAX + 1])
def test_only_bounded_lives_are_issued(ttl: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a token lives"):
        issue(tmp_path, "admin", NOW_US, ttl)


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = load_keys(tmp_path / "new"), load_keys(tmp_path / "new")
    assert first.kid == second.kid
    assert stat.S_IMODE((tmp_path / "new" / tokens.KEY_FILE).stat().st_mode) == 0o600
    assert [p.name for p in (tmp_path / "new").iterdir()] == [tokens.KEY_FILE]


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / tokens.KEY_FILE).write_bytes(pem)
    with pytest.raises(ValueError, match="Ed25519"):
        load_keys(tmp_path)


FNR = "urn:oid:2.16.578.1.12.4.1.4.1"


@pytest.mark.parametrize(
    ("as_", "patient", "same"),
    [
        ("patient:15076500565", Identifier(FNR, "15076500565"), True),
        ("patient:15076500565", Identifier("", "15076500565"), True),
        (f"patient:{FNR}|15076500565", Identifier("", "15076500565"), True),  # a valid national number names its own system
        (f"patient:{FNR}|15076500565", Identifier(FNR, "15076500565"), True),
        ("patient:urn:x|1", Identifier("", "1"), False),  # would lock everyone who has the value
        ("patient:urn:x|1", Identifier("urn:y", "1"), False),
        ("patient:1", Identifier("urn:y", "1"), True),
        ("patient:1", Identifier("urn:y", "2"), False),
        ("admin", Identifier("", "1"), False),
        ("provider:1", Identifier("", "1"), False),
    ],
)
def test_whose_consents_a_patient_token_reaches(as_: str, patient: Identifier, same: object) -> None:
    assert Principal.parse(as_).is_patient(patient) is same


def test_no_patient_in_a_repr() -> None:
    assert "15076500565" not in repr(Principal.parse("patient:15076500565"))


@given(st.text(max_size=300))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with pytest.raises(Unauthorized):
        verify(text, _KEYS, NOW_US)


_KEYS = Keys(OTHER, "0" * 32)
