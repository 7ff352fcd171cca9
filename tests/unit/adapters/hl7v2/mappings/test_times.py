from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.hl7v2.mappings.times import date, date_time, instant, iso_of, microseconds, span, time_of_day


@pytest.mark.parametrize(
    ("v2", "fhir"),
    [
        ("2026", "2026"),
        ("202611", "2026-11"),
        ("20261120", "2026-11-20"),
        ("2026112008", "2026-11-20T08:00:00+01:00"),
        ("202607200830", "2026-07-20T08:30:00+02:00"),
        ("20261120083015", "2026-11-20T08:30:15+01:00"),
        ("20261120083015.1234", "2026-11-20T08:30:15.1234+01:00"),
        ("20261120083015-0330", "2026-11-20T08:30:15-03:30"),
        ("20261025013000", "2026-10-25T01:30:00+02:00"),
        ("20261025033000", "2026-10-25T03:30:00+01:00"),
        ("20261025023000", "2026-10-25T02:30:00+02:00"),  # twice that night: the first is taken
        ("20261025023000+0100", "2026-10-25T02:30:00+01:00"),
        ("20261320", ""),
        ("20260230", ""),
        ("04/24/2007", ""),
        ("20261120083015+1500", ""),
        ("", ""),
    ],
)
def test_a_time_keeps_its_precision_and_gets_its_zone(v2: str, fhir: str) -> None:
    assert date_time(v2) == fhir


def test_a_birth_date_is_the_senders_calendar_day() -> None:
    assert date("19691113233000-0800") == "1969-11-13"


def test_an_instant_has_seconds_and_an_offset() -> None:
    assert [instant(t) for t in ("20261120", "202611", "202611200830")] == [
        "2026-11-20T00:00:00+01:00",
        "",
        "2026-11-20T08:30:00+01:00",
    ]


def test_time_of_day() -> None:
    assert [time_of_day(t) for t in ("08", "0830", "083015.5", "2560", "x")] == ["08:00:00", "08:30:00", "08:30:15.5", "", ""]


FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1900, 2100))


@settings(deadline=None)
@given(st.datetimes(FIRST, LAST), st.integers(-13 * 60, 13 * 60))
def test_microseconds_and_fhir_agree(moment: datetime, minutes: int) -> None:
    sign, away = ("-", -minutes) if minutes < 0 else ("+", minutes)
    text = f"{moment:%Y%m%d%H%M%S}.{moment.microsecond:06}{sign}{away // 60:02}{away % 60:02}"
    us = microseconds(text)
    assert us is not None
    assert (datetime.fromisoformat(date_time(text)) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() == pytest.approx(us / 1e6, abs=1e-5)


@settings(deadline=None)
@given(st.text())
def test_whatever_is_no_time_is_no_time(text: str) -> None:
    assert isinstance(date_time(text), str)
    assert (microseconds(text) is None) == (date_time(text) == "")


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        ("2026-11-20", "2026-11-21", True),
        ("2026-11-20", "2026-11-19", False),
        ("2026-11-20T08:00:00+01:00", "2026-11-20", True),  # as far as is known
        ("2026-11-20T08:00:00+01:00", "2026-11-20T08:00:00+01:00", True),
        ("2026-11-20T08:00:00+01:00", "2026-11-20T07:30:00+00:00", True),  # half an hour later
        ("2026-11-20T08:00:00+01:00", "2026-11-20T08:30:00+02:00", False),
        ("2026-11-20T08:00:00.5+01:00", "2026-11-20T08:00:00+01:00", False),
        ("2026", "2025-12", False),
        ("", "2026", True),
        ("2026", "", False),
    ],
)
def test_a_period_does_not_run_backwards(start: str, end: str, kept: object) -> None:
    made = span(start, end)
    assert made.get("start", "") == start
    assert (made.get("end", "") == end != "") is kept


def test_microseconds_as_an_instant() -> None:
    assert iso_of(1_795_000_000_123_456) == "2026-11-18T11:06:40.123Z"
