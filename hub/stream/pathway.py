"""The pathway's shell without its engine: apply events and never lose one, judge deadlines, refresh gauges.

Total by construction. A ledger that is away is waited for, for ever (blocked beats lost: the lag shows it). An event that cannot be
applied is explained in the ledger and passed. If even that fails the process dies before the event counts as done.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

from hub import telemetry
from hub.avro import Codec
from hub.errors import Cause, Faulted
from hub.identity import Pseudonyms
from hub.ledger.episodes import Deadline, Episode, Merge, Parting
from hub.ledger.pathway import NO_DEADLINE, Change, PathwayLedger
from hub.model import Event, Kind, Received
from hub.pathway.breach import breach_of
from hub.pathway.deadlines import SETTLE_US, Verdict, calls_for_the_same, notices, verdict
from hub.pathway.episode import advance, concerns, encounter_of, joined
from hub.settings import Settings
from hub.stream.faultpoint import reach

EXIT_FAULTED: Final = 70  # EX_SOFTWARE: the supervisor starts the process again
_POISON_TRIES: Final = 3
_RETRY_SECONDS_MAX: Final = 5.0
_ALONE_MAX: Final = 4  # so few that cannot be applied together are applied one by one
_JUDGED_MAX: Final = 200  # deadlines at a time ...
_ROUNDS_MAX: Final = 50  # ... and so many times a check; the next goes on from there
_WARDS_MAX: Final = 200
_OTHER: Final = "other"
# What may be a metric label. Wards are text that senders write: a short code that begins with a letter can be no national number,
# no date and hardly a name; anything else counts under "other".
_WARD: Final = re.compile(r"[A-Za-zÆØÅæøå][A-Za-z0-9ÆØÅæøå_-]{0,8}")

# By whether a row changed; None = none is concerned
_OUTCOME: Final = MappingProxyType({True: "applied", False: "repeat", None: "skipped"})

Publish = Callable[[Received], Awaitable[None]]  # durable on topic inbound when it returns; raises Faulted
Clock = Callable[[], int]  # microseconds


class Record(NamedTuple):
    """One record of topic ``events``: its place there and its bytes."""

    part: int
    off: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Merging:
    """Keys that turn out to be one person."""

    merges: Sequence[Merge]


@dataclass(frozen=True, slots=True)
class Unmerging:
    """Keys that turn out to be another person than the patient."""

    parting: Parting
    patient: str


class Applier:
    """Applies records of topic ``events``: some in one transaction when nothing is in the way, else one by one."""

    def __init__(self, settings: Settings, codec: Codec, clock: Clock) -> None:
        self._settings = settings
        self._codec = codec
        self._clock = clock
        self._pseudonyms = Pseudonyms(settings.secret.get_secret_value())
        self._ledger = PathwayLedger(settings.database_url)
        self.beats = 0  # events finished and retries made: proof of life for the watchdog

    async def close(self) -> None:
        """Give the connection back."""
        await self._ledger.close()

    async def take(self, records: Sequence[Record]) -> None:
        """Records in the order they were read. Returns when the effect of each, or its explanation, is in the ledger."""
        for _ in records:
            reach("pathway.before_effect")
        for outcome in await self._in_order(records):
            reach("pathway.after_effect")
            telemetry.PATHWAY_EVENTS.labels(outcome).inc()
        self.beats += len(records)

    async def _in_order(self, records: Sequence[Record]) -> list[str]:
        """How each ended: all together or, where one of them needs a closer look, each half for itself."""
        outcomes = await self._together(records) if len(records) > 1 else None
        if outcomes is not None:
            return outcomes
        if len(records) <= _ALONE_MAX:
            return [await self._alone(record) for record in records]
        middle = len(records) // 2
        return [*await self._in_order(records[:middle]), *await self._in_order(records[middle:])]

    async def _together(self, records: Sequence[Record]) -> list[str] | None:
        """How each ended, all in one transaction; None when one of them needs a closer look, or a server is away."""
        try:
            read = [self._read(record.value) for record in records]
            if any(isinstance(one, Merging | Unmerging) for one in read):
                return None
            changes = [one for one in read if isinstance(one, Change)]
            changed = await self._ledger.apply_all(changes) if changes else []
        except Exception:  # noqa: BLE001  # whatever it is, it is met again, and explained, when they are applied one by one
            return None
        if changed is None:
            return None
        ended = iter(changed)
        return [_OUTCOME[next(ended) if isinstance(one, Change) else None] for one in read]

    async def _alone(self, record: Record) -> str:
        wait = self._settings.retry_first_seconds
        while (outcome := await self._attempt(*record)) is None:
            self.beats += 1
            await asyncio.sleep(wait)
            wait = min(wait * 2, _RETRY_SECONDS_MAX)
        return outcome

    async def _attempt(self, part: int, off: int, value: bytes | None) -> str | None:
        """How the event ended, or None when a server is away and it must be tried again."""
        try:
            return await self._apply(value)
        except Faulted as fault:
            telemetry.fault("pathway", fault.cause)
            if fault.cause is not Cause.SCHEMA_UNKNOWN:
                return None
            return await self._explain(part, off, fault.cause.value)
        except Exception as exc:  # noqa: BLE001  # whatever it is, the engine must not see it: it would count the event as done
            return await self._explain(part, off, type(exc).__name__)

    async def _apply(self, value: bytes | None) -> str:
        one = self._read(value)
        if isinstance(one, Merging):
            changed = await self._ledger.merge(one.merges, self._rejoined)
        elif isinstance(one, Unmerging):
            changed = await self._ledger.part(one.parting, one.patient, self._rejoined)
        elif isinstance(one, Change):
            changed = await self._ledger.apply(one)
        else:
            return _OUTCOME[None]
        return _OUTCOME[changed]

    def _read(self, value: bytes | None) -> "Change | Merging | Unmerging | None":
        """What a record asks of the ledger; None = nothing. Raises Faulted(SCHEMA_UNKNOWN), and whatever a strange event makes fail."""
        if value is None:
            raise Faulted(Cause.SCHEMA_UNKNOWN)
        event, partition, offset, merged_keys, _ = self._codec.decode_event(value)
        if event.kind is Kind.MERGED and event.patient_key:
            merges = [Merge(k, event.patient_key, event.received_us, partition, offset) for k in merged_keys if k != event.patient_key]
            return Merging(merges) if merges else None
        if event.kind is Kind.UNLINKED and event.patient_key and merged_keys:
            return Unmerging(Parting(frozenset(merged_keys), event.received_us, partition, offset), event.patient_key)
        if not concerns(event):
            return None
        encounter = encounter_of(event, self._pseudonyms)
        compute = _Computed(event, partition, offset, encounter, self._settings.notice_hours_max)
        return Change(event.patient_key, encounter, compute)

    def _rejoined(
        self, rows: Sequence[Episode], merges: Sequence[Merge], partings: Sequence[Parting]
    ) -> tuple[list[Episode], list[Deadline]]:
        whole = joined(rows, merges, partings)
        return whole, notices(whole, self._settings.notice_hours_max)

    async def _explain(self, part: int, off: int, reason: str) -> str | None:
        """How it ended once the ledger has the reason; None when a server is away and all of it must be tried again."""
        for attempt in range(_POISON_TRIES):
            try:
                await self._ledger.note_poison(part, off, reason, self._clock())
                telemetry.log("pathway_poison", partition=part, offset=off, reason=reason)
            except Faulted as fault:
                telemetry.fault("pathway", fault.cause)
                return None
            except Exception:  # noqa: BLE001  # the next try, or the end of the process, is the answer
                await asyncio.sleep(0.2 * (attempt + 1))
            else:
                return "poison"
        return die("poison_not_recorded")


class _Computed:
    """What one event makes of the rows it is shown; called inside the ledger's transaction."""

    def __init__(self, event: Event, partition: int, offset: int, encounter: str, notice_hours_max: float) -> None:
        self._event, self._place, self._encounter, self._hours = event, (partition, offset), encounter, notice_hours_max

    def __call__(
        self, rows: Sequence[Episode], merges: Sequence[Merge], partings: Sequence[Parting]
    ) -> tuple[list[Episode], list[Deadline] | None]:
        own = next((r for r in rows if r.patient_key == self._event.patient_key), None)
        after = advance(own, self._event, *self._place, encounter=self._encounter)
        if after is own:
            return list(rows), None
        if merges:
            shown = joined([after, *(r for r in rows if r is not own)], merges, partings)
            return shown, notices(shown, self._hours)
        return [after], None if calls_for_the_same(own, after) else notices([after], self._hours)


