"""A worker with a step that counts: run as a process by the engine's fault tests.

Its output says how many records its partition has seen before, so that an output alone proves that the state was
right: the record at place n of its partition must say n, whatever was killed in between. Some values break the
step on purpose; those that hang it do so unless `COUNTING_WORKER_TAME` is set. With `COUNTING_WORKER_DEAF` it never
takes up the fetching of a partition again that it has paused. `COUNTING_WORKER_ASSIGN_SECONDS` is how long it takes to
learn of partitions that its consumer fetches already.

`COUNTING_WORKER_DIES` says at which point the process ends as by SIGKILL, with 9: `committed:n`, behind the nth commit
and before the worker knows of it, or `restoring:n`, before the nth block is applied. With `COUNTING_WORKER_BLOCK_BYTES`
a changelog block is so large, and `COUNTING_WORKER_APPLY_SECONDS` is how long it takes to apply one.
"""

from __future__ import annotations

import asyncio
import os
import re
import struct
import sys
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import shake_128
from typing import ClassVar, NoReturn

from faust.types import TP
from prometheus_client import CollectorRegistry

from lodestream import logs, settings
from lodestream.engine import runtime
from lodestream.engine.config import EngineConfig
from lodestream.engine.observer import Observer
from lodestream.engine.process import run_engine
from lodestream.engine.runtime import Engine
from lodestream.engine.step import Outcome, Output, Record, Size, State, Step, StoreSize, one_by_one
from lodestream.engine.transaction import Message, TransactionalWriter
from lodestream.errors import Reason, Rejected
from lodestream.kafka.clients import client_arguments
from lodestream.metrics import Metrics

TOO_LARGE = 10 << 20
PADDING = 1 << 20  # a snapshot is larger than what a worker logs, so that a limit on files is one on snapshots
TAME = "COUNTING_WORKER_TAME" in os.environ
DEAF = "COUNTING_WORKER_DEAF" in os.environ
BLOCK_BYTES = int(os.environ.get("COUNTING_WORKER_BLOCK_BYTES", "0"))
ASSIGN_SECONDS = float(os.environ.get("COUNTING_WORKER_ASSIGN_SECONDS", "0"))
APPLY_SECONDS = float(os.environ.get("COUNTING_WORKER_APPLY_SECONDS", "0"))
DIES_AT, _, TIMES = os.environ.get("COUNTING_WORKER_DIES", "").partition(":")
EXIT_CODE = 9
passed: Tally[str] = Tally()


def passing(point: str) -> None:
    """Dies here when it is the time for it."""
    passed[point] += 1
    if point == DIES_AT and passed[point] == int(TIMES):
        os._exit(EXIT_CODE)


class Counter:
    """Counts records; its changelog block is how many came since the last one."""

    FORMAT: ClassVar[int] = 1

    def __init__(self) -> None:
        self.count = 0
        self._drained = 0

    def drain(self) -> bytes:
        packed = struct.pack("<I", self.count - self._drained)
        self._drained = self.count
        return packed + shake_128(packed).digest(BLOCK_BYTES)  # which does not compress

    def apply(self, block: bytes) -> None:
        passing("restoring")
        time.sleep(APPLY_SECONDS)
        self.count += struct.unpack_from("<I", block)[0]
        self._drained = self.count

    def freeze(self) -> Callable[[], Iterator[bytes]]:
        packed = struct.pack("<Q", self.count)
        return lambda: iter([packed, b"." * PADDING])

    def load(self, data: memoryview) -> None:
        (self.count,) = struct.unpack_from("<Q", data)
        self._drained = self.count

    def sizes(self) -> Mapping[str, Size]:
        return {"counter": StoreSize(self.count, 8)}

    def evictions(self) -> Mapping[tuple[str, str], int]:
        return {}


class CountingStep:
    def __init__(self) -> None:
        self._counter = Counter()
        self.state: State = self._counter

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        return one_by_one(self._count, records)

    def _count(self, record: Record) -> list[Output]:
        value = record.value or b""
        if value.startswith(b"slow"):
            time.sleep(0.015)  # and a second for as many as a step gets at once
        if value.startswith(b"hang") and not TAME:
            hang(value)
        if value.startswith(b"reject"):
            raise Rejected(Reason.INVALID_RECORD, "asked for")
        before = self._counter.count
        self._counter.count += 1  # before it breaks: what it changed must not stay
        if value.startswith(b"raise"):
            raise ZeroDivisionError("secret text of the record")
        if value.startswith(b"large"):
            return [Output("out", record.key, b"x" * TOO_LARGE)]
        return [Output("out", record.key, b"%d %s" % (before, value), partition=record.partition)]


def hang(value: bytes) -> None:
    if value.startswith(b"hang-python"):
        hang_in_python()
    if value.startswith(b"hang-native"):
        hang_with_the_interpreters_lock()


def hang_in_python() -> NoReturn:
    while True:
        pass


def hang_with_the_interpreters_lock() -> None:
    """No other thread runs meanwhile; it takes years."""
    re.match(r"(a+)+$", "a" * 64 + "b")


class HangingWriter(TransactionalWriter):
    """Never ends a transaction with the value `hang-commit`."""

    async def commit(
        self, messages: Mapping[tuple[str, int], Sequence[Message]], next_offset: int
    ) -> Mapping[tuple[str, int], int]:
        if not TAME and any(b"hang-commit" in (value or b"") for some in messages.values() for _, value, _ in some):
            await self.hang_in_a_commit()
        written = await super().commit(messages, next_offset)
        passing("committed")
        return written

    async def hang_in_a_commit(self) -> None:
        await asyncio.Event().wait()


class CountingEngine(Engine):
    def __init__(self, config: EngineConfig, new_step: Callable[[], Step], observer: Observer) -> None:
        super().__init__(config, new_step, observer)
        tell = self.app.agents.on_rebalance

        async def tell_late(revoked: set[TP], newly_assigned: set[TP]) -> None:
            await asyncio.sleep(ASSIGN_SECONDS)
            await tell(revoked, newly_assigned)

        setattr(self.app.agents, "on_rebalance", tell_late)  # noqa: B010 - a method

    def resume(self, partition: int) -> None:
        if not DEAF:
            super().resume(partition)


def main() -> int:
    current = settings.load()
    logs.configure(current)
    config = EngineConfig(
        agent="count",
        prefix=current.topic_prefix,
        group=current.group("count"),
        input=current.topic("in"),
        changelog=current.topic("count-state"),
        outputs=("out",),
        dead_letters="dead-letters",
        client=client_arguments(current),
        instance_id=current.instance_id,
        session_timeout=current.session_timeout_seconds,
        transaction_timeout=current.transaction_timeout_seconds,
        watchdog_seconds=current.watchdog_seconds,
        queue_bytes=current.lane_queue_bytes,
        hold_transaction=current.hold_transaction_seconds,
        batch_records=current.batch_max_records,
        breaker_run=current.dead_letter_run_limit,
        upstream=current.topic("up"),
        state_folder=current.state_folder,
        snapshot_interval=current.snapshot_interval_seconds,
    )
    setattr(runtime, "TransactionalWriter", HangingWriter)  # noqa: B010 - a name that the module does not export
    return run_engine(lambda: CountingEngine(config, CountingStep, Metrics(CollectorRegistry(), "clean")))


if __name__ == "__main__":
    sys.exit(main())
