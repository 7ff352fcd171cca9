"""The security labels of a v2 message: of the whole of it, and of single orders and problems.

CON is a sender's word on what the patient agreed to, not the patient's word to the hub. So it opens nothing: an agreement in it permits no
one. A refusal to release information in it (CON-11 of table 0498, CON-2 of table 0496) restricts the message it stands in.
"""

from collections.abc import Iterator
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import codes
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.labels import REASONS, RESTRICTIONS, V2

OF_ITEMS: Final = (("ORC", 28), ("PRB", 25))
_WHOLE: Final = (("PV2", 22), ("TXA", 18), ("PD1", 12))
_DELETED: Final = "D"
_REFUSALS: Final = frozenset({"L", "R", "X"})  # 0498: limited, refused, rescinded
_RELEASE: Final = "001"  # 0496: release of patient information; 002 to 137 are procedures, receipts and studies


def all_of(content: Content) -> tuple[str, ...]:
    """Every label of the message, those of single orders and problems included, an unknown word as written."""
    own = [label for name, n in OF_ITEMS for segment in content.segments(name) if (label := of_field(segment, n, content))]
    return tuple(dict.fromkeys((*whole(content), *own))) if own else whole(content)


def whole(content: Content) -> tuple[str, ...]:
    """The labels of the message as a whole: MSH-8 where it is one, MSH-26 and 27, PV2-22, TXA-18, PD1-12, ARV and CON."""
    said = [content.value(name, n) for name, n in _WHOLE]
    header = content.value("MSH", 8)
    if header in codes.HEADER_LABELS:
        said.append(header)
    said += [content.value("MSH", 26), *_each(content.field("MSH", 27), content)]
    found = [V2.get(label, label) for label in said if label]
    for arv in content.segments("ARV"):
        found += _restricted(arv, content)
    found += ["R" for con in content.segments("CON") if _refuses(con, content)]
    return tuple(dict.fromkeys(found)) if found else ()


def of_field(segment: Segment, n: int, content: Content) -> str:
    """The label in a field of an item (ORC-28, PRB-25); "" for none."""
    raw = segment.field(n)
    label = next(_each(raw, content), "") if raw else ""
    return V2.get(label, label)


def _each(raw: str, content: Content) -> Iterator[str]:
    """The first component of each repetition that has one."""
    t = content.text
    return (code for rep in t.repetitions(raw) if (code := t.part(t.parts(rep), 1))) if raw else iter(())


def _restricted(arv: Segment, content: Content) -> Iterator[str]:
    """ARV: a restriction of the patient's record or of the visit's, in whatever kind of information; one that is lifted says nothing."""
    if next(_each(arv.field(2), content), "") == _DELETED:
        return
    values = [RESTRICTIONS.get(code, code) for code in _each(arv.field(3), content)]
    yield from values
    if values != ["N"]:
        yield from (REASONS.get(code, code) for code in _each(arv.field(4), content))
    for n in (7, 8):  # classification tag and handling instructions: as MSH-26 and 27
        yield from _each(arv.field(n), content)


def _refuses(con: Segment, content: Content) -> bool:
    kind = next(_each(con.field(2), content), "")
    concerns = not (kind.isdigit() and len(kind) == len(_RELEASE)) or kind == _RELEASE
    return concerns and next(_each(con.field(11), content), "") in _REFUSALS
