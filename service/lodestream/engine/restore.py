"""State from a snapshot and the changelog, also after a torn transaction.

Kafka's older transaction protocol, which aiokafka speaks, can tear a transaction: its outputs, its changelog block
and its offset are not all there (Jepsen, Bufstream 0.1.0, 2024). Each block says which input range it covers, so:

- a block beyond the committed offset is left out, and void once a later block begins before its end;
- a changelog that ends before the committed offset is where the lane goes on from: the input in between is read
  again.

What is done again writes outputs again where they had been committed; the next stage takes them once, by `origin`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from lodestream.engine.block import Block
from lodestream.engine.changelog import Changelog, Logs, PartitionState, Place, SupersededError
from lodestream.engine.config import EngineConfig
from lodestream.engine.observer import Observer, Tear
from lodestream.engine.snapshots import SnapshotError, Snapshots
from lodestream.engine.step import NoState, Step
from lodestream.kafka.log import Offsets

LOG_SECONDS = 5.0  # between two lines on how far a restore has come
TAIL_OFFSETS = 512  # of the changelog that are read first where the newest block is all; each has a marker beside it

log = structlog.get_logger(__name__)


class _Cut(NamedTuple):
    """Blocks before `offset` of the changelog that end beyond `start` of the input are void."""

    offset: int
    start: int


@dataclass(slots=True)
class _Run:
    """One restore: what it is to reach, and what it has found on its way."""

    committed: int
    partitions: int  # of the input
    bounds: Offsets  # of the changelog
    cuts: list[_Cut] = field(default_factory=list)
    ahead: int = 0  # blocks beyond the committed offset

    def is_void(self, offset: int, end: int) -> bool:
        return any(offset < cut.offset and end > cut.start for cut in self.cuts)

    def check(self, state: PartitionState, place: Place) -> None:
        """Raises `SnapshotError` when a snapshot's state cannot be begun with."""
        if state.next_offset > self.committed:
            raise SnapshotError(f"it ends at input offset {state.next_offset}, but {self.committed} is committed")
        if place.offset < self.bounds.beginning:
            raise SnapshotError("the changelog no longer has the block that it ends with")
        if place.offset >= self.bounds.stable:
            raise SnapshotError("the changelog does not have the block that it ends with")
        if self.is_void(place.offset, state.next_offset):
            raise SnapshotError("it holds a transaction that was void")


class _Newest(NamedTuple):
    """The newest block of a changelog that ends at or before an input offset, and how many blocks lie beyond it."""

    block: tuple[Block, Place] | None
    ahead: int


async def _newest(logs: Changelog, partition: int, bounds: Offsets, committed: int | None = None) -> _Newest:
    """Look for the newest block from the changelog's end. `committed`: an input offset; None: no limit."""
    reach = TAIL_OFFSETS
    start = bounds.stable
    found = _Newest(None, 0)
    while found.block is None and start > bounds.beginning:
        start = max(bounds.beginning, bounds.stable - reach)
        reach *= 4
        found = _Newest(None, 0)
        async for records in logs.changelog(partition, start, bounds.stable):
            for record in records:
                packed = record.value or b""
                block = Block.unpack(packed)
                if committed is not None and block.end > committed:
                    found = found._replace(ahead=found.ahead + 1)
                else:
                    found = found._replace(block=(block, Place.of(record.offset, packed)))
    return found


async def forgotten_offset(logs: Changelog, partition: int) -> int:
    """How far a group came that has no committed offset, by its changelog; 0: it has none either.

    Kafka forgets the offsets of a group that has had no members for `offsets.retention.minutes`, a week by default
    (KIP-211). What it cannot be told from is a first transaction that was torn: that is taken for done.
    """
    bounds = await logs.changelog_offsets(partition)
    newest = (await _newest(logs, partition, bounds)).block
    return 0 if newest is None else newest[0].end


