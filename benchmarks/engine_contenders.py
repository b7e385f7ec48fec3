"""One contender of `benchmarks/engine.py`, in a process of its own: python engine_contenders.py NAME N SERVERS PREFIX.

All read topic `in` (4 partitions), copy each record to `out`, and print one line of JSON. What the settings have in
common is in one place below, so that nobody is handicapped.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FETCH_BYTES = 4 << 20
FETCH_WAIT_MS = 500
BATCH_BYTES = 256 << 10
ACKS = "all"
COMPRESSION = None
PARTITIONS = 4


class Stopwatch:
    """From the first record to the last: wall clock and CPU of the whole process."""

    def __init__(self, records: int) -> None:
        self.records = records
        self.done = 0
        self._wall = 0.0
        self._cpu = 0.0

    def start(self) -> None:
        if not self._wall:
            self._wall, self._cpu = time.perf_counter(), time.process_time()

    def count(self, records: int) -> None:
        self.done += records
        if self.done >= self.records:
            wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
            result = {"records_per_second": self.done / wall, "cpu_us_per_record": cpu / self.done * 1e6}
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
            os._exit(0)


async def bare(records: int, servers: str, prefix: str) -> None:
    """A bare aiokafka loop, at least once: poll, copy in batches, wait for the acknowledgements, commit the offsets."""
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from aiokafka.partitioner import murmur2

    watch = Stopwatch(records)
    consumer = AIOKafkaConsumer(
        f"{prefix}in",
        bootstrap_servers=servers,
        group_id=f"{prefix}bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks=ACKS, max_batch_size=BATCH_BYTES, compression_type=COMPRESSION
    )
    await consumer.start()
    await producer.start()

    async def send(partition: int, messages: list[tuple[bytes | None, bytes]]) -> None:
        acks = []
        batch = producer.create_batch()
        for key, value in messages:
            if batch.append(timestamp=None, key=key, value=value) is None:
                acks.append(await producer.send_batch(batch, f"{prefix}out", partition=partition))
                batch = producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
        acks.append(await producer.send_batch(batch, f"{prefix}out", partition=partition))
        await asyncio.gather(*acks)

    while True:
        fetched = await consumer.getmany(timeout_ms=1000)
        if not fetched:
            continue
        watch.start()
        by_partition: dict[int, list[tuple[bytes | None, bytes]]] = {}
        count = 0
        for batch in fetched.values():
            for record in batch:
                partition = (murmur2(record.key) & 0x7FFFFFFF) % PARTITIONS
                by_partition.setdefault(partition, []).append((record.key, record.value))
                count += 1
        await asyncio.gather(*(send(partition, messages) for partition, messages in by_partition.items()))
        await consumer.commit()
        watch.count(count)


async def lodestream(records: int, servers: str, prefix: str) -> None:
    import gc

    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    """The engine with a step that does nothing: exactly once, with headers, changelog and metrics hooks."""
    from lodestream.engine.config import EngineConfig
    from lodestream.engine.observer import Observer
    from lodestream.engine.process import calm_garbage_collector
    from lodestream.engine.runtime import Engine
    from lodestream.engine.step import NoState, Outcome, Output, Record, State

    watch = Stopwatch(records)

    class Meter(Observer):
        def received(self, records: int) -> None:  # noqa: ARG002
            watch.start()

        def committed(self, seconds: float, counts: Mapping[tuple[str, str], int], ages: Sequence[float]) -> None:  # noqa: ARG002
            watch.count(len(ages))

    class Copy:
        state: State = NoState()

        def process(self, records: Sequence[Record]) -> list[Outcome]:
            return [[Output("out", record.key, record.value)] for record in records]

    config = EngineConfig(
        agent="copy",
        prefix=prefix,
        group=f"{prefix}copy",
        input=f"{prefix}in",
        changelog=f"{prefix}state",
        outputs=("out",),
        dead_letters="dead-letters",
        client={"bootstrap_servers": [servers], "security_protocol": "PLAINTEXT"},
        compression=COMPRESSION,
    )
    calm_garbage_collector()
    engine = Engine(config, Copy, Meter())
    engine.app.in_worker = True
    await engine.app.start()
    await asyncio.Event().wait()


async def stock(records: int, servers: str, prefix: str) -> None:
    """Faust as documented: `async for` and `topic.send`."""
    import faust

    watch = Stopwatch(records)
    app: Any = faust.App(
        f"{prefix}stock",
        broker=f"kafka://{servers}",
        web_enabled=False,
        topic_disable_leader=True,
        value_serializer="raw",
        datadir=str(Path(os.environ["BENCHMARK_FOLDER"]) / "faust"),
        table_standby_replicas=0,
        consumer_max_fetch_size=FETCH_BYTES,
        producer_acks=-1,
    )
    out = app.topic(f"{prefix}out", value_type=bytes)

    @app.agent(app.topic(f"{prefix}in", key_type=bytes, value_type=bytes))  # type: ignore[untyped-decorator]
    async def copy(stream: Any) -> None:
        async for key, value in stream.items():
            watch.start()
            await out.send(key=key, value=value)
            watch.count(1)

    app.in_worker = True
    await app.start()
    await asyncio.Event().wait()


CONTENDERS = {"bare": bare, "lodestream": lodestream, "stock": stock}

if __name__ == "__main__":
    name, number, address, topics = sys.argv[1:]
    asyncio.run(CONTENDERS[name](int(number), address, topics))
