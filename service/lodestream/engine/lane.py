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
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from lodestream.engine.breaker import Breaker
from lodestream.engine.changelog import Block, Changelog, MissingBlocksError, PartitionState, restore
from lodestream.engine.config import EngineConfig
from lodestream.engine.observer import Observer
from lodestream.engine.output import Outgoing, PoisonedError, fault_of
from lodestream.engine.step import NoState, Outcome, Record, Step
from lodestream.engine.transaction import Message, TransactionalWriter
from lodestream.errors import Rejected, StateError
from lodestream.headers import Header
from lodestream.times import from_rfc3339

CHUNK = 64  # records a step gets at once: enough for its vector code, few enough to turn the loop in between
TURN_SECONDS = 0.003  # of work before other lanes and requests get their turn; a commit makes five round trips
RECORD_BYTES = 300  # of a fetched record beside its value: objects, key, headers; about
MARKER_SECONDS = 10  # Kafka answers a commit before its markers are written: the newest block may show later
NOT_BEHIND = 256  # with fewer records waiting, a lane gives others the commit interval to arrive


class _Position(NamedTuple):
    """How far the state in memory has come: the next input offset, and the log's clock and the breaker there."""

    offset: int
    clock: int
    breaker: Breaker


class _Batch(NamedTuple):
    """A batch that went through the step, to be committed."""

    records: list[Record]
    outgoing: Outgoing
    messages: dict[tuple[str, int], list[Message]]
    reached: _Position


class Flow(Protocol):
    """Stops and restarts the fetching of one partition."""

    def pause(self, partition: int) -> None: ...

    def resume(self, partition: int) -> None: ...