class Restorer:
    """Brings the state of one partition back, as often as it is asked to."""

    def __init__(
        self,
        *,
        config: EngineConfig,
        partition: int,
        new_step: Callable[[], Step],
        logs: Logs,
        snapshots: Snapshots,
        observer: Observer,
        progressed: Callable[[], None],
    ) -> None:
        """`progressed` is called whenever a restore has come further."""
        self._progressed = progressed
        self._config = config
        self._partition = partition
        self._new_step = new_step
        self._logs = logs
        self._snapshots = snapshots
        self._observer = observer
        self._use_snapshot = snapshots.enabled
        self._ahead = 0  # blocks that the last restore found beyond the committed offset
        self._said_at = 0.0

    async def restore(self, committed: int, partitions: int) -> PartitionState:
        """The state at the committed input offset, or at the end of the changelog where that is lower.

        `partitions`: of the input. Without any block the state is empty, its `blocks` 0: whether that can be right
        the caller must know. Raises `StateError` when the changelog does not fit.
        """
        run = _Run(committed, partitions, await self._logs.changelog_offsets(self._partition))
        self._said_at = time.monotonic()
        state = PartitionState(self._new_step())
        if isinstance(state.step.state, NoState):
            await self._take_newest(state, run)
        else:
            state = await self._rebuilt(run)
        self._ahead = run.ahead
        state.partitions = partitions
        if state.blocks == 0:
            state.next_offset = committed
        return state

    def report_tears(self, state: PartitionState, committed: int) -> None:
        """Say what a restore found torn; only right after a fence, when nothing is on its way any more."""
        if self._ahead:
            self._torn(Tear.CHANGELOG_AHEAD, committed=committed, blocks=self._ahead)
        if state.next_offset < committed:
            self._torn(Tear.OFFSET_AHEAD, committed=committed, changelog_ends=state.next_offset)

    def _torn(self, tear: Tear, **told: int) -> None:
        self._observer.torn(tear)
        log.warning(
            "a transaction was torn", tear=str(tear), topic=self._config.input, partition=self._partition, **told
        )

    async def _rebuilt(self, run: _Run) -> PartitionState:
        """From a snapshot that fits, or from the beginning; anew whenever a block turns out to be void."""
        while True:
            run.ahead = 0
            try:
                state = await self._begun(run)
                from_snapshot = state.place is not None
                await self._apply_rest(state, run)
            except SnapshotError as error:
                self._use_snapshot = False
                self._observer.snapshot_ignored(self._partition)
                log.warning("snapshot ignored", topic=self._config.changelog, partition=self._partition, why=str(error))
            except SupersededError as error:
                log.warning("changelog blocks were written twice", partition=self._partition, again_from=error.start)
            else:
                if from_snapshot:
                    self._observer.snapshot_used(self._partition)
                return state

    async def _begun(self, run: _Run) -> PartitionState:
        """The state of the snapshot, or an empty one. Raises `SnapshotError`."""
        step = self._new_step()
        if not self._use_snapshot:
            return PartitionState(step)
        state = await asyncio.to_thread(self._snapshots.read, self._partition, run.partitions, step)
        if state is None or state.place is None:
            return PartitionState(step)
        self._progressed()
        run.check(state, state.place)
        log.info("snapshot read", topic=self._config.changelog, partition=self._partition, blocks=state.blocks)
        return state

    async def _apply_rest(self, state: PartitionState, run: _Run) -> None:
        """Apply the blocks that follow. Raises `SnapshotError` when the state's snapshot is of another log."""
        known, begun = state.place, state.blocks
        start = run.bounds.beginning if known is None else known.offset
        async for records in self._logs.changelog(self._partition, start, run.bounds.stable):
            for record in records:
                packed = record.value or b""
                if known is not None:
                    if Place.of(record.offset, packed) != known:
                        raise SnapshotError("the changelog has another block where it ends")
                    known = None
                    continue
                try:
                    self._apply(state, record.offset, packed, run)
                except (SupersededError, MemoryError):
                    raise
                except Exception as error:
                    if begun == 0:
                        raise
                    raise SnapshotError(f"its state does not take the block that follows: {error!r}") from error
            share = (records[-1].offset + 1 - start) / max(1, run.bounds.stable - start)
            self._tell(state.blocks - begun, share)
        if known is not None:
            raise SnapshotError("the changelog does not have the block that it ends with")

    @staticmethod
    def _apply(state: PartitionState, offset: int, packed: bytes, run: _Run) -> None:
        block = Block.unpack(packed)
        if block.end > run.committed:
            run.ahead += 1
        elif not run.is_void(offset, block.end):
            try:
                state.apply(block, Place.of(offset, packed), run.partitions)
            except SupersededError as error:
                run.cuts.append(_Cut(offset, error.start))
                raise

    async def _take_newest(self, state: PartitionState, run: _Run) -> None:
        """Where the step keeps no state, all is in the newest block."""
        newest = await _newest(self._logs, self._partition, run.bounds, run.committed)
        run.ahead = newest.ahead
        if newest.block is not None:
            state.check(newest.block[0], run.partitions)
            state.take(*newest.block)

    def _tell(self, blocks: int, share: float) -> None:
        self._progressed()
        self._observer.restoring(self._partition, blocks, share)
        if time.monotonic() - self._said_at > LOG_SECONDS:
            self._said_at = time.monotonic()
            topic = self._config.changelog
            log.info("restoring", topic=topic, partition=self._partition, blocks=blocks, done=f"{share:.0%}")
