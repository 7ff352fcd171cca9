"""Every step of emergency access as a valid AuditEvent, with whoever did it, and without the reason in their own words."""

from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from hub.identity import HPR
from hub.ledger.emergencies import Emergency, Grounds, Personnel, Step
from hub.ledger.record import Fact, Record
from hub.web.audit_event import audit_event, to_its_recipient

AT_US = 1_767_225_600_250_000
ACCESS = "0f0e0d0c-0b0a-8908-8706-050403020100"
OPENED = Emergency(
    ACCESS, AT_US, Step.OPENED, ACCESS, Personnel("town", "9144889", "Kari", "LE"), "10.0.0.7", "ab" * 16,
    Grounds("ETREAT", "BLAALYS", "Bevisstløs"), AT_US + 1, "9-emergency", because=("emergency", "lock-1/2"),
)  # fmt: skip


def made(**changes: Any) -> dict[str, Any]:
    e = replace(OPENED, **changes)
    found = audit_event(Record("x", Fact.EMERGENCY, e.at_us, e.patient_key, emergency=e))
    AuditEvent.model_validate(found)
    assert "Bevisstløs" not in str(found)
    return found


CLOSED: dict[str, Any] = {"step": Step.CLOSED, "until_us": 0, "rule": "", "because": ()}


@pytest.mark.parametrize(
    ("changes", "type_", "subtype", "outcome", "said"),
    [
        ({}, "110113", "110127", "0", "emergency access was opened (9-emergency)"),
        ({"step": Step.REFUSED, "rule": "", "code": "no_reason"}, "110113", "110127", "8", "emergency access was refused (no_reason)"),
        (
            {"step": Step.REFUSED, "rule": "2-consent-unreadable", "code": "decided"}, "110113", "110127", "8",
            "emergency access was refused (decided 2-consent-unreadable)",
        ),
        ({"step": Step.READ}, "110106", "disclose", "0", "read in an emergency (9-emergency)"),
        (
            {"step": Step.DENIED, "code": "expired"}, "110113", "110127", "8",
            "a reading by emergency access was denied (expired 9-emergency)",
        ),
        (CLOSED, "110113", "110138", "0", "emergency access was closed before its time"),
    ],
)  # fmt: skip
def test_each_step(changes: dict[str, Any], type_: str, subtype: str, outcome: str, said: str) -> None:
    event = made(**changes)
    assert (event["type"]["code"], event["subtype"][0]["code"], event["outcome"], event["outcomeDesc"]) == (type_, subtype, outcome, said)
    assert event["purposeOfEvent"][0]["coding"][0]["code"] == "ETREAT"
    assert event["purposeOfEvent"][0]["coding"][1] == {"system": "urn:hub:reason-template", "code": "BLAALYS"}


def test_who_asks_is_the_organisations_word() -> None:
    hub, organisation, person = made()["agent"]
    assert hub["network"]["address"] == "urn:hub"
    assert (organisation["who"]["identifier"]["value"], organisation["network"]["address"]) == ("town", "10.0.0.7")
    assert organisation["policy"] == ["urn:hub:rule:9-emergency"]
    assert person["who"] == {"type": "Practitioner", "identifier": {"system": HPR, "value": "9144889"}, "display": "Kari"}
    assert (person["requestor"], person["policy"]) == (True, ["urn:hub:asserted-by-organisation"])
    assert person["purposeOfUse"][0]["coding"][0]["code"] == "ETREAT"


def test_that_the_supervisor_was_told_is_the_hubs_doing() -> None:
    event = made(**CLOSED | {"step": Step.TOLD}, who=Personnel("town", ""), address="")
    assert (event["type"]["code"], event["subtype"][0]["code"], event["outcome"]) == ("110113", "told", "0")
    assert [(a["who"]["identifier"]["value"], a["requestor"]) for a in event["agent"]] == [("hub", True), ("town", False)]


@pytest.mark.parametrize(("provider", "who"), [("town", "town"), ("", "admin")])
def test_who_closes_it_is_no_person(provider: str, who: str) -> None:
    (agent,) = made(**CLOSED, who=Personnel(provider, ""))["agent"]
    assert (agent["who"]["identifier"]["value"], agent["requestor"], agent["network"]["address"]) == (who, True, "10.0.0.7")


def test_what_was_read_is_named_by_kind_and_never_shown() -> None:
    event = made(step=Step.READ, events=(ACCESS, ACCESS.replace("0f", "1f")), kinds=("patient.admitted", "observation.reported"))
    assert event["meta"]["profile"][0].endswith(".PrivacyDisclosure.Source")
    assert [e["detail"][0]["valueString"] for e in event["entity"][1:3]] == ["patient.admitted", "observation.reported"]
    assert event["entity"][3]["what"]["reference"] == "Consent/lock-1/_history/2"
    relation = {e["url"]: e for e in event["extension"][1]["extension"]}
    assert relation["decision-ref-id"]["valueString"] == ACCESS
    assert relation["decision-ref-user-selected"]["valueBoolean"] is True
    assert relation["toa"]["valueUnsignedInt"] == AT_US // 1_000_000


def test_its_organisation_reads_neither_the_consents_nor_which_messages_they_were() -> None:
    e = replace(OPENED, step=Step.READ, events=(ACCESS,), kinds=("patient.admitted",))
    record = Record("x", Fact.EMERGENCY, AT_US, "k", emergency=e)
    event = to_its_recipient(record)
    AuditEvent.model_validate(event)
    assert event["id"] == record.recipients_id != record.id
    assert len(event["entity"]) == 1
    assert "lock-1" not in str(event)


@pytest.mark.parametrize(("step", "disclosed_to"), [(Step.READ, "town"), (Step.OPENED, ""), (Step.DENIED, ""), (Step.CLOSED, "")])
def test_only_a_reading_is_a_disclosure(step: Step, disclosed_to: str) -> None:
    record = Record("x", Fact.EMERGENCY, AT_US, "k", emergency=replace(OPENED, step=step))
    assert (record.disclosed_to, record.is_disclosure) == (disclosed_to, bool(disclosed_to))
