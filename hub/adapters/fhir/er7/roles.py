"""Who takes part in the care, and as what: ROL of a PractitionerRole in the Encounter, the Patient or the CareTeam.

A person whom the visit names without a role stands in PV1 alone.
"""

from collections.abc import Iterator
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import datatypes
from hub.adapters.fhir.er7.actors import organisation, person, xcn, xcn_of
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.negation import is_so
from hub.adapters.fhir.er7.rows import Rows, each, fields, many, one
from hub.adapters.fhir.er7.text import repetitions, segment

_UNCHANGED: Final = "UC"  # ROL-2 (0287): the role as it is
_PRIMARY: Final = "PP^Primary Care Provider^HL70443"
_ROLE: Final = "PractitionerRole"


def _address(role: Json, entries: Entries) -> str:
    """ROL-11: the person's, else the place's, else the organisation's."""
    places = [entries.target(p) for p in objects(role.get("location"))]
    holders = (entries.target(role.get("practitioner")), *places, organisation(role, entries), entries.target(role.get("organization")))
    return next((made for h in holders for a in each(h.get("address")) if (made := datatypes.xad(a))), "")


ROL: Final[Rows] = (  # over {role: the PractitionerRole or the member, part: how it is referred to}
    (1, many("role.identifier", datatypes.ei)),
    (3, one("part.role", datatypes.ce_of("0443"))),
    (3, one("part.type", datatypes.ce_of("0443"))),
    (3, one("role.code", datatypes.ce_of("0443"))),
    (5, one("part.period.start", datatypes.moment)),
    (5, one("role.period.start", datatypes.moment)),
    (6, one("part.period.end", datatypes.moment)),
    (6, one("role.period.end", datatypes.moment)),
    (8, many("team.reasonCode", datatypes.ce)),
    (9, lambda r, _entries: repetitions(datatypes.ce(c) for c in objects(obj(r.get("part")).get("role"))[1:])),
    (9, many("role.specialty", datatypes.ce)),
    (10, lambda r, entries: _unit(obj(r.get("part")).get("onBehalfOf"), entries)),
    (10, lambda r, entries: _unit(obj(r.get("role")).get("organization"), entries)),
    (11, lambda r, entries: _address(obj(r.get("role")), entries)),
    (12, many("role.telecom", datatypes.xtn)),
    (12, many("team.telecom", datatypes.xtn)),
)


def _unit(office: Any, entries: Entries) -> str:
    """ROL-10: what kind of organisation it is for."""
    return next((made for c in objects(entries.target(office).get("type")) if (made := datatypes.ce(c, "0406"))), "")


def _written(part: Json, reference: Any, entries: Entries, team: Json | None = None, otherwise: str = "") -> Iterator[str]:
    """One ROL: a role and a person are required."""
    target = entries.target(reference)
    role = target if target.get("resourceType") == _ROLE else {"practitioner": reference, "telecom": target.get("telecom")}
    made = fields(ROL, {"role": role, "part": part, "team": team or {}}, entries)
    who = xcn(reference, entries) or xcn_of(person(part.get("member"), entries))
    code = made[3] or otherwise
    if who and code:
        yield segment("ROL", made | {2: _UNCHANGED, 3: code, 4: who})


def of_patient(copy: Copy) -> Iterator[str]:
    """ROL behind PID: general practitioners who have a role, and the members of the care team."""
    entries = copy.entries
    for reference in objects(copy.message.patient.get("generalPractitioner")):
        if is_role(reference, entries):
            yield from _written({}, reference, entries, otherwise=_PRIMARY)
    for team in filter(is_so, entries.of("CareTeam")):
        for member in objects(team.get("participant")):
            yield from _written(member, member.get("member"), entries, team)


def of_visit(copy: Copy) -> Iterator[str]:
    """ROL behind PV1: those who take part in the visit in a role."""
    for participant in objects(copy.visit.get("participant")):
        if is_role(participant.get("individual"), copy.entries):
            yield from _written(participant, participant.get("individual"), copy.entries)


def of_problem(problem: Json, entries: Entries) -> list[str]:
    """ROL behind PRB: the members of the teams that are there for this problem."""
    teams = [
        t for t in filter(is_so, entries.of("CareTeam")) if any(entries.target(r) is problem for r in objects(t.get("reasonReference")))
    ]
    members = [(team, m) for team in teams for m in objects(team.get("participant"))]
    return [line for team, m in members for line in _written(m, m.get("member"), entries, team)]


def of_procedure(procedure: Json, entries: Entries) -> list[str]:
    """ROL behind PR1: the performers who have a role."""
    actors = [p.get("actor") for p in objects(procedure.get("performer"))]
    return [line for actor in actors if is_role(actor, entries) for line in _written({}, actor, entries)]


def is_role(reference: Any, entries: Entries) -> bool:
    """Whether a reference leads to somebody in a role."""
    return text(entries.target(reference).get("resourceType")) == _ROLE
