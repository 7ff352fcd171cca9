"""Every need of the hub: a message that breaks it is told so at the right place, and the good message breaks none."""

import pytest

from hub.adapters.finding import Severity
from hub.adapters.hl7v2.check.needs import NEEDS
from hub.adapters.profile import Terms
from tests.unit.adapters.hl7v2.check.made import EVN, GOOD, MSH, OBR, PD1, PID, PV1, found, raw, spoiled, with_field

OBX = "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|||||F"
ORU = with_field(MSH, 9, "ORU^R01^ORU_R01")
A03 = with_field(MSH, 9, "ADT^A03^ADT_A03")
A40 = with_field(MSH, 9, "ADT^A40^ADT_A39")
A45 = with_field(MSH, 9, "ADT^A45^ADT_A45")


def oru(obx: str) -> bytes:
    return raw(ORU, PID, PD1, PV1, OBR, obx)


# what is told, and a message that breaks the rule
BROKEN = {
    "identity.no-authority PID-3.4": spoiled(("PID", 3, "A77")),
    "identity.local-authority PID-3.4": spoiled(("PID", 3, "13116900216^^^&2.16.578.1.12.4.1.4.1&ISO~A77^^^STOLAV")),
    "identity.not-a-person-number PID-3.1": spoiled(("PID", 3, "13116900217^^^&2.16.578.1.12.4.1.4.1&ISO^FNR")),
    "identity.no-person-number PID-3": spoiled(("PID", 3, "A77^^^STOLAV&2.16.578.1.99.1&ISO^MR")),
    "identity.names-nobody PID-3.1": spoiled(("PID", 3, "13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~UNKNOWN^^^STOLAV&1.2&ISO^MR")),
    "identity.not-read PID-2": spoiled(("PID", 2, "B88")),
    "merge.no-authority MRG-1.4": raw(A40, EVN, PID, PD1, "MRG|B88"),
    "merge.nobody MRG-1": raw(A40, EVN, PID, PD1, "MRG|A77^^^STOLAV&2.16.578.1.99.1&ISO^MR"),
    "merge.moved-from-another MRG-1": raw(A45, EVN, PID, PD1, "MRG|B88^^^STOLAV&2.16.578.1.99.1&ISO^MR||||V1", PV1),
    "routing.no-municipality PID-11.9": spoiled(("PID", 11, "Søndre gate 12^^Trondheim")),
    "routing.no-gp PD1-4": spoiled(("PD1", 4, "")),
    "routing.gp-unknown PD1-4.9": spoiled(("PD1", 4, "9144889^Lund^Kari")),
    "routing.no-receiver MSH-6": spoiled(("MSH", 5, ""), ("MSH", 6, "")),
    "pathway.no-class PV1-2": spoiled(("PV1", 2, "")),
    "pathway.unknown-class PV1-2": spoiled(("PV1", 2, "Q")),
    "pathway.no-ward PV1-3": spoiled(("PV1", 3, "")),
    "pathway.no-visit-number PV1-19": spoiled(("PV1", 19, '""')),
    "pathway.no-admission-time PV1-44": spoiled(("PV1", 44, "")),
    "pathway.no-discharge-time PV1-45": raw(A03, EVN, PID, PD1, with_field(PV1, 45, "")),
    "time.no-event-time EVN-2": spoiled(("EVN", 2, ""), ("EVN", 6, "")),
    "time.unreadable EVN-6": spoiled(("EVN", 6, "yesterday")),
    "time.no-offset MSH-7": spoiled(("MSH", 7, "20261120083015")),
    "event.two EVN-1": spoiled(("EVN", 1, "A03")),
    "event.no-structure MSH-9.3": spoiled(("MSH", 9, "ADT^A01")),
    "event.wrong-structure MSH-9.3": spoiled(("MSH", 9, "ADT^A01^ADT_A03")),
    "consent.unknown-label PV2-22": raw(*GOOD, with_field("PV2", 22, "SECRET")),
    "consent.no-label MSH-8": spoiled(("MSH", 8, "MEDAVD")),
    "fhir.no-translation MSH-9": b"",  # every family the hub carries has one: see test_a_message_the_hub_cannot_translate
    "answer.unknown-mode MSH-15": spoiled(("MSH", 15, "YES")),
    "text.undeclared MSH-18": spoiled(("MSH", 18, "")),
    "text.misdeclared MSH-18": raw(with_field(MSH, 18, "8859/1"), *(s.replace("Å", "å").replace("Ø", "å") for s in GOOD[1:])),
    "text.byte-order-mark MSH-1": b"\xef\xbb\xbf" + raw(*GOOD),
    "text.line-ends MSH": raw(*GOOD, end="\r\n"),
    "text.early-truncation MSH-2": raw(*GOOD).replace(b"^~\\&", b"^~\\&#", 1),
    "text.long-control-id MSH-10": spoiled(("MSH", 10, "C" * 21)),
    "text.unfinished-escape PID-5": spoiled(("PID", 5, "Berg\\Dal^Ole")),
    "text.unknown-escape PID-5": spoiled(("PID", 5, "Berg\\Zxy\\Dal^Ole")),
    "document.not-base64 OBX-5.5": oru("OBX|1|ED|18842-5^Note^LN||^AP^PDF^Base64^not base64!||||||F"),
    "result.no-value-type OBX-2": oru(with_field(OBX, 2, "")),
    "result.no-status OBX-11": oru(with_field(OBX, 11, "")),
    "segment.local ZPI": raw(*GOOD, "ZPI|1"),
}


