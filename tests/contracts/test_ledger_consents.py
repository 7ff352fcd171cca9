"""Consents in a real database: versions, policies, and the gate against claims made at the same moment."""

import threading
import time
from collections.abc import Iterator

import pytest

from hub.ledger import consents, migrate
from hub.ledger.connect import Conn, connect
from hub.ledger.outbox import Asked
from hub.model import Actor, ActorKind, Base, Consent, DataReference, Identifier, Meaning, Policy, Provision, Span
from tests.consents import simple

CLAIM = """INSERT INTO claim (worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients)
VALUES ('w', 1, %s, %s, %s, %s, %s) RETURNING id"""
TREE = Consent(
    "tree", 3, True, base=Base.EXPLICIT, given_us=5, replaces=("old",),
    provision=Provision(
        False, Span(None, 9), Span(1, None), (Actor(Identifier("u", "v"), ActorKind.GROUP),), ("TREAT",), ("N", "PSY"), ("Observation",),
        (("http://loinc.org", "1-8"),), (DataReference(Meaning.RELATED, Identifier("", "Encounter/1")),), (Provision(True, labels=("R",)),),
    ),
)  # fmt: skip
EVENT = "00000000-0000-8000-8000-00000000000{}"


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    with connect(database_url) as c:
        yield c


def lock(i: str = "c1", version: int = 1, *, active: bool = True) -> Consent:
    return simple(i, version, active=active, actors=(Identifier("urn:hub:provider", "a"),), end_us=5)


def every(_before: Asked, _after: Asked) -> bool:
    return True


def put(conn: Conn, consent: Consent, keys: list[str], wait: float = 0.0, judge: consents.Judge = every) -> consents.PutResult:
    return consents.put_consent(conn, consents.NewVersion(consent, keys, {"resourceType": "Consent"}, 7), judge, wait)


def outbox(conn: Conn, off: int, recipient: str, locks: list[str], patient: str = "p") -> None:
    conn.execute(
        "INSERT INTO outbox VALUES "
        "(0, %s, %s, %s, %s, 's', 1, 'mllp', 'hl7v2', 'full', '{}', 'TREAT', %s, 'c', 'patient.admitted', 0, 0, '', '')",
        (off, recipient, EVENT.format(off), patient, locks),
    )


def test_the_version_in_force_is_the_highest(conn: Conn) -> None:
    put(conn, lock(), ["k1", "k2"])
    put(conn, lock(version=2, active=False), ["k1"])
    found = consents.get_consent(conn, "c1")
    assert found is not None and found.consent == lock(version=2, active=False)
    assert [s.consent.version for s in consents.history(conn, "c1")] == [2, 1]
    assert consents.policies(conn, [["k1"], ["k2"], []]) == [Policy((lock(version=2, active=False),)), Policy(), Policy()]
    assert [s.consent.id for s in consents.find_consents(conn, ["k1", "k2"])] == ["c1"]
    assert consents.get_consent(conn, "other") is None


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_that_is_not_the_next_is_stale(conn: Conn, version: int) -> None:
    put(conn, lock(version=2), ["k"])
    with pytest.raises(consents.StaleVersionError):
        put(conn, lock(version=version), ["k"])


@pytest.mark.parametrize("actors", ['"ab"', '{"ab": 1}', "[1]", '[["a"]]', "null", "[]"])
def test_a_row_that_cannot_be_read_says_so(conn: Conn, actors: str) -> None:
    put(conn, lock(), ["k"])
    put(conn, lock("c2"), ["k"])
    conn.execute("UPDATE consent SET body = jsonb_set(body, '{root,actors}', %s) WHERE id = 'c2'", (actors,))
    ((policy,), (other,)) = consents.policies(conn, [["k"]]), consents.policies(conn, [["x"]])
    assert not policy.readable and policy.consents == (lock(),)
    assert other == Policy()


def test_the_whole_tree_comes_back_from_the_database(conn: Conn) -> None:
    put(conn, TREE, ["k"])
    found = consents.get_consent(conn, "tree")
    assert found is not None and found.consent == TREE
    assert consents.policies(conn, [["k"]]) == [Policy((TREE,))]


