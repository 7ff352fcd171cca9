"""Transit over a real broker and a real database: what a message leads to, once, whatever happens on the way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from hub.adapters.kith.receive import Door, receive
from hub.errors import Cause, Faulted, Reason
from hub.identity import FNR, derived_id
from hub.ledger.connect import connect
from hub.ledger.consents import NewVersion, put_consent
from hub.ledger.transit import RacedError, TransitLedger, UnwritableError
from hub.model import Identifier, Received, Refusal
from hub.routing.directory import Directory
from hub.stream.readers import READERS
from hub.stream.walk import Item, Walk, read_item, wanted
from tests.consents import simple
from tests.contracts.transit_rig import NUMBER, PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, Rig, adt, received, rig, snapshot
from tests.unit.adapters.kith.made import logistics

OTHER = "17054026641"


@pytest.fixture
def hub(kafka: str, database_url: str, topic_prefix: str) -> Iterator[Rig]:
    with rig(kafka, database_url, topic_prefix) as made:
        yield made


def test_a_message_is_recorded_decided_and_waits_for_its_recipients(hub: Rig) -> None:
    message = received("c1")
    hub.run(message)
    assert hub.rows("SELECT event_id::text, outcome, kind, answer, raw FROM message") == [
        (message.event_id, "routed", "patient.admitted", "AA", message.raw)
    ]
    assert hub.rows("SELECT recipient, result, subscription FROM decision ORDER BY 1") == [
        ("clinic", "permit", "clinic-1"),
        ("town", "permit", "town-1"),
    ]
    assert hub.rows("SELECT recipient, channel, form, detail, parked, attempts, control_id FROM outbox ORDER BY 1") == [
        ("clinic", "mailbox", "fhir", "minimal", "", 0, "c1"),
        ("town", "fhir", "fhir", "full", "", 0, "c1"),
    ]
    assert set(hub.rows("SELECT bundle_id::text FROM bundle")) == {derived_id(message.event_id, "bundle", d) for d in ("full", "minimal")}
    ((_, _, key, value),) = hub.events()
    event, part, off, merged, bundle = hub.codec.decode_event(value)
    assert (key.decode(), event.event_id, merged) == (message.patient_key, message.event_id, ())
    assert hub.rows("SELECT part, off FROM message") == [(part, off)]
    assert bundle is not None and bundle.startswith(b'{"resourceType"')


def test_a_kith_message_becomes_what_each_recipient_takes(hub: Rig) -> None:
    raw = logistics("LOG_INNLAGT")
    message = receive(raw, lambda _names, _where: PROVIDERS[0], Door(PSEUDONYMS), 1_700_000_000_000_000)
    assert isinstance(message, Received) and message.refusal is None
    hub.run(message, message)
    assert hub.rows("SELECT adapter, outcome, kind, reason FROM message ORDER BY off") == [
        ("kith", "routed", "patient.admitted", ""), ("kith", "repeat", "", ""),
    ]  # fmt: skip
    assert hub.rows("SELECT recipient, form, detail FROM outbox ORDER BY 1") == [("clinic", "fhir", "minimal"), ("town", "fhir", "full")]
    (bundle,) = hub.rows("SELECT payload FROM outbox WHERE recipient = 'town'")
    assert "Bjørnstad".encode() in bytes(bundle)


def test_a_repeat_has_no_new_effect_and_a_conflict_is_kept_aside(hub: Rig) -> None:
    first, other = received("c1"), received("c1", town="5031")
    hub.run(first, first, received("c2"), other, first)
    assert hub.rows("SELECT outcome, reason, place FROM message ORDER BY off") == [
        ("routed", "", ""), ("repeat", "", ""), ("routed", "", ""), ("quarantined", "duplicate_control_id", "MSH-10"), ("repeat", "", ""),
    ]  # fmt: skip
    assert len(hub.rows("SELECT 1 FROM outbox")) == 4
    hub.run(first, other)  # and in a later batch
    assert hub.rows("SELECT outcome FROM message ORDER BY off DESC LIMIT 2") == ["quarantined", "repeat"]
    assert len(hub.events()) == 2


def test_a_replay_from_the_start_changes_nothing(hub: Rig) -> None:
    hub.run(*(received(f"c{n}", mrn=str(n), number="") for n in range(30)), received("c1", mrn="1", number=""), b"not a record")
    before = snapshot(hub.conn)
    hub.conn.execute("UPDATE partition_offset SET next = 0")
    with hub.running():
        hub.settle()
    assert snapshot(hub.conn) == before


def test_what_was_refused_or_cannot_be_read_is_kept_with_its_reason(hub: Rig) -> None:
    refused = received("c1", refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4"))
    unreadable = received("c2", raw=b"no message at all")
    hub.run(refused, unreadable, b"no record of ours", b"", received("c1"))
    kept = hub.rows("SELECT reason, place, raw FROM message WHERE outcome = 'quarantined' ORDER BY reason, raw")
    assert kept[:2] == [("internal_error", "record", b""), ("internal_error", "record", b"no record of ours")]
    assert [(reason, raw) for reason, _, raw in kept[2:]] == [("no_header", unreadable.raw), ("unknown_sender", refused.raw)]
    assert hub.rows("SELECT outcome FROM message WHERE control_id = 'c1' ORDER BY off") == ["quarantined", "routed"]


class _Broken:
    """A reader with a bug that shows for one message."""

    def __init__(self, found: object) -> None:
        self._inner = READERS[found.adapter](found)  # type: ignore[attr-defined,index]

    def __getattr__(self, name: str) -> object:
        if name == "event" and self._inner.received.control_id == "bug":
            raise ZeroDivisionError("the text of the message: " + NUMBER)
        return getattr(self._inner, name)


def test_a_bug_in_reading_one_message_stops_no_other_and_tells_no_content(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    parts = replace(hub.parts(), readers=dict.fromkeys(READERS, _Broken))
    hub.parts = lambda: parts  # type: ignore[method-assign]
    hub.run(received("c1"), received("bug"), received("c2"))
    assert hub.rows("SELECT outcome, reason FROM message ORDER BY off") == [
        ("routed", ""),
        ("quarantined", "internal_error"),
        ("routed", ""),
    ]
    told = "".join(capsys.readouterr())
    assert "ZeroDivisionError" in told and NUMBER not in told


def test_characters_that_no_column_can_hold_stop_nothing(hub: Rig) -> None:
    hub.run(received("c\0", raw=adt("c1")), received("c2"))
    assert hub.rows("SELECT control_id, outcome FROM message ORDER BY off") == [("c?", "routed"), ("c2", "routed")]


def test_a_message_postgresql_does_not_take_is_kept_alone_and_stops_no_other(hub: Rig) -> None:
    hub.conn.execute("ALTER TABLE message ADD CHECK (trigger <> 'ADT^A03')")
    hub.run(received("c1"), received("c2", trigger="A03"), received("c3"))
    assert hub.rows("SELECT control_id, outcome, reason FROM message ORDER BY off") == [
        ("c1", "routed", ""), ("", "quarantined", "internal_error"), ("c3", "routed", ""),
    ]  # fmt: skip


def test_identifiers_seen_together_are_one_patient(hub: Rig) -> None:
    """With and without the national number, on different partitions, in one batch and the next."""
    hub.run(received("c1"))
    hub.run(received("c2", number=""), received("c3", mrn=""), received("c4", mrn="2002"), received("c5", mrn="2002", number=""))
    (patient,) = set(hub.rows("SELECT patient_key FROM message"))
    assert set(hub.rows("SELECT patient_key FROM outbox")) == set(hub.rows("SELECT patient_key FROM identity")) == {patient}
    assert len(hub.rows("SELECT 1 FROM identity")) == 3
    assert set(hub.rows("SELECT pathway FROM patient")[0]) == {"olav"}
    assert {record.key.decode() for record in hub.events()} == {patient}


def test_identifiers_of_two_patients_hold_everything(hub: Rig) -> None:
    hub.run(received("c1", mrn="1"))
    hub.run(received("c2", mrn="2", number=OTHER))
    hub.run(received("c3", mrn="1", number=OTHER))
    assert set(hub.rows("SELECT result, rule FROM decision JOIN message USING (part, off) WHERE control_id = 'c3'")) == {
        ("hold", "1-patient-unresolved")
    }
    (locks,) = hub.rows("SELECT DISTINCT lock_keys FROM outbox WHERE control_id = 'c3'")
    everything = {Identifier(FNR, NUMBER), Identifier(FNR, OTHER), Identifier("OLAV", "1"), Identifier("OLAV", "2")}
    assert set(locks) >= {key for i in everything for key in PSEUDONYMS.of_message([i], "olav").locks}
    (links,) = hub.rows("SELECT link_keys FROM conflict")
    assert set(links) == {PSEUDONYMS.link(i, "olav") for i in (Identifier("OLAV", "1"), Identifier(FNR, OTHER))}
    hub.run(received("c4", mrn="1"))
    assert hub.rows("SELECT DISTINCT result FROM decision JOIN message USING (part, off) WHERE control_id = 'c4'") == ["permit"]


def test_a_lock_under_any_identifier_of_the_patient_denies(hub: Rig) -> None:
    """The lock names the national number; a message with only the hospital's own number is the same patient's."""
    hub.run(received("c1"))
    lock = simple("lock", actors=(Identifier("urn:hub:provider", "town"),))
    put_consent(hub.conn, NewVersion(lock, PSEUDONYMS.locks_of_consent(Identifier(FNR, NUMBER)), {}, 1), lambda _b, _a: True, 1.0)
    hub.run(received("c2", number=""))
    assert hub.rows("SELECT recipient, result, rule FROM decision JOIN message USING (part, off) WHERE control_id = 'c2' ORDER BY 1") == [
        ("clinic", "permit", "13-treating-relation"),
        ("town", "deny", "11-locked"),
    ]
    hub.conn.execute("SET session_replication_role = replica")  # nobody may change it
    hub.conn.execute("UPDATE consent SET body = '3'")
    hub.run(received("c3"))
    assert set(hub.rows("SELECT result, rule FROM decision JOIN message USING (part, off) WHERE control_id = 'c3'")) == {
        ("hold", "2-consent-unreadable")
    }


def test_a_lock_under_a_number_that_does_not_hold_denies_and_such_a_number_makes_nobody_the_same(hub: Rig) -> None:
    """Of two patients with one made-up number each is their own; a lock that names it errs on the side of whoever wrote it."""
    made_up = "01018000100"
    lock = simple("lock", actors=(Identifier("urn:hub:provider", "town"),))

    def take(control_id: str, mrn: str, number: str) -> None:
        raw = adt(control_id, mrn=mrn, number=number).replace(b"^^^NOR^NI", b"^^^&2.16.578.1.12.4.1.4.1&ISO^FNR")
        hub.run(received(control_id, raw, identifiers=(Identifier("OLAV", mrn),)))

    def decided(control_id: str) -> list[tuple[object, ...]]:
        return hub.rows(
            "SELECT result, rule FROM decision JOIN message USING (part, off) WHERE control_id = %s AND recipient = 'town'", control_id
        )

    take("d1", "1", made_up)
    take("d2", "2", made_up)
    assert len(hub.rows("SELECT DISTINCT patient_key FROM message")) == 2
    put_consent(hub.conn, NewVersion(lock, PSEUDONYMS.locks_of_consent(Identifier(FNR, made_up)), {}, 1), lambda _b, _a: True, 1.0)
    take("d3", "3", made_up)
    take("d4", "2", "")
    take("d5", "4", "")
    assert [decided(c) for c in ("d2", "d3", "d4", "d5")] == [
        [("permit", "13-treating-relation")],
        [("deny", "11-locked")],
        [("deny", "11-locked")],
        [("permit", "13-treating-relation")],
    ]


MERGE = (
    received("c1", mrn="1", number=""),
    received("c2", mrn="2", number="", town="5031"),
    received("c3", mrn="2", number="", trigger="A40", extra="MRG|1^^^OLAV^MR\r"),
    received("c4", mrn="1", number=""),
)
SURVIVOR, RETIRED = (PSEUDONYMS.link(Identifier("OLAV", mrn), "olav") for mrn in "21")


def check_merged(hub: Rig) -> None:
    """What waits and what comes is the survivor's, and the locks of both concern it, and any straggler under the retired key."""
    links = "SELECT link_key, patient_key FROM identity WHERE starts_with(link_key, 'retired:') = %s"
    assert set(hub.rows(links, False)) == {(SURVIVOR, SURVIVOR), (RETIRED, SURVIVOR)}
    assert hub.rows(links, True) == [(f"retired:{RETIRED}", RETIRED)]
    assert set(hub.rows("SELECT patient_key FROM outbox")) == {SURVIVOR}
    assert hub.rows("SELECT patient_key FROM message WHERE control_id = 'c4'") == [SURVIVOR]
    (kept,) = hub.rows("SELECT lock_keys FROM identity WHERE patient_key = %s", RETIRED)
    assert set(kept) == {k for m in "12" for k in PSEUDONYMS.of_message([Identifier("OLAV", m)], "olav").locks}
    assert set(hub.rows("SELECT patient_key FROM patient")) == {SURVIVOR, f"own:{SURVIVOR}", f"own:{RETIRED}"}


