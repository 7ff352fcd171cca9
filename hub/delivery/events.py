"""What a subscriber is told when it asks for its events again (Subscriptions R5 Backport, ``$events``).

    found in the record -> prepared (asked about, made) -> the turn (asked again under the gate, numbered, claimed) -> told: an attempt

Each event is decided anew, as of the request, item by item, and made of the message as a delivery is. A number is given when an event is
told for the first time, after every question has been answered: what is denied takes none, and what is told does not depend on it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hub import telemetry
from hub.config import ConfigError, provider_from_dict, subscription_from_dict
from hub.consent.question import Verdict, relations_in
from hub.delivery.gate import UNSEEN, Moment, answer
from hub.errors import Cause, Faulted
from hub.identity import derived_id
from hub.ledger.anew import stored
from hub.ledger.outbox import Asked, Parcel, Place
from hub.ledger.past import one
from hub.ledger.stored import Stored
from hub.ledger.told import Candidate, Shown, Telling
from hub.model import AttemptOutcome, Detail, Form, Message, Provider, Result, Subscription
from hub.pipeline import Copies, Terms, least, remember
from hub.routing.directory import Directory as Region
from hub.settings import Settings

COUNT_MAX: Final = 50  # events of one answer
BYTES_MAX: Final = 16 * 1024 * 1024  # of their Bundles; the last of them may go beyond
_TRIES_MAX: Final = 20  # against consents that are written at the same moment
_MAY_GO: Final = (Result.PERMIT, Result.REDACT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: numbers from and to, both inclusive. withheld: also what was withheld once and may be shown now."""

    since: int = 1
    until: int = 2**62
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it is told. known_as: the id its recipient knows it by, that of ``X-Request-Id`` where it is sent."""

    number: int
    known_as: str
    received_us: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What may be told until ``before``, by the loop's clock; then ``Events.ended`` must be called. highest: the highest number given."""

    events: tuple[Told, ...]
    highest: int
    claim: int = 0
    started_us: int = 0
    before: float = 0.0


@dataclass(frozen=True, slots=True)
class _Copy:
    """What is made of an event. dropped, detail: what the answer to its question let it show."""

    candidate: Candidate
    verdict: Verdict
    parcel: Parcel
    dropped: tuple[str, ...]
    detail: Detail
    known_as: str
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Directory:
    """The recipient and its subscription, as they are now."""

    recipient: Provider | None
    own: Subscription | None

    def get(self, provider_id: str) -> Provider | None:
        """The recipient; nobody else is asked about."""
        return self.recipient if self.recipient and self.recipient.id == provider_id else None

    def subscription(self, subscription_id: str) -> Subscription | None:
        """The subscription; no other is asked about."""
        return self.own if self.own and self.own.id == subscription_id else None


class _ChangedError(Exception):
    """Something may be shown otherwise than it was made a moment ago."""


@dataclass(frozen=True, slots=True)
class Means:
    """read: a recorded message, as its adapter reads it. region: everyone, as of now."""

    settings: Settings
    clock: Callable[[], int]
    read: Callable[[Stored], Message]
    terms: Terms
    region: Region


def numbers(known: Sequence[int | None], next_n: int, wanted: Wanted) -> list[int | None]:
    """The number of each event, in their order; None = not to be told now, for it has none in the range. Pure.

    known: of those that may be shown and of no others, under which number each was told, None = never; these are numbered from ``next_n``.
    """
    found: list[int | None] = []
    for number in known:
        given = next_n if number is None and wanted.since <= next_n <= wanted.until else number
        is_told = given is not None and wanted.since <= given <= wanted.until
        next_n += is_told and number is None
        found.append(given if is_told else None)
    return found


