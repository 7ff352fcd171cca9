"""How often somebody may ask: a sliding window a key, in this process's memory. Takes ``now_us``; owns no clock."""

from collections import OrderedDict, deque
from typing import Final

KEYS_MAX: Final = 10_000  # beyond it the one that has been quiet longest is forgotten


class Limiter:
    """At most ``count`` in any ``seconds``."""

    def __init__(self, count: int, seconds: float) -> None:
        self._count: Final = count
        self._window_us: Final = int(seconds * 1e6)
        self._seen: Final[OrderedDict[str, deque[int]]] = OrderedDict()

    def wait_seconds(self, key: str, now_us: int) -> int:
        """0 when it may now, which counts; else the whole seconds until it may."""
        times = self._seen.setdefault(key, deque())
        self._seen.move_to_end(key)
        while len(self._seen) > KEYS_MAX:
            self._seen.popitem(last=False)
        while times and times[0] <= now_us - self._window_us:
            times.popleft()
        if len(times) >= self._count:
            return -((now_us - times[0] - self._window_us) // 1_000_000)  # rounded up
        times.append(now_us)
        return 0
