"""Documents that their recipient fetches, over a real ledger and a real web process: asked at each fetch, in order, until they are read."""

import asyncio
import re
import socket
import threading
import time
import uuid
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub.adapters.kith.message import read
from hub.adapters.kith.reply import acknowledge, verdict
from hub.errors import Reason
from hub.identity import Pseudonyms, kith_id
from hub.ledger import polling
from hub.ledger.connect import Pool, connect
from hub.ledger.consents import NewVersion, PutResult, put_consent
from hub.ledger.directory import put_provider
from hub.ledger.trace import lives
from hub.model import Channel, Deliver, Detail, Refusal
from hub.settings import Settings
from hub.stream.delivery_anew import Anew
from hub.stream.readers import read as read_received
from hub.terms import terms_of
from hub.web.edi import as_document
from hub.web.readiness import asks
from hub.web.receipts import Receipts
from hub.web.state import Region, State
from hub.web.tokens import issue, load_keys
from tests.consents import simple
from tests.contracts.delivery_rig import Row, attempts, delivering, fill, lock, locks, now_us, provider, query, until
from tests.contracts.items_rig import lock as part_lock
from tests.contracts.items_rig import put as put_part_lock
from tests.contracts.transit_rig import PROVIDERS, received, rig
from tests.contracts.web import Answer, Client, clock, serving
from tests.faults.processes import wait_until

POLL = {"channel": "poll"}
HER_ID = "8143060"


@dataclass
class Office:
    """A municipality that fetches, and what lies behind the web process."""

    client: Client
    url: str
    data: Path

    def as_(self, who: str = "provider:town") -> Client:
        return self.client.with_token(issue(self.data, who, clock()))

    def ask(self, method: str, path: str, body: object = None, who: str = "provider:town") -> Answer:
        return self.as_(who).ask(method, path, body, {"Content-Type": "application/json"} if body is not None else None)

    def listed(self, more: str = "") -> list[int]:
        """The offsets of what is offered."""
        got = self.ask("GET", f"/edi/messages?receiverHerIds={HER_ID}{more}")
        assert got.status == 200, got
        return [int(uuid.UUID(one["id"])) & (2**64 - 1) for one in got.json()]

    def fetch(self, off: int, part: int = 0) -> bytes | int:
        """The document, or the status."""
        got = self.ask("GET", f"/edi/messages/{event(off, part)}/business-document")
        return b64decode(got.json()["businessDocument"]) if got.status == 200 else got.status

    def read(self, off: int, part: int = 0) -> int:
        return self.ask("PUT", f"/edi/messages/{event(off, part)}/read/{HER_ID}").status

    def lock(self, patient: str, wait_seconds_max: float = 2.0) -> PutResult:
        """As the patient's page does."""
        with connect(self.url) as conn:
            consent = simple(f"lock-{patient}", 1, active=True, deny=True, actors=())
            return put_consent(conn, NewVersion(consent, locks(patient), {}, now_us()), lambda _b, _a: True, wait_seconds_max)


def event(off: int, part: int = 0) -> str:
    return str(uuid.UUID(int=(part << 64) + off))


def row(off: int, patient: str, *, part: int = 0, recipient: str = "town", channel: str = "poll", form: str = "kith", **more: Any) -> Row:
    more.setdefault("payload", f"<document n='{part}-{off}'/>".encode())
    return Row(part, off, recipient, patient, channel=channel, form=form, received_us=1_000_000 + off, **more)


def put(url: str, *rows: Row) -> None:
    """What transit has decided: deliveries, their decisions, and the messages they are of."""
    fill(url, rows)
    with psycopg.connect(url) as conn:
        for r in rows:
            conn.execute(
                """INSERT INTO message (part, off, event_id, adapter, provider, application, sender, control_id, trigger, kind, patient_key,
                received_us, decided_us, answer, encoding, outcome, raw)
                VALUES (%s, %s, %s, 'kith', 'st-olavs', '', '8094866', %s, '', 'patient.admitted', %s, %s, 1, '202', 'utf-8', 'routed', '')
                ON CONFLICT DO NOTHING""",
                (r.part, r.off, event(r.off, r.part), f"m-{r.part}-{r.off}", r.patient, r.received_us),
            )


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    with opened(database_url, tmp_path) as made:
        yield made


