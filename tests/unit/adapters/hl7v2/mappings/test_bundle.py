"""Every clinical message, whatever it holds: a valid R4 Bundle that holds together, and nothing clinical in it for whom it is not."""

import json
import re
import warnings
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.message import envelope
from hub.errors import Reason, Rejected
from hub.model import Detail, Form
from tests.unit.adapters.invariants import broken
from tests.unit.adapters.made import PV1, RECIPIENT, hl7v2, line, message, references, rendered, sample_messages

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle

# family -> its segments in order; each with its number of fields
FAMILIES = {
    "ORU": "PRT OBX ORC OBX TXA OBR NTE PRT TQ1 OBX PRT NTE SPM OBX SAC",
    "OUL": "SPM OBX SAC OBR ORC NTE TQ1 OBX NTE",
    "ORM": "NTE AL1 ORC OBR NTE DG1 OBX NTE ORC RXO NTE RXR RXC",
    "OML": "NTE ORC TQ1 OBR NTE PRT DG1 OBX NTE SPM OBX SAC PID PV1 AL1 ORC OBR OBX",
    "OMG": "NTE ORC TQ1 OBR NTE DG1 OBX NTE SPM OBX SAC PID PV1 AL1 ORC OBR OBX",
    "RDE": "NTE AL1 ORC TQ1 RXO NTE RXR RXC RXE NTE TQ1 RXR RXC OBX NTE",
    "RDS": "NTE AL1 ORC TQ1 RXO NTE RXR RXC RXE NTE TQ1 RXR RXC RXD NTE RXR RXC OBX NTE",
    "VXU": "NTE OBX ORC TQ1 RXA RXR OBX NTE NTE",
    "MDM": "ORC OBR NTE TXA OBX NTE",
    "SIU": "SCH TQ1 NTE OBX DG1 RGS AIS NTE AIG NTE AIL NTE AIP NTE",
    "REF": "RF1 AUT CTD PRD CTD NTE DG1 AL1 OBR NTE OBX NTE",
    "RRI": "RF1 AUT CTD PRD CTD DG1 AL1 OBR NTE OBX NTE",
    "PPR": "PRB NTE OBX PTH GOL NTE OBX ORC OBR NTE OBX",
}
SIZES = {
    "PRT": 24, "OBX": 33, "ORC": 38, "TXA": 28, "OBR": 55, "NTE": 9, "TQ1": 14, "SPM": 34, "SAC": 44, "AL1": 6, "DG1": 26, "RXO": 36,
    "RXR": 6, "RXC": 13, "RXE": 45, "RXD": 35, "RXA": 29, "SCH": 27, "RGS": 3, "AIS": 12, "AIG": 14, "AIL": 12, "AIP": 12, "RF1": 24,
    "AUT": 30, "CTD": 8, "PRD": 14, "PRB": 28, "PTH": 7, "GOL": 22,
}  # fmt: skip
FIXED = {"PID": "PID|||A77^^^STOLAV^MR", "PV1": "PV1|1|I"}  # of earlier results: the same patient
SHAPES = ("{0}", "{0}^{0}^{0}^{0}^{0}^{0}^{0}^{0}^{0}^{0}", "{0}&{0}^{0}&{0}~{0}^{0}")
TRIGGERS = sorted(k for k in KINDS if k.partition("^")[0] in FAMILIES)


