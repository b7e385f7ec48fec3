"""How long the dedupe state takes to come back: from the changelog alone, and from a snapshot, on a real broker.

Fills a window with made-up articles of 500 words' size through the real state, block by block as the lane writes
them, and times what a lane does at a restore. `python -m benchmarks.restore [ARTICLES]`, default 1,000,000.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from lodestream.agents.dedupe import DedupeStep
from lodestream.agents.process import engine_config
from lodestream.dedupe import Deduper
from lodestream.dedupe.arrival import Arrival
from lodestream.dedupe.entry import Entry
from lodestream.engine.block import Block
from lodestream.engine.breaker import Breaker
from lodestream.engine.changelog import PartitionState
from lodestream.engine.observer import Observer
from lodestream.engine.process import calm_garbage_collector
from lodestream.engine.restore import Restorer
from lodestream.engine.snapshots import Snapshots
from lodestream.engine.topic_logs import TopicLogs
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.ports import free_ports
from lodestream.origins import Marks
from lodestream.settings import Settings, load

ARTICLES: Final = 1_000_000
PER_BLOCK: Final = 500  # of a backfill; live it is a few
ANCHORS: Final = 30
SKETCH: Final = 128
STORY_EVERY: Final = 5  # each fifth article is a copy of the one before
WINDOW_MS: Final = 168 * 3_600_000
HEAP_MB: Final = 1024


def arrivals(source: np.random.Generator, first: int, count: int) -> Iterator[Arrival]:
    anchors = np.sort(source.integers(0, 2**32, (count, ANCHORS), dtype=np.uint32), axis=1)
    sketches = np.sort(source.integers(0, 2**32, (count, SKETCH), dtype=np.uint32), axis=1)
    for at in range(count):
        number = first + at
        yield Arrival(
            article_id=f"{number:024x}",
            text_key=f"{number:032x}",
            site=f"site-{number % 3000}.example",
            source=f"Site {number % 3000}",
            published_at="2026-03-01T10:00:00Z",
            published=1_772_000_000_000,
            fetched=None,
            ingested=1_772_000_000_000 + number,
            headline=sketches[at].tobytes()[:16],
            exact=number.to_bytes(16, "little"),
            shingles=480,
            anchors=anchors[at].tobytes(),
            sketch=sketches[at].tobytes(),
        )


def blocks(articles: int, partitions: int) -> Iterator[bytes]:
    """The changelog of a window that has just been filled, as the state writes it."""
    source = np.random.default_rng(7)
    writer = Deduper(WINDOW_MS, articles)
    index = writer._index  # noqa: SLF001 - the articles are made up as entries, the search is not what is measured
    for first in range(0, articles, PER_BLOCK):
        for at, arrival in enumerate(arrivals(source, first, min(PER_BLOCK, articles - first))):
            number = first + at
            copy = number % STORY_EVERY == STORY_EVERY - 1
            story = number - 1 if copy else number
            entry = Entry(arrival, arrival.ingested, story, 1, None, round_up=False, chained=False)
            writer._add(entry, index.summary(story).joined_by(arrival) if copy else None)  # noqa: SLF001
        end = min(first + PER_BLOCK, articles)
        yield Block(
            Deduper.FORMAT,
            partitions,
            first,
            end,
            1_772_000_000_000 + end,
            Breaker().pack(),
            Marks({0: (end, 0)}).pack(),
            writer.drain(),
        ).pack()


async def fill(settings: Settings, topic: str, articles: int) -> None:
    client = {"bootstrap_servers": settings.bootstrap_servers}
    admin = AIOKafkaAdminClient(**client)
    await admin.start()
    configs = {"max.message.bytes": str(9 << 20), "message.timestamp.type": "LogAppendTime"}
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=configs)])
    await admin.close()
    producer = AIOKafkaProducer(
        **client, max_request_size=9 << 20, max_batch_size=4 << 20, compression_type="lz4", enable_idempotence=True
    )
    await producer.start()
    sent = None
    for block in blocks(articles, 1):
        sent = await producer.send(topic, block, partition=0)
    assert sent is not None
    await sent
    await producer.stop()


async def timed(name: str, restorer: Restorer, committed: int) -> PartitionState:
    began, cpu = time.perf_counter(), time.process_time()
    state = await restorer.restore(committed, 1)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{name:<28} {seconds:6.1f} s  {cpu:6.1f} s CPU  {committed / seconds:9,.0f} articles/s  peak {memory:.1f} GiB"
    )
    return state


async def measure(settings: Settings, articles: int, folder: Path) -> None:
    config = replace(engine_config("dedupe", settings), state_folder=folder)
    print(f"{articles:,} articles of dedupe state, one partition; blocks of {PER_BLOCK}")
    await fill(settings, config.changelog, articles)

    def restorer() -> Restorer:
        return Restorer(
            config=config,
            partition=0,
            new_step=lambda: DedupeStep(WINDOW_MS, articles),
            logs=TopicLogs(config),
            snapshots=Snapshots(config),
            observer=Observer(),
            progressed=lambda: None,
        )

    state = await timed("from the changelog alone", restorer(), articles)
    snapshots = Snapshots(config)
    began = time.perf_counter()
    frozen = snapshots.freeze(0, 1, state)
    held = time.perf_counter() - began
    size = snapshots.write(0, frozen, threading.Event())
    seconds = time.perf_counter() - began
    print(
        f"{'a snapshot written':<28} {seconds:6.1f} s, {size / 2**20:,.0f} MiB; the stream waits {held * 1000:.0f} ms"
    )
    entries = {store: size.entries for store, size in state.step.state.sizes().items()}
    del state, frozen
    again = await timed("from the snapshot", restorer(), articles)
    assert {store: size.entries for store, size in again.step.state.sizes().items()} == entries


def main() -> None:
    articles = int(sys.argv[1]) if len(sys.argv) > 1 else ARTICLES
    with tempfile.TemporaryDirectory() as folder:
        (port,) = free_ports(1)
        broker = EmbeddedKafka(Path(folder) / "kafka", port, HEAP_MB)
        broker.start()
        try:
            calm_garbage_collector()  # as a worker does
            settings = load(bootstrap_servers=f"127.0.0.1:{port}", topic_prefix="restore.", partitions=1)
            asyncio.run(measure(settings, articles, Path(folder) / "state"))
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
