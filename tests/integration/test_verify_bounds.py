"""Bounds on a real Kafka: by time and by offset, what they leave unread, and repeats around their beginning."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ledger_flow import Flow, command, environment, flowing

from lodestream.errors import LodestreamError
from lodestream.kafka.log import LogRecord, read_log
from lodestream.ledger import Bounds, Breach, Report, verify
from lodestream.ledger.audit import Reading
from lodestream.letters import Coordinates
from lodestream.settings import Settings
from lodestream.times import rfc3339


@pytest.fixture
async def flow(settings: Settings) -> AsyncIterator[Flow]:
    async with flowing(settings) as running:
        yield running


@pytest.fixture
def no_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing around the bounds is read."""
    monkeypatch.setattr("lodestream.ledger.audit.SLACK_MS", 0)


async def page(flow: Flow, *positions: int, of: int, padding: int = 0) -> Coordinates:
    """A document with these of its articles, their originals and enriched records, a transaction and commit each."""
    (raw,) = await flow.raw()
    articles, originals = [], []
    async with flow.transaction("clean") as clean:
        for position in positions:
            value = {"position": position, "of": of, "body": "x" * padding}
            articles.append(await flow.put(clean, "articles", raw, position, value=value))
        await flow.commit(clean, "clean", raw.offset + 1)
    async with flow.transaction("dedupe") as dedupe:
        originals = [await flow.put(dedupe, "originals", article) for article in articles]
        await flow.commit(dedupe, "dedupe", articles[-1].offset + 1)
    async with flow.transaction("tag") as tag:
        for original in originals:
            await flow.put(tag, "enriched", original)
        await flow.commit(tag, "tag", originals[-1].offset + 1)
    return raw


def looked_at(report: Report) -> list[int]:
    return [stage.records for stage in report.stages]


async def pause() -> int:
    """A moment between two records, in ms."""
    await asyncio.sleep(0.02)
    now = time.time_ns() // 1_000_000
    await asyncio.sleep(0.02)
    return now


async def test_times_include_and_leave_out(flow: Flow, no_slack: None) -> None:  # noqa: ARG001 - for its effect
    await page(flow, 0, of=1)
    before = await pause()
    broken = await page(flow, 0, 1, of=3)
    after = await pause()
    await page(flow, 0, of=1)
    found = await verify(flow.settings, Bounds(since_ms=before, until_ms=after))
    assert [problem.coordinates for problem in found.problems] == [str(broken)]
    assert looked_at(found) == [1, 2, 2]
    for bounds in (Bounds(since_ms=after), Bounds(until_ms=before)):
        report = await verify(flow.settings, bounds)
        assert report.adds_up
        assert looked_at(report) == [1, 1, 1]
    assert looked_at(await verify(flow.settings, Bounds(since_ms=after + 60_000))) == [0, 0, 0]
    assert not (await verify(flow.settings, Bounds(until_ms=after + 60_000))).adds_up

    done = await command(flow.settings, "--since", rfc3339(before), "--until", rfc3339(after))
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"Looked at: {broken.topic} since {rfc3339(before)} until {rfc3339(after)}: 0:1 to 2, ")
    assert lines[0].endswith(", and what came of it.")
    assert f"incomplete: {broken}: article 2 of 3 of {broken} is missing; has article 0 of 3 at " in done.stdout
    assert lines[-1] == "It does not add up: 1 breach."
    done = await command(flow.settings, "--since", "1h", "--problems", "0")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-2:] == ["and 1 more", "It does not add up: 1 breach."]


async def test_only_what_lies_around_the_bounds_is_read(flow: Flow, no_slack: None) -> None:  # noqa: ARG001 - for its effect
    times = []
    for _ in range(30):
        await page(flow, 0, of=1, padding=200_000)  # so large that a fetch brings a few
        times.append(await pause())
    late = await verify(flow.settings, Bounds(since_ms=times[26]))
    assert late.adds_up
    around = {"raw": 3, "articles": 3, "originals": 3, "enriched": 3}
    states = dict.fromkeys(("clean-state", "dedupe-state", "tag-state"), 3)
    assert late.read == around | states | {"stories": 30}, "a story may be older than what names it"
    early = await verify(flow.settings, Bounds(until_ms=times[2]))
    assert early.adds_up
    assert looked_at(early) == [3, 3, 3]
    assert early.read["raw"] == 3
    assert 3 < early.read["articles"] < 15
    everything = await verify(flow.settings)
    assert everything.read == dict.fromkeys((*around, *states, "stories"), 30)


