"""The samples there and back: how many of their leaves come back, and why the others do not, as tables."""

from functools import cache

from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.message import envelope
from hub.errors import Rejected
from hub.model import Detail, Form
from tests.unit.adapters.fhir.er7.losses import Why
from tests.unit.adapters.fhir.er7.trip import Tally, compare
from tests.unit.adapters.made import RECIPIENT, fhir, hl7v2, sample_messages

EVERY = 20  # simhospital's messages are very much alike


def there_and_back(raw: bytes) -> tuple[bytes, bytes]:
    """The Bundle a message becomes, and the message that becomes."""
    bundle = hl7v2(raw).render(Form.FHIR, Detail.FULL, RECIPIENT)
    return bundle, fhir(bundle).render(Form.HL7V2, Detail.FULL, RECIPIENT)


@cache
def samples() -> tuple[Tally, int]:
    """What became of the leaves of all samples that are translated both ways, and how many messages those are."""
    tally, translated = Tally(), 0
    for n, (name, raw) in enumerate(sample_messages()):
        if name.startswith("simhospital") and n % EVERY:
            continue
        try:
            if envelope(raw).trigger not in KINDS:
                continue
            after = there_and_back(raw)[1]
        except Rejected:
            continue
        translated += 1
        compare(raw, after, name, tally)
    return tally, translated


def table() -> str:
    """The figures, then each reason for a loss with how many leaves it has."""
    tally, translated = samples()
    rows = [
        (f"**leaves that the maps carry, in {translated} messages**", tally.total, ""),
        ("come back", tally.back, f"{tally.back / tally.total:.1%}"),
        ("come back, of those that 2.5.1 has a place for", tally.back, f"{tally.back / tally.holdable:.1%}"),
        *((f"do not: {why.value}", tally.lost_by(why), f"{tally.lost_by(why) / tally.total:.1%}") for why in Why),
        ("do not, for no reason", sum(map(len, tally.unexplained.values())), ""),
    ]
    reasons = [f"| {why.value} | {reason} | {n} |" for (why, reason), n in sorted(tally.lost.items(), key=lambda i: (i[0][0].name, -i[1]))]
    figures = [f"| {what} | {n} | {share} |" for what, n, share in rows]
    head = ("| leaves | | share |", "|---|--:|--:|")
    return "\n".join((*head, *figures, "", "| why a leaf does not come back | | leaves |", "|---|---|--:|", *reasons))
