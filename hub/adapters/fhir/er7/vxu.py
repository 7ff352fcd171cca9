"""Immunizations: VXU^V04. Each Immunization is an ORC, an RXA and its RXR."""

from collections.abc import Iterator
from typing import Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes, order
from hub.adapters.fhir.er7.actors import coded_organisation, pl, xcn
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.insurance import in1
from hub.adapters.fhir.er7.kin import nk1
from hub.adapters.fhir.er7.observation import NOT_SAID, Results, numbered
from hub.adapters.fhir.er7.patient import pd1, pid
from hub.adapters.fhir.er7.rows import Maker, Rows, coded, fields, many, one, refers_once
from hub.adapters.fhir.er7.text import COMPONENT, SUBCOMPONENT, components, escape, repetitions, segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2
from hub.errors import Reason, Rejected

_OBSERVATIONS: Final = "RE"  # ORC-1 of a vaccine that was given (0119)
_UNKNOWN_AMOUNT: Final = "999"  # RXA-6 is required; 999 is "not known" (2.5.1, 4.14.7.6)
_ORDERS: Final = "OP"  # immunization-function (0443): ordering and administering provider
_GIVES: Final = "AP"
_DELETED: Final = "entered-in-error"
_ACTION: Final = {_DELETED: "D"}  # 0323
_ADDED: Final = "A"
_OWN_RECORD: Final = "00^New immunization record^NIP001"
_ORIGIN: Final = "NIP001"
_REFUSED: Final = frozenset({"PATOBJ", "RELIG", "PHILISOP"})  # reasons that are the patient's own
# LOINC -> what R4 says of it in an element of its own
_FUNDING: Final = "30963-3^Vaccine funding source^LN"
_ELIGIBLE: Final = "64994-7^Vaccine funding program eligibility^LN"
_DOSE_NUMBER: Final = "30973-2^Dose number in series^LN"
_SHEETS: Final = (
    ("documentType", "69764-9^Document type^LN", "ST", datatypes.string),
    ("publicationDate", "29768-9^Date vaccine information statement published^LN", "TS", datatypes.moment),
    ("presentationDate", "29769-7^Date vaccine information statement presented^LN", "TS", datatypes.moment),
)


def _performers(*functions: str) -> Maker:
    def maker(immunization: Json, entries: Entries) -> str:
        found = []
        for performer in objects(immunization.get("performer")):
            given = {text(c.get("code")) for c in datatypes.codings(performer.get("function"))}
            if given & set(functions) or (not given and _GIVES in functions):
                found.append(xcn(performer.get("actor"), entries))
        return repetitions(dict.fromkeys(found))

    return maker


def _origin(immunization: Json, _entries: Entries) -> str:
    """RXA-9: whether the record is the giver's own, or where it comes from; then what is noted."""
    given = immunization.get("reportOrigin")
    is_told = any(codes.coding_system(text(c.get("system"))) == _ORIGIN for c in datatypes.codings(given))
    origin = datatypes.ce(given) if is_told else _OWN_RECORD if immunization.get("primarySource") is True else ""
    notes = [components("", escape(text(n.get("text")))) for n in objects(immunization.get("note")) if text(n.get("text"))]
    return repetitions([origin, *notes])


def _place(immunization: Json, entries: Entries) -> str:
    """RXA-11 (LA2): where it was given, and the address there."""
    reference = immunization.get("location")
    where = datatypes.xad(entries.target(reference).get("address")).split(COMPONENT)[:7]
    place = (pl(reference, entries).split(COMPONENT) + [""] * 8)[:8]
    street = where[0].partition(SUBCOMPONENT)[0]
    return components(*place, street, *where[1:])


def _completion(immunization: Json, _entries: Entries) -> str:
    """RXA-20 (0322): not given because it was refused, if that is the reason; a dose that was not worth one, given in part."""
    if said := datatypes.original(immunization, "status", "0322"):
        return said
    reasons = {text(c.get("code")) for c in datatypes.codings(immunization.get("statusReason"))}
    status = text(immunization.get("status"))
    if status == "completed" and immunization.get("isSubpotent") is True:
        return "PA"
    return "RE" if status == "not-done" and reasons & _REFUSED else codes.COMPLETION.get(status, "")


