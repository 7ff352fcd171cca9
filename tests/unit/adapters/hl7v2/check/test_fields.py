"""Fields against the standard: required, repeated, divided, typed and coded as their version says."""

import pytest

from hub.adapters.finding import Severity
from tests.unit.adapters.hl7v2.check.made import EVN, GOOD, MSH, OBR, PD1, PID, PV1, found, raw, spoiled, with_field

ORU = with_field(MSH, 9, "ORU^R01^ORU_R01")


def oru(obx: str) -> bytes:
    return raw(ORU, PID, PD1, PV1, OBR, obx)


@pytest.mark.parametrize(
    ("message", "expected", "words"),
    [
        (spoiled(("PID", 5, "")), "standard.required-field PID-5", "required"),
        (spoiled(("PV1", 2, "I~O")), "standard.repetitions PV1-2", "1 time"),
        (spoiled(("PID", 60, "x")), "standard.extra-field PID-60", "field 39"),
        (spoiled(("PID", 8, "F^x")), "standard.extra-component PID-8.2", "no components"),
        (spoiled(("PID", 5, "^".join("abcdefghijklmnopq"))), "standard.extra-component PID-5.15", "component 14"),
        (spoiled(("PID", 7, "19690231")), "standard.type PID-7.1", "8 characters, digits"),
        (spoiled(("PID", 25, "two")), "standard.type PID-25", "3 characters, letters"),
        (spoiled(("PID", 1, "12345")), "standard.type PID-1", "SI"),
        (spoiled(("PID", 24, "X")), "standard.table PID-24", "0136"),
        (spoiled(("PV1", 19, "V77^^^STOLAV&1.2.3&OID")), "standard.table PV1-19.4.3", "0301"),
        (spoiled(("MSH", 12, "2.7"), ("PID", 3, "A77^^^STOLAV&1.2.3&ISO")), "standard.required-component PID-3.5", "CX"),
        (oru("OBX|1|NM|2951-2^Sodium^LN||>140|mmol/L|||||F"), "standard.type OBX-5", "NM"),
        (oru("OBX|1|DT|2951-2^Sodium^LN||20261301||||||F"), "standard.type OBX-5", "DT"),
        (oru("OBX|1|SN|2951-2^Sodium^LN||<^ten||||||F"), "standard.type OBX-5.2", "NM"),
        (oru("OBX|1|NM|2951-2^Sodium^LN||140||||||Q"), "standard.table OBX-11", "0085"),
        (raw(with_field(MSH, 12, "2.8"), EVN, with_field(PID, 19, "1"), PD1, PV1), "standard.withdrawn-field PID-19", "2.8"),
    ],
)
def test_each_fault_is_told_at_its_place(message: bytes, expected: str, words: str) -> None:
    told = found(message)
    assert expected in told
    assert words in told[expected].problem
    assert told[expected].severity is not Severity.ERROR


def test_delete_is_no_fault_of_type_and_fills_what_is_required() -> None:
    assert not any(code.startswith("standard.") for code in found(spoiled(("PID", 5, '""'), ("PID", 7, '""'), ("PID", 24, '""'))))


def test_a_z_segment_and_a_segment_of_no_version_are_not_looked_into() -> None:
    assert set(found(raw(*GOOD, "ZPI|" + "~" * 9 + "x^y"))) == {"segment.local ZPI"}
    assert set(found(raw(*GOOD, "QQQ|" + "~" * 9 + "x^y"))) == {"standard.unknown-segment QQQ"}


@pytest.mark.parametrize(
    "version", ["2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2", "2.9"]
)
def test_every_version_is_judged_by_its_own_tables(version: str) -> None:
    told = found(raw(with_field(MSH, 12, version), EVN, with_field(PID, 24, "X"), PD1, PV1))
    assert ("standard.table PID-24" in told) is (version not in {"2.1", "2.2", "2.3"})  # the library has no tables before 2.3.1
    assert not any(code.startswith("refused.") for code in told)


def test_a_fault_of_the_hub_is_not_told_again_as_one_of_the_standard() -> None:
    told = found(spoiled(("EVN", 6, "yesterday"), ("PV1", 2, ""), ("MSH", 10, "")))
    assert "standard.required-field MSH-10" not in told
    told = found(spoiled(("EVN", 6, "yesterday"), ("PV1", 2, "")))
    assert {c for c in told if "EVN-6" in c or "PV1-2" in c} == {"time.unreadable EVN-6", "pathway.no-class PV1-2"}
