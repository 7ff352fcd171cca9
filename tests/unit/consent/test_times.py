"""A FHIR dateTime is the whole of what it says: a year, a month, a day, a second, a part of a second (FHIR R4, Period: ends inclusive)."""

from datetime import datetime
from typing import Any

import pytest

from hub.consent.fhir import consent_from_fhir
from hub.consent.provisions import is_now
from hub.consent.times import bounds


def us(text: str) -> int:
    """Exact to the microsecond."""
    moment = datetime.fromisoformat(text)
    return int(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond


# text || its first and its last microsecond
ROWS = [
    ("2026", "2026-01-01T00:00:00+01:00", "2026-12-31T23:59:59.999999+01:00"),
    ("2024", "2024-01-01T00:00:00+01:00", "2024-12-31T23:59:59.999999+01:00"),  # of 366 days
    ("2026-02", "2026-02-01T00:00:00+01:00", "2026-02-28T23:59:59.999999+01:00"),
    ("2026-12", "2026-12-01T00:00:00+01:00", "2026-12-31T23:59:59.999999+01:00"),
    ("2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-29T23:59:59.999999+02:00"),  # of 23 hours
    ("2026-10-25", "2026-10-25T00:00:00+02:00", "2026-10-25T23:59:59.999999+01:00"),  # of 25
    ("2026-12-31T23:59:59+01:00", "2026-12-31T23:59:59+01:00", "2026-12-31T23:59:59.999999+01:00"),
    ("2026-12-31T22:59:59Z", "2026-12-31T22:59:59+00:00", "2026-12-31T22:59:59.999999+00:00"),
    ("2026-12-31T22:59:59.5Z", "2026-12-31T22:59:59.5+00:00", "2026-12-31T22:59:59.599999+00:00"),
    ("2026-12-31T22:59:59.05Z", "2026-12-31T22:59:59.05+00:00", "2026-12-31T22:59:59.059999+00:00"),
    ("2026-12-31T22:59:59.999Z", "2026-12-31T22:59:59.999+00:00", "2026-12-31T22:59:59.999999+00:00"),
    ("2026-12-31T22:59:59.000Z", "2026-12-31T22:59:59+00:00", "2026-12-31T22:59:59.000999+00:00"),
    ("2026-12-31T22:59:59.00001Z", "2026-12-31T22:59:59.00001+00:00", "2026-12-31T22:59:59.000019+00:00"),
    ("2026-12-31T22:59:59.123456Z", "2026-12-31T22:59:59.123456+00:00", "2026-12-31T22:59:59.123456+00:00"),
    ("2026-12-31T22:59:59.1234567Z", "2026-12-31T22:59:59.123456+00:00", "2026-12-31T22:59:59.123456+00:00"),
    ("2026-12-31T22:59:59.123456789-03:30", "2026-12-31T22:59:59.123456-03:30", "2026-12-31T22:59:59.123456-03:30"),
    ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59.999999+00:00"),
]


@pytest.mark.parametrize(("text", "first", "last"), ROWS)
def test_every_precision_is_covered_whole(text: str, first: str, last: str) -> None:
    assert bounds(text) == (us(first), us(last))


@pytest.mark.parametrize(("text", "last"), [(text, us(last)) for text, _, last in ROWS])
@pytest.mark.parametrize("name", ["period", "dataPeriod"])
def test_a_lock_holds_to_the_last_moment_of_its_end(name: str, text: str, last: int) -> None:
    patient = {"identifier": {"system": "urn:x", "value": "1"}}
    provision: dict[str, Any] = {"type": "deny", name: {"end": text}}
    lock, _ = consent_from_fhir(
        {"resourceType": "Consent", "id": "c", "status": "active", "patient": patient, "provision": provision}, 1
    )  # fmt: skip
    span = lock.provision.period or lock.provision.data_period
    assert (is_now(span, last), is_now(span, last + 1)) == (True, False)


@pytest.mark.parametrize("text", ["9999", "9999-12", "9999-12-31"])
def test_what_ends_with_the_calendar_is_open(text: str) -> None:
    assert bounds(text)[1] is None


WRONG = ["2026-12-31T23:59Z", "2026-12-31T23:59:59", "2026-12-31T23:59:59.Z", "2026-12-31T23:59:60Z", "2026-13", "x"]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_fhir_date_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # it says no more: the text is a patient's
        bounds(text)
