"""A lane: one input partition, from fetched records to committed transactions.

While a transaction runs, arriving batches wait and go together in the next one (group commit). The order is
fixed: restore, then again and again take what waits, step, write one transaction. A lane that is behind steps its
next batch while Kafka commits the last one; the state in memory is then ahead of what is committed, and whatever
goes wrong throws it away. When a record breaks the step, the state is restored, and the batch done again without
that record.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple

import structlog

from lodestream.engine.block import Block
from lodestream.engine.breaker import Breaker
from lodestream.engine.changelog import Logs, PartitionState, Place
from lodestream.engine.config import EngineConfig
from lodestream.engine.inbox import Fetched, Flow, Inbox, add_records
from lodestream.engine.observer import Observer
from lodestream.engine.output import Outgoing, PoisonedError, fault_of
from lodestream.engine.restore import Restorer
from lodestream.engine.snapshots import Snapshots
from lodestream.engine.snapshotter import Snapshotter
from lodestream.engine.step import NoState, Outcome, Prepares, Record, Step
from lodestream.engine.transaction import Message, TransactionalWriter
from lodestream.errors import StateError
from lodestream.origins import Marks

TURN_SECONDS = 0.003  # of work before other lanes and requests get their turn; a commit makes five round trips
MARKER_SECONDS = 10  # Kafka answers a commit before its markers are written: the newest block may show later
NOT_BEHIND = 256  # with fewer records waiting, a lane gives others the commit interval to arrive
LONG_SECONDS = 5.0  # a restore that takes longer gets a snapshot at once: the next should not

log = structlog.get_logger(__name__)


class _Position(NamedTuple):
    """How far the state in memory has come: the next input offset, and what else of the engine's is so there."""

    offset: int
    clock: int
    breaker: Breaker
    marks: Marks


class _Batch(NamedTuple):
    """A batch that went through the step, to be committed."""

    records: list[Record]
    outgoing: Outgoing
    messages: dict[tuple[str, int], list[Message]]
    block: bytes
    reached: _Position


