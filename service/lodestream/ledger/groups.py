"""How far a consumer group has come, also one that Kafka has forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from lodestream.engine.restore import forgotten_offset
from lodestream.errors import LodestreamError
from lodestream.kafka.log import LogRecord, Offsets, offsets, read_log

_POLL_SECONDS: Final = 0.2
_SECONDS: Final = 30.0  # at first start Kafka still creates the topic in which groups are kept


async def group_offsets(
    arguments: Mapping[str, Any], group: str, topic: str, partitions: Collection[int]
) -> dict[int, int]:
    """The next offset of a group per partition of a topic (full name); 0 where it has committed none.

    Raises `LodestreamError` when Kafka does not say.
    """
    wanted = [TopicPartition(topic, partition) for partition in partitions]
    admin = AIOKafkaAdminClient(**arguments)
    until = time.monotonic() + _SECONDS
    try:
        await admin.start()
        while True:
            try:
                async with asyncio.timeout(_SECONDS):
                    found = await admin.list_consumer_group_offsets(group, partitions=wanted)
                break
            except (KafkaError, TimeoutError) as error:
                if not getattr(error, "retriable", False) or time.monotonic() > until:
                    raise LodestreamError(f"the offsets of group {group} cannot be read: {error!r}") from error
                await asyncio.sleep(_POLL_SECONDS)
    finally:
        await admin.close()
    return {tp.partition: max(0, found[tp].offset) if tp in found else 0 for tp in wanted}


async def forgotten_offsets(
    arguments: Mapping[str, Any], changelog: str, partitions: Collection[int]
) -> dict[int, int]:
    """Where a group without offsets had come to by its changelog (full name), by partition; others are left out.

    There a worker goes on, too: Kafka forgets the offsets of a group that has had no members for a week. Raises
    `LodestreamError` when the changelog is not there or cannot be read.
    """
    if not partitions:
        return {}
    blocks = _Blocks(arguments, changelog, await offsets(arguments, changelog, partitions))
    found = {partition: await forgotten_offset(blocks, partition) for partition in partitions}
    return {partition: end for partition, end in found.items() if end}


@dataclass(frozen=True, slots=True)
class _Blocks:
    """A changelog as the engine reads it, but with all its ends asked for at once."""

    arguments: Mapping[str, Any]
    topic: str
    ends: Mapping[int, Offsets]

    async def changelog_offsets(self, partition: int) -> Offsets:
        return self.ends[partition]

    def changelog(self, partition: int, start: int, end: int) -> AsyncGenerator[list[LogRecord], None]:
        one = [partition]
        return read_log(self.arguments, self.topic, partitions=one, start={partition: start}, end={partition: end})
