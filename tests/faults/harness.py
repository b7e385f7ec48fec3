"""What the fault tests share: worker processes that always end, and topics read to their true end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.admin import DeleteGroupsRequest

from lodestream.kafka.admin import all_topics
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.log import LogRecord, Offsets, offsets, read_log
from lodestream.settings import Settings

COUNTING_WORKER = Path(__file__).with_name("counting_worker.py")
TOPIC = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(9 << 20)}


class Workers:
    """Starts processes with a deployment's settings; ends them all, by their process ids."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.folder = folder
        self._settings = settings
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, program: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
        own = {
            "LODESTREAM_BOOTSTRAP_SERVERS": self._settings.bootstrap_servers,
            "LODESTREAM_TOPIC_PREFIX": self._settings.topic_prefix,
            "LODESTREAM_SESSION_TIMEOUT_SECONDS": "6",  # the least a broker takes: a killed worker is missed soon
            "LODESTREAM_TRANSACTION_TIMEOUT_SECONDS": "10",
            "LODESTREAM_HTTP_PORT": "0",
            **environment,
        }
        with self._log(len(self._started)).open("wb") as log:
            process = subprocess.Popen(program, env={**os.environ, **own}, stdout=log, stderr=log)
        self._started.append(process)
        return process

    def counting(self, **environment: str) -> subprocess.Popen[bytes]:
        return self.start([sys.executable, str(COUNTING_WORKER)], **environment)

    def command(self, *arguments: str) -> str:
        """Run `lodestream …` to its end, which must be 0; what it printed."""
        process = self.start([sys.executable, "-m", "lodestream", *arguments])
        code = process.wait(90)
        assert code == 0, self.output(process)
        return self.output(process)

    def output(self, process: subprocess.Popen[bytes]) -> str:
        return self._log(self._started.index(process)).read_text(errors="replace")

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()

    def _log(self, number: int) -> Path:
        return self.folder / f"worker-{number}.log"


class Topics:
    """The topics of one test, filled and read from outside the service."""

    def __init__(self, settings: Settings, replicas: int = 1) -> None:
        self.settings = settings
        self._replicas = replicas
        self.client = client_arguments(settings)

    def create(self, **partitions: int) -> None:
        asyncio.run(self._create(partitions))

    def fill(self, topic: str, values: Sequence[bytes], partitions: int) -> None:
        """Value n to partition n modulo partitions, in order."""
        asyncio.run(self._fill(topic, values, partitions))

    def read(self, topic: str, *, committed: bool = True) -> list[LogRecord]:
        return asyncio.run(self._read(topic, committed=committed))

    def open_transactions(self, topic: str) -> int:
        """Offsets between the last stable offset and the high watermark: 0 when no transaction is open."""
        return sum(each.high - each.stable for each in self.ends(topic).values())

    def stable(self, topic: str) -> int:
        """Up to where `read_committed` reads, as a sum over the partitions: it grows with every commit."""
        return sum(each.stable for each in self.ends(topic).values())

    def ends(self, topic: str, seconds: float = 90) -> dict[int, Offsets]:
        """Where each partition begins and ends. Raises `TimeoutError` when brokers do not say so in time."""

        async def ask() -> dict[int, Offsets]:
            async with asyncio.timeout(seconds):
                return await offsets(self.client, self.settings.topic(topic))

        return asyncio.run(ask())

    def delete_records(self, topic: str, before: dict[int, int]) -> None:
        """As retention does: what lies before an offset of a partition is gone."""
        asyncio.run(self._delete_records(topic, before))

    def members(self, group: str) -> int:
        """How many workers a group has, whether they have partitions or not."""
        return asyncio.run(self._members(group))

    def forget(self, group: str) -> None:
        """As Kafka does with the offsets of a group that has had no members for long. It must have none."""
        asyncio.run(self._forget(self.settings.group(group)))

    def delete(self, *topics: str) -> None:
        """All topics of the service, or some: what a test is done with is no burden for the next."""
        asyncio.run(self._delete(topics or tuple(topic.name for topic in all_topics(self.settings))))

    def wait_for_open_transaction(self, topic: str) -> None:
        """Returns while a transaction is open on the topic, as far as one can know that from outside."""
        wait_until(f"an open transaction on {topic}", lambda: self.open_transactions(topic) > 0, every=0.01)

    async def _create(self, partitions: dict[str, int]) -> None:
        admin = AIOKafkaAdminClient(**self.client)
        await admin.start()
        try:
            await admin.create_topics(
                [
                    NewTopic(self.settings.topic(name.replace("_", "-")), n, self._replicas, topic_configs=TOPIC)
                    for name, n in partitions.items()
                ]
            )
        finally:
            await admin.close()

    async def _delete_records(self, topic: str, before: dict[int, int]) -> None:
        admin = AIOKafkaAdminClient(**self.client)
        await admin.start()
        try:
            name = self.settings.topic(topic)
            await admin.delete_records(
                {TopicPartition(name, partition): RecordsToDelete(offset) for partition, offset in before.items()}
            )
        finally:
            await admin.close()

    async def _members(self, group: str) -> int:
        admin = AIOKafkaAdminClient(**self.client)
        await admin.start()
        try:
            (answer,) = await admin.describe_consumer_groups([self.settings.group(group)])
            return sum(len(each["members"]) for each in answer.to_object()["groups"])
        finally:
            await admin.close()

    async def _forget(self, group: str) -> None:
        client = AIOKafkaClient(**self.client)
        await client.bootstrap()
        try:
            node = await client.coordinator_lookup(CoordinationType.GROUP, group)
            answer = await client.send(node, DeleteGroupsRequest([group]))
            assert answer.results == [(group, 0)]
        finally:
            await client.close()

    async def _delete(self, topics: Sequence[str]) -> None:
        admin = AIOKafkaAdminClient(**self.client)
        await admin.start()
        try:
            await admin.delete_topics([self.settings.topic(topic) for topic in topics])
        finally:
            await admin.close()

    async def _fill(self, topic: str, values: Sequence[bytes], partitions: int) -> None:
        producer = AIOKafkaProducer(
            **self.client, acks="all", max_batch_size=256 << 10, linger_ms=2, max_request_size=9 << 20
        )
        await producer.start()
        try:
            name = self.settings.topic(topic)
            waits = [
                await producer.send(name, value, key=b"key-%d" % number, partition=number % partitions)
                for number, value in enumerate(values)
            ]
            await asyncio.gather(*waits)
        finally:
            await producer.stop()

    async def _read(self, topic: str, *, committed: bool) -> list[LogRecord]:
        records: list[LogRecord] = []
        isolation = "read_committed" if committed else "read_uncommitted"
        async for batch in read_log(self.client, self.settings.topic(topic), isolation=isolation):  # type: ignore[arg-type]
            records.extend(batch)
        return records


def check_counts(topics: Topics, values: Sequence[bytes]) -> None:
    """The output of the counting worker: each value once, with a count that knew all before it, and no dead letter."""
    seen: Counter[int] = Counter()
    found: Counter[bytes] = Counter()
    for record in topics.read("out"):
        count, value = (record.value or b"").split()
        assert int(count) == seen[record.partition], "the state did not know all records before this one, or too many"
        seen[record.partition] += 1
        found[value] += 1
    assert found == Counter(values)
    assert topics.read("dead-letters") == []


def wait_until(what: str, true: Callable[[], bool], seconds: float = 90, *, every: float = 0.2) -> None:
    """Poll until something holds; fails with its name when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(every)
