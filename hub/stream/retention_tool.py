"""``hub retention``: the bytes of messages that are old enough and of which nothing is open are let go; the record stays."""

import json
import sys
from collections.abc import Callable
from typing import Final

from hub.config import ConfigError
from hub.ledger.connect import connect
from hub.ledger.retention import let_go as let_some_go
from hub.ledger.retention import look
from hub.ledger.trace import moment
from hub.settings import Settings

DONE: Final = 0
KEPT_DAYS_MIN: Final = 30  # as long as topic inbound has them, and a person may need to look into what went wrong
_DAY_US: Final = 86_400_000_000


def run_retention(settings: Settings, clock: Callable[[], int], *, apply: bool, as_json: bool) -> int:
    """Tell what may be let go, and with ``apply`` let it go; the exit code. Raises Faulted, ConfigError."""
    days = settings.keep_message_days
    if days < KEPT_DAYS_MIN:
        raise ConfigError(
            [f"HUB_KEEP_MESSAGE_DAYS is {days}: the days to keep the bytes of messages, {KEPT_DAYS_MIN} or more (0 = for ever)"]
        )
    before_us = clock() - days * _DAY_US
    with connect(settings.database_url, "retention", statement_seconds_max=0) as conn:
        found, gone, size = look(conn, before_us), 0, 0
        while apply and (some := let_some_go(conn, before_us, clock()))[0]:
            gone, size = gone + some[0], size + some[1]
    told = {
        "decided_before": moment(before_us), "messages": found.messages, "bytes": found.size, "kept": found.kept,
        "let_go": gone, "bytes_let_go": size,
    }  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n" if as_json else _text(told, applied=apply))
    return DONE


def _text(told: dict[str, object], *, applied: bool) -> str:
    kept = told["kept"]
    assert isinstance(kept, dict)
    may = f"{told['messages']} messages decided before {told['decided_before']} may be let go ({told['bytes']} bytes)"
    open_ = ", ".join(f"{count} {why}" for why, count in kept.items())
    done = f"let go: {told['let_go']} ({told['bytes_let_go']} bytes)" if applied else "nothing was changed: --apply lets them go, for good"
    return "\n".join([may, *([f"kept, because something is open of them: {open_}"] if open_ else []), done]) + "\n"
