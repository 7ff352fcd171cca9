"""An XML element as a value, and its bytes: one writer for everything the hub makes, so that the same element is always the same bytes.

Written: UTF-8 with its declaration, no white space that was not there, namespaces as defaults where they change. Read by
``hub.adapters.kith.document`` alone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from typing_extensions import override

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_SCHEMA_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_PREFIXES: Final = {_XML: "xml", _SCHEMA_INSTANCE: "xsi"}
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0 section 2.2: no such character
_IN_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE: Final = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})


class Element:
    """A name in a namespace, attributes, and text and elements in their order."""

    __slots__ = ("attributes", "name", "namespace", "parts")

    def __init__(self, namespace: str, name: str, attributes: Mapping[str, str] | None = None, *parts: "Element | str") -> None:
        self.namespace: Final = namespace
        self.name: Final = name
        self.attributes: Final = attributes or {}  # "V", or "namespace name" of an attribute that is in one
        self.parts: Final[list[Element | str]] = list(parts)

    @override
    def __repr__(self) -> str:
        """Neither text nor attributes: they may be a patient's."""
        return f"Element({len(self.parts)} parts)"

    @property
    def children(self) -> list["Element"]:
        """The elements in it, without the text between them."""
        return [part for part in self.parts if isinstance(part, Element)]

    def all(self, name: str) -> list["Element"]:
        """The children of a name, whatever their namespace."""
        return [part for part in self.parts if isinstance(part, Element) and part.name == name]

    def first(self, *path: str) -> "Element | None":
        """What the path of names leads to, the first of each; None when there is none."""
        found: Element | None = self
        for name in path:
            found = next(iter(found.all(name)), None) if found is not None else None
        return found

    def below(self, name: str) -> Iterator["Element"]:
        """Every element of a name anywhere in it, in document order."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.below(name)

    def text(self, *path: str) -> str:
        """The text of what the path leads to, white space around it removed; "" when there is none."""
        found = self.first(*path)
        return "".join(p for p in found.parts if isinstance(p, str)).strip() if found is not None else ""

    def value(self, *path: str) -> str:
        """The attribute V of what the path leads to, as KITH's coded types have it (xsd:token); "" when there is none."""
        found = self.first(*path)
        return " ".join(found.attributes.get("V", "").split()) if found is not None else ""

    def words(self) -> str:
        """All text in it and below, in document order."""
        return "".join(part if isinstance(part, str) else part.words() for part in self.parts)


def made(namespace: str, name: str, *parts: Element | str | None, **attributes: str) -> Element:
    """An element to be written: what is None or "" is left out, attributes too."""
    return Element(namespace, name, {k: v for k, v in attributes.items() if v}, *(p for p in parts if p is not None and p != ""))


def to_bytes(root: Element) -> bytes:
    """The element as a document in UTF-8. Characters that XML does not have are left out."""
    return (DECLARATION + "".join(_written(root, ""))).encode()


def _written(element: Element, default: str) -> Iterable[str]:
    yield f"<{element.name}"
    if element.namespace != default:
        yield f' xmlns="{_attribute(element.namespace)}"'
    for n, (name, value) in enumerate(element.attributes.items()):
        yield _named(name, value, n)
    if not element.parts:
        yield "/>"
        return
    yield ">"
    for part in element.parts:
        if isinstance(part, Element):
            yield from _written(part, element.namespace)
        else:
            yield _FORBIDDEN.sub("", part).translate(_IN_TEXT)
    yield f"</{element.name}>"


def _named(name: str, value: str, n: int) -> str:
    """An attribute; one in a namespace brings its prefix along."""
    namespace, _, local = name.rpartition(" ")
    if not namespace:
        return f' {name}="{_attribute(value)}"'
    prefix = _PREFIXES.get(namespace, f"a{n}")
    declared = "" if namespace == _XML else f' xmlns:{prefix}="{_attribute(namespace)}"'
    return f'{declared} {prefix}:{local}="{_attribute(value)}"'


def _attribute(text: str) -> str:
    return _FORBIDDEN.sub("", text).translate(_IN_ATTRIBUTE)
