"""The episode: one row an encounter, computed from facts.

``advance`` applies one event to one row. ``joined`` gives the rows of a patient whose keys have been merged. Both are pure and total,
and both give the same rows whatever the order between partitions and however often an event comes: applying an event at or below the
guard of its partition changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hub.identity import Pseudonyms
from hub.ledger.episodes import Episode, Merge, Parting
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


def sides_of(merges: Iterable[Merge], partings: Sequence[Parting] = ()) -> dict[str, str]:
    """Under which key each of the merged keys goes on. A merge stands unless an unmerge after it put its two keys on different sides."""
    standing = [
        m for m in merges if not any(p.when > m.when and (m.retired in p.keys) != (m.survivor in p.keys) for p in partings)
    ]  # fmt: skip
    people: dict[str, list[Merge]] = {}
    for merge in standing:
        one = [merge, *(m for key in {merge.retired, merge.survivor} for m in people.get(key, ()))]
        for key in {key for m in one for key in (m.retired, m.survivor)}:
            people[key] = one
    return {key: survivor_of(one) for key, one in people.items()}


def survivor_of(merges: Iterable[Merge]) -> str:
    """The key under which merged patients go on: the survivor of their latest merge."""
    return max(merges, key=lambda m: m.when).survivor


def joined(episodes: Iterable[Episode], merges: Sequence[Merge], partings: Sequence[Parting] = ()) -> list[Episode]:
    """The rows of one person with several keys, or of several who were one.

    Each encounter is shown under the surviving key from the facts of all keys; the retired rows keep their facts and say where they
    went. An encounter with a name is one patient's: of those who were parted, whose it was first, with all that was told of it while they
    were one. A row of the argument that is missing from the answer must go: it was only there to show other keys' facts.
    """
    sides = sides_of(merges, partings)
    once = sides_of(merges) if partings else sides
    groups: dict[tuple[str, str], list[Episode]] = {}
    for episode in episodes:
        if episode.body["guard"]:
            key = episode.patient_key
            person = (sides if episode.encounter.startswith(OPEN) else once).get(key, key)
            groups.setdefault((episode.encounter, person), []).append(_alone(episode))
    shown_rows: list[Episode] = []
    for group in groups.values():
        first = min(group, key=_begun).patient_key
        shown_rows += _joined_encounter(group, sides.get(first, first))
    return shown_rows


def _begun(episode: Episode) -> tuple[int, int, int]:
    return min(((f.received_us, f.part, f.off) for f in facts_of(episode.body)), default=(episode.last_us, episode.part, episode.off))


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
