"""Sending: whatever a channel does, every parcel ends once and nobody else's stop."""

import asyncio

import pytest

from hub.delivery.book import Ended
from hub.delivery.channel import Means
from hub.delivery.dispatch import Dispatch
from hub.ledger.outbox import Parcel, Place
from hub.model import AttemptOutcome, Channel, Deliver, Provider, ProviderKind

IMPOSSIBLE = [
    Deliver(Channel.FHIR, url="https://host:99999/fhir"),
    Deliver(Channel.FHIR, url="https://foo..bar/"),
    Deliver(Channel.FHIR, url="https://[::1/"),
    Deliver(Channel.MLLP, host="foo..bar", port=1),
    Deliver(Channel.MLLP, host="127.0.0.1", port=99_999),
]


def provider(deliver: Deliver) -> Provider:
    return Provider("a", "A", ProviderKind.OTHER, "", (), deliver)


def parcel() -> Parcel:
    return Parcel(
        Place(0, 1, "a"), "e1", "k1", "h", 0, "fhir", "fhir", "full", (), "TREAT", "patient.admitted", 0, "", (), frozenset(), "c", b"MSH|",
    )  # fmt: skip


@pytest.mark.parametrize("deliver", IMPOSSIBLE, ids=range(len(IMPOSSIBLE)))
def test_an_address_that_slipped_through_is_not_reached_and_stops_nobody(deliver: Deliver, capsys: pytest.CaptureFixture[str]) -> None:
    ended: list[Ended] = []

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            dispatch = Dispatch(Means(insecure_plaintext=True, connect_seconds_max=1.0), group.create_task, ended.append, lambda: 1)
            assert not await dispatch.reachable(provider(deliver))
            dispatch.submit(provider(deliver), [parcel()], lambda: True)
        await dispatch.close()

    asyncio.run(run())
    assert [e.sent.outcome for e in ended] == [AttemptOutcome.FAILED]
    told = "".join(capsys.readouterr())
    assert "foo..bar" not in told
    assert "99999" not in told


def test_a_way_that_cannot_be_closed_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_self: object) -> None:
        raise ZeroDivisionError

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            dispatch = Dispatch(Means(), group.create_task, lambda _e: None, lambda: 1)
            assert not await dispatch.reachable(provider(Deliver(Channel.MLLP, host="127.0.0.1", port=1)))
            monkeypatch.setattr("hub.delivery.mllp.MllpWay.close", broken)
            assert not await dispatch.reachable(provider(Deliver(Channel.MLLP, host="127.0.0.1", port=2)))  # the old way is closed
        await dispatch.close()

    asyncio.run(run())
