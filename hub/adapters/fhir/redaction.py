"""A FHIR message without some of its items: as if the sender had never put them in.

Their entries go, and every reference to them; where a reference must be there (R4, minimum cardinality 1), what holds it goes too. So do
containers of which nothing is left, what was derived from them, what is there for them alone, and words that may speak of them:
narratives, conclusions and presented forms. The Bundle stays valid and does not say that anything is missing.
"""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters import bundle as bundles
from hub.adapters.fhir.document import Json, as_written, obj, objects, text
from hub.adapters.fhir.items import REASON, place, reason
from hub.adapters.fhir.message import Message
from hub.adapters.fhir.whole import references
from hub.adapters.labels import label_of
from hub.consent.resource_types import ABOUT, ACTORS

# References that R4 demands, by type and path; without one of them what holds it says nothing.
_REQUIRED: Final = frozenset((
    "AdverseEvent.suspectEntity.instance", "CareTeam.participant.member", "Claim.insurance.coverage", "Composition.attester.party",
    "DeviceRequest.codeReference", "DeviceUseStatement.device", "DiagnosticReport.media.link", "DocumentManifest.content",
    "DocumentReference.relatesTo.target", "DocumentReference.content.attachment", "DocumentReference.content", "Media.content",
    "Encounter.diagnosis.condition", "EpisodeOfCare.diagnosis.condition", "ImmunizationEvaluation.immunizationEvent",
    "Linkage.item.resource", "List.entry.item", "MedicationAdministration.medicationReference", "MedicationDispense.medicationReference",
    "MedicationRequest.medicationReference", "MedicationStatement.medicationReference", "Medication.ingredient.itemReference",
    "Procedure.focalDevice.manipulated", "Provenance.entity.what", "Provenance.target", "SupplyRequest.itemReference",
    "VerificationResult.target", "Condition.stage.assessment", "Account.coverage.coverage",
))  # fmt: skip
# Of a container: the element that holds what it is for. Where all of it went, so does the container.
_HOLDS: Final[Mapping[str, str]] = MappingProxyType(
    {"DiagnosticReport": "result", "List": "entry", "DocumentManifest": "content", "Composition": "section", "Observation": "hasMember"}
)
_DERIVED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(  # made of what it refers to there
    {"Observation": ("derivedFrom",), "DocumentReference": ("context",), "Media": ("partOf", "basedOn"), "RiskAssessment": ("basis",),
     "ClinicalImpression": ("investigation", "finding", "problem"), "Condition": ("evidence",), "Communication": ("about", "payload"),
     "Task": ("focus",)}
)  # fmt: skip
_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(  # what may speak of what a resource refers to
    {"DiagnosticReport": ("conclusion", "conclusionCode"), "Observation": ("note", "interpretation"), "List": ("note",),
     "ClinicalImpression": ("summary", "description", "note"), "CarePlan": ("note", "description"), "Encounter": (REASON,)}
)  # fmt: skip
# Words of any resource, which may speak of what it referred to; R4 demands some of some
_FREE: Final = frozenset({"text", "note", "description", "comment", "patientInstruction", "summary", "title"})
_DEMANDED: Final[Mapping[str, str]] = MappingProxyType({"Goal": "description", "Composition": "title"})
_REASONS: Final = "reasonReference"
_NEVER_WHOLE: Final = "presentedForm"  # a report as a document may hold every result, whichever report of the message it stands in
_STAY: Final = frozenset({"patient", "admission", "preadmission", "transfer", "discharge", "leave", "encounter"})
_SECRECY: Final = frozenset({"U", "L", "M", "N", "R", "V"})
_GONE: Final = object()


def without(message: Message, keys: Collection[str]) -> bytes | None:
    """The Bundle without the items of these keys; None when nothing of what it was sent for is left."""
    gone = _Gone(message, keys)
    if not gone.leave_a_subject():
        return None
    entries = [
        {k: as_written(v) for k, v in entry.items() if k != "resource"} | {"resource": as_written(gone.copies[n])}
        for n, entry in enumerate(objects(message.bundle.get("entry")))
        if n not in gone.numbers
    ]
    whole = {k: as_written(v) for k, v in message.bundle.items() if k not in {"entry", "signature", "total"}}
    if "total" in message.bundle:
        whole["total"] = len(entries)
    for bearer in (whole, *(e["resource"] for e in entries if e["resource"].get("resourceType") in ACTORS | ABOUT)):
        _say_less(bearer)
    return bundles.to_bytes(bundles.unnamed(whole | {"entry": entries}))


