"""Documents onto the raw topic: in order, paced, and counted only when Kafka has acknowledged them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from lodestream.errors import LodestreamError, TopicsError
from lodestream.kafka.clients import clear_errors, client_arguments, reachable
from lodestream.kafka.producers import close_producer
from lodestream.replay.documents import RawDocument, Refused
from lodestream.replay.pace import Pace
from lodestream.replay.tally import Tally
from lodestream.settings import Settings
from lodestream.topics import MESSAGE_MAX_BYTES, RAW

IN_FLIGHT_DOCUMENTS: Final = 2000
IN_FLIGHT_BYTES: Final = 32 * 1024 * 1024  # four of the largest documents
ACKNOWLEDGE_SECONDS: Final = 60.0  # a broker's restart fits; aiokafka's idempotent producer itself never gives up
FLUSH_SECONDS: Final = 10.0  # after Ctrl-C nobody waits longer
PROGRESS_SECONDS: Final = 0.1


@dataclass(slots=True)
class Sent:
    """What a replay did. `tally` holds what Kafka acknowledged: all of it, and in the archive's order.

    `skipped`: documents passed over at the start. `interrupted`: it was stopped before the end.
    """

    topic: str
    skipped: int = 0
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def next_skip(self) -> int:
        """How many documents of the archive are done: `--skip` for the next run."""
        return self.skipped + self.tally.documents

    @property
    def rate(self) -> float:
        """Documents a second."""
        return self.tally.documents / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            **self.tally.as_json(),
            "seconds": round(self.seconds, 3),
            "rate": round(self.rate, 1),
            "interrupted": self.interrupted,
            "next_skip": self.next_skip,
        }


async def replay(
    settings: Settings,
    items: Iterable[RawDocument | Refused],
    *,
    rate: float | None = None,
    skip: int = 0,
    limit: int | None = None,
    stop: asyncio.Event | None = None,
    progress: Callable[[Sent], None] = lambda _: None,
) -> Sent:
    """Send documents to `raw`, at most `rate` a second, after the first `skip`, `limit` at most.

    When `stop` is set, what is on its way is still awaited. Raises `LodestreamError` when Kafka is not there,
    the topic is missing, or a document is not acknowledged; the text then says where to go on.
    """
    sent = Sent(settings.topic(RAW))
    started = time.monotonic()
    async with _producer(settings) as producer:
        await _require_topic(producer, sent.topic)
        started = time.monotonic()
        sending = asyncio.ensure_future(_Sending(producer, sent, Pace(rate, started), progress).run(items, skip, limit))
        stopping = asyncio.ensure_future((stop or asyncio.Event()).wait())
        try:
            await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                sent.interrupted = True
                sending.cancel()
            await sending
        finally:
            sending.cancel()
            stopping.cancel()
            sent.seconds = time.monotonic() - started
            progress(sent)
    return sent


class _Sending:
    """One run: reads, sends, and moves what is acknowledged from `_in_flight` to the tally."""

    def __init__(self, producer: AIOKafkaProducer, sent: Sent, pace: Pace, progress: Callable[[Sent], None]) -> None:
        self._producer = producer
        self._sent = sent
        self._pace = pace
        self._progress = progress
        self._next_progress = 0.0
        self._in_flight: deque[tuple[asyncio.Future[Any], RawDocument]] = deque()
        self._in_flight_bytes = 0

    async def run(self, items: Iterable[RawDocument | Refused], skip: int, limit: int | None) -> None:
        """Cancelled, it still awaits what is on its way, for a short time, and returns."""
        try:
            try:
                await self._send_all(items, skip, limit)
                await self._drain(ACKNOWLEDGE_SECONDS)
            except asyncio.CancelledError:
                await self._drain(FLUSH_SECONDS)
        except (KafkaError, TimeoutError) as error:
            for future, _ in self._in_flight:
                future.add_done_callback(asyncio.Future.exception)  # the first error is told, the rest is the same
            why = str(error) or type(error).__name__
            raise LodestreamError(
                f"{self._sent.tally.documents:,} documents are acknowledged by {self._sent.topic}, then: {why}; "
                f"go on with --skip {self._sent.next_skip}"
            ) from error

    async def _send_all(self, items: Iterable[RawDocument | Refused], skip: int, limit: int | None) -> None:
        taken = 0
        for at, item in enumerate(items):
            if isinstance(item, Refused):
                self._sent.tally.refuse(item)
            elif self._sent.skipped < skip:
                self._sent.skipped += 1
            elif limit is not None and taken >= limit:
                break
            else:
                taken += 1
                if wait := self._pace.turn(time.monotonic()):
                    await self._acknowledged_within(wait)
                await self._send(item)
            if at % 64 == 0:  # neither reading nor a send into a free buffer lets the producer's sender run
                await asyncio.sleep(0)
            self._collect()

    async def _send(self, document: RawDocument) -> None:
        future = await self._producer.send(
            self._sent.topic, value=document.value, key=document.key, headers=list(document.headers)
        )
        self._in_flight.append((future, document))
        self._in_flight_bytes += len(document.value)
        while len(self._in_flight) > IN_FLIGHT_DOCUMENTS or self._in_flight_bytes > IN_FLIGHT_BYTES:
            await self._oldest(ACKNOWLEDGE_SECONDS)

    async def _acknowledged_within(self, seconds: float) -> None:
        """Waits for a turn; what is acknowledged meanwhile shows in the progress."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, PROGRESS_SECONDS))
            self._collect()

    async def _drain(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._in_flight:
            await self._oldest(max(0.0, until - time.monotonic()))

    async def _oldest(self, seconds: float) -> None:
        """Waits until the oldest is acknowledged: of those behind it, none counts before it."""
        await asyncio.wait({self._in_flight[0][0]}, timeout=seconds)
        if not self._in_flight[0][0].done():
            raise TimeoutError(f"no acknowledgement within {seconds:.0f} s")
        self._collect()

    def _collect(self) -> None:
        while self._in_flight and self._in_flight[0][0].done():
            future, document = self._in_flight[0]
            future.result()
            self._in_flight.popleft()
            self._in_flight_bytes -= len(document.value)
            self._sent.tally.add(document)
        if (now := time.monotonic()) >= self._next_progress:
            self._next_progress = now + PROGRESS_SECONDS
            self._progress(self._sent)


@contextlib.asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    await reachable(settings)
    producer = AIOKafkaProducer(
        **client_arguments(settings),
        enable_idempotence=True,  # with acks=all: a retry neither doubles a document nor changes the order
        acks="all",
        compression_type="lz4",
        max_batch_size=256 * 1024,
        max_request_size=MESSAGE_MAX_BYTES,
    )
    try:
        with clear_errors(settings):
            await producer.start()
        yield producer
    finally:
        # Nothing is on its way any more, or it is given up: a broker that is gone must not hold us here.
        await close_producer(producer)


async def _require_topic(producer: AIOKafkaProducer, topic: str) -> None:
    """Asks for the list of all topics: a question for this one would create it where clusters do that."""
    cluster = await producer.client.fetch_all_metadata()
    if topic not in cluster.topics():
        raise TopicsError(f"topic {topic} does not exist: create the topics with `lodestream topics apply`")
