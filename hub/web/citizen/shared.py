"""Who received what, when and why; and what was withheld, because of the patient or of a rule."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from aiohttp import web

from hub.consent.question import SOURCE_LOCKED
from hub.ledger.disclosures import Attempt, Disclosure, Fate, disclosures_at
from hub.ledger.emergencies import Emergency
from hub.model import AttemptOutcome, Detail, Kind, Relation, Result, Rule
from hub.pipeline import NOT_SUBSCRIBED
from hub.web.citizen.emergencies import Emergencies, emergencies_of, openings
from hub.web.citizen.entitled import entitled
from hub.web.citizen.records import Looked, Record, keys_of, note_reading, older, part_of, records_of
from hub.web.citizen.visit import Visit, enter
from hub.web.citizen.vocabulary import DETAILS, KINDS, LEFT_OUT, OUTCOMES, RELATIONS, RULES, SOURCE_HAS_LOCKED, Said
from hub.web.citizen.words import WORDS

_TONES: Final = {Fate.DELIVERED: "good", Fate.WITHHELD: "bad", Fate.WAITING: "", Fate.DISCARDED: ""}
_RULES: Final = frozenset(rule.value for rule in Rule)
_REFUSING: Final = frozenset({Rule.LABEL_UNKNOWN, Rule.LOCKED, Rule.NO_RELATION})  # of what was sent: by which a part was left out


@dataclass(frozen=True, slots=True)
class Line:
    """One recipient of one message. at_us: when it got it last, or was decided against.

    mine: withheld, it or a part of it, because of the patient's own lock. why: of what was sent, or of why nothing was; None = nobody knows
    of a rest. left_out: that a part was, and why; None = nothing was.
    """

    recipient: str
    fate: Said
    tone: str
    at_us: int
    why: Said | None
    left_out: Said | None
    relations: tuple[Said, ...]
    detail: Said
    mine: bool
    came_too_late: bool


@dataclass(frozen=True, slots=True)
class Told:
    """One message. what: None = nobody on this page may be told what it was."""

    what: Said | None
    source: str
    received_us: int
    lines: tuple[Line, ...] = field(default=())


async def show(request: web.Request) -> web.Response:
    """``GET /me/shared``; ``?only=withheld`` leaves out what was shared."""
    visit = await enter(request)
    only = request.query.get("only") == "withheld"
    found: Sequence[Told] = ()
    names: Mapping[str, str] = {}
    opened, is_own = Emergencies(), visit.subject.basis is None
    right, part = await entitled(visit), part_of(visit)
    looked = Looked()
    if not right.closed:
        await note_reading(visit)
        keys = await keys_of(visit)
        looked = await records_of(visit, right, keys, part)
        rows = await visit.state.ledger.run(disclosures_at, looked.places)
        opened, names = await emergencies_of(visit, keys), await _names(visit)
        found = told(rows, looked.records, names, is_own=is_own, readers=opened.readers)
    if only:
        found = [t for t in found if any(line.mine for line in t.lines)]
    first = [] if only or part.skip else openings(opened, names, is_own=is_own)
    return visit.page("shared.html", told=found, emergencies=first, only=only, closed=right.closed, older=older(part, looked))


async def _names(visit: Visit) -> Mapping[str, str]:
    return {p.id: p.name for p in (await visit.state.region.now()).providers}


def told(
    rows: Iterable[Disclosure], records: Iterable[Record], names: Mapping[str, str], *, is_own: bool,
    readers: Mapping[str, Sequence[Emergency]] = MappingProxyType({}),
) -> list[Told]:  # fmt: skip
    """The messages of some disclosures, in their order. Of what may not be shown only the patient learns, and only that it went to whom.

    readers: event id -> those who read it in an emergency.
    """
    seen = {(r.part, r.off) for r in records}
    groups: dict[tuple[int, int], list[Disclosure]] = {}
    for row in rows:
        if NOT_SUBSCRIBED not in row.because:  # never asked for it
            groups.setdefault((row.part, row.off), []).append(row)
    return [
        Told(
            KINDS[Kind(group[0].kind)] if place in seen else None, names.get(group[0].source, group[0].source), group[0].received_us,
            (*_readers(readers.get(group[0].event_id, ()), names), *_lines(group, names)),
        )
        for place, group in groups.items() if place in seen or is_own
    ]  # fmt: skip


def _readers(readers: Iterable[Emergency], names: Mapping[str, str]) -> Iterator[Line]:
    for r in readers:
        who, said, why = names.get(r.who.provider, r.who.provider), WORDS["emergency_line"], RULES[Rule.EMERGENCY]
        yield Line(who, said, "bad", r.at_us, why, None, (), DETAILS[Detail.FULL], mine=False, came_too_late=False)


def _lines(group: Iterable[Disclosure], names: Mapping[str, str]) -> Iterator[Line]:
    for d in group:
        last = next((a for a in reversed(d.attempts) if a.outcome == AttemptOutcome.DELIVERED), d.attempts[-1] if d.attempts else None)
        rule = _rule(d, last)
        relations = tuple(RELATIONS[Relation(word)] for word in d.because if word in set(Relation))
        outcome = AttemptOutcome.WITHHELD if d.fate is Fate.WITHHELD else AttemptOutcome(last.outcome) if last else AttemptOutcome.HELD
        is_out = d.fate is Fate.WITHHELD
        part = not is_out and d.is_part
        mine = _is_mine(d, rule, part=part)
        yield Line(
            names.get(d.recipient, d.recipient), OUTCOMES[outcome], _TONES[d.fate], last.ended_us if last else d.decided_us,
            _why(d, rule, is_out=is_out), LEFT_OUT[mine] if part else None, () if is_out else relations, DETAILS[Detail(d.detail)],
            mine and (is_out or part), bool(d.under_way),
        )  # fmt: skip


def _is_mine(d: Disclosure, rule: Rule, *, part: bool) -> bool:
    """Whether a lock of the patient's own did it, and not one of the source's, or a label."""
    if part and d.result != Result.REDACT and rule not in _REFUSING:  # asked about again: only a lock can have come meanwhile
        return True
    return rule is Rule.LOCKED and (SOURCE_LOCKED not in d.because or any("/" in word for word in d.because))


def _why(d: Disclosure, rule: Rule, *, is_out: bool) -> Said | None:
    """The rule in words; of a part that was left out the rule speaks of that part alone."""
    if not is_out and rule in _REFUSING:
        return None
    return SOURCE_HAS_LOCKED if rule is Rule.LOCKED and not _is_mine(d, rule, part=False) else RULES[rule]


def _rule(d: Disclosure, last: Attempt | None) -> Rule:
    """The row that had the last word: at the attempt that was stopped, or by which it was told what it asked for again; else in transit."""
    if last is not None and last.rule in _RULES:
        return Rule(last.rule)
    if last is None or last.outcome != AttemptOutcome.WITHHELD:
        return Rule(d.rule)
    return Rule(last.code) if last.code in _RULES else Rule.NO_RELATION
