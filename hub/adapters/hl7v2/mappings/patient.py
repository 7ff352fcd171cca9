"""Patient, and what is the patient's: PID, PD1, the record that MRG retires."""

from collections.abc import Callable
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, kin
from hub.adapters.hl7v2.mappings.content import Content, Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json, coded, extension, table_concept
from hub.adapters.hl7v2.mappings.languages import language
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import date, date_time
from hub.model import Identifier

_LIVING_WILL: Final = {"coding": [{"system": "http://loinc.org", "code": "75320-2"}]}


def _date(raw: str, t: Text) -> str:
    return date(datatypes.leaf(raw, t))


def _extended(name: str, key: str, make: Callable[[str, Text], Any]) -> Callable[[str, Text], Json]:
    """An extension of Patient whose value a maker makes; the URL is written once."""
    url = EXTENSION + name
    return lambda raw, t: {"url": url, key: value} if (value := make(raw, t)) else {}


def _nested(name: str, inner: str, make: Callable[[str, Text], Json]) -> Callable[[str, Text], Json]:
    """As ``_extended`` for the extensions that hold their value one deeper."""
    url = EXTENSION + name
    return lambda raw, t: (
        {"url": url, "extension": [{"url": inner, "valueCodeableConcept": value}]} if (value := make(raw, t)) else {}
    )  # fmt: skip


def _full_name(raw: str, t: Text) -> str:
    """XPN[string]: given names and family name."""
    parts = t.parts(raw)
    return " ".join(p for p in (t.part(parts, 2), t.part(parts, 3), t.part(parts, 1)) if p)


