"""The ledger on a real Kafka: transactions, markers, retention, groups that are behind, and a flow that runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from ledger_flow import INPUT, Flow, command, flowing

from lodestream.errors import LodestreamError, TruncatedError
from lodestream.headers import Header, Headers
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.log import LogRecord, offsets, read_log
from lodestream.ledger import Bounds, Breach, Report, verify
from lodestream.ledger.audit import READS
from lodestream.letters import Coordinates, mark_headers
from lodestream.settings import Settings


@dataclass(frozen=True)
class Write:
    """A record to write to partition 0 of a topic: the output of the record at `offset` of the stage's input."""

    topic: str
    offset: int | None = None
    index: int = 0
    value: Any = None
    headers: Headers = ()


def article(offset: int, position: int = 0, of: int = 1) -> Write:
    return Write("articles", offset, position, {"position": position, "of": of})


def link(offset: int, index: int = 0, *, forwarded: bool = False) -> Write:
    return Write("duplicates", offset, index, {"forwarded": forwarded})


@pytest.fixture
async def flow(settings: Settings) -> AsyncIterator[Flow]:
    async with flowing(settings) as running:
        yield running


async def step(
    flow: Flow,
    name: str,
    writes: Sequence[Write],
    committed: int | None = None,
    *,
    abort: bool = False,
    hold: float = 0,
) -> None:
    """One transaction of an agent, in partition 0; `committed`: the group's next offset in its input."""
    async with flow.transaction(name, abort=abort, hold=hold) as producer:
        for write in writes:
            parent = None if write.offset is None else flow.place(INPUT[name], write.offset)
            if write.topic == "dead-letters" and parent is not None:
                await flow.letter(producer, name, parent, headers=write.headers)
            else:
                value = write.value or {}
                await flow.put(producer, write.topic, parent, write.index, value=value, headers=write.headers)
        if committed is not None:
            await flow.commit(producer, name, committed)


async def healthy(flow: Flow) -> None:
    """Five raw records, and each stage has processed all of its input.

    Articles are at the offsets 0, 1, 3, 7, 8; originals at 0, 1, 3: between them lie markers and aborted records.
    """
    await flow.raw(5)
    await step(flow, "clean", [article(0), article(1)], 2)
    await step(flow, "clean", [article(2), Write("dead-letters", 3)], 4)
    await step(flow, "clean", [article(4)], abort=True)
    await step(flow, "clean", [article(4, 0, 2), article(4, 1, 2)], 5)
    await step(flow, "dedupe", [Write("originals", 0), link(1), Write("originals", 3), link(3, 1, forwarded=True)], 4)
    await step(flow, "dedupe", [Write("dead-letters", 7), Write("originals", 8)], 9)
    await step(flow, "tag", [Write("enriched", 0), Write("enriched", 1)], 2)
    await step(flow, "tag", [Write("dead-letters", 3)], 4)


def fates(report: Report) -> dict[str, dict[str, int]]:
    return {stage.stage: dict(stage.fates) for stage in report.stages}


def breaches(report: Report) -> list[tuple[str, Breach, int]]:
    return [
        (stage.stage, breach, count) for stage in report.stages for breach, count in stage.breaches.items() if count
    ]