class Lane:
    """Owns a partition until it is closed: `run` is its task, beside which a commit runs; `put` never waits."""

    def __init__(
        self,
        *,
        config: EngineConfig,
        partition: int,
        committed: int,
        start: int,
        writer: TransactionalWriter,
        new_step: Callable[[], Step],
        logs: Logs,
        snapshots: Snapshots,
        observer: Observer,
        flow: Flow,
        kept: PartitionState | None,
    ) -> None:
        self.partition = partition
        self.state: PartitionState | None = kept if kept is not None and kept.next_offset == committed else None
        self.ready = False
        self.progressed_at = time.monotonic()
        self._config = config
        self._committed = committed
        self._writer = writer
        self._new_step = new_step
        self._logs = logs
        self._observer = observer
        self._inbox = Inbox(config, partition, start, flow)
        self._restorer = Restorer(
            config=config,
            partition=partition,
            new_step=new_step,
            logs=logs,
            snapshots=snapshots,
            observer=observer,
            progressed=self._progress,
        )
        self._snapshotter = Snapshotter(config, partition, snapshots, observer)
        self._closing = False
        self._stepping = False  # a batch is half way through the step
        self._reached = _Position(committed, 0, Breaker(), Marks())
        self._committing: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._forced: dict[int, Outcome] = {}  # by offset: of those that broke the step, or are repeats (no output)
        self._input_partitions = 0
        self._partitions: dict[str, int] = {}  # of the topics to write to

    @property
    def next_offset(self) -> int:
        """The input offset up to which everything is committed."""
        return self.state.next_offset if self.state is not None else self._committed

    @property
    def busy(self) -> bool:
        """It has records that are not committed: queued, in the step or in a transaction."""
        return self.waiting > 0 or self._stepping or self._reached.offset != self.next_offset

    @property
    def keepable(self) -> PartitionState | None:
        """The state, when it is exactly the committed one: all that may outlive this lane."""
        if self.state is None or not self.ready or self._stepping:
            return None
        return self.state if self._reached.offset == self.state.next_offset else None

    @property
    def waiting(self) -> int:
        """Records that are fetched and not yet taken."""
        return self._inbox.waiting

    def _progress(self) -> None:
        self.progressed_at = time.monotonic()

    def put(self, fetched: Fetched) -> None:
        """Queue what was fetched, which must follow on what was put before."""
        if fetched.records and not self.busy:
            self.progressed_at = time.monotonic()  # until now there was nothing to do
        self._inbox.put(fetched)
        self._wake.set()

    def close(self) -> None:
        """Let `run` end after what it has stepped is committed; what waits is read again by the next owner."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Restore, then commit batch after batch until closed. Raises what stops the process."""
        config = self._config
        self._input_partitions = await self._writer.partitions(config.input)
        for topic in (*config.outputs, config.dead_letters):
            self._partitions[topic] = await self._writer.partitions(config.prefix + topic)
        if self.state is None or self.state.partitions != self._input_partitions:
            await self._restore()  # which refuses the state of another partition count
        state = self._state()
        state.breaker.check(config.breaker_run, config.breaker_ratio)
        self._reached = _Position(state.next_offset, state.clock, state.breaker, state.marks)
        self.ready = True
        self.progressed_at = time.monotonic()
        try:
            if state.next_offset < self._committed:
                await self._catch_up(state)
            await self._work(state)
        finally:
            if self._committing is not None:  # something else went wrong: its outcome does not matter any more
                self._committing.cancel()
                await asyncio.gather(self._committing, return_exceptions=True)
            await self._snapshotter.end()

    async def _catch_up(self, state: PartitionState) -> None:
        """Do again what was committed without its block: the consumer begins behind it."""
        bounds = await self._logs.input_offsets(self.partition)
        start = max(state.next_offset, bounds.beginning)
        if start >= self._committed:
            return
        async with aclosing(self._logs.input(self.partition, start, self._committed)) as pages:
            async for page in pages:
                records: list[Record] = []
                offset, clock, *_ = self._reached
                add_records(records, page, offset, clock, entrance=self._config.entrance)
                await self._go_through(state, records)
                if self._closing:
                    break
        await self._settle()

    async def _work(self, state: PartitionState) -> None:
        while not self._closing:
            if not self._inbox and self._committing is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            if self.waiting < NOT_BEHIND:  # others may come meanwhile: a transaction costs the same for many
                await self._settle()
                await asyncio.sleep(self._config.commit_interval if self._inbox else 0)
            await self._go_through(state, self._inbox.take(self._reached.offset, self._reached.clock))
            if self._snapshotter.is_due(state):
                await self._settle()
                if self._snapshotter.is_due(state):  # another lane may have begun one meanwhile
                    self._snapshotter.begin(self._input_partitions, state)
        await self._settle()

    async def _go_through(self, state: PartitionState, records: list[Record]) -> None:
        """Step the records and commit them, the last transaction of them still under way when this returns."""
        while records and not self._closing:
            batch = await self._prepare(state, records)
            await self._settle()
            self._committing = asyncio.create_task(self._commit(state, batch), name=f"commit-{self.partition}")
            await asyncio.sleep(0)  # it sends its first requests before the step takes the loop
            records = records[len(batch.records) :]

    async def _settle(self) -> None:
        """Wait for the transaction that is under way. Raises what it raised."""
        task, self._committing = self._committing, None
        if task is not None:
            await task

    def _state(self) -> PartitionState:
        if self.state is None:
            raise StateError(f"no state for {self._config.input}[{self.partition}]")
        return self.state

    async def _prepare(self, state: PartitionState, records: list[Record]) -> _Batch:
        """Step as many of the records as the time for one batch allows. The batch before may not be committed yet."""
        began = time.perf_counter()
        self._stepping = True
        marks = self._marked(records)
        outgoing, done = await self._step(state, records)
        start, _, breaker, _ = self._reached
        breaker = breaker.copy()
        breaker.count_all(outgoing.fates)
        last = records[done - 1]
        reached = _Position(
            last.offset + 1, last.clock, breaker, marks if done == len(records) else self._marked(records[:done])
        )
        block = Block(
            state.step.state.FORMAT,
            self._input_partitions,
            start,
            reached.offset,
            reached.clock,
            breaker.pack(),
            reached.marks.pack(),
            state.step.state.drain(),
        ).pack()
        messages = outgoing.messages()
        messages[self._config.changelog, self.partition] = [(None, block, [])]
        self._reached = reached
        self._stepping = False
        self._observer.stepped(done, time.perf_counter() - began)
        return _Batch(records[:done], outgoing, messages, block, reached)

    def _marked(self, records: Sequence[Record]) -> Marks:
        """The origin marks after these records. What the stage before wrote twice gets no output this time."""
        upstream = self._config.upstream
        if upstream is None:
            return self._reached.marks
        marks = self._reached.marks.copy()
        for record in records:
            if not marks.take(record.headers, upstream):
                self._forced[record.offset] = ()
        return marks

    async def _commit(self, state: PartitionState, batch: _Batch) -> None:
        """Write one transaction. Raises what stops the process."""
        began = time.perf_counter()
        try:
            written = await self._writer.commit(batch.messages, batch.reached.offset)
        except BaseException:
            self._observer.aborted()
            raise
        seconds = time.perf_counter() - began
        state.next_offset, state.clock, state.breaker, state.marks = batch.reached
        state.blocks += 1
        at = written[self._config.changelog, self.partition]
        state.place = Place.of(at, batch.block) if at >= 0 else None
        self.progressed_at = time.monotonic()
        wall = time.time()
        ages = [wall - record.ingested_at / 1000 for record in batch.records]
        self._observer.committed(seconds, batch.outgoing.counts, ages)
        if batch.outgoing.reasons:
            self._observer.dead_lettered(batch.outgoing.reasons)
        if self._forced:
            self._forget_forced(batch.records)
        self._report_state(state)
        state.breaker.check(self._config.breaker_run, self._config.breaker_ratio)

    def _forget_forced(self, committed: Sequence[Record]) -> None:
        """What was committed will not come again."""
        repeats = [record.offset for record in committed if self._forced.pop(record.offset, None) == ()]
        if repeats:
            self._observer.repeated(len(repeats))
            log.warning(
                "records that were written twice are dropped",
                topic=self._config.input,
                partition=self.partition,
                first=repeats[0],
                records=len(repeats),
            )

    async def _step(self, state: PartitionState, records: list[Record]) -> tuple[Outgoing, int]:
        """Outputs of the records and how many were done.

        A record that breaks the step ends the batch before it: what came before is committed first, then its
        letter. So progress and the breaker's counts are durable however many such records there are.
        """
        chunk = self._config.step_records
        until = len(records)
        while True:
            now = int(time.time() * 1000)  # for the header `processed_at`, which nothing is compared by
            outgoing = Outgoing(self._config, self._partitions, now)
            turned = time.perf_counter()
            deadline = turned + self._config.batch_seconds
            done = 0
            try:
                while done < until and (done == 0 or time.perf_counter() < deadline):
                    some = records[done : min(done + chunk, until)]
                    self._observer.received(len(some))
                    outgoing.add_all(some, await self._outcomes(state.step, some))
                    done += len(some)
                    if outgoing.reasons and self._opens(self._reached.breaker, outgoing.fates):
                        break  # what is done is committed, then the breaker stops the process
                    if time.perf_counter() - turned > TURN_SECONDS:
                        await asyncio.sleep(0)
                        turned = time.perf_counter()
            except PoisonedError as poisoned:
                if poisoned.record is not None:
                    self._forced[poisoned.record.offset] = poisoned.rejected
                    until = max(1, records.index(poisoned.record))
                chunk = 1
                await self._rewind(state)
            else:
                return outgoing, done

    def _opens(self, breaker: Breaker, fates: list[bool]) -> bool:
        after = breaker.copy()
        after.count_all(fates)
        return after.is_open(self._config.breaker_run, self._config.breaker_ratio)

    async def _outcomes(self, step: Step, records: list[Record]) -> list[Outcome]:
        forced = self._forced
        given = [record for record in records if record.offset not in forced] if forced else records
        try:
            if given and isinstance(step, Prepares):
                await step.prepare(given)
            outcomes = step.process(given) if given else []
        except Exception as error:
            rejected = fault_of(error)  # raises again what is not one record's fault
            raise PoisonedError(given[0] if len(given) == 1 else None, rejected) from error
        if len(outcomes) != len(given):
            raise TypeError(f"the step gave {len(outcomes)} outcomes for {len(given)} records")
        if len(given) == len(records):
            return outcomes
        of_given = iter(outcomes)
        return [forced[record.offset] if record.offset in forced else next(of_given) for record in records]

    async def _rewind(self, state: PartitionState) -> None:
        """Throw the state in memory away and take the committed one in its place."""
        await self._settle()  # the batches before this one are part of it
        if isinstance(state.step.state, NoState):
            state.step = self._new_step()
            return
        deadline = time.monotonic() + MARKER_SECONDS
        while True:
            fresh = await self._restorer.restore(state.next_offset, self._input_partitions)
            if fresh.next_offset == state.next_offset and fresh.blocks >= min(state.blocks, 1):
                break
            if time.monotonic() > deadline:
                raise StateError(
                    f"the changelog ends at input offset {fresh.next_offset}, but {state.next_offset} is committed"
                )
            await asyncio.sleep(0.1)
        self.progressed_at = time.monotonic()
        state.step, state.clock, state.breaker, state.marks = fresh.step, fresh.clock, fresh.breaker, fresh.marks
        state.blocks, state.place = fresh.blocks, fresh.place

    async def _restore(self) -> None:
        began = time.perf_counter()
        state = await self._restorer.restore(self._committed, self._input_partitions)
        if state.blocks == 0 and state.next_offset == self._committed > 0 and not await self._has_expired():
            raise StateError(
                f"{self._config.changelog}[{self.partition}] is empty and has never held anything, but input offset "
                f"{self._committed} is committed: the changelog was deleted, or the offset set by hand. Replay under "
                "a new prefix"
            )
        self._restorer.report_tears(state, self._committed)
        seconds = time.perf_counter() - began
        self.state = state
        self._observer.restored(self.partition, state.blocks, seconds)
        log.info("restored", topic=self._config.input, partition=self.partition, blocks=state.blocks, seconds=seconds)
        if seconds > LONG_SECONDS:
            self._snapshotter.hurry()
        self._report_state(state)

    async def _has_expired(self) -> bool:
        """Whether retention has taken what the changelog held."""
        return (await self._logs.changelog_offsets(self.partition)).beginning > 0

    def _report_state(self, state: PartitionState) -> None:
        kept = state.step.state
        self._observer.state(self.partition, kept.sizes(), kept.evictions())