@contextmanager
def opened(database_url: str, tmp_path: Path, **more: Any) -> Iterator[Office]:
    provider(database_url, "town", POLL, senders=[HER_ID])
    settings = Settings(http="127.0.0.1:0", database_url=database_url, frame_bytes_max=50_000, ack_seconds_max=3.0, **more)
    pool, nothing = Pool(database_url, "test"), None

    def state() -> State:
        unused: Any = nothing
        receipts = Receipts(pool, clock, database_url)
        keys = load_keys(tmp_path)
        remake = Anew(read_received, terms_of(settings), releases=False)
        return State(settings, clock, keys, Pseudonyms(b"k" * 32), unused, pool, Region(pool), asks({}), receipts=receipts, remake=remake)

    with serving(state) as client:
        yield Office(client, database_url, tmp_path)


def told(office: Office, off: int) -> dict[str, Any]:
    with connect(office.url) as conn:
        (life,) = lives(conn, event(off))
    found: dict[str, Any] = life["recipients"][0]
    return found


def test_a_document_is_offered_until_it_is_read_and_then_the_patients_next(office: Office) -> None:
    put(office.url, row(1, "p1"), row(2, "p1"), row(3, "p2"))
    assert office.listed() == [1, 3]
    assert office.fetch(2) == 404
    assert told(office, 1)["delivery"]["state"] == "waiting"
    assert office.fetch(1) == office.fetch(1) == b"<document n='0-1'/>"
    assert told(office, 1)["delivery"]["state"] == "fetched"
    assert office.listed() == [1, 3]
    assert office.read(1) == 204
    assert office.read(1) == 204
    assert (office.fetch(1), office.listed()) == (404, [2, 3])
    assert attempts(office.url, "town") == [(1, 1, "unknown", "fetched"), (1, 2, "unknown", "fetched"), (1, 3, "delivered", "read")]
    assert told(office, 1)["delivery"] == {"state": "delivered"}
    assert query(office.url, "SELECT count(*) FROM claim") == [(0,)]


def test_what_was_not_fetched_cannot_have_been_read(office: Office) -> None:
    put(office.url, row(1, "p1"))
    got = office.ask("PUT", f"/edi/messages/{event(1)}/read/{HER_ID}")
    assert (got.status, "fetch" in got.json()["lines"][0]) == (422, True)
    assert attempts(office.url, "town") == []
    assert office.read(9) == 404


def test_a_lock_between_list_and_fetch_hides_the_document(office: Office) -> None:
    put(office.url, row(1, "p1"), row(2, "p1"), row(3, "p2"))
    assert office.listed() == [1, 3]
    assert office.lock("p1").under_way == ()
    assert office.fetch(1) == 404
    assert office.listed() == [3]  # and all that waited of the patient is withheld
    assert attempts(office.url, "town") == [(1, 1, "withheld", "11-locked"), (2, 1, "withheld", "11-locked")]
    assert told(office, 1)["delivery"] == {"state": "withheld"}
    assert office.read(1) == 404


def test_a_lock_after_a_fetch_ends_the_offer_and_tells_of_the_fetch(office: Office) -> None:
    put(office.url, row(1, "p1"), row(2, "p2"))
    office.fetch(1)
    office.fetch(2)
    office.lock("p1")
    assert (office.listed(), office.fetch(1)) == ([2], 404)
    assert [(a["outcome"], a["code"]) for a in told(office, 1)["attempts"]] == [("unknown", "fetched"), ("withheld", "11-locked")]
    assert office.read(1) == 404
    office.lock("p2")
    assert office.read(2) == 204  # what it has it has: no consent is asked to say so
    assert told(office, 2)["delivery"] == {"state": "delivered"}


def test_a_fetch_is_asked_about_under_the_gate(office: Office) -> None:
    """A lock that is being written when the fetch begins is in force for it."""
    put(office.url, row(1, "p1"))
    assert office.listed() == [1]
    got: list[bytes | int] = []
    with psycopg.connect(office.url) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(7101)")
        fetching = threading.Thread(target=lambda: got.append(office.fetch(1)))
        fetching.start()
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7101 AND NOT granted"
        deadline = time.monotonic() + 20
        while query(office.url, waits) != [(1,)]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        conn.execute(
            "INSERT INTO consent (id, version, active, body, written_us, resource) VALUES ('c1', 1, true, %s, 1, '{}')",
            ('{"root": {"deny": true}}',),
        )
        conn.execute("INSERT INTO consent_key VALUES (%s, 'c1')", (locks("p1")[0],))
    fetching.join(30)
    assert got == [404]


