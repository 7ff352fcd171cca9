"""A receipt for every message: by the official schemas, the same for the same, and with nothing of the patient."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.kith.document import parse
from hub.adapters.kith.receipt import Status
from hub.adapters.kith.reply import CODES, VERSIONS, WORDS, acknowledge, verdict
from hub.errors import Reason
from hub.model import Refusal
from tests.unit.adapters.kith.made import FNR, dialog, logistics, xsd
from tests.unit.adapters.made import RECEIVED_US

PATIENT = ("Bjørnstad", "Åse", "Ødegård", FNR, "Søndre", "1969", "90000001")
PLACE = "MsgHead/MsgInfo/Patient/Ident[1]/Id"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_code_and_a_receipt_by_the_schema(reason: Reason, version: str) -> None:
    assert CODES[reason] in WORDS
    raw = acknowledge(logistics("LOG_INNLAGT"), verdict(Refusal(reason, PLACE)), RECEIVED_US, version)
    assert xsd().faults(raw) == []
    root = parse(raw)[0]
    assert (root.value("Status"), root.value("Error")) == ("2", CODES[reason])
    assert not [word for word in PATIENT if word in raw.decode()]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("raw", [logistics("LOG_DOD", encoding="ISO-8859-1"), dialog(), b"hello", b"", b"<a/>", b"<!DOCTYPE a>",
                                 logistics("LOG_INNLAGT").replace(b"m-1", b"")])  # fmt: skip
def test_a_receipt_can_be_written_for_any_bytes(raw: bytes, version: str) -> None:
    for given_ in (verdict(None), verdict(Refusal(Reason.NO_TRANSLATION), taken=True), verdict(Refusal(Reason.BAD_XML, "line 1"))):
        made = acknowledge(raw, given_, RECEIVED_US, version)
        assert xsd().faults(made) == []
        assert parse(made)[0].value("Status") == given_.status
        assert acknowledge(raw, given_, RECEIVED_US, version) == made


def test_the_parties_change_places_and_the_message_is_named() -> None:
    root = parse(acknowledge(logistics("LOG_INNLAGT"), verdict(None), RECEIVED_US))[0]
    assert root.text("Sender", "HCP", "Inst", "Name") == "Trondheim kommune"
    assert root.text("Sender", "HCP", "Inst", "Dept", "Id") == "8143060"
    assert root.text("Receiver", "HCP", "Inst", "Id") == "974749025"
    assert root.value("Receiver", "HCP", "Inst", "Dept", "TypeId") == "HER"
    assert (root.text("OriginalMsgId", "Id"), root.value("OriginalMsgId", "MsgType")) == ("m-1", "LOG_INNLAGT")
    assert root.text("OriginalMsgId", "IssueDate") == "2026-11-20T08:30:15"
    assert root.first("Error") is None


def test_statuses() -> None:
    refusal = Refusal(Reason.NO_TRANSLATION)
    assert [verdict(None).status, verdict(refusal).status, verdict(refusal, taken=True).status] == [
        Status.OK,
        Status.REJECTED,
        Status.PARTLY,
    ]


def test_a_number_a_person_goes_by_is_no_organisations() -> None:
    raw = logistics("LOG_INNLAGT").replace(b'<Id>974749025</Id><TypeId V="ENH"', f'<Id>{FNR}</Id><TypeId V="FNR"'.encode())
    assert FNR.encode() not in acknowledge(raw, verdict(None), RECEIVED_US)
    strange = logistics("LOG_INNLAGT").replace(b'Type V="LOG_INNLAGT"', f'Type V="{FNR}"'.encode())
    assert FNR.encode() not in acknowledge(strange, verdict(Refusal(Reason.UNSUPPORTED_TYPE)), RECEIVED_US)


@given(st.binary(max_size=100))
def test_the_id_is_that_of_the_message_and_the_verdict(raw: bytes) -> None:
    ids = {
        parse(acknowledge(raw, v, RECEIVED_US + n))[0].text("Id") for n in (0, 9) for v in (verdict(None), verdict(Refusal(Reason.BAD_XML)))
    }
    assert len(ids) == 2
