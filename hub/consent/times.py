"""FHIR dates and instants as stretches of microseconds; civil days are those of Norway."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

OSLO: Final = ZoneInfo("Europe/Oslo")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_MICRO_DIGITS: Final = 6
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def bounds(text: str) -> tuple[int, int | None]:
    """First and last microsecond of a FHIR dateTime: the whole second or part of one, or the whole day, month or year in Europe/Oslo.

    So a period ends with all that matches its end (FHIR R4, Period.end). The last one is None for what ends with the year 9999, the
    calendar's end. Raises ValueError.
    """
    found = days(text)
    try:
        if found is None:
            return _instant(text)
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


def _instant(text: str) -> tuple[int, int]:
    """Raises ValueError."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError
    start = _us(datetime.fromisoformat(text))
    return start, start + 10 ** max(0, _MICRO_DIGITS - len(found[1] or "")) - 1


def _midnight(day: date) -> int:
    return _us(datetime(day.year, day.month, day.day, tzinfo=OSLO))


def _us(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
