"""A FHIR R4 Bundle in plain words: what was found, written, ordered, planned; names, values and units as they were sent. Pure.

The table ``READERS`` says which resources are told, and of each what; others are told by name. What it does not name (identifiers,
addresses) is in the download, and so is what is no valid R4: nobody has judged that at the door.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from hub.consent.resource_types import NO_ITEMS
from hub.web.citizen.times import OSLO, civil_date, civil_time
from hub.web.citizen.vocabulary import Language, Said, say

_TEXT_CHARS_MAX: Final = 20_000  # of one document on the page; the rest is in the download
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")

Json = Mapping[str, Any]
Fact = tuple[Said, str]

# What a resource's status says beyond the usual
_STATUSES: Final[Mapping[str, Said]] = MappingProxyType(
    {
        "preliminary": ("foreløpig", "preliminary"),
        "amended": ("endret", "amended"),
        "corrected": ("rettet", "corrected"),
        "cancelled": ("avlyst", "cancelled"),
        "revoked": ("trukket tilbake", "withdrawn"),
        "stopped": ("stanset", "stopped"),
        "on-hold": ("satt på vent", "on hold"),
        "noshow": ("ikke møtt", "missed"),
        "entered-in-error": ("feilført", "entered in error"),
        "not-done": ("ikke gjort", "not done"),
        "superseded": ("erstattet", "replaced"),
    }
)
# v3-ObservationInterpretation
_INTERPRETATIONS: Final[Mapping[str, Said]] = MappingProxyType(
    {
        "N": ("normal", "normal"),
        "H": ("høy", "high"),
        "HH": ("svært høy", "very high"),
        "L": ("lav", "low"),
        "LL": ("svært lav", "very low"),
        "A": ("avvikende", "abnormal"),
        "AA": ("svært avvikende", "very abnormal"),
        "POS": ("påvist", "positive"),
        "NEG": ("ikke påvist", "negative"),
        "S": ("følsom", "susceptible"),
        "R": ("motstandsdyktig", "resistant"),
    }
)
_VALUE: Final = ("Svar", "Result")
_NORMAL: Final = ("Vanlig område", "Usual range")
_WHEN: Final = ("Når", "When")
_UNTIL: Final = ("Til", "Until")
_WHERE: Final = ("Hvor", "Where")
_WHY: Final = ("Hvorfor", "Why")
_NOTE: Final = ("Merknad", "Note")
_HOW: Final = ("Bruk", "How to use")
_TEXT: Final = ("Tekst", "Text")
_STATUS: Final = ("Status", "Status")
_WHO: Final = ("Av", "By")


@dataclass(frozen=True, slots=True)
class Told:
    """One thing of a message. sort: what it is; name: what the sender calls it."""

    sort: Said
    name: str = field(repr=False)
    facts: tuple[Fact, ...] = field(repr=False)


def told(bundle: Json, language: Language) -> list[Told]:
    """What a message tells, in its own order."""
    found = []
    for resource in resources(bundle):
        kind = str(resource.get("resourceType"))
        if kind in _UNTOLD:
            continue
        sort, read = READERS.get(kind, _OTHER)
        try:
            facts = tuple((label, text) for label, text in read(resource, language) if text)
            name = _name(resource)
        except _ODD:
            facts, name = (), ""
        if name or facts:
            found.append(Told(sort, name, facts))
    return found


def resources(bundle: Json) -> Iterator[Json]:
    """The resources of a Bundle."""
    for entry in bundle.get("entry", ()):
        if isinstance(entry.get("resource"), Mapping):
            yield entry["resource"]


def _name(resource: Json) -> str:
    for element in ("code", "medicationCodeableConcept", "vaccineCode", "type", "appointmentType"):
        if element in resource and resource["resourceType"] not in ("Encounter", "Appointment"):
            return concept(resource[element])
    said = resource.get("title") or resource.get("description") or resource.get("category")
    return said if isinstance(said, str) else concept(said)


def concept(given: Any) -> str:
    """A CodeableConcept, or several, as its sender's words; a bare code where there are none."""
    if isinstance(given, list):
        return ", ".join(filter(None, map(concept, given)))
    if not isinstance(given, Mapping):
        return ""
    codings = [c for c in given.get("coding", ()) if isinstance(c, Mapping)]
    words = (given.get("text"), *(c.get("display") for c in codings), *(c.get("code") for c in codings))
    return str(next((w for w in words if w), ""))


def quantity(given: Json) -> str:
    """``< 5 mg/L``."""
    return " ".join(str(given[k]) for k in ("comparator", "value", "unit") if given.get(k) not in (None, ""))


