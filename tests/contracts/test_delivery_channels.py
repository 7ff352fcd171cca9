"""The channels against real receivers: HTTP servers, TLS, and a real broker's mailbox topics."""

import asyncio
import json
import secrets
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from hub.adapters.kith.reply import acknowledge, verdict
from hub.delivery.channel import Means
from hub.delivery.channels import CHANNELS
from hub.delivery.mllp import MllpWay
from hub.errors import Reason
from hub.ledger.outbox import Parcel, Place
from hub.model import AttemptOutcome, Channel, Deliver, Refusal
from hub.settings import Settings
from hub.stream.kafka import Consumer, Producer, Topics, ensure_topics
from tests.contracts.delivery_rig import Receiver, Row, attempts, delivering, drained, fill, message, now_us, provider, query, until
from tests.unit.adapters.kith.made import logistics

Handler = Callable[[web.Request], web.Response]


@asynccontextmanager
async def http(handler: Handler, path: str = "/fhir/$process-message") -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    got: list[tuple[dict[str, str], bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return handler(request)

    app = web.Application()
    app.router.add_post(path, take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}{path}", got
    finally:
        await runner.cleanup()


def bundle(off: int, patient: str = "p1", recipient: str = "a", channel: str = "fhir") -> Row:
    form = Deliver(Channel(channel)).form
    return Row(0, off, recipient, patient, channel=channel, form=form, payload=b'{"resourceType":"Bundle"}')


def parcel(payload: bytes = b"{}", form: str = "fhir") -> Parcel:
    return Parcel(
        Place(0, 1, "a"), "00000000-0000-8000-8000-000000000001", "k1", "h", 0, "fhir", form, "full", (), "TREAT", "patient.admitted",
        0, "", (), frozenset(), "c1", payload,
    )  # fmt: skip


@pytest.mark.parametrize("status", [200, 204])
def test_fhir_is_delivered(database_url: str, status: int) -> None:
    async def run() -> None:
        async with http(lambda _r: web.Response(status=status)) as (url, got):
            provider(database_url, "a", {"channel": "fhir", "url": url})
            fill(database_url, [bundle(1), bundle(2), bundle(3, "p2")])
            async with delivering(database_url):
                await drained(database_url)
            assert len(got) == 3
            headers, body = got[0]
            assert headers["content-type"] == "application/fhir+json"
            assert headers["x-request-id"] == "00000000-0000-0000-0000-000000000001"
            assert body == b'{"resourceType":"Bundle"}'
            assert [(a[0], a[2], a[3]) for a in attempts(database_url, "a")] == [(off, "delivered", str(status)) for off in (1, 2, 3)]

    asyncio.run(run())


@pytest.mark.parametrize("channel", ["fhir", "edi"])
@pytest.mark.parametrize("status", [400, 422])
def test_an_http_refusal_parks(database_url: str, status: int, channel: str) -> None:
    async def run() -> None:
        async with http(lambda _r: web.Response(status=status)) as (url, got):
            provider(database_url, "a", {"channel": channel, "url": url})
            fill(database_url, [bundle(n, channel=channel) for n in (1, 2)])
            async with delivering(database_url):
                await until(lambda: query(database_url, "SELECT 1 FROM outbox WHERE parked = %s", str(status)))
                await asyncio.sleep(0.2)
            assert len(got) == 1
            assert attempts(database_url, "a") == [(1, 1, "refused", str(status))]

    asyncio.run(run())


@pytest.mark.parametrize("channel", ["fhir", "edi"])
@pytest.mark.parametrize("status", [302, 409, 423, 503])
def test_http_is_tried_again(database_url: str, status: int, channel: str) -> None:
    async def run() -> None:
        answers = iter([status, 200])
        moved = {"Location": "/elsewhere"} if status < 400 else {}
        async with http(lambda _r: web.Response(status=next(answers), headers=moved)) as (url, got):
            provider(database_url, "a", {"channel": channel, "url": url})
            fill(database_url, [bundle(1, channel=channel)])
            async with delivering(database_url):
                await drained(database_url)
            assert len(got) == 2
            assert got[0][0]["x-request-id"] == got[1][0]["x-request-id"]
            assert [a[2:] for a in attempts(database_url, "a")] == [("failed", str(status)), ("delivered", "200")]

    asyncio.run(run())


@pytest.mark.parametrize(("status", "effect"), [(200, "delivered"), (422, "refused")])
def test_a_receipt_in_an_edi_answer_is_kept_with_the_attempt(database_url: str, status: int, effect: str) -> None:
    document = logistics("LOG_INNLAGT")
    raw = acknowledge(document, verdict(Refusal(Reason.MISSING_PATIENT, "MsgHead")), now_us())
    body = json.dumps({"businessDocument": b64encode(raw).decode()})

    async def run() -> None:
        async with http(lambda _r: web.Response(status=status, text=body)) as (url, _):
            provider(database_url, "a", {"channel": "edi", "url": url})
            fill(database_url, [Row(0, 1, "a", "p1", "m-1", channel="edi", form="kith", payload=document)])
            async with delivering(database_url):
                await until(lambda: attempts(database_url, "a"))
        assert attempts(database_url, "a") == [(1, 1, effect, str(status))]
        assert query(database_url, "SELECT off, recipient, status, codes, raw FROM receipt") == [(1, "a", "rejected", ["E30"], raw)]

    asyncio.run(run())


def test_fhir_retry_after_is_honoured_for_the_whole_recipient(database_url: str) -> None:
    async def run() -> None:
        times: list[float] = []

        def answer(_request: web.Request) -> web.Response:
            times.append(asyncio.get_running_loop().time())
            return web.Response(status=503, headers={"Retry-After": "1"}) if len(times) == 1 else web.Response()

        async with http(answer) as (url, _):
            provider(database_url, "a", {"channel": "fhir", "url": url, "connections": 1})
            fill(database_url, [bundle(1), bundle(2, "p2")])
            async with delivering(database_url):
                await drained(database_url)
        later = [t for t in times[1:] if t - times[0] > 0.95]
        assert len(later) >= 1
        assert len(times) == 3

    asyncio.run(run())


def test_a_send_whose_time_is_over_leaves_no_byte() -> None:
    async def run() -> None:
        async with http(lambda _r: web.Response()) as (url, got):
            for channel in (Channel.FHIR, Channel.EDI):
                way = CHANNELS[channel](Deliver(channel, url=url), "a", Means())
                assert (await way.send(parcel(), lambda: False)).outcome is None
                await way.close()
            assert got == []
        receiver = await Receiver().start()
        mllp = CHANNELS[Channel.MLLP](Deliver(Channel.MLLP, host="127.0.0.1", port=receiver.port), "a", Means())
        assert (await mllp.send(parcel(message("c1"), "hl7v2"), lambda: False)).outcome is None
        assert receiver.got == []
        await mllp.close()
        await receiver.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    "deliver",
    [
        Deliver(Channel.MLLP, host="192.0.2.1", port=2575),
        Deliver(Channel.FHIR, url="http://192.0.2.1/fhir"),
        Deliver(Channel.FHIR, url="ftp://a/"),
        Deliver(Channel.EDI, url="http://192.0.2.1/messages"),
    ],
)
def test_no_plaintext_leaves_the_machine(deliver: Deliver) -> None:
    async def run() -> None:
        way = CHANNELS[deliver.channel](deliver, "a", Means())
        sent = await way.send(parcel(), lambda: True)
        assert (sent.outcome, sent.code, sent.unreachable) == (AttemptOutcome.FAILED, "plaintext", True)
        assert not await way.reachable()
        await way.close()

    asyncio.run(run())


def test_mllp_over_tls_trusts_only_its_authority_and_shows_its_certificate(tmp_path: Path) -> None:
    async def run() -> None:
        authority, stranger = trustme.CA(), trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
        files = {name: str(tmp_path / name) for name in ("ca", "other", "mine")}
        authority.cert_pem.write_to_path(files["ca"])
        stranger.cert_pem.write_to_path(files["other"])
        authority.issue_cert("hub.example").private_key_and_cert_chain_pem.write_to_path(files["mine"])
        receiver = Receiver()
        server = await asyncio.start_server(receiver._serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        sent = {}
        for name in ("ca", "other"):
            deliver = Deliver(Channel.MLLP, host="127.0.0.1", port=port, tls_ca=files[name])
            way = MllpWay(deliver, "a", Means(certificate=files["mine"]))
            sent[name] = await way.send(parcel(message("c1"), "hl7v2"), lambda: True)
            await way.close()
        server.close()
        assert (sent["ca"].outcome, sent["ca"].code) == (AttemptOutcome.DELIVERED, "AA")
        assert (sent["other"].outcome, sent["other"].code, sent["other"].unreachable) == (AttemptOutcome.FAILED, "tls", True)
        assert receiver.ids == ["c1"]

    asyncio.run(run())


def test_a_mailbox_keeps_order_and_key(database_url: str, kafka: str, topic_prefix: str) -> None:
    config = Settings(kafka=kafka, topic_prefix=topic_prefix, partitions=2)
    topics = Topics(topic_prefix)

    async def run() -> None:
        producer = Producer(kafka)

        async def ensure(name: str) -> None:
            await asyncio.to_thread(ensure_topics, kafka, [name], config)

        means = Means(producer=producer, mailbox=topics.mailbox, ensure_topic=ensure)
        provider(database_url, "a", {"channel": "mailbox"})
        async with delivering(database_url, means):
            fill(database_url, [replace(bundle(off, f"p{off % 3}", channel="mailbox"), payload=b"%d" % off) for off in range(30)])
            await drained(database_url, 30)
        producer.close()

    asyncio.run(run())
    assert [a[0] for a in attempts(database_url, "a") if a[2:] == ("delivered", "stored")] == list(range(30))
    consumer = Consumer(
        kafka,
        f"{topic_prefix}{secrets.token_hex(4)}",
        topics.mailbox("a"),
        on_assign=lambda parts: dict.fromkeys(parts, 0),
        on_revoke=lambda _p: None,
    )
    records = []
    for _ in range(40):
        records += consumer.poll_batch(100, 0.5)
        if len({r.value for r in records}) == 30:
            break
    consumer.close()
    for patient in range(3):
        mine = list(dict.fromkeys(int(r.value or b"") for r in records if r.key == b"p%d" % patient))
        assert mine == list(range(patient, 30, 3))


def test_a_mailbox_without_its_broker_waits(database_url: str) -> None:
    async def run() -> None:
        provider(database_url, "a", {"channel": "mailbox"})
        fill(database_url, [bundle(1, channel="mailbox")])
        async with delivering(database_url):
            await until(lambda: attempts(database_url, "a"))
        assert query(database_url, "SELECT parked FROM outbox") == [("",)]
        assert attempts(database_url, "a")[0][2:] == ("failed", "connect")

    asyncio.run(run())
