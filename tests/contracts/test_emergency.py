"""Break-glass over a real socket and a real ledger: the door, what it shows, its end, who is told, and the record of all of it."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.parameters import Parameters
from pydantic import SecretBytes

from hub.config import load
from hub.demo.people import PEOPLE
from hub.identity import FNR, HPR
from hub.ledger.connect import Pool, connect
from hub.ledger.directory import replace_file_entries
from hub.ledger.emergencies import Emergency, Step, find_access, keep
from hub.ledger.notices import Notice, NoticeChannel, latest_access
from hub.ledger.verify import verify
from hub.model import Identifier
from hub.settings import Settings
from hub.stream.readers import read
from hub.stream.recall import recalled
from hub.web.audit_emergency import ROLES
from hub.web.emergency import telling
from hub.web.emergency.telling import round_of
from hub.web.readiness import asks
from hub.web.state import Region as Known
from hub.web.state import State
from hub.web.tokens import issue, load_keys
from hub.wiring import demo_config
from tests.contracts import citizen
from tests.contracts.audit_rig import lock
from tests.contracts.citizen import Clock, Region
from tests.contracts.listeners import Mailbox, webhook
from tests.contracts.transit_rig import PSEUDONYMS
from tests.contracts.web import Answer, Client, serving

AASE = PEOPLE["åse"]
KEY = PSEUDONYMS.link(Identifier(FNR, AASE.number), "")
LOCKS = PSEUDONYMS.locks_of_consent(Identifier(FNR, AASE.number))
PATIENT = f"patient:{FNR}|{AASE.number}"
HOUR_US = 3_600_000_000
WHY = "Bevisstløs, ukjente legemidler"
DOCTOR = "9144889"
DOOR = "/fhir/$emergency-access"
NOTHING: Any = None


def body(**given: Any) -> dict[str, Any]:
    """The request, with other values or (None) without."""
    values = {
        "patient": ("valueIdentifier", {"system": FNR, "value": AASE.number}),
        "practitioner": ("valueIdentifier", {"system": HPR, "value": DOCTOR}),
        "name": ("valueString", "Kari Lege"),
        "role": ("valueCoding", {"system": ROLES, "code": "LE"}),
        "reason": ("valueString", WHY),
        "template": ("valueCode", None),
        "purpose": ("valueCode", None),
    }
    found = {name: (kind, given.get(name, default)) for name, (kind, default) in values.items()}
    return {"resourceType": "Parameters", "parameter": [{"name": n, k: v} for n, (k, v) in found.items() if v is not None]}


@dataclass
class Hub:
    """A web process over a ledger with two messages about Åse, who has locked everybody out."""

    region: Region
    client: Client
    data: Path
    settings: Settings
    clock: Clock
    supervisor: str
    state: list[State] = field(default_factory=list)

    def ask(self, who: str, method: str, path: str, sent: object = None) -> Answer:
        self.clock.us += 1_000_000
        token = issue(self.data, who, self.clock.us, 24 * 3600) if who else ""
        return self.client.with_token(token).ask(method, path, sent)

    def open(self, who: str = "provider:malvik", **given: Any) -> Answer:
        return self.ask(who, "POST", DOOR, body(**given))

    def opened(self, who: str = "provider:malvik", **given: Any) -> dict[str, str]:
        answer = self.open(who, **given)
        assert answer.status == 200, answer.body
        Parameters.model_validate(answer.json())
        return {p["name"]: next(v for k, v in p.items() if k.startswith("value")) for p in answer.json()["parameter"]}

    def read(self, access: str, who: str = "provider:malvik", practitioner: str = DOCTOR, more: str = "") -> Answer:
        return self.ask(who, "GET", f"{DOOR}/{access}?practitioner={HPR}|{practitioner}{more}")

    def events(self, who: str = "admin") -> list[dict[str, Any]]:
        """What the record says of emergencies, the latest first."""
        bundle = self.ask(who, "GET", f"/fhir/AuditEvent?patient={FNR}|{AASE.number}&_count=200").json()
        found = [e["resource"] for e in bundle.get("entry", ())]
        found = [e for e in found if any(d["type"] == "step" for n in e["entity"] for d in n.get("detail", ()))]
        for event in found:
            AuditEvent.model_validate(event)
        return found

    def steps(self) -> list[tuple[str, str]]:
        rows = self.region.rows("SELECT fact, code FROM emergency ORDER BY at_us, fact")
        return [(fact, code) for fact, code in rows]


@contextmanager
def hub(url: str, data: Path, supervisor: str = "https://supervisor.invalid/", **more: Any) -> Iterator[Hub]:
    clock = Clock()
    settings = Settings(http="127.0.0.1:0", database_url=url, secret=SecretBytes(PSEUDONYMS.secret), data=data, **more)
    pool = Pool(url, "web")
    with citizen.region(url) as region:
        providers, subscriptions, _ = load(demo_config())
        told = {"malvik", "nidaros"}
        providers = [replace(p, supervisor=supervisor) if p.id in told else p for p in providers]
        replace_file_entries(region.conn, providers, subscriptions)
        region.send("ADT^A01^ADT_A01", AASE)
        region.send("ORU^R01^ORU_R01", AASE)
        lock(region.conn, LOCKS, clock.us)

        def make() -> State:
            return State(
                settings, clock, load_keys(data), PSEUDONYMS, NOTHING, pool, Known(pool), asks({}), recall=lambda row: read(recalled(row))
            )  # fmt: skip

        with serving(make) as client:
            yield Hub(region, client, data, settings, clock, supervisor)
    asyncio.run(pool.close())


@pytest.fixture
def door(database_url: str, tmp_path: Path) -> Iterator[Hub]:
    with hub(database_url, tmp_path) as made:
        yield made


def kinds_in(answer: Answer) -> list[str]:
    """The type of each message that was shown, by its event."""
    Bundle.model_validate(answer.json())
    found = [e["resource"] for e in answer.json().get("entry", ())]
    for bundle in found:
        Bundle.model_validate(bundle)
    return [b["entry"][0]["resource"]["eventCoding"]["code"] for b in found]


def said(answer: Answer) -> tuple[int, list[str]]:
    """Status and codes of an OperationOutcome."""
    OperationOutcome.model_validate(answer.json())
    (issue,) = answer.json()["issue"]
    return answer.status, [c["code"] for c in issue.get("details", {}).get("coding", ())]


def test_in_an_emergency_what_is_locked_is_read_and_everything_is_in_the_record(door: Hub) -> None:
    access = door.opened()
    assert access["rule"] == "9-emergency"
    answer = door.read(access["access"])
    assert (answer.status, kinds_in(answer)) == (200, ["R01", "A01"])
    read_event, opened_event = door.events()
    assert [(e["type"]["code"], e["subtype"][0]["code"], e["outcome"]) for e in (opened_event, read_event)] == [
        ("110113", "110127", "0"), ("110106", "disclose", "0"),
    ]  # fmt: skip
    for event in (opened_event, read_event):
        assert event["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
        person = next(a for a in event["agent"] if a["requestor"])
        assert person["who"]["identifier"] == {"system": HPR, "value": DOCTOR}
        assert person["role"][0]["coding"][0] == {"system": ROLES, "code": "LE"}
        assert person["policy"] == ["urn:hub:asserted-by-organisation"]
        assert [e["what"]["reference"] for e in event["entity"] if "reference" in e["what"]] == ["Consent/lock-1/_history/1"]
        assert AASE.number not in str(event)
        assert WHY not in str(event)
    shown = [e["what"]["identifier"]["value"] for e in read_event["entity"][1:3]]
    assert shown == [f"urn:uuid:{event}" for (event,) in door.region.rows("SELECT event_id::text FROM message ORDER BY received_us DESC")]
    assert [e["id"] for e in door.events(PATIENT)] == [read_event["id"], opened_event["id"]]
    assert door.events("provider:nidaros") == []
    by_message = door.ask("admin", "GET", f"/fhir/AuditEvent?entity={shown[0]}").json()
    assert read_event["id"] in [e["resource"]["id"] for e in by_message["entry"]]
    for who in ("admin", PATIENT):
        assert door.ask(who, "GET", f"/fhir/AuditEvent/{read_event['id']}").json() == read_event
    assert door.ask("provider:nidaros", "GET", f"/fhir/AuditEvent/{read_event['id']}").status == 404
    assert verify(door.region.conn).findings == []
    assert verify(door.region.conn).heads["emergency"].total == 2


def test_the_organisation_reads_that_it_read_and_nothing_that_tells_of_a_lock_or_of_what_was_left_out(door: Hub) -> None:
    door.read(door.opened()["access"])
    (event,) = door.events("provider:malvik")
    assert (event["type"]["code"], event["purposeOfEvent"][0]["coding"][0]["code"]) == ("110106", "BTG")
    assert next(a for a in event["agent"] if a["requestor"])["who"]["identifier"]["value"] == DOCTOR
    events = [e for (e,) in door.region.rows("SELECT event_id::text FROM message")]
    assert not [word for word in ("Consent", "lock-1", *events) if word in str(event)]
    assert door.ask("provider:malvik", "GET", f"/fhir/AuditEvent/{event['id']}").json() == event
    assert door.ask("provider:nidaros", "GET", f"/fhir/AuditEvent/{event['id']}").status == 404
    for other in door.events():
        assert door.ask("provider:malvik", "GET", f"/fhir/AuditEvent/{other['id']}").status == 404


def test_after_its_time_the_same_reading_is_refused_and_another_access_can_be_opened(door: Hub) -> None:
    access = door.opened()
    opened_us = door.clock.us
    door.clock.us = opened_us + 8 * HOUR_US - 2_000_000
    assert door.read(access["access"]).status == 200
    assert said(door.read(access["access"])) == (403, ["expired", "9-emergency"])
    assert said(door.read(access["access"])) == (403, ["expired", "9-emergency"])
    assert [(e["outcome"], e["outcomeDesc"]) for e in door.events()][:1] == [
        ("8", "a reading by emergency access was denied (expired 9-emergency)")
    ]
    again = door.opened()
    assert again["access"] != access["access"]
    assert door.read(again["access"]).status == 200
    assert door.read(access["access"]).status == 403
    door.clock.us -= 24 * HOUR_US  # a clock that went back
    assert said(door.read(again["access"])) == (403, ["decided", "9-emergency"])


def test_hours_that_are_made_fewer_hold_for_what_is_open_and_more_do_not(database_url: str, tmp_path: Path) -> None:
    with hub(database_url, tmp_path, consent={"emergency_hours": 2}) as door:
        access = door.opened()["access"]
        door.region.conn.execute("ALTER TABLE emergency DISABLE TRIGGER ALL")
        door.region.conn.execute("UPDATE emergency SET until_us = until_us + %s", (8 * HOUR_US,))  # as if opened under ten
        door.clock.us += 3 * HOUR_US
        assert said(door.read(access)) == (403, ["decided", "9-emergency"])
        assert door.opened()["access"] != access  # what nobody can read by any more is not given again
        door.region.conn.execute("UPDATE emergency SET until_us = %s", (door.clock.us - HOUR_US,))
        assert said(door.read(access)) == (403, ["expired", "9-emergency"])


@pytest.mark.parametrize(
    ("who", "given", "status", "codes"),
    [
        ("malvik", {"reason": None}, 422, ["no_reason"]),
        ("malvik", {"reason": "   "}, 422, ["no_reason"]),
        ("malvik", {"reason": "...........!"}, 422, ["no_reason"]),
        ("st-olavs", {}, 403, ["no_supervisor"]),
        ("malvik", {"patient": {"system": FNR, "value": "13116900216"}}, 404, ["patient_unknown"]),
    ],
)
def test_what_does_not_open_it_is_recorded(door: Hub, who: str, given: dict[str, Any], status: int, codes: list[str]) -> None:
    assert said(door.open(f"provider:{who}", **given)) == (status, codes)
    assert door.steps() == [("refused", codes[0])]
    assert door.region.rows("SELECT count(*) FROM emergency_notice") == [(0,)]
    if status != 404:
        (event,) = door.events()
        assert (event["type"]["code"], event["subtype"][0]["code"], event["outcome"]) == ("110113", "110127", "8")
    assert verify(door.region.conn).findings == []


def test_the_template_alone_is_a_reason(door: Hub) -> None:
    access = door.opened(reason=None, template="BLAALYS", purpose="ETREAT")["access"]
    assert door.read(access).status == 200
    event = door.events()[0]
    assert [c["code"] for c in event["purposeOfEvent"][0]["coding"]] == ["ETREAT", "BLAALYS"]


def test_rows_above_the_ninth_still_stand(door: Hub) -> None:
    """Consents that cannot be read, an organisation that is suspended, a label nobody knows, a message that is somebody else's too."""
    door.region.send("ORU^R01^ORU_R01", AASE, more="NTE|1||odd\r")
    raw = door.region.rows("SELECT raw FROM message WHERE trigger LIKE 'ADT%%'")[0][0].decode()
    door.region.receive(raw.replace("|C1|", "|C8|").replace("EVN|", "ARV|1|A^Add|UNKNOWN^x^y\rEVN|").encode(), door.clock.us)
    merged = raw.replace("|C1|", "|C9|").replace(f"{AASE.number}^^^", f"{AASE.number}^^^NOR^NI~{PEOPLE['kåre'].number}^^^")
    access = door.opened()["access"]
    assert kinds_in(door.read(access)) == ["R01", "R01", "A01"]
    door.region.send("ADT^A01^ADT_A01", PEOPLE["kåre"])
    door.region.receive(merged.encode(), door.clock.us)
    assert door.region.rows("SELECT patient_key, unresolved FROM message WHERE control_id = 'C9'") == [(KEY, True)]
    assert kinds_in(door.read(access)) == ["R01", "R01", "A01"]
    body_ = json.dumps({"kind": "nonsense"})
    door.region.conn.execute("ALTER TABLE consent DISABLE TRIGGER ALL")
    door.region.conn.execute("UPDATE consent SET body = %s", (body_,))
    assert said(door.read(access)) == (403, ["decided", "2-consent-unreadable"])
    assert said(door.open(reason="Enda en bevisstløs pasient")) == (403, ["decided", "2-consent-unreadable"])


