"""Reading logs to their end: also where the end is commit markers, aborted records or an open transaction."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from lodestream.errors import TopicsError
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.log import Isolation, LogRecord, Offsets, follow_log, offsets, offsets_since, read_log
from lodestream.kafka.partitions import LATEST, leaders, list_offsets
from lodestream.settings import Settings


@pytest.fixture
def arguments(settings: Settings) -> dict[str, Any]:
    return client_arguments(settings)


@pytest.fixture
async def topic(arguments: dict[str, Any], settings: Settings) -> str:
    """A topic of three partitions."""
    name = settings.topic("log")
    admin = AIOKafkaAdminClient(**arguments)
    await admin.start()
    await admin.create_topics([NewTopic(name, 3, 1)])
    await admin.close()
    return name


@asynccontextmanager
async def producer(arguments: Mapping[str, Any], transactional_id: str) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(transactional_id=transactional_id, linger_ms=5, **arguments) as started:
        yield started


async def transaction(
    writer: AIOKafkaProducer, topic: str, values: Mapping[int, list[bytes]], *, end: str = "commit"
) -> None:
    """One transaction over some partitions; `end` is commit, abort or open."""
    await writer.begin_transaction()
    sent = [await writer.send(topic, value, partition=part) for part, many in values.items() for value in many]
    last = {record.partition: record.offset for record in await asyncio.gather(*sent)}
    if end != "open":
        await (writer.commit_transaction() if end == "commit" else writer.abort_transaction())
        await marked(writer, topic, last)


async def marked(writer: AIOKafkaProducer, topic: str, last: Mapping[int, int]) -> None:
    """Waits for the markers: Kafka answers a commit when it is certain, and writes them a moment later."""
    deadline = time.monotonic() + 20
    while any(high < last[part] + 2 for part, high in (await highs(writer, topic, last)).items()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def highs(writer: AIOKafkaProducer, topic: str, partitions: Collection[int]) -> dict[int, int]:
    client = writer.client
    return await list_offsets(client, topic, await leaders(client, topic, partitions), LATEST)


async def collect(arguments: Mapping[str, Any], topic: str, **options: Any) -> dict[int, list[bytes | None]]:
    """Values by partition; each batch is of one partition and in order."""
    found: dict[int, list[bytes | None]] = {}
    last: dict[int, int] = {}
    async for batch in read_log(arguments, topic, **options):
        assert len({record.partition for record in batch}) == 1
        for record in batch:
            assert record.offset > last.get(record.partition, -1)
            last[record.partition] = record.offset
            found.setdefault(record.partition, []).append(record.value)
    return found


def values(count: int, mark: str = "v") -> list[bytes]:
    return [f"{mark}{number}".encode() for number in range(count)]


async def test_an_empty_log_ends_at_once(arguments: dict[str, Any], topic: str) -> None:
    assert await offsets(arguments, topic) == dict.fromkeys(range(3), Offsets(0, 0, 0))
    assert await collect(arguments, topic) == {}


async def test_a_log_that_ends_in_commit_markers_is_read_to_its_end(arguments: dict[str, Any], topic: str) -> None:
    async with producer(arguments, topic) as writer:
        for _ in range(3):
            await transaction(writer, topic, {0: values(2), 1: values(1)})
        begin = time.monotonic()
        assert await collect(arguments, topic) == {0: values(2) * 3, 1: values(1) * 3}
        assert time.monotonic() - begin < 5
        assert await offsets(arguments, topic) == {0: Offsets(0, 9, 9), 1: Offsets(0, 6, 6), 2: Offsets(0, 0, 0)}


async def test_a_log_of_aborted_records_only_is_read_to_its_end(arguments: dict[str, Any], topic: str) -> None:
    async with producer(arguments, topic) as writer:
        await transaction(writer, topic, {0: values(500)}, end="abort")
        await transaction(writer, topic, {0: values(500)}, end="abort")
        assert await collect(arguments, topic) == {}
        assert await collect(arguments, topic, isolation="read_uncommitted") == {0: values(500) * 2}
        assert (await offsets(arguments, topic))[0] == Offsets(0, 1002, 1002)


async def test_committed_reading_ends_before_an_open_transaction(arguments: dict[str, Any], topic: str) -> None:
    async with producer(arguments, topic + "a") as first, producer(arguments, topic + "b") as second:
        await transaction(first, topic, {0: values(3)})
        await transaction(second, topic, {0: values(4, "open")}, end="open")
        await transaction(first, topic, {0: values(2, "behind")})
        assert (await offsets(arguments, topic, [0]))[0] == Offsets(0, 4, 11)
        assert await collect(arguments, topic) == {0: values(3)}
        assert await collect(arguments, topic, isolation="read_uncommitted") == {
            0: values(3) + values(4, "open") + values(2, "behind")
        }
        await second.abort_transaction()
        await marked(second, topic, {0: 10})
        assert await collect(arguments, topic) == {0: values(3) + values(2, "behind")}


async def test_a_partition_ends_early_behind_a_batch_that_is_enough(arguments: dict[str, Any], topic: str) -> None:
    async with AIOKafkaProducer(max_request_size=1 << 20, **arguments) as writer:
        for _ in range(20):
            await writer.send_and_wait(topic, bytes(400_000), partition=0)  # a fetch brings two of them
            await writer.send_and_wait(topic, b"small", partition=1)
    found = await collect(arguments, topic, enough=lambda batch: batch[0].partition == 0 and batch[-1].offset >= 3)
    assert 4 <= len(found[0]) < 10
    assert len(found[1]) == 20


async def test_the_first_offset_since_a_time(arguments: dict[str, Any], topic: str) -> None:
    async with AIOKafkaProducer(**arguments) as writer:
        sent = [await writer.send_and_wait(topic, b"v", partition=0, timestamp_ms=at) for at in (1000, 2000, 3000)]
    assert await offsets_since(arguments, topic, 2000) == {0: sent[1].offset, 1: None, 2: None}
    assert await offsets_since(arguments, topic, 2001, [0]) == {0: sent[2].offset}
    assert await offsets_since(arguments, topic, 3001, [0]) == {0: None}
    assert await offsets_since(arguments, topic, -5, [0]) == {0: 0}


async def test_an_end_inside_an_open_transaction_waits_for_it(arguments: dict[str, Any], topic: str) -> None:
    async with producer(arguments, topic) as writer:
        await transaction(writer, topic, {0: values(4)}, end="open")
        reading = asyncio.create_task(collect(arguments, topic, end={0: 4}))
        await asyncio.sleep(0.5)
        assert not reading.done()
        await writer.commit_transaction()
        assert await asyncio.wait_for(reading, 20) == {0: values(4)}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ({}, {}, values(10)),
        ({0: 3}, {}, values(10)[3:]),
        ({}, {0: 3}, values(10)[:3]),
        ({0: 3}, {0: 7}, values(10)[3:7]),
        ({0: 7}, {0: 7}, []),
        ({0: 7}, {0: 3}, []),
        ({0: 10}, {}, []),
        ({0: 11}, {}, []),
    ],
)
async def test_bounds_are_from_start_to_before_end(
    arguments: dict[str, Any], topic: str, start: dict[int, int], end: dict[int, int], expected: list[bytes]
) -> None:
    async with producer(arguments, topic) as writer:
        await transaction(writer, topic, {0: values(10)})
    assert await collect(arguments, topic, start=start, end=end) == ({0: expected} if expected else {})


async def test_only_the_partitions_asked_for_are_read(arguments: dict[str, Any], topic: str) -> None:
    async with producer(arguments, topic) as writer:
        await transaction(writer, topic, {0: values(1), 1: values(2), 2: values(3)})
    assert await collect(arguments, topic, partitions=[2, 0]) == {0: values(1), 2: values(3)}
    assert list(await offsets(arguments, topic, [2, 0])) == [0, 2]


async def test_what_is_written_meanwhile_is_not_read(arguments: dict[str, Any], topic: str) -> None:
    async with producer(arguments, topic) as writer:
        await transaction(writer, topic, {0: values(5)})
        seen: list[bytes | None] = []
        async for batch in read_log(arguments, topic):
            await transaction(writer, topic, {0: values(5, "later")})
            seen += [record.value for record in batch]
    assert seen == values(5)


async def test_what_is_not_there_is_an_error(arguments: dict[str, Any], topic: str) -> None:
    async with producer(arguments, topic) as writer:
        await transaction(writer, topic, {0: values(10)})
    admin = AIOKafkaAdminClient(**arguments)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(4)})
    await admin.close()
    assert await collect(arguments, topic) == {0: values(10)[4:]}
    assert (await offsets(arguments, topic))[0] == Offsets(4, 11, 11)
    with pytest.raises(TopicsError, match=f"{topic}:0:3 is no longer in the log: it begins at 4"):
        await collect(arguments, topic, start={0: 3})
    with pytest.raises(TopicsError, match=f"{topic}:0:12 is not in the log: it ends at 11"):
        await collect(arguments, topic, end={0: 12})
    with pytest.raises(TopicsError, match="has no partition 3"):
        await collect(arguments, topic, partitions=[3])
    with pytest.raises(TopicsError, match=f"there is no topic {topic}x"):
        await collect(arguments, topic + "x")


@pytest.mark.parametrize("isolation", ["read_committed", "read_uncommitted"])
async def test_following_gives_what_comes_until_it_is_cancelled(
    arguments: dict[str, Any], topic: str, isolation: Isolation
) -> None:
    seen: asyncio.Queue[LogRecord] = asyncio.Queue()

    async def follow() -> None:
        async for batch in follow_log(arguments, topic, start={0: 1}, isolation=isolation):
            for record in batch:
                seen.put_nowait(record)

    async with producer(arguments, topic) as writer:
        await transaction(writer, topic, {0: values(3)})
        following = asyncio.create_task(follow())
        assert [(await asyncio.wait_for(seen.get(), 20)).value for _ in range(2)] == values(3)[1:]
        await transaction(writer, topic, {1: values(1, "new")})
        assert (await asyncio.wait_for(seen.get(), 20)).value == b"new0"
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
    assert seen.empty()


async def test_leaving_early_closes_the_connection(arguments: dict[str, Any], topic: str) -> None:
    """An unclosed consumer would be a ResourceWarning, and those are errors here."""
    async with producer(arguments, topic) as writer:
        await transaction(writer, topic, {0: values(10)})
    async with aclosing(read_log(arguments, topic)) as batches:
        async for batch in batches:
            assert batch
            break
    for milliseconds in (0, 1, 2, 5, 10, 20, 40):  # while it asks for offsets, connects, reads, or is done
        reading = asyncio.create_task(collect(arguments, topic))
        await asyncio.sleep(milliseconds / 1000)
        reading.cancel()
        (result,) = await asyncio.gather(reading, return_exceptions=True)
        assert isinstance(result, asyncio.CancelledError) or result == {0: values(10)}
    gc.collect()
