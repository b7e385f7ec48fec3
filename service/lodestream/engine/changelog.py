"""The changelog: one binary block per transaction, and the state rebuilt from them.

A block says which input range [from, to) it covers. Because it is written in the transaction that commits the
input offset `to`, the blocks up to the committed offset are exactly the state at that offset.

Layout, little endian: magic `LSB2`, u16 format of the state, u16 partitions of the input topic, i64 from, i64 to,
i64 clock (ms), u16 length of the breaker's counts, u16 length of the origin marks, the counts, the marks, then the
state's own bytes. Counts, marks and clock are whole in each block; only the state's bytes are changes.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import xxhash

from lodestream.engine.breaker import Breaker
from lodestream.engine.step import Step
from lodestream.errors import StateError
from lodestream.kafka.log import LogRecord, Offsets
from lodestream.origins import Marks

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
        if len(packed) < _HEAD.size or packed[:4] != _MAGIC:
            raise StateError(f"changelog block of an unknown format: starts with {packed[:4]!r}")
        _, state_format, partitions, start, end, clock, counts, marks = _HEAD.unpack_from(packed)
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


class Place(NamedTuple):
    """Where a block is in the changelog, and by what one knows it again."""

    offset: int
    digest: bytes

    @classmethod
    def of(cls, offset: int, packed: bytes) -> Place:
        return cls(offset, xxhash.xxh3_128_digest(packed))


class SupersededError(Exception):
    """A block begins before the state ends: what came before it in the changelog was void from `start` on."""

    def __init__(self, block: Block) -> None:
        super().__init__(f"a block begins at input offset {block.start} again")
        self.start = block.start


@dataclass(slots=True)
class PartitionState:
    """Everything a lane keeps of its partition: the step with its state, and where in the log it stands."""

    step: Step
    next_offset: int = 0
    clock: int = 0
    breaker: Breaker = field(default_factory=Breaker)
    marks: Marks = field(default_factory=Marks)
    blocks: int = 0  # that it is made of
    place: Place | None = None  # of the newest of them
    partitions: int = 0  # that the input had at the restore

    def apply(self, block: Block, place: Place, partitions: int) -> None:
        """Apply the next block. Raises `SupersededError`, or `StateError` when it does not fit."""
        self.check(block, partitions)
        if self.blocks and block.start < self.next_offset:
            raise SupersededError(block)
        if self.blocks and block.start > self.next_offset:
            raise StateError(
                f"changelog blocks do not follow on each other: one ends at offset {self.next_offset}, "
                f"the next starts at {block.start}"
            )
        self.step.state.apply(block.changes)
        self.take(block, place)

    def take(self, block: Block, place: Place) -> None:
        """Take over what is whole in a block: all but the state's changes."""
        self.next_offset = block.end
        self.clock = block.clock
        self.breaker = Breaker.unpack(block.breaker)
        self.marks = Marks.unpack(block.marks)
        self.blocks += 1
        self.place = place

    def check(self, block: Block, partitions: int) -> None:
        """Raises `StateError` for a block of another format or partition count."""
        state_format = self.step.state.FORMAT
        if block.state_format != state_format:
            raise StateError(
                f"the changelog has state of format {block.state_format}, this release reads {state_format}: "
                "run the release that wrote it, or replay under a new prefix"
            )
        if block.partitions != partitions:
            raise StateError(
                f"the changelog was written with {block.partitions} input partitions, the input has {partitions}: "
                "partition counts are fixed for the life of a prefix"
            )


class Changelog(Protocol):
    """The changelog of an agent, by partition of its input."""

    async def changelog_offsets(self, partition: int) -> Offsets:
        """Where the changelog begins and ends."""
        ...

    def changelog(self, partition: int, start: int, end: int) -> AsyncGenerator[list[LogRecord], None]:
        """Its committed blocks in order, from one of its offsets to before another."""
        ...


class Logs(Changelog, Protocol):
    """What a lane reads back of its partition: the agent's changelog, and its input again."""

    async def input_offsets(self, partition: int) -> Offsets:
        """Where the input begins and ends."""
        ...

    def input(self, partition: int, start: int, end: int) -> AsyncGenerator[list[LogRecord], None]:
        """Committed records of the input, likewise."""
        ...
