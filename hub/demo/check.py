"""What became of the day, held against its table twice: by what the receivers' sockets got, and by what the ledger says."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.demo.day import DAY, EXPECTED, OUTCOMES, PROVIDERS, Message
from hub.demo.messages import CLINICAL, HAS_CLINICAL
from hub.demo.people import PEOPLE
from hub.model import AttemptOutcome, Outcome, Result, Rule

_DELIVERED: Final = ("full", "minimal", "notice")
_UNDER_WAY: Final = {"waiting": "waits", "sending": "waits"}


@dataclass(frozen=True, slots=True)
class Fate:
    """What the ledger says of one message: its outcome, and a word of the table for every provider that subscribes to it."""

    outcome: str
    words: Mapping[str, str]
    rules: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        """Nothing is still to happen."""
        return bool(self.outcome) and "waits" not in self.words.values()


def fate(life: Mapping[str, Any], *, is_repeat: bool) -> Fate:
    """The fate in one message's life (``hub trace``), or in that of its repeat."""
    if is_repeat:
        return Fate(Outcome.REPEAT if life.get("repeats") else "", {})
    told = {r["recipient"]: _word(r) for r in life.get("recipients", ()) if r["decision"]["subscription"]}
    return Fate(life.get("outcome", ""), {p: word for p, (word, _) in told.items()}, {p: rule for p, (_, rule) in told.items()})


def _word(recipient: Mapping[str, Any]) -> tuple[str, str]:
    """The table's word for one recipient, and the rule that decided last."""
    decision, state = recipient["decision"], recipient["delivery"]["state"]
    if decision["result"] == Result.DENY:
        return "withheld" if decision["rule"] == Rule.LOCKED else "denied", decision["rule"]
    if state == AttemptOutcome.DELIVERED:
        return decision["detail"], decision["rule"]
    if state == AttemptOutcome.WITHHELD:
        return "stopped", recipient["receipt"]["code"]
    return _UNDER_WAY.get(state, state), decision["rule"]


def differences(step: Message, found: Fate, control_id: str, inboxes: Mapping[str, Sequence[bytes]]) -> Iterator[str]:
    """One line for each thing that is not as the table says; none when all held."""
    expected = dict(zip(PROVIDERS, EXPECTED[step.key], strict=True))
    if found.outcome != OUTCOMES.get(step.key, "routed"):
        yield f"{step.key}: the ledger says {found.outcome or 'nothing'}, expected {OUTCOMES.get(step.key, 'routed')}"
    for provider, wanted in expected.items():
        said = found.words.get(provider, "-")
        if said != wanted:
            yield f"{step.key}: {provider}: the ledger says {said}, expected {wanted}"
        if step.repeat_of:
            continue  # the receivers got the first one: its own row counts it
        got = [raw for raw in inboxes[provider] if control_id in text_of(raw)]
        yield from (f"{step.key}: {provider}: {line}" for line in _wire(step, wanted, got))


def _wire(step: Message, wanted: str, got: Sequence[bytes]) -> Iterator[str]:
    """What is wrong with the bytes one receiver got of one message."""
    if wanted not in _DELIVERED:
        if got:
            yield f"got {len(got)} messages on the wire, expected none"
        return
    if len(set(got)) != 1:
        yield f"got {len(set(got))} different messages on the wire, expected one"
        return
    text = text_of(got[0])
    if PEOPLE[step.patient].family not in text:
        yield "the patient's name did not arrive whole"
    has_clinical = CLINICAL in text
    if has_clinical != (wanted == "full" and step.type in HAS_CLINICAL):
        yield "clinical content arrived and should not have" if has_clinical else "clinical content is missing"


def text_of(raw: bytes) -> str:
    """Everything there is to read in a message: v2 in its declared encoding, a Bundle with its attachments decoded."""
    if raw.startswith(b"{"):
        bundle = json.loads(raw)
        return "\n".join((json.dumps(bundle, ensure_ascii=False), *_attachments(bundle)))
    return raw.decode("iso-8859-1" if b"|8859/1" in raw.split(b"\r", 1)[0] else "utf-8")


def _attachments(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        data = node.get("data")
        if isinstance(data, str):
            try:
                yield base64.b64decode(data, validate=True).decode("utf-8", "replace")
            except binascii.Error:
                yield data
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _attachments(part)


def messages() -> tuple[Message, ...]:
    """The messages of the day, in order."""
    return tuple(step for step in DAY if isinstance(step, Message))
