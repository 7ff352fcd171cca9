"""``$events`` and ``$status`` over a real ledger and a real web process: asked anew, numbered when told, recorded as a disclosure."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from hub.delivery.events import Wanted
from hub.delivery.gate import came_too_late
from hub.identity import FNR, event_id
from hub.ledger.connect import connect
from hub.ledger.consents import NewVersion, PutResult, put_consent
from hub.ledger.delivery import connect as connect_delivery
from hub.ledger.disclosures import Fate, disclosures_of
from hub.ledger.record import Sought, search
from hub.ledger.told import LOOK_ROWS, Candidate, Telling
from hub.ledger.trace import lives
from hub.ledger.verify import verify
from hub.model import AttemptOutcome, Channel, Consent, Deliver, Detail, Identifier, Provider, ProviderKind, Subscription, Where
from hub.web.audit_event import audit_event
from hub.web.subscription import fhir_id
from tests.contracts.delivery_rig import now_us, provider, query, until
from tests.contracts.events_rig import (
    NUMBERS,
    Subscriber,
    attempted,
    bodies,
    delivered,
    highest,
    notified,
    numbered,
    own_id,
    pushed,
    recorded,
    reported,
    subscribed,
    telling,
)  # fmt: skip
from tests.contracts.items_rig import HIV, NUMBER, PSEUDONYMS, decided, lock, put

RECIPIENT = Provider("a", "a", ProviderKind.OTHER, "org-a", (), Deliver(Channel.FHIR))


@pytest.fixture
def web(database_url: str, tmp_path: Path) -> Iterator[Subscriber]:
    with subscribed(database_url, tmp_path) as made:
        yield made


def test_what_was_delivered_is_told_again_under_numbers_that_stay(web: Subscriber) -> None:
    decided(web.url, *(reported(n) for n in (1, 2, 3)))
    assert web.events() == []  # what waits comes by itself, in its order
    delivered(web.url)
    assert web.events() == [(1, "1"), (2, "2"), (3, "3")]
    assert web.events() == [(1, "1"), (2, "2"), (3, "3")]
    assert web.events(eventsSinceNumber=2, eventsUntilNumber=2) == [(2, "2")]
    decided(web.url, reported(4))
    delivered(web.url)
    assert web.events(eventsSinceNumber=4) == [(4, "4")]
    by = "queried:13-treating-relation"
    assert attempted(web.url)[:3] == [(0, 2, "delivered", by), (0, 3, "delivered", by), (1, 2, "delivered", by)]


def test_a_denied_event_takes_no_number_and_leaves_no_gap(web: Subscriber) -> None:
    decided(web.url, *(reported(n, NUMBERS[n % 2]) for n in range(1, 6)))
    delivered(web.url)
    put(web.url, lock(), number=NUMBERS[0])
    assert web.events() == [(1, "1"), (2, "3"), (3, "5")]
    assert highest(web.asks(eventsSinceNumber=9).json()) == 3
    put(web.url, lock(version=2, active=False), number=NUMBERS[0])
    assert web.events(eventsSinceNumber=4) == [(4, "2"), (5, "4")]


def test_what_was_withheld_is_told_to_those_alone_who_ask_for_it(web: Subscriber) -> None:
    put(web.url, lock())
    decided(web.url, reported(1), reported(2))
    put(web.url, lock(version=2, active=False))
    decided(web.url, reported(3))
    delivered(web.url)
    assert web.events() == [(1, "3")]
    assert web.events(eventsSinceNumber=2) == []
    assert web.events(includeReleased="true") == [(1, "3"), (2, "1"), (3, "2")]
    assert web.events() == [(1, "3"), (2, "1"), (3, "2")]
    put(web.url, lock(version=3))
    assert web.events(includeReleased="true") == []


def test_the_setting_releases_what_was_withheld_unless_the_request_says_no(database_url: str, tmp_path: Path) -> None:
    with subscribed(database_url, tmp_path, release_on_unlock=True) as web:
        put(web.url, lock())
        decided(web.url, reported(1))
        put(web.url, lock(version=2, active=False))
        assert web.events(includeReleased="false") == []
        assert web.events() == [(1, "1")]


def test_a_part_is_left_out(web: Subscriber) -> None:
    decided(web.url, reported(1))
    delivered(web.url)
    assert b"CANARY" in web.asks().body
    put(web.url, lock(HIV))
    assert b"CANARY" not in web.asks().body
    assert web.events() == [(1, "1")]
    put(web.url, lock(HIV, version=2, active=False))
    assert b"CANARY" not in web.asks().body
    assert b"CANARY" in web.asks(includeReleased="true").body


def test_a_lock_reaches_a_patient_by_any_of_their_numbers(web: Subscriber) -> None:
    """The event is recorded under a key that a merge has retired since."""
    decided(web.url, reported(1, NUMBERS[0]), reported(2, NUMBERS[1]))
    delivered(web.url)
    one, two = reported(3, NUMBERS[0]), NUMBERS[1]
    raw = one.raw[: one.raw.index(b"OBR|")].replace(b"ORU^R01", b"ADT^A40^ADT_A39") + f"MRG|{two}^^^NOR^NI\r".encode()
    merge = replace(one, raw=raw, trigger="ADT^A40", event_id=event_id("hl7v2", "olav", "LAB", "OLAV", "3", raw))
    decided(web.url, merge)
    assert query(web.url, "SELECT count(*) FROM merge WHERE in_force") == [(1,)]
    assert web.events() == [(1, "1"), (2, "2")]
    put(web.url, lock(), number=NUMBERS[0])
    assert web.events() == []
    put(web.url, lock(version=2, active=False), number=NUMBERS[0])
    put(web.url, lock(consent_id="d"), number=NUMBERS[1])
    assert web.events() == []


def test_what_is_told_is_what_was_sent_under_the_same_id(web: Subscriber) -> None:
    sent = pushed(web.url, reported(1), reported(2, NUMBERS[1]))
    answer = web.asks()
    assert bodies(answer) == [body for _, body in sent]
    assert [e["focus"]["reference"] for e in notified(answer.json())] == [f"urn:uuid:{request_id}" for request_id, _ in sent]


def test_what_was_sent_without_a_part_is_told_without_it(web: Subscriber) -> None:
    """The part was locked when it waited: what was decided in transit says nothing of it."""
    ((request_id, body),) = pushed(web.url, reported(1), before=lambda: put(web.url, lock(HIV)))
    put(web.url, lock(HIV, version=2, active=False))
    answer = web.asks()
    assert bodies(answer) == [body]
    assert b"CANARY" not in body
    assert notified(answer.json())[0]["focus"]["reference"] == f"urn:uuid:{request_id}"
    assert b"CANARY" in web.asks(includeReleased="true").body
    assert b"CANARY" in web.asks().body  # once it was released it is


def test_a_subscription_is_its_providers_and_nobody_elses(database_url: str, tmp_path: Path) -> None:
    with subscribed(database_url, tmp_path, ("a", "b")) as web:
        provider(database_url, "c", {"channel": "mllp", "host": "127.0.0.1", "port": 1})
        decided(database_url, reported(1))
        delivered(database_url)
        for who in ("a", "b"):
            found = web.ask("GET", "", who=who).json()
            assert [entry["resource"]["id"] for entry in found["entry"]] == [own_id(who)]
        assert web.ask("GET", f"/{own_id()}").json()["id"] == own_id()
        nobodys = fhir_id(Subscription("x", "a", ("*",), Where(), Detail.FULL))
        for path in ("", "/$status", "/$events"):
            theirs, none = (web.ask("GET", f"/{name}{path}") for name in (own_id("b"), nobodys))
            assert (theirs.status, theirs.body) == (none.status, none.body)
            assert (none.status, none.json()["resourceType"]) == (404, "OperationOutcome")
        assert web.ask("GET", "", who="c").json()["total"] == 0  # takes HL7 v2
        assert web.ask("GET", f"/{own_id('c')}/$events", who="c").status == 404
        assert attempted(database_url, "a") == attempted(database_url, "b") == []


@pytest.mark.parametrize(
    "query_string", ["eventsSinceNumber=x", "eventsSinceNumber=2&eventsUntilNumber=1", "content=all", "includeReleased=1", "patient=1"]
)
def test_bad_input_is_told_where_it_is(web: Subscriber, query_string: str) -> None:
    answer = web.ask("GET", f"/{own_id()}/$events?{query_string}")
    assert (answer.status, answer.json()["resourceType"]) == (422, "OperationOutcome")
    given = [{"name": name, "valueString": value} for name, value in parse_qsl(query_string)]
    assert web.ask("POST", f"/{own_id()}/$events", {"resourceType": "Parameters", "parameter": given}).status == 422


def test_a_post_asks_by_parameters_and_the_status_says_no_more_than_was_told(web: Subscriber) -> None:
    decided(web.url, *(reported(n) for n in range(1, 4)))
    delivered(web.url)

    def stands(method: str = "GET", path: str = "/$status", body: object = None) -> list[str]:
        found = web.ask(method, path, body).json()
        return [
            p["valueString"] for e in found.get("entry", ()) for p in e["resource"]["parameter"] if p["name"].startswith("events-since")
        ]

    assert stands() == ["0"]
    given = [{"name": "eventsUntilNumber", "valueInteger": 2}, {"name": "content", "valueCode": "empty"}]
    asked = {"resourceType": "Parameters", "parameter": given}
    answer = web.ask("POST", f"/{own_id()}/$events", asked)
    assert [e["event-number"] for e in notified(answer.json())] == ["1", "2"]
    assert len(answer.json()["entry"]) == 1
    assert stands() == stands(path=f"/{own_id()}/$status") == ["2"]
    assert stands("POST", "/$status", {"resourceType": "Parameters", "parameter": [{"name": "id", "valueId": own_id()}]}) == ["2"]
    assert stands("POST", "/$status", {"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "error"}]}) == []
    assert len(attempted(web.url)) == 2  # an id or a number tells of a patient's event too


def test_a_subscription_shows_no_more_than_it_may_now(web: Subscriber) -> None:
    decided(web.url, reported(1))
    delivered(web.url)
    assert b"CANARY" in web.asks().body
    narrowed = {"provider": "a", "events": ["*"], "detail": "notice"}
    query(web.url, "UPDATE subscription SET body = %s WHERE id = 's-a' RETURNING id", json.dumps(narrowed))
    told = web.asks()
    assert b"CANARY" not in told.body
    assert numbered(told.json()) == [(1, "1")]
    query(web.url, "UPDATE subscription SET body = %s WHERE id = 's-a' RETURNING id", json.dumps(narrowed | {"events": ["patient.*"]}))
    assert web.events() == []


def test_pages_are_bounded_and_go_on_after_the_last_number(web: Subscriber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.delivery.events.COUNT_MAX", 3)
    decided(web.url, *(reported(n, NUMBERS[n % 3]) for n in range(1, 11)))
    delivered(web.url)
    put(web.url, lock(), number=NUMBERS[0])
    pages, since = [], 1
    while page := web.events(eventsSinceNumber=since):
        pages.append(page)
        since = page[-1][0] + 1
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [n for page in pages for n, _ in page] == list(range(1, 8))
    assert [control for page in pages for _, control in page] == [str(n) for n in range(1, 11) if n % 3]


def test_what_another_is_told_while_one_looks_is_not_missed(web: Subscriber, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its number by the time one looks for what has none, and had none when one looked for what has."""
    decided(web.url, *(reported(n, NUMBERS[0]) for n in range(1, 4)))
    delivered(web.url)
    honest, others = Telling.never_told, list[list[tuple[int, str]]]()

    async def later(self: Telling, cursor: int, limit: int, *, withheld: bool) -> list[Candidate]:
        if not others:
            others.append([])
            others[0] = await asyncio.to_thread(web.events)
        return await honest(self, cursor, limit, withheld=withheld)

    monkeypatch.setattr(Telling, "never_told", later)
    assert [web.events(), *others] == [[(n, str(n)) for n in range(1, 4)]] * 2


