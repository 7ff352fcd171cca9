"""Which segment belongs to which."""

from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.mappings.groups import MESSAGE, Node, grammar, grouped, order
from tests.unit.adapters.made import content

RULES = grammar(
    message="PID ORC OBR OBX", ORC="OBR:ITS_OBR! NTE OBX", OBR="ORC:ITS_ORC< NTE OBX SPM", ITS_OBR="NTE OBX", ITS_ORC="NTE OBX", OBX="NTE",
    SPM="OBX:OF_SPECIMEN",
)  # fmt: skip


def shape(node: Node) -> list[object]:
    """Kinds as nested lists: a name, and behind it what is under it."""
    return [part for c in node.children for part in ([c.kind] + ([shape(c)] if c.children else []))]


def grown(*segments: str) -> list[object]:
    return shape(grouped(content(*segments), RULES))[1:]  # without the patient


def test_a_comment_belongs_to_the_segment_before_it() -> None:
    assert grown("ORC|RE", "NTE|1", "OBR|1", "NTE|1", "OBX|1", "NTE|1", "NTE|2", "OBX|2") == [
        "ORC", ["NTE", "ITS_OBR", ["NTE", "OBX", ["NTE", "NTE"], "OBX"]],
    ]  # fmt: skip


def test_each_order_has_its_own_results() -> None:
    assert grown("ORC|RE", "OBR|1", "OBX|1", "OBR|2", "OBX|1", "OBX|2", "ORC|RE", "OBR|3") == [
        "ORC", ["ITS_OBR", ["OBX"]], "OBR", ["OBX", "OBX"], "ORC", ["ITS_OBR"],
    ]  # fmt: skip


def test_what_stands_right_behind_belongs_there_and_later_it_opens_a_group() -> None:
    assert grown("OBR|1", "ORC|RE", "OBX|1", "OBR|2", "ORC|RE", "OBR|3") == ["OBR", ["ITS_ORC", ["OBX"]], "OBR", ["ITS_ORC"], "OBR"]
    assert grown("ORC|RE", "OBR|1", "ORC|RE", "OBR|2") == ["ORC", ["ITS_OBR"], "ORC", ["ITS_OBR"]]


def test_a_segment_may_go_under_a_taker_as_another_kind() -> None:
    assert grown("OBR|1", "SPM|1", "OBX|1") == ["OBR", ["SPM", ["OF_SPECIMEN"]]]


def test_what_nobody_takes_closes_nothing() -> None:
    assert grown("OBR|1", "OBX|1", "ZZZ|1", "NTE|1", "QQQ", "OBX|2") == ["OBR", ["OBX", ["NTE"], "OBX"]]


def test_a_place_is_the_segment_s_own_in_the_message() -> None:
    root = grouped(content("ZZZ|1", "OBR|1", "OBX|1"), RULES)
    obr = root.children[1]
    assert (root.kind, obr.place, obr.children[0].place) == (MESSAGE, "OBR[3]", "OBX[4]")
    assert obr.first("OBX") is obr.children[0].segment
    assert obr.first("NTE") is None


def test_an_order_is_its_pair_whichever_comes_first() -> None:
    for first, second in (("ORC|RE|P1", "OBR|1|P1"), ("OBR|1|P1", "ORC|RE|P1")):
        made = order(grouped(content(first, second, "NTE|1", "OBX|1"), RULES).children[1])
        assert made.orc is not None
        assert made.obr is not None
        assert (made.orc.name, made.obr.name, [p.kind for p in made.parts]) == ("ORC", "OBR", ["NTE", "OBX"])


def test_an_order_may_be_half_a_pair() -> None:
    half = order(grouped(content("OBR|1", "OBX|1"), RULES).children[1])
    assert half.orc is None
    assert [p.kind for p in half.each("OBX")] == ["OBX"]


@given(st.lists(st.sampled_from(["ORC|1", "OBR|1", "OBX|1", "NTE|1", "SPM|1", "ZZZ|1"]), max_size=20))
def test_every_segment_is_placed_once_at_most_and_in_order(segments: list[str]) -> None:
    def places(node: Node) -> list[int]:
        own = [int(node.place[4:-1])] if node.kind != MESSAGE else []
        return [*own, *(n for c in node.children for n in places(c))]

    seen = places(grouped(content(*segments), RULES))
    assert seen == sorted(set(seen))
