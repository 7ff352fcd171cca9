import json
from datetime import datetime
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.mappings.bundle import FAMILIES
from hub.adapters.hl7v2.message import envelope
from hub.errors import Reason, Rejected
from hub.model import Channel, Deliver, Detail, Form, Identifier, Kind, Provider, ProviderKind
from tests.unit.adapters.made import PV1, RECEIVED_US, RECIPIENT, hl7v2, message, of, received, references, rendered

FNR = Identifier("urn:oid:2.16.578.1.12.4.1.4.1", "13116900216")
EVN = "EVN|{event}|20261120083000||||20261120082500"


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def test_every_event_kind_has_a_family_and_a_translation() -> None:
    for trigger, kind in KINDS.items():
        assert trigger.split("^")[0] in FAMILIES
        extra = ("MRG|B88^^^STOLAV",) if kind is Kind.MERGED else ("TXA|1|DS|TX|||||||||D1",) if trigger.startswith("MDM") else ()
        m = hl7v2(message(trigger, *extra, PV1))
        assert m.event().kind is kind
        bundle = rendered(m)
        assert bundle["entry"][0]["resource"]["resourceType"] == "MessageHeader"
        assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}


def test_an_admission_says_all_that_routing_needs() -> None:
    pd1 = "PD1|||Ranheim legesenter^^^^^ENH&2.16.578.1.12.4.1.4.101&ISO^ENH^^^974749025|9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO"
    event = hl7v2(message("ADT^A01", EVN.format(event="A01"), pd1, PV1, "PV2||||||||||||||||||||||R")).event()
    assert (event.kind, event.ward, event.encounter_class, event.encounter_id) == (Kind.ADMITTED, "MED3", "I", "V77")
    assert event.identifiers == (FNR, Identifier("STOLAV", "A77"))
    assert event.occurred_us == us("2026-11-20T08:25:00+01:00") == event.admitted_us
    assert event.discharged_us is None
    assert (event.municipality, event.addressed, event.labels) == ("5001", ("REGION", "HUB"), ("R",))
    assert event.gps == (
        Identifier("urn:oid:2.16.578.1.12.4.1.4.101", "974749025"),
        Identifier("urn:oid:2.16.578.1.12.4.1.4.4", "9144889"),
    )


@pytest.mark.parametrize(
    ("segments", "when"),
    [
        (["EVN|A01|20261120083000||||20261120082500"], "2026-11-20T08:25:00+01:00"),
        (["EVN|A01|20261120083000"], "2026-11-20T08:30:00+01:00"),
        (["EVN|A01|junk"], "2026-11-20T08:30:15+01:00"),
        ([], "2026-11-20T08:30:15+01:00"),
    ],
)
def test_when_it_happened(segments: list[str], when: str) -> None:
    assert hl7v2(message("ADT^A01", *segments)).event().occurred_us == us(when)


def test_a_message_without_any_time_happened_when_it_came() -> None:
    raw = message("ADT^A01").replace(b"|20261120083015|", b"||")
    assert hl7v2(raw).event().occurred_us == RECEIVED_US


@pytest.mark.parametrize(
    ("address", "district", "number"),
    [("Gata 1^^Oslo^^0150^NOR^H^^0301", "", "0301"), ("Gata 1^^Oslo^^0150", "0301", "0301"), ("Gata 1^^Oslo^^0150^^^^^4601", "", "4601"),
     ("Gata 1^^Oslo^^0150^NOR^H^^Oslo", "GL", ""), ("", "", "")],
)  # fmt: skip
def test_the_municipality_is_a_number_where_it_belongs(address: str, district: str, number: str) -> None:
    raw = message("ADT^A01").decode().replace("Søndre gate 12^^Trondheim^^7011^NOR^H^^5001|", f"{address}|{district}")
    assert hl7v2(raw.encode()).event().municipality == number


@pytest.mark.parametrize(
    ("segment", "labels"),
    [("PV2||||||||||||||||||||||Y", ("R",)), ("PV2||||||||||||||||||||||N", ("N",)), ("PV2||||||||||||||||||||||PSY", ("PSY",)),
     ("PV2||||||||||||||||||||||WHAT", ("WHAT",)), ("PV2|", ())],
)  # fmt: skip
def test_labels_unknown_ones_as_written(segment: str, labels: tuple[str, ...]) -> None:
    assert hl7v2(message("ADT^A01", segment)).event().labels == labels


@pytest.mark.parametrize(("text", "labels"), [("SECURITY", ()), ("R", ("R",)), ("", ())])
def test_msh_8_is_a_label_only_when_it_is_one(text: str, labels: tuple[str, ...]) -> None:
    raw = message("ADT^A01").replace(b"20261120083015||", f"20261120083015|{text}|".encode())
    assert hl7v2(raw).event().labels == labels