def moment(text: Any, language: Language) -> str:
    """A FHIR date, dateTime or instant for people; as written where it is not a whole one."""
    if not isinstance(text, str):
        return ""
    try:
        if len(text) == 10:
            return civil_date(language, date.fromisoformat(text))
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo else at.replace(tzinfo=OSLO)
        return civil_time(language, microseconds(at))
    except ValueError:
        return text


def microseconds(at: datetime) -> int:
    """Since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _status(resource: Json, language: Language) -> Fact:
    words = _STATUSES.get(str(resource.get("status") or resource.get("docStatus")))
    return _STATUS, say(words, language) if words else ""


def _notes(resource: Json) -> str:
    return "\n".join(str(n.get("text", "")) for n in resource.get("note", ()) if isinstance(n, Mapping))


def value(resource: Json, language: Language) -> str:
    """The value[x] of an Observation or of a component of it, or why there is none."""
    name = next((k for k in resource if k.startswith("value")), "")
    if not name:
        return concept(resource.get("dataAbsentReason"))
    said = _VALUES.get(name)
    return said(resource[name], language) if said else str(resource[name])


def _between(given: Json, language: Language) -> str:
    ends = [(given.get(k)) for k in ("low", "high", "numerator", "denominator", "start", "end") if given.get(k)]
    return (" / " if "numerator" in given else " – ").join(quantity(e) if isinstance(e, Mapping) else moment(e, language) for e in ends)


_VALUES: Final[Mapping[str, Callable[[Any, Language], str]]] = MappingProxyType(
    {
        "valueQuantity": lambda given, _: quantity(given),
        "valueCodeableConcept": lambda given, _: concept(given),
        "valueDateTime": moment,
        "valueTime": moment,
        "valueBoolean": lambda given, language: say(("ja", "yes") if given else ("nei", "no"), language),
        "valueRange": _between,
        "valueRatio": _between,
        "valuePeriod": _between,
    }
)


def _observation(r: Json, language: Language) -> Iterator[Fact]:
    codes = [str(c.get("code")) for i in r.get("interpretation", ()) for c in i.get("coding", ())]
    judged = ", ".join(say(_INTERPRETATIONS[c], language) for c in codes if c in _INTERPRETATIONS)
    answer = value(r, language)
    yield _VALUE, f"{answer} ({judged})" if judged and answer else answer or judged
    for part in r.get("component", ()):
        yield _VALUE, f"{concept(part.get('code'))}: {value(part, language)}"
    yield _NORMAL, ", ".join(str(x.get("text") or _between(x, language)) for x in r.get("referenceRange", ()))
    yield _WHEN, moment(r.get("effectiveDateTime") or (r.get("effectivePeriod") or {}).get("start"), language)
    yield _NOTE, _notes(r)
    yield _status(r, language)


def _document(r: Json, language: Language) -> Iterator[Fact]:
    yield _WHEN, moment(r.get("date"), language)
    yield _WHO, ", ".join(str(a.get("display", "")) for a in r.get("author", ()))
    for content in r.get("content", ()):
        attachment = content.get("attachment", {})
        yield _TEXT, _text(attachment) or str(attachment.get("title") or attachment.get("contentType") or "")
    yield _status(r, language)


def _text(attachment: Json) -> str:
    if not str(attachment.get("contentType", "")).startswith("text/plain"):
        return ""
    try:
        text = b64decode(str(attachment.get("data", "")), validate=True).decode("utf-8")
        return text if len(text) <= _TEXT_CHARS_MAX else f"{text[:_TEXT_CHARS_MAX]} …"
    except (NotBase64, UnicodeDecodeError):
        return ""


def _encounter(r: Json, language: Language) -> Iterator[Fact]:
    """A stay that says no more than that it began is told by the page's list of stays."""
    period = r.get("period") or {}
    rest = [(_UNTIL, moment(period.get("end"), language)), (_WHY, concept(r.get("reasonCode"))), _status(r, language)]
    if any(text for _, text in rest):
        yield _WHEN, moment(period.get("start"), language)
        yield from rest


def actors(appointment: Json) -> Iterator[str]:
    """What its participants are called."""
    given = appointment.get("participant")
    for one in given if isinstance(given, list) else ():
        actor = one.get("actor") if isinstance(one, Mapping) else None
        if isinstance(actor, Mapping) and actor.get("display"):
            yield str(actor["display"])


def _planned(r: Json, language: Language) -> Iterator[Fact]:
    yield _WHEN, moment(r.get("start") or r.get("occurrenceDateTime") or r.get("authoredOn"), language)
    yield _WHERE, ", ".join(actors(r))
    yield _WHY, concept(r.get("reasonCode"))
    yield _NOTE, _notes(r) or str(r.get("patientInstruction") or "")
    yield _status(r, language)


