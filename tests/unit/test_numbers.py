"""Person and organisation numbers: every published vector, the rules as properties, and python-stdnum where it judges too."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum.no import fodselsnummer

from hub.numbers import NumberKind, PersonNumber, PersonNumbers, has_national_checksum, is_organisation_number, person_number

FNR, DNR, HNR, FHN = NumberKind.FNR, NumberKind.DNR, NumberKind.HNR, NumberKind.FHN
VECTORS = {
    "15076500565": PersonNumber(FNR, synthetic=False),
    "13116900216": PersonNumber(FNR, synthetic=False),
    "70019950032": PersonNumber(DNR, synthetic=False),
    "01410199935": PersonNumber(HNR, synthetic=None),
    "13527248013": PersonNumber(HNR, synthetic=None),  # published as synthetic; month + 40 is also a hospital's own help number
    "68467038838": PersonNumber(HNR, synthetic=None),  # day + 40 and month + 40
    "88888888831": PersonNumber(FHN, synthetic=None),
    "10915596784": PersonNumber(FNR, synthetic=True),  # Test-Norge
    "15720255178": PersonNumber(FNR, synthetic=True),  # Norsk helsenett
    "01919010068": PersonNumber(FNR, synthetic=True, scheme_2032=True),  # first control digit leaves 1
    "01919010076": PersonNumber(FNR, synthetic=True, scheme_2032=True),  # 2
    "01919010084": PersonNumber(FNR, synthetic=True, scheme_2032=True),  # 3
}
NONE = [
    "98019800546",  # second control digit
    "01919010092",  # first control digit leaves 4
    "00000000000",  # both control digits hold, and there is no such day: what systems write for "unknown"
    "1507650056", "150765005655", "1507650056a", "", "١٥٠٧٦٥٠٠٥٦٥", "15076500565 ",
]  # fmt: skip


def made(day: int, month: int, year: int, individual: int, remainder: int = 0) -> str:
    """A number with control digits that hold, the first leaving ``remainder``; "" where there is none."""
    front = f"{day:02}{month:02}{year:02}{individual:03}"
    first = (remainder - sum(w * int(d) for w, d in zip((3, 7, 6, 1, 8, 9, 4, 5, 2), front, strict=True))) % 11
    second = -sum(w * int(d) for w, d in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), front + str(first % 10), strict=True)) % 11
    return f"{front}{first}{second}" if first < 10 and second < 10 else ""


def numbered(day: int, month: int, year: int, individual: int, remainder: int = 0) -> str:
    """``made``, for properties: an example without a number is passed over."""
    number = made(day, month, year, individual, remainder)
    assume(number)
    return number


DAYS, MONTHS = st.integers(1, 28), st.integers(1, 12)
BORN_1900 = st.integers(0, 499)  # individual numbers


@pytest.mark.parametrize(("number", "expected"), VECTORS.items())
def test_the_published_numbers(number: str, expected: PersonNumber) -> None:
    assert has_national_checksum(number)
    assert person_number(number) == expected


@pytest.mark.parametrize("number", NONE)
def test_no_person_numbers(number: str) -> None:
    assert person_number(number) is None


@given(
    st.tuples(DAYS, MONTHS, st.integers(0, 99), BORN_1900), st.sampled_from([0, 40]), st.sampled_from([0, 40, 65, 80]), st.integers(0, 10)
)
def test_shifts_of_day_and_month_are_told_apart(born: tuple[int, int, int, int], of_day: int, of_month: int, remainder: int) -> None:
    day, month, year, individual = born
    found = person_number(numbered(day + of_day, month + of_month, year, individual, remainder))
    if remainder > 3:
        assert found is None
        return
    kind = HNR if of_month == 40 else DNR if of_day else FNR
    assert found == PersonNumber(kind, None if of_month == 40 else of_month > 40, remainder > 0)


@given(st.integers(29, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 999))
def test_a_day_that_never_was_makes_no_number(day: int, month: int, year: int, individual: int) -> None:
    """Every pair of day and month, against the calendar."""
    assume(day < 80)
    found = person_number(numbered(day, month, year, individual))
    real_day = day - 40 if day >= 40 else day
    real_month = next((month - s for s in (0, 40, 65, 80) if 1 <= month - s <= 12), 0)
    longest = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}.get(real_month, 31)
    assert found is None or (real_month and 1 <= real_day <= longest)


@pytest.mark.parametrize(
    ("day", "year", "individual", "holds"),
    [
        (29, 0, 100, False),  # 1900 had no 29 February
        (29, 0, 500, True),  # 2000 had
        (29, 4, 100, True),
        (29, 5, 100, False),
        (28, 40, 899, False),  # no century: 750-899 with 40 or later
        (28, 53, 500, False),
        (28, 54, 500, True),  # 1854
        (28, 40, 900, True),  # 1940
        (28, 39, 999, True),  # 2039
    ],
)
def test_centuries(day: int, year: int, individual: int, *, holds: bool) -> None:
    many = range(individual, individual + 100) if individual % 100 == 0 else [individual]  # not every one has control digits
    months = [2] if day == 29 else range(1, 13)
    numbers = [number for month in months for n in many if (number := made(day, month, year, n))]
    assert numbers
    assert {person_number(number) is not None for number in numbers} == {holds}


@given(st.integers(1, 71), MONTHS, st.integers(0, 99), st.integers(0, 999), st.booleans())
def test_as_python_stdnum_where_it_judges(day: int, month: int, year: int, individual: int, is_help: bool) -> None:  # noqa: FBT001
    """Numbers, D-numbers and help numbers of the present scheme, born by 2025: there it is right."""
    assume(day != 40 and not (year > 25 and year < 40))
    number = numbered(day, month + (40 if is_help else 0), year, individual)
    assert (person_number(number) is not None) == fodselsnummer.is_valid(number)


@given(st.from_regex(r"\A[89][0-9]{10}\Z"))
def test_a_common_help_number_holds_no_date(number: str) -> None:
    assert (person_number(number) is not None) == has_national_checksum(number)


@given(st.text(max_size=14) | st.from_regex(r"\A\d{11}\Z"))
def test_anything_can_be_asked(value: str) -> None:
    found = person_number(value)
    assert found is None or has_national_checksum(value)
    assert PersonNumbers.ANY.takes(value)
    assert PersonNumbers.REAL.takes(value) or PersonNumbers.SYNTHETIC.takes(value)


@pytest.mark.parametrize(
    ("number", "real", "synthetic"),
    [
        ("15076500565", True, False),
        ("70019950032", True, False),
        ("10915596784", False, True),
        ("15720255178", False, True),
        ("01919010068", False, True),
        ("01410199935", True, True),  # these do not say
        ("88888888831", True, True),
        ("4711", True, True),
    ],
)
def test_which_numbers_a_hub_takes(number: str, *, real: bool, synthetic: bool) -> None:
    assert (PersonNumbers.REAL.takes(number), PersonNumbers.SYNTHETIC.takes(number)) == (real, synthetic)


@pytest.mark.parametrize(
    ("number", "holds"),
    [
        ("974749025", True), ("942110464", True), ("999001017", True), ("974749026", False), ("123456789", False), ("97474902", False),
        ("9747490250", False), ("97474902X", False), ("974 749 025", False), ("", False),
    ],
)  # fmt: skip
def test_organisation_numbers(number: str, *, holds: bool) -> None:
    assert is_organisation_number(number) is holds


@given(st.from_regex(r"\A[0-9]{9}\Z"))
def test_an_organisation_number_by_its_weights(number: str) -> None:
    assert is_organisation_number(number) == (sum(w * int(d) for w, d in zip((3, 2, 7, 6, 5, 4, 3, 2, 1), number, strict=True)) % 11 == 0)
