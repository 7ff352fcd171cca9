"""The closed vocabulary of facts: the only way the hub counts or logs anything.

One declaration is a fact's metric, its labels and its log line. Labels are members of closed vocabularies or ids of the hub's own
configuration (a provider's id), so no patient data has a way in and cardinality is bounded. ``record`` is called by shells only.
"""

import logging
import sys
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

# Counters
RECEIVED: Final = Counter("hub_messages_received_total", "Messages the gateway identified", ["adapter"])
ANSWERED: Final = Counter("hub_messages_answered_total", "Answers given to senders", ["adapter", "code"])
REFUSED: Final = Counter("hub_messages_refused_total", "Messages refused, by reason", ["adapter", "reason"])
DECISIONS: Final = Counter("hub_decisions_total", "Decisions in transit and delivery", ["stage", "result", "rule"])
OUTCOMES: Final = Counter("hub_messages_outcome_total", "What became of messages in transit", ["outcome"])
CONTROL_ID_CONFLICTS: Final = Counter("hub_control_id_conflicts_total", "Same sender and control id, other bytes", [])
DELIVERIES: Final = Counter("hub_deliveries_total", "Delivery attempts by how they ended", ["channel", "outcome"])
LATE_ANSWERS: Final = Counter("hub_late_answers_total", "Answers that belonged to no message under way", ["channel"])
FAULTS: Final = Counter("hub_faults_total", "The hub could not do its part", ["process", "cause"])
PATHWAY_EVENTS: Final = Counter("hub_pathway_events_total", "Events the pathway applied or skipped", ["outcome"])
DEADLINES_BREACHED: Final = Counter("hub_deadlines_breached_total", "Pathway deadlines that passed", ["deadline"])
REVOCATIONS: Final = Counter("hub_consents_changed_total", "Consents written, by effect", ["effect"])
# Gauges
CONNECTIONS: Final = Gauge("hub_mllp_connections", "Open MLLP connections", [], multiprocess_mode="livesum")
PARTIAL_FRAMES: Final = Gauge("hub_mllp_partial_frames", "Connections with half a frame", [], multiprocess_mode="livesum")
BACKLOG: Final = Gauge("hub_lane_backlog", "Deliveries waiting", ["provider"], multiprocess_mode="livesum")
OLDEST: Final = Gauge("hub_lane_oldest_age_seconds", "Age of the oldest delivery waiting", ["provider"], multiprocess_mode="livemax")
PARKED: Final = Gauge("hub_deliveries_parked", "Deliveries a person must look at", ["provider"], multiprocess_mode="livesum")
TRANSIT_LAG: Final = Gauge("hub_transit_lag_messages", "Messages acknowledged and not yet decided", [], multiprocess_mode="livesum")
WARD_OCCUPANCY: Final = Gauge("hub_ward_occupancy", "Patients in a ward", ["ward"], multiprocess_mode="livemax")
WAITING: Final = Gauge(
    "hub_patients_ready_for_discharge", "Patients ready for discharge and still in hospital", [], multiprocess_mode="livemax"
)
UP: Final = Gauge("hub_process_up", "1 while a process runs", ["process"], multiprocess_mode="livesum")
# Histograms, in seconds
ACK_SECONDS: Final = Histogram("hub_ack_seconds", "From the last byte of a message to its answer", ["adapter"], buckets=_SECONDS)
END_TO_END_SECONDS: Final = Histogram("hub_end_to_end_seconds", "From receipt to the receiver's answer", ["channel"], buckets=_SECONDS)
REVOCATION_SECONDS: Final = Histogram(
    "hub_revocation_to_effect_seconds", "From a lock's request to its being in force", [], buckets=_SECONDS
)
TRANSIT_SECONDS: Final = Histogram("hub_transit_seconds", "From receipt to decision", [], buckets=_SECONDS)

_LIBRARY_FLOOR: Final = logging.INFO  # faust, aiokafka, aiohttp and psycopg print keys and values at DEBUG


def configure(process: str, level: str = "INFO") -> None:
    """Structured JSON lines on standard error. Called once by each process; libraries never go below INFO."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s %(levelname)s")  # no message text: it may quote data
    for name in ("faust", "mode", "aiokafka", "aiohttp", "aiohttp.access", "psycopg", "asyncio"):
        logging.getLogger(name).setLevel(_LIBRARY_FLOOR)
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
    UP.labels(process).set(1)


def log(fact: str, **facts: str | float) -> None:
    """One structured line. ``fact`` is a fixed word; values are closed vocabulary, counts, event ids or provider ids, never message content."""
    structlog.get_logger().info(fact, **facts)
