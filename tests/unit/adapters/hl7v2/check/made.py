"""A message nobody has anything against, to be spoiled by the tests."""

from hub.adapters.finding import Finding
from hub.adapters.hl7v2.check.judge import judge
from hub.adapters.profile import Terms

MSH = "MSH|^~\\&|DIPS|STOLAV|HUB|REGION|20261120083015+0100||ADT^A01^ADT_A01|C-1|P|2.5.1||||||UNICODE UTF-8"
EVN = "EVN||20261120083015+0100||||20261120082500+0100"
PID = (
    "PID|1||13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~A77^^^STOLAV&2.16.578.1.99.1&ISO^MR||Bjørnstad^Åse^Ødegård^^^^L||19691113|F|||"
    "Søndre gate 12^^Trondheim^^7011^NOR^H^^5001||90000001^PRN^CP"
)
PD1 = "PD1||||9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO"
PV1 = (
    "PV1|1|I|MED3^301^2^STOLAV||||9144889^Lund^Kari||||||||||||V77^^^STOLAV|||||||||||||||||||||||||20261120082500+0100|20261125120000+0100"
)
GOOD = (MSH, EVN, PID, PD1, PV1)
OBR = "OBR|1||L-1|24323-8^Panel^LN"


def raw(*segments: str, encoding: str = "utf-8", end: str = "\r") -> bytes:
    """A message of these segments."""
    return "".join(f"{s}{end}" for s in segments).encode(encoding)


def with_field(segment: str, n: int, text: str) -> str:
    """A segment with one field written anew."""
    fields = segment.split("|")
    n -= segment.startswith("MSH")
    fields += [""] * (n + 1 - len(fields))
    fields[n] = text
    return "|".join(fields)


def spoiled(*changes: tuple[str, int, str]) -> bytes:
    """The good message with fields written anew: (segment, field, text)."""
    segments = list(GOOD)
    for name, n, text in changes:
        at = next(i for i, s in enumerate(segments) if s.startswith(name))
        segments[at] = with_field(segments[at], n, text)
    return raw(*segments)


def found(message: bytes, terms: Terms | None = None) -> dict[str, Finding]:
    """code at place -> finding."""
    return {f"{f.code} {f.place}": f for f in judge(message, terms or Terms()).findings}