class Deadlines:
    """Judges deadlines and raises their breaches. ``behind`` says whether events are still waiting: then nothing is judged."""

    def __init__(self, settings: Settings, publish: Publish, clock: Clock, behind: Callable[[], bool]) -> None:
        self._ledger = PathwayLedger(settings.database_url)
        self._publish = publish
        self._clock = clock
        self._behind = behind
        self._after = NO_DEADLINE  # up to here they have been judged in this round

    async def close(self) -> None:
        """Give the connection back."""
        await self._ledger.close()

    async def check(self) -> int:
        """Settle what can be settled now; returns how many were breached. Raises Faulted: the next check tries again."""
        if self._behind():
            return 0
        now_us, breached = self._clock(), 0
        for _ in range(_ROUNDS_MAX):
            found, met = await self._ledger.open_deadlines(self._after, _JUDGED_MAX), dict[str, int]()
            for d in found:
                answer = verdict(d.due_us, d.told_us, now_us - SETTLE_US)
                if answer is Verdict.MET and d.told_us is not None:
                    met[d.id] = d.told_us
                elif answer is Verdict.BREACHED:
                    await self._publish(breach_of(d.id, d.due_us, d.episode, now_us))
                    reach("pathway.after_breach")
                    await self._ledger.breach_deadline(d.id, now_us)
                    telemetry.DEADLINES_BREACHED.labels("municipality-notice").inc()
                    breached += 1
            await self._ledger.meet_deadlines(met)
            self._after = (found[-1].due_us, found[-1].id) if found else NO_DEADLINE
            if not found:
                break
        return breached


