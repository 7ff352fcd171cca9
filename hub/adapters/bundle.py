"""What every adapter does with a message Bundle: write it as bytes, and take from it what a subscription may not show.

Filtering is by allow-list: what these tables do not name is left out, so nothing new can slip through.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from hub.identity import derived_id
from hub.model import Detail, Provider

Json = dict[str, Any]
DESTINATION: Final = "\x00d"  # stands for MessageHeader.destination until the recipient is known; no message text can hold NUL
PROVIDER: Final = "urn:hub:provider"
HASH: Final = "ni:///sha-256;"  # RFC 6920
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
# json's own encoder in C, set up once (JSONEncoder.encode makes a new one for every value), where the interpreter has it
_IN_C: Final[Any] = getattr(json.encoder, "c_make_encoder", None)
_CHUNKS: Final[Callable[[Any, int], Iterable[str]]] = (
    _IN_C(None, _ENCODER.default, json.encoder.encode_basestring, None, ":", ",", False, False, True)
    if _IN_C
    else lambda value, _: _ENCODER.encode(value)
)
_PLACEHOLDER: Final = json.dumps(DESTINATION).encode()
_NUMBER: Final = re.compile(r'"\\u0000n(-?[0-9.]+)"')
_EVERYWHERE: Final = frozenset({"resourceType", "id", "meta"})
_VISIT: Final = frozenset(
    {"identifier", "status", "class", "subject", "period", "participant", "location", "hospitalization", "serviceProvider"}
)
_HEADER: Final = frozenset({"eventCoding", "destination", "sender", "source", "focus"})
_PERSON: Final = frozenset({"identifier", "name", "birthDate", "gender"})
_PERSON_MORE: Final = frozenset({"active", "telecom", "address", "deceasedBoolean", "deceasedDateTime", "communication", "link"})
_KEPT: Final[Mapping[Detail, Mapping[str, frozenset[str]]]] = MappingProxyType(
    {
        Detail.MINIMAL: {"MessageHeader": _HEADER, "Patient": _PERSON | _PERSON_MORE | {"generalPractitioner"}, "Encounter": _VISIT},
        Detail.NOTICE: {"MessageHeader": _HEADER, "Patient": _PERSON},
    }
)
_STAY: Final = frozenset({"preAdmissionIdentifier", "origin", "admitSource", "destination", "dischargeDisposition"})
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
_CONFIDENTIALITY: Final = f"{_TERMINOLOGY}v3-Confidentiality"  # how secret; the other labels say of what kind, and are clinical
_PARTICIPATION: Final = f"{_TERMINOLOGY}v3-ParticipationType"  # attends, refers, admits ...; other words may be anything
_NEVER: Final = frozenset({"extension", "modifierExtension"})  # they may say anything


class Written(Json):
    """A resource whose JSON was written before: ``text`` is all of it but the id, which comes last. To change it, empty ``text`` first."""

    __slots__ = ("text",)

    text: str


def written(resource: Json) -> str:
    """The JSON of a resource without an id, as ``Written.text`` holds it."""
    return "".join(_CHUNKS(resource, 0))[:-1]


def to_bytes(bundle: Json) -> bytes:
    """Compact JSON in UTF-8, keys in the order they were made, entries last; numbers marked by the adapter lose their quotes.

    Each entry is made into bytes by itself: a document in one of them may be as large as all the others together.
    """
    rest = bundle.copy()
    entries = b",".join([_encoded(_entry_text(e)) for e in rest.pop("entry", ())])
    return b"".join((_encoded("".join(_CHUNKS(rest, 0))[:-1]), b',"entry":[', entries, b"]}"))


def _encoded(text: str) -> bytes:
    return (_NUMBER.sub(r"\1", text) if '"\\u0000n' in text else text).encode()


def _entry_text(entry: Json) -> str:
    resource = entry.get("resource")
    if type(resource) is Written and resource.text:
        return f'{{"fullUrl":"{entry["fullUrl"]}","resource":{resource.text},"id":"{resource["id"]}"}}}}'
    return "".join(_CHUNKS(entry, 0))


def addressed(data: bytes, recipient: Provider) -> bytes:
    """The Bundle's bytes with the recipient as its destination."""
    endpoint = recipient.deliver.url or f"{PROVIDER}:{recipient.id}"
    return data.replace(_PLACEHOLDER, _destination(endpoint, recipient.name or recipient.id), 1)


@lru_cache(maxsize=4096)  # words of the configuration
def _destination(endpoint: str, name: str) -> bytes:
    return _ENCODER.encode([{"endpoint": endpoint, "name": name}]).encode()


def unnamed(bundle: Json) -> Json:
    """A Bundle that does not name the message it was made of by its hash: of a redacted copy that would be a print of what is missing."""
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource.get("resourceType") == "Provenance" and "entity" in resource:
            kept = [e for e in resource["entity"] if not _is_hash(e)]
            if type(resource) is Written:
                resource.text = ""
            resource.pop("entity")
            resource.update({"entity": kept} if kept else {})
    return bundle


def _is_hash(entity: Any) -> bool:
    what = entity.get("what") if isinstance(entity, dict) else None
    name = what.get("identifier") if isinstance(what, dict) else None
    return isinstance(name, dict) and str(name.get("value", "")).startswith(HASH)


