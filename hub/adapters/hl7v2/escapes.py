"""The delimiters of a message, and text between them: unescaped only after splitting, escaped again on the way out."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hub.errors import Reason, Rejected

# Everything HL7 itself writes inside values ( . - + _ " ) is left out, and so are letters, digits, blanks and control bytes.
ALLOWED: Final = frozenset(string.punctuation) - frozenset('.-+_"')
_BLANKS_MAX: Final = 80  # of one \.sk\ or \.sp\ command: a length from outside must not decide our memory
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_COMMAND: Final = re.compile(r"\.(br|sp|sk|in|ti|fi|nf|ce)([+-]?\d{0,4})")


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2. ``truncation`` is "" before version 2.7."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def msh2(self) -> str:
        """The text of MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation


_DEFAULT: Final = Delimiters()


def delimiters(field: str, encoding_characters: str) -> Delimiters:
    """MSH-1 and MSH-2 as delimiters. Raises Rejected(BAD_DELIMITERS)."""
    if field == "|" and encoding_characters == "^~\\&":
        return _DEFAULT
    every = field + encoding_characters
    if len(every) not in (5, 6) or len(set(every)) != len(every) or not ALLOWED.issuperset(every):
        raise Rejected(Reason.BAD_DELIMITERS, "MSH-2")
    return Delimiters(*every)


def _command(body: str) -> str | None:
    match = _COMMAND.fullmatch(body)
    if match is None:
        return None
    name, number = match.groups()
    count = min(int(number.lstrip("+-") or 1), _BLANKS_MAX)
    return {"br": "\n", "sp": "\n" * count, "sk": " " * count, "ce": "\n"}.get(name, "")  # indents and fill modes leave no trace


@lru_cache(64)
def _simple(marks: Delimiters) -> Mapping[str, str]:
    """The escapes of one letter."""
    return {
        "F": marks.field, "S": marks.component, "T": marks.subcomponent, "R": marks.repetition, "E": marks.escape,
        "P": marks.truncation or "#", "H": "", "N": "",
    }  # fmt: skip


def _meaning(body: str, encoding: str) -> str | None:
    """What stands between two escape characters and is not one letter means; None = unknown, to be kept verbatim."""
    if not body:
        return None
    if body[0] == "X":
        try:
            return bytes.fromhex(body[1:]).decode(encoding) if len(body) > 1 else None
        except ValueError:
            return None
    return _command(body)


def unescape(text: str, marks: Delimiters, encoding: str = "utf-8") -> str:
    r"""The text meant: ``\F\`` and kin, ``\Xhh..\`` in the message's own encoding, formatting commands as line breaks and blanks.

    ``\Z..\``, ``\C..\``, ``\M..\`` and whatever is unknown or unfinished stay as they were written.
    """
    if marks.escape not in text:
        return text
    simple = _simple(marks)
    pieces = text.split(marks.escape)
    out = [pieces[0]]
    i, last = 1, len(pieces) - 1
    while i <= last:
        piece = pieces[i]
        meaning = (simple[piece] if piece in simple else _meaning(piece, encoding)) if i < last else None
        if meaning is not None:
            out += (meaning, pieces[i + 1])
            i += 2
        else:
            out += (marks.escape, piece)
            i += 1
    return "".join(out)


def escape(text: str, marks: Delimiters) -> str:
    r"""Text as it may stand in a field: no delimiter, no line end, no control byte is left in it. ``unescape`` takes it back."""
    letters = {
        marks.escape: "E", marks.field: "F", marks.component: "S", marks.subcomponent: "T", marks.repetition: "R", "\n": ".br",
    }  # fmt: skip
    if marks.truncation:
        letters[marks.truncation] = "P"
    table = {ord(char): f"{marks.escape}{name}{marks.escape}" for char, name in letters.items()}
    written = text.translate(table)
    return _CONTROL.sub(lambda m: f"{marks.escape}X{ord(m[0]):02X}{marks.escape}", written)
