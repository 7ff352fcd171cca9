"""XML Schema's times, with and without offset, to the microsecond; what is no time is nothing."""

import pytest

from hub.adapters.kith.times import date_time, instant, instant_of, microseconds

WINTER = 1_795_159_815_000_000  # 2026-11-20T08:30:15+01:00


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-11-20T08:30:15", WINTER),
        ("2026-11-20T08:30:15+01:00", WINTER),
        (" 2026-11-20T07:30:15Z ", WINTER),
        ("2026-11-20T08:30:15.5", WINTER + 500_000),
        ("2026-11-20T08:30:15.1234567+01:00", WINTER + 123_456),
        ("2026-11-20", 1_795_129_200_000_000),
        ("2026-07-01T00:00:00", 1_782_856_800_000_000),  # summer time
        ("2026-11", 1_793_487_600_000_000),
        ("2026", 1_767_222_000_000_000),
    ],
)
def test_a_time(text: str, us: int) -> None:
    assert microseconds(text) == us


@pytest.mark.parametrize(
    "text", ["", "x", "2026-02-30", "2026-11-20T25:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-20T"]
)
def test_no_time(text: str) -> None:
    assert (microseconds(text), instant(text), date_time(text)) == (None, "", "")


def test_as_fhir() -> None:
    assert instant("2026-11-20T08:30:15") == "2026-11-20T08:30:15+01:00"
    assert date_time("2026-11-20") == "2026-11-20"
    assert date_time("2026-11-20T08:30:15Z") == "2026-11-20T08:30:15+00:00"
    assert instant_of(WINTER) == "2026-11-20T08:30:15+01:00"
