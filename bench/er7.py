"""The hub's ER7 reader beside python-hl7 on real messages: `HUB_SAMPLES=... python bench/er7.py`, JSON lines on standard output.

Both read a message and give PID-3 and every OBX-5 of it; `envelope` is what the gateway does with each message before it answers.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import hl7

from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.message import envelope
from hub.errors import Rejected
from hub.stream.tools import split_messages

ROUNDS = 5


def ours(raw: bytes) -> list[str]:
    er7 = Er7.from_bytes(raw)
    return [er7.get("PID-3"), *(obx.field(5) for obx in er7.segments("OBX"))]


def theirs(raw: bytes) -> list[str]:
    message = hl7.parse(raw.decode())
    values = [str(message.extract_field("PID", 0, 3, 1, 1))]
    return values + [str(obx[5]) if len(obx) > 5 else "" for obx in (message["OBX"] if "OBX" in {str(s[0]) for s in message} else [])]


def spent(read: Callable[[bytes], object], messages: list[bytes]) -> float:
    began = time.process_time()
    for raw in messages:
        read(raw)
    return (time.process_time() - began) / len(messages) * 1e6


def readable(raw: bytes) -> bool:
    try:
        envelope(raw)
    except Rejected:
        return False
    return True


def main() -> None:
    folder = Path(os.environ.get("HUB_SAMPLES", Path(__file__).parents[2] / "shared" / "samples"))
    for family in ("simhospital", "microsoft-fhir-converter", "reportstream"):
        files = sorted(p for p in (folder / family).rglob("*") if p.suffix in (".hl7", ".out"))
        messages = [m.replace(b"\r\n", b"\r").replace(b"\n", b"\r") for f in files for m in split_messages(f.read_bytes())]
        messages = [m for m in messages if readable(m)][:300]
        times = [(spent(ours, messages), spent(theirs, messages), spent(envelope, messages)) for _ in range(ROUNDS)]
        own, other, door = (statistics.median(column) for column in zip(*times, strict=True))
        line = {"bench": "er7", "samples": family, "messages": len(messages), "bytes": round(statistics.mean(map(len, messages)))}
        print(
            json.dumps(
                line
                | {
                    "own_us": round(own, 1),
                    "python_hl7_us": round(other, 1),
                    "times_faster": round(other / own, 1),
                    "envelope_us": round(door, 1),
                }
            )
        )


if __name__ == "__main__":
    main()