def test_a_merge_makes_two_patients_one(hub: Rig) -> None:
    with hub.running():
        for message in MERGE:
            hub.put(message)
            hub.settle()
    check_merged(hub)
    read = [hub.codec.decode_event(r.value) for r in hub.events()]
    assert [keys for event, _, _, keys, _ in read if event.kind == "patient.merged"] == [(RETIRED,)]


def test_a_merge_within_a_batch_is_the_same(hub: Rig) -> None:
    ledger = TransitLedger(hub.url)
    ledger.assign([0])
    write(ledger, items(*MERGE))
    ledger.close()
    check_merged(hub)


def items(*messages: object, first: int = 0, part: int = 0) -> list[Item]:
    return [read_item((part, first + n), m, READERS[m.adapter](m), PSEUDONYMS) for n, m in enumerate(messages)]  # type: ignore[attr-defined,index,arg-type]


def write(ledger: TransitLedger, batch: list[Item], between: object = None) -> None:
    known = ledger.read(wanted(batch))
    walked = Walk(known, Directory(PROVIDERS, SUBSCRIPTIONS, 1), lambda *_: b"", 7).all(batch)
    if callable(between):
        between()
    ledger.write(walked.writes, 7, lambda: None, lambda: None)


def test_an_owner_that_was_replaced_cannot_write(database_url: str) -> None:
    zombie, owner = TransitLedger(database_url), TransitLedger(database_url)
    assert zombie.assign([0]) == {0: (0, 1)}
    write(zombie, items(received("c1")))
    assert owner.assign([0]) == {0: (1, 2)}
    with pytest.raises(Faulted) as caught:
        write(zombie, items(received("c2"), first=1))
    assert caught.value.cause is Cause.FENCED
    write(owner, items(received("c3"), first=1))
    with connect(database_url) as conn:
        assert conn.execute("SELECT control_id FROM message ORDER BY off").fetchall() == [("c1",), ("c3",)]
    zombie.close()
    owner.close()


