"""Problems, goals and pathways: PPR^PC1 to PC3. PRB is the Condition, GOL the Goal, PTH the CarePlan.

The guide has no map for them; this is HL7 v2.5.1 chapter 12 read by R4's definitions. What is deleted (the event PC3, or the action DE) was
entered in error. PRB-14 and GOL-18 are words that each site chooses: the standard's suggestions are known, others leave the status at what
the event says. What belongs to a problem (goals, pathways, orders, observations) refers to it. ROL, from version 2.7 on PRT, is somebody
who takes part: a CareTeam for the problem, the one who expressed the goal, the team of the pathway. VAR, what departs from the plan, is a
note: its description and classification (VAR-6, 5), by whom (VAR-4) and when (VAR-2).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.hl7v2.mappings import codes, datatypes, order_types, roles, service_request
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.groups import Node, grammar, grouped, order
from hub.adapters.hl7v2.mappings.notes import notes
from hub.adapters.hl7v2.mappings.observation import reported
from hub.adapters.hl7v2.mappings.professionals import practitioner
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import date

_GRAMMAR: Final = grammar(
    message="PRB GOL PTH", PRB="NTE VAR ROL PRT OBX GOL PTH ORC OBR", GOL="NTE VAR ROL PRT OBX PTH", PTH="NTE VAR ROL PRT", ROL="VAR",
    PRT="VAR", OBX="NTE PRT", ORC="OBR! NTE PRT TQ1 OBX", OBR="NTE PRT TQ1 OBX",
)  # fmt: skip
_CLINICAL: Final = f"{codes.TERMINOLOGY}condition-clinical"
_VERIFICATION: Final = f"{codes.TERMINOLOGY}condition-ver-status"
_PROBLEM: Final = order_types.concept(f"{codes.TERMINOLOGY}condition-category", "problem-list-item")
_DELETED: Final = "PC3"
_DELETE: Final = "DE"  # 0287
_WRONG: Final = "entered-in-error"

# PRB-14: HL7 v2.5.1 12.3.2.14 suggests these words; by their first
_LIFE: Final[Mapping[str, str]] = MappingProxyType(
    {"active": "active", "inactive": "inactive", "resolved": "resolved", "recurrence": "recurrence", "relapse": "relapse",
     "remission": "remission", "aktiv": "active", "inaktiv": "inactive", "løst": "resolved"}
)  # fmt: skip
_CONFIRMED: Final[Mapping[str, str]] = MappingProxyType(  # PRB-13: 12.3.2.13
    {"confirmed": "confirmed", "differential": "differential", "provisional": "provisional", "rule-out": "unconfirmed",
     "refuted": "refuted", "bekreftet": "confirmed", "mistenkt": "provisional"}
)  # fmt: skip
_GOAL_LIFE: Final[Mapping[str, str]] = MappingProxyType(  # GOL-18
    {"proposed": "proposed", "planned": "planned", "accepted": "accepted", "active": "active", "inactive": "on-hold", "on-hold": "on-hold",
     "suspended": "on-hold", "completed": "completed", "achieved": "completed", "resolved": "completed", "cancelled": "cancelled",
     "canceled": "cancelled", "rejected": "rejected", "aktiv": "active", "nådd": "completed", "avbrutt": "cancelled"}
)  # fmt: skip
_PATH_LIFE: Final[Mapping[str, str]] = MappingProxyType(  # PTH-5
    {"active": "active", "planned": "draft", "suspended": "on-hold", "on-hold": "on-hold", "completed": "completed",
     "cancelled": "revoked", "canceled": "revoked", "aktiv": "active"}
)  # fmt: skip


def _word(raw: str, t: Text) -> str:
    """The first word of a code or its text, in lower case: ``A^Active-Improving`` is active."""
    parts = t.parts(raw)
    return next((w for p in (t.part(parts, 2), t.part(parts, 1)) if (w := p.lower())), "")


def _status(table: Mapping[str, str], raw: str, t: Text) -> str:
    word = _word(raw, t)
    return table.get(word) or table.get(word.split("-")[0].split(" ")[0], "")


def _numbered(raw: str, t: Text) -> Json:
    text = datatypes.leaf(raw, t)
    return {"text": text} if text else {}


def _day(raw: str, t: Text) -> str:
    return date(datatypes.leaf(raw, t))


PRB: Final[Rows] = (
    Row(3, "code", datatypes.cwe),
    Row(4, "identifier", datatypes.ei, many=True),
    Row(7, "recordedDate", datatypes.moment),
    Row(9, "abatementDateTime", datatypes.moment),
    Row(10, "category", datatypes.cwe, many=True),
    Row(16, "onsetDateTime", datatypes.moment),
    Row(22, "note", _numbered, many=True),
    Row(25, "meta.security", order_types.sensitivity, many=True),
)
GOL: Final[Rows] = (
    Row(3, "description", datatypes.cwe),
    Row(4, "identifier", datatypes.ei, many=True),
    Row(7, "startDate", _day),
    Row(9, "category", datatypes.cwe, many=True),
    Row(16, "achievementStatus", datatypes.cwe),
    Row(17, "note", _numbered, many=True),
    Row(19, "statusDate", _day),
)
PTH: Final[Rows] = (
    Row(2, "category", datatypes.cwe, many=True),
    Row(3, "identifier", datatypes.ei, many=True),
    Row(4, "period.start", datatypes.moment),
)


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the problems of the message with what belongs to each; gives References to the problems, or to the goals if there are none."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    root = grouped(draft.content, _GRAMMAR)
    problems = [_problem(draft, node, about) for node in root.each("PRB")]
    loose = [_goal(draft, n, about, []) for n in root.each("GOL")] + [_pathway(draft, n, about, []) for n in root.each("PTH")]
    return problems or loose


def _is_deleted(draft: Draft, node: Node) -> bool:
    return draft.trigger == _DELETED or datatypes.leaf(node.segment.field(1), draft.text) == _DELETE


def _problem(draft: Draft, node: Node, about: Json) -> Json:
    t, segment = draft.text, node.segment
    made = apply(PRB, segment, {"resourceType": "Condition"} | about, draft, node.place)
    made["category"] = [_PROBLEM, *made.get("category", ())]
    made.setdefault("code", order_types.NOT_SAID)
    if "onsetDateTime" not in made:
        datatypes.put(made, "onsetString", t.leaf(segment.field(17)))
    _states(draft, node, made)
    said = _notes(draft, node)
    if said:
        made.setdefault("note", []).extend(said)
    observed = [{"detail": [reported(draft, obx, about)]} for obx in node.each("OBX")]
    if observed:
        made["evidence"] = observed
    reference = draft.add(node.place, made)
    _team(draft, node, about, [reference])
    for goal in node.each("GOL"):
        _goal(draft, goal, about, [reference])
    for path in node.each("PTH"):
        _pathway(draft, path, about, [reference])
    for ordered in node.each("ORC", "OBR"):
        request = service_request.service_request(draft, order(ordered), about)
        draft.add(ordered.place, request | {"reasonReference": [reference]})
    return reference


def _states(draft: Draft, node: Node, made: Json) -> None:
    """Clinical and verification status. R4: what is in error has no clinical status (con-5), what has abated is not active (con-4)."""
    t, segment = draft.text, node.segment
    sure = _status(_CONFIRMED, segment.field(13), t) or "unconfirmed"
    if _is_deleted(draft, node):
        sure = _WRONG
    made["verificationStatus"] = order_types.concept(_VERIFICATION, sure)
    if sure != _WRONG:
        ended = "abatementDateTime" in made
        life = _status(_LIFE, segment.field(14), t) or ("resolved" if ended else "active")
        if ended and life in {"active", "recurrence", "relapse"}:
            life = "resolved"
        made["clinicalStatus"] = order_types.concept(_CLINICAL, life)


def _team(draft: Draft, node: Node, about: Json, problems: list[Json]) -> Json:
    """Add the CareTeam of those who take part in a problem, a goal or a pathway; gives the Reference, ``{}`` when there is none."""
    roled = [n for n in node.each("ROL", "PRT") if not roles.is_over(n.segment, draft.text)]
    members = [m for n in roled if (m := roles.team_member(draft, n.segment, f"{n.place}/member"))]
    reason = {"reasonReference": problems} if problems else {}
    return roles.care_team(draft, about, members, [n.segment for n in roled], f"{node.place}/team", reason)


def _notes(draft: Draft, node: Node) -> list[Json]:
    """NTE, then VAR of what the node says itself and of those who take part in it."""
    varied = [*node.each("VAR"), *(v for n in node.each("ROL", "PRT") for v in n.each("VAR"))]
    return notes(draft, node.children) + [made for n in varied if (made := _variance(draft, n))]


def _variance(draft: Draft, node: Node) -> Json:
    t, segment = draft.text, node.segment
    kind = datatypes.cwe(segment.field(5), t) if segment.field(5) else {}
    lines = [line for raw in (*map(t.leaf, t.repetitions(segment.field(6))), kind.get("text", "")) if (line := raw)]
    if not lines:
        return {}
    made: Json = {"text": "\n".join(lines)}
    who = next(iter(t.repetitions(segment.field(4))), "")
    datatypes.put(made, "authorReference", practitioner(draft, who, f"{node.place}-4") if who else {})
    datatypes.put(made, "time", datatypes.moment(segment.field(2), t))
    return made


def _goal(draft: Draft, node: Node, about: Json, problems: list[Json]) -> Json:
    t, segment = draft.text, node.segment
    made: Json = apply(GOL, segment, {"resourceType": "Goal", "subject": about["subject"]}, draft, node.place)
    made.setdefault("description", order_types.NOT_SAID)
    made["lifecycleStatus"] = _WRONG if _is_deleted(draft, node) else _status(_GOAL_LIFE, segment.field(18), t) or "active"
    due = _day(segment.field(8), t) if segment.field(8) else ""
    if due:
        made["target"] = [{"dueDate": due}]
    if problems:
        made["addresses"] = problems
    said = _notes(draft, node)
    if said:
        made.setdefault("note", []).extend(said)
    team = _team(draft, node, about, problems)
    if team:
        made["expressedBy"] = draft.resource(team)["participant"][0]["member"]
    observed = [reported(draft, obx, about) for obx in node.each("OBX")]
    if observed:
        made["outcomeReference"] = observed
    reference = draft.add(node.place, made)
    for path in node.each("PTH"):
        _pathway(draft, path, about, problems, [reference])
    return reference


def _pathway(draft: Draft, node: Node, about: Json, problems: list[Json], goals: list[Json] | None = None) -> Json:
    t, segment = draft.text, node.segment
    made: Json = apply(PTH, segment, {"resourceType": "CarePlan", "intent": "plan"} | about, draft, node.place)
    made["status"] = _WRONG if _is_deleted(draft, node) else _status(_PATH_LIFE, segment.field(5), t) or "active"
    name: Any = made.get("category", [{}])[0].get("text")
    datatypes.put(made, "title", name)
    team = _team(draft, node, about, problems)
    for key, found in (("addresses", problems), ("careTeam", [team] if team else []), ("goal", goals or []), ("note", _notes(draft, node))):
        if found:
            made[key] = found
    if not made.get("period", True):
        del made["period"]
    return draft.add(node.place, made)
