"""Transit killed with SIGKILL at its named points: the next one leaves what an undisturbed run leaves."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contracts.transit_rig import Rig, received, rig

POINTS = ("transit.before_events", "transit.before_commit", "transit.after_commit")


@contextmanager
def worker(hub: Rig, point: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    env = os.environ | {"KAFKA": hub.kafka, "URL": hub.url, "PREFIX": hub.prefix, "HUB_FAULTPOINT": point}
    process = subprocess.Popen([sys.executable, "-m", "tests.contracts.transit_worker"], env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_lost_or_done_twice(point: str, kafka: str, database_url: str, topic_prefix: str) -> None:
    with rig(kafka, database_url, topic_prefix) as hub:
        messages = [received(f"c{n}", mrn=str(n % 7), number="") for n in range(40)]
        hub.put(*messages[:20])
        with worker(hub, point) as process:
            assert process.wait(60) == -signal.SIGKILL
        hub.put(*messages[20:], messages[0])
        with worker(hub):
            hub.settle(90)
        assert sorted(hub.rows("SELECT control_id FROM message WHERE outcome = 'routed'")) == sorted(m.control_id for m in messages)
        assert hub.rows("SELECT outcome FROM message WHERE outcome <> 'routed'") == ["repeat"]
        assert hub.rows("SELECT count(*) FROM outbox") == [80]
        events = [hub.codec.decode_event(r.value) for r in hub.events()]
        places = {(part, off): event.event_id for event, part, off, _, _ in events}
        assert len(places) == len(messages) and len(set(places.values())) == len(messages)
