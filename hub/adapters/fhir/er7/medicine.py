"""What is to be given: RXO and RXE of a MedicationRequest, RXD of a MedicationDispense, with RXR and RXC.

The guide has maps for RXO, RXR and TQ1; RXE, RXD and RXC follow HL7 v2.5.1 4.14 and R4.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import datatypes, order
from hub.adapters.fhir.er7.actors import coded_organisation, pl, xcn
from hub.adapters.fhir.er7.rows import Maker, Rows, at, fields, many, one, refers, refers_once
from hub.adapters.fhir.er7.text import components, escape, lines, repetitions, segment

_NOT_SAID: Final = "NI^no information^NULLFL"  # of what is required: medicine, unit and route
_NO_AMOUNT: Final = '""'  # of an amount that is required: there is none (2.5.1, 2.5.3.5); 0 would be a dose
_ALWAYS: Final = "1"  # RXD-1, the dispense's number
_PRESCRIPTION: Final = "prescription number"
_TIME: Final = {"s": "S", "min": "M", "h": "H", "d": "D", "wk": "W", "mo": "L"}  # RXE-22: H1 is an hour
_SUBSTITUTED: Final = {True: "G", False: "N"}  # 0167: by a generic; not at all


def _medicine(resource: Json, entries: Entries) -> Json:
    """The Medication, or the code in its place as one."""
    found = entries.target(resource.get("medicationReference"))
    if found.get("resourceType") == "Medication":
        return found
    return {"code": resource.get("medicationCodeableConcept") or {"text": text(obj(resource.get("medicationReference")).get("display"))}}


def _code(resource: Json, entries: Entries) -> str:
    return datatypes.ce(_medicine(resource, entries).get("code")) or _NOT_SAID


def _form(resource: Json, entries: Entries) -> str:
    found = _medicine(resource, entries)
    return datatypes.ce(found.get("form")) or datatypes.ce(found.get("doseForm"))


def _doses(resource: Json) -> list[Json]:
    return [d for i in objects(resource.get("dosageInstruction")) for d in objects(i.get("doseAndRate"))]


def _dose(n: int) -> Maker:
    """Least amount, greatest amount, unit."""

    def maker(resource: Json, _entries: Entries) -> str:
        for dose in _doses(resource):
            amount, unit = datatypes.quantity(dose.get("doseQuantity"))
            if amount:
                return (amount, "", unit)[n]
            (low, unit), (high, other) = (datatypes.quantity(obj(dose.get("doseRange")).get(end)) for end in ("low", "high"))
            if low or high:
                return (low or high, high, unit or other)[n]
        return ""

    return maker


def _rate(n: int) -> Maker:
    """Per what time, how much, of which unit."""

    def maker(resource: Json, _entries: Entries) -> str:
        for dose in _doses(resource):
            ratio = obj(dose.get("rateRatio"))
            time = obj(ratio.get("denominator"))
            amount, unit = datatypes.quantity(ratio.get("numerator") or dose.get("rateQuantity"))
            per = _TIME.get(text(time.get("code")), "")
            if amount:
                return (per and per + datatypes.number(time.get("value")), amount, unit)[n]
        return ""

    return maker


def _strength(part: str, n: int) -> Maker:
    """Of the ingredient that is the medicine itself."""

    def maker(resource: Json, entries: Entries) -> str:
        found = _medicine(resource, entries)
        own = next((i for i in objects(found.get("ingredient")) if _is_itself(i, found)), {})
        amount, unit = datatypes.quantity(obj(own.get("strength")).get(part))
        return (amount if unit or part == "numerator" else "", unit)[n]

    return maker


def _is_itself(ingredient: Json, found: Json) -> bool:
    return datatypes.ce(ingredient.get("itemCodeableConcept")) == datatypes.ce(found.get("code"))


def _daily(resource: Json, _entries: Entries) -> str:
    """The most in a day."""
    most = obj(at(resource, "dosageInstruction.maxDosePerPeriod"))
    per = obj(most.get("denominator"))
    return datatypes.cq(most.get("numerator")) if (datatypes.number(per.get("value")), text(per.get("code"))) == ("1", "d") else ""


def _said(value: Any) -> str:
    return components("", escape(text(value))) if text(value) else ""


def _instructions(resource: Json, _entries: Entries) -> str:
    """Every instruction in words alone; coded ones are RXR-5. Where there are none, the dosages in words."""
    given = [i for d in objects(resource.get("dosageInstruction")) for i in objects(d.get("additionalInstruction"))]
    said = dict.fromkeys(datatypes.ce(i) for i in given if not datatypes.codings(i))
    whole = dict.fromkeys(_said(d.get("text")) for d in objects(resource.get("dosageInstruction")))
    return repetitions(said) or repetitions(whole)


def _number(resource: Json, _entries: Entries) -> str:
    """The prescription's number: the identifier of that type, here or in the reference to the prescription."""
    behind = [obj(r.get("identifier")) for r in objects(resource.get("authorizingPrescription"))]
    given = [i for i in (*objects(resource.get("identifier")), *behind) if text(obj(i.get("type")).get("text")) == _PRESCRIPTION]
    return next((made for i in given if (made := datatypes.string(i.get("value")))), "")


