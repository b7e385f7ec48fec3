"""How far a consumer group has come, also one that Kafka has forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from lodestream.engine.block import Span
from lodestream.engine.restore import forgotten_offset
from lodestream.errors import LodestreamError, StateError
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


class Forgotten(NamedTuple):
    """Where a group had come to by its changelog, by partition, and of which it has blocks that cannot be read."""

    offsets: Mapping[int, int]
    unreadable: Collection[int]

    def warnings(self, group: str) -> list[str]:
        """What to say of it; nothing when the group is known everywhere."""
        told = {
            "they are taken from its changelog": self.offsets,
            "its changelog has blocks there that cannot be read, and only the others count": self.unreadable,
        }
        return [
            f"Kafka has forgotten the offsets of {group} on partitions {', '.join(map(str, partitions))}: {what}"
            for what, partitions in told.items()
            if partitions
        ]


async def forgotten_offsets(arguments: Mapping[str, Any], changelog: str, partitions: Collection[int]) -> Forgotten:
    """Where a group without offsets had come to by its changelog (full name); partitions without blocks are left out.

    There a worker goes on, too: Kafka forgets the offsets of a group that has had no members for a week. One that
    cannot read a block does not start; here the last one that can be read counts. Raises `LodestreamError` when the
    changelog is not there.
    """
    if not partitions:
        return Forgotten({}, ())
    blocks = _Blocks(arguments, changelog, await offsets(arguments, changelog, partitions))
    found, unreadable = {}, []
    for partition in partitions:
        try:
            found[partition] = await forgotten_offset(blocks, partition)
        except StateError:
            unreadable.append(partition)
            found[partition] = await _last_readable(blocks, partition)
    return Forgotten({partition: end for partition, end in found.items() if end}, unreadable)


async def _last_readable(blocks: _Blocks, partition: int) -> int:
    """The input offset at which the last block that can be read ends; 0: there is none."""
    bounds, last = blocks.ends[partition], 0
    async with aclosing(blocks.changelog(partition, bounds.beginning, bounds.stable)) as pages:
        async for page in pages:
            for record in page:
                with contextlib.suppress(StateError):
                    last = Span.of(record.value or b"").end
    return last


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
