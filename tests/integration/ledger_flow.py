"""A deployment whose agents are written by hand: records as the agents write them, and as a fault would leave them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from lodestream.headers import Header, Headers
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.letters import Coordinates, letter_headers
from lodestream.settings import Settings
from lodestream.times import rfc3339

INPUT = {"clean": "raw", "dedupe": "articles", "tag": "originals"}
WRITER = {"articles": "clean", "originals": "dedupe", "duplicates": "dedupe", "enriched": "tag"}
LINEAGE = object()
"""In place of a value's lineage: that of its parent."""


@dataclass
class Flow:
    """Writes records of any stage; remembers which document each came from, as the records do in their lineage."""

    settings: Settings
    documents: dict[Coordinates, Any] = field(default_factory=dict)
    taken: dict[Coordinates, int] = field(default_factory=dict)  # when Kafka took a document, in ms
    _producers: dict[str, AIOKafkaProducer] = field(default_factory=dict)

    def place(self, topic: str, offset: int, partition: int = 0) -> Coordinates:
        return Coordinates(self.settings.topic(topic), partition, offset)

    async def agent(self, name: str) -> AIOKafkaProducer:
        if name not in self._producers:
            producer = AIOKafkaProducer(
                **client_arguments(self.settings), transactional_id=self.settings.group(name), linger_ms=0
            )
            await producer.start()
            self._producers[name] = producer
        return self._producers[name]

    async def raw(self, number: int = 1, partition: int = 0) -> list[Coordinates]:
        async with AIOKafkaProducer(**client_arguments(self.settings)) as producer:
            topic = self.settings.topic("raw")
            sent = [await producer.send(topic, b"a page", partition=partition) for _ in range(number)]
            done = [await each for each in sent]
        places = [self.place("raw", each.offset, partition) for each in done]
        self.taken |= {place: each.timestamp for place, each in zip(places, done, strict=True)}
        return places

    @asynccontextmanager
    async def transaction(self, name: str, *, abort: bool = False, hold: float = 0) -> AsyncIterator[AIOKafkaProducer]:
        producer = await self.agent(name)
        await producer.begin_transaction()
        yield producer
        await asyncio.sleep(hold)
        await (producer.abort_transaction() if abort else producer.commit_transaction())

    async def put(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        parent: Coordinates | None,
        index: int = 0,
        *,
        value: Mapping[str, Any] | bytes = {},
        lineage: Any = LINEAGE,
        headers: Headers = (),
        key: bytes = b"k",
    ) -> Coordinates:
        """An output of the record at `parent`; it goes to partition 0 of its topic."""
        document = self.documents.get(parent, parent) if lineage is LINEAGE and parent is not None else lineage
        if document in self.taken:
            headers = (*headers, (Header.INGESTED_AT, rfc3339(self.taken[document]).encode()))
        if parent is not None:
            headers = (*headers, (Header.ORIGIN, f"{parent}:{index}".encode()))
        if isinstance(value, Mapping) and isinstance(document, Coordinates):
            said = {"topic": document.topic, "partition": document.partition, "offset": document.offset}
            value = {**value, "lineage": said}
        sent = value if isinstance(value, bytes) else orjson.dumps(value)
        delivered = await producer.send(self.settings.topic(topic), sent, key=key, partition=0, headers=list(headers))
        place = self.place(topic, (await delivered).offset)
        self.documents[place] = document
        return place

    async def letter(
        self, producer: AIOKafkaProducer, name: str, parent: Coordinates, *, headers: Headers = ()
    ) -> Coordinates:
        headers = letter_headers(
            headers,
            topic=parent.topic,
            partition=parent.partition,
            offset=parent.offset,
            key=b"k",
            reason="no_article",
            stage=name,
            detail="",
            at="2026-01-01T00:00:00Z",
        )
        topic = self.settings.topic("dead-letters")
        delivered = await producer.send(topic, b"", key=b"k", partition=0, headers=list(headers))
        return self.place("dead-letters", (await delivered).offset)

    async def commit(self, producer: AIOKafkaProducer, name: str, offset: int, partition: int = 0) -> None:
        """Within a transaction: the group's next offset."""
        source = TopicPartition(self.settings.topic(INPUT[name]), partition)
        await producer.send_offsets_to_transaction({source: offset}, self.settings.group(name))

    async def delete_before(self, topic: str, offset: int, partition: int = 0) -> None:
        """As retention does."""
        admin = AIOKafkaAdminClient(**client_arguments(self.settings))
        await admin.start()
        where = TopicPartition(self.settings.topic(topic), partition)
        await admin.delete_records({where: RecordsToDelete(before_offset=offset)})
        await admin.close()

    async def stop(self) -> None:
        for producer in self._producers.values():
            await producer.stop()


@asynccontextmanager
async def flowing(settings: Settings) -> AsyncIterator[Flow]:
    await apply_topics(settings)
    flow = Flow(settings)
    try:
        yield flow
    finally:
        await flow.stop()


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "LODESTREAM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "LODESTREAM_TOPIC_PREFIX": settings.topic_prefix,
    }


async def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`lodestream verify` as a process of its own."""
    line = [sys.executable, "-m", "lodestream", "verify", *arguments]
    return await asyncio.to_thread(
        subprocess.run, line, env=environment(settings), capture_output=True, text=True, timeout=120, check=False
    )