def _part(path: str, n: int) -> Maker:
    return one(path, lambda q: datatypes.quantity(q)[n])


def _performers(make: Callable[[Any, Entries], str]) -> Maker:
    return lambda resource, entries: repetitions(dict.fromkeys(make(p.get("actor"), entries) for p in objects(resource.get("performer"))))


def _substituted(resource: Json, _entries: Entries) -> str:
    given = obj(resource.get("substitution"))
    was = given.get("wasSubstituted")
    return escape(datatypes.code(given.get("type"), "0167")) or (_SUBSTITUTED[was] if isinstance(was, bool) else "")


RXO: Final[Rows] = (
    (1, _code),
    (2, _dose(0)),
    (3, _dose(1)),
    (4, _dose(2)),
    (5, _form),
    (6, _instructions),
    (7, one("dosageInstruction.patientInstruction", _said)),
    (9, one("substitution.allowedCodeableConcept", datatypes.is_code("0161"))),
    (11, _part("dispenseRequest.quantity", 0)),
    (12, _part("dispenseRequest.quantity", 1)),
    (13, one("dispenseRequest.numberOfRepeatsAllowed", datatypes.number)),
    (14, refers("requester", xcn)),
    (17, _rate(0)),
    (18, _strength("numerator", 0)),
    (19, _strength("numerator", 1)),
    (20, many("reasonCode", datatypes.ce)),
    (21, _rate(1)),
    (22, _rate(2)),
    (23, _daily),
    (25, _strength("denominator", 0)),
    (26, _strength("denominator", 1)),
    (28, _part("dispenseRequest.dispenseInterval", 0)),
)
RXE: Final[Rows] = (
    (2, _code),
    (3, _dose(0)),
    (4, _dose(1)),
    (5, _dose(2)),
    (6, _form),
    (7, _instructions),
    (9, one("substitution.allowedCodeableConcept", datatypes.is_code("0167"))),
    (10, _part("dispenseRequest.quantity", 0)),
    (11, _part("dispenseRequest.quantity", 1)),
    (12, one("dispenseRequest.numberOfRepeatsAllowed", datatypes.number)),
    (13, refers("requester", xcn)),
    (15, _number),
    (19, _daily),
    (21, one("dosageInstruction.patientInstruction", _said)),
    (22, _rate(0)),
    (23, _rate(1)),
    (24, _rate(2)),
    (25, _strength("numerator", 0)),
    (26, _strength("numerator", 1)),
    (27, many("reasonCode", datatypes.ce)),
    (33, _strength("denominator", 0)),
    (34, _strength("denominator", 1)),
    (39, _part("dispenseRequest.initialFill.quantity", 0)),
    (40, refers_once("dispenseRequest.performer", coded_organisation)),
)
RXD: Final[Rows] = (
    (2, _code),
    (3, one("whenHandedOver", datatypes.moment)),
    (3, one("whenPrepared", datatypes.moment)),
    (4, _part("quantity", 0)),
    (5, _part("quantity", 1)),
    (6, _form),
    (7, _number),
    (9, many("note", lambda n: datatypes.string(obj(n).get("text")) if _is_line(n) else "")),
    (10, _performers(xcn)),
    (11, _substituted),
    (12, _daily),
    (13, refers_once("destination", pl)),
    (15, _instructions),
    (16, _strength("numerator", 0)),
    (17, _strength("numerator", 1)),
    (18, lambda r, entries: datatypes.string(obj(_medicine(r, entries).get("batch")).get("lotNumber"))),
    (19, lambda r, entries: datatypes.moment(obj(_medicine(r, entries).get("batch")).get("expirationDate"))),
    (28, _strength("denominator", 0)),
    (29, _strength("denominator", 1)),
    (30, _performers(coded_organisation)),
    (33, one("type", datatypes.cwe_of("0484"))),
)
RXR: Final[Rows] = (
    (1, one("route", datatypes.ce_of("0162"))),
    (2, one("site", datatypes.cwe_of("0163"))),
    (4, one("method", datatypes.cwe_of("0165"))),
    (5, one("additionalInstruction", lambda c: datatypes.ce(c) if datatypes.codings(c) else "")),
)
RXC: Final[Rows] = (
    (1, lambda i, _entries: "B" if i.get("isActive") is False else "A"),
    (2, one("itemCodeableConcept", datatypes.ce)),
    (3, _part("strength.numerator", 0)),
    (4, _part("strength.numerator", 1)),
    (
        8,
        lambda i, _entries: (
            datatypes.quantity(at(i, "strength.denominator"))[0] if datatypes.quantity(at(i, "strength.denominator"))[1] else ""
        ),
    ),
    (9, _part("strength.denominator", 1)),
)


