"""Where a key goes: Kafka's default partitioner, several times as fast as aiokafka's in pure Python.

MurmurHash2 (Austin Appleby, public domain) with Kafka's seed 0x9747b28c, then the positive part modulo the
partition count. Unit tests compare it with aiokafka's and with Apache Kafka's own values.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


@lru_cache(maxsize=1024)
def _words(count: int) -> Struct:
    return Struct(f"<{count}I")


def murmur2(key: bytes) -> int:
    """The unsigned 32-bit hash of a key."""
    length = len(key)
    count = length >> 2
    hashed = _SEED ^ length
    for word in _words(count).unpack_from(key):
        mixed = word * _M & _MASK
        hashed = (hashed * _M ^ (mixed ^ mixed >> 24) * _M) & _MASK
    rest = length & 3
    if rest:
        hashed = (hashed ^ int.from_bytes(key[-rest:], "little")) * _M & _MASK
    hashed = (hashed ^ hashed >> 13) * _M & _MASK
    return hashed ^ hashed >> 15


def partition_of(key: bytes | None, partitions: int) -> int:
    """The partition of a key; no key: partition 0."""
    return 0 if key is None else (murmur2(key) & 0x7FFFFFFF) % partitions
