"""Migration gives up on a server that takes connections and never speaks."""

import socket
import time

import pytest

from hub.errors import Cause, Faulted
from hub.ledger import connect
from hub.ledger.migrate import migrate


def test_a_silent_server_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "CONNECT_SECONDS_MAX", 2)  # the least libpq knows
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begun = time.monotonic()
        with pytest.raises(Faulted) as caught:
            migrate(f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/postgres")
    assert caught.value.cause is Cause.LEDGER_UNAVAILABLE
    assert time.monotonic() - begun < 30
