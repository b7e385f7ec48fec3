"""The end of a producer, without a broker."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from engine_config import CONFIG

from lodestream.engine import transaction
from lodestream.engine.transaction import TransactionalWriter


class Producer:
    """Takes its time to stop, and hangs in it if it is told to."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.closed: list[str] = []
        self.hangs = hangs
        self._sender = SimpleNamespace(close=lambda: self._close("sender"))
        self.client = SimpleNamespace(close=lambda: self._close("client"))

    async def stop(self) -> None:
        await asyncio.sleep(1000 if self.hangs else 0.01)
        self.closed.append("stopped")

    async def _close(self, what: str) -> None:
        self.closed.append(what)


def writer(producer: Producer) -> TransactionalWriter:
    one = TransactionalWriter(CONFIG, 0)
    given: Any = producer
    one._producer = given
    return one


@pytest.mark.parametrize("producer", [Producer(), Producer(hangs=True)])
async def test_a_stop_that_is_cancelled_leaves_no_producer_behind(
    monkeypatch: pytest.MonkeyPatch, producer: Producer
) -> None:
    monkeypatch.setattr(transaction, "STOP_SECONDS", 0.05)
    one = writer(producer)
    stopping = asyncio.create_task(one.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with suppress(asyncio.CancelledError):
        await stopping
    assert producer.closed == []
    await one.stop()
    assert producer.closed == (["sender", "client"] if producer.hangs else ["stopped"])
    await one.stop()
    assert len(producer.closed) == (2 if producer.hangs else 1)
