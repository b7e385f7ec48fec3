"""A lane where timing decides, and records that no real producer of the service writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, cast

import pytest
from aiokafka.structs import ConsumerRecord

from counting_worker import CountingStep
from lodestream.engine.config import EngineConfig
from lodestream.engine.lane import Lane
from lodestream.engine.observer import Observer
from lodestream.engine.step import NoState, Outcome, Output, Record, Step
from lodestream.engine.transaction import Message, TransactionalWriter
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

    def __init__(self, *, late: int = 0, expired: bool = False) -> None:
        self.written: dict[str, list[Message]] = {}
        self._late = late
        self._expired = expired
        self._looked_at = 0

    async def partitions(self, topic: str) -> int:
        return 1 if topic else 0

    async def commit(self, messages: Mapping[tuple[str, int], Sequence[Message]], next_offset: int) -> None:
        assert next_offset > 0
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
    for config, expected in ((CONFIG, inside), (EngineConfig(**{**_fields(CONFIG), "entrance": True}), entrance)):
        log = Log()
        await fed(lane(log, config, step=Times), fetched(0, b"v", headers))
        assert [value for _, value, _ in log.written["p.out"]] == [expected]


def _fields(config: EngineConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__slots__}
