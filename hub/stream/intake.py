"""From a payload to a durable record of topic ``inbound``, and only then to its answer."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import Any, Final

from hub import telemetry
from hub.adapters.hl7v2 import batch, reply
from hub.adapters.hl7v2.er7 import Limits
from hub.adapters.hl7v2.framing import Refused, frame
from hub.adapters.hl7v2.head import Head, peek
from hub.adapters.hl7v2.receive import Door, Peer, Rules, Senders, kafka_key, receive
from hub.avro import Codec
from hub.errors import Faulted, HubError, Reason, Rejected
from hub.identity import Pseudonyms
from hub.model import Adapter, Received, Refusal
from hub.settings import Settings
from hub.stream.faultpoint import reach
from hub.stream.kafka import Producer, Topics

OnAcks = Callable[[list[bytes]], None]
_SEEN_MAX: Final = 100_000  # control ids remembered at the door; the ledger remembers them all


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A message whose sender is not known, until the directory has been read again."""

    raw: bytes
    peer: Peer
    on_acks: OnAcks


class Intake:
    """Takes messages for the hub: records each durably, then answers. One a process; ``directory`` may be replaced at any time."""

    def __init__(  # the parts of the door, wired once
        self, producer: Producer, codec: Codec, pseudonyms: Pseudonyms, directory: Senders, settings: Settings, clock: Callable[[], int]
    ) -> None:
        self._producer: Final = producer
        self._codec: Final = codec
        self._clock: Final = clock
        self._topic: Final = Topics(settings.topic_prefix).inbound
        limits = Limits(segments_max=settings.segments_max)
        rules = Rules(settings.undeclared_encoding, frozenset(settings.processing_ids), settings.person_numbers, limits)
        self._door = Door(directory, pseudonyms, rules)
        self._seen: Final[OrderedDict[bytes, bytes]] = OrderedDict()
        self._unknown: list[_Waiting] = []
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
        await self._producer.send(self._topic, kafka_key(received), self._codec.encode_received(received))

    async def accept_hl7v2(self, raw: bytes, peer: Peer | None = None) -> bytes:
        """Judge, record and answer one payload: the bytes for the wire (framed; may be empty or several frames)."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.submit(raw, peer or Peer(), future.set_result)
        return await future

    def submit(self, raw: bytes, peer: Peer, on_reply: Callable[[bytes], None]) -> None:
        """Judge one payload, record it, and call ``on_reply`` with the bytes for the wire once the broker has it."""
        if batch.is_batch(raw):
            self._take_batch(raw, peer, on_reply)
        else:
            self._take(raw, peer, lambda acks: on_reply(b"".join(map(frame, acks))))

    def refuse(self, refused: Refused, on_reply: Callable[[bytes], None]) -> None:
        """Answer a frame that is no message."""
        acks = self._answer(peek(refused.head), "", refused.head, Refusal(refused.reason))
        on_reply(b"".join(map(frame, acks)))

    def retry_unknown(self) -> None:
        """The directory has been read again: judge for good the messages whose senders were not known."""
        waiting, self._unknown = self._unknown, []
        for one in waiting:
            self._take(one.raw, one.peer, one.on_acks, is_final=True)

    def _take(self, raw: bytes, peer: Peer, on_acks: OnAcks, *, is_final: bool = False) -> None:
        head = peek(raw)
        taken = receive(raw, head, peer, self._door, self._clock())
        if isinstance(taken, Refusal):
            on_acks(self._answer(head, "", raw, taken))
            return
        if taken.refusal is None:
            taken = self._without_conflict(taken)
        elif taken.refusal.reason is Reason.UNKNOWN_SENDER and self.on_unknown and not is_final:
            self._unknown.append(_Waiting(raw, peer, on_acks))
            self.on_unknown()
            return
        self._record(taken, head, on_acks)

    def _record(self, taken: Received, head: Head, on_acks: OnAcks) -> None:
        def reported(error: HubError | None) -> None:
            reach("gateway.after_report")
            refusal = taken.refusal
            if error is None:
                _of(telemetry.RECEIVED).inc()
            elif isinstance(error, Rejected):
                refusal = Refusal(error.reason)
            acks = self._answer(head, taken.event_id, taken.raw, refusal, error if isinstance(error, Faulted) else None)
            _of(telemetry.ACK_SECONDS).observe((self._clock() - taken.received_us) / 1e6)
            on_acks(acks)

        reach("gateway.before_produce")
        try:
            self._producer.send_nowait(self._topic, kafka_key(taken), self._codec.encode_received(taken), reported)
        except HubError as exc:
            reported(exc)

    def _answer(self, head: Head, event_id: str, raw: bytes, refusal: Refusal | None, fault: Faulted | None = None) -> list[bytes]:
        """The acknowledgements of one message. A fault of ours is never a positive answer, and says nothing of a refusal not recorded."""
        if fault is not None:
            telemetry.FAULTS.labels("gateway", fault.cause.value).inc()
            verdict, refusal = reply.ERROR, None
        else:
            verdict = reply.verdict(refusal)
            if refusal is not None:
                _of(telemetry.REFUSED, refusal.reason.value).inc()
        own = event_id.replace("-", "")[:19] if event_id else sha256(raw).hexdigest()[:19]
        codes = reply.codes(head.fields[15], head.fields[16], verdict)
        for code in codes or ("none",):
            _of(telemetry.ANSWERED, code).inc()
        when = self._when()
        return [reply.acknowledge(head, code, own + code[0], when, refusal) for code in codes]

    def _when(self) -> str:
        """The time for MSH-7; written out once a millisecond."""
        now_us = self._clock()
        if now_us // 1000 != self._stamp[0]:
            self._stamp = (now_us // 1000, reply.stamp(now_us))
        return self._stamp[1]

    def _without_conflict(self, taken: Received) -> Received:
        """The message, refused if its control id came before with other bytes. A refused message does not use its control id up."""
        who = f"{taken.provider}\x1f{taken.application}\x1f{taken.sender}\x1f{taken.control_id}"
        key = sha256(who.encode()).digest()[:16]
        digest = sha256(taken.raw).digest()[:16]
        known = self._seen.setdefault(key, digest)
        if known == digest:
            if len(self._seen) > _SEEN_MAX:
                self._seen.popitem(last=False)
            return taken
        telemetry.CONTROL_ID_CONFLICTS.inc()
        refusal = Refusal(Reason.DUPLICATE_CONTROL_ID, "MSH-10")
        return replace(taken, refusal=refusal, answer=taken.answer[:1] + reply.verdict(refusal) if taken.answer != "none" else "none")

    def _take_batch(self, raw: bytes, peer: Peer, on_reply: Callable[[bytes], None]) -> None:
        """A batch: each message for itself; one frame with a batch of acknowledgements when the last one has its own."""
        taken = batch.split(raw)
        if not taken.messages:
            on_reply(b"".join(map(frame, self._answer(taken.head, "", raw, Refusal(Reason.NO_HEADER, "MSH")))))
            return
        answers: list[list[bytes] | None] = [None] * len(taken.messages)
        left = len(answers)

        def on_acks(acks: list[bytes], place: int) -> None:
            nonlocal left
            answers[place] = acks
            left -= 1
            if left == 0:
                every = [ack for acks in answers for ack in acks or ()]
                on_reply(frame(batch.answer(taken, every, sha256(raw).hexdigest()[:20], self._when())))

        for place, message in enumerate(taken.messages):
            self._take(message, peer, lambda acks, place=place: on_acks(acks, place))  # type: ignore[misc]


@cache
def _of(metric: Any, *more: str) -> Any:
    """The child of one of telemetry's metrics for HL7 v2, looked up once."""
    return metric.labels(Adapter.HL7V2.value, *more)
