"""What stands around patient and visit in every message: roles, restrictions, disability, consents, insurance and accounts."""

from collections.abc import Iterator

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import accounts, insurance, privacy, provenance, roles
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.rows import Draft

_OWNERS = {"PID": "patient", "PD1": "patient", "PV1": "visit", "PV2": "visit"}
_OF_AN_OWNER = ("ROL", "PRT", "ARV", "DB1")
_ROLES = frozenset({"ROL", "PRT"})
_BETWEEN = frozenset({"NK1", "NTE", "OH1", "OH2", "OH3", "OH4", "MRG"})  # they leave the owner as it is


def around(draft: Draft, subject: Json, visit: Json, received_us: int) -> None:
    """Add who takes part in the care and in the visit, who may not know, the accounts, and when the record was changed."""
    if draft.content.has(*_OF_AN_OWNER):
        _besides(draft, subject, visit)
    privacy.consents(draft, subject)
    accounts.account(draft, subject, visit)
    accounts.merged(draft, subject)
    if draft.content.has("IN1", "IN3", "GT1"):
        accounts.settled(draft, *insurance.insured(draft, subject))
    pid = draft.content.segment("PID")
    if pid is not None and len(pid.fields) > 33:
        provenance.updated(draft, pid, subject, received_us)


def _besides(draft: Draft, subject: Json, visit: Json) -> None:
    team: list[Json] = []
    members: list[Segment] = []
    for owner, segment, place in _owned(draft):
        whose = visit if owner == "visit" else subject
        if segment.name == "DB1":
            privacy.disability(draft, segment, draft.resource(subject))
        elif segment.name == "ARV" and whose:
            privacy.restriction(draft, segment, draft.resource(whose))
        elif owner == "patient":
            roles.follows_patient(draft, segment, subject, team, place)
            members.append(segment)
        elif whose:
            roles.follows_visit(draft, segment, visit, place)
    roles.care_team(draft, {"subject": subject}, team, members, "CareTeam")


def _owned(draft: Draft) -> Iterator[tuple[str, Segment, str]]:
    """(whose it is, segment, place) of each ROL, PRT and ARV behind PID or PV1, and of each DB1."""
    owner = ""
    for n, segment in enumerate(draft.content):
        name = segment.name
        if name in _OWNERS:
            owner = _OWNERS[name]
        elif name in _OF_AN_OWNER:
            if (owner or name == "DB1") and not (name in _ROLES and roles.is_over(segment, draft.text)):
                yield owner, segment, f"{name}[{n}]"
        elif name not in _BETWEEN:
            owner = ""
