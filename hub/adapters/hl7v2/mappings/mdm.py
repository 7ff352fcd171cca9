"""Documents: MDM^T01 to T11. TXA is the DocumentReference, the text and files of OBX its content.

Source: HL7 v2-to-FHIR MDM_T02, TXA[DocumentReference], TXA[Provenance], OBX[DocumentReference], NTE[DocumentReference]. R4 and RFC 2046 win
where the maps name media types that do not exist ("application/text", "text/hl7v2"): text is text/plain, its escape sequences read.
Beyond the guide: an addendum (T05, T06) appends to the document of TXA-13, a replacement (T09, T10) replaces it, a cancelled one (T11) is
entered in error; TXA-18 stands in the confidentiality codes that R4 binds security labels to, and as the v2 code it was.
"""

from base64 import b64encode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, media, notes, order_codes, order_types, professionals
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.groups import Node, Order, grammar, grouped, order
from hub.adapters.hl7v2.mappings.header import label
from hub.adapters.hl7v2.mappings.observation import TEXT_TYPES, reported
from hub.adapters.hl7v2.mappings.order_provenance import provenance
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply
from hub.adapters.hl7v2.mappings.service_request import service_request
from hub.adapters.hl7v2.mappings.times import instant

_GRAMMAR: Final = grammar(
    message="ORC OBR TXA OBX", ORC="OBR! NTE PRT TQ1", OBR="NTE PRT TQ1", TXA="NTE OBX", OBX="NTE PRT",
)  # fmt: skip
# what the event does to the document that TXA-13 names
_RELATION: Final[Mapping[str, str]] = MappingProxyType({"T05": "appends", "T06": "appends", "T09": "replaces", "T10": "replaces"})
_WITHDRAWN: Final = "T11"
_TEXTS: Final = frozenset({"TX", "FT"})  # 0191
_FILES: Final = frozenset({"ED", "RP"})
_CLOCKED: Final = 11  # a FHIR dateTime that says more than the day is longer than this
_RECIPIENT: Final = order_types.concept(f"{codes.TERMINOLOGY}v3-ParticipationType", "IRCP")


def _label(raw: str, t: Text) -> Json:
    code = datatypes.code(t.leaf(raw))
    if not code:
        return {}
    known = [label(code)] if code in codes.LABEL or code in codes.HEADER_LABELS else []
    return {"coding": [*known, {"system": f"{codes.TERMINOLOGY}v2-0272", "code": code}]}


def _completion(raw: str, t: Text) -> str:
    return order_codes.DOCUMENT_STATUS.get(t.leaf(raw), "")


def _completion_said(raw: str, t: Text) -> Json:
    code = datatypes.code(t.leaf(raw))
    return datatypes.alternate("0271", code) if code and code != "AU" else {}


def _availability(raw: str, t: Text) -> str:
    return order_codes.DOCUMENT_CURRENT.get(t.leaf(raw), "")


def _availability_said(raw: str, t: Text) -> Json:
    code = datatypes.code(t.leaf(raw))
    return datatypes.alternate("0273", code) if code and code != "AV" else {}


def _clocked(raw: str, t: Text) -> str:
    """A time, where more than the day is known: R4's date is an instant."""
    return datatypes.point(raw, t) if len(datatypes.moment(raw, t)) > _CLOCKED else ""


def _file_name(raw: str, t: Text) -> Json:
    value = t.part(t.parts(raw), 1)
    return {"value": value} if value else {}


TXA: Final[Rows] = (
    Row(2, "type", datatypes.cwe),
    Row(6, "date", _clocked),
    Row(7, "date", _clocked),
    Row(6, "date", datatypes.point),
    Link(9, "author", actors.xcn),
    Link(10, "authenticator", actors.xcn, many=False),
    Row(12, "masterIdentifier", datatypes.ei),
    Row(16, "identifier", _file_name, many=True),
    Row(17, "docStatus", _completion),
    Row(17, "_docStatus", _completion_said),
    Row(18, "securityLabel", _label, many=True),
    Row(19, "status", _availability),
    Row(19, "_status", _availability_said),
    Link(22, "authenticator", actors.xcn, many=False),
    Row(25, "description", lambda raw, t: t.leaf(raw)),
)


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the DocumentReference with its content and the orders it answers; what OBX holds besides text and files becomes Observations."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    root = grouped(draft.content, _GRAMMAR)
    related = [_ordered(draft, order(node), about) for node in root.each("ORC", "OBR")]
    loose = list(root.each("OBX"))
    headers = list(root.each("TXA"))
    if not headers:
        return [document(draft, None, loose, about, related + _apart(draft, loose, about))]
    found = []
    for n, txa in enumerate(headers):
        parts = [*txa.children, *(() if n else loose)]
        said = related or _asked(txa.segment, draft.text)
        found.append(document(draft, txa.segment, parts, about, said + _apart(draft, parts, about), txa.place if n else "TXA"))
    return found


def _apart(draft: Draft, parts: list[Node], about: Json) -> list[Json]:
    """Add what OBX holds besides text and files; gives the References."""
    return [reported(draft, obx, about) for obx in parts if obx.kind == "OBX" and _is_apart(obx.segment, draft.text)]


def _ordered(draft: Draft, group: Order, about: Json) -> Json:
    reference = draft.add(group.place, service_request(draft, group, about))
    if group.orc is not None:
        provenance(draft, group.orc, reference, group.place)
    return reference


