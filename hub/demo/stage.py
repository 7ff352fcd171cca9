"""The stage of the day: receivers on free ports, the providers pointed at them, and a look at hub and mailboxes from outside."""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from hub.demo.check import Fate, fate
from hub.demo.play import Played, Player
from hub.demo.receivers import Receiver
from hub.demo.show import Sight, play, table
from hub.ledger.connect import Conn, connect
from hub.ledger.trace import lives
from hub.model import Channel, Provider
from hub.settings import Settings
from hub.stack.supervise import free_port
from hub.stream.kafka import Consumer, Topics
from hub.up import reachable
from hub.web.tokens import issue

_QUIET_SECONDS: Final = 1.0
_MAILBOX_SECONDS: Final = 30.0


class Stage:
    """The providers' systems, up until ``close``."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self.receivers: dict[str, Receiver] = {}
        self.mailboxes = [p.id for p in providers if p.deliver.channel is Channel.MAILBOX]
        self.names = {p.id: p.name for p in providers}
        self.providers = tuple(self._receive(p) for p in providers)

    def _receive(self, provider: Provider) -> Provider:
        """The provider, pointed at a receiver of ours: on the port of the file if it is free."""
        d = provider.deliver
        if d.channel is Channel.MAILBOX:
            return provider
        is_fhir = d.channel is Channel.FHIR
        port = free_port(urlsplit(d.url).port or 0 if is_fhir else d.port)
        self.receivers[provider.id] = receiver = Receiver(provider.id, fhir=is_fhir, port=port)
        receiver.up()
        place = replace(d, url=f"http://127.0.0.1:{port}/fhir") if is_fhir else replace(d, host="127.0.0.1", port=port)
        return replace(provider, deliver=place)

    def close(self) -> None:
        """Everything down."""
        for receiver in self.receivers.values():
            receiver.down()

    def inboxes(self, settings: Settings) -> Mapping[str, Sequence[bytes]]:
        """What every provider has got so far, by socket or in its mailbox topic."""
        got = {p: list(r.inbox.messages) for p, r in self.receivers.items()}
        return got | {p: _mailbox(settings, p) for p in self.mailboxes}


def play_day(  # the hub's settings, its day, and what is needed to speak with it
    settings: Settings, stage: Stage, day: int, clock: Callable[[], int], say: Callable[[str], None], tls: ssl.SSLContext | None
) -> list[str]:
    """Play one day and check every row; one line for each thing that is not as expected. Raises DemoError, Faulted."""
    doors = reachable(settings.mllp), reachable(settings.http)
    player = Player(*doors, lambda who: issue(settings.data, who, clock()), clock, stage.receivers, Played(day), tls=tls)
    with connect(settings.database_url, "demo") as conn:
        sight = Sight(partial(_fate_of, conn), lambda: stage.inboxes(settings), stage.names)
        wrong = play(player, sight, say)
    for line in table(wrong):
        say(line)
    return wrong


def _fate_of(conn: Conn, control_id: str, is_repeat: bool) -> Fate:  # noqa: FBT001 - the second of two, not a switch
    """What ``hub trace`` says of the message with a control id, or of its repeat."""
    found = lives(conn, control_id)
    return fate(found[0], is_repeat=is_repeat) if found else Fate("", {})


def _mailbox(settings: Settings, provider: str) -> list[bytes]:
    """Everything in a provider's mailbox topic, read from the start until it has been quiet for a while."""
    seen: list[int] = []

    def from_the_start(partitions: list[int]) -> dict[int, int]:
        seen.extend(partitions)
        return dict.fromkeys(partitions, 0)

    group = f"{settings.topic_prefix}demo-{provider}"
    consumer = Consumer(
        settings.kafka, group, Topics(settings.topic_prefix).mailbox(provider), on_assign=from_the_start, on_revoke=lambda _: None
    )
    got: list[bytes] = []
    try:
        until = time.monotonic() + _MAILBOX_SECONDS
        quiet_since = time.monotonic()
        while time.monotonic() < until and (not seen or time.monotonic() - quiet_since < _QUIET_SECONDS):
            records = consumer.poll_batch(100, 0.2)
            got += [r.value for r in records]
            if records or not seen:
                quiet_since = time.monotonic()
    finally:
        consumer.close()
    return got
