"""The intake with a broker that does as it is told: what is recorded, what is answered, and what a failure leaves behind."""

import asyncio
import time
from typing import cast

import pytest

from hub import telemetry
from hub.adapters.hl7v2.framing import Refused
from hub.adapters.hl7v2.receive import Peer, Senders
from hub.avro import Codec
from hub.errors import Cause, Faulted, HubError, Reason, Rejected
from hub.identity import Pseudonyms
from hub.model import Channel, Deliver, Identifier, Provider, ProviderKind, Received, Refusal
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.stream.gateway import Parts, _keep_directory
from hub.stream.intake import Intake
from hub.stream.kafka import Producer, Report, partition_of

CERTIFICATE = "ab" * 32


def provider(name: str, *senders: str, certificates: tuple[str, ...] = (), undeclared: str = "") -> Provider:
    return Provider(name, name, ProviderKind.HOSPITAL, "", senders, Deliver(Channel.MAILBOX), certificates, undeclared_encoding=undeclared)


KNOWN = Directory([provider("open", "OPEN")], [], 1)
MORE = Directory(
    [provider("open", "OPEN"), provider("new", "NEW"), provider("proven", "PROVEN", certificates=(CERTIFICATE,)),
     provider("latin", "LATIN", undeclared="iso8859-1")], [], 2,
)  # fmt: skip


class Broker:
    """``fault``: what every send ends with, at once or (``is_slow``) when ``report`` is called."""

    def __init__(self) -> None:
        self.fault: HubError | None = None
        self.is_slow = False
        self.sent, self.keys, self.waiting = list[Received](), list[bytes](), list[Report]()

    def send_nowait(self, topic: str, key: bytes, value: bytes, on_report: Report) -> None:
        if self.fault is None:
            self.keys.append(key)
            self.sent.append(Codec().decode_received(value))
        if self.is_slow:
            self.waiting.append(on_report)
        else:
            on_report(self.fault)

    def report(self) -> None:
        waiting, self.waiting = self.waiting, []
        for on_report in waiting:
            on_report(self.fault)


class Door:
    def __init__(self, directory: Senders = KNOWN) -> None:
        self.broker, self.heard = Broker(), list[bytes | None]()
        settings, clock = Settings(), lambda: time.time_ns() // 1000
        self.intake = Intake(cast("Producer", self.broker), Codec(), Pseudonyms(b"k"), directory, settings, clock)

    def submit(self, raw: bytes, peer: Peer | None = None) -> bool:
        return self.intake.submit(raw, peer or Peer(), self.heard.append)

    def ask(self, raw: bytes, peer: Peer | None = None) -> str:
        """MSA-1 and ERR-3 of each answer."""
        self.submit(raw, peer)
        return self.last()

    def last(self) -> str:
        said = self.heard.pop() or b""
        codes = [line.split(b"|")[1] for line in said.split(b"\r") if line.startswith(b"MSA")]
        errors = [line.split(b"|")[3][:3] for line in said.split(b"\r") if line.startswith(b"ERR")]
        return b" ".join(codes + errors).decode()


def adt(control: str = "C1", sender: str = "OPEN", *, at: str = "2026", modes: str = "", more: str = "", encoding: str = "utf-8") -> bytes:
    return f"MSH|^~\\&|APP|{sender}|||{at}||ADT^A01|{control}|P|2.5|||{modes}\rPID|1||7^^^H\r{more}".encode(encoding)


@pytest.mark.parametrize(
    "fault",
    [Faulted(Cause.OVERLOADED), Faulted(Cause.BROKER_UNAVAILABLE), Faulted(Cause.BROKER_TIMEOUT), Rejected(Reason.TOO_LARGE)],
)
def test_what_was_not_recorded_may_be_built_anew(fault: HubError) -> None:
    door = Door()
    door.broker.fault = fault
    assert door.ask(adt(at="20260401120000")) == "AE 207"
    door.broker.fault = None
    assert door.ask(adt(at="20260401120005")) == "AA"
    assert door.ask(adt(at="20260401120000")) == "AE 205"


def test_an_answer_is_counted_and_neither_answered_nor_kept() -> None:
    door = Door()
    before = telemetry.ANSWERS_RECEIVED._value.get()
    for raw in (adt().replace(b"ADT^A01", b"ACK"), adt().replace(b"PID|1", b"MSA|AA"), b"\x06", b"MSH|^^\\&|\rMSA|AE|1\r"):
        assert door.submit(raw)
    door.intake.refuse(Refused(Reason.BAD_FRAME, adt().replace(b"ADT^A01", b"ACK^A01")), Peer(), door.heard.append)
    assert (door.heard, door.broker.sent) == ([b""] * 5, [])
    assert telemetry.ANSWERS_RECEIVED._value.get() - before == 5


