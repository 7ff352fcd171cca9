"""A value for every data type: all its components filled, each with a word that occurs nowhere else in the message."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tests.conformance.guide import vocabularies


@dataclass(frozen=True)
class Value:
    """A field as written, and the words of which one must turn up where it is mapped to."""

    text: str
    words: tuple[str, ...]


def _day(seed: int) -> str:
    return f"20{seed % 24:02}{1 + seed // 24 % 12:02}{1 + seed // 7 % 28:02}"


def _dashed(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _moment(word: str, seed: int) -> Value:
    day = _day(seed)
    return Value(f"{day}{seed % 24:02}{seed % 60:02}{seed * 7 % 60:02}+0100", (f"{_dashed(day)}T{seed % 24:02}:{seed % 60:02}",))


def _words(word: str, *letters: str) -> tuple[str, ...]:
    return tuple(word + letter for letter in letters)


def _simple(word: str, seed: int) -> Value:
    return Value(word, (word,))


def _number(word: str, seed: int) -> Value:
    return Value(str(3 + seed % 90), (str(3 + seed % 90),))


_MAKERS: Final[Mapping[str, Callable[[str, int], Value]]] = MappingProxyType(
    {
        "ST": _simple, "TX": _simple, "FT": _simple, "GTS": _simple, "SNM": _simple, "varies": _simple, "ID": _simple, "IS": _simple,
        "NM": _number, "SI": _number,
        "DT": lambda w, s: Value(_day(s), (_dashed(_day(s)),)),
        "DTM": _moment, "TS": _moment, "DTM ": _moment,
        "TM": lambda w, s: Value(f"{s % 24:02}{s % 60:02}", (f"{s % 24:02}:{s % 60:02}",)),
        "CX": lambda w, s: Value(f"{w}a^^^{w}b&2.999.{s}&ISO^MR", _words(w, "a")),
        "EI": lambda w, s: Value(f"{w}a^{w}b^2.999.{s}^ISO", _words(w, "a")),
        "EIP": lambda w, s: Value(f"{w}a&{w}b&2.999.{s}&ISO^{w}c&{w}d&2.999.{s}1&ISO", _words(w, "a", "c")),
        "HD": lambda w, s: Value(f"{w}a^2.999.{s}^ISO", (*_words(w, "a"), f"2.999.{s}")),
        "XPN": lambda w, s: Value(f"{w}a^{w}b^{w}c^{w}d^{w}e^^L", _words(w, "a")),
        "XCN": lambda w, s: Value(f"{w}a^{w}b^{w}c^{w}d^^{w}f^^^{w}h&2.999.{s}&ISO^L^^^MD", _words(w, "a", "b")),
        "CNN": lambda w, s: Value(f"{w}a^{w}b^{w}c", _words(w, "a", "b")),
        "XON": lambda w, s: Value(f"{w}a^L^^^^{w}b&2.999.{s}&ISO^XX^^^{w}c", _words(w, "a", "c")),
        "XAD": lambda w, s: Value(f"{w}a^{w}b^{w}c^{w}d^{w}e^NOR^H^^{w}f", _words(w, "a", "c")),
        "SAD": lambda w, s: Value(f"{w}a^{w}b", _words(w, "a")),
        "XTN": lambda w, s: Value(f"{w}a^^PH", _words(w, "a")),
        "PL": lambda w, s: Value(f"{w}a^{w}b^{w}c^{w}d^^^{w}e^{w}f", _words(w, "a", "b", "c")),
        "CWE": lambda w, s: Value(f"{w}a^{w}b^LN^{w}c^{w}d^99X", _words(w, "a", "b")),
        "CF": lambda w, s: Value(f"{w}a^{w}b^LN", _words(w, "a", "b")),
        "DLN": lambda w, s: Value(f"{w}a^{w}b^20300102", _words(w, "a")),
        "PLN": lambda w, s: Value(f"{w}a^SL^{w}c^20300102", _words(w, "a")),
        "DLD": lambda w, s: Value(f"{w}a^20200102", _words(w, "a")),
        "FC": lambda w, s: Value(f"{w}a^20200102", _words(w, "a")),
        "JCC": lambda w, s: Value(f"{w}a^{w}b^{w}c", _words(w, "a", "b", "c")),
        "DR": lambda w, s: Value("20200102^20200304", ("2020-01-02", "2020-03-04")),
        "NR": lambda w, s: Value(f"{s}.25^{s}.75", (f"{s}.25", f"{s}.75")),
        "VR": lambda w, s: Value(f"{w}a^{w}b", _words(w, "a")),
        "SN": lambda w, s: Value(f">^{s}.5^^{s + 1}", (f"{s}.5",)),
        "NA": lambda w, s: Value(f"{s}^{s + 1}^{s + 2}", (str(s), f"{s} {s + 1} {s + 2}")),
        "CQ": lambda w, s: Value(f"{3 + s % 90}^mg&milligram&UCUM", (str(3 + s % 90), "mg", "milligram")),
        "MO": lambda w, s: Value(f"{s}.5^NOK", (f"{s}.5",)),
        "CP": lambda w, s: Value(f"{s}.5&NOK^UP", (f"{s}.5",)),
        "ED": lambda w, s: Value(f"{w}^TEXT^plain^Base64^QUJDRA==", ("QUJDRA==",)),
        "RP": lambda w, s: Value(f"http://example.org/{w}^{w}^TEXT^plain", (f"http://example.org/{w}",)),
        "MOC": lambda w, s: Value(f"{s}.5&NOK^{w}a", _words(w, "a")),
        "NDL": lambda w, s: Value(f"{w}a&{w}b&{w}c^20000102^20300304^{w}d^{w}e^{w}f", _words(w, "a", "b")),
        "SPS": lambda w, s: Value(f"{w}a&{w}b&LN^{w}c&{w}d&LN^{w}e^{w}f&{w}g&LN^{w}h&{w}i&LN^{w}j&{w}k&LN", _words(w, "a", "b", "c", "f")),
        "RPT": lambda w, s: Value("BID&Twice a day&HL70335", ("BID", "12")),
        "RI": lambda w, s: Value("BID^0800,2000", ("BID", "08:00:00")),
        "TQ": lambda w, s: Value("2&mg^BID^X3^20000102101112+0100^20300304101112+0100^S", ("2000-01-02", "stat", "BID")),
        "OG": lambda w, s: Value("1^2^3^4", ("1", "2")),
        "PT": lambda w, s: Value("T^T", ("T",)),
        "MSG": lambda w, s: Value("ADT^A01^ADT_A01", ("A01", "ADT^A01^ADT_A01")),
        "VID": lambda w, s: Value("2.5.1", ("2.5.1",)),
    }
)  # fmt: skip
_SAME: Final = MappingProxyType({"CE": "CWE", "CNE": "CWE", "TN": "XTN", "CM": "ST", "": "ST"})
# v2 codes that a generic word cannot stand for: (segment, field) -> value and what shows it
VALUES: Final[Mapping[tuple[str, int], Value]] = MappingProxyType(
    {
        ("PV1", 2): Value("I", ("IMP", "in-progress")),
        ("DG1", 21): Value("D", ("entered-in-error",)),
        ("PID", 7): Value("19800229101112+0100", ("1980-02-29", "10:11")),
        ("PID", 24): Value("Y", ("true",)),
        ("PID", 30): Value("Y", ("true",)),
        ("PID", 31): Value("Y", ("true",)),
        ("PID", 25): Value("2", ("2",)),
        ("PID", 19): Value("10915596784", ("10915596784",)),
        ("NK1", 16): Value("19700102", ("1970-01-02",)),
        ("AL1", 2): Value("DA", ("medication", "allergy", "DA", "http://hl7.org/fhir/StructureDefinition/alternate-codes")),
        ("IAM", 2): Value("DA", ("medication", "allergy", "DA", "http://hl7.org/fhir/StructureDefinition/alternate-codes")),
        ("OBX", 2): Value("ST", ("ST",)),
        ("OBX", 11): Value("C", ("corrected",)),
        ("OBX", 4): Value("1.2", ("1.2",)),
        ("MSH", 8): Value("R", ("R",)),
        ("MSH", 17): Value("NOR", ("NO", "NOR")),
        ("MSH", 9): Value("ADT^A01^ADT_A01", ("A01",)),
        ("PV2", 22): Value("Y", ("R", "Y")),
        ("PR1", 7): Value("45", ("T09:15",)),
        ("TQ1", 6): Value("3^d&day&UCUM", ()),
        ("TQ1", 13): Value("15^min&minute&UCUM", ("15", "min")),
        ("RXA", 16): Value("20280712", ("2028-07-12",)),
        ("AIS", 7): Value("30", ()),
        ("AIG", 11): Value("30", ()),
        ("AIL", 9): Value("30", ()),
        ("AIP", 9): Value("30", ()),
        ("AIP", 12): Value("Cancelled", ("declined",)),
    }
)  # fmt: skip


def value(segment: str, number: int, data_type: str, vocabulary: str, n: int = 0) -> Value:
    """The ``n``-th value of a field: a code of its vocabulary where it has one, else words of its own."""
    known = VALUES.get((segment, number))
    if known and not n:
        return known
    coded = _coded(vocabulary, data_type)
    if coded and not n:
        return coded
    word, seed = f"{segment}{number}{'qrst'[n]}", sum(map(ord, segment)) * 3 + number * 11 + n
    return _MAKERS.get(_SAME.get(data_type, data_type), _simple)(word, seed)


def _coded(vocabulary: str, data_type: str) -> Value | None:
    name = _VOCABULARIES.get(_plain(vocabulary), "")
    rows = vocabularies().get(name, ())
    if not rows:
        return None
    code, table, target, _ = rows[len(rows) // 2]
    text = f"{code}^^{table.replace('HL7-', 'HL7')}" if data_type in {"CWE", "CE", "CNE"} else code
    return Value(text, tuple(dict.fromkeys((target, code))))


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum() or c == "[")


_VOCABULARIES: Final = {_plain(n): n for n in vocabularies()}
