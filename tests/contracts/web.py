"""A running web process of real parts, in a thread of its own, and a client that hides nothing."""

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hub.web.app import run_web
from hub.web.state import State
from hub.wiring import now_us


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Plain HTTP to a port on loopback."""

    port: int
    token: str = ""

    def with_token(self, token: str) -> "Client":
        return Client(self.port, token)

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """``body``: bytes as they are, anything else as JSON."""
        sent = {"Content-Type": "application/fhir+json"} if body is not None else {}
        sent |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, raw, sent | dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()


@contextmanager
def serving(make: Callable[[], State]) -> Iterator[Client]:
    """A web process with this state, made inside its own event loop."""
    ready: threading.Event = threading.Event()
    found: list[Any] = []

    async def serve() -> None:
        stop = asyncio.Event()

        def on_ready(_: str, port: int) -> None:
            found.extend([port, asyncio.get_running_loop(), stop])
            ready.set()

        try:
            await run_web(make(), stop, on_ready)
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    assert found, "the web process did not start"
    try:
        yield Client(found[0])
    finally:
        found[1].call_soon_threadsafe(found[2].set)
        thread.join(30)
        assert not thread.is_alive()


def clock() -> int:
    """The real clock."""
    return now_us()
