"""Which HL7 v2.5.1 message says what a FHIR message says: type, trigger event and structure (tables 0003 and 0354).

A sender that gives the event as a v2 code has said it itself; otherwise the kind of event decides, and where a kind has several
triggers, what the resources say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hub.adapters.fhir.document import obj, objects, text
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.datatypes import codings
from hub.adapters.fhir.mappings import KINDS, TAGGED, V2
from hub.adapters.fhir.message import event_code
from hub.errors import Reason, Rejected
from hub.model import Kind

STRUCTURES: Final[Mapping[str, str]] = MappingProxyType(
    {"ADT^A01": "ADT_A01", "ADT^A02": "ADT_A02", "ADT^A03": "ADT_A03", "ADT^A04": "ADT_A01", "ADT^A05": "ADT_A05", "ADT^A06": "ADT_A06",
     "ADT^A07": "ADT_A06", "ADT^A08": "ADT_A01", "ADT^A09": "ADT_A09", "ADT^A10": "ADT_A09", "ADT^A11": "ADT_A09", "ADT^A12": "ADT_A12",
     "ADT^A13": "ADT_A01", "ADT^A14": "ADT_A05", "ADT^A15": "ADT_A15", "ADT^A16": "ADT_A16", "ADT^A18": "ADT_A18", "ADT^A21": "ADT_A21",
     "ADT^A22": "ADT_A21", "ADT^A23": "ADT_A21", "ADT^A24": "ADT_A24", "ADT^A25": "ADT_A21", "ADT^A26": "ADT_A21", "ADT^A27": "ADT_A21",
     "ADT^A28": "ADT_A05", "ADT^A29": "ADT_A21", "ADT^A31": "ADT_A05", "ADT^A34": "ADT_A30", "ADT^A37": "ADT_A37", "ADT^A38": "ADT_A38",
     "ADT^A39": "ADT_A39", "ADT^A40": "ADT_A39", "ADT^A41": "ADT_A39", "ADT^A45": "ADT_A45", "ADT^A47": "ADT_A30", "ADT^A60": "ADT_A60",
     "ORU^R01": "ORU_R01",
     "MDM^T01": "MDM_T01", "MDM^T02": "MDM_T02", "MDM^T03": "MDM_T01", "MDM^T04": "MDM_T02", "MDM^T05": "MDM_T01", "MDM^T06": "MDM_T02",
     "MDM^T07": "MDM_T01", "MDM^T08": "MDM_T02", "MDM^T09": "MDM_T01", "MDM^T10": "MDM_T02", "MDM^T11": "MDM_T01",
     "REF^I12": "REF_I12", "REF^I13": "REF_I12", "REF^I14": "REF_I12", "RRI^I12": "RRI_I12", "RRI^I13": "RRI_I12", "RRI^I14": "RRI_I12",
     "SIU^S12": "SIU_S12", "SIU^S13": "SIU_S12", "SIU^S14": "SIU_S12", "SIU^S15": "SIU_S12", "SIU^S16": "SIU_S12", "SIU^S17": "SIU_S12",
     "SIU^S26": "SIU_S12",
     "ORM^O01": "ORM_O01", "OML^O21": "OML_O21", "OMG^O19": "OMG_O19", "RDE^O11": "RDE_O11", "RDE^O25": "RDE_O11", "RDS^O13": "RDS_O13",
     "VXU^V04": "VXU_V04", "PPR^PC1": "PPR_PC1", "PPR^PC2": "PPR_PC1", "PPR^PC3": "PPR_PC1"}
)  # fmt: skip
_WITH_CONTENT: Final[Mapping[str, str]] = MappingProxyType({"T01": "T02", "T03": "T04", "T05": "T06", "T07": "T08", "T09": "T10"})
_LABORATORY: Final = frozenset({"LAB", "108252007", "laboratory", "15220000"})  # v2-0074, SNOMED CT, observation-category


@dataclass(frozen=True, slots=True)
class Trigger:
    """MSH-9."""

    type: str  # "ADT"
    event: str  # "A01"
    structure: str  # "ADT_A01"


def _class_changed(copy: Copy) -> str:
    return "ADT^A07" if copy.event.encounter_class in {"O", "E"} else "ADT^A06"


def _updated(copy: Copy) -> str:
    return "ADT^A08" if copy.visit else "ADT^A31"


def _deleted(copy: Copy) -> str:
    return "ADT^A23" if copy.visit else "ADT^A29"


def _published(copy: Copy) -> str:
    """What became of the document: withdrawn, replaced, added to, edited, or new; with its content unless there is none."""
    documents = copy.focus("DocumentReference")
    document = documents[0] if documents else {}
    relations = {text(r.get("code")) for r in objects(document.get("relatesTo"))}
    if "entered-in-error" in {text(document.get("status")), text(document.get("docStatus"))}:
        return "MDM^T11"
    plain = "T09" if "replaces" in relations else "T05" if "appends" in relations else "T01"
    if plain == "T01" and text(document.get("docStatus")) == "amended":
        plain = "T07"
    files = [obj(c.get("attachment")) for c in objects(document.get("content"))]
    has_content = any(text(f.get("data")) or text(f.get("url")) for f in files) or bool(copy.entries.of("Observation"))
    return f"MDM^{_WITH_CONTENT[plain] if has_content else plain}"


def _cancelled(copy: Copy) -> str:
    deleted = any(text(a.get("status")) == "entered-in-error" for a in copy.focus("Appointment"))
    return "SIU^S17" if deleted else "SIU^S15"


def _ordered(copy: Copy) -> str:
    """An order for a laboratory, or any other."""
    orders = copy.focus("ServiceRequest")
    if not orders and copy.focus("MedicationRequest"):
        return "RDE^O11"
    given = {text(c.get("code")) for o in orders for concept in objects(o.get("category")) for c in codings(concept)}
    return "OML^O21" if given & _LABORATORY or copy.entries.of("Specimen") else "OMG^O19"


TRIGGERS: Final[Mapping[Kind, str | Callable[[Copy], str]]] = MappingProxyType(  # kinds that are not here have no v2 form
    {
        Kind.ADMITTED: "ADT^A01",
        Kind.REGISTERED: "ADT^A04",
        Kind.PREADMITTED: "ADT^A05",
        Kind.TRANSFERRED: "ADT^A02",
        Kind.CLASS_CHANGED: _class_changed,
        Kind.UPDATED: _updated,
        Kind.DISCHARGED: "ADT^A03",
        Kind.READY_FOR_DISCHARGE: "ADT^A16",
        Kind.NOT_READY_FOR_DISCHARGE: "ADT^A25",
        Kind.DEPARTED: "ADT^A09",
        Kind.ARRIVED: "ADT^A10",
        Kind.DELETED: _deleted,
        Kind.MERGED: "ADT^A40",
        Kind.LINKED: "ADT^A24",
        Kind.UNLINKED: "ADT^A37",
        Kind.ADMISSION_PLANNED: "ADT^A14",
        Kind.ADMISSION_PLAN_CANCELLED: "ADT^A27",
        Kind.ADMISSION_CANCELLED: "ADT^A11",
        Kind.PREADMISSION_CANCELLED: "ADT^A38",
        Kind.TRANSFER_PLANNED: "ADT^A15",
        Kind.TRANSFER_PLAN_CANCELLED: "ADT^A26",
        Kind.TRANSFER_CANCELLED: "ADT^A12",
        Kind.DISCHARGE_CANCELLED: "ADT^A13",
        Kind.LEAVE_STARTED: "ADT^A21",
        Kind.LEAVE_ENDED: "ADT^A22",
        Kind.ENCOUNTER_MOVED: "ADT^A45",
        Kind.ALLERGIES_UPDATED: "ADT^A60",
        Kind.OBSERVATION_REPORTED: "ORU^R01",
        Kind.DOCUMENT_PUBLISHED: _published,
        Kind.REFERRAL_SENT: "REF^I12",
        Kind.REFERRAL_UPDATED: "REF^I13",
        Kind.REFERRAL_CANCELLED: "REF^I14",
        Kind.REFERRAL_ANSWERED: "RRI^I12",
        Kind.ORDER_PLACED: _ordered,
        Kind.MEDICATION_ORDERED: "RDE^O11",
        Kind.MEDICATION_DISPENSED: "RDS^O13",
        Kind.IMMUNIZATION_RECORDED: "VXU^V04",
        Kind.PROBLEM_ADDED: "PPR^PC1",
        Kind.PROBLEM_UPDATED: "PPR^PC2",
        Kind.PROBLEM_DELETED: "PPR^PC3",
        Kind.APPOINTMENT_BOOKED: "SIU^S12",
        Kind.APPOINTMENT_RESCHEDULED: "SIU^S13",
        Kind.APPOINTMENT_UPDATED: "SIU^S14",
        Kind.APPOINTMENT_CANCELLED: _cancelled,
        Kind.APPOINTMENT_MISSED: "SIU^S26",
    }
)


def trigger_of(copy: Copy) -> Trigger:
    """MSH-9 of a message. Raises Rejected(NO_TRANSLATION) for kinds that have no v2 form."""
    chosen = TRIGGERS.get(copy.event.kind)
    if chosen is None:
        raise Rejected(Reason.NO_TRANSLATION)
    said = _said(copy)
    name = said or (chosen if isinstance(chosen, str) else chosen(copy))
    kind, _, event = name.partition("^")
    return Trigger(kind, event, STRUCTURES[name])


def _said(copy: Copy) -> str:
    """The v2 event the header names, as "ADT^A31", if the kind is what it means; "" otherwise."""
    system, code = event_code(copy.message.header)
    if (system, code, copy.event.kind.value) in TAGGED:
        return f"RRI^{code}"
    if system != V2 or KINDS.get((system, code)) is not copy.event.kind:
        return ""
    return next((name for name in STRUCTURES if name.endswith(f"^{code}") and not name.startswith("RRI")), "")
