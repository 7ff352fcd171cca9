"""A KITH message is one item: told whole or not at all."""

from hub.consent.resource_types import NO_ITEMS
from hub.model import Identifier
from tests.unit.adapters.kith.made import dialog, kith, logistics


def test_the_document_is_one_item_that_is_told_whole_or_not_at_all() -> None:
    m = kith(logistics("LOG_UTSKREVET"))
    (item,) = m.items()
    assert item.types == ("DocumentReference", "Encounter")
    assert item.first_us == item.last_us == m.event().occurred_us
    assert item.authors == (Identifier("urn:hub:provider", "st-olavs"),)
    assert item.ids == (Identifier("", "m-1"),)
    assert m.without([item.key]) is None
    assert m.without([]) is m


def test_every_code_of_the_document_is_one_of_the_item() -> None:
    raw = dialog().replace(b'V="6" S="2.16.578.1.12.4.1.1.7322"', b'V="B20" S="2.16.578.1.12.4.1.1.7110"')
    (item,) = kith(raw).items()
    assert ("http://hl7.org/fhir/sid/icd-10", "B20") in item.codes
    assert ("urn:oid:2.16.578.1.12.4.1.1.7110", "B20") in item.codes
    assert item.codes[0] == ("urn:oid:2.16.578.1.12.4.1.1.8279", "DIALOG_HELSEFAGLIG")


def test_whatever_the_document_is_told_as_is_a_type_of_it() -> None:
    """A patient who locks diagnoses is not told that a document was none."""
    m = kith(logistics("LOG_UTSKREVET"))
    told = {e["resource"]["resourceType"] for e in m.bundle()["entry"]}
    assert set(m.items()[0].types) >= told - NO_ITEMS
