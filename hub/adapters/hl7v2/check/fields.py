"""Whether fields hold what the standard says: there when they must be, not more often, of their data type, codes from HL7's own tables."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from hub.adapters.finding import Finding, Severity, shape
from hub.adapters.hl7v2.check import sections
from hub.adapters.hl7v2.check.case import NULL
from hub.adapters.hl7v2.conformance import MANY, Rule, Standard
from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.mappings.times import microseconds

_W, _N = Severity.WARNING, Severity.NOTE
_STRICT: Final = "what HL7 v2 recipients get is as it was sent, and a strict one may refuse it"
_TABLES_SHOWN: Final = 20  # codes of a table that are listed
# Judged by the rules of the hub's own needs, which know more: MSH-9, MSH-12, MSH-18, and the table of type codes that every country adds to
_ELSEWHERE: Final = frozenset({"MSH-9", "MSH-12", "MSH-18"})
_OPEN_TABLES: Final = frozenset({"0203", "0396", "0399", "0354", "0003", "0076"})
# data type -> what a value of it looks like, in words
_TYPES: Final[Mapping[str, tuple[re.Pattern[str], str]]] = MappingProxyType(
    {
        "NM": (re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII), "a number: digits, a point, a sign before it and nothing else"),
        "SI": (re.compile(r"\d{1,4}", re.ASCII), "a number of up to four digits"),
        "DT": (re.compile(r"\d{4}(\d\d){0,2}", re.ASCII), "a date as YYYY[MM[DD]]"),
        "TM": (re.compile(r"\d\d(\d\d(\d\d(\.\d{1,4})?)?)?([+-]\d{4})?", re.ASCII), "a time as HH[MM[SS]][+/-ZZZZ]"),
        "DTM": (
            re.compile(r"\d{4}(\d\d){0,5}(\.\d{1,4})?([+-]\d{4})?", re.ASCII),
            "a time as YYYY[MM[DD[HH[MM[SS[.S]]]]]][+/-ZZZZ]",
        ),
    }
)
_CALENDAR: Final = frozenset({"DT", "DTM"})
_TEXTS: Final = frozenset({"ST", "TX", "FT"})  # a component separator that was not escaped is told by nobody but a person
_ANYTHING: Final = "varies"
_MSH_FIRST: Final = 3  # MSH-1 and MSH-2 are the delimiters


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: its place in words, and all that is needed to judge it."""

    name: str
    number: int  # of the segment in the message, from 1
    segment: Segment
    standard: Standard

    def part(self, n: int) -> "_Place":
        """A component or subcomponent of it; the first subcomponent is called by its component's name."""
        return replace(self, name=f"{self.name}.{n}")

    def finding(self, severity: Severity, code: str, problem: str, instead: str) -> Finding:
        """What is wrong here."""
        n = self.name.partition("-")[2].partition(".")[0]
        section = sections.field(self.segment.name, int(n))
        return Finding(severity, f"standard.{code}", self.name, problem, instead, section, self.number)


def faults(er7: Er7, standard: Standard) -> Iterator[Finding]:
    """Everything the standard has against the fields of a message."""
    for number, segment in enumerate(er7, 1):
        if not segment.name.startswith("Z") and standard.has_segment(segment.name):
            yield from _of_segment(segment, number, standard)


@lru_cache(maxsize=1024)
def _required(standard: Standard, name: str) -> tuple[int, ...]:
    return tuple(n for n, rule in enumerate(standard.fields(name), 1) if rule.low and not (name == "MSH" and n < _MSH_FIRST))


@lru_cache(maxsize=4096)
def _required_parts(rule: Rule) -> tuple[int, ...]:
    return tuple(n for n, part in enumerate(rule.parts, 1) if part.low)


def _of_segment(segment: Segment, number: int, standard: Standard) -> Iterator[Finding]:
    name, rules = segment.name, standard.fields(segment.name)
    for n in _required(standard, name):
        if not segment.field(n):
            at = _Place(f"{name}-{n}", number, segment, standard)
            yield at.finding(_W, "required-field", f"empty, and required by the standard: {_STRICT}", "fill it")
    for n in range(_MSH_FIRST if name == "MSH" else 1, len(segment.fields)):
        text = segment.fields[n]
        if not text or text == NULL:
            continue
        at = _Place(f"{name}-{n}", number, segment, standard)
        if n > len(rules):
            problem = f"version {standard.version} ends this segment at field {len(rules)}"
            yield at.finding(_N, "extra-field", problem, "leave it out, or declare the version that has it")
            return
        yield from _of_field(at, n, rules[n - 1])


