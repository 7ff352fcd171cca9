"""The envelope: who sent it, what it is, who the patient is - read once, here."""

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.message import Envelope, Er7, beside, envelope, identifiers, retired
from hub.errors import Reason, Rejected
from hub.identity import FNR
from hub.model import Identifier

FNR_VALUE = "13116900216"


def msh(**fields: str) -> str:
    values = {"3": "APP", "4": "FAC", "7": "20260401", "9": "ADT^A01^ADT_A01", "10": "C1", "11": "P", "12": "2.5.1"} | {
        k[1:]: v for k, v in fields.items()
    }
    return "MSH|^~\\&|" + "|".join(values.get(str(n), "") for n in range(3, 22))


def read(header: str = msh(), *rest: str, pid: str | None = "PID|1||7^^^HOSP") -> Envelope:
    return envelope("\r".join([header, *([pid] if pid is not None else []), *rest]).encode())


def refusal(header: str = msh(), *rest: str, pid: str | None = "PID|1||7^^^HOSP") -> tuple[Reason, str]:
    with pytest.raises(Rejected) as caught:
        read(header, *rest, pid=pid)
    return caught.value.reason, caught.value.where


def test_the_envelope() -> None:
    found = read(msh(f4="FAC^1.2.3^ISO", f5="^2.16.1^ISO", f6="R\\T\\D", f15="AL", f16="NE"))
    assert found == ("APP", "FAC", "2.16.1", "R&D", "C1", "ADT^A01", "2.5.1", "P", "AL", "NE", "utf-8", (Identifier("HOSP", "7"),))
    assert "FAC" not in repr(found)
    assert "C1" not in repr(found)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (msh(f10=""), (Reason.MISSING_CONTROL_ID, "MSH-10")),
        (msh(f10='""'), (Reason.MISSING_CONTROL_ID, "MSH-10")),
        (msh(f10="x" * 200), (Reason.BAD_VALUE, "MSH-10")),
        (msh(f9=""), (Reason.MISSING_FIELD, "MSH-9")),
        (msh(f9="ADT"), (Reason.UNSUPPORTED_EVENT, "MSH-9")),
        (msh(f9="ADT^A01&x"), (Reason.UNSUPPORTED_EVENT, "MSH-9")),
        (msh(f9="admission^A01"), (Reason.UNSUPPORTED_TYPE, "MSH-9")),
        (msh(f12=""), (Reason.MISSING_FIELD, "MSH-12")),
        (msh(f12="3.0"), (Reason.UNSUPPORTED_VERSION, "MSH-12")),
        (msh(f12="2.10"), (Reason.UNSUPPORTED_VERSION, "MSH-12")),
        (msh(f12="2.0"), (Reason.UNSUPPORTED_VERSION, "MSH-12")),
        (msh() + "\r" + msh(f10="C2"), (Reason.SEVERAL_MESSAGES, "MSH")),
        (msh(f3="x" * 513), (Reason.BAD_VALUE, "MSH-3")),
        (msh(f6="x" * 513), (Reason.BAD_VALUE, "MSH-6")),
    ],
)
def test_faults_of_the_header(header: str, expected: tuple[Reason, str]) -> None:
    assert refusal(header) == expected


@pytest.mark.parametrize("version", ["2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7.1", "2.8.2", "2.9", "2.5^NOR^1"])
def test_versions(version: str) -> None:
    assert read(msh(f12=version)).version == version.partition("^")[0]


@pytest.mark.parametrize(
    ("kind", "rest", "trigger"),
    [
        ("ADT", ["EVN|A08|2026"], "ADT^A08"),
        ("ORU", [], "ORU^R01"),
        ("ORM", [], "ORM^O01"),
        ("ADT^A01", ["EVN|A08"], "ADT^A01"),
        ("ADT^A01^X", [], "ADT^A01"),
    ],
)
def test_triggers(kind: str, rest: list[str], trigger: str) -> None:
    assert read(msh(f9=kind), *rest).trigger == trigger


