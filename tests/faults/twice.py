"""The same log through the service twice: what a second run needs, and what is compared.

A second run reads the very topic that the first one read, so its input is the same in every byte, header, offset and
append time, and nothing has to be made alike afterwards, not even the topic's name in `lineage`. For that, all that
the first run wrote is deleted and its groups are set back to the beginning: what a deployment looks like whose
workers never ran.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from harness import Topics
from lodestream.agents import INPUTS, OUTPUTS
from lodestream.headers import Header, Headers, header
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.settings import Settings
from lodestream.topics import DEAD_LETTERS, changelog_of

GONE_SECONDS = 30
CLOCKS = {Header.PROCESSED_AT, Header.AT}  # the wall clock of who wrote the record, or of who wrote the letter's input
ORIGINS = {Header.ORIGIN, Header.PARENT_ORIGIN}


class Entry(NamedTuple):
    """A record to write."""

    partition: int
    key: bytes
    value: bytes
    headers: Headers


class Compared(NamedTuple):
    """Of a record all that two runs must agree on."""

    key: bytes | None
    value: bytes | None
    headers: Headers


class Source(NamedTuple):
    """A partition that was written to, and the input partition that it came from.

    Where several input partitions write to one partition, the design leaves their order among each other open.
    """

    topic: str
    partition: int
    origin: str


Written = dict[Source, list[Compared]]


async def write_log(settings: Settings, topic: str, entries: Sequence[Entry]) -> None:
    """Write a topic's log in one go, in this order."""
    producer = AIOKafkaProducer(**client_arguments(settings), enable_idempotence=True, acks="all", linger_ms=2)
    await producer.start()
    try:
        name = settings.topic(topic)
        waits = [
            await producer.send(name, one.value, key=one.key, partition=one.partition, headers=list(one.headers))
            for one in entries
        ]
        await asyncio.gather(*waits)
    finally:
        await producer.stop()


def processed(topics: Topics, agent: str) -> bool:
    """Whether an agent has committed everything that is on its input now."""
    name = INPUTS[agent]
    if topics.open_transactions(name) > 0:  # records that nobody sees yet
        return False
    ends: dict[int, int] = {}
    for record in topics.read(name):
        ends[record.partition] = record.offset + 1
    committed = asyncio.run(_committed(topics.settings, agent))
    return all(committed.get(partition, 0) >= end for partition, end in ends.items())


async def _committed(settings: Settings, agent: str) -> dict[int, int]:
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(settings.group(agent))
    except GroupCoordinatorNotAvailableError:  # at first start Kafka still creates the topic in which groups are kept
        return {}
    finally:
        await admin.close()
    return {tp.partition: at.offset for tp, at in found.items() if tp.topic == settings.topic(INPUTS[agent])}


async def start_over(settings: Settings, agents: Collection[str]) -> None:
    """Delete what these agents wrote, dead letters included, and set their groups back to the beginning."""
    written = {topic for agent in agents for topic in (*OUTPUTS[agent], changelog_of(agent), DEAD_LETTERS)}
    names = [settings.topic(topic) for topic in sorted(written)]
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    try:
        await admin.delete_topics(names)
        deadline = time.monotonic() + GONE_SECONDS
        while set(names) & set(await admin.list_topics()):
            assert time.monotonic() < deadline, "the topics are still there"
            await asyncio.sleep(0.05)
    finally:
        await admin.close()
    assert set(await apply_topics(settings)) >= set(names)
    for agent in agents:
        await _set_back(settings, agent)


async def _set_back(settings: Settings, agent: str) -> None:
    """The group must be empty: Kafka takes offsets of an outsider only then."""
    topic = settings.topic(INPUTS[agent])
    consumer = AIOKafkaConsumer(**client_arguments(settings), group_id=settings.group(agent), enable_auto_commit=False)
    await consumer.start()
    try:
        beginning = {TopicPartition(topic, partition): 0 for partition in range(settings.partitions)}
        consumer.assign(list(beginning))
        deadline = time.monotonic() + GONE_SECONDS
        while True:
            try:
                await consumer.commit(beginning)
                break
            except KafkaError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)
    finally:
        await consumer.stop()


def written(topics: Topics, names: Collection[str], same: Collection[str]) -> Written:
    """What was written to these topics, by source and in the order of the log.

    Not compared: offsets, Kafka's timestamps, the headers `processed_at` and `at`; and origins, unless they name a
    topic of `same`, those that both runs read: their offsets are the same as well.
    """
    full = {topics.settings.topic(name) for name in same}
    found: Written = defaultdict(list)
    for name in names:
        for record in topics.read(name):
            origin = (header(record.headers, Header.ORIGIN) or "").split(":")
            source = Source(name, record.partition, ":".join(origin[:2]))
            headers = tuple((key, value if _fixed(key, value, full) else b"") for key, value in record.headers)
            found[source].append(Compared(record.key, record.value, headers))
    return dict(found)


def _fixed(name: str, value: bytes, same: Collection[str]) -> bool:
    if name in ORIGINS:
        return value.partition(b":")[0].decode() in same
    return name not in CLOCKS


def differences(one: Written, other: Written) -> list[str]:
    """What differs, a sentence a source: short enough to read."""
    sentences = []
    for source in sorted(one.keys() | other.keys()):
        first, second = one.get(source, []), other.get(source, [])
        if first == second:
            continue
        pairs = enumerate(zip(first, second, strict=False))
        place = next((at for at, (mine, its) in pairs if mine != its), min(len(first), len(second)))
        what = f"{source}: {len(first)} and {len(second)} records, "
        what += "the same in another order" if sorted(first) == sorted(second) else "other ones"
        shown = [
            _at_difference(some[place : place + 1], its[place : place + 1])
            for some, its in ((first, second), (second, first))
        ]
        sentences.append(f"{what}, first at place {place}: {shown[0]} and {shown[1]}")
    return sentences


def _at_difference(mine: Sequence[Compared], its: Sequence[Compared]) -> str:
    """A record around where it begins to differ from the other."""
    if not mine:
        return "nothing"
    text, other = repr(tuple(mine[0])), repr(tuple(its[0])) if its else ""
    at = next((at for at, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))
    return f"…{text[max(0, at - 60) : at + 60]}…"
