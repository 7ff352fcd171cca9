"""Login by OpenID Connect: Authlib's one door. Authorization code with PKCE (OpenID Connect Core 1.0, 3.1; RFC 7636; RFC 9207).

The provider says who somebody is; what it says is believed only as it is signed with a key of its own, for this client and this login.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, encode_basic_auth
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import parse_authorization_code_response, prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hub.identity import canonical
from hub.model import Identifier
from hub.settings import Settings

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")  # asymmetric ones only: nobody who knows the client's secret signs
LEEWAY_SECONDS: Final = 10
_DISCOVERY: Final = "/.well-known/openid-configuration"
_FRESH_US: Final = 3_600_000_000  # how long the provider's addresses and keys are believed
_ANSWER_BYTES_MAX: Final = 256 * 1024
_SECONDS_MAX: Final = 10.0
_NEEDED: Final = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")

Json = Mapping[str, Any]


class LoginError(Exception):
    """The login did not succeed. ``code`` is a word for people's sentence: ``refused``, ``provider``, ``identity``, ``stale``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code: Final = code


@dataclass(frozen=True, slots=True)
class Attempt:
    """One login: what was sent to the provider and must come back. Kept until it is answered."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is by the provider's word. born: None when it did not say."""

    identifier: Identifier
    name: str = field(repr=False)
    born: date | None = field(repr=False)
    id_token: str = field(repr=False)  # to be shown at logout (OpenID Connect RP-Initiated Logout 1.0)


@dataclass(frozen=True, slots=True)
class _Known:
    read_us: int
    metadata: Json
    keys: Json


