"""Orders: ORM, OML, OMG with what came with them."""

from typing import Any

import pytest

from tests.unit.adapters.made import PV1, hl7v2, message, of, rendered

ORDERS = ["ORM^O01", "OML^O21", "OMG^O19"]


def bundle(kind: str, *segments: str) -> dict[str, Any]:
    return rendered(hl7v2(message(kind, *segments)))


def url(resource: dict[str, Any]) -> str:
    return f"urn:uuid:{resource['id']}"


@pytest.mark.parametrize("kind", ORDERS)
def test_an_order_with_its_reason_its_specimen_and_its_answers(kind: str) -> None:
    made = bundle(kind, PV1, "ORC|NW|P1^DIPS||||||||||9144889^Lund^Kari", "OBR|1|P1^DIPS||24323-8^Metabolsk panel^LN",
                  "NTE|1||Haster", "DG1|1||I20.9^Angina pectoris^I10||||W", "OBX|1|ST|1^Fastende?^L||ja||||||F",
                  "SPM|1|S1&DIPS||119297000^Blod^SCT")  # fmt: skip
    (request,), (reason,), (answer,), (specimen,) = (of(made, k) for k in ("ServiceRequest", "Condition", "Observation", "Specimen"))
    assert (request["status"], request["note"], request["requester"]["display"]) == ("active", [{"text": "Haster"}], "Kari Lund")
    assert request["reasonReference"] == [{"reference": url(reason)}]
    assert request["supportingInfo"] == [{"reference": url(answer)}]
    assert request["specimen"] == [{"reference": url(specimen)}]
    assert made["entry"][0]["resource"]["focus"] == [{"reference": url(request)}]


@pytest.mark.parametrize("kind", ORDERS)
def test_several_orders_keep_to_themselves(kind: str) -> None:
    made = bundle(kind, "ORC|NW|P1", "OBR|1|||1^CT^LN", "NTE|1||en", "OBR|2|||2^MR^LN", "ORC|CA|P3", "OBR|3|||3^UL^LN", "NTE|1||tre")
    assert [(r["code"]["text"], r["status"], [n["text"] for n in r.get("note", ())]) for r in of(made, "ServiceRequest")] == [
        ("CT", "active", ["en"]), ("MR", "unknown", []), ("UL", "revoked", ["tre"]),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["OML^O21", "OMG^O19"])
@pytest.mark.parametrize("before", ["PID|||A77^^^STOLAV", "PV1|1|I", "AL1|1|DA|1^Penicillin^L"])
def test_earlier_results_are_what_the_order_is_read_with(kind: str, before: str) -> None:
    made = bundle(kind, "ORC|NW|P1", "OBR|1|||1^Kalium^LN", before, "ORC|RE|P0", "OBR|1|||1^Kalium^LN|||20261101||||||||||||||||||F",
                  "OBX|1|NM|1^Kalium^LN||3.9||||||F")  # fmt: skip
    (request,), (report,), (result,) = of(made, "ServiceRequest")[:1], of(made, "DiagnosticReport"), of(made, "Observation")
    new = next(r for r in of(made, "ServiceRequest") if r["identifier"][0]["value"] == "P1")
    assert new["supportingInfo"] == [{"reference": url(report)}]
    assert report["result"] == [{"reference": url(result)}]
    assert len(of(made, "Patient")) == 1
    assert request


@pytest.mark.parametrize("kind", ["OML^O21", "OMG^O19"])
def test_all_earlier_results_are_the_order_s_and_the_next_order_is_its_own(kind: str) -> None:
    prior = ("PID|||A77^^^STOLAV", "ORC|PR|P0", "OBR|1|||1^Kalium^LN", "OBX|1|NM|1^Kalium^LN||3.9||||||F")
    made = bundle(kind, "ORC|NW|P1", "OBR|1|||1^Kalium^LN", *prior, "OBR|2|||2^Natrium^LN", *prior, "ORC|NW|P2", "OBR|1|||3^Klorid^LN")
    assert len(of(made, "DiagnosticReport")) == 3
    orders = {r["identifier"][0]["value"]: r for r in of(made, "ServiceRequest") if r["status"] == "active"}
    assert [len(orders[number].get("supportingInfo", ())) for number in ("P1", "P2")] == [3, 0]


def test_previous_results_are_known_by_their_order_control() -> None:
    previous = ("ORC|PR|P0", "OBR|1|||1^Kalium^LN", "OBX|1|NM|1^Kalium^LN||3.9||||||F")
    made = bundle("OML^O21", "ORC|NW|P1", "OBR|1|||1^Kalium^LN", *previous, *previous, "ORC|NW|P2", "OBR|1|||3^Klorid^LN")
    orders = {r["identifier"][0]["value"]: r for r in of(made, "ServiceRequest") if r["status"] == "active"}
    assert [len(orders[number].get("supportingInfo", ())) for number in ("P1", "P2")] == [2, 0]


def test_a_diagnosis_before_the_orders_is_no_order_s_reason() -> None:
    made = bundle("ORM^O01", "DG1|1||I20.9^Angina^I10||||W", "ORC|NW|P1", "OBR|1|||1^CT^LN")
    assert "reasonReference" not in of(made, "ServiceRequest")[0]
    assert len(of(made, "Condition")) == 1


def test_a_drug_order_is_a_medication_request_and_no_service_request() -> None:
    made = bundle("ORM^O01", "ORC|NW|P1", "RXO|1234^Paracet^L|1|2|tbl^tablett^L|TAB", "DG1|1||R52^Smerte^I10||||W", "NTE|1||ved behov")
    assert of(made, "ServiceRequest") == []
    (request,), (reason,) = of(made, "MedicationRequest"), of(made, "Condition")
    assert (request["status"], request["note"]) == ("active", [{"text": "ved behov"}])
    assert request["reasonReference"] == [{"reference": url(reason)}]


def test_allergies_come_along() -> None:
    made = bundle("ORM^O01", "AL1|1|DA|1^Penicillin^L", "ORC|NW|P1", "OBR|1|||1^CT^LN")
    assert of(made, "AllergyIntolerance")[0]["code"]["text"] == "Penicillin"