def test_modes_that_are_not_in_the_table_are_answered_and_counted() -> None:
    door = Door()
    before = telemetry.UNKNOWN_ACK_CONDITIONS._value.get()
    assert [door.ask(adt(str(n), modes=m)) for n, m in enumerate(["XX|", "|XX", " |", "XX|AL", "al|NE", "AL|NE"])] == [
        "AA", "AA", "AA", "AA", "CA", "CA",
    ]  # fmt: skip
    assert telemetry.UNKNOWN_ACK_CONDITIONS._value.get() - before == 4


def test_a_frame_that_is_no_message_is_kept_if_it_says_whose_it_is() -> None:
    door = Door()
    for reason in (Reason.BAD_FRAME, Reason.TOO_LARGE):
        door.intake.refuse(Refused(reason, adt("T1")), Peer(), door.heard.append)
    assert [door.last() for _ in range(2)] == ["AE 207", "AE 102"]
    assert [(r.provider, r.control_id, r.refusal and r.refusal.reason, r.answer) for r in door.broker.sent] == [
        ("open", "T1", Reason.BAD_FRAME, "AE"),
        ("open", "T1", Reason.TOO_LARGE, "AE"),
    ]
    assert door.ask(adt("T1")) == "AA"  # what was not read does not use its control id up
    door.broker.sent.clear()
    for head in (b"", b"MSH|^~", adt(sender="NOBODY")):
        door.intake.refuse(Refused(Reason.BAD_FRAME, head), Peer(), door.heard.append)
        assert door.last() == "AE 102"
    assert door.broker.sent == []


def test_a_fault_that_nobody_may_be_told_ends_the_connection() -> None:
    door = Door()
    door.broker.fault = Faulted(Cause.BROKER_UNAVAILABLE)
    for modes, expected in {"NE|NE": None, "SU|NE": None}.items():
        door.submit(adt(modes=modes))
        assert door.heard.pop() is expected
    assert door.ask(adt(modes="ER|NE")) == "CE 207"
    door.submit(b"BHS|^~\\&|A\r" + adt(modes="NE|NE") + adt("C2"))
    assert door.heard == [None]
    door.broker.fault = None
    door.submit(adt(modes="NE|NE"))
    assert door.heard == [None, b""]


BATCH = b"BHS|^~\\&|APP|OPEN|||||note||B7\r"


def test_a_batch_takes_a_few_at_a_time_and_is_answered_in_order() -> None:
    door = Door()
    door.broker.is_slow = True
    door.submit(BATCH + b"".join(adt(f"C{n}" if n % 3 else "", more=f"NTE|{n}\r") for n in range(300)) + b"BTS|300\r")
    rounds = 0
    while door.broker.waiting:
        assert len(door.broker.waiting) <= 64
        assert door.heard == []
        door.broker.report()
        rounds += 1
    assert rounds == 5
    (said,) = door.heard
    assert said is not None
    told = [line for line in said.split(b"\r") if line.startswith(b"MSA")]
    assert told == [f"MSA|AA|C{n}".encode() if n % 3 else b"MSA|AE|" for n in range(300)]


def test_a_batch_of_which_nobody_wants_to_hear_is_not_answered() -> None:
    door = Door()
    assert door.submit(BATCH + adt(modes="NE|NE") + adt("C2", modes="NE|NE") + b"BTS|2\r")
    assert (door.heard, len(door.broker.sent)) == ([b""], 2)
    door.submit(BATCH + adt().replace(b"ADT^A01", b"ACK") + b"BTS|1\r")  # a batch that answers a batch
    assert door.heard == [b"", b""]


def test_a_batch_that_is_refused_is_kept_and_told_by_its_own_control_id() -> None:
    door = Door()
    assert door.submit(BATCH + b"PID|1||99\r" + adt() + b"BTS|1\r")
    assert b"MSA|AE|B7\rERR|||100^" in (door.heard[0] or b"")
    assert b"|after BHS|" in (door.heard[0] or b"")
    (kept,) = door.broker.sent
    assert (kept.control_id, kept.provider, kept.refusal and kept.refusal.reason) == ("B7", "open", Reason.BAD_SEGMENT)


def test_what_is_no_message_is_told_apart() -> None:
    door = Door()
    assert [door.submit(raw) for raw in (b"", b"x", b"MSH|^^|x", b"BHS|^^", BATCH + b"MSH|\r" * 70)] == [False] * 5
    assert [door.submit(raw) for raw in (adt("C3"), adt(sender="NOBODY"), BATCH + b"MSH|\r" + adt("C4"))] == [True] * 3


