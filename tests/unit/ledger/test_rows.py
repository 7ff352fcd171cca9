"""A batch as rows: what a merge of the batch itself retired is written as the survivor's."""

from dataclasses import replace

from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.identity import derived_id, kith_id
from hub.ledger.batch import Entry, Known, Writes
from hub.ledger.consents import Consents
from hub.ledger.rows import bundle_ids, deliveries, records
from hub.model import Channel, Decision, Delivery, Detail, Form, Outcome, Plan, Result, Rule
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
    assert all(last in row and first not in row and second not in row for row in rows)


def test_a_copy_without_a_part_is_known_by_its_own_ids_and_a_whole_one_by_the_messages() -> None:
    copy = "00000000-0000-8000-8000-000000000001"
    whole = Delivery("a", Channel.FHIR, Form.FHIR, Detail.FULL, b"")
    part = replace(whole, recipient="b", dropped=("k",), copy_id=copy)
    kith = replace(part, recipient="c", form=Form.KITH)
    message = received("c1")
    entry = Entry((0, 0), Plan(message, Outcome.ROUTED, deliveries=(whole, part, kith)), "p", ())
    assert list(bundle_ids(entry)) == [
        derived_id(message.event_id, "bundle", "full"), derived_id(copy, "bundle", "full"), kith_id(copy, Detail.FULL, "c"), copy,
    ]  # fmt: skip


def test_what_a_lock_keeps_back_is_a_row_a_lock() -> None:
    denied = Decision("a", Result.DENY, Rule.LOCKED, Detail.FULL, "s", ("c/1", "d/3"))
    others = (replace(denied, result=Result.REDACT), replace(denied, rule=Rule.NO_RELATION))
    plan = Plan(received("c1"), Outcome.ROUTED, decisions=(denied, *others))
    found = records(Writes(entries=[Entry((0, 5), plan, "p", ())]), 1)["withheld"]
    assert [(b"\x01c" in row, b"\x01d" in row) for row in found] == [(True, False), (False, True)]
