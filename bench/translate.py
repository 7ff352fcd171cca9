"""What translation costs: microseconds a message for the event, the Bundle's bytes, and the readdressed copy. JSON lines.

    python bench/translate.py [ROUNDS]

Each figure is the median of five runs of ROUNDS messages (default 2000), reading the message's bytes included.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Final

from hub.adapters.hl7v2.message import envelope
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.model import Adapter, Channel, Deliver, Detail, Form, Provider, ProviderKind, Received

RUNS: Final = 5
RECIPIENT: Final = Provider("trondheim", "Trondheim kommune", ProviderKind.MUNICIPALITY, "942110464", (), Deliver(Channel.MAILBOX))
ADMISSION: Final = (
    "MSH|^~\\&|DIPS|STOLAV|HUB|REGION|20261120083015||ADT^A01^ADT_A01|BENCH-1|P|2.5.1|||AL|NE|NOR|UNICODE UTF-8\r"
    "EVN|A01|20261120083015||||20261120082500\r"
    "PID|1||13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~A1234567^^^STOLAV^MR||Bjørnstad^Åse^Ødegård^^^^L||19691113|F|||"
    "Søndre gate 12^^Trondheim^^7011^NOR^H^^5001||90000001^PRN^CP|73000000^WPN^PH||G||||||||||||||N\r"
    "PD1|||Ranheim legesenter^^^^^ENH&2.16.578.1.12.4.1.4.101&ISO^ENH^^^974749025|"
    "9144889^Lund^Kari^^^Dr.^^^HPR&2.16.578.1.12.4.1.4.4&ISO\r"
    "NK1|1|Bjørnstad^Ole|SPO^Spouse^HL70063|Søndre gate 12^^Trondheim^^7011^NOR|90000002^PRN^CP\r"
    "PV1|1|I|MED3^301^2^STOLAV|E||AKM^1^^STOLAV|9144889^Lund^Kari^^^Dr.^^^HPR&2.16.578.1.12.4.1.4.4&ISO|||MED||||7|||"
    "8765432^Berg^Nils|I|V20260001^^^STOLAV^VN|||||||||||||||||||||||||20261120082500\r"
    "PV2|||R07.4^Brystsmerter^I10||||||20261120|20261123\r"
    "AL1|1|DA|N0000005840^Penicillin^L|SV|utslett\r"
    "DG1|1||I21.9^Akutt hjerteinfarkt^I10||20261120083000|W\r"
)  # fmt: skip


def received(text: str) -> Received:
    raw = text.encode()
    head = envelope(raw)
    return Received(
        event_id="01234567-89ab-8def-8123-456789abcdef", adapter=Adapter.HL7V2, provider="st-olavs", application=head.application,
        sender=head.sender, control_id=head.control_id, trigger=head.trigger, patient_key="0" * 32, identifiers=head.identifiers,
        received_us=1_795_000_000_000_000, encoding=head.encoding, raw=raw, answer="AA",
    )  # fmt: skip


def results() -> str:
    lines = ADMISSION.split("\r")
    lines[0] = lines[0].replace("ADT^A01^ADT_A01", "ORU^R01^ORU_R01")
    tests = [f"OBX|{n}|NM|2951-2^Natrium^LN||14{n}.0|mmol/L^^UCUM|137-145|N|||F|||20261120081500" for n in range(1, 9)]
    order = ["ORC|RE|P1|F1||CM", "OBR|1|P1|F1|24323-8^Metabolsk panel^LN|||20261120081500|||||||||||||||20261120083000|||F"]
    return "\r".join([lines[0], *lines[2:6], *order, *tests, ""])


def median_us(act: Callable[[], object], rounds: int) -> float:
    runs = []
    for _ in range(RUNS):
        start = time.perf_counter()
        for _ in range(rounds):
            act()
        runs.append((time.perf_counter() - start) / rounds * 1e6)
    return round(statistics.median(runs), 1)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for name, text in (("ADT^A01", ADMISSION), ("ORU^R01", results())):
        r = received(text)
        acts: dict[str, Callable[[], object]] = {
            "event": lambda r=r: Hl7v2Message(r).event(),
            "bundle": lambda r=r: Hl7v2Message(r).render(Form.FHIR, Detail.FULL, RECIPIENT),
            "bundle_minimal": lambda r=r: Hl7v2Message(r).render(Form.FHIR, Detail.MINIMAL, RECIPIENT),
            "readdressed": lambda r=r: Hl7v2Message(r).render(Form.HL7V2, Detail.FULL, RECIPIENT),
            "v2_minimal": lambda r=r: Hl7v2Message(r).render(Form.HL7V2, Detail.MINIMAL, RECIPIENT),
        }
        for step, act in acts.items():
            print(json.dumps({"bench": "translate", "message": name, "bytes": len(r.raw), "step": step, "us": median_us(act, rounds)}))


if __name__ == "__main__":
    main()
