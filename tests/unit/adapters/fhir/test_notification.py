import pytest

from hub.adapters.fhir.notification import read, relative
from hub.errors import Reason, Rejected
from tests.unit.adapters.fhir.test_submission import status


def test_the_foci_are_known_by_both_names_with_the_time_they_were_noted() -> None:
    found = read(dict(status("event-notification", "https://ehr/fhir/Encounter/5", "urn:uuid:1"))["resource"])  # type: ignore[arg-type]
    when = "2026-11-20T09:00:00Z"
    assert found.type == "event-notification"
    assert found.foci == {"https://ehr/fhir/Encounter/5": when, "Encounter/5": when, "urn:uuid:1": when}
    assert list(found.places.values()) == ["Bundle.entry[0].resource.parameter[3]", "Bundle.entry[0].resource.parameter[4]"]


@pytest.mark.parametrize(("url", "name"), [("https://e/fhir/A/1", "A/1"), ("A/1", "A/1"), ("urn:uuid:1", "urn:uuid:1"), ("", "")])
def test_the_relative_name_of_a_url(url: str, name: str) -> None:
    assert relative(url) == name


@pytest.mark.parametrize(
    "given", [{}, {"resourceType": "Patient"}, {"resourceType": "Parameters"}, {"resourceType": "Parameters", "parameter": 7}]
)
def test_what_is_no_status(given: dict[str, object]) -> None:
    with pytest.raises(Rejected) as caught:
        read(given)
    assert caught.value.reason in {Reason.NO_HEADER, Reason.BAD_VALUE}
