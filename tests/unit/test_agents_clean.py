"""The agent `clean` beside its child process: what it waits for, and what it does not."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import orjson
import pytest
from learned_articles import prose

from lodestream.agents.clean import CleanStep
from lodestream.clean import Limits
from lodestream.clean.learned import Memory
from lodestream.dedupe import Deduper
from lodestream.engine.sandbox import Sandbox
from lodestream.engine.step import Prepares, Record
from lodestream.errors import LodestreamError, Reason, Rejected
from lodestream.headers import Header

AT = 1_780_000_000_000
WEEK = 7 * 86_400_000


def step(target: str = "hanging_parser:parse", seconds: float = 0.5) -> CleanStep:
    return CleanStep(Limits(), Sandbox(target, seconds=seconds, memory_bytes=256 << 20), Memory(WEEK, 1000))


def record(offset: int, text: str, *, field: str = "html") -> Record:
    value = json.dumps({"title": "A bridge", field: text}).encode()
    headers = ((Header.CONTENT_TYPE, b"application/json"), (Header.DOCUMENT_ID, b"d"), (Header.SITE, b"s"))
    return Record("p.raw", 0, offset, b"k", value, headers, AT, AT)


RECORDS = [
    record(0, "<p>It opened again."),
    record(1, "It opened again.", field="body"),
    record(2, "<p>HANG-NATIVE"),
    record(3, "<p>RAISE"),
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
    one, other = (CleanStep(Limits(), sandbox, Memory(WEEK, 1000)) for _ in range(2))
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


PLAIN = ((Header.CONTENT_TYPE, b"text/plain"), (Header.SITE, b"s.example"))
LABEL = "The lorries of our readers in the rain"


def pages(number: int) -> list[Record]:
    """Pages of one site with a line of its own in them, each fetched again later; one in nine is damaged."""
    made = []
    for n in range(number):
        story = n if n < 12 else n % 12
        text = f"Headline {story}\n\n{prose(story, 60)}\n\n{LABEL}\n\n{prose(100 + story, 60)}"
        value = b"\xff\xfe\xfa" if n % 9 == 8 else text.encode()
        headers = (*PLAIN, (Header.DOCUMENT_ID, f"page-{story}".encode()))
        made.append(Record("p.raw", 0, n, b"s.example", value, headers, AT + n, AT + n))
    return made


def test_how_the_log_is_cut_into_batches_changes_nothing() -> None:
    log = pages(30)
    whole, parts, blocks = step(), step(), []
    expected = whole.process(log)
    found = []
    for start, end in pairwise([0, 1, 2, 7, 8, 20, 21, 30]):
        found += parts.process(log[start:end])
        blocks.append(parts.state.drain())
        if end in {2, 20}:  # a crash
            parts = step()
            for block in blocks:
                parts.state.apply(block)
    assert [str(one) for one in found] == [str(one) for one in expected]
    kinds = [LABEL in str(one) and '"kind":"repeated"' in str(one) for one in found]
    assert kinds[:3] == [False, False, True]
    assert sum(kinds) > 20


def test_a_page_fetched_again_after_its_site_taught_a_cut_is_a_refetch() -> None:
    one, deduper = step(), Deduper(WEEK, 1000)
    log = pages(13)
    outcomes = [outcome for outcome in one.process(log) if not isinstance(outcome, Rejected)]
    articles = [orjson.loads(outcome[0].value or b"") for outcome in outcomes]
    first, again = articles[0], articles[-1]
    assert first["document_id"] == again["document_id"]
    assert LABEL in first["body"]
    assert LABEL not in again["body"]
    verdicts = [deduper.decide(each, AT) for each in articles]
    assert [verdict.link["kind"] for verdict in verdicts if verdict.link] == ["refetch"]


def test_a_bug_is_one_letter_and_leaves_the_state_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = step(), step()
    log = pages(8)
    for record in log:
        with monkeypatch.context() as patch:
            patch.setattr("lodestream.agents.clean.fingerprint", lambda _: 1 // 0)
            (letter,) = one.process([record])
        assert isinstance(letter, Rejected)
        assert letter.reason is Reason.STEP_ERROR
        assert [str(each) for each in one.process([record])] == [str(each) for each in other.process([record])]
    assert one.state.drain() == other.state.drain()


def test_what_is_not_one_records_fault_is_no_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: str) -> None:
        raise OSError("disk")

    monkeypatch.setattr("lodestream.agents.clean.fingerprint", failing)
    with pytest.raises(OSError, match="disk"):
        step().process(pages(1))