class Oidc:
    """The OpenID provider of the settings. Raises LoginError("provider") where it does not answer as a provider must."""

    def __init__(self, settings: Settings, redirect_uri: str) -> None:
        self._settings: Final = settings
        self._redirect_uri: Final = redirect_uri
        self._known: _Known | None = None
        self._reading: Final = asyncio.Lock()

    async def login_url(self, attempt: Attempt, language: str, now_us: int) -> str:
        """Where the browser goes to log in."""
        metadata = (await self._provider(now_us)).metadata
        extra = {"acr_values": self._settings.oidc_acr or None}
        return str(prepare_grant_uri(
            metadata["authorization_endpoint"], self._settings.oidc_client_id, "code", self._redirect_uri, self._settings.oidc_scopes,
            attempt.state, nonce=attempt.nonce, code_challenge=create_s256_code_challenge(attempt.verifier), code_challenge_method="S256",
            ui_locales=language, **extra,
        ))  # fmt: skip

    async def person(self, url: str, attempt: Attempt, now_us: int) -> Person:
        """Who came back to ``url`` with the provider's answer. Raises LoginError."""
        known = await self._provider(now_us)
        try:
            answer = parse_authorization_code_response(url, attempt.state)
        except AuthlibBaseError as exc:
            raise LoginError("refused") from exc
        if answer.get("iss", known.metadata["issuer"]) != known.metadata["issuer"]:
            raise LoginError("provider")
        tokens = await self._redeem(known.metadata["token_endpoint"], answer["code"], attempt.verifier)
        claims = self._claims(known, tokens, attempt, now_us)
        if self._settings.oidc_acr and claims.get("acr") != self._settings.oidc_acr:
            raise LoginError("refused")
        if _inside(claims, self._settings.oidc_number_claim) is None and "userinfo_endpoint" in known.metadata:
            claims |= await self._userinfo(known.metadata["userinfo_endpoint"], str(tokens["access_token"]), str(claims["sub"]))
        return self._who(claims, str(tokens["id_token"]))

    async def logout_url(self, id_token: str, back_to: str, now_us: int) -> str:
        """Where the browser goes to log out at the provider too; "" when it has no such address or does not answer."""
        try:
            end = (await self._provider(now_us)).metadata.get("end_session_endpoint", "")
        except LoginError:
            return ""
        asked = {"id_token_hint": id_token, "post_logout_redirect_uri": back_to, "client_id": self._settings.oidc_client_id}
        return f"{end}?{urlencode(asked)}" if end else ""

    @property
    def origin(self) -> str:
        """The provider's origin, for the policy of what a form may lead to."""
        parts = urlsplit(self._settings.oidc_issuer)
        return f"{parts.scheme}://{parts.netloc}"

    async def _provider(self, now_us: int) -> _Known:
        async with self._reading:
            if self._known is None or now_us - self._known.read_us > _FRESH_US:
                metadata = await _ask("GET", self._settings.oidc_issuer.rstrip("/") + _DISCOVERY)
                if any(not isinstance(metadata.get(name), str) for name in _NEEDED) or metadata["issuer"] != self._settings.oidc_issuer:
                    raise LoginError("provider")
                ends = [end for name, end in metadata.items() if name.endswith(("_endpoint", "jwks_uri"))]
                if not all(isinstance(end, str) and _is_private(end) for end in ends):
                    raise LoginError("provider")
                self._known = _Known(now_us, metadata, await _ask("GET", metadata["jwks_uri"]))
            return self._known

    async def _redeem(self, endpoint: str, code: str, verifier: str) -> Json:
        settings = self._settings
        body = prepare_token_request("authorization_code", "", self._redirect_uri, code=code, code_verifier=verifier)
        secret = settings.oidc_client_secret.get_secret_value().decode()
        known = encode_basic_auth(quote_plus(settings.oidc_client_id), quote_plus(secret)) if secret else ""  # RFC 6749, 2.3.1
        if not known:
            body += "&" + urlencode({"client_id": settings.oidc_client_id})
        tokens = await _ask("POST", endpoint, body, known)
        if not isinstance(tokens.get("id_token"), str) or not isinstance(tokens.get("access_token"), str):
            raise LoginError("provider")
        return tokens

    def _claims(self, known: _Known, tokens: Json, attempt: Attempt, now_us: int) -> dict[str, Any]:
        """The claims of the ID token, signed by the provider, for this client, of this login (OpenID Connect Core 3.1.3.7)."""
        client = self._settings.oidc_client_id
        must = {"iss": {"essential": True, "value": known.metadata["issuer"]}, "aud": {"essential": True, "value": client}}
        params = {"nonce": attempt.nonce, "client_id": client, "access_token": tokens["access_token"]}
        try:
            token = jwt.decode(tokens["id_token"], KeySet.import_key_set(known.keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]
            claims = CodeIDToken(token.claims, token.header, must, params)
            claims.validate(now_us // 1_000_000, LEEWAY_SECONDS)
        except (JoseError, ValueError, KeyError, TypeError) as exc:
            self._known = None  # its keys may have changed: the next login reads them again
            raise LoginError("provider") from exc
        return dict(claims)

    async def _userinfo(self, endpoint: str, access_token: str, subject: str) -> Json:
        found = await _ask("GET", endpoint, known=f"Bearer {access_token}")
        if found.get("sub") != subject:  # OpenID Connect Core 5.3.2
            raise LoginError("provider")
        return found

    def _who(self, claims: Json, id_token: str) -> Person:
        number = _inside(claims, self._settings.oidc_number_claim)
        if not isinstance(number, str) or not self._settings.person_numbers.takes(number):
            raise LoginError("identity")
        identifier = canonical("", number)
        if not identifier.system:
            raise LoginError("identity")
        name, born = _inside(claims, "name"), _inside(claims, self._settings.oidc_born_claim)
        nested = _inside(claims, self._settings.oidc_number_claim.rpartition(" ")[0] + " name")
        return Person(identifier, str(name or nested or ""), _date(born), id_token)


def _inside(claims: Json, path: str) -> Any:
    """The claim of this name, or of names inside one another; None = there is none."""
    found: Any = claims
    for name in path.split():
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _is_private(url: str) -> bool:
    """Whether nobody between can read it: https, or this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme == "https" or (parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback))
    except ValueError:
        return False


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


async def _ask(method: str, url: str, body: str | None = None, known: str = "") -> Json:
    """The provider's JSON object. Raises LoginError: ``refused`` for a 4xx of the token endpoint, else ``provider``."""
    headers = {"Accept": "application/json"} | ({"Authorization": known} if known else {})
    headers |= {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=_SECONDS_MAX)) as client,
            client.request(method, url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            raw = b""
            async for part in answer.content.iter_any():
                raw += part
                if len(raw) > _ANSWER_BYTES_MAX:
                    raise LoginError("provider")
            if answer.status != 200:
                raise LoginError("refused" if method == "POST" and 400 <= answer.status < 500 else "provider")
            found = json.loads(raw)
    except (ClientError, TimeoutError, ValueError) as exc:
        raise LoginError("provider") from exc
    if not isinstance(found, dict):
        raise LoginError("provider")
    return found
