"""The ledger on the topics themselves: what is read, in which order, and up to where.

The order makes it right on a running system. First the committed offsets: what is below them has its outputs in
the log, since one transaction holds both. Then the high watermarks of the outputs: they lie behind those outputs,
also where the commit markers are still on their way; reading *committed* up to them waits for these. What is
processed meanwhile shows as outputs ahead of the committed offsets, so these are asked for again at the end.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from lodestream.errors import LodestreamError
from lodestream.kafka.admin import all_topics
from lodestream.kafka.clients import clear_errors, client_arguments, reachable
from lodestream.kafka.log import LogRecord, Offsets, offsets, read_log
from lodestream.ledger.judge import Breach, InputPartition, StageReport, judge
from lodestream.ledger.outputs import STAGES, UNKNOWN_STAGE, Fates, NoOutputError, Stage, read_fate
from lodestream.ledger.report import Report
from lodestream.letters import Coordinates
from lodestream.settings import Settings
from lodestream.topics import RAW

INPUT_TOPICS: Final = tuple(stage.input for stage in STAGES)
TOPICS: Final = (RAW, *dict.fromkeys(topic for stage in STAGES for topic in stage.outputs))
# The marker of a committed offset is written within milliseconds of those of the outputs, unless a broker restarts.
COMMIT_SECONDS: Final = 15.0
COMMIT_POLL_SECONDS: Final = 0.2
GROUP_SECONDS: Final = 30.0  # at first start Kafka still creates the topic in which groups are kept

Committed = dict[str, dict[int, int]]
"""By stage and input partition: the group's next offset, 0 where it has none."""


async def verify(settings: Settings) -> Report:
    """Hold every stage's outputs against its input (design guarantee 2).

    Looks at the records up to the groups' committed offsets, from where all topics still reach. Raises
    `LodestreamError` when Kafka is not there, a topic is missing, or a transaction stays open for too long.
    """
    await reachable(settings)
    with clear_errors(settings):
        return await _Audit(settings).run()


