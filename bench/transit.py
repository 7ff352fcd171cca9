"""Deciding, routing and recording: messages a second of one transit worker, as JSON lines.

    python -m bench.transit [--messages 20000] [--consents 1000,1000000] [--subscriptions 100,100000] [--bundle]

Needs HUB_KAFKA and HUB_DATABASE_URL (a database and topics of its own are made, the database dropped). The messages are on topic
``inbound`` before the clock starts; the worker reads them, decides for 3 candidate recipients each (by MLLP, or with ``--bundle`` as FHIR
Bundles), sends the events and commits the batches. Every message has 4 lock keys; the consents concern other patients. The figures are the
median of the rounds' rates, from the first batch decided to the last, and what the worker's process used of a core.
"""

import argparse
import json
import os
import secrets
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from bench.floor import share
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.avro import Codec
from hub.identity import FNR, Pseudonyms, event_id
from hub.ledger.connect import connect
from hub.ledger.consent_rows import body_of
from hub.ledger.directory import replace_file_entries
from hub.ledger.migrate import migrate
from hub.model import (
    Actor,
    Adapter,
    Channel,
    Consent,
    Deliver,
    Detail,
    Identifier,
    Provider,
    ProviderKind,
    Provision,
    Received,
    Subscription,
    Where,
)
from hub.settings import Settings
from hub.stream.kafka import Producer, Topics, ensure_topics
from hub.stream.transit import TransitParts, serve
from hub.wiring import now_us

LOCK = Consent("c", 1, True, Provision(True, actors=(Actor(Identifier("urn:hub:provider", "r0")),)))
PSEUDONYMS = Pseudonyms(b"a secret of the bench")
PATIENTS = 5_000
MESSAGE = (
    "MSH|^~\\&|DIPS|HOSPITAL|HUB|REGION|20260101120000||ADT^A01^ADT_A01|{n}|P|2.5.1|||||NOR|UNICODE UTF-8\r"
    "EVN||20260101120000\r"
    "PID|1||{number:011d}^^^NOR^NI~{mrn}^^^HOSPITAL^MR||Åsen^Ærlig||19691113|F|||Gata 1^^Byen^^7011^NOR^H^^5001||^PRN^CP^^^^+4790000000\r"
    "PD1|||Legesenteret^^999001017^^^ENH\rNK1|1|Åsen^Øyvind|SPO|||+4790000001\r"
    "PV1|1|I|MED^101^1^HOSPITAL|E||||||MED||||||||I|E{n}^^^HOSPITAL^VN|||||||||||||||||||||||||20260101120000\r"
    "PV2|||^Mistanke om pneumoni\rDG1|1||J18.9^Uspesifisert pneumoni^ICD-10||20260101120000|A\r"
    "AL1|1|DA|^Penicillin|MO|Utslett\rIN1|1|A|B|Trygd\r"
)


def _providers(*, bundle: bool) -> list[Provider]:
    mllp = Deliver(Channel.MLLP, "127.0.0.1", 1)
    fhir = Deliver(Channel.FHIR, url="http://127.0.0.1:1/fhir") if bundle else mllp
    hospital = Provider("hospital", "Hospital", ProviderKind.HOSPITAL, "", ("HOSPITAL",), mllp)
    return [hospital, *(Provider(f"r{n}", f"R{n}", ProviderKind.OTHER, "", (), fhir) for n in range(3))]


def _subscriptions(count: int) -> Iterator[Subscription]:
    for n in range(3):
        yield Subscription(f"match-{n}", f"r{n}", ("patient.*",), Where(municipality="5001"), Detail.FULL)
    for n in range(count - 3):
        where = Where(municipality=f"{1000 + n % 350}", ward=f"W{n}")
        yield Subscription(f"other-{n}", f"r{n % 3}", ("patient.admitted", "patient.discharged"), where, Detail.FULL)


def _load(url: str, consents: int, subscriptions: int, *, bundle: bool) -> None:
    """The directory by its own door, the consents by COPY."""
    with connect(url, statement_seconds_max=600) as conn:
        replace_file_entries(conn, _providers(bundle=bundle), list(_subscriptions(subscriptions)))
        conn.execute(
            "INSERT INTO consent (id, version, active, body, written_us, resource) "
            "SELECT 'c' || n, 1, true, %s::jsonb, 1, '{}' FROM generate_series(1, %s) n",
            (json.dumps(body_of(LOCK)), consents),
        )
        keys = "INSERT INTO consent_key SELECT md5(k || ':' || n), 'c' || n FROM generate_series(1, %s) n, generate_series(1, 2) k"
        conn.execute(keys, (consents,))
        conn.execute("VACUUM ANALYZE consent, consent_key")


