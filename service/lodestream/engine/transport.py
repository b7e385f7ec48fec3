"""Faust's transport, so that one Faust event is one batch of records of one partition.

Faust's cost is per event, so it all but vanishes, and an agent stays an ordinary Faust agent. Offsets travel
inside the lanes' transactions: Faust's own commits commit nothing, so its acks, on time or too early, do no harm.
The overridden methods are internals of the pinned Faust and aiokafka: `tests/unit/test_engine_internals.py`
names them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, NamedTuple, Protocol

import aiokafka
import faust
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from lodestream.engine.config import EngineConfig
from lodestream.errors import LodestreamError

FETCH_WAIT_MS = 500  # an empty fetch comes back after this: what an idle worker does, for the most part
REBALANCE_SECONDS = 60.0  # that the group waits for its members at a rebalance
SEEK_SECONDS = 75  # to take partitions over: below Faust's own 90, above a transaction's time-out
FETCH_BYTES = 4 << 20  # per partition and fetch; larger fetches were slower, smaller ones cost more events
NEVER_MS = 2**31 - 1  # what the group protocol's fields hold: 24 days


class Fetched(NamedTuple):
    """What one fetch took of a partition: all committed records from offset `begin` to before `end`, maybe none.

    `epoch` is how often the consumer had sought before. A fetch and a seek never overlap.
    """

    epoch: int
    begin: int
    end: int
    records: list[Any]  # aiokafka.ConsumerRecord


class Batch(NamedTuple):
    """What an agent gets as one event."""

    partition: int
    fetched: Fetched


class Lanes(Protocol):
    """What the transport asks of the engine at each assignment."""

    config: EngineConfig

    async def fence(self, partitions: set[int]) -> None:
        """End the lanes, start a producer per partition: nobody else can write for them any more."""
        ...

    async def remembered(self, committed: Mapping[int, int]) -> Mapping[int, int]:
        """The committed offsets (0: none), with those that Kafka has forgotten."""
        ...

    async def starts(self, committed: Mapping[int, int]) -> Mapping[int, int]:
        """Where to read each partition from: its committed offset (0: none), or the log's beginning."""
        ...

    def open(self, committed: Mapping[int, int], starts: Mapping[int, int], epoch: int) -> None:
        """Start a lane per partition from its committed offset. What was fetched in an earlier epoch is void."""
        ...

    async def finish(self, partitions: Collection[int]) -> None:
        """Wait until what is fetched of these partitions is committed, for a while."""
        ...

    async def fail(self, error: BaseException) -> None:
        """End the process."""
        ...


class BatchSchema(faust.Schema):  # type: ignore[type-arg]
    """Hands the batch through: decoding belongs to the step, a decode error in Faust would drop the message."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> None:  # noqa: ARG002
        return None

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:  # noqa: ARG002
        return message.value


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The consumer, in its own thread: heartbeats go on while the event loop computes.

    Positions change there alone: by fetches, each of which says what it covers, and by `seek_all` while there is none.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._epoch = 0
        self._seeks = 0  # that were asked for: only the last one counts
        self._fetches = 0  # under way
        self._fetch_ended = asyncio.Condition()

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        config: EngineConfig = transport.lanes.config
        self._assignor = RoundRobinPartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            **config.client,
            group_id=config.group,
            group_instance_id=config.instance_id,
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="none",  # what retention took unread must be told, and never skipped in silence
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            # Else a worker that fetches nothing for so long leaves the group, in silence and for good: one without
            # partitions, or with all of them paused. Whether there is progress is the watchdog's to say.
            max_poll_interval_ms=NEVER_MS,
            session_timeout_ms=int(config.session_timeout * 1000),
            heartbeat_interval_ms=int(config.session_timeout * 1000 / 3),
            rebalance_timeout_ms=int(REBALANCE_SECONDS * 1000),
        )

    async def _fetch_records(  # type: ignore[override]  # what it returns goes to `getmany` below alone
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> dict[TP, Fetched]:
        self._fetches += 1
        try:
            before = _positions(consumer)
            records = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
            return {
                # Before the first seek no beginning is known: what is fetched then follows on nothing.
                tp: Fetched(self._epoch, before.get(tp, end), end, records.get(tp, []))
                for tp, end in _positions(consumer).items()
                if before.get(tp) != end
            }
        finally:
            self._fetches -= 1
            async with self._fetch_ended:
                self._fetch_ended.notify_all()

    async def committed(self, partitions: Collection[TP]) -> dict[TP, int]:
        """The group's next offset of each partition; 0 where it has none."""
        found: dict[TP, int] = await self.call_thread(self._committed, self._ensure_consumer(), partitions)
        return found

    @staticmethod
    async def _committed(consumer: aiokafka.AIOKafkaConsumer, partitions: Collection[TP]) -> dict[TP, int]:
        return {tp: await consumer.committed(tp) or 0 for tp in partitions}

    async def seek_all(self, starts: Mapping[TP, int]) -> int:
        """Go on from these offsets once no fetch is under way; the epoch that begins. The flow must be stopped.

        Raises `IllegalStateError` when a partition is not ours any more, or another seek was asked for since.
        """
        self._seeks += 1
        epoch: int = await self.call_thread(self._seek_all, self._ensure_consumer(), starts, self._seeks)
        return epoch

    async def _seek_all(self, consumer: aiokafka.AIOKafkaConsumer, starts: Mapping[TP, int], number: int) -> int:
        async with self._fetch_ended:
            await self._fetch_ended.wait_for(lambda: not self._fetches)
            if number != self._seeks:  # who asked for this one was cancelled, which does not reach this thread
                raise IllegalStateError("another seek was asked for")
            for tp, start in starts.items():
                consumer.seek(tp, start)
            self._epoch += 1
            return self._epoch