class _Gone:
    """Which entries go, and what the others are without them.

    numbers: of the entries. copies: the resources that are left, by number.
    """

    def __init__(self, message: Message, keys: Collection[str]) -> None:
        self._message: Final = message
        self._all: Final = message.entries.all
        self._number: Final = {id(r): n for n, r in enumerate(self._all)}
        self._keys: Final = frozenset(keys)
        self._refers: Final = [{self._number[id(t)] for t in self._targets(resource)} for resource in self._all]
        self.copies: dict[int, Json] = {}
        self.numbers: Final[set[int]] = {n for n in range(len(self._all)) if place(n) in self._keys}
        self.numbers.update(n for n, r in enumerate(self._all) if self._kind(n) in {"Consent", "AuditEvent"} and r is not message.patient)
        size = -1
        while size != len(self.numbers):  # until nothing more goes
            size = len(self.numbers)
            self._lost = self._identifiers()
            self._cut()
            self._collect()

    def _targets(self, value: Any) -> Iterator[Json]:
        """The resources that a value leads to, by References and by URLs of attachments."""
        names = [*(reference["reference"] for reference in references(value)), *_urls(value)]
        return (target for name in names if (target := self._message.entries.target({"reference": name})))

    @property
    def _is_of_stay(self) -> bool:
        return self._message.kind.partition(".")[0] in _STAY

    def _kind(self, n: int) -> str:
        return text(self._all[n].get("resourceType"))

    def _identifiers(self) -> frozenset[tuple[str, str]]:
        """By which what went may be named without a reference to its entry, and nothing that is left."""
        mine, theirs = set[tuple[str, str]](), set[tuple[str, str]]()
        for n, resource in enumerate(self._all):
            given = resource.get("identifier")
            found = {(text(i.get("system")), text(i.get("value"))) for i in (objects(given) or [obj(given)]) if i.get("value")}
            (mine if n in self.numbers else theirs).update(found)
        return frozenset(mine - theirs)

    def _cut(self) -> None:
        """The copies of what is left, without references to what went."""
        self.copies = {}
        for n, resource in enumerate(self._all):
            if n in self.numbers:
                continue
            made = self._without(resource, self._kind(n))
            if made is _GONE or (isinstance(made, dict) and self._is_empty(n, resource, made)):
                if n and resource is not self._message.patient:
                    self.numbers.add(n)
                    continue
                made = {k: v for k, v in resource.items() if k != "focus"}
            self.copies[n] = self._quiet(n, resource, obj(made))

    def _is_empty(self, n: int, resource: Json, made: Json) -> bool:
        """A container of which nothing is left, and what was derived from something that went."""
        kind = self._kind(n)
        holds = _HOLDS.get(kind, "")
        if holds in resource and holds not in made and not any(name.startswith(("value", "component")) for name in made):
            return True
        return any(name in resource and made.get(name) != resource[name] for name in _DERIVED.get(kind, ()))

    def _without(self, value: Any, path: str) -> Any:
        """A copy without references to what went; ``_GONE`` for what says nothing without one."""
        if isinstance(value, list):
            kept = [made for v in value if (made := self._without(v, path)) is not _GONE]
            return kept if kept or not value else _GONE
        if not isinstance(value, dict):
            return value
        if self._leads_away(value):
            return _GONE
        inner = text(value.get("resourceType"))
        out: Json = {}
        for name, v in value.items():
            below = f"{inner or path}.{name}"
            made = self._without(v, below)
            if made is not _GONE:
                out[name] = made
            elif below in _REQUIRED or below.endswith("xtension.valueReference"):
                return _GONE
        is_left = bool(out.keys() - {"id"}) or not value
        return out if is_left and not (path.endswith("Composition.section") and not out.keys() & {"entry", "section", "text"}) else _GONE

    def _leads_away(self, value: Json) -> bool:
        """Whether a value is a Reference to what went, or an Attachment that is there."""
        name = value.get("reference", value.get("url"))
        if isinstance(name, str):
            target = self._message.entries.target({"reference": name})
            if target:
                return self._number[id(target)] in self.numbers
        elif value.keys() - {"identifier", "type", "display", "id", "extension"}:
            return False
        named = obj(value.get("identifier"))
        return (text(named.get("system")), text(named.get("value"))) in self._lost if named.get("value") else False

    def _quiet(self, n: int, resource: Json, made: Json) -> Json:
        """A copy without the words that may speak of what went."""
        kind = self._kind(n)
        hides = kind == "Encounter" and reason(n) in self._keys
        unsaid = {_NEVER_WHOLE} | ({REASON, "text"} if hides else set())
        if made != resource:
            unsaid |= _FREE - {_DEMANDED.get(kind)} | set(_WORDS.get(kind, ())) - ({REASON} if not hides else set())
            if kind != "Encounter" and made.get(_REASONS) != resource.get(_REASONS):
                unsaid.add(REASON)
            made = {k: _unranked(v) if k in {"diagnosis", "section"} else v for k, v in made.items()}
        return {k: v for k, v in made.items() if k not in unsaid and k != "signature"}

    def _collect(self) -> None:
        """What only something that went refers to goes too: its specimen, its device, who made it."""
        kept = {t for n, targets in enumerate(self._refers) if n not in self.numbers for t in targets if t != n and self._holds_up(n, t)}
        wanted = {t for n in self.numbers for t in self._refers[n]} - kept - self.numbers - {0}
        stays = {t for t in wanted if self._all[t] is self._message.patient or (self._is_of_stay and self._kind(t) == "Encounter")}
        self.numbers.update(wanted - stays)

    def _holds_up(self, n: int, target: int) -> bool:
        """Whether one entry's reference is a reason to keep another; a Provenance of something is none."""
        return self._kind(n) != "Provenance" or self._kind(target) in ACTORS

    def leave_a_subject(self) -> bool:
        """Whether anything is left of what the message was sent for: its focus; of a stay the visit; of others anything but the visit."""
        header = self._all[0]
        focus = {self._number[id(t)] for f in objects(header.get("focus")) if (t := self._message.entries.target(f))}
        told = {n for n in range(len(self._all)) if self._kind(n) not in ACTORS | ABOUT}
        if not self._is_of_stay:
            told -= {n for n in told if self._kind(n) == "Encounter"}
            return not told or bool((focus & told or told) - self.numbers)
        if focus & told and focus & told <= self.numbers:
            return False
        visits = {n for n in focus or told if self._kind(n) == "Encounter"}
        return not visits or not visits <= self.numbers