def test_hostile_batches_cost_little() -> None:
    door = Door()
    size = 4 * 1024 * 1024
    smallest = b"MSH|^~\\&|A|OPEN|||||ADT^A01|%06d|P|2.5\rPID|1||7\r"
    began = time.process_time()
    door.submit(BATCH + b"MSH|\r" * (size // 5))
    door.submit(BATCH + b"".join(smallest % n for n in range(size // len(smallest % 0))))
    door.submit(b"BHS|^~\\&|" + b"A|" * 2000 + b"\r" + adt() + b"BTS|\r" * 200_000)
    door.submit(b"MSH|^~\\&|" + b"\\" * size + b"|OPEN|||2026||ADT^A01|C2|P|2.5\rPID|1||7^^^H\r")
    assert time.process_time() - began < 2
    assert all(said is not None and len(said) < 10_000 for said in door.heard)


def answered(raw: bytes, peer: Peer, then: Directory | Faulted) -> str:
    """What is answered while the directory is kept; ``then``: what it reads as from now on."""

    async def run() -> str:
        door, now = Door(), list[Directory | Faulted]([KNOWN])

        async def refresh(known: Senders | None) -> Directory | None:
            if isinstance(now[-1], Faulted):
                raise now[-1]
            return None if now[-1] is known else now[-1]

        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(_keep_directory(door.intake, Parts(Codec(), Pseudonyms(b"k"), refresh, lambda: 1)))
            await asyncio.sleep(0.01)
            now.append(then)
            door.submit(raw, peer)
            assert door.heard == []
            async with asyncio.timeout(5):
                while not door.heard:  # noqa: ASYNC110  the answer, however it comes
                    await asyncio.sleep(0.01)
            task.cancel()
        return door.last()

    return asyncio.run(run())


STRANGERS = [
    (adt(sender="NEW"), Peer(), "AE 204"),
    (adt(sender="PROVEN"), Peer(CERTIFICATE), "AE 204"),
    (adt(sender="LATIN", more="NTE|1||Ærø\r", encoding="latin-1"), Peer(), "AE 102"),
]


@pytest.mark.parametrize(("raw", "peer", "final"), STRANGERS)
def test_one_who_was_registered_a_moment_ago_is_known(raw: bytes, peer: Peer, final: str) -> None:
    assert answered(raw, peer, MORE) == "AA"
    assert answered(raw, peer, KNOWN) == final


@pytest.mark.parametrize(("raw", "peer", "final"), STRANGERS)
def test_nobody_is_refused_for_good_while_the_directory_cannot_be_read(raw: bytes, peer: Peer, final: str) -> None:
    assert answered(raw, peer, Faulted(Cause.LEDGER_UNAVAILABLE)) == "AE 207" != final


def test_strangers_hold_so_much() -> None:
    door = Door()
    door.intake.on_unknown = lambda: None
    for n in range(20):
        door.submit(adt(f"C{n}", sender="NEW", more="OBX|" + "A" * 1_000_000))
    assert door.last() == "AE 207"  # too many wait already: it may be known, but not now
    assert sum(len(one.raw) for one in door.intake.unknown()) < 9_000_000
    assert door.intake.unknown() == []


def test_more_identifiers_than_a_record_holds_are_refused_and_the_message_is_kept() -> None:
    door = Door()
    assert door.ask(adt().replace(b"7^^^H", b"~".join(b"%d" % n for n in range(20_000)))) == "AE 207"
    (kept,) = door.broker.sent
    assert (kept.refusal, kept.identifiers) == (Refusal(Reason.TOO_COMPLEX, "PID-3"), ())


def results(control: str = "C1", *patients: str, value: str = "1") -> bytes:
    groups = "".join(f"PID|1||{p}^^^H\rOBX|1||GLU||{value}\r" for p in patients or ("7", "8", "9"))
    return f"MSH|^~\\&|APP|OPEN|||2026||ORU^R01|{control}|P|2.5\r{groups}".encode()


def test_a_message_about_several_patients_is_answered_once_when_all_of_it_is_durable() -> None:
    door = Door()
    door.broker.is_slow = True
    assert door.submit(results()) == 3
    assert ([r.control_id for r in door.broker.sent], door.heard) == (["C1", "C1-p2", "C1-p3"], [])
    assert len({r.patient_key for r in door.broker.sent}) == 3
    for _ in range(3):
        assert door.heard == []
        door.broker.waiting.pop(0)(None)
    assert (len(door.heard), door.last()) == (1, "AA")


def test_a_message_of_which_one_patients_part_was_not_recorded_may_come_again_as_it_is_or_anew() -> None:
    door = Door()
    door.broker.is_slow = True
    door.submit(results())
    first, second, third = door.broker.waiting
    first(None), second(Faulted(Cause.BROKER_TIMEOUT))
    assert door.heard == []
    third(None)
    assert door.last() == "AE 207"
    door.broker.is_slow, before = False, door.broker.sent[:]
    assert door.ask(results()) == "AA"
    assert [r.event_id for r in door.broker.sent[3:]] == [r.event_id for r in before]
    door.broker.fault = Faulted(Cause.OVERLOADED)
    assert door.ask(results("C2")) == "AE 207"
    door.broker.fault = None
    assert door.ask(results("C2", value="2")) == "AA"


def test_a_control_id_that_came_with_other_patients_is_refused_whole() -> None:
    door = Door()
    assert door.ask(results()) == "AA"
    assert door.ask(results(value="2")) == "AE 205"
    assert door.ask(results("C1", "7", "8", "9", "10")) == "AE 205"
    assert [(r.control_id, bool(r.refusal)) for r in door.broker.sent[3:]] == [("C1", True), ("C1", True)]
    assert door.broker.sent[3].raw == results(value="2")


def test_one_patient_who_cannot_be_taken_refuses_the_message_and_is_named() -> None:
    door = Door()
    door.submit(results("C1", "7", "8", ""))
    said = door.heard.pop() or b""
    assert b"PID^3^3" in said
    assert b"AE|C1" in said
    assert [(r.raw, r.patient_key) for r in door.broker.sent] == [(results("C1", "7", "8", ""), "")]


def test_a_batch_with_messages_about_several_patients() -> None:
    door = Door()
    door.broker.is_slow = True
    many = results("C1", *map(str, range(1, 101)))
    raw = b"BHS|^~\\&|A|OPEN\r" + many + adt("C2") + results("C3") + b"BTS|3\r"
    assert door.submit(raw) == 100  # room for no more beside it
    door.broker.report()
    door.broker.report()
    answer = door.heard.pop() or b""
    assert [line.split(b"|")[1:3] for line in answer.split(b"\r") if line[:3] == b"MSA"] == [[b"AA", b"C1"], [b"AA", b"C2"], [b"AA", b"C3"]]
    assert len(door.broker.sent) == 104


def test_as_many_patients_as_there_may_be_cost_little() -> None:
    door = Door()
    began = time.process_time()
    assert door.submit(results("C1", *map(str, range(1, 251)))) == 250
    assert door.ask(results("C2", *map(str, range(1, 301)))) == "AE 207"
    assert door.ask(b"MSH|^~\\&|APP|OPEN|||2026||ORU^R01|C3|P|2.5\r" + b"PID|||1\rPID|||2\r" * 5_000) == "AE 207"
    assert time.process_time() - began < 2


MERGE = adt().replace(b"ADT^A01", b"ADT^A40") + b"MRG|8^^^H~9^^^H\r"


def test_a_merge_is_recorded_among_the_messages_of_everybody_it_joins_and_answered_once_all_are_durable() -> None:
    door = Door()
    door.broker.is_slow = True
    door.submit(MERGE)
    keys = Pseudonyms(b"k").of_message([Identifier("H", v) for v in "789"], "open").links
    parts = {partition_of(key, Settings().partitions) for key in keys}
    assert len(parts) > 1
    assert {partition_of(key.decode(), Settings().partitions) for key in door.broker.keys} == parts
    assert (len(door.broker.sent), len({r.event_id for r in door.broker.sent})) == (len(parts), 1)
    assert door.broker.sent[0].patient_key == door.broker.keys[0].decode()
    first, *others = door.broker.waiting
    for report in others:
        report(None)
    assert door.heard == []
    first(None)
    assert door.last() == "AA"


def test_a_merge_of_which_one_copy_is_not_durable_is_not_acknowledged() -> None:
    door = Door()
    door.broker.is_slow = True
    door.submit(MERGE)
    first, *others = door.broker.waiting
    first(Faulted(Cause.BROKER_TIMEOUT))
    for report in others:
        report(None)
    assert door.last() == "AE 207"


def test_a_merge_that_is_refused_has_no_copies() -> None:
    door = Door()
    assert door.ask(adt()) == "AA"
    assert door.ask(MERGE) == "AE 205"
    assert len(door.broker.sent) == 2