async def test_progress_is_told_by_topic(flow: Flow) -> None:
    await page(flow, 0, 1, of=2)
    told: list[Reading] = []
    await verify(flow.settings, progress=told.append)
    last = {each.topic: each for each in told}
    assert {topic: each.records for topic, each in last.items()} == {
        "raw": 1,
        "articles": 2,
        "originals": 2,
        "enriched": 2,
        "stories": 2,
        "clean-state": 1,
        "dedupe-state": 1,
        "tag-state": 1,
    }
    assert all(0 < each.done <= each.total for each in told)
    assert all(each.done == each.total for each in last.values())


async def repeated(flow: Flow) -> tuple[Coordinates, Coordinates]:
    """An article between two others is written twice, the second time passed over; both of its places."""
    await page(flow, 0, of=1)
    raw = await page(flow, 0, of=1)
    first = next(place for place, document in flow.documents.items() if document == raw and "articles" in place.topic)
    await pause()
    async with flow.transaction("clean") as clean:
        again = await flow.put(clean, "articles", raw, value={"position": 0, "of": 1})
    await page(flow, 0, of=1)
    return first, again


async def test_a_repeat_is_known_when_bounds_begin_between_it_and_its_first(flow: Flow) -> None:
    first, again = await repeated(flow)
    report = await verify(flow.settings, Bounds("articles", first={0: again.offset}))
    assert report.adds_up, "the repeat upstream is not looked at"
    dedupe, tag = report.stages
    assert dedupe.fates == {"repeat (dropped)": 1, "original": 1}
    assert (tag.records, report.documents) == (1, None)
    assert report.read["articles"] > 2, "what lies before the bounds is read as well"
    report = await verify(flow.settings, Bounds("articles", stop={0: again.offset}))
    assert [stage.records for stage in report.stages] == [2, 2]
    report = await verify(flow.settings, Bounds("articles", first={0: first.offset}))
    assert report.stages[0].fates == {"repeat (dropped)": 1, "original": 2}


async def test_what_may_be_a_repeat_of_what_is_not_read_is_no_breach(flow: Flow, no_slack: None) -> None:  # noqa: ARG001
    _, again = await repeated(flow)
    report = await verify(flow.settings, Bounds("articles", first={0: again.offset}))
    assert report.adds_up
    assert (report.stages[0].records, report.stages[0].out_of_reach) == (1, 1)
    await flow.delete_before("articles", again.offset)
    report = await verify(flow.settings)
    assert report.adds_up, report.problems
    assert (report.stages[1].records, report.stages[1].out_of_reach) == (1, 1)


async def test_a_backlog_of_old_documents_that_was_lost_is_missing_behind_a_truncated_log(flow: Flow) -> None:
    """All documents were taken before the first article that is left, but none of these can be a repeat."""
    raw = [each for _ in range(6) for each in await flow.raw()]
    await pause()
    async with flow.transaction("clean") as clean:
        articles = [await flow.put(clean, "articles", each, value={"position": 0, "of": 1}) for each in raw]
        await flow.commit(clean, "clean", raw[-1].offset + 1)
    async with flow.transaction("dedupe") as dedupe:
        await flow.put(dedupe, "originals", articles[0])
        await flow.commit(dedupe, "dedupe", articles[-1].offset + 1)
    await flow.delete_before("articles", articles[2].offset)
    report = await verify(flow.settings)
    assert [problem.coordinates for problem in report.stages[1].problems] == [str(each) for each in articles[2:]]
    await flow.delete_before("originals", 1)  # now the first of some may be gone, with its original
    async with flow.transaction("dedupe") as dedupe:
        await flow.put(dedupe, "originals", articles[3])
    report = await verify(flow.settings)
    assert [problem.coordinates for problem in report.stages[1].problems] == [str(each) for each in articles[4:]]
    assert report.stages[1].out_of_reach == 2


async def test_an_end_of_the_bounds_says_how_far_behind_it_is_read(flow: Flow) -> None:
    await page(flow, 0, of=1)
    told = "Not looked at: outputs more than 10 minutes behind the last one that was due, such as repeats."
    closed = await command(flow.settings, *(f for part in range(4) for f in ("--to", f"raw:{part}:1")))
    assert told in closed.stdout.splitlines()
    assert (await verify(flow.settings, Bounds(since_ms=0))).used.slack_ms is None
    assert (await verify(flow.settings)).used.slack_ms is None


async def test_the_last_stage_alone(flow: Flow) -> None:
    await page(flow, 0, 1, of=2)
    report = await verify(flow.settings, Bounds("originals", first={0: 1}))
    assert report.adds_up
    assert [(stage.stage, stage.records) for stage in report.stages] == [("tag", 1)]
    assert set(report.read) == {"originals", "enriched", "tag-state"}


