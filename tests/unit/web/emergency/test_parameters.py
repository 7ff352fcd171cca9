"""What asks for emergency access: read strictly, every mistake at its place, and nothing of the organisation."""

from typing import Any

import pytest
from fhir.resources.R4B.parameters import Parameters

from hub.errors import Reason, Rejected
from hub.identity import FNR, HPR
from hub.ledger.emergencies import Access, Emergency, Grounds, Personnel, Step
from hub.model import Identifier
from hub.web.audit_emergency import ROLES
from hub.web.emergency.parameters import REASON_CHARS_MAX, Asking, is_meaningful, listed, opened, read

PATIENT = {"name": "patient", "valueIdentifier": {"system": FNR, "value": "13116900216"}}
PERSON = {"name": "practitioner", "valueIdentifier": {"system": HPR, "value": "9144889"}}
ROLE = {"name": "role", "valueCoding": {"system": ROLES, "code": "LE"}}
REASON = {"name": "reason", "valueString": " Bevisstløs på gata "}
GOOD = (PATIENT, PERSON, ROLE, REASON)


def asked(*parameters: Any, **more: Any) -> Asking:
    return read({"resourceType": "Parameters", "parameter": list(parameters), **more})


def identifier(name: str, **value: Any) -> dict[str, Any]:
    return {"name": name, "valueIdentifier": value}


def test_the_least_and_the_most() -> None:
    grounds = Grounds("BTG", "", "Bevisstløs på gata")
    assert asked(*GOOD) == Asking(Identifier(FNR, "13116900216"), "9144889", "", "LE", grounds)
    more = (
        {"name": "name", "valueString": "Kari"}, {"name": "template", "valueCode": "BLAALYS"}, {"name": "purpose", "valueCode": "ETREAT"},
    )  # fmt: skip
    assert asked(*GOOD, *more, id="x") == Asking(
        Identifier(FNR, "13116900216"), "9144889", "Kari", "LE", Grounds("ETREAT", "BLAALYS", "Bevisstløs på gata")
    )
    assert asked(identifier("patient", value="13116900216"), *GOOD[1:]).patient == Identifier(FNR, "13116900216")
    assert "Bevisstløs" not in repr(asked(*GOOD))
    assert "13116900216" not in repr(asked(*GOOD))


def role(**coding: str) -> dict[str, Any]:
    return {"name": "role", "valueCoding": coding}