def _received(n: int) -> Received:
    number, mrn = 1_000_000_000 + n % PATIENTS, 100_000 + n % PATIENTS
    identifiers = (Identifier(FNR, f"{number:011d}"), Identifier("HOSPITAL", str(mrn)))
    raw = MESSAGE.format(n=n, number=number, mrn=mrn).encode()
    key = PSEUDONYMS.of_message(identifiers, "hospital").patient
    return Received(
        event_id("hl7v2", "hospital", "DIPS", "HOSPITAL", str(n), raw), Adapter.HL7V2, "hospital", "DIPS", "HOSPITAL", str(n), "ADT^A01",
        key, identifiers, now_us(), "utf-8", raw, "AA",
    )  # fmt: skip


def _fill(settings: Settings, topics: Topics, count: int) -> None:
    producer, codec, failures = Producer(settings.kafka, linger_ms=5), Codec(), []
    for n in range(count):
        message = _received(n)
        with suppress(StopIteration):
            producer.send_nowait(topics.inbound, message.patient_key.encode(), codec.encode_received(message), failures.append)
        if n % 1000 == 0:
            producer.flush(30)
    assert producer.flush(60) == 0
    assert not any(failures)
    producer.close()


@contextmanager
def _database(server: str) -> Iterator[str]:
    name = f"bench_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    url = server.rsplit("/", 1)[0] + "/" + name
    migrate(url)
    try:
        yield url
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _measure(settings: Settings, count: int) -> dict[str, Any]:
    """One worker until everything is decided."""
    halt = threading.Event()
    parts = TransitParts(Codec(), PSEUDONYMS, {Adapter.HL7V2: Hl7v2Message}, now_us)
    thread = threading.Thread(target=serve, args=(settings, parts, halt))
    with connect(settings.database_url) as conn:
        thread.start()
        cpu, done, samples = 0.0, 0, []
        while done < count:
            time.sleep(0.05)
            ((done,),) = conn.execute("SELECT coalesce(sum(next), 0)::bigint FROM partition_offset")
            if done:
                samples.append((time.perf_counter(), time.process_time(), done))
        halt.set()
        thread.join()
        (start, cpu, first), (end, cpu_end, last) = samples[0], samples[-1]
        ((rows,),) = conn.execute("SELECT count(*) FROM outbox")
    return {"rate": round((last - first) / (end - start)), "cpu_us": round((cpu_end - cpu) / (last - first) * 1e6), "outbox": rows}


def _run(messages: int, consents: int, subscriptions: int, rounds: int, *, bundle: bool) -> dict[str, Any]:
    found = []
    for _ in range(rounds):
        with _database(os.environ["HUB_DATABASE_URL"]) as url:
            prefix = f"bench{secrets.token_hex(4)}-"
            settings = Settings(kafka=os.environ["HUB_KAFKA"], database_url=url, topic_prefix=prefix, partitions=12, promise=False)
            topics = Topics(prefix)
            ensure_topics(settings.kafka, [topics.inbound, topics.events], settings)
            _load(url, consents, subscriptions, bundle=bundle)
            _fill(settings, topics, messages)
            found.append(_measure(settings, messages))
    rates, cpu = [f["rate"] for f in found], [f["cpu_us"] for f in found]
    assert all(f["outbox"] == 3 * messages for f in found)
    return {
        "bench": "transit", "bundle": bundle, "consents": consents, "subscriptions": subscriptions, "messages": messages,
        "messages_per_second": statistics.median(rates), **share(statistics.median(rates)), "rounds": rates,
        "worker_cpu_us_per_message": statistics.median(cpu),
    }  # fmt: skip


def _numbers(text: str) -> Sequence[int]:
    return [int(n) for n in text.split(",")]


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--messages", type=int, default=20_000)
    given.add_argument("--consents", type=_numbers, default=[1_000, 1_000_000])
    given.add_argument("--subscriptions", type=_numbers, default=[100, 100_000])
    given.add_argument("--rounds", type=int, default=1)
    given.add_argument("--bundle", action="store_true")
    args = given.parse_args()
    for consents, subscriptions in zip(args.consents, args.subscriptions, strict=True):
        print(json.dumps(_run(args.messages, consents, subscriptions, args.rounds, bundle=args.bundle)), flush=True)


if __name__ == "__main__":
    main()
