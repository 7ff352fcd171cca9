"""How a received message of each protocol is read: one line an adapter."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.fhir.translate import FhirMessage
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.adapters.kith.translate import KithMessage
from hub.model import Adapter, Message, Received


def _kith(received: Received) -> Message:
    """KITH, which knows of HL7 v2 only through its Bundle: adapters do not know each other."""
    return KithMessage(received, FhirMessage)


READERS: Final[Mapping[Adapter, Callable[[Received], Message]]] = MappingProxyType(
    {Adapter.HL7V2: Hl7v2Message, Adapter.FHIR: FhirMessage, Adapter.KITH: _kith}
)


def read(received: Received) -> Message:
    """A message by its adapter."""
    return READERS[received.adapter](received)
