from typing import Any

from hub.adapters.fhir.document import Entries
from hub.adapters.fhir.er7 import medicine
from tests.unit.adapters.fhir.er7.composed import SNOMED, coded, much, named, row_fields, to

NONE = Entries({})
DAY = {"value": 1, "unit": "d", "code": "d"}
DOSAGE = {
    "additionalInstruction": [{"text": "med mat"}, {"text": "ikke knuses"}, coded(SNOMED, "1", "svelges hel")],
    "patientInstruction": "en om dagen",
    "doseAndRate": [
        {
            "doseRange": {"low": much(1, "tablett"), "high": much(2, "tablett")},
            "rateRatio": {"numerator": much(5, "mL", "mL"), "denominator": {"value": 2, "code": "h"}},
        }
    ],
    "maxDosePerPeriod": {"numerator": much(4, "tablett"), "denominator": DAY},
    "route": coded("http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration", "PO", text="oral"),
    "site": {"text": "munn"},
    "method": coded(SNOMED, "419747000"),
}
PARACET = named(
    "med",
    "Medication",
    code=coded("http://www.whocc.no/atc", "N02BE01", "Paracetamol"),
    form={"text": "tablett"},
    batch={"lotNumber": "L1", "expirationDate": "2027-01"},
    ingredient=[
        {
            "itemCodeableConcept": coded("http://www.whocc.no/atc", "N02BE01", "Paracetamol"),
            "strength": {"numerator": much(500, "mg", "mg"), "denominator": much(1, "tablett")},
        },
        {
            "itemCodeableConcept": {"text": "laktose"},
            "isActive": False,
            "strength": {"numerator": much(2, "mg", "mg"), "denominator": much(5, "mL", "mL")},
        },
    ],
)
REQUEST: dict[str, Any] = {
    "medicationReference": to("med"),
    "dosageInstruction": [DOSAGE],
    "requester": {"display": "Kari Lund"},
    "reasonCode": [{"text": "smerter"}],
    "identifier": [{"value": "R1", "type": {"text": "prescription number"}}],
    "dispenseRequest": {
        "quantity": much(100, "stk"),
        "numberOfRepeatsAllowed": 3,
        "performer": {"display": "Apotek 1"},
        "initialFill": {"quantity": much(20, "stk")},
        "dispenseInterval": much(30, "d", "d"),
    },
}


def test_what_was_ordered_stands_in_rxo() -> None:
    told = row_fields(medicine.RXO, REQUEST | {"substitution": {"allowedCodeableConcept": coded("0161", "G")}}, dict([PARACET]))
    assert told == {
        1: "N02BE01^Paracetamol^ATC",
        2: "1",
        3: "2",
        4: "tablett",
        5: "^tablett",
        6: "^med mat~^ikke knuses",
        7: "^en om dagen",
        9: "G",
        11: "100",
        12: "stk",
        13: "3",
        14: "^Kari Lund",
        17: "H2",
        18: "500",
        19: "mg^mg^UCUM",
        20: "^smerter",
        21: "5",
        22: "mL^mL^UCUM",
        23: "4^tablett",
        25: "1",
        26: "tablett",
        28: "30",
    }


def test_how_the_pharmacy_takes_it_stands_in_rxe() -> None:
    told = row_fields(medicine.RXE, REQUEST | {"substitution": {"allowedCodeableConcept": coded("0167", "N")}}, dict([PARACET]))
    assert told == {
        2: "N02BE01^Paracetamol^ATC",
        3: "1",
        4: "2",
        5: "tablett",
        6: "^tablett",
        7: "^med mat~^ikke knuses",
        9: "N",
        10: "100",
        11: "stk",
        12: "3",
        13: "^Kari Lund",
        15: "R1",
        19: "4^tablett",
        21: "^en om dagen",
        22: "H2",
        23: "5",
        24: "mL^mL^UCUM",
        25: "500",
        26: "mg^mg^UCUM",
        27: "^smerter",
        33: "1",
        34: "tablett",
        39: "20",
        40: "^Apotek 1",
    }


def test_every_instruction_is_told() -> None:
    assert row_fields(medicine.RXE, {"dosageInstruction": [{"text": "1 tablett morgen"}]})[7] == "^1 tablett morgen"
    both = {
        "dosageInstruction": [
            {"additionalInstruction": [{"text": "høyst 4 i døgnet"}]},
            {"additionalInstruction": [{"text": "ikke med alkohol"}]},
        ]
    }
    assert row_fields(medicine.RXE, both)[7] == "^høyst 4 i døgnet~^ikke med alkohol"


def test_a_dose_nobody_knows_is_none_and_not_nothing() -> None:
    assert medicine.rxe({}, NONE) == 'RXE||NI^no information^NULLFL|""||NI^no information^NULLFL'


def test_how_it_is_given_stands_in_rxr() -> None:
    assert medicine.rxr(REQUEST, NONE) == ["RXR|PO^oral^HL70162|^munn||CH^^HL70165|1^svelges hel^SCT"]
    assert medicine.rxr({"dosageInstruction": [DOSAGE, DOSAGE]}, NONE) == medicine.rxr(REQUEST, NONE)
    assert medicine.rxr({}, NONE) == ["RXR|NI^no information^NULLFL"]


def test_what_else_is_in_it_stands_in_rxc() -> None:
    entries = Entries({"entry": [{"fullUrl": "urn:uuid:med", "resource": PARACET[1]}]})
    assert list(medicine.rxc(REQUEST, entries)) == ["RXC|B|^laktose|2|mg^mg^UCUM|2|mg^mg^UCUM||5|mL^mL^UCUM"]


def test_what_was_handed_out_stands_in_rxd() -> None:
    dispense = {
        "medicationReference": to("med"),
        "whenHandedOver": "2026-11-20",
        "quantity": much(100, "stk"),
        "authorizingPrescription": [{"identifier": REQUEST["identifier"][0]}],
        "note": [{"text": "kjølevare"}, {"text": "a\nb"}],
        "performer": [{"actor": {"display": "Ola Dahl", "type": "Practitioner"}}, {"actor": to("shop")}],
        "substitution": {"wasSubstituted": True},
        "dosageInstruction": [DOSAGE],
        "destination": {"display": "Post 3"},
        "type": coded("0484", "R"),
    }
    assert row_fields(medicine.RXD, dispense, dict([PARACET, named("shop", "Organization", name="Apotek 1")])) == {
        2: "N02BE01^Paracetamol^ATC",
        3: "20261120",
        4: "100",
        5: "stk",
        6: "^tablett",
        7: "R1",
        9: "kjølevare",
        10: "^Ola Dahl",
        11: "G",
        12: "4^tablett",
        13: "Post 3",
        15: "^med mat~^ikke knuses",
        16: "500",
        17: "mg^mg^UCUM",
        18: "L1",
        19: "202701",
        28: "1",
        29: "tablett",
        30: "^Apotek 1",
        33: "R^^HL70484",
    }
    assert medicine.remarks(dispense) == ["NTE|1||a~b"]
