"""A subscriber that asks for its events again, over a real ledger and a real web process; deliveries are settled as delivery does."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from hub.delivery.events import Events, Means
from hub.ledger.connect import Pool
from hub.ledger.delivery import Settlement, Turns, connect
from hub.ledger.outbox import Attempted, Place
from hub.ledger.told import Telling
from hub.model import AttemptOutcome, Detail, Received, Subscription, Where
from hub.pipeline import TERMS
from hub.settings import Settings
from hub.stream.readers import read
from hub.stream.recall import recalled
from hub.web.readiness import asks
from hub.web.state import Region, State
from hub.web.subscription import fhir_id
from hub.web.tokens import issue, load_keys
from tests.contracts.delivery_rig import delivering, drained, provider, query, until
from tests.contracts.items_rig import PSEUDONYMS, decided, report
from tests.contracts.web import Answer, Client, clock, serving

FHIR = {"channel": "fhir", "url": "http://127.0.0.1:1/fhir"}
NUMBERS = ("13116900216", "15076500565", "17012650006", "05073500186")
RECEIVED_US = 1_790_000_000_000_000


@dataclass
class Subscriber:
    """Provider ``a``, and what lies behind the web process."""

    client: Client
    url: str
    data: Path

    def ask(self, method: str, path: str, body: object = None, who: str = "a") -> Answer:
        return self.as_(who).ask(method, f"/fhir/Subscription{path}", body)

    def as_(self, who: str) -> Client:
        return self.client.with_token(issue(self.data, f"provider:{who}", clock()))

    def asks(self, *, who: str = "a", **given: Any) -> Answer:
        """``$events`` of the one subscription, and what it told is recorded."""
        answer = self.ask("GET", f"/{own_id(who)}/$events?{urlencode(given)}", who=who)
        recorded(self.url)
        return answer

    def events(self, *, who: str = "a", **given: Any) -> list[tuple[int, str]]:
        """(event number, control id) of what is told."""
        got = self.asks(who=who, **given)
        assert got.status == 200, got.body
        return numbered(got.json())


def own_id(who: str = "a") -> str:
    return fhir_id(Subscription(f"s-{who}", who, ("*",), Where(), Detail.FULL))


def notified(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """The notification-events of an answer, each with its parts by name."""
    parameters = bundle["entry"][0]["resource"]["parameter"]
    return [{part["name"]: next(v for k, v in part.items() if k != "name") for part in p["part"]} for p in parameters if "part" in p]


def numbered(bundle: dict[str, Any]) -> list[tuple[int, str]]:
    by_url = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"][1:]}
    told = notified(bundle)
    assert [event["focus"]["reference"] for event in told] == list(by_url)
    return [(int(event["event-number"]), by_url[event["focus"]["reference"]]["identifier"]["value"]) for event in told]


def highest(bundle: dict[str, Any]) -> int:
    found = next(p for p in bundle["entry"][0]["resource"]["parameter"] if p["name"] == "events-since-subscription-start")
    return int(found["valueString"])


def reported(n: int | str, number: str = NUMBERS[0]) -> Received:
    """The n-th report, received at a time of its own whenever it is made."""
    return replace(report(str(n), number=number), received_us=RECEIVED_US + (n if isinstance(n, int) else 0) * 1_000_000)


def delivered(url: str) -> None:
    """Settle everything that waits as delivered, in its order."""
    rows = query(url, "SELECT part, off, recipient, attempts FROM outbox WHERE form = 'fhir' ORDER BY part, off, recipient")
    times = itertools.count(clock())

    async def settle() -> None:
        async with await connect(url, durable=True) as conn:
            for *place, n in rows:
                now = next(times)
                done = Attempted(Place(*place), n + 1, now, now, AttemptOutcome.DELIVERED, "200")
                await Turns(conn, "test").settle(Settlement([done]))

    asyncio.run(settle())


def pushed(url: str, *messages: Received, before: Callable[[], object] = lambda: None) -> list[tuple[str, bytes]]:
    """Have these decided and sent to a real receiver by a real delivery process: (X-Request-Id, body) of each, in its order.

    before: done when they wait to be sent.
    """
    got: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.headers["X-Request-Id"], await request.read()))
        return web.Response()

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/fhir", take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        provider(url, "a", FHIR | {"url": f"http://127.0.0.1:{runner.addresses[0][1]}/fhir", "connections": 1})
        decided(url, *messages)
        before()
        async with delivering(url):
            await drained(url)
        await runner.cleanup()

    asyncio.run(run())
    return got


@asynccontextmanager
async def telling(url: str, who: str = "a") -> AsyncIterator[Events]:
    """What answers ``$events`` of a provider, without the web around it."""
    pool, settings = Pool(url, "test", 1), Settings(database_url=url, claim_seconds_max=2.0)
    region = await Region(pool).now()
    own, recipient = Subscription(f"s-{who}", who, ("*",), Where(), Detail.FULL), region.provider(who)
    assert recipient is not None
    async with await connect(url, durable=True) as conn:
        yield Events(Telling(conn, who, own.id), recipient, own, Means(settings, clock, lambda row: read(recalled(row)), TERMS, region))
    await pool.close()


def recorded(url: str) -> None:
    """Wait until what was told is written down, which is after its last byte has come."""
    asyncio.run(until(lambda: query(url, "SELECT count(*) FROM claim") == [(0,)]))


def attempted(url: str, who: str = "a") -> list[tuple[Any, ...]]:
    recorded(url)
    return query(url, "SELECT off, n, outcome, code FROM attempt WHERE recipient = %s AND code <> '200' ORDER BY part, off, n", who)


@contextmanager
def subscribed(url: str, tmp_path: Path, providers: Sequence[str] = ("a",), **more: Any) -> Iterator[Subscriber]:
    """A web process over a ledger in which these providers subscribe to everything by FHIR."""
    for name in providers:
        provider(url, name, FHIR)
    settings = Settings(http="127.0.0.1:0", database_url=url, **{"ack_seconds_max": 3.0, "claim_seconds_max": 2.0, **more})
    pool, nothing = Pool(url, "test"), None

    def state() -> State:
        unused: Any = nothing
        return State(
            settings, clock, load_keys(tmp_path), PSEUDONYMS, unused, pool, Region(pool), asks({}), recall=lambda row: read(recalled(row))
        )

    with serving(state) as client:
        yield Subscriber(client, url, tmp_path)


def bodies(answer: Answer) -> list[bytes]:
    """Each told Bundle as its JSON stands in the answer."""
    text = answer.body.decode()
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := text.find('"resource":{"resourceType":"Bundle"', at)) >= 0:
        start = at + len('"resource":')
        _, end = decoder.raw_decode(text, start)
        found.append(text[start:end].encode())
        at = end
    return found
