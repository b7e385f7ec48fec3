"""The engine of one agent: a Faust app, a lane per assigned partition, and the rules of failing fast."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import faust
import mode
import structlog
from faust.types import TP

from lodestream.engine.changelog import PartitionState
from lodestream.engine.config import EngineConfig
from lodestream.engine.lane import Lane
from lodestream.engine.observer import Observer
from lodestream.engine.restore import forgotten_offset
from lodestream.engine.snapshots import Snapshots
from lodestream.engine.step import Step
from lodestream.engine.topic_logs import TopicLogs
from lodestream.engine.transaction import FencedError, TransactionalWriter
from lodestream.engine.transport import REBALANCE_SECONDS, Batch, BatchSchema, Transport
from lodestream.errors import LodestreamError, TopicsError

FINISH_SECONDS = 60  # to commit what is fetched and can be fetched no more
CLOSE_SECONDS = 15  # a lane's last transactions at a rebalance or stop; past it the next owner's fence ends them
LOOP_SECONDS = 10  # an event loop that has not turned for so long is not alive: 50 times a batch's 0.2 s
MONITOR_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Condition(NamedTuple):
    """An answer for a health check, and why."""

    ok: bool
    reason: str


class App(faust.App):
    """Faust's app without its folders: all state is in Kafka. `on_crash` is called before a crash is carried out."""

    on_crash: Callable[[], None] | None = None

    def _create_directories(self) -> None:
        pass

    async def crash(self, reason: BaseException) -> None:
        if self.on_crash is not None:
            self.on_crash()
        await super().crash(reason)


