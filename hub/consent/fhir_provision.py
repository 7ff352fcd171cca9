"""FHIR R4 Consent.provision -> the hub's own terms, or a refusal naming the element that the hub would not do justice to.

Sources: FHIR R4 Consent; IHE PCF basic, intermediate and advanced; HL7 Norway's Consent profile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from hub.consent.elements import Json, a_list, a_text, an_object, coded, codings, each, only, refused
from hub.consent.question import CONFIDENTIALITY, PURPOSES, SENSITIVITIES
from hub.consent.resource_types import NO_ITEMS, RESOURCE_TYPES
from hub.consent.times import bounds
from hub.errors import Reason
from hub.identity import DNR, FHN, FNR, HPR, HUB_PROVIDER, NO_BASIS, canonical
from hub.model import Actor, ActorKind, DataReference, Identifier, Meaning, Provider, Provision, Span

_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
_PURPOSE_SYSTEMS: Final = frozenset({"", f"{_TERMINOLOGY}v3-ActReason"})
_LEVEL_SYSTEMS: Final = frozenset({"", f"{_TERMINOLOGY}v3-Confidentiality"})
_SENSITIVITY_SYSTEMS: Final = frozenset({"", f"{_TERMINOLOGY}v3-ActCode"})
_TYPE_SYSTEMS: Final = frozenset({"", "http://hl7.org/fhir/resource-types"})
_ROLE_SYSTEMS: Final = frozenset({"", f"{_TERMINOLOGY}v3-ParticipationType", f"{_TERMINOLOGY}v3-RoleCode"})
_RECIPIENTS: Final = frozenset({"IRCP", "PRCP", "GRANTEE"})  # receives information; any other role would mean somebody else's part in it
# Elements that do not change what something says; extensions that do are called modifierExtension.
_SPARE: Final = frozenset({"id", "extension"})
_PROVISION: Final = _SPARE | {"type", "period", "actor", "purpose", "securityLabel", "class", "code", "dataPeriod", "data", "provision"}
_ACTOR: Final = _SPARE | {"role", "reference"}
_REFERENCE: Final = _SPARE | {"reference", "type", "identifier", "display"}
_PERIOD: Final = _SPARE | {"start", "end"}
_CONCEPT: Final = _SPARE | {"coding", "text"}
_DATA: Final = _SPARE | {"meaning", "reference"}
_KINDS: Final = MappingProxyType(
    {
        "Organization": ActorKind.ORGANISATION,
        "Practitioner": ActorKind.PERSON,
        "RelatedPerson": ActorKind.PERSON,
        "Patient": ActorKind.PERSON,
        "PractitionerRole": ActorKind.ROLE,
        "Group": ActorKind.GROUP,
        "CareTeam": ActorKind.GROUP,
    }
)
_OF_PERSONS: Final = frozenset({FNR, DNR, FHN, HPR})
_MEANINGS: Final = frozenset(m.value for m in Meaning)


class Organisations(Protocol):
    """Where the hub's ids of providers are looked up; the directory is one."""

    def provider(self, provider_id: str) -> Provider | None:
        """The provider of this id."""
        ...


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a provision stands, and what it says: a deny may be in doubt about what it names, a permit may not."""

    where: str
    deny: bool
    organisations: Organisations | None


def provision_from_fhir(provision: Json, deny: bool, organisations: Organisations | None, where: str) -> Provision:  # noqa: FBT001
    """The root provision with its exceptions. Raises Rejected.

    organisations: when given, a hub id that names no provider is refused.
    """
    exceptions = tuple(_exception(e, organisations, place) for e, place in each(provision, "provision", where))
    return _made(provision, _Place(where, deny, organisations), exceptions)


def _exception(provision: Json, organisations: Organisations | None, where: str) -> Provision:
    """A nested provision, which says itself what it is (FHIR R4) and has none of its own (IHE PCF)."""
    if "provision" in provision:
        raise refused(f"{where}.provision")
    kind = a_text(provision, "type", f"{where}.type")
    if kind not in ("deny", "permit"):
        raise refused(f"{where}.type", Reason.BAD_VALUE)
    return _made(provision, _Place(where, kind == "deny", organisations), ())


def _made(provision: Json, at: _Place, exceptions: tuple[Provision, ...]) -> Provision:
    only(provision, _PROVISION, at.where)
    return Provision(
        at.deny,
        _period(provision, "period", at.where),
        _period(provision, "dataPeriod", at.where),
        tuple(_actor(a, at, place) for a, place in each(provision, "actor", at.where)),
        tuple(_purpose(c, place) for c, place in each(provision, "purpose", at.where)),
        tuple(_label(c, place) for c, place in each(provision, "securityLabel", at.where)),
        tuple(_type(c, place) for c, place in each(provision, "class", at.where)),
        tuple(code for c, place in each(provision, "code", at.where) for code in _codes(c, at, place)),
        tuple(d for entry, place in each(provision, "data", at.where) for d in _data(entry, at, place)),
        exceptions,
    )


def _period(provision: Json, name: str, where: str) -> Span | None:
    """Both ends inclusive; None = always."""
    if name not in provision:
        return None
    where = f"{where}.{name}"
    period = an_object(provision[name], where)
    only(period, _PERIOD, where)
    if "start" not in period and "end" not in period:
        raise refused(where, Reason.MISSING_FIELD)
    start = _bounds(period, "start", where)[0] if "start" in period else None
    end = _bounds(period, "end", where)[1] if "end" in period else None
    if start is not None and end is not None and end < start:
        raise refused(where, Reason.BAD_VALUE)
    return Span(start, end)


def _bounds(period: Json, name: str, where: str) -> tuple[int, int | None]:
    where = f"{where}.{name}"
    try:
        return bounds(a_text(period, name, where))
    except ValueError:
        raise refused(where, Reason.BAD_VALUE) from None


def _actor(actor: Json, at: _Place, where: str) -> Actor:
    """Who an actor names, by identifier. A permit must name it under a system: in doubt, nothing is opened."""
    only(actor, _ACTOR, where)
    if "role" in actor:
        _recipient(actor["role"], f"{where}.role")
    reference = an_object(actor.get("reference", {}), where)
    only(reference, _REFERENCE, f"{where}.reference")
    identifier = _identifier(an_object(reference.get("identifier", {}), where))
    if identifier is None or not (identifier.system or at.deny):
        raise refused(where)
    kind = _kind(reference, identifier, where)
    if kind is not ActorKind.ORGANISATION and identifier.system:
        identifier = canonical(NO_BASIS.get(identifier.system, identifier.system), identifier.value)
    if identifier.system == HUB_PROVIDER and (
        kind is not ActorKind.ORGANISATION or (at.organisations is not None and at.organisations.provider(identifier.value) is None)
    ):
        raise refused(where)
    return Actor(identifier, kind)


def _recipient(role: object, where: str) -> None:
    only(an_object(role, where), _CONCEPT, where)
    for system, code in codings(role, where):
        if code not in _RECIPIENTS or system not in _ROLE_SYSTEMS:
            raise refused(where)


def _kind(reference: Json, identifier: Identifier, where: str) -> ActorKind:
    """By the type that the reference says or shows, else by what its identifiers are of."""
    literal, said = reference.get("reference"), reference.get("type")
    shown = _type_of(literal) if isinstance(literal, str) else ""
    named = {name for name in (said, shown) if name}
    if not named:
        return ActorKind.PERSON if NO_BASIS.get(identifier.system, identifier.system) in _OF_PERSONS else ActorKind.ORGANISATION
    if len(named) > 1 or named.isdisjoint(_KINDS):
        raise refused(where)
    return _KINDS[named.pop()]


def _type_of(literal: str) -> str:
    """The resource type in a literal reference, of a version or not; "" where it shows none."""
    parts = literal.partition("/_history/")[0].split("/")
    return parts[-2] if len(parts) > 1 and parts[-2] in RESOURCE_TYPES else ""


def _identifier(identifier: Json) -> Identifier | None:
    value, system = identifier.get("value"), identifier.get("system", "")
    if not isinstance(value, str) or not value.strip() or not isinstance(system, str):
        return None
    return Identifier(system.strip(), value.strip())


def _purpose(coding: Json, where: str) -> str:
    system, code = coded(coding, where)
    if code not in PURPOSES or system not in _PURPOSE_SYSTEMS:
        raise refused(where)
    return code


def _label(coding: Json, where: str) -> str:
    system, code = coded(coding, where)
    if (code in CONFIDENTIALITY and system in _LEVEL_SYSTEMS) or (code in SENSITIVITIES and system in _SENSITIVITY_SYSTEMS):
        return code
    raise refused(where)


def _type(coding: Json, where: str) -> str:
    system, code = coded(coding, where)
    if code not in RESOURCE_TYPES - NO_ITEMS or system not in _TYPE_SYSTEMS:
        raise refused(where)
    return code


def _codes(concept: Json, at: _Place, where: str) -> Iterator[tuple[str, str]]:
    """The codes of a CodeableConcept, each another word for the same. A text alone means nothing to the hub."""
    only(concept, _CONCEPT, where)
    if not a_list(concept, "coding", where):
        raise refused(where)
    for coding, place in each(concept, "coding", where):
        system, code = coded(coding, place)
        if not (system or at.deny):
            raise refused(place)
        yield system, code


def _data(entry: Json, at: _Place, where: str) -> Iterator[DataReference]:
    """What a data reference points at, by identifier and by literal reference: either names it."""
    only(entry, _DATA, where)
    meaning = entry.get("meaning")
    if not isinstance(meaning, str) or meaning not in _MEANINGS:
        raise refused(f"{where}.meaning")
    reference = an_object(entry.get("reference", {}), f"{where}.reference")
    only(reference, _REFERENCE, f"{where}.reference")
    named = [*_literal(reference.get("reference")), *_named(reference, at, f"{where}.reference")]
    if not named or (meaning == Meaning.INSTANCE and _type_of(str(reference.get("reference"))) in NO_ITEMS):
        raise refused(f"{where}.reference")
    for identifier in named:
        yield DataReference(Meaning(meaning), identifier)


def _literal(reference: Any) -> Iterator[Identifier]:
    """A reference as it is written; one to something contained names nothing outside."""
    if isinstance(reference, str) and reference.strip() and not reference.startswith("#"):
        yield Identifier("", reference.strip())


def _named(reference: Json, at: _Place, where: str) -> Iterator[Identifier]:
    if "identifier" in reference:
        identifier = _identifier(an_object(reference["identifier"], where))
        if identifier is None or not (identifier.system or at.deny):
            raise refused(where)
        yield identifier
