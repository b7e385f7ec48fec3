"""Partitions of a topic: who leads them, and the ends of their logs. What aiokafka's clients ask, asked directly.

A consumer could be asked as well, but needs a connection for each isolation level and 100 ms for each topic that
it does not know yet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    InvalidTopicError,
    LeaderNotAvailableError,
    NoError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest

from lodestream.errors import TopicsError

# ListOffsets, Kafka protocol guide: the timestamps that mean an end of the log, and the isolation levels.
LATEST: Final = -1
EARLIEST: Final = -2
_READ_UNCOMMITTED: Final = 0
_READ_COMMITTED: Final = 1


async def leaders(client: AIOKafkaClient, topic: str, partitions: Collection[int] | None = None) -> dict[int, int]:
    """The leading broker of each partition, or of those that are asked for, in order of partitions.

    Raises `TopicsError` when the topic or a partition is missing, `LeaderNotAvailableError` when one has no leader.
    """
    response = await client.send(client.get_random_node(), MetadataRequest([topic]))
    (described,) = response.to_object()["topics"]
    error = for_code(described["error_code"])
    if error is UnknownTopicOrPartitionError or error is InvalidTopicError:
        raise TopicsError(f"there is no topic {topic}; `lodestream topics apply` creates the topics")
    if error is not NoError:
        raise error(topic)
    led_by = {part["partition"]: part["leader"] for part in described["partitions"]}
    missing = sorted(set(partitions or ()) - set(led_by))
    if missing:
        raise TopicsError(f"topic {topic} has no partition {missing[0]}: it has {len(led_by)}")
    wanted = sorted(led_by if partitions is None else set(partitions))
    if any(led_by[part] < 0 for part in wanted):
        raise LeaderNotAvailableError(topic)
    return {part: led_by[part] for part in wanted}


async def list_offsets(
    client: AIOKafkaClient, topic: str, led_by: Mapping[int, int], timestamp: int, *, stable: bool = False
) -> dict[int, int]:
    """The offset of each partition at a timestamp, or at an end of its log; `stable`: below all open transactions.

    One request to each leader. Raises the `KafkaError` that a broker answers for a partition, as when it does not
    lead it yet.
    """
    isolation = _READ_COMMITTED if stable else _READ_UNCOMMITTED
    found: dict[int, int] = {}
    for node in sorted(set(led_by.values())):
        asked = [(part, timestamp) for part, leader in led_by.items() if leader == node]
        response = await client.send(node, OffsetRequest(-1, isolation, [(topic, asked)]))
        for answered in response.to_object()["topics"]:
            for part in answered["partitions"]:
                error = for_code(part["error_code"])
                if error is not NoError:
                    raise error(f"{topic}:{part['partition']}")
                found[part["partition"]] = part["offset"]
    return found
