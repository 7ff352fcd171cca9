"""``hub trace ID``: a message's whole life as JSON."""

import json
import sys
from typing import Final

from hub.ledger.connect import connect
from hub.ledger.trace import trace

DONE: Final = 0
UNKNOWN: Final = 1


def run_trace(database_url: str, any_id: str, *, as_json: bool) -> int:
    """Print it; the exit code, 1 for an id the hub does not know. ``as_json``: on one line. Raises Faulted."""
    with connect(database_url) as conn:
        found = trace(conn, any_id)
    if not found:
        sys.stderr.write(
            "hub trace: no message has this control id, event id or Bundle id. A message just accepted may not be decided yet; "
            "try again, or see hub quarantine list\n"
        )
        return UNKNOWN
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=None if as_json else 2) + "\n")
    return DONE
