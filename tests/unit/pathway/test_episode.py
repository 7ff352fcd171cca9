"""The episode: the state table row by row, and the properties that make a replay give the same rows."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.identity import Pseudonyms
from hub.ledger.episodes import Episode, Merge, Parting
from hub.model import Adapter, Event, Identifier, Kind
from hub.pathway.episode import advance, concerns, encounter_of, joined, sides_of, survivor_of
from hub.pathway.facts import FACTS_MAX, Fact, facts_of, in_order
from hub.pathway.states import IN_BED, MARKS, TABLE, Signal, State, signal_of

HOUR = 3_600_000_000
KINDS = [k for k in Kind if signal_of(k, "I")]


def event(
    kind: Kind, n: int = 0, *, key: str = "p", ward: str = "", cls: str = "I", provider: str = "st-olavs", town: str = "5001"
) -> Event:
    return Event(
        event_id=f"00000000-0000-8000-8000-{n:012x}", kind=kind, adapter=Adapter.HL7V2, provider=provider, control_id=str(n),
        patient_key=key,
        identifiers=(Identifier("urn:x", "1"),), received_us=1_000_000 + n, occurred_us=HOUR + n, municipality=town, ward=ward,
        encounter_class=cls, encounter_id="E",
    )  # fmt: skip


def told(*events: Event, part: int = 0) -> Episode:
    row: Episode | None = None
    for off, e in enumerate(events):
        row = advance(row, e, part, off, encounter="e")
    assert row is not None
    return row


def test_every_state_takes_every_signal() -> None:
    assert set(TABLE) == {(s, g) for s in State if s is not State.MERGED for g in Signal}
    assert State.NEW not in TABLE.values()
    assert set(MARKS) <= set(TABLE)


@pytest.mark.parametrize(
    ("kinds", "state", "mark"),
    [
        ([Kind.PREADMITTED], "preadmitted", ""),
        ([Kind.REGISTERED], "registered", ""),
        ([Kind.PREADMITTED, Kind.ADMITTED], "admitted", ""),
        ([Kind.ADMITTED, Kind.TRANSFERRED], "admitted", ""),
        ([Kind.ADMITTED, Kind.READY_FOR_DISCHARGE], "ready", ""),
        ([Kind.ADMITTED, Kind.READY_FOR_DISCHARGE, Kind.NOT_READY_FOR_DISCHARGE], "admitted", ""),
        ([Kind.ADMITTED, Kind.READY_FOR_DISCHARGE, Kind.TRANSFERRED], "ready", ""),
        ([Kind.ADMITTED, Kind.DISCHARGED], "discharged", ""),
        ([Kind.ADMITTED, Kind.DISCHARGED, Kind.DISCHARGE_CANCELLED], "admitted", ""),
        ([Kind.ADMITTED, Kind.READY_FOR_DISCHARGE, Kind.DISCHARGED, Kind.DISCHARGE_CANCELLED], "ready", ""),
        ([Kind.ADMITTED, Kind.ADMISSION_CANCELLED], "cancelled", ""),
        ([Kind.ADMITTED, Kind.DISCHARGED, Kind.ADMITTED], "admitted", ""),
        ([Kind.UPDATED], "noted", ""),
        ([Kind.DISCHARGED], "discharged", "discharge_without_admission"),
        ([Kind.TRANSFERRED], "admitted", "transfer_without_admission"),
        ([Kind.READY_FOR_DISCHARGE], "ready", "ready_without_admission"),
        ([Kind.ADMISSION_CANCELLED], "cancelled", "cancellation_without_admission"),
        ([Kind.DISCHARGE_CANCELLED], "admitted", "cancellation_without_discharge"),
        ([Kind.ADMITTED, Kind.TRANSFER_CANCELLED], "admitted", "cancellation_without_transfer"),
        ([Kind.ADMITTED, Kind.DISCHARGED, Kind.TRANSFERRED], "discharged", "after_discharge"),
        ([Kind.ADMITTED, Kind.ADMISSION_CANCELLED, Kind.DISCHARGED], "cancelled", "after_cancellation"),
        ([Kind.ADMITTED, Kind.ADMITTED], "admitted", "admitted_already"),
        ([Kind.ADMITTED, Kind.NOT_READY_FOR_DISCHARGE], "admitted", "not_ready_without_ready"),
    ],
)
def test_a_stay_told_in_events(kinds: Sequence[Kind], state: str, mark: str) -> None:
    row = told(*(event(k, n) for n, k in enumerate(kinds)))
    assert (row.state, row.body["marks"]) == (state, [mark] if mark else [])


def test_times_of_a_stay() -> None:
    row = told(event(Kind.ADMITTED, 1), event(Kind.READY_FOR_DISCHARGE, 2), replace(event(Kind.DISCHARGED, 3), discharged_us=9 * HOUR))
    assert (row.admitted_us, row.ready_us, row.ended_us) == (HOUR + 1, HOUR + 2, 9 * HOUR)
    again = advance(advance(row, event(Kind.DISCHARGE_CANCELLED, 4), 0, 3), event(Kind.NOT_READY_FOR_DISCHARGE, 5), 0, 4)
    assert (again.state, again.admitted_us, again.ready_us, again.ended_us) == ("admitted", HOUR + 1, None, None)


def test_a_new_stay_under_the_same_name_starts_afresh() -> None:
    row = told(
        event(Kind.ADMITTED, 1, ward="A"), event(Kind.READY_FOR_DISCHARGE, 2), event(Kind.DISCHARGED, 3), event(Kind.ADMITTED, 4, ward="B")
    )
    assert (row.state, row.ward, row.admitted_us, row.ready_us, row.ended_us) == ("admitted", "B", HOUR + 4, None, None)


def test_transfers_and_their_cancellation() -> None:
    moves = [event(Kind.ADMITTED, 0, ward="A"), event(Kind.TRANSFERRED, 1, ward="B"), event(Kind.TRANSFERRED, 2, ward="C")]
    assert told(*moves).ward == "C"
    assert told(*moves, event(Kind.TRANSFER_CANCELLED, 3, ward="C")).ward == "B"
    assert told(*moves, event(Kind.TRANSFER_CANCELLED, 3), event(Kind.TRANSFER_CANCELLED, 4)).ward == "A"
    assert told(*moves, *(event(Kind.TRANSFER_CANCELLED, n, ward="Z") for n in (3, 4, 5))).ward == "Z"


@pytest.mark.parametrize(
    ("before", "cls", "state"),
    [
        (Kind.REGISTERED, "I", "admitted"), (Kind.REGISTERED, "O", "registered"), (Kind.ADMITTED, "O", "registered"),
        (Kind.ADMITTED, "E", "admitted"), (Kind.PREADMITTED, "I", "admitted"), (Kind.REGISTERED, "", "registered"),
    ],
)  # fmt: skip
def test_a_change_of_class_leads_to_bed_or_out_of_it(before: Kind, cls: str, state: str) -> None:
    row = told(event(before, 0, cls=""), event(Kind.CLASS_CHANGED, 1, cls=cls))
    assert row.state == state
    assert (row.admitted_us is None) == (state == "registered")


def test_what_does_not_concern_a_stay() -> None:
    assert not concerns(event(Kind.OBSERVATION_REPORTED))
    assert not concerns(event(Kind.MERGED))
    assert not concerns(event(Kind.DEADLINE_BREACHED))
    assert not concerns(event(Kind.ADMITTED, key=""))
    assert concerns(event(Kind.ADMITTED))


def test_the_name_of_an_encounter_shows_nothing_of_it() -> None:
    pseudonyms = Pseudonyms(b"secret")
    named, same, other = (
        encounter_of(e, pseudonyms) for e in (event(Kind.ADMITTED), event(Kind.DISCHARGED), event(Kind.ADMITTED, provider="x"))
    )
    assert named == same != other
    assert len(named) == 32
    assert encounter_of(replace(event(Kind.ADMITTED), encounter_id=""), pseudonyms) == "open:st-olavs"


def test_a_chatty_sender_does_not_make_rows_grow() -> None:
    row = told(event(Kind.ADMITTED, 0), *(event(Kind.UPDATED, n) for n in range(1, 50)))
    assert len(facts_of(row.body)) == 1
    assert (row.off, row.last_kind) == (49, "patient.updated")
    row = told(event(Kind.ADMITTED, 0), *(event(Kind.TRANSFERRED, n, ward=f"W{n}") for n in range(1, FACTS_MAX + 40)))
    assert len(facts_of(row.body)) == FACTS_MAX
    assert (row.state, row.ward, row.admitted_us) == ("admitted", f"W{FACTS_MAX + 39}", HOUR)


def test_text_of_a_sender_is_bounded_and_storable() -> None:
    assert told(event(Kind.ADMITTED, ward="A\0" + "x" * 5000)).ward == "A" + "x" * 199


EVENTS = st.builds(
    event, st.sampled_from(KINDS), st.integers(0, 40), ward=st.sampled_from(["", "A", "B", "C"]), cls=st.sampled_from(["", "I", "O", "E"]),
    town=st.sampled_from(["", "5001"]),
)  # fmt: skip


@given(st.lists(EVENTS, min_size=1, max_size=12), st.data())
@settings(max_examples=120, deadline=None)
def test_any_prefix_and_then_the_whole_again_gives_the_same_row(events: list[Event], data: st.DataObject) -> None:
    clean = told(*events)
    row: Episode | None = None
    for _ in range(3):
        upto = data.draw(st.integers(0, len(events)))
        for off, e in enumerate(events[:upto]):
            row = advance(row, e, 0, off, encounter="e")
    for off, e in enumerate(events):
        row = advance(row, e, 0, off, encounter="e")
    assert row == clean
    assert all(advance(row, e, 0, off) is row for off, e in enumerate(events))


@given(st.lists(EVENTS, min_size=1, max_size=12))
@settings(max_examples=120, deadline=None)
def test_a_row_is_always_explained(events: list[Event]) -> None:
    row = told(*events)
    assert State(row.state) not in (State.NEW, State.MERGED)
    assert (row.state in IN_BED) <= (row.ended_us is None)
    assert (row.state == "ready") == (row.ready_us is not None and row.state in IN_BED)
    assert (row.part, row.off, row.last_kind) == (0, len(events) - 1, events[-1].kind.value)


class Model:
    """What the ledger does, in memory: rows, merges, the same calls in the same order."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Episode] = {}
        self.merges: dict[tuple[str, str], Merge] = {}
        self.partings: list[Parting] = []

    def person(self, keys: set[str]) -> tuple[set[str], list[Merge]]:
        while grown := {k for m in self.merges for k in m if set(m) & keys} - keys:
            keys = keys | grown
        return keys, [m for m in self.merges.values() if m.retired in keys]

    def write(self, keys: set[str], after: Sequence[Episode], encounter: str | None = None) -> None:
        gone = [p for p in self.rows if p[0] in keys and encounter in (None, p[1])]
        for p in gone:
            del self.rows[p]
        self.rows |= {(r.patient_key, r.encounter): r for r in after}

    def apply(self, e: Event, part: int, off: int, retired: str) -> None:
        if e.kind is Kind.MERGED:
            m = Merge(retired, e.patient_key, e.received_us, part, off)
            known = self.merges.get((m.retired, m.survivor))
            self.merges[m.retired, m.survivor] = max([m, *([known] if known else [])], key=lambda x: x.when)
            keys, merges = self.person({m.retired, m.survivor})
            self.write(keys, joined([r for r in self.rows.values() if r.patient_key in keys], merges, self.partings))
            return
        if e.kind is Kind.UNLINKED:
            self.partings.append(Parting(frozenset({retired}), e.received_us, part, off))
            keys, merges = self.person({retired, e.patient_key})
            self.write(keys, joined([r for r in self.rows.values() if r.patient_key in keys], merges, self.partings))
            return
        keys, merges = self.person({e.patient_key})
        rows = [r for r in self.rows.values() if r.patient_key in keys and r.encounter == e.encounter_id]
        own = next((r for r in rows if r.patient_key == e.patient_key), None)
        after = advance(own, e, part, off, encounter=e.encounter_id)
        if after is own:
            return
        whole = [after, *(r for r in rows if r is not own)]
        self.write(keys, joined(whole, merges, self.partings) if merges else whole, e.encounter_id)


