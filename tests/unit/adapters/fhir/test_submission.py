import json

import pytest

from hub.adapters.fhir.submission import Shape, read
from hub.errors import Reason, Rejected
from hub.model import Refusal
from tests.unit.adapters.fhir.pushed import BASE, bundle, entry, patient, raw_of, result, stay


def status(kind: str = "event-notification", *foci: str, **more: str) -> dict[str, object]:
    """A Parameters resource as backport-subscription-status-r4 has it."""
    events = [
        {
            "name": "notification-event",
            "part": [
                {"name": "event-number", "valueString": str(n)},
                {"name": "timestamp", "valueInstant": "2026-11-20T09:00:00Z"},
                {"name": "focus", "valueReference": {"reference": focus}},
            ],
        }
        for n, focus in enumerate(foci, 1)
    ]
    profile = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"
    given = [
        {"name": "subscription", "valueReference": {"reference": f"{BASE}Subscription/1"}},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": kind},
        *events,
    ]
    return {"resource": {"resourceType": "Parameters", "meta": {"profile": [profile]}, "parameter": given}} | more


def test_the_entries_of_a_transaction_are_its_changes() -> None:
    given = read(raw_of(bundle(patient(), entry(result(), "POST", "urn:uuid:1"))))
    assert (given.shape, given.timestamp) == (Shape.TRANSACTION, "2026-11-20T08:30:00Z")
    assert [(c.place, c.name, c.method, c.refusal) for c in given.changes] == [
        ("Bundle.entry[0]", f"{BASE}Patient/1", "PUT", None),
        ("Bundle.entry[1]", "urn:uuid:1", "POST", None),
    ]


@pytest.mark.parametrize("shape", ["transaction", "batch"])
def test_only_writes_are_changes(shape: str) -> None:
    read_, deleted, patched = ({"request": {"method": m, "url": "Patient/1"}} for m in ("GET", "DELETE", "PATCH"))
    given = read(raw_of(bundle(read_, deleted, patched, {"resource": patient()}, {"request": {"method": "PUT"}}, shape=shape)))
    wrong = Reason.UNSUPPORTED_TYPE
    assert [c.refusal for c in given.changes] == [
        Refusal(wrong, "Bundle.entry[0].request.method"),
        Refusal(wrong, "Bundle.entry[1].request.method"),
        Refusal(wrong, "Bundle.entry[2].request.method"),
        Refusal(Reason.MISSING_FIELD, "Bundle.entry[3].request.method"),
        Refusal(Reason.MISSING_FIELD, "Bundle.entry[4].resource"),
    ]


def test_a_collection_says_nothing_of_what_was_done() -> None:
    given = read(raw_of(bundle({"resource": patient()}, shape="collection")))
    assert [(c.method, c.refusal) for c in given.changes] == [("", None)]


def test_one_resource_stands_for_itself() -> None:
    given = read(raw_of(stay()))
    assert (given.shape, [c.place for c in given.changes]) == (Shape.RESOURCE, ["Encounter"])


def test_a_notification_tells_of_its_foci_and_the_rest_explains_them() -> None:
    made = bundle(
        status("event-notification", f"{BASE}Encounter/5"),
        {"fullUrl": f"{BASE}Encounter/5", "resource": stay(), "request": {"method": "PUT", "url": "Encounter/5"}},
        {"fullUrl": f"{BASE}Patient/1", "resource": patient()},
        shape="history",
    )
    given = read(raw_of(made))
    assert [(c.place, c.is_context, c.when) for c in given.changes] == [
        ("Bundle.entry[0]", True, ""),
        ("Bundle.entry[1]", False, "2026-11-20T09:00:00Z"),
        ("Bundle.entry[2]", True, ""),
    ]


@pytest.mark.parametrize("focus", ["Encounter/5", f"{BASE}Encounter/5"])
def test_a_focus_is_known_by_its_relative_and_its_whole_name(focus: str) -> None:
    made = bundle(status("event-notification", focus), {"fullUrl": f"{BASE}Encounter/5", "resource": stay()}, shape="history")
    assert [c.is_context for c in read(raw_of(made)).changes] == [True, False]


@pytest.mark.parametrize("kind", ["handshake", "heartbeat", "query-status"])
def test_a_handshake_and_a_heartbeat_tell_of_nothing(kind: str) -> None:
    assert [c.is_context for c in read(raw_of(bundle(status(kind, "Encounter/5"), shape="history"))).changes] == [True]


def test_a_notification_without_resources_says_where_they_are_missing() -> None:
    id_only = bundle(status("event-notification", "Encounter/5"), {"fullUrl": f"{BASE}Encounter/5"}, shape="history")
    assert [c.refusal for c in read(raw_of(id_only)).changes] == [None, Refusal(Reason.MISSING_FIELD, "Bundle.entry[1].resource")]
    empty = bundle(status("event-notification", "Encounter/5"), shape="history")
    assert [c.refusal for c in read(raw_of(empty)).changes] == [
        None,
        Refusal(Reason.MISSING_FIELD, "Bundle.entry[0].resource.parameter[3]"),
    ]


@pytest.mark.parametrize(
    ("raw", "reason", "where"),
    [
        (b"<Bundle/>", Reason.UNSUPPORTED_FORMAT, "Bundle"),
        (b"{", Reason.BAD_JSON, "character 2"),
        (raw_of(bundle(shape="message")), Reason.UNSUPPORTED_TYPE, "Bundle.type"),
        (raw_of(bundle(shape="searchset")), Reason.UNSUPPORTED_TYPE, "Bundle.type"),
        (raw_of(bundle(shape="history")), Reason.NO_HEADER, "Bundle.entry[0].resource"),
        (raw_of(bundle({"resource": patient()}, shape="history")), Reason.NO_HEADER, "Bundle.entry[0].resource"),
        (raw_of(bundle(status("party"), shape="history")), Reason.BAD_VALUE, "Bundle.entry[0].resource.parameter"),
        (b'{"resourceType": "Bundle", "type": "transaction", "entry": {"resource": {}}}', Reason.BAD_VALUE, "Bundle.entry"),
        (b'{"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {}}, 5]}', Reason.BAD_VALUE, "Bundle.entry"),
        (json.dumps({"resourceType": "Bundle", "type": "batch", "entry": [{}] * 10_001}).encode(), Reason.TOO_COMPLEX, "Bundle.entry"),
    ],
)
def test_what_is_refused_whole(raw: bytes, reason: Reason, where: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(raw)
    assert (caught.value.reason, caught.value.where) == (reason, where)
