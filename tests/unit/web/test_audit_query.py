"""What may be asked of the record, and what each word of it means."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.identity import FNR
from hub.ledger.record import FOREVER_US
from hub.model import Identifier
from hub.web.audit_query import COUNT_MAX, parse


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def span(*dates: str) -> tuple[int, int]:
    sought = parse([("date", d) for d in dates]).sought
    return sought.from_us, sought.to_us


DAY = (us("2026-03-29T00:00+01:00"), us("2026-03-30T00:00+02:00"))  # a civil day in Norway of 23 hours


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2026-03-29"], DAY),
        (["eq2026-03-29"], DAY),
        (["ge2026-03-29"], (DAY[0], FOREVER_US)),
        (["gt2026-03-29"], (DAY[1], FOREVER_US)),
        (["sa2026-03-29"], (DAY[1], FOREVER_US)),
        (["le2026-03-29"], (0, DAY[1])),
        (["lt2026-03-29"], (0, DAY[0])),
        (["eb2026-03-29"], (0, DAY[0])),
        (["ge2026-03-29", "lt2026-04-01"], (DAY[0], us("2026-04-01T00:00+02:00"))),
        (["2026-02"], (us("2026-02-01T00:00+01:00"), us("2026-03-01T00:00+01:00"))),
        (["2024"], (us("2024-01-01T00:00+01:00"), us("2025-01-01T00:00+01:00"))),
        (["2026"], (us("2026-01-01T00:00+01:00"), us("2027-01-01T00:00+01:00"))),
        (["2026-01-01T12:00:00Z"], (us("2026-01-01T12:00+00:00"), us("2026-01-01T12:00:01+00:00"))),
        (["2026-01-01T12:00"], (us("2026-01-01T12:00+01:00"), us("2026-01-01T12:01+01:00"))),
        (["2026-01-01T12:00:00.25+02:00"], (us("2026-01-01T10:00:00.25+00:00"), us("2026-01-01T10:00:00.26+00:00"))),
        (["ge2026-01-02", "le2026-01-01"], (us("2026-01-02T00:00+01:00"), us("2026-01-02T00:00+01:00"))),
    ],
)
def test_a_date_is_the_whole_of_what_it_names(dates: list[str], expected: tuple[int, int]) -> None:
    assert span(*dates) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date", "yesterday"), ("date", "ne2026"), ("date", "ap2026"), ("date", "2026-13"), ("date", "2026-02-30"), ("date", "9999-12-31"),
        ("date", "0000"), ("date", "2026-01-01T25:00:00Z"), ("date", "2026-1-1"), ("_count", "0"), ("_count", "-1"), ("_count", "many"),
        ("_count", "²"), ("_after", "x"), ("_after", "1"), ("entity", "Consent/"), ("entity", "Patient/1"),
        ("entity", "Consent/a/_history/x"),
        ("patient", "system|"), ("patient", ""), ("patient", "\0"), ("agent", "\ud800"),
        ("patient", "a,b"), ("patient", "Patient/1"), ("agent", "a,b"), ("agent", "urn:hub:provider|"), ("agent", "|"),
        ("agent", "Organization/"), ("agent", "Practitioner/a"), ("agent", "urn:x|a"), ("agent", "Organization/a/_history/1"),
        ("agent", ""), ("unknown", "x"), ("_sort", "date"), ("date:missing", "true"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError):
        parse([(name, value)])


@pytest.mark.parametrize("pair", [("agent", "agent"), ("patient", "patient.identifier"), ("_count", "_count")])
def test_nothing_is_said_twice(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError):
        parse([(name, "1") for name in pair])


@pytest.mark.parametrize("name", ["patient", "patient.identifier", "patient:identifier"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("15076500565", Identifier(FNR, "15076500565")), (f"{FNR}|15076500565", Identifier(FNR, "15076500565")),
        ("OLAV|1001", Identifier("OLAV", "1001")), ("1001", Identifier("", "1001")),
    ],
)  # fmt: skip
def test_a_patient_is_an_identifier(name: str, value: str, expected: Identifier) -> None:
    assert parse([(name, value)]).patient == expected


@pytest.mark.parametrize("value", ["town", "Organization/town", "urn:hub:provider|town"])
def test_an_agent_is_a_provider(value: str) -> None:
    assert parse([("agent", value)]).sought.agent == "town"


def test_an_entity_is_a_consent_or_an_event() -> None:
    assert parse([("entity", "Consent/lock-1")]).sought.consent_id == "lock-1"
    found = parse([("entity", "Consent/lock-1/_history/3")]).sought
    assert (found.consent_id, found.consent_version) == ("lock-1", 3)
    event = "0f0e0d0c-0b0a-8908-8706-050403020100"
    for text in (event, f"urn:uuid:{event.upper()}", f"urn:ietf:rfc:3986|urn:uuid:{event}"):
        assert parse([("entity", text)]).sought.event_id == event


def test_a_page_begins_where_the_one_before_ended() -> None:
    query = parse([("patient", "OLAV|1"), ("date", "ge2026-01-01"), ("_count", "7")])
    following = query.after(1_800_000_000_000_000, 3)
    assert following == "patient=OLAV|1&date=ge2026-01-01&_count=7&_after=1800000000000000-3"
    again = parse([pair.split("=") for pair in following.split("&")])  # type: ignore[misc]
    assert (again.sought.to_us, again.sought.skip, again.sought.count) == (1_800_000_000_000_000, 3, 7)
    assert again.sought.from_us == us("2026-01-01T00:00+01:00")
    assert "_after=9-0" in again.after(9, 0)
    assert again.after(9, 0).count("_after") == 1
    assert parse([("_count", "99999")]).sought.count == COUNT_MAX


def test_what_is_recorded_names_no_patient() -> None:
    assert parse([("patient", "15076500565"), ("agent", "town")]).with_key("KEY") == "patient=KEY&agent=town"
    assert "15076500565" not in repr(parse([("patient", "15076500565")]))


@given(st.lists(st.tuples(st.sampled_from(["date", "entity", "_count", "_after", "patient", "agent"]), st.text(max_size=30)), max_size=4))
def test_nothing_else_is_raised(given_parameters: list[tuple[str, str]]) -> None:
    try:
        found = parse(given_parameters)
    except ValueError:
        return
    assert found.sought.count <= COUNT_MAX
    assert ZoneInfo("Europe/Oslo")


@given(st.from_regex(r"\A(ge|lt|)[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|\+[0-9]{2}:[0-9]{2})?)?)?)?\Z"))
def test_a_date_that_looks_like_one_is_one_or_refused(text: str) -> None:
    try:
        from_us, to_us = span(text)
    except ValueError:
        return
    assert from_us < to_us or not text.startswith("g")
