"""Other people's KITH messages: each is taken, or refused for the reason it was made for."""

import json
import warnings
from pathlib import Path

import pytest

from hub.adapters.kith import receipt
from hub.adapters.kith.message import read
from hub.adapters.kith.receipt import Status
from hub.errors import Rejected
from hub.model import Detail, Form, Kind
from tests.unit.adapters.kith.made import kith, xsd
from tests.unit.adapters.made import RECIPIENT, references, samples

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle

DIALOG = "dialogmelding/1.0/foresporsel-og-svar"
MESSAGES = {
    f"{DIALOG}/dialog-foresporsel-samsvar-test.xml": ("DIALOG_FORESPORSEL", Kind.DOCUMENT_PUBLISHED),
    f"{DIALOG}/dialog-notat-webmed-test.xml": ("DIALOG_NOTAT", Kind.DOCUMENT_PUBLISHED),
    f"{DIALOG}/dialog-svar-webmed-test.xml": ("DIALOG_SVAR", Kind.DOCUMENT_PUBLISHED),
    f"{DIALOG}/dialog-svar-webmed-test-2.xml": ("DIALOG_SVAR", Kind.DOCUMENT_PUBLISHED),
    "dialogmelding/1.1/helsefaglig-dialog/samsvar-test-message.xml": ("DIALOG_HELSEFAGLIG", Kind.DOCUMENT_PUBLISHED),
}
RECEIPTS = {
    "app-rec/1.0/all-data.xml": (Status.OK, "DIALOG_HELSEFAGLIG", ()),
    "app-rec/1.0/example-ok.xml": (Status.OK, "EPIKRISE", ()),
    "app-rec/1.0/example-avvist.xml": (Status.REJECTED, "EPIKRISE", ("E21",)),
    "app-rec/1.0/example-ok-feil-i-delmelding.xml": (Status.PARTLY, "LOM", ("07", "16")),
    "app-rec/1.1/all-data.xml": (Status.OK, "DIALOG_HELSEFAGLIG", ()),
    "app-rec/1.1/example-ok.xml": (Status.OK, "EPIKRISE", ()),
    "app-rec/1.1/example-avvist.xml": (Status.REJECTED, "EPIKRISE", ("E21",)),
}
REFUSED = {
    "dialogmelding/invalid-version.xml": "unsupported_version at MsgHead/MsgInfo/MIGversion",
    "app-rec/missing-migversion.xml": "missing_field at AppRec/MIGversion",
    "app-rec/unknown-migversion.xml": "unsupported_version at AppRec/MIGversion",
    "app-rec/1.0/unknown-status.xml": "bad_value at AppRec/Status",
    "app-rec/1.1/unknown-status.xml": "bad_value at AppRec/Status",
}


def raw_of(name: str) -> bytes:
    return (samples("kith") / name).read_bytes()


def test_every_sample_has_its_outcome_here() -> None:
    folder: Path = samples("kith")
    found = {str(p.relative_to(folder)) for p in folder.rglob("*.xml")}
    assert found == MESSAGES.keys() | RECEIPTS.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_is_taken(name: str) -> None:
    raw = raw_of(name)
    assert xsd().faults(raw) == []
    found = read(raw)
    assert (found.info.value("Type"), found.kind) == MESSAGES[name]
    for detail in Detail:
        bundle = json.loads(kith(raw).render(Form.FHIR, detail, RECIPIENT))
        Bundle.model_validate(bundle)
        assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}
    assert kith(raw).render(Form.KITH, Detail.FULL, RECIPIENT) == raw
    assert len(kith(raw).event().identifiers) == 1


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_receipt_that_is_taken(name: str) -> None:
    raw = raw_of(name)
    assert xsd().faults(raw) == []
    found = receipt.read(raw)
    assert (found.status, found.original_type, tuple(f.code for f in found.faults)) == RECEIPTS[name]
    assert found.version == name.split("/")[1]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as caught:
        (receipt.read if name.startswith("app-rec") else read)(raw_of(name))
    assert str(caught.value) == REFUSED[name]