def _birth_place(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    return {"text": text} if text else {}


def _congregation(raw: str, t: Text) -> str:
    parts = t.parts(raw)
    return t.part(parts, 1) or t.part(parts, 10)


def _language(raw: str, t: Text) -> Json:
    concept = language(raw, t)
    return {"language": concept} if concept else {}


def _home(raw: str, t: Text) -> Json:
    contact = datatypes.xtn(raw, t)
    return {"use": "home"} | contact if contact else {}


def _work(raw: str, t: Text) -> Json:
    contact = datatypes.xtn(raw, t)
    return {"use": "work"} | contact if contact else {}


def _order(raw: str, t: Text) -> int | None:
    return datatypes.positive(datatypes.leaf(raw, t)) or None


def _born(raw: str, t: Text) -> Json:
    whole = date_time(t.at(datatypes.leaf(raw, t)))
    return {"extension": [extension("patient-birthTime", "valueDateTime", whole)]} if len(whole) > 10 else {}


PID: Final[Rows] = (
    Row(5, "name", datatypes.xpn, many=True),
    Row(6, "extension", _extended("patient-mothersMaidenName", "valueString", _full_name), many=True),
    Row(7, "birthDate", _date),
    Row(7, "_birthDate", _born),
    Row(8, "gender", datatypes.mapped(codes.GENDER)),
    Row(5, "name", datatypes.nickname, many=True),
    Row(9, "name", datatypes.xpn, many=True),
    Row(11, "address", datatypes.xad, many=True),
    Row(13, "telecom", _home, many=True),
    Row(14, "telecom", _work, many=True),
    Row(15, "communication", _language, many=True),
    Row(16, "maritalStatus", coded("MaritalStatus")),
    Row(17, "extension", _extended("patient-religion", "valueCodeableConcept", coded("Religion")), many=True),
    Row(20, "identifier", datatypes.dln, many=True),
    Row(23, "extension", _extended("patient-birthPlace", "valueAddress", _birth_place), many=True),
    Row(25, "multipleBirthInteger", _order),
    Row(24, "multipleBirthBoolean", datatypes.flag),
    Row(26, "extension", _nested("patient-citizenship", "code", table_concept("0171")), many=True),
    Row(28, "extension", _nested("patient-nationality", "code", table_concept("0212")), many=True),
    Row(29, "deceasedDateTime", datatypes.moment),
    Row(30, "deceasedBoolean", datatypes.flag),
    Row(39, "extension", _nested("patient-citizenship", "code", table_concept("0171")), many=True),
    Row(40, "telecom", datatypes.xtn, many=True),
)
_animal_species: Final = table_concept("0446")
_animal_breed: Final = table_concept("0447")
PD1: Final[Rows] = (
    Link(3, "generalPractitioner", actors.xon),
    Link(4, "generalPractitioner", actors.xcn),
    Row(6, "extension", _extended("patient-disability", "valueCodeableConcept", table_concept("0295")), many=True),
    Row(14, "extension", _extended("patient-congregation", "valueString", _congregation), many=True),
)
_importance: Final = _extended("patient-importance", "valueCodeableConcept", table_concept("0099"))
_living_will: Final = coded("LivingWillCode")


def patient(draft: Draft, identifiers: tuple[Identifier, ...]) -> Json:
    """Add the Patient of the first PID; gives the Reference to it. The identifiers are those the gateway read."""
    content = draft.content
    resource: Json = {"resourceType": "Patient", "identifier": _identifiers(draft, identifiers)}
    reference = draft.add("PID", resource)
    pid, pd1 = content.segment("PID"), content.segment("PD1")
    if pid is not None:
        apply(PID, pid, resource, draft, "PID")
        _tidy(resource, pid, draft.text)
    if pd1 is not None:
        apply(PD1, pd1, resource, draft, "PD1")
        _will(draft, pd1, reference)
    mother = pid.field(21) if pid is not None else ""
    if mother:
        kin.mother(draft, mother, reference)
    kin.next_of_kin(draft, resource, reference)
    return reference


def _identifiers(draft: Draft, identifiers: tuple[Identifier, ...]) -> list[Json]:
    out = [*_known(_told(draft.content), identifiers), *_besides(draft.content, identifiers)]
    ssn = draft.content.value("PID", 19)
    if ssn and all(known["value"] != ssn for known in out):  # a number of no register the hub knows names nobody here, but it is told
        out.append({"value": ssn, "type": datatypes.identifier_type("SS")})
    return out


def _known(said: list[Json], identifiers: tuple[Identifier, ...]) -> list[Json]:
    """Identifiers in the systems that the gateway knows them by, with what the message says of each besides, where it first does."""
    told = {m["value"]: m for m in reversed(said) if m}
    out = []
    for known in identifiers:
        made: Json = {**told.get(known.value, {}), "value": known.value}
        written, system = made.pop("system", ""), "%20".join(known.system.split())
        if system:
            made["system"] = system
        if system != written and "assigner" in made:  # another system than the message's own: its other name belongs to that
            made["assigner"] = {k: v for k, v in made["assigner"].items() if k != "identifier"}
            if not made["assigner"]:
                del made["assigner"]
        out.append(made)
    return out


def _besides(content: Content, identifiers: tuple[Identifier, ...]) -> list[Json]:
    """The numbers of PID-3 that the patient is not known by (a policy's, a stay's, zeros): told as they are, of the types they have."""
    raw, known = content.field("PID", 3), {i.value for i in identifiers}
    made = [datatypes.cx(one, content.text) for one in content.text.repetitions(raw)] if content.text.repetition in raw else []
    return [m for m in made if m and m["value"] not in known]


def _told(content: Content) -> list[Json]:
    """What PID-3, 2, 4 and 19 say about each number besides its system: type, period, assigner, check digit."""
    t = content.text
    made = [datatypes.cx(raw, t) for n in (3, 2, 4) if (field := content.field("PID", n)) for raw in t.repetitions(field)]
    if ssn := content.value("PID", 19):
        made.append({"value": ssn, "type": datatypes.identifier_type("SS")})
    return made


def _tidy(resource: Json, pid: Segment, t: Text) -> None:
    """FHIR allows one of each choice; the death's time says more than a flag, the place in a multiple birth more than "yes"."""
    if "deceasedDateTime" in resource:
        resource.pop("deceasedBoolean", None)
    if "multipleBirthInteger" in resource:
        resource.pop("multipleBirthBoolean", None)
    county = datatypes.leaf(pid.field(12), t)
    if county:
        _county(resource, county)
    species, breed = _animal_species(pid.field(35), t), _animal_breed(pid.field(36), t)
    said = [{"url": url, "valueCodeableConcept": v} for url, v in (("species", species), ("breed", breed)) if v]
    if said:
        resource.setdefault("extension", []).append({"url": f"{EXTENSION}patient-animal", "extension": said})


def _county(resource: Json, county: str) -> None:
    """PID-12 is the district of the one address that has none, else an address of its own."""
    addresses = resource.setdefault("address", [])
    if len(addresses) == 1 and "district" not in addresses[0]:
        addresses[0]["district"] = county
    elif all(a.get("district") != county for a in addresses):
        addresses.append({"district": county})


def _will(draft: Draft, pd1: Segment, subject: Json) -> None:
    """PD1-7: whether there is a living will, as an Observation."""
    raw = pd1.field(7)
    concept = _living_will(raw, draft.text) if raw else {}
    if concept:
        made = {"resourceType": "Observation", "status": "final", "code": _LIVING_WILL, "subject": subject}
        draft.add("PD1-7", made | {"valueCodeableConcept": concept})


def important(draft: Draft, subject: Json, raw: str) -> None:
    """PV1-16: a very important person is one whatever the visit."""
    said = _importance(raw, draft.text)
    if said:
        draft.resource(subject).setdefault("extension", []).append(said)


def retired(draft: Draft, reference: Json, merged: tuple[Identifier, ...]) -> None:
    """Add the Patient that MRG retires, replaced by the survivor, and the survivor's link to it."""
    if not merged:
        return
    t = draft.text
    old: Json = {
        "resourceType": "Patient",
        "identifier": _known([datatypes.cx(raw, t) for raw in t.repetitions(draft.content.field("MRG", 1))], merged),
        "active": False,
        "link": [{"other": reference, "type": "replaced-by"}],
    }
    mrg = draft.content.segment("MRG")
    if mrg is not None:
        apply(_RETIRED, mrg, old, draft, "MRG")
    survivor = draft.resource(reference)
    survivor.setdefault("link", []).append({"other": draft.add("MRG", old), "type": "replaces"})


_RETIRED: Final[Rows] = (Row(7, "name", datatypes.xpn, many=True),)