def test_what_was_allowed_too_long_ago_does_not_leave(database_url: str, tmp_path: Path) -> None:
    """The process was held up between the answer and the first byte: a lock may have been set since."""
    with opened(database_url, tmp_path, claim_seconds_max=1e-9) as office:
        put(database_url, row(1, "p1"))
        assert office.fetch(1) == 503
        assert (attempts(database_url, "town"), query(database_url, "SELECT count(*) FROM claim")) == ([], [(0,)])
        assert office.listed() == [1]


def test_a_lock_while_the_bytes_leave_names_the_fetch(office: Office) -> None:
    put(office.url, row(1, "p1", payload=b"x" * 24_000_000))
    token = office.as_().token
    with socket.create_connection(("127.0.0.1", office.client.port)) as slow:  # asks, and does not read
        path = f"/edi/messages/{event(1)}/business-document"
        slow.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        deadline = time.monotonic() + 20
        while query(office.url, "SELECT count(*) FROM claim") != [(1,)]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        result = office.lock("p1", 0.2)
        assert result.under_way == ((event(1), "town"),)
        assert office.listed() == []  # and it is not said to be withheld while it leaves
        assert office.fetch(1) == 404
        assert attempts(office.url, "town") == []
        while query(office.url, "SELECT count(*) FROM claim") != [(0,)]:  # one who is too slow is left
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert office.listed() == []
    assert attempts(office.url, "town") == [(1, 1, "unknown", "fetched"), (1, 2, "withheld", "11-locked")]
    assert told(office, 1)["under_way_when_locked"][0]["consent"] == "lock-p1/1"


def test_what_is_read_before_its_last_byte_is_written_down_is_read(office: Office) -> None:
    """A quick recipient's word can come before the attempt by which it got the document."""
    put(office.url, row(1, "p1", payload=b"x" * 24_000_000))
    token = office.as_().token
    with socket.create_connection(("127.0.0.1", office.client.port)) as slow:
        path = f"/edi/messages/{event(1)}/business-document"
        slow.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        deadline = time.monotonic() + 20
        while query(office.url, "SELECT count(*) FROM claim") != [(1,)]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert office.read(1) == 204
        while query(office.url, "SELECT count(*) FROM claim") != [(0,)]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert attempts(office.url, "town") == [(1, 1, "unknown", "fetched"), (1, 2, "delivered", "read")]
    assert told(office, 1)["delivery"] == {"state": "delivered"}


def test_what_a_web_process_that_died_was_handing_over_may_have_left(office: Office) -> None:
    put(office.url, row(1, "p1"))
    columns = "worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients"
    old = "INSERT INTO claim ({}) VALUES ('poll', %s, '{{p1}}', '{{lock-p1}}', '{{0}}', '{{1}}', '{{town}}') RETURNING id"
    query(office.url, old.format(columns), now_us())
    assert office.listed() == [1]
    assert attempts(office.url, "town") == []  # it may be under way
    query(office.url, "UPDATE claim SET claimed_us = 5 RETURNING 1")
    assert office.listed() == [1]
    assert attempts(office.url, "town") == [(1, 1, "unknown", "died")]
    assert query(office.url, "SELECT count(*) FROM claim") == [(0,)]
    assert office.read(1) == 204  # it may have it


def test_nobody_elses_documents_are_there(office: Office) -> None:
    provider(office.url, "gp", POLL, senders=["1"])
    provider(office.url, "pushed", {"channel": "mailbox"}, senders=["2"])
    put(office.url, row(1, "p1"))
    path = f"/edi/messages/{event(1)}"
    assert office.ask("GET", "/edi/messages", who="provider:gp").json() == []
    assert office.ask("GET", f"{path}/business-document", who="provider:gp").status == 404
    office.fetch(1)
    assert office.ask("PUT", f"{path}/read/1", who="provider:gp").status == 404
    assert office.ask("POST", f"{path}/apprec/1", {"appRecStatus": 1}, who="provider:gp").status == 422
    for method, rest in (("GET", f"?receiverHerIds={HER_ID}"), ("PUT", f"/{event(1)}/read/{HER_ID}")):
        assert office.ask(method, f"/edi/messages{rest}", who="provider:gp").status == 403
    assert office.ask("GET", "/edi/messages", who="provider:pushed").status == 422
    assert office.ask("GET", "/edi/messages", who="provider:nobody").status == 403
    assert office.ask("GET", "/edi/messages", who="admin").status == 403
    assert attempts(office.url, "town") == [(1, 1, "unknown", "fetched")]