# deny | actors | start_us | end_us || what it was, and still is
BEFORE = [
    (True, "[]", None, None, simple("m")),
    (False, "[]", None, 7, simple("m", deny=False, end_us=7)),
    (True, '[["urn:hub:provider", "a"], ["", "b"]]', 0, None,
     simple("m", actors=(Identifier("urn:hub:provider", "a"), Identifier("", "b")), start_us=0)),
    (True, "{}", None, None, None),
    (True, "null", None, None, None),
    (True, '["a"]', None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("deny", "actors", "start_us", "end_us", "is_now"), BEFORE)
def test_what_was_stored_before_the_tree_means_the_same(conn: Conn, deny, actors, start_us, end_us, is_now) -> None:
    conn.execute("CREATE SCHEMA before; SET search_path = before")
    for file in migrate.files():
        if file.name < "0013":
            conn.execute(file.read_bytes())
    row = (deny, actors, start_us, end_us)
    conn.execute("INSERT INTO consent VALUES ('m', 1, true, %s, %s, %s, %s, 5, '{}')", row)
    conn.execute("INSERT INTO consent_key VALUES ('k', 'm')")
    for file in migrate.files():
        if file.name >= "0013":
            conn.execute(file.read_bytes())
    assert consents.policies(conn, [["k"]]) == [Policy((is_now,)) if is_now else Policy(readable=False)]


def test_a_key_without_its_consent_is_unreadable(conn: Conn) -> None:
    conn.execute("INSERT INTO consent_key VALUES ('k', 'gone')")
    assert not consents.policies(conn, [["k"]])[0].readable


def test_lock_keys_are_those_of_every_identifier(conn: Conn) -> None:
    conn.execute("INSERT INTO identity VALUES ('l1', 'p', '{a,b}'), ('l2', 'p', '{b,c}'), ('l3', 'q', '{d}')")
    assert consents.lock_keys_of(conn, ["p", "r"]) == {"p": frozenset("abc"), "r": frozenset()}


def test_sends_under_way_are_waited_for_and_named(conn: Conn, database_url: str) -> None:
    """One was delivered meanwhile, one could not connect, one is still under way; a stranger's is not ours."""
    for off, recipient in ((1, "a"), (2, "b"), (3, "c")):
        outbox(conn, off, recipient, ["k"])
    outbox(conn, 4, "d", ["other"], "q")
    row = (["p", "p", "p", "q"], ["k", "other"], [0, 0, 0, 0], [1, 2, 3, 4], ["a", "b", "c", "d"])
    (claim,) = conn.execute(CLAIM, row).fetchone() or ()

    def deliver() -> None:
        with connect(database_url) as other, other.transaction():
            time.sleep(0.1)
            other.execute("INSERT INTO attempt VALUES (0,1,'a',1,2,3,'delivered','AA'), (0,2,'b',1,2,3,'failed','connect')")
            other.execute("DELETE FROM outbox WHERE off = 1")
            other.execute(
                "UPDATE claim SET parts = '{0,0}', offs = '{3,4}', recipients = '{c,d}', patient_keys = '{p,q}' WHERE id = %s", (claim,)
            )

    thread = threading.Thread(target=deliver)
    thread.start()
    result = put(conn, lock(), ["k"], wait=0.4)
    thread.join()
    assert result.under_way == ((EVENT.format(1), "a"), (EVENT.format(3), "c"))
    assert 0.4 <= result.waited_seconds < 2
    assert conn.execute("SELECT off, recipient FROM disclosure ORDER BY 1").fetchall() == [(1, "a"), (3, "c")]


@pytest.mark.parametrize("ends", ["w", ""])
def test_a_send_that_two_owners_of_a_partition_may_have_under_way_is_named_until_both_have_ended(conn: Conn, ends: str) -> None:
    outbox(conn, 1, "a", ["k"])
    for worker in ("", "w"):
        conn.execute(CLAIM.replace("'w'", f"'{worker}'"), (["p"], ["k"], [0], [1], ["a"]))

    def judge(_before: Asked, _after: Asked) -> bool:
        conn.execute("DELETE FROM claim WHERE worker = %s", (ends,))  # one of them has ended by the time of the commit
        return True

    assert put(conn, lock(), ["k"], 0.1, judge).under_way == ((EVENT.format(1), "a"),)


def test_what_it_would_not_have_stopped_is_neither_waited_for_nor_named(conn: Conn) -> None:
    """The judge sees each delivery with the consents before this version and with it."""
    for off, recipient in ((1, "a"), (2, "b")):
        outbox(conn, off, recipient, ["k"])
    conn.execute("INSERT INTO decision VALUES (0, 1, 'a', 'permit', '13', 'full', 'sub', '{pathway}')")
    conn.execute(CLAIM, (["p", "p"], ["k"], [0, 0], [1, 2], ["a", "b"]))
    seen: dict[str, tuple[Asked, Asked]] = {}

    def judge(before: Asked, after: Asked) -> bool:
        seen[after.parcel.place.recipient] = before, after
        return after.parcel.place.recipient == "b"

    put(conn, lock("c0"), ["k"])
    result = put(conn, lock(), ["k"], 0.1, judge)
    assert result.under_way == ((EVENT.format(2), "b"),)
    before, after = seen["a"]
    assert (before.policy, after.policy) == (Policy((lock("c0"),)), Policy((lock("c0"), lock())))
    assert (after.parcel.subscription, after.parcel.because, after.parcel.source) == ("sub", ("pathway",), "s")
    assert put(conn, lock(version=2, active=False), ["k"], 5.0, lambda _b, _a: False).waited_seconds == 0.0
    assert conn.execute("SELECT count(*) FROM disclosure WHERE consent_id = 'c1'").fetchone() == (1,)


@pytest.mark.parametrize("known", ["INSERT INTO identity VALUES ('alias', 'p', '{k}')", "UPDATE outbox SET patient_key = 'survivor'"])
def test_a_claim_made_before_the_patient_was_known_by_that_number_is_found(conn: Conn, known: str) -> None:
    """An alias, or a merge, that came after the claim: its own lock keys say nothing of it."""
    outbox(conn, 1, "a", ["other"])
    conn.execute("INSERT INTO identity VALUES ('of the survivor', 'survivor', '{k}')")
    conn.execute(CLAIM, (["p"], ["other"], [0], [1], ["a"]))
    assert put(conn, lock("c0"), ["k"]).under_way == ()
    conn.execute(known.encode())
    assert put(conn, lock(), ["k"]).under_way == ((EVENT.format(1), "a"),)


def test_it_answers_as_soon_as_nothing_is_under_way(conn: Conn, database_url: str) -> None:
    outbox(conn, 1, "a", [], "p")
    conn.execute("INSERT INTO identity VALUES ('l', 'p', '{k}')")  # the message did not carry the identifier that is locked
    conn.execute(CLAIM, (["p"], ["k"], [0], [1], ["a"]))

    def end() -> None:
        with connect(database_url) as other:
            other.execute("DELETE FROM claim")

    timer = threading.Timer(0.1, end)
    timer.start()
    result = put(conn, lock(), ["k"], wait=10)
    timer.join()
    assert result.under_way == () and 0.05 < result.waited_seconds < 5


def test_no_claim_slips_between_a_consent_and_its_answer(database_url: str) -> None:
    """Claims made while consents are written: each either saw the consent or was seen by it."""
    rounds, missed = 60, []
    with connect(database_url) as conn, connect(database_url) as other:
        for n in range(1, rounds + 1):
            conn.execute("DELETE FROM claim; DELETE FROM outbox")
            outbox(conn, 1, "a", ["k"])
            saw: list[bool] = []

            def claim(wait: float = (n % 7) * 0.0005, saw: list[bool] = saw, n: int = n) -> None:
                time.sleep(wait)
                with other.transaction():
                    other.execute("SELECT pg_advisory_xact_lock_shared(%s)", (consents.GATE,))
                    (policy,) = consents.policies(other, [["k"]])
                    saw.append(bool(policy.consents) and policy.consents[0].version == n)
                    if not saw[0]:
                        other.execute(CLAIM, (["p"], ["k"], [0], [1], ["a"]))

            thread = threading.Thread(target=claim)
            thread.start()
            result = put(conn, lock(version=n), ["k"])
            thread.join()
            if not saw[0] and not result.under_way:
                missed.append(n)
    assert missed == []
