"""A v2 message without some of its items: nothing tells what went, or that anything did."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.item_tree import tree
from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.redaction import every, number_of
from hub.model import Base, Consent, Detail, Form, PatientState, Policy, Provision, Result, Subscription, Where
from hub.pipeline import plan
from hub.routing.directory import Directory
from tests.unit.adapters.invariants import broken
from tests.unit.adapters.made import PV1, RECIPIENT, hl7v2, line, message, references, rendered

LAB = (
    PV1, "ORC|RE|P1|F1", line("OBR", {1: "1", 2: "P1", 4: "10-1^panel^LN", 13: "CANARYaside"}), "NTE|1||CANARYnote",
    "OBX|1|NM|1-1^Na^LN|1|140",
    "OBX|2|CWE|2-2^HIV^LN|2|CANARYvalue^CANARYword^SCT", "NTE|1||CANARYcomment", "OBX|3|NM|3-3^K^LN|3|4",
    "OBX|4|FT|4-4^text^LN|4|CANARYreport",
    "ORC|RE|P2|F2", "OBR|2|P2||20-2^other^LN", "OBX|1|NM|5-5^Mg^LN||1", "ZZZ|CANARYz",
)  # fmt: skip


def bodies(raw: bytes, *keys: str) -> list[str]:
    """The segments a v2 recipient gets behind the header."""
    made = hl7v2(raw).without(keys)
    assert made is not None
    return made.render(Form.HL7V2, Detail.FULL, RECIPIENT).decode().rstrip("\r").split("\r")[1:]


def test_a_result_goes_with_its_notes_and_with_what_may_speak_of_it() -> None:
    assert bodies(message("ORU^R01", *LAB), "OBX[7]")[2:] == [
        "ORC|RE|P1|F1", "OBR|1|P1||10-1^panel^LN", "OBX|1|NM|1-1^Na^LN|1|140", "OBX|2|NM|3-3^K^LN|2|4",
        "ORC|RE|P2|F2", "OBR|2|P2||20-2^other^LN", "OBX|1|NM|5-5^Mg^LN||1",
    ]  # fmt: skip


def test_an_order_goes_whole_and_those_after_it_are_numbered_anew() -> None:
    assert bodies(message("ORU^R01", *LAB), "ORC[3]")[2:] == ["ORC|RE|P2|F2", "OBR|1|P2||20-2^other^LN", "OBX|1|NM|5-5^Mg^LN||1"]


def test_an_order_of_which_no_result_is_left_goes_too() -> None:
    assert [s[:3] for s in bodies(message("ORU^R01", *LAB), "OBX[13]")].count("OBR") == 1


def test_nothing_is_left_of_a_message_whose_subject_is_gone() -> None:
    m = hl7v2(message("ORU^R01", *LAB))
    assert m.without([i.key for i in m.items()]) is None
    assert m.without(["OBX[6]", "OBX[7]", "OBX[9]", "OBX[10]", "OBX[13]"]) is None
    assert hl7v2(message("ADT^A01", PV1, "DG1|1||A^b^I10")).without(["PV1[2]"]) is None
    assert hl7v2(message("ORU^R01", PV1, "OBR|1|||x", "OBX|1|NM|1^a^LN||1", "DG1|1||A^b^I10")).without(["OBR[3]"]) is None


def test_an_admission_without_its_reason_and_its_first_diagnosis() -> None:
    raw = message(
        "ADT^A01", PV1, line("PV2", {3: "CANARY^CANARY", 13: "x"}), line("DG1", {1: "1", 3: "CANARY^^I10", 15: "1"}),
        line("DG1", {1: "2", 3: "J18^^I10", 15: "2"}), "DRG|CANARY", line("ARV", {1: "1", 3: "HIV", 4: "DIA"}),
    )  # fmt: skip
    assert bodies(raw, "PV2-3", "DG1[4]")[2:] == [line("PV2", {13: "x"}), "DG1|1||J18^^I10", "ARV|1||ALL"]


@pytest.mark.parametrize("parent", [line("OBR", {1: "3", 4: "susc", 29: "P1"}), line("OBR", {1: "3", 4: "susc", 26: "2-2&HIV^2^CANARY"})])
def test_an_order_that_is_a_child_of_what_went_goes_with_it(parent: str) -> None:
    raw = message("ORU^R01", *LAB, parent, "OBX|1|ST|9-9^sir^LN||R")
    assert not any("susc" in s for s in bodies(raw, "ORC[3]"))
    assert any("susc" in s for s in bodies(raw, "ORC[11]"))


def test_a_document_that_may_hold_everything_goes_from_wherever_it_stands() -> None:
    raw = message("ORU^R01", *LAB, "OBR|3|||pdf^report^L", "OBX|1|ED|pdf||^application^pdf^Base64^Q0FOQVJZ")
    assert not any("pdf" in s for s in bodies(raw, "OBX[7]"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["1", "2", "3"], ["1", "2"]),
        (["1.1", "2.1", "2.2", "3.1"], ["1.1", "2.1", "3.1"]),
        (["a", "b", "c"], ["1", "2"]),
        (["1", "1", "2"], ["1", "2"]),
    ],
)
def test_sub_ids_keep_what_belongs_together_and_skip_nothing(given: list[str], kept: list[str]) -> None:
    results = [f"OBX|{n}|NM|{n}-1^x^LN|{sub}|1" for n, sub in enumerate(given, 1)]
    left = bodies(message("ORU^R01", PV1, "OBR|1|||x", *results), "OBX[5]")
    assert [s.split("|")[4] for s in left if s.startswith("OBX")] == kept


def test_the_copy_of_a_fhir_recipient_is_whole_in_itself_and_bears_no_print_of_the_message() -> None:
    m = hl7v2(message("ORU^R01", *LAB))
    made = m.without(["OBX[7]"])
    assert made is not None
    bundle = rendered(made)
    text = json.dumps(bundle)
    assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}
    assert broken(bundle) == []
    assert "CANARY" not in text
    assert "sha-256" not in text
    assert "sha-256" in json.dumps(rendered(m))
    assert made.received.event_id != m.received.event_id
    assert (made.received.control_id, made.received.received_us) == (m.received.control_id, m.received.received_us)


def test_a_copy_keeps_its_character_set() -> None:
    raw = message("ADT^A01", PV1, "DG1|1||A^Ødem^I10", "DG1|2||B^b^I10", encoding="iso-8859-1").replace(b"UNICODE UTF-8", b"8859/1")
    made = hl7v2(raw).without(["DG1[4]"])
    assert made is not None
    assert "Ødem".encode("iso-8859-1") in made.render(Form.HL7V2, Detail.FULL, RECIPIENT)


def test_a_lock_on_one_diagnosis_leaves_the_admission_and_the_other_diagnosis() -> None:
    raw = message("ADT^A01", PV1, "DG1|1||B20^HIV^I10", "DG1|2||J18^Pneumoni^I10")
    code = ("http://hl7.org/fhir/sid/icd-10", "B20")
    directory = Directory((RECIPIENT,), (Subscription("s", RECIPIENT.id, ("*",), Where(), Detail.FULL),), 1)
    policy = Policy((Consent("c", 1, True, Provision(True, codes=(code,)), Base.LAW),))
    made = plan(hl7v2(raw), PatientState(), policy, directory, 1)
    assert [(d.result, d.dropped) for d in made.decisions] == [(Result.REDACT, ("DG1[3]",))]
    assert made.deliveries[0].payload.decode().split("\r")[3:-1] == ["DG1|1||J18^Pneumoni^I10"]


SEGMENTS = (
    PV1, "PV2|||{0}^{0}^I10", "NTE|1||{0}", "AL1|1|DA|{0}^{0}^SCT", "IAM|1|DA|{0}^{0}^L||A", "DG1|1||{0}^{0}^I10|{0}", "PR1|1||{0}^{0}^L",
    "ORC|NW|{0}|{0}",
    "OBR|1|{0}|{0}|{0}^{0}^LN", "NTE|2|L|{0}", "OBX|1|NM|{0}^{0}^LN||1", "OBX|2|TX|{0}^x||{0}", "OBX|3|CWE|{0}||{0}^{0}^SCT", "SPM|1|||{0}",
    "RXE||{0}^{0}^ATC", "RXR|{0}", "RXA|0|1|20261120||{0}^x^CVX", "TXA|1|{0}|TX|||||||||{0}", "PRB|AD||{0}^x^I10", "GOL|AD||{0}",
    "FT1|1|||20261120||CG|{0}",
    "SCH|1|{0}|||||{0}", "RF1|A|R|{0}", "DRG|{0}", "ZPX|{0}", "TQ1|1||{0}", "CTD|{0}", "CON|1|{0}",
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(KINDS)), st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=14), st.data())
def test_no_copy_in_any_form_says_anything_of_what_is_missing(trigger: str, templates: list[str], data: st.DataObject) -> None:
    """Whatever is dropped: no word of it is left, and two messages that differ only in it give the same bytes."""
    extra = ["MRG|B88^^^STOLAV"] if trigger in {"ADT^A18", "ADT^A34", "ADT^A39", "ADT^A40", "ADT^A41", "ADT^A47"} else []

    def built(word: str, gone: set[int]) -> bytes:
        return message(trigger, *extra, *(t.format(f"{word}{n}" if n in gone else f"kept{n}") for n, t in enumerate(templates)))

    first = hl7v2(built("", set()))
    places = {int(i.key.partition("[")[2].rstrip("]")): i.key for i in first.items() if "[" in i.key}
    chosen = data.draw(st.sets(st.sampled_from(sorted(places)))) if places else set()
    keys = [places[n] for n in chosen]
    root = tree(Content(Er7.from_bytes(first.received.raw)), trigger).root
    gone = {number_of(below) - 2 - len(extra) for node in every(root) if node.place in keys for below in every(node)}
    one, other = (hl7v2(built(word, gone)).without(keys) for word in ("CANARYone", "CANARYtwo"))
    assert (one is None) == (other is None)
    if one is None or other is None or not chosen:
        return
    for form in Form:
        for detail in Detail:
            try:
                bytes_one = one.render(form, detail, RECIPIENT)
            except Exception as exc:  # noqa: BLE001
                assert type(exc).__name__ == "Rejected"
                continue
            assert b"CANARY" not in bytes_one
            assert bytes_one == other.render(form, detail, RECIPIENT)


@pytest.mark.parametrize(
    ("pv2", "left"),
    [
        ("PV2|||B20^HIV^I10", None), ("PV2|||B20^HIV^I10||||||", None), ("PV2|1||B20^HIV^I10|", "PV2|1"),
        ("PV2|||B20^HIV^I10|||||20261201", "PV2||||||||20261201"),
    ],
)  # fmt: skip
def test_a_reason_that_went_leaves_no_empty_place_at_the_end(pv2: str, left: str | None) -> None:
    """A segment of nothing, or one that ends with separators for nothing, would say that there was something."""
    copy = hl7v2(message("ADT^A01", PV1, pv2)).without(["PV2-3"])
    assert copy is not None
    lines = [line for line in copy.received.raw.decode().split("\r") if line.startswith("PV2")]
    assert lines == ([left] if left else [])
