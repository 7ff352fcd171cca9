"""HL7 v2 messages field by field from tables: every field of them comes back when the message has been a Bundle.

A row is a segment with the fields it may have, each by its data type or by the codes it is drawn from; any of them may be absent, those
marked ``!`` never are. Values are ones that R4 and 2.5.1 both have words for; the others are in ``losses``.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from hypothesis import strategies as st

from hub.adapters.fhir.er7.text import escape
from tests.unit.adapters.made import HEAD

Field = st.SearchStrategy[str]
_DAY_ZERO: Final = date(2020, 1, 1)

words: Final = (
    st.text("abcdeABCDEæøåÆØÅ |^&~\\'.,-()", min_size=1, max_size=12)
    .map(lambda s: " ".join(s.split()))
    .filter(lambda s: any(map(str.isalpha, s)))
)
names: Final = st.text("abcdefÆØÅ'|^&~\\-", min_size=1, max_size=8).filter(lambda s: any(map(str.isalpha, s)))
keys: Final = st.text("ABCDEF0123456789", min_size=1, max_size=8).map(lambda s: f"K{s}")
spaces: Final = st.sampled_from(["STOLAV", "HELSEPLATTFORMEN", "LAB2"])
days: Final = st.integers(0, 3000).map(lambda n: f"{_DAY_ZERO + timedelta(days=n):%Y%m%d}")
clock: Final = st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)).map(lambda t: "{:02}{:02}{:02}".format(*t))
moments: Final = st.tuples(days, clock, st.sampled_from(["+0000", "+0100", "-0500"])).map("".join) | days
instants: Final = st.tuples(days, clock, st.sampled_from(["+0000", "+0100"])).map("".join)  # what R4 wants to the second
numbers: Final = st.integers(0, 9999).map(str) | st.tuples(st.integers(0, 99), st.integers(1, 99)).map(lambda t: f"{t[0]}.{t[1]}")


def _maybe(strategy: Field) -> Field:
    return st.just("") | strategy


def _parts(*parts: Field) -> Field:
    """Components, told as they would be."""
    return st.tuples(*parts).map(lambda p: "^".join(p).rstrip("^"))


def _text(strategy: Field) -> Field:
    return strategy.map(escape)


def codes(row: str, system: str = "") -> Field:
    """One of some codes; with a coding system as CE."""
    return st.sampled_from(row.split()).map(lambda c: f"{c}^^{system}" if system else c)


_NAME: Final = (_text(names), _text(names), _maybe(_text(names)), _maybe(st.just("jr.")), _maybe(st.just("Dr.")))
_PERIOD: Final = st.tuples(st.integers(0, 999), st.integers(0, 999)).map(
    lambda t: f"{_DAY_ZERO + timedelta(days=t[0]):%Y%m%d}^{_DAY_ZERO + timedelta(days=t[0] + t[1]):%Y%m%d}"
)
TYPES: Final[Mapping[str, Field]] = {
    "ST": _text(words),
    "NM": numbers,
    "DT": days,
    "TS": moments,
    "EI": _parts(keys, spaces),
    "CX": _parts(keys, _maybe(codes("4 7")), st.just(""), spaces, codes("MR PI AN"))
    | _parts(keys, st.just("^"), spaces, st.just("MR^"), _PERIOD),
    "CE": _parts(keys, _text(words), codes("LN SCT I10")),
    "XPN": _parts(*_NAME, st.just(""), codes("L D M N")),
    "XCN": _parts(keys, *_NAME, _maybe(codes("MD PHD")), st.just(""), spaces, codes("L D"), st.just("^"), codes("MR PRN")),
    "XAD": _parts(
        _text(words),
        st.just(""),
        _text(names),
        _maybe(st.just("MI")),
        _maybe(codes("7011 0150")),
        _maybe(codes("NOR SWE")),
        codes("H B C"),
        st.just(""),
        _maybe(codes("5001 0301")),
    ),
    "XTN-home": _parts(numbers, st.just("PRN"), codes("PH CP FX"))
    | _parts(st.just(""), st.just("NET"), st.just("Internet"), keys.map(lambda k: f"{k}@x.no")),
    "XTN-work": _parts(numbers, st.just("WPN"), codes("PH FX")),
    "XON": _parts(_text(words), st.just("^^^"), spaces, codes("XX"), st.just("^"), keys),
    "PL": _parts(_text(names), _text(names), _text(names), _text(names), st.just("^"), _text(names), keys),
}

# message type -> segments in order -> field -> data type or codes
Row = dict[str, str | Field]
_PERSON: Final[Row] = {
    "3!": "CX",
    "5!": "XPN",
    "7": "TS",
    "8": codes("F M O U"),
    "11": "XAD",
    "13": "XTN-home",
    "14": "XTN-work",
    "16": codes("M D S W", "HL70002"),
    "17": codes("LUT CAT", "HL70006"),
    "23": "ST",
    "25": codes("1 2 3"),
    "26": "CE",
    "28": "CE",
    "30": codes("Y"),
    "35": "CE",
    "36": "CE",
}
_VISIT: Final[Row] = {
    "1!": codes("1"),
    "2!": codes("I O E"),
    "3!": "PL",
    "4": codes("A E R"),
    "5": "CX",
    "6": "PL",
    "7": "XCN",
    "8": "XCN",
    "9": "XCN",
    "10": codes("SUR CAR"),
    "13": codes("R"),
    "14": codes("1 2 7"),
    "16": codes("VIP"),
    "17": "XCN",
    "36": codes("01 02"),
    "38": "CE",
    "44": "TS",
    "52": "XCN",
}
MESSAGES: Final[Mapping[str, tuple[tuple[str, Row], ...]]] = {
    "ADT^A01^ADT_A01": (
        ("EVN", {"1!": codes("A01"), "2!": instants, "5": "XCN", "6": "TS"}),
        ("PID", _PERSON),
        ("PD1", {"3": "XON", "4": "XCN"}),
        (
            "NK1",
            {
                "1!": codes("1"),
                "2!": "XPN",
                "3": codes("SPO MTH FTH BRO", "HL70063"),
                "4": "XAD",
                "5": "XTN-home",
                "6": "XTN-work",
                "8": "DT",
                "13": "XON",
                "15": codes("F M"),
                "20": "CE",
                "33": "CX",
            },
        ),
        ("PV1", _VISIT),
        ("PV2", {"3": "CE", "8": "TS", "9": "TS", "11": codes("1 20"), "12": "ST", "25": codes("1 2 3"), "38": codes("A C", "HL70430")}),
        (
            "AL1",
            {"1!": codes("1"), "2": codes("DA FA EA AA", "HL70127"), "3!": "CE", "4": codes("SV MO MI", "HL70128"), "5": "ST", "6": "DT"},
        ),
        (
            "DG1",
            {
                "1!": codes("1"),
                "3!": "CE",
                "4": "ST",
                "5": "TS",
                "6!": codes("A W F"),
                "15": codes("1 2"),
                "16": "XCN",
                "19": "TS",
                "20": "EI",
            },
        ),
        (
            "PR1",
            {
                "1!": codes("1"),
                "3!": "CE",
                "4": "ST",
                "5!": "TS",
                "6": codes("A D"),
                "8": "XCN",
                "11": "XCN",
                "12": "XCN",
                "15": "CE",
                "19": "EI",
            },
        ),
        (
            "IN1",
            {
                "1!": codes("1"),
                "2!": "CE",
                "3!": "CX",
                "4!": "XON",
                "5": "XAD",
                "12": "DT",
                "13": "DT",
                "16": "XPN",
                "17": codes("SPO CHD", "HL70063"),
            },
        ),
    ),
    "ADT^A60^ADT_A60": (
        ("EVN", {"1!": codes("A60"), "2!": instants}),
        ("PID", _PERSON),
        (
            "IAM",
            {
                "1!": codes("1"),
                "2": codes("DA FA", "HL70127"),
                "3!": "CE",
                "4": codes("SV MI", "HL70128"),
                "5": "ST",
                "6!": codes("A", "HL70323"),
                "7": "EI",
                "11": "DT",
                "13": "TS",
            },
        ),
    ),
    "ORU^R01^ORU_R01": (
        ("PID", _PERSON),
        (
            "OBR",
            {"1!": codes("1"), "2": "EI", "3": "EI", "4!": "CE", "7": "TS", "22": instants, "24": codes("CH MB"), "25!": codes("F P C")},
        ),
        (
            "OBX",
            {
                "1!": codes("1"),
                "2!": codes("NM"),
                "3!": "CE",
                "5": "NM",
                "7": "ST",
                "8": codes("H L A N"),
                "11!": codes("F P C"),
                "14": "TS",
                "16": "XCN",
                "17": "CE",
            },
        ),
        ("NTE", {"1!": codes("1"), "3!": "ST"}),
    ),
    "MDM^T02^MDM_T02": (
        ("EVN", {"1!": codes("T02"), "2!": instants}),
        ("PID", _PERSON),
        ("PV1", _VISIT),
        (
            "TXA",
            {
                "1!": codes("1"),
                "2!": codes("CN DS HP"),
                "3!": codes("TX"),
                "6": instants,
                "9": "XCN",
                "12!": "EI",
                "16": keys,
                "17!": codes("AU"),
                "19": codes("AV OB"),
            },
        ),
        ("OBX", {"1!": codes("1"), "2!": codes("TX"), "3!": "CE", "5!": "ST", "11!": codes("F")}),
    ),
    "SIU^S12^SIU_S12": (
        ("SCH", {"1!": "EI", "2": "EI", "8": codes("ROUTINE CHECKUP", "HL70276"), "25!": codes("Booked", "HL70278")}),
        ("PID", _PERSON),
        ("RGS", {"1!": codes("1")}),
        ("AIS", {"1!": codes("1"), "3!": "CE", "4!": instants}),
        ("AIL", {"1!": codes("1"), "3!": "PL"}),
        ("AIP", {"1!": codes("1"), "3!": "XCN"}),
    ),
    "VXU^V04^VXU_V04": (
        ("PID", _PERSON),
        ("ORC", {"1!": codes("RE"), "2": "EI", "3!": "EI"}),
        (
            "RXA",
            {
                "1!": codes("0"),
                "2!": codes("1"),
                "3!": "TS",
                "5!": "CE",
                "6!": "NM",
                "7": keys,
                "10": "XCN",
                "15": keys,
                "16": "DT",
                "18": "CE",
                "19": "CE",
                "20": codes("CP"),
            },
        ),
        ("RXR", {"1!": codes("ID IM IV PO SC", "HL70162"), "2": "CE"}),
    ),
    "RDE^O11^RDE_O11": (
        ("PID", _PERSON),
        ("ORC", {"1!": codes("NW"), "2!": "EI", "9": "TS", "12": "XCN"}),
        ("RXE", {"2!": "CE", "3!": "NM", "5!": keys, "6": "CE", "10": "NM", "11": keys, "12": codes("1 2 3")}),
        ("TQ1", {"1!": codes("1"), "3": codes("BID TID"), "9": codes("S A R")}),
        ("RXR", {"1!": codes("IM IV PO SC", "HL70162"), "2": "CE"}),
    ),
}


def _segment(name: str, row: Row) -> Field:
    fields: dict[int, Field] = {}
    for n, what in row.items():
        made = TYPES[what] if isinstance(what, str) else what
        fields[int(n.rstrip("!"))] = made if n.endswith("!") else _maybe(made)
    return st.fixed_dictionaries(fields).map(lambda said: "|".join([name, *(said.get(n, "") for n in range(1, max(said) + 1))]).rstrip("|"))


def messages(kind: str) -> st.SearchStrategy[bytes]:
    """Messages of a type."""
    segments = st.tuples(*(_segment(name, row) for name, row in MESSAGES[kind]))
    return segments.map(lambda lines: "".join(f"{line}\r" for line in (HEAD.format(type=kind), *lines)).encode())