class Events:
    """One subscription of one recipient, for one request, on a connection of its own. Every method raises Faulted."""

    def __init__(self, telling: Telling, recipient: Provider, subscription: Subscription, means: Means) -> None:
        self._telling = telling
        self._recipient = recipient
        self._subscription = subscription
        self._means = means
        self._claim_seconds_max = means.settings.claim_seconds_max

    async def asked_for(self, wanted: Wanted) -> Answer:
        """What may be told of what is wanted, the lowest numbers first, claimed: its bytes may leave."""
        for _ in range(_TRIES_MAX):
            next_n = await self._telling.next_number()
            copies = await self._prepared(wanted)
            try:
                return await self._claimed(copies, wanted, next_n)
            except _ChangedError:
                continue
        raise Faulted(Cause.OVERLOADED)

    async def ended(self, told: Answer, outcome: AttemptOutcome | None) -> None:
        """The bytes have left (delivered), or may have (unknown), or none has (None)."""
        if told.claim:
            await self._telling.ended(told.claim, (told.started_us, self._means.clock()), outcome)
            if outcome is not None:
                telemetry.DELIVERIES.labels(self._recipient.deliver.channel, outcome).inc(len(told.events))

    async def _prepared(self, wanted: Wanted) -> list[_Copy]:
        """As many as one answer takes, each as it may be shown at this moment."""
        directory, found, size = _Directory(self._recipient, self._subscription), list[_Copy](), 0
        async for batch in self._candidates(wanted):
            by_place = {Place(c.part, c.off, self._recipient.id): c for c in batch}
            moment = self._moment()
            for asked in await self._telling.ask(list(by_place)):
                made = await self._copy(by_place[asked.parcel.place], asked, wanted, directory, moment)
                if made is not None:
                    found.append(made)
                    size += len(made.payload)
                if len(found) >= COUNT_MAX or size >= BYTES_MAX:
                    return found
        return found

    async def _candidates(self, wanted: Wanted) -> AsyncIterator[list[Candidate]]:
        """Batches of what may be asked about, until nothing is left that could be told."""
        telling, since = self._telling, wanted.since
        while batch := await telling.numbered(since, wanted.until, COUNT_MAX):
            yield batch
            since = batch[-1].cursor
        if not wanted.since <= await telling.next_number() <= wanted.until:
            return
        look_us: int | None = await telling.begin()
        if wanted.withheld:
            await telling.look_for_withheld()
        cursor = 0
        while True:
            while batch := await telling.never_told(cursor, COUNT_MAX, withheld=wanted.withheld):
                yield batch
                cursor = batch[-1].cursor
            if look_us is None:
                return
            look_us = await telling.look(look_us, self._means.clock())

    async def _tied(self, asked: Asked) -> Asked | None:
        """The event with what ties the recipient to its patient, where its decision does not say: a lock was all that was asked then.

        None: the subscription would not bring it.
        """
        parcel = asked.parcel
        if relations_in(parcel.because):
            return asked
        found = await one(self._telling.conn, parcel.place.part, parcel.place.off)
        if found is None or found.facts is None:
            return None
        event, region = found.event(found.facts), self._means.region
        for candidate in region.candidates(event, remember(found.facts.state(), event, region)):
            if candidate.provider_id == self._recipient.id and self._subscription.id in {s.id for s in candidate.subscriptions}:
                return replace(asked, parcel=replace(parcel, because=tuple(r.value for r in candidate.relations)))
        return None

    def _moment(self) -> Moment:
        now_us = self._means.clock()
        return Moment(now_us, now_us + int(self._claim_seconds_max * 1e6), self._means.terms.boundaries)

    async def _copy(self, candidate: Candidate, asked: Asked, wanted: Wanted, directory: _Directory, moment: Moment) -> _Copy | None:
        """What may be shown of an event; None when nothing may, or when it cannot be made: then it is as if it had never been."""
        message: Message | None = None
        try:
            tied = await self._tied(_as_subscribed(asked, wanted, directory.own))
            if tied is None:
                return None
            asked = tied
            verdict = answer(asked.parcel, asked.policy, directory, moment)
            if UNSEEN in verdict.because and (message := await self._message(asked.parcel.place)) is not None:
                items = self._means.terms.sensitive.labelled(await asyncio.to_thread(message.items))
                asked = replace(asked, parcel=replace(asked.parcel, items=items))
                verdict = answer(asked.parcel, asked.policy, directory, moment)
            if verdict.result not in _MAY_GO:
                return None
            message = message or await self._message(asked.parcel.place)
            return None if message is None else await asyncio.to_thread(_made, candidate, asked.parcel, verdict, message, self._recipient)
        except Faulted:
            raise
        except Exception as exc:  # noqa: BLE001  # whatever is wrong with one message, it must not stop the others, nor be told as it is
            telemetry.log("not_tellable", event_id=asked.parcel.event_id, error=type(exc).__name__)
            return None

    async def _message(self, place: Place) -> Message | None:
        found = await stored(self._telling.conn, place)
        return self._means.read(found) if found is not None and found.raw else None

    async def _claimed(self, copies: Sequence[_Copy], wanted: Wanted, seen_n: int) -> Answer:
        """The turn. Raises _ChangedError when something is to be shown otherwise than it was made: nothing is claimed then.

        Also when the next number is not the one seen before the look: what another was told meanwhile may have been in neither look.
        """
        telling, started_us = self._telling, self._means.clock()
        if not copies:
            if await telling.next_number() != seen_n:
                raise _ChangedError
            return Answer((), seen_n - 1)
        async with telling.transaction():
            next_n = await telling.turn()
            if next_n != seen_n:
                raise _ChangedError
            before = asyncio.get_running_loop().time() + self._claim_seconds_max
            known = await telling.numbers([c.candidate.event_id for c in copies])
            permitted = await self._still_permitted(copies, wanted)
            given = numbers([known[c.candidate.event_id] for c, _ in permitted], next_n, wanted)
            told = [
                (c, asked, n, known[c.candidate.event_id] is None) for (c, asked), n in zip(permitted, given, strict=True) if n is not None
            ]
            told.sort(key=lambda one: one[2])
            next_n += sum(is_new for *_, is_new in told)
            shown = [_shown(c, asked, n, is_new=is_new) for c, asked, n, is_new in told]
            claim = await telling.claim(shown, next_n, self._means.clock()) if shown else 0
        events = tuple(Told(n, c.known_as, c.parcel.received_us, c.payload) for c, _, n, _ in told)
        return Answer(events, next_n - 1, claim, started_us, before)

    async def _still_permitted(self, copies: Sequence[_Copy], wanted: Wanted) -> list[tuple[_Copy, Asked]]:
        """Those that may be shown under the gate, as they were made, up to the first that is to be made otherwise.

        Raises _ChangedError when that is the first of all: locks that come one after another must not keep everything back.
        """
        directory, moment = await self._directory(), self._moment()
        asked = {a.parcel.place: a for a in await self._telling.ask([c.parcel.place for c in copies])}
        found = list[tuple[_Copy, Asked]]()
        for made in copies:
            now = asked.get(made.parcel.place)
            if now is None:
                continue
            seen = _as_subscribed(now, wanted, directory.own)
            seen = replace(seen, parcel=replace(seen.parcel, items=made.parcel.items, because=made.parcel.because))
            verdict = answer(seen.parcel, seen.policy, directory, moment)
            telemetry.DECISIONS.labels("delivery", verdict.result, verdict.rule).inc()
            may_go = verdict.result in _MAY_GO
            if UNSEEN in verdict.because or (may_go and _shows(seen.parcel, verdict) != (made.dropped, made.detail)):
                if not found:
                    raise _ChangedError
                break
            if not may_go:
                continue
            found.append((replace(made, verdict=verdict), now))
        return found

    async def _directory(self) -> _Directory:
        """As of now. Raises Faulted also for an entry that cannot be read."""
        body, own = await self._telling.provider(), await self._telling.subscription()
        try:
            recipient = provider_from_dict(body | {"id": self._recipient.id}) if body else None
            return _Directory(recipient, subscription_from_dict(own | {"id": self._subscription.id}) if own else None)
        except ConfigError:
            raise Faulted(Cause.INTERNAL) from None