@pytest.mark.parametrize(
    ("pid", "expected"),
    [
        (None, (Reason.MISSING_PATIENT, "PID")),
        ("PID", (Reason.MISSING_PATIENT, "PID-3")),
        ("PID|1|2|", (Reason.MISSING_PATIENT, "PID-3")),
        ("PID|1|2||4", (Reason.MISSING_PATIENT, "PID-3")),  # PID-2 and PID-4 do not stand for it
        ('PID|1||""', (Reason.MISSING_PATIENT, "PID-3")),
        ('PID|1||""^^^X~^^^Y~  ', (Reason.MISSING_PATIENT, "PID-3")),
        ("PID|1||a\\X0D\\PID", (Reason.BAD_VALUE, "PID-3")),
        ("PID|1||7^^^HOSP\rPID|2||8^^^HOSP", (Reason.SEVERAL_PATIENTS, "PID")),
        ("PID|1||7^^^HOSP\rPID|2||", (Reason.MISSING_PATIENT, "PID[1]-3")),
        ("PID|1||00000000000^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~UNKNOWN", (Reason.MISSING_PATIENT, "PID-3")),
        ("PID|1||W7^^^INSURER^MB~W8^^^INSURER^SN", (Reason.MISSING_PATIENT, "PID-3")),  # a family has one policy
        ("PID|1||" + "~".join(f"{n}^^^HOSP" for n in range(1, 102)), (Reason.TOO_COMPLEX, "PID-3")),
        ("PID|1||" + "78" * 8_193, (Reason.TOO_COMPLEX, "PID-3")),
        ("\r".join(f"PID|1||7^^^HOSP~{n}^^^HOSP" for n in range(8, 109)), (Reason.TOO_COMPLEX, "PID-3")),
    ],
)
def test_faults_of_the_patient(pid: str | None, expected: tuple[Reason, str]) -> None:
    assert refusal(pid=pid) == expected


@pytest.mark.parametrize(
    ("pid3", "expected"),
    [
        ("7", [("", "7")]),
        ("7^^^HOSP", [("HOSP", "7")]),
        ("7^^^HOSP&1.2.3&ISO", [("urn:oid:1.2.3", "7")]),
        ("7^^^&1.2.3", [("urn:oid:1.2.3", "7")]),
        ("7^^^HOSP&1.2.x&ISO", [("HOSP", "7")]),
        ("7^^^X&0F0E0D0C-0000-4000-8000-000000000001&UUID", [("urn:uuid:0f0e0d0c-0000-4000-8000-000000000001", "7")]),
        ("7^^^X&http://h.no/id&URI", [("http://h.no/id", "7")]),
        ("7^^^&h.no&DNS", [("h.no", "7")]),
        ("7^^^A~7^^^A~8^^^A~^^^B", [("A", "7"), ("A", "8")]),
        (f"{FNR_VALUE}^^^HOSP", [(FNR, FNR_VALUE)]),
        (f"{FNR_VALUE}^^^&2.16.578.1.12.4.1.4.1&ISO", [(FNR, FNR_VALUE)]),
        (f"{FNR_VALUE}~{FNR_VALUE}^^^&2.16.578.1.12.4.1.4.1&ISO", [(FNR, FNR_VALUE)]),
        ("a\\T\\b&x^^^H\\S\\", [("H^", "a&b")]),
        ("01018000000^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~7^^^HOSP^MR", [("HOSP", "7")]),  # a date of birth, for want of a number
        ("7^^^HOSP^MR~0^^^HOSP^MR~999999999^^^HOSP^SS", [("HOSP", "7")]),
        ("7^^^HOSP^MR~8^^^HOSP^AN~9^^^HOSP^VN&x^F~W7^^^INSURER^MB", [("HOSP", "7")]),  # account 8 may be another patient's record 8
        ("8^^^HOSP^AN~9^^^HOSP^VN~W7^^^INSURER^MB", [("HOSP", "8"), ("HOSP", "9")]),  # better than nothing
        ("01018000100^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~7^^^HOSP^MR", [("HOSP", "7")]),  # made up of a date of birth: it does not hold
        ("01018000100^^^&2.16.578.1.12.4.1.4.1&ISO^FNR", [(FNR, "01018000100")]),
    ],
)
def test_identifiers(pid3: str, expected: list[tuple[str, str]]) -> None:
    assert [(i.system, i.value) for i in read(pid=f"PID|1||{pid3}").identifiers] == expected


@pytest.mark.parametrize(
    ("rest", "more"),
    [
        ("|PID-2|7^^^HOSP|9", []),  # bare words may be anything
        ("|3^^^EXT|7^^^HOSP|9^^^ALT&1.2.3&ISO", [("EXT", "3"), ("urn:oid:1.2.3", "9")]),
        (f"||7^^^HOSP|{FNR_VALUE}", [(FNR, FNR_VALUE)]),
        (f"||7^^^HOSP{'|' * 16}{FNR_VALUE}|20", [(FNR, FNR_VALUE)]),  # PID-19
        (f"||7^^^HOSP{'|' * 16}123-45-6789", []),
        ("|0^^^EXT|7^^^HOSP|8^^^HOSP^AN", []),
        ('|""|7^^^HOSP|""', []),
    ],
)
def test_other_fields_that_name_the_patient(rest: str, more: list[tuple[str, str]]) -> None:
    assert [(i.system, i.value) for i in read(pid="PID|1" + rest).identifiers] == [("HOSP", "7"), *more]
    twice = f"PID|1{rest}\rPID|2{rest}"
    assert read(pid=twice).identifiers == read(pid="PID|1" + rest).identifiers


