"""``hub check``: every setting that breaks a sentence of the promise, by sentence."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hub.addresses import can_be_told
from hub.ledger.checkpoints import unguarded_tables
from hub.ledger.connect import connect, faults
from hub.ledger.directory import admins_providers, load_directory
from hub.model import Channel, Provider
from hub.numbers import PersonNumbers
from hub.settings import Settings
from hub.stream.kafka import Topics, settings_in_force
from hub.stream.promise import EXPLAINED, IN_ORDER, NEVER_LOST, NEVER_SHOWN, Facts, Violation, violations
from hub.web.seal import KEY_FILE

DONE: Final = 0
BROKEN: Final = 1
_DATABASE: Final = ("fsync", "synchronous_commit", "full_page_writes")
_PERSON_NUMBERS: Final = MappingProxyType(
    {
        PersonNumbers.ANY: "any, real and synthetic (HUB_PERSON_NUMBERS=real refuses synthetic ones, =synthetic refuses real ones)",
        PersonNumbers.REAL: "real; synthetic ones are refused",
        PersonNumbers.SYNTHETIC: "synthetic; real ones are refused",
    }
)
_TOLD: Final = "  (told here; it does not keep the hub from starting)"
_ORDER: Final = (NEVER_LOST, NEVER_SHOWN, IN_ORDER, EXPLAINED)


def look(settings: Settings, token_key: Path | None = None) -> Facts:
    """The facts as they are now. Raises Faulted when a server is away.

    ``token_key``: the file of the key that signs tokens; the one that signs checkpoints is beside it.
    """
    with connect(settings.database_url, "check") as conn, faults():
        database = {name: str((conn.execute(f"SHOW {name}").fetchone() or ("?",))[0]) for name in _DATABASE}
        entries, admins, unguarded = load_directory(conn), admins_providers(conn), unguarded_tables(conn)
    topics = Topics(settings.topic_prefix)
    mailboxes = [topics.mailbox(p.id) for p in entries.providers if p.deliver.channel is Channel.MAILBOX]
    broker = settings_in_force(settings.kafka, (topics.inbound, topics.events), mailboxes)  # a mailbox is made by its first message
    audit_key = token_key.with_name(KEY_FILE) if token_key else None
    return Facts(
        settings, broker, database, entries.providers, entries.subscriptions, _mode(token_key), _mode(audit_key), unguarded, admins,
        entries.left_out,
    )  # fmt: skip


def _mode(key: Path | None) -> int | None:
    return key.stat().st_mode & 0o777 if key and key.exists() else None


def run_check(settings: Settings, token_key: Path | None = None, *, as_json: bool) -> int:
    """Print them; the exit code, 1 when there are any. Raises Faulted when a server is away."""
    facts = look(settings, token_key)
    found = sorted(violations(facts), key=lambda v: _ORDER.index(v.sentence))
    if as_json:
        sys.stdout.write(json.dumps([asdict(v) for v in found]) + "\n")
    else:
        sys.stdout.write(text(found) + note(settings.person_numbers) + emergencies(facts.providers, settings))
    return BROKEN if found else DONE


def note(allowed: PersonNumbers) -> str:
    """For people: which patients the hub takes; a choice, and no sentence of the promise hangs on it."""
    return f"person numbers: {_PERSON_NUMBERS[allowed]}\n"


def emergencies(providers: Sequence[Provider], settings: Settings) -> str:
    """For people: whose personnel may open emergency access, and whose may not because nobody can be told of it."""
    without = sorted(p.id for p in providers if not can_be_told(p.supervisor, settings.smtp))
    if not settings.consent.emergency_hours:
        return "emergency access: switched off (emergency_hours = 0)\n"
    if not without:
        return "emergency access: every provider has a supervisor who is told of it\n"
    return f"emergency access: refused to {', '.join(without)} (no supervisor who can be told of it)\n"


def text(found: Sequence[Violation]) -> str:
    """For people: each sentence, and under it the settings that break it."""
    if not found:
        return "every setting keeps the promise\n"
    lines = []
    for sentence, under in groupby(found, key=lambda v: v.sentence):
        lines.append(sentence)
        lines += [f"    broken by {v.setting} = {v.found}{_TOLD if not v.stops else ''}\n        instead: {v.act}" for v in under]
    return "\n".join(lines) + "\n"
