"""VXU: what was given, by whom, where, of which lot; what was refused; what was taken back."""

from typing import Any

import pytest

from tests.unit.adapters.made import PV1, hl7v2, line, message, of, rendered

RXA = {1: "0", 2: "1", 3: "20261120101500", 5: "08^HepB^CVX", 6: "0.5", 7: "mL^^UCUM", 20: "CP"}
ORC = {1: "RE", 2: "P1^DIPS", 3: "F1^SYSVAK"}


def bundle(*segments: str) -> dict[str, Any]:
    return rendered(hl7v2(message("VXU^V04", *segments)))


def given(rxa: dict[int, str], *behind: str) -> dict[str, Any]:
    return of(bundle(line("ORC", ORC), line("RXA", RXA | rxa), *behind), "Immunization")[0]


def fact(code: str, value: str, sub: str = "1", kind: str = "CWE") -> str:
    return line("OBX", {1: "1", 2: kind, 3: f"{code}^x^LN", 4: sub, 5: value, 11: "F"})


def test_a_vaccine_given_at_a_norwegian_health_centre() -> None:
    made = bundle(
        PV1, line("ORC", ORC | {9: "20261120102000", 12: "9144889^Lund^Kari"}),
        line("RXA", RXA | {9: "00^New immunization record^NIP001", 10: "7^Helsesykepleier^Åse", 15: "LOT7", 16: "20280712",
                           17: "MSD^Merck^MVX", 19: "Z1^Reise^L", 27: "HELSEST^^^RANHEIM"}),
        "RXR|IM^Intramuskulært^HL70162|LA^Venstre arm^HL70163", "NTE|1||Ingen reaksjon",
    )  # fmt: skip
    (shot,) = of(made, "Immunization")
    assert (shot["status"], shot["occurrenceDateTime"], shot["primarySource"]) == ("completed", "2026-11-20T10:15:00+01:00", True)
    assert shot["vaccineCode"]["coding"][0] == {"code": "08", "system": "http://hl7.org/fhir/sid/cvx", "display": "HepB"}
    assert (shot["doseQuantity"]["value"], shot["lotNumber"], shot["expirationDate"]) == (0.5, "LOT7", "2028-07-12")
    assert (shot["manufacturer"]["display"], shot["location"]["display"], shot["reasonCode"][0]["text"]) == ("Merck", "HELSEST", "Reise")
    assert (shot["route"]["coding"][0]["code"], shot["site"]["text"]) == ("IM", "Venstre arm")
    assert [(p["function"]["coding"][0]["code"], p["actor"]["display"]) for p in shot["performer"]] == [
        ("OP", "Kari Lund"), ("AP", "Åse Helsesykepleier"),
    ]  # fmt: skip
    assert (shot["recorded"], shot["note"]) == ("2026-11-20T10:20:00+01:00", [{"text": "Ingen reaksjon"}])
    assert [i["value"] for i in shot["identifier"]] == ["P1", "F1"]
    assert made["entry"][0]["resource"]["focus"] == [{"reference": f"urn:uuid:{shot['id']}"}]


@pytest.mark.parametrize(
    ("completion", "action", "status"),
    [("CP", "A", "completed"), ("PA", "A", "completed"), ("RE", "A", "not-done"), ("NA", "A", "not-done"), ("", "", "completed"),
     ("CP", "D", "entered-in-error"), ("CP", "U", "completed")],
)  # fmt: skip
def test_its_status(completion: str, action: str, status: str) -> None:
    assert given({20: completion, 21: action})["status"] == status


@pytest.mark.parametrize(
    ("completion", "action", "status"), [("", "A", "not-done"), ("CP", "A", "not-done"), ("CP", "D", "entered-in-error")]
)
def test_no_vaccine_given_is_not_done_whatever_else_is_said(completion: str, action: str, status: str) -> None:
    assert given({5: "998^No vaccine administered^CVX", 6: "999", 20: completion, 21: action})["status"] == status


def test_why_it_was_refused() -> None:
    made = given({6: "999", 18: "00^Foreldre^NIP002", 20: "RE"})
    assert (made["status"], made["statusReason"]["text"], "doseQuantity" in made) == ("not-done", "Foreldre", False)


def test_where_the_record_is_from() -> None:
    made = given({9: "anything~01^Historical^NIP001"})
    assert (made["primarySource"], made["reportOrigin"]["coding"][0]["code"]) == (False, "01")
    assert "primarySource" not in given({9: "fritekst"})


def test_its_place_before_and_after_version_2_6() -> None:
    assert given({11: "HELSEST^^^RANHEIM"})["location"]["display"] == "HELSEST"
    made = bundle(line("RXA", RXA | {27: "HELSEST", 28: "Gata 1^^Oslo^^0150"}))
    assert next(p for p in of(made, "Location") if "address" in p)["address"]["city"] == "Oslo"


def test_when_it_was_written_in() -> None:
    assert given({21: "A", 22: "20261121080000"})["recorded"] == "2026-11-21T08:00:00+01:00"


def test_what_r4_has_elements_for_is_in_them_and_all_of_it_stands_beside() -> None:
    made = bundle(line("ORC", ORC), line("RXA", RXA), fact("64994-7", "V02^Medicaid^HL70064"), fact("30963-3", "PHC70^Private^CDCPHINVS"),
                  fact("30973-2", "2", kind="NM"), fact("69764-9", "253088698300026411121116^HepB VIS^cdcgs1vis", "2"),
                  fact("29768-9", "20250711", "2", "TS"), fact("29769-7", "20261120", "2", "TS"),
                  fact("59785-6", "x^Indikasjon^L"))  # fmt: skip
    (shot,), observed = of(made, "Immunization"), of(made, "Observation")
    assert (shot["programEligibility"][0]["coding"][0]["code"], shot["fundingSource"]["coding"][0]["code"]) == ("V02", "PHC70")
    assert shot["protocolApplied"] == [{"doseNumberString": "2"}]
    assert shot["education"] == [{"documentType": "HepB VIS", "publicationDate": "2025-07-11", "presentationDate": "2026-11-20"}]
    assert len(observed) == 7
    assert all(o["partOf"] == [{"reference": f"urn:uuid:{shot['id']}"}] for o in observed)


def test_an_information_sheet_needs_a_name() -> None:
    assert "education" not in given({}, fact("29768-9", "20250711", kind="TS"))


def test_the_order_behind_it_where_it_has_numbers() -> None:
    assert len(of(bundle(line("ORC", ORC), line("RXA", RXA)), "ServiceRequest")) == 1
    assert of(bundle("ORC|RE", line("RXA", RXA)), "ServiceRequest") == []


def test_each_order_has_its_own_vaccine() -> None:
    made = bundle(
        line("ORC", ORC), line("RXA", RXA), "RXR|IM", line("ORC", {1: "RE", 3: "F2"}), line("RXA", RXA | {5: "03^MMR^CVX"}), "RXR|SC"
    )
    shots = of(made, "Immunization")
    assert [(s["identifier"][-1]["value"], s["vaccineCode"]["text"]) for s in shots] == [("F1", "HepB"), ("F2", "MMR")]
    assert [s["route"]["coding"][0]["code"] for s in shots] == ["IM", "SQ"]


def test_what_is_not_known_is_said_not_to_be() -> None:
    (made,) = of(bundle("RXA|0|1"), "Immunization")
    assert (made["status"], made["occurrenceString"], made["vaccineCode"]["coding"][0]["code"]) == ("completed", "unknown", "NI")
