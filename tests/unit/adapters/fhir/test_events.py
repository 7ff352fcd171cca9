from typing import Any

import pytest

from hub.errors import Reason
from hub.model import Kind, Refusal
from tests.unit.adapters.fhir.pushed import (
    BASE,
    KARI,
    OLA,
    UNA,
    bundle,
    entry,
    kinds,
    patient,
    raw_of,
    result,
    split,
    stay,
    to,
    told,
    types,
)

ADMITTED, REPORTED, UPDATED, MERGED = "patient.admitted", "observation.reported", "patient.updated", "patient.merged"


def report(key: str = "8", of: str = "1", *results: str, **more: Any) -> dict[str, Any]:
    made = {"resourceType": "DiagnosticReport", "id": key, "status": "final", "code": {"text": "Hb"}, "subject": to(of)}
    return made | {"result": [to(r, "Observation") for r in results]} | more


def order(key: str = "3", of: str = "1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "id": key, "status": "active", "intent": "order", "subject": to(of)} | more


def test_each_patient_has_messages_of_their_own() -> None:
    found = split(bundle(patient("1", KARI), patient("2", OLA), stay("5", "1"), result("7", "2"), result("9", "2")))
    assert kinds(found) == [(ADMITTED, (2,)), (REPORTED, (3, 4))]
    assert [types(part) for part in found.parts] == [
        ["MessageHeader", "Encounter", "Patient", "Provenance"],
        ["MessageHeader", "Observation", "Observation", "Patient", "Provenance"],
    ]
    assert OLA.encode() not in found.parts[0].raw
    assert KARI.encode() not in found.parts[1].raw


def test_a_patient_who_comes_with_an_event_was_not_updated_and_one_who_comes_alone_was() -> None:
    assert kinds(split(bundle(patient("1", KARI), stay(), patient("2", OLA)))) == [(ADMITTED, (1,)), (UPDATED, (2,))]


def test_each_stay_and_appointment_and_document_is_an_event_by_itself() -> None:
    appointment = {"resourceType": "Appointment", "status": "booked", "participant": [{"actor": to("1")}]}
    document = {"resourceType": "DocumentReference", "status": "current", "subject": to("1")}
    made = bundle(patient(), stay("5"), stay("6"), entry(appointment, "POST"), entry(appointment, "POST"), entry(document, "POST"))
    assert kinds(split(made)) == [(ADMITTED, (1,)), (ADMITTED, (2,)), ("appointment.booked", (3,)), ("appointment.booked", (4,)),
                                  ("document.published", (5,))]  # fmt: skip


def test_results_of_one_patient_are_one_event_a_stay() -> None:
    made = bundle(patient(), stay("5"), stay("6"), result("7", encounter=to("5", "Encounter")), result("8"),
                  result("9", encounter=to("5", "Encounter")), result("10", encounter=to("6", "Encounter")))  # fmt: skip
    assert kinds(split(made))[2:] == [(REPORTED, (3, 5)), (REPORTED, (4,)), (REPORTED, (6,))]


def test_what_a_report_holds_is_told_with_it() -> None:
    panel = result("9", hasMember=[to("10", "Observation")])
    made = bundle(patient(), result("7"), panel, result("10"), report("8", "1", "7", "9", basedOn=[to("3", "ServiceRequest")]), order())
    found = split(made)
    assert kinds(found) == [(REPORTED, (4,))]
    assert sorted(types(found.parts[0])) == sorted(
        ["MessageHeader", "DiagnosticReport", "Patient", "Observation", "Observation", "Observation", "ServiceRequest", "Provenance"]
    )


def test_an_order_created_beside_its_report_is_told_as_well() -> None:
    made = bundle(patient(), entry(order(), "POST"), report("8", "1", basedOn=[to("3", "ServiceRequest")]))
    assert kinds(split(made)) == [("order.placed", (1,)), (REPORTED, (2,))]


def test_panels_in_a_circle_are_told_once() -> None:
    made = bundle(patient(), result("7", hasMember=[to("8", "Observation")]), result("8", hasMember=[to("7", "Observation")]))
    assert kinds(split(made)) == [(REPORTED, (1,))]


def test_a_stay_in_a_collection_is_a_fact_of_its_result_and_in_a_transaction_it_was_written() -> None:
    found = [patient(), stay(), result(encounter=to("5", "Encounter"))]
    assert kinds(split(bundle(*({"resource": r} for r in found), shape="collection"))) == [(REPORTED, (2,))]
    assert kinds(split(bundle(*found))) == [(ADMITTED, (1,)), (REPORTED, (2,))]


def test_nothing_of_another_patient_goes_along() -> None:
    others = result("9", "2", note=[{"text": "OLAS"}])
    made = bundle(
        patient("1", KARI), patient("2", OLA), others, result("7", "1", derivedFrom=[to("9", "Observation")]),
        stay("6", "2", partOf=to("5", "Encounter")), stay("5", "1", partOf=to("6", "Encounter")),
    )  # fmt: skip
    for part in split(made).parts:
        assert part.raw.count(b"OLAS") == (OLA.encode() in part.raw and part.kind is Kind.OBSERVATION_REPORTED)
        assert not (KARI.encode() in part.raw and OLA.encode() in part.raw)


def test_a_message_tells_no_more_than_its_event() -> None:
    stay_of_order = stay("5", basedOn=[to("3", "ServiceRequest")], serviceProvider=to("4", "Organization"),
                         diagnosis=[{"condition": to("6", "Condition")}])  # fmt: skip
    made = bundle(
        patient(), stay_of_order, order(supportingInfo=[to("7", "Observation")]), result("7"), {"resourceType": "Organization", "id": "4"},
        {"resourceType": "Condition", "id": "6", "subject": to("1"), "code": {"text": "Hip"}},
        {"resourceType": "Condition", "id": "12", "subject": to("1"), "encounter": to("5", "Encounter"), "code": {"text": "Knee"}},
        {"resourceType": "Condition", "id": "13", "subject": to("1"), "code": {"text": "Elsewhere"}},
    )  # fmt: skip
    admitted, ordered = split(made).parts
    assert sorted(types(admitted)) == sorted(
        ["MessageHeader", "Encounter", "Patient", "ServiceRequest", "Organization", "Condition", "Condition", "Provenance"]
    )
    assert b"Elsewhere" not in admitted.raw
    assert types(ordered) == ["MessageHeader", "ServiceRequest", "Patient", "Observation", "Provenance"]


def test_kin_and_cover_go_with_the_stay_and_records_with_what_they_record() -> None:
    made = bundle(
        patient(), stay(), result("7"), {"resourceType": "RelatedPerson", "id": "k", "patient": to("1")},
        {"resourceType": "Coverage", "id": "c", "beneficiary": to("1")},
        {"resourceType": "Provenance", "id": "p", "target": [to("7", "Observation")]},
    )  # fmt: skip
    admitted, reported = split(made).parts
    assert types(admitted) == ["MessageHeader", "Encounter", "Patient", "RelatedPerson", "Coverage", "Provenance"]
    assert types(reported) == ["MessageHeader", "Observation", "Patient", "Provenance", "Provenance"]


SURVIVOR = to("2")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (patient("1", KARI, active=False, link=[{"type": "replaced-by", "other": SURVIVOR}]), patient("2", OLA)),
        (patient("1", KARI), patient("2", OLA, link=[{"type": "replaces", "other": to("1")}])),
        (
            patient("1", KARI, link=[{"type": "replaced-by", "other": SURVIVOR}]),
            patient("2", OLA, link=[{"type": "replaces", "other": to("1")}]),
        ),
    ],
)
def test_a_merge_is_told_once_whichever_side_says_it(first: dict[str, Any], second: dict[str, Any]) -> None:
    found = split(bundle(first, second))
    assert kinds(found) == [(MERGED, (0, 1))]
    assert types(found.parts[0]) == ["MessageHeader", "Patient", "Patient", "Provenance"]


