"""Reading a topic as the log that it is: by partition and offset, without a consumer group.

The end of a log is a position, not a record: the last offsets of a transactional topic are commit markers, and an
aborted transaction leaves offsets that no reader ever sees. So progress is measured by the consumer's position,
which moves past both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from lodestream.errors import LodestreamError, TopicsError, TruncatedError
from lodestream.headers import Headers
from lodestream.kafka.clients import started
from lodestream.kafka.partitions import EARLIEST, LATEST, leaders, list_offsets

Isolation = Literal["read_committed", "read_uncommitted"]
T = TypeVar("T")


class LogRecord(Protocol):
    """What a record of a log has: aiokafka's `ConsumerRecord`, as far as it is used. Times are ms since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


# A fetch that brings markers only does not end a poll: the position moved, but nobody says so before this is over.
_BOUNDED_POLL_MS: Final = 50
_FOLLOWING_POLL_MS: Final = 1000
# Longer than a transaction may stay open (20 s by default) and than a broker takes to come back.
_STALLED_SECONDS: Final = 90.0
_RETRY_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Offsets:
    """Where a partition's log begins and ends.

    `stable` is the last stable offset: no transaction below it is open, `read_committed` reads up to here.
    `high` is the high watermark: the offset that the next record would get, as far as replicated. After a commit
    the stable offset follows a few ms later: Kafka answers the commit first and writes its markers then.
    """

    beginning: int
    stable: int
    high: int


async def offsets(
    arguments: Mapping[str, Any], topic: str, partitions: Collection[int] | None = None
) -> dict[int, Offsets]:
    """Beginning, last stable offset and high watermark of a topic's partitions (all of them by default).

    Raises `TopicsError` when the topic or a partition is missing.
    """

    async def ask(client: AIOKafkaClient) -> dict[int, Offsets]:
        led_by = await leaders(client, topic, partitions)
        beginnings = await list_offsets(client, topic, led_by, EARLIEST)
        highs = await list_offsets(client, topic, led_by, LATEST)
        stables = await list_offsets(client, topic, led_by, LATEST, stable=True)
        # The stable offset is asked for last and may have moved past the high watermark asked for before.
        return {part: Offsets(beginnings[part], stables[part], max(highs[part], stables[part])) for part in led_by}

    return await _answer(arguments, ask)


async def offsets_since(
    arguments: Mapping[str, Any], topic: str, time_ms: int, partitions: Collection[int] | None = None
) -> dict[int, int | None]:
    """The first offset that was appended at or after a time (ms since the epoch), by partition; None: there is none.

    Raises `TopicsError` when the topic or a partition is missing.
    """

    async def ask(client: AIOKafkaClient) -> dict[int, int | None]:
        led_by = await leaders(client, topic, partitions)
        found = await list_offsets(client, topic, led_by, max(0, time_ms))  # below 0 it would mean an end of the log
        return {part: None if offset < 0 else offset for part, offset in found.items()}

    return await _answer(arguments, ask)


async def _answer(arguments: Mapping[str, Any], ask: Callable[[AIOKafkaClient], Awaitable[T]]) -> T:
    """What Kafka answers, asked again while a leader moves or starts."""
    client = AIOKafkaClient(**arguments)
    deadline = time.monotonic() + _STALLED_SECONDS
    try:
        await started(client.bootstrap())
        while True:
            try:
                return await ask(client)
            except KafkaError as error:
                if not error.retriable or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
    finally:
        await client.close()


