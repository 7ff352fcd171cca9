"""Code tables of the clinical families: HL7 v2 table -> FHIR code.

Source: HL7 v2-to-FHIR code-system maps (hl7.fhir.uv.v2mappings 1.0.0), as ``tables`` holds them. Where a map leaves a code out, the
definitions of the v2 table and of the FHIR code decide, or the code stays unmapped; what was added or changed stands beside each table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.mappings.codes import ACT_CODE, Table
from hub.adapters.hl7v2.mappings.tables import TABLES, plain


def _table(pairs: dict[str, str]) -> Table:
    return MappingProxyType(pairs)


ORDER_CONTROL: Final = _table(  # 0119; ORC-1 itself is kept beside the status
    plain("OrderControlCode[ServiceRequest.status]")
    | {"CA": "revoked", "HD": "on-hold"}  # they ask for what DC asks for, which the guide maps to revoked: so they are not active
)
ORDER_STATUS: Final = _table(  # 0038; wins over the order control
    plain("OrderStatus") | {"A": "active"}  # some, but not all, results are there
)
ORDER_STATUS_SAID: Final = frozenset({"CA", "CM", "DC", "ER", "HD"})  # what the FHIR status says by itself
MEDICATION_STATUS: Final = _table(  # 0038 and 0119 for MedicationRequest, which tells "cancelled" (never begun) from "stopped"; no map
    {"CA": "cancelled", "CM": "completed", "DC": "stopped", "ER": "entered-in-error", "HD": "on-hold", "IP": "active", "RP": "stopped",
     "SC": "active", "A": "active", "AF": "active", "CR": "cancelled", "DF": "cancelled", "DR": "stopped", "FU": "completed",
     "HR": "on-hold", "NW": "active", "OC": "cancelled", "OD": "stopped", "OH": "on-hold", "OK": "active", "PY": "active", "RE": "active",
     "RL": "active", "RO": "active", "RQ": "active", "XO": "active", "XR": "active"}
)  # fmt: skip
DISPENSE_STATUS: Final = _table(  # 0038 and 0119 for MedicationDispense; no map
    {"CA": "cancelled", "CM": "completed", "CR": "cancelled", "DC": "stopped", "DR": "stopped", "ER": "entered-in-error", "HD": "on-hold",
     "IP": "in-progress", "OC": "cancelled", "OD": "stopped", "OH": "on-hold", "SC": "preparation"}
)  # fmt: skip
PRIORITY: Final = _table(plain("ExtendedPriorityCodes") | {"T": "urgent"})  # 0485, 0027; timing critical
REPORT_STATUS: Final = _table(  # 0123
    plain("ResultStatus[Non-Queries]")
    | {"A": "partial", "M": "preliminary", "N": "registered"}  # some results are there; corrected, not final; done, results pending
)
RESULT_STATUS: Final = _table(  # 0085
    plain("ObservationResultStatusCodesInterpretation")
    | {"B": "amended", "U": "final", "V": "final"}  # appended to; become final; final and verified
    | {"I": "registered", "O": "registered", "R": "preliminary"}  # in the laboratory; ordered; entered, not verified
)
RESULT_STATUS_SAME: Final = frozenset("ACDFP")  # the FHIR status alone says which 0085 code it was
DOCUMENT_STATUS: Final = _table(  # 0271; no map
    {"DI": "preliminary", "DO": "preliminary", "IN": "preliminary", "IP": "preliminary", "PA": "preliminary", "AU": "final", "LA": "final"}
)
DOCUMENT_CURRENT: Final = _table({"AV": "current", "CA": "entered-in-error", "OB": "superseded", "UN": "current"})  # 0273; AV is mapped
APPOINTMENT_STATUS: Final = _table(  # 0278, in lower case without blanks
    {code.lower(): status for code, status in plain("FillerStatusCodes[Appointment]").items()}
    | {"canceled": "cancelled", "dc": "cancelled"}  # Dc: discontinued, no map
)
APPOINTMENT_STATUS_SAID: Final = frozenset(  # what the FHIR status says by itself
    {"Pending", "Booked", "Started", "Complete", "Cancelled", "Noshow", "Deleted", "Waitlist"}
)
APPOINTMENT_EVENT: Final = _table(  # 0003: what the event made of it; no map
    {"S12": "booked", "S13": "booked", "S14": "booked", "S15": "cancelled", "S16": "cancelled", "S17": "entered-in-error", "S26": "noshow"}
)
APPOINTMENT_ORDER: Final = _table(  # 0278 for the ServiceRequest behind an appointment, whose statuses are others than Appointment's
    {"complete": "completed", "cancelled": "revoked", "canceled": "revoked", "deleted": "entered-in-error", "discontinued": "revoked",
     "dc": "revoked"}
)  # fmt: skip
PARTICIPATION: Final = _table(  # 0278 for one who takes part; no map
    {"pending": "tentative", "waitlist": "tentative", "booked": "accepted", "started": "accepted", "complete": "accepted",
     "cancelled": "declined", "canceled": "declined", "deleted": "declined", "discontinued": "declined", "dc": "declined",
     "noshow": "declined"}
)  # fmt: skip
REFERRAL_STATUS: Final = _table({"A": "active", "P": "active", "R": "revoked", "E": "revoked"})  # 0283; no map
COMPLETION: Final = _table(plain("CompletionStatus"))  # 0322
AVAILABILITY: Final = _table(plain("YesNoIndicator[AvailabilityStatus]"))  # 0136
SENSITIVITY: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(  # 0177 -> system, code
    {code: (found.system, found.code) for code, found in TABLES["ConfidentialityCode"].codes.items()}
    | {"PSY": (ACT_CODE, "PSY"), "HIV": (ACT_CODE, "HIV"), "AID": (ACT_CODE, "HIV")}  # they are ActCodes, not v3-Confidentiality's
)
TIME_UNITS: Final = _table(  # as senders write them (UCUM, ISO+, ANS+, English, Norwegian) -> FHIR UnitsOfTime
    {"s": "s", "sec": "s", "second": "s", "seconds": "s", "min": "min", "minute": "min", "minutes": "min", "m": "min", "minutter": "min",
     "h": "h", "hr": "h", "hour": "h", "hours": "h", "t": "h", "time": "h", "timer": "h", "d": "d", "day": "d", "days": "d", "dag": "d",
     "dager": "d", "døgn": "d", "wk": "wk", "w": "wk", "week": "wk", "weeks": "wk", "uke": "wk", "uker": "wk", "mo": "mo", "mon": "mo",
     "month": "mo", "months": "mo", "måned": "mo", "måneder": "mo", "a": "a", "ann": "a", "yr": "a", "year": "a", "years": "a", "år": "a"}
)  # fmt: skip
REPEATS: Final = _table(  # 0335: codes of v3-GTSAbbreviation, the others stay v2 codes; the counted ones are the guide's too, said in words
    {code: found.code for code, found in TABLES["RepeatPattern"].codes.items() if found.system.endswith("v3-GTSAbbreviation")}
    | {"Q1H": "Q1H", "Q2H": "Q2H", "Q3H": "Q3H", "Q4H": "Q4H", "Q6H": "Q6H", "Q8H": "Q8H", "Q1D": "QD", "QD": "QD", "Q1W": "WK",
       "Q1L": "MO",
       "AM": "AM", "PM": "PM", "BED": "BED"}
)  # fmt: skip
MEALS: Final = frozenset(  # 0528: the codes of v3-TimingEvent that FHIR takes for Timing.repeat.when
    {"HS", "WAKE", "C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"}
)
DURING: Final = frozenset({"C", "CM", "CD", "CV"})  # ... of which these are meals themselves, not before or after