def filtered(bundle: Json, detail: Detail, event_id: str, numbers: frozenset[str] | None = None) -> Json:
    """A new Bundle that shows no more than ``detail``: MINIMAL = header, patient and visit; NOTICE = header and who the patient is.

    numbers: the values of the identifiers that a patient is known by; others are not shown. None = all are.
    """
    kept = _KEPT[detail]
    entries = [e for e in bundle["entry"] if _kind(e) in kept]
    if detail is Detail.NOTICE:
        patients = [e for e in entries if e["resource"]["resourceType"] == "Patient"]
        retired = [id(e) for e in patients[1:]]
        entries = [e for e in entries if id(e) not in retired]  # not the record a merge retired
    known = {name for e in entries for name in _names(e)}
    made = [_entry(e, kept[e["resource"]["resourceType"]], known) for e in entries]
    for resource in (e["resource"] for e in made if e["resource"]["resourceType"] == "Patient"):
        _known_by(resource, detail, numbers)
    _refocus(made, _first_url(entries, "Encounter") or _first_url(entries, "Patient"))
    out = {k: bundle[k] for k in ("resourceType", "type", "timestamp", "identifier") if k in bundle}
    return out | {"id": derived_id(event_id, "bundle", detail.value), "entry": made}


def _known_by(resource: Json, detail: Detail, numbers: frozenset[str] | None) -> None:
    """A patient's numbers, and in a notice one name: who it is, and not what else the patient is called."""
    if numbers is not None and isinstance(found := resource.get("identifier"), list):
        resource["identifier"] = [i for i in found if i.get("value") in numbers]
    if detail is Detail.NOTICE and isinstance(names := resource.get("name"), list):
        resource["name"] = names[:1]


def _kind(entry: Any) -> str:
    """The type of an entry's resource; "" for whatever is none."""
    resource = entry.get("resource") if isinstance(entry, dict) else None
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    return kind if isinstance(kind, str) else ""


def _names(entry: Json) -> list[str]:
    resource = entry["resource"]
    return [n for n in (entry.get("fullUrl"), f"{resource['resourceType']}/{resource.get('id')}") if n and isinstance(n, str)]


def _first_url(entries: list[Json], kind: str) -> str:
    return next((_names(e)[0] for e in entries if e["resource"]["resourceType"] == kind), "")


def _refocus(entries: list[Json], url: str) -> None:
    for entry in entries:
        if entry["resource"]["resourceType"] == "MessageHeader":
            entry["resource"].pop("focus", None)
            if url:
                entry["resource"]["focus"] = [{"reference": url}]


def _entry(entry: Json, keys: frozenset[str], known: set[str]) -> Json:
    resource = entry["resource"]
    shown = {k: _shown(v, known) for k, v in resource.items() if k in keys or k in _EVERYWHERE}
    if isinstance(meta := shown.get("meta"), dict):
        labels = _codings(meta.get("security"), _CONFIDENTIALITY)
        shown["meta"] = {k: v for k, v in (("security", labels), ("tag", _codings(meta.get("tag"), ""))) if v}
    if isinstance(stay := shown.get("hospitalization"), dict):
        shown["hospitalization"] = {k: v for k, v in stay.items() if k in _STAY}
    if isinstance(source := shown.get("source"), dict):
        shown["source"] = {k: v for k, v in source.items() if k in {"name", "endpoint"}}
    if isinstance(people := shown.get("participant"), list):
        shown["participant"] = [p for person in people if (p := _takes_part(person))]
    shown = {k: v for k, v in shown.items() if v not in ({}, [])}
    return ({"fullUrl": entry["fullUrl"]} if "fullUrl" in entry else {}) | {"resource": shown}


def _codings(found: Any, system: str) -> list[Json]:
    """System and code of the Codings of a system, of all systems where it is ""; the words beside them are left out."""
    codings = [c for c in found if isinstance(c, dict)] if isinstance(found, list) else []
    said = [c for c in codings if not system or c.get("system") is None or c.get("system") == system]
    return [kept for c in said if (kept := {k: c[k] for k in ("system", "code") if isinstance(c.get(k), str)})]


def _takes_part(person: Any) -> Any:
    """A participant as what in standard words; ``{}`` when nobody is left."""
    if not isinstance(person, dict):
        return person
    types = person.get("type")
    concepts = [t for t in types if isinstance(t, dict)] if isinstance(types, list) else []
    said = [codings for t in concepts if (codings := _codings(t.get("coding"), _PARTICIPATION))]
    out = {k: v for k, v in person.items() if k != "type"} | ({"type": [{"coding": codings} for codings in said]} if said else {})
    return out if out.keys() & {"individual", "actor"} else {}


def _shown(value: Any, known: set[str]) -> Any:
    """A value without extensions, and without references to what was left out (their display and identifier stay)."""
    if isinstance(value, list):
        return [shown for v in value if (shown := _shown(v, known)) not in ({}, [])]
    if not isinstance(value, dict):
        return value
    out = {k: _shown(v, known) for k, v in value.items() if k not in _NEVER and not k.startswith("_")}
    if isinstance(out.get("reference"), str) and out["reference"] not in known:
        del out["reference"]
    return {k: v for k, v in out.items() if v not in ({}, [])}
