"""The gateway process: MLLP in, topic ``inbound`` out, every answer after the broker's report."""

import asyncio
import contextlib
import gc
import resource
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from hub import telemetry
from hub.adapters.hl7v2.connection import ConnectionLimits
from hub.adapters.hl7v2.listener import Listener, tls
from hub.adapters.hl7v2.receive import Senders
from hub.avro import Codec
from hub.errors import Faulted
from hub.identity import Pseudonyms
from hub.settings import Settings
from hub.stream.intake import Intake
from hub.stream.kafka import Producer, Topics, ensure_topics

__all__ = ["Intake", "Parts", "connection_limits", "run_gateway"]

_REFRESH_SECONDS: Final = 1.0  # a provider that was suspended may speak for at most so long
_REFRESH_SECONDS_MIN: Final = 0.1  # between two readings asked for by messages of unknown senders
_GRACE_SECONDS: Final = 25.0  # longer than a delivery report can take
_OTHER_FILES: Final = 256  # open files beside connections


@dataclass(frozen=True, slots=True)
class Parts:
    """What wiring builds for a gateway. ``refresh`` gives the directory if it is not the one given, else None; raises Faulted."""

    codec: Codec
    pseudonyms: Pseudonyms
    refresh: Callable[[Senders | None], Awaitable[Senders | None]]
    clock: Callable[[], int]


def connection_limits(settings: Settings) -> ConnectionLimits:
    """The bounds on connections that the settings ask for."""
    return ConnectionLimits(
        frame_bytes_max=settings.frame_bytes_max,
        header_seconds_max=settings.header_seconds_max,
        frame_seconds_max=settings.frame_seconds_max,
        idle_seconds_max=settings.idle_seconds_max,
        connections_max=settings.connections_max,
        held_bytes_max=settings.held_bytes_max,
    )


async def run_gateway(
    settings: Settings, parts: Parts, stop: asyncio.Event, on_ready: Callable[[str, int], None] = lambda _host, _port: None
) -> None:
    """Serve until ``stop`` is set, then answer what is under way and return. ``on_ready`` is told the address listened at.

    Raises Faulted when broker or ledger cannot be reached at start, OSError when the address is taken, InsecureDoorError for
    plaintext where it is not allowed.
    """
    _allow_connections(settings.connections_max)
    context = tls(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    directory = await parts.refresh(None)
    assert directory is not None  # refresh(None) always gives one
    await asyncio.to_thread(ensure_topics, settings.kafka, [Topics(settings.topic_prefix).inbound], settings)
    producer = Producer(settings.kafka, delivery_timeout_ms=settings.delivery_timeout_ms, frame_bytes_max=settings.frame_bytes_max)
    intake = Intake(producer, parts.codec, parts.pseudonyms, directory, settings, parts.clock)
    listener = Listener(intake, connection_limits(settings))
    try:
        gc.collect()  # first, or garbage of the start would stay with it, the client that made the topics among it
        gc.freeze()  # what is loaded now stays: no collection need walk through it while senders wait
        gc.set_threshold(20_000, 10, 10)
        host, port = await listener.start(settings.mllp, context, insecure_plaintext=settings.insecure_plaintext)
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(_keep_directory(intake, parts))
            on_ready(host, port)
            await stop.wait()
            await listener.stop(_GRACE_SECONDS)
            keeping.cancel()
    finally:
        producer.close()


def _allow_connections(number: int) -> None:
    """Raise this process's limit of open files to what the connections need, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


async def _keep_directory(intake: Intake, parts: Parts) -> None:
    """Read the directory again every second, and sooner when somebody speaks whom the one in hand does not know; until cancelled."""
    asked = asyncio.Event()
    intake.on_unknown = asked.set
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REFRESH_SECONDS):
                await asked.wait()
        asked.clear()
        waiting, fault = intake.unknown(), None  # those that come while it is read wait for the next reading
        try:
            fresh = await parts.refresh(intake.directory)
            intake.directory = fresh or intake.directory
        except Faulted as exc:
            telemetry.fault("gateway", exc.cause)
            fault = exc
        await intake.judge(waiting, fault)
        await asyncio.sleep(_REFRESH_SECONDS_MIN)
