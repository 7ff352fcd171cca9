from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.hl7v2.mappings.times import date, date_time, instant, iso_of, microseconds, span, time_of_day, zone_of
from tests.unit.adapters.made import HEAD, PID, PV1, hl7v2, rendered


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


@pytest.mark.parametrize(
    ("sent", "zone"),
    [
        ("20261120083015", ""),
        ("20261120083015+0100", ""),  # as in Norway: times of another season are in its other offset
        ("20260720083015+0200", ""),
        ("20260720083015+0100", "+0100"),
        ("20261120083015+0000", "+0000"),
        ("20261120083015.25-0500", "-0500"),
        ("20261120+0000", ""),  # of a day no moment is known
        ("20261120083015+2500", ""),
        ("yesterday-0500", ""),
    ],
)
def test_the_zone_of_a_message_is_that_of_its_header(sent: str, zone: str) -> None:
    assert zone_of(sent) == zone


ZONED = (
    "EVN||{0}|{0}|||{0}", PID, "PD1||||9144889^Lund^Kari", PV1[:-15] + "{0}|{0}", "ORC|RE|P1|F1||||||{0}",
    "OBR|1|P1|F1|1-8^Urea^LN|||{0}|{0}||||||||||||||{0}|||F", "TQ1|1||||||{0}|{0}", "OBX|1|TS|2-2^Seen^LN||{0}||||||F|||{0}|||||{0}",
    "OBX|2|DR|3-3^Span^LN||{0}^{0}||||||F|||{0}", "SPM|1|S1||BLD|||||||||||||{0}^{0}|{0}",
)  # fmt: skip


@pytest.mark.parametrize(("offset", "others"), [("+0000", "+0000"), ("-0500", "-0500"), ("+0100", "")])
def test_times_without_an_offset_have_the_headers(offset: str, others: str) -> None:
    """HL7 v2.5.1 2.15.9.7."""
    said, meant = ([s.format(f"20261120071500{o}") for s in ZONED] for o in ("", others))
    head = HEAD.format(type="ORU^R01").replace("20261120083015", f"20261120083015{offset}")
    one, other = (hl7v2("".join(f"{s}\r" for s in (head, *segments)).encode()) for segments in (said, meant))
    assert [replace(m.event(), event_id="") for m in (one,)] == [replace(m.event(), event_id="") for m in (other,)]
    assert one.event().occurred_us == microseconds(f"20261120071500{others or '+0100'}")
    assert times_of(rendered(one)) == times_of(rendered(other))
    assert [i.first_us for i in one.items()] == [i.first_us for i in other.items()]


def times_of(value: Any) -> list[str]:
    """Every moment in a Bundle, in order."""
    if isinstance(value, dict | list):
        return [t for v in (value.values() if isinstance(value, dict) else value) for t in times_of(v)]
    return [value] if isinstance(value, str) and value.startswith("2026-11-20T") else []
