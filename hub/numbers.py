"""Norwegian numbers of persons and organisations: what kind a number is, and whether it holds. Pure: no clock, nothing is looked up.

Organisation numbers: Brønnøysundregistrene's control digit. Person numbers (eleven digits) by Skatteetaten's rules: a date of birth, three
digits for the individual, two control digits.

| kind                                  | how it is told                                          |
| ------------------------------------- | ------------------------------------------------------- |
| FNR  fødselsnummer                    | day 1-31, month 1-12                                    |
| DNR  D-nummer                         | day + 40                                                |
| HNR  a hospital's own help number     | month + 40; unique with its assigner only               |
| FHN  common help number               | first digit 8 or 9; holds no date                       |
| synthetic, Tenor (Test-Norge)         | month + 80                                              |
| synthetic, Norsk helsenett            | month + 65                                              |

Day and month are shifted independently. From 2032 numbers are issued whose first control digit leaves 1, 2 or 3 as well as 0: they hold,
and are flagged; their century cannot be read. Nobody's sex or age is read from a number for any decision.

python-stdnum: ``stdnum.no.orgnr`` is right and used. ``stdnum.no.fodselsnummer`` (2.2) is not used: it refuses common help numbers,
synthetic numbers and those of the 2032 scheme, and it reads the clock. On what both judge (plain, D- and help numbers) the tests compare.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from stdnum.no import orgnr

_K1_WEIGHTS: Final = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_K2_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_K1_REMAINDERS: Final = frozenset({0, 1, 2, 3})  # 0 today; 1..3 for numbers issued under the 2032 scheme
_MONTH_SHIFTS: Final = ((0, False, False), (40, True, False), (65, False, True), (80, False, True))  # shift, local help number, synthetic
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# digits 7-9 from..to, year of century from..to, century: the first row that fits
_CENTURIES: Final = ((0, 499, 0, 99, 1900), (500, 749, 54, 99, 1800), (500, 999, 0, 39, 2000), (900, 999, 40, 99, 1900))


class NumberKind(StrEnum):
    """Volven 8116: what a person number is."""

    FNR = "FNR"
    DNR = "DNR"
    HNR = "HNR"
    FHN = "FHN"


class PersonNumber(NamedTuple):
    """What can be read of a number that holds. Never the number."""

    kind: NumberKind
    synthetic: bool | None  # None = the number does not say: common help numbers, and help numbers (month + 40 is also used for tests)
    scheme_2032: bool = False


class PersonNumbers(StrEnum):
    """Which person numbers a hub takes (``HUB_PERSON_NUMBERS``). What does not say which it is, is taken by each."""

    ANY = "any"
    REAL = "real"  # production: a synthetic number is refused
    SYNTHETIC = "synthetic"  # test: a real person's number is refused

    def takes(self, value: str) -> bool:
        """Whether a message may name this number. What is no person number is not judged."""
        if self is PersonNumbers.ANY:
            return True
        found = person_number(value)
        return found is None or found.synthetic is None or found.synthetic is (self is PersonNumbers.SYNTHETIC)


def has_national_checksum(value: str) -> bool:
    """True when both control digits of an 11-digit Norwegian person number hold (either scheme), whatever the date."""
    return _remainder(value) in _K1_REMAINDERS


def person_number(value: str) -> PersonNumber | None:
    """What kind of person number this is; None when it is none: length, control digits, date or individual number do not hold."""
    remainder = _remainder(value)
    if remainder not in _K1_REMAINDERS:
        return None
    later = remainder != 0
    if value[0] in "89":
        return PersonNumber(NumberKind.FHN, None, later)
    is_d = value[0] in "4567"
    day = int(value[:2]) - (40 if is_d else 0)
    for shift, is_help, synthetic in _MONTH_SHIFTS:
        month = int(value[2:4]) - shift
        if 1 <= month <= 12:
            if not _is_date(day, month, int(value[4:6]), None if later else int(value[6:9])):
                return None
            kind = NumberKind.HNR if is_help else NumberKind.DNR if is_d else NumberKind.FNR
            return PersonNumber(kind, None if is_help else synthetic, later)
    return None


def is_organisation_number(value: str) -> bool:
    """Whether the control digit of an organisation number holds: nine digits, weights 3 2 7 6 5 4 3 2, modulo 11."""
    return len(value) == 9 and value.isascii() and value.isdigit() and bool(orgnr.is_valid(value))


def _remainder(value: str) -> int:
    """What the first control digit leaves modulo 11; -1 when the value is no eleven digits or the second control digit does not hold."""
    if len(value) != 11 or not value.isascii() or not value.isdigit():
        return -1
    digits = [ord(c) - 48 for c in value]
    if sum(w * d for w, d in zip(_K2_WEIGHTS, digits, strict=True)) % 11:
        return -1
    return sum(w * d for w, d in zip(_K1_WEIGHTS, digits, strict=False)) % 11


def _is_date(day: int, month: int, two_digits: int, individual: int | None) -> bool:
    """Whether there was such a day. individual: digits 7-9, which say the century; None = they do not, and any century will do."""
    if individual is None:
        leap = two_digits % 4 == 0  # of 1900 and 2000 one was
    else:
        century = next((c for a, b, y, z, c in _CENTURIES if a <= individual <= b and y <= two_digits <= z), 0)
        if not century:
            return False
        leap = two_digits % 4 == 0 and (two_digits != 0 or century % 400 == 0)
    return 1 <= day <= _DAYS[month - 1] + (1 if month == 2 and leap else 0)
