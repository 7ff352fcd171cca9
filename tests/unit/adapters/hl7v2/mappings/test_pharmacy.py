"""Medication: requested (RXO), as the pharmacy understood it (RXE), and handed out (RXD)."""

from typing import Any

import pytest

from tests.unit.adapters.made import PV1, hl7v2, line, message, of, rendered

HL7 = "http://terminology.hl7.org/CodeSystem/"
UCUM = "http://unitsofmeasure.org"
ORC = {1: "NW", 2: "P1^DIPS"}
RXO = {1: "N02BE01^Paracetamol^ATC"}
RXE = {2: "N02BE01^Paracetamol^ATC"}
RXD = {2: "N02BE01^Paracetamol^ATC"}


def bundle(kind: str, *segments: str) -> dict[str, Any]:
    return rendered(hl7v2(message(kind, *segments)))


def requested(rxo: dict[int, str], *behind: str) -> dict[str, Any]:
    return of(bundle("ORM^O01", line("ORC", ORC), line("RXO", RXO | rxo), *behind), "MedicationRequest")[0]


def encoded(rxe: dict[int, str], *behind: str, kind: str = "RDE^O11") -> dict[str, Any]:
    return bundle(kind, line("ORC", ORC), line("RXE", RXE | rxe), *behind)


def dispensed(rxd: dict[int, str], orc: dict[int, str] | None = None, *behind: str) -> dict[str, Any]:
    return of(bundle("RDS^O13", line("ORC", ORC | (orc or {})), line("RXD", RXD | rxd), *behind), "MedicationDispense")[0]


def test_a_prescription_from_a_norwegian_hospital() -> None:
    made = bundle(
        "RDE^O11", PV1, line("ORC", {1: "NW", 2: "P1^DIPS", 9: "20261120080000", 10: "1^Moe^Ida", 12: "9144889^Lund^Kari^^^Dr."}),
        line("RXO", {1: "N02BE01^Paracetamol^ATC", 2: "500", 3: "1000", 4: "mg^^UCUM", 5: "TAB^Tablett^L", 20: "R52^Smerte^I10"}),
        line("RXE", {2: "051234^Paracet 500 mg^L", 3: "1", 5: "tbl^tablett^L", 10: "20", 11: "stk", 12: "2", 15: "RX77^APOTEK",
                     19: "4^g^UCUM", 21: "Tas med vann", 25: "500", 26: "mg^^UCUM"}),
        line("TQ1", {1: "1", 3: "Q6H", 10: "ved smerter", 9: "R"}), "RXR|PO^Peroralt^HL70162", "NTE|1||Obs lever",
    )  # fmt: skip
    original, filler = of(made, "MedicationRequest")
    assert (original["intent"], filler["intent"], filler["status"]) == ("original-order", "filler-order", "active")
    assert filler["basedOn"] == [{"reference": f"urn:uuid:{original['id']}"}]
    assert original["requester"]["display"] == filler["requester"]["display"] == "Dr. Kari Lund"
    assert (filler["recorder"]["display"], filler["authoredOn"]) == ("Ida Moe", "2026-11-20T08:00:00+01:00")
    assert original["reasonCode"][0]["text"] == "Smerte"
    (dose,) = original["dosageInstruction"]
    assert dose["doseAndRate"][0]["doseRange"]["high"] == {"value": 1000, "unit": "mg", "system": UCUM, "code": "mg"}
    (dose,) = filler["dosageInstruction"]
    assert (dose["timing"]["code"]["coding"][0]["code"], dose["route"]["coding"][0]["code"]) == ("Q6H", "PO")
    assert (dose["patientInstruction"], dose["additionalInstruction"]) == ("Tas med vann", [{"text": "ved smerter"}])
    assert dose["doseAndRate"][0]["doseQuantity"] == {"value": 1, "unit": "tablett", "system": f"{HL7}v2-0396/L", "code": "tbl"}
    assert dose["maxDosePerPeriod"]["numerator"]["value"] == 4
    supply = filler["dispenseRequest"]
    assert (supply["quantity"]["value"], supply["numberOfRepeatsAllowed"]) == (20, 2)
    assert [i["value"] for i in filler["identifier"]] == ["RX77", "P1"]
    drugs = {m["code"]["text"]: m for m in of(made, "Medication")}
    assert drugs["Paracetamol"]["form"]["text"] == "Tablett"
    assert drugs["Paracet 500 mg"]["ingredient"][0]["strength"] == {
        "numerator": {"value": 500, "unit": "mg", "system": UCUM, "code": "mg"}, "denominator": {"value": 1},
    }  # fmt: skip
    assert "Obs lever" in str(filler["note"])


