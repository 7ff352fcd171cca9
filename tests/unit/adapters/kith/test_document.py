"""Whatever arrives as XML, only ``Rejected`` comes out, soon; nothing outside the document is ever asked for."""

import timeit
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.kith import message, receipt, reply
from hub.adapters.kith.document import ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, parse
from hub.adapters.kith.translate import KithMessage
from hub.errors import Reason, Rejected
from hub.model import Detail, Form, Refusal
from tests.unit.adapters.kith.made import FNR, dialog, logistics, received
from tests.unit.adapters.made import RECEIVED_US, RECIPIENT, SAMPLES

SECONDS_MAX = 1.0  # of 100 kB: ten times the goal, so that a busy machine fails no honest reader
KILOBYTES = 100_000


def refusal(raw: bytes) -> Rejected:
    with pytest.raises(Rejected) as caught:
        parse(raw)
    assert FNR not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("encoding", ["UTF-8", "utf-8", "ISO-8859-1", "iso-8859-15", "windows-1252"])
def test_norwegian_letters_in_every_declared_encoding(encoding: str) -> None:
    root, codec = parse(logistics("LOG_INNLAGT", encoding=encoding))
    assert root.text("MsgInfo", "Patient", "FamilyName") == "Bjørnstad"
    assert root.text("MsgInfo", "Patient", "GivenName") == "Åse"
    assert root.text("MsgInfo", "Sender", "Organisation", "Organisation", "OrganisationName").endswith("Østmarka")
    assert "ø".encode(codec) in logistics("LOG_INNLAGT", encoding=encoding)


def test_without_a_declaration_it_is_utf_8_with_or_without_its_mark() -> None:
    bare = logistics("LOG_INNLAGT").partition(b"?>")[2]
    for raw in (bare, b"\xef\xbb\xbf" + bare, b"\xef\xbb\xbf" + logistics("LOG_INNLAGT"), b"\r\n" + logistics("LOG_INNLAGT")):
        assert parse(raw)[0].text("MsgInfo", "Patient", "GivenName") == "Åse"


@pytest.mark.parametrize(
    "raw",
    [
        logistics("LOG_INNLAGT").decode().encode("utf-16"),
        logistics("LOG_INNLAGT").decode().encode("utf-16-be"),
        logistics("LOG_INNLAGT").decode().encode("utf-16-le"),
        logistics("LOG_INNLAGT").decode().encode("utf-32"),
        logistics("LOG_INNLAGT", encoding="ISO-8859-1").replace(b"ISO-8859-1", b"UTF-8"),
        logistics("LOG_INNLAGT").replace(b'"UTF-8"', b'"utf-7"'),
        logistics("LOG_INNLAGT").replace(b'"UTF-8"', b'"x-unknown"'),
        b"\xef\xbb\xbf" + logistics("LOG_INNLAGT", encoding="ISO-8859-1"),
    ],
)
def test_bytes_that_are_not_what_they_say_are_refused(raw: bytes) -> None:
    assert refusal(raw).reason is Reason.BAD_ENCODING


LAUGHS = b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    "raw",
    [
        LAUGHS,
        b"<!doctype a><a/>",
        b"<!\n DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY % d SYSTEM "http://127.0.0.1:1/x"> %d;]><a/>',
        logistics("LOG_INNLAGT").replace(b"<MsgHead", b"<!-- <!DOCTYPE --><MsgHead", 1),  # not even in a comment: no reader could differ
    ],
)
def test_a_document_type_is_refused_before_anything_is_read(raw: bytes) -> None:
    assert refusal(raw).reason is Reason.UNSAFE_XML


@pytest.mark.parametrize(
    "raw",
    [b"", b"<", b"<a>", b"</a>", b"<a></b>", b"<a>&unknown;</a>", b"<a>&#0;</a>", b"<a>\x01</a>", b"<a/><b/>", b"<a x='1' x='2'/>", b"text",
     b"<p:a/>", b'<a xmlns:p=""><p:b/></a>', b"<a><![CDATA[</a>"],
)  # fmt: skip
def test_what_is_not_well_formed_is_refused_with_its_line(raw: bytes) -> None:
    found = refusal(raw)
    assert (found.reason, found.where.startswith("line ")) == (Reason.BAD_XML, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"<a>" * (DEPTH_MAX + 1) + b"</a>" * (DEPTH_MAX + 1),
        b"<a>" + b"<b/>" * ELEMENTS_MAX + b"</a>",
        b"<a " + b" ".join(b'x%d="1"' % n for n in range(ATTRIBUTES_MAX + 1)) + b"/>",
    ],
)
def test_what_is_too_deep_too_long_or_too_wide_is_refused(raw: bytes) -> None:
    assert refusal(raw).reason is Reason.TOO_COMPLEX


