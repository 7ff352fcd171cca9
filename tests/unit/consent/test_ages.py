"""Ages by civil days in Norway, on the side of whoever would be shown less."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from hub.consent.ages import ages


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Oslo")).timestamp() * 1_000_000)


# born | now, in Oslo || least and most whole years
ROWS = [
    ("2010-05-17", "2026-05-16T23:59:59", (15, 15)),
    ("2010-05-17", "2026-05-17T00:00:00", (16, 16)),  # 22:00 the day before in UTC
    ("2010-05-17", "2026-05-18T00:00:00", (16, 16)),
    ("2010-12-31", "2026-12-31T00:00:00", (16, 16)),
    ("2010", "2026-06-01T00:00:00", (15, 16)),
    ("2010", "2026-01-01T00:00:00", (15, 16)),
    ("2010", "2026-12-31T12:00:00", (16, 16)),
    ("2010-05", "2026-05-01T00:00:00", (15, 16)),
    ("2010-05", "2026-05-31T00:00:00", (16, 16)),
    ("2010-05", "2026-04-30T23:59:59", (15, 15)),
    ("2010-12", "2026-12-30T00:00:00", (15, 16)),
    ("2012-02-29", "2025-02-27T12:00:00", (12, 12)),
    ("2012-02-29", "2025-02-28T12:00:00", (12, 13)),
    ("2012-02-29", "2025-03-01T12:00:00", (13, 13)),
    ("2012-02-29", "2028-02-28T12:00:00", (15, 15)),
    ("2012-02-29", "2028-02-29T12:00:00", (16, 16)),
    ("2026-05-17", "2026-05-17T12:00:00", (0, 0)),
    ("2026", "2026-05-17T12:00:00", (0, 0)),
    ("2026-05-18", "2026-05-17T12:00:00", None),
    ("2027", "2026-05-17T12:00:00", None),
    ("", "2026-05-17T12:00:00", None),
    ("17.5.2010", "2026-05-17T12:00:00", None),
    ("2010-02-30", "2026-05-17T12:00:00", None),
    ("2010-00", "2026-05-17T12:00:00", None),
    ("2010-13", "2026-05-17T12:00:00", None),
    ("2010-05-00", "2026-05-17T12:00:00", None),
    ("0000", "2026-05-17T12:00:00", None),
    ("9999", "2026-05-17T12:00:00", None),
]


@pytest.mark.parametrize(("born", "now", "years"), ROWS)
def test_how_old(born: str, now: str, years: tuple[int, int] | None) -> None:
    assert ages(born, us(now)) == years


def test_a_clock_beyond_the_calendar_says_nothing() -> None:
    assert ages("2010-05-17", 10**30) is None
