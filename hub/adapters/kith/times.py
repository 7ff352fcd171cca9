"""XML Schema times (dateTime, date, gYearMonth, gYear) as microseconds and as FHIR instants; without an offset they are civil time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Oslo")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORM: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?)?)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)  # fmt: skip


def _moment(text: str) -> datetime | None:
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) if part else least for part, least in zip(found.groups(), (0, 1, 1, 0, 0, 0)))  # noqa: B905  the first six of eight
    offset = found[8]
    try:
        moment = datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(6, "0")), tzinfo=ZONE)
        if offset:
            moment = datetime.fromisoformat(f"{moment.replace(tzinfo=None).isoformat()}{offset}")
        moment.astimezone(UTC)  # an offset that leads out of the calendar overflows here
    except (ValueError, OverflowError):
        return None
    return moment


def microseconds(text: str) -> int | None:
    """Whole microseconds since 1970; missing parts count as their lowest value. None when it is no time."""
    moment = _moment(text)
    return None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)


def instant(text: str) -> str:
    """The time as a FHIR instant, as the sender's own clock has it; "" when it is none."""
    moment = _moment(text)
    return "" if moment is None else moment.isoformat()


def date_time(text: str) -> str:
    """The time as a FHIR dateTime: a day stays a day. "" when it is none."""
    whole = instant(text)
    return whole if "T" in text else text.strip()[: len("yyyy-mm-dd")] if whole else ""


def instant_of(us: int) -> str:
    """Microseconds since 1970 as a FHIR instant in civil time."""
    return (EPOCH + timedelta(microseconds=us)).astimezone(ZONE).isoformat()
