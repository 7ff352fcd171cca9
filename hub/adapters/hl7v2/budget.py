"""What the connections of one process may hold together: beyond it they stop reading, and senders wait instead of being refused.

Held are frames begun, frames cut and not yet judged, and messages not yet answered. What is judged ends by itself, since the broker
answers or does not; what is only begun could wait for ever. So at each sweep one of those that wait may read on whatever is held, until
the next: all frames come to their end in turn, and one that has stopped sending keeps nobody.
"""

from typing import Final, Protocol

SHARE_BYTES: Final = 65_536  # what every connection may hold whatever the others do: small messages are never kept out by large ones
_READ_BYTES: Final = 262_144  # what one may bring at once when it reads again (asyncio's most)


class Reader(Protocol):
    """A connection that has stopped reading."""

    def read_again(self) -> None: ...


class Budget:
    """Counts bytes; one a process."""

    def __init__(self, bytes_max: int) -> None:
        self._max: Final = bytes_max
        self._stopped: Final[dict[Reader, None]] = {}  # in the order they stopped
        self._first: Reader | None = None  # may read until the next sweep
        self.held = 0

    def release(self, size: int) -> None:
        """So many bytes are held no more; who waits for them reads again."""
        self.held -= size
        if self._stopped:
            self._let_in()

    def must_stop(self, reader: Reader) -> bool:
        """Whether a connection that holds more than its share has to stop reading; it is then told when it may go on."""
        if self.held <= self._max or reader is self._first:
            return False
        self._stopped[reader] = None
        return True

    def gone(self, reader: Reader) -> None:
        """A connection has ended."""
        self._stopped.pop(reader, None)
        if reader is self._first:
            self._first = None

    def sweep(self) -> None:
        """Now and then: nobody waits for what is there, and one goes on if all wait for each other."""
        self._first = None
        self._let_in()
        if self._stopped:
            self._first = self._next()
            self._first.read_again()

    def _let_in(self) -> None:
        room = self._max - self.held
        while self._stopped and room > 0:
            room -= _READ_BYTES
            self._next().read_again()

    def _next(self) -> Reader:
        reader = next(iter(self._stopped))
        del self._stopped[reader]
        return reader
