"""What a message holds, document by document."""

from base64 import b64decode

import pytest

from hub.adapters.kith.mappings.documents import document_reference, text_of
from hub.adapters.kith.message import read
from hub.adapters.markup import Element
from tests.unit.adapters.kith.made import ATTACHMENT, DIALOG, DOCUMENT, dialog, logistics, message, received

SUBJECT = {"reference": "urn:uuid:p"}


def contents(raw: bytes) -> list[dict[str, str]]:
    made = document_reference(read(raw), received(raw), SUBJECT, [])
    return [c["attachment"] for c in made["content"]]


def test_a_dialogue_reads_as_people_read_it() -> None:
    assert text_of(read(dialog(text="Linje 1.<br xmlns='http://www.w3.org/1999/xhtml'/>Linje 2."))) == "Mottak av pasient\nLinje 1.Linje 2."
    question = (
        '<Dialogmelding xmlns="http://www.kith.no/xmlstds/dialog/2006-10-11"><Foresporsel><TypeForesp V="99" DN="Annen henvendelse"/>'
        "<Sporsmal>Når?</Sporsmal><Begrunnelse>Haster</Begrunnelse></Foresporsel></Dialogmelding>"
    )
    found = read(message("DIALOG_FORESPORSEL", DOCUMENT.format(question)))
    assert text_of(found) == "Når?\nHaster"
    made = document_reference(found, received(message("DIALOG_FORESPORSEL", DOCUMENT.format(question))), SUBJECT, [])
    assert made["description"] == "Annen henvendelse"  # nothing written says what it is about, so the code does


def test_the_payload_is_carried_as_a_document_of_its_own() -> None:
    (xml,) = contents(logistics("LOG_INNLAGT", encoding="ISO-8859-1"))
    assert xml["contentType"] == "application/xml"
    assert "Nordøst" in b64decode(xml["data"]).decode()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (ATTACHMENT.format(" QU JD\n"), {"contentType": "application/pdf", "data": "QUJD", "title": "epikrise.pdf",
                                         "creation": "2026-11-20T08:00:00+01:00"}),
        (ATTACHMENT.format("QUJD").replace("application/pdf", "a pdf"), {"contentType": "application/octet-stream", "data": "QUJD",
                                                                         "title": "epikrise.pdf", "creation": "2026-11-20T08:00:00+01:00"}),
        ('<Document><RefDoc><MsgType V="REF"/><FileReference>https://b.no/a b</FileReference></RefDoc></Document>',
         {"contentType": "application/octet-stream", "url": "https://b.no/a%20b"}),
    ],
)  # fmt: skip
def test_attachments(document: str, expected: dict[str, str]) -> None:
    raw = message("DIALOG_NOTAT", DOCUMENT.format(DIALOG.format(theme="6", text="x")), document)
    assert contents(raw)[2:] == [expected]


def test_an_empty_attachment_is_none_and_a_report_of_files_alone_is_a_report() -> None:
    raw = message("EPIKRISE", ATTACHMENT.format(""))
    assert contents(raw) == [{"title": "EPIKRISE"}]
    assert isinstance(read(raw).root, Element)
