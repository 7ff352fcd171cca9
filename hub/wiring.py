"""The composition root: the one place that owns a clock, reads the settings and builds the clients."""

import time


def now_us() -> int:
    """The one clock: whole microseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1000
