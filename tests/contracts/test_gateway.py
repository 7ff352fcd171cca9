"""The gateway on a real broker: bad input answered, order kept, nothing acknowledged before the broker has it."""

import asyncio
import resource
import socket
import ssl
import time
from hashlib import sha256

import pytest
import trustme

from hub.adapters.hl7v2.framing import frame
from hub.adapters.hl7v2.listener import InsecureDoorError
from hub.errors import Reason
from tests.contracts.gateways import Running, adt, control_id, gateway, provider, verdict

HEAD = "MSH|^~\\&|APP|OPEN|HUB|HUB|20260401||ADT^A01|{}|P|2.5"
PID = b"PID|1||7^^^H\r"


def header(control: str = "C", **fields: str) -> bytes:
    parts = HEAD.format(control).split("|") + [""] * 8
    for name, value in fields.items():
        parts[int(name[1:]) - 1] = value
    return "|".join(parts).encode() + b"\r"


BAD_INPUT: list[tuple[str, bytes, str]] = [
    ("no MSH", b"PID|1||7\r", "AE 100"),
    ("empty", b"", "AE 100"),
    ("delimiters equal", b"MSH|^^\\&|A|OPEN\r", "AE 102"),
    ("MSH-2 malformed", b"MSH|^|A|OPEN\r", "AE 102"),
    ("unknown type", header(f9="QBP^Q11") + PID, "AR 200"),
    ("unknown event", header(f9="ADT^Z99") + PID, "AR 201"),
    ("unknown processing id", header(f11="Q") + PID, "AR 202"),
    ("unknown version", header(f12="3.0") + PID, "AR 203"),
    ("unknown sender", header(f4="NOBODY") + PID, "AE 204"),
    ("not its own MSH-4", header(f4="PROVEN") + PID, "AE 204"),
    ("no control id", header(f10="") + PID, "AE 101"),
    ("no PID", header("p1"), "AE 101"),
    ("empty PID-3", header("p2") + b"PID|1||\r", "AE 101"),
    ("two patients", header("p3") + b"PID|1||7^^^H\rPID|2||8^^^H\r", "AE 102"),
    ("two messages in a frame", header("p4") + PID + header("p5") + PID, "AE 100"),
    ("a wrapped line", header("w1") + PID + b"NTE|1||one\rtwo\r", "AE 100"),
    ("a merge of nobody", header("g1", f9="ADT^A40") + PID, "AE 100"),
    ("too many identifiers", header("i1") + b"PID|1||" + b"~".join(b"%d" % n for n in range(5_000)) + b"\r", "AE 207"),
    ("wrong bytes for MSH-18", header("e1", f18="UNICODE UTF-8") + PID + b"NTE|1||\xe6\r", "AE 102"),
    ("unknown MSH-18", header("e2", f18="EBCDIC") + PID, "AE 103"),
    ("NUL", header("n1") + PID + b"NTE|1||\x00\r", "AE 102"),
    ("100,000 segments", header("s1") + PID + b"NTE|1\r" * 100_000, "AE 207"),
    ("100,000 repetitions", header("r1") + PID.replace(b"7^^^H", b"7~" * 100_000), "AE 207"),
    ("LF line ends", (header("l1") + PID).replace(b"\r", b"\n"), "AA"),
    ("CRLF line ends", (header("l2") + PID).replace(b"\r", b"\r\n"), "AA"),
    ("BOM", b"\xef\xbb\xbf" + header("b1") + PID, "AA"),
    ("undeclared Latin-1, agreed", header("u1", f4="LATIN") + PID + "NTE|1||Ærøskøbing\r".encode("latin-1"), "AA"),
    ("undeclared Latin-1, not agreed", header("u2") + PID + b"NTE|1||\xe6\r", "AE 102"),
    ("declared Latin-1", header("u3", f18="8859/1") + PID + b"NTE|1||\xe6\xf8\xe5\r", "AA"),
    ("100 kB", header("big1") + PID + b"OBX|1|ED|||" + b"A" * 100_000 + b"\r", "AA"),
    ("4 MiB", header("big2") + PID + b"OBX|1|ED|||" + b"A" * (4 * 1024 * 1024 - 200) + b"\r", "AA"),
    ("enhanced mode", header("m1", f15="AL", f16="NE") + PID, "CA"),
    ("enhanced mode, refused", header("m2", f15="AL", f12="9") + PID, "CR 203"),
]
HEADLESS = {"no MSH", "empty", "delimiters equal", "MSH-2 malformed"}  # nobody can say whose they are
PROVIDERS = [
    provider("open", "OPEN"),
    provider("proven", "PROVEN", certificates=("ab" * 32,)),
    provider("latin", "LATIN", undeclared="iso8859-1"),
]


