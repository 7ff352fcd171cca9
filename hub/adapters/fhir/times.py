"""FHIR times (R4: dateTime, instant, date) as microseconds and as HL7 v2 DTM."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Oslo")  # of dates, which have no offset
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORM: Final = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII)
_FIRST: Final = "0000-01-01"


def _moment(text: str) -> datetime | None:
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
    return moment


def microseconds(text: str) -> int | None:
    """Whole microseconds since 1970; missing parts count as their lowest value. None when it is no time."""
    moment = _moment(text)
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def dtm(text: str) -> str:
    """The time as a v2 DTM of the same precision, to the second; "" when it is none."""
    moment = _moment(text)
    if moment is None:
        return ""
    if len(text) <= len(_FIRST):
        return text.replace("-", "")
    return f"{moment:%Y%m%d%H%M%S%z}"


def civil(us: int) -> str:
    """Microseconds since 1970 as a v2 DTM in ``ZONE`` with its offset, to the second."""
    return f"{(_EPOCH + timedelta(microseconds=us)).astimezone(ZONE):%Y%m%d%H%M%S%z}"
