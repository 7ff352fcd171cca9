"""Moments as people write them, in Norwegian civil time."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hub.web.citizen.vocabulary import Language

OSLO: Final = ZoneInfo("Europe/Oslo")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = {
    Language.NORWEGIAN: (
        "januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember",
    ),
    Language.ENGLISH: (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip


def civil(us: int) -> datetime:
    """Microseconds since 1970 in Norwegian civil time."""
    return (_EPOCH + timedelta(microseconds=us)).astimezone(OSLO)


def civil_date(language: Language, day: date) -> str:
    """``26. november 2026``, ``26 November 2026``."""
    mark = "." if language is Language.NORWEGIAN else ""
    return f"{day.day}{mark} {_MONTHS[language][day.month - 1]} {day.year}"


def civil_time(language: Language, us: int) -> str:
    """``26. november 2026 kl. 05.45``, ``26 November 2026, 05:45``."""
    at = civil(us)
    between, clock = (" kl. ", "%H.%M") if language is Language.NORWEGIAN else (", ", "%H:%M")
    return f"{civil_date(language, at.date())}{between}{at.strftime(clock)}"
