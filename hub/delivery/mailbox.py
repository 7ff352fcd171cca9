"""Delivery to a mailbox: a Kafka topic a provider, read by its system when it likes. Keyed by the patient's pseudonym, so order holds."""

from hub.delivery.channel import NOT_BEGUN, MayStart, Means, Sent, failed
from hub.errors import Cause, Faulted
from hub.ledger.outbox import Parcel
from hub.model import AttemptOutcome, Deliver


class MailboxWay:
    """The mailbox of one provider."""

    def __init__(self, deliver: Deliver, provider: str, means: Means) -> None:
        del deliver
        self._means = means
        self._topic = means.mailbox(provider)
        self._exists = False

    async def send(self, parcel: Parcel, may_start: MayStart) -> Sent:
        """Append one record; delivered when the broker has it durably."""
        if self._means.producer is None:
            return failed("connect", unreachable=True)
        headers = (("event-id", parcel.known_as.encode()), ("kind", parcel.kind.encode()), ("form", parcel.form.encode()))
        try:
            await self._ensure()
            if not may_start():
                return NOT_BEGUN
            await self._means.producer.send(self._topic, parcel.patient_key.encode(), parcel.payload, headers)
        except Faulted as fault:
            return failed(fault.cause.value, unreachable=fault.cause is Cause.BROKER_UNAVAILABLE)
        return Sent(AttemptOutcome.DELIVERED, "stored")

    async def _ensure(self) -> None:
        if not self._exists and self._means.ensure_topic is not None:
            await self._means.ensure_topic(self._topic)
        self._exists = True

    async def reachable(self) -> bool:
        """Whether the topic can be made to exist."""
        if self._means.producer is None:
            return False
        try:
            await self._ensure()
        except Faulted:
            return False
        return True

    async def close(self) -> None:
        """The producer is shared: whoever made it closes it."""
