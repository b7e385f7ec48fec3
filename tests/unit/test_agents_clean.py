"""The agent `clean` beside its child process: what it waits for, and what it does not."""

from __future__ import annotations

import asyncio
import json

import pytest

from lodestream.agents.clean import CleanStep
from lodestream.clean import Limits
from lodestream.engine.sandbox import Sandbox
from lodestream.engine.step import Prepares, Record
from lodestream.errors import LodestreamError, Reason, Rejected
from lodestream.headers import Header

AT = 1_780_000_000_000


def step(target: str = "hanging_parser:parse", seconds: float = 0.5) -> CleanStep:
    return CleanStep(Limits(), Sandbox(target, seconds=seconds, memory_bytes=256 << 20))


def record(offset: int, text: str, *, field: str = "html") -> Record:
    value = json.dumps({"title": "A bridge", field: text}).encode()
    headers = ((Header.CONTENT_TYPE, b"application/json"), (Header.DOCUMENT_ID, b"d"), (Header.SITE, b"s"))
    return Record("p.raw", 0, offset, b"k", value, headers, AT, AT)


RECORDS = [
    record(0, "<p>It opened again."),
    record(1, "It opened again.", field="body"),
    record(2, "HANG-NATIVE"),
    record(3, "RAISE"),
    record(4, "text", field="nothing"),
    record(5, "<p>It was closed."),
]


async def test_outcomes_are_the_same_with_preparation_and_without() -> None:
    prepared, alone = step(), step()
    assert isinstance(prepared, Prepares)
    await prepared.prepare(RECORDS)
    outcomes = prepared.process(RECORDS)
    expected = alone.process(RECORDS)
    assert [str(one) for one in outcomes] == [str(one) for one in expected]
    reasons = [one.reason if isinstance(one, Rejected) else None for one in outcomes]
    assert reasons == [None, None, Reason.PARSER_TIMEOUT, Reason.STEP_ERROR, Reason.INVALID_SHAPE, None]


async def test_nothing_is_asked_twice_and_nothing_of_former_records_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    one = step()
    await one.prepare(RECORDS)
    await one.prepare(RECORDS[:2])
    monkeypatch.setattr(one._sandbox, "call", lambda _: pytest.fail("asked again"))
    assert [len(outcome) for outcome in one.process(RECORDS[:2]) if not isinstance(outcome, Rejected)] == [1, 1]
    assert one._answers == {}


async def test_the_event_loop_turns_while_a_document_hangs_and_partitions_take_turns() -> None:
    sandbox = Sandbox("hanging_parser:parse", seconds=0.5, memory_bytes=256 << 20)
    one, other = CleanStep(Limits(), sandbox), CleanStep(Limits(), sandbox)
    waiting = asyncio.gather(one.prepare([RECORDS[2]]), other.prepare([RECORDS[0]]))
    turns = 0
    while not waiting.done():
        await asyncio.sleep(0.01)
        turns += 1
    await waiting
    assert turns > 10, "half a second of work, and more until it is killed"
    (hung,), (good,) = one.process([RECORDS[2]]), other.process([RECORDS[0]])
    assert isinstance(hung, Rejected)
    assert not isinstance(good, Rejected)


async def test_a_parser_that_is_not_there_is_no_documents_fault() -> None:
    with pytest.raises(LodestreamError, match="no process for no_such_module:parse"):
        await step("no_such_module:parse").prepare([RECORDS[0]])