def test_every_bad_input_is_answered_and_the_connection_is_kept(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix, PROVIDERS) as running, running.client() as client:
            for name, raw, expected in BAD_INPUT:
                began = time.monotonic()
                client.write(frame(raw))
                assert verdict(await client.answer()) == expected, name
                assert time.monotonic() - began < 5, name
            recorded = await asyncio.to_thread(running.recorded, len(BAD_INPUT) - len(HEADLESS))
            by_reason = [r.refusal.reason for r in recorded if r.refusal]
            assert len(recorded) == len(BAD_INPUT) - len(HEADLESS)
            assert len(by_reason) == sum(" " in expected for _, _, expected in BAD_INPUT) - len(HEADLESS)
            assert {Reason.UNKNOWN_SENDER, Reason.SENDER_MISMATCH, Reason.TOO_COMPLEX, Reason.BAD_ENCODING} <= set(by_reason)
            assert {r.raw for r in recorded} == {raw for name, raw, _ in BAD_INPUT if name not in HEADLESS}

    asyncio.run(run())


def test_frames_as_they_come_in_the_field(kafka: str, topic_prefix: str) -> None:
    """Each row: what is written, and the control ids and codes that come back in order."""
    one, two = adt("1"), adt("2")
    rows: list[tuple[bytes, list[tuple[str, str]]]] = [
        (frame(one) + frame(two), [("1", "AA"), ("2", "AA")]),
        (b"\r\n" + frame(one), [("1", "AA")]),
        (b"garbage" + frame(one) + b"more" + frame(two), [("1", "AA"), ("2", "AA")]),
        (b"\x0b" + one + b"\x1c", [("1", "AA")]),  # end block without CR
        (b"\x0b" + one + b"\x1c\n" + frame(two), [("1", "AA"), ("2", "AA")]),
        (b"\x0b" + one[:90] + frame(two), [("1", "AE 102"), ("2", "AA")]),  # a start block inside: never AA for the part
        (frame(one[:90] + b"\x1cX" + one[90:]) + frame(two), [("1", "AE 102"), ("2", "AA")]),
        (frame(one + b"NTE|1||" + b"x" * 20_000) + frame(two), [("1", "AE 207"), ("2", "AA")]),  # over the limit of this gateway
        (one + b"\x1c\r" + frame(two), [("1", "AE 102"), ("2", "AA")]),  # the start block is missing
        (frame(one.replace(b"ADT^A01", b"ACK^A01")) + frame(two), [("2", "AA")]),  # answers are not answered
    ]

    async def run() -> None:
        async with gateway(kafka, topic_prefix, frame_bytes_max=10_000) as running, running.client() as client:
            for data, expected in rows:
                client.write(data)
                assert [(control_id(a), verdict(a)) for a in await client.answers(len(expected))] == expected
            for byte in frame(one):
                client.write(bytes([byte]))
                await client.writer.drain()
            assert verdict(await client.answer()) == "AA"
            client.write(b"\x0b" + b"x" * 10_001)  # told while it streams, not after
            assert verdict(await client.answer()) == "AE 207"
            recorded = await asyncio.to_thread(running.recorded, 14)
            refused = [(r.control_id, r.refusal.reason, r.raw[:5], len(r.raw) <= 4097) for r in recorded if r.refusal]
            kept = [("1", reason, b"\x0bMSH|", True) for reason in [Reason.BAD_FRAME] * 3 + [Reason.TOO_LARGE]]
            assert sorted(refused) == sorted(kept)  # each that said whose it is

    asyncio.run(run())


def test_pipelined_frames_are_all_answered_in_order(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix) as running, running.client() as client:
            wanted = [f"C{n}" if n % 7 else "" for n in range(700)]
            client.write(b"".join(frame(adt(c, patient=str(n % 5 + 1))) for n, c in enumerate(wanted)))
            answers = await client.answers(700)
            assert [control_id(a) for a in answers] == wanted
            assert [verdict(a)[:2] for a in answers] == ["AA" if c else "AE" for c in wanted]
            recorded = await asyncio.to_thread(running.recorded, 700)
            for patient in range(5):  # in topic inbound each patient's messages stand in the order they came
                key = next(r.patient_key for r in recorded if r.control_id == f"C{patient + 15}")
                numbers = [int(r.control_id[1:]) for r in recorded if r.patient_key == key and r.control_id]
                assert numbers == sorted(numbers)
                assert len(numbers) == sum(1 for n, c in enumerate(wanted) if n % 5 == int(numbers[0]) % 5 and c)

    asyncio.run(run())


