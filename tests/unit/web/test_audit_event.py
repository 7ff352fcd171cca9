"""A record as an AuditEvent: valid FHIR, the slices BALP asks for, and nothing but what kind of thing it was."""

from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from hub.ledger.disclosures import Attempt, Disclosure, SentCopy, UnderWay
from hub.ledger.record import Access, Fact, Record
from hub.model import Result
from hub.web.audit_event import audit_event, to_its_recipient

EVENT = "0f0e0d0c-0b0a-8908-8706-050403020100"
KEY = "ab" * 16
AT_US = 1_767_225_600_250_000  # 2026-01-01T00:00:00.25Z


def told(**changes: Any) -> Disclosure:
    values: dict[str, Any] = {
        "part": 0, "off": 5, "event_id": EVENT, "kind": "patient.admitted", "patient_key": KEY, "received_us": 1, "decided_us": AT_US,
        "source": "olav", "recipient": "town", "result": "permit", "rule": "13-treating-relation", "detail": "minimal",
        "subscription": "town-1", "because": ("pathway",), "purpose": "TREAT", "attempts": (), "under_way": (),
    }  # fmt: skip
    return Disclosure(**values | changes)


def made(record: Record) -> dict[str, Any]:
    """As made, when it is valid."""
    found = audit_event(record)
    AuditEvent.model_validate(found)
    return found


def decided(**changes: Any) -> dict[str, Any]:
    return made(Record(f"{EVENT}.0", Fact.DECIDED, AT_US, KEY, told(**changes)))


def attempted(outcome: str, code: str, **changes: Any) -> dict[str, Any]:
    return made(Record(f"{EVENT}.1", Fact.ATTEMPTED, AT_US, KEY, told(**changes), Attempt(1, 1, AT_US, outcome, code)))


