"""A memory as bytes: only what lives, in an order of its own, so that they are a function of the answers.

Little endian: the head; the clock (i64, ms) of each story; then per store how many keys it has, the keys (u64,
ascending), and the stories of each (u32, counted from the first as 1, 0 for none).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from lodestream.clean.learned.blocks import FORMAT, STORES
from lodestream.clean.learned.stories import Clocks
from lodestream.clean.learned.table import DEPTH, Numbers, Table
from lodestream.errors import StateError
from lodestream.hashes import Hashes

_HEAD: Final = struct.Struct("<HqqQQ")
_COUNT: Final = struct.Struct("<Q")


class Head(NamedTuple):
    """The settings, the number of the oldest story, and that of the next new one."""

    window_ms: int
    entries: int
    first: int
    next: int


class Frozen(NamedTuple):
    head: Head
    clocks: Clocks
    stores: list[tuple[Hashes, Numbers]]


def to_bytes(head: Head, clocks: Clocks, table: Table, base: int) -> Iterator[bytes]:
    """The bytes of a state whose table counts stories from `base`, in pieces."""
    yield _HEAD.pack(FORMAT, *head)
    yield clocks.astype("<i8", copy=False).tobytes()
    before = head.first - base - 1  # stories of the table that have left
    for store in range(len(STORES)):
        keys, stories = table.entries(store, before + 1)
        stories[stories > 0] -= np.uint32(before)
        yield _COUNT.pack(len(keys))
        yield keys.astype("<u8", copy=False).tobytes()
        yield stories.astype("<u4", copy=False).tobytes()


def from_bytes(data: memoryview) -> Frozen:
    """Raises `StateError` for bytes that are no frozen memory, or one of another format."""
    try:
        number, *head = _HEAD.unpack_from(data)
        if number != FORMAT:
            raise StateError(f"frozen state of format {number}, not {FORMAT}")
        known = Head(*head)
        count = _count_of(known)
        at = _HEAD.size
        clocks = np.frombuffer(data, "<i8", count, at).copy() if count else np.zeros(0, dtype=np.int64)
        at += clocks.nbytes
        stores = []
        for _ in STORES:
            (size,) = _COUNT.unpack_from(data, at)
            at += _COUNT.size
            keys = np.frombuffer(data, "<u8", size, at).copy() if size else np.zeros(0, dtype=np.uint64)
            at += keys.nbytes
            flat = np.frombuffer(data, "<u4", size * DEPTH, at).copy() if size else np.zeros(0, dtype=np.uint32)
            at += flat.nbytes
            stores.append((keys, _checked(keys, flat.reshape(size, DEPTH), count)))
    except (struct.error, ValueError, OverflowError):
        raise StateError("frozen state: not readable") from None
    if at != len(data) or (clocks[1:] < clocks[:-1]).any():
        raise StateError("frozen state: bytes too many, or clocks that go back")
    return Frozen(known, clocks, stores)


def _count_of(head: Head) -> int:
    if not 1 <= head.first <= head.next:
        raise ValueError("stories that end before they begin")
    return head.next - head.first


def _checked(keys: Hashes, stories: Numbers, count: int) -> Numbers:
    """Raises `ValueError` where a key has no story, or one that is not there."""
    if len(keys) and (keys[0] == 0 or (keys[1:] <= keys[:-1]).any()):
        raise ValueError("keys that are not in order")
    if (stories > count).any() or (stories[:, 0] == 0).any() or (stories[:, 1:] > stories[:, :-1]).any():
        raise ValueError("stories that are not in order")
    return stories
