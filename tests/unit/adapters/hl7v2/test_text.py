"""The text of a message on its whole way: read by its own character set and delimiters, unescaped last, handed on without loss."""

import gc
import json
import re
import tracemalloc
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.escapes import ALLOWED
from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.message import envelope
from hub.adapters.hl7v2.receive import Door, Peer, Rules, receive
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.errors import Reason
from hub.identity import Pseudonyms
from hub.model import (
    Channel,
    Deliver,
    Detail,
    Form,
    PatientState,
    Policy,
    Provider,
    ProviderKind,
    Received,
    Refusal,
    Subscription,
    Where,
)
from hub.pipeline import plan
from hub.routing.directory import Directory
from hub.settings import FRAME_BYTES_MAX
from tests.unit.adapters.made import HEAD, PID, PV1, RECIPIENT, hl7v2, message, of, received, rendered

SENDER = Provider("st-olavs", "St. Olavs", ProviderKind.HOSPITAL, "", ("STOLAV",), Deliver(Channel.MAILBOX))
UNDECLARED = HEAD.replace("UNICODE UTF-8", "")


class Senders:
    """One sender, with its own default character set."""

    def __init__(self, undeclared_encoding: str) -> None:
        self.sender = replace(SENDER, undeclared_encoding=undeclared_encoding)

    def by_sender(self, _sender: str) -> Provider:
        return self.sender

    def by_certificate(self, _fingerprint: str) -> None:
        return None


def taken(raw: bytes, of_sender: str = "", of_hub: str = "utf-8") -> Received | Refusal:
    """What the door makes of a message of a sender with this default, in a hub with that one."""
    door = Door(Senders(of_sender), Pseudonyms(b"key"), Rules(undeclared_encoding=of_hub))
    return receive(raw, peek(raw), Peer(), door, 0)


def message_of(raw: bytes, of_sender: str = "", of_hub: str = "utf-8") -> Hl7v2Message:
    seen = taken(raw, of_sender, of_hub)
    assert isinstance(seen, Received)
    assert seen.refusal is None
    return Hl7v2Message(seen)


def family(m: Hl7v2Message) -> str:
    return str(of(json.loads(m.render(Form.FHIR, Detail.FULL, RECIPIENT)), "Patient")[0]["name"][0]["family"])


def msh_18(raw: bytes) -> str:
    return raw.split(b"\r", 1)[0].decode("latin-1").split("|")[17] if raw.count(b"|") > 16 else ""


def undeclared(codec: str, name: str = "Bjørnstad") -> bytes:
    return "".join(f"{s}\r" for s in (UNDECLARED.format(type="ADT^A01"), PID.replace("Bjørnstad", name), PV1)).encode(codec)


# --- character sets


@pytest.mark.parametrize(
    ("codec", "of_sender", "of_hub"),
    [("utf-8", "", "utf-8"), ("latin-1", "8859/1", "utf-8"), ("latin-1", "", "8859/1"), ("utf-8", "UNICODE UTF-8", "8859/1"),
     ("iso8859-15", "8859/15", "utf-8"), ("cp1252", "windows-1252", "utf-8")],
)  # fmt: skip
def test_what_declares_no_character_set_is_read_by_its_senders_and_then_the_hubs(codec: str, of_sender: str, of_hub: str) -> None:
    m = message_of(undeclared(codec), of_sender, of_hub)
    assert family(m) == "Bjørnstad"
    for detail in Detail:
        assert "Bjørnstad".encode(codec) in m.render(Form.HL7V2, detail, RECIPIENT)


def test_what_is_declared_is_held_to_strictly_whatever_the_sender_was_set_to() -> None:
    latin = message("ADT^A01", PV1).decode().encode("latin-1")  # and MSH-18 says UTF-8
    seen = taken(latin, "8859/1", "8859/1")
    assert isinstance(seen, Received)
    assert seen.refusal == Refusal(Reason.BAD_ENCODING, "MSH-18")


