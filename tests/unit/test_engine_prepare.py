"""A step that prepares its records: when the lane asks it to, and what it does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from test_engine_lane import CONFIG, Log, fed, fetched, lane

from lodestream.engine.step import NoState, Outcome, Output, Record
from lodestream.errors import LodestreamError


class Preparing:
    """Writes down the order of things, breaks where a record says so, and may wait for the loop to turn."""

    state = NoState()

    def __init__(self, told: list[str], turned: asyncio.Event | None = None) -> None:
        self._told = told
        self._turned = turned

    async def prepare(self, records: Sequence[Record]) -> None:
        self._told.append("prepare " + " ".join((each.value or b"").decode() for each in records))
        if any(each.value == b"break" for each in records):
            raise ZeroDivisionError
        if any(each.value == b"stop" for each in records):
            raise LodestreamError("no child")
        if self._turned is not None:
            self._turned.clear()
            await self._turned.wait()

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        self._told.append("process " + " ".join((each.value or b"").decode() for each in records))
        return [[Output("out", b"k", each.value)] for each in records]


async def test_records_are_prepared_before_they_are_processed_and_the_loop_turns_meanwhile() -> None:
    told: list[str] = []
    turned = asyncio.Event()
    log = Log()
    one = lane(log, replace(CONFIG, step_records=2), step=lambda: Preparing(told, turned))
    running = asyncio.create_task(fed(one, *(fetched(offset, b"%d" % offset) for offset in range(3))))
    while not running.done():
        await asyncio.sleep(0.001)
        turned.set()
    await running
    assert told == ["prepare 0 1", "process 0 1", "prepare 2", "process 2"]


async def test_what_breaks_a_preparation_is_one_records_fault_as_in_the_step() -> None:
    told: list[str] = []
    log = Log()
    await fed(lane(log, step=lambda: Preparing(told)), *map(fetched, range(3), [b"a", b"break", b"c"]))
    assert [value for _, value, _ in log.written["p.out"]] == [b"a", b"c"]
    assert [value for _, value, _ in log.written["p.dead-letters"]] == [b"break"]


async def test_what_is_no_records_fault_stops_the_lane() -> None:
    log = Log()
    with pytest.raises(LodestreamError, match="no child"):
        await fed(lane(log, step=lambda: Preparing([])), fetched(0, b"stop"))
    assert log.written == {}
