"""What the web says when it does not do what was asked: fixed words by status and reason, never the text of an exception.

Under ``/fhir`` an OperationOutcome (FHIR R4), elsewhere a problem document (RFC 9457).
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from hub import telemetry
from hub.adapters.fhir import reply
from hub.errors import Cause, Faulted, Rejected
from hub.web.state import STATE
from hub.web.tokens import Unauthorized

FHIR_JSON: Final = "application/fhir+json"
RETRY_SECONDS: Final = 5
CSP: Final = "Content-Security-Policy"
REFERRER: Final = "Referrer-Policy"
OWN: Final = frozenset({CSP, REFERRER})
HEADERS: Final = MappingProxyType(
    {
        CSP: (
            "default-src 'none'; style-src 'self'; img-src data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
            "form-action 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        REFERRER: "no-referrer",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Server": "hub",
    }
)

# Status: FHIR IssueType, and what is said.
_WORDS: Final = MappingProxyType(
    {
        400: ("structure", "the request is not understood"),
        401: ("login", "a bearer token is needed, made by: hub token"),
        403: ("forbidden", "this token may not do that"),
        404: ("not-found", "there is no such thing here"),
        405: ("not-supported", "this address does not take that method"),
        408: ("timeout", "the request did not come in time"),
        409: ("conflict", "it belongs to something else"),
        412: ("conflict", "it has changed since: read it again"),
        413: ("too-long", "the request is larger than the hub's limit"),
        415: ("not-supported", "send JSON, not compressed"),
        422: ("invalid", "the request is understood and cannot be done"),
        429: ("throttled", "asked too often: wait as long as Retry-After says"),
        500: ("exception", "the hub failed; it has been counted"),
        503: ("transient", "a server the hub needs does not answer; send the same again: what was done after all is not done twice"),
    }
)
_UNCONFIRMED: Final = "it may be in force already: read it back"

_STATUS: Final[Mapping[type[Exception], int]] = MappingProxyType({Unauthorized: 401, TimeoutError: 408, Faulted: 503})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Unprocessable(Exception):  # noqa: N818  an answer, not a failure
    """The entry cannot be taken. ``lines`` say what to write instead; configuration only, no patient data."""

    status = 422

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("unprocessable")
        self.lines: Final = tuple(lines)


class Conflicting(Unprocessable):
    """The same, because something else has the last word on it."""

    status = 409


class UnconfirmedError(Faulted):
    """The server went away when it had been asked to keep something: it may have done so."""


def outcome(severity: str, code: str, text: str, where: str = "") -> dict[str, Any]:
    """An OperationOutcome of one issue. ``where`` is a FHIRPath to the place."""
    issue: dict[str, Any] = {"severity": severity, "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue | ({"expression": [where]} if where else {})]}


def fhir(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A FHIR resource as an answer."""
    text = json.dumps(body, ensure_ascii=False)
    return web.Response(text=text, status=status, content_type=FHIR_JSON, charset="utf-8", headers=headers)


def status(request: web.Request, code: int, lines: Sequence[str] = ()) -> web.Response:
    """The answer of a status, in the words of the table, followed by ``lines``."""
    issue, text = _WORDS.get(code, _WORDS[500])
    said = "; ".join((text, *lines))
    headers = {"Retry-After": str(RETRY_SECONDS)} if code == 503 else {}
    if code == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    if request.path.startswith("/fhir"):
        return fhir(outcome("fatal" if code >= 500 else "error", issue, said), code, headers)
    body = {"status": code, "title": text, "lines": list(lines)}
    return web.Response(text=json.dumps(body), status=code, content_type="application/problem+json", headers=headers)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every exception as an answer; the outermost layer."""
    try:
        return await handler(request)
    except web.HTTPRedirection as elsewhere:
        return web.Response(status=elsewhere.status, headers=elsewhere.headers)
    except Exception as exc:  # noqa: BLE001  whatever it is, its text may quote a patient: it is counted, not told
        answer = _answer(request, exc)
        if answer.status >= 500:
            cause = exc.cause if isinstance(exc, Faulted) else Cause.INTERNAL
            telemetry.fault("web", cause)
            telemetry.log("web_fault", cause=cause.value, place=telemetry.place(exc))
        if request.can_read_body:
            answer.force_close()  # the rest of a body that was not read is not waited for
        return answer


def status_of(exc: Exception) -> int:
    """The status an exception is answered with."""
    match exc:
        case Rejected():
            return exc.answer.http
        case Unprocessable():
            return exc.status
        case web.HTTPException():
            return exc.status if exc.status in _WORDS else 400
        case _:
            return next((code for kind, code in _STATUS.items() if isinstance(exc, kind)), 500)


def _answer(request: web.Request, exc: Exception) -> web.Response:
    code = status_of(exc)
    match exc:
        case Rejected() if request.path.startswith("/fhir"):
            return fhir(reply.refused(exc)[1], code)
        case Rejected():
            return status(request, code, [exc.answer.act])
        case Unprocessable():
            return status(request, code, exc.lines)
        case web.HTTPException():
            answer = status(request, code)
            answer.headers.update({k: v for k, v in exc.headers.items() if k in {"Allow", "Retry-After"}})
            return answer
        case UnconfirmedError():
            return status(request, code, [_UNCONFIRMED])
        case _:
            return status(request, code)


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Security headers on every answer (signal ``on_response_prepare``). A page that has forms brings policies of its own."""
    for name, value in HEADERS.items():
        if name not in OWN or name not in response.headers:
            response.headers[name] = value
    if request.secure or request.app[STATE].settings.web_url.startswith("https:"):
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
