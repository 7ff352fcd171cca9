"""What deciding costs, and that it does not grow with the directory: microseconds a message and the directory's memory. JSON lines.

    python -m bench.plan [ROUNDS]

A message with 3 candidate recipients, already read and not rendered, against 100 and 100,000 subscriptions: the same three match, the
others have other municipalities, wards, sources and patients. The sizes take turns, so that a busy machine slows both; medians of 15.
The memory is what the process grew by, subscriptions included.
"""

import json
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Final

import psutil

from hub.config import provider_from_dict, subscription_from_dict
from hub.identity import ENH, FNR
from hub.model import Actor, Adapter, Consent, Detail, Event, Form, Identifier, Kind, PatientState, Policy, Provider, Provision, Received
from hub.pipeline import plan
from hub.routing.directory import Directory

SIZES: Final = (100, 100_000)
TURNS: Final = 15
PROVIDERS: Final = 3_000
PATIENT: Final = Identifier(FNR, "13116900216")
RECEIVED: Final = Received("e", Adapter.HL7V2, "p0", "EPJ", "S0", "c", "ADT^A01", "k", (PATIENT,), 0, "utf-8", b"", "AA")
EVENT: Final = Event(
    "e", Kind.ADMITTED, Adapter.HL7V2, "p0", "c", "k", (PATIENT,), 0, 0, ("S2",), "5001", (Identifier(ENH, "900000001"),), "A1", "I"
)  # fmt: skip
STATE: Final = PatientState("5001", (Identifier(ENH, "900000001"),), frozenset({"p0", "p2"}))
POLICY: Final = Policy((Consent("c", 1, True, Provision(True, actors=(Actor(Identifier(ENH, "900000004")),))),))
MATCHING: Final = (
    ("p1", {"relation": "gp"}),
    ("p2", {"relation": "addressed"}),
    ("p3", {"municipality": "5001"}),
)
EVENTS: Final = ["patient.admitted", "patient.ready_for_discharge", "patient.discharged"]


@dataclass(frozen=True)
class Read:
    """A message whose meaning is known and whose bytes are not the question here."""

    received: Received = RECEIVED

    def event(self) -> Event:
        return EVENT

    def render(self, form: Form, detail: Detail, recipient: Provider) -> bytes:  # noqa: ARG002
        return b""


def directory(size: int) -> Directory:
    providers = [
        provider_from_dict({"id": f"p{n}", "name": f"P{n}", "kind": "other", "organisation": f"{900000000 + n}", "senders": [f"S{n}"]})
        for n in range(PROVIDERS)
    ]
    wheres = [(provider_id, dict(where)) for provider_id, where in MATCHING]
    for n in range(size - len(MATCHING)):
        place = f"{1000 + n % 350}"
        shape = ({"municipality": place, "ward": f"W{n}"}, {"relation": "gp"}, {"municipality": place, "source": f"p{n % PROVIDERS}"},
                 {"ward": f"W{n}"}, {"relation": "pathway", "municipality": place})[n % 5]  # fmt: skip
        wheres.append((f"p{4 + n % (PROVIDERS - 4)}", shape))
    entries = (
        subscription_from_dict({"id": f"s{n}", "provider": provider_id, "events": EVENTS, "where": where, "detail": "full"})
        for n, (provider_id, where) in enumerate(wheres)
    )
    return Directory(providers, entries, 1)


def us_each(found: Directory, rounds: int) -> float:
    message = Read()
    start = time.perf_counter()
    for _ in range(rounds):
        plan(message, STATE, POLICY, found, 1)
    return (time.perf_counter() - start) / rounds * 1e6


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    process, directories = psutil.Process(), {}
    for size in SIZES:
        before, start = process.memory_info().rss, time.perf_counter()
        directories[size] = directory(size)
        seconds, grown = time.perf_counter() - start, process.memory_info().rss - before
        print(json.dumps({"bench": "directory", "subscriptions": size, "build_s": round(seconds, 2), "mb": round(grown / 1e6, 1)}))
    assert all(len(plan(Read(), STATE, POLICY, found, 1).deliveries) == len(MATCHING) for found in directories.values())
    runs: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(TURNS):
        for size, found in directories.items():
            runs[size].append(us_each(found, rounds))
    medians = {size: statistics.median(found) for size, found in runs.items()}
    for size, us in medians.items():
        print(json.dumps({"bench": "plan", "subscriptions": size, "candidates": len(MATCHING), "us": round(us, 1)}))
    print(json.dumps({"bench": "plan", "ratio": round(medians[SIZES[1]] / medians[SIZES[0]], 2), "bound": 1.2}))


if __name__ == "__main__":
    main()
