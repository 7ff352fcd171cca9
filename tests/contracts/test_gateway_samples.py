"""Real messages written by others: each is accepted, or refused with a code and a reason a person can act on. The tally is printed."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from hub.adapters.hl7v2.framing import frame
from hub.stream.tools import split_messages
from tests.contracts.gateways import SAMPLES, adt, control_id, gateway, provider, verdict

FAMILIES = ("simhospital", "microsoft-fhir-converter", "reportstream")
ACTIONABLE = {"none", "AA", "CA", "AE 100", "AE 101", "AE 102", "AE 205", "AR 200", "AR 201", "CE 101", "CE 205", "CR 200", "CR 201"}


def _messages(folder: Path) -> list[bytes]:
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".hl7", ".out"))
    return [message for path in files for message in split_messages(path.read_bytes())]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_sample_is_answered(kafka: str, topic_prefix: str, family: str, capsys: pytest.CaptureFixture[str]) -> None:
    if not (SAMPLES / family).is_dir():
        pytest.skip(f"no samples at {SAMPLES / family}: set HUB_SAMPLES")
    messages = _messages(SAMPLES / family)
    assert messages

    async def run() -> Counter[str]:
        tally: Counter[str] = Counter()
        async with gateway(kafka, topic_prefix, [provider("any", "*")]) as running, running.client() as client:
            for raw in messages:
                client.write(frame(raw))
            client.write(frame(adt("the last one")))
            while control_id(ack := await client.answer()) != "the last one":  # some ask for no answer, or for two
                tally[verdict(ack)] += 1
            recorded = await asyncio.to_thread(running.recorded, len(messages) + 1)
            assert len({r.event_id for r in recorded}) == len(set(messages)) + 1  # a merge stands there for each of its patients
            tally["none"] = sum(r.answer == "none" for r in recorded)
        return tally

    tally = asyncio.run(run())
    with capsys.disabled():
        print(f"\n{family}: {dict(tally)}")
    assert set(tally) <= ACTIONABLE
    assert tally.total() >= len(messages)
    assert tally["none"] == 0 or family != "simhospital"
