"""The envelope: who speaks, to whom about whom, and what happened, or why it is refused and where."""

import pytest

from hub.adapters.kith.document import parse
from hub.adapters.kith.message import Message, beside, envelope, heading, of_tree, read, unwelcome
from hub.errors import Reason, Rejected
from hub.identity import FNR as FNR_SYSTEM
from hub.model import Identifier, Kind
from hub.numbers import PersonNumbers
from tests.unit.adapters.kith.made import DIALOG, DOCUMENT, ELEMENTS, FNR, dialog, logistics, message

CONTENT = "MsgHead/Document/RefDoc/Content"
TOO_MANY = (Reason.TOO_COMPLEX, "MsgHead/MsgInfo/Patient/Ident")
STATUS = f"{CONTENT}/Pasientlogistikk/InformasjonOmForsendelsen/Forsendelsesstatus"


def fault(raw: bytes) -> tuple[Reason, str]:
    with pytest.raises(Rejected) as caught:
        envelope(raw)
    assert FNR not in str(caught.value)
    return caught.value.reason, caught.value.where


def changed(before: str, after: str, raw: bytes | None = None) -> bytes:
    text = (raw or logistics("LOG_INNLAGT")).decode()
    assert before in text
    return text.replace(before, after).encode()


def test_an_envelope() -> None:
    seen = envelope(logistics("LOG_INNLAGT", encoding="ISO-8859-1"))
    assert (seen.control_id, seen.trigger, seen.encoding, seen.application, seen.processing_id) == (
        "m-1",
        "LOG_INNLAGT",
        "iso-8859-1",
        "",
        "",
    )
    assert seen.identifiers == (Identifier(FNR_SYSTEM, FNR),)
    assert seen.sender == "8094866"  # the unit, then the organisation it is part of
    assert seen.senders == (
        "8094866", "urn:oid:2.16.578.1.12.4.1.2|8094866", "974749025", "urn:oid:2.16.578.1.12.4.1.4.101|974749025",
        "Medisinsk avdeling, Østmarka", "St. Olavs hospital HF",
    )  # fmt: skip
    assert FNR not in repr(seen)
    assert "8094866" not in repr(seen)


@pytest.mark.parametrize("version", ["2008-02-20", "2009-06-30", "2012-04-01"])
@pytest.mark.parametrize(
    ("type_", "status", "kind"),
    [
        ("LOG_INNLAGT", "N", Kind.ADMITTED),
        ("LOG_INNLAGT", "M", Kind.ADMITTED),
        ("LOG_INNLAGT", "C", Kind.ADMISSION_CANCELLED),
        ("LOG_UTSKRIVNINGSKLAR", "N", Kind.READY_FOR_DISCHARGE),
        ("LOG_UTSKRIVNINGSKLAR", "A", Kind.READY_FOR_DISCHARGE),
        ("LOG_UTSKRIVNINGSKLAR", "C", Kind.NOT_READY_FOR_DISCHARGE),
        ("LOG_AVMELDING", "N", Kind.NOT_READY_FOR_DISCHARGE),
        ("LOG_AVMELDING", "C", Kind.READY_FOR_DISCHARGE),
        ("LOG_UTSKREVET", "N", Kind.DISCHARGED),
        ("LOG_UTSKREVET", "C", Kind.DISCHARGE_CANCELLED),
        ("LOG_DOD", "N", Kind.DISCHARGED),
        ("LOG_TILBAKEMELDING", "N", Kind.DISCHARGE_ANSWERED),
    ],
)
def test_logistics_of_every_version_mean_what_happened(type_: str, status: str, kind: Kind, version: str) -> None:
    found = read(logistics(type_, status, version))
    assert (found.kind, found.type) == (kind, type_)
    old = read(logistics("PASIENTLOGISTIKK", status, version, payload=type_))  # version 1.5 has one type for all of them
    assert (old.kind, old.type) == (kind, type_)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("DIALOG_FORESPORSEL", Kind.DOCUMENT_PUBLISHED),
        ("DIALOG_SVAR", Kind.DOCUMENT_PUBLISHED),
        ("DIALOG_NOTAT", Kind.DOCUMENT_PUBLISHED),
        ("DIALOG_HELSEFAGLIG", Kind.DOCUMENT_PUBLISHED),
        ("DIALOG_AVVIK", Kind.DOCUMENT_PUBLISHED),
        ("DIALOG_STATUS_HENVISNING", Kind.REFERRAL_ANSWERED),
    ],
)
def test_dialogues_are_documents_but_for_the_answer_on_a_patient_ready_for_discharge(type_: str, kind: Kind) -> None:
    assert read(dialog(type_)).kind is kind
    assert read(dialog(type_, theme="7")).kind is Kind.DISCHARGE_ANSWERED
    other_system = dialog(type_, theme="7").replace(b"1.7322", b"1.9153")  # a 7 of another code system is another thing
    assert read(other_system).kind is kind


