"""The small region of the fault runs: one hospital, three receivers, forty patients in two municipalities."""

import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from tests.faults.checker import Region, Violation, check
from tests.faults.history import History, Locked, Merged, Settled, Stay, clock
from tests.faults.peers import Receiver, Sender, field_of
from tests.faults.processes import Hub, free_port, wait_until

MUNICIPALITIES = ("5001", "5031")
PART_CODE = ("http://hl7.org/fhir/sid/icd-10", "B20")
RECEIVERS = {"everywhere": "", "trondheim": "5001", "malvik": "5031"}
CONFIG = """
[[provider]]
id = "st-olavs"
name = "St. Olavs hospital"
kind = "hospital"
organisation = "974749025"
senders = ["STOLAV"]
deliver = {{ channel = "mailbox" }}
{entries}
"""
ENTRY = """
[[provider]]
id = "{id}"
name = "{id}"
kind = "municipality"
organisation = "{id}"
senders = ["{id}"]
deliver = {{ channel = "mllp", host = "127.0.0.1", port = {port}, connections = 8 }}

[[subscription]]
provider = "{id}"
events = ["patient.*"]
where = {{ {where} }}
detail = "full"
"""

_SO_FAR = {
    "messages": "SELECT outcome, count(*) FROM message GROUP BY 1",
    "outbox": "SELECT recipient, parked, count(*), max(attempts) FROM outbox GROUP BY 1, 2",
    "attempts": "SELECT outcome, code, count(*) FROM attempt GROUP BY 1, 2",
    "claims": "SELECT count(*) FROM claim",
    "sessions": """SELECT application_name, state, wait_event_type, wait_event, (now() - state_change)::text, left(query, 60)
                   FROM pg_stat_activity WHERE datname = current_database()""",
}


def message(run: str, patient: str, municipality: str, seq: int) -> bytes:
    """The ``seq``-th message about a patient: the admission, then updates; with letters outside ASCII."""
    event = "A01" if seq == 1 else "A08"
    return (
        f"MSH|^~\\&|EPJ|STOLAV|HUB|HUB|20261122120000||ADT^{event}^ADT_A01|{run}-{patient}-{seq:05d}|P|2.5|||||NOR|UNICODE UTF-8\r"
        f"EVN|{event}|20261122120000\rPID|1||{patient}^^^STOLAVMRN^MR||Ås^Bjørg{seq}||19500101|F|||"
        f"Gata 1^^Trondheim^^7010^NOR^^^{municipality}\r"
        f"PV1|1|I|MED1|||||||||||||||||V{patient}\rDG1|1||{PART_CODE[1]}^SECRET {seq}^I10\rDG1|2||J18^Pneumoni^I10\r"
    ).encode()


def merge(run: str, retired: str, survivor: str, municipality: str, seq: int) -> bytes:
    """The ``seq``-th message about the survivor: the retired one is the same person."""
    update = message(run, survivor, municipality, seq).replace(b"ADT^A08^ADT_A01", b"ADT^A40^ADT_A39").replace(b"EVN|A08", b"EVN|A40")
    return update[: update.index(b"PV1|")] + f"MRG|{retired}^^^STOLAVMRN^MR\r".encode()