@pytest.mark.parametrize(
    ("control", "order", "status"),
    [("NW", "", "active"), ("DC", "", "stopped"), ("CA", "", "cancelled"), ("HD", "", "on-hold"), ("NW", "CM", "completed"),
     ("NW", "DC", "stopped"), ("NW", "ER", "entered-in-error"), ("??", "", "unknown"), ("", "", "unknown")],
)  # fmt: skip
def test_a_request_s_status(control: str, order: str, status: str) -> None:
    made = of(bundle("ORM^O01", line("ORC", {1: control, 2: "P1", 5: order}), line("RXO", RXO)), "MedicationRequest")[0]
    assert made["status"] == status


def test_a_refill_is_asked_for() -> None:
    assert of(encoded({}, kind="RDE^O25"), "MedicationRequest")[0]["intent"] == "proposal"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({2: "1", 4: "mg"}, {"doseQuantity": {"value": 1, "unit": "mg"}}), ({3: "1"}, {"doseQuantity": {"value": 1}}),
     ({2: "1", 3: "1"}, {"doseQuantity": {"value": 1}}), ({2: "1", 3: "2"}, {"doseRange": {"low": {"value": 1}, "high": {"value": 2}}}),
     ({2: "2", 3: "1"}, {"doseQuantity": {"value": 2}}), ({2: "mye"}, None)],
)  # fmt: skip
def test_how_much_at_a_time(fields: dict[int, str], expected: dict[str, Any] | None) -> None:
    made = requested(fields).get("dosageInstruction", [{}])[0].get("doseAndRate", [None])[0]
    assert (made if made is None else {k: v for k, v in made.items() if k != "type"}) == expected


@pytest.mark.parametrize(
    ("per", "expected"),
    [("H1", {"rateRatio": {"numerator": {"value": 50, "unit": "mL"},
                           "denominator": {"value": 1, "unit": "h", "system": UCUM, "code": "h"}}}),
     ("M30", {"rateRatio": {"numerator": {"value": 50, "unit": "mL"}, "denominator": {"value": 30, "unit": "min", "system": UCUM,
                                                                                       "code": "min"}}}),
     ("", {"rateQuantity": {"value": 50, "unit": "mL"}}), ("H0", {"rateQuantity": {"value": 50, "unit": "mL"}})],
)  # fmt: skip
def test_at_which_rate(per: str, expected: dict[str, Any]) -> None:
    (made,) = of(encoded({22: per, 23: "50", 24: "mL"}), "MedicationRequest")[0]["dosageInstruction"][0]["doseAndRate"]
    assert made == expected


def test_each_schedule_is_a_dosage_in_order() -> None:
    made = requested({2: "1", 4: "tbl"}, line("TQ1", {1: "1", 4: "0800"}), line("TQ1", {1: "2", 4: "2000", 2: "2^tbl"}))
    assert [(d["sequence"], d["timing"]["repeat"]["timeOfDay"]) for d in made["dosageInstruction"]] == [
        (1, ["08:00:00"]),
        (2, ["20:00:00"]),
    ]
    assert made["dosageInstruction"][1]["doseAndRate"][0]["doseQuantity"]["value"] == 1  # the request's own dose counts