def test_those_who_ask_at_once_are_told_the_same_numbers(web: Subscriber) -> None:
    decided(web.url, *(reported(n, NUMBERS[n % 2]) for n in range(1, 9)))
    delivered(web.url)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: web.events(), range(6)))
    assert answers == [[(n, str(n)) for n in range(1, 9)]] * 6
    recorded(web.url)
    counts = query(web.url, "SELECT count(*), count(DISTINCT n) FROM attempt WHERE recipient = 'a' GROUP BY off")
    assert counts == [(7, 7)] * 8  # one as delivered and six as told: none took another's place


def test_it_is_a_disclosure_in_every_record(web: Subscriber) -> None:
    """Withheld, then lifted and asked for: told by the rule that let it."""
    put(web.url, lock())
    decided(web.url, reported(1))
    put(web.url, lock(version=2, active=False))
    assert web.events() == []
    assert web.events(includeReleased="true") == [(1, "1")]
    recorded(web.url)
    with connect(web.url) as conn:
        (life,) = lives(conn, "1")
        (told,) = [d for d in disclosures_of(conn, [reported(1).patient_key]) if d.recipient == "a"]
        (record,) = [r for r in search(conn, Sought(only_to="a")).records if r.is_disclosure]
        assert verify(conn).findings == []
    assert life["recipients"][0]["delivery"] == {"state": "delivered"}
    assert told.fate is Fate.DELIVERED
    event = audit_event(record)
    assert event["outcomeDesc"] == "sent, and taken by the recipient (queried)"
    assert "urn:hub:rule:13-treating-relation" in json.dumps(event)
    assert "11-locked" not in json.dumps(event)


