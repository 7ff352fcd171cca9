"""Documents: MDM. TXA is the DocumentReference, the text and files of OBX its content."""

from base64 import b64encode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, media
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.observation import TEXT_TYPES, observation
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply

# what the event does to the document that TXA-13 names
_RELATION: Final[Mapping[str, str]] = MappingProxyType({"T05": "appends", "T06": "appends", "T09": "replaces", "T10": "replaces"})
_WITHDRAWN: Final = "T11"


def _label(raw: str, t: Text) -> Json:
    code = t.leaf(raw)
    known = codes.LABEL.get(code)
    system = codes.CONFIDENTIALITY if known else f"{codes.TERMINOLOGY}v2-0272"
    return {"coding": [{"system": system, "code": known or datatypes.code(code)}]} if code else {}


def _completion(raw: str, t: Text) -> str:
    return codes.DOCUMENT_STATUS.get(t.leaf(raw), "")


def _availability(raw: str, t: Text) -> str:
    return codes.DOCUMENT_CURRENT.get(t.leaf(raw), "")


def _file_name(raw: str, t: Text) -> Json:
    value = t.part(t.parts(raw), 1)
    return {"value": value} if value else {}


TXA: Final[Rows] = (
    Row(2, "type", datatypes.cwe),
    Row(6, "date", datatypes.point),
    Row(7, "date", datatypes.point),
    Link(9, "author", actors.xcn),
    Link(10, "authenticator", actors.xcn, many=False),
    Row(12, "masterIdentifier", datatypes.ei),
    Row(16, "identifier", _file_name, many=True),
    Row(17, "docStatus", _completion),
    Row(18, "securityLabel", _label, many=True),
    Row(19, "status", _availability),
    Row(25, "description", lambda raw, t: t.leaf(raw)),
)


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the DocumentReference with its content; what OBX holds besides text and files becomes Observations."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    made: Json = {"resourceType": "DocumentReference", "subject": subject}
    txa = draft.content.segment("TXA")
    if txa is not None:
        apply(TXA, txa, made, draft, "TXA")
        _relate(draft, txa, made)
    made.setdefault("status", "current")
    if draft.trigger == _WITHDRAWN:
        made |= {"status": "entered-in-error", "docStatus": "entered-in-error"}
    made["content"] = _content(draft, made) or [{"attachment": {"title": made.get("description") or "document"}}]
    related = _observations(draft, about)
    context = ({"encounter": [visit]} if visit else {}) | ({"related": related} if related else {})
    if context:
        made["context"] = context
    return [draft.add("TXA", made)]


def _relate(draft: Draft, txa: Segment, made: Json) -> None:
    parent = datatypes.ei(txa.field(13), draft.text)
    relation = _RELATION.get(draft.trigger)
    if parent and relation:
        made["relatesTo"] = [{"code": relation, "target": {"identifier": parent}}]


def _content(draft: Draft, made: Json) -> list[Json]:
    """All text as one attachment, in order; each file as one more."""
    t = draft.text
    lines: list[str] = []
    files: list[Json] = []
    for obx in draft.content.segments("OBX"):
        kind = t.leaf(obx.field(2))
        if kind in TEXT_TYPES:
            lines += [t.leaf(raw) for raw in obx.field(5).split(t.repetition)]
        elif kind in {"ED", "RP"}:
            make = media.ed if kind == "ED" else media.rp
            files += [made for raw in t.repetitions(obx.field(5)) if (made := make(raw, t))]
    text = "\n".join(lines)
    if text.strip():
        files.insert(0, {"contentType": "text/plain; charset=utf-8", "data": b64encode(text.encode()).decode()})
    title = made.get("description")
    return [{"attachment": file | ({"title": title} if title else {})} for file in files]


def _observations(draft: Draft, about: Json) -> list[Json]:
    t = draft.text
    apart = [s for s in draft.content.segments("OBX") if t.leaf(s.field(2)) not in TEXT_TYPES | {"ED", "RP"} and s.field(5)]
    return [observation(draft, obx, about, f"OBX[{n}]") for n, obx in enumerate(apart)]