@pytest.mark.parametrize(
    ("codec", "of_sender", "declared"),
    [("utf-8", "", "UNICODE UTF-8"), ("latin-1", "8859/1", "8859/1"), ("iso8859-15", "8859/15", "8859/15"), ("cp1252", "cp1252", "8859/1"),
     ("iso8859-4", "8859/4", "8859/4")],
)  # fmt: skip
def test_a_copy_declares_the_character_set_that_only_the_hub_and_the_sender_knew(codec: str, of_sender: str, declared: str) -> None:
    raw = undeclared(codec, "Bjørnstad")
    m = message_of(raw, of_sender)
    for detail in Detail:
        copy = m.render(Form.HL7V2, detail, RECIPIENT)
        assert msh_18(copy) == declared
        assert Er7.from_bytes(copy).get("PID-5") == "Bjørnstad"
    whole = m.render(Form.HL7V2, Detail.FULL, RECIPIENT)
    assert whole.split(b"\r", 1)[1] == raw.split(b"\r", 1)[1]


def test_a_copy_declares_nothing_where_there_is_nothing_to_declare() -> None:
    raw = "".join(f"{s}\r" for s in (UNDECLARED.format(type="ADT^A01"), "PID|1||A77^^^STOLAV^MR||Berg^Ole", PV1)).encode()
    assert msh_18(message_of(raw).render(Form.HL7V2, Detail.FULL, RECIPIENT)) == ""
    windows = "".join(f"{s}\r" for s in (UNDECLARED.format(type="ADT^A01"), "PID|1||A77^^^STOLAV^MR||“Berg”^Ole", PV1)).encode("cp1252")
    m = message_of(windows, "cp1252")  # HL7 has no name for it
    assert [msh_18(m.render(Form.HL7V2, detail, RECIPIENT)) for detail in Detail] == ["", "", ""]
    assert family(m) == "“Berg”"


# --- escape sequences and delimiters


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a\\T\\b", "a&b"),
        ("a\\F\\b\\S\\c\\R\\d\\E\\e", "a|b^c~d\\e"),
        ("one\\.br\\two", "one\ntwo"),
        ("one\\.sp2\\two", "one\n\ntwo"),
        ("a\\.sk3\\b", "a   b"),
        ("\\.in+4\\a\\.ti-2\\b\\.fi\\c\\.nf\\d", "abcd"),
        ("\\.ce\\title", "title"),
        ("\\H\\bold\\N\\ text", "bold text"),
        ("\\XC3A5\\ne", "åne"),
        ("x\\X0D0A\\y", "x\r\ny"),
        ("\\X07\\bell", "bell"),
        ("\\Zlocal\\x", "\\Zlocal\\x"),
        ("\\C2842\\x", "\\C2842\\x"),
        ("\\M2842\\x", "\\M2842\\x"),
        ("5 \\ 3", "5 \\ 3"),
        ("long text\\P\\", "long text#"),
        ("cut off#", "cut off#"),
    ],
)
def test_escape_sequences_reach_fhir_as_the_characters_they_mean(written: str, shown: str) -> None:
    raw = message("ORU^R01", PV1, "OBR|1|P|F|1^A^L", f"OBX|1|FT|1^A^L||{written}||||||F", "NTE|1||after")
    bundle = rendered(hl7v2(raw))
    assert of(bundle, "Observation")[0]["valueString"] == shown
    assert [n["text"] for n in of(bundle, "Observation")[0]["note"]] == ["after"]  # no content makes a segment
    assert written.encode() in hl7v2(raw).render(Form.HL7V2, Detail.FULL, RECIPIENT)


_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def _meaning(m: Hl7v2Message) -> Any:
    """The Bundle without what is derived from the message's bytes."""
    text = m.render(Form.FHIR, Detail.FULL, RECIPIENT).decode()
    ids = list(dict.fromkeys(_IDS.findall(text)))
    bundle = json.loads(_IDS.sub(lambda found: f"id-{ids.index(found[0])}", text))
    for provenance in of(bundle, "Provenance"):
        provenance.pop("entity", None)
        provenance.pop("signature", None)
    return [e for e in bundle["entry"] if "hash" not in json.dumps(e)]


_ORU = message(
    "ORU^R01", PV1, "OBR|1|P1^DIPS|F1^LAB|1^A&B^L~", "OBX|1|SN|1^A^L||>^1.5|mg^x\\X41\\y^UCUM|||||F", "NTE|1||a\\.br\\b\\H\\c\\N\\"
)
_OTHERS = st.permutations(sorted(ALLOWED - set(_ORU.decode()))).map(lambda p: "".join(p[:5]))


