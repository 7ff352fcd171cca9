"""Documents inside and outside a message as attachments: ED, RP."""

import re
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, code, put

UNKNOWN: Final = "application/octet-stream"  # R4 att-1: data without a type are none
_HEX: Final = re.compile(r"([0-9a-fA-F]{2})+")
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
    """ED -> Attachment: base64 as it came, hexadecimal and plain text turned into base64 (ED-4, table 0299).

    A scanned document is nearly the whole message: its data are read through once and not copied.
    """
    head, data = _cut(raw, t)
    encoding = t.part(head, 4).upper()
    found = data if encoding == "BASE64" and _is_base64(data) else _encoded(t.leaf(data), encoding)
    if not found:
        return {}
    out: Json = {"data": found}
    put(out, "contentType", media_type(t.part(head, 2), t.part(head, 3)))
    return out


def _cut(raw: str, t: Text) -> tuple[list[str], str]:
    """The texts of the first four components, and the fifth as written."""
    parts = raw.split(t.component, 5)
    return t.parts(t.component.join(parts[:4])), t.part(parts, 5)


def _is_base64(text: str) -> bool:
    try:
        return bool(a2b_base64(text, strict_mode=True))
    except ValueError:  # binascii.Error among them
        return False


def _encoded(body: str, encoding: str) -> str:
    """Data that are not base64 as they stand: base64 with white space in it, hexadecimal, or text, whatever its encoding says."""
    solid = "".join(body.split())
    if encoding == "BASE64" and _is_base64(solid):
        return solid
    if encoding == "HEX" and _HEX.fullmatch(solid):
        return b64encode(bytes.fromhex(solid)).decode()
    return b64encode(body.encode()).decode()


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