def _asked(txa: Segment, t: Text) -> list[Json]:
    """TXA-14 and 15: the orders a document answers, by their numbers, where the message does not hold them."""
    found = [(datatypes.placer, raw) for raw in t.repetitions(txa.field(14))] or [
        (datatypes.filler, raw) for raw in t.repetitions(txa.field(15))
    ]
    return [made for make, raw in found if (made := order_types.logical(make(raw, t), "ServiceRequest"))]


def _is_apart(obx: Segment, t: Text) -> bool:
    return bool(obx.field(5)) and t.leaf(obx.field(2)) not in TEXT_TYPES | _FILES


def document(draft: Draft, txa: Segment | None, parts: list[Node], about: Json, related: list[Json], place: str = "TXA") -> Json:
    """Add the DocumentReference of a TXA and what comes with it; gives the Reference."""
    made: Json = {"resourceType": "DocumentReference", "subject": about["subject"]}
    if txa is not None:
        apply(TXA, txa, made, draft, place)
        _relate(draft, txa, made)
    made.setdefault("status", "current")
    if draft.trigger == _WITHDRAWN:
        made |= {"status": "entered-in-error", "docStatus": "entered-in-error"}
    made["content"] = _content(draft, parts, made, txa)
    context: Json = {"encounter": [about["encounter"]]} if "encounter" in about else {}
    if related:
        context["related"] = related
    if context:
        made["context"] = context
    reference = draft.add(place, made)
    if txa is not None and txa.field(8):
        _edited(draft, txa, reference, place)
    return reference


def _relate(draft: Draft, txa: Segment, made: Json) -> None:
    parent = datatypes.ei(txa.field(13), draft.text) if txa.field(13) else {}
    relation = _RELATION.get(draft.trigger)
    if parent and relation:
        made["relatesTo"] = [{"code": relation, "target": order_types.logical(parent, "DocumentReference")}]


def _content(draft: Draft, parts: list[Node], made: Json, txa: Segment | None) -> list[Json]:
    """All text as one attachment, in order; each file as one more; comments last. R4 wants one at least."""
    t = draft.text
    lines: list[str] = []
    files: list[Json] = []
    remarks: list[str] = []
    for node in parts:
        if node.kind == "NTE":
            remarks.append(notes.words(draft, node.segment))
            continue
        kind, value = t.leaf(node.segment.field(2)), node.segment.field(5)
        if kind in TEXT_TYPES:
            lines += [t.leaf(raw) for raw in value.split(t.repetition)]
        elif kind in _FILES:
            make = media.ed if kind == "ED" else media.rp
            files += [found for raw in t.repetitions(value) if (found := make(raw, t))]
        remarks += [notes.words(draft, n.segment) for n in node.children if n.kind == "NTE" and (kind in TEXT_TYPES or kind in _FILES)]
    attachments = [*_plain(lines), *files, *_plain(remarks)]
    title = made.get("description")
    _presented(attachments, txa, t)
    content = [{"attachment": a | ({"title": title} if title else {})} for a in attachments if a]
    return content or [{"attachment": {"title": title or "document"} | _kind(txa, t)}]


def _plain(lines: list[str]) -> list[Json]:
    text = "\n".join(lines)
    return [{"contentType": "text/plain; charset=utf-8", "data": b64encode(text.encode()).decode()}] if text.strip() else []


def _kind(txa: Segment | None, t: Text) -> Json:
    said = t.leaf(txa.field(3)) if txa is not None and txa.field(3) else ""
    kind = "text/plain" if said in _TEXTS else media.media_type(said, "")
    return {"contentType": kind} if kind else {}


def _presented(attachments: list[Json], txa: Segment | None, t: Text) -> None:
    """TXA-3 as the media type of a file that does not say its own."""
    kind = _kind(txa, t).get("contentType", "")
    for each in attachments:
        if kind or "data" in each:
            each.setdefault("contentType", kind or media.UNKNOWN)


def _edited(draft: Draft, txa: Segment, target: Json, place: str) -> None:
    """TXA-8, 9, 21 and 23: who changed the document when and why, and to whom copies went."""
    t = draft.text
    recorded = instant(t.at(datatypes.leaf(txa.field(8), t)))
    agents = []
    for number, kind in ((9, None), (23, _RECIPIENT)):
        for n, raw in enumerate(t.repetitions(txa.field(number))):
            who = professionals.practitioner(draft, raw, f"{place}-{number}[{n}]/agent")
            if who:
                agents.append({"who": who} | ({"role": [kind]} if kind else {}))
    if not recorded or not agents:
        return
    made: Json = {"resourceType": "Provenance", "target": [{"reference": target["reference"]}], "recorded": recorded}
    reason = t.leaf(txa.field(21))
    if reason:
        made["reason"] = [{"text": reason}]
    draft.add(f"{place}/provenance", made | {"agent": agents})


def documents_in(group: Order) -> list[Node]:
    """The OBX of an order that stand before its TXA: the document that came with the order."""
    found: list[Node] = []
    for part in group.parts:
        if part.kind == "TXA":
            return found
        if part.kind == "OBX":
            found.append(part)
    return []


def order_documents(draft: Draft, group: Order, about: Json) -> list[Json]:
    """Add the documents that came with an order; gives the References."""
    parts: list[Any] = documents_in(group)
    return [document(draft, node.segment, [*parts, *node.children], about, [], node.place) for node in group.each("TXA")]