@given(_OTHERS)
def test_the_delimiters_change_nothing_of_what_is_meant(other: str) -> None:
    changed = _ORU.decode().translate(str.maketrans("|^~\\&", other)).encode()
    assert envelope(changed).identifiers == envelope(_ORU).identifiers
    assert _meaning(hl7v2(changed)) == _meaning(hl7v2(_ORU))
    copy = hl7v2(changed).render(Form.HL7V2, Detail.MINIMAL, RECIPIENT)
    assert envelope(copy).identifiers == envelope(_ORU).identifiers
    assert copy.startswith(f"MSH{other}{other[0]}".encode())


@given(_OTHERS, st.sampled_from("FSRET"))
def test_an_escaped_delimiter_is_the_messages_own(other: str, letter: str) -> None:
    raw = message("ORU^R01", PV1, "OBR|1|P|F|1^A^L", "OBX|1|ST|1^A^L||a%b||||||F").replace(b"%", f"\\{letter}\\".encode())
    changed = raw.decode().translate(str.maketrans("|^~\\&", other)).encode()
    meant = dict(zip("FSRET", other, strict=True))[letter]
    assert of(rendered(hl7v2(changed)), "Observation")[0]["valueString"] == f"a{meant}b"


@pytest.mark.parametrize("version", ["2.7", "2.8", "2.5.1"])
def test_a_truncation_character_is_no_other_delimiter(version: str) -> None:
    raw = message("ADT^A01", PV1, "NTE|1||cut#").replace(b"^~\\&", b"^~\\&#", 1).replace(b"2.5.1", version.encode())
    m = hl7v2(raw)
    assert family(m) == "Bjørnstad"
    assert m.render(Form.HL7V2, Detail.FULL, RECIPIENT).startswith(b"MSH|^~\\&#|")


# --- what is kept, and what is not


@pytest.mark.parametrize("segment", ["ZPI|1|local^thing|\\Zx\\|~~||", "ZZZ", "ZA1|"])
def test_z_segments_are_in_full_v2_copies_byte_for_byte_and_in_nothing_else(segment: str) -> None:
    m = hl7v2(message("ADT^A01", segment, PV1))
    assert f"\r{segment}\r".encode() in m.render(Form.HL7V2, Detail.FULL, RECIPIENT)
    assert "local" not in json.dumps(rendered(m))
    assert rendered(m)["entry"][1:] and len(rendered(m)["entry"]) == len(rendered(hl7v2(message("ADT^A01", PV1)))["entry"])
    for detail in (Detail.MINIMAL, Detail.NOTICE):
        assert segment[:3].encode() not in m.render(Form.HL7V2, detail, RECIPIENT)


# field of PID -> what FHIR shows of it
_SHOWN = {13: "telecom", 11: "address", 7: "birthDate", 8: "gender", 16: "maritalStatus", 29: "deceasedDateTime", 30: "deceasedBoolean"}


@pytest.mark.parametrize("n", _SHOWN)
def test_what_is_to_be_deleted_is_as_absent_from_fhir_as_what_is_empty_and_goes_on_in_v2(n: int) -> None:
    fields = PID.split("|") + [""] * 20
    written = {what: "|".join([*fields[:n], what, *fields[n + 1 :]]) for what in ("", '""')}
    written = {
        what: pid.replace("|90000001^PRN^CP|", "||").replace("73000000^WPN^PH", "") if n == 13 else pid for what, pid in written.items()
    }
    empty, deleted = (hl7v2("".join(f"{s}\r" for s in (HEAD.format(type="ADT^A08"), pid, PV1)).encode()) for pid in written.values())
    patients = [of(rendered(m), "Patient")[0] for m in (empty, deleted)]
    assert [_SHOWN[n] in p for p in patients] == [False, False]
    assert Er7.from_bytes(deleted.render(Form.HL7V2, Detail.FULL, RECIPIENT)).get(f"PID-{n}") == '""'