def test_a_merge_names_the_retired_identifiers() -> None:
    m = hl7v2(message("ADT^A40", "MRG|B88^^^STOLAV~A77^^^STOLAV"))
    assert m.event().merged == (Identifier("STOLAV", "B88"),)
    survivor, retired = of(rendered(m), "Patient")
    assert retired["active"] is False
    assert (survivor["link"][0]["type"], retired["link"][0]["type"]) == ("replaces", "replaced-by")


@pytest.mark.parametrize(("segments", "reason"), [([], Reason.MISSING_SEGMENT), (["MRG|"], Reason.MISSING_FIELD)])
def test_a_merge_of_nobody_is_refused(segments: list[str], reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        hl7v2(message("ADT^A40", *segments)).event()
    assert caught.value.reason is reason


def test_the_bundle_is_the_same_every_time_and_letters_survive() -> None:
    raw = message("ADT^A01", PV1)
    one, two = (hl7v2(raw).render(Form.FHIR, Detail.FULL, RECIPIENT) for _ in range(2))
    assert one == two
    patient = of(json.loads(one), "Patient")[0]
    assert patient["name"] == [{"use": "official", "family": "Bjørnstad", "given": ["Åse", "Ødegård"]}]
    assert patient["address"][0]["line"] == ["Søndre gate 12"]
    assert [(i["system"], i["value"]) for i in patient["identifier"]] == [(FNR.system, FNR.value), ("STOLAV", "A77")]
    assert (patient["birthDate"], patient["gender"]) == ("1969-11-13", "female")


def test_latin_1_comes_out_as_utf_8_in_fhir_and_as_latin_1_in_v2() -> None:
    raw = message("ADT^A01", PV1).decode().replace("UNICODE UTF-8", "8859/1").encode("latin-1")
    m = hl7v2(raw)
    assert of(rendered(m), "Patient")[0]["name"][0]["family"] == "Bjørnstad"
    for detail in Detail:
        assert "Bjørnstad".encode("latin-1") in m.render(Form.HL7V2, detail, RECIPIENT)


def test_the_bundle_is_addressed_to_its_recipient() -> None:
    header = of(rendered(hl7v2(message("ADT^A01"))), "MessageHeader")[0]
    assert header["destination"] == [{"endpoint": "urn:hub:provider:trondheim", "name": "Trondheim kommune"}]
    assert (header["eventCoding"]["code"], header["sender"]["display"]) == ("A01", "STOLAV")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_v2_recipients_get_the_senders_bytes_readdressed(end: str) -> None:
    raw = message("ADT^A01", "ZZZ|kept|~~||", "DG1|1||I21", PV1).decode().replace("\r", end).encode()
    out = hl7v2(raw).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    assert out == raw.replace(b"|DIPS|STOLAV|HUB|REGION|", b"|CAREHUB|st-olavs|trondheim|TRD|")


def header(raw: bytes) -> list[bytes]:
    """MSH by field number."""
    fields = raw.split(b"\r")[0].split(b"|")
    return [fields[0], b"|", *fields[1:]]


@pytest.mark.parametrize("detail", Detail)
@pytest.mark.parametrize("wanted", ["AL|AL", "NE|NE", "ER|NE", "NE|"])
def test_what_the_sender_wants_acknowledged_is_not_asked_of_the_recipient(detail: Detail, wanted: str) -> None:
    head, rest = message("ADT^A01", PV1).decode().split("\r", 1)
    fields = (head.split("|") + [""] * 18)[:18]
    fields[14:16] = wanted.split("|")
    raw = f"{'|'.join(fields)}|16|17|18\r{rest}".encode()
    out = hl7v2(raw).render(Form.HL7V2, detail, RECIPIENT)
    before, after = header(raw), header(out)
    assert (after[15], after[16]) == (b"", b"")
    assert after[:3] + after[7:13] + after[14:15] + after[17:] == before[:3] + before[7:13] + before[14:15] + before[17:]
    if detail is Detail.FULL:
        assert out.split(b"\r", 1)[1] == raw.split(b"\r", 1)[1]


@pytest.mark.parametrize("detail", Detail)
def test_a_number_in_the_senders_sequence_is_not_handed_on(detail: Detail) -> None:
    """A gap would tell of a message that was kept from the recipient; and it is no number of this connection's."""
    head, rest = message("ADT^A01", PV1).decode().split("\r", 1)
    fields = (head.split("|") + [""] * 18)[:18]
    fields[12] = "4711"
    m = hl7v2(f"{'|'.join(fields)}\r{rest}".encode())
    assert header(m.render(Form.HL7V2, detail, RECIPIENT))[13] == b""
    assert b"4711" not in m.render(Form.FHIR, detail, RECIPIENT)


def test_receiver_names_come_from_the_configuration_and_are_escaped() -> None:
    deliver = Deliver(Channel.MLLP, "127.0.0.1", 1, application="A|B", facility="Å^kommune")
    to = Provider("x", "X", ProviderKind.OTHER, "", (), deliver)
    out = hl7v2(message("ADT^A01")).render(Form.HL7V2, Detail.FULL, to)
    seen = envelope(out)
    assert (seen.receiver_application, seen.receiver, seen.control_id) == ("A|B", "Å^kommune", "C-1")


CLINICAL = (
    "PV2|||CANARY1^CANARY2", "AL1|1|DA|CANARY3^CANARY4|SV|CANARY5", "DG1|1||CANARY6^CANARY7^I10|CANARY8", "OBX|1|TX|CANARY9||CANARY10",
    "NTE|1||CANARY11", "ZPD|CANARY12", "IN1|1|CANARY13", "PR1|1||CANARY14", "ORC|NW|CANARY15", "OBR|1|CANARY16||CANARY17", "NK1|1|CANARY18",
)  # fmt: skip


@pytest.mark.parametrize(
    ("detail", "form", "kind"),
    list(product([Detail.MINIMAL, Detail.NOTICE], [Form.HL7V2, Form.FHIR], ["ADT^A01", "ORU^R01", "REF^I12", "ORM^O01", "MDM^T02"])),
)
def test_nothing_clinical_is_left_in_minimal_and_notice(detail: Detail, form: Form, kind: str) -> None:
    visit = PV1.split("|")
    visit[13], visit[15], visit[16], visit[38] = "CANARY20", "CANARY21", "CANARY22", "CANARY23"
    pid = "|CANARY24^x^y"  # race, beside the address
    raw = message(kind, *CLINICAL, "|".join(visit)).decode().replace("|F|||S", f"|F|{pid}|S").encode()
    assert b"CANARY24" in raw
    m = hl7v2(raw)
    out = m.render(form, detail, RECIPIENT)
    assert b"CANARY" not in out
    assert b"CANARY" in m.render(form, Detail.FULL, RECIPIENT)
    assert FNR.value.encode() in out
    if form is Form.HL7V2:
        assert envelope(out).identifiers == m.received.identifiers
        assert envelope(out).control_id == "C-1"


def test_notice_says_who_and_nothing_of_the_stay() -> None:
    m = hl7v2(message("ADT^A01", EVN.format(event="A01"), PV1))
    out = m.render(Form.HL7V2, Detail.NOTICE, RECIPIENT).decode()
    assert [line[:3] for line in out.split("\r")] == ["MSH", "PID", "EVN", ""]
    assert "MED3" not in out
    assert "Trondheim^" not in out
    bundle = rendered(m, Detail.NOTICE)
    assert [e["resource"]["resourceType"] for e in bundle["entry"]] == ["MessageHeader", "Patient"]
    assert of(bundle, "Patient")[0].keys() == {"resourceType", "id", "identifier", "name", "birthDate", "gender"}


def test_minimal_shows_the_stay() -> None:
    bundle = rendered(hl7v2(message("ADT^A02", PV1)), Detail.MINIMAL)
    visit = of(bundle, "Encounter")[0]
    assert visit["location"][0]["location"] == {"display": "2"}
    assert visit["participant"][0]["individual"] == {"display": "Dr. Kari Lund"}
    assert visit["period"] == {"start": "2026-11-20T08:25:00+01:00"}
    assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}


