"""The whole flow in one process without a broker: the agents' own steps over topics in memory.

The same steps, keys, partitions and offsets as on Kafka, so a document gives the same articles, links and tags.
What is missing is what Kafka gives: nothing survives a crash, and nothing runs in parallel.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lodestream.agents import INPUTS, steps
from lodestream.engine.output import fault_of
from lodestream.engine.partitioner import partition_of
from lodestream.engine.step import NoState, Output, Record, Step
from lodestream.errors import LodestreamError, Rejected
from lodestream.headers import Header, Headers
from lodestream.letters import letter_headers, letter_key
from lodestream.settings import Settings
from lodestream.times import rfc3339
from lodestream.topics import DEAD_LETTERS, RAW


class Written(NamedTuple):
    """A record that came out of the flow. `topic` is the short name."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers


class Pipeline:
    """Feed raw documents in order, take what each of them becomes."""

    def __init__(self, settings: Settings, ingested_at: int) -> None:
        """`ingested_at`, in ms, is the log's clock of the whole run: one constant."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self._settings = settings
        self._ingested_at = ingested_at
        self._agents = {topic: agent for agent, topic in INPUTS.items()}
        self._new_step: dict[str, Callable[[], Step]] = {agent: steps(agent, settings) for agent in INPUTS}
        self._steps: dict[tuple[str, int], Step] = {}
        self._offsets: defaultdict[tuple[str, int], int] = defaultdict(int)

    def feed(self, key: bytes, value: bytes, headers: Headers) -> Iterator[Written]:
        """One document through all stages; yields every record that is written on the way, `articles` included."""
        yield from self._append(Output(RAW, key, value, headers))

    def _append(self, output: Output) -> Iterator[Written]:
        """Append a record to its topic and, if an agent reads it, take it further."""
        topic = output.topic
        if topic != RAW:
            yield Written(topic, output.key, output.value or b"", output.headers)
        agent = self._agents.get(topic)
        if agent is None:
            return
        partition = output.partition
        if partition is None:
            partition = partition_of(output.key, self._settings.partitions)
        where = (topic, partition)
        offset = self._offsets[where]
        self._offsets[where] = offset + 1
        at = self._ingested_at
        record = Record(
            self._settings.topic(topic), partition, offset, output.key, output.value, output.headers, at, at
        )
        yield from self._step(agent, record)

    def _step(self, agent: str, record: Record) -> Iterator[Written]:
        step = self._steps.get((agent, record.partition))
        if step is None:
            step = self._steps[agent, record.partition] = self._new_step[agent]()
        try:
            (outcome,) = step.process([record])
        except Exception as error:
            rejected = fault_of(error)  # raises again what is not one record's fault
            if not isinstance(step.state, NoState):
                raise LodestreamError(
                    f"a bug in {agent}: {rejected.detail}. Without Kafka there is no changelog to restore from"
                ) from error
            outcome = rejected
        step.state.drain()
        if isinstance(outcome, Rejected):
            yield self._letter(agent, record, outcome)
            return
        at = (Header.INGESTED_AT, rfc3339(record.ingested_at).encode())
        for index, output in enumerate(outcome):
            for family, label, n in output.counts:
                self.counts[family, label] += n
            origin = (Header.ORIGIN, f"{record.topic}:{record.partition}:{record.offset}:{index}".encode())
            yield from self._append(output._replace(headers=(*output.headers, at, origin)))

    def _letter(self, agent: str, record: Record, rejected: Rejected) -> Written:
        self.counts["dead_letters", str(rejected.reason)] += 1
        key = letter_key(record.headers, topic=record.topic, partition=record.partition, offset=record.offset)
        headers = letter_headers(
            record.headers,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            reason=str(rejected.reason),
            stage=agent,
            detail=rejected.detail,
            at=rfc3339(self._ingested_at),
        )
        return Written(DEAD_LETTERS, key, record.value or b"", headers)
