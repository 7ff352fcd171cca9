"""A door that anybody may come in by, as the readers under test need one."""

from hub.adapters.hl7v2.receive import Door, Rules
from hub.identity import Pseudonyms
from hub.model import Channel, Deliver, Provider, ProviderKind

SENDER = Provider("sender", "sender", ProviderKind.OTHER, "", ("*",), Deliver(Channel.MAILBOX))


class Anybody:
    """The directory of one provider, who takes every name."""

    def by_sender(self, _sender: str) -> Provider:
        return SENDER

    def by_certificate(self, _fingerprint: str) -> None:
        return None


DOOR = Door(Anybody(), Pseudonyms(b"fuzz"), Rules())
