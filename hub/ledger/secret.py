"""One secret for one ledger: every key in it is a hash under that secret, and a lock stored under another would match nobody."""

from hub.ledger.connect import Conn, faults


def agrees(conn: Conn, check: str) -> bool:
    """Whether the ledger's keys were made with the secret of this check value; the first that asks decides. Raises Faulted."""
    with faults(), conn.transaction():
        conn.execute("INSERT INTO secret_check (value) VALUES (%s) ON CONFLICT DO NOTHING", (check,))
        row = conn.execute("SELECT value FROM secret_check").fetchone()
    return row is not None and row[0] == check


def is_another(conn: Conn, check: str) -> bool:
    """Whether the ledger's keys were made with another secret; a ledger that has none yet is left so. Raises Faulted."""
    with faults():
        row = conn.execute("SELECT value FROM secret_check").fetchone()
    return row is not None and row[0] != check
