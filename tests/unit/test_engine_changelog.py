"""Changelog blocks: packed, unpacked, applied in order, and refused when anything does not fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.engine.breaker import Breaker
from lodestream.engine.changelog import Block, PartitionState, restore
from lodestream.engine.step import Outcome, Record, Size, State
from lodestream.errors import StateError

PARTITIONS = 4


class Text:
    """A state that is the text of all its changes."""

    FORMAT: ClassVar[int] = 7

    def __init__(self) -> None:
        self.text = b""

    def drain(self) -> bytes:
        return b""

    def apply(self, block: bytes) -> None:
        self.text += block

    def sizes(self) -> Mapping[str, Size]:
        return {}

    def evictions(self) -> Mapping[tuple[str, str], int]:
        return {}


class TextStep:
    def __init__(self) -> None:
        self.text = Text()
        self.state: State = self.text

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        raise AssertionError(records)


def block(start: int, end: int, changes: bytes = b"x") -> Block:
    return Block(Text.FORMAT, PARTITIONS, start, end, end * 10, Breaker().pack(), changes)


async def batches(*blocks: Block) -> AsyncIterator[list[bytes]]:
    for each in blocks:
        yield [each.pack()]


async def restored(*blocks: Block, committed: int) -> tuple[PartitionState, bytes]:
    step = TextStep()
    state = PartitionState(step)
    async for _ in restore(state, batches(*blocks), committed, PARTITIONS):
        pass
    return state, step.text.text


@given(
    st.builds(
        Block,
        state_format=st.integers(0, 2**16 - 1),
        partitions=st.integers(1, 2**16 - 1),
        start=st.integers(0, 2**62),
        end=st.integers(0, 2**62),
        clock=st.integers(0, 2**62),
        breaker=st.binary(max_size=300),
        changes=st.binary(max_size=3000),
    )
)
def test_a_block_comes_back_as_it_was(original: Block) -> None:
    assert Block.unpack(original.pack()) == original


@pytest.mark.parametrize("packed", [b"", b"LSB1", b"LSB2" + b"\0" * 40, b"{}" * 40])
def test_anything_else_is_refused(packed: bytes) -> None:
    with pytest.raises(StateError, match="unknown format"):
        Block.unpack(packed)


async def test_restore_applies_blocks_in_order_up_to_the_committed_offset() -> None:
    state, text = await restored(block(0, 5, b"a"), block(5, 9, b"b"), block(9, 12, b"c"), committed=9)
    assert (text, state.next_offset, state.clock, state.blocks) == (b"ab", 9, 90, 2)


async def test_an_expired_changelog_leaves_an_empty_state_at_the_committed_offset() -> None:
    state, text = await restored(committed=42)
    assert (text, state.next_offset) == (b"", 42)


async def test_the_first_block_left_by_retention_may_start_anywhere() -> None:
    state, text = await restored(block(100, 110, b"a"), block(110, 111, b"b"), committed=111)
    assert (text, state.next_offset) == (b"ab", 111)


async def test_a_gap_between_blocks_is_refused() -> None:
    with pytest.raises(StateError, match="do not follow"):
        await restored(block(0, 5), block(6, 9), committed=9)


async def test_a_changelog_that_ends_before_the_committed_offset_is_refused() -> None:
    with pytest.raises(StateError, match="state is missing"):
        await restored(block(0, 5), committed=9)


async def test_a_changelog_that_ends_inside_the_last_committed_block_is_refused() -> None:
    with pytest.raises(StateError, match="state is missing"):
        await restored(block(0, 5), block(5, 9), committed=7)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"state_format": 8}, "format 8"), ({"partitions": 5}, "partition counts are fixed")],
)
async def test_another_format_or_partition_count_is_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(StateError, match=message):
        await restored(replace(block(0, 5), **change), committed=5)  # type: ignore[arg-type]
