"""Are the components of a data type mapped? Judged in a field whose row names the data type map: with the component, and without."""

import re
from collections.abc import Iterator
from typing import Final

from tests.conformance import condition, structure
from tests.conformance.guide import MessageRow, SegmentRow, TypeRow, segment_rows, type_rows
from tests.conformance.judge import _LITERAL, Verdict, _leaves, _shows, _target, bundle, segment_verdict
from tests.conformance.values import Value, value

# which field is taken to judge a data type in, where the first that is mapped is not a good one: map -> (segment map, field)
_CARRIERS: Final = {
    "CX[Identifier]": ("PID[Account]", 18),
    "CWE[CodeableConcept]": ("PID[Patient]", 26),
    "HD[Organization]": ("MSH[MessageHeader]", 4),
    "EI[Identifier-Extension]": ("DG1[Condition]", 20),
    "PL[Location]": ("PV1[Encounter]", 3),
    "XON[Organization]": ("MSH[MessageHeader]", 22),
    "CWE[Coding]": ("MSH[MessageHeader]", 26),
    "XCN[Practitioner]": ("EVN[Provenance]", 5),
    "XCN[PractitionerRole]": ("PRT[Patient-GeneralPractitioner-PractitionerRole]", 5),
}


def verdicts() -> Iterator[Verdict]:
    """Every computable row of the data type maps that some mapped field names."""
    for name, rows in type_rows().items():
        found = _carrier(name)
        if found is None:
            continue
        for row in rows:
            if row.is_computable:
                yield _verdict(*found, row)


def _carrier(name: str) -> tuple[MessageRow, SegmentRow] | None:
    wanted = _CARRIERS.get(name)
    for message in structure.rows():
        for row in segment_rows().get(message.segment_map, ()):
            is_it = (
                row.type_map.lower() == name.lower()
                and row.number
                and row.is_computable
                and (not wanted or (row.map, row.number) == wanted)
            )
            if is_it and not row.condition and segment_verdict(message, row).is_mapped:
                return message, row
    return None


def _verdict(message: MessageRow, row: SegmentRow, of: TypeRow) -> Verdict:
    def verdict(is_mapped: object, note: str = "") -> Verdict:
        return Verdict(of.key, of.map, f"{message.place}-{row.number}", bool(is_mapped), note)

    demands = condition.demands(of.condition)
    if demands is None:
        return verdict(False, "the condition cannot be read")
    ready = structure.met(
        structure.draft(message), condition.demands(structure.condition_of(message)) or (), row.number, row.data_type, row.segment
    )
    if ready is None:
        return verdict(False, "the condition cannot be met")
    made, own = ready
    here = made.first(row.segment)
    assert here
    usual = (own or value(row.segment, row.number, row.data_type, "").text).split("^")
    mine = _component(of, row, demands)
    usual = (own or value(row.segment, row.number, row.data_type, "").text).split("^")
    usual += [""] * (max(of.component, *(d.component for d in demands), 1) - len(usual))
    for n, text in _NEEDED.get(of.map.partition("[")[0], {}).items():
        usual += [""] * (n - len(usual))
        usual[n - 1] = usual[n - 1] or text
    for demand in demands:
        usual[demand.component - 1] = _wanted(demand, usual[demand.component - 1])
    said = [d for d in demands if d.component == of.component and d.kind in {"is", "empty"}]
    here.fields[row.number] = _joined(usual, of.component, said[0].values[0] if said and said[0].values else "" if said else mine.text)
    full = made.text()
    here.fields[row.number] = _joined(usual, of.component, "Zq" if said and said[0].kind == "empty" else "") if of.component else ""
    target, path = _path(message, row, of)
    if of.assignment.startswith("/select"):
        return verdict(_leaves(bundle(full), target, path))  # a constant of ours
    after, before = (_leaves(bundle(t), target, path) for t in (full, made.text()))
    literal, gained = _constant(of.assignment), after - before
    words = () if said or of.element.endswith(("system", "uri")) or not of.component else (*mine.words, *_TRANSLATED.get(of.vocabulary, ()))
    return verdict(literal in after if literal else _shows(gained, words) if words else gained)


