"""A message about several patients as a message for each: nothing of one in another's, every byte the sender's, a place for what stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.parts import SHAPES
from hub.adapters.hl7v2.receive import Door, Peer, Rules, taken
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.errors import Reason
from hub.identity import PARTS_MAX, Pseudonyms, part_control_id
from hub.model import Channel, Deliver, Identifier, Kind, Provider, ProviderKind, Received, Refusal
from hub.numbers import PersonNumbers
from hub.routing.directory import Directory

OPEN = Provider("open", "open", ProviderKind.HOSPITAL, "", ("OPEN",), Deliver(Channel.MAILBOX))
DOOR = Door(Directory([OPEN], [], 1), Pseudonyms(b"secret"), Rules())
A, B, C = "PID|1||7^^^H||ALFA^ANNA", "PID|2||8^^^H||BRAVO^BERIT", "PID|3||9^^^H||CHARLIE^CARL"


def raw_of(kind: str, *lines: str, control: str = "C1", end: str = "\r", encoding: str = "utf-8", more: str = "") -> bytes:
    head = f"MSH|^~\\&|APP|OPEN|||20260401||{kind}|{control}|P|2.5{more}"
    return "".join(f"{line}{end}" for line in (head, *lines)).encode(encoding)


def judged(raw: bytes, door: Door = DOOR) -> tuple[Received, tuple[Received, ...]]:
    found = taken(raw, peek(raw), Peer(), door, 1)
    assert not isinstance(found, Refusal)
    return found


def parts(raw: bytes) -> tuple[Received, ...]:
    whole, found = judged(raw)
    assert whole.refusal is None, whole.refusal
    return found


def lines(part: Received) -> list[str]:
    return part.raw.decode().split("\r")[:-1]


def refusal(raw: bytes, door: Door = DOOR) -> tuple[str, str]:
    whole, found = judged(raw, door)
    assert found == (whole,)  # what is refused is kept whole
    assert whole.refusal is not None
    return whole.refusal.reason.value, whole.refusal.where


def test_patients_who_change_places_are_a_transfer_each() -> None:
    raw = raw_of("ADT^A17", "EVN||2026", A, "PV1|1|I|ONE^1", B, "PV1|1|I|TWO^2")
    one, two = parts(raw)
    assert lines(one) == [raw.decode().split("\r")[0], "EVN||2026", A, "PV1|1|I|ONE^1"]
    assert lines(two) == [raw.decode().split("\r")[0].replace("C1", "C1-p2"), "EVN||2026", B, "PV1|1|I|TWO^2"]
    events = [Hl7v2Message(p).event() for p in (one, two)]
    assert [(e.kind, e.ward, e.identifiers) for e in events] == [
        (Kind.TRANSFERRED, "ONE", (Identifier("H", "7"),)),
        (Kind.TRANSFERRED, "TWO", (Identifier("H", "8"),)),
    ]


def test_patients_who_are_linked_hear_of_it_each() -> None:
    found = [Hl7v2Message(p).event() for p in parts(raw_of("ADT^A24", "EVN||2026", A, "PV1|1|I", B))]
    assert [(e.kind, e.identifiers[0].value) for e in found] == [(Kind.LINKED, "7"), (Kind.LINKED, "8")]


@pytest.mark.parametrize("trigger", ["ADT^A18", "ADT^A34", "ADT^A39", "ADT^A40", "ADT^A41", "ADT^A47"])
def test_several_merges_are_a_merge_each(trigger: str) -> None:
    found = [Hl7v2Message(p).event() for p in parts(raw_of(trigger, "EVN||2026", A, "MRG|70^^^H", B, "PD1||", "MRG|80^^^H"))]
    assert [(e.kind, e.identifiers[0].value, e.merged[0].value) for e in found] == [(Kind.MERGED, "7", "70"), (Kind.MERGED, "8", "80")]


def test_results_of_several_patients_and_again_of_the_first() -> None:
    raw = raw_of("ORU^R01", A, "OBR|1", "OBX|1||GLU||1", B, "OBR|1", "OBX|1||GLU||2", A, "OBR|2", "OBX|1||GLU||3", "ZZZ|of the last")
    one, two = parts(raw)
    assert lines(one)[1:] == [A, "OBR|1", "OBX|1||GLU||1", A, "OBR|2", "OBX|1||GLU||3", "ZZZ|of the last"]
    assert lines(two)[1:] == [B, "OBR|1", "OBX|1||GLU||2"]


def test_one_patient_under_two_numbers_is_one() -> None:
    both = "PID|1||7^^^H~77^^^H"
    assert [p.identifiers for p in parts(raw_of("ORU^R01", A, "OBR|1", B, "OBR|1", both, "OBR|2"))] == [
        (Identifier("H", "7"), Identifier("H", "77")),
        (Identifier("H", "8"),),
    ]


def test_two_patients_of_whom_no_person_number_is_known_are_two() -> None:
    """Zeros, and the policy of a family, are no number that the two share."""
    nobody = "00000000000^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~W1^^^INSURER^MB"
    one, two = parts(raw_of("ORU^R01", f"PID|1||7^^^H~{nobody}", "OBX|1||GLU||1", f"PID|2||8^^^H~{nobody}", "OBX|1||GLU||2"))
    assert (one.identifiers, two.identifiers) == ((Identifier("H", "7"),), (Identifier("H", "8"),))
    assert (b"GLU||2" in one.raw, b"GLU||1" in two.raw) == (False, False)


def test_a_group_appointment_is_everybodys() -> None:
    raw = raw_of("SIU^S12", "SCH|P1|F1", "TQ1|1", A, "PV1|1|O", "DG1|1||X", B, "PV1|1|O", "RGS|1", "AIS|1||GROUP", "AIP|1||44^Lege")
    head = ["SCH|P1|F1", "TQ1|1"]
    tail = ["RGS|1", "AIS|1||GROUP", "AIP|1||44^Lege"]
    assert [lines(p)[1:] for p in parts(raw)] == [[*head, A, "PV1|1|O", "DG1|1||X", *tail], [*head, B, "PV1|1|O", *tail]]


@pytest.mark.parametrize("kind", ["BAR^P01", "DFT^P03", "OUL^R22", "VXU^V04", "PPR^PC1", "ORM^O01", "RDE^O11", "RDS^O13", "SIU^S12"])
def test_every_family_that_can_be_cut(kind: str) -> None:
    assert [p.identifiers[0].value for p in parts(raw_of(kind, A, "OBX|1||X||1", B, "OBX|1||X||2", C))] == ["7", "8", "9"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (raw_of("ADT^A01", A, B), ("several_patients", "PID")),  # one patient is admitted: who is the other?
        (raw_of("MDM^T02", A, B), ("several_patients", "PID")),
        (raw_of("OML^O21", A, "ORC|NW", B, "OBR|1"), ("several_patients", "PID")),  # of prior results
        (raw_of("REF^I12", A, B), ("several_patients", "PID")),
        (raw_of("ORU^R01", "OBR|1", A, B), ("several_patients", "OBR")),  # of whom?
        (raw_of("ORU^R01", "NTE|1||about ANNA", A, B), ("several_patients", "NTE")),
        (raw_of("ORU^R01", "ZPI|7", A, B), ("several_patients", "ZPI")),
        (raw_of("ORU^R01", A, "OBR|1", B, "OBR|1", "DSC|123"), ("several_patients", "DSC")),
        (raw_of("ORU^R01", A, B, more="||more"), ("several_patients", "MSH-14")),
        (raw_of("SIU^S12", "SCH|1" + "|" * 25 + "ORDER", A, B), ("several_patients", "SCH-26")),
        (raw_of("SIU^S12", "SCH|1", A, B, "RGS|1", "NTE|1||ANNA"), ("several_patients", "NTE")),
        (raw_of("SIU^S12", "SCH|1", A, "RGS|1", B), ("several_patients", "PID")),
        (raw_of("ADT^A17", A, "PV1|1|I", "PID|2||8^^^H~7^^^H", "PV1|1|I"), ("several_patients", "PID[1]")),  # one cannot swap with oneself
        (raw_of("ORU^R01", A, B, "PID|3||"), ("missing_patient", "PID[2]-3")),
        (raw_of("ORU^R01", A, B, "PID|3||\x01"), ("bad_frame", "control byte in segment 4")),
        (raw_of("ADT^A40", A, "MRG|70", B), ("missing_segment", "MRG")),
        (raw_of("ADT^A40", A, "MRG|70", B, "MRG|"), ("missing_field", "MRG[1]-1")),
        (raw_of("ORU^R01", A, B, "PID|3||7^^^H~8^^^H"), ("several_patients", "PID")),  # three say two, and the third says one
    ],
)
def test_what_cannot_be_cut_is_refused_whole_with_its_place(raw: bytes, expected: tuple[str, str]) -> None:
    assert refusal(raw) == expected


def test_one_unwelcome_number_refuses_them_all() -> None:
    door = Door(DOOR.senders, DOOR.pseudonyms, Rules(person_numbers=PersonNumbers.REAL))
    raw = raw_of("ORU^R01", A, "PID|2||8^^^H~10915596784^^^&2.16.578.1.12.4.1.4.1&ISO", "PID|3||9^^^H")
    expected = (Reason.UNWELCOME_PERSON_NUMBER.value, "PID[1]-3")
    assert refusal(raw, door) == expected


def test_so_many_patients_and_no_more() -> None:
    pids = [f"PID|{n}||{n}^^^H" for n in range(1, PARTS_MAX + 2)]
    assert len(parts(raw_of("ORU^R01", *pids[:-1]))) == PARTS_MAX
    assert refusal(raw_of("ORU^R01", *pids)) == ("too_complex", "PID")
    assert refusal(raw_of("ORU^R01", *pids[:2] * 1000)) == ("too_complex", "PID")


def test_what_all_are_told_takes_so_much_room() -> None:
    pids = [f"PID|{n}||{n}^^^H" for n in range(1, 101)]
    assert len(parts(raw_of("SIU^S12", "SCH|1||||||" + "x" * 1_000, *pids))) == 100
    assert refusal(raw_of("SIU^S12", "SCH|1||||||" + "x" * 3_000, *pids)) == ("too_complex", "PID")


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r", "\n\n"])
def test_line_ends_stay(end: str) -> None:
    one, two = parts(raw_of("ORU^R01", A, "OBX|1||X||1", B, "OBX|1||X||2", end=end))
    once = end if end == "\r\n" else end[0]  # a line end with nothing before it ends nothing
    assert [p.raw.decode().split(once)[1:] for p in (one, two)] == [[A, "OBX|1||X||1", ""], [B, "OBX|1||X||2", ""]]


def test_line_feeds_in_text_stay_text() -> None:
    raw = raw_of("ORU^R01", A, "NTE|1||one\ntwo", "\n" + B, "NTE|1||three\nfour")
    assert [lines(p)[1:] for p in parts(raw)] == [[A, "NTE|1||one\ntwo"], [B, "NTE|1||three\nfour"]]


@pytest.mark.parametrize(
    ("encoding", "more"), [("latin-1", "||||||8859/1"), ("cp1252", "||||||WINDOWS-1252"), ("utf-8", "||||||UNICODE UTF-8")]
)
def test_character_sets_stay(encoding: str, more: str) -> None:
    raw = raw_of("ORU^R01", A, B + "^^^^Åse", control="Ø1", encoding=encoding, more=more)
    one, two = parts(raw)
    assert (one.control_id, two.control_id) == ("Ø1", "Ø1-p2")
    assert "Åse" in two.raw.decode(encoding)


def test_a_byte_order_mark_stays_where_it_says_the_character_set() -> None:
    found = parts(b"\xef\xbb\xbf" + raw_of("ORU^R01", A, B + "^^^^Åse"))
    assert [p.raw[:6] for p in found] == [b"\xef\xbb\xbfMSH"] * 2
    assert found[1].encoding == "utf-8"


def test_control_ids_of_parts() -> None:
    assert [part_control_id("MSG00001", n) for n in (1, 2, 250)] == ["MSG00001", "MSG00001-p2", "MSG00001-p250"]
    long = "20260401120000123456"
    assert part_control_id(long, 1) == long and re.fullmatch(r"[0-9a-f]{14}-p2", part_control_id(long, 2))
    names = {part_control_id(c, n) for c in (long, long[:-1] + "7", long + "8", "MSG00001") for n in range(1, PARTS_MAX + 1)}
    assert len(names) == 4 * PARTS_MAX
    assert max(map(len, names - {long, long[:-1] + "7", long + "8"})) <= 20


PERSON = st.integers(1, 5)
GROUP = st.tuples(PERSON, st.lists(st.sampled_from(["OBR|1", "OBX|1||X||{}", "NTE|1||secret of {}", "ZZZ|{}"]), max_size=4))


@given(st.lists(GROUP, min_size=2, max_size=12), st.sampled_from(["\r", "\n", "\r\n"]))
def test_nothing_of_one_patient_is_in_anothers_and_nothing_is_lost(groups: list[tuple[int, list[str]]], end: str) -> None:
    told = [f"PID|1||{n}00^^^H||P{n}" if not line else line.format(f"P{n}") for n, more in groups for line in ("", *more)]
    raw = raw_of("ORU^R01", *told, end=end)
    whole, found = judged(raw)
    if whole.refusal is not None or found == (whole,):
        assert len({n for n, _ in groups}) == 1
        return
    everything = sorted(line for p in found for line in re.split(r"[\r\n]+", p.raw.decode())[1:-1])
    assert everything == sorted(told)
    for part in found:
        number = part.identifiers[0].value[0]
        assert not set(re.findall(r"P(\d)", part.raw.decode())) - {number}
        assert judged(part.raw) == (part, (part,))  # as if it had come by itself
    assert len({p.patient_key for p in found}) == len(found) == len({p.event_id for p in found})


def test_every_shape_is_of_something_carried() -> None:
    kinds = set(KINDS) | {t.partition("^")[0] for t in KINDS}
    assert set(SHAPES) <= kinds


def test_an_unlink_is_one_message_about_the_two_it_tells_apart() -> None:
    raw = raw_of("ADT^A37", A, B)
    (part,) = parts(raw)
    assert (part.raw, len(part.also)) == (raw, 2)


PIECES = [
    A,
    B,
    C,
    "PID|",
    "PID|1||7^^^H~8^^^H",
    "PID|4||\x85^^^H",
    "NTE|1||é\nOBX|1",
    "\u00a0",
    "  ",
    "\n",
    "RGS|1",
    "SCH|1",
    "ZZZ",
    "MRG|1",
    "\x0c",
    "EVN|",
]


@given(
    st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["\r", "\n", "\r\n", "\r\r\n", ""])), max_size=8),
    st.sampled_from(["ORU^R01", "SIU^S12", "ADT^A17", "ADT^A40", "ADT^A01", "OML^O21"]),
    st.sampled_from(["utf-8", "latin-1"]),
    st.sampled_from(["\r", "\n", "\r\n"]),
)
def test_whatever_comes_is_taken_or_refused_and_a_part_is_read_as_it_was(
    pieces: list[tuple[str, str]], kind: str, encoding: str, end: str
) -> None:
    raw = raw_of(kind, end=end) + "".join(piece + after for piece, after in pieces).encode(encoding)
    found = taken(raw, peek(raw), Peer(), DOOR, 1)
    if isinstance(found, Refusal) or len(found[1]) == 1:
        return
    for part in found[1]:
        assert judged(part.raw) == (part, (part,))
    held = [set(re.split(rb"[\r\n]+", part.raw)) for part in found[1]]
    assert set().union(*held) - {b""} >= {line for line in re.split(rb"[\r\n]+", raw) if re.match(rb"(PID|OBX|NTE|MRG|ZZZ)", line)}
