"""The closed vocabulary of facts: the only way the hub counts or logs anything.

One declaration is a fact's metric and its labels. Labels are members of closed vocabularies or ids of the hub's own configuration (a
provider's id), so no patient data has a way in and cardinality is bounded. The log speaks of the same facts in the same words, with the
event's id beside them: at INFO what a person may have to act on, at DEBUG every message, decision and delivery.
"""

import contextlib
import json
import logging
import os
import re
import sys
import time
from datetime import UTC, datetime
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Final, Self, TypeVar

import structlog
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import mark_process_dead
from typing_extensions import override

from hub.errors import ANSWERS, Cause, Reason
from hub.model import Adapter, AttemptOutcome, Channel, Outcome, ReceiptStatus, Result, Rule

Words = tuple[str, ...] | re.Pattern[str]
"""What a label may say: some words, or a pattern for ids of the hub's own configuration."""

OTHER: Final = "other"
PROCESSES: Final = ("gateway", "transit", "delivery", "pathway", "web", "up")
STAGES: Final = ("transit", "delivery")
_ACKS: Final = ("AA", "AE", "AR", "CA", "CE", "CR", "none")
_STATUSES: Final = sorted({"200", "202", "401", "404", "405", "408", "500", "503"} | {str(a.http) for a in ANSWERS.values()})
CODES: Final = (*_ACKS, *_STATUSES)
PROVIDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
WARD: Final = re.compile(r"\w[\w ./-]{0,31}")
APPLIED: Final = ("applied", "repeat", "skipped", "poison")
DEADLINES: Final = ("municipality-notice",)
EFFECTS: Final = ("lock", "permit", "lifted")
NOTICE_CHANNELS: Final = ("email", "webhook")
NOTICE_OUTCOMES: Final = ("sent", "failed")
EMERGENCY_STEPS: Final = ("opened", "refused", "read", "denied", "closed")
LOGIN_OUTCOMES: Final = ("succeeded", "refused", "provider", "identity", "stale")
FAULT_SECONDS: Final = 10.0  # between two lines about the same fault: a server that is away is asked again many times a second
CHILDREN_MAX: Final = 1000  # time series of one metric; what comes beyond them is counted as "other"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

METRICS: Final[dict[str, MetricWrapperBase]] = {}
"""Every metric of the hub by its name, in the order of this file."""
LABELS: Final[dict[str, dict[str, Words]]] = {}
"""What each label of each metric may say."""
_children: Final[dict[str, set[tuple[str, ...]]]] = {}
_told_at: Final[dict[tuple[str, str], float]] = {}
_is_strict = False
_is_each_told = False
_M = TypeVar("_M", bound=MetricWrapperBase)


def be_strict(*, strict: bool = True) -> None:
    """Raise ValueError for a label value outside its vocabulary (for tests) instead of counting it as ``other``."""
    global _is_strict  # noqa: PLW0603  one switch a process
    _is_strict = strict


def _closed(name: str, values: tuple[object, ...], named: dict[str, object]) -> tuple[str, ...]:
    labels = LABELS[name]
    given = tuple(str(v) for v in (values or [named[label] for label in labels]))
    known = _children[name]
    if given in known:
        return given
    given = tuple(_word(name, label, value) for label, value in zip(labels, given, strict=True))
    if len(known) >= CHILDREN_MAX:
        return (OTHER,) * len(labels)
    known.add(given)
    return given


def _word(name: str, label: str, value: str) -> str:
    words = LABELS[name][label]
    if value in words if isinstance(words, tuple) else words.fullmatch(value):
        return value
    if _is_strict:
        raise ValueError(f"{name} has a label {label} with a value outside its vocabulary")
    return OTHER


class _Counter(Counter):
    @override
    def labels(self, *values: object, **named: object) -> Self:
        return super().labels(*_closed(self._original_name, values, named))


class _Gauge(Gauge):
    @override
    def labels(self, *values: object, **named: object) -> Self:
        return super().labels(*_closed(self._original_name, values, named))


class _Histogram(Histogram):
    @override
    def labels(self, *values: object, **named: object) -> Self:
        return super().labels(*_closed(self._original_name, values, named))


def _declare(name: str, metric: _M, labels: dict[str, Words]) -> _M:
    METRICS[name], LABELS[name], _children[name] = metric, labels, set()
    return metric


