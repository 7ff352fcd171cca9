"""Whatever the hub counts is declared, closed, and adds up over processes."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from hub import telemetry
from hub.errors import ANSWERS, Cause, Reason
from hub.model import Adapter, Outcome, Rule
from hub.pathway.deadlines import NOTICE


def test_every_metric_is_declared_with_its_labels() -> None:
    registered = {name for name in REGISTRY._names_to_collectors if name.startswith("hub_")}
    declared = {name.removesuffix("_total") for name in telemetry.METRICS}
    assert {re.sub(r"_(total|created|bucket|count|sum)$", "", n) for n in registered} == declared
    for name, metric in telemetry.METRICS.items():
        assert list(metric._labelnames) == list(telemetry.LABELS[name])


@pytest.mark.parametrize("name", telemetry.METRICS)
def test_every_label_is_closed(name: str) -> None:
    for label, words in telemetry.LABELS[name].items():
        if isinstance(words, tuple):
            assert len(set(words)) == len(words) > 0
        else:
            assert words in (telemetry.PROVIDER, telemetry.WARD), label


@pytest.mark.parametrize("name", [n for n in telemetry.METRICS if telemetry.LABELS[n]])
def test_a_stranger_is_refused_in_tests(name: str) -> None:
    with pytest.raises(ValueError, match="vocabulary") as caught:
        telemetry.METRICS[name].labels(*["Kari Nordmann\n15076500565"] * len(telemetry.LABELS[name]))
    assert "Kari" not in str(caught.value)


def test_a_stranger_is_other_in_operation() -> None:
    telemetry.be_strict(strict=False)  # until the next test
    child = telemetry.REFUSED.labels("hl7v2", "15076500565")
    assert child._labelvalues == ("hl7v2", "other")
    assert telemetry.FAULTS.labels(process="web", cause="nonsense")._labelvalues == ("web", "other")


def test_a_fault_is_counted_each_time_and_told_once_in_a_while(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is away is asked again many times a second; the log says so once, and that it is still away."""
    structlog.reset_defaults()
    now = [100.0]
    monkeypatch.setattr(telemetry.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(telemetry, "_told_at", {})
    counter = telemetry.FAULTS.labels("transit", Cause.BROKER_UNAVAILABLE)
    before = counter._value.get()
    for later in (0.0, 1.0, 8.0, 2.0, 8.0, 1.0):
        now[0] += later
        telemetry.fault("transit", Cause.BROKER_UNAVAILABLE)
    telemetry.fault("transit", Cause.LEDGER_UNAVAILABLE)
    assert counter._value.get() - before == 6
    told = [line for line in capsys.readouterr().out.splitlines() if "fault" in line]
    assert [("broker_unavailable" in line, "ledger_unavailable" in line) for line in told] == [(True, False), (True, False), (False, True)]


def test_the_number_of_series_is_bounded() -> None:
    for n in range(telemetry.CHILDREN_MAX + 50):
        telemetry.WARD_OCCUPANCY.labels(f"w{n}").set(0)
    assert len(telemetry.WARD_OCCUPANCY._metrics) <= telemetry.CHILDREN_MAX + 1
    assert telemetry.WARD_OCCUPANCY.labels("one more")._labelvalues == ("other",)
    telemetry.WARD_OCCUPANCY.clear()
    telemetry._children["hub_ward_occupancy"].clear()


def test_the_words_of_the_pathway_are_its_own() -> None:
    assert telemetry.DEADLINES == (NOTICE,)


def test_a_librarys_words_are_not_printed() -> None:
    """Not the message, not the exception's text, which PostgreSQL and parsers fill with values."""
    code = (
        "import logging; from hub import telemetry; telemetry.configure('web', 'DEBUG')\n"
        "for name in ('aiohttp.server', 'psycopg', 'faust', 'asyncio', 'anything'):\n"
        "    try: raise ValueError('SECRET1')\n"
        "    except ValueError: logging.getLogger(name).exception('SECRET2 %s', 'SECRET3')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "SECRET" not in done.stdout + done.stderr
    line = json.loads(done.stderr.splitlines()[0])
    assert line.pop("timestamp") > "2026"
    assert line == {
        "event": "library",
        "logger": "aiohttp.server",
        "level": "error",
        "place": "<string>:4",
        "error": "ValueError at <string>:3",
    }


def test_the_vocabulary_covers_what_the_hub_says() -> None:
    for reason, answer in ANSWERS.items():
        telemetry.REFUSED.labels("fhir", reason)
        telemetry.ANSWERED.labels("fhir", str(answer.http))
        telemetry.ANSWERED.labels("hl7v2", answer.ack)
        telemetry.ANSWERED.labels("hl7v2", "C" + answer.ack[1])
    assert telemetry.LABELS["hub_messages_refused_total"]["reason"] == tuple(Reason)
    assert telemetry.LABELS["hub_faults_total"]["cause"] == tuple(Cause)
    assert telemetry.LABELS["hub_decisions_total"]["rule"] == tuple(Rule)
    assert telemetry.LABELS["hub_messages_outcome_total"]["outcome"] == tuple(Outcome)
    assert telemetry.LABELS["hub_messages_received_total"]["adapter"] == tuple(Adapter)


_PROCESS = """
import os, sys, time
from hub import telemetry
telemetry.configure(sys.argv[1])
telemetry.RECEIVED.labels("hl7v2").inc(int(sys.argv[2]))
telemetry.ACK_SECONDS.labels("hl7v2").observe(0.004)
telemetry.BACKLOG.labels("trondheim").set(int(sys.argv[2]))
telemetry.OLDEST.labels("trondheim").set(int(sys.argv[2]))
print("ready", flush=True)
sys.stdin.read()
"""


def _start(folder: Path, name: str, n: int) -> "subprocess.Popen[str]":
    env = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    child = subprocess.Popen(
        [sys.executable, "-c", _PROCESS, name, str(n)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def _samples(folder: Path) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    telemetry.forget_dead_processes(folder)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def test_processes_of_one_machine_add_up_and_the_dead_are_forgotten(tmp_path: Path) -> None:
    first, second = _start(tmp_path, "gateway", 3), _start(tmp_path, "transit", 5)
    try:
        both = _samples(tmp_path)
        assert both["hub_messages_received_total", (("adapter", "hl7v2"),)] == 8
        assert both["hub_ack_seconds_count", (("adapter", "hl7v2"),)] == 2
        assert both["hub_lane_backlog", (("provider", "trondheim"),)] == 8
        assert both["hub_lane_oldest_age_seconds", (("provider", "trondheim"),)] == 5
        assert both["hub_process_up", (("process", "gateway"),)] == 1
        assert both["hub_faults_total", (("cause", "internal"), ("process", "web"))] == 0  # there before the first fault
        first.send_signal(signal.SIGKILL)
        first.wait()
        one = _samples(tmp_path)
        assert one["hub_messages_received_total", (("adapter", "hl7v2"),)] == 8  # what was counted stays counted
        assert one["hub_lane_backlog", (("provider", "trondheim"),)] == 5
        assert ("hub_process_up", (("process", "gateway"),)) not in one
    finally:
        for child in (first, second):
            child.kill()
            child.communicate()


@pytest.mark.parametrize(("level", "lines"), [("INFO", ["refused"]), ("DEBUG", ["refused", "received"])])
def test_every_message_has_its_line_at_debug_only(level: str, lines: list[str]) -> None:
    code = (
        f"from hub import telemetry as t; t.configure('gateway', {level!r}); "
        "t.log('refused', reason='no_header'); t.each('received', provider='st-olavs'); print(t.is_each_told())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == lines
    assert done.stdout == f"{level == 'DEBUG'}\n"


def test_a_log_nobody_reads_any_more_stops_nothing() -> None:
    code = "import os; from hub import telemetry as t; t.configure('gateway'); os.close(2); t.log('refused'); print('on')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "on\n"
