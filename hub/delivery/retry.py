"""When to try again: exponential backoff with jitter that is a function of what is tried, so a replay waits as long."""

from dataclasses import dataclass
from hashlib import blake2b

_DOUBLINGS_MAX = 40  # beyond it every wait is the longest one


@dataclass(frozen=True, slots=True)
class Backoff:
    """first_seconds doubled at each attempt, at most max_seconds; the wait is between half of that and all of it."""

    first_seconds: float
    max_seconds: float

    def wait_us(self, attempt: int, *ids: object) -> int:
        """How long to wait after attempt number ``attempt`` (from 1), in microseconds."""
        seconds = min(self.max_seconds, self.first_seconds * 2.0 ** min(_DOUBLINGS_MAX, attempt - 1))
        digest = blake2b("\x1f".join(map(str, (*ids, attempt))).encode(), digest_size=4).digest()
        return int(seconds * 1e6 * (0.5 + int.from_bytes(digest) / 2**33))
