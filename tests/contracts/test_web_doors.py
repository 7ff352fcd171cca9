"""Every address asks who is there before it does anything, and says no in fixed words."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.identity import Pseudonyms
from hub.settings import Settings
from hub.web import answers
from hub.web.app import routes, tls
from hub.web.readiness import asks
from hub.web.state import State
from hub.web.tokens import issue, load_keys
from tests.contracts.web import Client, clock, serving


class Untouchable:
    """Stands where the ledger and the intake are: whoever reaches it was let in."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any) -> Any:
        raise PermissionError("reached")


LET_IN = 500  # Untouchable was reached
NOBODY, ADMIN, PATIENT, PROVIDER = "", "admin", "patient:15076500565", "provider:st-olavs"
OPEN = {"/", "/style.css", "/healthz", "/readyz", "/metrics", "/fhir/metadata"}

# Route: what nobody, a patient, a provider and an admin get. Bodies are well-formed.
TABLE: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("POST", "/fhir/$process-message"): (422, 403, 422, 422),  # nobody may, on plaintext loopback; {} is no message
    ("POST", "/edi/messages"): (422, 403, 422, 422),  # the same; {} holds no document
    ("GET", "/edi/messages"): (401, 403, LET_IN, 403),  # what is for a provider that fetches is for nobody else
    ("GET", "/edi/messages/{id}/business-document"): (401, 403, LET_IN, 403),
    ("PUT", "/edi/messages/{id}/read/{herId}"): (401, 403, LET_IN, 403),
    ("POST", "/edi/messages/{id}/apprec/{herId}"): (401, 403, LET_IN, 403),
    ("GET", "/edi/messages/{id}/status"): (401, 403, LET_IN, LET_IN),
    ("GET", "/edi/messages/{id}/apprec"): (401, 403, LET_IN, LET_IN),
    ("POST", "/fhir"): (401, 403, LET_IN, 403),  # a provider speaks for itself: nobody else can
    ("POST", "/fhir/"): (401, 403, LET_IN, 403),
    ("POST", "/fhir/$emergency-access"): (401, 403, LET_IN, 403),  # only who treats somebody can be in such need
    ("GET", "/fhir/$emergency-access"): (401, 403, LET_IN, LET_IN),
    ("GET", "/fhir/$emergency-access/{id}"): (401, 403, 400, 403),  # an administrator closes, and does not read
    ("DELETE", "/fhir/$emergency-access/{id}"): (401, 403, LET_IN, 404),
    ("GET", "/fhir/Consent"): (401, 400, 403, 400),
    ("GET", "/fhir/Consent/{id}"): (401, LET_IN, 403, LET_IN),
    ("PUT", "/fhir/Consent/{id}"): (401, LET_IN, 403, LET_IN),
    ("GET", "/fhir/AuditEvent"): (401, LET_IN, LET_IN, 422),  # an administrator's search without a patient needs dates
    ("GET", "/fhir/AuditEvent/{id}"): (401, LET_IN, LET_IN, LET_IN),
    ("GET", "/fhir/Subscription"): (401, 403, LET_IN, 403),  # a provider's own are for nobody else
    ("GET", "/fhir/Subscription/$status"): (401, 403, LET_IN, 403),
    ("POST", "/fhir/Subscription/$status"): (401, 403, LET_IN, 403),
    ("GET", "/fhir/Subscription/{id}"): (401, 403, LET_IN, 403),
    ("GET", "/fhir/Subscription/{id}/$status"): (401, 403, LET_IN, 403),
    ("POST", "/fhir/Subscription/{id}/$status"): (401, 403, LET_IN, 403),
    ("GET", "/fhir/Subscription/{id}/$events"): (401, 403, LET_IN, 403),
    ("POST", "/fhir/Subscription/{id}/$events"): (401, 403, LET_IN, 403),
    ("GET", "/admin/providers"): (401, 403, 403, LET_IN),
    ("GET", "/admin/providers/{id}"): (401, 403, 403, LET_IN),
    ("PUT", "/admin/providers/{id}"): (401, 403, 403, 422),
    ("DELETE", "/admin/providers/{id}"): (401, 403, 403, LET_IN),
    ("GET", "/admin/subscriptions"): (401, 403, 403, LET_IN),
    ("GET", "/admin/subscriptions/{id}"): (401, 403, 403, LET_IN),
    ("PUT", "/admin/subscriptions/{id}"): (401, 403, 403, 422),
    ("DELETE", "/admin/subscriptions/{id}"): (401, 403, 403, LET_IN),
    ("GET", "/admin/representations/{id}"): (401, 403, 403, LET_IN),
    ("PUT", "/admin/representations/{id}"): (401, 403, 403, 422),
    ("DELETE", "/admin/representations/{id}"): (401, 403, 403, LET_IN),
    ("DELETE", "/admin/sessions"): (401, 403, 403, LET_IN),
}
WHO = (NOBODY, PATIENT, PROVIDER, ADMIN)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def state(data: Path, **settings: Any) -> State:
    nothing: Any = Untouchable()
    return State(
        settings=Settings(http="127.0.0.1:0", frame_seconds_max=1.0, frame_bytes_max=100_000, **settings),
        clock=clock,
        keys=load_keys(data),
        pseudonyms=Pseudonyms(b"k" * 32),
        intake=nothing,
        ledger=nothing,
        region=nothing,
        missing=asks({}),
    )


