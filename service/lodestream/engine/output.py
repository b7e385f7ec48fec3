"""What a batch becomes: messages by topic and partition, with the headers that every output carries."""

from __future__ import annotations

import traceback
from collections import Counter

from lodestream.engine.config import EngineConfig
from lodestream.engine.step import Outcome, Output, Record
from lodestream.engine.transaction import Message, TransactionalWriter
from lodestream.errors import LodestreamError, Reason, Rejected
from lodestream.headers import Header
from lodestream.letters import letter_headers, letter_key
from lodestream.times import rfc3339

OVERHEAD = 4096  # of a record in its batch: framing and the headers added here


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

    def __init__(self, config: EngineConfig, writer: TransactionalWriter, now: int) -> None:
        self.messages: dict[tuple[str, int], list[Message]] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.reasons: Counter[str] = Counter()
        self.fates: list[bool] = []  # by record: did it become a dead letter?
        self._config = config
        self._writer = writer
        self._now = rfc3339(now)
        self._processed_at = (Header.PROCESSED_AT, self._now.encode())
        self._ingested: tuple[int, tuple[str, bytes]] = (-1, ("", b""))

    async def add(self, record: Record, outcome: Outcome) -> None:
        """Take one record's fate. Raises `PoisonedError` when an output is larger than the broker takes."""
        if isinstance(outcome, Rejected):
            await self._add_letter(record, outcome)
            return
        self.fates.append(False)
        config = self._config
        if record.ingested_at != self._ingested[0]:
            at = rfc3339(record.ingested_at).encode()
            self._ingested = (record.ingested_at, (Header.INGESTED_AT, at))
        coordinate = f"{record.topic}:{record.partition}:{record.offset}:"
        for index, output in enumerate(outcome):
            topic = config.prefix + output.topic
            partition = output.partition
            if partition is None:
                partition = await self._writer.place(topic, output.key)
            origin = (Header.ORIGIN, f"{coordinate}{index}".encode())
            headers = [*output.headers, self._ingested[1], origin, self._processed_at]
            size = _size(output)
            if size > config.output_bytes - OVERHEAD:
                detail = f"an output for {output.topic} has {size} bytes"
                raise PoisonedError(record, Rejected(Reason.OUTPUT_TOO_LARGE, detail))
            self._put(topic, partition, (output.key, output.value, headers))
            for family, label, n in output.counts:
                self.counts[family, label] += n

    def add_block(self, changelog: str, partition: int, packed: bytes) -> None:
        self._put(changelog, partition, (None, packed, []))

    async def _add_letter(self, record: Record, rejected: Rejected) -> None:
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
        self._put(topic, await self._writer.place(topic, key), (key, record.value or b"", list(headers)))

    def _put(self, topic: str, partition: int, message: Message) -> None:
        self.messages.setdefault((topic, partition), []).append(message)


def _size(output: Output) -> int:
    """Bytes of the key, the value and the step's headers."""
    headers = sum(len(name) + len(value) for name, value in output.headers)
    return len(output.value or b"") + len(output.key or b"") + headers
