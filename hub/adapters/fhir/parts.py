"""A submission as messages: one message Bundle for each patient and event, each with the resources that explain it.

Deterministic: the same bytes from the same sender give the same messages under the same ids, so that a repeat has no new effect. A
message never holds a resource of another patient. Each names the whole it was cut from by its SHA-256 (RFC 6920), in a Provenance.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.adapters import bundle as bundles
from hub.adapters.fhir import events
from hub.adapters.fhir.document import Json, Number, as_written, bound, obj, objects, text
from hub.adapters.fhir.events import Told
from hub.adapters.fhir.mappings import OWN
from hub.adapters.fhir.message import Envelope, Message, check, envelope_of
from hub.adapters.fhir.submission import Shape, Submission
from hub.adapters.fhir.times import microseconds
from hub.adapters.fhir.whole import SUBJECTS, Whole, conditional, each, kind_named
from hub.errors import Reason, Rejected
from hub.identity import HUB_PROVIDER, derived_id
from hub.model import Kind, Refusal

PARTS_MAX: Final = 1000
_SIZE_MIN: Final = 1_048_576
_GROWTH_MAX: Final = 8  # times: what several events share stands in the message of each

_ABSENT: Final = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_INSTANT: Final = re.compile(r"T.*(Z|[+-]\d\d:\d\d)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """One message."""

    message: Message = field(repr=False)
    envelope: Envelope = field(repr=False)
    raw: bytes = field(repr=False)
    changes: tuple[int, ...]  # the changes it tells of
    places: tuple[str, ...]  # of each entry of the message, where it stood in the whole; "" for what the hub added

    @property
    def kind(self) -> Kind:
        """What it tells of."""
        return self.envelope.kind

    def place(self, where: str) -> str:
        """A place in the message as a place in what was sent."""
        return _place(self.places, where)


@dataclass(frozen=True, slots=True)
class Split:
    """What became of each change: the messages that tell of it, or why it is refused; one in neither was nothing to tell of alone."""

    parts: tuple[Part, ...]
    refused: Mapping[int, Refusal]


def split(submission: Submission, sender: str) -> Split:
    """The messages of a submission, in its order. ``sender``: the hub's id of the provider. Raises Rejected(TOO_COMPLEX)."""
    whole = Whole(submission.changes)
    told, refused = events.told(whole, submission.shape)
    if len(told) > PARTS_MAX:
        raise Rejected(Reason.TOO_COMPLEX, "Bundle.entry")
    parts, left = [], _SIZE_MIN + _GROWTH_MAX * submission.size
    for one in told:
        try:
            part = _Making(whole, one, submission, sender).part()
        except Rejected as exc:
            refused |= dict.fromkeys(one.changes, Refusal(exc.reason, exc.where or whole.changes[one.changes[0]].place))
            continue
        left -= len(part.raw)
        if left < 0:
            raise Rejected(Reason.TOO_COMPLEX, "Bundle.entry")
        parts.append(part)
    return Split(tuple(parts), refused)


def digest_name(digest: bytes) -> str:
    """A SHA-256 as a name (RFC 6920)."""
    return bundles.HASH + urlsafe_b64encode(digest).rstrip(b"=").decode()


