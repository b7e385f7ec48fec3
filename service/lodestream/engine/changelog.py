"""The changelog: one binary block per transaction, and the state rebuilt from them.

A block says which input range [from, to) it covers. Because it is written in the transaction that commits the
input offset `to`, the blocks up to the committed offset are exactly the state at that offset.

Layout, little endian: magic `LSB1`, u16 format of the state, u16 partitions of the input topic, i64 from, i64 to,
i64 clock (ms), u16 length of the breaker's counts, the counts, then the state's own bytes.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from lodestream.engine.breaker import Breaker
from lodestream.engine.step import Step
from lodestream.errors import StateError

_MAGIC = b"LSB1"
_HEAD = struct.Struct("<4sHHqqqH")


class MissingBlocksError(StateError):
    """The changelog does not reach the committed offset (yet)."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one transaction changed: `start` and `end` are input offsets, `clock` the log's clock after it."""

    state_format: int
    partitions: int
    start: int
    end: int
    clock: int
    breaker: bytes
    changes: bytes

    def pack(self) -> bytes:
        head = _HEAD.pack(
            _MAGIC, self.state_format, self.partitions, self.start, self.end, self.clock, len(self.breaker)
        )
        return head + self.breaker + self.changes

    @classmethod
    def unpack(cls, packed: bytes) -> Block:
        """Raises `StateError` for anything that is not such a block: an unknown format is never guessed at."""
        if len(packed) < _HEAD.size or packed[:4] != _MAGIC:
            raise StateError(f"changelog block of an unknown format: starts with {packed[:4]!r}")
        _, state_format, partitions, start, end, clock, counts = _HEAD.unpack_from(packed)
        body = _HEAD.size + counts
        return cls(state_format, partitions, start, end, clock, packed[_HEAD.size : body], packed[body:])


@dataclass(slots=True)
class PartitionState:
    """Everything a lane keeps of its partition: the step with its state, and where in the log it stands."""

    step: Step
    next_offset: int = 0
    clock: int = 0
    breaker: Breaker = None  # type: ignore[assignment]
    blocks: int = 0

    def __post_init__(self) -> None:
        if self.breaker is None:
            self.breaker = Breaker()

    def apply(self, block: Block, partitions: int) -> None:
        """Apply the next block. Raises `StateError` when it does not follow on the one before."""
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
        if self.blocks and block.start != self.next_offset:
            raise StateError(
                f"changelog blocks do not follow on each other: one ends at offset {self.next_offset}, "
                f"the next starts at {block.start}"
            )
        self.step.state.apply(block.changes)
        self.next_offset = block.end
        self.clock = block.clock
        self.breaker = Breaker.unpack(block.breaker)
        self.blocks += 1


class Changelog(Protocol):
    """The changelog of one agent, by partition of its input."""

    def blocks(self, partition: int) -> AsyncIterator[list[bytes]]:
        """Its blocks from the beginning to the last stable offset, in order."""
        ...

    async def has_expired(self, partition: int) -> bool:
        """Whether retention has taken blocks: the log does not begin at its first offset."""
        ...


async def restore(
    state: PartitionState, blocks: AsyncIterator[list[bytes]], committed: int, partitions: int
) -> AsyncIterator[int]:
    """Bring a fresh state to the committed input offset; yields the number of blocks applied so far.

    Blocks beyond the committed offset are left out. Raises `MissingBlocksError` when the changelog does not reach
    the committed offset: the state would be a guess. No block at all leaves the state empty, with `blocks` 0:
    whether that can be right the caller must know.
    """
    async for packed_blocks in blocks:
        for packed in packed_blocks:
            block = Block.unpack(packed)
            if block.end <= committed:
                state.apply(block, partitions)
        yield state.blocks
    if state.blocks and state.next_offset != committed:
        raise MissingBlocksError(
            f"the changelog ends at input offset {state.next_offset}, but {committed} is committed: state is missing"
        )
    state.next_offset = committed