@pytest.mark.parametrize(
    ("parameters", "reason", "where"),
    [
        ((PERSON, ROLE, REASON), Reason.MISSING_FIELD, "parameter patient"),
        ((PATIENT, ROLE, REASON), Reason.MISSING_FIELD, "parameter practitioner"),
        ((PATIENT, PERSON, REASON), Reason.MISSING_FIELD, "parameter role"),
        ((*GOOD, PATIENT), Reason.BAD_VALUE, "Parameters.parameter[4]"),
        ((*GOOD, {"name": "organisation", "valueString": "st-olavs"}), Reason.BAD_VALUE, "Parameters.parameter[4]"),
        ((*GOOD, {"name": "template", "valueCode": "KVAL"}), Reason.BAD_VALUE, "Parameters.parameter[4]"),
        ((*GOOD, {"name": "template", "valueCode": ""}), Reason.BAD_VALUE, "Parameters.parameter[4]"),
        ((*GOOD, {"name": "purpose", "valueCode": "TREAT"}), Reason.BAD_VALUE, "Parameters.parameter[4]"),
        ((*GOOD, {"name": "name", "valueString": "Kari\nBcc: x"}), Reason.BAD_VALUE, "Parameters.parameter[4]"),
        ((*GOOD, {"name": "name", "valueString": "x" * 257}), Reason.BAD_VALUE, "Parameters.parameter[4]"),
        ((*GOOD[:3], REASON | {"valueString": "x" * (REASON_CHARS_MAX + 1)}), Reason.BAD_VALUE, "Parameters.parameter[3]"),
        ((*GOOD[:3], REASON | {"valueString": 7}), Reason.BAD_VALUE, "Parameters.parameter[3]"),
        ((*GOOD[:3], {"name": "reason", "valueMarkdown": "Bevisstløs"}), Reason.BAD_VALUE, "Parameters.parameter[3]"),
        ((*GOOD[:3], REASON | {"modifierExtension": []}), Reason.BAD_VALUE, "Parameters.parameter[3]"),
        ((identifier("patient", system=FNR), *GOOD[1:]), Reason.MISSING_FIELD, "Parameters.parameter[0]"),
        ((identifier("patient", system=FNR, value=" "), *GOOD[1:]), Reason.BAD_VALUE, "Parameters.parameter[0]"),
        ((identifier("patient", system=7, value="x"), *GOOD[1:]), Reason.BAD_VALUE, "Parameters.parameter[0]"),
        ((identifier("patient", value="x" * 300), *GOOD[1:]), Reason.BAD_VALUE, "Parameters.parameter[0]"),
        ((identifier("patient", system=FNR, value="99999999999"), *GOOD[1:]), Reason.MISSING_PATIENT, "Parameters.parameter[0]"),
        ((PATIENT, identifier("practitioner", system=FNR, value="9144889"), *GOOD[2:]), Reason.BAD_VALUE, "Parameters.parameter[1]"),
        ((PATIENT, identifier("practitioner", system=HPR, value="0123"), *GOOD[2:]), Reason.BAD_VALUE, "Parameters.parameter[1]"),
        ((PATIENT, identifier("practitioner", system=HPR, value="1234567890"), *GOOD[2:]), Reason.BAD_VALUE, "Parameters.parameter[1]"),
        ((PATIENT, PERSON, role(system=ROLES, code="XX"), REASON), Reason.BAD_VALUE, "Parameters.parameter[2]"),
        ((PATIENT, PERSON, role(system=ROLES, code="doctor"), REASON), Reason.BAD_VALUE, "Parameters.parameter[2]"),
        ((PATIENT, PERSON, role(code="LE"), REASON), Reason.BAD_VALUE, "Parameters.parameter[2]"),
        ((PATIENT, PERSON, role(system=ROLES), REASON), Reason.MISSING_FIELD, "Parameters.parameter[2]"),
        ((7,), Reason.BAD_VALUE, "Parameters.parameter[0]"),
        ((), Reason.BAD_VALUE, "Parameters.parameter"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_must_be_is_refused_at_its_place(parameters: tuple[Any, ...], reason: Reason, where: str) -> None:
    with pytest.raises(Rejected) as caught:
        asked(*parameters)
    assert (caught.value.reason, caught.value.where) == (reason, where)


@pytest.mark.parametrize(
    "body", [{}, {"resourceType": "Bundle"}, {"resourceType": "Parameters", "implicitRules": "x", "parameter": list(GOOD)}]
)
def test_what_is_no_such_request(body: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        read(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Bevisstløs", True), ("hjertestans", True), ("Akutt hjerneslag", True), ("", False), ("akutt", False), ("xxxxxxxxxxxx", False),
     ("............", False), ("aaa bbb ccc ddd", False), ("1234567890123", False), ("Вживання ліків", True)],
)  # fmt: skip
def test_a_reason_has_a_minimum_of_meaning(text: str, *, expected: bool) -> None:
    assert is_meaningful(text) is expected
    assert asked(*GOOD[:3], *([{"name": "reason", "valueString": text}] if text else [])).is_explained is expected


def test_a_template_is_a_reason_whatever_is_written_beside_it() -> None:
    assert asked(*GOOD[:3], {"name": "template", "valueCode": "BLAALYS"}).is_explained
    assert asked(*GOOD[:3], {"name": "template", "valueCode": "BLAALYS"}, REASON | {"valueString": "-"}).is_explained


GIVEN = Emergency(
    "0f0e0d0c-0b0a-8908-8706-050403020100", 1_767_225_600_000_000, Step.OPENED, "0f0e0d0c-0b0a-8908-8706-050403020100",
    Personnel("town", "9144889", "", "LE"), "::1", "k", Grounds("BTG", "", "Bevisstløs"), 1_767_225_600_000_000 + 1, "9-emergency",
)  # fmt: skip


def test_the_answers_are_valid_and_say_nothing_of_the_patient() -> None:
    made = opened(GIVEN, "https://hub.example/fhir/$emergency-access")
    Parameters.model_validate(made)
    assert made["parameter"][3]["valueUrl"] == f"https://hub.example/fhir/$emergency-access/{GIVEN.access}?practitioner={HPR}|9144889"
    several = listed([Access(GIVEN, None, 0, None), Access(GIVEN, 1, 2, 3)])
    Parameters.model_validate(several)
    assert [len(a["part"]) for a in several["parameter"]] == [10, 12]
    assert "'k'" not in str(several)
    Parameters.model_validate(listed([]))
