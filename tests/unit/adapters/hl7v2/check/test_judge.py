"""A check refuses what the hub refuses and nothing else, finds the rest behind the first fault, and never repeats a value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.check import refused
from hub.adapters.hl7v2.check.judge import judge
from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.receive import Peer, taken
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.adapters.profile import Profile, Terms
from hub.errors import Rejected
from hub.model import Refusal
from hub.stream.message_report import Source, report, text, to_json
from tests.unit.adapters.hl7v2.check.made import EVN, GOOD, MSH, PD1, PID, PV1, found, raw, spoiled, with_field
from tests.unit.adapters.made import sample_messages

TERMS = Terms()


def hub_refuses(message: bytes) -> bool:
    """What the gateway and transit do with it."""
    seen = taken(message, peek(message), Peer(), refused.door_of(TERMS), 0)
    if isinstance(seen, Refusal) or seen[0].refusal is not None or len(message) > TERMS.frame_bytes_max:
        return True
    try:
        for part in seen[1]:
            Hl7v2Message(part).event()
    except Rejected:
        return True
    return False


def test_on_real_messages_an_error_is_a_refusal() -> None:
    outcomes = [judge(message, TERMS).is_refused for _, message in sample_messages()]
    assert outcomes == [hub_refuses(message) for _, message in sample_messages()]
    assert {True, False} == set(outcomes)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"", {"refused.no_header MSH"}),
        (b"PID|1", {"refused.no_header MSH"}),
        (raw(*GOOD) + b"OBX|\x00", {"refused.bad_frame"}),
        (spoiled(("MSH", 9, "XXX^Y01")), {"refused.unsupported_type MSH-9"}),
        (spoiled(("MSH", 9, "ADT^A99")), {"refused.unsupported_event MSH-9"}),
        (spoiled(("MSH", 11, "X")), {"refused.unsupported_processing_id MSH-11"}),
        (spoiled(("MSH", 12, "3.0")), {"refused.unsupported_version MSH-12"}),
        (spoiled(("MSH", 18, "KLINGON")), {"refused.bad_value MSH-18"}),
        (raw(with_field(MSH, 9, "ADT^A40"), EVN, PID), {"refused.missing_segment MRG"}),
        (raw(with_field(MSH, 9, "ADT^A40"), EVN, PID, "MRG|"), {"refused.missing_field MRG-1"}),
        (spoiled(("MSH", 9, "ADT^A99"), ("PID", 3, "")), {"refused.unsupported_event MSH-9", "refused.missing_patient PID-3"}),
        (spoiled(("MSH", 10, ""), ("PID", 3, '""')), {"refused.missing_control_id MSH-10", "refused.missing_patient PID-3"}),
    ],
)
def test_what_is_refused_is_told_with_all_that_would_come_after(message: bytes, expected: set[str]) -> None:
    errors = {code for code in found(message) if code.startswith("refused.")}
    assert all(any(code.startswith(e) for code in errors) for e in expected)
    assert len(errors) == len(expected)
    assert hub_refuses(message)


def test_each_patient_of_a_message_about_several_is_judged_where_it_stands() -> None:
    head = with_field(with_field(MSH, 9, "ADT^A17^ADT_A17"), 10, "C-2")
    other = with_field(with_field(PID, 3, "A78^^^STOLAV&2.16.578.1.99.1&ISO^MR"), 11, "")
    message = raw(head, EVN, PID, PD1, PV1, other, PD1, PV1)
    told = found(message)
    assert not hub_refuses(message)
    assert {k: f.segment for k, f in told.items()} == {
        "patients.several PID": 0, "identity.no-person-number PID-3": 6, "routing.no-municipality PID-11.9": 6,
    }  # fmt: skip
    refused_as_a_whole = found(raw(head, EVN, PID, PD1, PV1, with_field(PID, 3, ""), PV1))
    assert refused_as_a_whole["refused.missing_patient PID[1]-3"].section == "HL7 v2.5.1 section 3.4.2.3"


def test_a_message_larger_than_a_frame() -> None:
    assert "refused.too_large MSH" in found(raw(*GOOD), Terms(frame_bytes_max=100))


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@given(st.lists(st.tuples(st.sampled_from(["MSH", "EVN", "PID", "PD1", "PV1"]), st.integers(3, 50), _TEXTS), min_size=1, max_size=6))
def test_whatever_is_in_the_fields_an_error_is_a_refusal(changes: list[tuple[str, int, str]]) -> None:
    message = spoiled(*changes)
    assert judge(message, TERMS).is_refused is hub_refuses(message)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda b: raw(*GOOD) + b) | st.binary(max_size=60).map(lambda b: b"MSH" + b))
def test_whatever_the_bytes_an_error_is_a_refusal(message: bytes) -> None:
    assert judge(message, TERMS).is_refused is hub_refuses(message)


@pytest.mark.parametrize("name", ["EVN", "PID", "PD1", "PV1"])
def test_no_value_of_a_message_is_ever_repeated(name: str) -> None:
    words = {n: f"Qvz{n:02}x" for n in range(1, 50)}
    for change in ([(name, n, word) for n, word in words.items()], *([(name, n, f"\\Z{w}\\^{w}&{w}~{w}")] for n, w in words.items())):
        source = Source("f", 1, spoiled(*change))
        found_in = report([(source, judge(source.raw, TERMS))], Profile())
        said = text(found_in, "") + json.dumps(to_json(found_in, ""))
        assert "Qvz" not in said
        assert "Qvz" not in repr(found_in)
