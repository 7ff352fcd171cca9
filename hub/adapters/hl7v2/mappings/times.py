"""HL7 v2 times (DT, DTM, TS) as FHIR dates and as microseconds.

A v2 time may stop at any digit and may lack its offset; without one it is in the zone of MSH-7 (``Text.at``), else civil time in ``ZONE``.
FHIR wants minutes and seconds as soon as there is an hour, so those are filled with zeros (R4, "dateTime"); what the sender did not say
beyond that is never added. Something that is no time gives ``""`` or None: one bad clock in a message must not stop the rest of it.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Oslo")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DTM: Final = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6})\d*)?)?)?)?)?)?([+-]\d{4})?", re.ASCII)
_TM: Final = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?(\.\d+)?(?:[+-]\d{4})?", re.ASCII)  # some write a clock's colons
_OFFSET_MAX: Final = timedelta(hours=14)
_DAY_DIGITS: Final = 8
_DATE_LENGTH: Final = 10  # of a FHIR date
_MINUTE_OR_SECOND: Final = (12, 14)  # digits of a time known to the minute, or to the second


def _zone(offset: str) -> timezone | ZoneInfo:
    if not offset:
        return ZONE
    away = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
    if away > _OFFSET_MAX:
        raise ValueError("offset")
    return timezone(-away if offset[0] == "-" else away)


def _moment(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second, fraction, offset = found.groups("")
    micro = int(fraction.ljust(6, "0")) if fraction else 0
    return datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), micro, tzinfo=_zone(offset)
    )  # fmt: skip


def zone_of(text: str) -> str:
    """The offset of MSH-7 where it is not that of Norwegian civil time at that moment; "" else.

    A sender with Norway's offset lives in Norway, and its clock changes with the season: its other times are civil time.
    """
    if "+" not in text and "-" not in text:
        return ""
    found = _DTM.fullmatch(text.strip())
    if found is None or not found[4] or not found[8]:
        return ""
    try:
        moment = _moment(found)
    except (ValueError, OverflowError):
        return ""
    return "" if moment.utcoffset() == moment.astimezone(ZONE).utcoffset() else found[8]


def microseconds(text: str) -> int | None:
    """A DTM as whole microseconds since 1970-01-01T00:00:00Z; missing parts count as their lowest value. None when it is no time."""
    if not text:
        return None
    if len(text) not in _MINUTE_OR_SECOND or not text.isdigit() or not text.isascii():
        return _counted(text.strip())
    start, minute, second = _hour(text[:10]), int(text[10:12]), int(text[12:] or 0)
    return start + (minute * 60 + second) * 1_000_000 if start is not None and minute < 60 and second < 60 else None


@lru_cache(maxsize=4096)  # messages are of the present hour, mostly
def _hour(text: str) -> int | None:
    """The start of a civil hour. The rest of it follows evenly: since 1895 the zone's clocks were only changed at a full hour."""
    return _counted(text)


def _counted(text: str) -> int | None:
    found = _DTM.fullmatch(text)
    if found is None:
        return None
    try:
        return (_moment(found) - EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def date_time(text: str) -> str:
    """A DTM as a FHIR dateTime of the same precision; "" when it is no time."""
    size = len(text)
    if size in _MINUTE_OR_SECOND and text.isdigit() and text.isascii():  # as nearly all are written
        start, end = _hour_text(text[:10])
        minute, second = text[10:12], text[12:] or "00"
        return f"{start}:{minute}:{second}{end}" if start and minute < "60" and second < "60" else ""
    return _day_text(text) if size == _DAY_DIGITS else _dated(text)


@lru_cache(maxsize=4096)  # as _hour
def _hour_text(text: str) -> tuple[str, str]:
    """A civil hour as the beginning and the end of a dateTime; "" when it is none."""
    whole = _dated(text)
    return whole[:13], whole[19:]


@lru_cache(maxsize=4096)  # days of admission and birth: a calendar's worth of them
def _day_text(text: str) -> str:
    return _dated(text)


def _dated(text: str) -> str:
    found = _DTM.fullmatch(text.strip()) if text else None
    if found is None:
        return ""
    try:
        moment = _moment(found)
    except (ValueError, OverflowError):
        return ""
    if not found[4]:
        return "-".join(part for part in found.group(1, 2, 3) if part) if moment.year else ""
    whole = moment.replace(microsecond=0).isoformat() if found[7] else moment.isoformat()
    return f"{whole[:19]}.{found[7]}{whole[19:]}" if found[7] else whole


def date(text: str) -> str:
    """The day (or month, or year) of a DT or DTM as a FHIR date, as the sender's own calendar has it; "" when it is none."""
    return date_time(text)[:10]


def instant(text: str) -> str:
    """A DTM as a FHIR instant; "" unless it is known to the day at least (an instant has seconds and an offset)."""
    whole = date_time(text)
    if len(whole) < 10:
        return ""
    return whole if len(whole) > 10 else date_time(text.strip()[:_DAY_DIGITS] + "000000")


def span(start: str, end: str) -> dict[str, str]:
    """Two FHIR dateTimes as a Period (R4 per-1): an end that comes before the start is none; either may be open."""
    out = {"start": start} if start else {}
    if end and not (start and _is_before(end, start)):
        out["end"] = end
    return out


def _is_before(one: str, other: str) -> bool:
    """To the precision of the less precise of the two."""
    size = min(len(one), len(other))
    if size <= _DATE_LENGTH:
        return one[:size] < other[:size]
    if len(one) == len(other) and one[-6:] == other[-6:]:
        return one < other
    return datetime.fromisoformat(one) < datetime.fromisoformat(other)


def time_of_day(text: str) -> str:
    """A TM as a FHIR time; "" when it is none."""
    found = _TM.fullmatch(text.strip()) if text else None
    if found is None or found[1] > "23" or (found[2] or "00") > "59" or (found[3] or "00") > "59":
        return ""
    return f"{found[1]}:{found[2] or '00'}:{found[3] or '00'}{found[4] or ''}"


def iso_of(us: int) -> str:
    """Microseconds since 1970 as a FHIR instant in UTC."""
    moment = EPOCH + timedelta(microseconds=us)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span_us(text: str) -> tuple[int, int] | None:
    """First and last microsecond of what a DTM says: a day is the whole civil day. None when it is no time."""
    found = _DTM.fullmatch(text.strip()) if text else None
    if found is None:
        return None
    try:
        start = _moment(found)
        known = next((n for n in range(6, 0, -1) if found[n]), 1)
        end = start if found[7] else _after(start, known) - _MICROSECOND
        return (start - EPOCH) // _MICROSECOND, (end - EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def _after(start: datetime, known: int) -> datetime:
    """The end of a year (1), month (2), day (3), hour (4), minute (5) or second (6): by the calendar, then by the clock."""
    if known > 3:
        return (start.astimezone(UTC) + timedelta(seconds=(3600, 60, 1)[known - 4])).astimezone(start.tzinfo)
    if known == 3:
        return start + timedelta(days=1)  # civil: the zone is asked anew
    return start.replace(year=start.year + 1) if known == 1 else _month_after(start)


def _month_after(start: datetime) -> datetime:
    return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
