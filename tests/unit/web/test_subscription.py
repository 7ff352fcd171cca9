"""A subscription and its answers in the shapes of the R5 Backport for R4: valid FHIR, as much as was asked for, bytes as they are sent."""

import json
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.subscription import Subscription as FhirSubscription

from hub.delivery.events import Told
from hub.model import Channel, Deliver, Detail, Subscription, Where
from hub.web.subscription import Content, Own, events, fhir_id, resource, searchset, status

BASE = "http://hub.example/fhir"
OWN = Own(
    BASE,
    Subscription("town: all", "town", ("patient.*", "referral.sent"), Where(municipality="5001"), Detail.NOTICE),
    Deliver(Channel.FHIR, url="https://town.example/fhir"),
)
ONE = b'{"resourceType":"Bundle","id":"b1",  "type":"message"}'  # two blanks that no writer of JSON makes
TOLD = (
    Told(4, "11111111-1111-8111-8111-111111111111", 1_767_225_600_250_000, ONE),
    Told(5, "22222222-2222-8222-8222-222222222222", 0, ONE),
)


def test_the_subscription_says_what_it_brings_and_where() -> None:
    made = resource(OWN)
    FhirSubscription.model_validate(made)
    assert made["id"] == fhir_id(OWN.subscription) == OWN.id
    assert (made["channel"]["type"], made["channel"]["endpoint"]) == ("rest-hook", "https://town.example/fhir")
    assert [e["valueString"] for e in made["_criteria"]["extension"]] == ["event=patient.*,referral.sent", "municipality=5001"]
    assert "town: all" in made["reason"]
    assert "notice" in made["reason"]


def test_a_mailbox_has_no_address() -> None:
    made = resource(Own(BASE, OWN.subscription, Deliver(Channel.MAILBOX)))
    FhirSubscription.model_validate(made)
    assert made["channel"].keys() == {"type", "payload", "_payload"}


def test_ids_are_the_subscriptions_own() -> None:
    other = Subscription("town: other", "town", ("*",), Where(), Detail.FULL)
    assert fhir_id(other) != fhir_id(OWN.subscription)


def answer(content: Content) -> tuple[bytes, dict[str, Any]]:
    raw = events(OWN, TOLD, 9, content, 1_767_225_600_000_000)
    found: dict[str, Any] = json.loads(raw)
    return raw, found


@pytest.mark.parametrize("content", Content)
def test_an_answer_is_a_history_that_begins_with_its_status(content: Content) -> None:
    _, found = answer(content)
    Bundle.model_validate(found)
    assert (found["type"], found["timestamp"]) == ("history", "2026-01-01T00:00:00.000Z")
    said = found["entry"][0]["resource"]["parameter"]
    assert [p["name"] for p in said[:5]] == ["subscription", "topic", "status", "type", "events-since-subscription-start"]
    assert (said[0]["valueReference"]["reference"], said[3]["valueCode"], said[4]["valueString"]) == (OWN.url, "query-event", "9")
    assert [p["part"][0]["valueString"] for p in said[5:]] == ["4", "5"]
    assert said[5]["part"][1]["valueInstant"] == "2026-01-01T00:00:00.250Z"
    assert all("request" in entry and "response" in entry for entry in found["entry"])


def test_full_content_is_what_is_sent_byte_for_byte() -> None:
    raw, found = answer(Content.FULL)
    assert raw.count(ONE) == 2
    assert [e["fullUrl"] for e in found["entry"][1:]] == [f"urn:uuid:{t.known_as}" for t in TOLD]


def test_ids_only_have_no_content_and_nothing_has_no_ids() -> None:
    raw, found = answer(Content.ID_ONLY)
    assert b"b1" not in raw
    assert [e.keys() for e in found["entry"][1:]] == [{"fullUrl", "request", "response"}] * 2
    raw, found = answer(Content.EMPTY)
    assert len(found["entry"]) == 1
    assert not any(t.known_as.encode() in raw for t in TOLD)


def test_a_status_alone() -> None:
    made = status(OWN, "query-status", 3)
    found = searchset(BASE, [(f"{OWN.url}/$status", made)], "/$status")
    Bundle.model_validate(found)
    assert (found["total"], found["entry"][0]["fullUrl"]) == (1, f"{BASE}/Subscription/{OWN.id}/$status")
    assert "entry" not in searchset(BASE, [], "")
