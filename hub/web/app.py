"""The web process: routes, doors and order. Everything a route does stands in the module named beside it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final

from aiohttp import web
from typing_extensions import override

from hub.adapters.control_ids import ControlIds
from hub.settings import Settings
from hub.terms import terms_of
from hub.web import (
    admin,
    answers,
    audit,
    capability,
    checkpointing,
    consents,
    edi,
    metrics,
    pages,
    poll,
    process_message,
    representations,
    submissions,
    subscriptions,
)  # fmt: skip
from hub.web.citizen import routes as citizen
from hub.web.emergency import routes as emergency
from hub.web.state import STATE, State

KEEPALIVE_SECONDS: Final = 75.0
SHUTDOWN_SECONDS: Final = 5.0


def routes(state: State) -> list[web.RouteDef]:
    """Every address the hub answers. No token: probes and the style sheet; the rest asks in its own first line."""
    return [
        web.get("/", pages.home),
        web.get("/style.css", pages.stylesheet),
        web.get("/healthz", metrics.healthz),
        web.get("/readyz", metrics.readyz(state.missing)),
        web.get("/metrics", pages.figures),  # as the page: this machine, admin
        web.get("/fhir/metadata", capability.metadata),
        web.post("/fhir/$process-message", process_message.process_message),  # provider, admin, or nobody on plaintext loopback
        web.post("/edi/messages", edi.post_message),  # as the one above
        web.get("/edi/messages", poll.waiting),  # from here on: provider (what is for it)
        web.get("/edi/messages/{id}/business-document", poll.business_document),
        web.put("/edi/messages/{id}/read/{herId}", poll.read),
        web.post("/edi/messages/{id}/apprec/{herId}", poll.apprec),
        web.get("/edi/messages/{id}/status", edi.status),  # provider (its own messages), admin
        web.get("/edi/messages/{id}/apprec", edi.apprec),  # provider (its own messages), admin
        web.post("/fhir", submissions.submit),  # provider
        web.post("/fhir/", submissions.submit),  # provider
        web.get("/fhir/Consent", consents.search),  # patient (own), admin
        web.get("/fhir/Consent/{id}", consents.get),  # patient (own), admin
        web.put("/fhir/Consent/{id}", consents.put),  # patient (own), admin
        web.get("/fhir/AuditEvent", audit.search_events),  # patient (own), provider (what it was given), admin
        web.get("/fhir/AuditEvent/{id}", audit.read_event),  # as the one above
        web.get("/fhir/Subscription", subscriptions.search),  # from here on: provider (its own)
        web.get("/fhir/Subscription/$status", subscriptions.status_of_all),
        web.post("/fhir/Subscription/$status", subscriptions.status_of_all),
        web.get("/fhir/Subscription/{id}", subscriptions.read),
        web.get("/fhir/Subscription/{id}/$status", subscriptions.status_of_one),
        web.post("/fhir/Subscription/{id}/$status", subscriptions.status_of_one),
        web.get("/fhir/Subscription/{id}/$events", subscriptions.told, allow_head=False),
        web.post("/fhir/Subscription/{id}/$events", subscriptions.told),
        web.get("/admin/providers", admin.list_providers),  # from here on: admin
        web.get("/admin/providers/{id}", admin.get_provider),
        web.put("/admin/providers/{id}", admin.put_provider),
        web.delete("/admin/providers/{id}", admin.delete_provider),
        web.get("/admin/subscriptions", admin.list_subscriptions),
        web.get("/admin/subscriptions/{id}", admin.get_subscription),
        web.put("/admin/subscriptions/{id}", admin.put_subscription),
        web.delete("/admin/subscriptions/{id}", admin.delete_subscription),
        web.delete("/admin/sessions", admin.delete_sessions),
        web.get("/admin/representations/{id}", representations.get),
        web.put("/admin/representations/{id}", representations.put),
        web.delete("/admin/representations/{id}", representations.delete),
        *emergency.routes(),
        *citizen.routes(),  # whoever has logged in
    ]


def application(state: State) -> web.Application:
    """The application of one process."""
    app = web.Application(middlewares=[citizen.for_people, answers.errors], client_max_size=0)  # bodies are read by hub.web.body alone
    app[STATE] = state
    app[process_message.CONTROL_IDS] = ControlIds()
    app[poll.ROOM] = asyncio.Semaphore(poll.ROOM_SIZE)
    app[subscriptions.ROOM] = asyncio.Semaphore(subscriptions.ROOM_SIZE)
    app[subscriptions.TERMS] = terms_of(state.settings)
    app.add_routes(routes(state))
    emergency.prepare(app)
    citizen.prepare(app)
    app.on_response_prepare.append(answers.protect)
    app.cleanup_ctx.append(pages.sampling)
    app.cleanup_ctx.append(checkpointing.checkpointing)
    return app


def tls(settings: Settings, host: str) -> ssl.SSLContext | None:
    """TLS 1.2 or later when a certificate is set; None for plaintext on loopback, or anywhere if the settings say so aloud.

    Raises ValueError for plaintext elsewhere, OSError or ssl.SSLError for a certificate that cannot be used.
    """
    if settings.tls_certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
        return context
    if not (settings.insecure_plaintext or _is_loopback(host)):
        raise ValueError("http: plaintext only on loopback; set tls_certificate and tls_key, or insecure_plaintext = true")
    return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class _Connection(web.RequestHandler):
    """A connection that does not repeat what it could not read."""

    __slots__ = ()

    @override
    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        answer = web.Response(status=status, headers=answers.HEADERS)
        answer.force_close()
        return answer


class _Server(web.Server):
    @override
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    @override
    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server  # aiohttp has no other place to say what a connection is
        return server


async def run_web(state: State, stop: asyncio.Event, on_ready: Callable[[str, int], None] = lambda _host, _port: None) -> None:
    """Serve on ``settings.http`` until ``stop`` is set, then answer what is under way and return. ``on_ready`` is told the address.

    Raises OSError when the address is taken, ValueError for plaintext where it is not allowed.
    """
    async with serving(state) as (host, port):
        on_ready(host, port)
        await stop.wait()


@asynccontextmanager
async def serving(state: State) -> AsyncIterator[tuple[str, int]]:
    """``run_web`` as a block; gives the address."""
    host, _, port = state.settings.http.rpartition(":")
    host = host.strip("[]")
    context = tls(state.settings, host)
    runner = _Runner(
        application(state),
        access_log=None,  # addresses hold ids
        auto_decompress=False,  # a compressed body is refused, never opened
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, int(port), ssl_context=context, reuse_address=True).start()
        yield host, int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