def test_an_event_that_is_not_carried_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        hl7v2(message("ADT^A99")).event()
    assert caught.value.reason is Reason.UNSUPPORTED_EVENT


FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\r\n", exclude_categories=("Cc", "Cs")), max_size=12)
NAMES = "PID PV1 PV2 PD1 NK1 AL1 DG1 OBX OBR ORC NTE TXA SCH AIS AIP AIL TQ1 RF1 PRD MRG EVN ROL".split()  # noqa: SIM905
ODD = ['""', "A^B^C", "A&B^C~D", "NM", "SN", "ED", "20261120", "^^^&1.2&ISO", "\\X00\\", "\\.br\\"]
SEGMENT = st.builds(
    lambda name, fields: "|".join([name, *fields]),
    st.sampled_from(NAMES),
    st.lists(st.one_of(FIELD, st.sampled_from(ODD)), max_size=30),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.lists(SEGMENT, max_size=6))
def test_whatever_the_fields_hold_only_rejected_comes_out(kind: str, segments: list[str]) -> None:
    try:
        m = hl7v2(message(kind, *segments))
        m.event()
    except Rejected:
        return
    for form, detail in product([Form.HL7V2, Form.FHIR], Detail):
        out = m.render(form, detail, RECIPIENT)
        assert out == hl7v2(m.received.raw).render(form, detail, RECIPIENT)
        if form is Form.FHIR:
            bundle = json.loads(out)
            urls = [e["fullUrl"] for e in bundle["entry"]]
            assert len(set(urls)) == len(urls)
            assert set(references(bundle)) <= set(urls)
        else:
            assert envelope(out).identifiers == received(m.received.raw).identifiers
