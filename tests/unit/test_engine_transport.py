"""The consumer's thread: what fetches say that they cover, and seeks that wait for them, without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from lodestream.engine.transport import ConsumerThread, Fetched

ONE, OTHER = TP("p.in", 0), TP("p.in", 1)


class Consumer:
    """Where aiokafka's consumer stands; None: not known yet."""

    def __init__(self, positions: Mapping[TP, int | None]) -> None:
        self.positions = dict(positions)
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=self))

    @property
    def tps(self) -> set[TP]:
        return set(self.positions)

    def state_value(self, tp: TP) -> Any:
        position = self.positions[tp]
        return SimpleNamespace(has_valid_position=position is not None, position=position)

    def seek(self, tp: TP, offset: int) -> None:
        if tp not in self.positions:
            raise IllegalStateError(tp)
        self.positions[tp] = offset

    async def committed(self, tp: TP) -> int | None:
        return {ONE: 7}.get(tp)


class Thread(ConsumerThread):
    """On the test's own loop."""

    def __init__(self, consumer: Consumer) -> None:
        self._epoch = self._seeks = self._fetches = 0
        self._fetch_ended = asyncio.Condition()
        self._given: Any = consumer

    def _ensure_consumer(self) -> Any:
        return self._given

    async def call_thread(self, fun: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        return await asyncio.ensure_future(fun(*args, **kwargs))  # a call goes on when who waits for it does not

    async def fetch(self) -> dict[TP, Fetched]:
        return await self._fetch_records(self._given, {ONE, OTHER})


Fetch = Callable[[], Awaitable[dict[TP, list[str]]]]


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Fetch]]:
    """What each fetch of Faust's does and gives, in order."""
    given: list[Fetch] = []

    async def fetch_records(*_: Any) -> dict[TP, list[str]]:
        return await given.pop(0)()

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", fetch_records)
    yield given
    assert given == []


def moving(consumer: Consumer, to: Mapping[TP, int], records: Mapping[TP, list[str]]) -> Fetch:
    async def fetch() -> dict[TP, list[str]]:
        await asyncio.sleep(0.01)
        consumer.positions |= to
        return dict(records)

    return fetch


async def test_each_fetch_covers_what_the_positions_passed_records_or_not(fetches: list[Fetch]) -> None:
    consumer = Consumer({ONE: 5, OTHER: 0})
    thread = Thread(consumer)
    fetches.append(moving(consumer, {ONE: 8}, {ONE: ["a", "b"]}))
    assert await thread.fetch() == {ONE: Fetched(0, 5, 8, ["a", "b"])}
    fetches.append(moving(consumer, {ONE: 9, OTHER: 2}, {OTHER: ["c"]}))
    assert await thread.fetch() == {ONE: Fetched(0, 8, 9, []), OTHER: Fetched(0, 0, 2, ["c"])}
    fetches.append(moving(consumer, {}, {}))
    assert await thread.fetch() == {}


async def test_what_is_fetched_before_the_first_seek_follows_on_nothing(fetches: list[Fetch]) -> None:
    consumer = Consumer({ONE: None})
    fetches.append(moving(consumer, {ONE: 8}, {ONE: ["a"]}))
    assert await Thread(consumer).fetch() == {ONE: Fetched(0, 8, 8, ["a"])}


async def test_a_seek_waits_for_the_fetch_that_is_under_way_and_begins_an_epoch(fetches: list[Fetch]) -> None:
    consumer = Consumer({ONE: 5})
    thread = Thread(consumer)
    fetches.append(moving(consumer, {ONE: 8}, {ONE: ["a"]}))
    fetching = asyncio.create_task(thread.fetch())
    await asyncio.sleep(0)
    assert await thread.seek_all({ONE: 3}) == 1
    assert fetching.done()
    assert fetching.result() == {ONE: Fetched(0, 5, 8, ["a"])}
    assert consumer.positions == {ONE: 3}
    fetches.append(moving(consumer, {ONE: 4}, {ONE: ["b"]}))
    assert await thread.fetch() == {ONE: Fetched(1, 3, 4, ["b"])}


async def test_a_fetch_that_fails_holds_no_seek_back(fetches: list[Fetch]) -> None:
    consumer = Consumer({ONE: 5})
    thread = Thread(consumer)

    async def fail() -> dict[TP, list[str]]:
        raise KeyError

    fetches.append(fail)
    with pytest.raises(KeyError):
        await thread.fetch()
    assert await thread.seek_all({ONE: 3}) == 1


async def test_a_seek_that_was_given_up_moves_nothing_once_another_was_asked_for(fetches: list[Fetch]) -> None:
    consumer = Consumer({ONE: 5})
    thread = Thread(consumer)
    fetches.append(moving(consumer, {ONE: 8}, {}))
    fetching = asyncio.create_task(thread.fetch())
    await asyncio.sleep(0)
    first = asyncio.create_task(thread.seek_all({ONE: 1}))
    await asyncio.sleep(0)
    first.cancel()
    assert await thread.seek_all({ONE: 3}) == 1, "the first was not done"
    await fetching
    await asyncio.sleep(0.01)
    assert consumer.positions == {ONE: 3}


async def test_a_seek_on_a_partition_that_is_not_ours_is_refused(fetches: list[Fetch]) -> None:
    assert fetches == []
    with pytest.raises(IllegalStateError):
        await Thread(Consumer({ONE: 5})).seek_all({OTHER: 0})


async def test_a_group_without_an_offset_has_committed_0() -> None:
    consumer = Consumer({ONE: 5, OTHER: None})
    assert await Thread(consumer).committed([ONE, OTHER]) == {ONE: 7, OTHER: 0}
    assert consumer.positions == {ONE: 5, OTHER: None}