def _urls(value: Any) -> Iterator[str]:
    """Every ``url`` below a value."""
    if isinstance(value, list):
        for v in value:
            yield from _urls(v)
    elif isinstance(value, dict):
        if isinstance(value.get("url"), str):
            yield value["url"]
        for v in value.values():
            yield from _urls(v)


def _unranked(value: Any) -> Any:
    """Diagnoses without ranks, for a second tells of a first; sections without words, and none of which nothing else is there."""
    if not isinstance(value, list):
        return value
    kept = [{k: _unranked(v) if k == "section" else v for k, v in obj(one).items() if k not in {"rank", "text"}} for one in value]
    return [one for one in kept if one.keys() & {"condition", "entry", "section"}]


def _say_less(holder: Json) -> None:
    """Of the labels of the whole, how secret it is and not of what kind: that would name what is gone."""
    meta = holder.get("meta")
    if isinstance(meta, dict) and "security" in meta:
        kept = list(_secrecy(meta["security"]))
        rest = {k: v for k, v in meta.items() if k != "security"} | ({"security": kept} if kept else {})
        holder.pop("meta")
        holder.update({"meta": rest} if rest else {})


def _secrecy(codings: Any) -> Iterator[Json]:
    return (c for c in objects(codings) if label_of(text(c.get("system")), text(c.get("code"))) in _SECRECY)
