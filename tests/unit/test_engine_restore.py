"""State from the changelog: in order, also past torn transactions, and refused when anything does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from engine_config import CONFIG
from engine_logs import PARTITIONS, Memory, TextStep, block

from lodestream.engine.block import Block
from lodestream.engine.breaker import Breaker
from lodestream.engine.changelog import PartitionState
from lodestream.engine.config import EngineConfig
from lodestream.engine.observer import Observer, Tear
from lodestream.engine.restore import Restorer, forgotten_offset
from lodestream.engine.snapshots import Snapshots
from lodestream.engine.step import NoState, Outcome, Record, Step
from lodestream.errors import StateError
from lodestream.origins import Marks


class Told(Observer):
    def __init__(self) -> None:
        self.tears: list[Tear] = []
        self.shares: list[float] = []

    def torn(self, tear: Tear) -> None:
        self.tears.append(tear)

    def restoring(self, partition: int, blocks: int, share: float) -> None:
        assert (partition, blocks >= 0) == (2, True)
        self.shares.append(share)


def config(folder: Path | None = None) -> EngineConfig:
    return replace(CONFIG, state_folder=folder)


async def restored(
    memory: Memory, committed: int, new_step: Callable[[], Step] = TextStep
) -> tuple[PartitionState, list[Tear]]:
    told = Told()
    settings = config()
    restorer = Restorer(
        config=settings,
        partition=2,
        new_step=new_step,
        logs=memory,
        snapshots=Snapshots(settings),
        observer=told,
        progressed=lambda: None,
    )
    state = await restorer.restore(committed, PARTITIONS)
    restorer.report_tears(state, committed)
    assert all(0 < share <= 1 for share in told.shares)
    return state, told.tears


def text(state: PartitionState) -> bytes:
    assert isinstance(state.step, TextStep)
    return state.step.text.text


async def test_blocks_are_applied_in_order() -> None:
    state, tears = await restored(Memory([block(0, 5, b"a"), block(5, 9, b"b")]), 9)
    assert (text(state), state.next_offset, state.clock, state.blocks, tears) == (b"ab", 9, 90, 2, [])
    assert state.breaker.pack() == Breaker(run=9).pack()
    assert state.marks == Marks({0: (9, 0)})


async def test_a_changelog_that_is_ahead_is_left_out_and_told() -> None:
    memory = Memory([block(0, 5, b"a"), block(5, 9, b"b"), block(9, 12, b"c")])
    state, tears = await restored(memory, 9)
    assert (text(state), state.next_offset, tears) == (b"ab", 9, [Tear.CHANGELOG_AHEAD])


async def test_what_was_ahead_is_void_once_it_was_done_again() -> None:
    again = [block(0, 5, b"a"), block(5, 9, b"void"), block(5, 7, b"b"), block(7, 9, b"c"), block(9, 10, b"d")]
    for committed, expected in ((5, b"a"), (7, b"ab"), (9, b"abc"), (10, b"abcd")):
        state, _ = await restored(Memory(again), committed)
        assert (text(state), state.next_offset) == (expected, committed)
    _, tears = await restored(Memory(again), 10)
    assert tears == []


async def test_a_group_that_was_set_back_by_hand_makes_several_blocks_void_and_so_again() -> None:
    blocks = [block(0, 5, b"a"), block(5, 9, b"-"), block(9, 12, b"-"), block(5, 8, b"b"), block(8, 20, b"-")]
    blocks += [block(8, 10, b"c"), block(10, 20, b"d")]
    state, _ = await restored(Memory(blocks), 20)
    assert (text(state), state.next_offset) == (b"abcd", 20)


async def test_an_offset_that_is_ahead_gives_the_end_of_the_changelog() -> None:
    state, tears = await restored(Memory([block(0, 5, b"a")]), 9)
    assert (text(state), state.next_offset, tears) == (b"a", 5, [Tear.OFFSET_AHEAD])


async def test_an_offset_inside_a_block_gives_the_blocks_before_it() -> None:
    state, tears = await restored(Memory([block(0, 5, b"a"), block(5, 9, b"b")]), 7)
    assert (text(state), state.next_offset, tears) == (b"a", 5, [Tear.CHANGELOG_AHEAD, Tear.OFFSET_AHEAD])


async def test_a_changelog_without_blocks_leaves_an_empty_state_at_the_committed_offset() -> None:
    state, tears = await restored(Memory(beginning=40), 42)
    assert (text(state), state.next_offset, state.blocks, tears) == (b"", 42, 0, [])


async def test_the_first_block_left_by_retention_may_start_anywhere() -> None:
    memory = Memory([block(0, 100, b"gone"), block(100, 110, b"a"), block(110, 111, b"b")], beginning=2)
    state, _ = await restored(memory, 111)
    assert (text(state), state.next_offset) == (b"ab", 111)


async def test_a_gap_between_blocks_is_refused() -> None:
    with pytest.raises(StateError, match="do not follow"):
        await restored(Memory([block(0, 5), block(6, 9)]), 9)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"state_format": 8}, "format 8"), ({"partitions": 5}, "partition counts are fixed")],
)
@pytest.mark.parametrize("has_state", [True, False])
async def test_another_format_or_partition_count_is_refused(
    change: dict[str, int], message: str, *, has_state: bool
) -> None:
    own = {"state_format": 7 if has_state else 0} | change
    with pytest.raises(StateError, match=message):
        await restored(Memory([block(0, 5, b"", **own)]), 5, TextStep if has_state else Stateless)


class Stateless:
    state = NoState()

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        raise AssertionError(records)


def counts(blocks: int) -> list[Block]:
    return [block(number, number + 1, b"", state_format=0) for number in range(blocks)]


async def test_an_offset_that_the_group_has_forgotten_is_where_the_newest_block_ends() -> None:
    assert await forgotten_offset(Memory([]), 2) == 0
    assert await forgotten_offset(Memory([], beginning=6), 2) == 0
    assert await forgotten_offset(Memory([block(0, 5)]), 2) == 5
    assert await forgotten_offset(Memory([block(0, 5), block(5, 9), block(5, 7)]), 2) == 7


async def test_without_state_the_newest_block_is_enough() -> None:
    memory = Memory(counts(2000))
    state, tears = await restored(memory, 2000, Stateless)
    assert (state.next_offset, state.clock, tears) == (2000, 20_000, [])
    assert state.breaker.pack() == Breaker(run=2000).pack()
    assert state.marks == Marks({0: (2000, 0)})
    assert len(memory.read) < 300


async def test_without_state_the_newest_block_is_looked_for_as_far_back_as_it_is() -> None:
    for committed in (1, 700, 1999):
        state, tears = await restored(Memory(counts(2000)), committed, Stateless)
        assert (state.next_offset, state.clock, tears) == (committed, committed * 10, [Tear.CHANGELOG_AHEAD])
    state, _ = await restored(Memory(counts(3)), 0, Stateless)
    assert (state.next_offset, state.blocks) == (0, 0)
