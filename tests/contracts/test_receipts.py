"""Receipts of receivers' applications over a real ledger: kept with the delivery they are about, nobody else's, once, and told."""

import asyncio
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretBytes

from hub import processes, telemetry
from hub.adapters.kith import receipt, reply
from hub.adapters.kith.receipt import Receipt
from hub.errors import Reason, Rejected
from hub.identity import kith_id
from hub.ledger.connect import Pool
from hub.ledger.receipts import of_receivers
from hub.ledger.trace import lives, moment
from hub.model import Detail, Refusal
from hub.settings import Settings
from hub.stream import quarantine_tool as tool
from hub.web.receipts import Receipts
from tests.unit.adapters.kith.made import logistics
from tests.unit.adapters.made import RECEIVED_US

LATER_US = RECEIVED_US + 30 * 86_400_000_000
EVENT = str(uuid.UUID(int=7))
Conn = psycopg.Connection[Any]


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    with psycopg.connect(database_url, autocommit=True) as made:
        yield made


def message(
    conn: Conn, off: int = 1, event: str = EVENT, *, sender: str = "8094866", adapter: str = "kith", outcome: str = "routed"
) -> None:
    conn.execute(
        """INSERT INTO message (part, off, event_id, adapter, provider, application, sender, control_id, trigger, kind, patient_key,
        received_us, decided_us, answer, encoding, outcome, raw)
        VALUES (0, %s, %s, %s, 'st-olavs', '', %s, 'm-1', 'LOG_INNLAGT', 'patient.admitted', 'p', 1, %s, '202', 'utf-8', %s, 'raw')""",
        (off, event, adapter, sender, off, outcome),
    )


def sent(
    conn: Conn, recipient: str = "town", off: int = 1, *, outcome: str = "delivered", detail: str = "full", event: str = EVENT
) -> None:
    """One delivery, settled as transit and delivery do."""
    rule, because = "13-treating-relation", ["addressed"] if recipient == "town" else ["pathway"]
    conn.execute("INSERT INTO decision VALUES (0, %s, %s, 'permit', %s, %s, 's', %s)", (off, recipient, rule, detail, because))
    conn.execute("INSERT INTO bundle VALUES (%s, 0, %s)", (kith_id(event, Detail(detail), recipient), off))
    if outcome:
        conn.execute("INSERT INTO attempt VALUES (0, %s, %s, 1, 1, 2, %s, '202')", (off, recipient, outcome))


def said(reason: Reason | None = None, original: str = "m-1") -> bytes:
    raw = logistics("LOG_INNLAGT").replace(b">m-1<", f">{original}<".encode())
    return reply.acknowledge(raw, reply.verdict(Refusal(reason, "MsgHead/MsgInfo/Patient") if reason else None), RECEIVED_US)


def keep(url: str, raw: bytes, provider: str = "town", now_us: int = LATER_US, read: Receipt | None = None) -> None:
    async def run() -> None:
        pool = Pool(url, "test")
        try:
            await Receipts(pool, lambda: now_us, url).keep(read or receipt.read(raw), raw, provider)
        finally:
            await pool.close()

    asyncio.run(run())


def refused(url: str, raw: bytes, provider: str = "town") -> tuple[Reason, str]:
    with pytest.raises(Rejected) as caught:
        keep(url, raw, provider)
    return caught.value.reason, caught.value.where


def told(conn: Conn, recipient: str = "town") -> dict[str, Any]:
    (life,) = lives(conn, EVENT)
    return next(r for r in life["recipients"] if r["recipient"] == recipient)


def counted(status: str) -> float:
    return float(telemetry.RECEIPTS.labels(status)._value.get())


