"""A sender's profile: read whole, and every mistake told in a line that says what to write."""

import pytest

from hub.adapters.profile import Allowance, Profile, Required, read_profile
from hub.config import ConfigError
from hub.numbers import PersonNumbers

WHOLE = """
[sender]
name = "St. Olavs hospital"
applications = ["DIPS"]
facilities = ["STOLAV"]
encoding = "8859/1"
messages = ["ADT^A01", "ADT^A03"]
versions = ["2.5.1"]
required = ["PV1-19", "ADT^A03 PV1-45", "ADT PID-11.9"]
person_numbers = "synthetic"

[[allow]]
code = "standard.unknown-segment"
place = "ZPV"
reason = "agreed in May"

[[allow]]
code = "time.no-offset"
reason = "its clock is Norwegian"
"""


def test_a_whole_profile() -> None:
    assert read_profile(WHOLE) == Profile(
        "St. Olavs hospital", ("DIPS",), ("STOLAV",), "8859/1", ("ADT^A01", "ADT^A03"), ("2.5.1",),
        (Required("", "PV1", 19, 1), Required("ADT^A03", "PV1", 45, 1), Required("ADT", "PID", 11, 9)), PersonNumbers.SYNTHETIC,
        (Allowance("standard.unknown-segment", "ZPV", "agreed in May"), Allowance("time.no-offset", "", "its clock is Norwegian")),
    )  # fmt: skip
    assert [r.place for r in read_profile(WHOLE).required] == ["PV1-19", "PV1-45", "PID-11.9"]


def test_an_empty_profile_agrees_on_nothing() -> None:
    assert read_profile("") == Profile()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sender", "not TOML"),
        ("[receiver]", "receiver: no such table"),
        ("sender = 1", "write it as a table"),
        ("[sender]\nsenders = []", "senders: no such field"),
        ("[sender]\nname = 1", "name: write text in quotes"),
        ('[sender]\nversions = "2.5"', "versions: write a list"),
        ("[sender]\nversions = [2.5]", "versions: write a list"),
        ('[sender]\nrequired = ["PV1.19"]', "required: write a list of places"),
        ('[sender]\nperson_numbers = "none"', 'person_numbers: write one of "any"'),
        ("allow = 1", "write each as a table"),
        ('[[allow]]\ncode = "x"', "[[allow]] 1: reason: missing"),
        ('[[allow]]\nreason = "x"', "[[allow]] 1: code: missing"),
        ('[[allow]]\ncode = 1\nreason = "x"', "[[allow]] 1: code: write"),
        ('[[allow]]\ncode = "x"\nreason = "x"\nwhy = "x"', "[[allow]] 1: why: no such field"),
    ],
)
def test_each_mistake_is_one_line_that_says_what_to_write(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_profile(text)
    assert len(caught.value.lines) == 1
    assert told in caught.value.lines[0]
