"""Segments against their structure: what is missing, misplaced, unknown or too many, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.check.structure import Fault, misfits
from hub.adapters.hl7v2.conformance import Node, standard


def told(structure: str, segments: str, version: str = "2.5.1") -> list[str]:
    node = standard(version).structure(structure)
    assert node is not None
    return [f"{m.fault.value} {m.name} {m.at}" for m in misfits(node, segments.split())]


@pytest.mark.parametrize(
    ("structure", "segments", "expected"),
    [
        ("ADT_A01", "MSH EVN PID PV1", []),
        ("ADT_A01", "MSH ZAA EVN PID PD1 ROL NK1 NK1 PV1 PV2 ROL ROL ZXX DG1 DG1 PR1 ROL IN1 IN2 IN1 ZYY", []),
        ("ADT_A01", "MSH EVN PV1 PID", ["misplaced PID 4"]),
        ("ADT_A01", "MSH PID PV1", ["missing EVN 2"]),
        ("ADT_A01", "MSH EVN PID PV1 PD1 PV1 XXX", ["misplaced PD1 5", "too-many PV1 6", "unknown XXX 7"]),
        ("ADT_A39", "MSH EVN PID MRG PID MRG PV1", []),
        ("ADT_A39", "MSH EVN PID PV1", ["missing MRG 4"]),
        ("ORU_R01", "MSH PID PV1 ORC OBR NTE OBX NTE OBX ORC OBR OBX SPM OBX PID OBR", []),
        ("ORU_R01", "MSH PID OBX OBR PD1 OBX", ["missing OBR 3", "misplaced PD1 5"]),
        ("ORU_R01", "MSH", ["missing OBR 2"]),
        ("ORM_O01", "MSH PID PV1 ORC OBR NTE DG1 OBX ORC RXO ORC OBR", []),
        ("ORM_O01", "MSH PID ORC OBR RXO", ["misplaced RXO 5"]),  # one of them: a choice
        ("SIU_S12", "MSH SCH PID PV1 RGS AIS AIL RGS AIP", []),
        ("SIU_S12", "MSH SCH PID AIS", ["missing RGS 4"]),
        ("MDM_T02", "MSH EVN PID PV1 TXA OBX OBX", []),
        ("REF_I12", "MSH RF1 PRD PID NK1 DG1 OBR OBX PV1", []),
    ],
)
def test_each_misfit_is_told_at_its_place(structure: str, segments: str, expected: list[str]) -> None:
    assert told(structure, segments) == expected


def _written(node: Node, data: st.DataObject) -> list[str]:
    """Segments that a structure allows, drawn at random."""
    if not node.children:
        return [node.name]
    children = [data.draw(st.sampled_from(node.children))] if node.is_choice else node.children
    names: list[str] = []
    for child in children:
        low = max(child.low, 1) if node.is_choice else child.low
        high = min(2 if child.high < 0 else child.high, low + 1)
        for _ in range(data.draw(st.integers(low, max(low, high)))):
            names += _written(child, data)
    return names


@given(st.data(), st.sampled_from(["ADT_A01", "ADT_A39", "ORU_R01", "SIU_S12", "MDM_T02", "OML_O21", "REF_I12", "BAR_P01"]))
def test_what_a_structure_allows_has_at_most_the_faults_of_reading_it_greedily(data: st.DataObject, name: str) -> None:
    """A segment that has several places is taken for the first: no segment of the structure is ever called unknown."""
    node = standard("2.5.1").structure(name)
    assert node is not None
    assert Fault.UNKNOWN not in {m.fault for m in misfits(node, _written(node, data))}


@given(st.lists(st.sampled_from(["MSH", "EVN", "PID", "PD1", "PV1", "OBX", "OBR", "ORC", "NTE", "DG1", "ROL", "ZXX", "QQQ"]), max_size=40))
def test_whatever_the_segments_an_answer_comes(names: list[str]) -> None:
    node = standard("2.5.1").structure("ORU_R01")
    assert node is not None
    found = misfits(node, names)
    assert all(1 <= m.at <= len(names) + 1 for m in found)
    assert [m for m in found if m.name == "QQQ"] == [m for m in found if m.fault is Fault.UNKNOWN and m.name == "QQQ"]
