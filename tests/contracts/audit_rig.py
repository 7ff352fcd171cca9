"""A ledger with something recorded of every kind, and somebody with a superuser's rights who changes it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from hub.identity import HUB_PROVIDER, derived_id
from hub.ledger.connect import Conn
from hub.ledger.consents import NewVersion, put_consent
from hub.ledger.emergencies import Emergency, Grounds, Personnel, Step, keep, open_access
from hub.ledger.transit import TransitLedger
from hub.model import Identifier, Received
from hub.routing.directory import Directory
from hub.stream.walk import Walk, read_item, wanted
from tests.consents import simple
from tests.contracts.transit_rig import PROVIDERS, PSEUDONYMS, READERS, SUBSCRIPTIONS, received

Decide = Callable[..., None]
ACCESS = "00000000-0000-8000-8000-000000000002"


@contextmanager
def deciding(database_url: str, part: int = 0) -> Iterator[Decide]:
    """Put messages through transit's own decision and transaction, each call a batch, in one partition."""
    ledger = TransitLedger(database_url)
    next_off = ledger.assign([part])[part][0]

    def decided(*messages: Received, at_us: int = 7) -> None:
        nonlocal next_off
        batch = [read_item((part, next_off + n), m, READERS[m.adapter](m), PSEUDONYMS) for n, m in enumerate(messages)]
        next_off += len(batch)
        walked = Walk(ledger.read(wanted(batch)), Directory(PROVIDERS, SUBSCRIPTIONS, 1), lambda *_: b"", at_us).all(batch)
        ledger.write(walked.writes, at_us, lambda: None, lambda: None)

    yield decided
    ledger.close()


def attempt(conn: Conn, off: int, recipient: str, n: int, outcome: str, code: str, *, part: int = 0) -> None:
    """As delivery writes one."""
    row = (part, off, recipient, n, n * 10, n * 10 + 1, outcome, code)
    conn.execute("INSERT INTO attempt VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", row)


def fill(conn: Conn, decide: Decide, batches: int = 4) -> None:
    """So many batches of two messages, their deliveries, and one consent that came too late for one of them."""
    for n in range(batches):
        decide(*(received(f"c{n}-{k}", mrn=f"{n}{k}", number="") for k in range(2)))
        conn.execute(
            "INSERT INTO attempt SELECT part, off, recipient, 1, off * 10, off * 10 + 1, 'delivered', '200' FROM decision WHERE off >= %s",
            (2 * n,),
        )
    lock(conn, ["k"], 50)
    conn.execute("INSERT INTO disclosure VALUES ('lock-1', 1, 0, 0, 'town', 51)")
    conn.execute(
        "INSERT INTO audit_access VALUES ('00000000-0000-8000-8000-000000000001', 60, 'admin', '', '::1', 'read', 'AuditEvent/x', '{p}')"
    )
    emergency(conn, ACCESS, 70)
    emergency(conn, ACCESS, 71, Step.READ, events=[ACCESS])


def emergency(conn: Conn, access: str, at_us: int, step: Step = Step.OPENED, patient_key: str = "p", events: Sequence[str] = ()) -> None:
    """One step of an access that somebody at ``town`` opened."""
    who, grounds = Personnel("town", "9144889", "Kari", "LE"), Grounds("BTG", "", "Bevisstløs på gata")
    id_ = access if step is Step.OPENED else derived_id(access, step.value, str(at_us))
    row = Emergency(
        id_, at_us, step, access, who, "::1", patient_key, grounds, at_us + 1_000 if step is Step.OPENED else 0, "9-emergency",
        because=("emergency", "lock-1/1"), lock_keys=("k",), events=tuple(events), kinds=("patient.admitted",) * len(events),
    )  # fmt: skip
    if step is Step.OPENED:
        open_access(conn, row, at_us)
    else:
        keep(conn, row)


def lock(conn: Conn, keys: Sequence[str], now_us: int, provider: str = "", resource: Mapping[str, Any] | None = None) -> None:
    """``lock-1``, a patient's lock for a provider or, without one, for everybody."""
    actors = (Identifier(HUB_PROVIDER, provider),) if provider else ()
    consent = simple("lock-1", actors=actors)
    written = resource or {"resourceType": "Consent", "note": "Ærlig"}
    put_consent(conn, NewVersion(consent, keys, written, now_us), lambda *_: True, 0.0)


@contextmanager
def tampering(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser who lets no trigger stop them."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        yield conn
