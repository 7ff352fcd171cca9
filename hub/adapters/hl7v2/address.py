"""The sender's own bytes for another reader: addressed anew, and cut down to what a subscription shows.

In full detail every byte but MSH-3 to 6, MSH-13, 15 and 16 stays as it was, line ends and character set included; the control id is always
that of the message as the hub took it: the sender's, or one made of it where a message about several patients was cut (``parts``).
A number in a sequence (MSH-13) and which acknowledgements are wanted (MSH-15, 16) are a matter between the two ends of a connection, and
towards the recipient the hub is one of them: they are left empty, which asks for one answer to every message (original mode), whatever the
sender wanted.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import AnyStr, Final

from hub.adapters.hl7v2 import escapes
from hub.adapters.hl7v2.charset import BOM, name_of
from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.escapes import Delimiters
from hub.model import Detail, Provider

APPLICATION: Final = "CAREHUB"  # MSH-3 of everything the hub sends
_ANY_SENDER: Final = "*"
_MSH_18: Final = 18
# MSH: which acknowledgements the sender wants, and the message's number in its sequence: a gap would tell of one that was kept back
_BETWEEN_TWO: Final = frozenset({13, 15, 16})
_HEADER: Final = frozenset(range(1, 26)) - _BETWEEN_TWO
# What a filtered message keeps, segment by field; everything else, Z segments included, is left out. PV1 without diet, ambulatory status,
# VIP indicator and money; PID without race, religion and ethnic group.
KEPT: Final[Mapping[Detail, Mapping[str, frozenset[int]]]] = MappingProxyType(
    {
        Detail.MINIMAL: {
            "MSH": _HEADER,
            "EVN": frozenset({1, 2, 3, 5, 6, 7}),
            "PID": frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 18, 19, 24, 25, 29, 30, 31, 32, 33, 34, 40}),
            "PD1": frozenset({3, 4, 12}),
            "PV1": frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 17, 19, 36, 37, 39, 42, 43, 44, 45, 50, 52}),
            "PV2": frozenset({1, 13}),  # where the patient was to go, and who sent the patient: as PV1-42 and PV1-8
            "MRG": frozenset({1, 7}),
        },
        Detail.NOTICE: {"MSH": _HEADER, "EVN": frozenset({1, 2, 6}), "PID": frozenset({3, 5, 7, 8})},
    }
)


class Whole:
    """A message in full detail, cut once where each recipient's names go in. ``source``: the sending provider's id."""

    def __init__(self, raw: bytes, er7: Er7, source: str) -> None:
        body = raw.lstrip(b"\r\n").removeprefix(BOM).lstrip(b"\r\n")
        end = min((i for i in (body.find(b"\r"), body.find(b"\n")) if i >= 0), default=len(body))
        separator = er7.delimiters.field.encode("ascii")
        fields = [b"" if n in _BETWEEN_TWO else field for n, field in enumerate(body[:end].split(separator), 1)]
        _declare(fields, name_of(er7.encoding, raw).encode("ascii"), b"")
        self._er7: Final = er7
        self._source: Final = source
        self._before: Final = separator.join(fields[:2]) + separator
        self._after: Final = b"".join(separator + field for field in fields[6:])
        self._rest: Final = memoryview(body)[end:]  # a document in it may be as large as the message

    def readdressed(self, recipient: Provider) -> bytes:
        """The sender's bytes with MSH-3 to 6 replaced, MSH-13, 15 and 16 emptied, and MSH-18 filled where it was left out and is needed."""
        address = _address(self._er7.delimiters, self._er7.encoding, recipient.id, *names(self._source, recipient))
        return b"".join((self._before, address, self._after, self._rest))


def _declare(fields: list[AnyStr], name: AnyStr, empty: AnyStr) -> None:
    """MSH-18 where the sender left it out: its own character set is known to the hub and to nobody behind it. ``fields`` begin with MSH."""
    if name and (len(fields) < _MSH_18 or not fields[_MSH_18 - 1].strip()):
        fields += [empty] * (_MSH_18 - len(fields))
        fields[_MSH_18 - 1] = name


def filtered(er7: Er7, detail: Detail, source: str, recipient: Provider) -> bytes:
    """The segments and fields of ``KEPT``, addressed anew, in the message's own character set, each ended by CR."""
    kept = KEPT[detail]
    head, *lines = [_line(segment, kept[segment.name]) for segment in er7.only(kept.keys())]
    separator, codec = er7.delimiters.field, er7.encoding
    body = "".join(f"{line}\r" for line in lines).encode(codec)
    fields = head.split(separator)
    fields[2:6] = _address(er7.delimiters, codec, recipient.id, *names(source, recipient)).decode(codec).split(separator)
    _declare(fields, name_of(codec, separator.join(fields).encode(codec) + body), "")
    return f"{separator.join(fields)}\r".encode(codec) + body


def names(source: str, recipient: Provider) -> tuple[str, str, str, str]:
    """MSH-3, 4, 5 and 6: the hub, on behalf of the source, to the recipient's application and facility."""
    deliver = recipient.deliver
    facility = deliver.facility or _first_sender(recipient) or recipient.organisation
    return (APPLICATION, source, deliver.application or recipient.id, facility or recipient.id)


def _first_sender(provider: Provider) -> str:
    return next((s for s in provider.senders if s != _ANY_SENDER), "") if provider.senders else ""


def _line(segment: Segment, numbers: frozenset[int]) -> str:
    separator = segment.delimiters.field
    if segment.name == "MSH":
        return separator.join(
            [segment.name, *(f if n in numbers else "" for n, f in enumerate(segment.fields[: max(numbers) + 1]) if n > 1)]
        )
    return separator.join([segment.name, *(f if n in numbers else "" for n, f in enumerate(segment.fields) if n)]).rstrip(separator)


@lru_cache(maxsize=4096)  # names of the configuration only: nothing of a message is kept
def _address(marks: Delimiters, encoding: str, instead: str, *names: str) -> bytes:
    """MSH-3 to 6 as they stand in a message of these delimiters and this character set."""
    return marks.field.encode("ascii").join(_written(name, marks, encoding, instead) for name in names)


def _written(text: str, marks: Delimiters, encoding: str, instead: str) -> bytes:
    """A name as a field's bytes; the provider's id where the name has letters that the message's character set lacks."""
    try:
        return escapes.escape(text, marks).encode(encoding)
    except UnicodeEncodeError:
        return escapes.escape(instead, marks).encode(encoding, "ignore")
