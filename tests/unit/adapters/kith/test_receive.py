"""What a KITH door records: every message that can be identified, with its refusal if it has one; header, sender, then content."""

from collections.abc import Sequence

import pytest

from hub.adapters.kith.receive import Door, answer, receive
from hub.errors import Reason, Rejected
from hub.identity import Pseudonyms
from hub.model import Adapter, Channel, Deliver, Provider, ProviderKind, Received, Refusal
from hub.numbers import PersonNumbers
from tests.unit.adapters.kith.made import logistics, message

DOOR = Door(Pseudonyms(b"k"))
STOLAV = Provider("st-olavs", "St. Olavs", ProviderKind.HOSPITAL, "974749025", ("8094866",), Deliver(Channel.MAILBOX))


def stolav(names: Sequence[str], where: str) -> Provider:
    if "8094866" not in names:
        raise Rejected(Reason.UNKNOWN_SENDER, where)
    return STOLAV


def taken(raw: bytes, door: Door = DOOR) -> Received:
    found = receive(raw, stolav, door, 5)
    assert isinstance(found, Received)
    return found


def test_a_message_is_recorded_as_it_came() -> None:
    raw = logistics("LOG_INNLAGT", encoding="ISO-8859-1")
    found = taken(raw)
    assert (found.adapter, found.provider, found.control_id, found.trigger, found.answer) == (
        Adapter.KITH, "st-olavs", "m-1", "LOG_INNLAGT", "202",
    )  # fmt: skip
    assert (found.raw, found.encoding, found.received_us, found.refusal) == (raw, "iso-8859-1", 5, None)
    assert found.patient_key == DOOR.pseudonyms.of_message(found.identifiers, "st-olavs").patient
    assert taken(raw).event_id == found.event_id
    assert taken(raw + b"\n").event_id != found.event_id


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("8094866", "1", Reason.UNKNOWN_SENDER),
        ("<GenDate>2026-11-20T08:30:15</GenDate>", "", Reason.MISSING_FIELD),
        ('"LOG_INNLAGT"', '"NOE_ANNET"', Reason.UNSUPPORTED_TYPE),
        ("<Id>13116900216</Id>", "<Id/>", Reason.MISSING_PATIENT),
    ],
)
def test_what_can_be_identified_is_recorded_with_its_refusal(before: str, after: str, reason: Reason) -> None:
    found = taken(logistics("LOG_INNLAGT").decode().replace(before, after).encode())
    assert found.refusal is not None
    assert (found.refusal.reason, found.control_id) == (reason, "m-1")
    assert found.answer == answer(found.refusal) != "202"


def test_the_sender_is_told_before_the_content() -> None:
    raw = logistics("LOG_INNLAGT").decode().replace("8094866", "1").replace("<GenDate>2026-11-20T08:30:15</GenDate>", "")
    assert taken(raw.encode()).refusal == Refusal(Reason.UNKNOWN_SENDER, "MsgHead/MsgInfo/Sender")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"hello", Reason.BAD_XML),
        (b"<!DOCTYPE a><a/>", Reason.UNSAFE_XML),
        (b"<a/>", Reason.UNSUPPORTED_TYPE),
        (logistics("LOG_INNLAGT").replace(b"m-1", b""), Reason.MISSING_CONTROL_ID),
    ],
)
def test_what_cannot_be_identified_is_refused_bare(raw: bytes, reason: Reason) -> None:
    found = receive(raw, stolav, DOOR, 5)
    assert isinstance(found, Refusal)
    assert found.reason is reason


@pytest.mark.parametrize(("status", "allowed", "is_taken"), [("P", "P", True), ("D", "P", False), ("D", "PTD", True), ("", "P", True)])
def test_only_the_processing_ids_the_hub_takes(status: str, allowed: str, *, is_taken: bool) -> None:
    door = Door(DOOR.pseudonyms, frozenset(allowed))
    raw = message_with(status) if status else logistics("LOG_INNLAGT")
    found = taken(raw, door)
    assert (found.refusal is None) is is_taken
    assert is_taken or found.refusal == Refusal(Reason.UNSUPPORTED_PROCESSING_ID, "MsgHead/MsgInfo/ProcessingStatus")


def message_with(status: str) -> bytes:
    text = logistics("LOG_INNLAGT").decode()
    return text.replace("<MsgId>m-1</MsgId>", f'<MsgId>m-1</MsgId><ProcessingStatus V="{status}"/>').encode()


def test_a_person_number_that_is_not_for_this_hub() -> None:
    door = Door(DOOR.pseudonyms, person_numbers=PersonNumbers.REAL)
    found = taken(logistics("LOG_INNLAGT", patient="15720255178"), door)
    assert found.refusal == Refusal(Reason.UNWELCOME_PERSON_NUMBER, "MsgHead/MsgInfo/Patient/Ident[1]/Id")
    assert taken(logistics("LOG_INNLAGT"), door).refusal is None
    assert taken(message("LOG_INNLAGT"), door).refusal is not None  # no document at all
