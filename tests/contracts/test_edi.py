"""The KITH door: durable before 202, refused with a reason, and a receipt for whoever sent it and nobody else."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub.adapters.kith import receipt, reply
from hub.adapters.kith.receipt import Receipt, Status
from hub.errors import Cause, Faulted, Reason
from hub.identity import Pseudonyms
from hub.ledger.receipts import OfReceiver, of_receivers
from hub.ledger.taken import Taken, taken
from hub.model import Adapter, Channel, Deliver, Provider, ProviderKind, Received, Refusal
from hub.numbers import PersonNumbers
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.web.readiness import asks
from hub.web.state import State
from hub.web.tokens import issue, load_keys
from tests.contracts.web import Answer, Client, clock, serving
from tests.unit.adapters.kith.made import FNR, dialog, logistics
from tests.unit.adapters.made import RECEIVED_US

ID = "00000000-0000-8000-8000-000000000001"
PROVIDERS = (
    Provider("st-olavs", "St. Olavs", ProviderKind.HOSPITAL, "974749025", ("8094866",), Deliver(Channel.MAILBOX)),
    Provider("other", "Other", ProviderKind.HOSPITAL, "", ("1",), Deliver(Channel.MAILBOX), certificates=("f" * 64,)),
)


class Behind:
    """What lies behind the door: it keeps what it is given, and answers from what it is told."""

    def __init__(self) -> None:
        self.accepted: list[Received] = []
        self.receipts: list[tuple[Receipt, str]] = []
        self.fault: Cause | None = None
        self.known: dict[str, Taken] = {}
        self.said: list[OfReceiver] = []

    async def accept(self, received: Received) -> None:
        if self.fault:
            raise Faulted(self.fault)
        self.accepted.append(received)

    async def keep(self, found: Receipt, raw: bytes, provider: str) -> None:
        assert receipt.read(raw) == found
        self.receipts.append((found, provider))

    async def now(self) -> Directory:
        return Directory(PROVIDERS, (), 1)

    async def run(self, work: Callable[..., Any], any_id: str, *adapter: str) -> Taken | list[OfReceiver] | None:
        assert (work, adapter) in ((taken, ("kith",)), (of_receivers, ()))
        return self.known.get(any_id) if adapter else self.said


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def door(behind: Behind, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    anything: Any = behind
    settings = Settings(http="127.0.0.1:0", frame_bytes_max=50_000, person_numbers=PersonNumbers.REAL)
    with serving(
        lambda: State(
            settings, clock, load_keys(tmp_path), Pseudonyms(b"k" * 32), anything, anything, anything, asks({}), receipts=anything
        )
    ) as client:
        yield lambda as_="provider:st-olavs": client.with_token(issue(tmp_path, as_, clock()) if as_ else "")


def post(client: Client, raw: bytes, **changes: Any) -> Answer:
    body = {"businessDocument": b64encode(raw).decode(), "contentType": "application/xml", "contentTransferEncoding": "base64"}
    return client.ask("POST", "/edi/messages", body | changes, {"Content-Type": "application/json"})


def test_a_message_is_durable_before_it_is_answered(door: Callable[..., Client], behind: Behind) -> None:
    raw = logistics("LOG_INNLAGT", encoding="ISO-8859-1")
    got = post(door(), raw)
    (record,) = behind.accepted
    assert (got.status, got.json()) == (202, {"id": record.event_id, "location": f"/edi/messages/{record.event_id}"})
    assert (record.adapter, record.provider, record.raw, record.answer, record.refusal) == (Adapter.KITH, "st-olavs", raw, "202", None)
    assert post(door(), raw).json() == got.json()  # a repeat is the same message
    behind.fault = Cause.BROKER_UNAVAILABLE
    assert post(door(), dialog()).status == 503


def test_nobody_on_loopback_speaks_by_name_and_not_for_one_who_has_proof(door: Callable[..., Client], behind: Behind) -> None:
    assert post(door(""), logistics("LOG_INNLAGT")).status == 202
    assert post(door(""), logistics("LOG_INNLAGT").replace(b"8094866", b"1")).status == 403
    assert post(door("provider:other"), logistics("LOG_DOD")).status == 403
    assert [r.refusal.reason if r.refusal else None for r in behind.accepted] == [None, Reason.SENDER_MISMATCH, Reason.SENDER_MISMATCH]


@pytest.mark.parametrize(
    ("raw", "code", "reason", "where"),
    [
        (logistics("LOG_INNLAGT").replace(b'"LOG_INNLAGT"', b'"MELDING"'), 422, "unsupported_type", "MsgHead/MsgInfo/Type"),
        (logistics("LOG_INNLAGT", patient="15720255178"), 422, "unwelcome_person_number", "MsgHead/MsgInfo/Patient/Ident[1]/Id"),
        (logistics("LOG_INNLAGT").replace(FNR.encode(), b""), 422, "missing_patient", "MsgHead/MsgInfo/Patient/Ident"),
    ],
)
def test_what_is_refused_and_known_is_recorded_and_told(
    door: Callable[..., Client], behind: Behind, raw: bytes, code: int, reason: str, where: str
) -> None:
    got = post(door(), raw)
    assert (got.status, got.json()["reason"], got.json()["where"]) == (code, reason, where)
    assert got.headers["Content-Type"].startswith("application/problem+json")
    assert got.json()["id"] == behind.accepted[0].event_id


@pytest.mark.parametrize(
    ("raw", "changes", "code"),
    [
        (b"hello", {}, 400),
        (b"<!DOCTYPE a><a/>", {}, 400),
        (b"<a/>", {}, 422),
        (b"", {}, 422),
        (b"x", {"businessDocument": 1}, 422),
        (b"x", {"businessDocument": "%%"}, 422),
        (b"x", {"businessDocument": "æ"}, 422),
        (b"x", {"contentType": "application/pdf"}, 415),
        (b"x", {"contentType": 1}, 415),
        (b"x", {"contentTransferEncoding": "7bit"}, 415),
        (b"x" * 50_001, {}, 413),
        (b"x" * 200_000, {}, 413),
    ],
)
def test_what_is_no_message_is_refused_and_not_recorded(
    door: Callable[..., Client], behind: Behind, raw: bytes, changes: dict[str, Any], code: int
) -> None:
    assert post(door(), raw, **changes).status == code
    assert behind.accepted == []


def test_the_same_id_with_other_bytes_is_a_conflict(door: Callable[..., Client], behind: Behind) -> None:
    assert post(door(), logistics("LOG_INNLAGT")).status == 202
    assert post(door(), logistics("LOG_DOD")).status == 409
    assert behind.accepted[1].refusal == Refusal(Reason.DUPLICATE_CONTROL_ID, "MsgHead/MsgInfo/MsgId")


def test_what_was_not_recorded_does_not_use_its_id_up(door: Callable[..., Client], behind: Behind) -> None:
    behind.fault = Cause.BROKER_TIMEOUT
    assert post(door(), logistics("LOG_INNLAGT")).status == 503
    behind.fault = None
    assert post(door(), logistics("LOG_DOD")).status == 202
    assert post(door(), logistics("LOG_INNLAGT")).status == 409


def test_a_receipt_is_kept_as_one(door: Callable[..., Client], behind: Behind) -> None:
    raw = reply.acknowledge(logistics("LOG_INNLAGT"), reply.verdict(None), RECEIVED_US, "1.1")
    assert post(door(), raw).status == 202
    (found, provider) = behind.receipts[0]
    assert (found.original_id, found.status, provider) == ("m-1", Status.OK, "st-olavs")
    assert post(door(""), raw).status == 422  # whose receipt would it be?
    assert post(door(), raw.replace(b'Status V="1"', b'Status V="9"')).status == 422
    assert behind.accepted == []


@pytest.mark.parametrize(
    ("outcome", "reason", "state", "status", "code"),
    [
        ("routed", "", "Acknowledged", Status.OK, ""),
        ("no_recipient", "", "Acknowledged", Status.OK, ""),
        ("routed", "no_translation", "Acknowledged", Status.PARTLY, "X99"),
        ("quarantined", "missing_patient", "Rejected", Status.REJECTED, "E30"),
    ],
)
def test_the_sender_may_ask_what_became_of_it(
    door: Callable[..., Client], behind: Behind, *, outcome: str, reason: str, state: str, status: Status, code: str
) -> None:
    behind.known[ID] = Taken("st-olavs", outcome, reason, "town,gp", RECEIVED_US, logistics("LOG_INNLAGT"))
    got = door().ask("GET", f"/edi/messages/{ID}/status").json()
    assert (got["state"], got["appRecStatus"], got.get("reason", "")) == (state, int(status), reason)
    for version in ("1.0", "1.1"):
        answer = door().ask("GET", f"/edi/messages/{ID}/apprec?version={version}")
        raw = b64decode(answer.json()["businessDocument"])
        found = receipt.read(raw)
        assert (found.version, found.status, "".join(f.code for f in found.faults), found.original_id) == (version, status, code, "m-1")
        assert answer.body == door().ask("GET", f"/edi/messages/{ID}/apprec?version={version}").body
        assert ("town" in raw.decode()) is (status is Status.REJECTED)  # who is on the pathway is not the sender's to know
    assert door("admin").ask("GET", f"/edi/messages/{ID}/status").status == 200
    assert door().ask("GET", f"/edi/messages/{ID}/apprec?version=2").status == 422


def test_the_sender_may_ask_what_the_receivers_it_wrote_said(door: Callable[..., Client], behind: Behind) -> None:
    behind.known[ID] = Taken("st-olavs", "routed", "", "", RECEIVED_US, logistics("LOG_INNLAGT"))
    assert door().ask("GET", f"/edi/messages/{ID}/status").json()["receivers"] == []
    behind.said = [OfReceiver("other", "rejected", ["E35", "other"]), OfReceiver("gone", "accepted", [])]
    for path in ("status", "apprec"):
        assert door().ask("GET", f"/edi/messages/{ID}/{path}").json()["receivers"] == [
            {
                "receiver": "Other",
                "receiverHerId": 1,
                "appRecStatus": 2,
                "appRecErrorList": [
                    {"errorCode": "E35", "description": "Pasienten finnes ikke i mottakersystemet"},
                    {"errorCode": "other", "description": ""},
                ],
            },
            {"receiver": "gone", "appRecStatus": 1, "appRecErrorList": []},
        ]


def test_of_a_message_whose_bytes_were_let_go_there_is_a_status_and_no_receipt_any_more(
    door: Callable[..., Client], behind: Behind
) -> None:
    behind.known[ID] = Taken("st-olavs", "routed", "", "", RECEIVED_US, b"")
    assert door().ask("GET", f"/edi/messages/{ID}/status").status == 200
    assert door().ask("GET", f"/edi/messages/{ID}/apprec").status == 422


@pytest.mark.parametrize("path", [f"/edi/messages/{ID}/status", f"/edi/messages/{ID}/apprec"])
def test_nobody_elses_message_is_there(door: Callable[..., Client], behind: Behind, path: str) -> None:
    assert door().ask("GET", path).status == 404
    behind.known[ID] = Taken("other", "routed", "", "", RECEIVED_US, logistics("LOG_INNLAGT"))
    assert door().ask("GET", path).status == 404
    assert door("patient:15076500565").ask("GET", path).status == 403
    assert door("").ask("GET", path).status == 401


def test_the_ledger_tells_of_the_last_passage_that_is_no_repeat(database_url: str) -> None:
    insert = """INSERT INTO message (part, off, event_id, adapter, provider, application, sender, control_id, trigger, kind, patient_key,
        received_us, decided_us, answer, encoding, outcome, reason, place, raw)
        VALUES (0, %s, %s, %s, 'p', '', '', 'm-1', '', '', '', 1, %s, '202', 'utf-8', %s, %s, 'x', 'raw')"""
    with psycopg.connect(database_url, autocommit=True) as conn:
        assert taken(conn, ID, "kith") is None
        conn.execute(insert, (0, ID, "kith", 10, "quarantined", "missing_patient"))
        conn.execute(insert, (1, ID, "kith", 20, "routed", ""))
        conn.execute(insert, (2, ID, "kith", 30, "repeat", ""))
        conn.execute(insert, (3, ID, "fhir", 40, "quarantined", ""))
        assert taken(conn, ID, "kith") == Taken("p", "routed", "", "x", 20, b"raw")
        assert taken(conn, "x", "kith") is None
