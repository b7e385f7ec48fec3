"""The state of a deduper as bytes: a copy that shares what never changes, written out while the live one goes on.

Little endian: the head, then three columns of byte strings (entries; rows of the anchors' postings; rows of the
articles' postings) and one of stories. A column is chunks of u32 count, u32 length of each, and the strings; an empty
chunk ends it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

import numpy as np

from lodestream.dedupe.entry import FORMAT
from lodestream.dedupe.postings import FrozenPostings
from lodestream.dedupe.stories import LiveStory, story_of
from lodestream.errors import StateError

_HEAD: Final = struct.Struct("<HqqqQQQQ")
_COLUMNS: Final = 4
_COUNT: Final = struct.Struct("<I")
_CHUNK: Final = 1 << 14  # strings that are joined at once: some ms in which no other thread runs


class Frozen(NamedTuple):
    """Everything that a deduper's answers depend on; `clock` in ms, `first` the number of the first entry."""

    window_ms: int
    max_articles: int
    clock: int
    first: int
    story_count: int
    entries: list[bytes]
    anchors: FrozenPostings
    articles: FrozenPostings
    stories: list[LiveStory | bytes]


def to_bytes(frozen: Frozen) -> Iterator[bytes]:
    """The bytes in pieces of some MiB at most."""
    yield _HEAD.pack(
        FORMAT,
        frozen.window_ms,
        frozen.max_articles,
        frozen.clock,
        frozen.first,
        frozen.story_count,
        frozen.anchors.pairs,
        frozen.articles.pairs,
    )
    yield from _column(frozen.entries)
    yield from _column(frozen.anchors.rows)
    yield from _column(frozen.articles.rows)
    stories = sorted(frozen.stories, key=_number)
    for at in range(0, len(stories), _CHUNK):
        yield _chunk(
            [
                story if isinstance(story, bytes) else story.encode(lambda n: frozen.entries[n - frozen.first])
                for story in stories[at : at + _CHUNK]
            ]
        )
    yield _COUNT.pack(0)


def from_bytes(data: memoryview) -> Frozen:
    """Raises `StateError` for bytes that are no frozen state, or one of another format."""
    try:
        number, window_ms, max_articles, clock, first, story_count, *pairs = _HEAD.unpack_from(data)
        columns: list[list[bytes]] = []
        at = _HEAD.size
        while number == FORMAT and len(columns) < _COLUMNS:
            column, at = _read_column(data, at)
            columns.append(column)
        if number == FORMAT and at == len(data):
            entries, anchors, articles, stories = columns
            return Frozen(
                window_ms,
                max_articles,
                clock,
                first,
                story_count,
                entries,
                FrozenPostings(pairs[0], anchors),
                FrozenPostings(pairs[1], articles),
                [*stories],
            )
    except (struct.error, ValueError):
        raise StateError("frozen state: not readable") from None
    raise StateError(f"frozen state of format {number}, not {FORMAT}, or bytes too many")


def _number(story: LiveStory | bytes) -> int:
    return story_of(story) if isinstance(story, bytes) else story.story


def _column(strings: Sequence[bytes]) -> Iterator[bytes]:
    for at in range(0, len(strings), _CHUNK):
        yield _chunk(strings[at : at + _CHUNK])
    yield _COUNT.pack(0)


def _chunk(strings: Sequence[bytes]) -> bytes:
    lengths = np.fromiter(map(len, strings), "<u4", len(strings))
    return b"".join((_COUNT.pack(len(strings)), lengths.tobytes(), *strings))


def _read_column(data: memoryview, at: int) -> tuple[list[bytes], int]:
    """The strings of the column that begins there, and where it ends."""
    strings: list[bytes] = []
    while True:
        (count,) = _COUNT.unpack_from(data, at)
        at += _COUNT.size
        if not count:
            return strings, at
        lengths = np.frombuffer(bytes(data[at : at + 4 * count]), "<u4", count)  # a copy: the file must be closed
        at += lengths.nbytes
        size = int(lengths.sum(dtype=np.int64))
        chunk = bytes(data[at : at + size])
        if len(chunk) != size:
            raise ValueError("cut short")
        at += size
        bounds = accumulate(lengths.tolist(), initial=0)
        strings += [chunk[begin:end] for begin, end in pairwise(bounds)]