def test_the_limits_themselves_are_taken() -> None:
    parse(b"<a>" * DEPTH_MAX + b"</a>" * DEPTH_MAX)
    parse(b"<a>" + b"<b/>" * (ELEMENTS_MAX - 1) + b"</a>")


def everything(raw: bytes) -> None:
    """Every way in which bytes of a sender are read."""
    for read in (message.envelope, receipt.read):
        try:
            read(raw)
        except Rejected as exc:
            assert FNR not in str(exc)
            reply.acknowledge(raw, reply.verdict(Refusal(exc.reason, exc.where)), RECEIVED_US)
    try:
        taken = KithMessage(received(raw))
        taken.event()
        for form in (Form.FHIR, Form.KITH):
            for detail in Detail:
                taken.render(form, detail, RECIPIENT)
    except Rejected:
        pass


def sources() -> list[bytes]:
    own = [logistics("LOG_UTSKREVET"), logistics("LOG_INNLAGT", encoding="ISO-8859-1"), dialog(), dialog(theme="7")]
    return own + [p.read_bytes() for p in sorted((SAMPLES / "kith").rglob("*.xml"))]


SOURCES = sources()
PIECES = (b"<", b"&", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<?x?>", b'"', b"\0", b"\xff", b"&#x0;", b"&#xD800;", b"<a>", b"</a>",
          b'V=""',
          b"2.16.578.1.12.4.1.1.7322", b"<MsgInfo>", b"</MsgInfo>", b" xmlns=''", b"\xe6", b">")  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_spoiled_messages_never_end_in_anything_but_a_refusal(seed: int, changes: int) -> None:
    random = Random(seed)
    raw = bytearray(random.choice(SOURCES))
    for _ in range(changes):
        at, length = random.randrange(len(raw) + 1), random.choice((0, 1, 1, 5, 50, 500))
        raw[at : at + length] = random.choice((random.choice(PIECES), raw[at : at + length] * 2, random.randbytes(3), b""))
    everything(bytes(raw))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_at_all(raw: bytes) -> None:
    everything(raw)


def filled(before: bytes, part: bytes, after: bytes) -> bytes:
    """100 kB of one thing repeated."""
    return before + part * ((KILOBYTES - len(before) - len(after)) // len(part)) + after


MANY = '<TeleCom><TeleAddress V="tel:1"/></TeleCom>'


@pytest.mark.parametrize(
    "raw",
    [
        filled(b"<a>", b"<b/>", b"</a>"),
        filled(b"<a>", b"x&amp;", b"</a>"),
        filled(b"<a>", b"&#120;", b"</a>"),
        filled(b"<a>", b"<!---->", b"</a>"),
        filled(b"<a>", b"<?p?>", b"</a>"),
        filled(b"<a>", b"<![CDATA[]]>", b"</a>"),
        filled(b"<a b='", b"&lt;", b"'/>"),
        filled(b"<a>", b"<b xmlns='urn:x'/>", b"</a>"),
        filled(b"<a>", b"<a ", b""),
        filled(b"", b"<!", b""),
        filled(b"<?xml ", b" ", b"?><a/>"),
        filled(b"<a>", b"]", b"</a>"),
        logistics("LOG_INNLAGT").replace(b"</TeleCom>\n    </Patient>", b"</TeleCom>" + MANY.encode() * 2000 + b"</Patient>"),
        dialog(text="<p>a</p>" * 12_000),
        dialog().replace(b"JVBERi0xLjQgLi4u", b"QUJD" * 25_000),
    ],
)
def test_100_kb_take_nobody_hostage(raw: bytes) -> None:

    def read() -> None:
        with suppress(Rejected):
            message.envelope(raw)

    spent = timeit.repeat(read, number=1, repeat=5)  # without the collector, which would look through the whole test run
    everything(raw)
    assert min(spent) < SECONDS_MAX * max(1, len(raw) / KILOBYTES)
