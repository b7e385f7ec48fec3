"""What a lane has fetched and not yet taken: bounded by bytes, and turned into records for the step."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from lodestream.engine.config import EngineConfig
from lodestream.engine.step import Record
from lodestream.errors import LodestreamError
from lodestream.headers import Header
from lodestream.times import from_rfc3339

RECORD_BYTES = 300  # of a fetched record beside its value: objects, key, headers; about


class Flow(Protocol):
    """Stops and restarts the fetching of one partition."""

    def pause(self, partition: int) -> None: ...

    def resume(self, partition: int) -> None: ...


class Fetched(Protocol):
    """All committed records from offset `begin` to before `end`."""

    @property
    def begin(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def records(self) -> list[Any]: ...


class Inbox:
    """Records of one partition in the order they were fetched."""

    def __init__(self, config: EngineConfig, partition: int, start: int, flow: Flow) -> None:
        """`start`: the offset that fetching begins at."""
        self.waiting = 0  # records
        self._end = start
        self._config = config
        self._partition = partition
        self._flow = flow
        self._queue: deque[tuple[list[Any], int]] = deque()  # fetched aiokafka.ConsumerRecords, and their bytes
        self._bytes = 0
        self._paused = False

    def __bool__(self) -> bool:
        return bool(self._queue)

    def put(self, fetched: Fetched) -> None:
        """Queue what was fetched; past the byte limit the partition is not fetched until the lane has caught up.

        Raises `LodestreamError` when it does not follow on what came before: something was fetched and got lost on
        its way, and what is committed behind it would never be read again.
        """
        if fetched.begin > self._end:
            raise LodestreamError(
                f"{self._config.input}[{self._partition}] was fetched from offset {fetched.begin} on, but what comes "
                f"before it only up to {self._end}"
            )
        records = fetched.records
        if fetched.begin < self._end:  # what is here already would be done twice
            records = [record for record in records if record.offset >= self._end]
        self._end = max(self._end, fetched.end)
        if not records:
            return
        size = sum(record.serialized_value_size for record in records) + RECORD_BYTES * len(records)
        self._queue.append((records, size))
        self.waiting += len(records)
        self._bytes += size
        if not self._paused and self._bytes > self._config.queue_bytes:
            self._paused = True
            self._flow.pause(self._partition)

    def take(self, next_offset: int, clock: int) -> list[Record]:
        """Take what one transaction may hold. Records below `next_offset` were stepped already and are dropped."""
        config = self._config
        records: list[Record] = []
        size = 0
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
            clock = add_records(records, fetched, next_offset, clock, entrance=config.entrance)
        if self._paused and self._bytes < config.queue_bytes // 2:
            self._paused = False
            self._flow.resume(self._partition)
        return records


def add_records(records: list[Record], fetched: Sequence[Any], next_offset: int, clock: int, *, entrance: bool) -> int:
    """Append fetched records from `next_offset` on, each with the log's clock at it; the clock after the last."""
    carried = _append_time if entrance else _ingested_at
    new = tuple.__new__  # a third of what the NamedTuple's own constructor costs
    for raw in fetched:
        if raw.offset < next_offset:
            continue
        at = carried(raw) if raw.headers else raw.timestamp
        clock = max(clock, at)
        records.append(new(Record, (raw.topic, raw.partition, raw.offset, raw.key, raw.value, raw.headers, at, clock)))
    return clock


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