def test_what_a_web_process_was_telling_when_it_died_may_have_been_told(web: Subscriber) -> None:
    decided(web.url, reported(1))
    delivered(web.url)

    async def dies() -> None:
        async with telling(web.url) as found:
            assert (await found.asked_for(Wanted())).events

    put(web.url, lock(HIV))
    asyncio.run(dies())
    query(web.url, "UPDATE claim SET claimed_us = 7 RETURNING id")
    assert web.events() == [(1, "1")]
    assert [row[2:] for row in attempted(web.url)] == [("unknown", "died"), ("delivered", "queried:11-locked")]
    assert query(web.url, "SELECT count(*) FROM claim UNION ALL SELECT count(*) FROM leaving") == [(0,), (0,)]
    assert query(web.url, "SELECT n, cardinality(dropped) > 0 FROM sent_copy ORDER BY n") == [(2, True), (3, True)]


def locked(url: str, consent: Consent, wait_seconds_max: float = 5.0) -> PutResult:
    """Bring a lock into force as the web does, by delivery's own judgement."""
    keys, now = PSEUDONYMS.locks_of_consent(Identifier(FNR, NUMBER)), now_us()
    with connect(url) as conn:
        new = NewVersion(consent, keys, {}, now)
        return put_consent(conn, new, lambda before, after: came_too_late(consent, before, after, RECIPIENT, (now,)), wait_seconds_max)