def test_a_new_owner_waits_for_the_commit_of_the_old_one(database_url: str) -> None:
    old, new, found = TransitLedger(database_url), TransitLedger(database_url), []
    old.assign([0])
    batch = items(received("c1"))
    walked = Walk(old.read(wanted(batch)), Directory(PROVIDERS, SUBSCRIPTIONS, 1), lambda *_: b"", 7).all(batch)
    thread = threading.Thread(target=lambda: found.append(new.assign([0])))

    def before_commit() -> None:
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()

    old.write(walked.writes, 7, lambda: None, before_commit)
    thread.join(10)
    assert found == [{0: (1, 2)}]
    old.close()
    new.close()


def test_the_same_control_id_through_two_partitions_at_once_is_decided_again(database_url: str) -> None:
    """Two messages of two patients under one control id: the second worker's batch is undone and becomes a conflict."""
    one, two = TransitLedger(database_url), TransitLedger(database_url)
    one.assign([0])
    two.assign([1])
    mine, theirs = items(received("c1")), items(received("c1", number=OTHER, mrn="9"), part=1)
    with pytest.raises(RacedError):
        write(two, theirs, between=lambda: write(one, mine))
    write(two, theirs)
    with connect(database_url) as conn:
        assert conn.execute("SELECT outcome, reason FROM message ORDER BY part").fetchall() == [
            ("routed", ""), ("quarantined", "duplicate_control_id"),
        ]  # fmt: skip
    one.close()
    two.close()