def test_the_good_message_is_good() -> None:
    assert found(raw(*GOOD)) == {}
    assert found(oru(OBX)) == {}
    assert found(raw(A40, EVN, PID, PD1, "MRG|B88^^^STOLAV&2.16.578.1.99.1&ISO^MR")) == {}


def test_there_is_a_message_for_every_need() -> None:
    assert {code.split()[0] for code in BROKEN} == {need.code for need in NEEDS}
    assert len({need.code for need in NEEDS}) == len(NEEDS)


@pytest.mark.parametrize("expected", [code for code, message in BROKEN.items() if message])
def test_what_is_broken_is_told_at_its_place(expected: str) -> None:
    told = found(BROKEN[expected])
    assert expected in told
    finding = told[expected]
    assert finding.severity is not Severity.ERROR
    assert finding.problem
    assert finding.instead
    assert finding.section.startswith("HL7 v2.5.1 ")


def test_a_need_is_told_at_the_first_segment_that_breaks_it() -> None:
    told = found(raw(ORU, PID, PD1, PV1, OBR, OBX, with_field(OBX, 2, ""), with_field(OBX, 2, "")))
    assert told["result.no-value-type OBX-2"].segment == 7


def test_escapes_of_the_standard_are_no_finding() -> None:
    assert found(spoiled(("PID", 5, "B\\T\\B\\F\\\\S\\\\R\\\\E\\^\\.br\\\\X0D0A\\\\H\\x\\N\\\\.sp+2\\"))) == {}


def test_what_the_sender_agreed_is_its_encoding() -> None:
    message = raw(with_field(MSH, 18, ""), *GOOD[1:], encoding="latin-1")
    assert "refused.bad_encoding MSH-18" in found(message)
    assert "text.undeclared MSH-18" in found(message, Terms(undeclared_encoding="8859/1"))


def test_a_message_the_hub_cannot_translate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.adapters.hl7v2.mappings.bundle.FAMILIES", {})
    assert "fhir.no-translation MSH-9" in found(raw(*GOOD))


def test_a_visit_moved_within_a_patient_merges_nobody_and_is_no_fault() -> None:
    moved = raw(A45, EVN, PID, PD1, "MRG|A77^^^STOLAV&2.16.578.1.99.1&ISO^MR||||V1", PV1)
    assert not [code for code in found(moved) if code.startswith("merge.")]


def test_every_refusal_of_the_text_is_told_in_words() -> None:
    assert "capital" in found(raw(*GOOD, "pv2|1"))["refused.bad_segment segment 6"].problem


def test_a_number_that_does_not_hold_is_told_once() -> None:
    told = found(spoiled(("PID", 3, "13116900217^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~A77^^^STOLAV&2.16.578.1.99.1&ISO^MR")))
    assert [code for code in told if code.startswith("identity.n")] == [
        "identity.not-a-person-number PID-3.1", "identity.no-person-number PID-3",
    ]  # fmt: skip


def test_a_policys_number_is_told_by_its_type() -> None:
    assert "identity.names-nobody PID-3.5" in found(spoiled(("PID", 3, "13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~W1^^^X&1.2&ISO^MB")))
