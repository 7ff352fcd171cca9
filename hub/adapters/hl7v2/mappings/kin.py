"""Who belongs to the patient: NK1 as RelatedPerson and Patient.contact, the mother of PID-21."""

from typing import Final

from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, coded
from hub.adapters.hl7v2.mappings.languages import language
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply, prune
from hub.adapters.hl7v2.mappings.times import date, date_time

_CONTACT: Final = frozenset({"EMR", "E", "F", "I", "S"})  # NK1-3 (0131): a contact only; every other code is a relation too
_CONTACT_ELEMENTS: Final = ("relationship", "telecom", "gender", "period")
_REACHABLE: Final = ("name", "telecom", "address")  # R4 pat-1: a contact says one of these, or names an organisation
_PERSONAL: Final = ("name", "telecom", "address", "identifier")  # without any of them a relation is to nobody
_MOTHER: Final = [{"coding": [{"system": f"{codes.TERMINOLOGY}v3-RoleCode", "code": "MTH", "display": "mother"}]}]


def _date(raw: str, t: Text) -> str:
    return date(datatypes.leaf(raw, t))


def _born(raw: str, t: Text) -> Json:
    whole = date_time(t.at(datatypes.leaf(raw, t)))
    return {"extension": [datatypes.extension("patient-birthTime", "valueDateTime", whole)]} if len(whole) > 10 else {}


def _work(raw: str, t: Text) -> Json:
    contact = datatypes.xtn(raw, t)
    return {"use": "work"} | contact if contact else {}


def _language(raw: str, t: Text) -> Json:
    concept = language(raw, t)
    return {"language": concept} if concept else {}


def _security_number(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    return {"value": text, "type": datatypes.identifier_type("SS")} if text else {}


NK1: Final[Rows] = (
    Row(2, "name", datatypes.xpn, many=True),
    Row(2, "name", datatypes.nickname, many=True),
    Row(3, "relationship", coded("Relationship"), many=True),
    Row(4, "address", datatypes.xad, many=True),
    Row(5, "telecom", datatypes.xtn, many=True),
    Row(6, "telecom", _work, many=True),
    Row(7, "relationship", coded("ContactRole"), many=True),
    Row(8, "period.start", datatypes.moment),
    Row(9, "period.end", datatypes.moment),
    Row(12, "identifier", datatypes.cx, many=True),
    Row(15, "gender", datatypes.mapped(codes.GENDER)),
    Row(16, "birthDate", _date),
    Row(16, "_birthDate", _born),
    Row(20, "communication", _language, many=True),
    Row(33, "identifier", datatypes.cx, many=True),
    Row(37, "identifier", _security_number, many=True),
    Row(40, "telecom", datatypes.xtn, many=True),
    Row(41, "telecom", datatypes.xtn, many=True),
)
# whom to reach at an organisation that is next of kin (NK1-13); of a person these are more names and ways to reach them
_REACHED: Final[Rows] = (
    Row(30, "name", datatypes.xpn, many=True),
    Row(31, "telecom", datatypes.xtn, many=True),
    Row(32, "address", datatypes.xad, many=True),
)
_ORGANISATION: Final[Rows] = (Link(13, "organization", actors.xon, many=False),)


def next_of_kin(draft: Draft, patient: Json, reference: Json) -> None:
    """Each NK1 is a contact of the patient, and, unless it is no more than that, a RelatedPerson."""
    for n, nk1 in enumerate(draft.content.segments("NK1")):
        place = f"NK1[{n}]"
        made = prune(apply(NK1, nk1, {}, draft, place))
        reached = apply(_REACHED, nk1, {}, draft, place) if len(nk1.fields) > 30 else {}
        organisation = _organisation(draft, nk1.field(13), reached, place) if nk1.field(13) else {}
        if organisation or not made.keys().isdisjoint(_REACHABLE):
            patient.setdefault("contact", []).append(_contact(made, organisation))
        person = made if organisation and not made.get("name") else _with(made, reached)
        if not person.keys().isdisjoint(_PERSONAL) and datatypes.leaf(nk1.field(3), draft.text) not in _CONTACT:
            draft.add(place, {"resourceType": "RelatedPerson", "patient": reference, **person})


def _with(made: Json, reached: Json) -> Json:
    return made | {key: [*made.get(key, ()), *values] for key, values in reached.items()}


def _contact(made: Json, organisation: Json) -> Json:
    """As Patient.contact, which has one name and one address, and neither birth date nor identifier."""
    out: Json = {key: made[key] for key in _CONTACT_ELEMENTS if key in made}
    for key in ("name", "address"):
        if key in made:
            out[key] = made[key][0]
    if organisation:
        out["organization"] = organisation
    return out


def _organisation(draft: Draft, raw: str, reached: Json, place: str) -> Json:
    if not reached:
        return draft.linked(actors.xon, raw, f"{place}-13")
    made = actors.xon(raw, draft.text)
    size = max((len(values) for key, values in reached.items() if key != "telecom"), default=1)
    contacts = [{key: values[n] for key, values in reached.items() if key != "telecom" and n < len(values)} for n in range(size)]
    if "telecom" in reached:
        contacts[0]["telecom"] = reached["telecom"]
    return draft.add(f"{place}-13", made | {"contact": contacts}) if made else {}


def mother(draft: Draft, field: str, reference: Json) -> None:
    """PID-21: the mother, known by a number."""
    for n, raw in enumerate(draft.text.repetitions(field)):
        number = datatypes.cx(raw, draft.text)
        if number:
            draft.add(
                f"PID-21[{n}]", {"resourceType": "RelatedPerson", "identifier": [number], "patient": reference, "relationship": _MOTHER}
            )
