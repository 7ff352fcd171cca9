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
starts, ends = (st.sampled_from(row.split()) for row in ("20200101 20210101083000+0100", "20300101 20310101160000+0100"))
moments_of_start, moments_of_end = (st.sampled_from(row.split()) for row in ("20200101 2021010108", "20300101 2031010116"))
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
    "key": keys,
    "instant": instants,
    "start": starts,
    "end": ends,
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
    "XAD-work": _parts(_text(words), st.just(""), _text(names), st.just("^^"), codes("B C")),
    "XTN-home": _parts(numbers, st.just("PRN"), codes("PH CP FX"))
    | _parts(st.just(""), st.just("NET"), st.just("Internet"), keys.map(lambda k: f"{k}@x.no")),
    "XTN-work": _parts(numbers, st.just("WPN"), codes("PH FX")),
    "XON": _parts(_text(words), st.just("^^^"), spaces, codes("XX"), st.just("^"), keys),
    "CX-old": _parts(st.integers(0, 9999).map(lambda n: f"OLD{n}"), st.just("^"), spaces, codes("MR PI")),
    "CX-id": _parts(keys, _maybe(codes("4 7")), st.just(""), spaces, codes("MR PI")),  # that names the patient: no stay's
    "CX-gone": _parts(st.integers(0, 9999).map(lambda n: f"GONE{n}"), st.just("^"), spaces, codes("MR PI")),
    "CE-text": _text(words).map(lambda said: f"^{said}"),
    "TQ-when": st.just("^^^20210101083000+0100^20310101160000+0100"),
    "CE-sct": _parts(keys, _text(words), st.just("SCT")),
    "TS-clock": instants,
    "TQ": _parts(
        st.sampled_from(["2&stk", "1&mL"]),
        codes("BID TID"),
        st.just(""),
        starts,
        ends,
        st.just(""),
        _maybe(st.just("PRN pain")),
    ),
    "SPS": _parts(st.tuples(keys, words.map(escape), st.just("SCT")).map("&".join)),
    "HD": _parts(keys, st.sampled_from(["1.2.578.1", "2.16.578.1.12"]), st.just("ISO")) | spaces,
    "DLN": _parts(keys, codes("NOR SWE"), days),
    "CQ-day": _parts(st.sampled_from(["1", "2", "30"]), st.just("d&d&UCUM")),
    "CQ": _parts(numbers, st.just("mL&mL&UCUM")),
    "TM": clock,
    "XPN-family": _text(names),
    "NDL": _parts(st.tuples(keys, names.map(escape), names.map(escape)).map("&".join), moments_of_start, moments_of_end, _text(names)),
    "PLN": _parts(keys, codes("NPI UPIN SL")),
    "EIP": _parts(st.tuples(keys, spaces).map("&".join), st.tuples(keys, spaces).map("&".join)),
    "PL": _parts(_text(names), _text(names), _text(names), _text(names), st.just("^"), _text(names), keys),
}