def test_it_is_for_who_opened_it_and_nobody_else(door: Hub) -> None:
    access = door.opened()["access"]
    assert said(door.read(access, practitioner="1234567")) == (403, ["other_person", "9-emergency"])
    elsewhere = door.read(access, "provider:nidaros")
    assert (elsewhere.status, elsewhere.body) == (404, door.read("0" * 8 + "-0000-8000-8000-" + "0" * 12, "provider:nidaros").body)
    for who in ("admin", PATIENT):
        assert door.read(access, who).status == 403
    assert door.read(access, "").status == 401
    assert door.steps() == [("opened", ""), ("denied", "other_person"), ("denied", "other_organisation")]
    tried = next(e for e in door.events() if "other_organisation" in e["outcomeDesc"])
    assert next(a for a in tried["agent"] if not a["requestor"] and "policy" in a)["who"]["identifier"]["value"] == "nidaros"


@pytest.mark.parametrize(
    "query",
    [
        "", "practitioner=", "practitioner=x", f"practitioner={FNR}|{DOCTOR}", f"practitioner={DOCTOR}&colour=red",
        f"practitioner={DOCTOR}&_count=0", f"practitioner={DOCTOR}&_count=101", f"practitioner={DOCTOR}&_from=-1",
        f"practitioner={DOCTOR}&practitioner={DOCTOR}",
    ],
)  # fmt: skip
def test_a_query_that_is_not_understood_is_refused(door: Hub, query: str) -> None:
    access = door.opened()["access"]
    assert door.ask("provider:malvik", "GET", f"{DOOR}/{access}?{query}").status == 400