PATIENTS = ("p", "q", "r")
STREAM = st.tuples(
    st.sampled_from([*KINDS, Kind.MERGED, Kind.MERGED, Kind.UNLINKED]),
    st.integers(0, 30),
    st.sampled_from(["A", "B"]),
    st.sampled_from(["e", "f"]),
)


@given(st.tuples(*(st.lists(STREAM, max_size=6) for _ in PATIENTS)), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_merges_give_the_same_rows_in_any_order_between_partitions(
    streams: tuple[list[tuple[Kind, int, str, str]], ...], rng: random.Random
) -> None:
    """Each patient's events come from a partition of its own; between partitions any order may happen, with any repeats."""
    queues = []
    for part, stream in enumerate(streams):
        key, other = PATIENTS[part], PATIENTS[(part + 1) % 3]
        queues.append(
            [(replace(event(k, n, key=key, ward=w), encounter_id=enc), part, off, other) for off, (k, n, w, enc) in enumerate(stream)]
        )
    clean, mixed = Model(), Model()
    for queue in queues:
        for item in queue:
            clean.apply(*item)
    at = [0, 0, 0]
    while any(at[i] < len(queues[i]) for i in range(3)):
        i = rng.choice([i for i in range(3) if at[i] < len(queues[i])])
        mixed.apply(*queues[i][at[i]])
        at[i] = max(0, at[i] - rng.randint(0, 3)) if rng.random() < 0.2 else at[i] + 1
    assert mixed.rows == clean.rows


def test_the_survivor_has_the_stay_and_the_retired_row_says_so() -> None:
    model = Model()
    model.apply(replace(event(Kind.ADMITTED, 1, key="q", ward="A"), encounter_id="e"), 1, 0, "")
    model.apply(event(Kind.MERGED, 2, key="p"), 0, 0, "q")
    model.apply(replace(event(Kind.TRANSFERRED, 3, key="q", ward="B"), encounter_id="e"), 1, 1, "")
    whole, retired = model.rows["p", "e"], model.rows["q", "e"]
    assert (whole.state, whole.ward, whole.admitted_us) == ("admitted", "B", HOUR + 1)
    assert (retired.state, retired.ward, retired.body["into"]) == ("merged", "", "p")


def test_a_stay_goes_back_with_what_was_told_of_it_while_the_two_were_one() -> None:
    """The discharge came under the survivor's key: the patient it was of is not in bed for ever."""
    model = Model()
    model.apply(replace(event(Kind.ADMITTED, 1, key="q", ward="A"), encounter_id="e"), 1, 0, "")
    model.apply(replace(event(Kind.ADMITTED, 2, key="p", ward="B"), encounter_id="f"), 0, 0, "")
    model.apply(event(Kind.MERGED, 3, key="p"), 0, 1, "q")
    model.apply(replace(event(Kind.DISCHARGED, 4, key="p", ward="A"), encounter_id="e"), 1, 1, "")
    assert (model.rows["p", "e"].state, model.rows["q", "e"].state) == ("discharged", "merged")
    model.apply(event(Kind.UNLINKED, 5, key="p"), 0, 2, "q")
    assert {place: row.state for place, row in model.rows.items()} == {
        ("q", "e"): "discharged", ("p", "e"): "merged", ("p", "f"): "admitted",
    }  # fmt: skip
    assert model.rows["p", "e"].body["into"] == "q"
    model.apply(replace(event(Kind.DISCHARGE_CANCELLED, 6, key="q"), encounter_id="e"), 1, 2, "")
    assert (model.rows["q", "e"].state, model.rows["p", "f"].state) == ("admitted", "admitted")


def test_a_merge_after_an_unmerge_stands() -> None:
    assert sides_of([Merge("q", "p", 1, 0, 0)], [Parting(frozenset("q"), 2, 0, 0)]) == {}
    assert sides_of([Merge("q", "p", 3, 0, 0)], [Parting(frozenset("q"), 2, 0, 0)]) == {"q": "p", "p": "p"}


def test_of_three_those_are_parted_that_stand_on_different_sides() -> None:
    chain = [Merge("q", "p", 1, 0, 0), Merge("p", "r", 2, 0, 0)]
    assert sides_of(chain, [Parting(frozenset("qp"), 3, 0, 0)]) == {"q": "p", "p": "p"}
    assert sides_of(chain, [Parting(frozenset("q"), 3, 0, 0)]) == {"p": "r", "r": "r"}


def test_the_latest_merge_names_the_survivor() -> None:
    first, second = Merge("r", "s", 1, 0, 0), Merge("s", "t", 2, 0, 1)
    assert survivor_of([second, first]) == "t"


def test_facts_of_two_partitions_are_told_by_time_of_receipt_and_within_one_by_offset() -> None:
    facts = [
        Fact.of(replace(event(Kind.TRANSFERRED, n), received_us=us), part, off)
        for n, (us, part, off) in enumerate([(50, 1, 0), (10, 0, 0), (60, 0, 1), (55, 0, 2), (58, 1, 1), (70, 1, 2)])
    ]
    assert [(f.part, f.off) for f in in_order(facts)] == [(0, 0), (1, 0), (1, 1), (0, 1), (0, 2), (1, 2)]


def test_an_event_told_under_two_keys_of_one_person_counts_once() -> None:
    model = Model()
    moves = [(Kind.ADMITTED, "A"), (Kind.TRANSFERRED, "B"), (Kind.TRANSFERRED, "C"), (Kind.TRANSFER_CANCELLED, "")]
    for off, (kind, ward) in enumerate(moves):
        model.apply(replace(event(kind, off, key="q", ward=ward), encounter_id="e"), 0, off, "")
    model.apply(replace(event(Kind.TRANSFER_CANCELLED, 3, key="p"), encounter_id="e"), 0, 3, "")
    model.apply(event(Kind.MERGED, 4, key="p"), 0, 4, "q")
    assert model.rows["p", "e"].ward == "B"
