"""Every way in which a ledger can be broken, planted one by one on a real Kafka: each is found, and nothing else.

All lie in one deployment: each defect between two healthy documents, in a block of raw offsets of its own. The command
looks at one block at a time, so bounds are tried as well: a block without its defect adds up.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from ledger_defects import DEFECTS, Defect, Planting
from ledger_flow import INPUT, Flow, environment, flowing

from lodestream.kafka.clients import client_arguments
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.log import offsets
from lodestream.ledger import Breach
from lodestream.letters import Coordinates
from lodestream.settings import Settings, load

# One process for all looks: its start would cost more than they do.
LOOKS = """
import sys
import orjson
from click.testing import CliRunner
from lodestream.cli import cli
from lodestream.ledger import audit
audit.COMMIT_SECONDS = 0.3
for line in sys.stdin:
    done = CliRunner().invoke(cli, ["verify", "--json", "--problems", "99", *line.split()])
    print(orjson.dumps([done.exit_code, done.output]).decode(), flush=True)
"""


@dataclass(frozen=True)
class Block:
    """Raw offsets [first, stop) with a defect in it; without it [first, healthy)."""

    partition: int
    first: int
    healthy: int
    stop: int
    expected: list[tuple[str, str, str]]
    said: list[str]

    def bounds(self, stop: int) -> str:
        return f"--from raw:{self.partition}:{self.first} --to raw:{self.partition}:{stop}"


@dataclass(frozen=True)
class Looked:
    """What the command said: of the healthy documents alone, of each block, of each without its defect, of all."""

    healthy: tuple[int, dict[str, Any]]
    blocks: dict[str, Block]
    found: dict[str, tuple[int, dict[str, Any]]]
    without: dict[str, tuple[int, dict[str, Any]]]
    everything: tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def looked(kafka: EmbeddedKafka) -> Iterator[Looked]:
    prefix = f"t-{uuid.uuid4().hex[:8]}."
    settings = load(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix)
    with subprocess.Popen(
        [sys.executable, "-c", LOOKS],
        env=environment(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield asyncio.run(look(settings, process))
        finally:
            process.kill()


async def look(settings: Settings, process: subprocess.Popen[str]) -> Looked:
    async with flowing(settings) as flow:
        async with planting(flow) as p:
            for positions in ([0], [0, 1], [0, 1, 2]):
                await p.page(*positions)
            await p.letter("clean", await p.raw())
            await p.link(await p.article(await p.raw()))
            extension = await p.article(await p.raw())
            await p.original(extension)
            await p.link(extension, 1, forwarded=True)
        await commit_all(flow)
        healthy = await ask(process, "")
        blocks = {name: await planted(flow, plant) for name, plant in DEFECTS.items()}
        blocks["changelog_that_does_not_fit"] = await changelog(flow)
        await commit_all(flow)
        blocks["output_of_a_record_that_is_not_committed"] = await ahead(flow)
        blocks["records_deleted_unread"] = await deleted(flow)
        blocks["group_beyond_the_end_of_its_log"] = await beyond(flow)
    found = {name: await ask(process, block.bounds(block.stop)) for name, block in blocks.items()}
    without = {name: await ask(process, block.bounds(block.healthy)) for name, block in blocks.items()}
    return Looked(healthy, blocks, found, without, await ask(process, ""))


@asynccontextmanager
async def planting(flow: Flow) -> AsyncIterator[Planting]:
    async with flow.transaction("plant") as producer:
        yield Planting(flow, producer)


async def planted(flow: Flow, plant: Defect) -> Block:
    async with planting(flow) as p:
        before = await p.page(0, 1)
        await plant(p)
        after = await p.page(0)
    # The healthy document before it is one raw record.
    return Block(0, before.offset, before.offset + 1, after.offset + 1, p.expected, p.said)


async def commit_all(flow: Flow) -> None:
    """All groups have processed all that there is in partition 0."""
    for stage, topic in INPUT.items():
        ends = await offsets(client_arguments(flow.settings), flow.settings.topic(topic))
        async with flow.transaction("plant") as producer:
            await flow.commit(producer, stage, ends[0].stable)


async def ahead(flow: Flow) -> Block:
    """Raw partition 1: the second record has its article, but only the first is committed."""
    first, second = await flow.raw(2, partition=1)
    async with planting(flow) as p:
        for raw in (first, second):
            article = await p.article(raw)
        p.expect("clean", "ahead", article, f"origin {second}, which the group has not committed")
        await flow.commit(p.producer, "clean", second.offset, partition=1)
    return Block(1, first.offset, second.offset, second.offset + 1, p.expected, p.said)


async def deleted(flow: Flow) -> Block:
    """Raw partition 2: six records, of which two were read when retention took five."""
    raw = await flow.raw(6, partition=2)
    async with planting(flow) as p:
        await flow.commit(p.producer, "clean", raw[2].offset, partition=2)
        p.expect("clean", "deleted unread", raw[2], "offsets 2 to 4 were deleted")
    await flow.delete_before("raw", raw[5].offset, partition=2)
    return Block(2, 0, raw[2].offset, raw[5].offset + 1, p.expected, p.said)


async def beyond(flow: Flow) -> Block:
    """Raw partition 3: two records with their fates, of a group that has read nine, as after a topic made anew."""
    raw = await flow.raw(2, partition=3)
    async with planting(flow) as p:
        for each in raw:
            await p.letter("clean", each)
        await flow.commit(p.producer, "clean", 9, partition=3)
        p.expect("clean", "beyond the end", Coordinates(raw[0].topic, 3, 9), "the log ends at 2")
    return Block(3, 0, 2, 10, p.expected, p.said)


async def changelog(flow: Flow) -> Block:
    """Five articles in partition 1, four of them committed; one is in no block, and the last already is."""
    async with planting(flow) as p:
        before = await p.page(0, 1)
        on_one: dict[str, Any] = {"partition": 1, "key": b"k0"}
        articles = [await p.article(await p.raw(), **on_one) for _ in range(5)]
        for article in articles[:4]:
            await p.put("originals", article, **on_one)
        for end in (1, 2):
            await flow.commit(p.producer, "dedupe", end, partition=1)
        await flow.block(p.producer, "dedupe", 3, 3, partition=1)
        await flow.commit(p.producer, "dedupe", 4, partition=1)
        await (await p.producer.send(flow.settings.topic("dedupe-state"), b"LSB9", partition=1))
        await flow.block(p.producer, "dedupe", 4, 5, partition=1)
        after = await p.page(0)
    for breach, offset, said in (
        ("state gap", 2, f"no block covers offsets 2 to 2 of {flow.settings.topic('articles')}:1"),
        ("state unreadable", 4, "unknown format"),
        ("state ahead", 5, "ends at input offset 5, but the group has committed 4"),
    ):
        p.expect("dedupe", breach, flow.place("dedupe-state", offset, 1), said)
    return Block(0, before.offset, before.offset + 1, after.offset + 1, p.expected, p.said)


async def ask(process: subprocess.Popen[str], arguments: str) -> tuple[int, dict[str, Any]]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{arguments}\n")
    process.stdin.flush()
    code, output = orjson.loads(await asyncio.to_thread(process.stdout.readline))
    return code, orjson.loads(output)


NAMES = [
    *DEFECTS,
    "output_of_a_record_that_is_not_committed",
    "records_deleted_unread",
    "changelog_that_does_not_fit",
    "group_beyond_the_end_of_its_log",
]


def test_the_ledger_adds_up_before_anything_is_planted(looked: Looked) -> None:
    code, report = looked.healthy
    assert (code, report["adds_up"], report["problems"]) == (0, True, [])
    assert report["stages"]["clean"]["fates"] == {"articles": 5, "dead letter": 1}
    assert report["stages"]["dedupe"]["fates"] == {"duplicate": 1, "linked original": 1, "original": 6}
    assert report["documents"]["through"] == 6


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_defect_is_found_with_its_coordinates_and_nothing_else(looked: Looked, name: str) -> None:
    block, (code, report) = looked.blocks[name], looked.found[name]
    problems = report["problems"]
    assert [(each["stage"], each["breach"], each["coordinates"]) for each in problems] == block.expected
    for problem, said in zip(problems, block.said, strict=True):
        assert said in problem["found"]
    assert (code, report["adds_up"], report["breaches"]) == (1, False, len(block.expected))


@pytest.mark.parametrize("name", NAMES)
def test_bounds_leave_out_a_defect_that_lies_behind_them(looked: Looked, name: str) -> None:
    code, report = looked.without[name]
    assert (code, report["problems"]) == (0, [])
    block = looked.blocks[name]
    if block.partition == 0:
        assert {stage: part["records"] for stage, part in report["stages"].items()} == {
            "clean": 1,
            "dedupe": 2,
            "tag": 2,
        }
        assert report["documents"] == {"through": 1, "out_of_reach": 0, "under_way": 0, "broken": 0}


def test_without_bounds_all_of_them_are_found(looked: Looked) -> None:
    code, report = looked.everything
    expected = [each for block in looked.blocks.values() for each in block.expected]
    found = [(each["stage"], each["breach"], each["coordinates"]) for each in report["problems"]]
    assert sorted(found) == sorted(expected)
    assert (code, report["breaches"]) == (1, len(expected))
    assert len({breach for _, breach, _ in found}) == len(Breach), "each kind of breach is planted"
