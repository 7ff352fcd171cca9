"""The guide's conditions ("IF PID-25 NOT VALUED") as demands on a message, so that one can be made that meets them."""

import re
from dataclasses import dataclass
from typing import Final

_PLACE: Final = r"(?:[A-Z][A-Z0-9]{2}|[A-Z]{2,3})[-.]\d+(?:\.\d+)?"
_LIST: Final = r"\(([^()]*)\)"
_SLIPS: Final = (
    ("IF NOT VALUED OR NOT IN (", "IF HD.3 NOT VALUED OR HD.3 NOT IN ("),
    ("HD-3", "HD.3"),
    ("XON-10", "XON.10"),
    ("PL3.NOT", "PL.3 NOT"),
    ("XCN.19 NOT VALUED XCN.20", "XCN.19 NOT VALUED AND XCN.20"),
)
_TOKEN: Final = re.compile(rf"^({_PLACE}|PID|ORC)?\s*(.*)$")


@dataclass(frozen=True)
class Demand:
    """What one place of the message must be. ``component`` 0 = the field as a whole; ``segment`` may name a data type (``CX.5``)."""

    segment: str
    number: int
    component: int
    kind: str  # valued, empty, is, not, repeats, once, long
    values: tuple[str, ...] = ()


def _place(text: str) -> tuple[str, int, int]:
    if re.fullmatch(r"[A-Z][A-Z0-9]{2}", text):
        return text, 0, 0
    name, rest = re.split(r"[-.]", text, maxsplit=1)
    number, _, component = rest.partition(".")
    if "-" in text:
        return name, int(number), int(component or 0)
    return name, 0, int(number)  # a component of a data type


def _values(text: str) -> tuple[str, ...]:
    return tuple(v.strip().strip("\"'") for v in text.split(","))


_SAID: Final = (
    (re.compile(r"(?:IS )?(?:NOT VALUED|NOT VAlUED|EMPTY|DOES NOT EXIST)|IS NOT VALUED|AREA NOT VALUED"), "empty"),
    (re.compile(rf"(?:IS )?NOT IN ?{_LIST}"), "not"),
    (re.compile(rf"(?:IS )?IN ?{_LIST}"), "is"),
    (re.compile(r"LENGTH GREATER THAN \d+"), "long"),
    (re.compile(r"(?:LST\.)?COUNT ?(?:>1|GREATER THAN 1)", re.IGNORECASE), "repeats"),
    (re.compile(r"(?:LST\.)?COUNT ?(?:=1|EQUALS 1|AT MOST 1)", re.IGNORECASE), "once"),
    (re.compile(r"(?:IS )?VALUED NOT EQUAL .*"), "valued"),
    (re.compile(r"(?:IS NOT|NOT EQUALS?|NOT) [\"']([^\"']*)[\"']"), "not"),
    (re.compile(r"(?:IS|EQUALS|=) ?[\"']([^\"']*)[\"']"), "is"),
    (re.compile(r"(?:IS )?VALUED?"), "valued"),
)  # fmt: skip


def _atom(text: str, before: str) -> tuple[Demand | None, str]:
    """One condition; a place is carried over from the one before where it is not repeated ("IAM-15 VALUED AND NOT "SEL"")."""
    text = text.strip().removeprefix("IF ").strip().strip("()") if text.count("(") != text.count(")") else text.strip()
    text = re.sub(r"^(IF|If) ", "", text)
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    found = _TOKEN.match(text)
    assert found
    place, rest = found[1] or before, found[2].strip()
    if not place:
        return None, before
    for pattern, kind in _SAID:
        said = pattern.fullmatch(rest)
        if said:
            values = _values(said[1]) if said.groups() else ()
            return Demand(*_place(place), kind, values), place
    return (None, place) if rest else (Demand(*_place(place), "same"), place)


def demands(condition: str, about: str = "") -> tuple[Demand, ...] | None:
    """The demands of a condition; None when it cannot be read. Of alternatives the one ``about`` a place, else the first."""
    text = " ".join(condition.split()).replace("LESS THAN OR EQUALS", "AT MOST").replace("ORC.1", "ORC-1")
    text = text.replace('("NA", "NM")', '("NM", "NA")')  # a Quantity is NM's, NA's is SampledData
    if not text:
        return ()
    text = re.sub(r"^(IF NOT VALUED AND|IF|If)\s+", "", _mended(text))
    found: list[Demand] = []
    for conjunct in re.split(r"\s+AND\s+(?:IF\s+)?", text):
        alternatives = re.split(r"\s+(?:OR|or)\s+(?:IF\s+)?", conjunct.strip("() "))
        chosen = [_atom(_close(a), (found[-1:] and _written(found[-1])) or "")[0] for a in alternatives]
        if any(c is None for c in chosen):
            return None
        picked = next((c for c, a in zip(chosen, alternatives, strict=True) if about and about in a), chosen[0])
        assert picked
        if picked.kind == "same" and len(alternatives) > 1:  # "IF PV1-3.2 OR PV1-3.3 VALUED"
            last = chosen[-1]
            assert last
            picked = Demand(picked.segment, picked.number, picked.component, last.kind, last.values)
        found.append(picked)
    return _shared(found)


def _mended(text: str) -> str:
    for written, meant in _SLIPS:
        text = text.replace(written, meant)
    return text


def _shared(found: list[Demand]) -> tuple[Demand, ...] | None:
    """ "IF PID-33 AND PID-34 VALUED": what is said of the last is said of both."""
    for n in reversed(range(len(found))):
        if found[n].kind == "same":
            if n + 1 == len(found):
                return None
            after = found[n + 1]
            found[n] = Demand(found[n].segment, found[n].number, found[n].component, after.kind, after.values)
    return tuple(found)


def _close(text: str) -> str:
    return text + ")" if text.count("(") > text.count(")") else text


def _written(demand: Demand) -> str:
    component = f".{demand.component}" if demand.component else ""
    return f"{demand.segment}-{demand.number}{component}" if demand.number else demand.segment
