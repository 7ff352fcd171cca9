"""What of a v2 message is an item, and what is known of each."""

from datetime import datetime

import pytest

from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.mappings.times import span_us
from hub.model import Identifier, Item
from tests.unit.adapters.made import PV1, hl7v2, line, message

LOINC, ICD10 = "http://loinc.org", "http://hl7.org/fhir/sid/icd-10"
SOURCE = Identifier("urn:hub:provider", "st-olavs")
VISIT = Identifier("STOLAV", "V77")


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def items(kind: str, *segments: str) -> dict[str, Item]:
    return {i.key: i for i in hl7v2(message(kind, *segments)).items()}


def test_an_admission_is_a_visit_a_reason_and_what_is_told_beside_it() -> None:
    found = items(
        "ADT^A01",
        PV1,
        line("PV2", {3: "B20^HIV^I10"}),
        line("DG1", {1: "1", 3: "F10^alcohol^I10", 5: "20261119"}),
        "AL1|1|DA|7980^penicillin^SCT",
    )
    assert [(i.key, i.type) for i in found.values()] == [
        ("PV1[2]", "Encounter"), ("PV2-3", "Condition"), ("DG1[4]", "Condition"), ("AL1[5]", "AllergyIntolerance"),
    ]  # fmt: skip
    assert [key for key, item in found.items() if item.is_frame] == ["PV1[2]"]
    assert found["PV1[2]"].first_us == us("2026-11-20T08:25:00+01:00")
    assert found["PV1[2]"].ids == (VISIT,)
    assert found["PV2-3"].codes == ((ICD10, "B20"),)
    assert found["DG1[4]"] == Item(
        "DG1[4]", "Condition", (), ((ICD10, "F10"),), us("2026-11-19T00:00:00+01:00"), us("2026-11-20T00:00:00+01:00") - 1, (SOURCE,), (),
        (VISIT,),
    )  # fmt: skip


def test_a_report_is_its_orders_and_their_results() -> None:
    found = items(
        "ORU^R01", PV1, "ORC|RE|P1^SYS|F1^LAB", line("OBR", {1: "1", 4: "1234-5^panel^LN", 7: "20261120080000"}),
        line("OBX", {1: "1", 2: "CWE", 3: "7777-7^HIV^LN", 5: "165816005^positive^SCT", 14: "20261120", 16: "9144889^Lund^^^^^^^HPR"}),
        "NTE|1||note",
        "OBR|2||F2|9-9^other^LN", "OBX|1|NM|1-1^x^LN||7", "SPM|1|||BLD",
    )  # fmt: skip
    assert [(i.key, i.types[0]) for i in found.values()] == [
        ("ORC[3]", "ServiceRequest"), ("OBX[5]", "Observation"), ("OBR[7]", "ServiceRequest"), ("OBX[8]", "Observation"),
    ]  # fmt: skip
    assert all({*i.types[1:]} == {"Encounter", "DiagnosticReport", "Specimen"} for i in found.values())  # told as these too
    assert found["ORC[3]"].codes == ((LOINC, "1234-5"),)
    assert found["ORC[3]"].ids == (Identifier("SYS", "P1"), Identifier("LAB", "F1"))
    assert found["OBX[5]"].codes == ((LOINC, "7777-7"), ("http://snomed.info/sct", "165816005"))
    assert found["OBX[5]"].authors == (SOURCE, Identifier("urn:oid:2.16.578.1.12.4.1.4.4", "9144889"))


def test_an_order_label_is_one_of_its_item_and_a_header_label_one_of_every_item() -> None:
    raw = message("ORM^O01", "ORC|NW|1" + "|" * 26 + "PSY", "OBR|1|1||X", "ORC|NW|2", "OBR|2|2||Y").replace(
        b"20261120083015||", b"20261120083015|R|"
    )
    assert [i.labels for i in hl7v2(raw).items()] == [("R", "PSY"), ("R",)]


@pytest.mark.parametrize(
    ("kind", "segments", "types"),
    [
        ("RDE^O11", ("ORC|NW|1", "RXE||M01^x^ATC", "RXR|PO", "RXC|B|A^b^ATC"), ["MedicationRequest"]),
        ("RDS^O13", ("ORC|RE|1", "RXD|1|M01^x^ATC|20261120"), ["MedicationDispense"]),
        ("VXU^V04", ("ORC|RE|1", "RXA|0|1|20261120||08^HepB^CVX", "OBX|1|CE|1^a^LN||b"), ["Immunization", "Observation"]),
        ("MDM^T02", ("TXA|1|DS|TX|20261120||||||||D1", "OBX|1|TX|1^a^LN||text"), ["DocumentReference"]),
        ("PPR^PC1", ("PRB|AD|20261120|B20^x^I10", "OBX|1|NM|1^a^LN||1", "GOL|AD|20261120|1^g^L"), ["Condition", "Observation", "Goal"]),
        ("DFT^P03", ("FT1|1|||20261120||CG|X^y^LN", "PR1|1||A^b^LN", "DG1|1||B20^x^I10"), ["ChargeItem", "Procedure", "Condition"]),
        ("SIU^S12", ("SCH|1|2|||||1^why^SCT", "AIS|1||3^x^LN"), ["Appointment"]),
        ("REF^I12", ("RF1|A|R|MED", "DG1|1||B20^x^I10"), ["ServiceRequest", "Condition"]),
        ("ADT^A31", ("AL1|1|DA|1^x^LN",), ["Patient", "AllergyIntolerance"]),
        ("ADT^A60", ("IAM|1|DA|1^x^LN||A",), ["AllergyIntolerance"]),
        ("OUL^R22", ("SPM|1|||BLD", "OBX|1|NM|1^a^LN||1", "OBR|1||F|9^b^LN", "ORC|RE", "OBX|1|NM|2^c^LN||2"),
         ["Observation", "ServiceRequest", "Observation"]),
    ],
)  # fmt: skip
def test_every_family_has_its_items(kind: str, segments: tuple[str, ...], types: list[str]) -> None:
    assert [i.types[0] for i in items(kind, *segments).values()] == types


def test_no_kind_of_message_lacks_items_and_every_key_is_its_own() -> None:
    everything = [
        PV1,
        line("PV2", {3: "x"}),
        "SCH|1",
        "RF1|A",
        "PRB|AD||x",
        "FT1|1",
        "TXA|1",
        "ORC|NW",
        "OBR|1|||x",
        "OBX|1|NM|x||1",
        "IAM|1",
        "MRG|B^^^S",
    ]
    for trigger in KINDS:
        found = hl7v2(message(trigger, *everything)).items()
        assert found
        assert len({i.key for i in found}) == len(found)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026", "2026-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"),
        ("202612", "2026-12-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"),
        ("20260329", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        ("2026112008", "2026-11-20T08:00:00+01:00", "2026-11-20T09:00:00+01:00"),
        ("202611200825", "2026-11-20T08:25:00+01:00", "2026-11-20T08:26:00+01:00"),
        ("20261120082501+0200", "2026-11-20T08:25:01+02:00", "2026-11-20T08:25:02+02:00"),
    ],
)
def test_a_time_is_as_long_as_it_is_vague(text: str, first: str, after: str) -> None:
    assert span_us(text) == (us(first), us(after) - 1)


def test_an_instant_is_itself_and_what_is_no_time_is_none() -> None:
    assert span_us("20261120082501.5+0100") == (us("2026-11-20T08:25:01.500000+01:00"),) * 2
    assert (span_us(""), span_us("20261399"), span_us("soon"), span_us("9999")) == (None,) * 4
