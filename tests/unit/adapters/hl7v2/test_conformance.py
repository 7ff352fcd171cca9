"""The standard by version: structures of events, fields by their numbers, tables."""

import pytest

from hub.adapters.hl7v2.conformance import VERSIONS, standard
from hub.adapters.hl7v2.mappings import KINDS


def test_every_event_the_hub_carries_has_a_structure_in_2_5_1() -> None:
    assert [trigger for trigger in KINDS if not standard("2.5.1").structure_of(trigger)] == []


@pytest.mark.parametrize(
    ("version", "trigger", "structure"),
    [
        ("2.5.1", "ADT^A04", "ADT_A01"), ("2.5.1", "ADT^A40", "ADT_A39"), ("2.5.1", "MDM^T11", "MDM_T01"), ("2.3", "ADT^A28", "ADT_A01"),
        ("2.1", "ADT^A08", "ADT_A08"), ("2.8", "ADT^A34", ""), ("2.8", "ORM^O01", ""), ("2.5.1", "ADT^A99", ""),
        ("2.3", "ADT^A15", "ADT_A09"), ("2.5.1", "SIU^S15", "SIU_S12"), ("2.3.1", "SIU^S26", "SIU_S12"),
    ],
)  # fmt: skip
def test_the_structure_of_an_event(version: str, trigger: str, structure: str) -> None:
    assert standard(version).structure_of(trigger) == structure


@pytest.mark.parametrize(("declared", "held"), [("2.9", "2.8.2"), ("2.7.1", "2.7"), ("2.5.1", "2.5.1"), ("2.1", "2.1"), ("2.3.2", "2.3.1")])
def test_a_version_that_is_not_held_is_judged_by_the_one_before(declared: str, held: str) -> None:
    assert standard(declared).version == held


def test_withdrawn_fields_keep_the_numbers_of_the_others_right() -> None:
    evn = standard("2.8").fields("EVN")
    assert (evn[0].high, evn[1].datatype) == (0, "DTM")
    assert standard("2.5.1").fields("EVN")[0].high == 1


def test_all_segments_and_structures_of_every_version_can_be_read() -> None:
    for version in VERSIONS:
        held = standard(version)
        for name in held._elements["Segment"]:
            assert held.fields(name) is not None
        for name in held._elements["Message"]:
            node = held.structure(name)
            assert node is not None
            assert node.inside >= node.first