def _as_subscribed(asked: Asked, wanted: Wanted, subscription: Subscription | None) -> Asked:
    """The event with no more detail than the subscription has now. What was left out of it before stays out, unless it is asked for."""
    parcel = asked.parcel
    detail = least(Detail(parcel.detail), subscription.detail if subscription else None)
    return replace(asked, parcel=replace(parcel, detail=detail, dropped=() if wanted.withheld else parcel.dropped))


def _shows(parcel: Parcel, verdict: Verdict) -> tuple[tuple[str, ...], Detail]:
    """What is left out of the event, and in what detail the rest is shown."""
    return tuple(dict.fromkeys((*parcel.dropped, *verdict.dropped))), least(Detail(parcel.detail), verdict.detail)


def _made(candidate: Candidate, parcel: Parcel, verdict: Verdict, message: Message, recipient: Provider) -> _Copy | None:
    """The bytes of what may be shown; None when nothing is left. Raises Rejected, and whatever a bug in making it raises."""
    dropped, detail = _shows(parcel, verdict)
    copy = Copies(message).without(dropped)
    if copy is None:
        return None
    payload = copy.render(Form.FHIR, detail, recipient)
    return _Copy(candidate, verdict, parcel, dropped, detail, copy.received.event_id, payload)


def _shown(made: _Copy, asked: Asked, number: int, *, is_new: bool) -> Shown:
    copy_id = made.known_as if made.dropped else ""
    names = tuple(name for name in (derived_id(made.known_as, "bundle", made.detail), copy_id) if name)
    return Shown(asked, number, is_new, made.verdict.rule, copy_id, made.detail, made.dropped, made.parcel.items, names)