class _Audit:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._arguments = client_arguments(settings)
        self._input_topics = {stage.name: settings.topic(stage.input) for stage in STAGES}
        self._ends: dict[str, dict[int, Offsets]] = {}
        self._inputs = {topic: _Records() for topic in INPUT_TOPICS}
        self._fates = {stage.name: Fates() for stage in STAGES}
        self._oldest: dict[tuple[str, int], int] = {}  # timestamp of the first record that a partition still has
        self._orphans: list[tuple[str, Coordinates, str]] = []

    async def run(self) -> Report:
        partitions = {topic: await self._bounds(topic) for topic in INPUT_TOPICS}
        committed = await self._committed(partitions)
        for topic in TOPICS:
            self._ends[topic] = await self._bounds(topic)
        now_ms = time.time_ns() // 1_000_000
        for topic in TOPICS:
            await self._read(topic)
        until = time.monotonic() + COMMIT_SECONDS
        while True:
            after = await self._committed(partitions)
            reports = tuple(self._judge(stage, committed, after, now_ms) for stage in STAGES)
            ahead = any(report.breaches[Breach.AHEAD] for report in reports)
            if not ahead or time.monotonic() > until:
                break
            await asyncio.sleep(COMMIT_POLL_SECONDS)
        return Report(self._with_orphans(reports))

    async def _bounds(self, topic: str) -> dict[int, Offsets]:
        return await offsets(self._arguments, self._settings.topic(topic))

    async def _committed(self, partitions: Mapping[str, Mapping[int, Offsets]]) -> Committed:
        return {
            stage.name: await _group_offsets(
                self._arguments,
                self._settings.group(stage.name),
                self._settings.topic(stage.input),
                partitions[stage.input],
            )
            for stage in STAGES
        }

    async def _read(self, topic: str) -> None:
        bounds = self._ends[topic]
        # Nobody reads `raw` beyond its stable offset; outputs are awaited up to the high watermark.
        end = {partition: bound.stable if topic == RAW else bound.high for partition, bound in bounds.items()}
        start = {partition: bound.beginning for partition, bound in bounds.items()}
        async for batch in read_log(self._arguments, self._settings.topic(topic), start=start, end=end):
            self._oldest.setdefault((topic, batch[0].partition), batch[0].timestamp)
            if topic in self._inputs:
                self._inputs[topic].add(batch)
            if topic != RAW:
                self._add_fates(topic, batch)

    def _add_fates(self, topic: str, batch: list[LogRecord]) -> None:
        for record in batch:
            headers = tuple((name, value or b"") for name, value in record.headers)
            try:
                fate = read_fate(topic, headers, record.value, self._input_topics)
            except NoOutputError as error:
                place = Coordinates(record.topic, record.partition, record.offset)
                self._orphans.append((error.stage, place, str(error)))
                continue
            if fate is not None:
                stage = next(stage for stage in STAGES if stage.name == fate.stage)
                self._fates[fate.stage].add(fate, stage.outputs.index(topic), record.partition, record.offset)

    def _judge(self, stage: Stage, committed: Committed, after: Committed, now_ms: int) -> StageReport:
        bounds = self._ends[stage.input]
        inputs = {
            partition: InputPartition(
                *self._inputs[stage.input].arrays(partition),
                begin=bound.beginning,
                committed=committed[stage.name][partition],
                committed_after=after[stage.name][partition],
            )
            for partition, bound in bounds.items()
        }
        reach_ms = self._reach_ms(stage, now_ms)
        return judge(stage, inputs, self._fates[stage.name], reach_ms=reach_ms, prefix=self._settings.topic_prefix)

    def _reach_ms(self, stage: Stage, now_ms: int) -> int | None:
        """Up to which time retention may have taken outputs of the stage; None: it took nothing.

        What a partition lost is older than what it still has. Where it has nothing, what it lost had reached
        the topic's retention time.
        """
        retention = {topic.name: topic.retention_ms for topic in all_topics(self._settings)}
        taken = [
            self._oldest.get((topic, partition), now_ms - (retention[topic] or 0))
            for topic in stage.outputs
            for partition, bound in self._ends[topic].items()
            if bound.beginning > 0
        ]
        return max(taken, default=None)

    def _with_orphans(self, reports: tuple[StageReport, ...]) -> tuple[StageReport, ...]:
        by_name = {report.stage: report for report in reports}
        for stage, place, why in self._orphans:
            by_name.setdefault(stage, StageReport(UNKNOWN_STAGE)).add(Breach.ORPHAN, str(place), why)
        return tuple(by_name.values())


class _Records:
    """Offsets and timestamps of a topic's records: 16 bytes each."""

    def __init__(self) -> None:
        self._columns: dict[int, tuple[array[int], array[int]]] = {}

    def add(self, batch: list[LogRecord]) -> None:
        """A batch of one partition, behind those before it."""
        columns = self._columns.setdefault(batch[0].partition, (array("q"), array("q")))
        columns[0].extend(record.offset for record in batch)
        columns[1].extend(record.timestamp for record in batch)

    def arrays(self, partition: int) -> tuple[Any, Any]:
        columns = self._columns.get(partition, (array("q"), array("q")))
        return np.array(columns[0], np.int64), np.array(columns[1], np.int64)


async def _group_offsets(
    arguments: Mapping[str, Any], group: str, topic: str, partitions: Mapping[int, Offsets]
) -> dict[int, int]:
    """The next offset of a group per partition; 0 where it has committed none."""
    wanted = [TopicPartition(topic, partition) for partition in partitions]
    admin = AIOKafkaAdminClient(**arguments)
    until = time.monotonic() + GROUP_SECONDS
    try:
        await admin.start()
        while True:
            try:
                async with asyncio.timeout(GROUP_SECONDS):
                    found = await admin.list_consumer_group_offsets(group, partitions=wanted)
                break
            except (KafkaError, TimeoutError) as error:
                if not getattr(error, "retriable", False) or time.monotonic() > until:
                    raise LodestreamError(f"the offsets of group {group} cannot be read: {error!r}") from error
                await asyncio.sleep(COMMIT_POLL_SECONDS)
    finally:
        await admin.close()
    return {tp.partition: max(0, found[tp].offset) if tp in found else 0 for tp in wanted}