def _words(vocabulary: type[StrEnum] | Words) -> Words:
    return tuple(m.value for m in vocabulary) if isinstance(vocabulary, type) else vocabulary


def _counter(name: str, text: str, **labels: type[StrEnum] | Words) -> Counter:
    return _declare(name, _Counter(name, text, list(labels)), {k: _words(v) for k, v in labels.items()})


def _sum(name: str, text: str, **labels: type[StrEnum] | Words) -> Gauge:
    """A gauge of which every process has its part."""
    return _declare(name, _Gauge(name, text, list(labels), multiprocess_mode="livesum"), {k: _words(v) for k, v in labels.items()})


def _max(name: str, text: str, **labels: type[StrEnum] | Words) -> Gauge:
    """A gauge that several processes may know, and the largest counts."""
    return _declare(name, _Gauge(name, text, list(labels), multiprocess_mode="livemax"), {k: _words(v) for k, v in labels.items()})


def _seconds(name: str, text: str, **labels: type[StrEnum] | Words) -> Histogram:
    return _declare(name, _Histogram(name, text, list(labels), buckets=_SECONDS), {k: _words(v) for k, v in labels.items()})


# Counters
RECEIVED: Final = _counter("hub_messages_received_total", "Messages the gateway identified", adapter=Adapter)
ANSWERED: Final = _counter("hub_messages_answered_total", "Answers given to senders", adapter=Adapter, code=CODES)
REFUSED: Final = _counter("hub_messages_refused_total", "Messages refused, by reason", adapter=Adapter, reason=Reason)
ANSWERS_RECEIVED: Final = _counter("hub_answers_received_total", "Acknowledgements that came in as messages and were not answered")
UNKNOWN_ACK_CONDITIONS: Final = _counter("hub_unknown_ack_conditions_total", "Messages whose MSH-15 or MSH-16 is not in HL7 table 0155")
GARBAGE: Final = _counter("hub_mllp_garbage_bytes_total", "Bytes that stood outside every frame")
DECISIONS: Final = _counter("hub_decisions_total", "Decisions in transit and delivery", stage=STAGES, result=Result, rule=Rule)
OUTCOMES: Final = _counter("hub_messages_outcome_total", "What became of messages in transit", outcome=Outcome)
CONTROL_ID_CONFLICTS: Final = _counter("hub_control_id_conflicts_total", "Same sender and control id, other bytes")
DELIVERIES: Final = _counter("hub_deliveries_total", "Delivery attempts by how they ended", channel=Channel, outcome=AttemptOutcome)
LATE_ANSWERS: Final = _counter("hub_late_answers_total", "Answers that belonged to no message under way", channel=Channel)
RECEIPTS: Final = _counter("hub_receipts_total", "What receivers' applications said of documents they were given", status=ReceiptStatus)
FAULTS: Final = _counter("hub_faults_total", "The hub could not do its part", process=PROCESSES, cause=Cause)
PATHWAY_EVENTS: Final = _counter("hub_pathway_events_total", "Events the pathway applied or skipped", outcome=APPLIED)
DEADLINES_BREACHED: Final = _counter("hub_deadlines_breached_total", "Pathway deadlines that passed", deadline=DEADLINES)
REVOCATIONS: Final = _counter("hub_consents_changed_total", "Consents written, by effect", effect=EFFECTS)
LOGINS: Final = _counter("hub_logins_total", "Logins to the patient's page, by how they ended", outcome=LOGIN_OUTCOMES)
NOTICES: Final = _counter(
    "hub_notices_total", "Notices of new access to patients who asked", channel=NOTICE_CHANNELS, outcome=NOTICE_OUTCOMES
)
EMERGENCIES: Final = _counter("hub_emergency_access_total", "Emergency access asked for, used and ended", step=EMERGENCY_STEPS)
SUPERVISOR_NOTICES: Final = _counter(
    "hub_supervisor_notices_total",
    "Notices of emergency access to supervisors",
    channel=NOTICE_CHANNELS,
    outcome=NOTICE_OUTCOMES,
)
# Gauges
CONNECTIONS: Final = _sum("hub_mllp_connections", "Open MLLP connections")
PARTIAL_FRAMES: Final = _sum("hub_mllp_partial_frames", "Connections with half a frame")
BACKLOG: Final = _sum("hub_lane_backlog", "Deliveries waiting", provider=PROVIDER)
OLDEST: Final = _max("hub_lane_oldest_age_seconds", "Age of the oldest delivery waiting", provider=PROVIDER)
PARKED: Final = _sum("hub_deliveries_parked", "Deliveries a person must look at", provider=PROVIDER)
FENCED: Final = _sum("hub_deliveries_fenced", "Deliveries of merged patients waiting for what came earlier", provider=PROVIDER)
TRANSIT_LAG: Final = _sum("hub_transit_lag_messages", "Messages acknowledged and not yet decided")
WARD_OCCUPANCY: Final = _max("hub_ward_occupancy", "Patients in a ward", ward=WARD)
WAITING: Final = _max("hub_patients_ready_for_discharge", "Patients ready for discharge and still in hospital")
UP: Final = _sum("hub_process_up", "1 while a process runs", process=PROCESSES)
# Histograms, in seconds
ACK_SECONDS: Final = _seconds("hub_ack_seconds", "From the last byte of a message to its answer", adapter=Adapter)
END_TO_END_SECONDS: Final = _seconds("hub_end_to_end_seconds", "From receipt to the receiver's answer", channel=Channel)
REVOCATION_SECONDS: Final = _seconds("hub_revocation_to_effect_seconds", "From a lock's request to its being in force")
TRANSIT_SECONDS: Final = _seconds("hub_transit_seconds", "From receipt to decision")

