"""The pairs of the sample corpora: a v2 message, and the Bundle that somebody else's converter makes of it, with ours beside it."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.adapters.bundle import to_bytes
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.message import header, of_patient
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.model import Adapter, Received
from tests.conformance import defined

SAMPLES: Final = Path(os.environ.get("HUB_SAMPLES", Path(__file__).parents[3] / "shared" / "samples"))
RECEIVED_US: Final = 1_795_000_000_000_000
# corpus -> folder, end of the expected Bundles' names
CORPORA: Final = {"microsoft": ("microsoft-fhir-converter", ".expected.json"), "reportstream": ("reportstream", ".fhir.json")}


@dataclass(frozen=True)
class Pair:
    """One message and its two Bundles."""

    corpus: str
    name: str
    type: str  # ADT_A01
    raw: bytes
    ours: dict[str, Any]
    theirs: dict[str, Any]
    structures: tuple[str, ...]  # the guide's maps for it


def is_here() -> bool:
    return all((SAMPLES / folder).is_dir() for folder, _ in CORPORA.values())


def pairs() -> Iterator[Pair]:
    for corpus, (folder, end) in CORPORA.items():
        for path in sorted((SAMPLES / folder).rglob("*.hl7")):
            expected = path.with_name(path.stem + end)
            if expected.exists():
                yield pair(corpus, path.name, path.read_bytes(), json.loads(expected.read_text("utf-8-sig")))


def pair(corpus: str, name: str, raw: bytes, theirs: dict[str, Any]) -> Pair:
    head = header(Er7.from_bytes(raw))
    type_, _, trigger = head.trigger.partition("^")
    return Pair(corpus, name, f"{type_}_{trigger}", raw, ours(raw), theirs, defined.structures(type_, _structure(raw)))


def _structure(raw: bytes) -> str:
    er7 = Er7.from_bytes(raw)
    segment = er7.segment("MSH")
    said = segment.field(9).split(er7.delimiters.component) if segment else []
    return said[2] if len(said) > 2 and said[2] else "_".join(said[:2])


def ours(raw: bytes) -> dict[str, Any]:
    """The hub's Bundle. Messages made to test one segment leave the patient's number out: that is the gateway's business, not the map's."""
    er7 = Er7.from_bytes(raw)
    head, pid = header(er7), er7.segment("PID")
    received = Received(
        event_id="01234567-89ab-8def-8123-456789abcdef", adapter=Adapter.HL7V2, provider="st-olavs", application=head.application,
        sender=head.sender, control_id=head.control_id, trigger=head.trigger, patient_key="0" * 32,
        identifiers=of_patient(pid) if pid else (), received_us=RECEIVED_US, encoding="utf-8", raw=raw, answer="AA",
    )  # fmt: skip
    return dict(json.loads(to_bytes(Hl7v2Message(received).bundle())))