@pytest.mark.parametrize(("who", "by"), [("provider:malvik", "malvik"), ("admin", "")])
def test_the_organisation_or_an_administrator_closes_it(door: Hub, who: str, by: str) -> None:
    access = door.opened()["access"]
    for stranger, status in (("provider:nidaros", 404), (PATIENT, 403), ("", 401)):
        assert door.ask(stranger, "DELETE", f"{DOOR}/{access}").status == status
    assert door.read(access).status == 200
    assert [door.ask(who, "DELETE", f"{DOOR}/{access}").status for _ in range(2)] == [204, 204]
    assert said(door.read(access)) == (403, ["closed", "9-emergency"])
    assert door.steps() == [("opened", ""), ("read", ""), ("closed", ""), ("denied", "closed")]
    assert door.region.rows("SELECT DISTINCT fact FROM emergency WHERE reason <> ''") == [("opened",)]
    assert door.region.rows("SELECT provider FROM emergency WHERE fact = 'closed'") == [(by,)]
    closed = next(e for e in door.events() if e["subtype"][0]["code"] == "110138")
    assert (closed["outcome"], closed["agent"][0]["network"]["address"]) == ("0", "127.0.0.1")
    assert door.opened()["access"] != access  # the emergency may go on


def test_a_reading_that_was_under_way_when_it_was_closed_is_not_answered(door: Hub) -> None:
    access = door.opened()["access"]
    (row,) = door.region.rows("SELECT * FROM emergency")
    with connect(door.region.url) as other:
        other.execute("BEGIN")
        other.execute("SELECT pg_advisory_xact_lock(7107, hashtext(%s))", (access,))
        waiting = ThreadPoolExecutor(1).submit(door.read, access)
        citizen.until(lambda: other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone() == (1,))
        closing = replace(_emergency(door, access), id=str(row[0]).replace(str(row[0])[:8], "0" * 8), step=Step.CLOSED)
        keep(other, closing)
        other.execute("COMMIT")
        assert said(waiting.result(30)) == (403, ["closed", "9-emergency"])


