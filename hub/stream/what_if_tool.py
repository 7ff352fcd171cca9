"""``hub what-if``: who would gain and who would lose which events, had other entries or other consents been in force. Nothing is sent."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from hub.boundaries import ConsentLimits
from hub.config import ConfigError, load
from hub.identity import Pseudonyms
from hub.ledger.connect import connect
from hub.ledger.directory import Entries, as_with_file, load_directory
from hub.ledger.trace import moment
from hub.model import Boundaries, Consent, Decision, Result
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.stream.readers import read
from hub.stream.recall import recalled
from hub.stream.what_if_consents import proposed, read_resources
from hub.terms import terms_of
from hub.whatif.replay import Change, Counts, Replay, Rules

SAME: Final = 0
DIFFERS: Final = 1
_HEAD: Final = ("RECIPIENT", "CHANGE", "EVENT", "COUNT", "NOW", "THEN", "FOR EXAMPLE")
_FEW: Final = 2  # spaces between columns


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was given. policy, consents: at least one of them."""

    policy: Path | None
    consents: Path | None
    since_us: int
    now_us: int


def what_if(settings: Settings, asked: Asked, *, as_json: bool) -> int:
    """Print it; the exit code, 1 when somebody would gain or lose anything. Raises ConfigError, Faulted."""
    *entries, table = load(asked.policy) if asked.policy else ((), (), {})
    limits = _limits(table["consent"], asked.policy) if "consent" in table else None
    resources = read_resources(asked.consents) if asked.consents else []
    with connect(settings.database_url, "what-if", statement_seconds_max=0, idle_seconds_max=0) as conn:  # whoever reads takes their time
        now = _directory(load_directory(conn))
        then = _directory(_told(as_with_file(conn, *entries))) if asked.policy else now
        concerned: dict[str, tuple[Consent, ...]] = {}
        if asked.consents:
            concerned = proposed(conn, resources, then, Pseudonyms(settings.secret.get_secret_value()), asked.consents)
        rules = Rules(now, then, terms_of(settings), limits, lambda row: read(recalled(row)))
        replay = Replay(rules, concerned, asked.now_us)
        return _print(replay, replay.run(conn, asked.since_us, None if asked.policy else concerned), asked.since_us, as_json=as_json)


def _directory(entries: Entries) -> Directory:
    return Directory(entries.providers, entries.subscriptions, entries.version)


def _limits(table: object, file: Path | None) -> Boundaries:
    """Of table [hub.consent]. Raises ConfigError."""
    try:
        return ConsentLimits.model_validate(table).boundaries()
    except ValidationError as exc:
        raise ConfigError(f"{file}: consent.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors()) from None


def _told(entries: Entries) -> Entries:
    """What of an administrator's would not be in force beside the file is said aloud, as at a start."""
    for left in entries.left_out:
        sys.stderr.write(f"hub what-if: !! {left.entry}: {left.why}: {left.act}\n")
    return entries


def _print(replay: Replay, found: Iterable[Change], since_us: int, *, as_json: bool) -> int:
    rows = _Rows()
    for change in found:
        rows.add(change)
        if as_json:
            sys.stdout.write(json.dumps(_line(change), ensure_ascii=False) + "\n")
    if as_json:
        sys.stdout.write(json.dumps(_summary(replay.counts, rows, since_us)) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _text(replay.counts, rows, since_us))
    return DIFFERS if rows.rows else SAME


class _Rows:
    """Changes of one kind counted together, with one of them as an example."""

    def __init__(self) -> None:
        self.rows: Final[dict[tuple[str, ...], tuple[int, str]]] = {}

    def add(self, change: Change) -> None:
        """Count one."""
        key = (change.recipient, _word(change), change.kind, _said(change.before), _said(change.after))
        count, example = self.rows.get(key, (0, change.event_id))
        self.rows[key] = count + 1, example

    def sum(self, word: str) -> int:
        """How many changes are gains, or losses."""
        return sum(count for key, (count, _) in self.rows.items() if key[1] == word)

    def table(self) -> Iterator[Sequence[str]]:
        """By recipient, gains first, then by event."""
        for (recipient, word, kind, now, then), (count, example) in sorted(self.rows.items()):
            yield recipient, word, kind, str(count), now, then, example


def _word(change: Change) -> str:
    return "gains" if change.gains else "loses"


def _said(decision: Decision | None) -> str:
    if decision is None:
        return "-"
    shown = f"{decision.detail.value}:" if decision.result is not Result.DENY else ""
    return f"{decision.result.value}:{shown}{decision.rule.value}"


def _text(counts: Counts, rows: _Rows, since_us: int) -> Iterator[str]:
    yield f"{_many(counts.decisions, 'decision')} of {_many(counts.messages, 'message')} since {moment(since_us)}"
    if counts.unknown:
        yield f"{_were(counts.unknown)} decided before the hub kept what is needed to decide again; nothing is said of them"
    if counts.otherwise:
        yield f"{_many(counts.otherwise, 'message')} would be decided otherwise today already, by what has changed since: not counted"
    if not rows.rows:
        yield "nobody would gain or lose anything"
        return
    table = [_HEAD, *rows.table()]
    widths = [max(len(row[n]) for row in table) + _FEW for n in range(len(_HEAD))]
    yield ""
    for row in table:
        yield "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    yield f"{rows.sum('gains')} gained, {rows.sum('loses')} lost"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return f"{_many(count, 'message')} {'was' if count == 1 else 'were'}"


def _line(change: Change) -> Mapping[str, Any]:
    return {
        "event_id": change.event_id, "kind": change.kind, "source": change.source, "decided": moment(change.decided_us),
        "recipient": change.recipient, "change": _word(change), "now": _decision(change.before), "then": _decision(change.after),
    }  # fmt: skip


def _decision(d: Decision | None) -> Mapping[str, Any] | None:
    if d is None:
        return None
    return {
        "result": d.result, "rule": d.rule, "detail": d.detail, "subscription": d.subscription, "because": d.because, "dropped": d.dropped,
    }  # fmt: skip


def _summary(counts: Counts, rows: _Rows, since_us: int) -> Mapping[str, Any]:
    return {
        "since": moment(since_us), "messages": counts.messages, "decisions": counts.decisions, "gains": rows.sum("gains"),
        "losses": rows.sum("loses"), "unknown": counts.unknown, "otherwise": counts.otherwise,
    }  # fmt: skip