BOTH = (received("c1", mrn="1", number=""), received("c2", mrn="2", number=""))
JOIN = received("c3", mrn="2", number="", trigger="A40", extra="MRG|1^^^OLAV^MR\r")
LATE = received("c4", mrn="1", number="", identifiers=(Identifier("OLAV", "1"), Identifier("OLAV", "9")))


@pytest.fixture
def workers(database_url: str) -> Iterator[tuple[TransitLedger, TransitLedger]]:
    one, two = TransitLedger(database_url), TransitLedger(database_url)
    one.assign([0])
    two.assign([1])
    yield one, two
    one.close()
    two.close()


def owners(database_url: str) -> set[str]:
    with connect(database_url) as conn:
        found = conn.execute("SELECT patient_key FROM identity WHERE NOT starts_with(link_key, 'retired:')").fetchall()
        return {owner for (owner,) in found}


def test_what_was_decided_for_a_patient_merged_meanwhile_is_decided_again(
    database_url: str, workers: tuple[TransitLedger, TransitLedger]
) -> None:
    """A new number of a patient that another worker retires before it is written: it must be the survivor's, and so must the message."""
    one, two = workers
    write(one, items(*BOTH))
    late = items(LATE, part=1)
    with pytest.raises(RacedError):
        write(two, late, between=lambda: write(one, items(JOIN, first=2)))
    write(two, late)
    assert owners(database_url) == {SURVIVOR}
    with connect(database_url) as conn:
        assert conn.execute("SELECT DISTINCT patient_key FROM outbox").fetchall() == [(SURVIVOR,)]
    write(two, items(received("c5", mrn="9", number=""), first=1, part=1))  # nothing is in the way of the next