def rxo(request: Json, entries: Entries) -> str:
    """RXO of what was ordered."""
    return segment("RXO", fields(RXO, request, entries))


def rxe(request: Json, entries: Entries) -> str:
    """RXE of a request as the pharmacy takes it."""
    made = fields(RXE, request, entries)
    return segment("RXE", made | {3: made[3] or _NO_AMOUNT, 5: made[5] or _NOT_SAID})


def rxd(dispense: Json, entries: Entries) -> str:
    """RXD of what was handed out. When, how much and the prescription's number are required."""
    made = fields(RXD, dispense, entries)
    number = made[7] or order.placer(dispense, entries).partition("^")[0] or datatypes.string(dispense.get("id"))
    return segment("RXD", made | {1: _ALWAYS, 3: made[3] or _NO_AMOUNT, 4: made[4] or _NO_AMOUNT, 7: number or _ALWAYS})


def rxr(resource: Json, entries: Entries) -> list[str]:
    """RXR for each way it is given, one at least."""
    made = (fields(RXR, d, entries) for d in objects(resource.get("dosageInstruction")) or [{}])
    return list(dict.fromkeys(segment("RXR", m | {1: m[1] or _NOT_SAID}) for m in made))


def rxc(resource: Json, entries: Entries) -> Iterator[str]:
    """RXC for each part of a medicine that is made of several."""
    found = _medicine(resource, entries)
    for part in objects(found.get("ingredient")):
        made = fields(RXC, part, entries)
        if made[2] and not _is_itself(part, found):
            amounts = {5: made[3], 6: made[4]} if made[9] else {}
            yield segment("RXC", made | {3: made[3] or _NO_AMOUNT, 4: made[4] or _NOT_SAID} | amounts)


def _is_line(note: Any) -> bool:
    return "\n" not in text(obj(note).get("text"))


def remarks(dispense: Json) -> list[str]:
    """NTE for each note that is more than a line."""
    said = [lines(text(n.get("text"))) for n in objects(dispense.get("note")) if not _is_line(n)]
    return [segment("NTE", {1: str(n), 3: line}) for n, line in enumerate(filter(None, said), 1)]
