"""Elements of FHIR resources: each read as the standard has it, or refused at its place, which is all that is told of it."""

from collections.abc import Callable
from typing import Any

import pytest

from hub.consent.elements import a_list, a_text, an_object, coded, codings, each, modified, only
from hub.errors import Reason, Rejected

UNSUPPORTED, BAD, MISSING = Reason.UNSUPPORTED_CONSENT, Reason.BAD_VALUE, Reason.MISSING_FIELD
# what is asked of it || why it is refused, and where
REFUSED: dict[str, tuple[Callable[[], Any], Reason, str]] = {
    "no object": (lambda: an_object("x", "w"), BAD, "w"),
    "a list of nothing": (lambda: a_list({"e": []}, "e", "w"), BAD, "w"),
    "no list": (lambda: a_list({"e": "x"}, "e", "w"), BAD, "w"),
    "the second of a list is no object": (lambda: list(each({"e": [{}, 1]}, "e", "w")), BAD, "w.e[1]"),
    "no text": (lambda: a_text({}, "e", "w"), MISSING, "w"),
    "a text that is a number": (lambda: a_text({"e": 1}, "e", "w"), BAD, "w"),
    "a coding without code": (lambda: coded({"system": "s"}, "w"), UNSUPPORTED, "w"),
    "a coding of an empty code": (lambda: coded({"code": " "}, "w"), UNSUPPORTED, "w"),
    "a coding of a system that is a number": (lambda: coded({"system": 1, "code": "c"}, "w"), UNSUPPORTED, "w"),
    "a coding of more": (lambda: coded({"code": "c", "x": 1}, "w"), UNSUPPORTED, "w"),
    "a concept that is none": (lambda: codings("x", "w"), BAD, "w"),
    "a concept's coding that is none": (lambda: codings({"coding": ["x"]}, "w"), BAD, "w.coding[0]"),
    "a concept's code that is a number": (lambda: codings({"coding": [{"code": 1}]}, "w"), BAD, "w.coding[0]"),
    "a concept's system that is a number": (lambda: codings({"coding": [{"system": 1}]}, "w"), BAD, "w.coding[0]"),
}


@pytest.mark.parametrize(("asked", "reason", "where"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_as_it_must_be_is_refused_at_its_place(asked: Callable[[], Any], reason: Reason, where: str) -> None:
    with pytest.raises(Rejected) as refused:
        asked()
    assert (refused.value.reason, refused.value.where) == (reason, where)


def test_a_coding_is_its_system_and_code_and_of_a_concept_either_may_be_missing() -> None:
    assert coded({"system": " s ", "code": " c "}, "w") == ("s", "c")
    assert coded({"code": "c"}, "w") == ("", "c")
    written = [{"system": " s ", "code": " c "}, {"code": "c"}, {"system": "s"}, {"display": "x"}]
    assert codings({"coding": written, "text": "y"}, "w") == [("s", "c"), ("", "c"), ("s", ""), ("", "")]
    assert codings({}, "w") == []


@pytest.mark.parametrize("name", ["id", "extension", "version", "display", "userSelected"])
def test_a_coding_may_have_what_changes_no_code(name: str) -> None:
    assert coded({"system": "s", "code": "c", name: "x"}, "w") == ("s", "c")


TOLD = [
    "provision", "action", "class", "code", "data", "dataPeriod", "securityLabel", "purpose", "modifierExtension", "implicitRules",
    "decision", "controller", "grantor", "grantee", "manager", "regulatoryBasis", "policyBasis", "policyText", "expression",
    "resourceType", "documentType", "verification",
]  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_of_what_is_not_understood_a_name_is_told_only_where_it_is_the_standards(name: str) -> None:
    for element, where in (({"ours": 1, "Nordmann": 1, name: 1}, f"w.{name}"), ({"ours": 1, "Nordmann": 1}, "w")):
        with pytest.raises(Rejected) as refused:
            only(element, frozenset({"ours"}), "w")
        assert (refused.value.reason, refused.value.where) == (UNSUPPORTED, where)
    only({"ours": 1, name: 1}, frozenset({"ours", name}), "w")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"modifierExtension": []}, True),
        ({"a": {"b": [1, [{"modifierExtension": []}]]}}, True),
        ({"a": [{"modifierExtension": []}, 1], "b": {}, "c": []}, True),
        ([{"modifierExtension": []}, {}, []], True),
        ({"a": {"modifierExtension": []}, "b": {"c": []}}, True),
        ([["modifierExtension"], {"extension": ["modifierExtension"]}], False),
        ("modifierExtension", False),
        (None, False),
    ],
)
def test_what_modifies_is_found_wherever_it_stands(value: object, *, expected: bool) -> None:
    assert modified(value) is expected
