"""MSH-18 to bytes-to-text: declared means strict, undeclared means the sender's default, and nothing is ever replaced silently.

Names are those of HL7 table 0211 and the spellings people write instead. Character sets in which a delimiter's byte can be
half of another character (UTF-16/32, GB 18030, Big5, ISO 2022) are not carried: MLLP is not byte-transparent for them.
"""

import re
from types import MappingProxyType
from typing import Final

from hub.errors import Reason, Rejected

BOM: Final = b"\xef\xbb\xbf"
WHERE: Final = "MSH-18"

_C1: Final = re.compile(rb"[\x80-\x9f]")  # ISO/IEC 8859 gives these bytes no character; there they mean cp1252 or UTF-8
_PARTS: Final = (*range(1, 12), 13, 14, 15, 16)  # ISO 8859-12 was never issued


def _names() -> dict[str, str]:
    names = {"ASCII": "ascii", "USASCII": "ascii", "ISOIR6": "ascii", "ANSIX34": "ascii"}
    names |= dict.fromkeys(("UNICODE", "UNICODEUTF8", "UTF8", "ISO10646UTF8"), "utf-8")
    for part in _PARTS:
        names |= dict.fromkeys((f"8859{part}", f"ISO8859{part}", f"ISOIEC8859{part}"), f"iso8859-{part}")
    names |= {f"LATIN{n}": f"iso8859-{n}" for n in range(1, 5)}
    names["ISOIR100"] = "iso8859-1"
    for page in (1250, 1252):
        names |= dict.fromkeys((f"WINDOWS{page}", f"CP{page}", f"WIN{page}"), f"cp{page}")
    return names


CODECS: Final = MappingProxyType(_names())  # name without punctuation, upper case -> Python codec
_KNOWN: dict[str, str] = {}  # spellings already looked up, at most 256


def codec_of(name: str) -> str:
    """The Python codec of a character set's name. Raises Rejected(BAD_VALUE, MSH-18) for one that is not carried."""
    found = _KNOWN.get(name)
    if found is None:
        found = CODECS.get(re.sub(r"[^A-Z0-9]", "", name.upper()))
        if found is None:
            raise Rejected(Reason.BAD_VALUE, WHERE)
        if len(_KNOWN) < 256:
            _KNOWN[name] = found
    return found


def name_of(codec: str, data: bytes) -> str:
    """The name in table 0211 under which bytes of a codec can be declared; "" where HL7 has none for it, or where ASCII needs none."""
    if data.isascii():
        return ""
    if codec == "utf-8":
        return "UNICODE UTF-8"
    if codec == "cp1252" and not _C1.search(data):
        codec = "iso8859-1"  # beside those bytes the same
    return codec.removeprefix("iso").replace("-", "/") if codec.startswith("iso8859") else ""


def decode(data: bytes, codec: str) -> str:
    """The text of bytes, strictly. Raises Rejected(BAD_ENCODING, MSH-18)."""
    if data.isascii():  # every codec carried here contains ASCII
        return data.decode("ascii")
    if codec.startswith("iso8859") and _C1.search(data):
        raise Rejected(Reason.BAD_ENCODING, WHERE)
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        raise Rejected(Reason.BAD_ENCODING, WHERE) from None  # the original error quotes the message