class _Making:
    """One message under construction."""

    def __init__(self, whole: Whole, told: Told, submission: Submission, sender: str) -> None:
        self._whole: Final = whole
        self._told: Final = told
        self._submission: Final = submission
        self._sender: Final = sender
        self._key: Final = ("part", sender, submission.digest.hex(), told.kind.value, *map(str, (told.patient, *told.changes)))
        self._members: Final = events.members(whole, told)
        self._urls: Final = self._named()

    def part(self) -> Part:
        """Raises Rejected when what was made is no message that is understood: then neither is what it was made of."""
        head, provenance = (f"urn:uuid:{derived_id(*self._key, name)}" for name in ("header", "provenance"))
        entries = [{"fullUrl": head, "resource": self._header(head)}]
        entries += [{"fullUrl": self._urls[n], "resource": self._resource(n)} for n in self._members]
        entries.append({"fullUrl": provenance, "resource": self._provenance(provenance, head)})
        bundle = self._bundle() | {"entry": entries}
        changes = self._whole.changes
        places = ("", *(changes[n].place if n < len(changes) else "" for n in self._members), "")
        try:
            message = self._checked(bundle)
            return Part(message, envelope_of(message), bundles.to_bytes(bundle), self._told.changes, places)
        except Rejected as exc:
            raise Rejected(exc.reason, _place(places, exc.where)) from None

    def _checked(self, bundle: Json) -> Message:
        """The message, read as every other before anyone is told that it is taken. Raises Rejected."""
        if self._submission.shape is Shape.RESOURCE:  # which stands deeper now than it did
            bound(bundle)
        return check(bundle)

    def _named(self) -> dict[int, str]:
        """A fullUrl for every member: its own where it has one to itself."""
        out: dict[int, str] = {}
        for n in self._members:
            given = self._whole.changes[n].name if n < len(self._whole.changes) else ""
            is_own = ("://" in given or given.startswith("urn:")) and given not in out.values()
            out[n] = given if is_own else f"urn:uuid:{derived_id(*self._key[:3], 'entry', str(n))}"
        return out

    def _bundle(self) -> Json:
        control = derived_id(*self._key)
        security = objects(self._submission.meta.get("security"))
        out: Json = {"resourceType": "Bundle", "id": derived_id(*self._key, "bundle")}
        if security:
            out["meta"] = {"security": self._copy(security)}
        out |= {"identifier": {"system": f"{HUB_PROVIDER}:{self._sender}", "value": control}, "type": "message"}
        return out | ({"timestamp": at} if (at := self._noted()) else {})

    def _noted(self) -> str:
        """When the change was noted, by whoever says: the peer, the resource, the Bundle."""
        change = self._whole.changes[self._told.changes[0]]
        said = (change.when, text(obj(change.resource.get("meta")).get("lastUpdated")), self._submission.timestamp)
        return next((at for at in said if _INSTANT.search(at) and microseconds(at) is not None), "")

    def _header(self, url: str) -> Json:
        endpoint = f"{HUB_PROVIDER}:{self._sender}"
        return {
            "resourceType": "MessageHeader",
            "id": url.removeprefix("urn:uuid:"),
            "eventCoding": {"system": OWN, "code": self._told.kind.value},
            "source": {"endpoint": endpoint},
            "sender": {"identifier": {"system": HUB_PROVIDER, "value": self._sender}},
            "focus": [{"reference": self._urls[n]} for n in self._told.focus],
        }

    def _provenance(self, url: str, head: str) -> Json:
        at = self._noted()
        who = {"identifier": {"system": HUB_PROVIDER, "value": self._sender}}
        what = {"identifier": {"system": "urn:ietf:rfc:3986", "value": digest_name(self._submission.digest)}}
        recorded: Json = {"recorded": at} if at else {"_recorded": _ABSENT}
        return {
            "resourceType": "Provenance",
            "id": url.removeprefix("urn:uuid:"),
            "target": [{"reference": head}],
            **recorded,
            "agent": [{"type": {"coding": [{"system": _PARTICIPANT, "code": "author"}]}, "who": who}],
            "entity": [{"role": "source", "what": what}],
        }

    def _resource(self, n: int) -> Json:
        """A resource as it was written, its references leading to where their targets stand in the message."""
        resource = self._whole.resources[n]
        made: Json = self._copy(resource)
        if resource.get("resourceType") == "Patient":
            return self._linked(n, made)
        for holder, copy in _naming(resource, made):
            if self._whole.person(holder, resource) == self._told.patient:
                copy["reference"] = self._urls[self._told.patient]
        return made

    def _linked(self, n: int, patient: Json) -> Json:
        """The patient with the links that this message needs: of a merge both ways; else none that says the record is retired."""
        told, links = self._told, objects(patient.get("link"))
        if n in told.retired:
            links = [*_links_but(links, "replaced-by"), _link(self._urls[told.patient], "replaced-by")]
        elif told.retired:
            made = {self._urls[r] for r in told.retired}
            links = [link for link in links if text(obj(link.get("other")).get("reference")) not in made]
            links = [*_links_but(links, "replaced-by"), *(_link(url, "replaces") for url in sorted(made))]
        else:
            written = objects(self._whole.resources[n].get("link"))
            pairs = zip(written, links, strict=True)
            links = [self._named_link(w, link) for w, link in pairs if text(link.get("type")) != "replaced-by"]
        return {k: v for k, v in patient.items() if k != "link"} | ({"link": links} if links else {})

    def _named_link(self, written: Json, link: Json) -> Json:
        """A link to a record that does not come along says whose it is by a number."""
        found = self._whole.target(obj(written.get("other")))
        numbers = objects(self._whole.resources[found].get("identifier")) if found is not None else []
        return link | {"other": {"type": "Patient", "identifier": self._copy(numbers[0])}} if numbers else link

    def _copy(self, value: Any) -> Any:
        if isinstance(value, Number):
            return as_written(value)
        if isinstance(value, list):
            return [self._copy(v) for v in value]
        if not isinstance(value, dict):
            return value
        out = {k: self._copy(v) for k, v in value.items()}
        if isinstance(value.get("reference"), str):
            self._lead(value, out)
        elif isinstance(value.get("url"), str) and "contentType" in value and "data" not in value:
            self._attach(value["url"], out)
        return out

    def _lead(self, reference: Json, out: Json) -> None:
        """Write the reference as this message needs it; a conditional one that leads nowhere says whom it means by an identifier."""
        found, name = self._whole.target(reference), reference["reference"]
        if found is not None and found in self._urls:
            out["reference"] = self._urls[found]
        elif given := conditional(name):
            del out["reference"]
            out |= {"type": kind_named(name), "identifier": given}

    def _attach(self, url: str, out: Json) -> None:
        """An attachment that stands in the Bundle as a Binary is put where it belongs."""
        found = self._whole.find(url)
        binary = self._whole.resources[found] if found is not None else {}
        if binary.get("resourceType") == "Binary" and isinstance(binary.get("data"), str):
            del out["url"]
            out["data"] = binary["data"]


def _place(places: Sequence[str], where: str) -> str:
    """A place in a message as a place in what was sent; ``places``: of each of its entries."""
    for n, place in enumerate(places):
        head = f"Bundle.entry[{n}].resource"
        if place and (where == head or where.startswith((f"{head}.", f"{head}["))):
            rest = where.removeprefix(head)
            return f"{place}.resource{rest}" if place.startswith("Bundle.") else f"{place}{rest}"
    return where


def _naming(resource: Json, made: Json) -> Iterator[tuple[Json, Json]]:
    """(as written, as copied) of each Reference by which a resource names its patient."""
    for element in SUBJECTS:
        yield from zip(each(resource.get(element)), each(made.get(element)), strict=True)
    if resource.get("resourceType") == "Appointment":
        for written, copied in zip(objects(resource.get("participant")), objects(made.get("participant")), strict=True):
            if isinstance(copied.get("actor"), dict):
                yield obj(written.get("actor")), copied["actor"]


def _links_but(links: list[Json], kind: str) -> list[Json]:
    return [link for link in links if text(link.get("type")) != kind]


def _link(url: str, kind: str) -> Json:
    return {"other": {"reference": url}, "type": kind}
