"""How old a patient is, by civil days in Norway; where the date of birth leaves it open, both ends of what it may be."""

from calendar import isleap
from datetime import date

from hub.consent.times import days, today


def ages(birth_date: str, now_us: int) -> tuple[int, int] | None:
    """The least and the most whole years the patient can be today in Europe/Oslo; None for a date that says nothing.

    birth_date: FHIR date: YYYY, YYYY-MM or YYYY-MM-DD. Someone born on 29 February is a year older on 28 February or 1 March of another
    year: which of them the law means is left open too.
    """
    try:
        now, born = today(now_us), days(birth_date)
    except (ValueError, OverflowError):
        return None
    if born is None or now < born[0]:
        return None
    first, last = born
    return max(0, _years(last, now, leap_day=(3, 1))), _years(first, now, leap_day=(2, 28))


def _years(born: date, now: date, leap_day: tuple[int, int]) -> int:
    """Whole years between; leap_day: the month and day that stand for 29 February in a year without one."""
    birthday = (born.month, born.day)
    if birthday == (2, 29) and not isleap(now.year):
        birthday = leap_day
    return now.year - born.year - ((now.month, now.day) < birthday)