def test_a_receipt_long_after_the_delivery_is_kept_once_and_told(conn: Conn, database_url: str) -> None:
    message(conn)
    sent(conn)
    sent(conn, "gp", detail="notice")
    assert "application_receipts" not in told(conn)
    before, raw = counted("accepted"), said()
    keep(database_url, raw)
    keep(database_url, raw, now_us=LATER_US + 1)
    assert counted("accepted") == before + 1
    assert told(conn)["delivery"] == {"state": "delivered", "application": "accepted"}
    (kept,) = told(conn)["application_receipts"]
    assert (kept["status"], kept["codes"], kept["said"]) == ("accepted", [], moment(RECEIVED_US // 1_000_000 * 1_000_000))
    assert kept["kept"] > kept["said"]
    assert "application_receipts" not in told(conn, "gp")
    assert conn.execute("SELECT raw FROM receipt").fetchall() == [(raw,)]


def test_the_hubs_own_id_is_found_too(conn: Conn, database_url: str) -> None:
    message(conn, adapter="hl7v2")
    sent(conn, "gp", detail="minimal")
    keep(database_url, said(original=kith_id(EVENT, Detail.MINIMAL, "gp")), "gp")
    assert told(conn, "gp")["delivery"]["application"] == "accepted"
    assert refused(database_url, said(original="m-1"), "gp") == (Reason.BROKEN_REFERENCE, "AppRec/OriginalMsgId/Id")  # it never saw that id


@pytest.mark.parametrize("outcome", ["withheld", "discarded", "held", ""])
def test_nobody_answers_what_it_was_not_sent(conn: Conn, database_url: str, outcome: str) -> None:
    message(conn)
    sent(conn)
    sent(conn, "gp", outcome=outcome)
    there, elsewhere = said(), said(original="m-2")
    assert refused(database_url, there, "gp") == refused(database_url, elsewhere, "gp") == (Reason.BROKEN_REFERENCE, receipt.ORIGINAL)
    assert refused(database_url, there, "nobody")[0] is Reason.BROKEN_REFERENCE
    assert refused(database_url, said(original=kith_id(EVENT, Detail.FULL, "town")), "gp")[0] is Reason.BROKEN_REFERENCE
    assert conn.execute("SELECT count(*) FROM receipt").fetchall() == [(0,)]


@pytest.mark.parametrize("outcome", ["delivered", "refused", "failed", "unknown"])
def test_whatever_may_have_arrived_may_be_answered(conn: Conn, database_url: str, outcome: str) -> None:
    message(conn)
    sent(conn, outcome=outcome)
    keep(database_url, said())
    assert told(conn)["delivery"]["application"] == "accepted"


def test_an_answer_may_come_before_the_delivery_is_written_down(conn: Conn, database_url: str) -> None:
    message(conn)
    sent(conn, outcome="")
    columns = "worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients"
    conn.execute(f"INSERT INTO claim ({columns}) VALUES ('w', 1, '{{p}}', '{{}}', '{{0}}', '{{1}}', '{{town}}')")
    keep(database_url, said())
    assert told(conn)["application_receipts"][0]["status"] == "accepted"


def test_one_id_of_two_senders_is_the_ones_the_receipt_is_for(conn: Conn, database_url: str) -> None:
    other = str(uuid.UUID(int=8))
    message(conn)
    message(conn, 2, other, sender="1234")
    sent(conn)
    sent(conn, off=2, event=other)
    keep(database_url, said())
    assert conn.execute("SELECT off FROM receipt").fetchall() == [(1,)]


def test_of_two_passages_of_one_message_it_is_the_latest_that_was_sent(conn: Conn, database_url: str) -> None:
    message(conn)
    message(conn, 2)
    sent(conn, outcome="held")
    sent(conn, off=2)
    keep(database_url, said())
    assert conn.execute("SELECT off FROM receipt").fetchall() == [(2,)]


def test_another_receipt_under_the_same_id_is_a_conflict(conn: Conn, database_url: str) -> None:
    message(conn)
    sent(conn)
    raw = said()
    keep(database_url, raw)
    assert refused(database_url, raw.replace(b'Status V="1"', b'Status V="2"')) == (Reason.DUPLICATE_CONTROL_ID, "AppRec/Id")
    assert told(conn)["delivery"]["application"] == "accepted"


def quarantine(url: str, action: str = "list", any_id: str = "") -> int:
    """The tool's exit code."""
    nothing: Any = None

    async def run() -> int:
        pool = Pool(url, "test")
        desk = tool.Desk(pool, nothing, nothing, lambda: LATER_US, nothing, nothing)
        code = await tool.run_quarantine(desk, action, any_id, as_json=True)
        await pool.close()
        return code

    return asyncio.run(run())


def test_a_refusal_by_the_receivers_application_is_for_a_person(conn: Conn, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    message(conn)
    sent(conn)
    sent(conn, "gp")
    keep(database_url, said())
    keep(database_url, said(Reason.MISSING_PATIENT), "gp")
    capsys.readouterr()
    quarantine(database_url)
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["id"], entry["what"], entry["recipient"], entry["reason"]) == (f"{EVENT}:gp", "receipt", "gp", "rejected E30")
    assert "release" in entry["act"]
    assert quarantine(database_url, "show", entry["id"]) == 0
    assert json.loads(capsys.readouterr().out) == entry
    assert quarantine(database_url, "redrive", entry["id"]) == 1
    assert "delivered" in capsys.readouterr().err
    assert quarantine(database_url, "release", entry["id"]) == 0
    capsys.readouterr()
    quarantine(database_url)
    assert json.loads(capsys.readouterr().out) == []
    assert told(conn, "gp")["delivery"] == {"state": "delivered", "application": "rejected"}
    assert told(conn, "gp")["application_receipts"][0]["seen"]


def test_a_later_good_word_takes_a_refusal_off_the_list(conn: Conn, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    message(conn)
    sent(conn)
    keep(database_url, said(Reason.MISSING_PATIENT))
    keep(database_url, said(), now_us=LATER_US + 1)
    capsys.readouterr()
    quarantine(database_url)
    assert json.loads(capsys.readouterr().out) == []
    assert [r["status"] for r in told(conn)["application_receipts"]] == ["rejected", "accepted"]


def test_what_a_receiver_writes_is_nowhere_but_in_its_receipt(conn: Conn, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    message(conn)
    sent(conn)
    raw = said(Reason.MISSING_PATIENT).replace(b'V="E30"', 'V="Åse Bjørnstad"'.encode())
    keep(database_url, raw)
    quarantine(database_url)
    text = json.dumps(told(conn), ensure_ascii=False) + "".join(capsys.readouterr())
    assert "Bjørnstad" not in text
    assert told(conn)["application_receipts"][0]["codes"] == ["other"]


def test_the_sender_is_told_of_the_receivers_it_wrote_alone(conn: Conn, database_url: str) -> None:
    message(conn)
    sent(conn)
    sent(conn, "gp")
    keep(database_url, said(Reason.MISSING_PATIENT))
    keep(database_url, said(), "gp")
    assert [(r.recipient, r.status, r.codes) for r in of_receivers(conn, EVENT)] == [("town", "rejected", ["E30"])]
    assert of_receivers(conn, "m-1") == []


def test_receipts_come_as_files_too(conn: Conn, database_url: str, tmp_path: Path) -> None:
    """Known by the names in them where nobody is named, and never answered."""
    town = {
        "id": "town",
        "name": "Town",
        "kind": "municipality",
        "organisation": "",
        "senders": ["8143060"],
        "deliver": {"channel": "mailbox"},
    }
    conn.execute("INSERT INTO provider VALUES ('town', 'admin', %s)", (json.dumps(town),))
    message(conn)
    sent(conn)
    settings = Settings(database_url=database_url, kafka="127.0.0.1:1", secret=SecretBytes(b"a secret of the tests"))

    def drop(name: str, raw: bytes) -> None:
        (tmp_path / name).write_bytes(raw)
        os.utime(tmp_path / name, (1, 1))

    drop("a.xml", said())
    drop("b.xml", said(original="m-2"))
    drop("c.xml", said().replace(b"8143060", b"1").replace(b"942110464", b"1").replace(b"Trondheim", b"Oslo"))
    assert processes.watch_folder(settings, tmp_path, "", once=True) == (1, 2)
    assert told(conn)["delivery"]["application"] == "accepted"
    drop("a.xml", said())
    assert processes.watch_folder(settings, tmp_path, "gp", once=True) == (0, 1)
    assert not list(tmp_path.glob("*/*.apprec.xml"))
