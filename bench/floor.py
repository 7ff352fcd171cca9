"""How fast this machine is now: what a figure is to be read against.

``python -m bench`` first measures the bare server of ``bench.gateway`` (asyncio, Kafka, an answer on the delivery report) at 64 connections
and hands the figure on; every other figure in messages a second is then printed with its share of it. The share is what two machines, or
a quiet and a busy hour of one, have in common.
"""

import json
import os
from collections.abc import Iterable

FLOOR = "HUB_BENCH_FLOOR"


def share(per_second: float) -> dict[str, float]:
    """``{"of_the_floor": ...}``, or nothing where the floor was not measured in the same run."""
    floor = float(os.environ.get(FLOOR) or 0)
    return {"of_the_floor": round(per_second / floor, 3)} if floor else {}


def found_in(lines: Iterable[str]) -> str:
    """The floor among the lines of ``bench.gateway``: messages a second as text, "" when it is not there."""
    told = [json.loads(line) for line in lines if line.startswith("{")]
    floors = [t["per_second"] for t in told if t.get("server", "").startswith("floor") and t["connections"] == 64]
    return str(max(floors)) if floors else ""
