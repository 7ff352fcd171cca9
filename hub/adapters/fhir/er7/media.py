"""Attachments as ED and RP."""

import re
from base64 import b64decode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.fhir.document import obj, text
from hub.adapters.fhir.er7.text import components, escape

_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_MEDIA: Final[Mapping[str, str]] = MappingProxyType({"application": "AP", "audio": "AU", "image": "IM", "text": "TEXT"})  # 0191
_SUBTYPES: Final[Mapping[str, str]] = MappingProxyType(  # 0291 writes some with capitals; PDF is everybody's addition to it
    {"pdf": "PDF", "rtf": "RTF", "html": "HTML", "sgml": "SGML", "xml": "XML", "jpeg": "JPEG", "gif": "GIF", "tiff": "TIFF",
     "pict": "PICT", "dicom": "DICOM", "fax": "FAX", "jot": "JOT", "basic": "BASIC", "postscript": "PostScript",
     "octet-stream": "Octet-stream"}
)  # fmt: skip


def media_type(content_type: str) -> tuple[str, str]:
    """A media type without its parameters as tables 0191 and 0291."""
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return _MEDIA.get(kind, escape(kind)), _SUBTYPES.get(subtype, escape(subtype))


def attached(attachment: Any) -> tuple[str, str, str]:
    """Attachment -> ED, or RP where it is to be fetched, as OBX-2, 5 and 6; "" three times for none."""
    given = obj(attachment)
    kind, subtype = media_type(text(given.get("contentType")))
    data, url = "".join(text(given.get("data")).split()), text(given.get("url"))
    if data and len(data) % 4 == 0 and _BASE64.fullmatch(data):
        return "ED", components("", kind or "AP", subtype or "Octet-stream", "Base64", data), ""
    return ("RP", components(escape(url), "", kind, subtype), "") if url else ("", "", "")


def plain_text(attachment: Any) -> str:
    """The text of an attachment of plain text in UTF-8; "" of any other."""
    given = obj(attachment)
    kind, *parameters = [p.strip().lower() for p in text(given.get("contentType")).split(";")]
    charset = next((p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    if kind != "text/plain" or charset not in {"utf-8", "us-ascii"}:
        return ""
    try:
        return b64decode(text(given.get("data")), validate=True).decode("utf-8")
    except ValueError:  # no base64, no UTF-8
        return ""