def test_a_list_has_a_length(office: Office) -> None:
    put(office.url, *(row(n, f"p{n}") for n in range(30)))
    assert office.listed() == list(range(10))
    assert office.listed("&messagesToFetch=25") == list(range(25))
    for bad in ("0", "101", "x", "", "-1"):
        assert office.ask("GET", f"/edi/messages?messagesToFetch={bad}").status == 422
    assert office.ask("GET", "/edi/messages?receiverHerId=" + HER_ID).json()[0] == {"id": event(0), "receiverHerId": int(HER_ID)}


def test_an_end_of_the_subscription_ends_the_offer(office: Office) -> None:
    put(office.url, row(1, "p1"))
    query(office.url, "DELETE FROM subscription RETURNING 1")
    assert (office.listed(), office.fetch(1)) == ([], 404)
    assert attempts(office.url, "town") == [(1, 1, "withheld", "subscription_ended")]


def rewrite(url: str, *, body: str, active: bool = True) -> None:
    """A consent changed where it is kept, as nobody may."""
    with psycopg.connect(url) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE consent SET active = %s, body = %s", (active, body))


def test_a_hold_is_not_offered_and_ends_by_itself(office: Office) -> None:
    put(office.url, row(1, "p1"), row(2, "p1"))
    lock(office.url, "p1")
    rewrite(office.url, body="3")  # what no consent can be
    office.listed()
    assert office.fetch(1) == 404
    assert attempts(office.url, "town") == [(1, 1, "held", "2-consent-unreadable")]
    rewrite(office.url, body='{"root": {"deny": true}}', active=False)
    deadline = time.monotonic() + 20
    while not (found := office.listed()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert found == [1]


@pytest.mark.parametrize("on_refusal", ["hold", "release"])
def test_what_was_made_for_another_channel_is_for_a_person(office: Office, on_refusal: str) -> None:
    provider(office.url, "town", POLL | {"on_refusal": on_refusal}, senders=[HER_ID])
    put(office.url, row(1, "p1", form="hl7v2"), row(2, "p1"), row(3, "p2"))
    office.listed()
    assert office.listed() == ([3] if on_refusal == "hold" else [2, 3])
    assert attempts(office.url, "town") == [(1, 1, "held", "form_changed")]
    assert query(office.url, "SELECT off FROM outbox WHERE parked = 'form_changed'") == [(1,)]


def test_of_several_partitions_the_patients_earlier_goes_first(office: Office) -> None:
    put(office.url, row(5, "p1", part=1), row(9, "p1"), row(7, "p1", part=2))
    seen = []
    for part, off in ((1, 5), (2, 7), (0, 9)):
        seen += office.listed()
        office.fetch(off, part)
        assert office.read(off, part) == 204
    assert seen == [5, 7, 9]


def test_what_follows_a_merge_is_offered_when_all_before_it_has_been_decided(office: Office) -> None:
    put(office.url, row(5, "p1", fence=[1, 3]), row(6, "p1"), row(8, "p2"))
    assert office.listed() == [8]
    query(office.url, "INSERT INTO partition_offset (part, next) VALUES (1, 3) RETURNING 1")
    assert office.listed() == [5, 8]


@pytest.mark.parametrize(("given", "status"), [(1, "accepted"), ("2", "rejected"), ("OkErrorInMessagePart", "partly")])
def test_a_receipt_says_that_it_is_read(office: Office, given: object, status: str) -> None:
    put(office.url, row(1, "p1"))
    path = f"/edi/messages/{event(1)}/apprec/{HER_ID}"
    body = {"appRecStatus": given, "appRecErrorList": [{"errorCode": "E35", "details": "Åse"}, {"errorCode": "x"}] if given != 1 else None}
    assert office.ask("POST", path, body).status == 422  # of what it has not seen
    office.fetch(1)
    first = office.ask("POST", path, body)
    assert first.status == 201
    assert office.ask("POST", path, body).json() == first.json()
    assert [a[1:] for a in attempts(office.url, "town")] == [(1, "unknown", "fetched"), (2, "delivered", "apprec")]
    (kept,) = told(office, 1)["application_receipts"]
    assert (kept["status"], kept["codes"]) == (status, [] if given == 1 else ["E35", "other"])
    assert office.read(1) == 204
    assert office.listed() == []


def test_a_receipt_is_taken_of_one_who_fetched_once_and_is_sent_to_now(office: Office) -> None:
    put(office.url, row(1, "p1"))
    office.fetch(1)
    provider(office.url, "town", {"channel": "edi", "url": "http://127.0.0.1:1/x"}, senders=[HER_ID])
    assert office.ask("POST", f"/edi/messages/{event(1)}/apprec/{HER_ID}", {"appRecStatus": 2}).status == 201
    assert told(office, 1)["application_receipts"][0]["status"] == "rejected"
    assert office.read(1) == 422


@pytest.mark.parametrize(
    "body", [{}, {"appRecStatus": 4}, {"appRecStatus": 1, "appRecErrorList": "x"}, {"appRecStatus": 2, "appRecErrorList": [1]}]
)
def test_a_receipt_that_cannot_be_read_is_refused(office: Office, body: dict[str, Any]) -> None:
    put(office.url, row(1, "p1"))
    office.fetch(1)
    assert office.ask("POST", f"/edi/messages/{event(1)}/apprec/{HER_ID}", body).status == 422
    fetched = [(1, 1, "unknown", "fetched")]  # written once the bytes have left, after the answer
    wait_until(lambda: attempts(office.url, "town") == fetched, 10, lambda: f"the fetch alone: {attempts(office.url, 'town')}")


def test_delivery_leaves_it_alone_and_takes_it_when_it_is_sent_again(office: Office) -> None:
    """A provider that is posted to, fetches, and is posted to again: nothing is lost, whatever channel it was made for."""

    async def run() -> None:
        put(office.url, row(1, "p1", channel="edi"), row(2, "p2"))
        async with delivering(office.url) as _:
            await until(lambda: query(office.url, "SELECT count(*) FROM outbox WHERE channel = 'poll'") == [(2,)])
            put(office.url, row(3, "p3", channel="edi"))
            await until(lambda: query(office.url, "SELECT count(*) FROM outbox WHERE channel = 'poll'") == [(3,)])
            assert await asyncio.to_thread(office.listed) == [1, 2, 3]
            assert query(office.url, "SELECT count(*) FROM attempt") == [(0,)]
            await asyncio.to_thread(office.fetch, 1)
            provider(office.url, "town", {"channel": "edi", "url": "http://127.0.0.1:1/x"}, senders=[HER_ID])
            await until(lambda: {(off, "failed", "connect") for off in (1, 2, 3)} <= {(a[0], *a[2:]) for a in attempts(office.url, "town")})
            provider(office.url, "town", POLL, senders=[HER_ID])
            await asyncio.sleep(1.5)
            before = attempts(office.url, "town")
            await asyncio.sleep(1.0)
            assert attempts(office.url, "town") == before
            query(office.url, "UPDATE outbox SET next_us = 0 RETURNING 1")
            assert await asyncio.to_thread(office.listed) == [1, 2, 3]

    asyncio.run(run())


def test_what_waits_for_one_who_is_suspended_is_withheld(office: Office) -> None:
    """As it is from everybody who is: nobody will come for it."""

    async def run() -> None:
        put(office.url, row(1, "p1"), row(2, "p2"))
        async with delivering(office.url):
            await until(lambda: query(office.url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7200") != [(0,)])
            await asyncio.sleep(0.7)
            assert attempts(office.url, "town") == []
            provider(office.url, "town", POLL, senders=[HER_ID], suspended=True)
            await until(lambda: len(attempts(office.url, "town")) == 2)

    asyncio.run(run())
    assert [a[1:] for a in attempts(office.url, "town")] == [(1, "withheld", "3-recipient-unknown")] * 2
    assert office.ask("GET", "/edi/messages").status == 403


@pytest.mark.parametrize(("name", "index"), [("_FIRSTS", "outbox_polled"), ("_FETCHED", "outbox_polled"), ("_DELIVERED", "message_event")])
def test_a_request_looks_its_rows_up(office: Office, name: str, index: str) -> None:
    values: Any = {"recipient": "town", "event": event(1)}
    if name == "_FIRSTS":
        values |= {"hold": True, "now": 1, "limit": 1}
    with psycopg.connect(office.url) as conn:
        conn.execute("SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off")
        plan = "\n".join(line for (line,) in conn.execute("EXPLAIN " + getattr(polling, name), values))
    assert index in plan, plan
    assert not set(re.findall(r"Seq Scan on (\w+)", plan)) - {"claim"}, plan


def test_a_restart_of_delivery_ends_no_handing_over(office: Office) -> None:
    put(office.url, row(1, "p1"))
    columns = "worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients"
    claim = "INSERT INTO claim ({}) VALUES ('poll', %s, '{{p1}}', '{{lock-p1}}', '{{0}}', '{{1}}', '{{town}}') RETURNING id"
    query(office.url, claim.format(columns), now_us())

    async def run() -> None:
        async with delivering(office.url):
            await until(lambda: query(office.url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7200") != [(0,)])
            await asyncio.sleep(0.5)

    asyncio.run(run())
    assert query(office.url, "SELECT worker FROM claim") == [("poll",)]
    assert attempts(office.url, "town") == []


def test_from_the_senders_message_to_the_receivers_word(kafka: str, database_url: str, topic_prefix: str, office: Office) -> None:
    """An admission that came as HL7 v2 is written as KITH, fetched, and answered by a receipt that names what was fetched."""
    with rig(kafka, database_url, topic_prefix) as hub:
        town = next(p for p in PROVIDERS if p.id == "town")
        put_provider(hub.conn, replace(town, deliver=Deliver(Channel.POLL), senders=(HER_ID,)))
        message = received("c1")
        hub.run(message)
        (one,) = office.ask("GET", "/edi/messages").json()
        assert one == {"id": message.event_id, "receiverHerId": int(HER_ID)}
        got = office.ask("GET", f"/edi/messages/{message.event_id}/business-document").json()
        assert (got["contentType"], got["contentTransferEncoding"]) == ("application/xml", "base64")
        document = b64decode(got["businessDocument"])
        assert read(document).type == "LOG_INNLAGT"
        raw = acknowledge(document, verdict(Refusal(Reason.MISSING_PATIENT, "MsgHead")), clock(), "1.1")
        assert office.ask("POST", "/edi/messages", as_document(raw)).status == 202
        assert office.ask("POST", "/edi/messages", as_document(raw)).status == 202
        assert office.ask("GET", "/edi/messages").json() == []
        (life,) = lives(hub.conn, kith_id(message.event_id, Detail.FULL, "town"))  # the MsgId that the receiver knows it by
        found = next(r for r in life["recipients"] if r["recipient"] == "town")
        assert (found["delivery"], found["receipt"]["code"]) == ({"state": "delivered", "application": "rejected"}, "apprec")
        assert [r["codes"] for r in found["application_receipts"]] == [["E30"]]


def test_a_document_that_shows_what_was_locked_since_is_made_anew_before_it_is_given(
    kafka: str, database_url: str, topic_prefix: str, office: Office
) -> None:
    with rig(kafka, database_url, topic_prefix) as hub:
        town = next(p for p in PROVIDERS if p.id == "town")
        put_provider(hub.conn, replace(town, deliver=Deliver(Channel.POLL), senders=(HER_ID,)))
        message = received("c1", extra="AL1|1|DA|7980^Penicillin^LN\rAL1|2|DA|2222^Nuts^LN\r")
        hub.run(message)
        put_part_lock(database_url, part_lock("7980"))
        assert office.ask("GET", f"/edi/messages/{message.event_id}/business-document").status == 200
        assert query(database_url, "SELECT outcome, code FROM attempt ORDER BY n") == [("held", "made_anew"), ("unknown", "fetched")]
        assert query(database_url, "SELECT cardinality(dropped) FROM outbox WHERE recipient = 'town'") == [(1,)]
