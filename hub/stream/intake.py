"""From a payload to a durable record of topic ``inbound``, and only then to its answer."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from hashlib import sha256
from typing import Any, Final

from hub import telemetry
from hub.adapters.control_ids import ControlIds
from hub.adapters.hl7v2 import batch, reply
from hub.adapters.hl7v2.er7 import Limits
from hub.adapters.hl7v2.framing import Refused, frame
from hub.adapters.hl7v2.head import Head, is_answer, peek
from hub.adapters.hl7v2.receive import Door, Peer, Rules, Senders, taken, turned_away
from hub.avro import Codec
from hub.errors import Cause, Faulted, HubError, Reason, Rejected
from hub.identity import Pseudonyms
from hub.model import Adapter, Received, Refusal
from hub.settings import Settings
from hub.stream.faultpoint import reach
from hub.stream.inbound import Inbound
from hub.stream.kafka import Producer

OnReply = Callable[[bytes | None], None]
OnAcks = Callable[[list[bytes] | None], None]
"""Told the acknowledgements of one message; None = it could not be taken, and its sender asked not to be told."""

_UNKNOWN_BYTES_MAX: Final = 8 * 1024 * 1024  # of messages that wait for the directory to be read again
_TURN: Final = 32  # messages judged before others of the process have their turn
_UNDER_WAY_MAX: Final = 64  # messages of one batch
_OF_DIRECTORY: Final = frozenset({Reason.UNKNOWN_SENDER, Reason.SENDER_MISMATCH})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that may be known for good when the directory has been read again."""

    raw: bytes
    peer: Peer
    on_acks: OnAcks


