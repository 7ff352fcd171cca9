"""Every way out of the hub, on one table."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from hub.delivery.channel import Means, Way
from hub.delivery.edi import EdiWay
from hub.delivery.fetched import FetchedWay
from hub.delivery.fhir import FhirWay
from hub.delivery.mailbox import MailboxWay
from hub.delivery.mllp import MllpWay
from hub.model import Channel, Deliver, Provider

CHANNELS: Final = MappingProxyType[Channel, Callable[[Deliver, str, Means], Way]](
    {
        Channel.MLLP: MllpWay,
        Channel.FHIR: FhirWay,
        Channel.EDI: EdiWay,
        Channel.POLL: FetchedWay,
        Channel.MAILBOX: MailboxWay,
    }
)


def open_way(provider: Provider, means: Means) -> Way:
    """The channel a provider takes its messages by."""
    return CHANNELS[provider.deliver.channel](provider.deliver, provider.id, means)
