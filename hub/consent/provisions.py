"""What one consent says about one thing, for one recipient, at one moment (FHIR R4 Consent; IHE PCF).

A provision applies where each element that it has matches; of one element any value will do; an element it has not matches everything.
Where nobody can say whether an element matches, it does for a deny and does not for a permit: both err on the patient's side.
"""

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.consent.actors import names_asked, surely_names_asked
from hub.consent.case import Case
from hub.consent.labels import could_mean, surely_means
from hub.consent.question import CARE
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
    if any(e.deny and could_apply(e, case) for e in root.exceptions):
        return Opinion.LOCK
    if root.deny and not any(surely_applies(e, case) for e in root.exceptions):
        return Opinion.LOCK
    # under the law's base an exception to a lock takes the lock away and grants nothing
    return Opinion.PERMIT if consent.base is Base.EXPLICIT and surely_applies(root, case) else None


def could_apply(provision: Provision, case: Case) -> bool:
    """Whether it applies as far as anybody can say: how a deny is read."""
    item, question = case.item, case.question
    return (
        is_now(provision.period, case.now_us)
        and (not provision.actors or any(names_asked(a, question) for a in provision.actors))
        and (not provision.purposes or any(_could_be_for(p, question.purpose) for p in provision.purposes))
        and (not provision.labels or case.whole or could_mean(provision.labels, item.labels))
        and (not provision.classes or not item.type or item.type in provision.classes)
        and (not provision.codes or any(_could_be_coded(c, item.codes) for c in provision.codes))
        and (not provision.data or any(_could_be_meant(d, item) for d in provision.data))
        and (provision.data_period is None or _overlaps(provision.data_period, item, unknown=True))
    )


def surely_applies(provision: Provision, case: Case) -> bool:
    """Whether it applies without a doubt: how a permit is read."""
    item, question = case.item, case.question
    return (
        is_now(provision.period, case.now_us)
        and (not provision.actors or any(surely_names_asked(a, question) for a in provision.actors))
        and (not provision.purposes or any(question.purpose in (p, *_WITHIN.get(p, ())) for p in provision.purposes))
        and (not provision.labels or (not case.whole and surely_means(provision.labels, item.labels)))
        and (not provision.classes or item.type in provision.classes)
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


def _could_be_coded(code: tuple[str, str], codes: tuple[tuple[str, str], ...]) -> bool:
    """Equal, or not known to be another: coded in other systems only, it may be the same thing under another name."""
    system, value = code
    comparable = [found for of, found in codes if of == system or not system]
    return value in comparable if comparable else True


def _could_be_meant(data: DataReference, item: Item) -> bool:
    known, wanted = _known(data.meaning, item), data.identifier
    comparable = [i.value for i in known if _is_comparable(i, wanted)]
    if not comparable and data.meaning is Meaning.INSTANCE and _type_of(wanted) and item.type:
        return _type_of(wanted) == item.type
    return wanted.value in comparable if comparable else True


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
    return _type_of(known) == _type_of(wanted)


def _type_of(reference: Identifier) -> str:
    """The resource type of a literal reference such as ``Encounter/1``; "" for anything else."""
    return reference.value.partition("/")[0] if not reference.system and "/" in reference.value else ""
