"""Transit's watchdog: a thread that asks the broker itself whether there is work, and ends the process when none of it gets done."""

import os
import threading
import time
from collections.abc import Iterable
from typing import Final

from typing_extensions import override

from hub import telemetry
from hub.stream.kafka.sight import Sights
from hub.stream.watchdog import Sight, Watchdog

STUCK: Final = 70
_LOOK_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 60.0


class Watch(threading.Thread):
    """Looks every few seconds, from a client of its own: a consumer that has gone deaf is seen too."""

    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        super().__init__(name="transit-watchdog", daemon=True)
        self._where: Final = (bootstrap, group, topic)
        self._dog: Final = Watchdog(_PATIENCE_SECONDS)
        self._halt: Final = threading.Event()
        self._owned: frozenset[int] = frozenset()
        self._batches = 0

    def beat(self, count: int = 1) -> None:
        """A batch was finished, or a server that is away was asked again."""
        self._batches += count

    def owns(self, parts: Iterable[int]) -> None:
        """The partitions assigned now."""
        self._owned = frozenset(parts)

    def stop(self) -> None:
        """Look no more."""
        self._halt.set()

    @override
    def run(self) -> None:
        """Look until stopped; a broker that does not answer tells nothing."""
        sights = Sights(*self._where)
        while not self._halt.wait(_LOOK_SECONDS):
            seen = sights.look()
            if seen and self._owned and self._dog.look(time.monotonic(), Sight(*seen), self._owned, self._batches):
                telemetry.log("transit_stuck")
                os._exit(STUCK)
        sights.close()
