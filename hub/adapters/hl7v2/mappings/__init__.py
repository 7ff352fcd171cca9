"""Every HL7 v2 message the hub carries, and what happened when it comes. One file a family makes its FHIR resources.

Source of the events: HL7 v2 table 0003. A trigger that is not here is answered ``unsupported_type`` or ``unsupported_event``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.model import Kind

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "ADT^A01": Kind.ADMITTED,
        "ADT^A02": Kind.TRANSFERRED,
        "ADT^A03": Kind.DISCHARGED,
        "ADT^A04": Kind.REGISTERED,
        "ADT^A05": Kind.PREADMITTED,
        "ADT^A06": Kind.CLASS_CHANGED,
        "ADT^A07": Kind.CLASS_CHANGED,
        "ADT^A08": Kind.UPDATED,
        "ADT^A11": Kind.ADMISSION_CANCELLED,
        "ADT^A12": Kind.TRANSFER_CANCELLED,
        "ADT^A13": Kind.DISCHARGE_CANCELLED,
        "ADT^A16": Kind.READY_FOR_DISCHARGE,
        "ADT^A18": Kind.MERGED,
        "ADT^A25": Kind.NOT_READY_FOR_DISCHARGE,
        "ADT^A28": Kind.UPDATED,
        "ADT^A31": Kind.UPDATED,
        "ADT^A34": Kind.MERGED,
        "ADT^A39": Kind.MERGED,
        "ADT^A40": Kind.MERGED,
        "ADT^A41": Kind.MERGED,
        "ADT^A47": Kind.MERGED,
        "ORU^R01": Kind.OBSERVATION_REPORTED,
        "MDM^T01": Kind.DOCUMENT_PUBLISHED,
        "MDM^T02": Kind.DOCUMENT_PUBLISHED,
        "MDM^T03": Kind.DOCUMENT_PUBLISHED,
        "MDM^T04": Kind.DOCUMENT_PUBLISHED,
        "MDM^T05": Kind.DOCUMENT_PUBLISHED,
        "MDM^T06": Kind.DOCUMENT_PUBLISHED,
        "MDM^T07": Kind.DOCUMENT_PUBLISHED,
        "MDM^T08": Kind.DOCUMENT_PUBLISHED,
        "MDM^T09": Kind.DOCUMENT_PUBLISHED,
        "MDM^T10": Kind.DOCUMENT_PUBLISHED,
        "MDM^T11": Kind.DOCUMENT_PUBLISHED,
        "REF^I12": Kind.REFERRAL_SENT,
        "REF^I13": Kind.REFERRAL_UPDATED,
        "REF^I14": Kind.REFERRAL_CANCELLED,
        "ORM^O01": Kind.ORDER_PLACED,
        "OML^O21": Kind.ORDER_PLACED,
        "SIU^S12": Kind.APPOINTMENT_BOOKED,
        "SIU^S13": Kind.APPOINTMENT_RESCHEDULED,
        "SIU^S14": Kind.APPOINTMENT_UPDATED,
        "SIU^S15": Kind.APPOINTMENT_CANCELLED,
        "SIU^S26": Kind.APPOINTMENT_MISSED,
    }
)
