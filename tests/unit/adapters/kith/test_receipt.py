"""A receipt that comes in is read, and finds the message it is about."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.kith.receipt import Fault, Sent, Status, correlate, read
from hub.adapters.kith.reply import acknowledge, verdict
from hub.errors import Reason, Rejected
from hub.identity import kith_id
from hub.model import Detail, Form, Refusal
from tests.unit.adapters.kith.made import dialog, kith, logistics
from tests.unit.adapters.made import PV1, RECEIVED_US, RECIPIENT, hl7v2
from tests.unit.adapters.made import message as er7

OK = acknowledge(logistics("LOG_INNLAGT"), verdict(None), RECEIVED_US)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_receipt_of_either_version(version: str) -> None:
    refusal = Refusal(Reason.MISSING_PATIENT, "MsgHead/MsgInfo/Patient")
    found = read(acknowledge(logistics("LOG_INNLAGT"), verdict(refusal), RECEIVED_US, version))
    assert (found.version, found.status, found.faults) == (version, Status.REJECTED, (Fault("E30", "2.16.578.1.12.4.1.1.8221"),))
    assert (found.original_id, found.original_type, found.said_us) == ("m-1", "LOG_INNLAGT", RECEIVED_US // 1_000_000 * 1_000_000)
    assert found.senders == ("8143060", "942110464", "Saksbehandling", "Trondheim kommune")
    assert found.receivers == ("8094866", "974749025", "Medisinsk avdeling, Østmarka", "St. Olavs hospital HF")
    assert "m-1" not in repr(found)


@pytest.mark.parametrize(
    ("before", "after", "reason", "where"),
    [
        ('<Status V="1"', '<Status V="4"', Reason.BAD_VALUE, "AppRec/Status"),
        ("<MIGversion>1.0 2004-11-21</MIGversion>", "", Reason.MISSING_FIELD, "AppRec/MIGversion"),
        ("1.0 2004-11-21", "2.0", Reason.UNSUPPORTED_VERSION, "AppRec/MIGversion"),
        ("<Id>m-1</Id>", "<Id/>", Reason.MISSING_FIELD, "AppRec/OriginalMsgId/Id"),
        ("<Id>m-1</Id>", "", Reason.MISSING_FIELD, "AppRec/OriginalMsgId/Id"),
        ("<Id>m-1</Id>", f"<Id>{'m' * 256}</Id>", Reason.BAD_VALUE, "AppRec/OriginalMsgId/Id"),
        ("AppRec", "MsgHead", Reason.UNSUPPORTED_TYPE, "document"),
        ('2004-11-21"', '2005-01-01"', Reason.UNSUPPORTED_TYPE, "document"),
    ],
)  # fmt: skip
def test_a_receipt_that_cannot_be_read_says_why(before: str, after: str, reason: Reason, where: str) -> None:
    assert before in OK.decode()
    with pytest.raises(Rejected) as caught:
        read(OK.decode().replace(before, after).encode())
    assert (caught.value.reason, caught.value.where) == (reason, where)


def sent(raw: bytes, detail: Detail, control_id: str = "m-1") -> Sent:
    return Sent(kith(raw).event().event_id, RECIPIENT.id, detail, control_id)


@given(st.sampled_from(list(Detail)))
def test_a_receipt_finds_the_message_as_the_hub_sent_it(detail: Detail) -> None:
    raw = logistics("LOG_UTSKREVET")
    copy = kith(raw).render(Form.KITH, detail, RECIPIENT)
    found = read(acknowledge(copy, verdict(None), RECEIVED_US, "1.1"))
    ours = sent(raw, detail)
    others = [sent(dialog(), d, "m-2") for d in Detail] + [Sent(ours.event_id, "another", d, "m-3") for d in Detail]
    assert correlate(found, [*others, ours]) == ours
    assert correlate(found, others) is None


def test_also_of_a_message_that_came_as_hl7_v2() -> None:
    message = hl7v2(er7("ADT^A01", PV1))
    copy = message.render(Form.KITH, Detail.FULL, RECIPIENT)
    found = read(acknowledge(copy, verdict(None), RECEIVED_US))
    ours = Sent(message.event().event_id, RECIPIENT.id, Detail.FULL, message.received.control_id)
    assert found.original_id == kith_id(ours.event_id, Detail.FULL, RECIPIENT.id)
    assert correlate(found, [ours]) == ours


def test_a_senders_own_id_is_only_that_of_a_message_sent_as_it_came() -> None:
    raw = logistics("LOG_UTSKREVET")
    found = read(acknowledge(raw, verdict(None), RECEIVED_US))  # about m-1, which this recipient was never sent under that id
    assert correlate(found, [sent(raw, Detail.MINIMAL)]) is None


def test_an_id_that_two_senders_used_is_that_of_the_one_the_receipt_is_for() -> None:
    found = read(acknowledge(logistics("LOG_UTSKREVET"), verdict(None), RECEIVED_US))
    ours, theirs = (Sent(f"e-{sender}", RECIPIENT.id, Detail.FULL, "m-1", sender) for sender in ("8094866", "8143060"))
    assert correlate(found, [theirs, ours]) == ours
    assert correlate(found, [theirs, replace(theirs, event_id="e-3")]) is None
    assert correlate(found, [ours, replace(ours, event_id="e-3")]) is None  # about which of them cannot be said
    assert correlate(found, [theirs]) == theirs  # a unit's own names are not always those it is known by


def test_a_message_without_an_id_of_its_own_is_no_receipts() -> None:
    found = read(acknowledge(logistics("LOG_UTSKREVET"), verdict(None), RECEIVED_US))
    assert correlate(replace(found, original_id=""), [Sent("e", RECIPIENT.id, Detail.FULL, "")]) is None