@pytest.mark.parametrize("merge_first", [True, False])
def test_a_merge_and_a_new_number_of_its_patient_take_turns(
    database_url: str, workers: tuple[TransitLedger, TransitLedger], *, merge_first: bool
) -> None:
    """Each is in the middle of its transaction when the other begins."""
    write(workers[0], items(*BOTH))
    batches = (items(JOIN, first=2), items(LATE, part=1))
    turns = list(zip(workers, batches, strict=True)) if merge_first else list(zip(workers, batches, strict=True))[::-1]
    (first, mine), (second, theirs) = turns

    def until_written() -> None:
        for _ in range(3):
            with suppress(RacedError):
                write(second, theirs)
                return

    thread = threading.Thread(target=until_written)

    def meet() -> None:
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()

    walked = Walk(first.read(wanted(mine)), Directory(PROVIDERS, SUBSCRIPTIONS, 1), lambda *_: b"", 7).all(mine)
    first.write(walked.writes, 7, lambda: None, meet)
    thread.join(10)
    assert owners(database_url) == {SURVIVOR}
    with connect(database_url) as conn:
        assert conn.execute("SELECT count(*) FROM message").fetchall() == [(4,)]


def test_whoever_loses_a_race_or_was_replaced_publishes_nothing(database_url: str, workers: tuple[TransitLedger, TransitLedger]) -> None:
    """The event of a batch that is undone would go on in topic events under a patient who does not exist."""
    one, two = workers
    published: list[str] = []

    def attempt(ledger: TransitLedger, name: str, batch: list[Item], between: Callable[[], object]) -> None:
        walked = Walk(ledger.read(wanted(batch)), Directory(PROVIDERS, SUBSCRIPTIONS, 1), lambda *_: b"", 7).all(batch)
        between()
        with suppress(RacedError, UnwritableError, Faulted):
            ledger.write(walked.writes, 7, lambda: published.append(name), lambda: None)

    alias = (Identifier("OLAV", "1"), Identifier("OLAV", "8"))
    first = items(received("a1", mrn="8", number=""))
    attempt(two, "new patient", items(received("b1", identifiers=alias), part=1), lambda: write(one, first))
    attempt(two, "same control id", items(received("a2", mrn="7", number=""), part=1), lambda: write(one, items(received("a2"), first=1)))
    with connect(database_url) as conn:
        conn.execute("ALTER TABLE message ADD CHECK (trigger <> 'ADT^A03')")
    attempt(two, "not taken", items(received("b2", trigger="A03"), part=1), lambda: None)
    newer = TransitLedger(database_url)
    attempt(two, "zombie", items(received("b3"), part=1), lambda: newer.assign([1]))
    newer.close()
    assert published == []
    attempt(one, "winner", items(received("a3"), first=2), lambda: None)
    assert published == ["winner"]


