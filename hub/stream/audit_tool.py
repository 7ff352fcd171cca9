"""``hub audit``: is the record whole, and a checkpoint of it now."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from hub.config import ConfigError
from hub.ledger.checkpoints import Checkpoint, digest_of, kept_checkpoints, make_checkpoint
from hub.ledger.connect import Conn, connect
from hub.ledger.trace import moment
from hub.ledger.verify import Damage, Promise, Report, verify
from hub.settings import Settings
from hub.web.checkpointing import write_line
from hub.web.seal import CHECKPOINT_FILE, Trusted, UnsealedError, load_seal, opened, trusted

DONE: Final = 0
DAMAGED: Final = 1


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with a checkpoint, and where it was found."""

    text: str
    where: str


def run_verify(settings: Settings, files: Sequence[Path], keys: Sequence[Path], *, as_json: bool) -> int:
    """Print whether the record is whole, and where it is not; the exit code. Raises Faulted, ConfigError.

    files: checkpoints that were shipped away; none named = the file in the data folder, if there is one. keys: as ``seal.trusted``.
    """
    files = files or [path for path in (settings.data / CHECKPOINT_FILE,) if path.exists()]
    checkpoints = _Checkpoints(files, lambda: _keys(settings, keys))
    with connect(settings.database_url, "audit", statement_seconds_max=0) as conn:
        report = verify(conn, checkpoints.promises)
    sys.stdout.write(_as_json(report, checkpoints) if as_json else _text(report, checkpoints))
    return DAMAGED if report.findings else DONE


def _lines(path: Path) -> Iterator[_Line]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _Line(line.rstrip("\r\n"), f"{path.name} line {number}")
    except OSError as exc:
        raise ConfigError([f"{path}: {exc.strerror or 'cannot be read'}"]) from None


def _keys(settings: Settings, keys: Sequence[Path]) -> Trusted:
    try:
        found = trusted(settings.data, list(keys))
    except OSError as exc:
        raise ConfigError([f"the key of checkpoints cannot be read ({exc.strerror}): name its file with --key"]) from None
    if not found:
        raise ConfigError(["there are checkpoints and no key to check them with: name the hub's audit.pub with --key FILE"])
    return found


class _Checkpoints:
    """Those in the ledger and those that were shipped away, read one after the other: a year has half a million."""

    def __init__(self, files: Sequence[Path], keys: Callable[[], Trusted]) -> None:
        self._files = files
        self._ask_keys = keys
        self._keys: Trusted = {}
        self._report = Report()
        self._ends: dict[str, tuple[int, bytes]] = {}
        self.numbers: set[int] = set()
        self.last_us = 0

    def promises(self, conn: Conn, report: Report) -> Iterator[Promise]:
        """As ``verify.Promises``."""
        self._report = report
        digests: dict[int, str] = {}
        last, before = 0, ""
        for n, text in kept_checkpoints(conn):
            found = self._opened(_Line(text, "in the ledger"), n)
            if n != last + 1:
                self._add(Damage.CHECKPOINT_MISSING, last + 1, f"checkpoints {last + 1} to {n - 1} are not in the ledger")
            elif found is not None and (found.n != n or found.before != before):
                self._add(Damage.CHECKPOINT_CHANGED, n, "in the ledger: it does not follow from the one before it")
            last, before = n, digest_of(text)
            digests[n] = before
            yield from self._promised(found)
        for path in self._files:
            for line in _lines(path):
                found = self._opened(line, 0)
                if found is not None and digests.get(found.n) != digest_of(line.text):
                    kind = Damage.CHECKPOINT_CHANGED if found.n in digests else Damage.CHECKPOINT_MISSING
                    self._add(kind, found.n, f"the ledger does not have it as {line.where} does")
                yield from self._promised(found)

    def _add(self, damage: Damage, n: int, where: str) -> None:
        self._report.add(damage, "checkpoint", n, where)

    def _opened(self, line: _Line, n: int) -> Checkpoint | None:
        self._keys = self._keys or self._ask_keys()
        try:
            return opened(line.text, self._keys)
        except UnsealedError:
            self._add(Damage.CHECKPOINT_CHANGED, n, f"{line.where}: not as it was signed, or signed by a key that is not trusted")
            return None

    def _promised(self, found: Checkpoint | None) -> Iterator[Promise]:
        """What it says that the one before it did not."""
        if found is None:
            return
        self.numbers.add(found.n)
        self.last_us = max(self.last_us, found.made_us)
        for chain, head in found.heads.items():
            if self._ends.get(chain) != (head.n, head.hash):
                self._ends[chain] = (head.n, head.hash)
                yield Promise(chain, head.n, head.hash, found.n)


def _summary(report: Report, seen: _Checkpoints) -> dict[str, Any]:
    return {
        "whole": not report.findings,
        "links": sum(head.n for head in report.heads.values()),
        "rows": sum(head.total for head in report.heads.values()),
        "let_go": report.let_go,
        "checkpoints": len(seen.numbers),
        "last_checkpoint": moment(seen.last_us) if seen.numbers else None,
    }


def _as_json(report: Report, seen: _Checkpoints) -> str:
    chains = {chain: {"links": head.n, "rows": head.total} for chain, head in report.heads.items()}
    findings = [asdict(f) for f in report.findings]
    return json.dumps(_summary(report, seen) | {"chains": chains, "findings": findings, "all_listed": report.is_whole_list}) + "\n"


def _text(report: Report, seen: _Checkpoints) -> str:
    said = _summary(report, seen)
    lines = [f"{f.damage.replace('_', ' ')}: {f.chain}, number {f.n}: {f.where}" for f in report.findings]
    lines += [] if report.is_whole_list else ["... and more"]
    signed = "no checkpoint: an end that was cut off is not seen"
    if seen.numbers:
        signed = f"signed up to {said['last_checkpoint']} ({said['checkpoints']} checkpoints)"
    verdict = "the record is whole" if said["whole"] else "THE RECORD IS DAMAGED"
    gone = f"; the bytes of {said['let_go']} messages were let go" if said["let_go"] else ""
    return "\n".join([*lines, f"{verdict}: {said['rows']} rows in {said['links']} links; {signed}{gone}"]) + "\n"


def run_checkpoint(settings: Settings, clock: Callable[[], int]) -> int:
    """Sign where the chain is now, and print the line; it goes into the ledger and the file too. Raises Faulted, ConfigError."""
    try:
        seal = load_seal(settings.data)
        with connect(settings.database_url, "audit") as conn:
            line = make_checkpoint(conn, clock(), seal.line)
        write_line(settings.data / CHECKPOINT_FILE, line)
    except OSError as exc:
        raise ConfigError([f"{settings.data}: {exc.strerror or 'cannot be used'}: choose another data folder with --data DIR"]) from None
    sys.stdout.write(line + "\n")
    return DONE
