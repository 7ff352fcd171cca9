"""The episode: one row an encounter, computed from facts.

``advance`` applies one event to one row. ``joined`` gives the rows of a patient whose keys have been merged. Both are pure and total,
and both give the same rows whatever the order between partitions and however often an event comes: applying an event at or below the
guard of its partition changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hub.identity import Pseudonyms
from hub.ledger.episodes import Episode, Merge
from hub.model import Event, Identifier
from hub.pathway.facts import Fact, facts_of, in_order, remember
from hub.pathway.states import State, signal_of
from hub.pathway.stay import Stay, stay_of

OPEN: Final = "open"  # prefix of the encounter of events that give none: one such stay a patient and source


def encounter_of(event: Event, pseudonyms: Pseudonyms) -> str:
    """The row's name for the event's encounter: a keyed hash, or ``open:`` and the source when the event gives none."""
    if not event.encounter_id:
        return f"{OPEN}:{event.provider}"
    return pseudonyms.link(Identifier("encounter", event.encounter_id), event.provider)


def concerns(event: Event) -> bool:
    """True when the event says something of a stay of a known patient."""
    return bool(event.patient_key) and signal_of(event.kind, event.encounter_class) is not None


def advance(episode: Episode | None, event: Event, partition: int, offset: int, *, encounter: str = OPEN) -> Episode:
    """The row after one event from this place of topic inbound; the same object when it had been applied already.

    The row's own facts alone are looked at; where keys have been merged, ``joined`` follows. The event must concern a stay.
    """
    if episode is None:
        episode = Episode(event.patient_key, encounter, State.NEW, "", "", event.provider, None, None, None, "", 0, -1, -1, {})
    guard: Mapping[str, Sequence[Any]] = episode.body.get("guard", {})
    if offset <= guard.get(str(partition), (-1,))[0]:
        return episode
    facts = remember(facts_of(episode.body), Fact.of(event, partition, offset))
    guard = {**guard, str(partition): [offset, event.received_us, event.kind.value]}
    body = {"facts": [f.to_json() for f in facts], "guard": guard}
    return _alone(replace(episode, body=body))


def _alone(episode: Episode) -> Episode:
    """The row from its own facts and guard and nothing else."""
    guard: Mapping[str, Sequence[Any]] = episode.body["guard"]
    last_us, part, off, kind = max((received, int(part), off, kind) for part, (off, received, kind) in guard.items())
    placed = replace(episode, last_kind=kind, last_us=last_us, part=part, off=off)
    return shown(placed, stay_of(in_order(facts_of(episode.body))))


def shown(episode: Episode, stay: Stay) -> Episode:
    """The row showing this stay."""
    body = {
        "facts": episode.body["facts"], "guard": episode.body["guard"], "marks": list(stay.marks), "class": stay.encounter_class,
        "places": [list(p) for p in stay.places],
        "admission": stay.admission.event_id if stay.admission else "", "identifiers": [[i.system, i.value] for i in stay.identifiers],
    }  # fmt: skip
    return replace(
        episode, state=stay.state, ward=stay.ward, municipality=stay.municipality, source=stay.source or episode.source,
        admitted_us=stay.admitted_us, ready_us=stay.ready_us, ended_us=stay.ended_us, body=body,
    )  # fmt: skip


def survivor_of(merges: Iterable[Merge]) -> str:
    """The key under which merged patients go on: the survivor of their latest merge."""
    return max(merges, key=lambda m: m.when).survivor


def joined(episodes: Iterable[Episode], merges: Sequence[Merge]) -> list[Episode]:
    """The rows of one person with several keys.

    Each encounter is shown under the surviving key from the facts of all keys; the retired rows keep their facts and say where they
    went. A row of the argument that is missing from the answer must go: it was only there to show other keys' facts.
    """
    survivor = survivor_of(merges)
    by_encounter: dict[str, list[Episode]] = {}
    for episode in episodes:
        if episode.body["guard"]:
            by_encounter.setdefault(episode.encounter, []).append(_alone(episode))
    return [row for group in by_encounter.values() for row in _joined_encounter(group, survivor)]


def _joined_encounter(group: Sequence[Episode], survivor: str) -> list[Episode]:
    rows = {e.patient_key: e for e in group}
    latest = max(group, key=lambda e: (e.last_us, e.part, e.off))
    own = rows.get(survivor) or replace(latest, patient_key=survivor, body={"facts": [], "guard": {}})
    whole = shown(own, stay_of(in_order(f for e in group for f in facts_of(e.body))))
    whole = replace(whole, last_kind=latest.last_kind, last_us=latest.last_us, part=latest.part, off=latest.off)
    return [whole, *(_retired(e, survivor) for e in group if e.patient_key != survivor)]


def _retired(episode: Episode, survivor: str) -> Episode:
    body = {"facts": episode.body["facts"], "guard": episode.body["guard"], "into": survivor}
    return replace(episode, state=State.MERGED, ward="", municipality="", admitted_us=None, ready_us=None, ended_us=None, body=body)
