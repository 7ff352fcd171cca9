"""FHIR R4 Consent -> the hub's own terms, or a refusal: a patient must not believe in a lock that the hub does not understand.

Understood: what IHE PCF (basic, intermediate, advanced) and HL7 Norway write: a root deny or permit (``provision.type``, else by the
``policyRule`` or the PCF policy), with one level of exceptions (``hub.consent.fhir_provision``). Whatever else would change the meaning is
refused at its place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from hub.consent.elements import Json, a_text, an_object, codings, each, modified, only, refused
from hub.consent.fhir_provision import Organisations, provision_from_fhir
from hub.consent.times import bounds
from hub.errors import Reason, Rejected
from hub.identity import canonical, names_nobody
from hub.model import Base, Consent, Identifier, Provision
from hub.numbers import has_national_checksum

_STATUSES: Final = frozenset({"active", "inactive", "entered-in-error", "draft", "proposed", "rejected"})
_ELEMENTS: Final = frozenset({
    "resourceType", "id", "meta", "language", "text", "contained", "extension", "identifier", "status", "scope", "category", "patient",
    "dateTime", "performer", "organization", "sourceAttachment", "sourceReference", "policy", "policyRule", "verification", "provision",
    "_language", "_status", "_dateTime",
})  # fmt: skip
_POLICY: Final = frozenset({"id", "extension", "authority", "uri"})
_REPLACES: Final = "http://hl7.org/fhir/StructureDefinition/replaces"
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_OLD: Final = re.compile(r"(?:.*/)?Consent/([A-Za-z0-9.-]{1,64})")
_ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_NORWAY: Final = "http://hl7.no/fhir/CodeSystem/no-basis-legal-formality-or-basis"
_PCF: Final = "https://profiles.ihe.net/ITI/PCF/"


@dataclass(frozen=True, slots=True)
class _Policy:
    """A base policy that the hub knows. deny: what a root without a type says under it; None = nothing. labels, purposes: of what."""

    deny: bool | None
    labels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()


_LAW: Final = _Policy(None)  # permitted by law unless the patient objects
_RULES: Final = MappingProxyType(
    {
        (_NORWAY, "PBRL5-3"): _LAW,
        (_ACT_CODE, "OPTOUT"): _Policy(deny=True),
        (_ACT_CODE, "OPTIN"): _Policy(deny=False),
    }
)
_URIS: Final = MappingProxyType(
    {
        f"{_PCF}Policy-basic-normal": _Policy(False, ("N",), ("TREAT",)),
        f"{_PCF}Policy-all-normal": _Policy(False, ("N",)),
        f"{_PCF}Policy-break-glass-only": _Policy(deny=True),  # emergency access has a row of its own
        f"{_PCF}Policy-deny": _Policy(deny=True),
    }
)


def consent_from_fhir(resource: Json, version: int, organisations: Organisations | None = None) -> tuple[Consent, Identifier]:
    """The consent and whose it is. Raises Rejected with the element's place, never its value.

    version: the number this writing of it gets. organisations: when given, a hub id that names no provider is refused.
    A consent that is not active has no force, so what it contains need not be understood for it to be stored, and thereby lifted.
    """
    if resource.get("resourceType") != "Consent":
        raise refused("Consent")
    active = _status(resource) == "active"
    consent_id, patient = _id(resource), patient_of(resource)
    if names_nobody(patient):  # it would be in force, and find nobody
        raise refused("Consent.patient.identifier", Reason.MISSING_PATIENT)
    try:
        _whole(resource)
        provision, base = _provision(resource, organisations)
        _unmodified(resource)
        consent = Consent(consent_id, version, active, provision, base, _given_us(resource), tuple(_replaces(resource)))
    except Rejected:
        if active:
            raise
        consent = Consent(consent_id, version, False, Provision(deny=True))
    return consent, patient


def _status(resource: Json) -> str:
    status = a_text(resource, "status", "Consent.status")
    if status not in _STATUSES:
        raise refused("Consent.status", Reason.BAD_VALUE)
    return status


def _id(resource: Json) -> str:
    """The resource's id. It is shown in decisions and logs, so it may not be a person's number."""
    value = a_text(resource, "id", "Consent.id")
    if not _ID.fullmatch(value) or has_national_checksum(value):
        raise refused("Consent.id", Reason.BAD_VALUE)
    return value


def patient_of(resource: Json) -> Identifier:
    """Whose consent it is, whatever else it says. Raises Rejected."""
    where = "Consent.patient.identifier"
    identifier = an_object(an_object(resource.get("patient", {}), "Consent.patient").get("identifier", {}), where)
    value, system = identifier.get("value"), identifier.get("system", "")
    if not isinstance(value, str) or not value.strip() or not isinstance(system, str):
        raise refused(where, Reason.MISSING_PATIENT)
    # without a system it is whoever has the value, a person's number too: it must not be narrowed to the national system
    return canonical(system, value) if system.strip() else Identifier("", value.strip())


def _whole(resource: Json) -> None:
    """Refuses what would change the meaning of the whole resource."""
    only(resource, _ELEMENTS, "Consent")
    if "scope" in resource and "patient-privacy" not in {code for _, code in codings(resource["scope"], "Consent.scope")}:
        raise refused("Consent.scope")


def _unmodified(resource: Json) -> None:
    """Refuses what an extension modifies, in elements too of which the hub reads nothing; what is contained is another resource."""
    for name, value in resource.items():
        if name != "contained" and modified(value):
            raise refused(f"Consent.{name}")


def _provision(resource: Json, organisations: Organisations | None) -> tuple[Provision, Base]:
    """The root provision and the base it stands on; a consent without one is its base policy alone, for everyone, always."""
    where = "Consent.provision"
    provision = an_object(resource.get("provision", {}), where)
    rules, uris = list(_rules(resource)), list(_uris(resource))
    match provision.get("type"):
        case "deny":
            is_law = _LAW in rules or not (any(rules) or uris)
            return provision_from_fhir(provision, True, organisations, where), Base.LAW if is_law else Base.EXPLICIT
        case "permit":
            return _permit(provision_from_fhir(provision, False, organisations, where), rules, uris, resource)
        case None:
            return _implied(provision, [*rules, *uris], organisations, resource)
        case _:
            raise refused(f"{where}.type", Reason.BAD_VALUE)


def _permit(made: Provision, rules: Sequence[_Policy | None], uris: Sequence[_Policy | None], resource: Json) -> tuple[Provision, Base]:
    """A permit must stand on a base that it is no exception to; one that the law gives anyway must at least take something from it."""
    if any(rule is None or rule.deny for rule in rules):
        raise refused("Consent.policyRule")
    if any(uri is not None and uri.deny for uri in uris):
        raise refused("Consent.policy")
    if _LAW in rules:
        if not any(e.deny for e in made.exceptions):
            raise refused("Consent.policyRule")
        return made, Base.LAW
    _verified(resource)
    return _narrowed(made, uris), Base.EXPLICIT


def _implied(
    provision: Json, bases: Sequence[_Policy | None], organisations: Organisations | None, resource: Json
) -> tuple[Provision, Base]:
    """A root that says no type: the base policy says it, and what it is narrowed to where the root is silent."""
    where = "Consent.provision"
    kinds = {base.deny if base else None for base in bases}
    if len(kinds) != 1 or None in kinds:
        raise refused(f"{where}.type" if provision else where)
    made = provision_from_fhir(provision, kinds == {True}, organisations, where)
    if made.deny:
        return made, Base.EXPLICIT
    _verified(resource)
    return _narrowed(made, bases), Base.EXPLICIT


def _narrowed(made: Provision, bases: Sequence[_Policy | None]) -> Provision:
    """A permit of no more than its base policies give, where the root does not say itself of what it is."""
    labels = tuple(label for base in bases if base for label in base.labels)
    purposes = tuple(purpose for base in bases if base for purpose in base.purposes)
    return replace(made, labels=made.labels or labels, purposes=made.purposes or purposes)


def _verified(resource: Json) -> None:
    """A permit that somebody tried to verify with the patient, and could not, is none."""
    for entry, where in each(resource, "verification", "Consent"):
        if entry.get("verified") is not True:
            raise refused(where)


def _rules(resource: Json) -> Iterator[_Policy | None]:
    """The base policies that policyRule names by code; None for each that the hub does not know."""
    found = codings(resource["policyRule"], "Consent.policyRule") if "policyRule" in resource else []
    for system, code in found:
        yield next((policy for (of, word), policy in _RULES.items() if word == code and system in ("", of)), None)
    if "policyRule" in resource and not found:  # in words
        yield None


def _uris(resource: Json) -> Iterator[_Policy | None]:
    """The base policies that are named by URI, as IHE PCF does; None for the text of somebody's own."""
    for policy, where in each(resource, "policy", "Consent"):
        only(policy, _POLICY, where)
        if "uri" in policy:
            yield _URIS.get(a_text(policy, "uri", f"{where}.uri"))


def _given_us(resource: Json) -> int | None:
    """When the patient gave it; of a date its end: a later consent to what it locks must be given after that."""
    where = "Consent.dateTime"
    if "dateTime" not in resource:
        return None
    try:
        return bounds(a_text(resource, "dateTime", where))[1]
    except ValueError:
        raise refused(where, Reason.BAD_VALUE) from None


def _replaces(resource: Json) -> Iterator[str]:
    """Ids of the consents that the extension ``replaces`` names; ``sourceReference`` is what a consent was taken from, not what it ends."""
    for extension, where in each(resource, "extension", "Consent"):
        if extension.get("url") != _REPLACES:
            continue
        named = [value for name, value in extension.items() if name in ("valueCanonical", "valueUri", "valueUrl")]
        if "valueReference" in extension:
            named.append(an_object(extension["valueReference"], where).get("reference"))
        for value in named or [None]:
            old = _OLD.fullmatch(value) if isinstance(value, str) else None
            if old is None:
                raise refused(where)
            yield old[1]
