"""What is written is read again as it was; what XML cannot hold is left out."""

from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.kith.document import parse
from hub.adapters.markup import Element, made, to_bytes

NAMES = st.sampled_from(("a", "B", "æ"))
SPACES = st.sampled_from(("", "urn:x", "http://www.kith.no/xmlstds/msghead/2006-05-24"))
LETTERS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=20)
TEXTS = st.one_of(LETTERS, st.sampled_from(("<", "&amp;", "]]>", '"', "\t\n", "\r", " ")))
ATTRIBUTES = st.dictionaries(st.sampled_from(("V", "DN", "urn:y z", "http://www.w3.org/XML/1998/namespace lang")), TEXTS, max_size=3)
ELEMENTS = st.recursive(
    st.builds(Element, SPACES, NAMES, ATTRIBUTES),
    lambda inner: st.builds(lambda s, n, a, p: Element(s, n, a, *p), SPACES, NAMES, ATTRIBUTES, st.lists(inner | TEXTS, max_size=3)),
    max_leaves=8,
)


def plain(element: Element) -> object:
    """An element as a value that can be compared: neighbouring texts are one, empty ones none."""
    parts: list[object] = []
    for part in element.parts:
        if isinstance(part, Element):
            parts.append(plain(part))
        elif parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part:
            parts.append(part)
    return element.namespace, element.name, dict(element.attributes), parts


@given(ELEMENTS)
def test_an_element_comes_back(element: Element) -> None:
    raw = to_bytes(element)
    again, codec = parse(raw)
    assert (plain(again), codec) == (plain(element), "utf-8")
    assert to_bytes(again) == to_bytes(parse(to_bytes(again))[0])


@given(st.text(max_size=30))
def test_any_text_makes_a_document(text: str) -> None:
    raw = to_bytes(made("urn:x", "a", text, V=text))
    assert parse(raw)[0].name == "a"


def test_nothing_of_it_is_shown() -> None:
    element = Element("urn:x", "a", {"V": "13116900216"}, "13116900216")
    assert "13116900216" not in repr(element)


def test_what_is_not_there_is_left_out() -> None:
    assert to_bytes(made("", "a", None, "", V="")).endswith(b"<a/>")


def test_ways_into_an_element() -> None:
    root = parse(b'<a xmlns="urn:x"><b V=" 1  2 "> x<c/>y </b><b/><d><b/></d></a>')[0]
    assert (root.text("b"), root.value("b"), root.text("d", "b"), root.value("none")) == ("xy", "1 2", "", "")
    assert len(root.all("b")) == 2
    assert len(list(root.below("b"))) == 3
    assert (root.first("d", "e"), root.words().strip(), len(root.children)) == (None, "xy", 3)
