import pytest

from hub.adapters.fhir.er7.media import attached, media_type, plain_text


@pytest.mark.parametrize(
    ("content_type", "told"),
    [
        ("application/pdf", ("AP", "PDF")),
        ("image/jpeg; q=1", ("IM", "JPEG")),
        ("text/plain", ("TEXT", "plain")),
        ("application/postscript", ("AP", "PostScript")),
        ("application/a&b", ("AP", "a\\T\\b")),
        ("", ("", "")),
    ],
)
def test_media_types_are_those_of_tables_0191_and_0291(content_type: str, told: tuple[str, str]) -> None:
    assert media_type(content_type) == told


def test_what_is_there_is_told_whole_and_what_is_elsewhere_by_its_address() -> None:
    assert attached({"contentType": "application/pdf", "data": "aGVp"}) == ("ED", "^AP^PDF^Base64^aGVp", "")
    assert attached({"contentType": "application/pdf", "url": "https://x.no/a?b&c"}) == ("RP", "https://x.no/a?b\\T\\c^^AP^PDF", "")
    assert attached({"data": "aGVp"}) == ("ED", "^AP^Octet-stream^Base64^aGVp", "")


@pytest.mark.parametrize("data", ["aGV", "a|b=", "a\rb=", ""])
def test_what_is_no_base64_is_not_told(data: str) -> None:
    assert attached({"contentType": "application/pdf", "data": data}) == ("", "", "")


def test_a_plain_text_is_its_words() -> None:
    assert plain_text({"contentType": "text/plain; charset=UTF-8", "data": "SGVpIMOl"}) == "Hei å"
    assert plain_text({"contentType": "text/plain; charset=latin1", "data": "SGVp"}) == ""
    assert plain_text({"contentType": "text/html", "data": "SGVp"}) == ""
    assert plain_text({"contentType": "text/plain", "data": "/w=="}) == ""
