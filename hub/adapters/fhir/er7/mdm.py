"""Documents: MDM. The DocumentReference is TXA, its attachments and what it relates to are OBX."""

from collections.abc import Iterator
from typing import Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes, media, orders
from hub.adapters.fhir.er7.actors import xcn
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.header import evn
from hub.adapters.fhir.er7.observation import Results, numbered
from hub.adapters.fhir.er7.patient import pid
from hub.adapters.fhir.er7.rows import Maker, Rows, fields, one, refers, refers_once
from hub.adapters.fhir.er7.text import escape, lines, segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1

_DOCUMENT: Final = "^Document"  # OBX-3 where the document has no type
_NO_TYPE: Final = "UNK"  # TXA-2 is required
_DOCUMENTED: Final = "DO"  # table 0271, TXA-17 is required
_WITH_CONTENT: Final = "MDM_T02"


def _type(document: Json, _entries: Entries) -> str:
    """TXA-2 (table 0270), which is required: the table's own code, a LOINC code's, else whatever code or name it has."""
    concept = document.get("type")
    known = escape(datatypes.code(concept, "0270"))
    return (
        known
        or next((escape(code) for c in datatypes.codings(concept) if (code := text(c.get("code")))), "")
        or escape(datatypes.shown(concept))
    )


def _presentation(document: Json, _entries: Entries) -> str:
    files = [obj(c.get("attachment")) for c in objects(document.get("content"))]
    kinds = [media.media_type(kind)[0] for f in files if (kind := text(f.get("contentType")))]
    return {"TEXT": "TX"}.get(kinds[0], kinds[0]) if kinds else ""


def _number(document: Json, _entries: Entries) -> str:
    given = [obj(document.get("masterIdentifier")), *objects(document.get("identifier"))]
    return next((made for i in given if (made := datatypes.ei(i))), "") or datatypes.string(document.get("id"))


def _parent(document: Json, entries: Entries) -> str:
    """TXA-13: the document that this one replaces, adds to, or is made from."""
    for relation in objects(document.get("relatesTo")):
        reference = obj(relation.get("target"))
        target = entries.target(reference)
        given = [obj(reference.get("identifier")), obj(target.get("masterIdentifier")), *objects(target.get("identifier"))]
        made = next((made for i in given if (made := datatypes.ei(i))), "")
        if made:
            return made
    return ""


def _file_name(document: Json, _entries: Entries) -> str:
    given = [i for i in objects(document.get("identifier")) if not datatypes.codings(i.get("type"))]
    return next((made for i in given if (made := datatypes.string(i.get("value")))), "")


def _label(document: Json, _entries: Entries) -> str:
    """TXA-18 (0272): the v2 word where it stands beside the label, else the label's."""
    given = [c for concept in objects(document.get("securityLabel")) for c in datatypes.codings(concept) if text(c.get("code"))]
    own = [text(c.get("code")) for c in given if text(c.get("system")) == f"{codes.V2}0272"]
    return escape(own[0]) if own else next((codes.LABEL.get(code, escape(code)) for c in given if (code := text(c.get("code")))), "")


def _beside(element: str, table: codes.Table, otherwise: str = "") -> Maker:
    """The v2 code that stands beside an element, else the one its FHIR code means."""
    return lambda document, _entries: datatypes.original(document, element) or table.get(text(document.get(element)), otherwise)


TXA: Final[Rows] = (
    (2, _type),
    (3, _presentation),
    (4, one("context.period.start", datatypes.moment)),
    (6, one("date", datatypes.moment)),
    (9, refers("author", xcn)),
    (10, refers_once("authenticator", xcn)),
    (12, _number),
    (13, _parent),
    (16, _file_name),
    (17, _beside("docStatus", codes.DOCUMENT_STATUS, _DOCUMENTED)),
    (18, _label),
    (19, _beside("status", codes.DOCUMENT_CURRENT)),
)


def segments(copy: Copy, trigger: Trigger) -> Iterator[str]:
    """EVN, PID, PV1, TXA, and the content where the event has it. Raises Rejected(NO_TRANSLATION) unless there is one document."""
    document = copy.only("DocumentReference")
    yield from (evn(copy, trigger), pid(copy), *pv1(copy))
    results = Results(copy.entries)
    asked = [copy.entries.target(r) for r in objects(obj(document.get("context")).get("related"))]
    for number, request in enumerate((r for r in asked if r.get("resourceType") == "ServiceRequest"), 1):
        yield from orders.common(request, number, results)
    made = fields(TXA, document, copy.entries)
    yield segment("TXA", made | {1: "1", 2: made[2] or _NO_TYPE, 12: made[12] or escape(copy.event.control_id)})
    if trigger.structure == _WITH_CONTENT:
        found = [*_content(document), *results.alone()]
        yield from numbered(found or [segment("OBX", {3: datatypes.ce(document.get("type")) or _DOCUMENT, 11: "F"})])


def _content(document: Json) -> Iterator[str]:
    """Plain text as lines, files as they are, each under the document's type."""
    what = datatypes.ce(document.get("type")) or _DOCUMENT
    for content in objects(document.get("content")):
        attachment = content.get("attachment")
        said = lines(media.plain_text(attachment))
        kind, value, _ = ("TX", said, "") if said else media.attached(attachment)
        if value:
            yield segment("OBX", {2: kind, 3: what, 5: value, 11: "F"})
