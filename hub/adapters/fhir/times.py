"""FHIR times (R4: dateTime, instant, date, time) as microseconds and as HL7 v2 DTM, DT and TM."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Oslo")  # of dates, which have no offset
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORM: Final = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII)
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(\.\d{1,4})?\d*", re.ASCII)
_FIRST: Final = "0000-01-01"
_OFFSET_MAX: Final = 5
_FRACTION_MAX: Final = 5  # the point and four digits (HL7 2.5.1, DTM)


def _moment(text: str) -> tuple[datetime, str] | None:
    """The moment and its fraction of a second as written."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    whole = text + _FIRST[len(text) :] if len(text) < len(_FIRST) else text
    try:
        moment = datetime.fromisoformat(whole.replace(found[4], found[4][:7]) if found[4] else whole)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
        moment.astimezone(UTC)  # an offset that leads out of the calendar overflows here
    except (ValueError, OverflowError):
        return None
    return moment, found[4] or ""


def microseconds(text: str) -> int | None:
    """Whole microseconds since 1970; missing parts count as their lowest value. None when it is no time."""
    found = _moment(text)
    return None if found is None else (found[0] - _EPOCH) // timedelta(microseconds=1)


def dtm(text: str) -> str:
    """The time as a v2 DTM of the same precision, to a tenth of a millisecond, with its offset; "" when it is none."""
    found = _moment(text)
    if found is None:
        return ""
    if len(text) <= len(_FIRST):
        return text.replace("-", "")
    moment, fraction = found
    offset = f"{moment:%z}"[:_OFFSET_MAX]  # civil time before 1895 was off by seconds, too
    return f"{moment.year:04}{moment:%m%d%H%M%S}{fraction[:_FRACTION_MAX]}{offset}"


def dt(text: str) -> str:
    """The day, month or year as a v2 DT; "" when it is none."""
    return text[: len(_FIRST)].replace("-", "") if _moment(text) is not None else ""


def tm(text: str) -> str:
    """A FHIR time as a v2 TM; "" when it is none."""
    found = _TIME.fullmatch(text)
    return "" if found is None else "".join(part or "" for part in found.groups())


def civil(us: int) -> str:
    """Microseconds since 1970 as a v2 DTM in ``ZONE`` with its offset, to the second."""
    return f"{(_EPOCH + timedelta(microseconds=us)).astimezone(ZONE):%Y%m%d%H%M%S%z}"


def span_us(text: str) -> tuple[int, int] | None:
    """First and last microsecond of what a dateTime or date says: a date is the whole day, month or year in ``ZONE``. None for no time."""
    found = _moment(text)
    if found is None:
        return None
    start = found[0]
    try:
        if len(text) > len(_FIRST):
            end = start
        elif len(text) == len(_FIRST):
            end = start + timedelta(days=1)  # civil: the zone is asked anew
        else:
            months = start.month if len(text) > 4 else 12
            end = start.replace(year=start.year + months // 12, month=months % 12 + 1)
        first, last = ((moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1) for moment in (start, end))
    except (ValueError, OverflowError):
        return None
    return first, max(first, last - 1)
