"""How old a patient is, by civil days in Norway; where the date of birth leaves it open, both ends of what it may be."""

import re
from datetime import date, timedelta
from typing import Final

from hub.consent.times import today

_BIRTH: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_DECEMBER: Final = 12


def ages(birth_date: str, now_us: int) -> tuple[int, int] | None:
    """The least and the most whole years the patient can be today in Europe/Oslo; None for a date that says nothing.

    birth_date: FHIR date: YYYY, YYYY-MM or YYYY-MM-DD. Someone born on 29 February is a year older on 28 February or 1 March of another
    year: which of them the law means is left open too.
    """
    found = _BIRTH.fullmatch(birth_date)
    try:
        now = today(now_us)
        first, last = _days(found) if found else (date.max, date.max)
    except (ValueError, OverflowError):
        return None
    if found is None or now < first:
        return None
    return max(0, _years(last, now, leap_day=(3, 1))), _years(first, now, leap_day=(2, 28))


def _days(found: re.Match[str]) -> tuple[date, date]:
    """The first and the last day it may be. Raises ValueError."""
    year, month, day = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if day:
        return (date(year, month, day),) * 2
    if found[3] or (found[2] and not month):
        raise ValueError
    first, last = month or 1, month or _DECEMBER
    end = date(year, 12, 31) if last == _DECEMBER else date(year, last + 1, 1) - timedelta(days=1)
    return date(year, first, 1), end


def _years(born: date, now: date, leap_day: tuple[int, int]) -> int:
    """Whole years between; leap_day: the month and day that stand for 29 February in a year without one."""
    birthday = (born.month, born.day)
    is_leap = now.year % 4 == 0 and (now.year % 100 != 0 or now.year % 400 == 0)
    if birthday == (2, 29) and not is_leap:
        birthday = leap_day
    return now.year - born.year - ((now.month, now.day) < birthday)