def _medicine(r: Json, language: Language) -> Iterator[Fact]:
    yield _HOW, "\n".join(str(d.get("text", "")) for d in (*r.get("dosageInstruction", ()), *r.get("dosage", ())))
    yield _WHEN, moment(r.get("authoredOn") or r.get("whenHandedOver") or r.get("occurrenceDateTime"), language)
    yield _NOTE, _notes(r)
    yield _status(r, language)


def _problem(r: Json, language: Language) -> Iterator[Fact]:
    yield _WHEN, moment(r.get("onsetDateTime") or r.get("recordedDate"), language)
    yield _NOTE, _notes(r)
    yield _STATUS, concept(r.get("verificationStatus")) if concept(r.get("verificationStatus")) in ("refuted", "entered-in-error") else ""


def _report(r: Json, language: Language) -> Iterator[Fact]:
    yield _VALUE, "\n".join(filter(None, (str(r.get("conclusion") or ""), concept(r.get("conclusionCode")))))
    yield from _other(r, language)


def _plan(r: Json, language: Language) -> Iterator[Fact]:
    yield _TEXT, str(r.get("description")) if isinstance(r.get("description"), str) and "title" in r else ""
    for activity in r.get("activity", ()):
        detail = activity.get("detail", {})
        yield _TEXT, str(detail.get("description") or concept(detail.get("code")))
    yield from _other(r, language)


def _sent(r: Json, language: Language) -> Iterator[Fact]:
    yield _TEXT, "\n".join(str(p.get("contentString", "")) for p in r.get("payload", ()))
    yield from _other(r, language)


def _other(r: Json, language: Language) -> Iterator[Fact]:
    """What anything may say."""
    at = next((r[k] for k in _TIMES if r.get(k)), None) or next((r[k].get("start") for k in _PERIODS if r.get(k)), None)
    yield _WHEN, moment(at, language)
    yield _WHY, concept(r.get("reasonCode"))
    yield _NOTE, _notes(r)
    yield _status(r, language)


_TIMES: Final = (
    "effectiveDateTime", "performedDateTime", "occurrenceDateTime", "startDate", "sent", "authoredOn", "date", "created", "recordedDate",
)  # fmt: skip
_PERIODS: Final = ("effectivePeriod", "performedPeriod", "occurrencePeriod", "period")
_ODD: Final = (AttributeError, TypeError, KeyError, ValueError)  # what reading something of another shape raises
# Who, where and on what it was done, and what it costs: of these the download tells
_UNTOLD: Final = NO_ITEMS | {
    "Account", "Basic", "Binary", "Bundle", "CareTeam", "ClaimResponse", "Coverage", "EpisodeOfCare", "List", "Medication", "Schedule",
    "Slot", "Specimen",
}  # fmt: skip
_Reader = Callable[[Json, Language], Iterator[Fact]]
READERS: Final[Mapping[str, tuple[Said, _Reader]]] = MappingProxyType(
    {
        "Observation": (("Prøve eller måling", "Test or measurement"), _observation),
        "DocumentReference": (("Dokument", "Document"), _document),
        "Encounter": (("Opphold", "Stay"), _encounter),
        "Appointment": (("Time", "Appointment"), _planned),
        "ServiceRequest": (("Bestilling eller henvisning", "Order or referral"), _planned),
        "Condition": (("Diagnose eller problem", "Diagnosis or problem"), _problem),
        "AllergyIntolerance": (("Allergi", "Allergy"), _problem),
        "MedicationRequest": (("Legemiddel, forskrevet", "Medicine, prescribed"), _medicine),
        "MedicationDispense": (("Legemiddel, utlevert", "Medicine, dispensed"), _medicine),
        "MedicationStatement": (("Legemiddel i bruk", "Medicine in use"), _medicine),
        "MedicationAdministration": (("Legemiddel, gitt", "Medicine, given"), _medicine),
        "Immunization": (("Vaksine", "Vaccine"), _medicine),
        "DiagnosticReport": (("Rapport", "Report"), _report),
        "Procedure": (("Inngrep eller undersøkelse", "Procedure"), _other),
        "CarePlan": (("Plan", "Plan"), _plan),
        "Goal": (("Mål", "Goal"), _other),
        "Communication": (("Melding", "Message"), _sent),
        "ChargeItem": (("Betaling", "Charge"), _other),
    }
)
_OTHER: Final[tuple[Said, _Reader]] = (("Annet", "Other"), _other)
