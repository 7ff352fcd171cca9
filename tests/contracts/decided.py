"""Messages decided and recorded as transit does, without a broker."""

from collections.abc import Sequence

from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.avro import Codec
from hub.ledger.connect import Conn
from hub.ledger.transit import TransitLedger
from hub.model import Received
from hub.routing.directory import Directory
from hub.stream.walk import Walk, read_item, wanted
from hub.wiring import now_us
from tests.contracts.transit_rig import PSEUDONYMS


def decide(url: str, messages: Sequence[Received]) -> None:
    """One batch on partition 0, after what is there; by the entries and consents that are in force."""
    ledger = TransitLedger(url)
    try:
        ((start, _),) = ledger.assign([0]).values()
        items = [read_item((0, start + n), m, Hl7v2Message(m), PSEUDONYMS) for n, m in enumerate(messages)]
        entries, at = ledger.directory(), now_us()
        directory = Directory(entries.providers, entries.subscriptions, entries.version)
        walked = Walk(ledger.read(wanted(items)), directory, Codec().encode_event, at).all(items)
        ledger.write(walked.writes, at, lambda: None, lambda: None)
    finally:
        ledger.close()


def rewrite(conn: Conn, table: str, change: str) -> None:
    """Change what was recorded, as nobody can: for tests of another time than now."""
    conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    conn.execute(f"UPDATE {table} SET {change}")
    conn.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
