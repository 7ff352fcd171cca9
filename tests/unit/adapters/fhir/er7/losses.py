"""What does not come back where it was when an HL7 v2 message has been a Bundle, and why: the only losses a round trip may have."""

from enum import StrEnum
from typing import Final

# field -> the fields of 2.5.1 that carry the same
MOVED: Final[dict[str, tuple[str, ...]]] = {
    "PID-2": ("PID-3",),
    "PID-19": ("PID-3",),  # a number that both say is told once
    "PID-4": ("PID-3",),
    "PID-6": ("PID-6",),
    "PID-9": ("PID-5",),
    "PID-12": ("PID-11",),
    "PID-20": ("PID-3",),
    "PID-39": ("PID-26",),
    "PID-14": ("PID-13",),
    "PID-40": ("PID-13", "PID-14"),
    "NK1-12": ("NK1-33",),
    "NK1-31": ("NK1-5", "NK1-6"),
    "NK1-30": ("NK1-2",),
    "NK1-32": ("NK1-4",),
    "NK1-37": ("NK1-33",),
    "NK1-40": ("NK1-5", "NK1-6"),
    "NK1-41": ("NK1-5", "NK1-6"),
    "NK1-3": ("NK1-7",),
    "NK1-5": ("NK1-6",),
    "NK1-6": ("NK1-5",),
    "PV2-13": ("PV1-8",),
    "OBR-5": ("TQ1-9",),
    "OBR-27": ("TQ1-2", "TQ1-3", "TQ1-7", "TQ1-8", "TQ1-9", "TQ1-14"),
    "OBR-15": ("SPM-4", "SPM-6", "SPM-8", "SPM-14"),
    "OBR-39": ("SPM-14", "NTE-3"),
    "OBR-47": ("OBR-46",),
    "TQ1-5": ("TQ1-3",),
    "TQ1-11": ("NTE-3",),
    "RXA-27": ("RXA-11",),
    "RXA-28": ("RXA-11",),
    "OBX-15": ("OBX-23",),
    "OBX-23": ("OBX-15",),
    "AIS-12": ("AIS-11",),
    "TQ1-10": ("RXE-7", "RXO-6"),
}

UNDER_THE_TYPE: Final = "OBX[DocumentReference]: OBX-5 alone; what a document holds is told under the document's type"


class Why(StrEnum):
    """What kind of reason there is for a leaf that does not come back."""

    NO_PLACE = "2.5.1 has no place for it"
    ONE_ELEMENT = "the guide or R4 has one element for two fields of the message"
    NO_ROW = "no row of the guide carries it in this message"
    UNTOLD = "it says nothing that may be told of the patient"


NO_PLACE, ONE_ELEMENT, NO_ROW, UNTOLD = Why
# fields that 2.5.1 has and no message of ``generated`` says -> why
ELSEWHERE: Final[dict[str, str]] = {
    "ROL-8": "the reason of a care team: told of problems (PPR), where no ROL-4 of an admission has one",
    "OBR-27": "the same elements as ORC-7, which counts first",
    **dict.fromkeys(("AIS-5", "AIG-9", "AIL-7", "AIP-7"), "a distance from the start, which becomes the moment it is (period.start)"),
}
_PL: Final = r"(PV1-(3|6|11|42|43)|PV2-1|AIL-3|RXA-27)"
_ED: Final = "a document without data: ED-5 is required in 2.5.1, and ED-1, 2 and 4 have no row"
_BOUNDS: Final = "TQ1-6, 7 and 8 say one period: the guide maps TQ1-6 where one of the others is missing"

