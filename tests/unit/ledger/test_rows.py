"""A batch as rows: what a merge of the batch itself retired is written as the survivor's."""

from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.ledger.batch import Known
from hub.ledger.consents import Consents
from hub.ledger.rows import deliveries
from hub.routing.directory import Directory
from hub.stream.walk import Walk, read_item
from tests.contracts.transit_rig import PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, received


def test_deliveries_of_patients_merged_one_after_the_other_are_the_last_ones() -> None:
    messages = [received(f"c{n}", mrn=n, number="") for n in "123"]
    messages += [
        received(f"m{old}", mrn=new, number="", trigger="A40", extra=f"MRG|{old}^^^OLAV^MR\r") for old, new in (("1", "2"), ("2", "3"))
    ]
    items = [read_item((0, n), m, Hl7v2Message(m), PSEUDONYMS) for n, m in enumerate(messages)]
    known = Known(1, set(), {}, {}, {}, {}, {}, Consents([]))
    writes = Walk(known, Directory(PROVIDERS, SUBSCRIPTIONS, 1), lambda *_: b"", 7).all(items).writes
    first, second, last = (m.patient_key.encode() for m in messages[:3])
    rows = deliveries(writes)["outbox"]
    assert len(rows) == 10
    for row in rows:  # the patient stands before whose it would be without the merges
        keys = sorted((row.index(key), key) for key in (first, second, last) if key in row)
        assert keys[0][1] == last and len(keys) <= 2