def test_a_merge_of_which_one_side_is_known_by_a_number_only() -> None:
    gone = {"type": "Patient", "identifier": {"system": "urn:mrn", "value": "77"}}
    assert kinds(split(bundle(patient(link=[{"type": "replaced-by", "other": gone}])))) == [(MERGED, (0,))]
    survivor = patient(link=[{"type": "replaces", "other": gone}])
    assert kinds(split(bundle(survivor))) == [(MERGED, (0,)), (UPDATED, (0,))]  # its record may have changed otherwise, too


def test_a_chain_of_merges_ends_with_the_last_and_a_circle_with_nobody() -> None:
    chain = [patient(str(n), number, link=[{"type": "replaced-by", "other": to(str(n + 1))}]) for n, number in enumerate((KARI, OLA), 1)]
    assert kinds(split(bundle(*chain, patient("3", UNA)))) == [(MERGED, (0, 1, 2))]
    circle = split(bundle(*chain[:1], patient("2", OLA, link=[{"type": "replaced-by", "other": to("1")}])))
    assert (circle.parts, set(circle.refused)) == ((), {0, 1})
    lost = split(bundle(patient(link=[{"type": "replaced-by", "other": to("9")}])))
    assert lost.refused == {0: Refusal(Reason.BROKEN_REFERENCE, "Bundle.entry[0].resource.link")}