# patterns of the message, the place and the value ("" for any), what kind of reason, reason; the first that fits counts
LOSSES: Final[tuple[tuple[str, str, str, Why, str], ...]] = (
    # 2.5.1 has no place
    ("", rf"{_PL}\.[12378]\.[23]", "", NO_PLACE, "PL-1 to 8 but 4: IS, a name without a universal id"),
    ("", r"PV1-37\.1\.[23]", "", NO_PLACE, "DLD-1: IS, a code without its name and table"),
    ("", r"PID-39\.[789]", "", NO_PLACE, "PID-26, where a tribal citizenship of 2.6 is told: CE"),
    ("", r"AL1-6\.1", "@.*", NO_PLACE, "AL1-6: DT, a day without a time"),
    ("", r"PID-18\..*", "", NO_PLACE, "PID-18: one account, no repetitions"),
    ("", r"OBX-24\..*", "", NO_PLACE, "OBX-24: one address, which is the laboratory's; of a second organisation there is none"),
    ("", r"ORC-4\.([12]\.2|2)", "", NO_PLACE, "ORC-4: EI, which has no subcomponents"),
    ("VXU.*", r"(OBX|NTE)-.*", "", NO_PLACE, "VXU_V04: no observations of the person, only of an immunization"),
    ("", r"OBX-5\.[1-4]", "App5|NS|Octet-stream|Base64|application|pdf", NO_PLACE, _ED),
    # one element
    ("", r"PID-24\.1", "N", ONE_ELEMENT, "multipleBirth[x]: PID-25 where it is said (the guide's condition of PID-24)"),
    ("", r"PID-6\..*", "", ONE_ELEMENT, "mothersMaidenName is one text (XPN[string])"),
    ("", r"PD1-14\..*", "", ONE_ELEMENT, "congregation is one text (XON[string])"),
    ("", r"SFT-1\.(6(\.[23])?|7|10)", "", ONE_ELEMENT, "Device.manufacturer is one text (XON[string])"),
    ("", r"(PID-11|NK1-4)\.9", "", ONE_ELEMENT, "Address.district is one text (CWE[string])"),
    ("", r"(PID-(13|40)|NK1-(5|40)|ORC-14)\.[1-4]", "", ONE_ELEMENT, "ContactPoint.value: of XTN-1, 4, 7 and 12 one, by XTN-3"),
    ("", r"(NK1-13|PD1-3)\.3", "", ONE_ELEMENT, "Identifier.value: XON-3 where XON-10 is not valued (the guide's condition)"),
    ("", r"PID-30\.1", "N", ONE_ELEMENT, "deceased[x]: PID-29 where it is said"),
    ("", r"PV2-22\.1", "N", ONE_ELEMENT, "Encounter.meta.security: ARV restricts the record, and the stricter label counts"),
    ("", r"(PID-(16|17)|SPM-4)\.2", "", ONE_ELEMENT, "Coding.display: the table's own name of a code that the guide maps"),
    ("", r"TQ1-6\..*", "", ONE_ELEMENT, _BOUNDS),
    ("", r"TQ1-5\..*", "", ONE_ELEMENT, "repeat.offset: TQ1-5 where TQ1-3.9 is empty (the guide's condition)"),
    ("", r"TQ1-3\.[89]", "", ONE_ELEMENT, "repeat.timeOfDay of TQ1-4 excludes repeat.when (R4 tim-10), and an offset needs that (tim-9)"),
    ("O.*", r"TQ1-9\..*", "", ONE_ELEMENT, "ServiceRequest.priority: OBR-5 says it already"),
    ("", r"OBR-6\.1", "", ONE_ELEMENT, "occurrence[x]: TQ1 says when"),
    ("", r"ORC-7\..*|OBR-27\..*|SCH-11\.[45]", "", ONE_ELEMENT, "TQ1 says it, in the same elements"),
    ("", r"OBR-(9|14|15)\..*", "", ONE_ELEMENT, "the same Specimen: SPM says it"),
    ("", r"(OBR-16|RXO-14)\..*", "", ONE_ELEMENT, "requester: ORC-12 where it is said (the guide's condition)"),
    ("RD.*", r"(TQ1-2|RXO-19)\..*", "", ONE_ELEMENT, "doseAndRate: RXE-3 and RXE-19 say the same"),
    ("RDS.*", r"(ORC-1|RXR-1)\..*", "", ONE_ELEMENT, "MedicationDispense: of the orders of one prescription each says it again"),
    ("", r"RF1-1\.[12]", "P|Pending", ONE_ELEMENT, "status of the referral: the event (an answer) says it"),
    ("", r"(PV1-36|PV1-42)\..*", "", ONE_ELEMENT, "Encounter is how the visit stands now: A13 and A26 cancel what the field says"),
    # no row
    ("", r"OBX-6\..*", "", NO_ROW, "OBX[Observation] OBX-6: IF OBX-2 IN (NA, NM), or SN"),
    ("", r"OBX-5\.[34]", "image|SD|PICT", NO_ROW, "RP-3 and 4 are one media type: 0191 has IM for image, and SD/PICT is none"),
    ("", r"DG1-21\.1", "[^D]", NO_ROW, "DG1[Condition] DG1-21: other values than D do not map to anything"),
    ("", r"SCH-9\.1", "1 s|#60", NO_ROW, "SCH[Appointment] SCH-9: if SCH-10 indicates minutes; 60 seconds are told as a minute"),
    ("", r"SCH-11\.[136]", "", NO_ROW, "TQ[Appointment]: TQ-4 and 5 alone"),
    (
        "",
        r"SCH-6\.1",
        "Add",
        NO_ROW,
        "SCH[ServiceRequest] SCH-6: a constant; R4 has a reason for cancelling only (app-4)",
    ),
    ("", r"AIS-1[12]\..*", "", NO_ROW, "SIU_S12: AIS is a ServiceRequest IF SCH-26 or SCH-27 IS VALUED"),
    ("SIU.*", r"TQ1-9\..*", "", NO_ROW, "SIU_S12: no row of TQ1"),
    ("OMG.*", r"(PV1|TQ1)-.*", "", NO_ROW, "no map of OMG_O19; an earlier result that comes with an order has no order and no visit"),
    ("VXU.*", r"(ORC-1[07]|TQ1-\d+)\..*", "", NO_ROW, "ORC[Immunization]: no row of ORC-10 and 17; VXU_V04: no row of TQ1"),
    ("", r"OBR-(7|22|25|32|35)\..*", "", NO_ROW, "a message of orders: OBR[ServiceRequest] alone, no OBR[DiagnosticReport]"),
    ("RD.*", r"ORC-29\..*", "", NO_ROW, "no map of ORC to MedicationRequest, which has no place"),
    ("MDM.*", r"OBX-(3|11)\..*", "", NO_ROW, UNDER_THE_TYPE),
    ("MDM.*", r"TXA-13\..*", "", NO_ROW, "TXA[DocumentReference]: no row of TXA-13; the hub maps what an addendum or a replacement names"),
    ("ORU.*", r"NTE-[34]\..*", "", NO_ROW, "ORU_R01: the NTE behind PID has no target"),
    ("", r"TQ1-3\.2", "[^D].*", NO_ROW, "RPT[Timing] RPT-3 and 4: IF RPT-2 = DW; other alignments have none"),
    ("", r"PID-1[34]\.9", "", NO_ROW, "XTN[ContactPoint]: no row of XTN-9"),
    ("", r"OBX-15\.[456]", "", NO_ROW, "CWE[Organization]: CWE-1 to 3 and 9 alone"),
    ("", r"OBR-34\.1\.[56]", "", NO_ROW, "NDL: a name without family name, given name and number is nobody's"),
    # nothing that may be told
    (r"ADT\^A45", r"MRG-[1347]\..*", "", UNTOLD, "whose a visit was before it was moved is in no copy"),
    ("", r"PID-7\.1", "0+", UNTOLD, "no date"),
    ("", r"PID-30\.1", "NO", UNTOLD, "no code of table 0136"),
    ("", r"PD1-4\.13", "", UNTOLD, "a type of number without a number or a name: nobody"),
)