class Gauges:
    """Occupancy and waiting patients as metrics."""

    def __init__(self, settings: Settings) -> None:
        self._ledger = PathwayLedger(settings.database_url)
        self._shown: set[str] = set()

    async def close(self) -> None:
        """Give the connection back."""
        await self._ledger.close()

    async def refresh(self) -> None:
        """Read and show. Raises Faulted: the last figures stand until the next refresh."""
        wards = by_label(await self._ledger.occupancy())
        for ward in self._shown - wards.keys():
            telemetry.WARD_OCCUPANCY.labels(ward).set(0)
        for ward, patients in wards.items():
            telemetry.WARD_OCCUPANCY.labels(ward).set(patients)
        self._shown |= wards.keys()
        telemetry.WAITING.set(await self._ledger.waiting())


def by_label(occupancy: dict[str, int]) -> dict[str, int]:
    """Patients by metric label: ward names that look like ward names, the fullest 200; all others together as ``other``."""
    counts: dict[str, int] = {}
    for ward, patients in occupancy.items():
        named = ward if _WARD.fullmatch(ward) and len(counts) < _WARDS_MAX else _OTHER
        counts[named] = counts.get(named, 0) + patients
    return counts


def die(why: str) -> NoReturn:
    """End the process at once, before anything unfinished can count as done."""
    telemetry.log("pathway_exit", reason=why)
    os._exit(EXIT_FAULTED)
