"""Locks as the page writes them (FHIR R4 Consent: the four Norwegian shapes, and by kind of information); any consent in words. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from hub.consent.fhir import consent_from_fhir
from hub.errors import Reason, Rejected
from hub.identity import HUB_PROVIDER, canonical, derived_id
from hub.model import Consent, Identifier
from hub.web.body import Form
from hub.web.citizen.vocabulary import Said

_RULE_SYSTEM: Final = "http://hl7.no/fhir/CodeSystem/no-basis-legal-formality-or-basis"
_SCOPE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
_ROLE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_TYPE_SYSTEM: Final = "http://hl7.org/fhir/resource-types"
_PLAIN: Final = frozenset({"type", "actor", "period", "class"})  # what the page has words for

Json = dict[str, Any]


class Sort(StrEnum):
    """A kind of information a patient may lock."""

    ALL = ""
    RESULTS = "results"
    DOCUMENTS = "documents"
    MEDICINES = "medicines"
    CONDITIONS = "conditions"
    PLANS = "plans"


SORTS: Final[Mapping[Sort, Said]] = MappingProxyType(
    {
        Sort.ALL: ("all informasjon", "all information"),
        Sort.RESULTS: ("prøvesvar og målinger", "test results and measurements"),
        Sort.DOCUMENTS: ("dokumenter og epikriser", "documents and discharge letters"),
        Sort.MEDICINES: ("legemidler og vaksiner", "medicines and vaccines"),
        Sort.CONDITIONS: ("diagnoser og allergier", "diagnoses and allergies"),
        Sort.PLANS: ("timer og henvisninger", "appointments and referrals"),
    }
)
# FHIR resource types of each
TYPES: Final[Mapping[Sort, tuple[str, ...]]] = MappingProxyType(
    {
        Sort.ALL: (),
        Sort.RESULTS: ("Observation", "DiagnosticReport", "Specimen"),
        Sort.DOCUMENTS: ("DocumentReference", "Composition"),
        Sort.MEDICINES: ("MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration", "Immunization"),
        Sort.CONDITIONS: ("Condition", "AllergyIntolerance"),
        Sort.PLANS: ("Appointment", "ServiceRequest"),
    }
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A lock to be. provider: a hub id, "" = everyone. Both days are inside it; None = open."""

    provider: str = ""
    sort: Sort = Sort.ALL
    first: date | None = None
    last: date | None = None

    @classmethod
    def of(cls, form: Form) -> "Draft":
        """From the page's form. Raises Rejected(BAD_VALUE) with the field."""
        provider = "" if form.get("whom") == "everyone" else form.get("provider", "")
        if form.get("whom") not in ("everyone", "one") or (form.get("whom") == "one" and not provider):
            raise Rejected(Reason.BAD_VALUE, "provider")
        if form.get("sort", "") not in {sort.value for sort in Sort}:
            raise Rejected(Reason.BAD_VALUE, "sort")
        first, last = _day(form, "first"), _day(form, "last")
        if first and last and last < first:
            raise Rejected(Reason.BAD_VALUE, "last")
        return cls(provider, Sort(form.get("sort", "")), first, last)


def _day(form: Form, name: str) -> date | None:
    try:
        return date.fromisoformat(form[name]) if form.get(name) else None
    except ValueError:
        raise Rejected(Reason.BAD_VALUE, name) from None


