import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.fhir.times import civil, dt, dtm, microseconds, tm
from hub.adapters.hl7v2.mappings.times import date_time


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2026", "2026"),
        ("2026-11", "202611"),
        ("2026-11-20", "20261120"),
        ("2026-11-20T08:30:00Z", "20261120083000+0000"),
        ("2026-11-20T08:30:00+01:00", "20261120083000+0100"),
        ("2026-11-20T08:30:00.123456-05:00", "20261120083000.1234-0500"),
        ("2026-07-20T08:30:00", "20260720083000+0200"),
        ("2026-13-01", ""),
        ("20261120", ""),
        ("", ""),
    ],
)
def test_a_time_keeps_its_precision_and_offset_in_v2(said: str, told: str) -> None:
    assert dtm(said) == told


def test_a_day_is_a_day_whatever_the_hour() -> None:
    assert dt("2026-11-20T23:59:00Z") == "20261120"
    assert dt("2026-11") == "202611"
    assert dt("x") == ""


def test_an_hour_of_the_clock_is_told_as_it_is_written() -> None:
    assert tm("08:30:05") == "083005"
    assert tm("08:30:05.123456") == "083005.1234"
    assert tm("24:00:00") == ""


@settings(deadline=None)
@given(st.datetimes().map(lambda d: f"{d:%Y-%m-%dT%H:%M:%S}+01:00".rjust(25, "0")))
def test_a_time_that_is_told_in_v2_is_the_same_moment_there(said: str) -> None:
    made = dtm(said)
    assert not made or microseconds(date_time(made)) == microseconds(said)


def test_the_hub_s_own_times_are_the_country_s() -> None:
    assert civil(0) == "19700101010000+0100"