def test_before_tq1_the_timing_stands_in_rxe_1_or_orc_7() -> None:
    assert of(encoded({1: "1^BID^D3"}), "MedicationRequest")[0]["dosageInstruction"][0]["timing"]["code"]["coding"][0]["code"] == "BID"
    made = of(bundle("ORM^O01", line("ORC", ORC | {7: "1^QD^^^^S"}), line("RXO", RXO)), "MedicationRequest")[0]
    assert (made["priority"], made["dosageInstruction"][0]["timing"]["code"]["coding"][0]["code"]) == ("stat", "QD")


def test_what_it_is_made_of() -> None:
    base, additive = "RXC|B|1^NaCl 9 mg/ml^L|1000|mL^^UCUM", "RXC|A|2^Kaliumklorid^L|20|mmol^^UCUM|1|mmol|||1|mL"
    drug = next(m for m in of(encoded({}, base, additive), "Medication"))
    assert [(i["itemCodeableConcept"]["text"], i["isActive"], i["strength"]["numerator"]["value"]) for i in drug["ingredient"]] == [
        ("NaCl 9 mg/ml", False, 1000), ("Kaliumklorid", True, 20),
    ]  # fmt: skip


def test_a_drug_that_nobody_names_is_not_said() -> None:
    drug = of(bundle("ORM^O01", "ORC|NW|P1", "RXO||1"), "Medication")[0]
    assert drug["code"]["coding"][0]["code"] == "NI"


def test_may_another_be_given_and_who_hands_it_out() -> None:
    made = requested({9: "G", 11: "20", 12: "stk", 13: "0", 28: "30", 32: "APO1^Apotek Øst^L"})
    assert made["substitution"]["allowedCodeableConcept"]["coding"][0]["code"]
    supply = made["dispenseRequest"]
    assert (supply["performer"]["display"], supply["numberOfRepeatsAllowed"], supply["dispenseInterval"]["value"]) == ("Apotek Øst", 0, 30)


def test_what_was_handed_out() -> None:
    made = dispensed({3: "20261120100000", 4: "20", 5: "stk", 7: "RX77", 9: "Med vann", 10: "5^Apoteker^Ola", 11: "G", 13: "MED3",
                      15: "Ristes", 30: "APO1^Apotek Øst^L"}, {1: "RE"})  # fmt: skip
    assert (made["status"], made["whenHandedOver"], made["quantity"]["value"]) == ("completed", "2026-11-20T10:00:00+01:00", 20)
    assert made["authorizingPrescription"][0]["identifier"]["value"] == "RX77"
    assert [p["actor"]["display"] for p in made["performer"]] == ["Ola Apoteker", "Apotek Øst"]
    assert (made["substitution"]["wasSubstituted"], made["substitution"]["type"]["coding"][0]["code"]) == (True, "G")
    assert made["note"][0]["text"] == "Med vann"
    assert made["dosageInstruction"][0]["additionalInstruction"] == [{"text": "Ristes"}]
    assert made["destination"]["display"] == "MED3"


@pytest.mark.parametrize(
    ("orc", "when", "status"),
    [({1: "RE"}, "20261120", "completed"), ({1: "RE"}, "", "unknown"), ({1: "RE", 5: "CM"}, "", "completed"),
     ({1: "RE", 5: "CA"}, "20261120", "cancelled"), ({1: "RE", 5: "IP"}, "", "in-progress"), ({1: "OC"}, "", "cancelled")],
)  # fmt: skip
def test_a_dispense_s_status(orc: dict[int, str], when: str, status: str) -> None:
    assert dispensed({3: when}, orc)["status"] == status


def test_a_batch_and_what_it_was_handed_out_for() -> None:
    made = bundle("RDS^O13", line("ORC", ORC), line("RXO", RXO), line("RXD", RXD | {18: "LOT7", 19: "20280101"}))
    (request,), (given,) = of(made, "MedicationRequest"), of(made, "MedicationDispense")
    assert given["authorizingPrescription"] == [{"reference": f"urn:uuid:{request['id']}"}]
    assert made["entry"][0]["resource"]["focus"] == [{"reference": f"urn:uuid:{given['id']}"}]
    assert next(m["batch"] for m in of(made, "Medication") if "batch" in m) == {"lotNumber": "LOT7", "expirationDate": "2028-01-01"}


