"""What one recipient may fetch now. It is asked about, claimed and settled in the turns of delivery, under the same gate.

    it waits -> it is offered -> it is handed over (attempt ``unknown``, ``fetched``), as often as it is asked for -> it is read: delivered

The consents are asked at each of the first two. The next of a patient is offered when the one before has been read.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from hub import telemetry
from hub.config import ConfigError, provider_from_dict, subscription_from_dict
from hub.consent.question import Verdict
from hub.delivery.book import Became, form_changed, remade, unsent
from hub.delivery.gate import Directory, Moment, ask_all, fits, must_be_made_anew
from hub.delivery.retry import Backoff
from hub.errors import Cause, Faulted
from hub.ledger.backlog import BacklogReader
from hub.ledger.connect import AsyncConn
from hub.ledger.delivery import Settlement, Turns
from hub.ledger.outbox import FETCHED, FETCHER, Asked, Attempted, Parcel, Waiting
from hub.ledger.polling import Polling
from hub.model import AttemptOutcome, Channel, Form, Provider, Result, Subscription
from hub.settings import Settings

_ROUNDS_MAX: Final = 10  # of withholding: what comes after is found the next time
_LIST_BYTES_MAX: Final = 16 * 1024 * 1024  # of the documents asked about at once


class Remake(Protocol):
    """What makes a document anew that shows more than it may; delivery's is the one."""

    @property
    def releases(self) -> bool:
        """Whether what was left out comes back when it may be shown again."""
        ...

    async def make(self, conn: AsyncConn, asked: Asked, directory: Directory, moment: Moment) -> tuple[Became, Verdict]:
        """Look at the message and change its delivery. Raises Faulted."""
        ...


@dataclass(frozen=True, slots=True)
class Handed:
    """A document that is being handed over, until ``Pickup.handed_over``."""

    parcel: Parcel
    claim: int
    started_us: int
    before: float  # by the loop's clock: no first byte may leave later


@dataclass(frozen=True, slots=True)
class _Known:
    """The recipient and the subscriptions asked about, as they are now."""

    recipient: Provider | None
    subscriptions: dict[str, Subscription]

    def get(self, provider_id: str) -> Provider | None:
        """The recipient; nobody else is asked about."""
        return self.recipient if self.recipient and self.recipient.id == provider_id else None

    def subscription(self, subscription_id: str) -> Subscription | None:
        """The subscription, None when there is none any more."""
        return self.subscriptions.get(subscription_id)


@dataclass(frozen=True, slots=True)
class _Anew:
    """A document to be made anew, as it was asked about."""

    asked: Asked
    known: _Known
    moment: Moment


