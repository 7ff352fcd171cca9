"""Where somebody is told of something: a mailbox or an address that can be called, and nothing that looks like one."""

import pytest

from hub.addresses import can_be_told, contact


@pytest.mark.parametrize("text", ["", "mailto:vakt@stolav.example", "https://stolav.example/vakt", "http://127.0.0.1:1/"])
def test_a_contact(text: str) -> None:
    assert contact(text) == text


@pytest.mark.parametrize(
    "text",
    ["Ola", "vakt@stolav.example", "mailto:", "mailto:vakt", "mailto:a@b.example,c@d.example", "mailto:a@b.example?bcc=c@d.example",
     "mailto:a@b.example\r\nBcc: c@d.example", "ftp://stolav.example/", "https://", "https://a b/", "javascript:alert(1)"],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        contact(text)


@pytest.mark.parametrize(
    ("text", "smtp", "expected"),
    [("", "mail:25", False), ("mailto:a@b.example", "mail:25", True), ("mailto:a@b.example", "", False), ("https://a.example/", "", True)],
)
def test_a_mailbox_needs_a_mail_server(text: str, smtp: str, *, expected: bool) -> None:
    assert can_be_told(text, smtp) is expected
