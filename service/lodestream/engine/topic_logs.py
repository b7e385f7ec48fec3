"""What a lane reads back from Kafka, beside the stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection

from lodestream.engine.config import EngineConfig
from lodestream.kafka.log import LogRecord, Offsets, offsets, read_log


class TopicLogs:
    """An agent's changelog and its input, by partition of the input (`engine.changelog.Logs`)."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config

    async def changelog_offsets(self, partition: int) -> Offsets:
        return await self._offsets(self._config.changelog, partition)

    def changelog(self, partition: int, start: int, end: int) -> AsyncGenerator[list[LogRecord], None]:
        return self._read(self._config.changelog, partition, start, end)

    async def input_offsets(self, partition: int) -> Offsets:
        return await self._offsets(self._config.input, partition)

    async def all_input_offsets(self, partitions: Collection[int]) -> dict[int, Offsets]:
        return await offsets(self._config.client, self._config.input, partitions) if partitions else {}

    def input(self, partition: int, start: int, end: int) -> AsyncGenerator[list[LogRecord], None]:
        return self._read(self._config.input, partition, start, end)

    async def _offsets(self, topic: str, partition: int) -> Offsets:
        return (await offsets(self._config.client, topic, [partition]))[partition]

    def _read(self, topic: str, partition: int, start: int, end: int) -> AsyncGenerator[list[LogRecord], None]:
        return read_log(
            self._config.client, topic, partitions=[partition], start={partition: start}, end={partition: end}
        )
