"""Deciding the past again: how long a million decisions take, as JSON lines.

    python -m bench.what_if [--decisions 1000000] [--patients 30000] [--subscriptions 10000]

Needs HUB_DATABASE_URL (a database of its own is made and dropped). Three providers subscribe to each municipality's events and the other
subscriptions are to wards; every patient has eleven messages of several kinds, a GP, a municipality and a ward, and every tenth has locked
one provider out. The change takes one municipality's subscription away and gives one to another. The clock runs from the command's
connection to its last line, output included; that nothing is decided ``otherwise`` says that every row was decided again as recorded.
"""

import argparse
import io
import json
import os
import resource
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.transit import _database
from hub.config import provider_to_dict, subscription_to_dict
from hub.ledger.connect import connect
from hub.ledger.directory import replace_file_entries
from hub.model import Channel, Deliver, Detail, Kind, Provider, ProviderKind, Subscription, Where
from hub.settings import Settings
from hub.stream.what_if_tool import Asked, what_if
from hub.wiring import now_us

BOUND_SECONDS = 60
RECIPIENTS = ("a", "b", "c")
MUNICIPALITIES = 350
KINDS = ("patient.admitted", "patient.discharged", "patient.transferred", "patient.updated", "observation.reported", "document.published")
MESSAGES = """
INSERT INTO message (part, off, event_id, adapter, provider, application, sender, control_id, trigger, kind, patient_key, received_us,
                     decided_us, answer, encoding, outcome, raw, occurred_us, municipality, ward, encounter_class, labels, addressed, gps,
                     pathway, unresolved, items)
SELECT n %% 12, n, md5(n::text)::uuid, 'hl7v2', 'hospital', 'EPJ', 'HOSPITAL', n::text, 'ADT^A01',
       (%(kinds)s::text[])[1 + n / 1000 %% %(of)s],
       md5(p::text), %(since)s + n * 1000, %(since)s + n * 1000, 'AA', 'utf-8', 'routed', decode(repeat(md5(n::text), 27), 'hex'),
       %(since)s + n * 1000, (1000 + p %% 350)::text, 'W' || p %% 40, 'I', '{}', '{HUB,REGION}',
       ARRAY['urn:oid:2.16.578.1.12.4.1.4.101', (900000000 + p %% 2000)::text],
       CASE WHEN p %% 3 = 0 THEN ARRAY['hospital', 'p' || p %% 350 || 'b'] ELSE '{hospital}' END, false, ''
FROM generate_series(1, %(messages)s) n CROSS JOIN LATERAL (SELECT n::bigint * 7919 %% %(patients)s AS p) x"""
DECISIONS = """
INSERT INTO decision (part, off, recipient, result, rule, detail, subscription, because)
SELECT m.part, m.off, 'p' || p %% 350 || r, CASE WHEN locked THEN 'deny' ELSE 'permit' END,
       CASE WHEN locked THEN '11-locked' ELSE '13-treating-relation' END, 'full', 's' || p %% 350 || r, '{subscription}'
FROM message m CROSS JOIN LATERAL (SELECT m.off * 7919 %% %(patients)s AS p) x CROSS JOIN unnest(%(recipients)s::text[]) AS r
CROSS JOIN LATERAL (SELECT p %% 10 = 0 AND r = 'a' AS locked) y"""
CONSENTS = """
INSERT INTO consent (id, version, active, written_us, resource, body)
SELECT 'c' || p, 1, true, 1, '{}', jsonb_build_object('root', jsonb_build_object('deny', true, 'actors',
       jsonb_build_array(jsonb_build_array('urn:hub:provider', 'p' || p %% 350 || 'a'))))
FROM generate_series(0, %(patients)s - 1, 10) p"""


def _providers() -> Iterator[Provider]:
    nowhere = Deliver(Channel.MAILBOX)
    yield Provider("hospital", "Hospital", ProviderKind.HOSPITAL, "", ("HOSPITAL",), nowhere)
    for n in range(MUNICIPALITIES):
        for r in RECIPIENTS:
            yield Provider(f"p{n}{r}", f"P{n}{r}", ProviderKind.MUNICIPALITY, "", (), nowhere)