async def test_a_flow_that_adds_up_does(flow: Flow) -> None:
    await healthy(flow)
    report = await verify(flow.settings)
    assert report.problems == []
    assert report.adds_up
    assert fates(report) == {
        "clean": {"articles": 4, "dead letter": 1},
        "dedupe": {"original": 2, "linked original": 1, "duplicate": 1, "dead letter": 1},
        "tag": {"enriched": 2, "dead letter": 1},
    }
    assert [(stage.records, stage.not_yet_processed, stage.out_of_reach) for stage in report.stages] == [
        (5, 0, 0),
        (5, 0, 0),
        (3, 0, 0),
    ]
    done = await command(flow.settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("It adds up.\n")


async def test_nothing_at_all_adds_up(flow: Flow) -> None:
    report = await verify(flow.settings)
    assert report.adds_up
    assert [stage.records for stage in report.stages] == [0, 0, 0]


async def test_what_no_group_has_committed_is_not_yet_processed(flow: Flow) -> None:
    await flow.raw(7)
    await step(flow, "clean", [article(0), article(1)], 2)
    report = await verify(flow.settings)
    assert report.adds_up
    assert [(stage.records, stage.not_yet_processed) for stage in report.stages] == [(2, 5), (0, 2), (0, 0)]


@pytest.mark.parametrize(
    ("stage", "writes", "committed", "expected"),
    [
        ("clean", [], 6, ("clean", Breach.MISSING, 1)),
        ("clean", [article(5, 0, 2)], 6, ("clean", Breach.INCOMPLETE, 1)),
        ("clean", [article(5), article(5)], 6, ("clean", Breach.TWICE, 1)),
        ("clean", [article(5), Write("dead-letters", 5)], 6, ("clean", Breach.TWO_FATES, 1)),
        ("clean", [article(5, 0, 1), article(5, 1, 2)], 6, ("clean", Breach.CONTRADICTORY, 1)),
        ("clean", [article(5), article(4, 0, 2)], 6, ("clean", Breach.TWICE, 1)),
        ("clean", [Write("articles", value={"position": 0, "of": 1})], None, ("clean", Breach.ORPHAN, 1)),
        ("clean", [Write("dead-letters")], None, ("unknown", Breach.ORPHAN, 1)),
        ("dedupe", [Write("originals", 2)], None, ("dedupe", Breach.ORPHAN, 1)),
        ("dedupe", [Write("originals", 4)], None, ("dedupe", Breach.ORPHAN, 1)),
        ("dedupe", [link(0, 1)], None, ("dedupe", Breach.TWO_FATES, 1)),
        ("tag", [Write("dead-letters", 0)], None, ("tag", Breach.TWO_FATES, 1)),
        ("tag", [Write("enriched", 1, 1)], None, ("tag", Breach.TWICE, 1)),
        ("tag", [Write("enriched", 2)], None, ("tag", Breach.ORPHAN, 1)),
    ],
)
async def test_a_breach_is_found(
    flow: Flow, stage: str, writes: list[Write], committed: int | None, expected: tuple[str, Breach, int]
) -> None:
    await healthy(flow)
    await flow.raw(1)
    await step(flow, stage, writes, committed)
    report = await verify(flow.settings)
    assert expected in breaches(report)
    # A further record of an inner topic is also a further input of the next stage, but one that is not processed.
    assert len(breaches(report)) == 1
    assert len(report.problems) == 1


async def test_the_command_prints_what_does_not_add_up_and_fails(flow: Flow) -> None:
    await healthy(flow)
    await flow.raw(30)
    await step(flow, "clean", [article(5)], 35)
    done = await command(flow.settings)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert f"missing: {flow.settings.topic('raw')}:0:6: no fate" in lines
    assert lines[-2:] == ["and 9 more", "It does not add up: 29 breaches."]
    done = await command(flow.settings, "--json")
    said = orjson.loads(done.stdout)
    assert (done.returncode, said["adds_up"], said["stages"]["clean"]["breaches"]["missing"]) == (1, False, 29)
    assert len(said["problems"]) == 20


async def test_outputs_ahead_of_their_group_are_found(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lodestream.ledger.audit.COMMIT_SECONDS", 1.0)
    await healthy(flow)
    await flow.raw(1)
    await step(flow, "clean", [article(5)])
    assert breaches(await verify(flow.settings)) == [("clean", Breach.AHEAD, 1)]


async def test_a_transaction_torn_from_its_block_is_told_until_it_is_done_again(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lodestream.ledger.audit.COMMIT_SECONDS", 1.0)
    await healthy(flow)
    await flow.raw(2)

    async def tear(*, block: bool, offset: int | None, writes: Sequence[Write] = ()) -> list[tuple[str, Breach, int]]:
        async with flow.transaction("clean") as producer:
            if block:
                await flow.block(producer, "clean", 5, 7)
            if offset is not None:
                await flow.commit(producer, "clean", offset, blocks=False)
        await step(flow, "clean", writes)
        return breaches(await verify(flow.settings))

    assert await tear(block=True, offset=None) == [("clean", Breach.STATE_AHEAD, 1)]
    assert await tear(block=True, offset=7, writes=[article(5), article(6)]) == []
    await flow.raw(1)
    assert await tear(block=False, offset=8, writes=[article(7)]) == [("clean", Breach.STATE_GAP, 1)]
    await step(flow, "clean", [], 8)
    assert breaches(await verify(flow.settings)) == []


async def test_the_first_transaction_of_a_group_torn_from_its_block_is_told(flow: Flow) -> None:
    await flow.raw(3)
    async with flow.transaction("clean", abort=True) as producer:
        await flow.block(producer, "clean", 0, 2)  # its marker, and it, take up the changelog's first offsets
    async with flow.transaction("clean") as producer:
        for at in range(2):
            await flow.put(producer, "articles", flow.place("raw", at), value={"position": 0, "of": 1})
        await flow.commit(producer, "clean", 2, blocks=False)
    none = f"no block covers offsets 0 to 1 of {flow.settings.topic('raw')}:0: there is none, but 2 is committed"
    assert [(problem.breach, problem.found) for problem in (await verify(flow.settings)).problems] == [
        (Breach.STATE_GAP, none)
    ]
    await step(flow, "clean", [article(2)], 3)
    [problem] = (await verify(flow.settings)).problems
    assert (problem.breach, problem.coordinates) == (Breach.STATE_GAP, str(flow.place("clean-state", 2)))
    assert "no block covers offsets 0 to 1 of" in problem.found
    await flow.delete_before("clean-state", 2)
    assert breaches(await verify(flow.settings)) == [], "what retention took may have covered them"


async def test_a_group_that_began_where_its_input_had_lost_its_beginning_has_no_gap(flow: Flow) -> None:
    await flow.raw(4)
    await flow.delete_before("raw", 2)
    await step(flow, "clean", [article(2), article(3)], 4)
    report = await verify(flow.settings)
    assert (report.problems, report.stages[0].records) == ([], 2)


async def test_a_commit_that_comes_a_little_later_is_awaited(flow: Flow) -> None:
    await healthy(flow)
    await flow.raw(1)
    await step(flow, "clean", [article(5)])
    checking = asyncio.create_task(verify(flow.settings))
    await asyncio.sleep(2)
    assert not checking.done()
    await step(flow, "clean", [], 6)
    report = await checking
    assert report.adds_up
    assert report.stages[0].records == 5


async def test_outputs_behind_an_open_transaction_are_awaited(flow: Flow) -> None:
    """The markers of one transaction become visible one by one: here, that of the offset long before the output's."""
    await healthy(flow)
    await flow.raw(1)
    opened = asyncio.create_task(step(flow, "clean", [article(5)], hold=3))
    await asyncio.sleep(1)
    producer = AIOKafkaProducer(**client_arguments(flow.settings), transactional_id=f"{flow.settings.topic_prefix}x")
    await producer.start()
    await producer.begin_transaction()
    await flow.commit(producer, "clean", 6)
    await producer.commit_transaction()
    await producer.stop()
    assert not opened.done()
    report = await verify(flow.settings)
    await opened
    assert report.adds_up
    assert report.stages[0].records == 6


async def test_redriven_records_and_marks_are_no_outputs(flow: Flow) -> None:
    await healthy(flow)
    again: Headers = ((Header.PARENT_ORIGIN, b"x:0:1:0"), (Header.REDRIVE, b"1"))
    mark = mark_headers(Coordinates(flow.settings.topic("dead-letters"), 0, 2))
    # By hand, as a redrive would: not the agent's output, but the next stage's input.
    await step(
        flow,
        "clean",
        [Write("articles", value={"position": 0, "of": 1}, headers=again), Write("dead-letters", headers=mark)],
    )
    report = await verify(flow.settings)
    assert report.adds_up
    assert [stage.not_yet_processed for stage in report.stages] == [0, 1, 0]


async def test_a_mark_of_no_letter_and_a_redrive_where_nothing_is_put_back_are_strays(flow: Flow) -> None:
    await healthy(flow)
    place = flow.place("dead-letters", 1)  # a marker
    again: Headers = ((Header.REDRIVE, b"1"),)
    strays = [Write("dead-letters", headers=mark_headers(place)), Write("enriched", headers=again)]
    await step(flow, "tag", strays)
    report = await verify(flow.settings)
    assert [(problem.stage, problem.breach, problem.found) for problem in report.problems] == [
        ("tag", Breach.ORPHAN, "has no origin"),
        ("unknown", Breach.ORPHAN, f"marks {place} as redriven, which is no dead letter before it"),
    ]
    await flow.delete_before("dead-letters", 2)
    report = await verify(flow.settings)
    assert [problem.found for problem in report.problems] == ["has no origin"], "that letter may be gone"


async def test_what_retention_took_is_left_out_and_counted(flow: Flow) -> None:
    """Half of the articles are gone: the raw records before the first remaining one are not judged any more."""
    for at in range(6):
        await flow.raw(1)
        await asyncio.sleep(0.005)
        await step(flow, "clean", [article(at)], at + 1)
        await asyncio.sleep(0.005)
    await step(flow, "dedupe", [Write("originals", at) for at in (0, 2, 4)], 5)
    await flow.delete_before("articles", 5)  # articles lie at 0, 2, 4, 6, 8, 10
    report = await verify(flow.settings)
    assert report.problems == []
    clean, dedupe, _ = report.stages
    assert (clean.records, clean.out_of_reach) == (2, 4)
    assert dedupe.not_yet_processed == 3
    await flow.delete_before("raw", 5)
    report = await verify(flow.settings)
    assert report.adds_up, "outputs of records that retention took are no orphans"
    assert report.stages[0].records == 1


async def test_retention_on_one_partition_hides_neither_later_records_nor_what_is_there_twice(flow: Flow) -> None:
    """The stage was behind, so all records are older than the first output that is left."""
    await flow.raw(8)
    await asyncio.sleep(0.01)
    for at in range(8):
        await step(flow, "clean", [] if at == 6 else [article(at)] * (1 + (at in {3, 7})), at + 1)
    await flow.delete_before("articles", 6)  # articles lie at 0, 2, 4, 6, 7, 9, ...
    report = await verify(flow.settings)
    raw = flow.settings.topic("raw")
    assert [(problem.breach, problem.coordinates) for problem in report.stages[0].problems] == [
        (Breach.TWICE, f"{raw}:0:3"),
        (Breach.TWICE, f"{raw}:0:7"),
        (Breach.MISSING, f"{raw}:0:6"),
    ]
    assert (report.stages[0].records, report.stages[0].out_of_reach) == (5, 3)


async def test_a_link_to_an_original_that_retention_took_is_not_dangling(flow: Flow) -> None:
    """Also a forwarded one. Nothing tells it from a link to what never was, which is told while all are there."""
    await flow.raw(4)
    await step(flow, "clean", [article(at) for at in range(4)], 4)
    await step(flow, "dedupe", [Write("originals", 0)], 1)
    await step(flow, "dedupe", [link(1), Write("originals", 2), link(2, 1, forwarded=True)], 3)
    await step(flow, "tag", [Write("enriched", 0), Write("enriched", 2)], 3)
    assert (await verify(flow.settings)).adds_up
    await flow.delete_before("originals", 2)
    report = await verify(flow.settings)
    assert report.problems == []
    for first in (0, 1, 2):
        report = await verify(flow.settings, Bounds(first={0: first}))
        assert report.problems == []
        assert report.read["duplicates"] == 2


async def test_a_stray_where_a_truncated_topic_begins_makes_no_flood(flow: Flow) -> None:
    await flow.raw(9)
    await flow.delete_before("raw", 2)
    await step(flow, "clean", [article(at) for at in range(2, 7)], 7)
    await step(flow, "clean", [article(0)])  # at 6
    await step(flow, "clean", [article(7), article(8)], 9)
    await flow.delete_before("articles", 6)
    clean = (await verify(flow.settings)).stages[0]
    assert clean.adds_up, "of the records 2 to 6 the articles are gone"
    assert (clean.records, clean.out_of_reach) == (1, 6)


async def test_a_stage_of_which_nothing_can_be_judged_is_told(flow: Flow) -> None:
    await flow.raw(2)
    await step(flow, "clean", [article(0), article(1)], 2)
    await step(flow, "dedupe", [Write("originals", 0), Write("originals", 1)], 2)
    await flow.delete_before("articles", 1)
    done = await command(flow.settings)
    assert (done.returncode, done.stderr) == (0, "")
    told = "Warning: clean: nothing is judged: all 2 records it processed are out of reach."
    assert told in done.stdout.splitlines()
    said = orjson.loads((await command(flow.settings, "--json")).stdout)
    assert said["stages"]["clean"]["warnings"] == ["nothing is judged: all 2 records it processed are out of reach"]


async def test_an_output_topic_that_is_empty_again_is_out_of_reach_by_its_retention(flow: Flow) -> None:
    await healthy(flow)
    end = (await offsets(client_arguments(flow.settings), flow.settings.topic("dead-letters")))[0].high
    await flow.delete_before("dead-letters", end)
    # Nothing is as old as the topic's 90 days, so the letters are missed.
    report = await verify(flow.settings)
    assert breaches(report) == [(stage, Breach.MISSING, 1) for stage in ("clean", "dedupe", "tag")]


async def test_retention_is_that_of_the_cluster(flow: Flow) -> None:
    await healthy(flow)
    end = (await offsets(client_arguments(flow.settings), flow.settings.topic("dead-letters")))[0].high
    await flow.delete_before("dead-letters", end)
    for configs in ({"retention_ms": "1"}, {"retention_ms": "-1", "retention_bytes": "1000000000"}):
        await flow.configure("dead-letters", cleanup_policy="delete", **configs)
        report = await verify(flow.settings)
        assert report.adds_up, "the letters may have aged, or been too many"
        assert all(stage.out_of_reach for stage in report.stages)
    await flow.configure("dead-letters", cleanup_policy="delete", retention_ms="-1")
    assert len(breaches(await verify(flow.settings))) == 3, "nothing ages"


async def test_what_ages_while_it_is_read_is_judged_by_the_time_of_the_judgement(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letters were there when it began, and a moment later there are none: they are old enough by then."""
    await healthy(flow)
    later = 120
    await flow.configure("dead-letters", cleanup_policy="delete", retention_ms=str(later * 1000))
    now = time.time_ns

    async def read(arguments: Any, topic: str, **more: Any) -> AsyncIterator[list[LogRecord]]:
        async for batch in read_log(arguments, topic, **more):
            yield batch
        if topic.endswith("enriched"):
            high = (await offsets(client_arguments(flow.settings), flow.settings.topic("dead-letters")))[0].high
            await flow.delete_before("dead-letters", high)
            monkeypatch.setattr("lodestream.ledger.audit.time.time_ns", lambda: now() + later * 10**9)

    monkeypatch.setattr("lodestream.ledger.audit.read_log", read)
    assert (await verify(flow.settings)).problems == []


async def test_a_compacted_product_misses_nothing_but_says_so(flow: Flow) -> None:
    await healthy(flow)
    await flow.raw(2)
    await step(flow, "clean", [article(5), article(6)], 7)
    at = 10  # of the first of these articles
    await step(flow, "dedupe", [Write("originals", at), Write("originals", at + 1)], at + 2)
    originals = await offsets(client_arguments(flow.settings), flow.settings.topic("originals"))
    last = originals[0].high - 2
    await step(flow, "tag", [Write("enriched", last)] * 2, last + 1)
    async with AIOKafkaProducer(**client_arguments(flow.settings)) as producer:
        await producer.send_and_wait(flow.settings.topic("enriched"), None, key=b"k", partition=0)  # by hand
    found = [("tag", Breach.TWICE, 1), ("tag", Breach.MISSING, 1)]
    assert sorted(breaches(await verify(flow.settings))) == sorted([*found, ("tag", Breach.ORPHAN, 1)])
    await flow.configure("enriched", cleanup_policy="compact")
    report = await verify(flow.settings)
    assert breaches(report) == [("tag", Breach.TWICE, 1)]
    assert (report.stages[2].out_of_reach, report.stages[2].fates) == (1, {"enriched": 2, "dead letter": 1})
    assert len(report.warnings) == 1
    assert report.warnings[0].startswith(f"tag: {flow.settings.topic('enriched')} is compacted: ")


async def test_without_the_permission_to_read_policies_it_says_so(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise TopicAuthorizationFailedError

    monkeypatch.setattr("lodestream.kafka.admin._configs", refuse)
    await healthy(flow)
    report = await verify(flow.settings)
    assert report.adds_up
    assert len(report.warnings) == 3
    assert report.warnings[0].startswith("clean: retention and compaction of its topics may not be read")


@pytest.mark.parametrize("behind", [0, 1])
@pytest.mark.parametrize("times", [1, READS])
async def test_what_retention_takes_while_it_is_read_is_read_again_from_there(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, behind: int, times: int
) -> None:
    """Either before the reading of a topic begins, or behind its first records."""
    for at in range(8):
        await flow.raw(1)
        await asyncio.sleep(0.005)
        await step(flow, "clean", [article(at)], at + 1)
    await step(flow, "dedupe", [Write("originals", 2 * at) for at in range(8)], 16)
    taken = 0

    async def read(arguments: Any, topic: str, **more: Any) -> AsyncIterator[list[LogRecord]]:
        nonlocal taken
        truncate = topic.endswith("articles") and taken < times
        if truncate:
            taken += 1
            await flow.delete_before("articles", 2 * taken)
        async for batch in read_log(arguments, topic, **more):
            yield batch
            if truncate and behind:
                raise TruncatedError("gone")

    monkeypatch.setattr("lodestream.ledger.audit.read_log", read)
    if times == READS:
        with pytest.raises(TruncatedError):
            await verify(flow.settings)
        return
    report = await verify(flow.settings)
    assert report.adds_up, report.problems
    assert [stage.records for stage in report.stages[:2]] == [6, 7]
    assert report.read["articles"] == 7


async def test_retention_between_two_topics_does_not_need_another_look(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lodestream.ledger.audit.READS", 1)
    await healthy(flow)
    told: list[str] = []

    async def read(arguments: Any, topic: str, **more: Any) -> AsyncIterator[list[LogRecord]]:
        async for batch in read_log(arguments, topic, **more):
            yield batch
        if topic.endswith("raw"):
            await flow.delete_before("articles", 3)
            told.append(topic)

    monkeypatch.setattr("lodestream.ledger.audit.read_log", read)
    report = await verify(flow.settings)
    assert (report.adds_up, len(told)) == (True, 1)
    assert report.read["articles"] == 3


async def test_a_group_that_kafka_has_forgotten_is_judged_by_its_changelog(flow: Flow) -> None:
    await healthy(flow)
    await flow.raw(2)
    await step(flow, "clean", [article(6)], 7)
    await flow.delete_before("raw", 2)
    await flow.forget("clean")
    await flow.forget("tag")
    report = await verify(flow.settings)
    assert [(problem.breach, problem.coordinates) for problem in report.problems] == [
        (Breach.MISSING, f"{flow.settings.topic('raw')}:0:5")
    ]
    assert [(stage.records, stage.not_yet_processed) for stage in report.stages] == [(5, 0), (5, 1), (3, 0)]
    assert report.warnings == [
        f"{stage}: Kafka has forgotten the offsets of {flow.settings.group(stage)} on partitions 0: "
        "they are taken from its changelog"
        for stage in ("clean", "tag")
    ]
    await step(flow, "clean", [], 7)
    await step(flow, "tag", [], 4)
    assert (await verify(flow.settings)).warnings == []


async def test_a_forgotten_group_whose_changelog_cannot_be_read_is_judged_by_what_can(flow: Flow) -> None:
    await healthy(flow)
    changelog = flow.settings.topic("clean-state")
    await flow.raw(1, partition=1)
    async with flow.transaction("clean") as producer:
        for partition in (0, 1):
            await (await producer.send(changelog, b"LSB9", partition=partition))
    await flow.forget("clean")
    report = await verify(flow.settings)
    assert breaches(report) == [("clean", Breach.STATE_UNREADABLE, 2)]
    assert (report.stages[0].records, report.stages[0].not_yet_processed) == (5, 1)
    forgotten = f"clean: Kafka has forgotten the offsets of {flow.settings.group('clean')} on partitions "
    assert report.warnings == [
        f"{forgotten}0: they are taken from its changelog",
        f"{forgotten}0, 1: its changelog has blocks there that cannot be read, and only the others count",
    ]


async def test_a_group_whose_changelog_has_aged_as_well_may_have_read_what_is_gone(flow: Flow) -> None:
    await flow.raw(6)
    await step(flow, "clean", [article(at) for at in range(6)], 6)
    for topic, end in (("raw", 6), ("clean-state", 2)):
        await flow.delete_before(topic, end)
    assert (await verify(flow.settings)).warnings == []
    await flow.forget("clean")
    report = await verify(flow.settings)
    [warning] = report.warnings
    assert warning == (
        f"clean: offsets 0 to 5 of {flow.settings.topic('raw')}:0 were deleted, and neither Kafka nor the changelog "
        "knows any more whether the group had read them"
    )
    assert report.problems == []


async def test_what_a_group_reads_and_retention_takes_meanwhile_is_no_loss(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flow.raw(3)
    await step(flow, "clean", [article(at) for at in range(3)], 3)

    async def read(arguments: Any, topic: str, **more: Any) -> AsyncIterator[list[LogRecord]]:
        async for batch in read_log(arguments, topic, **more):
            yield batch
        if topic.endswith("raw"):
            await step(flow, "dedupe", [Write("originals", at) for at in range(3)], 3)
            await flow.delete_before("articles", 2)

    monkeypatch.setattr("lodestream.ledger.audit.read_log", read)
    report = await verify(flow.settings)
    assert (report.problems, report.stages[0].out_of_reach) == ([], 3)


async def test_a_flow_that_runs_adds_up_at_any_moment(flow: Flow) -> None:
    """Each look falls between and into transactions."""

    async def clean() -> None:
        for at in range(400):
            await step(flow, "clean", [article(at, 0, 2), article(at, 1, 2)], at + 1)

    await flow.raw(400)
    await step(flow, "clean", [article(0, 0, 2), article(0, 1, 2)], abort=True)
    running = asyncio.create_task(clean())
    looks = 0
    try:
        while not running.done():
            report = await verify(flow.settings)
            assert report.problems == []
            looks += 1
    finally:
        await running
    assert looks > 2
    assert (await verify(flow.settings)).stages[0].records == 400


async def test_a_missing_topic_is_one_clear_error(settings: Settings) -> None:
    with pytest.raises(LodestreamError, match=f"there is no topic {settings.topic('raw')}"):
        await verify(settings)
