"""Deciding a batch in order: repeats, conflicts, who the patient is, and what a bug leaves behind. No server."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.errors import Cause, Faulted, Reason
from hub.identity import FNR
from hub.ledger.batch import Known
from hub.ledger.consents import Consents
from hub.model import Identifier, Outcome, Received, Refusal, Result
from hub.routing.directory import Directory
from hub.stream.walk import Item, Walk, Walked, alone, read_item, unreadable, wanted
from tests.contracts.transit_rig import NUMBER, PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, received

DIRECTORY = Directory(PROVIDERS, SUBSCRIPTIONS, 1)


def known(**fields: Any) -> Known:
    return Known(
        **{
            "directory_version": 1,
            "recorded": set(),
            "seen": {},
            "redrives": {},
            "owners": {},
            "locks": {},
            "states": {},
            "consents": Consents([]),
        }
        | fields
    )


def item(off: int, message: Received) -> Item:
    return read_item((0, off), message, Hl7v2Message(message), PSEUDONYMS)


def walk(*messages: Received, what: Known | None = None, first: int = 0) -> Walked:
    return Walk(what or known(), DIRECTORY, lambda event, *_: event.event_id.encode(), 7).all(
        [item(first + n, m) for n, m in enumerate(messages)]
    )


def outcomes(walked: Walked) -> list[Outcome]:
    return [entry.plan.outcome for entry in walked.writes.entries]


def test_the_next_offset_counts_every_record_even_one_recorded_before() -> None:
    walked = walk(received("c1"), received("c2"), what=known(recorded={(0, 5), (0, 6)}), first=5)
    assert (walked.writes.nexts, walked.writes.entries, walked.events) == ({0: 7}, [], [])


def test_a_repeat_and_a_conflict_send_no_event() -> None:
    walked = walk(received("c1"), received("c1"), received("c1", town="5031"))
    assert outcomes(walked) == [Outcome.ROUTED, Outcome.REPEAT, Outcome.QUARANTINED]
    assert (len(walked.events), walked.conflicts) == (1, 1)
    assert walked.writes.entries[2].plan.refusal == Refusal(Reason.DUPLICATE_CONTROL_ID, "MSH-10")


def test_a_refused_message_does_not_use_its_control_id_up() -> None:
    walked = walk(received("c1", refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4")), received("c1", town="5031"))
    assert outcomes(walked) == [Outcome.QUARANTINED, Outcome.ROUTED]


def test_a_redriven_message_passes_once_and_only_for_those_named() -> None:
    message = received("c1")
    seen = {item(0, message).sender_key: item(0, message).digest}
    walked = walk(message, message, what=known(seen=seen, redrives={message.event_id: ("town",)}))
    assert outcomes(walked) == [Outcome.ROUTED, Outcome.REPEAT]
    assert [d.recipient for d in walked.writes.entries[0].plan.deliveries] == ["town"]
    assert walked.writes.redriven == [(message.event_id, (0, 0))]
    assert walked.writes.seen == {}


def test_a_message_sees_what_the_one_before_it_changed() -> None:
    """The municipality of the first is remembered for the second, which names none."""
    walked = walk(received("c1"), received("c2", town=""))
    assert [d.recipient for d in walked.writes.entries[1].plan.deliveries] == ["clinic", "town"]
    assert [s.municipality for s in walked.writes.states.values()] == ["5001"]


def test_two_people_under_one_message_are_a_hold_and_nothing_is_learned() -> None:
    one, two = received("c1", number="", mrn="1"), received("c2", number="", mrn="2")
    both = received("c3", identifiers=(*one.identifiers, *two.identifiers))
    walked = walk(one, two, both)
    assert {d.result for d in walked.writes.entries[2].plan.decisions} == {Result.HOLD}
    assert len(walked.writes.links) == 2
    held = set(walked.writes.entries[2].lock_keys)
    assert held == set(walked.writes.entries[0].lock_keys) | set(walked.writes.entries[1].lock_keys)


def identified(control: str, *, number: str = "", mrns: str, mrg: str = "", **more: Any) -> Received:
    """A message of a person number, of one hospital number a letter, and of those it merges."""
    ids = tuple(i for i in (*(Identifier("OLAV", m) for m in mrns), Identifier(FNR, number)) if i.value)
    extra = f"MRG|{'~'.join(f'{m}^^^OLAV^MR' for m in mrg)}\r" if mrg else ""
    trigger = "A40" if mrg else "A01"
    return received(control, number=number, mrn=mrns[0], identifiers=ids, extra=extra, trigger=trigger, **more)


def test_a_number_that_moves_to_the_survivor_is_no_conflict() -> None:
    """The usual mending of a duplicate: the person number was the retired record's, and stands on the survivor's now."""
    before = [identified("c1", number=NUMBER, mrns="1"), identified("c2", mrns="2", town="5031")]
    walked = walk(*before, identified("c3", number=NUMBER, mrns="2", mrg="1"), identified("c4", number=NUMBER, mrns="1"))
    first, second, merge, after = walked.writes.entries
    retired, survivor = first.patient_key, second.patient_key
    assert {d.result for d in merge.plan.decisions} == {Result.PERMIT}
    assert [(m.retired, m.survivor) for m in walked.writes.merges] == [((retired,), survivor)]
    assert set(walked.writes.merges[0].lock_keys) == {*first.lock_keys, *second.lock_keys}
    assert (merge.patient_key, after.patient_key) == (survivor, survivor)
    assert {owner for owner, *_ in walked.writes.links.values()} == {survivor}


def test_a_merge_into_two_patients_is_a_conflict() -> None:
    before = [identified("c1", mrns="1"), identified("c2", mrns="2"), identified("c3", mrns="3")]
    walked = walk(*before, identified("c4", mrns="23", mrg="1"))
    assert ({d.result for d in walked.writes.entries[3].plan.decisions}, walked.writes.merges) == ({Result.HOLD}, [])


def test_a_merge_of_numbers_that_are_one_patient_already_changes_nothing() -> None:
    walked = walk(identified("c1", number=NUMBER, mrns="1"), identified("c2", number=NUMBER, mrns="2", mrg="1"))
    first, merge = walked.writes.entries
    assert (merge.patient_key, walked.writes.merges) == (first.patient_key, [])
    assert {owner for owner, *_ in walked.writes.links.values()} == {first.patient_key}


def test_a_message_of_the_hub_itself_belongs_to_the_patient_it_names() -> None:
    made = replace(received("c1", number="", mrn="9"), patient_key="an episode's patient")
    (entry,) = walk(made).writes.entries
    assert (entry.patient_key, wanted([item(0, made)]).patients) == ("an episode's patient", {"an episode's patient"})


def test_a_message_of_the_hub_itself_about_a_retired_patient_is_the_survivors() -> None:
    """A deadline that was breached at the moment of a merge, and one a week later."""
    made = replace(received("c1", raw=b"x", identifiers=()), patient_key="retired")
    (entry,) = walk(made, what=known(survivors={"retired": "survivor"})).writes.entries
    assert entry.patient_key == "survivor"
    old, new = identified("m1", mrns="1"), identified("m2", mrns="2", mrg="1")
    assert walk(old, new, replace(made, patient_key=old.patient_key)).writes.entries[2].patient_key == new.patient_key


class _Buggy:
    known_as = ()

    def __init__(self, message: Received, where: str) -> None:
        self.received, self.where, self.inner = message, where, Hl7v2Message(message)

    def event(self) -> Any:
        if self.where == "event":
            raise ZeroDivisionError(self.received.raw)
        return self.inner.event()

    def render(self, *_: Any) -> bytes:
        raise KeyError(self.received.raw)


@pytest.mark.parametrize("where", ["event", "render"])
def test_a_bug_is_the_class_of_its_exception_and_nothing_else(where: str) -> None:
    message = received("c1")
    items = [read_item((0, 0), message, _Buggy(message, where), PSEUDONYMS), item(1, received("c2"))]
    walked = Walk(known(), DIRECTORY, lambda *_: b"", 7).all(items)
    assert outcomes(walked) == [Outcome.QUARANTINED if where == "event" else Outcome.ROUTED, Outcome.ROUTED]
    assert set(walked.errors) == {(message.event_id, "ZeroDivisionError" if where == "event" else "KeyError")}
    place = "message" if where == "event" else "clinic,town"  # nobody can have it, and each of them is held for itself
    assert walked.writes.entries[0].plan.refusal == Refusal(Reason.INTERNAL_ERROR, place)


def test_a_server_that_is_away_is_no_fault_of_the_message() -> None:
    """The schema registry, when an event is the first to be written: the batch is done again, and nothing is quarantined."""

    def away(*_: Any) -> bytes:
        raise Faulted(Cause.REGISTRY_UNAVAILABLE)

    with pytest.raises(Faulted):
        Walk(known(), DIRECTORY, away, 7).all([item(0, received("c1"))])


def test_what_cannot_be_read_or_written_keeps_its_bytes() -> None:
    made = [unreadable((0, 3), b"bytes", 7), alone(item(4, received("c1")))]
    walked = Walk(known(), DIRECTORY, lambda *_: b"", 7).all(made)
    assert [e.plan.received.raw for e in walked.writes.entries] == [b"bytes", received("c1").raw]
    assert [e.plan.received.control_id for e in walked.writes.entries] == ["", ""]
    assert (walked.writes.seen, walked.events) == ({}, [])


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["5001", "5031"]), st.sampled_from(["1", "2"])), max_size=12),
    st.integers(0, 12),
)
def test_where_a_batch_is_cut_does_not_matter(made: list[tuple[str, str, str]], cut: int) -> None:
    """Two batches leave what one batch leaves: what a batch changes for those behind it is exactly what it writes."""
    messages = [received(control, town=town, mrn=mrn, number="") for control, town, mrn in made]
    whole, what = walk(*messages), known()
    first, second = walk(*messages[:cut], what=what), walk(*messages[cut:], what=what, first=min(cut, len(messages)))
    entries = [*first.writes.entries, *second.writes.entries]
    assert [(e.plan.outcome, e.plan.decisions, e.patient_key) for e in entries] == [
        (e.plan.outcome, e.plan.decisions, e.patient_key) for e in whole.writes.entries
    ]
    assert first.writes.links | second.writes.links == whole.writes.links
    assert first.writes.states | second.writes.states == whole.writes.states
