"""Documents inside a message and outside it."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.mappings import media
from tests.unit.adapters.made import content

T = content().text


@given(st.binary(min_size=1, max_size=300))
def test_base64_comes_out_as_it_went_in_and_hexadecimal_as_the_same_bytes(data: bytes) -> None:
    text = b64encode(data).decode()
    assert media.ed(f"^AP^pdf^Base64^{text}", T) == {"data": text, "contentType": "application/pdf"}
    assert b64decode(media.ed(f"^AP^pdf^Hex^{data.hex()}", T)["data"]) == data


@given(st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="^&~\\|"), min_size=1, max_size=30))
def test_whatever_else_it_is_comes_out_as_base64_of_its_text(text: str) -> None:
    for encoding in ("A", "", "BASE64", "HEX"):
        found = media.ed(f"^TX^plain^{encoding}^{text}", T)["data"]
        assert b64decode(found, validate=True)
        if encoding in {"A", ""}:
            assert b64decode(found).decode() == text


@pytest.mark.parametrize("text", ["QUJD", "QUI=", "QQ=="])
def test_white_space_in_base64_is_no_part_of_it(text: str) -> None:
    spaced = f"{text[:2]} {text[2:]}"
    assert media.ed(f"^AP^pdf^Base64^{spaced}", T)["data"] == text


@pytest.mark.parametrize("raw", ["", "^AP^pdf^Base64", "^AP^pdf^Base64^", '^AP^pdf^Base64^""'])
def test_without_data_there_is_no_document(raw: str) -> None:
    assert media.ed(raw, T) == {}


def test_what_stands_behind_the_data_is_no_part_of_them() -> None:
    assert media.ed("^AP^pdf^Base64^QUJD^more", T)["data"] == "QUJD"


@pytest.mark.parametrize(
    ("kind", "subtype", "expected"),
    [("AP", "PDF", "application/pdf"), ("IM", "jpg", "image/jpeg"), ("text", "x-hl7", "text/x-hl7"), ("TX", "", ""),
     ("", "pdf", "application/pdf"), ("image/png", "", "image/png"), ("??", "??", ""), ("TX", "a b", "")],
)  # fmt: skip
def test_media_types(kind: str, subtype: str, expected: str) -> None:
    assert media.media_type(kind, subtype) == expected
