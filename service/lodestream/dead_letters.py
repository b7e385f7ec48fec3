"""The dead letters of a deployment: what is there, one of them whole, and the way back to where they came from."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced

from lodestream.errors import LodestreamError
from lodestream.headers import Header, Headers, header
from lodestream.kafka.clients import clear_errors, client_arguments, reachable
from lodestream.kafka.log import LogRecord, offsets, read_log
from lodestream.kafka.producers import close_producer
from lodestream.letters import Coordinates, mark_headers, marked_letter, original_key, redrives, restore_headers
from lodestream.settings import Settings
from lodestream.topics import ARTICLES, DEAD_LETTERS, MESSAGE_MAX_BYTES, ORIGINALS, RAW

INPUT_TOPICS: Final = (RAW, ARTICLES, ORIGINALS)
CHUNK_LETTERS: Final = 500
RECORD_OVERHEAD: Final = 4 * 1024  # of a record and its batch beside what was counted: framing, the mark of a redrive
CHUNK_BYTES: Final = 8 * 1024 * 1024
START_SECONDS: Final = 60.0  # fencing waits for the end of a predecessor's transaction
ABORT_SECONDS: Final = 5.0

Place = tuple[int, int]
"""Partition and offset on the topic dead-letters."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter without its body. `redriven`: it was put back since; `redrives`: its input was, before."""

    partition: int
    offset: int
    reason: str
    stage: str
    document_id: str
    detail: str
    at: str
    origin: str
    size: int
    redrives: int
    redriven: bool

    @property
    def place(self) -> Place:
        return self.partition, self.offset


@dataclass(slots=True)
class Redriven:
    """What a redrive did: letters put back, letters that another run had put back, letters that cannot be, and why."""

    put_back: int = 0
    already: int = 0
    refused: list[tuple[Place, str]] = field(default_factory=list)


async def list_letters(settings: Settings) -> list[Letter]:
    """All dead letters, oldest first within each partition. Raises `LodestreamError`."""
    await reachable(settings)
    with clear_errors(settings):
        found, marked = [], set()
        async for record in _records(settings):
            if (mark := _marked(record)) is not None:
                marked.add(mark)
            else:
                found.append(_letter(record))
    return [replace(letter, redriven=letter.place in marked) for letter in found]


async def read_letter(settings: Settings, partition: int, offset: int) -> LogRecord:
    """One dead letter whole. Raises `LodestreamError` when there is none at that place."""
    await reachable(settings)
    place = f"{settings.topic(DEAD_LETTERS)}:{partition}:{offset}"
    with clear_errors(settings):
        found = [record async for record in _records(settings, {partition: offset}, {partition: offset + 1})]
    if found and _marked(found[0]) is not None:
        raise LodestreamError(f"{place} is no letter but the mark of a redrive")
    if found:
        return found[0]
    raise LodestreamError(f"there is no dead letter at {place}")


async def redrive(settings: Settings, places: Collection[Place]) -> Redriven:
    """Put letters back on the topic, partition and key that they came from, each with its mark, in transactions.

    Killed at any moment, it loses and doubles nothing: a letter and its mark are in one transaction, and a redrive
    that starts ends the transactions of one that runs or ran before. Raises `LodestreamError`; what is put back by
    then is marked, so it can be run again.
    """
    await reachable(settings)
    result = Redriven()
    with clear_errors(settings):
        async with _producer(settings) as producer:
            # Only now, with all earlier redrives ended, is it certain who is marked.
            wanted = set(places) - await _all_marked(settings)
            result.already = len(set(places)) - len(wanted)
            try:
                await _Redrive(settings, producer, result).run(wanted)
            except ProducerFenced:
                raise LodestreamError(f"another redrive took over; {result.put_back:,} letters are put back") from None
            except (KafkaError, TimeoutError) as error:
                raise LodestreamError(
                    f"{result.put_back:,} letters are put back, then: {str(error) or type(error).__name__}; "
                    "run it again, it skips what is done"
                ) from error
    return result


def headers_of(record: LogRecord) -> Headers:
    """The headers of a record; Kafka also knows headers without a value."""
    return tuple((name, value or b"") for name, value in record.headers)