class Lane:
    """Owns a partition until it is closed: `run` is its task, beside which a commit runs; `put` never waits."""

    def __init__(
        self,
        *,
        config: EngineConfig,
        partition: int,
        committed: int,
        writer: TransactionalWriter,
        new_step: Callable[[], Step],
        changelog: Changelog,
        observer: Observer,
        flow: Flow,
        kept: PartitionState | None,
    ) -> None:
        self.partition = partition
        self.state: PartitionState | None = kept if kept is not None and kept.next_offset == committed else None
        self.ready = False
        self.progressed_at = time.monotonic()
        self.waiting = 0  # records
        self._config = config
        self._committed = committed
        self._writer = writer
        self._new_step = new_step
        self._changelog = changelog
        self._observer = observer
        self._flow = flow
        self._queue: deque[tuple[list[Any], int]] = deque()  # fetched aiokafka.ConsumerRecords, and their bytes
        self._bytes = 0
        self._paused = False
        self._closing = False
        self._stepping = False  # a batch is half way through the step
        self._reached = _Position(committed, 0, Breaker())
        self._committing: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._forced: dict[int, Rejected] = {}  # offsets that broke the step
        self._input_partitions = 0
        self._partitions: dict[str, int] = {}  # of the topics to write to

    @property
    def next_offset(self) -> int:
        """The input offset up to which everything is committed."""
        return self.state.next_offset if self.state is not None else self._committed

    @property
    def keepable(self) -> PartitionState | None:
        """The state, when it is exactly the committed one: all that may outlive this lane."""
        if self.state is None or not self.ready or self._stepping:
            return None
        return self.state if self._reached.offset == self.state.next_offset else None

    def put(self, records: list[Any]) -> None:
        """Queue fetched records; past the byte limit the partition is not fetched until the lane has caught up."""
        size = sum(record.serialized_value_size for record in records) + RECORD_BYTES * len(records)
        if not self._queue:
            self.progressed_at = time.monotonic()  # until now there was nothing to do
        self._queue.append((records, size))
        self.waiting += len(records)
        self._bytes += size
        if not self._paused and self._bytes > self._config.queue_bytes:
            self._paused = True
            self._flow.pause(self.partition)
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
        if self.state is None:
            await self._restore()
        state = self._state()
        state.breaker.check(config.breaker_run, config.breaker_ratio)
        self._reached = _Position(state.next_offset, state.clock, state.breaker)
        self.ready = True
        self.progressed_at = time.monotonic()
        try:
            await self._work(state)
        finally:
            if self._committing is not None:  # something else went wrong: its outcome does not matter any more
                self._committing.cancel()
                await asyncio.gather(self._committing, return_exceptions=True)

    async def _work(self, state: PartitionState) -> None:
        while not self._closing:
            if not self._queue and self._committing is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            if self.waiting < NOT_BEHIND:  # others may come meanwhile: a transaction costs the same for many
                await self._settle()
                await asyncio.sleep(self._config.commit_interval if self._queue else 0)
            records = self._take()
            while records and not self._closing:
                batch = await self._prepare(state, records)
                await self._settle()
                self._committing = asyncio.create_task(self._commit(state, batch), name=f"commit-{self.partition}")
                await asyncio.sleep(0)  # it sends its first requests before the step takes the loop
                records = records[len(batch.records) :]
        await self._settle()

    async def _settle(self) -> None:
        """Wait for the transaction that is under way. Raises what it raised."""
        task, self._committing = self._committing, None
        if task is not None:
            await task

    def _state(self) -> PartitionState:
        if self.state is None:
            raise StateError(f"no state for {self._config.input}[{self.partition}]")
        return self.state

    def _take(self) -> list[Record]:
        """Take what one transaction may hold off the queue. Records that were stepped already are dropped."""
        config = self._config
        records: list[Record] = []
        size = 0
        next_offset, clock, _ = self._reached
        carried = _append_time if config.entrance else _ingested_at
        new = tuple.__new__  # a third of what the NamedTuple's own constructor costs
        while self._queue and len(records) < config.batch_records and size < config.batch_bytes:
            fetched, bytes_ = self._queue.popleft()
            room = config.batch_records - len(records)
            if len(fetched) > room:
                rest = bytes_ * (len(fetched) - room) // len(fetched)
                self._queue.appendleft((fetched[room:], rest))
                fetched, bytes_ = fetched[:room], bytes_ - rest
            self.waiting -= len(fetched)
            self._bytes -= bytes_
            size += bytes_
            for raw in fetched:
                if raw.offset < next_offset:
                    continue
                at = carried(raw) if raw.headers else raw.timestamp
                clock = max(clock, at)
                records.append(
                    new(Record, (raw.topic, raw.partition, raw.offset, raw.key, raw.value, raw.headers, at, clock))
                )
        if self._paused and self._bytes < config.queue_bytes // 2:
            self._paused = False
            self._flow.resume(self.partition)
        return records

    async def _prepare(self, state: PartitionState, records: list[Record]) -> _Batch:
        """Step as many of the records as the time for one batch allows. The batch before may not be committed yet."""
        began = time.perf_counter()
        self._stepping = True
        outgoing, done = await self._step(state, records)
        start, _, breaker = self._reached
        breaker = breaker.copy()
        breaker.count_all(outgoing.fates)
        last = records[done - 1]
        reached = _Position(last.offset + 1, last.clock, breaker)
        block = Block(
            state.step.state.FORMAT,
            self._input_partitions,
            start,
            reached.offset,
            reached.clock,
            breaker.pack(),
            state.step.state.drain(),
        )
        messages = outgoing.messages()
        messages[self._config.changelog, self.partition] = [(None, block.pack(), [])]
        self._reached = reached
        self._stepping = False
        self._observer.stepped(done, time.perf_counter() - began)
        return _Batch(records[:done], outgoing, messages, reached)

    async def _commit(self, state: PartitionState, batch: _Batch) -> None:
        """Write one transaction. Raises what stops the process."""
        began = time.perf_counter()
        try:
            await self._writer.commit(batch.messages, batch.reached.offset)
        except BaseException:
            self._observer.aborted()
            raise
        seconds = time.perf_counter() - began
        state.next_offset, state.clock, state.breaker = batch.reached
        state.blocks += 1
        self.progressed_at = time.monotonic()
        wall = time.time()
        ages = [wall - record.ingested_at / 1000 for record in batch.records]
        self._observer.committed(seconds, batch.outgoing.counts, ages)
        if batch.outgoing.reasons:
            self._observer.dead_lettered(batch.outgoing.reasons)
        self._forced = {offset: why for offset, why in self._forced.items() if offset >= state.next_offset}
        self._report_state(state)
        state.breaker.check(self._config.breaker_run, self._config.breaker_ratio)

    async def _step(self, state: PartitionState, records: list[Record]) -> tuple[Outgoing, int]:
        """Outputs of the records and how many were done.

        A record that breaks the step ends the batch before it: what came before is committed first, then its
        letter. So progress and the breaker's counts are durable however many such records there are.
        """
        chunk = CHUNK
        until = len(records)
        while True:
            outgoing = Outgoing(self._config, self._partitions, self._wall_clock())
            turned = time.perf_counter()
            deadline = turned + self._config.batch_seconds
            done = 0
            try:
                while done < until and (done == 0 or time.perf_counter() < deadline):
                    some = records[done : min(done + chunk, until)]
                    self._observer.received(len(some))
                    outgoing.add_all(some, self._outcomes(state.step, some))
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

    def _outcomes(self, step: Step, records: list[Record]) -> list[Outcome]:
        forced = self._forced
        given = [record for record in records if record.offset not in forced] if forced else records
        try:
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
        self._committed = state.next_offset
        deadline = time.monotonic() + MARKER_SECONDS
        while True:
            try:
                fresh = await self._restored(at_least=min(state.blocks, 1))
                break
            except MissingBlocksError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)
        self.progressed_at = time.monotonic()
        state.step, state.clock, state.breaker, state.blocks = fresh.step, fresh.clock, fresh.breaker, fresh.blocks

    async def _restore(self) -> None:
        began = time.perf_counter()
        self.state = await self._restored(at_least=0)
        if self.state.blocks == 0 and self._committed > 0 and not await self._changelog.has_expired(self.partition):
            raise StateError(
                f"{self._config.changelog}[{self.partition}] is empty and has never held anything, but input offset "
                f"{self._committed} is committed: the changelog was deleted, or the offset set by hand. Replay under "
                "a new prefix"
            )
        self._observer.restored(self.partition, self.state.blocks, time.perf_counter() - began)
        self._report_state(self.state)

    async def _restored(self, at_least: int) -> PartitionState:
        """The state at the committed offset. Raises `MissingBlocksError` also for fewer blocks than `at_least`."""
        fresh = PartitionState(self._new_step())
        blocks = self._changelog.blocks(self.partition)
        async for applied in restore(fresh, blocks, self._committed, self._input_partitions):
            self.progressed_at = time.monotonic()
            self._observer.restoring(self.partition, applied)
        if fresh.blocks < at_least:
            raise MissingBlocksError(f"the block that ends at input offset {self._committed} is not there")
        return fresh

    def _report_state(self, state: PartitionState) -> None:
        kept = state.step.state
        self._observer.state(self.partition, kept.sizes(), kept.evictions())

    @staticmethod
    def _wall_clock() -> int:
        """For the header `processed_at`, which no step reads and nothing is compared by."""
        return int(time.time() * 1000)


def _ingested_at(raw: Any) -> int:
    """The time that the log's clock goes by, which a header carries from where the document entered."""
    for name, value in raw.headers:
        if name == Header.INGESTED_AT and value is not None:
            try:
                return from_rfc3339(value.decode())
            except ValueError:  # a foreign header: the broker's own time stands in
                break
    return _append_time(raw)


def _append_time(raw: Any) -> int:
    """The broker's append time: where documents enter, no header of theirs may move the log's clock."""
    return int(raw.timestamp)