def test_a_report_without_a_schema_of_ours_is_carried_as_it_is() -> None:
    report = DOCUMENT.format('<Message xmlns="http://www.kith.no/xmlstds/epikrise/2006-09-25"><MsgDescr>x</MsgDescr></Message>')
    assert read(message("EPIKRISE", report)).kind is Kind.DOCUMENT_PUBLISHED


@pytest.mark.parametrize(
    ("raw", "reason", "where"),
    [
        (b"<a/>", Reason.UNSUPPORTED_TYPE, "document"),
        (changed("v1.2 2006-05-24", "v1.1 2006-02-15"), Reason.UNSUPPORTED_VERSION, "MsgHead/MsgInfo/MIGversion"),
        (changed('"LOG_INNLAGT"', '"MELDING"'), Reason.UNSUPPORTED_TYPE, "MsgHead/MsgInfo/Type"),
        (changed('"LOG_INNLAGT"', '"LOG_DOD"'), Reason.BAD_VALUE, "MsgHead/MsgInfo/Type"),
        (changed("m-1", " "), Reason.MISSING_CONTROL_ID, "MsgHead/MsgInfo/MsgId"),
        (changed("m-1", "m" * 256), Reason.BAD_VALUE, "MsgHead/MsgInfo/MsgId"),
        (changed("m-1", "m\u0085n"), Reason.BAD_VALUE, "MsgHead/MsgInfo/MsgId"),
        (changed(FNR, ""), Reason.MISSING_PATIENT, "MsgHead/MsgInfo/Patient/Ident"),
        (changed(FNR, FNR + "\u0085x"), Reason.BAD_VALUE, "MsgHead/MsgInfo/Patient/Ident/Id"),
        (changed("<Content>", "<!--").replace(b"</Content>", b"-->"), Reason.MISSING_FIELD, CONTENT),
        (message("LOG_INNLAGT", DOCUMENT.format("")), Reason.MISSING_FIELD, CONTENT),
        (message("DIALOG_NOTAT", DOCUMENT.format("")), Reason.MISSING_FIELD, CONTENT),
        (message("LOG_INNLAGT", DOCUMENT.format(DIALOG.format(theme="6", text="x"))), Reason.BAD_VALUE, CONTENT),
        (message("DIALOG_NOTAT", DOCUMENT.format('<x xmlns="urn:x"/>')), Reason.BAD_VALUE, CONTENT),
        (changed("po/Pasientlogistikk/2012-04-01", "po/Pasientlogistikk/x"), Reason.BAD_VALUE, CONTENT),
        (changed("MeldingInnlagtPasient", "NoeAnnet"), Reason.MISSING_FIELD, f"{CONTENT}/Pasientlogistikk"),
        (changed("</p:MeldingInnlagtPasient>", "</p:MeldingInnlagtPasient><p:OrienteringOmDod/>"), Reason.BAD_VALUE,
         f"{CONTENT}/Pasientlogistikk"),
        (logistics("LOG_INNLAGT", "H"), Reason.UNSUPPORTED_EVENT, STATUS),
        (logistics("LOG_INNLAGT", "?"), Reason.BAD_VALUE, STATUS),
        (logistics("LOG_TILBAKEMELDING", "C"), Reason.UNSUPPORTED_EVENT, STATUS),
        (changed('<MsgType V="XML" DN="XML-instans"/>', '<MsgType V="XML"/><Compression V="GZ"/>'), Reason.UNSUPPORTED_FORMAT,
         "MsgHead/Document/RefDoc/Compression"),
        (changed("<Document>", "<PatientReport><CaseNo>1</CaseNo><Document>").replace(b"</Document>", b"</Document></PatientReport>"),
         Reason.UNSUPPORTED_TYPE, "MsgHead/PatientReport"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why_and_where(raw: bytes, reason: Reason, where: str) -> None:
    assert fault(raw) == (reason, where)


def test_a_patient_has_so_many_identifiers() -> None:
    one = '<Ident><Id>{0}</Id><TypeId V="XXX"/></Ident>'
    first = f"<Ident><Id>{FNR}"
    assert len(envelope(changed(first, "".join(one.format(n) for n in range(1, 100)) + first)).identifiers) == 100
    assert fault(changed(first, "".join(one.format(n) for n in range(1, 101)) + first)) == TOO_MANY
    assert fault(changed(first, "".join(one.format(f"{n}{'x' * 240}") for n in range(80)) + first)) == TOO_MANY


def test_no_patient_at_all() -> None:
    text = logistics("LOG_INNLAGT").decode()
    without = text[: text.index("<Patient>")] + text[text.index("</Patient>") + len("</Patient>") :]
    assert fault(without.encode()) == (Reason.MISSING_PATIENT, "MsgHead/MsgInfo/Patient")


@pytest.mark.parametrize(
    ("type_id", "value", "expected"),
    [
        ('V="FNR"', "13116900216", Identifier(FNR_SYSTEM, "13116900216")),
        ('V="FNR"', "70019950032", Identifier("urn:oid:2.16.578.1.12.4.1.4.2", "70019950032")),  # a D-number, whatever it is called
        ('V="DNR"', "70019950032", Identifier("urn:oid:2.16.578.1.12.4.1.4.2", "70019950032")),
        ('V="FHN"', "88888888831", Identifier("urn:oid:2.16.578.1.12.4.1.4.3", "88888888831")),
        ('V="HNR"', "01410199935", Identifier("HNR", "01410199935")),
        ('V="DUF"', "123456789012", Identifier("urn:oid:2.16.578.1.12.4.1.4.5", "123456789012")),
        ('V="PNR"', "N1234", Identifier("PNR", "N1234")),
        ('V="XXX" OT="STOLAV"', "A77", Identifier("STOLAV", "A77")),
        ('V="XXX"', "A77", Identifier("XXX", "A77")),
        ('DN="?"', "A77", Identifier("", "A77")),
    ],
)
def test_identifiers_stand_in_the_systems_of_no_basis(type_id: str, value: str, expected: Identifier) -> None:
    raw = changed(
        f'<Id>{FNR}</Id><TypeId V="FNR" S="2.16.578.1.12.4.1.1.8116" DN="Fødselsnummer"/>', f"<Id>{value}</Id><TypeId {type_id}/>"
    )
    assert envelope(raw).identifiers == (expected,)


def test_a_person_number_that_does_not_hold_names_the_patient_where_nothing_else_does() -> None:
    made_up = '<Ident><Id>01018000100</Id><TypeId V="FNR"/></Ident>'
    first = f"<Ident><Id>{FNR}"
    raw = changed(first, made_up + first)
    named = envelope(raw).identifiers
    assert [i.value for i in named] == [FNR]
    assert [i.value for i in beside(read(raw).patient, named)] == ["01018000100"]  # a lock that names it holds
    assert [i.value for i in envelope(changed(f"<Id>{FNR}</Id>", "<Id>01018000100</Id>")).identifiers] == ["01018000100"]


def test_a_number_that_stands_for_none_names_nobody() -> None:
    for value in ("00000000000", "01018000000", "UKJENT"):
        assert fault(changed(f"<Id>{FNR}</Id>", f"<Id>{value}</Id>")) == (Reason.MISSING_PATIENT, "MsgHead/MsgInfo/Patient/Ident")


@pytest.mark.parametrize(("number", "real", "synthetic"), [(FNR, "", "x"), ("15720255178", "x", ""), ("88888888831", "", "")])
def test_a_person_number_the_hub_does_not_take_is_told_by_its_place(number: str, real: str, synthetic: str) -> None:
    found = read(logistics("LOG_INNLAGT", patient=number))
    assert bool(unwelcome(found, PersonNumbers.REAL)) is bool(real)
    assert bool(unwelcome(found, PersonNumbers.SYNTHETIC)) is bool(synthetic)
    assert unwelcome(found, PersonNumbers.ANY) == ""
    places = {unwelcome(found, p) for p in PersonNumbers} - {""}
    assert places <= {"MsgHead/MsgInfo/Patient/Ident[1]/Id"}


def test_a_heading_is_known_of_what_cannot_be_taken() -> None:
    found = heading(parse(changed("<GenDate>2026-11-20T08:30:15</GenDate>", ""))[0])
    assert found is not None
    assert (found.control_id, found.trigger, found.sender) == ("m-1", "LOG_INNLAGT", "8094866")
    assert heading(parse(b"<a/>")[0]) is None
    assert heading(parse(changed("m-1", ""))[0]) is None


def test_the_event_is_the_one_of_the_messages_own_code() -> None:
    first = '<TidsfestetHendelse><Hendelsekode V="2"/><TidspunktForHendelse V="2020-01-01T00:00:00"/></TidsfestetHendelse>'
    found: Message = read(logistics("LOG_INNLAGT", extra=first))
    assert found.event is not None
    assert found.event.value("TidspunktForHendelse") == "2026-11-20T08:25:00"
    assert set(ELEMENTS) >= {found.type}


def test_reading_a_tree_that_was_parsed_is_reading_its_bytes() -> None:
    raw = dialog()
    assert of_tree(*parse(raw)).kind is read(raw).kind
