"""A KITH document leaves as a business document, the same at every attempt; what else HTTP does stands in ``test_post``."""

import asyncio
import json
from base64 import b64decode, b64encode

import pytest
from aiohttp import web

from hub.adapters.kith.reply import acknowledge, verdict
from hub.config import ConfigError, provider_from_dict, provider_to_dict
from hub.delivery.channel import Means, Sent
from hub.delivery.channels import CHANNELS, open_way
from hub.errors import Reason
from hub.ledger.outbox import Parcel, Place
from hub.model import AttemptOutcome, Channel, Deliver, Form, ReceiptStatus, Refusal
from tests.unit.adapters.kith.made import logistics
from tests.unit.adapters.made import RECEIVED_US

RAW = logistics("LOG_INNLAGT", encoding="ISO-8859-1")
PARCEL = Parcel(
    Place(0, 1, "town"), "00000000-0000-8000-8000-000000000001", "k1", "h", 0, "edi", "kith", "full", (), "TREAT", "patient.admitted", 0,
    "13-treating-relation", (), frozenset(), "m-1", RAW,
)  # fmt: skip


def exchange(status: int, answer: bytes = b"") -> tuple[Sent, list[tuple[dict[str, str], bytes]]]:
    """One parcel to a receiver that answers this."""
    got: list[tuple[dict[str, str], bytes]] = []

    async def handle(request: web.Request) -> web.Response:
        got.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return web.Response(status=status, body=answer)

    async def main() -> Sent:
        app = web.Application()
        app.router.add_post("/api/v3/messages", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        way = CHANNELS[Channel.EDI](Deliver(Channel.EDI, url=f"http://127.0.0.1:{runner.addresses[0][1]}/api/v3/messages"), "town", Means())
        try:
            assert await way.reachable()
            return await way.send(PARCEL, lambda: True)
        finally:
            await way.close()
            await runner.cleanup()

    return asyncio.run(main()), got


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(202, AttemptOutcome.DELIVERED), (400, AttemptOutcome.REFUSED), (423, AttemptOutcome.FAILED), (503, AttemptOutcome.FAILED)],
)
def test_a_business_document_is_posted(status: int, outcome: AttemptOutcome) -> None:
    sent, ((headers, body),) = exchange(status)
    assert (sent.outcome, sent.code) == (outcome, str(status))
    said = json.loads(body)
    assert b64decode(said.pop("businessDocument")) == RAW
    assert said == {"contentType": "application/xml", "contentTransferEncoding": "base64"}
    assert (headers["content-type"], headers["x-request-id"]) == ("application/json", PARCEL.event_id)


def answer(raw: bytes) -> bytes:
    return json.dumps({"businessDocument": b64encode(raw).decode(), "contentType": "application/xml"}).encode()


def apprec(reason: Reason | None = None, message: bytes = RAW) -> bytes:
    return acknowledge(message, verdict(Refusal(reason, "MsgHead") if reason else None), RECEIVED_US)


@pytest.mark.parametrize("status", [200, 400])
def test_a_receipt_in_the_answer_is_heard(status: int) -> None:
    raw = apprec(Reason.MISSING_PATIENT)
    sent, _ = exchange(status, answer(raw))
    assert sent.code == str(status)
    assert sent.receipt is not None
    assert (sent.receipt.status, sent.receipt.codes, sent.receipt.raw) == (ReceiptStatus.REJECTED, ("E30",), raw)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, b""),
        (202, b'{"id": "x"}'),
        (202, b"\xff"),
        (202, b"[" * 60_000),
        (202, b'{"businessDocument": 1}'),
        (202, b'{"businessDocument": "%"}'),
        (202, answer(b"<a/>")),
        (202, answer(apprec(message=RAW.replace(b">m-1<", b">m-2<")))),  # about another one
        (202, answer(apprec() + b" " * 70_000)),  # no answer is that long
        (503, answer(apprec())),  # it does not have it, whatever it says
    ],
)
def test_every_other_answer_is_its_status(status: int, body: bytes) -> None:
    sent, _ = exchange(status, body)
    assert (sent.code, sent.receipt) == (str(status), None)


def test_nothing_leaves_in_the_clear() -> None:
    way = CHANNELS[Channel.EDI](Deliver(Channel.EDI, url="http://192.0.2.1/messages"), "town", Means())
    sent = asyncio.run(way.send(PARCEL, lambda: True))
    assert (sent.outcome, sent.code, sent.unreachable) == (AttemptOutcome.FAILED, "plaintext", True)


def test_a_provider_that_takes_kith() -> None:
    entry = {"id": "town", "name": "Town", "kind": "municipality", "deliver": {"channel": "edi", "url": "https://town.example/messages"}}
    provider = provider_from_dict(entry)
    assert (provider.deliver.channel, provider.deliver.form) == (Channel.EDI, Form.KITH)
    assert provider_from_dict(provider_to_dict(provider)) == provider
    assert type(open_way(provider, Means())).__name__ == "EdiWay"
    with pytest.raises(ConfigError, match="edi"):
        provider_from_dict(entry | {"deliver": {"channel": "edi"}})
