"""One transaction: outputs, changelog block and input offset, all or nothing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence

import aiokafka
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from lodestream.engine.config import EngineConfig
from lodestream.errors import LodestreamError

BATCH_BYTES = 256 << 10  # of one Kafka record batch: large enough to compress well, small against memory
STOP_SECONDS = 5  # to close a producer's connections; what is open then is ended by the next owner's fence

log = structlog.get_logger(__name__)

Message = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Key, value, headers of a record to write; a list, because aiokafka takes nothing else."""


class FencedError(LodestreamError):
    """Another owner has started a producer with our transactional id, or the transaction timed out."""


class TransactionError(LodestreamError):
    """A transaction failed in a way that leaves its outcome open: the process ends and its successor fences."""


class TransactionalWriter:
    """The transactional producer of one input partition.

    After any error it must not be used again: a delayed message of the old epoch could end a later transaction
    of the same epoch (Jepsen, Bufstream 0.1.0, 2024). A new producer has a new epoch.
    """

    def __init__(self, config: EngineConfig, partition: int) -> None:
        self._config = config
        self._partition = partition
        self._producer: aiokafka.AIOKafkaProducer | None = None
        self._closing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Fence: ends the former owner's open transaction. Returns when that is done."""
        config = self._config
        self._producer = aiokafka.AIOKafkaProducer(
            **config.client,
            transactional_id=config.transactional_id(self._partition),
            transaction_timeout_ms=int(config.transaction_timeout * 1000),
            compression_type=config.compression,
            max_batch_size=BATCH_BYTES,
            max_request_size=max(config.output_bytes, config.letter_bytes),
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Close the connections. Never commits: what is open stays open until it is fenced.

        Cancelled midway the closing goes on, and the next call waits for it: no producer of ours outlives this.
        """
        if self._closing is None and self._producer is not None:
            self._closing = asyncio.create_task(_close(self._producer), name=f"close-{self._partition}")
        self._producer = None
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def partitions(self, topic: str) -> int:
        """Partition count of a topic."""
        return len(await self._started().partitions_for(topic))

    async def commit(
        self, messages: Mapping[tuple[str, int], Sequence[Message]], next_offset: int
    ) -> Mapping[tuple[str, int], int]:
        """Write all messages by (topic, partition) and the input offset in one transaction.

        Gives the offset of the first record on each partition; -1 where Kafka did not say.
        Raises `FencedError`, or `TransactionError` for anything else that goes wrong, the deadline included.
        """
        config = self._config
        producer = self._started()
        try:
            async with asyncio.timeout(config.transaction_timeout):
                await producer.begin_transaction()
                sent = await asyncio.gather(*(self._send(producer, where, some) for where, some in messages.items()))
                if config.hold_transaction:
                    await asyncio.sleep(config.hold_transaction)
                source = TopicPartition(config.input, self._partition)
                await producer.send_offsets_to_transaction({source: next_offset}, config.group)
                await producer.commit_transaction()
                return dict(zip(messages, sent, strict=True))
        except ProducerFenced:
            raise FencedError(f"fenced on {config.input}[{self._partition}]") from None
        except TimeoutError:
            raise TransactionError(
                f"a transaction for {config.input}[{self._partition}] took longer than {config.transaction_timeout:g} s"
            ) from None
        except aiokafka.errors.KafkaError as error:
            raise TransactionError(
                f"a transaction for {config.input}[{self._partition}] failed: {type(error).__name__}: {error}"
            ) from error

    def _started(self) -> aiokafka.AIOKafkaProducer:
        if self._producer is None:
            raise TransactionError(f"the producer for {self._config.input}[{self._partition}] is not started")
        return self._producer

    @staticmethod
    async def _send(producer: aiokafka.AIOKafkaProducer, where: tuple[str, int], messages: Sequence[Message]) -> int:
        """Write to one partition and wait for its acknowledgements; the first offset. A failed delivery raises.

        Appends to the batch's own builder: `BatchBuilder.append` around it costs half as much again per record.
        """
        topic, partition = where
        acks = []
        now = int(time.time() * 1000)  # replaced by the broker's append time on topics of the service
        batch = producer.create_batch()
        append = batch._builder.append  # noqa: SLF001 - named in tests/unit/test_engine_internals.py
        count = 0
        for key, value, headers in messages:
            if append(count, now, key, value, headers) is None:
                batch._relative_offset = count  # noqa: SLF001 - the same
                acks.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                append = batch._builder.append  # noqa: SLF001 - the same
                count = 0
                append(count, now, key, value, headers)
            count += 1
        batch._relative_offset = count  # noqa: SLF001 - the same
        acks.append(await producer.send_batch(batch, topic, partition=partition))
        written = await asyncio.gather(*acks)
        return int(written[0].offset)


async def _close(producer: aiokafka.AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), STOP_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from closing: it is done with
        log.warning("a producer does not stop", error=repr(error))
        # `stop` given up leaves the sender's task alive: it would connect again and go on sending.
        with contextlib.suppress(TimeoutError, aiokafka.errors.KafkaError):
            await asyncio.wait_for(producer._sender.close(), STOP_SECONDS)  # noqa: SLF001 - nothing public ends it
        await producer.client.close()
