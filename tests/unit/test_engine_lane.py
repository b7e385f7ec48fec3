"""A lane where timing decides, and records that no real producer of the service writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from aiokafka.structs import ConsumerRecord
from engine_config import CONFIG as ENGINE

from counting_worker import CountingStep
from lodestream.engine.block import Block
from lodestream.engine.config import EngineConfig
from lodestream.engine.lane import Lane
from lodestream.engine.observer import Observer
from lodestream.engine.snapshots import Snapshots
from lodestream.engine.step import NoState, Outcome, Output, Record, Step
from lodestream.engine.transaction import Message, TransactionalWriter, TransactionError
from lodestream.engine.transport import Fetched
from lodestream.errors import LodestreamError, StateError
from lodestream.headers import Header
from lodestream.kafka.log import Offsets
from lodestream.origins import Marks

CONFIG = replace(ENGINE, commit_interval=0)
NOW = 1_780_000_000_000


class Log:
    """What a lane writes; as a changelog it shows the newest block only after some looks, as Kafka may."""

    def __init__(self, *, late: int = 0, expired: bool = False, seconds: float = 0, fails_at: int = -1) -> None:
        self.written: dict[str, list[Message]] = {}
        self.commits = 0
        self.inputs: list[bytes] = []
        self.input_begins = 0
        self.under_way = 0
        self.partition_count = 1
        self._seconds = seconds  # that a commit takes
        self._fails_at = fails_at
        self._late = late
        self._expired = expired
        self._looked_at = 0

    async def partitions(self, topic: str) -> int:
        return self.partition_count if topic else 0

    async def commit(
        self, messages: Mapping[tuple[str, int], Sequence[Message]], next_offset: int
    ) -> Mapping[tuple[str, int], int]:
        assert next_offset > 0
        assert self.under_way == 0, "one transaction after the other"
        self.under_way += 1
        await asyncio.sleep(self._seconds)
        self.under_way -= 1
        if self.commits == self._fails_at:
            raise TransactionError("made up")
        self.commits += 1
        at = {place: len(self.written.get(place[0], [])) for place in messages}
        for (topic, _), some in messages.items():
            self.written.setdefault(topic, []).extend(some)
        self._looked_at = 0
        return at

    @property
    def blocks(self) -> list[bytes]:
        return [value or b"" for _, value, _ in self.written.get(CONFIG.changelog, [])]

    async def changelog_offsets(self, partition: int) -> Offsets:
        assert partition == 0
        self._looked_at += 1
        end = len(self.blocks)
        if self._expired and not end:
            return Offsets(9, 9, 9)
        return Offsets(0, max(0, end - 1) if self._looked_at <= self._late else end, end)

    async def changelog(self, partition: int, start: int, end: int) -> AsyncGenerator[list[Any], None]:
        assert partition == 0
        page = [fetched(at, block) for at, block in enumerate(self.blocks)][start:end]
        if page:
            yield page

    async def input_offsets(self, partition: int) -> Offsets:
        assert partition == 0
        return Offsets(self.input_begins, len(self.inputs), len(self.inputs))

    async def input(self, partition: int, start: int, end: int) -> AsyncGenerator[list[Any], None]:
        assert partition == 0
        for at in range(start, end, 3):
            yield [fetched(offset, self.inputs[offset]) for offset in range(at, min(at + 3, end))]

    def pause(self, partition: int) -> None: ...

    def resume(self, partition: int) -> None: ...


def lane(log: Log, config: EngineConfig = CONFIG, committed: int = 0, step: Callable[[], Step] = CountingStep) -> Lane:
    return Lane(
        config=config,
        partition=0,
        committed=committed,
        start=committed,
        writer=cast(TransactionalWriter, log),
        new_step=step,
        logs=log,
        snapshots=Snapshots(config),
        observer=Observer(),
        flow=log,
        kept=None,
    )


def fetched(offset: int, value: bytes, headers: Sequence[tuple[str, bytes | None]] = ()) -> Any:
    return ConsumerRecord("p.in", 0, offset, NOW, 1, b"key", value, None, 3, len(value), tuple(headers))


def covering(*records: Any, begin: int | None = None) -> Fetched:
    """What a fetch took that found just these records."""
    return Fetched(1, records[0].offset if begin is None else begin, records[-1].offset + 1, list(records))


async def fed(one: Lane, *records: Any) -> None:
    """Run the lane until it has committed these records."""
    one.put(covering(*records))

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
    one.put(covering(*map(fetched, range(1000), MANY)))
    running = asyncio.create_task(one.run())
    await until(lambda: log.commits == 3)
    one.close()
    await running
    assert one.keepable is not None
    assert one.next_offset == 100 * log.commits < 1000
    assert [value for _, value, _ in log.written["p.out"]] == counted(MANY[: one.next_offset])


async def test_what_does_not_follow_on_what_was_fetched_before_is_refused() -> None:
    """It would be committed, and what came before it never read again."""
    log = Log()
    one = lane(log, committed=4)
    with pytest.raises(LodestreamError, match=r"was fetched from offset 5 on, but what comes before it only up to 4"):
        one.put(covering(fetched(5, b"5")))
    one.put(covering(fetched(6, b"6"), begin=4))  # 4 and 5 are markers
    one.put(Fetched(1, 7, 9, []))
    one.put(covering(fetched(9, b"9")))
    with pytest.raises(LodestreamError, match="from offset 11 on"):
        one.put(Fetched(1, 11, 12, []))
    assert one.waiting == 2
    one.put(covering(fetched(6, b"6"), fetched(9, b"9"), fetched(10, b"10"), begin=5))
    assert one.waiting == 3, "what is here already is not done twice"


async def test_a_kept_state_of_another_partition_count_is_refused() -> None:
    log = Log()
    one = lane(log)
    await fed(one, fetched(0, b"a"))
    kept = one.keepable
    assert kept is not None
    other = lane(log, committed=1)
    other.state = kept
    await fed(other, fetched(1, b"b"))
    assert other.keepable is not None
    grown = lane(log, committed=2)
    grown.state = other.keepable
    log.partition_count += 1
    with pytest.raises(StateError, match="with 1 input partitions, the input has 2"):
        await grown.run()


async def test_a_lane_that_is_cancelled_leaves_no_transaction_under_way() -> None:
    log = Log(seconds=10)
    one = lane(log, BEHIND)
    one.put(covering(*map(fetched, range(1000), MANY)))
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


async def test_what_was_committed_without_its_block_is_done_again_before_what_the_consumer_brings() -> None:
    log = Log()
    log.inputs = MANY[:20]
    await fed(lane(log), *map(fetched, range(5), MANY))
    one = lane(log, committed=12)  # offsets 5 to 11 have no block
    await fed(one, *map(fetched, range(12, 20), MANY[12:]))
    assert [value for _, value, _ in log.written["p.out"]] == counted(MANY[:20])
    blocks = [Block.unpack(block) for block in log.blocks]
    assert [block.start for block in blocks] == [0] + [block.end for block in blocks[:-1]]
    assert blocks[-1].end == 20


async def test_what_is_done_again_ends_with_the_log_where_retention_took_the_beginning() -> None:
    log = Log()
    log.inputs = MANY[:20]
    await fed(lane(log), *map(fetched, range(5), MANY))
    log.input_begins = 8
    await fed(lane(log, committed=12), *map(fetched, range(12, 20), MANY[12:]))
    assert [value for _, value, _ in log.written["p.out"]] == counted([*MANY[:5], *MANY[8:20]])


def from_up(offset: int) -> tuple[tuple[str, bytes | None], ...]:
    return ((Header.ORIGIN, b"p.up:3:%d:0" % offset),)


class Repeats(Observer):
    def __init__(self) -> None:
        self.records = 0

    def repeated(self, records: int) -> None:
        self.records += records


async def test_what_the_stage_before_wrote_twice_is_taken_once_also_across_batches_and_restarts() -> None:
    config = replace(CONFIG, upstream="p.up", batch_records=4)
    log = Log()
    origins = [0, 1, 2, 3, 4, 2, 3, 4, 5, 5, 6]  # 2 to 4 twice, by a torn transaction; and 5
    records = [fetched(at, b"%d" % origin, from_up(origin)) for at, origin in enumerate(origins)]
    one, told = lane(log, config), Repeats()
    await fed(one, *records[:8])
    last = lane(log, config, committed=8)
    last._observer = told
    last.put(covering(*records[8:], fetched(11, b"none"), fetched(12, b"none")))
    running = asyncio.create_task(last.run())
    await until(lambda: last.next_offset == 13)
    last.close()
    await running
    values = [value for _, value, _ in log.written["p.out"]]
    assert values == counted([b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"none", b"none"])
    assert told.records == 1
    assert Block.unpack(log.blocks[-1]).end == 13, "what is dropped is behind us as well"


async def test_a_batch_that_is_cut_marks_only_what_is_in_it() -> None:
    """A mark beyond its block would drop records that were never done."""
    config = replace(CONFIG, upstream="p.up")
    log = Log(seconds=0.005)
    values = [b"raise" if number in {3, 4} else b"%d" % number for number in range(8)]
    await fed(lane(log, config), *(fetched(at, value, from_up(at)) for at, value in enumerate(values)))
    assert [value for _, value, _ in log.written["p.out"]] == counted(values)
    for block in map(Block.unpack, log.blocks):
        assert Marks.unpack(block.marks) == Marks({3: (block.end - 1, 0)})


async def test_a_lane_writes_snapshots_of_committed_states_and_restores_from_them(tmp_path: Path) -> None:
    config = replace(BEHIND, state_folder=tmp_path, snapshot_interval=0.01)
    log = Log(seconds=0.005)
    await fed(lane(log, config), *map(fetched, range(1000), MANY))
    assert [value for _, value, _ in log.written["p.out"]] == counted(MANY)
    step = CountingStep()
    state = Snapshots(config).read(0, 1, step)
    assert state is not None
    assert 0 < state.next_offset <= 1000
    assert state.next_offset % 100 == 0
    assert step._counter.count == state.next_offset
    await fed(lane(log, config, committed=1000), fetched(1000, b"more"))
    assert log.written["p.out"][-1][1] == b"1000 more"
