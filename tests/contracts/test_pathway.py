"""The pathway as a process over a real broker and a real database: nothing lost, nothing twice, whatever ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from hub.avro import Codec
from hub.model import Adapter, Event, Identifier, Kind
from hub.stack import kafka as local_kafka
from hub.stack.supervise import stop as stop_children
from tests.local import KAFKA, starts

WORKER = Path(__file__).with_name("pathway_worker.py")
KINDS = [
    Kind.PREADMITTED, Kind.ADMITTED, Kind.TRANSFERRED, Kind.UPDATED, Kind.OBSERVATION_REPORTED, Kind.READY_FOR_DISCHARGE,
    Kind.NOT_READY_FOR_DISCHARGE, Kind.TRANSFER_CANCELLED, Kind.READY_FOR_DISCHARGE, Kind.DISCHARGED,
]  # fmt: skip
PARTITIONS = 4
COORDINATOR_MOVES = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)


class Region:
    """A topic of events, the workers that read it, and their database."""

    def __init__(self, kafka: str, database_url: str, prefix: str, folder: Path) -> None:
        self.kafka, self.url, self.prefix, self.folder = kafka, database_url, prefix, folder
        self.topic = prefix + "events"
        self.breaches = folder / "breaches"
        self.workers: list[subprocess.Popen[str]] = []
        self.sent = 0
        admin = AdminClient({"bootstrap.servers": kafka})
        for made in admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)]).values():
            made.result()
        self.producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})

    def start(self, faultpoint: str = "", **more: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "HUB_FAULTPOINT": faultpoint, **more}
        command = [sys.executable, str(WORKER), self.kafka, self.url, self.prefix, str(self.breaches)]
        with (self.folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True)
        self.workers.append(worker)
        assert worker.stdout
        assert worker.stdout.readline() == "started\n"
        return worker

    def send(self, patient: int, kind: Kind, **changed: Any) -> None:
        key = f"{patient:032x}"
        merged = tuple(changed.pop("merged_keys", ()))
        e = Event(
            event_id=f"00000000-0000-8000-8000-{self.sent:012x}", kind=kind, adapter=Adapter.HL7V2, provider="st-olavs",
            control_id=f"c{self.sent}",
            patient_key=key, identifiers=(Identifier("urn:oid:2.16.578.1.12.4.1.4.1", "01010112345"),), received_us=time.time_ns() // 1000,
            occurred_us=time.time_ns() // 1000, municipality="5001", ward=f"W{self.sent % 3}", encounter_class="I",
            encounter_id=f"E{patient}",
        )  # fmt: skip
        self.produce(key, Codec().encode_event(replace(e, **changed), patient % PARTITIONS, self.sent, merged))
        self.sent += 1

    def produce(self, key: str, value: bytes) -> None:
        self.producer.produce(self.topic, key=key.encode(), value=value)
        self.producer.flush(20)

    def days(self, patients: range) -> None:
        for kind in KINDS:
            for patient in patients:
                self.send(patient, kind)

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as conn:
            cursor = conn.execute(text, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def dump(self) -> str:
        return json.dumps(self.sql("SELECT to_jsonb(e)::text FROM episode e ORDER BY patient_key, encounter"), indent=0)

    def committed(self) -> dict[int, int]:
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": self.prefix + "pathway"})
        while True:
            try:
                found = consumer.committed([TopicPartition(self.topic, p) for p in range(PARTITIONS)], timeout=10)
                break
            except KafkaException as exc:
                if exc.args[0].code() not in COORDINATOR_MOVES:
                    raise
                time.sleep(0.1)
        consumer.close()
        return {tp.partition: max(tp.offset, 0) for tp in found}

    def ends(self) -> dict[int, int]:
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": "nobody"})
        found = {p: consumer.get_watermark_offsets(TopicPartition(self.topic, p), timeout=10)[1] for p in range(PARTITIONS)}
        consumer.close()
        return found

    def until_done(self, seconds: float = 60.0) -> None:
        until(lambda: self.committed() == self.ends(), seconds)

    def until_done_supervised(self, seconds: float) -> subprocess.Popen[str]:
        """As ``until_done``, with the supervisor that every worker has: one that ended itself is started again. The worker at the end."""

        def done() -> bool:
            if self.workers[-1].poll() == 70:
                self.start()
            return self.committed() == self.ends()

        until(done, seconds)
        return self.workers[-1]

    def forget_offsets(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.kafka})
        until(lambda: not group_members(admin, self.prefix + "pathway"), 30)
        for deleted in admin.delete_consumer_groups([self.prefix + "pathway"]).values():
            deleted.result()

    def stop(self, worker: subprocess.Popen[str]) -> float:
        began = time.monotonic()
        worker.terminate()
        assert worker.wait(15) == 0
        return time.monotonic() - began


def group_members(admin: AdminClient, group: str) -> int:
    return len(admin.describe_consumer_groups([group])[group].result().members)


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def region(kafka: str, database_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Region]:
    made = Region(kafka, database_url, topic_prefix, tmp_path)
    yield made
    for worker in made.workers:
        worker.kill()
        worker.wait()
        if worker.stdout:
            worker.stdout.close()


def test_episodes_of_a_day_and_a_quiet_process(region: Region) -> None:
    region.days(range(10))
    region.send(3, Kind.DISCHARGE_CANCELLED)
    worker = region.start()
    region.until_done()
    states = dict(region.sql("SELECT state, count(*) FROM episode GROUP BY state"))
    assert states == {"discharged": 9, "ready": 1}
    process = psutil.Process(worker.pid)
    assert [c.laddr for c in process.net_connections() if c.status == psutil.CONN_LISTEN] == []
    assert process.memory_info().rss < 250_000_000
    assert region.stop(worker) < 5.0
    assert {p.name for p in region.folder.iterdir()} <= {"worker.log", "breaches"}
    log = (region.folder / "worker.log").read_text()
    assert "01010112345" not in log
    assert f"{3:032x}" not in log


def test_kill_9_again_and_again_and_replay_give_the_rows_of_a_clean_run(region: Region) -> None:
    region.days(range(12))
    for faultpoint in ("pathway.after_effect:9", "pathway.before_effect:17"):
        worker = region.start(faultpoint)
        assert worker.wait(60) == -signal.SIGKILL
    region.send(100, Kind.MERGED, merged_keys=[f"{5:032x}"])
    worker = region.start()
    until(lambda: len(region.sql("SELECT 1 FROM episode WHERE state = 'discharged'")) >= 4)
    worker.kill()
    worker.wait()
    worker = region.start()
    region.until_done()
    region.stop(worker)
    killed = region.dump()
    assert dict(region.sql("SELECT state, count(*) FROM episode GROUP BY state")) == {"discharged": 12, "merged": 1}
    region.forget_offsets()  # everything again, over the rows
    worker = region.start()
    region.until_done()
    region.stop(worker)
    assert region.dump() == killed
    region.forget_offsets()  # everything again, from nothing
    region.sql("TRUNCATE episode, episode_merge, deadline, pathway_poison")
    worker = region.start()
    region.until_done()
    region.stop(worker)
    assert region.dump() == killed


def test_killed_while_it_holds_the_first_event_ever(region: Region) -> None:
    """Offset 0 in hand, nothing committed: the row of the field's table that loses with concurrency 2."""
    region.send(1, Kind.ADMITTED)
    region.send(1, Kind.TRANSFERRED)
    assert region.start("pathway.before_effect").wait(60) == -signal.SIGKILL
    assert sum(region.committed().values()) == 0
    region.start()
    region.until_done()
    assert region.sql("SELECT state, ward FROM episode") == [("admitted", "W1")]


