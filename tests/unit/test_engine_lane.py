"""A lane where timing decides, and records that no real producer of the service writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from aiokafka.structs import ConsumerRecord

from counting_worker import CountingStep
from lodestream.engine.config import EngineConfig
from lodestream.engine.lane import Lane
from lodestream.engine.observer import Observer
from lodestream.engine.step import NoState, Outcome, Output, Record, Step
from lodestream.engine.transaction import Message, TransactionalWriter, TransactionError
from lodestream.errors import StateError
from lodestream.headers import Header

CONFIG = EngineConfig(
    agent="count",
    prefix="p.",
    group="p.count",
    input="p.in",
    changelog="p.count-state",
    outputs=("out",),
    dead_letters="dead-letters",
    client={},
    commit_interval=0,
)
NOW = 1_780_000_000_000


class Log:
    """What a lane writes; as a changelog it shows the newest block only after some looks, as Kafka may."""

    def __init__(self, *, late: int = 0, expired: bool = False, seconds: float = 0, fails_at: int = -1) -> None:
        self.written: dict[str, list[Message]] = {}
        self.commits = 0
        self.under_way = 0
        self._seconds = seconds  # that a commit takes
        self._fails_at = fails_at
        self._late = late
        self._expired = expired
        self._looked_at = 0

    async def partitions(self, topic: str) -> int:
        return 1 if topic else 0

    async def commit(self, messages: Mapping[tuple[str, int], Sequence[Message]], next_offset: int) -> None:
        assert next_offset > 0
        assert self.under_way == 0, "one transaction after the other"
        self.under_way += 1
        await asyncio.sleep(self._seconds)
        self.under_way -= 1
        if self.commits == self._fails_at:
            raise TransactionError("made up")
        self.commits += 1
        for (topic, _), some in messages.items():
            self.written.setdefault(topic, []).extend(some)
        self._looked_at = 0

    async def blocks(self, partition: int) -> AsyncIterator[list[bytes]]:
        assert partition == 0
        blocks = [value or b"" for _, value, _ in self.written.get(CONFIG.changelog, [])]
        self._looked_at += 1
        yield blocks[:-1] if self._looked_at <= self._late else blocks

    async def has_expired(self, partition: int) -> bool:
        assert partition == 0
        return self._expired

    def pause(self, partition: int) -> None: ...

    def resume(self, partition: int) -> None: ...


def lane(log: Log, config: EngineConfig = CONFIG, committed: int = 0, step: Callable[[], Step] = CountingStep) -> Lane:
    return Lane(
        config=config,
        partition=0,
        committed=committed,
        writer=cast(TransactionalWriter, log),
        new_step=step,
        changelog=log,
        observer=Observer(),
        flow=log,
        kept=None,
    )


def fetched(offset: int, value: bytes, headers: Sequence[tuple[str, bytes | None]] = ()) -> Any:
    return ConsumerRecord("p.in", 0, offset, NOW, 1, b"key", value, None, 3, len(value), tuple(headers))


async def fed(one: Lane, *records: Any) -> None:
    """Run the lane until it has committed these records."""
    one.put(list(records))

    class Done(Observer):
        def committed(self, *_: Any) -> None:
            if one.next_offset > records[-1].offset:
                one.close()

    one._observer = Done()
    await one.run()


async def test_a_record_that_breaks_the_step_right_after_the_first_commit_forgets_nothing() -> None:
    """The block of that commit may not show yet: an empty changelog would be a state that has forgotten it."""
    log = Log(late=4)
    values = [b"a", b"raise", b"raise", b"b"]
    await fed(lane(log), *(fetched(offset, value) for offset, value in enumerate(values)))
    assert [value for _, value, _ in log.written["p.out"]] == [b"0 a", b"1 b"]
    assert len(log.written["p.dead-letters"]) == 2


async def test_an_empty_changelog_with_a_committed_offset_is_refused_unless_it_has_expired() -> None:
    with pytest.raises(StateError, match=r"p\.count-state\[0\] is empty .* offset 7 is committed"):
        await fed(lane(Log(), committed=7), fetched(7, b"a"))
    log = Log(expired=True)
    await fed(lane(log, committed=7), fetched(7, b"a"))
    assert [value for _, value, _ in log.written["p.out"]] == [b"0 a"]


async def until(true: Callable[[], bool]) -> None:
    for _ in range(5000):
        if true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("not within 5 s")


class WatchingStep(CountingStep):
    """Writes down whether a transaction is under way when it gets its records."""

    def __init__(self, log: Log, seen: list[bool]) -> None:
        super().__init__()
        self._log = log
        self._seen = seen

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        self._seen.append(self._log.under_way > 0)
        return super().process(records)


BEHIND = replace(CONFIG, batch_records=100)
MANY = [b"%d" % number for number in range(1000)]


def counted(values: Sequence[bytes]) -> list[bytes]:
    """What a counting step makes of them when it forgets nothing."""
    good = [value for value in values if not value.startswith((b"raise", b"reject"))]
    return [b"%d %s" % pair for pair in enumerate(good)]


async def test_a_lane_that_is_behind_steps_while_kafka_commits() -> None:
    log = Log(seconds=0.01)
    seen: list[bool] = []
    await fed(lane(log, BEHIND, step=lambda: WatchingStep(log, seen)), *map(fetched, range(1000), MANY))
    assert [value for _, value, _ in log.written["p.out"]] == counted(MANY)
    assert seen.count(True) > len(seen) / 2
    assert log.commits == 10


async def test_a_record_that_breaks_the_step_ahead_of_a_commit_changes_no_state() -> None:
    values = [b"raise" if number % 90 == 50 else value for number, value in enumerate(MANY)]
    log = Log(seconds=0.005, late=1)
    await fed(lane(log, BEHIND), *map(fetched, range(1000), values))
    assert [value for _, value, _ in log.written["p.out"]] == counted(values)
    assert len(log.written["p.dead-letters"]) == values.count(b"raise") == 11


async def test_a_state_that_is_ahead_of_a_failed_commit_is_not_kept() -> None:
    log = Log(seconds=0.01, fails_at=2)
    one = lane(log, BEHIND)
    with pytest.raises(TransactionError):
        await fed(one, *map(fetched, range(1000), MANY))
    assert one.next_offset == 200
    assert one.keepable is None


async def test_what_is_stepped_when_the_lane_is_closed_is_committed_and_the_state_kept() -> None:
    log = Log(seconds=0.02)
    one = lane(log, BEHIND)
    one.put(list(map(fetched, range(1000), MANY)))
    running = asyncio.create_task(one.run())
    await until(lambda: log.commits == 3)
    one.close()
    await running
    assert one.keepable is not None
    assert one.next_offset == 100 * log.commits < 1000
    assert [value for _, value, _ in log.written["p.out"]] == counted(MANY[: one.next_offset])


async def test_a_lane_that_is_cancelled_leaves_no_transaction_under_way() -> None:
    log = Log(seconds=10)
    one = lane(log, BEHIND)
    one.put(list(map(fetched, range(1000), MANY)))
    running = asyncio.create_task(one.run())
    await until(lambda: log.under_way > 0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("commit-")] == []
    assert one.keepable is None


class Times:
    """Writes down the times that the engine gives a record."""

    state = NoState()

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        return [[Output("out", b"k", b"%d %d" % (each.ingested_at - NOW, each.clock - NOW))] for each in records]


IN_AN_HOUR = (Header.INGESTED_AT, b"2026-05-28T21:26:40.000Z")


@pytest.mark.parametrize(
    ("headers", "inside", "entrance"),
    [
        ((), b"0 0", b"0 0"),
        ((IN_AN_HOUR,), b"3600000 3600000", b"0 0"),
        (((Header.INGESTED_AT, None),), b"0 0", b"0 0"),
        (((Header.INGESTED_AT, b"yesterday"),), b"0 0", b"0 0"),
        (((Header.INGESTED_AT, b"2026-05-28T20:26:40"),), b"0 0", b"0 0"),
    ],
)
async def test_where_documents_enter_no_header_moves_the_logs_clock(
    headers: tuple[tuple[str, bytes | None], ...], inside: bytes, entrance: bytes
) -> None:
    for config, expected in ((CONFIG, inside), (replace(CONFIG, entrance=True), entrance)):
        log = Log()
        await fed(lane(log, config, step=Times), fetched(0, b"v", headers))
        assert [value for _, value, _ in log.written["p.out"]] == [expected]
