"""Messages as the gateway hands them on, and the sample corpora where they are."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.adapters.fhir.message import envelope as fhir_envelope
from hub.adapters.fhir.translate import FhirMessage
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.message import envelope as hl7v2_envelope
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.identity import event_id
from hub.model import Adapter, Channel, Deliver, Detail, Form, Provider, ProviderKind, Received

SAMPLES = Path(os.environ.get("HUB_SAMPLES", Path(__file__).parents[4] / "shared" / "samples"))
RECIPIENT = Provider(
    "trondheim", "Trondheim kommune", ProviderKind.MUNICIPALITY, "942110464", ("TRD",), Deliver(Channel.MLLP, "127.0.0.1", 1)
)
RECEIVED_US = 1_795_000_000_000_000

HEAD = "MSH|^~\\&|DIPS|STOLAV|HUB|REGION|20261120083015||{type}|C-1|P|2.5.1||||||UNICODE UTF-8"
PID = (
    "PID|1||13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~A77^^^STOLAV^MR||Bjørnstad^Åse^Ødegård^^^^L||19691113|F|||"
    "Søndre gate 12^^Trondheim^^7011^NOR^H^^5001||90000001^PRN^CP|73000000^WPN^PH"
)
PV1 = "PV1|1|I|MED3^301^2^STOLAV||||9144889^Lund^Kari^^^Dr.||||||||||||V77^^^STOLAV|||||||||||||||||||||||||20261120082500|"


def samples(folder: str) -> Path:
    """A folder of the corpora; the test is skipped, saying so, where it is absent."""
    path = SAMPLES / folder
    if not path.is_dir():
        pytest.skip(f"no sample corpus at {path}: set HUB_SAMPLES")
    return path


def message(kind: str, *segments: str, encoding: str = "utf-8") -> bytes:
    """A v2 message of a type with the standard header and patient."""
    return "".join(f"{s}\r" for s in (HEAD.format(type=kind), PID, *segments)).encode(encoding)


def line(name: str, fields: dict[int, str]) -> str:
    """A segment by its field numbers."""
    return "|".join([name, *(fields.get(n, "") for n in range(1, max(fields, default=0) + 1))])


def content(*segments: str) -> Content:
    """The content of a message with these segments behind its header and patient."""
    return Content(Er7.from_bytes(message("ORU^R01", *segments)))


def received(raw: bytes, adapter: Adapter = Adapter.HL7V2) -> Received:
    """The record the gateway makes of a message of provider ``st-olavs``."""
    seen: Any = hl7v2_envelope(raw) if adapter is Adapter.HL7V2 else fhir_envelope(raw)
    return Received(
        event_id=event_id(adapter, "st-olavs", seen.application, seen.sender, seen.control_id, raw), adapter=adapter, provider="st-olavs",
        application=seen.application, sender=seen.sender, control_id=seen.control_id, trigger=seen.trigger, patient_key="0" * 32,
        identifiers=seen.identifiers, received_us=RECEIVED_US, encoding=seen.encoding, raw=raw, answer="AA",
    )  # fmt: skip


def hl7v2(raw: bytes) -> Hl7v2Message:
    return Hl7v2Message(received(raw))


def fhir(raw: bytes) -> FhirMessage:
    return FhirMessage(received(raw, Adapter.FHIR))


def rendered(m: Hl7v2Message | FhirMessage, detail: Detail = Detail.FULL) -> dict[str, Any]:
    """The Bundle a FHIR recipient gets."""
    return dict(json.loads(m.render(Form.FHIR, detail, RECIPIENT)))


def of(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The resources of a type."""
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def references(value: Any) -> Iterator[str]:
    """Every reference below a value."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for v in value.values():
            yield from references(v)
    elif isinstance(value, list):
        for v in value:
            yield from references(v)


def sample_messages() -> list[tuple[str, bytes]]:
    """(name, bytes) of every v2 message of the corpora."""
    files = sorted([*samples("microsoft-fhir-converter").glob("*.hl7"), *samples("reportstream").rglob("*.hl7")])
    stream = (samples("simhospital") / "messages.out").read_bytes()
    parts = [p for p in re.split(rb"(?=MSH\|\^~)", stream) if p.startswith(b"MSH")]
    return [(f.name, f.read_bytes()) for f in files] + [(f"simhospital {n}", p) for n, p in enumerate(parts)]
