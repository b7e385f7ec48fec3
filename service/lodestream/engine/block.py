"""One block of a changelog: what one transaction changed, and the input range that it covers.

Layout, little endian: magic `LSB2`, u16 format of the state, u16 partitions of the input topic, i64 from, i64 to,
i64 clock (ms), u16 length of the breaker's counts, u16 length of the origin marks, the counts, the marks, then the
state's own bytes. Counts, marks and clock are whole in each block; only the state's bytes are changes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from lodestream.errors import StateError

_MAGIC = b"LSB2"
_HEAD = struct.Struct("<4sHHqqqHH")


@dataclass(frozen=True, slots=True)
class Block:
    """What one transaction changed: `start` and `end` are input offsets, `clock` the log's clock after it."""

    state_format: int
    partitions: int
    start: int
    end: int
    clock: int
    breaker: bytes
    marks: bytes
    changes: bytes

    def pack(self) -> bytes:
        head = _HEAD.pack(
            _MAGIC,
            self.state_format,
            self.partitions,
            self.start,
            self.end,
            self.clock,
            len(self.breaker),
            len(self.marks),
        )
        return b"".join((head, self.breaker, self.marks, self.changes))

    @classmethod
    def unpack(cls, packed: bytes) -> Block:
        """Raises `StateError` for anything that is not such a block: an unknown format is never guessed at."""
        state_format, partitions, start, end, clock, counts, marks = _head(packed)
        marks_at = _HEAD.size + counts
        changes_at = marks_at + marks
        return cls(
            state_format,
            partitions,
            start,
            end,
            clock,
            packed[_HEAD.size : marks_at],
            packed[marks_at:changes_at],
            packed[changes_at:],
        )


class Span(NamedTuple):
    """Which input a block covers, [start, end), and of how many partitions."""

    partitions: int
    start: int
    end: int

    @classmethod
    def of(cls, packed: bytes) -> Span:
        """Raises `StateError` as `Block.unpack` does, whose payload this does not look at."""
        _, partitions, start, end, *_ = _head(packed)
        return cls(partitions, start, end)


def _head(packed: bytes) -> tuple[int, int, int, int, int, int, int]:
    if len(packed) < _HEAD.size or packed[:4] != _MAGIC:
        raise StateError(f"changelog block of an unknown format: starts with {packed[:4]!r}")
    _, state_format, partitions, start, end, clock, counts, marks = _HEAD.unpack_from(packed)
    return state_format, partitions, start, end, clock, counts, marks