@pytest.mark.parametrize("component", ['90000001^PRN^CP~""', '""~90000001^PRN^CP', '90000001^PRN^CP^""', '90000001^PRN^CP^^""&x'])
def test_delete_in_a_repetition_or_a_component_is_no_text(component: str) -> None:
    raw = message("ADT^A08", PV1).replace(b"90000001^PRN^CP", component.encode())
    assert '""' not in json.dumps(rendered(hl7v2(raw))).replace('\\"\\"', '""').replace('": ""', "")
    assert [t["value"] for t in of(rendered(hl7v2(raw)), "Patient")[0]["telecom"]] == ["90000001", "73000000"]


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_delete_in_the_header_names_nobody(n: int) -> None:
    fields = HEAD.format(type="ADT^A01").split("|")
    fields[n - 1] = '""'
    raw = "".join(f"{s}\r" for s in ("|".join(fields), PID, PV1)).encode()
    seen = received(raw)
    assert '""' not in (seen.application, seen.sender)
    assert '\\"\\"' not in hl7v2(raw).render(Form.FHIR, Detail.FULL, RECIPIENT).decode()
    assert '""' not in hl7v2(raw).event().addressed


# --- documents inside a message


def document(size: int, *segments: str) -> bytes:
    """An MDM^T02 of so many bytes, nearly all of them one base64 document."""
    head = message("MDM^T02", PV1, "TXA|1|DS^Summary|TX|20261120|||||||D1^STOLAV", *segments)
    body = b64encode(bytes(range(256)) * (size // 256))[: (size - len(head) - 60) // 4 * 4].decode()
    return head + f"OBX|1|ED|18842-5^Note^LN||^AP^PDF^Base64^{body}||||||F\r".encode()


@pytest.mark.parametrize("letters", ["", "NTE|1||ø", "NTE|1||ŋ", "NTE|1||😀"])
def test_a_document_as_large_as_a_frame_is_not_copied_many_times(letters: str) -> None:
    """Held at the end: the message's lines, its fields, the Bundle, and the bytes for each recipient; nothing else of its size."""
    raw = document(FRAME_BYTES_MAX, *filter(None, [letters]))
    assert 0.99 * FRAME_BYTES_MAX < len(raw) <= FRAME_BYTES_MAX
    message_of(document(2_000)).render(Form.FHIR, Detail.FULL, RECIPIENT)
    gc.collect()
    tracemalloc.start()
    try:
        m = message_of(raw)
        m.event()
        of_reading = tracemalloc.get_traced_memory()[1] / len(raw)
        tracemalloc.reset_peak()
        fhir, v2 = (m.render(form, Detail.FULL, RECIPIENT) for form in (Form.FHIR, Form.HL7V2))
        held, peak = (x / len(raw) for x in tracemalloc.get_traced_memory())
    finally:
        tracemalloc.stop()
    assert raw.split(b"\r")[-2] in v2
    assert raw.split(b"^")[-1].split(b"|")[0] in fhir
    wide = {"": 1, "NTE|1||ø": 1, "NTE|1||ŋ": 2, "NTE|1||😀": 4}[letters]  # bytes a character while the text is one string
    assert of_reading < 1.5 + wide
    assert held < 6.2
    assert peak < 6.2


_GP = Provider("legene", "Legene", ProviderKind.GP, "900000001", ("LEGENE",), Deliver(Channel.MAILBOX))
_SUBSCRIPTION = Subscription("gp", "legene", ("*",), Where(relation="gp"), Detail.FULL)


@pytest.mark.parametrize(
    ("pd1", "is_told"),
    [("PD1|", True), ("PD1||||", True), ('PD1||||""', False), ('PD1|||""', False), ('PD1||||""~77^Lund', False), ('PD1|||""|""', False),
     ('PD1|||L^^^^^&2.16.578.1.12.4.1.4.101&ISO^^^^900000001|""', True)],
)  # fmt: skip
def test_a_general_practitioner_who_is_deleted_is_told_no_more(pd1: str, is_told: bool) -> None:  # noqa: FBT001
    directory = Directory([SENDER, _GP], [_SUBSCRIPTION], 1)
    known = "PD1|||L^^^^^&2.16.578.1.12.4.1.4.101&ISO^^^^900000001"
    first = plan(hl7v2(message("ADT^A01", known, PV1)), PatientState(), Policy(), directory, 0)
    assert [d.recipient for d in first.deliveries] == ["legene"]
    second = plan(hl7v2(message("ADT^A08", pd1, PV1)), first.patient or PatientState(), Policy(), directory, 0)
    assert [d.recipient for d in second.deliveries] == (["legene"] if is_told else [])
    third = plan(hl7v2(message("ADT^A08", PV1)), second.patient or first.patient or PatientState(), Policy(), directory, 0)
    assert [d.recipient for d in third.deliveries] == (["legene"] if is_told else [])
