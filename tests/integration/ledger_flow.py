"""A deployment whose agents are written by hand: records as the agents write them, and as a fault would leave them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.admin import DeleteGroupsRequest

from lodestream.engine.block import Block
from lodestream.engine.partitioner import partition_of
from lodestream.headers import Header, Headers
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.letters import Coordinates, letter_headers, letter_key
from lodestream.settings import Settings
from lodestream.times import rfc3339
from lodestream.topics import changelog_of

INPUT = {"clean": "raw", "dedupe": "articles", "tag": "originals"}
WRITER = {"articles": "clean", "originals": "dedupe", "duplicates": "dedupe", "enriched": "tag"}
LINKED = ("article_id", "document_id", "headline", "position")
LATIN = b"k3"  # stands for a script class: goes to partition 0
LINEAGE = object()
"""In place of a value's lineage: that of its parent."""


@dataclass
class Flow:
    """Writes records of any stage; remembers which document each came from, as the records do in their lineage."""

    settings: Settings
    documents: dict[Coordinates, Any] = field(default_factory=dict)
    taken: dict[Coordinates, int] = field(default_factory=dict)  # when Kafka took a document, in ms
    values: dict[Coordinates, dict[str, Any]] = field(default_factory=dict)
    sent: dict[Coordinates, tuple[bytes | None, bytes]] = field(default_factory=dict)  # key and value
    originals: list[dict[str, Any]] = field(default_factory=list)
    _ids: dict[tuple[Any, Any], str] = field(default_factory=dict)
    _blocks: dict[tuple[str, int], int] = field(default_factory=dict)  # where the last ends
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
        self.sent |= dict.fromkeys(places, (None, b"a page"))
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
        key: bytes | None = None,
        partition: int = 0,
        no_story: bool = False,
    ) -> Coordinates:
        """An output of the record at `parent`: what it holds of it, and `value`.

        With an original comes its story, but for `no_story`.
        """
        document = self.documents.get(parent, parent) if lineage is LINEAGE and parent is not None else lineage
        if document in self.taken:
            headers = (*headers, (Header.INGESTED_AT, rfc3339(self.taken[document]).encode()))
        if parent is not None:
            headers = (*headers, (Header.ORIGIN, f"{parent}:{index}".encode()))
        if isinstance(value, Mapping):
            value = {**self._given(topic, parent, value), **value}
            if isinstance(document, Coordinates):
                said = {"topic": document.topic, "partition": document.partition, "offset": document.offset}
                value["lineage"] = said
            if topic == "originals":
                self.originals.append(value)
                story = value["story_id"].encode()
                if not no_story:
                    await (await producer.send(self.settings.topic("stories"), b"{}", key=story, partition=0))
            named = value.get({"enriched": "article_id", "duplicates": "duplicate_of"}.get(topic, ""))
            key = key or (named.encode() if named else LATIN)
        key = key or LATIN
        sent = value if isinstance(value, bytes) else orjson.dumps(value)
        delivered = await producer.send(
            self.settings.topic(topic), sent, key=key, partition=partition, headers=list(headers)
        )
        place = self.place(topic, (await delivered).offset, partition)
        self.documents[place] = document
        self.values[place] = {} if isinstance(value, bytes) else dict(value)
        self.sent[place] = key, sent
        return place

    def _given(self, topic: str, parent: Coordinates | None, value: Mapping[str, Any]) -> dict[str, Any]:
        """What a stage writes of its own and of its input, but the lineage."""
        held = {name: given for name, given in self.values.get(parent, {}).items() if name != "lineage"}  # type: ignore[arg-type]
        if topic == "articles" or "article_id" not in held:
            held |= {"article_id": self._id(parent, value.get("position")), "document_id": str(parent), "headline": "A"}
        if topic == "originals":
            return {"story_id": held["article_id"], **held}
        if topic != "duplicates":
            return held
        others = [each for each in self.originals if each["article_id"] != held["article_id"]]
        of = others[-1] if others else {"article_id": held["article_id"], "story_id": held["article_id"]}
        linked = {name: held[name] for name in LINKED if name in held}
        return {**linked, "duplicate_of": of["article_id"], "story_id": of["story_id"]}

    def new_id(self) -> str:
        """As a key it goes to partition 0."""
        while True:
            name = uuid.uuid4().hex
            if partition_of(name.encode(), self.settings.partitions) == 0:
                return name

    def _id(self, *of: Any) -> str:
        """The same for the same article."""
        if of not in self._ids:
            self._ids[of] = self.new_id()
        return self._ids[of]

    async def letter(
        self,
        producer: AIOKafkaProducer,
        name: str,
        parent: Coordinates,
        *,
        headers: Headers = (),
        value: bytes | None = None,
        key: bytes | None = None,
    ) -> Coordinates:
        """Of the record at `parent`, which it holds; `value` and `key` (its own): in place of the right ones."""
        origin_key, held = self.sent.get(parent, (None, b""))
        own = letter_key(headers, topic=parent.topic, partition=parent.partition, offset=parent.offset)
        headers = letter_headers(
            headers,
            topic=parent.topic,
            partition=parent.partition,
            offset=parent.offset,
            key=origin_key,
            reason="no_article",
            stage=name,
            detail="",
            at="2026-01-01T00:00:00Z",
        )
        topic = self.settings.topic("dead-letters")
        sent = held if value is None else value
        delivered = await producer.send(topic, sent, key=key or own, partition=0, headers=list(headers))
        return self.place("dead-letters", (await delivered).offset)

    async def commit(
        self, producer: AIOKafkaProducer, name: str, offset: int, partition: int = 0, *, blocks: bool = True
    ) -> None:
        """Within a transaction: the group's next offset, and the changelog's block up to there."""
        if blocks:
            await self.block(producer, name, self._blocks.get((name, partition), 0), offset, partition)
        source = TopicPartition(self.settings.topic(INPUT[name]), partition)
        await producer.send_offsets_to_transaction({source: offset}, self.settings.group(name))

    async def block(self, producer: AIOKafkaProducer, name: str, start: int, end: int, partition: int = 0) -> None:
        """A block of the changelog that covers the input from `start` to before `end`."""
        packed = Block(0, self.settings.partitions, start, end, 0, b"", b"", b"").pack()
        changelog = self.settings.topic(changelog_of(name))
        await (await producer.send(changelog, packed, partition=partition))
        self._blocks[name, partition] = end

    async def delete_before(self, topic: str, offset: int, partition: int = 0) -> None:
        """As retention does."""
        admin = AIOKafkaAdminClient(**client_arguments(self.settings))
        await admin.start()
        where = TopicPartition(self.settings.topic(topic), partition)
        await admin.delete_records({where: RecordsToDelete(before_offset=offset)})
        await admin.close()

    async def configure(self, topic: str, **configs: str) -> None:
        """As an operator does; dots in the keys are written as underscores."""
        admin = AIOKafkaAdminClient(**client_arguments(self.settings))
        await admin.start()
        values = {key.replace("_", "."): value for key, value in configs.items()}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self.settings.topic(topic), values)])
        await admin.close()

    async def forget(self, name: str) -> None:
        """As Kafka does with the offsets of a group that has had no members for long."""
        client = AIOKafkaClient(**client_arguments(self.settings))
        await client.bootstrap()
        group = self.settings.group(name)
        node = await client.coordinator_lookup(CoordinationType.GROUP, group)
        answer = await client.send(node, DeleteGroupsRequest([group]))
        assert answer.results == [(group, 0)]
        await client.close()

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
