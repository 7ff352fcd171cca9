"""What transit counts and logs of a batch, once it is in the ledger."""

from collections import Counter

from hub import telemetry
from hub.ledger.batch import Entry
from hub.stream.walk import Walked


def tell(walked: Walked, now_us: int) -> None:
    """Count a batch that is in the ledger."""
    for event_id, error in walked.errors:
        telemetry.log("transit_message_unreadable", event_id=event_id, error=error)
    entries = walked.writes.entries
    for outcome, count in Counter(entry.plan.outcome for entry in entries).items():
        telemetry.OUTCOMES.labels(outcome).inc(count)
    asked_for = ((d.result, d.rule) for entry in entries for d in entry.plan.decisions if d.subscription)  # the others are only explained
    for (result, rule), count in Counter(asked_for).items():
        telemetry.DECISIONS.labels("transit", result, rule).inc(count)
    if walked.conflicts:
        telemetry.CONTROL_ID_CONFLICTS.inc(walked.conflicts)
    if telemetry.is_each_told():
        for entry in entries:
            _tell_each(entry)
    for entry in entries:
        telemetry.TRANSIT_SECONDS.observe(max(0, now_us - entry.plan.received.received_us) / 1e6)


def _tell_each(entry: Entry) -> None:
    event_id = entry.plan.received.event_id
    telemetry.each("decided", event_id=event_id, outcome=entry.plan.outcome, kind=entry.plan.event.kind if entry.plan.event else "")
    for d in entry.plan.decisions:
        telemetry.each("decision", stage="transit", event_id=event_id, recipient=d.recipient, result=d.result, rule=d.rule)
