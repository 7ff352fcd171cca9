"""What was agreed with a sender is held against its messages; what was not is not."""

import pytest

from hub.adapters.profile import Profile, Required, Terms
from hub.numbers import PersonNumbers
from tests.unit.adapters.hl7v2.check.made import GOOD, MSH, found, raw, spoiled, with_field

KEPT = Profile(
    applications=("DIPS",), facilities=("STOLAV",), encoding="UNICODE UTF-8", messages=("ADT^A01",), versions=("2.5.1",),
    required=(
        Required("", "PV1", 19, 1), Required("ADT^A01", "PID", 11, 9), Required("ADT^A03", "PV2", 3, 1), Required("ORU", "OBX", 11, 1),
    ),
)  # fmt: skip


def told(message: bytes, **agreed: object) -> set[str]:
    return set(found(message, Terms(profile=Profile(**agreed))))  # type: ignore[arg-type]


def test_an_agreement_that_is_kept() -> None:
    assert found(raw(*GOOD), Terms(profile=KEPT)) == {}


@pytest.mark.parametrize(
    ("agreed", "expected"),
    [
        ({"applications": ("OTHER",)}, "agreed.application MSH-3"),
        ({"facilities": ("OTHER",)}, "refused.unknown_sender MSH-4"),
        ({"messages": ("ADT^A03",)}, "agreed.message MSH-9"),
        ({"versions": ("2.4",)}, "agreed.version MSH-12"),
        ({"encoding": "8859/1"}, "agreed.encoding MSH-18"),
        ({"required": (Required("", "PID", 23, 1),)}, "agreed.required PID-23"),
        ({"required": (Required("ADT", "PV2", 3, 2),)}, "agreed.required PV2-3.2"),
        ({"person_numbers": PersonNumbers.SYNTHETIC}, "refused.unwelcome_person_number PID-3"),
    ],
)
def test_what_is_not_kept_is_told(agreed: dict[str, object], expected: str) -> None:
    assert expected in told(raw(*GOOD), **agreed)
    assert expected not in told(raw(*GOOD))


def test_the_agreed_character_set_is_that_of_messages_that_declare_none() -> None:
    message = raw(with_field(MSH, 18, ""), *GOOD[1:], encoding="latin-1")
    assert told(message, encoding="8859/1") == {"text.undeclared MSH-18"}


def test_delete_does_not_fill_a_field() -> None:
    required = (Required("", "PID", 13, 1),)
    assert told(spoiled(("PID", 13, '""')), required=required) == {"agreed.required PID-13"}
    assert told(spoiled(("PID", 13, '""~90000001')), required=required) == set()