def _subscriptions(count: int) -> Iterator[Subscription]:
    matching = [(n, r) for n in range(MUNICIPALITIES) for r in RECIPIENTS]
    for n, r in matching:
        yield Subscription(f"s{n}{r}", f"p{n}{r}", ("*",), Where(municipality=f"{1000 + n}"), Detail.FULL)
    for n in range(count - len(matching)):
        where = Where(municipality=f"{1000 + n % MUNICIPALITIES}", ward=f"other-{n}")
        yield Subscription(f"w{n}", f"p{n % MUNICIPALITIES}a", ("patient.*",), where, Detail.FULL)


def _fill(url: str, given: argparse.Namespace, since_us: int) -> int:
    """The past; the number of messages."""
    messages = -(-given.decisions // len(RECIPIENTS))
    values = {
        "messages": messages, "patients": given.patients, "kinds": list(KINDS), "of": len(KINDS), "since": since_us,
        "recipients": list(RECIPIENTS),
    }  # fmt: skip
    with connect(url, statement_seconds_max=0) as conn:
        replace_file_entries(conn, _providers(), _subscriptions(given.subscriptions))
        conn.execute(CONSENTS, values)
        conn.execute("INSERT INTO consent_key SELECT md5('lock' || substr(id, 2)), id FROM consent")
        identities = "INSERT INTO identity SELECT md5(p::text), md5(p::text), ARRAY[md5('lock' || p), md5('other' || p)]"
        conn.execute(f"{identities} FROM generate_series(0, %s - 1) p", (given.patients,))
        conn.execute(MESSAGES, values)
        conn.execute(DECISIONS, values)
        conn.execute("VACUUM ANALYZE")
    return messages


def _changed(subscriptions: int) -> str:
    """The configuration with one subscription less and one more."""
    rest = [s for s in _subscriptions(subscriptions) if s.id != "s1b"]
    more = Subscription("more", "p3a", ("*",), Where(municipality="1002"), Detail.MINIMAL)
    entries = [("provider", provider_to_dict(p)) for p in _providers()]
    entries += [("subscription", subscription_to_dict(s)) for s in (*rest, more)]
    return "\n".join(line for kind, body in entries for line in (f"[[{kind}]]", *(f"{k} = {_toml(v)}" for k, v in body.items())))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def _measure(url: str, given: argparse.Namespace, since_us: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        policy = Path(folder, "region.toml")
        policy.write_text(_changed(given.subscriptions), "utf-8")
        out = io.StringIO()
        wall, cpu = time.perf_counter(), time.process_time()
        with redirect_stdout(out):
            code = what_if(Settings(database_url=url), Asked(policy, None, since_us, now_us()), as_json=True)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    summary = json.loads(out.getvalue().splitlines()[-1])
    assert code == 1
    assert (summary["unknown"], summary["otherwise"]) == (0, 0), summary
    return summary | {"seconds": round(wall, 1), "cpu_s": round(cpu, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--patients", type=int, default=30_000)
    parser.add_argument("--subscriptions", type=int, default=10_000)
    given = parser.parse_args()
    assert set(KINDS) <= set(Kind)
    since_us = now_us() - 30 * 86_400_000_000
    with _database(os.environ["HUB_DATABASE_URL"]) as url:
        messages = _fill(url, given, since_us)
        found = _measure(url, given, since_us)
    assert (found["messages"], found["decisions"]) == (messages, messages * len(RECIPIENTS))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({
        "bench": "what_if", "decisions": found["decisions"], "messages": messages, "gains": found["gains"], "losses": found["losses"],
        "seconds": found["seconds"], "bound_seconds": BOUND_SECONDS, "decisions_per_second": round(found["decisions"] / found["seconds"]),
        "cpu_s": found["cpu_s"], "peak_mb": round(peak),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
