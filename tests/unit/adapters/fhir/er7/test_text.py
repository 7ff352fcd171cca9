import string

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.fhir.er7.text import components, escape, header_segment, inner, lines, repetitions, segment, subcomponents
from hub.adapters.hl7v2.er7 import Er7


@settings(deadline=None)
@given(st.text(max_size=60))
def test_what_is_escaped_is_one_leaf_and_reads_as_it_was(said: str) -> None:
    made = escape(said)
    assert not set(made) & set("|^&~\r\n")
    raw = ("MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5.1||||||UNICODE UTF-8\rZZZ|" + made + "|end\r").encode(errors="ignore")
    kept = "".join(c for c in said.encode(errors="ignore").decode() if c >= " " or c in "\t\n").replace("\t", " ")
    segment_of = Er7.from_bytes(raw).segments("ZZZ")[0]
    assert segment_of.value(2) == "end"
    assert segment_of.value(1).strip() == kept.strip() or "\n" in said


def test_a_text_of_two_quotes_is_not_the_order_to_delete() -> None:
    assert escape('""') != '""'


def test_delimiters_and_line_ends_are_escapes() -> None:
    assert escape("a|b^c&d~e\\f\ng\th\x07") == "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\.br\\g h"


def test_empty_parts_at_the_end_are_left_out() -> None:
    assert components("a", "", "b", "", "") == "a^^b"
    assert subcomponents("a", "", "") == "a"
    assert segment("PV1", {1: "1", 3: "x", 7: ""}) == "PV1|1||x"
    assert segment("RGS", {}) == "RGS"
    assert repetitions(["a", "", "b"]) == "a~b"


def test_components_may_stand_inside_a_component() -> None:
    assert inner("a^b^c") == "a&b&c"


def test_lines_are_repetitions_and_an_empty_one_inside_stays() -> None:
    assert lines("\none \n\ntwo|\n") == "one~~two\\F\\"
    assert lines("") == ""


def test_the_header_has_its_delimiters() -> None:
    assert header_segment({3: "A", 5: "B"}) == "MSH|^~\\&|A||B"


def test_letters_are_themselves() -> None:
    assert escape(string.ascii_letters + string.digits + "æøå-.,:") == string.ascii_letters + string.digits + "æøå-.,:"
