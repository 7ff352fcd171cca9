"""A Bundle as bytes, whatever was known of it before."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.bundle import Written, filtered, to_bytes, written
from hub.model import Detail

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20).filter(lambda s: not s.startswith("\x00"))
VALUES = st.recursive(
    st.one_of(TEXTS, st.booleans(), st.integers(-9, 9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
RESOURCES = st.dictionaries(TEXTS.filter(lambda key: key != "id"), VALUES, min_size=1, max_size=4)


@given(st.lists(st.tuples(RESOURCES, st.booleans()), max_size=4))
def test_what_was_written_before_is_written_the_same(resources: list[tuple[dict[str, Any], bool]]) -> None:
    entries = []
    for n, (resource, is_known) in enumerate(resources):
        made: dict[str, Any] = Written(resource) if is_known else dict(resource)
        if isinstance(made, Written):
            made.text = written(resource)
        made["id"] = f"0-{n}"
        entries.append({"fullUrl": f"urn:uuid:0-{n}", "resource": made})
    bundle = {"resourceType": "Bundle", "id": "b", "entry": entries}
    assert to_bytes(bundle) == json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_resource_that_is_changed_is_written_anew() -> None:
    made = Written({"resourceType": "Location", "name": "Ward"})
    made.text = written({"resourceType": "Location", "name": "Ward"})
    made["id"] = "1"
    made.text = ""
    made["status"] = "active"
    data = json.loads(to_bytes({"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1", "resource": made}]}))
    assert data["entry"][0]["resource"] == {"resourceType": "Location", "name": "Ward", "id": "1", "status": "active"}


def test_numbers_keep_the_digits_they_were_written_with() -> None:
    data = to_bytes({"resourceType": "Bundle", "entry": [{"resource": {"value": "\x00n5.400"}}]})
    assert data == b'{"resourceType":"Bundle","entry":[{"resource":{"value":5.400}}]}'


@pytest.mark.parametrize("odd", [[], {}, ["x"], {"x": "CANARY"}, 7, None, True])
@pytest.mark.parametrize("key", ["system", "code"])
def test_a_label_that_is_no_label_is_left_out_whatever_it_is(key: str, odd: object) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"} | {key: odd}
    header = {"resourceType": "MessageHeader", "meta": {"security": [label], "tag": [label]}}
    made = filtered({"resourceType": "Bundle", "type": "message", "entry": [{"resource": header}]}, Detail.MINIMAL, "e")
    assert "CANARY" not in json.dumps(made)
    for coding in made["entry"][0]["resource"].get("meta", {}).get("security", []):
        assert all(isinstance(value, str) for value in coding.values())
