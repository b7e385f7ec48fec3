"""When a lane writes its snapshots: now and then, one at a time in the process, beside the stream."""

from __future__ import annotations

import asyncio
import threading
import time

import structlog

from lodestream.engine.changelog import PartitionState, Place
from lodestream.engine.config import EngineConfig
from lodestream.engine.observer import Observer
from lodestream.engine.snapshots import CancelledWriteError, Frozen, Snapshots
from lodestream.engine.step import NoState

log = structlog.get_logger(__name__)


class Snapshotter:
    """The snapshots of one partition. A disk that takes none costs a warning: the changelog has everything."""

    def __init__(self, config: EngineConfig, partition: int, snapshots: Snapshots, observer: Observer) -> None:
        self._interval = config.snapshot_interval
        self._partition = partition
        self._snapshots = snapshots
        self._observer = observer
        self._due_at = time.monotonic() + self._interval
        self._written: Place | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = threading.Event()

    def hurry(self) -> None:
        """The next one is due at once: the restore took long, and the next should not."""
        self._due_at = 0

    def is_due(self, state: PartitionState) -> bool:
        """Raises what went wrong with the one before, unless that was the disk."""
        if not self._snapshots.enabled or time.monotonic() < self._due_at or self._snapshots.busy:
            return False
        if self._task is not None:
            if not self._task.done():
                return False
            self._task.result()
        if isinstance(state.step.state, NoState):  # its newest block is all there is to restore
            return False
        return state.place is not None and state.place != self._written

    def begin(self, partitions: int, state: PartitionState) -> None:
        """Write one. The state must be the committed one; it may change as soon as this returns."""
        self._snapshots.busy = True
        frozen = self._snapshots.freeze(self._partition, partitions, state)
        self._written = state.place
        self._task = asyncio.create_task(self._write(frozen), name=f"snapshot-{self._partition}")

    async def end(self) -> None:
        """Give up one that is being written."""
        self._cancelled.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _write(self, frozen: Frozen) -> None:
        began = time.perf_counter()
        try:
            size = await asyncio.to_thread(self._snapshots.write, self._partition, frozen, self._cancelled)
        except CancelledWriteError:
            pass
        except OSError as error:
            self._observer.snapshot_failed(self._partition)
            path = str(self._snapshots.path(self._partition))
            log.warning("snapshot not written", path=path, error=str(error))
        else:
            self._observer.snapshot_written(self._partition, time.perf_counter() - began, size)
        finally:
            self._snapshots.busy = False
            self._due_at = time.monotonic() + self._interval