def test_enhanced_mode_with_both_answers(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix) as running, running.client() as client:
            client.write(
                frame(header("both", f15="AL", f16="AL") + PID) + frame(header("none", f15="NE", f16="NE") + PID) + frame(adt("last"))
            )
            assert [(control_id(a), verdict(a)) for a in await client.answers(3)] == [("both", "CA"), ("both", "AA"), ("last", "AA")]

    asyncio.run(run())


def test_a_control_id_used_again(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix) as running:
            first, other = adt("C1"), adt("C1", more="NTE|1||other\r")
            refused = header("C2") + b"PID|1||\r"
            asked = [first, first, other, first, refused, header("C2") + PID]
            assert [await running.ask(raw) for raw in asked] == [
                "AA",
                "AA",
                "AE 205",
                "AA",
                "AE 101",
                "AA",
            ]  # a refused id may be used again
            recorded = await asyncio.to_thread(running.recorded, 6)
            assert [r.refusal.reason for r in recorded if r.raw == other and r.refusal] == [Reason.DUPLICATE_CONTROL_ID]
            assert len({r.event_id for r in recorded if r.raw == first}) == 1

    asyncio.run(run())


def test_a_sender_registered_while_the_hub_runs(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix) as running:
            assert await running.ask(adt("1", sender="NEW")) == "AE 204"
            running.providers.append(provider("new", "NEW"))
            assert await running.ask(adt("2", sender="NEW")) == "AA"

    asyncio.run(run())


def test_a_batch_is_answered_as_a_batch(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix) as running, running.client() as client:
            wrapped = b"FHS|^~\\&|A\rBHS|^~\\&|APP|OPEN\r" + adt("1") + header("2", f12="7") + PID + adt("3") + b"BTS|3\rFTS|1\r"
            client.write(frame(wrapped) + frame(adt("4")) + frame(b"BHS|^~\\&|A\rBTS|0\r"))
            answers = await client.answers(3)
            lines = answers[0].split(b"\r")
            assert [line[:3] for line in lines if line] == [b"BHS", b"MSH", b"MSA", b"MSH", b"MSA", b"ERR", b"MSH", b"MSA", b"BTS"]
            assert [line[4:8] for line in lines if line[:3] == b"MSA"] == [b"AA|1", b"AR|2", b"AA|3"]
            assert [verdict(a) for a in answers[1:]] == ["AA", "AE 100"]

    asyncio.run(run())


def test_without_a_broker_the_gateway_does_not_start(topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway("127.0.0.1:1", topic_prefix):
            pass

    with pytest.raises(BaseExceptionGroup) as caught:
        asyncio.run(run())
    assert "broker_unavailable" in str(caught.value.exceptions[0])


def test_slow_and_silent_connections_end_and_harm_nobody(kafka: str, topic_prefix: str) -> None:
    limits = {"header_seconds_max": 0.6, "frame_seconds_max": 1.2, "idle_seconds_max": 2.5}

    async def run() -> None:
        async with (
            gateway(kafka, topic_prefix, **limits) as running,
            running.client() as header_late,
            running.client() as frame_late,
            running.client() as idle,
        ):
            began = time.monotonic()
            header_late.write(b"\x0bMSH|^~\\&|")
            frame_late.write(b"\x0b" + header())
            assert await running.ask(adt("1")) == "AA"
            ended = []
            for client in (header_late, frame_late, idle):
                with pytest.raises(ConnectionError):
                    await client.answer(6)
                ended.append(time.monotonic() - began)
            assert 0.5 < ended[0] < 1.2 < ended[1] < 2.4 < ended[2]
            assert await running.ask(adt("2")) == "AA"

    asyncio.run(run())


def test_500_idle_connections_and_a_limit(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix, connections_max=501) as running:
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))  # both ends are in this process
            idle = [await asyncio.open_connection(running.host, running.port) for _ in range(500)]
            assert await running.ask(adt("1")) == "AA"
            await asyncio.sleep(0.5)  # that connection is gone
            last = await asyncio.open_connection(running.host, running.port)
            beyond = await asyncio.open_connection(running.host, running.port)
            with pytest.raises(ConnectionError):
                await _read(beyond[0])
            for _, writer in [*idle, last, beyond]:
                writer.close()

    asyncio.run(run())


