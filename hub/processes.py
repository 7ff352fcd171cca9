"""Each process of the hub, put together: its clients, its clock, its end. What it does stands in its own module."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from hub import telemetry
from hub.adapters.hl7v2.receive import Senders
from hub.avro import Codec
from hub.identity import Pseudonyms
from hub.ledger.connect import Pool
from hub.ledger.directory import directory_version, load_directory
from hub.model import Received, Refusal
from hub.routing.directory import Directory
from hub.settings import METRICS_PORTS, Settings
from hub.stream.faultpoint import reach
from hub.stream.intake import Intake
from hub.stream.kafka import Producer, Topics, broker_settings, ensure_topics
from hub.terms import terms_of
from hub.wiring import codec, now_us


def run(name: str, settings: Settings) -> None:
    """Run one process until SIGTERM or SIGINT. Raises Faulted when a server is away at start."""
    telemetry.configure(name, settings.log_level)
    asyncio.run(_PROCESSES[name](settings))


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _pseudonyms(settings: Settings) -> Pseudonyms:
    return Pseudonyms(settings.secret.get_secret_value())


async def _fresh(pool: Pool, version: int) -> Directory | None:
    """The directory, if it is no longer at this version. Raises Faulted."""
    if await pool.run(directory_version) == version:
        return None
    entries = await pool.run(load_directory)
    return Directory(entries.providers, entries.subscriptions, entries.version)


@asynccontextmanager
async def _metrics(settings: Settings, process: str) -> AsyncIterator[None]:
    """The process's own metrics and readiness on an address of their own, unless ``hub up`` tells them for all."""
    from hub.web.metrics import FOLDER, serve_metrics  # noqa: PLC0415 - a process loads what it uses
    from hub.web.readiness import asks, of_ledger  # noqa: PLC0415

    address = settings.metrics or ("none" if os.environ.get(FOLDER) else f"127.0.0.1:{METRICS_PORTS[process]}")
    if address == "none":
        yield
        return
    pool = Pool(settings.database_url, "readiness", size=1)
    missing = asks({"broker": lambda: _ask_broker(settings), **of_ledger(pool)})
    async with serve_metrics(address, missing, or_any=not settings.metrics) as port:
        telemetry.log("metrics_at", port=port)
        yield
    await pool.close()


async def _ask_broker(settings: Settings) -> None:
    """Raises Faulted when the broker does not answer for the hub's topic."""
    await asyncio.to_thread(broker_settings, settings.kafka, Topics(settings.topic_prefix).inbound)


async def _codec(settings: Settings, *topics: str) -> Codec:
    """The record codec, with the registry's ids for what this process writes. Raises Faulted."""
    made = codec(settings)
    await asyncio.to_thread(made.learn, *topics)
    return made


def _producer(settings: Settings, process: str) -> Producer:
    timeout_ms, bytes_max = settings.delivery_timeout_ms, settings.frame_bytes_max
    return Producer(settings.kafka, delivery_timeout_ms=timeout_ms, process=process, frame_bytes_max=bytes_max)


@asynccontextmanager
async def _intake(settings: Settings, process: str) -> AsyncIterator[Intake]:
    """A way onto topic inbound for a process that is no gateway: what it takes was judged elsewhere, so it needs no directory."""
    producer = _producer(settings, process)
    try:
        yield Intake(producer, await _codec(settings, "inbound"), _pseudonyms(settings), Directory((), (), 0), settings, now_us)
    finally:
        producer.close()


async def _gateway(settings: Settings) -> None:
    from hub.stream.gateway import Parts, run_gateway  # noqa: PLC0415

    pool = Pool(settings.database_url, "gateway", size=1)

    async def refresh(known: Senders | None) -> Senders | None:
        return await _fresh(pool, known.version if isinstance(known, Directory) else -1)

    async with _metrics(settings, "gateway"):
        parts = Parts(await _codec(settings, "inbound"), _pseudonyms(settings), refresh, now_us)
        await run_gateway(settings, parts, _stop_on_signal())
    await pool.close()


async def _transit(settings: Settings) -> None:
    from hub.stream.readers import READERS  # noqa: PLC0415
    from hub.stream.transit import TransitParts, run_transit  # noqa: PLC0415

    async with _metrics(settings, "transit"):
        parts = TransitParts(await _codec(settings, "events"), _pseudonyms(settings), READERS, now_us)
        await run_transit(settings, parts, _stop_on_signal())


async def _delivery(settings: Settings) -> None:
    from hub.delivery.channel import Means  # noqa: PLC0415
    from hub.stream.delivery import run_delivery  # noqa: PLC0415

    async def ensure(name: str) -> None:
        await asyncio.to_thread(ensure_topics, settings.kafka, [name], settings)

    producer = _producer(settings, "delivery")
    means = Means(
        settings.ack_seconds_max, settings.connect_seconds_max, settings.insecure_plaintext, settings.tls_certificate, settings.tls_key,
        producer, Topics(settings.topic_prefix).mailbox, ensure,
    )  # fmt: skip
    try:
        async with _metrics(settings, "delivery"):
            await run_delivery(settings, means, clock=now_us, reach=reach, stop=_stop_on_signal())
    finally:
        producer.close()


async def _pathway(settings: Settings) -> None:
    from hub.stream.pathway_app import run_pathway  # noqa: PLC0415

    async with _metrics(settings, "pathway"), _intake(settings, "pathway") as intake:
        await run_pathway(settings, codec=codec(settings), publish=intake.accept, clock=now_us, stop=_stop_on_signal())


