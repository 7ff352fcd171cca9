"""FHIR dates and instants as stretches of microseconds; civil days are those of Norway."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

OSLO: Final = ZoneInfo("Europe/Oslo")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def bounds(text: str) -> tuple[int, int | None]:
    """First and last microsecond of a FHIR dateTime: an instant is itself, a date the whole day, month or year in Europe/Oslo.

    The last one is None for what ends with the year 9999, the calendar's end. Raises ValueError.
    """
    found = days(text)
    try:
        if found is None:
            instant = _us(_instant(text))
            return instant, instant
        first, last = found
        start = _midnight(first)
    except OverflowError:
        raise ValueError from None
    return start, None if last == date.max else _midnight(last + timedelta(days=1)) - 1


def days(text: str) -> tuple[date, date] | None:
    """The first and the last day of a FHIR date, YYYY, YYYY-MM or YYYY-MM-DD; None for what is none. Raises ValueError off the calendar."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year = int(found[1])
    if found[2] is None:
        return date(year, 1, 1), date(year, 12, 31)
    month = int(found[2])
    if found[3] is None:
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    day = date(year, month, int(found[3]))
    return day, day


def today(now_us: int) -> date:
    """The civil day in Norway. Raises OverflowError."""
    return (_EPOCH + timedelta(microseconds=now_us)).astimezone(OSLO).date()


def _instant(text: str) -> datetime:
    """Raises ValueError."""
    if not _INSTANT.fullmatch(text):
        raise ValueError
    return datetime.fromisoformat(text)


def _midnight(day: date) -> int:
    return _us(datetime(day.year, day.month, day.day, tzinfo=OSLO))


def _us(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