async def _read(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(10):
        if not await reader.read(1):
            raise ConnectionError("closed")


def test_a_stop_answers_what_is_under_way(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix) as running, running.client() as client, running.client() as idle:
            client.write(b"".join(frame(adt(str(n))) for n in range(300)))
            first = await client.answer()
            running.stop.set()
            got = [first]
            with pytest.raises(ConnectionError):
                while True:
                    got.append(await client.answer())
            with pytest.raises(ConnectionError):
                await idle.answer()
            recorded = await asyncio.to_thread(running.recorded, len(got))
            assert {control_id(a) for a in got if verdict(a) == "AA"} == {r.control_id for r in recorded}
            with pytest.raises(OSError, match=r"refused|Connect"):
                await asyncio.open_connection(running.host, running.port)

    asyncio.run(run())


def test_a_half_closed_connection_gets_its_answer(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix) as running, running.client() as client:
            client.write(frame(adt("1")))
            client.writer.write_eof()
            assert verdict(await client.answer()) == "AA"
            with pytest.raises(ConnectionError):
                await client.answer()

    asyncio.run(run())


def test_one_who_does_not_speak_mllp_is_shown_out(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix, frame_bytes_max=1000) as running, running.client() as garbage, running.client() as frames:
            garbage.write(b"GET / HTTP/1.1\r\n" * 100)
            frames.write(b"\x0bx" * 300)
            with pytest.raises(ConnectionError):
                await garbage.answer()
            with pytest.raises(ConnectionError):
                await frames.answers(300)

    asyncio.run(run())


def test_several_gateways_share_a_port(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix) as first, gateway(kafka, topic_prefix, mllp=f"127.0.0.1:{first.port}") as second:
            assert first.port == second.port
            assert [await first.ask(adt(str(n))) for n in range(8)] == ["AA"] * 8

    asyncio.run(run())


def test_plaintext_only_on_loopback_unless_said_aloud(kafka: str, topic_prefix: str) -> None:
    async def run(**more: object) -> str:
        async with gateway(kafka, topic_prefix, mllp="0.0.0.0:0", **more) as running:
            running.host = "127.0.0.1"
            return await running.ask(adt("1"))
        return ""

    with pytest.raises(BaseExceptionGroup) as caught:
        asyncio.run(run())
    assert isinstance(caught.value.exceptions[0], InsecureDoorError)
    assert asyncio.run(run(insecure_plaintext=True)) == "AA"


def test_mutual_tls_proves_who_speaks(  # noqa: PLR0915  # one set of certificates
    kafka: str, topic_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, ca, foreign = tmp_path_factory.mktemp("tls"), trustme.CA(), trustme.CA()
    server = ca.issue_cert("localhost")
    server.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    paths = {"tls_certificate": str(folder / "server.pem"), "tls_client_ca": str(folder / "ca.pem")}

    def context(issuer: trustme.CA | None) -> tuple[ssl.SSLContext, str]:
        made = ssl.create_default_context()
        ca.configure_trust(made)
        if issuer is None:
            return made, ""
        cert = issuer.issue_cert("client.example")
        cert.configure_cert(made)
        return made, sha256(ssl.PEM_cert_to_DER_cert(cert.cert_chain_pems[0].bytes().decode())).hexdigest()

    known, fingerprint = context(ca)
    strange, _ = context(ca)
    providers = [provider("proven", "PROVEN", certificates=(fingerprint,)), provider("open", "OPEN")]

    async def ask(running: Running, how: ssl.SSLContext, sender: str) -> str:
        async with running.client(how) as client:
            client.write(frame(adt(sender, sender=sender)))
            return verdict(await client.answer())

    async def run() -> None:
        async with gateway(kafka, topic_prefix, providers, **paths) as running:
            assert await ask(running, known, "PROVEN") == "AA"
            assert await ask(running, known, "OPEN") == "AE 204"  # not its own MSH-4
            assert await ask(running, strange, "PROVEN") == "AE 204"  # a certificate nobody registered
            for nobody in (context(None)[0], context(foreign)[0]):
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await ask(running, nobody, "PROVEN")
            with pytest.raises(ConnectionError):
                assert await running.ask(adt("plain")) == "nothing"  # plaintext to a TLS door
        async with gateway(kafka, topic_prefix, providers, mllp="0.0.0.0:0", tls_certificate=paths["tls_certificate"]) as running:
            running.host = "127.0.0.1"
            assert await ask(running, context(None)[0], "OPEN") == "AA"
            assert await ask(running, context(None)[0], "PROVEN") == "AE 204"  # shown no certificate

    asyncio.run(run())


def test_small_writes_and_a_reader_that_does_not_read(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        async with gateway(kafka, topic_prefix) as running:
            link = socket.create_connection((running.host, running.port))
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            link.setblocking(False)
            loop, data = asyncio.get_running_loop(), b"".join(frame(adt(str(n))) for n in range(200))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3):  # its answers pile up, so the gateway stops reading from it
                    for _ in range(500):
                        await loop.sock_sendall(link, data)
            assert await running.ask(adt("other")) == "AA"
            link.close()

    asyncio.run(run())
