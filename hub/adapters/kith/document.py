"""An XML document as a tree: strict, bounded, and total - whatever arrives, only ``Rejected`` comes out. XML's one door (expat).

The bytes are decoded here, by the encoding they declare or UTF-8, and nothing is left for the parser to guess. A document type is refused
before the parser sees a byte: with it go entities, external files and networks. What the parser could do about one is switched off too.
Depth, elements and attributes are counted while they are read, so a small document cannot become a large tree.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from xml.parsers import expat  # the parser alone: it reads no file and opens no connection

from hub.adapters.markup import Element
from hub.errors import Reason, Rejected

DEPTH_MAX: Final = 64  # the deepest real message nests about twenty
ELEMENTS_MAX: Final = 50_000
ATTRIBUTES_MAX: Final = 32  # of one element; KITH's have four
ROOT: Final = "document"

_BOM: Final = b"\xef\xbb\xbf"
_OTHER_BOMS: Final = (b"\xfe\xff", b"\xff\xfe")  # UTF-16, and UTF-32 little-endian
_DOCTYPE: Final = re.compile(rb"<!\s*doctype", re.IGNORECASE)
_DECLARED: Final = re.compile(rb"<\?xml\s[^>]{0,100}?\bencoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]{0,39})[\"']")
_CODECS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "utf-8": "utf-8",
        "utf8": "utf-8",
        "us-ascii": "ascii",
        "ascii": "ascii",
        "iso-8859-1": "iso-8859-1",
        "iso8859-1": "iso-8859-1",
        "latin1": "iso-8859-1",
        "iso-8859-15": "iso-8859-15",
        "windows-1252": "cp1252",
    }
)
_SEPARATOR: Final = " "  # between namespace and name; expat refuses a namespace that holds it


def parse(raw: bytes) -> tuple[Element, str]:
    """The root element and the codec the bytes were in. Raises Rejected: UNSAFE_XML, BAD_ENCODING, BAD_XML, TOO_COMPLEX."""
    text, codec = decode(raw)
    return _Builder().build(text), codec


def decode(raw: bytes) -> tuple[str, str]:
    """A document's text, and the codec it was in. Raises Rejected(UNSAFE_XML, BAD_ENCODING)."""
    if raw.startswith(_OTHER_BOMS) or b"\0" in raw[:4]:
        raise Rejected(Reason.BAD_ENCODING, ROOT)
    if _DOCTYPE.search(raw):
        raise Rejected(Reason.UNSAFE_XML, ROOT)
    body = raw.removeprefix(_BOM).lstrip()
    declared = _DECLARED.match(body)
    codec = _CODECS.get(declared[1].decode().lower(), "") if declared else "utf-8"
    if not codec or (raw.startswith(_BOM) and codec != "utf-8"):
        raise Rejected(Reason.BAD_ENCODING, ROOT)
    try:
        return body.decode(codec), codec
    except UnicodeDecodeError:
        raise Rejected(Reason.BAD_ENCODING, ROOT) from None  # the original error quotes the message


class _Builder:
    """One document under construction."""

    def __init__(self) -> None:
        self._root: Element | None = None
        self._open: list[Element] = []
        self._elements = 0

    def build(self, text: str) -> Element:
        """The tree of a text. Raises Rejected."""
        parser = expat.ParserCreate("utf-8", _SEPARATOR)  # a text is fed as UTF-8, whatever it declares
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        try:
            parser.Parse(text, True)
        except expat.ExpatError as exc:
            raise Rejected(Reason.BAD_XML, f"line {exc.lineno}") from None  # the original error may quote the message
        except UnicodeEncodeError:  # half a surrogate pair has no bytes
            raise Rejected(Reason.BAD_ENCODING, ROOT) from None
        if self._root is None:
            raise Rejected(Reason.BAD_XML, ROOT)
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_MAX or len(self._open) >= DEPTH_MAX or len(attributes) > ATTRIBUTES_MAX:
            raise Rejected(Reason.TOO_COMPLEX, ROOT)
        namespace, _, local = name.rpartition(_SEPARATOR)
        element = Element(namespace, local, attributes)
        if self._open:
            self._open[-1].parts.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].parts.append(text)


def _refuse(*_: Any) -> int:
    raise Rejected(Reason.UNSAFE_XML, ROOT)
