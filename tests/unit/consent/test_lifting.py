"""Who may lift what somebody else wrote: the patient always, a representative what representatives wrote, parents of small children all."""

from datetime import UTC, datetime

import pytest

from hub.consent.lifting import may_change
from hub.consent.question import Acp, Asker, Capacity
from hub.model import Boundaries

NOW = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()) * 1_000_000
PATIENT, OTHER, STAFF = Capacity.PATIENT, Capacity.REPRESENTATIVE, Capacity.PERSONNEL
SMALL, TWELVE = "2014-11-27", "2014-11-26"  # 11 years, and 12 today

# who | access policy | born || what the patient wrote, what a representative wrote
ROWS = [
    (PATIENT, Acp.NULL, "1938-01-14", True, True),
    (PATIENT, Acp.NULL, SMALL, True, True),
    (PATIENT, Acp.NULL, "", True, True),
    (OTHER, Acp.PARENT, SMALL, True, True),
    (OTHER, Acp.PARENT, TWELVE, False, True),
    (OTHER, Acp.PARENT, "2014", False, True),  # 11 or 12
    (OTHER, Acp.PARENT, "2011-01-01", False, True),
    (OTHER, Acp.PARENT, "", False, True),
    (OTHER, Acp.PARENT, "2030-01-01", False, True),
    (OTHER, Acp.ATTORNEY, "1938-01-14", False, True),
    (OTHER, Acp.ATTORNEY, SMALL, False, True),
    (OTHER, Acp.GUARDIAN, "1938-01-14", False, True),
    (OTHER, Acp.GUARDIAN, SMALL, False, True),
    (STAFF, Acp.PARENT, SMALL, False, False),
    (STAFF, Acp.EXPLICIT, "1938-01-14", False, False),
]


@pytest.mark.parametrize(("capacity", "acp", "born", "patients", "representatives"), ROWS)
def test_who_may_change_what_was_written(capacity: Capacity, acp: Acp, born: str, *, patients: bool, representatives: bool) -> None:
    asker = Asker(capacity, acp, birth_date=born)
    assert may_change(asker, by_representatives=False, now_us=NOW, boundaries=Boundaries()) is patients
    assert may_change(asker, by_representatives=True, now_us=NOW, boundaries=Boundaries()) is representatives


@pytest.mark.parametrize(("child_years", "alone_years", "expected"), [(11, 16, False), (12, 16, True), (16, 11, False), (16, 12, True)])
def test_the_ages_are_settings(child_years: int, alone_years: int, *, expected: bool) -> None:
    boundaries = Boundaries(child_years=child_years, alone_years=alone_years)
    parent = Asker(OTHER, Acp.PARENT, birth_date=SMALL)
    assert may_change(parent, by_representatives=False, now_us=NOW, boundaries=boundaries) is expected