def _emergency(door: Hub, access: str) -> Emergency:
    found = find_access(door.region.conn, access)
    assert found is not None
    return found.asked


def test_asked_again_it_is_the_same_access_and_for_another_reason_another(door: Hub) -> None:
    first = door.opened()
    assert door.opened() == first
    assert door.opened(reason="Hjertestans i ambulansen")["access"] != first["access"]
    assert door.opened(practitioner={"system": HPR, "value": "222200063"})["access"] != first["access"]
    assert door.opened("provider:nidaros")["access"] != first["access"]
    assert len(door.steps()) == 4
    assert door.region.rows("SELECT count(*) FROM emergency_notice") == [(4,)]


def test_a_long_record_comes_in_pages(door: Hub) -> None:
    for _ in range(3):
        door.region.send("ORU^R01^ORU_R01", AASE)
    access = door.opened()["access"]
    answer, seen = door.read(access, more="&_count=2"), []
    for _ in range(9):
        seen += [e["fullUrl"] for e in answer.json().get("entry", ())]
        following = next((link["url"] for link in answer.json()["link"] if link["relation"] == "next"), None)
        if following is None:
            break
        answer = door.ask("provider:malvik", "GET", following.partition("127.0.0.1")[2].partition("/")[2].join(("/", "")))
    assert len(seen) == len(set(seen)) == 5
    assert [n for (n,) in door.region.rows("SELECT cardinality(events) FROM emergency WHERE fact = 'read' ORDER BY at_us")] == [2, 2, 1]


