"""A recorded message as it was when it was taken: nothing is judged anew."""

from hub.adapters.fhir.message import identifiers as fhir_identifiers
from hub.adapters.fhir.message import read as read_fhir
from hub.adapters.hl7v2.er7 import NO_LIMITS, Er7
from hub.adapters.hl7v2.message import patient
from hub.adapters.kith.message import identifiers as kith_identifiers
from hub.adapters.kith.message import read as read_kith
from hub.ledger.stored import Stored
from hub.model import Adapter, Identifier, Received


def recalled(stored: Stored) -> Received:
    """The message of a row. Raises Rejected when its patient cannot be read any more."""
    adapter = Adapter(stored.adapter)
    return Received(
        event_id=stored.event_id,
        adapter=adapter,
        provider=stored.provider,
        application=stored.application,
        sender=stored.sender,
        control_id=stored.control_id,
        trigger=stored.trigger,
        patient_key=stored.patient_key,
        identifiers=_identifiers(adapter, stored.raw, stored.encoding),
        received_us=stored.received_us,
        encoding=stored.encoding,
        raw=stored.raw,
        answer=stored.answer,
    )


def _identifiers(adapter: Adapter, raw: bytes, encoding: str) -> tuple[Identifier, ...]:
    match adapter:
        case Adapter.HL7V2:
            return patient(Er7.from_bytes(raw, NO_LIMITS, encoding=encoding))
        case Adapter.FHIR:
            return fhir_identifiers(read_fhir(raw).patient)
        case Adapter.KITH:
            return kith_identifiers(read_kith(raw).patient)
