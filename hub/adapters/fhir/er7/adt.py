"""Patient administration: ADT. Which segments a structure has, and in what order, is a table; what is in them is the segments' own."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.fhir.er7 import roles
from hub.adapters.fhir.er7.clinical import al1, dg1, iam, pr1
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.header import evn
from hub.adapters.fhir.er7.insurance import in1
from hub.adapters.fhir.er7.kin import nk1
from hub.adapters.fhir.er7.observation import Results
from hub.adapters.fhir.er7.patient import has_retired_account, mrg, others, pd1, pid
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2

# HL7 2.5.1 chapter 3.3; a "?" where the structure does without; the segments the hub has no source for are left out
SHAPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ADT_A01": "PID PD1 ROL NK1 PV1 PV2 ROL2 OBX AL1 DG1 PR1 IN1",
        "ADT_A02": "PID PD1 ROL PV1 PV2 ROL2 OBX",
        "ADT_A03": "PID PD1 ROL NK1 PV1 PV2 ROL2 AL1 DG1 PR1 OBX IN1",
        "ADT_A05": "PID PD1 ROL NK1 PV1 PV2 ROL2 OBX AL1 DG1 PR1 IN1",
        "ADT_A06": "PID PD1 ROL MRG? NK1 PV1 PV2 ROL2 OBX AL1 DG1 PR1 IN1",
        "ADT_A09": "PID PD1 PV1 PV2 OBX DG1",
        "ADT_A12": "PID PD1 PV1 PV2 OBX",
        "ADT_A15": "PID PD1 ROL PV1 PV2 ROL2 OBX DG1",
        "ADT_A16": "PID PD1 ROL NK1 PV1 PV2 ROL2 OBX AL1 DG1 PR1 IN1",
        "ADT_A18": "PID PD1 MRG PV1",
        "ADT_A21": "PID PD1 PV1 PV2 OBX",
        "ADT_A24": "PID PD1 PV1? PID2",
        "ADT_A30": "PID PD1 MRG",
        "ADT_A37": "PID PD1 PV1? PID2",
        "ADT_A38": "PID PD1 PV1 PV2 OBX DG1",
        "ADT_A39": "PID PD1 MRG PV1?",
        "ADT_A45": "PID PD1 MRG PV1",
        "ADT_A60": "PID PV1? PV2 IAM",
    }
)


def _observations(copy: Copy) -> list[str]:
    """The observations; ADT has OBX without notes."""
    found = Results(copy.entries).alone()
    alone = [line for line in found if line.startswith("OBX")]
    return [f"OBX|{n}|{line[4:].partition('|')[2]}" for n, line in enumerate(alone, 1)]


def _merged_visit(copy: Copy) -> list[str]:
    return [mrg(copy)] if others(copy) or copy.event.merged or has_retired_account(copy) else []


SEGMENTS: Final[Mapping[str, Callable[[Copy], list[str]]]] = MappingProxyType(
    {
        "PID": lambda copy: [pid(copy)],
        "PID2": lambda copy: [pid(copy, other) for other in others(copy)[:1]],
        "PD1": pd1,
        "ROL": lambda copy: list(roles.of_patient(copy)),
        "ROL2": lambda copy: list(roles.of_visit(copy)),
        "MRG": lambda copy: [mrg(copy)],
        "MRG?": _merged_visit,
        "NK1": nk1,
        "PV1": pv1,
        "PV1?": lambda copy: pv1(copy, is_required=False),
        "PV2": pv2,
        "OBX": _observations,
        "AL1": al1,
        "IAM": iam,
        "DG1": dg1,
        "PR1": pr1,
        "IN1": in1,
    }
)


def segments(copy: Copy, trigger: Trigger) -> Iterator[str]:
    """EVN and the segments of the structure."""
    yield evn(copy, trigger)
    for name in SHAPES[trigger.structure].split():
        yield from SEGMENTS[name](copy)