def test_a_failure_before_the_commit_leaves_nothing(database_url: str) -> None:
    ledger = TransitLedger(database_url)
    ledger.assign([0])
    batch = items(received("c1"))
    walked = Walk(ledger.read(wanted(batch)), Directory(PROVIDERS, SUBSCRIPTIONS, 1), lambda *_: b"", 7).all(batch)

    def fail() -> None:
        raise Faulted(Cause.BROKER_TIMEOUT)

    with pytest.raises(Faulted):
        ledger.write(walked.writes, 7, lambda: None, fail)
    assert ledger.assign([0]) == {0: (0, 2)}
    with connect(database_url) as conn:
        assert all(rows == [] for rows in snapshot(conn).values())
    ledger.close()


def test_two_workers_share_the_partitions_and_a_third_takes_over(hub: Rig) -> None:
    with hub.running(workers=2):
        hub.put(*(received(f"c{n}", mrn=str(n), number="") for n in range(200)))
        hub.settle()
    hub.run(*(received(f"d{n}", mrn=str(n), number="") for n in range(50)))
    assert hub.rows("SELECT count(*), count(DISTINCT event_id) FROM message WHERE outcome = 'routed'") == [(250, 250)]
    assert hub.rows("SELECT count(*) FROM outbox") == [500]


def test_a_connection_that_dies_is_replaced_and_the_batch_done_once(hub: Rig) -> None:
    with hub.running():
        hub.put(received("c0"))
        hub.settle()
        for n in range(1, 6):
            backends = "pg_stat_activity WHERE application_name = 'hub transit' AND datname = current_database()"
            hub.conn.execute(f"SELECT pg_terminate_backend(pid) FROM {backends}")
            hub.put(received(f"c{n}"))
        hub.settle()
    assert hub.rows("SELECT control_id FROM message ORDER BY off") == [f"c{n}" for n in range(6)]
    assert len(hub.rows("SELECT 1 FROM outbox")) == 12
