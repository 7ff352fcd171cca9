"""Where a key's messages are: the one partitioner of the hub, murmur2, as every producer of it uses (``murmur2_random``, Java, Faust)."""

from functools import lru_cache
from typing import Final

_MASK: Final = 0xFFFFFFFF
_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """The partition of so many that the messages under a key are in. Source: Apache Kafka, ``Utils.murmur2`` and ``Utils.toPositive``."""
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    h, whole = _SEED ^ len(data), len(data) & ~3
    for n in range(0, whole, 4):
        k = int.from_bytes(data[n : n + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15
