"""Who may lift what: a representative does not lift what the patient wrote, at the page, by writing it again, or at the FHIR door."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.boundaries import ConsentLimits
from hub.demo.people import PEOPLE
from hub.identity import FNR
from hub.ledger.connect import connect
from hub.web.citizen.times import civil
from hub.web.tokens import issue
from tests.contracts.test_citizen_locks import said
from tests.contracts.test_citizen_sessions import COOKIE, Page, opened

AASE, UNN, KAARE = (PEOPLE[name].number for name in ("åse", "unn", "kåre"))
ONLY_THE_PATIENT = "Denne kan bare pasienten selv oppheve"


@pytest.fixture
def page(database_url: str, tmp_path: Path) -> Iterator[Page]:
    """Åse is logged in. Parents see some of what is a child's of 12 to 15."""
    with opened(database_url, tmp_path, consent=ConsentLimits(limited=True)) as found:
        found.log_in()
        yield found


def act(page: Page, patient: str, years: int, basis: str) -> None:
    """Åse acts for somebody of this age."""
    whom = {"system": FNR, "value": patient, "born": f"{civil(page.clock.us).year - years}-01-01"}
    represent(page, "other", whom, AASE, basis)
    with connect(page.url) as conn:
        conn.execute("""UPDATE web_session SET body = jsonb_set(body, '{acting}', '"other"')""")


def represent(page: Page, id_: str, whom: dict[str, str], by: str, basis: str) -> None:
    admin = page.client.with_token(issue(page.data, "admin", page.clock.us))
    body = {"patient": whom, "representative": {"system": FNR, "value": by}, "basis": basis}
    assert admin.ask("PUT", f"/admin/representations/{id_}", body).status == 201


def written(page: Page, id_: str, patient: str, by: str = "") -> dict[str, Any]:
    """A lock for everyone, written with the patient's own token; by: who performed it, "" = it says nothing."""
    performer = {"performer": [{"identifier": {"system": FNR, "value": by}}]} if by else {}
    lock = {
        "resourceType": "Consent", "id": id_, "status": "active", "patient": {"identifier": {"system": FNR, "value": patient}},
        "provision": {"type": "deny"}, **performer,
    }  # fmt: skip
    own = page.client.with_token(issue(page.data, f"patient:{FNR}|{patient}", page.clock.us))
    assert own.ask("PUT", f"/fhir/Consent/{id_}", lock).status == 201
    return lock


def in_force(page: Page) -> set[str]:
    """Ids of the consents with force."""
    with connect(page.url) as conn:
        rows = conn.execute("SELECT DISTINCT ON (id) id, active FROM consent ORDER BY id, version DESC").fetchall()
    return {id_ for id_, active in rows if active}


def lift(page: Page, id_: str) -> list[int]:
    """What the page answers: the preview, and the confirmation."""
    return [said(page, path, lift=id_, version="1")[0] for path in ("/me/access/preview", "/me/access")]


@pytest.mark.parametrize(
    ("patient", "years", "basis"), [(UNN, 13, "parent"), (UNN, 15, "parent"), (KAARE, 80, "attorney"), (KAARE, 80, "guardian")]
)
@pytest.mark.parametrize("by", ["the patient", "nobody said", "a stranger"])
def test_a_representative_does_not_lift_what_the_patient_wrote(page: Page, patient: str, years: int, basis: str, by: str) -> None:
    written(page, "own", patient, {"the patient": patient, "nobody said": "", "a stranger": PEOPLE["eirik"].number}[by])
    act(page, patient, years, basis)
    assert lift(page, "own") == [403, 403]
    assert in_force(page) == {"own"}
    shown = page.get("/me/access").body.decode()
    assert "Sperret for alle" in shown
    assert ONLY_THE_PATIENT in shown
    assert 'name="lift"' not in shown