def lock(draft: Draft, patient: Identifier, patient_key: str, by: Identifier) -> Json:
    """The Consent of a draft. by: who wrote it, the patient or for them.

    Its id is derived: the same lock twice is the same lock. But one that somebody writes for the patient is none of the patient's own,
    which would otherwise be theirs to lift by having been written again.
    """
    writer = () if by == patient else (by.system, by.value)
    days = (draft.first.isoformat() if draft.first else "", draft.last.isoformat() if draft.last else "")
    provision: Json = {"type": "deny"}
    if draft.provider:
        role = {"coding": [{"system": _ROLE_SYSTEM, "code": "IRCP"}]}
        provision["actor"] = [{"role": role, "reference": {"identifier": {"system": HUB_PROVIDER, "value": draft.provider}}}]
    if any(days):
        provision["period"] = {name: day for name, day in zip(("start", "end"), days, strict=True) if day}
    if TYPES[draft.sort]:
        provision["class"] = [{"system": _TYPE_SYSTEM, "code": type_} for type_ in TYPES[draft.sort]]
    return {
        "resourceType": "Consent",
        "id": derived_id("page-lock", patient_key, draft.provider, draft.sort.value, *days, *writer),
        "status": "active",
        "scope": {"coding": [{"system": _SCOPE_SYSTEM, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": patient.system, "value": patient.value}},
        "performer": [{"identifier": {"system": by.system, "value": by.value}}],
        "policyRule": {"coding": [{"system": _RULE_SYSTEM, "code": "PBRL5-3"}]},
        "provision": provision,
    }


def lifted(resource: Mapping[str, Any]) -> Json:
    """The same consent without force."""
    return {**resource, "status": "inactive"}


def performers(resource: Mapping[str, Any]) -> tuple[Identifier, ...] | None:
    """Who wrote a consent, as it says itself; None = it does not say, or not of everybody by identifier."""
    found = resource.get("performer")
    named = [_performer(p) for p in found] if isinstance(found, list) else []
    known = tuple(i for i in named if i is not None)
    return known if known and len(known) == len(named) else None


def _performer(reference: Any) -> Identifier | None:
    given = reference.get("identifier") if isinstance(reference, dict) else None
    system, value = (given.get("system"), given.get("value")) if isinstance(given, dict) else (None, None)
    return canonical(system, value) if isinstance(system, str) and isinstance(value, str) else None


@cache
def sorts() -> tuple[Sort, ...]:
    """The kinds of information that can be locked here: all of it, and others where the hub understands a Consent's ``class``."""
    probe = lock(Draft(sort=Sort.RESULTS), Identifier("urn:x", "1"), "probe", Identifier("urn:x", "1"))
    try:
        consent_from_fhir(probe, 1)
    except Rejected:
        return (Sort.ALL,)
    return tuple(Sort)


@dataclass(frozen=True, slots=True)
class Worded:
    """A consent as the page tells of it. whom: names, () = everyone. is_plain: False = it says more than the page has words for.

    is_later: its period has not begun. may_lift: whether whoever looks may lift it.
    """

    id: str
    version: int
    denies: bool
    whom: tuple[str, ...]
    sort: Sort | None
    first: str
    last: str
    is_plain: bool
    is_later: bool = False
    may_lift: bool = True


def worded(resource: Mapping[str, Any], version: int, names: Mapping[str, str]) -> Worded:
    """A consent that has been understood, in words. names: of providers by id."""
    provision = resource.get("provision", {})
    actors = [a.get("reference", {}).get("identifier", {}) for a in provision.get("actor", ())]
    whom = tuple(names.get(str(i.get("value")), str(i.get("value"))) for i in actors)
    period = provision.get("period", {})
    types = tuple(str(c.get("code")) for c in provision.get("class", ()))
    sort = next((s for s, of in TYPES.items() if of == types), None)
    is_plain = set(provision) <= _PLAIN and sort is not None and provision.get("type") in ("deny", "permit")
    denies, first, last = provision.get("type") != "permit", str(period.get("start", "")), str(period.get("end", ""))
    return Worded(str(resource["id"]), version, denies, whom, sort, first, last, is_plain)


def shown(found: Iterable[Consent], resources: Mapping[str, Mapping[str, Any]], names: Mapping[str, str], now_us: int) -> list[Worded]:
    """Those of a patient's consents that have force or will have, locks first. resources: by the consents' ids."""
    active = [c for c in found if c.active and not _over(c, now_us)]
    told = [replace(worded(resources[c.id], c.version, names), is_later=begins_later(c, now_us)) for c in active]
    return sorted(told, key=lambda w: (not w.denies, w.whom, w.first, w.id))


def begins_later(consent: Consent, now_us: int) -> bool:
    """Whether its period has not begun."""
    period = consent.provision.period
    return period is not None and period.start_us is not None and now_us < period.start_us


def _over(consent: Consent, now_us: int) -> bool:
    period = consent.provision.period
    return period is not None and period.end_us is not None and period.end_us < now_us