class Pickup:
    """One recipient, on one connection of its own for one request. Every method raises Faulted when the ledger is away."""

    def __init__(self, conn: AsyncConn, recipient: Provider, settings: Settings, clock: Callable[[], int], remake: Remake) -> None:
        self._conn = conn
        self._recipient = recipient
        self._remake = remake
        self._boundaries = settings.consent.boundaries()
        self._backoff = Backoff(settings.retry_first_seconds, settings.retry_seconds_max)
        self._claim_seconds_max = settings.claim_seconds_max
        self._clock = clock
        self._turns = Turns(conn, FETCHER)
        self._reader = BacklogReader(conn, FETCHER)
        self._polling = Polling(conn, recipient.id)

    async def offered(self, limit: int) -> list[Parcel]:
        """What may be fetched now, at most one of a patient, the oldest first. What may not is withheld or held, and recorded."""
        found: list[Parcel] = []
        for _ in range(_ROUNDS_MAX):
            rows = _some(await self._firsts(limit))
            if not rows:
                return []
            found, answers, anew = await self._ask(rows)
            await self._turns.commit([], Settlement(answers), self._clock())
            _count(answers)
            if not await self._made_anew(anew) and not any(a.settles for a in answers):
                break
        return found

    async def hand_over(self, event_id: str) -> Handed | None:
        """The document of an event, claimed: its bytes may leave, then ``handed_over`` must be called. None: it is not to be had now."""
        for _ in range(_ROUNDS_MAX):
            started_us = self._clock()
            rows = await self._firsts(1, event_id)
            if not rows:
                return None
            permitted, answers, anew = await self._ask(rows, self._claim_seconds_max)
            before = asyncio.get_running_loop().time() + self._claim_seconds_max
            claims = await self._turns.commit([permitted] if permitted else [], Settlement(answers), self._clock())
            _count(answers)
            if claims:
                return Handed(permitted[0], claims[0].id, started_us, before)
            if not await self._made_anew(anew):
                break
        return None

    async def given_back(self, handed: Handed) -> None:
        """No byte of it left."""
        await self._turns.settle(Settlement(claims=[handed.claim]))

    async def handed_over(self, handed: Handed) -> None:
        """Its bytes have left, or some of them. It waits to be read, and is offered until then."""
        parcel, now_us = handed.parcel, self._clock()
        n = parcel.attempts + 1
        attempt = Attempted(parcel.place, n, handed.started_us, now_us, AttemptOutcome.UNKNOWN, FETCHED, copy=parcel.copy)
        await self._turns.settle(Settlement([attempt], [handed.claim]))
        _count([attempt])

    async def end_leftovers(self, longest_us: int) -> None:
        """End what a process that died was handing over longer ago than it takes."""
        await self._polling.end_leftovers(self._clock(), longest_us)

    async def _firsts(self, limit: int, event_id: str = "") -> list[Waiting]:
        hold = self._recipient.deliver.on_refusal == "hold"
        return await self._polling.firsts(limit, self._clock(), hold=hold, event_id=event_id)

    async def _ask(self, rows: Sequence[Waiting], seconds: float = 0.0) -> tuple[list[Parcel], list[Attempted], list[_Anew]]:
        """Open a turn over these: what may be had, now and so long after, the answers to what may not, and what is to be made anew first.

        The answers are for ``commit`` to write. What is being handed over has its answer when that has ended: a denial before it would hide
        that it was.
        """
        asked, _ = await self._turns.open(Settlement(), [row.place for row in rows])
        known = await self._known({a.parcel.subscription for a in asked})
        if known.recipient is not None and known.recipient.deliver.channel is not Channel.POLL:
            return [], [], []  # it is sent to since a moment ago
        under_way = await self._polling.claimed([row.place for row in rows])
        patients, now_us = {row.place: row.patient_key for row in rows}, self._clock()
        moment = Moment(now_us, now_us + int(seconds * 1e6), self._boundaries)
        permitted: list[Parcel] = []
        answers: list[Attempted] = []
        anew: list[_Anew] = []
        same = {a.parcel.place: a for a in asked if a.parcel.patient_key == patients[a.parcel.place]}  # another's since a merge: found anew
        for parcel, verdict in ask_all(same.values(), known, moment):
            telemetry.DECISIONS.labels("delivery", verdict.result, verdict.rule).inc()
            if parcel.form == Form.KITH and must_be_made_anew(parcel, verdict, releases=self._remake.releases):
                anew += [_Anew(same[parcel.place], known, moment)] if parcel.place not in under_way else []
            elif parcel.form == Form.KITH and fits(parcel, verdict):
                permitted.append(parcel)
            elif parcel.place not in under_way:
                may = verdict.result in (Result.PERMIT, Result.REDACT)
                answers.append(form_changed(parcel, now_us) if may else unsent(parcel, verdict, self._backoff, now_us))
        return permitted, answers, anew

    async def _made_anew(self, anew: Sequence[_Anew]) -> bool:
        """Make these anew, each in its place; whether there were any, so that it is asked again."""
        for one in anew:
            became, verdict = await self._remake.make(self._conn, one.asked, one.known, one.moment)
            attempt = remade(one.asked.parcel, became, verdict, self._backoff, self._clock())
            await self._turns.settle(Settlement([attempt]))
            _count([attempt])
        return bool(anew)

    async def _known(self, subscriptions: set[str]) -> _Known:
        try:
            body = await self._polling.provider()
            recipient = provider_from_dict(body | {"id": self._recipient.id}) if body else None
            found = await self._reader.subscriptions(subscriptions)
            return _Known(recipient, {s: subscription_from_dict(body | {"id": s}) for s, body in found.items()})
        except ConfigError:
            raise Faulted(Cause.INTERNAL) from None


async def said_read(conn: AsyncConn, recipient: str, event_id: str, code: str, clock: Callable[[], int]) -> bool | None:
    """The recipient says that it has a document: delivered, and no consent is asked, for nothing leaves.

    True: delivered, now or before. False: it was never handed over. None: there is nothing of it, or it was withheld. Raises Faulted.
    """
    polling = Polling(conn, recipient)
    found = await polling.given(event_id)
    if found is None:
        return await polling.was_delivered(event_id) or None
    if not (found.was_given or found.is_leaving):
        return False
    now_us, n = clock(), found.attempts + 1 + found.is_leaving  # after the attempt by which it leaves, which is written later
    attempt = Attempted(found.place, n, now_us, now_us, AttemptOutcome.DELIVERED, code)
    await Turns(conn, FETCHER).settle(Settlement([attempt]))
    if not await polling.was_delivered(event_id):  # a turn beside this one had the last word
        return None
    _count([attempt])
    telemetry.END_TO_END_SECONDS.labels(Channel.POLL).observe(max(0.0, (now_us - found.received_us) / 1e6))
    return True


def _some(rows: Sequence[Waiting]) -> list[Waiting]:
    """The first of them, until they are many bytes."""
    found: list[Waiting] = []
    for row in rows:
        if found and sum(r.size for r in found) + row.size > _LIST_BYTES_MAX:
            break
        found.append(row)
    return found


def _count(attempts: Sequence[Attempted]) -> None:
    for attempt in attempts:
        telemetry.DELIVERIES.labels(Channel.POLL, attempt.outcome).inc()
