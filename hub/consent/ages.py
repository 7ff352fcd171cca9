"""How old a patient is, by civil days in Norway; where the date of birth leaves it open, both ends of what it may be."""

import re
from calendar import isleap, monthrange
from datetime import date
from typing import Final

from hub.consent.times import today

_BIRTH: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


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
    if now < first:
        return None
    return max(0, _years(last, now, leap_day=(3, 1))), _years(first, now, leap_day=(2, 28))


def _days(found: re.Match[str]) -> tuple[date, date]:
    """The first and the last day it may be. Raises ValueError."""
    year = int(found[1])
    if found[2] is None:
        return date(year, 1, 1), date(year, 12, 31)
    month = int(found[2])
    if found[3] is None:
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    day = date(year, month, int(found[3]))
    return day, day


def _years(born: date, now: date, leap_day: tuple[int, int]) -> int:
    """Whole years between; leap_day: the month and day that stand for 29 February in a year without one."""
    birthday = (born.month, born.day)
    if birthday == (2, 29) and not isleap(now.year):
        birthday = leap_day
    return now.year - born.year - ((now.month, now.day) < birthday)
