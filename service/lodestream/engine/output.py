"""What a batch becomes: messages by topic and partition, with the headers that every output carries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from lodestream.engine.config import EngineConfig
from lodestream.engine.partitioner import partitions_of
from lodestream.engine.step import Outcome, Record
from lodestream.engine.transaction import Message
from lodestream.errors import LodestreamError, Reason, Rejected, place_of
from lodestream.headers import Header
from lodestream.letters import letter_headers, letter_key
from lodestream.times import rfc3339

ORIGIN = Header.ORIGIN
OVERHEAD = 16 << 10  # of a record in its batch: key, headers and framing; document ids and URLs are short


class PoisonedError(Exception):
    """A record (None: one of several) that breaks the step or whose output no broker takes."""

    def __init__(self, record: Record | None, rejected: Rejected) -> None:
        super().__init__(str(rejected))
        self.record = record
        self.rejected = rejected


def fault_of(error: Exception) -> Rejected:
    """Why a step's exception makes its record a dead letter: type and place, never the text.

    Raises the error again where it is not one record's fault: memory, disk, Kafka, state.
    """
    if isinstance(error, (LodestreamError, OSError, MemoryError)):
        raise error
    return Rejected(Reason.STEP_ERROR, place_of(error))


class Outgoing:
    """Collects the outcomes of one transaction in input order."""

    def __init__(self, config: EngineConfig, partitions: Mapping[str, int], now: int) -> None:
        """`partitions`: counts by the short names of the topics that the step may write to; `now` in ms."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self.reasons: Counter[str] = Counter()
        self.fates: list[bool] = []  # by record: did it become a dead letter?
        self._keyed: defaultdict[str, list[Message]] = defaultdict(list)  # by topic: their keys say which partition
        self._placed: defaultdict[tuple[str, int], list[Message]] = defaultdict(list)  # by topic and partition
        self._config = config
        self._partitions = partitions
        self._now = rfc3339(now)
        self._processed_at = (Header.PROCESSED_AT, self._now.encode())
        self._ingested_at = -1
        self._ingested_header = ("", b"")

    def add_all(self, records: Sequence[Record], outcomes: Sequence[Outcome]) -> None:
        """Take the fate of each record, all of one partition.

        Raises `PoisonedError` when an output is larger than the broker takes. This loop runs for every record of
        the service: what can be is computed once per batch, the partitions of the keys among it.
        """
        limit = self._config.output_bytes - OVERHEAD
        first = f"{records[0].topic}:{records[0].partition}:" if records else ""
        processed_at = self._processed_at
        fates = self.fates
        keyed = self._keyed
        for record, outcome in zip(records, outcomes, strict=True):
            if isinstance(outcome, Rejected):
                self._add_letter(record, outcome)
                continue
            fates.append(False)
            if record.ingested_at != self._ingested_at:
                self._ingested_at = record.ingested_at
                self._ingested_header = (Header.INGESTED_AT, rfc3339(record.ingested_at).encode())
            ingested_at = self._ingested_header
            index = 0
            for topic, key, value, headers, partition, counts in outcome:
                if value is not None and len(value) > limit:
                    detail = f"an output for {topic} has {len(value)} bytes"
                    raise PoisonedError(record, Rejected(Reason.OUTPUT_TOO_LARGE, detail))
                origin = (ORIGIN, f"{first}{record.offset}:{index}".encode())
                message = (key, value, [*headers, ingested_at, origin, processed_at])
                if partition is None:
                    keyed[topic].append(message)
                else:
                    self._placed[topic, partition].append(message)
                index += 1  # noqa: SIM113 - enumerate would make a tuple per output
                if counts:
                    for family, label, n in counts:
                        self.counts[family, label] += n

    def messages(self) -> dict[tuple[str, int], list[Message]]:
        """All messages by full topic name and partition, in the order of their input.

        Raises `TypeError` when a step leaves the partition of some outputs of a topic to their keys and of others
        not: their order could not be kept.
        """
        prefix = self._config.prefix
        for topic, _ in self._placed:
            if topic in self._keyed:
                raise TypeError(f"the step gives some outputs for {topic} a partition, and others none")
        messages = {(prefix + topic, partition): some for (topic, partition), some in self._placed.items()}
        for topic, some in self._keyed.items():
            count = self._partitions[topic]
            places: list[list[Message]] = [[] for _ in range(count)]
            for message, partition in zip(some, partitions_of([key for key, _, _ in some], count), strict=True):
                places[partition].append(message)
            for partition, found in enumerate(places):
                if found:
                    messages[prefix + topic, partition] = found
        return messages

    def _add_letter(self, record: Record, rejected: Rejected) -> None:
        config = self._config
        self.fates.append(True)
        self.reasons[str(rejected.reason)] += 1
        key = letter_key(record.headers, topic=record.topic, partition=record.partition, offset=record.offset)
        headers = letter_headers(
            record.headers,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            reason=str(rejected.reason),
            stage=config.agent,
            detail=rejected.detail,
            at=self._now,
        )
        self._keyed[config.dead_letters].append((key, record.value or b"", list(headers)))