async def read_log(
    arguments: Mapping[str, Any],
    topic: str,
    *,
    partitions: Collection[int] | None = None,
    start: Mapping[int, int] | None = None,
    end: Mapping[int, int] | None = None,
    isolation: Isolation = "read_committed",
    enough: Callable[[list[LogRecord]], bool] | None = None,
) -> AsyncGenerator[list[LogRecord], None]:
    """Batches of records, each of one partition, from `start` to before `end`; then it ends.

    `arguments` are those of `client_arguments`. `start` defaults to the beginning of the log and `end` to where the
    log ends now: the last stable offset for `read_committed`, the high watermark for `read_uncommitted`; both are
    per partition. Within a partition the order is the log's. An `end` between those two waits for the open
    transaction to end. A partition ends early behind a batch for which `enough` is true; it is asked after the batch
    was used. Use `contextlib.aclosing` when leaving early.

    Raises `TopicsError` when the topic or partition is missing or `end` is beyond its high watermark, as
    `TruncatedError` when `start` is below the beginning of the log or retention took what was to be read, and
    `LodestreamError` when Kafka stops answering.
    """
    bounds = await offsets(arguments, topic, partitions)
    first, last = {}, {}
    for partition, bound in bounds.items():
        first[partition] = (start or {}).get(partition, bound.beginning)
        last[partition] = (end or {}).get(partition, bound.stable if isolation == "read_committed" else bound.high)
        _check_bounds(f"{topic}:{partition}", bound, first[partition], last[partition])
    limits = {TopicPartition(topic, part): offset for part, offset in last.items() if first[part] < offset}
    if not limits:
        return
    async with _reader(arguments, isolation) as reader:
        reader.assign(list(limits))
        for tp in limits:
            reader.seek(tp, first[tp.partition])
        moved_at, positions = time.monotonic(), first
        while limits:
            for tp, page in _pages(await _poll(reader, _BOUNDED_POLL_MS), limits):
                yield page
                if enough is not None and enough(page):
                    limits[tp] = 0
            now = {tp.partition: await reader.position(tp) for tp in limits}
            for tp in [tp for tp, limit in limits.items() if now[tp.partition] >= limit]:
                del limits[tp]
                reader.pause(tp)
            if now != positions:
                moved_at, positions = time.monotonic(), now
            elif time.monotonic() - moved_at > _STALLED_SECONDS:
                raise LodestreamError(f"reading {topic} stands still at {positions}: Kafka gives no more records")


async def follow_log(
    arguments: Mapping[str, Any],
    topic: str,
    *,
    partitions: Collection[int] | None = None,
    start: Mapping[int, int] | None = None,
    isolation: Isolation = "read_committed",
) -> AsyncGenerator[list[LogRecord], None]:
    """As `read_log`, but never ends: waits for new records. Leave it by cancelling the task or by `aclosing`."""
    bounds = await offsets(arguments, topic, partitions)
    async with _reader(arguments, isolation) as reader:
        reader.assign([TopicPartition(topic, partition) for partition in bounds])
        for partition, bound in bounds.items():
            first = (start or {}).get(partition, bound.beginning)
            _check_bounds(f"{topic}:{partition}", bound, first, first)
            reader.seek(TopicPartition(topic, partition), first)
        while True:
            for records in (await _poll(reader, _FOLLOWING_POLL_MS)).values():
                if records:
                    yield records


@asynccontextmanager
async def _reader(arguments: Mapping[str, Any], isolation: Isolation) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group, stopped in the end, also when its start fails."""
    consumer = AIOKafkaConsumer(
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",  # what retention took must be an error, not a gap
        isolation_level=isolation,
        **arguments,
    )
    try:
        await started(consumer.start())
        yield consumer
    finally:
        await consumer.stop()


async def _poll(reader: AIOKafkaConsumer, timeout_ms: int) -> Mapping[TopicPartition, list[LogRecord]]:
    try:
        polled: Mapping[TopicPartition, list[LogRecord]] = await reader.getmany(timeout_ms=timeout_ms)
    except OffsetOutOfRangeError as error:
        gone = ", ".join(f"{tp.topic}:{tp.partition}:{offset}" for tp, offset in error.args[0].items())
        raise TruncatedError(f"{gone} is no longer in the log: retention took it while it was read") from error
    return polled


def _pages(
    polled: Mapping[TopicPartition, list[LogRecord]], limits: Mapping[TopicPartition, int]
) -> Iterator[tuple[TopicPartition, list[LogRecord]]]:
    """The records below each partition's limit, where there are any."""
    for tp, records in polled.items():
        limit = limits.get(tp, 0)
        page = records if records and records[-1].offset < limit else [each for each in records if each.offset < limit]
        if page:
            yield tp, page


def _check_bounds(where: str, bound: Offsets, first: int, last: int) -> None:
    if first < bound.beginning:
        raise TruncatedError(f"{where}:{first} is no longer in the log: it begins at {bound.beginning}")
    if max(first, last) > bound.high:
        raise TopicsError(f"{where}:{max(first, last)} is not in the log: it ends at {bound.high}")
