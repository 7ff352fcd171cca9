"""Referrals: REF and RRI. The ServiceRequest is RF1, who refers and who is referred to are PRD."""

from collections.abc import Iterator
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes, order, oru
from hub.adapters.fhir.er7.actors import organisation, person, pl
from hub.adapters.fhir.er7.clinical import al1, dg1, pr1
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.insurance import in1
from hub.adapters.fhir.er7.kin import nk1
from hub.adapters.fhir.er7.observation import NOT_SAID, Results, notes, numbered
from hub.adapters.fhir.er7.patient import pid
from hub.adapters.fhir.er7.rows import Rows, fields, many, one
from hub.adapters.fhir.er7.text import SUBCOMPONENT, components, escape, repetitions, segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2

_ANSWER: Final = "RRI"
_IN_FORCE: Final = "active"
_REFERS: Final = "RP^Referring Provider^HL70286"
_REFERRED_TO: Final = "RT^Referred to Provider^HL70286"
_WRITTEN: Final[dict[str, str]] = {"A": "Accepted", "P": "Pending", "R": "Rejected"}  # table 0283


def _status(request: Json, trigger: Trigger) -> str:
    """RF1-1: a referral in force is accepted once it is answered, and waits for that until then."""
    code = codes.REFERRAL_STATUS.get(text(request.get("status")), "")
    if code == "P" and trigger.type == _ANSWER and text(request.get("status")) == _IN_FORCE:
        code = "A"
    return components(code, _WRITTEN[code], "HL70283") if code else ""


def _priority(request: Json, _entries: Entries) -> str:
    code = codes.REFERRAL_PRIORITY.get(text(request.get("priority")), "")
    return components(code, codes.PRIORITY_NAMES[code], "HL70280") if code else ""


RF1: Final[Rows] = (
    (2, _priority),
    (3, one("code", datatypes.ce)),
    (5, one("category", datatypes.ce)),
    (6, order.placer),
    (4, many("orderDetail", datatypes.ce_of("0282"))),
    (7, one("occurrencePeriod.start", datatypes.moment)),
    (7, one("occurrenceDateTime", datatypes.moment)),
    (7, one("authoredOn", datatypes.moment)),
    (8, one("occurrencePeriod.end", datatypes.moment)),
    (9, one("authoredOn", datatypes.moment)),
    (10, many("reasonCode", datatypes.ce)),
    (11, order.filler),
)


def segments(copy: Copy, trigger: Trigger) -> Iterator[str]:
    """RF1, PRD, PID, NK1, DG1, AL1, PR1, observations, PV1 and notes. Raises Rejected(NO_TRANSLATION) unless there is one referral."""
    request, entries = copy.only("ServiceRequest"), copy.entries
    made = fields(RF1, request, entries)
    yield segment(
        "RF1",
        made
        | {1: _status(request, trigger), 6: made[6] or made[11] or datatypes.string(request.get("id")) or escape(copy.event.control_id)},
    )
    yield from prd(copy, request)
    yield pid(copy)
    if trigger.type != _ANSWER:
        yield from (*nk1(copy), *in1(copy))
    yield from (*dg1(copy), *al1(copy), *(line for line in pr1(copy) if line.startswith("PR1")))  # it has no ROL
    yield from _observations(copy)
    yield from (*pv1(copy, is_required=False), *(pv2(copy) if copy.visit else ()), *notes(request))


def _observations(copy: Copy) -> Iterator[str]:
    """What was reported, each report under its OBR; what else was observed, under one that says what the referral asks for."""
    entries, results = copy.entries, Results(copy.entries)
    reports = entries.of("DiagnosticReport")
    for number, report in enumerate(reports, 1):
        asked = oru.asked_for(report, entries)
        yield oru.obr(report, asked, number, (), entries)
        yield from (*notes(asked), *oru.found(report, results))
    found = numbered(results.alone())
    if found:
        code = datatypes.ce(copy.only("ServiceRequest").get("code")) or NOT_SAID
        yield from (segment("OBR", {1: str(len(reports) + 1), 4: code}), *found)


def prd(copy: Copy, request: Json) -> Iterator[str]:
    """PRD of the requester, then of each performer; of the sender where no one is named, since one is required."""
    roles = [(_REFERS, request.get("requester")), *((_REFERRED_TO, p) for p in objects(request.get("performer")))]
    told = [made for role, reference in roles if (made := _provider(role, reference, copy.entries))]
    yield from told or [segment("PRD", {1: _REFERS, 4: components("", "", "", escape(copy.event.provider))})]


def _provider(role: str, reference: Any, entries: Entries) -> str:
    """A professional by name and number, an organisation as the place (PRD-4.4)."""
    who, where = person(reference, entries), organisation(reference, entries)
    if who.get("resourceType", "Practitioner") != "Practitioner" or (where and not entries.target(reference).get("practitioner")):
        who = {}
    if not who and not where:
        return ""
    contact = who or where
    part = entries.target(reference)
    places = [pl(p, entries) for p in objects(part.get("location"))]
    made = {
        2: repetitions(datatypes.xpn(n) for n in objects(who.get("name"))),
        3: repetitions(datatypes.xad(a) for a in objects(contact.get("address"))),
        4: next(filter(None, places), "") or components("", "", "", datatypes.string(where.get("name"))),
        5: repetitions(datatypes.xtn(t) for t in objects(part.get("telecom")) or objects(contact.get("telecom"))),
        8: datatypes.moment(obj(part.get("period")).get("start")),
        9: datatypes.moment(obj(part.get("period")).get("end")),
        7: repetitions(_number(i) for i in objects(who.get("identifier")) + objects(where.get("identifier"))),
    }
    return segment("PRD", made | {1: role}) if any(made.values()) else ""


def _number(identifier: Json) -> str:
    """PLN: the number, its type, and whose it is where it has no type."""
    value = datatypes.string(identifier.get("value"))
    period = obj(identifier.get("period"))
    kind = escape(datatypes.code(identifier.get("type"), "0338")) or datatypes.identifier_type(identifier)
    authority = "".join(datatypes.hd(text(identifier.get("system"))).split(SUBCOMPONENT)[:2])
    return components(value, kind, authority, datatypes.day(period.get("end"))) if value else ""
