"""``hub audit``: is the record whole, and a checkpoint of it now."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from hub.config import ConfigError
from hub.ledger.checkpoints import Checkpoint, digest_of, kept_checkpoints, make_checkpoint
from hub.ledger.connect import connect
from hub.ledger.trace import moment
from hub.ledger.verify import Damage, Promise, Report, verify
from hub.settings import Settings
from hub.web.checkpointing import write_line
from hub.web.seal import CHECKPOINT_FILE, Trusted, UnsealedError, load_seal, opened, trusted

DONE: Final = 0
DAMAGED: Final = 1
_OF_CHECKPOINTS: Final = "checkpoint"


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
    shipped = [line for path in files for line in _lines(path)]
    with connect(settings.database_url, "audit", statement_seconds_max=0) as conn:
        kept = kept_checkpoints(conn)  # before the walk: what they have seen, the walk must see
        believed = _keys(settings, keys) if kept or shipped else {}
        report = Report()
        seen = _judge(report, kept, shipped, believed)
        walked = verify(conn, _promises(seen))
    report.heads = walked.heads
    report.findings += walked.findings
    report.is_whole_list &= walked.is_whole_list
    sys.stdout.write(_as_json(report, seen) if as_json else _text(report, seen))
    return DAMAGED if report.findings else DONE


def _lines(path: Path) -> Iterator[_Line]:
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as exc:
        raise ConfigError([f"{path}: {exc.strerror or 'cannot be read'}"]) from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _Line(line, f"{path.name} line {number}")


def _keys(settings: Settings, keys: Sequence[Path]) -> Trusted:
    try:
        found = trusted(settings.data, list(keys))
    except OSError as exc:
        raise ConfigError([f"the key of checkpoints cannot be read ({exc.strerror}): name its file with --key"]) from None
    if not found:
        raise ConfigError(["there are checkpoints and no key to check them with: name the hub's audit.pub with --key FILE"])
    return found


def _judge(report: Report, kept: Sequence[tuple[int, str]], shipped: Iterable[_Line], keys: Trusted) -> list[Checkpoint]:
    """The checkpoints whose signature holds; what is wrong with the others goes into the report."""
    seen: list[Checkpoint] = []
    in_ledger: dict[int, str] = {}
    last, before = 0, ""
    for n, text in kept:
        in_ledger[n] = text
        found = _open(report, _Line(text, "in the ledger"), keys, n)
        if n != last + 1:
            report.add(Damage.CHECKPOINT_MISSING, _OF_CHECKPOINTS, last + 1, f"checkpoints {last + 1} to {n - 1} are not in the ledger")
        elif found is not None and (found.n != n or found.before != before):
            report.add(Damage.CHECKPOINT_CHANGED, _OF_CHECKPOINTS, n, "in the ledger: it does not follow from the one before it")
        seen += [found] if found else []
        last, before = n, digest_of(text)
    for line in shipped:
        found = _open(report, line, keys, 0)
        if found is not None:
            seen.append(found)
            if in_ledger.get(found.n) != line.text:
                kind = Damage.CHECKPOINT_CHANGED if found.n in in_ledger else Damage.CHECKPOINT_MISSING
                report.add(kind, _OF_CHECKPOINTS, found.n, f"the ledger does not have it as {line.where} does")
    return seen


def _open(report: Report, line: _Line, keys: Trusted, n: int) -> Checkpoint | None:
    try:
        return opened(line.text, keys)
    except UnsealedError:
        report.add(
            Damage.CHECKPOINT_CHANGED, _OF_CHECKPOINTS, n, f"{line.where}: not as it was signed, or signed by a key that is not trusted"
        )
        return None


def _promises(seen: Iterable[Checkpoint]) -> dict[str, dict[int, Promise]]:
    found: dict[str, dict[int, Promise]] = {}
    for checkpoint in seen:
        for chain, head in checkpoint.heads.items():
            found.setdefault(chain, {})[head.n] = Promise(head.hash, checkpoint.n)
    return found


def _summary(report: Report, seen: Sequence[Checkpoint]) -> dict[str, Any]:
    last = max(seen, key=lambda c: c.made_us, default=None)
    return {
        "whole": not report.findings,
        "links": sum(head.n for head in report.heads.values()),
        "rows": sum(head.total for head in report.heads.values()),
        "checkpoints": len({c.n for c in seen}),
        "last_checkpoint": moment(last.made_us) if last else None,
    }


def _as_json(report: Report, seen: Sequence[Checkpoint]) -> str:
    chains = {chain: {"links": head.n, "rows": head.total} for chain, head in report.heads.items()}
    findings = [asdict(f) for f in report.findings]
    return json.dumps(_summary(report, seen) | {"chains": chains, "findings": findings, "all_listed": report.is_whole_list}) + "\n"


def _text(report: Report, seen: Sequence[Checkpoint]) -> str:
    said = _summary(report, seen)
    lines = [f"{f.damage.replace('_', ' ')}: {f.chain}, number {f.n}: {f.where}" for f in report.findings]
    lines += [] if report.is_whole_list else ["... and more"]
    signed = (
        f"signed up to {said['last_checkpoint']} ({said['checkpoints']} checkpoints)"
        if seen
        else "no checkpoint: a tail cut off is not seen"
    )
    verdict = "the record is whole" if said["whole"] else "THE RECORD IS DAMAGED"
    return "\n".join([*lines, f"{verdict}: {said['rows']} rows in {said['links']} links; {signed}"]) + "\n"


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