@pytest.mark.parametrize("outcome", [AttemptOutcome.DELIVERED, AttemptOutcome.UNKNOWN, None])
@pytest.mark.parametrize("part", [False, True])
def test_a_lock_waits_for_what_is_being_told_and_names_it(database_url: str, outcome: AttemptOutcome | None, part: bool) -> None:  # noqa: FBT001
    provider(database_url, "a", {"channel": "mailbox"})
    decided(database_url, reported(1))
    delivered(database_url)

    async def run() -> PutResult:
        async with telling(database_url) as found:
            answer = await found.asked_for(Wanted())
            assert [told.number for told in answer.events] == [1]
            lifted = lock(HIV) if part else lock()
            putting = asyncio.ensure_future(asyncio.to_thread(locked, database_url, lifted))
            await until(lambda: query(database_url, "SELECT count(*) FROM consent") == [(1,)])
            assert not putting.done()
            await found.ended(answer, outcome)
            return await putting

    result = asyncio.run(run())
    named = ((reported(1).event_id, "a"),) if outcome else ()
    assert result.under_way == named
    assert query(database_url, "SELECT count(*) FROM disclosure") == [(len(named),)]
    assert [row[2] for row in attempted(database_url)] == ([outcome] if outcome else [])
    assert query(database_url, "SELECT count(*) FROM leaving") == [(0,)]