def holds_together(bundle: dict[str, Any]) -> None:
    urls = [e["fullUrl"] for e in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    assert set(references(bundle)) <= set(urls)
    Bundle.model_validate(bundle)
    assert broken(bundle) == []


def filled(name: str, shape: str, kind: str) -> str:
    """A segment whose every field is a canary; an OBX of a kind of value."""
    if name in FIXED:
        return FIXED[name]
    return line(name, {n: shape.format(f"CANARY{name}{n}") for n in range(1, SIZES[name] + 1)} | ({2: kind} if name == "OBX" else {}))


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize(("shape", "kind"), list(product(SHAPES, ("ST", "CWE", "ED"))))
def test_nothing_of_a_clinical_message_is_shown_but_who_and_where(trigger: str, shape: str, kind: str) -> None:
    names = FAMILIES[trigger.partition("^")[0]].split()
    m = hl7v2(message(trigger, PV1, *(filled(name, shape, kind) for name in names)))
    whole = m.render(Form.FHIR, Detail.FULL, RECIPIENT)
    holds_together(json.loads(whole))
    told = {found[:3].decode() for found in re.findall(rb"CANARY(\w+)", whole)}
    assert {"SCH", "NTE", "TXA", "ORC", "RF1", "PRB", "RXA", "RXE", "OBR"} & set(names) <= told
    for form, detail in product((Form.HL7V2, Form.FHIR), (Detail.MINIMAL, Detail.NOTICE)):
        assert re.findall(rb"CANARY\w+", m.render(form, detail, RECIPIENT)) == []
    with pytest.raises(Rejected):  # KITH has no word for it
        m.render(Form.KITH, Detail.FULL, RECIPIENT)


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("detail", [Detail.MINIMAL, Detail.NOTICE])
def test_what_is_left_is_the_header_the_patient_and_the_visit(trigger: str, detail: Detail) -> None:
    names = FAMILIES[trigger.partition("^")[0]].split()
    bundle = rendered(hl7v2(message(trigger, PV1, *(filled(name, "{0}", "ST") for name in names))), detail)
    kinds = ["MessageHeader", "Patient"] + (["Encounter"] if detail is Detail.MINIMAL else [])
    assert [e["resource"]["resourceType"] for e in bundle["entry"]] == kinds


@pytest.mark.parametrize(
    ("segments", "labels"),
    [(["ORC|NW|P1", line("ORC", {1: "NW", 28: "PSY^x^HL70177"}), line("ORC", {1: "NW", 28: "V"})], ("PSY", "V")),
     ([line("ORC", {1: "NW", 28: "AID"})], ("HIV",)), ([line("PRB", {1: "AD", 25: "R"}), line("PRB", {1: "AD", 25: "HIV"})], ("R", "HIV")),
     ([line("ORC", {1: "NW", 28: "VIP"})], ("CEL",)),
     ([line("ORC", {1: "NW", 28: "XYZ"})], ("XYZ",)), (["ORC|NW", line("ORC", {1: "NW", 28: '""'})], ())],
)  # fmt: skip
def test_a_label_of_any_order_or_problem_is_one_of_the_message(segments: list[str], labels: tuple[str, ...]) -> None:
    assert hl7v2(message("ORM^O01", *segments)).event().labels == labels


FIELD = st.one_of(
    st.just(""),
    st.sampled_from(
        ['""', "A", "1", "2.5", "-1", "999999999", "20261120", "20261120120159+0100", "0830", "A^B^L", "A&B&C^D&E&F^20200101", "X^Y~Z^W",
         "^^", "&", "~", "20270101^20260101", "^^^^-6^h", "^^^^^^^CM^30^min", "^^^Base64^QUJD", "^3^-^1",
         "9^1", "29768-9", "NM", "SN", "ED", "RP", "CWE", "NA", "DR", "TX", "ST", "F", "N", "Y", "D", "DE", "CA", "NW", "Cancelled",
         "Resolved", "2&mg^BID^D3^20260101^20260102^S", "BID^Twice^HL70335^^2^h", "^DW^1^5", "1^d", "3^d&day", "1^2^3^4", "^1^:^128", ">^5",
         "^application^pdf^Base64^JVBERi0=", "http://x/y^^AP^pdf", "\\X00\\", "a\\.br\\b", "Åse^Bjørnstad",
         "7&Lund&Kari^20200101^20210101^A", "00^New^NIP001", "999", "P1^LAB", "LAB&L^2"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n", exclude_categories=("Cc", "Cs")), max_size=8),
)  # fmt: skip
SEGMENT = st.builds(lambda name, fields: "|".join([name, *fields]), st.sampled_from(sorted(SIZES)), st.lists(FIELD, max_size=45))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(TRIGGERS), st.lists(SEGMENT, min_size=1, max_size=9))
def test_whatever_the_segments_hold_the_bundle_is_valid_and_always_the_same(trigger: str, segments: list[str]) -> None:
    raw = message(trigger, *segments)
    try:
        m = hl7v2(raw)
        out = m.render(Form.FHIR, Detail.FULL, RECIPIENT)
    except Rejected:
        return
    assert out == hl7v2(raw).render(Form.FHIR, Detail.FULL, RECIPIENT)
    holds_together(json.loads(out))


def test_samples_whose_patient_has_no_number_are_valid_once_there_is_one() -> None:
    """Corpora made to test one segment leave the patient's number out; their segments are as good as others'."""
    taken = 0
    for _, raw in sample_messages():
        try:
            envelope(raw)
        except Rejected as refused:
            if refused.reason is not Reason.MISSING_PATIENT:
                continue
            numbered = re.sub(rb"(?m)^PID\|?[^|\r\n]*\|?[^|\r\n]*\|?[^|\r\n]*", b"PID|||A77^^^STOLAV^MR", raw, count=1)
            try:
                trigger = envelope(numbered).trigger
            except Rejected:
                continue
            if trigger in KINDS:
                holds_together(rendered(hl7v2(numbered)))
                taken += 1
    assert taken > 10
