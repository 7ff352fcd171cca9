"""The patient's general practitioner, wherever a message names one."""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings.content import NULL, Content, Text
from hub.adapters.hl7v2.mappings.datatypes import hd_uri, remembered
from hub.adapters.hl7v2.mappings.roles import is_over
from hub.model import Identifier

NOBODY: Final = Identifier("", "")  # the patient is said to have none any more: whoever was known from before is it no longer
_PRIMARY_CARE: Final = "PP"  # table 0443
# segment, its role, its person, its organisation (0 = none)
_ROLES: Final = (("ROL", 3, 4, 0), ("PRT", 4, 5, 8))


def gps(content: Content) -> tuple[Identifier, ...]:
    """PD1-3 (organisation) and PD1-4 (person), and ROL or PRT in the role of primary care provider.

    ``NOBODY`` alone when PD1 deletes one (``""``), or a ROL or PRT does (action DE or UN), and none is named instead: an empty field
    says nothing new, this does.
    """
    t, is_deleted = content.text, False
    found = _organisations(content.field("PD1", 3), t) + _people(content.field("PD1", 4), t)
    for name, role, person, organisation in _ROLES:
        for segment in content.segments(name):
            if t.part(t.parts(segment.field(role)), 1) != _PRIMARY_CARE:
                continue
            if is_over(segment, t):
                is_deleted = True
            else:
                found += _people(segment.field(person), t) + _organisations(_field(segment, organisation), t)
    if not found and (is_deleted or NULL in (content.field("PD1", 3), content.field("PD1", 4))):
        return (NOBODY,)
    return tuple(dict.fromkeys(found))


def _field(segment: Segment, n: int) -> str:
    return segment.field(n) if n else ""


def _organisations(field: str, t: Text) -> tuple[Identifier, ...]:
    return tuple(i for raw in t.repetitions(field) for i in _organisation(raw, t)) if field else ()


def _people(field: str, t: Text) -> tuple[Identifier, ...]:
    return tuple(i for raw in t.repetitions(field) for i in _person(raw, t)) if field else ()


@remembered
def _organisation(raw: str, t: Text) -> tuple[Identifier, ...]:
    """XON-10 and XON-3, each in the system XON-6; the name where neither is given."""
    parts = t.parts(raw)
    numbers = [n for n in (t.part(parts, 10), t.part(parts, 3)) if n] or [n for n in parts[:1] if n]
    system = hd_uri(t.raw(raw, 6), t, t.subcomponent)
    return tuple(Identifier(system, number) for number in numbers)


@remembered
def _person(raw: str, t: Text) -> tuple[Identifier, ...]:
    """XCN-1 in the system XCN-9."""
    number = t.part(t.parts(raw), 1)
    return (Identifier(hd_uri(t.raw(raw, 9), t, t.subcomponent), number),) if number else ()
