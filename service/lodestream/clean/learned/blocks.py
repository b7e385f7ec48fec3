"""Changelog blocks: what a memory was taught since the last, as bytes.

Little endian. A block is its format, the number that the next new story had before it, and how many lessons it holds;
a lesson is its clock (ms) and its articles, per article the number of its story and how many keys of each store it
has, and then all keys by store, in each in the order of the articles.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from lodestream.errors import StateError
from lodestream.hashes import Hashes

FORMAT: Final = 1
"""Names the layout of blocks and frozen bytes, and how keys are made."""

STORES: Final = ("sketches", "lines", "runs")
"""Stores of keys, in the order in which they stand in a lesson."""

_HEAD: Final = struct.Struct("<HQI")
_LESSON: Final = struct.Struct("<qI")
_ARTICLE: Final = struct.Struct("<QIII")


class Part(NamedTuple):
    """What one article teaches: its story, and how many of the lesson's keys it has in each store."""

    story: int
    counts: tuple[int, int, int]


class Lesson(NamedTuple):
    """What one record teaches. `keys` are those of all articles for the first store, then for the next."""

    clock: int
    parts: list[Part]
    keys: Hashes


class Block(NamedTuple):
    next: int
    lessons: list[Lesson]


def encode_block(following: int, lessons: Sequence[Lesson]) -> bytes:
    """`following`: the number that the first new story gets."""
    pieces = [_HEAD.pack(FORMAT, following, len(lessons))]
    for clock, parts, keys in lessons:
        pieces.append(_LESSON.pack(clock, len(parts)))
        pieces += [_ARTICLE.pack(story, *counts) for story, counts in parts]
        pieces.append(keys.astype("<u8", copy=False).tobytes())
    return b"".join(pieces)


def decode_block(data: bytes) -> Block:
    """Read a block. Raises `StateError` on bytes that are none, or of another format."""
    try:
        number, following, count = _HEAD.unpack_from(data)
        if number != FORMAT:
            raise StateError(f"changelog block of format {number}, not {FORMAT}")
        at = _HEAD.size
        known = following
        lessons = []
        for _ in range(count):
            clock, articles = _LESSON.unpack_from(data, at)
            at += _LESSON.size
            parts = []
            size = 0
            for _ in range(articles):
                story, *counts = _ARTICLE.unpack_from(data, at)
                at += _ARTICLE.size
                if not 0 < story <= known:
                    raise StateError(f"changelog block: story {story} before {known}")
                known += story == known
                size += sum(counts)
                parts.append(Part(story, (counts[0], counts[1], counts[2])))
            lessons.append(Lesson(clock, parts, np.frombuffer(data, "<u8", size, at) if size else _NO_KEYS))
            at += 8 * size
    except (struct.error, ValueError):
        raise StateError("changelog block: not readable") from None
    if at != len(data):
        raise StateError("changelog block: bytes too many or too few")
    return Block(following, lessons)


_NO_KEYS: Final = np.zeros(0, dtype=np.uint64)
