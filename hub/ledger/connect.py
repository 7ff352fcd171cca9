"""Connections to the ledger, and the one rule of their failures: a server that is away is our fault and passes.

No server error leaves this package with its text: PostgreSQL quotes the values of the row it complains about.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import psycopg
from psycopg.rows import TupleRow

from hub.config import ConfigError
from hub.errors import Cause, Faulted

Conn = psycopg.Connection[TupleRow]
AsyncConn = psycopg.AsyncConnection[TupleRow]

CONNECT_SECONDS_MAX: Final = 5
STATEMENT_SECONDS_MAX: Final = 30
IDLE_SECONDS_MAX: Final = 10  # inside a transaction: a stopped process must not hold its locks for longer than this

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _arguments(application: str, statement_seconds_max: float, idle_seconds_max: float) -> dict[str, Any]:
    settings = {
        "statement_timeout": int(statement_seconds_max * 1000),
        "idle_in_transaction_session_timeout": int(idle_seconds_max * 1000),
        "default_transaction_isolation": "read\\ committed",
        "jit": "off",  # every query here is a few index look-ups: compiling costs more than it saves
    }
    return {
        "autocommit": True,
        "application_name": f"hub {application}",
        "connect_timeout": CONNECT_SECONDS_MAX,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        "tcp_user_timeout": STATEMENT_SECONDS_MAX * 1000,
    }


@contextmanager
def faults() -> Iterator[None]:
    """A server that is away, or that ended our connection, becomes Faulted(LEDGER_UNAVAILABLE)."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.IdleInTransactionSessionTimeout):
        raise Faulted(Cause.LEDGER_UNAVAILABLE) from None


@contextmanager
def _read_address() -> Iterator[None]:
    """What no PostgreSQL client can read as an address becomes ConfigError, without the address: a password may stand in it."""
    try:
        yield
    except psycopg.ProgrammingError:
        act = "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        raise ConfigError([f"setting database_url: is not the address of a PostgreSQL server: {act}"]) from None


def connect(
    url: str,
    application: str = "tool",
    *,
    statement_seconds_max: float = STATEMENT_SECONDS_MAX,
    idle_seconds_max: float = IDLE_SECONDS_MAX,
) -> Conn:
    """A connection in autocommit mode, READ COMMITTED, with bounded statements and idle transactions (0: not bounded).

    Raises Faulted, or ConfigError for an address that is none.
    """
    with faults(), _read_address():
        return psycopg.connect(url, **_arguments(application, statement_seconds_max, idle_seconds_max))


async def connect_async(url: str, application: str, *, statement_seconds_max: float = STATEMENT_SECONDS_MAX) -> AsyncConn:
    """``connect`` for asyncio. Raises Faulted, ConfigError."""
    with faults(), _read_address():
        return await psycopg.AsyncConnection.connect(url, **_arguments(application, statement_seconds_max, IDLE_SECONDS_MAX))


def backoff_seconds(first: float = 0.1, longest: float = 5.0) -> Iterator[float]:
    """How long to wait before each further try: doubling up to the longest, for ever."""
    seconds = first
    while True:
        yield seconds
        seconds = min(seconds * 2, longest)


class Pool:
    """A few connections for asyncio: the functions of this package run on them in threads.

    ``await pool.run(get_consent, "id")`` calls ``get_consent(conn, "id")``. A call that finds its kept connection dead is made once more on
    a new one if nothing had been asked of the server yet; otherwise it raises Faulted and the next call connects anew.
    """

    def __init__(self, url: str, application: str, size: int = 4) -> None:
        self._url: Final = url
        self._application: Final = application
        self._free: list[Conn] = []
        self._slots: Final = asyncio.Semaphore(size)

    async def run(self, work: Callable[Concatenate[Conn, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What ``work`` returns. Raises Faulted when the ledger does not answer, and whatever else ``work`` raises."""
        async with self._slots:
            return await asyncio.to_thread(lambda: self._run(work, *args, **kwargs))

    def _run(self, work: Callable[Concatenate[Conn, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        conn = self._take()
        try:
            with faults():
                result = work(conn, *args, **kwargs)
        except BaseException:  # also a cancelled one: a connection in the middle of something is of no more use
            if conn.broken or conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                conn.close()
            raise
        finally:
            if not conn.closed:
                self._free.append(conn)
        return result

    def _take(self) -> Conn:
        """A connection that answers: a kept one if the server still knows it, else a new one."""
        while self._free:
            conn = self._free.pop()
            with suppress(psycopg.Error):
                conn.execute("")
                return conn
            conn.close()
        return connect(self._url, self._application)

    async def close(self) -> None:
        """Give every connection back."""
        while self._free:
            self._free.pop().close()
