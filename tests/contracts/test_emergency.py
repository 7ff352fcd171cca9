"""Break-glass over a real socket and a real ledger: the door, what it shows, its end, who is told, and the record of all of it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
from hub.ledger.connect import Pool
from hub.ledger.directory import replace_file_entries
from hub.ledger.notices import Notice, NoticeChannel, latest_access
from hub.ledger.verify import verify
from hub.model import Identifier
from hub.settings import Settings
from hub.stream.readers import read
from hub.stream.recall import recalled
from hub.web.audit_emergency import ROLES
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
    assert [e["id"] for e in door.events("provider:malvik")] == [read_event["id"]]
    assert door.events("provider:nidaros") == []
    by_message = door.ask("admin", "GET", f"/fhir/AuditEvent?entity={shown[0]}").json()
    assert read_event["id"] in [e["resource"]["id"] for e in by_message["entry"]]
    for who in ("admin", PATIENT, "provider:malvik"):
        assert door.ask(who, "GET", f"/fhir/AuditEvent/{read_event['id']}").json() == read_event
    assert door.ask("provider:nidaros", "GET", f"/fhir/AuditEvent/{read_event['id']}").status == 403
    assert verify(door.region.conn).findings == []
    assert verify(door.region.conn).heads["emergency"].total == 2


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
def test_what_does_not_open_it_is_recorded(
    door: Hub, who: str, given: dict[str, Any], status: int, codes: list[str]
) -> None:
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
    merged = raw.replace("|C1|", "|C9|").replace(f"{AASE.number}^^^", f"{PEOPLE['kåre'].number}^^^NOR^NI~{AASE.number}^^^")
    access = door.opened()["access"]
    before = kinds_in(door.read(access))
    door.region.send("ADT^A01^ADT_A01", PEOPLE["kåre"])
    door.region.receive(merged.encode(), door.clock.us)
    assert kinds_in(door.read(access)) == before
    body_ = json.dumps({"kind": "nonsense"})
    door.region.conn.execute("ALTER TABLE consent DISABLE TRIGGER ALL")
    door.region.conn.execute("UPDATE consent SET body = %s", (body_,))
    assert said(door.read(access)) == (403, ["decided", "2-consent-unreadable"])
    assert said(door.open(reason="Enda en bevisstløs pasient")) == (403, ["decided", "2-consent-unreadable"])