MADE_UP = "01018000100^^^&2.16.578.1.12.4.1.4.1&ISO^FNR"


@pytest.mark.parametrize(
    ("pid", "found"),
    [
        (f"PID|1||{MADE_UP}~7^^^HOSP^MR", ["01018000100"]),
        (f"PID|1||7^^^HOSP^MR|{MADE_UP}", ["01018000100"]),
        (f"PID|1||7^^^HOSP^MR\rPID|2||7^^^HOSP^MR~{MADE_UP}", ["01018000100"]),
        (f"PID|1||{MADE_UP}", []),  # it names the patient, for want of another
        (f"PID|1||7^^^HOSP^MR~{FNR_VALUE}^^^&2.16.578.1.12.4.1.4.1&ISO^FNR", []),
        ("PID|1||7^^^HOSP^MR~01018000000^^^&2.16.578.1.12.4.1.4.1&ISO^FNR", []),  # everybody's
        ("PID|1||7^^^HOSP^MR", []),
    ],
)
def test_a_number_that_does_not_hold_stands_beside_those_that_name_the_patient(pid: str, found: list[str]) -> None:
    """It makes nobody the same, and a lock that names it holds."""
    message = f"{msh()}\r{pid}".encode()
    assert [i.value for i in beside(Er7.from_bytes(message), envelope(message).identifiers)] == found


def test_a_repeated_patient_counts_when_the_repetitions_share_an_identifier() -> None:
    found = read(msh(f9="ADT^A40"), pid="PID|1||7^^^A~8^^^B\rMRG|9^^^A\rPID|1||8^^^B~10^^^C\rMRG|11")
    assert [i.value for i in found.identifiers] == ["7", "8", "10"]


def test_two_patients_of_one_family_or_of_no_number_are_two() -> None:
    """Neither the policy nor the zeros that both have make them one."""
    pid = "PID|1||{0}^^^HOSP^MR~W1^^^INSURER^MB~00000000000^^^&2.16.578.1.12.4.1.4.1&ISO^FNR|"
    one, other = (read(pid=pid.format(n)).identifiers for n in "78")
    assert set(one).isdisjoint(other)


def test_a_merge_may_retire_a_number_that_does_not_hold() -> None:
    """A mistyped number is what many a merge mends."""
    er7 = Er7.from_bytes((msh() + "\rMRG|13116900217^^^&2.16.578.1.12.4.1.4.1&ISO^FNR").encode())
    assert retired(er7.segments("MRG"), "ADT^A40") == (Identifier(FNR, "13116900217"),)


def test_a_merge_retires_nobody_by_what_stands_for_an_unknown_number() -> None:
    for mrg in ("MRG|UNKNOWN^^^HOSP", "MRG|8^^^HOSP^AN", "MRG|W1^^^INSURER^MB"):
        er7 = Er7.from_bytes((msh() + "\r" + mrg).encode())
        with pytest.raises(Rejected) as caught:
            retired(er7.segments("MRG"), "ADT^A40")
        assert (caught.value.reason, caught.value.where) == (Reason.MISSING_FIELD, "MRG-1")


def test_identifiers_of_another_field() -> None:
    er7 = Er7.from_bytes((msh() + "\rMRG|9^^^A~10^^^&1.2&ISO").encode())
    segment = er7.segment("MRG")
    assert segment is not None
    assert identifiers(segment, 1) == (Identifier("A", "9"), Identifier("urn:oid:1.2", "10"))
    assert identifiers(segment, 7) == ()


@given(st.binary(max_size=200).map(lambda b: msh().encode() + b"\rPID|1||" + b) | st.binary(max_size=300).map(lambda b: b"MSH|^~\\&|" + b))
def test_only_rejected_comes_out(raw: bytes) -> None:
    try:
        found = envelope(raw)
    except Rejected:
        return
    assert found.identifiers
    assert all(i.value.isprintable() for i in found.identifiers)


def test_the_hot_path_is_fast() -> None:
    raw = "\r".join(
        [
            msh(),
            "EVN|A01",
            f"PID|1||7^^^HOSP~{FNR_VALUE}^^^&2.16.578.1.12.4.1.4.1&ISO||Nordmann^Åse",
            *["OBX|1|NM|x^y^z||1|/min|||||F"] * 12,
        ]
    ).encode()
    envelope(raw)
    best = min(timeit.repeat(lambda: envelope(raw), number=200, repeat=7)) / 200
    assert best < 2e-3  # 20 us on a quiet machine; what a busy one must not fail for is a hundred times that