@pytest.mark.parametrize("other", [lock(to=("b",)), lock("no-such-code")])
def test_what_a_lock_would_not_stop_is_neither_waited_for_nor_named(database_url: str, other: Consent) -> None:
    provider(database_url, "a", {"channel": "mailbox"})
    decided(database_url, reported(1))
    delivered(database_url)
    put(database_url, lock(HIV, consent_id="before"))

    async def run() -> PutResult:
        async with telling(database_url) as found:
            answer = await found.asked_for(Wanted())
            assert answer.events
            result = await asyncio.to_thread(locked, database_url, other)
            await found.ended(answer, AttemptOutcome.DELIVERED)
            return result

    assert asyncio.run(run()).under_way == ()


def test_what_is_written_down_late_is_found(database_url: str) -> None:
    """A delivery process that lost the ledger settles what it sent an hour ago: until then its claim says that something is missing."""
    provider(database_url, "a", {"channel": "mailbox"})
    decided(database_url, reported(1), reported(2))
    hour_us, now = 3_600_000_000, now_us()
    columns = "worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients"
    claimed = f"INSERT INTO claim ({columns}) VALUES ('w', %s, '{{p}}', '{{}}', '{{0}}', '{{0}}', '{{a}}') RETURNING id"
    query(database_url, claimed, now - hour_us)

    async def ask() -> list[int]:
        async with telling(database_url) as found:
            answer = await found.asked_for(Wanted())
            await found.ended(answer, None)
            return [told.received_us for told in answer.events]

    settled = "INSERT INTO attempt VALUES (0, %s, 'a', 1, %s, %s, 'delivered', '200') RETURNING n"
    query(database_url, settled, 1, now, now)
    assert asyncio.run(ask()) == [reported(2).received_us]
    query(database_url, settled, 0, now - hour_us + 5, now - hour_us + 5)
    query(database_url, "DELETE FROM claim RETURNING id")
    assert asyncio.run(ask()) == [reported(2).received_us, reported(1).received_us]


def test_a_long_past_is_found_some_at_a_time(database_url: str) -> None:
    """Also where many deliveries ended at the same moment."""
    provider(database_url, "a", {"channel": "mailbox"})
    decided(database_url, reported(1))
    now, many = now_us() - 86_400_000_000, 2 * LOOK_ROWS + 500
    columns = "SELECT string_agg(column_name, ', ') FROM information_schema.columns WHERE table_name = %s AND column_name <> ALL (%s)"
    ((of_message,),) = query(database_url, columns, "message", ["off", "event_id"])
    ((of_decision,),) = query(database_url, columns, "decision", ["off"])
    series, later_us = f"generate_series(1, {many}) AS n", f"{now} + greatest(n, {LOOK_ROWS + 50})"
    copies = (
        f"INSERT INTO message (off, event_id, {of_message}) SELECT n, md5(n::text)::uuid, {of_message} FROM message, {series}",
        f"INSERT INTO decision (off, {of_decision}) SELECT n, {of_decision} FROM decision, {series}",
        f"INSERT INTO attempt SELECT 0, n, 'a', 1, {now}, {later_us}, 'delivered', '200' FROM {series}",
    )
    for copy in copies:
        query(database_url, f"{copy} RETURNING part")

    async def looked() -> list[int | None]:
        async with await connect_delivery(database_url, durable=True) as conn:
            found = Telling(conn, "a", "s-a")
            cursors: list[int | None] = [await found.begin()]
            while cursors[-1] is not None:
                cursors.append(await found.look(cursors[-1], now_us()))
            return cursors

    first = asyncio.run(looked())
    assert len(first) == 4
    assert query(database_url, "SELECT count(*) FROM told") == [(many,)]
    places = query(database_url, "SELECT off FROM told ORDER BY seq")
    assert places == sorted(places)
    assert len(asyncio.run(looked())) == 2  # what was found is not looked for again
