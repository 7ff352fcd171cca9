"""Many messages, one report: each finding once, what was allowed apart, and what only shows across messages."""

from hub.adapters.finding import Finding, Judged, Severity
from hub.adapters.profile import Allowance, Profile
from hub.stream.message_report import Source, report, text, to_json

WARNING = Finding(Severity.WARNING, "pathway.no-ward", "PV1-3", "no place", "a place", "HL7 v2.5.1 section 3.4.3.3", 4)
NOTE = Finding(Severity.NOTE, "segment.local", "ZPI", "local", "none")
ERROR = Finding(Severity.ERROR, "refused.bad_value", "MSH-10", "bad", "good")


def source(n: int, raw: bytes = b"x") -> Source:
    return Source("day.hl7", n, raw)


def test_a_finding_of_many_messages_is_told_once_with_how_many() -> None:
    judged = [(source(n), Judged((WARNING, NOTE) if n > 2 else (NOTE,), "ADT^A01", ("A", "F", str(n)))) for n in range(1, 10)]
    found = report(judged, Profile())
    assert [(line.finding.code, line.count) for line in found.lines] == [("pathway.no-ward", 7), ("segment.local", 9)]
    assert found.lines[0].messages == tuple(f"day.hl7:{n}" for n in range(3, 8))
    assert not found.is_refused
    said = text(found, "St. Olavs")
    assert said.startswith("St. Olavs: 9 messages: 0 errors, 1 warning, 1 note\n")
    assert "warning PV1-3  [pathway.no-ward]  in 7 of 9 (first day.hl7:3, segment 4)" in said


def test_the_worst_comes_first_and_an_error_cannot_be_allowed() -> None:
    allowed = (Allowance("refused.bad_value", "", "please"), Allowance("pathway.no-ward", "PV1-3", "no wards here"))
    found = report([(source(1), Judged((NOTE, WARNING, ERROR)))], Profile(allowed=allowed))
    assert [line.finding for line in found.open] == [ERROR, NOTE]
    assert [(line.finding, line.allowed) for line in found.lines if line.allowed] == [(WARNING, "no wards here")]
    assert found.is_refused
    assert "allowed by the profile\n        PV1-3  [pathway.no-ward]  in 1: no wards here" in text(found, "")
    assert to_json(found, "x")["findings"][-1]["allowed"] == "no wards here"


def test_an_allowance_of_a_place_is_for_that_place_only() -> None:
    found = report([(source(1), Judged((WARNING,)))], Profile(allowed=(Allowance("pathway.no-ward", "PV1-6", "x"),)))
    assert len(found.open) == 1


def test_a_control_id_that_comes_again_with_other_bytes_is_refused() -> None:
    key = ("A", "F", "1")
    found = report([(source(1, b"x"), Judged((), "ADT^A01", key)), (source(2, b"y"), Judged((), "ADT^A01", key))], Profile())
    assert [(line.finding.code, line.messages) for line in found.lines] == [("refused.duplicate_control_id", ("day.hl7:2",))]
    assert found.is_refused


def test_the_same_bytes_again_are_a_repeat_and_other_senders_have_control_ids_of_their_own() -> None:
    judged = [(source(1), Judged((), "ADT^A01", ("A", "F", "1"))), (source(2), Judged((), "ADT^A01", ("A", "F", "1"))),
              (source(3), Judged((), "ADT^A01", ("B", "F", "1")))]  # fmt: skip
    assert [(line.finding.code, line.messages) for line in report(judged, Profile()).lines] == [("control-id.repeated", ("day.hl7:2",))]


def test_a_refused_message_does_not_use_its_control_id_up() -> None:
    key = ("A", "F", "1")
    found = report([(source(1, b"x"), Judged((ERROR,), "", key)), (source(2, b"y"), Judged((), "", key))], Profile())
    assert [line.finding.code for line in found.lines] == ["refused.bad_value"]


def test_agreed_messages_that_are_not_among_them_are_told() -> None:
    found = report([(source(1), Judged((), "ADT^A01"))], Profile(messages=("ADT^A01", "ADT^A03")))
    (line,) = found.lines
    assert (line.finding.code, line.messages, line.finding.severity) == ("agreed.not-seen.ADT^A03", (), Severity.NOTE)
    assert "ADT^A03 was agreed" in text(found, "")
