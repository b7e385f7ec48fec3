"""How far a consumer group has come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from lodestream.errors import LodestreamError

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
