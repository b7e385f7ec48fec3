"""What a batch becomes: messages by topic and partition, with the headers that every output carries."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Mapping, Sequence

from lodestream.engine.config import EngineConfig
from lodestream.engine.partitioner import POSITIVE, murmur2_all, partition_of
from lodestream.engine.step import Outcome, Record
from lodestream.engine.transaction import Message
from lodestream.errors import LodestreamError, Reason, Rejected
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
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno} {frames[-1].name}" if frames else "?"
    return Rejected(Reason.STEP_ERROR, f"{type(error).__name__} at {where}")


class Outgoing:
    """Collects the outcomes of one transaction in input order."""

    def __init__(self, config: EngineConfig, partitions: Mapping[str, int], now: int) -> None:
        """`partitions`: counts by the short names of the topics that the step may write to; `now` in ms."""
        self.messages: dict[tuple[str, int], list[Message]] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.reasons: Counter[str] = Counter()
        self.fates: list[bool] = []  # by record: did it become a dead letter?
        self._by_place: dict[tuple[str, int], list[Message]] = {}  # the same lists, by the topic's short name
        self._config = config
        self._partitions = partitions
        self._now = rfc3339(now)
        self._processed_at = (Header.PROCESSED_AT, self._now.encode())
        self._ingested_at = -1
        self._ingested_header = ("", b"")

    def add_all(self, records: Sequence[Record], outcomes: Sequence[Outcome]) -> None:
        """Take the fate of each record, all of one partition.

        Raises `PoisonedError` when an output is larger than the broker takes. This loop runs for every record of
        the service: what can be is computed once per record or per batch.
        """
        limit = self._config.output_bytes - OVERHEAD
        place = f"{records[0].topic}:{records[0].partition}:".encode() if records else b""
        hashes = iter(
            murmur2_all(
                [
                    key
                    for outcome in outcomes
                    if not isinstance(outcome, Rejected)
                    for _, key, _, _, partition, _ in outcome
                    if partition is None and key is not None
                ]
            )
        )
        for record, outcome in zip(records, outcomes, strict=True):
            if isinstance(outcome, Rejected):
                self._add_letter(record, outcome)
                continue
            self.fates.append(False)
            if record.ingested_at != self._ingested_at:
                self._ingested_at = record.ingested_at
                self._ingested_header = (Header.INGESTED_AT, rfc3339(record.ingested_at).encode())
            index = 0
            for topic, key, value, headers, partition, counts in outcome:
                if value is not None and len(value) > limit:
                    detail = f"an output for {topic} has {len(value)} bytes"
                    raise PoisonedError(record, Rejected(Reason.OUTPUT_TOO_LARGE, detail))
                if partition is None:
                    count = self._partitions[topic]
                    partition = 0 if key is None else (next(hashes) & POSITIVE) % count  # noqa: PLW2901 - a name of its own would be one more
                messages = self._by_place.get((topic, partition))
                if messages is None:
                    messages = self._messages_for(topic, partition)
                origin = (ORIGIN, b"%b%d:%d" % (place, record.offset, index))
                messages.append((key, value, [*headers, self._ingested_header, origin, self._processed_at]))
                index += 1  # noqa: SIM113 - enumerate would make a tuple per output
                for family, label, n in counts:
                    self.counts[family, label] += n

    def add_block(self, partition: int, packed: bytes) -> None:
        """The changelog block of the transaction."""
        self.messages[self._config.changelog, partition] = [(None, packed, [])]

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
        topic = config.dead_letters
        self._messages_for(topic, partition_of(key, self._partitions[topic])).append(
            (key, record.value or b"", list(headers))
        )

    def _messages_for(self, topic: str, partition: int) -> list[Message]:
        """The list of a place, by the topic's short name."""
        messages = self.messages.setdefault((self._config.prefix + topic, partition), [])
        self._by_place[topic, partition] = messages
        return messages