# a row: "3! CE" is field 3, always there, of a data type; "8 F|M" is field 8, perhaps, one of two codes; "4 DA|FA:HL70127" is a CE of them
_PERSON: Final = (
    "3! CX; 5! XPN; 7 TS; 8 F|M|O|U; 11 XAD; 13 XTN-home; 14 XTN-work; 16 M|D|S|W:HL70002; 17 LUT|CAT:HL70006; 23 ST; "
    "25 1|2|3; 26 CE; 28 CE; 30 Y; 35 CE; 36 CE"
)
_VISIT: Final = (
    "1! 1; 2! I|O|E; 3! PL; 4 A|E|R; 5 CX; 6 PL; 7 XCN; 8 XCN; 9 XCN; 10 SUR|CAR; 13 R; 14 1|2|7; 16 VIP; 17 XCN; 36 01|02; "
    "38 CE; 44 TS; 52 XCN"
)
# message type -> segments in order
MESSAGES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "ADT^A01^ADT_A01": (
        ("EVN", "1! A01; 2! instant; 5 XCN; 6 TS"),
        ("PID", _PERSON),
        ("PD1", "3 XON; 4 XCN"),
        ("NK1", "1! 1; 2! XPN; 3 SPO|MTH|FTH|BRO:HL70063; 4 XAD; 5 XTN-home; 6 XTN-work; 8 DT; 13 XON; 15 F|M; 20 CE; 33 CX"),
        ("PV1", _VISIT),
        ("PV2", "3 CE; 8 TS; 9 TS; 11 1|20; 12 ST; 25 1|2|3; 38 A|C:HL70430"),
        ("AL1", "1! 1; 2 DA|FA|EA|AA:HL70127; 3! CE; 4 SV|MO|MI:HL70128; 5 ST; 6 DT"),
        ("DG1", "1! 1; 3! CE; 4 ST; 5 TS; 6! A|W|F; 15 1|2; 16 XCN; 19 TS; 20 EI"),
        ("PR1", "1! 1; 3! CE; 4 ST; 5! TS; 6 A|D; 8 XCN; 11 XCN; 12 XCN; 15 CE; 19 EI"),
        ("IN1", "1! 1; 2! CE; 3! CX; 4! XON; 5 XAD-work; 12 DT; 13 DT; 16 XPN; 17 SPO|CHD:HL70063"),
    ),
    "ADT^A60^ADT_A60": (
        ("EVN", "1! A60; 2! instant"),
        ("PID", _PERSON),
        ("IAM", "1! 1; 2 DA|FA:HL70127; 3! CE; 4 SV|MI:HL70128; 5 ST; 6! A:HL70323; 7 EI; 11 DT; 13 TS"),
        ("IAM", "1! 2; 2 MC|MA:HL70127; 3! CE; 6! A:HL70323; 12 ST; 14! XPN; 15! SPO|BRO:HL70063; 17 C|P|S:HL70438"),
    ),
    # the fields that stand beside, or instead of, those above
    "ADT^A01^ADT_A01 the rest": (
        ("SFT", "1! ST; 2! key; 3! ST; 4! key; 5 ST; 6 TS"),
        ("EVN", "1! A01; 2! instant; 4 01|02|03; 5! XCN; 7 HD"),
        (
            "PID",
            (
                "1! 1; 2 CX-id; 3! CX; 4 CX-id; 5! XPN; 6 XPN-family; 9 XPN; 12 ST; 15 nb|en|fr:ISO639; 18 CX; 19 key; 20 DLN; 21 CX; "
                "24 Y|N; 29 TS; 33 instant; 34 HD; 39 CE"
            ),
        ),
        ("PD1", "6 A|B; 7 Y|F|N; 14 ST"),
        ("ROL", "1 EI; 2! UC; 3! PP:HL70443; 4! XCN; 5 TS; 6 start; 9 CE; 10 1|2:HL70406; 11 XAD; 12 XTN-work"),
        ("NK1", "1! 1; 2! XPN; 3 SPO:HL70063; 7 N|I|BP:HL70131; 9 DT; 12 CX; 16 TS; 30 XPN; 31 XTN-home; 32 XAD; 37 key"),
        ("PV1", "1! 1; 2! I; 3! PL; 11 PL; 15 A1|B6; 19! CX; 20 MC|PB; 37 01|02; 40 C|O; 42 PL; 45 TS; 50 CX"),
        ("PV2", "1 PL; 13 XCN; 22 Y|N"),
        ("DG1", "1! 1; 3! CE; 6! W|F; 21 D"),
        ("PR1", "1! 1; 3! CE-sct; 5! TS-clock; 7 20|45; 16 key"),
        ("IN1", "1! 1; 2! CE; 3! CX; 4! XON; 10 CX; 11 XON; 15 HMO|EPO; 49 CX"),
    ),
    "ADT^A02^ADT_A02": (("EVN", "1! A02; 2! instant"), ("PID", _PERSON), ("PV1", "1! 1; 2! I; 3! PL; 6 PL; 43 PL")),
    "ADT^A40^ADT_A39": (("EVN", "1! A40; 2! instant"), ("PID", _PERSON), ("MRG", "1! CX-old; 7 XPN")),
    "ADT^A41^ADT_A39": (("EVN", "1! A41; 2! instant"), ("PID", "3! CX; 5! XPN; 18! CX"), ("MRG", "1! CX-gone; 3! CX-old")),
    "ORU^R01^ORU_R01 the rest": (
        ("PID", _PERSON),
        (
            "OBR",
            (
                "1! 1; 2 EI; 3! EI; 4! CE; 7! start; 8 end; 10 XCN; 14 TS; 15 SPS; 16 XCN; 22 instant; 25! F; 29 EIP; 32 NDL; 34 NDL; "
                "35 NDL; 39 CE-text"
            ),
        ),
        ("OBX", "1! 1; 2! =NM; 3! CE; 4 key; 5! NM; 6 CE; 10 A|N; 11! F|R|S|I; 15 CE; 18 EI; 19 TS; 25 XCN; 23 XON; 24 XAD-work"),
        ("NTE", "1! 1; 3! ST; 4 RE|AI:HL70364"),
    ),
    "ORM^O01^ORM_O01": (
        ("PID", _PERSON),
        ("ORC", "1! NW; 2! EI; 7 TQ; 14 XTN-work; 18 CE; 28 R|V:HL70177"),
        ("OBR", "1! 1; 4! CE; 5 S|R|A"),
    ),
    "ORM^O01^ORM_O01 the rest": (("PID", _PERSON), ("ORC", "1! NW; 2! EI"), ("OBR", "1! 1; 4! CE; 6 TS")),
    "OML^O21^OML_O21 the rest": (
        ("PID", _PERSON),
        ("ORC", "1! NW; 2! EI; 5 SC|IP; 12! XCN; 19 XCN; 28 R|V:HL70177"),
        ("TQ1", "1! 1; 2 CQ; 4 TM; 6 CQ-day; 11 ST; 13 CQ-day; 14 3"),
        ("OBR", "1! 1; 4! CE; 9 CQ; 11 A|L|P; 29 EIP; 39 CE-text"),
        ("SPM", "1! 1; 2 key; 3 EIP; 4! CE"),
    ),
    "OML^O21^OML_O21 by meals": (
        ("PID", _PERSON),
        ("ORC", "1! NW; 2! EI"),
        ("TQ1", "1! 1; 3! BID^^^^^^^AC|TID^^^^^^^PC; 5 =30^min"),
        ("OBR", "1! 1; 4! CE"),
    ),
    "SIU^S12^SIU_S12 without TQ1": (
        ("SCH", "1! EI; 11! TQ-when; 25! Booked:HL70278"),
        ("PID", _PERSON),
        ("RGS", "1! 1"),
        ("AIS", "1! 1; 3! CE; 4! instant"),
    ),
    "MDM^T06^MDM_T02": (
        ("EVN", "1! T06; 2! instant"),
        ("PID", _PERSON),
        ("PV1", _VISIT),
        ("TXA", "1! 1; 2! CN; 3! TX; 6 instant; 10 XCN; 12! EI; 13! EI; 17! AU|IP|DI; 18 V|R; 19 AV|UN"),
        ("OBX", "1! 1; 2! TX; 3! CE; 5! ST; 11! F"),
    ),
    "SIU^S15^SIU_S12": (
        ("SCH", "1! EI; 2 EI; 6! CE; 7 CE; 8 NORMAL:HL70277; 9 30; 10! min; 12 XCN; 16! XCN; 20! XCN; 25! Cancelled; 26! EI; 27! EI"),
        ("PID", _PERSON),
        ("RGS", "1! 1"),
        ("AIS", "1! 1; 3! CE; 4! instant; 7 15; 8! min; 10 Cancelled; 11! CE; 12 CE"),
        ("AIG", "1! 1; 3! CE; 4! CE; 8! instant; 11 15; 12! min"),
        ("AIL", "1! 1; 3! PL; 6! instant; 9 15; 10! min"),
        ("AIP", "1! 1; 3! XCN; 4! CE; 6! instant; 9 15; 10! min; 12 Dc|Booked"),
    ),
    "REF^I12^REF_I12 the rest": (
        ("RF1", "1! P; 6! EI"),
        ("PRD", "1! RP:HL70286; 2! XPN; 7 PLN"),
        ("PID", _PERSON),
    ),
    "RDE^O11^RDE_O11 the rest": (
        ("PID", _PERSON),
        ("ORC", "1! NW; 2! EI"),
        ("RXO", "1! CE; 2! 5; 3 10; 4! CE; 5 CE; 9 T|N; 11! NM; 12! CE; 13 2|5; 14 XCN; 18! NM; 19! CE; 25! NM; 26! CE"),
        ("RXR", "1! IM:HL70162; 2 CE; 4 CE; 5 CE"),
        ("RXE", "2! CE; 3! 5; 4 10; 5! key; 19 CQ"),
        ("TQ1", "1! 1; 3 BID|TID"),
        ("RXR", "1! IM:HL70162"),
    ),
    "VXU^V04^VXU_V04 the rest": (
        ("PID", _PERSON),
        ("ORC", "1! RE; 3! EI"),
        ("RXA", "1! 0; 2! 1; 3! TS; 5! CE; 6! NM; 17 CE; 20 CP|RE; 21 A; 22 instant"),
    ),
    "ORU^R01^ORU_R01": (
        ("PID", _PERSON),
        ("OBR", "1! 1; 2 EI; 3 EI; 4! CE; 7 TS; 22 instant; 24 CH|MB; 25! F|P|C"),
        ("OBX", "1! 1; 2! =NM; 3! CE; 5 NM; 7 ST; 8 H|L|A|N; 11! F|P|C; 14 TS; 16 XCN; 17 CE"),
        ("NTE", "1! 1; 3! ST"),
    ),
    "MDM^T02^MDM_T02": (
        ("EVN", "1! T02; 2! instant"),
        ("PID", _PERSON),
        ("PV1", _VISIT),
        ("TXA", "1! 1; 2! CN|DS|HP; 3! TX; 6 instant; 9 XCN; 12! EI; 16 key; 17! AU; 19 AV|OB"),
        ("OBX", "1! 1; 2! TX; 3! CE; 5! ST; 11! F"),
    ),
    "REF^I12^REF_I12": (
        ("RF1", "1! P; 2 A|R:HL70280; 3 CE; 5 CE; 6! EI; 7 start; 8 end; 10 CE; 11 EI"),
        ("PRD", "1! RP:HL70286; 2! XPN; 3 XAD; 5 XTN-work"),
        ("PID", _PERSON),
        ("DG1", "1! 1; 3! CE; 6! W|F; 20 EI"),
        ("AL1", "1! 1; 3! CE; 5 ST"),
        ("PR1", "1! 1; 3! CE; 5! TS; 11 XCN"),
        ("OBR", "1! 1; 4! CE; 7 TS; 25! F|P"),
        ("OBX", "1! 1; 2! =NM; 3! CE; 5! NM; 11! F"),
        ("NTE", "1! 1; 3! ST"),
        ("PV1", _VISIT),
    ),
    "OML^O21^OML_O21": (
        ("PID", _PERSON),
        ("PV1", _VISIT),
        (
            "ORC",
            (
                "1! NW|SC|XO; 2! EI; 3 EI; 4 EI; 5 HD|CM|CA; 9 TS; 10! XCN; 11 XCN; 12! XCN; 16 CE; 17 CE; 21 XON; 22 XAD-work; "
                "23 XTN-work; 24 XAD; 29 I|O:HL70482"
            ),
        ),
        ("TQ1", "1! 1; 3 BID|TID|QID; 7 start; 8 end; 9 S|A|R; 10 ST; 14 2|9"),
        ("OBR", "1! 1; 4! CE; 11 G; 13 ST; 17 XTN-work; 31 CE; 46 CE; 47 CE"),
        ("NTE", "1! 1; 3! ST"),
        ("DG1", "1! 1; 3! CE; 6! W|F"),
        ("OBX", "1! 1; 2! =NM; 3! CE; 5 NM; 11! F|P"),
        ("SPM", "1! 1; 2 key; 4! CE; 6 CE; 7 CE; 8 CE; 12 NM; 14 ST; 17 TS; 18 TS; 20 Y|N; 24 CE; 27 CE"),
    ),
    "SIU^S12^SIU_S12": (
        ("SCH", "1! EI; 2 EI; 8 ROUTINE|CHECKUP:HL70276; 25! Booked:HL70278"),
        ("PID", _PERSON),
        ("RGS", "1! 1"),
        ("AIS", "1! 1; 3! CE; 4! instant"),
        ("AIL", "1! 1; 3! PL"),
        ("AIP", "1! 1; 3! XCN"),
    ),
    "VXU^V04^VXU_V04": (
        ("PID", _PERSON),
        ("ORC", "1! RE; 2 EI; 3! EI"),
        ("RXA", "1! 0; 2! 1; 3! TS; 5! CE; 6! NM; 7 key; 10 XCN; 15 key; 16 DT; 18 CE; 19 CE; 20 CP"),
        ("RXR", "1! ID|IM|IV|PO|SC:HL70162; 2 CE"),
    ),
    "RDE^O11^RDE_O11": (
        ("PID", _PERSON),
        ("ORC", "1! NW; 2! EI; 9 TS; 12 XCN"),
        ("RXE", "2! CE; 3! NM; 5! key; 6 CE; 10 NM; 11 key; 12 1|2|3"),
        ("TQ1", "1! 1; 3 BID|TID; 9 S|A|R"),
        ("RXR", "1! IM|IV|PO|SC:HL70162; 2 CE"),
    ),
}


def _field(what: str) -> Field:
    """By its data type, as a literal behind ``=``, or one of some codes."""
    if what.startswith("="):
        return st.just(what[1:])
    if what in TYPES:
        return TYPES[what]
    known, _, system = what.partition(":")
    return codes(known.replace("|", " "), system)


def _segment(name: str, row: str) -> Field:
    fields: dict[int, Field] = {}
    for number, what in (part.split() for part in row.split("; ")):
        fields[int(number.rstrip("!"))] = _field(what) if number.endswith("!") else _maybe(_field(what))
    return st.fixed_dictionaries(fields).map(lambda said: "|".join([name, *(said.get(n, "") for n in range(1, max(said) + 1))]).rstrip("|"))


def messages(kind: str) -> st.SearchStrategy[bytes]:
    """Messages of a type."""
    segments = st.tuples(*(_segment(name, row) for name, row in MESSAGES[kind]))
    head = HEAD.format(type=kind.partition(" ")[0]).replace("||||||UNICODE", "|||||NOR|UNICODE") + "|en-US"
    return segments.map(lambda lines: "".join(f"{line}\r" for line in (head, *lines)).encode())
