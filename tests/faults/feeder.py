"""Puts documents on `raw` while faults go on, each exactly once and in order: what comes out can then be foretold."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from answer import Answer
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.producers import close_producer
from lodestream.replay.documents import RawDocument
from lodestream.settings import Settings
from lodestream.topics import RAW

IN_FLIGHT: Final = 200
ACKNOWLEDGED_SECONDS: Final = 180.0  # after `finish`: brokers may still be on their way back


class Feeder:
    """Feeds from a thread of its own, through brokers that it reaches directly, until told to finish.

    An idempotent producer never gives a batch up, keeps the order within a partition, and writes nothing twice,
    whatever happens to brokers.
    """

    def __init__(self, settings: Settings, documents: Sequence[RawDocument], rate: float) -> None:
        self.answer = Answer(settings)
        self.failure: BaseException | None = None
        self._settings = settings
        self._documents = documents
        self._rate = rate
        self._finish = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def check(self) -> None:
        """Raises what went wrong so far; also when it had too few documents to feed until now."""
        if self.failure is not None:
            raise self.failure
        if not self._thread.is_alive() and not self._finish.is_set():
            raise RuntimeError("the feeder has no documents left")

    def finish(self) -> Answer:
        """Feed no more; what must come of all that was fed, once Kafka has it. Raises what went wrong meanwhile."""
        self._finish.set()
        self._thread.join(ACKNOWLEDGED_SECONDS + 60)
        if self._thread.is_alive():
            raise TimeoutError("the feeder does not end")
        self.check()
        return self.answer

    def stop(self) -> None:
        """End, whatever came of it."""
        self._finish.set()
        if self._thread.is_alive():
            self._thread.join(ACKNOWLEDGED_SECONDS + 60)

    def _run(self) -> None:
        try:
            asyncio.run(self._feed())
        except BaseException as error:  # noqa: BLE001 - `finish` raises it
            self.failure = error

    async def _feed(self) -> None:
        producer = AIOKafkaProducer(**client_arguments(self._settings), enable_idempotence=True, acks="all")
        await producer.start()
        try:
            waiting: set[asyncio.Future[Any]] = set()
            for document in self._documents:
                if self._finish.is_set():
                    break
                waiting.add(await self._send(producer, document))
                self.answer.add(document)
                waiting = {each for each in waiting if not each.done() or each.result() is None}
                while len(waiting) > IN_FLIGHT:
                    _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(1 / self._rate)
            async with asyncio.timeout(ACKNOWLEDGED_SECONDS):
                await asyncio.gather(*waiting)
        finally:
            await close_producer(producer)

    async def _send(self, producer: AIOKafkaProducer, document: RawDocument) -> asyncio.Future[Any]:
        topic, headers = self._settings.topic(RAW), list(document.headers)
        while True:
            try:
                sent: asyncio.Future[Any] = await producer.send(topic, document.value, document.key, headers=headers)
            except KafkaTimeoutError:  # its batch is full, and nothing of it was taken: brokers are away for long
                if self._finish.is_set():
                    raise
            else:
                return sent
