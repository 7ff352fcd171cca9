"""Waits double, stay within bounds, differ between messages, and are the same each time they are asked for."""

from hypothesis import given
from hypothesis import strategies as st

from hub.delivery.retry import Backoff


@given(st.integers(1, 10_000), st.text())
def test_within_bounds_and_repeatable(attempt: int, name: str) -> None:
    backoff = Backoff(0.5, 60.0)
    wait = backoff.wait_us(attempt, name)
    longest = min(60.0, 0.5 * 2.0 ** min(40, attempt - 1)) * 1e6
    assert longest / 2 - 1 <= wait <= longest
    assert wait == backoff.wait_us(attempt, name)


def test_messages_do_not_come_back_together() -> None:
    waits = {Backoff(1.0, 60.0).wait_us(3, f"event-{n}") for n in range(100)}
    assert len(waits) > 95
