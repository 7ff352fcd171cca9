"""How resources get into the Bundle: ids by place, one resource for one text, and segments cut once."""

import json

import pytest

from hub.adapters.bundle import Written, to_bytes
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.mappings import actors
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, apply

RAW = "MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5\rPV1|1|I|W^1\rNTE|1||a\rNTE|2||b\r"


def draft(raw: str = RAW) -> Draft:
    content = Content(Er7.from_bytes(raw.encode()))
    return Draft("01234567-89ab-8def-8123-456789abcdef", content, content.text, "A01")


def test_an_id_is_the_message_s_and_the_place_s() -> None:
    one, two = draft(), draft()
    references = [one.add(f"OBX[{n}]", {"resourceType": "Observation"})["reference"] for n in range(500)]
    assert len(set(references)) == 500
    assert len({r[:33] for r in references}) == 1  # the message's part
    assert two.add("OBX[7]", {"resourceType": "Observation"})["reference"] == references[7]  # whatever stands around it


def test_places_that_would_share_an_id_are_told_apart() -> None:
    made = draft()
    first, second = (made.add("PID", {"resourceType": "Patient"}) for _ in range(2))
    assert first != second


def test_the_same_words_are_the_same_resource() -> None:
    made = draft()
    one, again = (made.linked(actors.xcn, "7^Lund^Kari", place) for place in ("a", "b"))
    other = made.linked(actors.xcn, "8^Lund^Kari", "c")
    assert one is again
    assert (one["reference"] != other["reference"], one["display"]) == (True, "Kari Lund")
    assert made.linked(actors.xcn, "^^", "d") == {}
    assert len(made.entries) == 2


def test_one_message_s_change_is_no_other_s() -> None:
    first, second = draft(), draft()
    reference = first.linked(actors.xon, "Ward^^^^^^^^^5", "a")
    first.resource(reference)["address"] = [{"city": "Oslo"}]
    assert "Oslo" in to_bytes({"resourceType": "Bundle", "entry": first.entries}).decode()
    second.linked(actors.xon, "Ward^^^^^^^^^5", "a")
    (resource,) = (e["resource"] for e in second.entries)
    assert "address" not in resource
    assert isinstance(resource, Written)
    assert json.loads(to_bytes({"resourceType": "Bundle", "entry": second.entries}))["entry"][0]["resource"] == resource


@pytest.mark.parametrize("size", [1, 100])
def test_segments_are_found_whether_or_not_all_are_cut(size: int) -> None:
    content = Content(Er7.from_bytes((RAW + "ZZZ|1\r" * size).encode()))
    assert [s.field(3) for s in content.segments("NTE")] == ["a", "b"]
    assert content.segment("OBX") is None
    assert content.segments("OBX") == []
    assert content.has("OBX", "PV1")
    assert not content.has("OBX")
    assert [s.name for s in content][:4] == ["MSH", "PV1", "NTE", "NTE"]
    assert [s.field(3) for s in content.segments("NTE")] == ["a", "b"]
    assert content.segment("OBX") is None
    assert content.has("NTE")
    assert content.value("PV1", 3) == "W"


def test_rows_write_what_is_there_and_nothing_else() -> None:
    made = draft('MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5\rZZZ|a~b|""|x|0\r')
    segment = made.content.segment("ZZZ")
    assert segment
    rows = (
        Row(1, "many", lambda raw, _: raw, many=True),
        Row(1, "first", lambda raw, _: raw),
        Row(2, "null", lambda raw, _: raw),
        Row(3, "deep.er", lambda raw, _: raw),
        Row(3, "false", lambda _, __: False),
        Row(3, "nothing", lambda _, __: {}),
        Row(9, "beyond", lambda raw, _: raw),
        Link(3, "who", actors.xcn, lambda reference: {"actor": reference["reference"][:9]}),
    )
    assert apply(rows, segment, {}, made, "ZZZ") == {
        "many": ["a", "b"], "first": "a", "deep": {"er": "x"}, "false": False, "who": [{"actor": "urn:uuid:"}],
    }  # fmt: skip
