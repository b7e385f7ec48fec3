"""The end of a producer, also when its broker does not answer any more."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

CLOSE_SECONDS: Final = 2.0


async def close_producer(producer: AIOKafkaProducer) -> None:
    """Ends a producer within some seconds, whatever is still on its way.

    `stop` waits for all deliveries. Where these do not come, giving `stop` up is not enough: the sender's task
    lives on, connects again when the broker is back, and sends what was reported as failed.
    """
    try:
        await asyncio.wait_for(producer.flush(), CLOSE_SECONDS)
        await asyncio.wait_for(producer.stop(), CLOSE_SECONDS)
    except (TimeoutError, KafkaError):
        producer._closed = True  # noqa: SLF001 - else it complains when it is collected
        with contextlib.suppress(TimeoutError, KafkaError):
            await asyncio.wait_for(producer._sender.close(), CLOSE_SECONDS)  # noqa: SLF001 - nothing public ends it
        await producer.client.close()