def test_writing_it_again_does_not_make_it_the_representatives(page: Page) -> None:
    """The same lock of the same patient, written by both on the page, is two locks, and each is lifted by itself."""
    born = {"Cookie": f"hub-session={COOKIE}"}
    assert said(page, "/me/access", version="0")[0] == 200  # Åse's own
    (own,) = in_force(page)
    represent(page, "hers", {"system": FNR, "value": AASE, "born": "1938-01-14"}, KAARE, "attorney")
    with connect(page.url) as conn:
        conn.execute("""UPDATE web_session SET body = body || jsonb_build_object('value', %s::text, 'acting', 'hers')""", (KAARE,))
        conn.execute("UPDATE web_session SET person_key = 'x'")
    assert page.client.ask("GET", "/me/access", headers=born).body.count(b'name="lift"') == 0
    assert lift(page, own) == [403, 403]
    assert said(page, "/me/access", version="0")[0] == 200
    (theirs,) = in_force(page) - {own}
    assert lift(page, theirs) == [200, 200]
    assert in_force(page) == {own}


@pytest.mark.parametrize(("patient", "years", "basis"), [(UNN, 13, "parent"), (KAARE, 80, "attorney"), (KAARE, 80, "guardian")])
def test_a_representative_lifts_what_a_representative_wrote(page: Page, patient: str, years: int, basis: str) -> None:
    """Their own, and the other parent's."""
    act(page, patient, years, basis)
    other = PEOPLE["eirik"].number
    represent(page, "another", {"system": FNR, "value": patient, "born": "2013-01-01"}, other, basis)
    written(page, "by-another", patient, other)
    assert said(page, "/me/access", version="0")[0] == 200
    (own,) = in_force(page) - {"by-another"}
    assert ONLY_THE_PATIENT not in page.get("/me/access").body.decode()
    assert lift(page, own) == [200, 200]
    assert lift(page, "by-another") == [200, 200]
    assert in_force(page) == set()


def test_a_parent_lifts_everything_of_a_small_child(page: Page) -> None:
    """Below the age from which a child has a say (pbrl section 4-4)."""
    written(page, "own", UNN, UNN)
    act(page, UNN, 11, "parent")
    assert lift(page, "own") == [200, 200]


def test_patients_lift_whatever_was_written_for_them(page: Page) -> None:
    represent(page, "hers", {"system": FNR, "value": AASE, "born": "1938-01-14"}, KAARE, "attorney")
    for id_, by in (("by-attorney", KAARE), ("own", AASE), ("by-nobody", "")):
        written(page, id_, AASE, by)
        assert lift(page, id_) == [200, 200]
    assert in_force(page) == set()


def test_the_fhir_door_is_the_patients_alone(page: Page) -> None:
    """A representative has no token for the patient, the page's session opens nothing there, and nothing is deleted."""
    lock = written(page, "own", UNN, UNN) | {"status": "inactive"}
    act(page, UNN, 13, "parent")
    parent = page.client.with_token(issue(page.data, f"patient:{FNR}|{AASE}", page.clock.us))
    assert parent.ask("PUT", "/fhir/Consent/own", lock).status == 403
    as_their_own = lock | {"patient": {"identifier": {"system": FNR, "value": AASE}}}
    assert parent.ask("PUT", "/fhir/Consent/own", as_their_own).status == 403
    replaces = {"url": "http://hl7.org/fhir/StructureDefinition/replaces", "valueUri": "Consent/own"}
    assert parent.ask("PUT", "/fhir/Consent/new", lock | {"id": "new", "status": "active", "extension": [replaces]}).status == 403
    assert page.client.ask("PUT", "/fhir/Consent/own", lock, {"Cookie": f"hub-session={COOKIE}"}).status == 401
    assert {parent.ask("DELETE", "/fhir/Consent/own").status, page.client.ask("DELETE", "/fhir/Consent/own").status} <= {401, 403, 405}
    assert in_force(page) == {"own"}