_LIBRARY_FLOOR: Final = logging.INFO  # faust, aiokafka, aiohttp and psycopg print keys and values at DEBUG


class _Bare(logging.Formatter):
    """What a library logs, without its words and without the exception's: both may quote data."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        exc = record.exc_info[1] if record.exc_info else None
        said = {"event": "library", "logger": record.name, "level": record.levelname.lower(), "place": f"{record.module}:{record.lineno}"}
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        return json.dumps(said | ({"error": place(exc)} if exc else {}) | {"timestamp": at})


def place(exc: BaseException) -> str:
    """The kind of an exception and the line it came from; never its text, which may quote data."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(exc).__name__}{where}"


def configure(process: str, level: str = "INFO") -> None:
    """Structured JSON lines on standard error. Called once by each process; libraries never go below INFO."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Bare())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("faust", "mode", "aiokafka", "aiohttp", "aiohttp.access", "psycopg", "asyncio"):
        logging.getLogger(name).setLevel(_LIBRARY_FLOOR)  # noqa: TID251  this is that only way
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.clear_contextvars()
    global _is_each_told  # noqa: PLW0603  one level a process
    _is_each_told = level == "DEBUG"
    _start_at_zero()
    UP.labels(process).set(1)


def _start_at_zero() -> None:
    """Make every series whose labels are all words: a rate or an alert needs the zero before the first one."""
    for name, labels in LABELS.items():
        words = [w for w in labels.values() if isinstance(w, tuple)]
        if words and len(words) == len(labels) and METRICS[name] is not UP:
            for values in product(*words):
                METRICS[name].labels(*values)


def forget_dead_processes(directory: Path) -> None:
    """Drop the gauges of processes that ended, killed ones too. For metrics that several processes of one machine share by folder."""
    here = {int(f.stem.rpartition("_")[2]) for f in directory.glob("gauge_live*_*.db")}
    for pid in here:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue  # it runs, as somebody else


def log(fact: str, **facts: str | float) -> None:
    """One structured line. ``fact`` is a fixed word; values are closed vocabulary, counts, event ids or provider ids, never content."""
    with contextlib.suppress(OSError, ValueError):  # whoever read the log is gone: the work goes on
        structlog.get_logger().info(fact, **facts)


def fault(process: str, cause: Cause) -> None:
    """Count that the hub could not do its part, and say so: the first time, and then once every ``FAULT_SECONDS`` while it goes on."""
    FAULTS.labels(process, cause.value).inc()
    now, about = time.monotonic(), (process, cause.value)
    if now - _told_at.get(about, -FAULT_SECONDS) >= FAULT_SECONDS:
        _told_at[about] = now
        log("fault", process=process, cause=cause.value)


def is_each_told() -> bool:
    """Whether every message, decision and delivery has its line (DEBUG): asked first where a line would cost on every message's way."""
    return _is_each_told


def each(fact: str, **facts: str | float) -> None:
    """``log`` for what happens with every message: told at DEBUG only."""
    if _is_each_told:
        with contextlib.suppress(OSError, ValueError):
            structlog.get_logger().debug(fact, **facts)
