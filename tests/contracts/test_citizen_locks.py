"""Locks as the page says them: in force, later or over; and what a lock on a part of what is sent would change."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from hub.adapters.hl7v2.mappings.bundle import bundle
from hub.demo.people import PEOPLE
from hub.identity import FNR
from hub.ledger.connect import connect
from hub.web.citizen.times import civil
from hub.web.tokens import issue
from tests.contracts import citizen
from tests.contracts.test_citizen_sessions import CSRF, MINUTE_US, Page, page

__all__ = ["page"]  # the fixture

EVERYONE = {"csrf": CSRF, "whom": "everyone", "sort": "", "first": "", "last": ""}


def said(page: Page, path: str, **form: str) -> tuple[int, str]:
    """Status and text of the page that a form leads to."""
    answer = page.post(path, urlencode(EVERYONE | form).encode(), **{"Accept-Language": "nb"})
    return answer.status, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.body.decode()))


def day(page: Page, days: int) -> str:
    return (civil(page.clock.us).date() + timedelta(days=days)).isoformat()


def test_a_lock_that_is_over_is_not_taken_and_one_that_ends_is_not_in_force_for_ever(page: Page) -> None:
    page.log_in()
    for path in ("/me/access/preview", "/me/access"):
        status, _ = said(page, path, first=day(page, -3), last=day(page, -1))
        assert status >= 400
    assert "Den siste dagen må komme etter den første" in said(page, "/me/access/preview", last=day(page, -1))[1]
    assert "Sperren gjelder" in said(page, "/me/access", last=day(page, 0), version="0")[1]
    assert b"Opphev" in page.get("/me/access").body
    page.clock.us += 24 * 60 * MINUTE_US
    assert b"Opphev" not in logged_in(page, "/me/access")


def logged_in(page: Page, path: str) -> bytes:
    """What a new session sees, a day later."""
    page.log_in(cookie="the day after")
    return page.client.ask("GET", path, headers={"Cookie": "hub-session=the day after"}).body


def test_a_lock_that_begins_later_is_said_to_begin_later(page: Page) -> None:
    page.log_in()
    status, text = said(page, "/me/access", first=day(page, 2), version="0")
    assert status == 200
    assert "Sperren er lagret" in text
    assert f"fra og med {day(page, 2)}" in text
    assert "Sperren gjelder" not in text
    assert "Gjelder senere" in page.get("/me/access").body.decode()


@pytest.mark.parametrize(("sort", "effect"), [("results", "uten en del av innholdet"), ("", "Ville ikke fått én melding")])
def test_what_a_lock_on_a_part_would_change_is_said_as_it_is(page: Page, sort: str, effect: str) -> None:
    """An admission with a measurement and a diagnosis: without its measurements it would still have come."""
    page.log_in()
    with citizen.region(page.url) as region:
        region.send("ADT^A01^ADT_A01", PEOPLE["åse"], more="OBX|1|NM|8480-6^sys^LN||120\rDG1|1||J18^Pneumoni^I10\r", at_us=page.clock.us)
    page.clock.us += MINUTE_US
    status, text = said(page, "/me/access/preview", sort=sort)
    assert status == 200
    assert effect in text
    assert ("uten en del" in text) == (sort == "results")


def test_a_short_page_does_not_tell_a_representative_that_there_is_more(page: Page) -> None:
    """Of sixty messages a daughter may see forty: one page, and nothing older. Another forty are two pages, without a gap."""
    child, parent = PEOPLE["unn"], PEOPLE["åse"]
    born = f"{civil(page.clock.us).year - 5}-01-01"
    admin = page.client.with_token(issue(page.data, "admin", page.clock.us))
    body = {"patient": {"system": FNR, "value": child.number, "born": born}, "representative": {"system": FNR, "value": parent.number}}
    assert admin.ask("PUT", "/admin/representations/child", body | {"basis": "parent"}).status == 201
    page.log_in()
    with connect(page.url) as conn:
        conn.execute("""UPDATE web_session SET body = jsonb_set(body, '{acting}', '"child"')""")
    seen: list[Any] = []
    with citizen.region(page.url) as region:
        for batch in (60, 40):
            for n in range(batch):
                hidden = batch == 60 and n % 3 == 0
                region.send("ADT^A01^ADT_A01", child, more="ARV|||V\r" if hidden else "", at_us=page.clock.us + n)
            page.clock.us += MINUTE_US
            seen += [(count(page, p), count(page, f"{p}?from=50"), "from=50" in page.get(p).body.decode()) for p in ("/me", "/me/shared")]
            seen.append(re.findall(r"Ville ikke fått (\d+) meldinger", said(page, "/me/access/preview")[1]))
    messages = [(40, 0, False)] * 2, [(50, 30, True)] * 2
    assert seen == [*messages[0], *seen[2:3], *messages[1], *seen[5:]]
    assert (set(seen[2]), set(seen[5])) == ({"40"}, {"80"})


def count(page: Page, path: str) -> int:
    """How many messages a page tells of."""
    return page.get(path).body.decode().count("Fra St. Olavs hospital")


def test_a_download_that_is_not_all_of_it_says_so(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a message that nobody can make a Bundle of does not take the others with it."""
    monkeypatch.setattr("hub.web.citizen.pathway.DOWNLOADED_MAX", 3)
    page.log_in()
    with citizen.region(page.url) as region:
        for n in range(3):
            region.send("ADT^A01^ADT_A01", PEOPLE["åse"], at_us=page.clock.us + n)
        assert "meta" not in page.get("/me/bundle.json").json()
        region.send("ADT^A03^ADT_A03", PEOPLE["åse"], at_us=page.clock.us + 3)
    whole = page.get("/me/bundle.json").json()
    assert whole["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert len(whole["entry"]) == 3
    monkeypatch.setattr("hub.adapters.hl7v2.translate.bundle", broken_for("ADT^A03"))
    assert len(page.get("/me/bundle.json").json()["entry"]) == 2
    assert page.get("/me").status == 200


def broken_for(trigger: str) -> Any:
    def made(content: Any, received: Any, event: Any) -> Any:
        if received.trigger == trigger:
            raise KeyError("a bug")
        return bundle(content, received, event)

    return made


def test_a_name_with_an_ampersand_is_said_as_it_is(page: Page) -> None:
    page.log_in()
    patient = {"identifier": {"system": FNR, "value": PEOPLE["åse"].number}}
    actor = {"reference": {"identifier": {"system": "urn:x", "value": "Lege & Co"}}}
    lock = {"resourceType": "Consent", "id": "c", "status": "active", "patient": patient, "provision": {"type": "deny", "actor": [actor]}}
    own = page.client.with_token(issue(page.data, f"patient:{FNR}|{PEOPLE['åse'].number}", page.clock.us))
    assert own.ask("PUT", "/fhir/Consent/c", lock).status == 201
    body = page.get("/me/access").body.decode()
    assert 'aria-label="Opphev: Sperret for Lege &amp; Co' in body
    assert "&amp;amp;" not in body
