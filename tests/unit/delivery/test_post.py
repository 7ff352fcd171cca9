"""Every HTTP status means one thing."""

import pytest

from hub.delivery.post import _pause_us, outcome
from hub.model import AttemptOutcome

AGAIN = {408, 409, 423, 425, 429}


@pytest.mark.parametrize("status", range(100, 600))
def test_statuses(status: int) -> None:
    refused = 400 <= status < 500 and status not in AGAIN
    wanted = AttemptOutcome.DELIVERED if 200 <= status < 300 else AttemptOutcome.REFUSED if refused else AttemptOutcome.FAILED
    assert outcome(status, 0).outcome is wanted


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        ("", "", 0),
        ("7", "", 7),
        ("999999999", "", 3600),
        ("-1", "", 0),
        ("soon", "", 0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 30),
        ("Wed, 21 Oct 2026 07:27:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "", 0),
        ("Wed, 21 Oct 2026 07:28:00 -0000", "Wed, 21 Oct 2026 07:28:00 GMT", 0),
    ],
)
def test_retry_after(retry_after: str, date: str, seconds: int) -> None:
    assert _pause_us(retry_after, date) == seconds * 1_000_000