@pytest.fixture(scope="module")
def web(data: Path) -> Iterator[Client]:
    with serving(lambda: state(data)) as client:
        yield client


@pytest.fixture
def token(data: Path) -> Any:
    return lambda as_: issue(data, as_, clock()) if as_ else ""


def test_the_table_has_every_route(data: Path) -> None:
    """The patient's page has doors of its own: a session, and no token."""
    here = {(r.method, r.path) for r in routes(state(data)) if r.path != "/me" and not r.path.startswith("/me/")}
    assert here == set(TABLE) | {("GET", path) for path in OPEN}


@pytest.mark.parametrize(("method", "path"), TABLE)
@pytest.mark.parametrize("column", range(4), ids=["nobody", "patient", "provider", "admin"])
def test_who_gets_in(web: Client, token: Any, method: str, path: str, column: int) -> None:
    body = {"resourceType": "Consent", "id": "c1"} if "Consent" in path else {}
    got = web.with_token(token(WHO[column])).ask(
        method, path.replace("{id}", "c1").replace("{herId}", "1"), body if method in ("PUT", "POST") else None
    )
    assert got.status == TABLE[method, path][column]
    assert b"reached" not in got.body
    if got.status == 401:
        assert got.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", sorted(OPEN))
def test_what_needs_no_token(web: Client, path: str) -> None:
    got = web.ask("GET", path)
    assert got.status == 200
    assert {k: got.headers.get(k) for k in answers.HEADERS} == dict(answers.HEADERS)


ELSEWHERE = {"Host": "hub.example"}  # as a proxy on this machine sends it on


@pytest.mark.parametrize("path", ["/", "/metrics"])
def test_how_much_is_kept_back_is_for_whoever_runs_the_hub(web: Client, data: Path, token: Any, path: str) -> None:
    """A recipient or a patient who sees the figures move as a message passes would know what became of it."""
    assert [web.with_token(token(who)).ask("GET", path, headers=ELSEWHERE).status for who in WHO] == [401, 403, 403, 200]
    with serving(lambda: state(data, open_metrics=True)) as client:
        assert client.ask("GET", path, headers=ELSEWHERE).status == 200


@pytest.mark.parametrize("header", ["Bearer x", "Bearer", "Basic YWRtaW46", "bearer  ", "x", "Bearer a.b.c", "Token {}", "Bearer {} {}"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/admin/providers"), ("POST", "/fhir/$process-message")])
def test_a_bad_token_is_never_nobody(web: Client, token: Any, header: str, method: str, path: str) -> None:
    good = token(ADMIN)
    got = web.ask(method, path, {} if method == "POST" else None, {"Authorization": header.replace("{}", good)})
    assert got.status == 401


def test_two_tokens_are_none(web: Client, token: Any) -> None:
    lines = (
        f"GET /admin/providers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token(ADMIN)}\r\nAuthorization: Bearer {token(ADMIN)}\r\n\r\n"
    )
    assert raw(web.port, lines.encode()).startswith((b"HTTP/1.1 401", b"HTTP/1.0 401", b"HTTP/1.0 400", b"HTTP/1.1 400"))


@pytest.mark.parametrize("host", ["evil.example", "hub.example:8080", "127.0.0.1.evil.example", "[::ffff:8.8.8.8]", ""])
def test_a_page_of_elsewhere_is_not_nobody(web: Client, host: str) -> None:
    assert web.ask("POST", "/fhir/$process-message", {}, {"Host": host}).status == 401


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080"])
def test_loopback_by_its_names_is(web: Client, host: str) -> None:
    assert web.ask("POST", "/fhir/$process-message", {}, {"Host": host}).status == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/fhir+xml"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "application/json; charset=iso-8859-1"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Encoding": "deflate"}, 415),
        ({"Content-Encoding": "br"}, 415),
        ({"Content-Encoding": "identity"}, 422),
        ({"Content-Type": "application/json"}, 422),
        ({"Content-Type": "application/fhir+json; charset=UTF-8; fhirVersion=4.0"}, 422),
    ],
)
def test_only_plain_json_is_read(web: Client, headers: dict[str, str], status: int) -> None:
    got = web.ask("POST", "/fhir/$process-message", b"{}", headers)
    assert got.status == status
    assert got.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<Bundle xmlns='http://hl7.org/fhir'/>", {"Content-Type": "application/fhir+xml"}),
        (b"<Bundle xmlns='http://hl7.org/fhir'/>", {"Content-Type": "application/fhir+json"}),  # whatever it is called
        (b"{}", {"Content-Type": "application/fhir+json", "Content-Encoding": "gzip"}),
    ],
)
def test_xml_is_refused_clearly(web: Client, token: Any, body: bytes, headers: dict[str, str]) -> None:
    got = web.with_token(token(PROVIDER)).ask("POST", "/fhir", body, headers)
    assert (got.status, got.json()["issue"][0]["code"]) == (415, "not-supported")
    assert got.json()["issue"][0]["diagnostics"].startswith("send application/fhir+json")  # and where it was not


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b'"a"',
        b"{",
        b"\xff\xfe",
        b"[" * 90_000,
        b'{"a":' * 15_000,
        b"{} {}",
        b"\x1f\x8b\x08\x00",
        b'{"a":1,"a":2}',
        b"\xef\xbb\xbf{}x",
    ],
)
@pytest.mark.parametrize("path", ["/fhir/$process-message", "/fhir", "/fhir/Consent/c1", "/admin/providers/p1"])
def test_what_is_not_an_object_is_refused(web: Client, token: Any, body: bytes, path: str) -> None:
    method = "POST" if path in ("/fhir/$process-message", "/fhir") else "PUT"
    got = web.with_token(token(PROVIDER if path == "/fhir" else ADMIN)).ask(method, path, body)
    assert got.status in (400, 422)
    assert len(got.body) < 1000


