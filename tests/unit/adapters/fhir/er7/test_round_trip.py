"""HL7 v2 to FHIR and back: what the official maps carry both ways comes back, or stands in ``losses`` with its reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.message import envelope
from hub.errors import Rejected
from hub.model import Detail, Form
from tests.unit.adapters.fhir.er7.composed import judged
from tests.unit.adapters.fhir.er7.generated import MESSAGES, messages
from tests.unit.adapters.fhir.er7.losses import ELSEWHERE, UNDER_THE_TYPE
from tests.unit.adapters.fhir.er7.trip import Tally, compare, fields_of
from tests.unit.adapters.fhir.er7.trip_tables import FIELDS
from tests.unit.adapters.made import RECIPIENT, fhir, hl7v2, sample_messages

SHARE_MIN, HOLDABLE_MIN = 0.885, 0.96  # of all leaves that the maps carry, and of those that 2.5.1 has a place for; see ``losses``
EVERY = 20  # simhospital's messages are very much alike
TRANSLATED_MIN = 80


def there_and_back(raw: bytes) -> tuple[bytes, bytes]:
    """The Bundle a message becomes, and the message that becomes."""
    bundle = hl7v2(raw).render(Form.FHIR, Detail.FULL, RECIPIENT)
    return bundle, fhir(bundle).render(Form.HL7V2, Detail.FULL, RECIPIENT)


@pytest.mark.parametrize("kind", MESSAGES)
@given(data=st.data())
@settings(max_examples=25, deadline=None)  # validation takes a while, and longer beside others
def test_every_field_that_is_mapped_both_ways_comes_back(kind: str, data: st.DataObject) -> None:
    raw = data.draw(messages(kind))
    after = there_and_back(raw)[1]
    tally = Tally()
    compare(raw, after, kind, tally)
    assert tally.unexplained == {}
    assert {reason for _, reason in tally.lost} <= {UNDER_THE_TYPE}
    assert judged(after)[0] == []


def test_every_field_that_is_mapped_and_has_a_place_is_among_those_that_come_back() -> None:
    said = {(name, int(part.split()[0].rstrip("!"))) for row in MESSAGES.values() for name, fields in row for part in fields.split("; ")}
    carried = {(name, n) for name, numbers in FIELDS.items() for n in numbers if name != "MSH" and n in fields_of(name)}
    assert {f"{name}-{n}" for name, n in carried - said} == set(ELSEWHERE)


def test_what_the_samples_say_comes_back_or_is_lost_for_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    tally, translated = Tally(), 0
    for n, (name, raw) in enumerate(sample_messages()):
        if name.startswith("simhospital") and n % EVERY:
            continue
        try:
            if envelope(raw).trigger not in KINDS:
                continue
            after = there_and_back(raw)[1]
        except Rejected:
            continue
        translated += 1
        compare(raw, after, name, tally)
    with capsys.disabled():
        print(f"\n  {translated} sample messages: {tally}")
    assert translated >= TRANSLATED_MIN
    assert tally.unexplained == {}
    assert tally.back >= SHARE_MIN * tally.total
    assert tally.back >= HOLDABLE_MIN * tally.holdable
