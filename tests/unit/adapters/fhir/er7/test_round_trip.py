"""HL7 v2 to FHIR and back: what the official maps carry both ways comes back, or stands in ``losses`` with its reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.report import PAGE
from tests.unit.adapters.fhir.er7.composed import faults, judged
from tests.unit.adapters.fhir.er7.generated import MESSAGES, messages
from tests.unit.adapters.fhir.er7.losses import ELSEWHERE, LOSSES, UNDER_THE_TYPE
from tests.unit.adapters.fhir.er7.trip import Tally, compare, fields_of
from tests.unit.adapters.fhir.er7.trip_samples import samples, table, there_and_back
from tests.unit.adapters.fhir.er7.trip_tables import FIELDS

SHARE_MIN, HOLDABLE_MIN = 0.885, 0.96  # of all leaves that the maps carry, and of those that 2.5.1 has a place for; see ``losses``
TRANSLATED_MIN = 80


@pytest.mark.parametrize("kind", MESSAGES)
@given(data=st.data())
@settings(max_examples=15, deadline=None)  # of each of 25 kinds, at every run others; validation takes a while
def test_every_field_that_is_mapped_both_ways_comes_back(kind: str, data: st.DataObject) -> None:
    raw = data.draw(messages(kind))
    after = there_and_back(raw)[1]
    tally = Tally()
    compare(raw, after, kind, tally)
    assert tally.unexplained == {}
    assert {reason for _, reason in tally.lost} <= {UNDER_THE_TYPE}
    assert judged(after)[0] == []
    assert faults(after) == []


def test_every_field_that_is_mapped_and_has_a_place_is_among_those_that_come_back() -> None:
    said = {(name, int(part.split()[0].rstrip("!"))) for row in MESSAGES.values() for name, fields in row for part in fields.split("; ")}
    carried = {(name, n) for name, numbers in FIELDS.items() for n in numbers if name != "MSH" and n in fields_of(name)}
    assert {f"{name}-{n}" for name, n in carried - said} == set(ELSEWHERE)


def test_what_the_samples_say_comes_back_or_is_lost_for_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    tally, translated = samples()
    with capsys.disabled():
        print(f"\n  {translated} sample messages: {tally}")
    assert translated >= TRANSLATED_MIN
    assert tally.unexplained == {}
    assert tally.back >= SHARE_MIN * tally.total
    assert tally.back >= HOLDABLE_MIN * tally.holdable
    assert {reason for *_, reason in LOSSES} - {reason for _, reason in tally.lost} == set()  # a reason nobody needs is none


def test_the_page_shows_what_came_back() -> None:
    samples()
    assert table() in PAGE.read_text("utf-8"), "python -m tests.conformance.report --write"
