"""Connections to the ledger as the server ends them."""

import time

import pytest

from hub.errors import Cause, Faulted
from hub.ledger.connect import connect, faults


def test_a_transaction_that_stood_still_for_too_long_is_our_fault(database_url: str) -> None:
    with connect(database_url, idle_seconds_max=0.1) as conn:
        with pytest.raises(Faulted) as caught, faults(), conn.transaction():
            conn.execute("SELECT 1")
            time.sleep(0.5)
            conn.execute("SELECT 1")
        assert caught.value.cause is Cause.LEDGER_UNAVAILABLE