RXA: Final[Rows] = (
    (3, one("occurrenceDateTime", datatypes.moment)),
    (5, one("vaccineCode", datatypes.ce)),
    (6, one("doseQuantity", lambda q: datatypes.quantity(q)[0])),
    (7, one("doseQuantity", lambda q: datatypes.quantity(q)[1])),
    (9, _origin),
    (10, _performers(_GIVES)),
    (11, _place),
    (15, one("lotNumber", datatypes.string)),
    (16, one("expirationDate", datatypes.moment)),
    (17, refers_once("manufacturer", coded_organisation)),
    (18, one("statusReason", datatypes.ce)),
    (19, many("reasonCode", datatypes.ce)),
    (20, _completion),
    (21, coded("status", _ACTION, _ADDED)),
    (22, one("recorded", datatypes.moment)),
)
RXR: Final[Rows] = (
    (1, one("route", datatypes.ce_of("0162"))),
    (2, one("site", datatypes.cwe_of("0163"))),
)
_ORC: Final[Rows] = (
    (2, order.placer),
    (3, order.filler),
    (9, one("recorded", datatypes.moment)),
    (12, _performers(_ORDERS)),
    (28, one("meta.security", datatypes.cwe_of("0177"))),
)


def segments(copy: Copy, _trigger: Trigger) -> Iterator[str]:
    """PID to PV2, then each immunization. Raises Rejected(NO_TRANSLATION) when there is none."""
    found = copy.focus("Immunization")
    if not found:
        raise Rejected(Reason.NO_TRANSLATION, "MessageHeader.focus")
    yield from (pid(copy), *pd1(copy), *nk1(copy), *pv1(copy, is_required=False), *(pv2(copy) if copy.visit else ()), *in1(copy))
    results = Results(copy.entries)
    for immunization in found:
        yield from _given(immunization, results)


def _given(immunization: Json, results: Results) -> Iterator[str]:
    entries = results.entries
    yield segment("ORC", fields(_ORC, immunization, entries) | {1: _OBSERVATIONS})
    made = fields(RXA, immunization, entries)
    amount = made[6] or _UNKNOWN_AMOUNT
    yield segment("RXA", made | {1: "0", 2: "1", 4: made[3], 5: made[5] or NOT_SAID, 6: amount})
    route = fields(RXR, immunization, entries)
    if route[1]:
        yield segment("RXR", route)
    seen = [entries.target(obj(r).get("detail")) for r in objects(immunization.get("reaction"))]
    seen += [o for o in entries.of("Observation") if any(entries.target(r) is immunization for r in objects(o.get("partOf")))]
    told = [line for o in seen if o.get("resourceType") == "Observation" for line in results.of(o)]
    yield from numbered([*_elements(immunization), *told])


def _elements(immunization: Json) -> Iterator[str]:
    """OBX for what R4 has elements for and v2 has not; what belongs to one information sheet has one sub-id."""
    found = [(_FUNDING, "CE", datatypes.ce(immunization.get("fundingSource")), "")]
    found += [(_ELIGIBLE, "CE", datatypes.ce(c), "") for c in objects(immunization.get("programEligibility"))]
    for dose in objects(immunization.get("protocolApplied"))[:1]:
        number = datatypes.number(dose.get("doseNumberPositiveInt"))
        found.append((_DOSE_NUMBER, *(("NM", number, "") if number else ("ST", datatypes.string(dose.get("doseNumberString")), ""))))
    for n, sheet in enumerate(objects(immunization.get("education")), 1):
        found += [(code, kind, make(sheet.get(element)), str(n)) for element, code, kind, make in _SHEETS]
    return (segment("OBX", {2: kind, 3: code, 4: group, 5: said, 11: "F"}) for code, kind, said, group in found if said)
