"""A KITH message in quarantine is read again by the directory and the rules of today."""

import pytest

from hub.adapters.hl7v2.receive import Door, Rules
from hub.avro import Codec
from hub.errors import Reason, Rejected
from hub.identity import Pseudonyms
from hub.ledger.quarantine import Content
from hub.model import Adapter, Channel, Deliver, Provider, ProviderKind
from hub.routing.directory import Directory
from hub.stream.reread import Means, reread
from tests.unit.adapters.kith.made import logistics

KEYS = Pseudonyms(b"k")


def means(*providers: Provider) -> Means:
    directory = Directory(providers, (), 1)
    return Means(directory, KEYS, Door(directory, KEYS, Rules()), Codec())


def provider(*senders: str, suspended: bool = False) -> Provider:
    return Provider("st-olavs", "St. Olavs", ProviderKind.HOSPITAL, "", senders, Deliver(Channel.MAILBOX), suspended=suspended)


def content(raw: bytes, proven: str = "") -> Content:
    return Content(0, 1, "kith", proven, "utf-8", 5, "403", raw)


@pytest.mark.parametrize("proven", ["", "st-olavs"])
def test_it_is_taken_once_its_sender_is_known(proven: str) -> None:
    with pytest.raises(Rejected) as caught:
        reread(content(logistics("LOG_INNLAGT"), proven), means())
    assert (caught.value.reason, caught.value.where) == (Reason.UNKNOWN_SENDER, "MsgHead/MsgInfo/Sender")
    (found,) = reread(content(logistics("LOG_INNLAGT"), proven), means(provider("8094866")))
    assert (found.adapter, found.provider, found.received_us, found.answer, found.refusal) == (Adapter.KITH, "st-olavs", 5, "403", None)


@pytest.mark.parametrize(("raw", "reason"), [(b"hello", Reason.BAD_XML), (logistics("LOG_INNLAGT", "H"), Reason.UNSUPPORTED_EVENT)])
def test_what_is_still_refused_says_why(raw: bytes, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        reread(content(raw), means(provider("8094866")))
    assert caught.value.reason is reason


def test_who_is_suspended_is_still_unknown() -> None:
    with pytest.raises(Rejected):
        reread(content(logistics("LOG_INNLAGT"), "st-olavs"), means(provider("8094866", suspended=True)))
