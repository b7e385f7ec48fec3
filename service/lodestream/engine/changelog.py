"""The changelog: one binary block per transaction, and the state rebuilt from them.

A block says which input range [from, to) it covers. Because it is written in the transaction that commits the
input offset `to`, the blocks up to the committed offset are exactly the state at that offset.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import xxhash

from lodestream.engine.block import Block
from lodestream.engine.breaker import Breaker
from lodestream.engine.step import Step
from lodestream.errors import StateError
from lodestream.kafka.log import LogRecord, Offsets
from lodestream.origins import Marks


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