def _of_field(at: _Place, n: int, rule: Rule) -> Iterator[Finding]:
    repetitions = at.segment.repetitions(n)
    if rule.high == 0:
        problem = f"withdrawn from the standard in version {at.standard.version}"
        yield at.finding(_N, "withdrawn-field", problem, "leave it empty; where the hub reads it, it goes on doing so")
        return
    if rule.high != MANY and len(repetitions) > rule.high:
        problem = f"repeats, and may stand {rule.high} time{'s' if rule.high > 1 else ''}: {_STRICT}"
        yield at.finding(_W, "repetitions", problem, "write one value, or declare a version in which it repeats")
    if at.name == "OBX-5":
        rule = _of_value(at, rule)
    if at.name not in _ELSEWHERE and rule.datatype != _ANYTHING:
        for text in repetitions:
            yield from _of_repetition(at, text, rule)


def _of_value(at: _Place, rule: Rule) -> Rule:
    """OBX-5 is of the type that OBX-2 says."""
    kind = at.segment.value(2)
    return Rule(0, MANY, kind, "", at.standard.parts(kind)) if kind else rule


def _of_repetition(at: _Place, text: str, rule: Rule) -> Iterator[Finding]:
    """One repetition of a field."""
    components = text.split(at.segment.delimiters.component)
    if not rule.parts:
        if len(components) > 1 and rule.datatype not in _TEXTS:
            yield at.part(2).finding(_N, "extra-component", f"type {rule.datatype} has no components", "write one value")
        yield from _of_leaf(at, components[0], rule)
        return
    if text != NULL:
        yield from _of_components(at, components, rule)


def _of_components(at: _Place, components: list[str], rule: Rule) -> Iterator[Finding]:
    for c in _required_parts(rule):
        if c > len(components) or not components[c - 1]:
            yield at.part(c).finding(_N, "required-component", f"empty, and type {rule.datatype} requires it", "fill it")
    for c, component in enumerate(components, 1):
        if component and c > len(rule.parts):
            problem = f"type {rule.datatype} ends at component {len(rule.parts)} in version {at.standard.version}"
            yield at.part(c).finding(_N, "extra-component", problem, "leave it out, or declare the version that has it")
            return
        if component and component != NULL:
            yield from _of_component(at.part(c), component.split(at.segment.delimiters.subcomponent), rule.parts[c - 1])


def _of_component(at: _Place, subs: list[str], rule: Rule) -> Iterator[Finding]:
    if not rule.parts:
        yield from _of_leaf(at, subs[0], rule)
    for s, (sub, part) in enumerate(zip(subs, rule.parts, strict=False), 1):
        yield from _of_leaf(at.part(s) if s > 1 else at, sub, part)


def _of_leaf(at: _Place, text: str, rule: Rule) -> Iterator[Finding]:
    value = at.segment.unescape(text).strip()
    if not value or value == NULL:
        return
    pattern, words = _TYPES.get(rule.datatype, (None, ""))
    if pattern is not None and not _is_of_type(value, rule.datatype, pattern):
        problem = f"not of type {rule.datatype} ({shape(value)}): not read, or read as text"
        yield at.finding(_W, "type", problem, words)
    if rule.datatype == "ID" and rule.table and rule.table not in _OPEN_TABLES:
        codes = at.standard.table(rule.table)
        if codes and "..." not in codes and value not in codes:
            shown = ", ".join(codes[:_TABLES_SHOWN]) + (" ..." if len(codes) > _TABLES_SHOWN else "")
            yield at.finding(_N, "table", f"no code of HL7 table {rule.table} ({shape(value)})", f"one of {shown}")


def _is_of_type(value: str, datatype: str, pattern: re.Pattern[str]) -> bool:
    if not pattern.fullmatch(value):
        return False
    return datatype not in _CALENDAR or microseconds(value) is not None
