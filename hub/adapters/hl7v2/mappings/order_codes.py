"""Code tables of the clinical families as data: HL7 v2 table -> FHIR code.

Source: HL7 v2-to-FHIR code-system maps (hl7.fhir.uv.v2mappings 1.0.0). Where a map leaves a code out, the definitions of the v2 table and
of the FHIR code decide, or the code stays unmapped; what was added or changed is marked ``ours``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.mappings.codes import ACT_CODE, CONFIDENTIALITY, TERMINOLOGY

Table = Mapping[str, str]
SCT: Final = "http://snomed.info/sct"


def _table(pairs: dict[str, str]) -> Table:
    return MappingProxyType(pairs)


# 0119 OrderControlCode[ServiceRequest.status]. CA and HD ask for what DC asks for, which the guide maps to revoked: so they are not active
# (ours, as the guide's own note on CA says that its row is not the last word). ORC-1 itself is kept beside the status.
ORDER_CONTROL: Final = _table(
    {"AF": "active", "CA": "revoked", "CR": "revoked", "DC": "revoked", "DF": "revoked", "DR": "revoked", "FU": "completed",
     "HD": "on-hold", "HR": "on-hold", "NW": "active", "OC": "revoked", "OD": "revoked", "OH": "on-hold", "OK": "active", "PR": "active",
     "PY": "active", "RL": "active", "RO": "active", "RQ": "active"}
)  # fmt: skip
ORDER_STATUS: Final = _table(  # 0038 OrderStatus; "A" (some results are there) is ours. Wins over the order control
    {"A": "active", "CA": "revoked", "CM": "completed", "DC": "revoked", "ER": "entered-in-error", "HD": "on-hold", "IP": "active",
     "RP": "revoked", "SC": "active"}
)  # fmt: skip
MEDICATION_STATUS: Final = _table(  # 0038 and 0119 for MedicationRequest, which tells "cancelled" (never begun) from "stopped": ours
    {"CA": "cancelled", "CM": "completed", "DC": "stopped", "ER": "entered-in-error", "HD": "on-hold", "IP": "active", "RP": "stopped",
     "SC": "active", "A": "active", "AF": "active", "CR": "cancelled", "DF": "cancelled", "DR": "stopped", "FU": "completed",
     "HR": "on-hold", "NW": "active", "OC": "cancelled", "OD": "stopped", "OH": "on-hold", "OK": "active", "PY": "active", "RE": "active",
     "RL": "active", "RO": "active", "RQ": "active", "XO": "active", "XR": "active"}
)  # fmt: skip
DISPENSE_STATUS: Final = _table(  # 0038 and 0119 for MedicationDispense: ours
    {"CA": "cancelled", "CM": "completed", "CR": "cancelled", "DC": "stopped", "DR": "stopped", "ER": "entered-in-error", "HD": "on-hold",
     "IP": "in-progress", "OC": "cancelled", "OD": "stopped", "OH": "on-hold", "SC": "preparation"}
)  # fmt: skip
PRIORITY: Final = _table({"S": "stat", "A": "asap", "R": "routine", "T": "urgent"})  # 0485 ExtendedPriorityCodes, 0027; T is ours
REPORT_STATUS: Final = _table(  # 0123 ResultStatus[Non-Queries]; A, M and N are ours
    {"A": "partial", "C": "corrected", "F": "final", "I": "registered", "M": "preliminary", "N": "registered", "O": "registered",
     "P": "preliminary", "R": "partial", "S": "registered", "X": "cancelled"}
)  # fmt: skip
RESULT_STATUS: Final = _table(  # 0085 ObservationResultStatusCodesInterpretation; B, I, O, R, U and V are ours
    {"A": "amended", "B": "amended", "C": "corrected", "D": "entered-in-error", "F": "final", "I": "registered", "O": "registered",
     "P": "preliminary", "R": "preliminary", "U": "final", "V": "final", "W": "entered-in-error", "X": "cancelled"}
)  # fmt: skip
RESULT_STATUS_SAME: Final = frozenset("ACDFP")  # the FHIR status alone says which 0085 code it was
INTERPRETATIONS: Final = frozenset(  # 0078 InterpretationCodes: those that v3-ObservationInterpretation has too
    {"<", ">", "A", "AA", "B", "CAR", "D", "DET", "E", "EX", "EXP", "H", "HH", "HU", "HX", "I", "IE", "IND", "L", "LL", "LU", "LX", "N",
     "NCL", "ND", "NEG", "NR", "NS", "POS", "R", "RR", "S", "SDD", "SYN-R", "SYN-S", "U", "UNE", "W", "WR"}
)  # fmt: skip
AVAILABILITY: Final = _table({"Y": "available", "N": "unavailable"})  # 0136 YesNoIndicator[AvailabilityStatus]
ORDER_TYPE: Final = _table({"I": "HOSP", "O": "OF"})  # 0482 OrderType -> v3-RoleCode
DOCUMENT_STATUS: Final = _table(  # 0271; the guide has no map: ours
    {"DI": "preliminary", "DO": "preliminary", "IN": "preliminary", "IP": "preliminary", "PA": "preliminary", "AU": "final", "LA": "final"}
)
DOCUMENT_CURRENT: Final = _table({"AV": "current", "CA": "entered-in-error", "OB": "superseded", "UN": "current"})  # 0273; all but AV ours
APPOINTMENT_STATUS: Final = _table(  # 0278 FillerStatusCodes[Appointment], in lower case without blanks
    {"pending": "pending", "waitlist": "waitlist", "booked": "booked", "started": "checked-in", "complete": "fulfilled",
     "cancelled": "cancelled", "canceled": "cancelled", "deleted": "entered-in-error", "noshow": "noshow"}
)  # fmt: skip
APPOINTMENT_EVENT: Final = _table(  # 0003: what the event made of it: ours
    {"S12": "booked", "S13": "booked", "S14": "booked", "S15": "cancelled", "S16": "cancelled", "S17": "entered-in-error", "S26": "noshow"}
)
APPOINTMENT_ORDER: Final = _table(  # 0278 for the ServiceRequest behind an appointment, whose statuses are others than Appointment's: ours
    {"complete": "completed", "cancelled": "revoked", "canceled": "revoked", "deleted": "entered-in-error", "discontinued": "revoked"}
)
PARTICIPATION: Final = _table(  # 0278 for one who takes part: ours
    {"pending": "tentative", "waitlist": "tentative", "booked": "accepted", "started": "accepted", "complete": "accepted",
     "cancelled": "declined", "canceled": "declined", "deleted": "declined", "discontinued": "declined", "noshow": "declined"}
)  # fmt: skip
APPOINTMENT_REASON: Final = _table(  # 0276 AppointmentReasonCodes -> SNOMED CT
    {"ROUTINE": "3780001", "CHECKUP": "866149003", "FOLLOWUP": "185389009", "EMERGENCY": "373110003"}
)
REFERRAL_STATUS: Final = _table({"A": "active", "P": "active", "R": "revoked", "E": "revoked"})  # 0283: ours, the guide has no RF1
COMPLETION: Final = _table({"CP": "completed", "RE": "not-done", "NA": "not-done", "PA": "completed"})  # 0322 CompletionStatus
ROUTE: Final = _table(  # 0162 RouteOfAdministration -> v3-RouteOfAdministration; the others stay v2 codes
    {"ID": "IDINJ", "IM": "IM", "IV": "IVINJ", "PO": "PO", "SC": "SQ", "TD": "TRNSDERM"}
)
COLLECTION: Final = _table({"BIO": "129314006", "SCRAPS": "129323009"})  # 0488 SpecimenCollectionMethod -> SNOMED CT; the others stay v2
METHOD: Final = _table(  # 0165 AdministrationMethod -> SNOMED CT
    {"CH": "419747000", "DI": "421682005", "IS": "421257003", "SH": "420606003", "WA": "422152000"}
)
SENSITIVITY: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(  # 0177 ConfidentialityCode -> system, code; PSY, HIV are ActCodes
    {"V": (CONFIDENTIALITY, "V"), "R": (CONFIDENTIALITY, "R"), "EMP": (ACT_CODE, "EMP"), "PSY": (ACT_CODE, "PSY"),
     "AID": (ACT_CODE, "HIV"), "HIV": (ACT_CODE, "HIV"), "ETH": (ACT_CODE, "ETHUD"), "U": (f"{TERMINOLOGY}v2-0177", "U"),
     "UWM": (f"{TERMINOLOGY}v2-0177", "UWM"), "VIP": (f"{TERMINOLOGY}v2-0177", "VIP")}
)  # fmt: skip
TIME_UNITS: Final = _table(  # as senders write them (UCUM, ISO+, ANS+, English, Norwegian) -> FHIR UnitsOfTime
    {"s": "s", "sec": "s", "second": "s", "seconds": "s", "min": "min", "minute": "min", "minutes": "min", "m": "min", "minutter": "min",
     "h": "h", "hr": "h", "hour": "h", "hours": "h", "t": "h", "time": "h", "timer": "h", "d": "d", "day": "d", "days": "d", "dag": "d",
     "dager": "d", "døgn": "d", "wk": "wk", "w": "wk", "week": "wk", "weeks": "wk", "uke": "wk", "uker": "wk", "mo": "mo", "mon": "mo",
     "month": "mo", "months": "mo", "måned": "mo", "måneder": "mo", "a": "a", "ann": "a", "yr": "a", "year": "a", "years": "a", "år": "a"}
)  # fmt: skip
REPEATS: Final = _table(  # 0335 RepeatPattern: codes of v3-GTSAbbreviation, others stay v2 codes
    {"BID": "BID", "TID": "TID", "QID": "QID", "QOD": "QOD", "Q1H": "Q1H", "Q2H": "Q2H", "Q3H": "Q3H", "Q4H": "Q4H", "Q6H": "Q6H",
     "Q8H": "Q8H", "Q1D": "QD", "QD": "QD", "Q1W": "WK", "Q1L": "MO", "AM": "AM", "PM": "PM", "BED": "BED"}
)  # fmt: skip
MEALS: Final = frozenset(  # 0528 EventRelatedPeriod: the codes of v3-TimingEvent that FHIR takes for Timing.repeat.when
    {"HS", "WAKE", "C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"}
)
