"""The messages of the day as literal templates. ``CLINICAL`` is in every one that has clinical content, so that it can be looked for."""

from types import MappingProxyType
from typing import Final

from hub.demo.people import CODECS, Person

CLINICAL: Final = "pneumoni"

_MSH: Final = "MSH|^~\\&|{application}|{sender}|HUB|{to}|{now}||{type}|{control_id}|P|2.5.1|||||NOR|{charset}\r"
_PID: Final = "PID|1||{number}^^^NOR^NI~{mrn}^^^STOLAV^MR||{family}^{given}||{born}|{sex}|||{address}||^PRN^CP^^^^+4790000000\rPD1|||{gp}\r"
_PV1: Final = "PV1|1|{cls}|{ward}^101^1^STOLAV|{urgency}||||||MED||||||||{cls}|{episode}^^^STOLAV^VN|||||||||||||||||||||||||{now}\r"
_WHY: Final = "PV2|||^Mistanke om pneumoni\rDG1|1||J18.9^Uspesifisert pneumoni^ICD-10||{now}|A\r"
_EVN: Final = "EVN||{now}\r"

_ADT: Final = _MSH + _EVN + _PID + _PV1
_LAB: Final = (
    "OBR|1|{episode}-1|L{episode}|CRP^Inflammasjonsprøver^L|||{now}||||||Spørsmål: pneumoni?\r"
    "OBX|1|NM|1988-5^CRP^LN||182|mg/L|<5|HH|||F|||{now}\r"
    "OBX|2|TX|18748-4^Røntgen thorax^LN||Fortetning basalt på høyre side, forenlig med pneumoni.||||||F|||{now}\r"
)
_NOTE: Final = (
    "TXA|1|DS^Epikrise|TX|{now}||{now}|||||{episode}-EPI|||||AU\r"
    "OBX|1|TX|18842-5^Epikrise^LN||Innlagt med pneumoni. Behandlet med antibiotika, i bedring. Følges opp av fastlegen.||||||F\r"
)
_REFERRAL: Final = (
    "RF1|P^Pending^HL70283|R^Routine^HL70280|MED^Medical^HL70281||{family}-{episode}|{episode}|{now}\r"
    "PRD|RP|Hågensen^Aud|Torggata 8^^Hommelvik^^7550^NOR||||999001025^ENH\r"
)
_BOOKING: Final = (
    "SCH|{episode}^STOLAV|||||ROUTINE^Poliklinikk^HL70276|Kontroll|NORMAL||30|min|^^30^{now}^{now}|"
    "||||Hågensen^Aud||||Planlegger||||||BOOKED\r"
)

TEMPLATES: Final = MappingProxyType(
    {
        "ADT^A01^ADT_A01": _ADT + _WHY,
        "ADT^A02^ADT_A02": _ADT + "PV2|||^Mistanke om pneumoni\r",
        "ADT^A03^ADT_A03": _ADT + _WHY,
        "ADT^A04^ADT_A01": _ADT,
        "ADT^A05^ADT_A05": _ADT + _WHY,
        "ADT^A08^ADT_A01": _ADT + _WHY,
        "ADT^A11^ADT_A09": _ADT + _WHY,
        "ADT^A16^ADT_A16": _ADT + _WHY,
        "ADT^A40^ADT_A39": _MSH + _EVN + _PID + "MRG|{merged}^^^STOLAV^MR\r" + "PV1|1|E|AKUTT^1^1^STOLAV\r",
        "ORU^R01^ORU_R01": _MSH + _PID + _PV1 + _LAB,
        "MDM^T02^MDM_T02": _MSH + _EVN + _PID + _PV1 + _NOTE,
        "REF^I12^REF_I12": _MSH + _REFERRAL + _PID + "DG1|1||J18.9^Mulig pneumoni^ICD-10||{now}|A\r",
        "SIU^S12^SIU_S12": _MSH + _BOOKING + _PID + _PV1 + "RGS|1\rAIL|1||POLI^1^1^STOLAV\r",
    }
)
HAS_CLINICAL: Final = frozenset(name for name, text in TEMPLATES.items() if CLINICAL in text)


def build(type_: str, person: Person, **fields: str) -> bytes:
    """One message, in the bytes its MSH-18 says. ``fields`` are the template's others: sender, to, control_id, episode, ward, ..."""
    values = {
        "application": "DIPS", "cls": "I", "urgency": "E", "type": type_, "charset": person.charset, "number": person.number,
        "family": person.family, "given": person.given, "born": person.born, "sex": person.sex, "address": person.address, "gp": person.gp,
    }  # fmt: skip
    return TEMPLATES[type_].format(**(values | fields)).encode(CODECS[person.charset])


def build_unknown(person: Person, **fields: str) -> bytes:
    """The arrival of somebody nobody knows yet: a temporary number, no name, no address."""
    text = TEMPLATES["ADT^A04^ADT_A01"].replace("{number}^^^NOR^NI~{mrn}", "{mrn}").replace("PD1|||{gp}\r", "")
    values = {"application": "DIPS", "cls": "E", "urgency": "E", "type": "ADT^A04^ADT_A01", "charset": person.charset}
    nobody = {"family": "Ukjent", "given": "", "born": "", "sex": person.sex, "address": ""}
    return text.format(**(values | nobody | fields)).encode(CODECS[person.charset])