def test_an_event_that_cannot_be_applied_is_explained_and_the_next_ones_go_on(region: Region) -> None:
    region.send(1, Kind.ADMITTED)
    region.produce(f"{1:032x}", b"not an event")
    region.produce(f"{1:032x}", b"\xc3\x01" + b"\0" * 8 + b"unknown schema")
    region.send(1, Kind.TRANSFERRED, provider="a\0b", encounter_id="")  # the database refuses it
    region.send(1, Kind.READY_FOR_DISCHARGE)
    region.start()
    region.until_done()
    assert region.sql("SELECT state FROM episode") == [("ready",)]
    reasons = [r for (r,) in region.sql("SELECT reason FROM pathway_poison ORDER BY off")]
    assert reasons[:2] == ["schema_unknown", "schema_unknown"]
    assert len(reasons) == 3


def test_an_event_that_cannot_even_be_explained_ends_the_process_uncommitted(region: Region) -> None:
    region.sql("ALTER TABLE pathway_poison RENAME TO away")
    region.produce(f"{1:032x}", b"not an event")
    region.send(1, Kind.ADMITTED)
    assert region.start().wait(60) == 70
    assert sum(region.committed().values()) == 0
    region.sql("ALTER TABLE away RENAME TO pathway_poison")
    region.start()
    region.until_done()
    assert region.sql("SELECT state FROM episode") == [("admitted",)]
    assert region.sql("SELECT reason FROM pathway_poison") == [("schema_unknown",)]


def database_away(region: Region, *, away: bool) -> None:
    server, name = region.url.rsplit("/", 1)
    with psycopg.connect(server + "/postgres", autocommit=True) as conn:
        conn.execute("UPDATE pg_database SET datallowconn = %s WHERE datname = %s", (not away, name))
        if away:
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def test_a_ledger_that_is_away_is_waited_for_and_a_stop_meanwhile_loses_nothing(region: Region) -> None:
    region.send(1, Kind.ADMITTED)
    worker = region.start()
    region.until_done()
    before = region.committed()
    database_away(region, away=True)
    try:
        region.produce(f"{3:032x}", b"not an event")  # nor can it be explained now
        time.sleep(1)
        region.send(1, Kind.TRANSFERRED)
        region.send(2, Kind.ADMITTED)
        time.sleep(3)
        assert worker.poll() is None
        assert region.committed() == before
        assert region.stop(worker) < 6.0  # cancelled with an event in hand
        assert region.committed() == before
        worker = region.start()
        time.sleep(3)
    finally:
        database_away(region, away=False)
    region.until_done()
    assert region.sql("SELECT state, ward FROM episode ORDER BY patient_key") == [("admitted", "W1"), ("admitted", "W2")]
    assert region.sql("SELECT reason FROM pathway_poison") == [("schema_unknown",)]