async def test_progress_is_told_where_retention_went_beyond_what_is_to_be_read(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flow.raw()
    await page(flow, 0, of=1)

    async def read(arguments: Any, topic: str, **more: Any) -> AsyncIterator[list[LogRecord]]:
        async for batch in read_log(arguments, topic, **more):
            yield batch
        if topic.endswith("raw"):
            later = await page(flow, *range(9), of=9)
            await flow.delete_before("articles", 9)
            assert later.offset == 2

    monkeypatch.setattr("lodestream.ledger.audit.read_log", read)
    told: list[Reading] = []
    report = await verify(flow.settings, progress=told.append)
    assert "articles" not in report.read
    assert {reading.topic for reading in told} > {"raw", "originals", "enriched"}
    assert all(0 <= reading.done <= reading.total for reading in told)


@pytest.mark.usefixtures("no_slack")
async def test_a_link_and_a_changelog_are_not_held_against_what_lies_before_the_bounds(flow: Flow) -> None:
    """Neither the original that a link names is read, nor the block of what came before."""
    await page(flow, 0, of=1)
    await pause()
    raw = (await flow.raw())[0]
    async with flow.transaction("clean") as clean:
        article = await flow.put(clean, "articles", raw, value={"position": 0, "of": 1})
        await flow.commit(clean, "clean", raw.offset + 1)
    async with flow.transaction("dedupe") as dedupe:
        await flow.put(dedupe, "duplicates", article, value={"forwarded": False})
        await flow.commit(dedupe, "dedupe", article.offset + 1)
    within = Bounds(first={0: raw.offset})
    report = await verify(flow.settings, within)
    assert (report.problems, looked_at(report)) == ([], [1, 1, 0])
    assert (report.read.get("originals", 0), report.read["clean-state"]) == (0, 1)
    await flow.delete_before("clean-state", 2)
    await pause()
    (lost,) = await flow.raw()
    async with flow.transaction("clean") as clean:
        await flow.put(clean, "articles", lost, value={"position": 0, "of": 1})
        await flow.commit(clean, "clean", lost.offset + 1, blocks=False)
    [problem] = (await verify(flow.settings, Bounds(first={0: lost.offset}))).problems
    assert problem.breach is Breach.STATE_GAP, "of the blocks since then none can be gone"
    assert problem.found.startswith(f"no block covers offsets {lost.offset} to {lost.offset} of {lost.topic}:0: there ")


async def test_what_was_deleted_unread_before_the_bounds_is_left_out(flow: Flow) -> None:
    await flow.raw(9)
    await flow.delete_before("raw", 5)
    assert [problem.found for problem in (await verify(flow.settings)).problems] == [
        "offsets 0 to 4 were deleted before the group had read them"
    ]
    assert (await verify(flow.settings, Bounds(first={0: 5}))).adds_up
    assert (await verify(flow.settings, Bounds(first={1: 0}))).adds_up
    assert not (await verify(flow.settings, Bounds(first={0: 4}))).adds_up
    assert not (await verify(flow.settings, Bounds(since_ms=0))).adds_up


async def test_few_offsets_that_were_deleted_unread_are_told(flow: Flow) -> None:
    """Behind the last record that was read they may be markers; where nothing was read, they are records."""
    await flow.raw(1, partition=1)
    await flow.delete_before("raw", 1, partition=1)
    raw = await flow.raw(2)
    async with flow.transaction("clean") as clean:
        await flow.put(clean, "articles", raw[0], value={"position": 0, "of": 1})
        await flow.commit(clean, "clean", raw[1].offset)
    await flow.delete_before("raw", raw[1].offset + 1)
    report = await verify(flow.settings)
    assert [(problem.breach, problem.coordinates) for problem in report.problems] == [
        (Breach.DELETED_UNREAD, f"{raw[0].topic}:1:0")
    ]
    [warning] = report.warnings
    assert warning.startswith(f"clean: offsets 1 to 1 of {raw[0].topic}:0 were deleted before the group had read them")
    done = await command(flow.settings, "--from", "raw:0:0")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Warning: {warning}." in done.stdout.splitlines()


async def test_bounds_that_do_not_fit_are_one_clear_error(flow: Flow) -> None:
    raw = flow.settings.topic("raw")
    with pytest.raises(LodestreamError, match=f"{raw} has no partition 7: it has 4"):
        await verify(flow.settings, Bounds(stop={7: 1}))
    done = await command(flow.settings, "--from", "raw:0:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"lodestream: {raw} does not reach to 0:1: partition 0 ends at 0\n"


async def test_ctrl_c_ends_it_without_a_word(flow: Flow) -> None:
    (raw,) = await flow.raw()
    async with flow.transaction("clean") as clean:
        await flow.put(clean, "articles", raw, value={"position": 0, "of": 1})
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lodestream", "verify"),
            env=environment(flow.settings),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await asyncio.sleep(4)  # it waits for the open transaction
        assert process.returncode is None
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            said = await process.communicate()
    assert (await process.wait(), said) == (130, (b"", b""))