class Engine:
    """Runs one agent. `app` is what a Faust worker starts; `live` and `ready` answer from any thread."""

    def __init__(self, config: EngineConfig, new_step: Callable[[], Step], observer: Observer) -> None:
        self.config = config
        self.failure: BaseException | None = None
        self.on_stopped: Callable[[], None] | None = None  # called when nothing is in flight any more
        self._new_step = new_step
        self._logs = TopicLogs(config)
        self._snapshots = Snapshots(config)
        self._observer = observer
        self._lanes: dict[int, Lane] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._writers: dict[int, TransactionalWriter] = {}
        self._kept: dict[int, PartitionState] = {}
        self._fencing = asyncio.Lock()
        self._epoch = 0  # of the consumer: how often it has sought
        self._assigned = False
        self._stopping = False
        self._turned_at = time.monotonic()
        self._refused: BaseException | None = None  # what the group refused us with, at the last look
        self._failing: asyncio.Task[None] | None = None
        self._joining = True  # the group is to say which partitions are ours; else it has said so
        self._unopened_since: float | None = time.monotonic()  # no lanes, and not for want of partitions
        self.app = self._build_app()

    # What Faust calls.

    def _build_app(self) -> App:
        config = self.config
        app = App(
            config.group,
            broker=[f"kafka://{server}" for server in config.client["bootstrap_servers"]],
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            table_standby_replicas=0,
            agent_supervisor=mode.CrashingSupervisor,
            stream_buffer_maxsize=64,
            worker_redirect_stdouts=False,
            broker_session_timeout=config.session_timeout,
            broker_heartbeat_interval=config.session_timeout / 3,
        )
        transport = Transport(app.conf.broker_consumer, app)
        transport.lanes = self
        app.transport = transport

        @app.agent(app.topic(config.input, schema=BatchSchema()), name=config.agent)
        async def lanes(stream: Any) -> None:
            async for batch in stream:
                self._submit(batch)

        @app.task  # type: ignore[untyped-decorator]
        async def monitor() -> None:
            await self._monitor()

        @app.on_partitions_revoked.connect(weak=False)
        async def revoked(*_args: Any, **_kwargs: Any) -> None:
            self._assigned = False
            self._joining, self._unopened_since = True, time.monotonic()
            self._observer.ready(False)
            await self._close_lanes()

        @app.on_partitions_assigned.connect(weak=False)
        async def assigned(_app: Any, partitions: Collection[TP], **_kwargs: Any) -> None:
            if partitions:
                self._given()
            else:  # Faust seeks nothing then, so nobody opens what there is: nothing
                await self.fence(set())
                self.open({}, {}, self._epoch)

        @app.on_before_shutdown.connect(weak=False)
        async def stopping(*_args: Any, **_kwargs: Any) -> None:
            await self.stop()

        return app

    def _given(self) -> None:
        """The group has said which partitions are ours: what follows is for us to do."""
        if self._joining and not self._assigned:
            self._joining, self._unopened_since = False, time.monotonic()

    def _submit(self, batch: Batch) -> None:
        lane = self._lanes.get(batch.partition)
        if lane is not None and batch.fetched.epoch == self._epoch:
            lane.put(batch.fetched)

    async def fence(self, partitions: set[int]) -> None:
        """End the lanes and start a producer per partition, which ends what a former owner had open.

        Cancelled midway by a new rebalance, it leaves producers that the next call stops.
        """
        self._given()
        async with self._fencing:
            await self._close_lanes()
            await asyncio.gather(*(writer.stop() for writer in self._writers.values()))
            self._writers.clear()
            for partition in sorted(partitions):
                self._writers[partition] = TransactionalWriter(self.config, partition)
            await asyncio.gather(*(writer.start() for writer in self._writers.values()))
            log.info("fenced", topic=self.config.input, partitions=sorted(partitions))

    async def remembered(self, committed: Mapping[int, int]) -> dict[int, int]:
        """The committed offsets; what the group has forgotten is given back to it, by what the changelog says."""
        none = [partition for partition, offset in committed.items() if offset == 0]
        found = await asyncio.gather(*(forgotten_offset(self._logs, partition) for partition in none))
        forgotten = {partition: end for partition, end in zip(none, found, strict=True) if end}
        for partition, end in forgotten.items():
            log.warning(
                "the group had forgotten its offset: the changelog tells it",
                topic=self.config.input,
                partition=partition,
                offset=end,
            )
            await self._writers[partition].commit({}, end)
        return {**committed, **forgotten}

    async def starts(self, committed: Mapping[int, int]) -> dict[int, int]:
        """Where to read each partition from. Says what retention took unread; raises `TopicsError` for a lost log."""
        starts = {}
        for partition, bounds in (await self._logs.all_input_offsets(committed)).items():
            offset = committed[partition]
            where = {"topic": self.config.input, "partition": partition}
            if offset > bounds.high:
                raise TopicsError(
                    f"{self.config.input}[{partition}] ends at {bounds.high}, but {offset} is committed: the topic was "
                    "made anew, or has lost its end. Replay under a new prefix"
                )
            if 0 < offset < bounds.beginning:
                self._observer.expired(bounds.beginning - offset)
                log.error("records were lost: retention took them unread", **where, first=offset, end=bounds.beginning)
            starts[partition] = max(offset, bounds.beginning)
        return starts

    def open(self, committed: Mapping[int, int], starts: Mapping[int, int], epoch: int) -> None:
        """Start a lane per partition: state from its committed offset, records from its start in this epoch on.

        A state that was kept stays when it is the committed one.
        """
        self._epoch = epoch
        self._unopened_since = None
        kept, self._kept = self._kept, {}
        for partition, offset in committed.items():
            lane = Lane(
                config=self.config,
                partition=partition,
                committed=offset,
                start=starts[partition],
                writer=self._writers[partition],
                new_step=self._new_step,
                logs=self._logs,
                snapshots=self._snapshots,
                observer=self._observer,
                flow=self,
                kept=kept.pop(partition, None),
            )
            self._lanes[partition] = lane
            self._tasks[partition] = asyncio.create_task(self._run_lane(lane), name=f"lane-{partition}")
        for partition in kept:
            self._observer.released(partition)
        self._assigned = True
        self._observer.rebalanced(len(committed))

    async def finish(self, partitions: Collection[int]) -> None:
        """Wait until what is fetched of these partitions is committed, for a minute at most."""
        until = time.monotonic() + FINISH_SECONDS
        mine = [lane for at, lane in self._lanes.items() if at in partitions]
        while time.monotonic() < until and any(lane.busy for lane in mine):  # noqa: ASYNC110 - lanes tell nobody
            await asyncio.sleep(0.05)

    def pause(self, partition: int) -> None:
        """Stop fetching a partition whose lane is full (called by the lane)."""
        self.app.consumer.on_buffer_full(TP(self.config.input, partition))

    def resume(self, partition: int) -> None:
        """Fetch it again."""
        self.app.consumer.on_buffer_drop(TP(self.config.input, partition))

    # Lanes.

    async def _run_lane(self, lane: Lane) -> None:
        try:
            await lane.run()
        except FencedError as error:
            lane.ready = False  # nothing to wait for when the lanes are closed
            self._observer.fenced()
            log.warning("fenced out", partition=lane.partition, error=str(error))
            await self._await_rebalance(self._epoch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is: the process ends with it
            await self.fail(error)

    async def _await_rebalance(self, epoch: int, error: FencedError) -> None:
        """A fenced lane drops its partition. If nobody takes it over, only a restart gets it going again."""
        await asyncio.sleep(2 * self.config.session_timeout)
        if self._epoch == epoch and self._assigned and not self._stopping:
            await self.fail(LodestreamError(f"{error}, and no rebalance followed"))

    async def _close_lanes(self) -> None:
        """End all lanes after the transaction that is under way; a restore is cancelled."""
        tasks = list(self._tasks.values())
        for partition, lane in self._lanes.items():
            lane.close()
            if not lane.ready:
                self._tasks[partition].cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
            for task in late:
                log.warning("a lane does not close in time", task=task.get_name(), seconds=CLOSE_SECONDS)
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)
        for partition, lane in self._lanes.items():
            if lane.keepable is not None:
                self._kept[partition] = lane.keepable
        self._lanes.clear()
        self._tasks.clear()

    async def stop(self) -> None:
        """End lanes and producers: nothing is in flight after it."""
        if self._stopping:
            return
        self._stopping = True
        self._observer.ready(False)
        async with self._fencing:
            await self._close_lanes()
            await asyncio.gather(*(writer.stop() for writer in self._writers.values()))
            self._writers.clear()
        log.info("stopped", agent=self.config.agent)
        if self.on_stopped is not None:
            self.on_stopped()

    async def fail(self, error: BaseException) -> None:
        """Fail fast: the process ends with a non-zero code, and its successor fences and restores."""
        if self.failure is not None:
            return  # one lane's failure is the process's; the others follow from it
        self.failure = error
        try:
            log.error("failed", agent=self.config.agent, error=type(error).__name__, exc_info=error)
        finally:  # a log that cannot be written must not keep the process
            await self.app.crash(error)

    # Watching.

    async def _monitor(self) -> None:
        """Look each second: how late the loop is, how far behind the lanes are, whether all is ready."""
        while not self._stopping:
            due = time.monotonic() + MONITOR_SECONDS
            await asyncio.sleep(MONITOR_SECONDS)
            self._observer.loop_delay(max(0.0, time.monotonic() - due))
            self._observer.ready(self.ready().ok)
            self._observer.lag(self._lag())

    def _lag(self) -> dict[tuple[str, int], int]:
        lag = {}
        for partition, lane in self._lanes.items():
            highwater = self.app.consumer.highwater(TP(self.config.input, partition))
            if highwater is not None:
                lag[self.config.input, partition] = max(0, highwater - lane.next_offset)
        return lag

    def live(self) -> Condition:
        """The loop turns, and work that waits gets done. Asks nobody: a broker's blip must not restart us."""
        now = time.monotonic()
        if now - self._turned_at > LOOP_SECONDS:
            return Condition(False, f"the event loop has not turned for {now - self._turned_at:.0f} s")
        stalled = self.stalled(self.config.watchdog_seconds)
        if stalled is not None:
            return Condition(False, stalled)
        return Condition(True, "alive")

    def turned(self) -> None:
        """The event loop turns (told by the watchdog, from before Faust has started until after it has stopped)."""
        self._turned_at = time.monotonic()
        refused: BaseException | None = None
        if self.app.started:
            refused = self.app.consumer.group_error()  # type: ignore[attr-defined]
        if refused is not None and refused is self._refused and self._failing is None:
            twin = ". Is LODESTREAM_INSTANCE_ID used twice?" if self.config.instance_id is not None else ""
            error = LodestreamError(f"the group {self.config.group} refuses this worker: {refused!r}{twin}")
            self._failing = asyncio.get_running_loop().create_task(self.fail(error))
        self._refused = refused  # to be seen twice: whoever polls takes notice in between

    def stalled(self, seconds: float) -> str | None:
        """Which work in hand has not moved for so long: a batch, or a state to restore."""
        now = time.monotonic()
        for lane in self._running():
            if (lane.busy or not lane.ready) and now - lane.progressed_at > seconds:
                what = "made no progress" if lane.ready else "restored nothing"
                return f"partition {lane.partition} has {what} for {now - lane.progressed_at:.0f} s"
        return None

    def quiet(self, seconds: float) -> dict[int, int]:
        """Partitions with nothing in hand for so long, and the next offset of each."""
        since = time.monotonic() - seconds
        return {
            lane.partition: lane.next_offset
            for lane in self._running()
            if lane.ready and not lane.busy and lane.progressed_at < since
        }

    def unopened(self, seconds: float) -> str | None:
        """Why there are no lanes, for so long after the group gave partitions or should have."""
        since, joining = self._unopened_since, self._joining  # once: this is asked from another thread
        if since is None or self._stopping:
            return None
        waited = time.monotonic() - since
        if waited <= seconds + (REBALANCE_SECONDS if joining else 0):
            return None
        if joining:
            return f"the group gave no partitions for {waited:.0f} s"
        return f"partitions were given {waited:.0f} s ago and are not opened"

    def _running(self) -> list[Lane]:
        """A stop has a limit of its own."""
        return [] if self._stopping else list(self._lanes.values())

    def ready(self) -> Condition:
        """Partitions assigned, producers fenced, state restored."""
        if self._stopping:
            return Condition(False, "stopping")
        if not self._assigned:
            return Condition(False, "no partitions assigned yet")
        restoring = [str(lane.partition) for lane in list(self._lanes.values()) if not lane.ready]
        if restoring:
            return Condition(False, f"restoring partitions {', '.join(restoring)}")
        return Condition(True, f"{len(self._lanes)} partitions")