@pytest.mark.parametrize("body", [b'{"a":"\\u0000"}', b'{"a":"\\ud800"}', b'{"a":1e999}', b'{"a":NaN}', b'{"a":-Infinity}'])
def test_what_no_database_keeps_is_refused(web: Client, token: Any, body: bytes) -> None:
    assert web.with_token(token(ADMIN)).ask("PUT", "/fhir/Consent/c1", body).status == 400


def test_a_body_over_the_limit_is_refused_by_its_announcement(web: Client) -> None:
    head = b"POST /fhir/$process-message HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100001\r\n\r\n"
    assert raw(web.port, head).startswith(b"HTTP/1.1 413")


def test_a_body_over_the_limit_is_refused_while_it_comes(web: Client) -> None:
    head = (
        b"POST /fhir/$process-message HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    assert raw(web.port, head + chunk * 4).startswith(b"HTTP/1.1 413")  # its end never comes


def test_a_body_that_does_not_come_is_not_waited_for(web: Client) -> None:
    head = b"POST /fhir/$process-message HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
    assert raw(web.port, head).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/fhir/Patient/1", 404), ("POST", "/", 405), ("DELETE", "/fhir/Consent/c1", 405),
     ("GET", "/admin/providers/%00", 404), ("TRACE", "/", 405), ("GET", "/../etc/passwd", 404), ("GET", "/fhir/$process-message", 405)],
)  # fmt: skip
def test_what_is_not_there(web: Client, token: Any, method: str, path: str, status: int) -> None:
    got = web.with_token(token(ADMIN)).ask(method, path)
    assert got.status == status
    assert json.loads(got.body)["resourceType" if path.startswith("/fhir") else "status"] in ("OperationOutcome", status)
    assert got.headers["Server"] == "hub"


@pytest.mark.parametrize(
    "line", [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"SECRET\r\n\r\n"]
)
def test_what_is_no_http_gets_no_echo(web: Client, line: bytes) -> None:
    got = raw(web.port, line)
    assert not got or got.split(b" ", 2)[1] in (b"400", b"414")
    for word in (b"Traceback", b"SECRET", b"aaaa", b"aiohttp", b"Python"):
        assert word not in got


def raw(port: int, sent: bytes) -> bytes:
    """What comes back for these bytes, until the other end closes or nothing comes for three seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        connection.sendall(sent)
        found = b""
        try:
            while part := connection.recv(65536):
                found += part
        except (TimeoutError, ConnectionResetError):
            pass
        return found


def test_readiness_says_what_is_missing(data: Path) -> None:
    async def fails() -> None:
        raise OSError("secret")

    async def hangs() -> None:
        await asyncio.sleep(60)

    async def answers_() -> None:
        return

    ready = State(
        **{**{f: getattr(state(data), f) for f in State.__slots__}, "missing": asks({"kafka": fails, "ledger": hangs, "schema": answers_})}
    )
    with serving(lambda: ready) as client:
        got = client.ask("GET", "/readyz")
        assert (got.status, got.json()) == (503, {"status": "not ready", "missing": ["kafka", "ledger"]})
        assert client.ask("GET", "/healthz").status == 200
        assert "Not ready: kafka, ledger" in client.ask("GET", "/").body.decode()


def test_plaintext_elsewhere_must_be_said_aloud() -> None:
    for host in ("0.0.0.0", "10.0.0.1", "hub.example"):
        with pytest.raises(ValueError, match="plaintext only on loopback"):
            tls(Settings(), host)
        assert tls(Settings(insecure_plaintext=True), host) is None
    assert tls(Settings(), "127.0.0.1") is None
    assert tls(Settings(), "::1") is None
