"""What one consent says about one thing, for one recipient, at one moment (FHIR R4 Consent; IHE PCF).

A provision applies where each element that it has matches; of one element any value will do; an element it has not matches everything.
Where nobody can say whether an element matches, it does for a deny and does not for a permit: both err on the patient's side.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.consent.actors import names_asked, surely_names_asked
from hub.consent.case import Case
from hub.consent.labels import NORMAL, could_mean, surely_means
from hub.consent.question import CARE, CONFIDENTIALITY
from hub.model import Base, Consent, DataReference, Identifier, Item, Meaning, Provision, Span

# The purposes within each (v3-ActReason)
_WITHIN: Final = MappingProxyType(
    {
        "TREAT": frozenset({"COC", "ETREAT", "BTG"}),
        "ETREAT": frozenset({"BTG"}),
        "HOPERAT": frozenset({"CAREMGT"}),
        "PATRQT": frozenset({"FAMRQT", "PWATRNY"}),
    }
)
# A literal reference (FHIR R4, 2.3.0.1): relative or absolute, of a version or not, to something inside it or not
_LITERAL: Final = re.compile(
    r"(?:[^?#]*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?(?:[#|].*)?", re.ASCII | re.DOTALL
)
_URN: Final = "urn:"


class Opinion(StrEnum):
    """What a consent says where it says anything."""

    LOCK = "lock"
    PERMIT = "permit"


def opinion(consent: Consent, case: Case) -> Opinion | None:
    """The consent's result: a deny is a lock under either base policy, a permit counts only where the base is explicit; None = nothing.

    An exception holds inside what it is an exception to. Of two exceptions the denying one wins.
    """
    root = consent.provision
    if not could_apply(root, case):
        return None
    exceptions = root.exceptions
    if exceptions and any(e.deny and could_apply(e, case) for e in exceptions):
        return Opinion.LOCK
    if root.deny and not (exceptions and any(surely_applies(e, case) for e in exceptions)):
        return Opinion.LOCK
    # under the law's base an exception to a lock takes the lock away and grants nothing
    return Opinion.PERMIT if consent.base is Base.EXPLICIT and surely_applies(root, case) else None


def could_apply(provision: Provision, case: Case) -> bool:
    """Whether it applies as far as anybody can say: how a deny is read."""
    item, question = case.item, case.question
    return (
        (provision.period is None or is_now(provision.period, case.now_us))
        and (not provision.actors or any(names_asked(a, question) for a in provision.actors))
        and (not provision.purposes or any(_could_be_for(p, question.purpose) for p in provision.purposes))
        and (not provision.labels or case.whole or could_mean(provision.labels, item.labels or _labels_of(item)))
        and (not provision.classes or not item.type or not set(item.types).isdisjoint(provision.classes))
        and (not provision.codes or any(_could_be_coded(c, item) for c in provision.codes))
        and (not provision.data or any(_could_be_meant(d, item) for d in provision.data))
        and (provision.data_period is None or _overlaps(provision.data_period, item, unknown=True))
    )


def surely_applies(provision: Provision, case: Case) -> bool:
    """Whether it applies without a doubt: how a permit is read."""
    item, question = case.item, case.question
    return (
        (provision.period is None or is_now(provision.period, case.now_us))
        and (not provision.actors or any(surely_names_asked(a, question) for a in provision.actors))
        and (not provision.purposes or any(question.purpose in (p, *_WITHIN.get(p, ())) for p in provision.purposes))
        and (not provision.labels or (not case.whole and surely_means(provision.labels, item.labels)))
        and (not provision.classes or item.type.partition(" ")[0] in provision.classes)
        and (not provision.codes or not set(provision.codes).isdisjoint(item.codes))
        and (not provision.data or any(_is_meant(d, item) for d in provision.data))
        and (provision.data_period is None or _overlaps(provision.data_period, item, unknown=False))
    )


def is_now(period: Span | None, now_us: int) -> bool:
    """Whether a period, of which both ends are inside, has this moment in it; None = always."""
    if period is None:
        return True
    return (period.start_us is None or period.start_us <= now_us) and (period.end_us is None or now_us <= period.end_us)


def _overlaps(span: Span, item: Item, *, unknown: bool) -> bool:
    times = [t for t in (item.first_us, item.last_us) if t is not None]
    if not times:
        return unknown
    return (span.start_us is None or span.start_us <= max(times)) and (span.end_us is None or min(times) <= span.end_us)


def _could_be_for(purpose: str, asked: str) -> bool:
    """A lock on treatment is one on all care, whatever word the recipient has for it."""
    return asked in (purpose, *_WITHIN.get(purpose, ())) or (purpose in CARE and asked in CARE)


def _labels_of(item: Item) -> tuple[str, ...]:
    """Of what nobody has labelled: normal where it is a frame, else nobody knows."""
    return (CONFIDENTIALITY[NORMAL],) if item.is_frame else ()


def _could_be_coded(code: tuple[str, str], item: Item) -> bool:
    """Equal, or not known to be another: coded in other systems only, it may be the same thing under another name. A frame is not."""
    system, value = code
    comparable = [found for of, found in item.codes if of == system or not system]
    return value in comparable if comparable else not item.is_frame


def _could_be_meant(data: DataReference, item: Item) -> bool:
    known, wanted = _known(data.meaning, item), data.identifier
    comparable = [i for i in known if _is_comparable(i, wanted)]
    if not comparable and data.meaning is Meaning.INSTANCE and item.type and (literal := _LITERAL.fullmatch(wanted.value)):
        return literal[1] == item.types[0]
    return any(_is_same(i, wanted) for i in comparable) if comparable else True


def _is_meant(data: DataReference, item: Item) -> bool:
    return data.identifier in _known(data.meaning, item)


def _known(meaning: Meaning, item: Item) -> Iterable[Identifier]:
    match meaning:
        case Meaning.INSTANCE:
            return item.ids
        case Meaning.RELATED:
            return (*item.ids, *item.links)
        case Meaning.AUTHORED_BY:
            return item.authors


def _is_comparable(known: Identifier, wanted: Identifier) -> bool:
    """Whether two identifiers that differ are known to name two things: of one system, or literal references to one type."""
    if known.system != wanted.system:
        return known.value == wanted.value and not (known.system and wanted.system)
    return bool(known.system) or _sort_of(known.value) == _sort_of(wanted.value)


def _sort_of(reference: str) -> str | None:
    """What can be told apart: the resource type of a literal reference, ``urn:`` of an address of that kind, None for a number."""
    literal = _LITERAL.fullmatch(reference)
    return literal[1] if literal else _URN if reference.startswith(_URN) else None


def _is_same(known: Identifier, wanted: Identifier) -> bool:
    """Whether two that are comparable name one thing: a literal reference does at whatever server and of whatever version."""
    return known.value == wanted.value or (not known.system and _id_of(known.value) == _id_of(wanted.value))


def _id_of(reference: str) -> str:
    """The id in a literal reference; of anything else, all of it."""
    literal = _LITERAL.fullmatch(reference)
    return literal[2] if literal else reference