@dataclass
class Run:
    """One run: traffic, faults beside it, then healing, then the checker over the outside record."""

    hub: Hub
    name: str
    patients: int = 16
    pairs: int = 0  # of patients beside them who are merged, see ``merging``
    history: History = field(default_factory=History)
    receivers: dict[str, Receiver] = field(default_factory=dict)

    def prepare(self) -> None:
        """Receivers up and the configuration written; the hub is not started."""
        for provider in RECEIVERS:
            self.receivers[provider] = Receiver(provider, self.history, free_port())
            self.receivers[provider].start()
        where = {p: f'municipality = "{m}"' if m else "" for p, m in RECEIVERS.items()}
        entries = "".join(ENTRY.format(id=p, port=r.port, where=where[p]) for p, r in self.receivers.items())
        self.hub.config.write_text(CONFIG.format(entries=entries))

    def patient(self, n: int) -> tuple[str, str]:
        """(identifier, municipality) of patient ``n``."""
        return f"{self.name}{n:03d}", MUNICIPALITIES[n % 2]

    @property
    def region(self) -> Region:
        """The reference model of who may have what."""
        people = [self.patient(n) for n in range(self.patients + 2 * self.pairs)]
        entitled = {p: frozenset(r for r, m in RECEIVERS.items() if m in {"", home}) for p, home in people}
        return Region(entitled, frozenset(RECEIVERS))

    def traffic(self, seconds: float, fault: Callable[[], None], give_up_after: float = 60.0) -> None:
        """Every patient's messages one after another for ``seconds`` and while ``fault`` goes on beside them, and a little after."""
        end, over = clock() + seconds, threading.Event()
        threads = [threading.Thread(target=self._send, args=(n, end, over, give_up_after)) for n in range(self.patients)]
        for t in threads:
            t.start()
        try:
            fault()
        finally:
            over.set()
        for t in threads:
            t.join(seconds + give_up_after + 10)
        assert not any(t.is_alive() for t in threads), "a sender hangs"

    def _send(self, n: int, end: float, over: threading.Event, give_up_after: float) -> None:
        sender = Sender(self.hub.mllp, self.history)
        patient, home = self.patient(n)
        seq = 0
        while clock() < end or not over.is_set():
            seq += 1
            sender.send(message(self.name, patient, home, seq), patient, seq, give_up_after)
            time.sleep(0.02)
        sender.close()

    @contextlib.contextmanager
    def merging(self, pairs: int, now: Callable[[int], threading.Event]) -> Iterator[None]:
        """Beside the traffic, pairs of patients whose messages come by turns; each is merged when its event is set, and goes on."""
        self.pairs, over = pairs, threading.Event()
        threads = [threading.Thread(target=self._send_pair, args=(n, now(n), over)) for n in range(pairs)]
        for t in threads:
            t.start()
        try:
            yield
        finally:
            over.set()
            for t in threads:
                t.join(60)
        assert not any(t.is_alive() for t in threads), "a sender hangs"

    def _send_pair(self, n: int, now: threading.Event, over: threading.Event) -> None:
        sender = Sender(self.hub.mllp, self.history)
        retired, home = self.patient(self.patients + n)
        survivor, _ = self.patient(self.patients + n + self.pairs)
        seqs, is_merged = {retired: 0, survivor: 0}, False
        while not over.is_set() or not is_merged:
            if not is_merged and (now.is_set() or over.is_set()):
                seqs[survivor] += 1
                raw, is_merged = merge(self.name, retired, survivor, home, seqs[survivor]), True
                self.history.add(Merged(field_of(raw, b"MSH", 10), retired, survivor))
                sender.send(raw, survivor, seqs[survivor], 60)
            for patient in (retired, survivor):
                seqs[patient] += 1
                sender.send(message(self.name, patient, home, seqs[patient]), patient, seqs[patient], 60)
            time.sleep(0.05)
        sender.close()

    def lock(self, n: int, provider: str, token: str, *, part: bool = False) -> None:
        """Deny one provider (or all: "") patient ``n``'s messages, or a part of each; recorded with what the answer named."""
        patient, _ = self.patient(n)
        asked = clock()
        body = self._put(self._consent(n, provider, part=part), token)
        self.history.add(Locked(patient, provider, asked, clock(), under_way_of(body), part))

    def lift(self, n: int, provider: str, token: str, *, part: bool = False) -> None:
        """Take that lock back; from the asking on it need not hold."""
        patient, _ = self.patient(n)
        self.history.lift(patient, provider, clock(), part=part)
        self._put(self._consent(n, provider, part=part) | {"status": "inactive"}, token)

    def _consent(self, n: int, provider: str, *, part: bool) -> dict[str, object]:
        patient, _ = self.patient(n)
        actor = [{"role": {"text": "recipient"}, "reference": {"identifier": {"system": "urn:hub:provider", "value": provider}}}]
        code = [{"coding": [{"system": PART_CODE[0], "code": PART_CODE[1]}]}]
        return {
            "resourceType": "Consent", "id": f"{self.name}-{n}-{provider or 'all'}{'-part' if part else ''}", "status": "active",
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "patient": {"identifier": {"value": patient}},
            "policyRule": {"coding": [{"system": "http://hl7.no/fhir/CodeSystem/no-basis-legal-formality-or-basis", "code": "PBRL5-3"}]},
            "provision": {"type": "deny", **({"actor": actor} if provider else {}), **({"code": code} if part else {})},
        }  # fmt: skip

    def _put(self, consent: dict[str, object], token: str, seconds_max: float = 30.0) -> dict[str, object]:
        """The answer; asked again for as long as the web is away or its server is."""
        end, status, body = clock() + seconds_max, 0, dict[str, object]()
        while status not in {200, 201} and clock() < end:
            try:
                status, body = self.hub.request("PUT", f"/fhir/Consent/{consent['id']}", consent, token)
            except OSError:
                status = 0
            if status in {0, 409, 412, 503}:
                time.sleep(0.05)
            else:
                assert status in {200, 201}, (status, body)
        assert status in {200, 201}, (status, body)
        return body

    def settle(self, seconds_max: float = 60.0) -> None:
        """Wait until nothing is on its way, then record what the hub says became of each message."""
        with psycopg.connect(self.hub.database_url, autocommit=True) as conn:
            acknowledged = {s.control_id for s in self.history.sent if s.outcome == "ok"}

            def quiet() -> bool:
                self.hub.revive()
                known = {r[0] for r in conn.execute("SELECT DISTINCT control_id FROM message")}
                waiting = conn.execute("SELECT count(*) FROM outbox WHERE parked = '' AND recipient <> 'st-olavs'").fetchone()
                return acknowledged <= known and waiting == (0,)

            with contextlib.suppress(TimeoutError):  # the checker says what is missing
                wait_until(quiet, seconds_max, "the backlog to drain")
            left = conn.execute("SELECT count(*) FROM outbox WHERE parked = '' AND recipient <> 'st-olavs'").fetchone()
            self.history.left = int(str(left[0])) if left else 0
            self.history.settled.extend(s for s in settled_of(conn) if s.control_id.startswith(f"{self.name}-"))
            self._name_sends(conn)
            self._stays(conn, seconds_max)

    def _name_sends(self, conn: psycopg.Connection[tuple[object, ...]]) -> None:
        """The answers to locks name sends by event id; the outside record knows control ids."""
        named = {str(e): str(c) for e, c in conn.execute("SELECT event_id, control_id FROM message WHERE outcome <> 'repeat'")}
        for at, lock in enumerate(self.history.locked):
            self.history.locked[at] = replace(lock, under_way=frozenset((named.get(e, e), provider) for e, provider in lock.under_way))

    def _stays(self, conn: psycopg.Connection[tuple[object, ...]], seconds_max: float) -> None:
        """What the pathway knows of the patients whose admission was acknowledged, once it has caught up."""
        if "pathway" not in self.hub.running:
            return
        merged = {p for m in self.history.merged for p in (m.retired, m.survivor)}
        admitted = sorted(s.patient for s in self.history.sent if s.outcome == "ok" and s.seq == 1 and s.patient not in merged)
        sql = """SELECT coalesce(array_agg(e.state ORDER BY e.state), '{}') FROM episode e
                 WHERE e.patient_key IN (SELECT patient_key FROM message WHERE control_id = %s)"""

        def now() -> list[Stay]:
            self.hub.revive()
            found = ((p, conn.execute(sql, (f"{self.name}-{p}-00001",)).fetchone()) for p in admitted)
            stays = [Stay(p, tuple(row[0]) if row else ()) for p, row in found]  # type: ignore[arg-type]
            return stays + [self._stay_of(conn, merged) for merged in self.history.merged]

        with contextlib.suppress(TimeoutError):
            wait_until(lambda: all(stay.states for stay in now()), seconds_max, "the pathway")
        self.history.stays.extend(now())

    def _stay_of(self, conn: psycopg.Connection[tuple[object, ...]], merged: Merged) -> Stay:
        """Of two who are one and whose messages name no encounter: the survivor's."""
        sql = """SELECT coalesce(array_agg(e.state), '{}') FROM episode e JOIN message m USING (patient_key)
                 WHERE m.control_id = %s AND m.outcome <> 'repeat'"""
        row = conn.execute(sql, (merged.control_id,)).fetchone()
        return Stay(merged.survivor, tuple(row[0]) if row else ())  # type: ignore[arg-type]

    def so_far(self) -> dict[str, object]:
        """Where the messages are, for a failing test's message: answers, arrivals, the hub's own counts, and who waits for what."""
        told: dict[str, object] = {
            "answers": Counter(f"{s.outcome} {s.code}" for s in self.history.sent),
            "arrived": len(self.history.arrived),
        }
        told["alive"] = [name for name in self.hub.running if self.hub.alive(name)]
        with psycopg.connect(self.hub.database_url, autocommit=True) as conn:
            for name, sql in _SO_FAR.items():
                told[name] = conn.execute(sql).fetchall()
        return told

    def violations(self) -> list[Violation]:
        """What the checker finds."""
        return check(self.history, self.region)

    def close(self) -> None:
        """Everything down."""
        self.hub.down()
        for receiver in self.receivers.values():
            receiver.stop()


