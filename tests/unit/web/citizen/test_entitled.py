"""Who sees what: rows 6 and 7, as NHN's own tests have them, and the days on which an age is reached."""

from datetime import UTC, date, datetime

import pytest

from hub.ledger.representations import Basis
from hub.model import Identifier
from hub.settings import Settings
from hub.web.citizen.entitled import may_enter, may_see
from hub.web.citizen.visit import Subject

WHO = Identifier("urn:x", "1")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("basis", "born", "now", "expected"),
    [
        (None, "2010-11-26", "2026-11-25T22:59:59", False),  # Oslo: 25 November
        (None, "2010-11-26", "2026-11-25T23:00:00", True),  # Oslo: 26 November, 16 years
        (None, "1938-01-14", "2026-11-26T12:00:00", True),
        (None, "", "2026-11-26T12:00:00", False),
        (None, "2030-01-01", "2026-11-26T12:00:00", False),
        (Basis.PARENT, "2014-11-27", "2026-11-26T12:00:00", True),  # 11
        (Basis.PARENT, "2014-11-26", "2026-11-26T12:00:00", False),  # 12 today
        (Basis.PARENT, "2030-11-26", "2026-11-26T12:00:00", False),
        (Basis.PARENT, "", "2026-11-26T12:00:00", False),
        (Basis.ATTORNEY, "1938-01-14", "2026-11-26T12:00:00", True),
        (Basis.ATTORNEY, "", "2026-11-26T12:00:00", True),
    ],
)
def test_ages_in_norwegian_civil_days(basis: Basis | None, born: str, now: str, *, expected: bool) -> None:
    subject = Subject(WHO, "", date.fromisoformat(born) if born else None, basis)
    assert may_enter(subject, Settings(), at(now)) is expected


@pytest.mark.parametrize("basis", [Basis.PARENT, Basis.ATTORNEY])
def test_nobody_is_represented_where_an_address_is_protected(basis: Basis) -> None:
    assert not may_enter(Subject(WHO, "", date(2020, 1, 1), basis, protected=True), Settings(), at("2026-11-26T12:00:00"))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((), True), (("N",), True), (("R",), True), (("N", "PSY"), True), (("V",), False), (("R", "V"), False), (("NORN_ANG",), False),
        (("NORN_ALL",), False), (("N", "whatever"), False), (("",), False),
    ],
)  # fmt: skip
def test_labels(labels: tuple[str, ...], *, expected: bool) -> None:
    assert may_see(labels) is expected