class _Redrive:
    def __init__(self, settings: Settings, producer: AIOKafkaProducer, result: Redriven) -> None:
        self._settings = settings
        self._producer = producer
        self._result = result
        self._topics = {settings.topic(name): 0 for name in INPUT_TOPICS}  # partitions by full name

    async def run(self, wanted: set[Place]) -> None:
        for topic in self._topics:
            self._topics[topic] = len(await offsets(client_arguments(self._settings), topic))
        partitions = {partition for partition, _ in wanted}
        start = {at: min(offset for partition, offset in wanted if partition == at) for at in partitions}
        end = {at: max(offset for partition, offset in wanted if partition == at) + 1 for at in partitions}
        chunk: list[tuple[LogRecord, Coordinates]] = []
        size = 0
        missing = set(wanted)
        async with contextlib.aclosing(_records(self._settings, start, end)) as records:
            async for record in records:
                if (record.partition, record.offset) not in wanted:
                    continue
                missing.discard((record.partition, record.offset))
                try:
                    chunk.append((record, self._origin(record)))
                except ValueError as error:
                    self._result.refused.append(((record.partition, record.offset), str(error)))
                    continue
                size += len(record.value or b"")
                if len(chunk) >= CHUNK_LETTERS or size >= CHUNK_BYTES:
                    await self._put_back(chunk)
                    chunk, size = [], 0
        if chunk:
            await self._put_back(chunk)
        self._result.refused += [(place, "there is no such letter") for place in sorted(missing)]

    def _origin(self, record: LogRecord) -> Coordinates:
        """Where a letter goes back to. Raises `ValueError` when that cannot be."""
        headers = headers_of(record)
        if original_key(headers) is None and record.value is None:
            raise ValueError("its input has neither key nor value")
        beside = len(record.key or b"") + sum(len(name) + len(value) for name, value in headers)
        if len(record.value or b"") + beside > MESSAGE_MAX_BYTES - RECORD_OVERHEAD:
            raise ValueError("its input fills what its topic takes: there is no room for the header that marks it")
        origin = Coordinates.parse(header(headers, Header.ORIGIN) or "")
        if origin.topic not in self._topics:
            raise ValueError(f"its origin {origin} is no input of this deployment")
        if origin.partition >= self._topics[origin.topic]:
            raise ValueError(f"its origin {origin} is in a partition that is not there")
        return origin

    async def _put_back(self, chunk: list[tuple[LogRecord, Coordinates]]) -> None:
        async with asyncio.timeout(self._settings.transaction_timeout_seconds):
            await self._producer.begin_transaction()
            try:
                sent = [future async for future in self._sent(chunk)]
                await asyncio.gather(*sent)
                await asyncio.sleep(self._settings.hold_transaction_seconds)
            except asyncio.CancelledError:
                # An open transaction would hide what others write behind it until it times out.
                with contextlib.suppress(KafkaError, TimeoutError):
                    await asyncio.wait_for(self._producer.abort_transaction(), ABORT_SECONDS)
                raise
            await self._producer.commit_transaction()
        self._result.put_back += len(chunk)

    async def _sent(self, chunk: list[tuple[LogRecord, Coordinates]]) -> AsyncIterator[asyncio.Future[Any]]:
        for record, origin in chunk:
            headers = headers_of(record)
            yield await self._producer.send(
                origin.topic,
                value=record.value,
                key=original_key(headers),
                partition=origin.partition,
                headers=list(restore_headers(headers)),
            )
            place = Coordinates(record.topic, record.partition, record.offset)
            yield await self._producer.send(
                record.topic, value=b"", key=record.key, partition=record.partition, headers=list(mark_headers(place))
            )


@contextlib.asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **client_arguments(settings),
        transactional_id=f"{settings.topic_prefix}redrive",
        transaction_timeout_ms=int(settings.transaction_timeout_seconds * 1000),
        compression_type="lz4",
        max_request_size=MESSAGE_MAX_BYTES,
    )
    try:
        try:
            await asyncio.wait_for(producer.start(), START_SECONDS)
        except TimeoutError:
            raise LodestreamError("the transaction of an earlier redrive does not end") from None
        yield producer
    finally:
        await close_producer(producer)


async def _records(
    settings: Settings, start: dict[int, int] | None = None, end: dict[int, int] | None = None
) -> AsyncGenerator[LogRecord, None]:
    """Records of the topic dead-letters in these bounds, by default all that are committed."""
    topic, arguments = settings.topic(DEAD_LETTERS), client_arguments(settings)
    partitions = None if start is None else list(start)
    async with contextlib.aclosing(read_log(arguments, topic, partitions=partitions, start=start, end=end)) as batches:
        async for batch in batches:
            for record in batch:
                yield record


async def _all_marked(settings: Settings) -> set[Place]:
    """Every letter that was put back: reads up to the high watermark.

    Not only up to the last stable offset: an agent's open transaction would hide the marks behind it.
    """
    topic, arguments = settings.topic(DEAD_LETTERS), client_arguments(settings)
    end = {partition: bound.high for partition, bound in (await offsets(arguments, topic)).items()}
    return {mark async for record in _records(settings, end=end) if (mark := _marked(record)) is not None}


def _marked(record: LogRecord) -> Place | None:
    """The letter that a mark is about; None when the record is no mark."""
    letter = marked_letter(headers_of(record))
    return None if letter is None or letter.topic != record.topic else (letter.partition, letter.offset)


def _letter(record: LogRecord) -> Letter:
    headers = headers_of(record)

    def said(name: str) -> str:
        return header(headers, name) or ""

    return Letter(
        partition=record.partition,
        offset=record.offset,
        reason=said(Header.REASON),
        stage=said(Header.STAGE),
        document_id=said(Header.DOCUMENT_ID) or (record.key or b"").decode("utf-8", "replace"),
        detail=said(Header.DETAIL),
        at=said(Header.AT),
        origin=said(Header.ORIGIN),
        size=len(record.value or b""),
        redrives=redrives(headers),
        redriven=False,
    )
