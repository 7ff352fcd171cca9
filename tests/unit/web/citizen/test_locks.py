"""Locks as the page writes them are Consents the hub understands, and any consent is told in words without saying what it does not say."""

from datetime import date
from typing import Any

import pytest

from hub.consent.fhir import consent_from_fhir
from hub.errors import Rejected
from hub.identity import FNR
from hub.model import Consent, Identifier
from hub.web.citizen.locks import TYPES, Draft, Sort, lifted, lock, performers, shown, sorts, worded
from tests.consents import simple

WHO = Identifier(FNR, "13116900216")
FORM = {"whom": "one", "provider": "nidaros", "sort": "", "first": "", "last": ""}
NAMES = {"nidaros": "Nidaros legesenter"}


def test_a_form_becomes_a_draft() -> None:
    assert Draft.of(FORM) == Draft("nidaros")
    assert Draft.of(FORM | {"whom": "everyone"}) == Draft("")
    assert Draft.of({"whom": "everyone"}) == Draft()
    whole = Draft.of(FORM | {"sort": "results", "first": "2026-01-01", "last": "2026-01-01"})
    assert whole == Draft("nidaros", Sort.RESULTS, date(2026, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"whom": ""}, "provider"), ({"provider": ""}, "provider"), ({"whom": "nobody"}, "provider"), ({"sort": "x"}, "sort"),
        ({"first": "soon"}, "first"), ({"last": "2026-13-01"}, "last"), ({"first": "2026-02-01", "last": "2026-01-01"}, "last"),
    ],
)  # fmt: skip
def test_a_form_that_says_nothing_clear_is_refused_at_its_place(more: dict[str, str], where: str) -> None:
    with pytest.raises(Rejected) as refused:
        Draft.of(FORM | more)
    assert refused.value.where == where


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("provider", ["", "nidaros"])
@pytest.mark.parametrize("days", [(None, None), (date(2026, 1, 1), None), (date(2026, 1, 1), date(2026, 2, 1))])
def test_every_lock_is_understood_and_told_as_it_is(sort: Sort, provider: str, days: tuple[date | None, date | None]) -> None:
    resource = lock(Draft(provider, sort, *days), WHO, "key", WHO)
    consent, patient = consent_from_fhir(resource, 1)
    root = consent.provision
    assert (consent.active, root.deny, patient) == (True, True, WHO)
    assert [a.identifier.value for a in root.actors] == ([provider] if provider else [])
    assert root.classes == TYPES[sort]
    assert (root.period is not None) == any(days)
    told = worded(resource, 1, NAMES)
    assert (told.whom, told.sort, told.is_plain, told.denies) == ((NAMES[provider],) if provider else (), sort, True, True)
    assert (told.first, told.last) == tuple(d.isoformat() if d else "" for d in days)
    assert not consent_from_fhir(lifted(resource), 2)[0].active


def test_the_same_lock_twice_is_the_same_lock_and_another_is_another() -> None:
    drafts = [
        Draft("a"),
        Draft("b"),
        Draft(""),
        Draft("a", Sort.RESULTS),
        Draft("a", first=date(2026, 1, 1)),
        Draft("a", last=date(2026, 1, 1)),
    ]
    ids = [lock(d, WHO, "key", WHO)["id"] for d in drafts]
    assert ids == [lock(d, WHO, "key", WHO)["id"] for d in drafts]
    assert len({*ids, lock(drafts[0], WHO, "other", WHO)["id"]}) == len(drafts) + 1


def test_a_lock_that_somebody_else_writes_is_another_and_says_who_wrote_it() -> None:
    others = [Identifier(FNR, "15720255178"), Identifier(FNR, "21924410296")]
    written = [lock(Draft("a"), WHO, "key", by) for by in (WHO, *others)]
    assert len({w["id"] for w in written}) == len(written)
    assert [performers(w) for w in written] == [(by,) for by in (WHO, *others)]
    assert lock(Draft("a"), WHO, "key", others[0]) == written[1]


NAMED = {"identifier": {"system": FNR, "value": WHO.value}}


@pytest.mark.parametrize(
    "performer",
    [
        None, [], {}, "x", [None], [{}], [{"reference": "Patient/1"}], [{"identifier": {"value": WHO.value}}], NAMED,
        [{"identifier": {"system": FNR}}], [{"identifier": {"system": FNR, "value": 1}}], [NAMED, {"display": "a mother"}], [NAMED, None],
    ],
)  # fmt: skip
def test_who_wrote_a_consent_is_said_of_everybody_or_not_at_all(performer: Any) -> None:
    assert performers({"performer": performer}) is None
    assert performers({}) is None


def test_several_may_have_written_it() -> None:
    assert performers({"performer": [NAMED, NAMED]}) == (WHO, WHO)
    assert performers({"performer": [{"identifier": {"system": "FNR", "value": WHO.value}}]}) == (WHO,)


def test_the_kinds_are_offered_where_they_are_understood() -> None:
    assert sorts() == tuple(Sort)


@pytest.mark.parametrize(
    "provision",
    [
        {"type": "deny", "purpose": [{"code": "HRESCH"}]}, {"type": "deny", "provision": [{"type": "permit"}]},
        {"type": "deny", "class": [{"code": "Observation"}]}, {"type": "deny", "securityLabel": [{"code": "R"}]}, {},
    ],
)  # fmt: skip
def test_what_the_page_has_no_words_for_is_not_told_as_something_less(provision: dict[str, object]) -> None:
    assert not worded({"id": "c", "provision": provision}, 1, NAMES).is_plain


def test_an_organisation_is_told_by_its_name_whoever_wrote_its_number() -> None:
    actor = {"reference": {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "999001017"}}}
    resource = {"id": "c", "provision": {"type": "deny", "actor": [actor]}}
    assert worded(resource, 1, NAMES | {"999001017": "Nidaros legesenter"}).whom == ("Nidaros legesenter",)
    assert worded(resource, 1, NAMES).whom == ("999001017",)


def test_only_what_has_force_is_shown_locks_first() -> None:
    def consent(id_: str, *, deny: bool, active: bool = True, start_us: int | None = None, end_us: int | None = None) -> Consent:
        return simple(id_, active=active, deny=deny, start_us=start_us, end_us=end_us)

    found = [
        consent("a", deny=False), consent("b", deny=True), consent("c", deny=True, active=False), consent("d", deny=True, end_us=9),
        consent("e", deny=True, start_us=11), consent("f", deny=True, start_us=10, end_us=10),
    ]  # fmt: skip
    resources = {c.id: {"id": c.id, "provision": {"type": "deny" if c.provision.deny else "permit"}} for c in found}
    assert [(w.id, w.is_later) for w in shown(found, resources, NAMES, 10)] == [("b", False), ("e", True), ("f", False), ("a", False)]
