"""Whatever becomes of a FHIR message, its answer is counted as it is given, and what was not recorded leaves no trace at the door."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from hub import telemetry
from hub.adapters.control_ids import ControlIds
from hub.errors import Cause, Faulted, Reason, Rejected
from hub.model import Adapter, Received
from hub.web import process_message
from hub.web.answers import Unprocessable, status_of
from hub.web.state import STATE
from hub.web.tokens import Unauthorized


def counted(status: int) -> float:
    return float(telemetry.ANSWERED.labels("fhir", str(status))._value.get())


@pytest.mark.parametrize(
    ("exc", "status"),
    [
        (Faulted(Cause.BROKER_TIMEOUT), 503),
        (TimeoutError(), 408),
        (ZeroDivisionError(), 500),
        (Unauthorized(), 401),
        (web.HTTPForbidden(), 403),
        (Rejected(Reason.TOO_LARGE), 413),
        (Unprocessable(["x"]), 422),
        (web.HTTPGone(), 400),
    ],
)
def test_every_end_is_counted(monkeypatch: pytest.MonkeyPatch, exc: Exception, status: int) -> None:
    async def end(*_: object) -> None:
        raise exc

    monkeypatch.setattr(process_message, "_answer", end)
    request: Any = SimpleNamespace(app={STATE: SimpleNamespace(clock=lambda: 1)})
    before = counted(status)
    with pytest.raises(type(exc)):
        asyncio.run(process_message.process_message(request))
    assert status_of(exc) == status
    assert counted(status) - before == 1


@pytest.mark.parametrize("exc", [Faulted(Cause.BROKER_UNAVAILABLE), Rejected(Reason.TOO_LARGE), asyncio.CancelledError()])
def test_what_was_not_recorded_uses_no_control_id_up(monkeypatch: pytest.MonkeyPatch, exc: BaseException) -> None:
    def received(raw: bytes) -> Received:
        return Received("e", Adapter.FHIR, "p", "A", "S", "C1", "x", "", (), 1, "utf-8", raw, "200")

    async def accept(_: Received) -> None:
        raise exc

    async def nothing(*_: object) -> bytes:
        return b""

    known = ControlIds()
    for name, stand_in in {
        "sender": lambda _: None, "read": nothing, "identify": lambda *_: None, "judge": lambda *_: received(b"first"),
    }.items():  # fmt: skip
        monkeypatch.setattr(process_message, name, stand_in)
    state = SimpleNamespace(
        settings=SimpleNamespace(frame_bytes_max=1, person_numbers=None),
        region=SimpleNamespace(now=nothing),
        pseudonyms=None,
        intake=SimpleNamespace(accept=accept),
        clock=lambda: 1,
    )
    request: Any = SimpleNamespace(app={STATE: state, process_message.CONTROL_IDS: known})
    with pytest.raises(type(exc)):
        asyncio.run(process_message._answer(request, 1))
    assert not known.is_taken(received(b"built anew"))