def test_two_processes_share_the_work_and_one_is_killed(region: Region) -> None:
    region.days(range(8))
    first, second = region.start(), region.start()
    until(lambda: len(region.sql("SELECT 1 FROM episode")) >= 2)
    first.kill()
    region.days(range(8, 16))
    region.until_done(90)
    assert region.sql("SELECT state, count(*) FROM episode GROUP BY state") == [("discharged", 16)]
    region.stop(second)


@starts(KAFKA)
def test_a_broker_killed_and_started_again(database_url: str, topic_prefix: str, tmp_path: Path) -> None:
    broker, address = local_kafka.start(tmp_path / "broker", print)
    children = [broker]
    (tmp_path / "worker").mkdir()
    region = Region(address, database_url, topic_prefix, tmp_path / "worker")
    try:
        region.days(range(4))
        region.start()
        until(lambda: len(region.sql("SELECT 1 FROM episode")) == 4)
        os.kill(broker.pid, signal.SIGKILL)
        time.sleep(3)
        broker, again = local_kafka.start(tmp_path / "broker", print, preferred_port=int(address.rsplit(":", 1)[1]))
        children.append(broker)
        assert again == address
        region.days(range(4, 8))
        worker = region.until_done_supervised(90)
        assert region.sql("SELECT state, count(*) FROM episode GROUP BY state") == [("discharged", 8)]
        assert region.stop(worker) < 6.0
    finally:
        for left in region.workers:
            left.kill()
            left.wait()
            if left.stdout:
                left.stdout.close()
        stop_children(children, grace_seconds=10.0)


def test_a_municipality_not_told_in_time_is_raised_once_and_one_told_is_not(region: Region) -> None:
    body = json.dumps({"kind": "municipality"})
    region.sql("INSERT INTO provider VALUES ('trondheim', 'file', %s::jsonb), ('gp', 'file', '{\"kind\": \"gp\"}'::jsonb)", body)
    for patient in (1, 2, 3, 4):
        region.send(patient, Kind.ADMITTED)
    region.send(4, Kind.ADMISSION_CANCELLED)
    now = time.time_ns() // 1000
    for part, off, who, outcome in ((1, 0, "trondheim", "delivered"), (2, 1, "gp", "delivered"), (3, 2, "trondheim", "failed")):
        region.sql("INSERT INTO attempt VALUES (%s, %s, %s, 1, %s, %s, %s, 'AA')", part, off, who, now, now, outcome)
    worker = region.start()
    until(
        lambda: len(region.sql("SELECT 1 FROM deadline WHERE met_us IS NULL AND breached_us IS NULL")) == 0 and region.breaches.exists(), 40
    )
    until(lambda: len(region.sql("SELECT 1 FROM deadline WHERE breached_us IS NOT NULL")) == 2)
    region.stop(worker)
    assert [k[-1] for (k,) in region.sql("SELECT patient_key FROM deadline WHERE met_us IS NOT NULL")] == ["1"]
    assert len(region.sql("SELECT 1 FROM deadline")) == 3
    raised = [line.split(b" ", 1)[1] for line in region.breaches.read_bytes().splitlines()]
    assert len(raised) == 2
    assert {json.loads(r)["entry"][0]["resource"]["eventCoding"]["code"] for r in raised} == {"pathway.deadline_breached"}
    region.sql("UPDATE deadline SET breached_us = NULL")  # died between raising and writing it down
    worker = region.start()
    until(lambda: len(region.sql("SELECT 1 FROM deadline WHERE breached_us IS NOT NULL")) == 2)
    region.stop(worker)
    again = [line.split(b" ", 1)[1] for line in region.breaches.read_bytes().splitlines()]
    assert sorted(again[2:]) == sorted(raised)


def test_an_engine_that_does_nothing_is_ended_by_the_watchdog_and_the_next_one_works(region: Region) -> None:
    region.send(1, Kind.ADMITTED)
    region.send(2, Kind.ADMITTED)
    assert region.start(DEAF="1").wait(60) == 70
    assert sum(region.committed().values()) == 0
    region.start()
    region.until_done()
    assert len(region.sql("SELECT 1 FROM episode")) == 2


def test_a_broker_that_is_not_there_ends_the_process(database_url: str, tmp_path: Path) -> None:
    command = [sys.executable, str(WORKER), "127.0.0.1:1", database_url, "x-", str(tmp_path / "breaches")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode == 70


def test_a_topic_the_broker_does_not_tell_of_yet_ends_the_process(kafka: str, database_url: str, topic_prefix: str, tmp_path: Path) -> None:
    """Just after its start a broker may name no topics: an assignment of nothing, with which the engine would stay content."""
    command = [sys.executable, str(WORKER), kafka, database_url, topic_prefix, str(tmp_path / "breaches")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "topic_unknown" in done.stderr) == (70, True)
