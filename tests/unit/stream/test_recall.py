"""A recorded message is the message that was taken, whatever protocol it came by."""

from dataclasses import fields

import pytest

from hub.ledger.stored import COLUMNS, Stored
from hub.model import Adapter, Received
from hub.stream.recall import recalled
from tests.unit.adapters.fhir.made import bundle, raw_of
from tests.unit.adapters.kith.made import logistics
from tests.unit.adapters.kith.made import received as kith_received
from tests.unit.adapters.made import PV1, message, received

TAKEN = {
    "hl7v2": received(message("ADT^A01", PV1)),
    "latin": received(message("ADT^A01", PV1, encoding="iso-8859-1").replace(b"UNICODE UTF-8", b"8859/1")),
    "fhir": received(raw_of(bundle()), Adapter.FHIR),
    "kith": kith_received(logistics("LOG_UTSKREVET")),
}


@pytest.mark.parametrize("taken", TAKEN.values(), ids=TAKEN.keys())
def test_a_recorded_message_is_the_one_that_was_taken(taken: Received) -> None:
    names = [f.name for f in fields(Stored)]
    assert recalled(Stored(*(getattr(taken, name) for name in names))) == taken
    assert [c.split(" AS ")[-1].strip().removeprefix("m.") for c in COLUMNS.split(",")] == names
