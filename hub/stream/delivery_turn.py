"""One turn of delivery: settle what ended, ask about what is ready, claim what is permitted, and only then send it."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hub import telemetry
from hub.delivery.book import Book, Ended
from hub.delivery.dispatch import Dispatch
from hub.delivery.gate import Moment, ask_all, fits, must_be_made_anew
from hub.delivery.heard import tell
from hub.delivery.lanes import Lanes
from hub.delivery.retry import Backoff
from hub.errors import Faulted
from hub.ledger.backlog import BacklogReader
from hub.ledger.delivery import Settlement, Turns
from hub.ledger.outbox import Asked, Attempted, Claim, Parcel, Place, Waiting
from hub.model import AttemptOutcome
from hub.pipeline import Terms
from hub.settings import Settings
from hub.stream.delivery_anew import Anew, Read
from hub.stream.delivery_providers import Providers

Clock = Callable[[], int]
# How far back from the last turn a server that dies may forget what did not wait for the disk: thrice wal_writer_delay, and room
_MAY_BE_FORGOTTEN_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a delivery process is built with. reach: called at the named fault points. read: a message by its adapter."""

    settings: Settings
    clock: Clock
    reach: Callable[[str], None]
    read: Read
    terms: Terms


class Work:
    """What one owner of some partitions has in hand: its lanes, what is under way, and what the ledger has not been told yet."""

    def __init__(self, parts: "Parts", dispatch: Dispatch, providers: Providers) -> None:
        settings = parts.settings
        backoff = Backoff(settings.retry_first_seconds, settings.retry_seconds_max)
        self.lanes = Lanes(backoff)
        self.book = Book(self.lanes, backoff, int(settings.claim_seconds_max * 1e6))
        self.unsettled = Settlement()
        self.ended: list[Ended] = []
        self._recent: deque[tuple[float, list[Attempted]]] = deque()  # what was settled lately, and when: a server that dies may forget it
        self._moved: list[Waiting] = []  # asked about, and no longer of the patient in whose lane they are, or to be fetched
        self._claim_seconds_max = settings.claim_seconds_max
        self._dispatch = dispatch
        self._providers = providers
        self._clock = parts.clock
        self._reach = parts.reach
        self._anew = Anew(parts.read, parts.terms, settings.release_on_unlock)

    @property
    def is_idle(self) -> bool:
        """Nothing under way and nothing to settle."""
        return not self.book and not self.unsettled

    def on_end(self, ended: Ended) -> None:
        """A send ended: it is settled with the next turn."""
        self._reach("delivery.after_send")
        self.ended.append(ended)

    def collect(self) -> None:
        """Let the lanes move on from what ended; the ledger is told in the next turn, before anything else is asked."""
        ended, self.ended = self.ended, []
        self.book.settle(ended, self.unsettled, self._clock())
        _count(ended)

    def take_moved(self) -> set[str]:
        """Recipients for whom a delivery was found to be another patient's than it was when it was read; asked once."""
        moved, self._moved = self._moved, []
        return {row.place.recipient for row in moved}

    async def settle(self, turns: Turns) -> None:
        """Tell the ledger what ended, when nothing is ready to be asked about. Raises Faulted: it is still to be told then."""
        self._reach("delivery.before_settle")
        await turns.settle(self.unsettled)
        self._settled(Settlement())

    async def settle_again(self, turns: Turns) -> None:
        """Write again what was settled last: a turn does not wait for the disk, so a server that died may have forgotten it.

        Without this what was delivered would be called withheld when a lock came meanwhile. Raises Faulted.
        """
        attempts = [attempt for _, settled in self._recent for attempt in settled]
        if attempts:
            await turns.settle(Settlement(attempts))

    async def turn(self, turns: Turns, reader: BacklogReader, rows: Sequence[Waiting]) -> None:
        """Settle and claim in one transaction, then send.

        Raises Faulted when the ledger is lost: every row is then back in its lane and the settlement still to be made.
        """
        by_place = {row.place: row for row in rows}
        answered = Settlement()
        try:
            self._reach("delivery.before_settle")
            asked, directory_version = await turns.open(self.unsettled, list(by_place))
            if directory_version is not None:
                await self._providers.know(directory_version, reader, {a.parcel.subscription for a in asked})
            same, moved = self._sorted_out(asked, by_place)
            may_start_before = asyncio.get_running_loop().time() + self._claim_seconds_max
            moment = self._moment()
            groups, answered.attempts, anew = self._decide(same, by_place, moment)
            claims = await turns.commit(groups, answered, self._clock())
        except Faulted:
            denied = {attempt.place for attempt in answered.attempts}
            for row in rows:
                if row.place not in denied:
                    self.lanes.given_back(row)
            self.unsettled.attempts += answered.attempts
            raise
        self._settled(answered)
        self._drop_gone(by_place, asked)
        for row in moved:
            self.lanes.given_back(row)
        self._moved += moved
        self._send(claims, by_place, may_start_before)
        await self._make_anew(turns, anew, by_place, moment)

    def _sorted_out(self, asked: Sequence[Asked], by_place: dict[Place, Waiting]) -> tuple[list[Asked], list[Waiting]]:
        """What may be asked about, and what is not to be sent from the lane it is in.

        That is what is another patient's since a merge; what is that patient's while something is in memory that was another's before,
        which is to go first; and what is of a recipient that comes for it since.
        """
        fetches = self._providers.fetches
        moved = [
            row
            for a in asked
            if (row := by_place[a.parcel.place]).patient_key != a.parcel.patient_key
            or fetches(row.place.recipient)
            or (a.parcel.merged and not self.lanes.destination(row.place.recipient).lanes.keys().isdisjoint(a.parcel.merged))
        ]
        gone = {row.place for row in moved}
        return [a for a in asked if a.parcel.place not in gone] if moved else list(asked), moved

    def _moment(self) -> Moment:
        now_us = self._clock()
        return Moment(now_us, now_us + int(self._claim_seconds_max * 1e6), self._anew.terms.boundaries)

    def _decide(
        self, asked: Sequence[Asked], by_place: dict[Place, Waiting], moment: Moment
    ) -> tuple[list[list[Parcel]], list[Attempted], list[Asked]]:
        """What may be sent, by recipient, the answers to what may not, and what is to be made anew first."""
        permitted: dict[str, list[Parcel]] = {}
        answers: list[Attempted] = []
        anew: list[Asked] = []
        decisions: Counter[tuple[str, str]] = Counter()
        policies = {a.parcel.place: a for a in asked}
        for parcel, verdict in ask_all(asked, self._providers, moment):
            decisions[verdict.result, verdict.rule] += 1
            row, takes = by_place[parcel.place], self._takes(parcel)
            shows_wrong = must_be_made_anew(parcel, verdict, releases=self._anew.releases)
            if takes and shows_wrong:
                anew.append(policies[parcel.place])
            elif takes and fits(parcel, verdict):
                permitted.setdefault(parcel.place.recipient, []).append(parcel)
            else:
                if shows_wrong or fits(parcel, verdict):
                    attempt = self.book.unsendable(row, parcel, moment.now_us)
                else:
                    attempt = self.book.answered(row, parcel, verdict, moment.now_us)
                telemetry.DELIVERIES.labels(parcel.channel, attempt.outcome).inc()
                answers.append(attempt)
        for words, count in decisions.items():
            telemetry.DECISIONS.labels("delivery", *words).inc(count)
        return list(permitted.values()), answers, anew

    async def _make_anew(self, turns: Turns, anew: Sequence[Asked], by_place: dict[Place, Waiting], moment: Moment) -> None:
        """Each in its place. Raises Faulted: those that were not made are then back in their lanes, to be asked about again."""
        left = list(anew)
        try:
            for asked in anew:
                became, verdict = await self._anew.make(turns.conn, asked, self._providers, moment)
                left.remove(asked)
                row, now_us = by_place[asked.parcel.place], self._clock()
                attempt = self.book.remade(row, asked.parcel, became, verdict, now_us)
                telemetry.DELIVERIES.labels(asked.parcel.channel, attempt.outcome).inc()
                self.unsettled.attempts.append(attempt)
        finally:
            for asked in left:
                self.lanes.given_back(by_place[asked.parcel.place])

    def _takes(self, parcel: Parcel) -> bool:
        """Whether the recipient takes messages in the form that this one was rendered in."""
        provider = self._providers.get(parcel.place.recipient)
        return provider is None or provider.deliver.form == parcel.form

    def _settled(self, answered: Settlement) -> None:
        """The ledger has it: rows that are settled or parked can be let go of."""
        attempts = (*self.unsettled.attempts, *answered.attempts)
        for attempt in attempts:
            if attempt.settles or attempt.parked:
                self.lanes.forget(attempt.place)
        now = asyncio.get_running_loop().time()
        self._recent.append((now, [a for a in attempts if a.settles]))
        while self._recent[0][0] < now - _MAY_BE_FORGOTTEN_SECONDS:
            self._recent.popleft()
        self.unsettled = Settlement()

    def _drop_gone(self, by_place: dict[Place, Waiting], asked: Sequence[Asked]) -> None:
        """Rows that are no longer there to be asked about: a person discarded or parked them meanwhile."""
        for place in by_place.keys() - {a.parcel.place for a in asked}:
            self.lanes.ended(by_place[place])
            self.lanes.forget(place)

    def _send(self, claims: Sequence[Claim], by_place: dict[Place, Waiting], may_start_before: float) -> None:
        if not claims:
            return
        self._reach("delivery.after_claim")
        loop, now_us = asyncio.get_running_loop(), self._clock()

        def may_start() -> bool:
            return loop.time() < may_start_before

        for claim in claims:
            self.book.begin(claim, by_place, now_us)
        for claim in claims:
            provider = self._providers.get(claim.parcels[0].place.recipient)
            if provider is not None:  # none without a provider is permitted
                self._dispatch.submit(provider, claim.parcels, may_start)


def _count(ended: Sequence[Ended]) -> None:
    outcomes = Counter((e.parcel.channel, e.sent.outcome) for e in ended if e.sent.outcome is not None)
    for (channel, outcome), count in outcomes.items():
        telemetry.DELIVERIES.labels(channel, outcome).inc(count)
    seconds = {
        channel: telemetry.END_TO_END_SECONDS.labels(channel) for channel, outcome in outcomes if outcome is AttemptOutcome.DELIVERED
    }
    for e in ended:
        if e.sent.receipt is not None:
            tell(e.sent.receipt, e.parcel.event_id, e.parcel.place.recipient)
        if e.sent.outcome is AttemptOutcome.DELIVERED:
            seconds[e.parcel.channel].observe(max(0.0, (e.ended_us - e.parcel.received_us) / 1e6))
