"""Every FHIR message event the hub carries, and what happened when it comes.

Sources: Da Vinci Unsolicited Notifications (CodeSystem notification-event), HL7 v2 table 0003 as a FHIR code system, and the hub's own
kinds under ``urn:hub:event``. An event that is not here is answered ``unsupported_event``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.model import Kind

DAVINCI: Final = "http://hl7.org/fhir/us/davinci-alerts/CodeSystem/notification-event"
V2: Final = "http://terminology.hl7.org/CodeSystem/v2-0003"
OWN: Final = "urn:hub:event"

_DAVINCI_KINDS: Final[Mapping[str, Kind]] = {
    "notification-admit": Kind.ADMITTED,
    "notification-transfer": Kind.TRANSFERRED,
    "notification-discharge": Kind.DISCHARGED,
}
_V2_KINDS: Final[Mapping[str, Kind]] = {
    "A01": Kind.ADMITTED,
    "A02": Kind.TRANSFERRED,
    "A03": Kind.DISCHARGED,
    "A04": Kind.REGISTERED,
    "A05": Kind.PREADMITTED,
    "A06": Kind.CLASS_CHANGED,
    "A07": Kind.CLASS_CHANGED,
    "A08": Kind.UPDATED,
    "A09": Kind.DEPARTED,
    "A10": Kind.ARRIVED,
    "A11": Kind.ADMISSION_CANCELLED,
    "A12": Kind.TRANSFER_CANCELLED,
    "A13": Kind.DISCHARGE_CANCELLED,
    "A14": Kind.ADMISSION_PLANNED,
    "A15": Kind.TRANSFER_PLANNED,
    "A16": Kind.READY_FOR_DISCHARGE,
    "A17": Kind.TRANSFERRED,
    "A18": Kind.MERGED,
    "A21": Kind.LEAVE_STARTED,
    "A22": Kind.LEAVE_ENDED,
    "A23": Kind.DELETED,
    "A24": Kind.LINKED,
    "A25": Kind.NOT_READY_FOR_DISCHARGE,
    "A26": Kind.TRANSFER_PLAN_CANCELLED,
    "A27": Kind.ADMISSION_PLAN_CANCELLED,
    "A28": Kind.UPDATED,
    "A29": Kind.DELETED,
    "A31": Kind.UPDATED,
    "A34": Kind.MERGED,
    "A37": Kind.UNLINKED,
    "A38": Kind.PREADMISSION_CANCELLED,
    "A39": Kind.MERGED,
    "A40": Kind.MERGED,
    "A41": Kind.MERGED,
    "A45": Kind.ENCOUNTER_MOVED,
    "A47": Kind.MERGED,
    "A60": Kind.ALLERGIES_UPDATED,
    "R01": Kind.OBSERVATION_REPORTED,
    **{f"R{n}": Kind.OBSERVATION_REPORTED for n in (22, 23, 24)},
    **{f"T{n:02}": Kind.DOCUMENT_PUBLISHED for n in range(1, 12)},
    "I12": Kind.REFERRAL_SENT,
    "I13": Kind.REFERRAL_UPDATED,
    "I14": Kind.REFERRAL_CANCELLED,
    "O01": Kind.ORDER_PLACED,
    "O21": Kind.ORDER_PLACED,
    "O19": Kind.ORDER_PLACED,
    "O11": Kind.MEDICATION_ORDERED,
    "O25": Kind.MEDICATION_ORDERED,
    "O13": Kind.MEDICATION_DISPENSED,
    "V04": Kind.IMMUNIZATION_RECORDED,
    "PC1": Kind.PROBLEM_ADDED,
    "PC2": Kind.PROBLEM_UPDATED,
    "PC3": Kind.PROBLEM_DELETED,
    "S12": Kind.APPOINTMENT_BOOKED,
    "S13": Kind.APPOINTMENT_RESCHEDULED,
    "S14": Kind.APPOINTMENT_UPDATED,
    "S15": Kind.APPOINTMENT_CANCELLED,
    "S16": Kind.APPOINTMENT_CANCELLED,
    "S17": Kind.APPOINTMENT_CANCELLED,
    "S26": Kind.APPOINTMENT_MISSED,
    "P01": Kind.ACCOUNT_OPENED,
    "P02": Kind.ACCOUNT_PURGED,
    "P05": Kind.ACCOUNT_UPDATED,
    "P06": Kind.ACCOUNT_CLOSED,
    "P12": Kind.ACCOUNT_UPDATED,
    "P03": Kind.CHARGE_POSTED,
    "P11": Kind.CHARGE_POSTED,
}
# readable, because the pathway raises it; refused at the door, because nobody may send it
RAISED_BY_THE_HUB: Final = Kind.DEADLINE_BREACHED

KINDS: Final[Mapping[tuple[str, str], Kind]] = MappingProxyType(
    {(DAVINCI, code): kind for code, kind in _DAVINCI_KINDS.items()}
    | {(V2, code): kind for code, kind in _V2_KINDS.items()}
    | {(OWN, kind.value): kind for kind in Kind}
)
# Events that mean another kind where MessageHeader.meta.tag says so: table 0003 has one code for a referral and for the answer to it
TAGGED: Final[Mapping[tuple[str, str, str], Kind]] = MappingProxyType(
    {(V2, code, Kind.REFERRAL_ANSWERED.value): Kind.REFERRAL_ANSWERED for code in ("I12", "I13", "I14")}
)
# v3-ActCode of Encounter.class -> HL7 v2 table 0004
CLASSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "EMER": "E",
        "IMP": "I",
        "ACUTE": "I",
        "NONAC": "I",
        "OBSENC": "I",
        "SS": "O",
        "AMB": "O",
        "VR": "O",
        "HH": "O",
        "FLD": "O",
        "PRENC": "P",
    }
)