def under_way_of(body: dict[str, object]) -> frozenset[tuple[str, str]]:
    """(event id, provider) pairs that the answer to a lock names as already under way."""
    said = [issue.get("diagnostics", "") for c in body.get("contained", []) for issue in c.get("issue", [])]  # type: ignore[attr-defined]
    return frozenset(found for text in said for found in re.findall(r"event (\S+) was already on its way to ([^\s;]+)", text))


def settled_of(conn: psycopg.Connection[tuple[object, ...]]) -> list[Settled]:
    """The hub's own word on every (message, provider)."""
    sql = """
        SELECT m.control_id, d.recipient,
               CASE WHEN o.part IS NOT NULL AND o.parked <> '' THEN 'refused' WHEN o.part IS NOT NULL THEN 'waiting'
                    WHEN d.result = 'deny' THEN 'denied'
                    ELSE coalesce((SELECT CASE a.outcome WHEN 'discarded' THEN 'refused' ELSE a.outcome END FROM attempt a
                                   WHERE (a.part, a.off, a.recipient) = (d.part, d.off, d.recipient)
                                   ORDER BY (a.outcome IN ('delivered', 'withheld', 'discarded')) DESC, n DESC LIMIT 1), 'missing') END,
               d.rule
        FROM message m JOIN decision d USING (part, off) LEFT JOIN outbox o USING (part, off, recipient)
        WHERE m.outcome <> 'repeat'"""
    return [Settled(str(c), str(p), str(state), str(rule)) for c, p, state, rule in conn.execute(sql)]


def run_in(folder: Path, name: str, kafka: str, database_url: str, topic_prefix: str, sabotage: str = "") -> Run:
    """A prepared run with a hub of its own."""
    hub = Hub(folder, kafka, database_url, topic_prefix, folder / "region.toml", sabotage=sabotage)
    run = Run(hub, name)
    run.prepare()
    return run
