"""Documents inside and outside a message as attachments: ED, RP."""

import re
from base64 import b64encode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, code, put

_HEX: Final = re.compile(r"([0-9a-fA-F]{2})+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
MEDIA: Final[Mapping[str, str]] = MappingProxyType(  # 0191 and the media types people write there
    {"AP": "application", "APPLICATION": "application", "AU": "audio", "AUDIO": "audio", "IM": "image", "IMAGE": "image", "TX": "text",
     "TEXT": "text", "FT": "text", "VIDEO": "video"}
)  # fmt: skip
SUBTYPES: Final[Mapping[str, str]] = MappingProxyType(  # 0291
    {"pdf": "application/pdf", "rtf": "application/rtf", "html": "text/html", "xml": "application/xml", "jpeg": "image/jpeg",
     "jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "tiff": "image/tiff", "dicom": "application/dicom",
     "plain": "text/plain", "octet-stream": "application/octet-stream", "msword": "application/msword"}
)  # fmt: skip


def ed(raw: str, t: Text) -> Json:
    """ED -> Attachment: base64 as it came, hexadecimal and plain text turned into base64 (ED-4, table 0299)."""
    parts = t.parts(raw)
    encoding, body = t.part(parts, 4).upper(), t.leaf(t.raw(raw, 5))
    if not body:
        return {}
    data = "".join(body.split()) if encoding == "BASE64" else ""
    if encoding == "HEX" and _HEX.fullmatch(data := "".join(body.split())):
        data = b64encode(bytes.fromhex(data)).decode()
    elif not data or len(data) % 4 or not _BASE64.fullmatch(data):
        data = b64encode(body.encode()).decode()
    out: Json = {"data": data}
    put(out, "contentType", media_type(t.part(parts, 2), t.part(parts, 3)))
    return out


def rp(raw: str, t: Text) -> Json:
    """RP -> Attachment: where the document is to be fetched."""
    parts = t.parts(raw)
    url = "%20".join(t.leaf(t.raw(raw, 1)).split())
    out: Json = {"url": url} if url else {}
    if url:
        put(out, "contentType", media_type(t.part(parts, 3), t.part(parts, 4)))
    return out


def media_type(kind: str, subtype: str) -> str:
    """Tables 0191 and 0291 as a media type; "" when they do not make one."""
    kind = MEDIA.get(kind.upper(), kind.lower())
    if "/" in kind:
        return code(kind)
    subtype = code(subtype.lower())
    known = SUBTYPES.get(subtype)
    return known or (f"{kind}/{subtype}" if kind in MEDIA.values() and subtype and " " not in subtype else "")