def agents(event: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {a["type"]["coding"][0]["code"]: a for a in event["agent"]}


def who(event: dict[str, Any], code: str) -> str:
    value = agents(event)[code]["who"]["identifier"]["value"]
    assert isinstance(value, str)
    return value


def entities(event: dict[str, Any]) -> list[str]:
    return [e["type"]["code"] for e in event["entity"]]


def test_a_disclosure_is_an_export_from_the_hub_to_the_recipient() -> None:
    event = attempted("delivered", "200")
    assert event["meta"]["profile"] == ["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PrivacyDisclosure.Source"]
    assert (event["type"]["code"], event["action"], event["outcome"]) == ("110106", "R", "0")
    assert event["subtype"][0] | {"display": ""} == {
        "system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "disclose", "display": "",
    }  # fmt: skip
    assert event["recorded"] == "2026-01-01T00:00:00.250000Z"
    assert [who(event, code) for code in ("110153", "110152", "159541003")] == ["hub", "town", "olav"]
    assert agents(event)["110153"]["who"] == event["source"]["observer"]  # BALP val-audit-source
    assert all("network" in agents(event)[code] for code in ("110153", "110152"))
    assert agents(event)["110152"]["policy"] == ["urn:hub:rule:13-treating-relation"]
    assert "429577009" not in agents(event)
    assert entities(event) == ["1", "2"]
    assert event["entity"][0]["what"] == {"type": "Patient", "identifier": {"system": "urn:hub:patient", "value": KEY}}
    assert event["entity"][1]["what"]["identifier"]["value"] == f"urn:uuid:{EVENT}"
    assert {d["type"]: d["valueString"] for d in event["entity"][1]["detail"]} == {
        "event": f"urn:uuid:{EVENT}", "kind": "patient.admitted", "detail": "minimal", "subscription": "town-1",
        "rule": "13-treating-relation",
    }  # fmt: skip
    assert event["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"


def test_what_a_patient_permitted_names_the_patient_as_who_authorised_it() -> None:
    event = attempted("delivered", "AA", rule="12-explicit-permit", because=("permit-1/3", "gp"))
    assert who(event, "429577009") == KEY
    assert event["entity"][2] == {
        "type": {"system": "http://hl7.org/fhir/resource-types", "code": "Consent"}, "what": {"reference": "Consent/permit-1/_history/3"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [("delivered", "AA", "0"), ("refused", "AE", "4"), ("failed", "timeout", "4"), ("unknown", "died", "8")],
)
def test_whatever_may_have_left_is_a_disclosure(outcome: str, code: str, said: str) -> None:
    event = attempted(outcome, code)
    assert (event["type"]["code"], event["outcome"]) == ("110106", said)
    assert code in event["outcomeDesc"]


@pytest.mark.parametrize(
    ("outcome", "code", "said", "subtype"),
    [
        ("withheld", "11-locked", "8", "AuthZ-Consent"), ("withheld", "subscription_ended", "8", "AuthZ-Role"),
        ("held", "2-consent-unreadable", "4", "AuthZ-Role"), ("discarded", "released", "8", "AuthZ-Role"),
    ],
)  # fmt: skip
def test_what_was_not_sent_is_a_decision(outcome: str, code: str, said: str, subtype: str) -> None:
    event = attempted(outcome, code)
    assert (event["type"]["code"], event["outcome"], event["subtype"][0]["code"]) == ("110113", said, subtype)
    assert "meta" not in event
    assert code in event["outcomeDesc"]


@pytest.mark.parametrize(("result", "outcome"), [("permit", "0"), ("redact", "0"), ("deny", "8"), ("hold", "4")])
def test_a_decision_by_consent_has_balps_slices_and_no_other_entity(result: str, outcome: str) -> None:
    event = decided(result=result, rule="11-locked", because=("lock-1/2", "lock-2/1", "pathway"))
    assert event["meta"]["profile"] == ["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.AuthZconsent"]
    assert (event["type"]["code"], event["action"], event["outcome"]) == ("110113", "E", outcome)
    assert event["outcomeDesc"] == f"{result}: 11-locked"
    assert [who(event, code) for code in ("110150", "IRCP", "PROV", "authserver")] == ["town", "town", "town", "hub"]
    assert {code for code, agent in agents(event).items() if agent["requestor"]} == {"IRCP"}
    assert {code for code, agent in agents(event).items() if "network" in agent} == {"110150"}
    assert agents(event)["authserver"]["who"] == event["source"]["observer"]
    assert entities(event) == ["1", "Consent", "Consent"]
    assert [e["what"]["reference"] for e in event["entity"][1:]] == ["Consent/lock-1/_history/2", "Consent/lock-2/_history/1"]


def test_a_decision_without_a_consent_claims_no_profile_that_asks_for_one() -> None:
    event = decided()
    assert "meta" not in event
    assert event["subtype"][0]["code"] == "AuthZ-Role"
    assert entities(event) == ["1"]


def test_every_answer_of_a_decision_has_an_outcome() -> None:
    assert {result: decided(result=result)["outcome"] for result in Result} == {"permit": "0", "redact": "0", "deny": "8", "hold": "4"}


def test_its_recipient_reads_the_same_of_a_copy_as_of_the_whole() -> None:
    """Neither the lock, nor the row, nor the id of the whole message, of which the id is a print: a copy bears an id of its own."""
    copies = (SentCopy(1, EVENT, "minimal", True),)
    changes = {"result": "redact", "rule": "11-locked", "because": ("lock-1/2", "pathway"), "event_id": EVENT[::-1], "copies": copies}
    whole, copy = (
        to_its_recipient(Record(f"{t.event_id}.1", Fact.ATTEMPTED, AT_US, KEY, t, Attempt(1, 1, AT_US, "delivered", "AA")))
        for t in (told(rule="12-explicit-permit", because=("permit-1/3",)), told(**changes))
    )
    assert copy == whole
    AuditEvent.model_validate(copy)
    assert (copy["type"]["code"], copy["outcome"], who(copy, "110152"), who(copy, "159541003")) == ("110106", "0", "town", "olav")
    assert {d["type"]: d["valueString"] for d in copy["entity"][1]["detail"]} == {
        "kind": "patient.admitted", "detail": "minimal", "subscription": "town-1",
    }  # fmt: skip
    assert copy["id"].startswith(f"{AT_US}.")
    assert copy["entity"][1]["what"]["identifier"]["value"] == f"urn:uuid:{EVENT}"


def test_under_which_id_a_copy_was_had_may_be_forgotten_and_the_whole_ones_is_not_told_instead() -> None:
    given = told(copies=(SentCopy(1, "", "minimal", True),))
    read = to_its_recipient(Record("x", Fact.ATTEMPTED, AT_US, KEY, given, Attempt(1, 1, AT_US, "delivered", "AA")))
    assert EVENT not in str(read)
    assert read["entity"][1]["what"]["identifier"]["system"] == "urn:hub:delivery"


def test_what_left_is_told_and_not_what_was_decided_before_something_was_locked() -> None:
    event = attempted("delivered", "200", detail="full", copies=(SentCopy(1, "", "notice", False),))
    assert {d["type"]: d["valueString"] for d in event["entity"][1]["detail"]}["detail"] == "notice"


def test_its_recipient_tells_apart_what_it_was_sent() -> None:
    def read(n: int, **changes: Any) -> dict[str, Any]:
        attempt = Attempt(n, 1, AT_US, "failed", "timeout")
        return to_its_recipient(Record("x", Fact.ATTEMPTED, AT_US, KEY, told(**changes), attempt))

    first, again, other = read(1), read(2), read(1, off=6, event_id=EVENT[::-1])
    assert len({e["id"] for e in (first, again, other)}) == 3
    assert first["entity"][1] == again["entity"][1] != other["entity"][1]


def test_a_send_that_a_lock_came_too_late_for() -> None:
    late = UnderWay("lock-1", 2, AT_US)
    event = made(Record("x", Fact.LATE, AT_US, KEY, told(), late=late))
    assert event["type"]["code"] == "110106"
    assert "Consent/lock-1 version 2" in event["outcomeDesc"]
    assert event["entity"][-1]["what"]["reference"] == "Consent/lock-1/_history/2"


def test_the_norwegian_trust_framework_has_its_fields() -> None:
    patient, relation = attempted("delivered", "AA")["extension"]
    assert patient["valueReference"]["identifier"]["value"] == KEY
    assert {e["url"]: e[next(k for k in e if k.startswith("value"))] for e in relation["extension"]} == {
        "decision-ref-id": f"{EVENT}:town", "decision-ref-description": "13-treating-relation pathway", "decision-ref-user-selected": False,
        "toa": AT_US // 1_000_000,
    }  # fmt: skip


@pytest.mark.parametrize(("key", "profile", "kinds"), [(KEY, "PatientQuery", ["2", "1"]), ("", "Query", ["2"])])
def test_a_search_of_the_record(key: str, profile: str, kinds: list[str]) -> None:
    access = Access(AT_US, "admin", "", "10.0.0.7", "search-type", f"patient={KEY}")
    event = made(Record("x", Fact.READ, AT_US, key, access=access))
    assert event["meta"]["profile"][0].endswith(f".{profile}")
    assert (event["type"]["code"], event["subtype"][0]["code"], event["action"]) == ("rest", "search-type", "E")
    assert (who(event, "110153"), who(event, "110152")) == ("admin", "hub")  # the question goes from the client to the server
    assert agents(event)["110153"]["network"] == {"address": "10.0.0.7", "type": "2"}
    assert entities(event) == kinds
    assert event["entity"][0]["description"] == f"patient={KEY}"
    assert "what" not in event["entity"][0]


@pytest.mark.parametrize(("role", "reader", "system"), [("provider", "town", "urn:hub:provider"), ("patient", KEY, "urn:hub:patient")])
def test_a_reading_of_one_event(role: str, reader: str, system: str) -> None:
    event = made(Record("x", Fact.READ, AT_US, KEY, access=Access(AT_US, role, reader, "::1", "read", f"AuditEvent/{EVENT}.1")))
    assert event["meta"]["profile"][0].endswith(".PatientRead")
    assert (who(event, "110153"), who(event, "110152")) == ("hub", reader)  # the resource goes from the server to the client
    assert agents(event)["IRCP"]["who"]["identifier"] == {"system": system, "value": reader}
    assert event["entity"][0]["what"] == {"reference": f"AuditEvent/{EVENT}.1"}


def test_a_page_that_was_read_is_no_resource() -> None:
    def read(query: str) -> Any:
        access = Access(AT_US, "patient", KEY, "10.0.0.7", "read", query)
        return made(Record("x", Fact.READ, AT_US, KEY, access=access))["entity"][0]["what"]

    assert read("me/shared") == {"identifier": {"system": "urn:hub:page", "value": "me/shared"}}
    assert read("AuditEvent/1.2") == {"reference": "AuditEvent/1.2"}


def test_what_was_told_again_names_the_rule_of_then_to_others_than_its_recipient() -> None:
    given = told(rule="11-locked", because=("c1/1",), result="deny")
    record = Record(f"{EVENT}.1", Fact.ATTEMPTED, AT_US, KEY, given, Attempt(2, 1, AT_US, "delivered", "queried:13-treating-relation"))
    event, own = made(record), to_its_recipient(record)
    assert event["outcomeDesc"] == "sent, and taken by the recipient (queried)"
    assert agents(event)["110152"]["policy"] == ["urn:hub:rule:13-treating-relation"]
    assert "c1" not in str(event)
    assert "13-treating" not in str(own)
    copy = Record(f"{EVENT}.1", Fact.ATTEMPTED, AT_US, KEY, told(), Attempt(2, 1, AT_US, "delivered", "queried:11-locked"))
    assert "locked" not in str(to_its_recipient(copy))
