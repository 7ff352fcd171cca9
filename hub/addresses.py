"""Addresses as a configuration or a person writes them: of hosts, web servers and mailboxes. Pure: nothing is looked up."""

import re
from typing import Final
from urllib.parse import urlsplit

EMAIL: Final = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", re.ASCII)
MAILTO: Final = "mailto:"


def host(text: str) -> str:
    """A name or address that can be looked up: each label 1 to 63 bytes in ASCII (RFC 1035, RFC 3490). Raises ValueError."""
    if not text.encode("idna") or not text.isprintable() or " " in text:
        raise ValueError
    return text


def url(text: str) -> str:
    """An address that a request can be made to. Raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or parts.port == 0 or not host(parts.hostname or ""):
        raise ValueError
    return text


def contact(text: str) -> str:
    """Where somebody is told of something: ``mailto:`` and one address (RFC 6068), or a URL; "" = nowhere. Raises ValueError."""
    if text.startswith(MAILTO):
        if not EMAIL.fullmatch(text.removeprefix(MAILTO)):
            raise ValueError
        return text
    return url(text) if text else ""


def can_be_told(contact: str, smtp: str) -> bool:
    """Whether a contact can be reached. smtp: the mail server, without which no mailbox can."""
    return bool(contact) and (bool(smtp) or not contact.startswith(MAILTO))