def test_an_event_of_a_retired_record_is_still_told() -> None:
    retired = patient("1", KARI, link=[{"type": "replaced-by", "other": SURVIVOR}])
    assert kinds(split(bundle(retired, patient("2", OLA), result("7", "1")))) == [(MERGED, (0, 1)), (REPORTED, (2,))]


def test_a_draft_and_a_fact_are_no_events() -> None:
    found = split(bundle(patient(), entry(order(status="draft"), "POST"), {"resourceType": "Location", "id": "9", "name": "MED3"}))
    assert (kinds(found), found.refused) == ([(UPDATED, (0,))], {})


@pytest.mark.parametrize(
    ("resource", "reason", "where"),
    [
        (result(of="77"), Reason.MISSING_PATIENT, "Bundle.entry[1]"),
        ({"resourceType": "Observation", "id": "7", "status": "final", "code": {}}, Reason.MISSING_PATIENT, "Bundle.entry[1]"),
        (result(subject={"reference": "Device/1"}), Reason.MISSING_PATIENT, "Bundle.entry[1]"),
        ({"resourceType": "Encounter", "id": "5", "subject": to("1")}, Reason.BAD_VALUE, "Bundle.entry[1].resource.status"),
        ({"resourceType": "Foo", "id": "1"}, Reason.UNSUPPORTED_TYPE, "Bundle.entry[1]"),
        ({"resourceType": "Consent", "id": "1", "patient": to("1")}, Reason.UNSUPPORTED_TYPE, "Bundle.entry[1]"),
        ({"resourceType": "Appointment", "status": "booked", "participant": [{"actor": to("1")}, {"actor": to("2")}]},
         Reason.MISSING_PATIENT, "Bundle.entry[1]"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_says_why_and_where(resource: dict[str, Any], reason: Reason, where: str) -> None:
    found = split(bundle(patient(), entry(resource)))
    if "participant" in resource:  # two people, of whom one is not here
        reason, where = Reason.SEVERAL_PATIENTS, "Bundle.entry[1].resource.participant"
    assert found.refused == {1: Refusal(reason, where)}


def test_a_place_in_a_single_resource() -> None:
    assert split(raw_of(stay(subject=to("77")))).refused == {0: Refusal(Reason.MISSING_PATIENT, "Encounter")}


def test_of_a_notification_only_the_foci_are_events() -> None:
    from tests.unit.adapters.fhir.test_submission import status  # noqa: PLC0415

    made = bundle(
        status("event-notification", f"{BASE}Observation/7"), entry(result(encounter=to("5", "Encounter"))), stay(), patient(),
        shape="history",
    )  # fmt: skip
    assert kinds(split(made)) == [(REPORTED, (1,))]


def test_told_alone() -> None:
    assert told(stay(status="finished")) == ["patient.discharged"]


def of_server(server: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": f"https://{server}.example/fhir/{resource['resourceType']}/{resource['id']}", "resource": resource}


def test_the_same_id_at_two_servers_is_two_patients() -> None:
    """R4 bundle.html#references: a name without a server is the server's of the entry that says it."""
    one, other = of_server("a", patient("1", KARI)), of_server("b", patient("1", OLA))
    found = split(bundle(one, other, of_server("b", result("7", "1")), shape="collection"))
    assert REPORTED not in {kind for kind, _ in kinds(found)}
    assert found.refused == {2: Refusal(Reason.MISSING_PATIENT, "Bundle.entry[2]")}


def test_a_patient_at_another_server_is_not_the_one_of_the_same_id_here() -> None:
    there = result("7") | {"subject": {"reference": "https://b.example/fhir/Patient/1"}}
    found = split(bundle(of_server("a", patient("1", KARI)), of_server("a", there), shape="collection"))
    assert found.refused == {1: Refusal(Reason.MISSING_PATIENT, "Bundle.entry[1]")}
    here = {"resource": patient("1", KARI)}  # of no server: the reference says which
    assert kinds(split(bundle(here, of_server("b", there), shape="collection"))) == [(REPORTED, (1,))]