class Consumer(driver.Consumer):
    """Yields batches, commits nothing, and lets the engine fence at every assignment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._opened: int | None = None  # the epoch that the lanes take; None: there are none, or they are of the past
        self._rebalances = 0

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._begin_rebalance()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._begin_rebalance()
        await super().on_partitions_assigned(assigned, generation_id)

    def _begin_rebalance(self) -> None:
        self._opened = None
        self._rebalances += 1

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's signature
        try:
            records, _active = await self._wait_next_records(timeout)
        except NoOffsetForPartitionError:  # `perform_seek` says where to begin, and is about to
            return
        except OffsetOutOfRangeError as error:
            lanes: Lanes = self.transport.lanes  # type: ignore[attr-defined]
            await lanes.finish({tp.partition for tp in error.args[0]})  # what was fetched is in the log no longer
            gone = ", ".join(f"{tp.topic}[{tp.partition}]:{offset}" for tp, offset in error.args[0].items())
            raise LodestreamError(
                f"{gone} is no longer in the log: retention took records before they were read. The worker begins anew "
                "where the log does, and says how much was lost"
            ) from error
        if not records or self.should_stop:
            return
        taken: Mapping[TP, Fetched] = records  # type: ignore[assignment]  # by `_fetch_records` above
        for tp, fetched in taken.items():
            # At a rebalance the positions are sought anew from the committed offsets, so what is dropped here is read
            # again by whoever owns the partition then. The flow may go on meanwhile: Faust does not stop it where
            # there were no partitions, and resumes it after a seek that the next rebalance made void.
            if not self.flow_active or fetched.epoch != self._opened:
                return
            last = fetched.records[-1] if fetched.records else None
            yield (
                tp,
                ConsumerMessage(
                    tp.topic,
                    tp.partition,
                    fetched.end - 1,
                    last.timestamp / 1000 if last else 0.0,
                    last.timestamp_type if last else 0,
                    [],
                    None,
                    Batch(tp.partition, fetched),  # type: ignore[arg-type]
                    None,
                    0,
                    0,
                    tp,
                    generation_id=self.app.consumer_generation_id,
                ),
            )

    async def _commit(self, offsets: Any) -> bool:  # noqa: ARG002
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust's bookkeeping per offset, which nothing here needs."""

    async def perform_seek(self) -> None:
        """Fence first, read the committed offsets then: what a former owner had open is ended by that.

        Faust gives up waiting for this after a while, and lives on without it: so it has a limit of its own.
        """
        lanes: Lanes = self.transport.lanes  # type: ignore[attr-defined]
        try:
            async with asyncio.timeout(SEEK_SECONDS):
                await self._seek_all(lanes)
        except TimeoutError:
            await lanes.fail(LodestreamError(f"Kafka did not let us take over partitions within {SEEK_SECONDS} s"))
        except LodestreamError as error:
            await lanes.fail(error)

    async def _seek_all(self, lanes: Lanes) -> None:
        rebalances = self._rebalances
        self.stop_flow()  # Faust may not have, and resumes it after this
        mine = {tp for tp in self.assignment() if tp.topic == lanes.config.input}
        await lanes.fence({tp.partition for tp in mine})
        found = await self._thread.committed(mine)  # type: ignore[attr-defined]
        committed = await lanes.remembered({tp.partition: offset for tp, offset in found.items()})
        starts = await lanes.starts(committed)
        if rebalances != self._rebalances:  # they are not ours any more, or come again
            return
        try:
            epoch = await self._thread.seek_all({tp: starts[tp.partition] for tp in mine})  # type: ignore[attr-defined]
        except IllegalStateError:  # the same
            return
        if rebalances == self._rebalances:
            self._read_offset.update({tp: starts[tp.partition] or None for tp in mine})
            lanes.open(committed, starts, epoch)
            self._opened = epoch

    def group_error(self) -> BaseException | None:
        """What the group refused us with, as long as nobody has taken notice.

        aiokafka waits with such an error for its user's next call, and before the first assignment Faust makes none.
        """
        consumer = self._thread._consumer  # noqa: SLF001 - named in tests/unit/test_engine_internals.py
        coordinator = None if consumer is None else consumer._coordinator  # noqa: SLF001 - the same
        if not isinstance(coordinator, GroupCoordinator):
            return None
        task = coordinator._coordination_task  # noqa: SLF001 - the same
        error: BaseException | None = coordinator._pending_exception  # noqa: SLF001 - the same
        if task.done() and not task.cancelled():
            error = task.exception() or error
        return error

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's stuck detection counts events and commits that do not exist here; health has its own."""


def _positions(consumer: aiokafka.AIOKafkaConsumer) -> dict[TP, int]:
    """By assigned partition the offset that is fetched next, where that is known."""
    subscription = consumer._subscription.subscription  # noqa: SLF001 - named in tests/unit/test_engine_internals.py
    assignment = None if subscription is None else subscription.assignment
    if assignment is None:
        return {}
    states = {tp: assignment.state_value(tp) for tp in assignment.tps}
    return {TP(*tp): state.position for tp, state in states.items() if state.has_valid_position}


class Transport(driver.Transport):
    """Faust's aiokafka transport with the consumer above."""

    Consumer = Consumer
    lanes: Lanes
