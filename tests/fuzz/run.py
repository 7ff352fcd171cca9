"""``make fuzz SECONDS=n``: every reader in turn for its share of the time; what breaks one is kept, and named at the end.

Corpora grow in ``.fuzz/<reader>/`` from our own builders' messages and are kept from run to run; an input that broke a reader is
``.fuzz/<reader>-crash-...``. Exit code 1 when there was one.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.fuzz.readers import READERS

ROOT: Final = Path(__file__).parents[2]
DATA: Final = ROOT / ".fuzz"
SIZE_MAX: Final = 100_000
SECONDS_MAX: Final = 5  # of one input: under atheris everything is several times slower, and the tests hold the real bound
MEGABYTES_MAX: Final = 2_048
# words that mean something in what is read
WORDS: Final = (
    b"MSH|^~\\&|",
    b"\r",
    b"|",
    b"^",
    b"~",
    b"&",
    b"\\X0D\\",
    b"\\.br\\",
    b"\\T\\",
    b'""',
    b"PID|",
    b"OBX|1|NM|",
    b"OBX|1|ED|",
    b"^Base64^",
    b"MRG|",
    b"BHS|",
    b"FTS|",
    b"\x0b",
    b"\x1c\r",
    b"\xef\xbb\xbf",
    b"UNICODE UTF-8",
    b"8859/1",
    b"2.5.1",
    b"ADT^A40",
    b'"resourceType":',
    b'"identifier":',
    b'"reference":',
    b"urn:uuid:",
    b'"contained":',
    b"\\ud800",
    b"1e999",
    b"null",
    b"[[[[",
    b'"valueQuantity":',
    b"replaced-by",
)


def main() -> int:
    """Fuzz them; the exit code."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=int, default=600, help="for all readers together")
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(READERS))
    given = parser.parse_args()
    names = given.readers or list(READERS)
    results = [fuzz(name, max(1, given.seconds // len(names))) for name in names]
    for result in results:
        sys.stdout.write(json.dumps(result) + "\n")
    return 1 if any(result["broken"] for result in results) else 0


def fuzz(name: str, seconds: int) -> dict[str, Any]:
    """One reader for a while; what was done and found."""
    corpus = DATA / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in READERS[name].seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = DATA / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS), "ascii")
    options = {
        "max_total_time": seconds,
        "max_len": SIZE_MAX,
        "timeout": SECONDS_MAX,
        "rss_limit_mb": MEGABYTES_MAX,
        "print_final_stats": 1,
        "dict": words,
        "artifact_prefix": f"{DATA}/{name}-",
        "verbosity": 1,
    }
    command = [sys.executable, "-m", "tests.fuzz.harness", name, *(f"-{k}={v}" for k, v in options.items()), str(corpus)]
    before = set(DATA.glob(f"{name}-*"))
    sys.stderr.write(f"fuzzing {name} for {seconds} s\n")
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    (DATA / f"{name}.log").write_text(run.stderr, "utf-8")
    figures = _figures(run.stderr)
    broken = [p.name for p in sorted(set(DATA.glob(f"{name}-*")) - before)]
    if not broken and (run.returncode or not figures):
        broken.append(f"ended before its time (code {run.returncode}): see {name}.log")
    return {"reader": name, "seconds": seconds, **figures, "broken": broken}


def _escaped(word: bytes) -> str:
    """A word as libFuzzer's dictionaries hold it."""
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in word)


def _figures(log: str) -> dict[str, int]:
    """What libFuzzer counted."""
    names = {"runs": "number_of_executed_units", "runs_per_second": "average_exec_per_sec", "rss_mb": "peak_rss_mb"}
    found = {k: re.search(rf"stat::{v}:\s+(\d+)", log) for k, v in names.items()}
    coverage = re.findall(r"cov: (\d+)", log)
    return {k: int(m[1]) for k, m in found.items() if m} | ({"coverage": int(coverage[-1])} if coverage else {})


if __name__ == "__main__":
    sys.exit(main())
