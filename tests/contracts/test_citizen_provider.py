"""A provider that lies, or is not the one that was asked: nothing it says is believed."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from pydantic import SecretBytes
from typing_extensions import override

from hub.identity import FNR
from hub.model import Identifier
from hub.settings import Settings
from hub.web.citizen.oidc import Attempt, LoginError, Oidc, Person

NOW = 1_800_000_000
KEY = RSAKey.generate_key(2048, {"kid": "1", "alg": "RS256", "use": "sig"})
ATTEMPT = Attempt("s" * 43, "n" * 43, "v" * 64)
SECRET = OctKey.import_key("se:cret" * 6)
NUMBER = "13116900216"
Claims = dict[str, Any]


def signed(claims: Claims) -> str:
    return jwt.encode({"alg": "RS256", "kid": "1"}, claims, KEY)


@dataclass
class Liar:
    """A provider on loopback whose every answer a test may bend."""

    issuer: str = ""
    bend: Callable[[Claims], None] = lambda _: None
    sign: Callable[[Claims], str] = signed
    metadata: Claims = field(default_factory=dict)
    userinfo: Claims = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def answer(self, path: str) -> Claims:
        if path.startswith("/.well-known"):
            ends = {f"{n}_endpoint": f"{self.issuer}/{n}" for n in ("authorization", "token", "userinfo")}
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"} | ends | self.metadata
        if path == "/jwks":
            return KeySet([KEY]).as_dict(private=False)
        if path == "/userinfo":
            return self.userinfo
        claims: Claims = {
            "iss": self.issuer, "aud": "hub", "sub": "x", "exp": NOW + 60, "iat": NOW, "nonce": ATTEMPT.nonce, "pid": NUMBER,
            "name": "Ærlig Åsen", "birthdate": "1969-11-13", "acr": "high",
        }  # fmt: skip
        self.bend(claims)
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.sign(claims)}


@contextmanager
def liar() -> Iterator[Liar]:
    made = Liar()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            made.asked.append((self.path, self.headers.get("Authorization", ""), body))
            raw = json.dumps(made.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = _answer  # noqa: N815

        @override
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def logged_in(provider: Liar, query: str = f"code=c&state={ATTEMPT.state}", **settings: Any) -> Person:
    given = {"oidc_issuer": provider.issuer, "oidc_client_secret": SecretBytes(b"se:cret")} | settings
    oidc = Oidc(Settings(**given), "http://hub.example/me/callback")
    return asyncio.run(oidc.person(f"http://hub.example/me/callback?{query}", ATTEMPT, NOW * 1_000_000))


def why_not(provider: Liar, query: str = f"code=c&state={ATTEMPT.state}", **settings: Any) -> str:
    with pytest.raises(LoginError) as refused:
        logged_in(provider, query, **settings)
    return refused.value.code


def test_an_honest_one_is_believed_and_asked_as_the_standards_say() -> None:
    with liar() as provider:
        person = logged_in(provider)
        assert (person.identifier, person.name, str(person.born)) == (Identifier(FNR, NUMBER), "Ærlig Åsen", "1969-11-13")
        _, authorization, body = next(a for a in provider.asked if a[0] == "/token")
        assert authorization == "Basic aHViOnNlJTNBY3JldA=="  # hub:se%3Acret
        assert "grant_type=authorization_code" in body
        assert f"code_verifier={ATTEMPT.verifier}" in body
        assert "redirect_uri=http%3A%2F%2Fhub.example%2Fme%2Fcallback" in body


BENT: dict[str, tuple[Callable[[Claims], None], str]] = {
    "another audience": (lambda c: c.update(aud="other"), "provider"),
    "several audiences and another party": (lambda c: c.update(aud=["hub", "other"], azp="other"), "provider"),
    "another issuer": (lambda c: c.update(iss="https://elsewhere.example"), "provider"),
    "too old": (lambda c: c.update(exp=NOW - 60), "provider"),
    "no end": (lambda c: c.pop("exp"), "provider"),
    "another login": (lambda c: c.update(nonce="other"), "provider"),
    "no login": (lambda c: c.pop("nonce"), "provider"),
    "another access token": (lambda c: c.update(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), "provider"),
    "no number": (lambda c: c.update(pid=None), "identity"),
    "a number that is none": (lambda c: c.update(pid="12345678901"), "identity"),
    "a number that is no text": (lambda c: c.update(pid=13116900216), "identity"),
}


@pytest.mark.parametrize("name", BENT)
def test_claims_that_are_bent_are_not_believed(name: str) -> None:
    bend, why = BENT[name]
    with liar() as provider:
        provider.bend, provider.userinfo = bend, {"sub": "x"}
        assert why_not(provider) == why


def test_only_the_providers_own_key_signs() -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "1"})
    unsigned = "eyJhbGciOiJub25lIn0."
    forged: dict[str, Callable[[Claims], str]] = {
        "another key": lambda c: jwt.encode({"alg": "RS256", "kid": "1"}, c, stranger),
        "the client's secret": lambda c: jws.serialize_compact(
            {"alg": "HS256", "kid": "1"}, json.dumps(c), OctKey.import_key("se:cret" * 6)
        ),
        "nothing": lambda c: unsigned + jwt.encode({"alg": "RS256", "kid": "1"}, c, KEY).split(".")[1] + ".",
        "not a token": lambda _: "x",
    }
    with liar() as provider:
        for name, sign in forged.items():
            provider.sign = sign
            assert why_not(provider) == "provider", name


def test_metadata_of_another_issuer_is_not_taken() -> None:
    with liar() as provider:
        provider.metadata = {"issuer": "https://elsewhere.example"}
        assert why_not(provider) == "provider"
        assert [path for path, *_ in provider.asked] == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("name", ["token_endpoint", "authorization_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint"])
@pytest.mark.parametrize("end", ["http://elsewhere.example/x", "ftp://127.0.0.1/x", "javascript:alert(1)", 7])
def test_nothing_is_said_where_others_can_hear_it(name: str, end: object) -> None:
    with liar() as provider:
        provider.metadata = {name: end}
        assert why_not(provider) == "provider"
        assert [path for path, *_ in provider.asked] == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("code=c&state=other", "refused"), ("code=c", "refused"), (f"state={ATTEMPT.state}", "refused"),
        (f"error=access_denied&state={ATTEMPT.state}", "refused"),
        (f"code=c&state={ATTEMPT.state}&iss=https://elsewhere.example", "provider"),
    ],
)  # fmt: skip
def test_an_answer_to_another_question_redeems_no_code(query: str, why: str) -> None:
    with liar() as provider:
        assert why_not(provider, query) == why
        assert not [path for path, *_ in provider.asked if path == "/token"]


def test_the_level_that_is_asked_for_is_insisted_on() -> None:
    with liar() as provider:
        assert logged_in(provider, oidc_acr="high").name
        assert why_not(provider, oidc_acr="higher") == "refused"


def test_what_the_token_does_not_say_the_userinfo_may_of_the_same_person() -> None:
    with liar() as provider:
        provider.bend = lambda c: c.pop("pid")
        provider.userinfo = {"sub": "x", "pid": NUMBER}
        assert logged_in(provider).identifier.value == NUMBER
        provider.userinfo = {"sub": "somebody else", "pid": NUMBER}
        assert why_not(provider) == "provider"


def test_a_number_of_the_wrong_world_is_refused() -> None:
    with liar() as provider:
        assert why_not(provider, person_numbers="synthetic") == "identity"
        assert logged_in(provider, person_numbers="real").identifier.value == NUMBER