def test_who_asks_too_often_waits(door: Hub) -> None:
    answers = [door.open(reason=None).status for _ in range(11)]
    assert answers == [422] * 10 + [429]
    assert int(door.open(reason=None).headers["Retry-After"]) > 0
    assert door.open(practitioner={"system": HPR, "value": "222200063"}).status == 200  # somebody else need not


def test_what_cannot_be_recorded_is_not_answered(door: Hub) -> None:
    access = door.opened()["access"]
    door.region.conn.execute("ALTER TABLE emergency ADD CHECK (fact = 'nothing') NOT VALID")
    answer = door.read(access)
    assert answer.status >= 500
    assert b"entry" not in answer.body
    assert door.open(reason="En helt annen grunn").status >= 500
    assert door.region.rows("SELECT count(*) FROM emergency_notice") == [(1,)]


def test_the_reason_and_the_patient_are_in_no_log_and_no_metric(door: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    access = door.opened()["access"]
    door.read(access)
    door.open(reason="  ", practitioner={"system": HPR, "value": "222200063"})
    out, err = capfd.readouterr()
    metrics = door.client.ask("GET", "/metrics").body.decode()
    assert 'hub_emergency_access_total{step="opened"}' in metrics
    for text in (out, err, metrics):
        assert not [word for word in (WHY, "Bevisstløs", AASE.number, DOCTOR, "Kari") if word in text]


def test_those_who_look_after_it_see_the_reasons_and_not_whose_record_it_was(door: Hub) -> None:
    access = door.opened()["access"]
    door.read(access)
    door.open("provider:nidaros", reason=None)
    listed = door.ask("provider:malvik", "GET", DOOR).json()
    Parameters.model_validate(listed)
    (one,) = [{p["name"]: next(v for k, v in p.items() if k != "name") for p in a["part"]} for a in listed["parameter"]]
    assert (one["id"], one["outcome"], one["reason"], one["readings"]) == (access, "opened", WHY, 1)
    assert "supervisorTold" not in one
    assert len(door.ask("admin", "GET", DOOR).json()["parameter"]) == 2
    assert AASE.number not in str(listed)
    assert KEY not in str(listed)
    assert door.ask(PATIENT, "GET", DOOR).status == 403
    assert door.region.rows("SELECT role, who, query, patient_keys FROM audit_access ORDER BY at_us") == [
        ("provider", "malvik", "$emergency-access", [KEY]), ("admin", "", "$emergency-access", [KEY]),
    ]  # fmt: skip


def look(door: Hub, minutes: float = 1) -> None:
    """Let the time pass and look once for supervisors to tell."""
    door.clock.us += int(minutes * 60e6) + 1

    async def run() -> None:
        pool = Pool(door.region.url, "web")
        state = State(door.settings, door.clock, load_keys(door.data), PSEUDONYMS, NOTHING, pool, Known(pool), asks({}))
        await round_of(state)
        await pool.close()

    asyncio.run(run())


@pytest.fixture
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The web process of the test tells nobody: the test does."""
    monkeypatch.setattr(telling, "LOOK_SECONDS", 1e6)


@pytest.mark.usefixtures("_quiet")
def test_the_supervisor_is_called_until_it_answers_and_learns_nothing_of_the_patient(database_url: str, tmp_path: Path) -> None:
    with webhook(500, 302, 204) as (url, got), hub(database_url, tmp_path, url, web_url="https://hub.example") as door:
        access = door.opened()
        for _ in range(5):
            look(door, 10)
        assert [kind for kind, _ in got] == ["application/json"] * 3
        assert got[0][1] == got[2][1] == {
            "event": "emergency-access", "access": access["access"], "organisation": "malvik", "practitioner": f"{HPR}|{DOCTOR}",
            "role": "LE", "purpose": "BTG", "opened": access["opened"], "expires": access["expires"], "review": "https://hub.example/fhir/$emergency-access",
        }  # fmt: skip
        ((tries, told),) = door.region.rows("SELECT tries, told_us IS NOT NULL FROM emergency_notice")
        assert (tries, told) == (2, True)
        assert door.steps() == [("opened", ""), ("told", "")]
        assert [e["subtype"][0]["code"] for e in door.events()] == ["told", "110127"]
        assert verify(door.region.conn).findings == []
        parts = door.ask("admin", "GET", DOOR).json()["parameter"][0]["part"]
        assert "supervisorTold" in {p["name"] for p in parts}


@pytest.mark.usefixtures("_quiet")
def test_the_supervisor_is_mailed(database_url: str, tmp_path: Path) -> None:
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=citizen.any_port())
    server.start()
    more = {"smtp": f"127.0.0.1:{server.port}", "smtp_from": "hub@hub.example", "smtp_starttls": False}
    try:
        with hub(database_url, tmp_path, "mailto:leder@malvik.example", **more) as door:
            access = door.opened()["access"]
            look(door)
            look(door)
            ((to, text),) = box.mails
            assert to == ["leder@malvik.example"]
            decoded = message_from_string(text).get_payload(decode=True)
            assert isinstance(decoded, bytes)
            for word in (access, "Malvik kommune", "Kari Lege", DOCTOR, "nødrettstilgang", "emergency access"):
                assert word in decoded.decode()
            for word in (WHY, AASE.number, "Bjørnstad", "Åse"):
                assert word not in text + decoded.decode()
    finally:
        server.stop()


def test_a_supervisor_with_a_mailbox_cannot_be_told_without_a_mail_server(database_url: str, tmp_path: Path) -> None:
    with hub(database_url, tmp_path, "mailto:leder@malvik.example") as door:
        assert said(door.open()) == (403, ["no_supervisor"])


@pytest.mark.usefixtures("_quiet")
def test_one_whose_supervisor_has_gone_waits_for_the_next(door: Hub) -> None:
    door.opened()
    providers, subscriptions, _ = load(demo_config())
    replace_file_entries(door.region.conn, providers, subscriptions)
    look(door)
    assert door.region.rows("SELECT tries, told_us FROM emergency_notice") == [(1, None)]


def test_a_patient_who_wants_to_know_is_told_as_of_any_access(door: Hub) -> None:
    asked = Notice(KEY, NoticeChannel.EMAIL, "aase@example.org", "nb", door.clock.us)
    assert latest_access(door.region.conn, asked) is None
    access = door.opened()["access"]
    opened_us = door.clock.us
    assert latest_access(door.region.conn, asked) == opened_us
    assert latest_access(door.region.conn, replace(asked, since_us=opened_us)) is None
    door.read(access)
    assert latest_access(door.region.conn, replace(asked, since_us=opened_us)) == door.clock.us
    door.ask("admin", "DELETE", f"{DOOR}/{access}")
    door.read(access)
    assert latest_access(door.region.conn, replace(asked, since_us=opened_us)) < door.clock.us  # type: ignore[operator]