async def _web(settings: Settings) -> None:
    from hub.stream.delivery_anew import Anew  # noqa: PLC0415
    from hub.stream.promise import objections  # noqa: PLC0415
    from hub.stream.readers import read  # noqa: PLC0415
    from hub.stream.recall import recalled  # noqa: PLC0415
    from hub.stream.release import run_release  # noqa: PLC0415
    from hub.web.app import run_web  # noqa: PLC0415
    from hub.web.readiness import asks, of_ledger  # noqa: PLC0415
    from hub.web.receipts import Receipts  # noqa: PLC0415
    from hub.web.seal import load_seal  # noqa: PLC0415
    from hub.web.state import Region, State  # noqa: PLC0415
    from hub.web.tokens import load_keys  # noqa: PLC0415

    pool = Pool(settings.database_url, "web", size=16)  # an answer to a lock may hold one for as long as it waits
    stop = _stop_on_signal()
    async with _intake(settings, "web") as intake:
        missing = asks({"broker": lambda: _ask_broker(settings), **of_ledger(pool)})
        state = State(
            settings, now_us, load_keys(settings.data), _pseudonyms(settings), intake, pool, Region(pool), missing,
            partial(objections, settings), Receipts(pool, now_us, settings.database_url),
            Anew(read, terms_of(settings), settings.release_on_unlock), load_seal(settings.data), lambda row: read(recalled(row)),
        )  # fmt: skip
        releasing = run_release(pool, intake.accept, now_us, stop, releases=settings.release_on_unlock)
        await asyncio.gather(run_web(state, stop), releasing)
    await pool.close()


def watch_folder(settings: Settings, folder: Path, provider: str, *, once: bool) -> tuple[int, int]:
    """``hub watch-folder``: how many files were taken and refused. Raises Faulted, TakenError, OSError."""
    telemetry.configure("gateway", settings.log_level)
    return asyncio.run(_watch_folder(settings, folder, provider, once=once))


async def _watch_folder(settings: Settings, folder: Path, provider: str, *, once: bool) -> tuple[int, int]:
    from hub.adapters.control_ids import ControlIds  # noqa: PLC0415
    from hub.adapters.kith import receipt  # noqa: PLC0415
    from hub.adapters.kith.message import CONTROL_ID  # noqa: PLC0415
    from hub.adapters.kith.receive import Door, receive  # noqa: PLC0415
    from hub.stream.watch_folder import Desk, held, watch  # noqa: PLC0415
    from hub.web.judge import speaker, without_conflict  # noqa: PLC0415
    from hub.web.receipts import Receipts  # noqa: PLC0415
    from hub.web.tokens import Principal, Role  # noqa: PLC0415

    pool, known = Pool(settings.database_url, "gateway", size=1), Directory((), (), -1)
    door = Door(_pseudonyms(settings), frozenset(settings.processing_ids), settings.person_numbers)
    who, control_ids = Principal(Role.PROVIDER, provider) if provider else None, ControlIds()

    async def judge(raw: bytes, now_us: int) -> Received | Refusal:
        nonlocal known
        known = await _fresh(pool, known.version) or known
        found = receive(raw, lambda names, where: speaker(names, who, known, where), door, now_us)
        return without_conflict(found, control_ids, CONTROL_ID) if isinstance(found, Received) else found

    async def keep(raw: bytes) -> None:
        found = receipt.read(raw)
        name = provider or speaker(found.senders, None, known, f"{receipt.PLACE}/Sender").id
        await Receipts(pool, now_us, settings.database_url).keep(found, raw, name)

    with held(folder):
        async with _intake(settings, "gateway") as intake:

            async def accept(received: Received) -> None:
                try:
                    await intake.accept(received)
                except BaseException:  # nobody knows that it is recorded: its sender may put another file in its place
                    control_ids.forget(received)
                    raise

            desk = Desk(judge, accept, keep, now_us, settings.frame_bytes_max)
            count = await watch(folder, desk, _stop_on_signal(), once=once)
    await pool.close()
    return count.done, count.refused


def quarantine(settings: Settings, action: str, any_id: str, *, as_json: bool, with_raw: bool) -> int:
    """``hub quarantine``: the exit code. Raises Faulted."""
    return asyncio.run(_quarantine(settings, action, any_id, as_json=as_json, with_raw=with_raw))


async def _quarantine(settings: Settings, action: str, any_id: str, *, as_json: bool, with_raw: bool) -> int:
    from hub.adapters.hl7v2.er7 import Limits  # noqa: PLC0415
    from hub.adapters.hl7v2.receive import Door, Rules  # noqa: PLC0415
    from hub.stream.quarantine_tool import Desk, run_quarantine  # noqa: PLC0415
    from hub.stream.readers import READERS  # noqa: PLC0415
    from hub.stream.reread import Means, reread  # noqa: PLC0415

    pool = Pool(settings.database_url, "quarantine", size=1)
    directory = await _fresh(pool, -1)
    assert directory is not None  # no version is -1
    limits = Limits(segments_max=settings.segments_max)
    rules = Rules(settings.undeclared_encoding, frozenset(settings.processing_ids), settings.person_numbers, limits)
    means = Means(directory, _pseudonyms(settings), Door(directory, _pseudonyms(settings), rules), codec(settings))
    async with _intake(settings, "web") as intake:
        desk = Desk(
            pool, lambda content: reread(content, means), intake.accept, now_us, lambda r: READERS[r.adapter](r), directory.provider
        )
        code = await run_quarantine(desk, action, any_id, as_json=as_json, with_raw=with_raw)
    await pool.close()
    return code


_PROCESSES: Final = MappingProxyType[str, Callable[[Settings], Coroutine[Any, Any, None]]](
    {"gateway": _gateway, "transit": _transit, "delivery": _delivery, "pathway": _pathway, "web": _web}
)
