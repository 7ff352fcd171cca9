"""What a message holds as a DocumentReference: what it says as text, and every document in it as it came."""

import re
from base64 import b64encode
from typing import Final

from hub.adapters.bundle import PROVIDER, Json
from hub.adapters.kith.mappings.models import BASE64
from hub.adapters.kith.message import Message
from hub.adapters.kith.times import instant
from hub.adapters.markup import Element, to_bytes
from hub.adapters.volven import MESSAGE
from hub.model import Received

_MIME: Final = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_UNKNOWN: Final = "application/octet-stream"
_TEXT: Final = "text/plain; charset=utf-8"
# What people read of a dialogue, in order: the name of the element, and the heading it gets when there is more than one
_NOTE: Final = ("Tema", "TekstNotatInnhold", "Merknad")
_QUESTION: Final = ("EmneSporsmal", "Sporsmal", "Begrunnelse")


def document_reference(message: Message, received: Received, subject: Json, authors: list[Json]) -> Json:
    """The DocumentReference of a message."""
    title = _title(message)
    made: Json = {
        "resourceType": "DocumentReference",
        "masterIdentifier": {"system": f"{PROVIDER}:{received.provider or 'unknown'}", "value": received.control_id},
        "status": "current",
        "type": _type(message),
        "subject": subject,
    }
    date = instant(message.info.text("GenDate"))
    made |= {"date": date} if date else {}
    made |= {"author": authors} if authors else {}
    parent = message.info.text("ConversationRef", "RefToParent")
    if parent:
        made["relatesTo"] = [{"code": "appends", "target": {"identifier": {"value": parent}}}]
    made |= {"description": title} if title else {}
    made["content"] = [{"attachment": a} for a in _attachments(message)] or [{"attachment": {"title": title or message.type}}]
    return made


def _type(message: Message) -> Json:
    code = message.info.first("Type")
    words = code.attributes.get("DN", "").strip() if code is not None else ""
    coding = {"system": f"urn:oid:{MESSAGE}", "code": message.info.value("Type")}
    return {"coding": [coding | ({"display": words} if words else {})]} | ({"text": words} if words else {})


def _notes(message: Message) -> list[Element]:
    """The questions and notes of a dialogue, in order."""
    payload = message.payload
    return [c for c in payload.children if c.name in {"Notat", "Foresporsel"}] if payload is not None else []


def _title(message: Message) -> str:
    """The first theme, written or coded."""
    for note in _notes(message):
        coded = note.first("TemaKodet") or note.first("TypeForesp")
        words = note.text("Tema") or note.text("EmneSporsmal") or (coded.attributes.get("DN", "") if coded is not None else "")
        if words.strip():
            return words.strip()
    return ""


def text_of(message: Message) -> str:
    """What a dialogue says, as people read it: each question and note with what belongs to it, a line each."""
    lines: list[str] = []
    for note in _notes(message):
        for name in _NOTE if note.name == "Notat" else _QUESTION:
            found = note.first(name)
            if found is not None and (words := found.words().strip()):
                lines.append(words)
    return "\n".join(lines)


def _attachments(message: Message) -> list[Json]:
    text = text_of(message)
    made = [{"contentType": _TEXT, "data": b64encode(text.encode()).decode()}] if text else []
    for document in message.documents:
        about = _about(document)
        content = document.first("Content")
        for part in content.children if content is not None else ():
            if (part.namespace, part.name) == (BASE64, "Base64Container"):
                data = "".join(part.text().split())
                made += [{"contentType": _mime(document), "data": data} | about] if data else []
            else:
                made.append({"contentType": "application/xml", "data": b64encode(to_bytes(part)).decode()} | about)
        file = "%20".join(document.text("FileReference").split())
        if file:
            made.append({"contentType": _mime(document), "url": file} | about)
    return made


def _mime(document: Element) -> str:
    mime = document.text("MimeType")
    return mime if _MIME.fullmatch(mime) else _UNKNOWN


def _about(document: Element) -> Json:
    title, made = document.text("Description"), instant(document.value("IssueDate"))
    return ({"title": title} if title else {}) | ({"creation": made} if made else {})