def test_no_drug_is_lost_whose_order_is_not_said() -> None:
    assert len(of(encoded({}, line("RXE", {2: "2^Ibux^L"})), "MedicationRequest")) == 2
    made = bundle("ORM^O01", line("ORC", ORC), line("RXO", RXO), "NTE|1||en", line("RXO", {1: "2^Ibux^L"}))
    assert [r.get("note") for r in of(made, "MedicationRequest")] == [[{"text": "en"}], None]


def test_observations_stand_with_the_request() -> None:
    made = encoded({}, "OBX|1|NM|29463-7^Vekt^LN||72|kg|||||F")
    (request,), (weight,) = of(made, "MedicationRequest"), of(made, "Observation")
    assert weight["basedOn"] == [{"reference": f"urn:uuid:{request['id']}"}]


def test_the_orders_schedule_is_the_requests_and_the_pharmacys_its_own() -> None:
    """HL7 v2.5.1 4.4.6, RDE^O11: TQ1 behind ORC is what was ordered, TQ1 behind RXE is what the pharmacy made of it."""
    ordered, encoded = line("TQ1", {1: "1", 3: "BID"}), line("TQ1", {1: "1", 3: "Q12H", 9: "R"})
    made = bundle("RDE^O11", line("ORC", ORC), ordered, line("RXO", RXO), line("RXE", RXE), encoded)
    assert [codes_of(m) for m in of(made, "MedicationRequest")] == [["BID"], ["Q12H"]]
    made = bundle("RDE^O11", line("ORC", ORC), ordered, line("RXE", RXE))
    assert [codes_of(m) for m in of(made, "MedicationRequest")] == [["BID"]]  # it said nothing else


def codes_of(request: dict[str, Any]) -> list[str]:
    return [d["timing"]["code"]["coding"][0]["code"] for d in request["dosageInstruction"]]


def instructed(rxe: dict[int, str]) -> dict[str, Any]:
    (request,) = of(encoded(rxe), "MedicationRequest")
    (dosage,) = request["dosageInstruction"]
    return dict(dosage)


@pytest.mark.parametrize(
    ("least", "most", "text"),
    [("1,500", "", "1,500 mg"), ("\u00bd", "", "\u00bd mg"), ("en halv", "en", "en halv-en mg"), ("5", "2", "5-2 mg"), ("1", "x", "1-x mg"),
     ("500", "", None), ("0,5", "", None), ("1", "2", None), ("1", "1", None), ("", "2", None)],
)  # fmt: skip
def test_a_dose_that_is_no_number_is_told_as_it_is_written(least: str, most: str, text: str | None) -> None:
    dosage = instructed({3: least, 4: most, 5: "mg", 7: "1^Tas med vann^L"})
    assert dosage.get("text") == text
    if text is None:
        assert dosage["doseAndRate"]


@pytest.mark.parametrize(
    ("amount", "unit", "per", "expected"),
    [
        ("100", "mL/h", "H6", {"rateQuantity": {"value": 100, "unit": "mL/h"}}),  # not 100 mL/h in each six hours
        ("100", "mL/h", "", {"rateQuantity": {"value": 100, "unit": "mL/h"}}),
        ("100", "mL", "H1", {"rateRatio": {"numerator": {"value": 100, "unit": "mL"}, "denominator": {
            "value": 1, "unit": "h", "system": UCUM, "code": "h"}}}),
    ],
)  # fmt: skip
def test_a_rate_says_its_time_once(amount: str, unit: str, per: str, expected: dict[str, Any]) -> None:
    """HL7 v2.5.1 4.14.4.23: of RXE-23 = 100 and RXE-24 = mL/h the rate is 100 mL/h."""
    assert instructed({22: per, 23: amount, 24: unit})["doseAndRate"] == [expected]


def test_a_dose_in_words_is_no_number_of_the_schedule() -> None:
    dosage = instructed({1: "1^BID", 3: "1,500", 5: "mg"})
    assert (dosage["text"], "doseAndRate" in dosage) == ("1,500 mg", False)
