"""What the gateway makes of one payload: accepted, or refused with the first fault a person should mend."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.er7 import Limits
from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.receive import Door, Peer, Rules, kafka_key, patient_key, receive, turned_away
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.errors import Reason
from hub.identity import Pseudonyms
from hub.model import Channel, Deliver, Identifier, Provider, ProviderKind, Received, Refusal
from hub.numbers import PersonNumbers
from hub.routing.directory import Directory

CERTIFICATE, OTHER = "ab" * 32, "cd" * 32


def provider(name: str, *senders: str, certificates: tuple[str, ...] = (), suspended: bool = False, undeclared: str = "") -> Provider:
    where = Deliver(Channel.MAILBOX)
    return Provider(name, name, ProviderKind.HOSPITAL, "", senders, where, certificates, suspended, undeclared)


PROVIDERS = [
    provider("open", "OPEN"),
    provider("proven", "PROVEN", certificates=(CERTIFICATE,)),
    provider("gone", "GONE", suspended=True),
    provider("latin", "LATIN", undeclared="iso8859-1"),
]
DOOR = Door(Directory(PROVIDERS, [], 1), Pseudonyms(b"secret"), Rules())


def message(
    sender: str = "OPEN", kind: str = "ADT^A01", processing: str = "P", pid: str = "PID|1||7^^^H", encoding: str = "utf-8"
) -> bytes:
    return f"MSH|^~\\&|APP|{sender}|||2026||{kind}|C1|{processing}|2.5\r{pid}\r".encode(encoding)


def judged(raw: bytes, peer: Peer = Peer(), door: Door = DOOR) -> Received | Refusal:  # noqa: B008  # frozen
    return receive(raw, peek(raw), peer, door, 1)


def reason(raw: bytes, peer: Peer = Peer()) -> str:  # noqa: B008  # frozen
    found = judged(raw, peer)
    assert isinstance(found, Received)
    return found.refusal.reason.value if found.refusal else "taken by " + found.provider


def test_taken() -> None:
    found = judged(message())
    assert isinstance(found, Received)
    assert (found.provider, found.sender, found.control_id, found.trigger, found.answer) == ("open", "OPEN", "C1", "ADT^A01", "AA")
    assert found.patient_key == DOOR.pseudonyms.of_message(found.identifiers, "open").patient
    assert kafka_key(found) == found.patient_key.encode()
    assert found == judged(message())


@pytest.mark.parametrize(
    ("raw", "identifiers", "others"),
    [
        (message(kind="ADT^A40", pid="PID|1||7^^^H~9^^^H\rMRG|8^^^H~9^^^H"), "79", "789"),
        (message(kind="ADT^A37", pid="PID|1||7^^^H\rPV1|1|I\rPID|2||8^^^H"), "7", "78"),
        (message(kind="ADT^A37", pid="PID|1||7^^^H"), "7", ""),
        (message(), "7", ""),
    ],
)
def test_a_message_about_two_patients_is_the_firsts_and_recorded_among_both_ones(raw: bytes, identifiers: str, others: str) -> None:
    found = judged(raw)
    assert isinstance(found, Received) and found.refusal is None
    assert [i.value for i in found.identifiers] == list(identifiers)
    assert set(found.also) == {DOOR.pseudonyms.link(Identifier("H", v), "open") for v in others}


@pytest.mark.parametrize(
    ("raw", "peer", "expected"),
    [
        (message("NOBODY"), Peer(), "unknown_sender"),
        (message(""), Peer(), "unknown_sender"),
        (message("GONE"), Peer(), "unknown_sender"),
        (message("PROVEN"), Peer(), "sender_mismatch"),  # its name is proven by certificate
        (message("PROVEN"), Peer(CERTIFICATE), "taken by proven"),
        (message("PROVEN"), Peer(OTHER), "sender_mismatch"),
        (message("OPEN"), Peer(CERTIFICATE), "sender_mismatch"),
        (message("NOBODY"), Peer(CERTIFICATE), "sender_mismatch"),
        (message(kind="MFN^M02"), Peer(), "unsupported_type"),
        (message(kind="ADT^A99"), Peer(), "unsupported_event"),
        (message(kind="MFN^M02", pid="ZZZ|1"), Peer(), "unsupported_type"),  # the first fault, not the missing patient
        (message(processing="X"), Peer(), "unsupported_processing_id"),
        (message(processing=""), Peer(), "taken by open"),
        (message(pid="PID|1"), Peer(), "missing_patient"),
        (message(pid="PID|1||7||Åse", encoding="latin-1"), Peer(), "bad_encoding"),
        (message("LATIN", pid="PID|1||7||Åse", encoding="latin-1"), Peer(), "taken by latin"),
        (message(kind="ADT^A37", pid="PID|1||7\rPID|2||8\rPID|3||9"), Peer(), "several_patients"),
        (message(kind="ADT^A37", pid="PID|1||7\rPID|2||"), Peer(), "missing_patient"),
        (message(kind="ADT^A40"), Peer(), "missing_segment"),  # transit would refuse it
        (message(kind="ADT^A34", pid="PID|1||7\rMRG|"), Peer(), "missing_field"),
        (message(kind="ADT^A41", pid="PID|1||7\rMRG|||9"), Peer(), "taken by open"),
        (message(kind="ADT^A40", pid="PID|1||7\rMRG|8"), Peer(), "taken by open"),
        (message(kind="ADT^A40", pid="PID|1||7\rMRG|" + "~".join(map(str, range(1, 102)))), Peer(), "too_complex"),
        (message(pid="PID|1||7\rMSH|^~\\&|B"), Peer(), "several_messages"),
        (message(pid="PID|1||7\rnte|1"), Peer(), "bad_segment"),
    ],
)
def test_judgements(raw: bytes, peer: Peer, expected: str) -> None:
    assert reason(raw, peer) == expected


def test_a_star_takes_whoever_no_other_claims() -> None:
    door = Door(Directory([*PROVIDERS, provider("any", "*")], [], 1), DOOR.pseudonyms)
    found = judged(message("NOBODY"), door=door)
    assert isinstance(found, Received)
    assert (found.provider, found.refusal) == ("any", None)


def test_what_is_refused_is_recorded_as_far_as_it_was_read() -> None:
    found = judged(message(kind="ADT^A99"))
    assert isinstance(found, Received)
    assert (found.provider, found.answer, [i.value for i in found.identifiers]) == ("open", "AR", ["7"])
    assert found.patient_key
    torn = judged(message() + b"\xff")
    assert isinstance(torn, Received)
    assert (torn.sender, torn.control_id, torn.trigger, torn.provider, torn.patient_key) == ("OPEN", "C1", "ADT^A01", "", "")
    assert len(kafka_key(torn)) == 32


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_transit_refuses_nothing_for_a_segment_that_the_door_took_without(kind: str) -> None:
    found = judged(message(kind=kind))
    assert isinstance(found, Received)
    if found.refusal is None:
        Hl7v2Message(found).event()


def test_as_many_segments_as_the_door_takes_are_read_behind_it() -> None:
    door = Door(DOOR.senders, DOOR.pseudonyms, Rules(limits=Limits(segments_max=60_000)))
    found = judged(message() + b"NTE|1\r" * 30_000, door=door)
    assert isinstance(found, Received)
    assert found.refusal is None
    assert Hl7v2Message(found).event().identifiers == found.identifiers


def test_what_is_turned_away_unread_is_kept_if_its_sender_may_speak() -> None:
    half, refusal = message()[:40], Refusal(Reason.BAD_FRAME)
    kept = turned_away(half, peek(half), Peer(), DOOR, refusal, 1)
    assert kept is not None
    assert (kept.provider, kept.sender, kept.refusal, kept.answer) == ("open", "OPEN", refusal, "AE")
    assert kept.raw == b"\x0b" + half
    assert isinstance(judged(kept.raw), Refusal)  # nobody takes it for a message when it is read again
    for raw, peer in [(message("NOBODY"), Peer()), (message("PROVEN"), Peer()), (message("OPEN"), Peer(OTHER)), (b"x", Peer())]:
        assert turned_away(raw, peek(raw), peer, DOOR, refusal, 1) is None
    of_batch = turned_away(b"BHS|^~\\&|APP|OPEN|||||note||B7\r", peek(b"BHS|^~\\&|APP|OPEN|||||note||B7\r"), Peer(), DOOR, refusal, 1)
    assert of_batch is not None
    assert (of_batch.application, of_batch.sender, of_batch.control_id, of_batch.trigger) == ("APP", "OPEN", "B7", "")


def test_a_control_id_with_a_control_byte_is_refused_and_told_as_it_came() -> None:
    raw = message().replace(b"|C1|", b"|C\t1|")
    assert reason(raw) == "bad_value"
    assert peek(raw).fields[10] == "C\t1"


@pytest.mark.parametrize("raw", [b"", b"hello", b"PID|1", b"MSH|^^\\&|A", b"MSH"])
def test_what_has_no_header_cannot_be_recorded(raw: bytes) -> None:
    assert isinstance(judged(raw), Refusal)


@given(
    st.lists(st.builds(Identifier, st.sampled_from(["", "H", "urn:oid:2.16.578.1.12.4.1.4.1"]), st.text(max_size=5)), max_size=4).map(tuple)
)
def test_the_key_of_a_patient_is_the_one_identity_gives(found: tuple[Identifier, ...]) -> None:
    expected = DOOR.pseudonyms.of_message(found, "p").patient if found else ""
    assert patient_key(found, "p", DOOR.pseudonyms) == expected


@given(
    st.binary(max_size=300) | st.binary(max_size=300).map(lambda b: message() + b) | st.binary(max_size=60).map(lambda b: b"MSH|^~\\&|" + b)
)
def test_nothing_is_raised_and_a_refusal_has_an_answer(raw: bytes) -> None:
    found = judged(raw)
    assert isinstance(found, Refusal) or found.raw == raw


def test_the_reasons_a_sender_hears_are_in_the_table() -> None:
    assert isinstance(judged(b"x"), Refusal)
    assert judged(b"x") == Refusal(Reason.NO_HEADER, "MSH")


REAL, SYNTHETIC = "15076500565", "10915596784"


@pytest.mark.parametrize(
    ("pid", "allowed", "place"),
    [
        (f"PID|1||7^^^H~{SYNTHETIC}", PersonNumbers.REAL, "PID-3"),
        (f"PID|1||7^^^H~{REAL}", PersonNumbers.SYNTHETIC, "PID-3"),
        (f"PID|1|{REAL}|7^^^H", PersonNumbers.SYNTHETIC, "PID-2"),
        (f"PID|1||7^^^H|{REAL}", PersonNumbers.SYNTHETIC, "PID-4"),
        (f"PID|1||7^^^H{'|' * 16}{REAL}", PersonNumbers.SYNTHETIC, "PID-19"),
        (f"PID|1||7^^^H\rMRG|8^^^H~{REAL}", PersonNumbers.SYNTHETIC, "MRG-1"),
        (f"PID|1||{REAL}\rMRG|{SYNTHETIC}", PersonNumbers.ANY, ""),
        (f"PID|1||{REAL}\rMRG|8^^^H", PersonNumbers.REAL, ""),
        (f"PID|1||{SYNTHETIC}", PersonNumbers.SYNTHETIC, ""),
    ],
)
def test_a_number_the_hub_does_not_take_is_named_by_its_field(pid: str, allowed: PersonNumbers, place: str) -> None:
    found = judged(message(pid=pid), door=Door(DOOR.senders, DOOR.pseudonyms, Rules(person_numbers=allowed)))
    assert isinstance(found, Received)
    assert found.refusal == (Refusal(Reason.UNWELCOME_PERSON_NUMBER, place) if place else None)
    assert found.answer == ("AE" if place else "AA")
    assert REAL not in repr(found) and SYNTHETIC not in repr(found)