_TRANSLATED: Final = {
    "NameAssemblyOrder": ("NL1", "NL3"),
    "NameType": ("usual", "official", "maiden", "old", "nickname", "anonymous", "temp"),
}


def _constant(assigned: str) -> str:
    """The constant that a row assigns; "" when it assigns none, or one that is put together."""
    found = _LITERAL.match(assigned)
    return next((g for g in found.groups() if g), "").strip() if found and "+" not in assigned else ""


def _joined(parts: list[str], component: int, text: str) -> str:
    return "^".join(text if n == component else part for n, part in enumerate(parts, 1))


def _wanted(demand: condition.Demand, text: str) -> str:
    if demand.kind == "empty":
        return ""
    if demand.kind == "is":
        return demand.values[0]
    return "" if demand.kind == "not" and text in demand.values else text or "Zq"


# components that others hang on: a coding needs its code
_NEEDED: Final = {
    "CWE": {1: "Za", 4: "Zb", 10: "Zc"},
    "CNE": {1: "Za", 4: "Zb", 10: "Zc"},
    "RPT": {2: "DW", 3: "2", 5: "6", 6: "h", 8: "AC"},
}
# components that no generic word can stand for
_SAID: Final = {
    ("RPT", 3): Value("3", ("wed",)),
    ("RPT", 4): Value("5", ("fri",)),
    ("RPT", 5): Value("8", ("8",)),
    ("RPT", 6): Value("h", ("h",)),
    ("RPT", 9): Value("30", ("30",)),
    ("RPT", 10): Value("h", ("1800",)),
    ("TQ", 12): Value("7", ("7",)),
    ("DTM", 1): Value("20261120081500+0100", ("2026-11-20T08:15",)),
    ("CQ", 2): Value("min", ("min",)),
}
# what HD-2 is by HD-3
_UNIVERSAL: Final = {
    "ISO": "2.999.7",
    "UUID": "00000000-0000-4000-8000-000000000007",
    "URI": "http://example.org/q",
    "DNS": "q.example.org",
}


def _component(of: TypeRow, row: SegmentRow, demands: tuple[condition.Demand, ...]) -> Value:
    """A value of the component: of its data type, or a code of its vocabulary (or of the field's, where the whole value is a code)."""
    if not of.component:
        return Value("", ())
    same = [r.vocabulary for r in type_rows()[of.map] if r.component == of.component and r.vocabulary]
    vocabulary = (same or [row.vocabulary if of.element == "$value" else ""])[0]
    if known := _SAID.get((of.map.partition("[")[0], of.component)):
        return known
    kind = next((d.values[0] for d in demands if d.component == 3 and d.kind == "is"), "")
    if of.map.startswith("HD") and of.component == 2 and kind in _UNIVERSAL:
        return Value(_UNIVERSAL[kind], (_UNIVERSAL[kind],))
    data_type = "DR" if of.element.rstrip(")").rpartition(".")[2] == "period" else of.data_type or "ST"
    made = value(f"Q{of.map[0]}{of.map[1]}", of.component + 60, data_type, vocabulary)
    return Value(made.text.partition("^^HL7")[0].replace("^", "&"), made.words)


def _path(message: MessageRow, row: SegmentRow, of: TypeRow) -> tuple[str, str]:
    """Where the component goes: behind the field's own element, or it itself ("$value"). A PL makes a chain of Locations."""
    inner = re.sub(r"^\[[\d-]+\]\.?", "", of.element).removeprefix("Quantity.").replace("note(Annotation.text)", "note.text")
    if of.map == "NDL[PractitionerRole]" and of.element.startswith("["):
        return "Location", inner
    if of.map == "PL[Location]":
        return "Location", re.sub(r"^location\(Location\.([^)]*)\)$", r"\1", inner)
    target, own = _target(message, row), "" if row.element == "$this" else row.meant
    if inner.startswith("$") or not inner:
        return target, own
    first, last = inner.partition(".")[0].partition("(")[0], own.rpartition(".")[2].partition("[")[0].partition("(")[0]
    return target, own if first == last and "." not in inner else f"{own}.{inner}" if own else inner
