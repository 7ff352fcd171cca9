"""How often somebody may ask."""

from hub.web import limits
from hub.web.limits import Limiter

SECOND = 1_000_000


def test_so_many_in_a_window_and_then_it_says_how_long_to_wait() -> None:
    limiter = Limiter(2, 60)
    assert [limiter.wait_seconds("a", t * SECOND) for t in (0, 1, 2, 59)] == [0, 0, 58, 1]
    assert limiter.wait_seconds("b", 2 * SECOND) == 0
    assert limiter.wait_seconds("a", 60 * SECOND) == 0


def test_what_is_refused_does_not_count() -> None:
    limiter = Limiter(1, 10)
    limiter.wait_seconds("a", 0)
    assert [limiter.wait_seconds("a", t * SECOND) for t in range(1, 10)] == list(range(9, 0, -1))
    assert limiter.wait_seconds("a", 10 * SECOND) == 0


def test_it_remembers_a_bounded_number_of_keys(monkeypatch: object) -> None:
    limiter = Limiter(1, 10**9)
    for n in range(limits.KEYS_MAX + 1):
        limiter.wait_seconds(str(n), 0)
    assert limiter.wait_seconds("0", 1) == 0  # the oldest is forgotten
    assert limiter.wait_seconds(str(limits.KEYS_MAX), 1) > 0