class Intake:
    """Takes messages for the hub: records each durably, then answers. One a process; ``directory`` may be replaced at any time."""

    def __init__(  # the parts of the door, wired once
        self, producer: Producer, codec: Codec, pseudonyms: Pseudonyms, directory: Senders, settings: Settings, clock: Callable[[], int]
    ) -> None:
        self._inbound: Final = Inbound(producer, codec, settings)
        self._clock: Final = clock
        limits = Limits(segments_max=settings.segments_max)
        rules = Rules(settings.undeclared_encoding, frozenset(settings.processing_ids), settings.person_numbers, limits)
        self._door = Door(directory, pseudonyms, rules)
        self._control_ids: Final = ControlIds()
        self._unknown: list[Waiting] = []
        self._unknown_bytes = 0
        self._stamp = (0, "")
        self.on_unknown: Callable[[], None] | None = None  # asks for a fresh directory; None = unknown senders are refused at once

    @property
    def directory(self) -> Senders:
        """Who may speak."""
        return self._door.senders

    @directory.setter
    def directory(self, senders: Senders) -> None:
        self._door = replace(self._door, senders=senders)

    async def accept(self, received: Received) -> None:
        """Make a message durable on ``inbound``, judged by someone else. Raises Faulted, or Rejected(TOO_LARGE)."""
        await self._inbound.put(received)

    async def accept_hl7v2(self, raw: bytes, peer: Peer | None = None) -> bytes:
        """Judge, record and answer one payload: the bytes for the wire (framed; may be empty or several frames)."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self.submit(raw, peer or Peer(), future.set_result)
        return await future or b""

    def submit(self, raw: bytes, peer: Peer, on_reply: OnReply) -> int:
        """Judge one payload, record it, and call ``on_reply`` with the bytes for the wire once the broker has it.

        ``on_reply`` hears None when the message could not be taken and no answer is wanted: the connection's end must tell. Gives how many
        messages were judged; 0 = the payload was no message at all.
        """
        if batch.is_batch(raw):
            return self._take_batch(raw, peer, on_reply)
        return self._take(raw, peer, lambda acks: on_reply(_framed(acks)))

    def refuse(self, refused: Refused, peer: Peer, on_reply: OnReply) -> None:
        """Answer a frame that is no message; what is there of it is recorded if it says whose it is."""
        head = peek(refused.head)
        if is_answer(refused.head, head):
            telemetry.ANSWERS_RECEIVED.inc()
            on_reply(b"")
        else:
            self._turn_away(refused.head, head, peer, Refusal(refused.reason), lambda acks: on_reply(_framed(acks)))

    def unknown(self) -> list[Waiting]:
        """The messages that wait for the directory to be read again: ``judge`` ends the wait."""
        waiting, self._unknown, self._unknown_bytes = self._unknown, [], 0
        return waiting

    async def judge(self, waiting: Iterable[Waiting], fault: Faulted | None = None) -> None:
        """Judge these for good: the directory has been read since they came. ``fault``: it could not be, so nobody knows who they are."""
        left = _TURN
        for one in waiting:
            if fault is None:
                left -= max(1, self._take(one.raw, one.peer, one.on_acks, is_final=True))
            else:
                self._put_off(one, fault)
                left -= 1
            if left <= 0:
                await asyncio.sleep(0)
                left = _TURN

    def _take(self, raw: bytes, peer: Peer, on_acks: OnAcks, *, is_final: bool = False) -> int:
        """Judge, record and answer one message; of how many patients, 0 = it is no message."""
        head = peek(raw)
        if is_answer(raw, head):
            telemetry.ANSWERS_RECEIVED.inc()
            on_acks([])
            return 1
        found = taken(raw, head, peer, self._door, self._clock())
        if isinstance(found, Refusal):
            on_acks(self._answer(head, "", raw, found))
            return 0
        whole, parts = found
        if whole.refusal is None:
            whole = self._without_conflict(whole)
            parts = parts if whole.refusal is None else (whole,)
        elif self.on_unknown and not is_final and _may_be_known_by_now(whole.refusal.reason, head):
            self._wait(Waiting(raw, peer, on_acks))
            return 1
        self._record(whole, parts, head, on_acks)
        return len(parts)

    def _wait(self, one: Waiting) -> None:
        assert self.on_unknown is not None  # else nobody would end the wait
        if self._unknown_bytes + len(one.raw) > _UNKNOWN_BYTES_MAX and self._unknown:
            self._put_off(one, Faulted(Cause.OVERLOADED))
            return
        self._unknown.append(one)
        self._unknown_bytes += len(one.raw)
        self.on_unknown()

    def _put_off(self, one: Waiting, fault: Faulted) -> None:
        one.on_acks(self._answer(peek(one.raw), "", one.raw, None, fault))

    def _turn_away(self, raw: bytes, head: Head, peer: Peer, refusal: Refusal, on_acks: OnAcks) -> int:
        """Answer what cannot be read as one message. 0 = it does not say either whose it is, and is not kept."""
        kept = turned_away(raw, head, peer, self._door, refusal, self._clock())
        if kept is None:
            on_acks(self._answer(head, "", raw, refusal))
            return 0
        self._record(kept, (kept,), head, on_acks)
        return 1

    def _record(self, whole: Received, parts: Sequence[Received], head: Head, on_acks: OnAcks) -> None:
        """Make a message durable, each patient's part of it by itself; the whole is answered once nothing of it is under way any more."""
        left, faults = len(parts), list[HubError]()

        def reported(part: Received, error: HubError | None) -> None:
            nonlocal left
            reach("gateway.after_report")
            left -= 1
            if error is None:
                _of(telemetry.RECEIVED).inc()
                if telemetry.is_each_told():
                    telemetry.each("received", adapter=Adapter.HL7V2.value, provider=part.provider, event_id=part.event_id)
            else:
                faults.append(error)
            if not left:
                on_acks(self._verdict(whole, head, faults))

        for part in parts:
            reach("gateway.before_produce")
            try:
                self._inbound.submit(part, partial(reported, part))
            except HubError as exc:
                reported(part, exc)

    def _verdict(self, whole: Received, head: Head, faults: Sequence[HubError]) -> list[bytes] | None:
        """The acknowledgements of a message all of which is durable, or is not: then it may come again, built anew or not."""
        refusal, fault = whole.refusal, None
        if faults:
            self._control_ids.forget(whole)
            fault = next((f for f in faults if isinstance(f, Faulted)), None)
            refusal = next((Refusal(f.reason) for f in faults if isinstance(f, Rejected)), refusal)
        acks = self._answer(head, whole.event_id, whole.raw, refusal, fault)
        _of(telemetry.ACK_SECONDS).observe((self._clock() - whole.received_us) / 1e6)
        return acks

    def _answer(self, head: Head, event_id: str, raw: bytes, refusal: Refusal | None, fault: Faulted | None = None) -> list[bytes] | None:
        """The acknowledgements of one message. A fault of ours is never a positive answer, and says nothing of a refusal not recorded."""
        if fault is not None:
            telemetry.fault("gateway", fault.cause)
            verdict, refusal = reply.ERROR, None
        else:
            verdict = reply.verdict(refusal)
            if refusal is not None:
                _of(telemetry.REFUSED, refusal.reason.value).inc()
                if event_id:  # what was not even identified is counted; a line for each would let a stranger fill the disk
                    telemetry.log("refused", adapter=Adapter.HL7V2.value, reason=refusal.reason.value, event_id=event_id)
        own = event_id.replace("-", "")[:19] if event_id else sha256(raw).hexdigest()[:19]
        accept, application = head.fields[15], head.fields[16]
        codes = reply.codes(accept, application, verdict)
        if (accept and not reply.condition(accept)) or (application and not reply.condition(application)):
            telemetry.UNKNOWN_ACK_CONDITIONS.inc()
        for code in codes or ("none",):
            _of(telemetry.ANSWERED, code).inc()
            if telemetry.is_each_told():
                telemetry.each("answered", adapter=Adapter.HL7V2.value, code=code, event_id=event_id)
        if fault is not None and not codes:
            return None
        when = self._when()
        return [reply.acknowledge(head, code, own + code[0], when, refusal) for code in codes]

    def _when(self) -> str:
        """The time for MSH-7; written out once a millisecond."""
        now_us = self._clock()
        if now_us // 1000 != self._stamp[0]:
            self._stamp = (now_us // 1000, reply.stamp(now_us))
        return self._stamp[1]

    def _without_conflict(self, taken: Received) -> Received:
        """The message, refused if its control id came before with other bytes."""
        if not self._control_ids.is_taken(taken):
            return taken
        telemetry.CONTROL_ID_CONFLICTS.inc()
        refusal = Refusal(Reason.DUPLICATE_CONTROL_ID, "MSH-10")
        return replace(taken, refusal=refusal, answer=taken.answer[:1] + reply.verdict(refusal) if taken.answer != "none" else "none")

    def _take_batch(self, raw: bytes, peer: Peer, on_reply: OnReply) -> int:
        """A batch: each message for itself; one frame with a batch of acknowledgements when the last one has its own."""
        try:
            taken = batch.split(raw)
        except Rejected as exc:
            return self._turn_away(raw, peek(raw), peer, Refusal(exc.reason, exc.where), lambda acks: on_reply(_framed(acks)))

        def on_end(answers: list[list[bytes] | None]) -> None:
            if None in answers:
                on_reply(None)  # what is sent again finds what was taken
                return
            acks = [ack for each in answers for ack in each or ()]
            own_id = sha256(raw).hexdigest()[:20]
            on_reply(frame(batch.answer(taken, acks, own_id, self._when())) if acks else b"")

        return _Run(taken.messages, lambda message, on_acks: self._take(message, peer, on_acks), on_end).go()


class _Run:
    """The messages of a batch on their way, a few at once; ``on_end`` hears the answers to all of them, in order."""

    def __init__(
        self,
        messages: Sequence[bytes],
        take: Callable[[bytes, OnAcks], int],
        on_end: Callable[[list[list[bytes] | None]], None],
    ) -> None:
        self._messages: Final = messages
        self._take: Final = take
        self._on_end: Final = on_end
        self._answers: Final[list[list[bytes] | None]] = [None] * len(messages)
        self._sizes: Final[dict[int, int]] = {}  # of those under way, by place: of how many patients
        self._next = self._under_way = 0
        self._is_going = False

    def go(self) -> int:
        """Take more as far as there is room. Gives how many messages were made of those it took; 0 = none was a message at all."""
        if self._is_going:
            return 1  # one was answered at once: the loop it came from goes on
        self._is_going, made = True, 0
        while self._next < len(self._messages) and self._under_way < _UNDER_WAY_MAX:
            place = self._next
            self._next += 1
            self._sizes[place] = 0
            size = self._take(self._messages[place], partial(self._answered, place))
            made += size
            if place in self._sizes:
                self._sizes[place] = max(1, size)
                self._under_way += self._sizes[place]
        self._is_going = False
        if not self._sizes:
            self._on_end(self._answers)
        return made

    def _answered(self, place: int, acks: list[bytes] | None) -> None:
        self._answers[place] = acks
        self._under_way -= self._sizes.pop(place)
        self.go()


def _framed(acks: list[bytes] | None) -> bytes | None:
    return None if acks is None else b"".join(map(frame, acks))


def _may_be_known_by_now(reason: Reason, head: Head) -> bool:
    """Whether a refusal may be one of the directory's age: who speaks, as whom, and how it writes what declares no character set."""
    return reason in _OF_DIRECTORY or (reason is Reason.BAD_ENCODING and not head.fields[18])


@cache
def _of(metric: Any, *more: str) -> Any:
    """The child of one of telemetry's metrics for HL7 v2, looked up once."""
    return metric.labels(Adapter.HL7V2.value, *more)
