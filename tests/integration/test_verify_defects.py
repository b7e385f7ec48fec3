"""Every way in which a ledger can be broken, planted one by one on a real Kafka: each is found, and nothing else.

All lie in one deployment: each defect between two healthy documents, in a block of raw offsets of its own. The command
looks at one block at a time, so bounds are tried as well: a block without its defect adds up.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
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


@dataclass
class Planting:
    """Writes documents with all that comes of them, or with less or more than that."""

    flow: Flow
    producer: AIOKafkaProducer
    expected: list[tuple[str, str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def expect(self, stage: str, breach: str, place: Coordinates, said: str = "") -> None:
        """A problem with this place, whose words hold these."""
        self.expected.append((stage, breach, str(place)))
        self.said.append(said)

    async def raw(self) -> Coordinates:
        (place,) = await self.flow.raw()
        return place

    async def put(self, topic: str, parent: Coordinates | None, index: int = 0, **more: Any) -> Coordinates:
        return await self.flow.put(self.producer, topic, parent, index, **more)

    async def letter(self, stage: str, parent: Coordinates) -> Coordinates:
        return await self.flow.letter(self.producer, stage, parent)

    async def article(
        self, raw: Coordinates, position: int = 0, of: int = 1, index: int | None = None, **more: Any
    ) -> Coordinates:
        value = {"position": position, "of": of}
        return await self.put("articles", raw, position if index is None else index, value=value, **more)

    async def original(self, article: Coordinates | None, **more: Any) -> Coordinates:
        """With its enriched record."""
        place = await self.put("originals", article, **more)
        await self.put("enriched", place)
        return place

    async def link(self, article: Coordinates, index: int = 0, *, forwarded: bool = False, **more: Any) -> Coordinates:
        return await self.put("duplicates", article, index, value={"forwarded": forwarded}, **more)

    async def page(self, *positions: int, of: int | None = None) -> Coordinates:
        """A document, and everything that comes of these of its articles."""
        raw = await self.raw()
        for position in positions:
            await self.original(await self.article(raw, position, len(positions) if of is None else of))
        return raw


Defect = Callable[[Planting], Awaitable[None]]
DEFECTS: dict[str, Defect] = {}


def defect(plant: Defect) -> Defect:
    DEFECTS[plant.__name__] = plant
    return plant


@defect
async def fourth_article_missing(p: Planting) -> None:
    raw = await p.page(0, 1, 2, of=4)
    p.expect("clean", "incomplete", raw, f"article 3 of 4 of {raw} is missing")


@defect
async def upstream_repeat_that_was_passed_over(p: Planting) -> None:
    raw = await p.raw()
    await p.original(await p.article(raw))
    await p.article(raw)
    p.expect("clean", "twice", raw, "article 0 of 1")


@defect
async def upstream_repeat_that_was_not_passed_over(p: Planting) -> None:
    raw = await p.raw()
    await p.original(await p.article(raw))
    again = await p.article(raw)
    await p.original(again)
    p.expect("clean", "twice", raw)
    p.expect("dedupe", "repeat taken", again, f"it is article 0 of 1 of {raw}")


@defect
async def original_twice_that_was_passed_over(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.original(article)
    await p.put("originals", article)
    p.expect("dedupe", "twice", article)


@defect
async def articles_out_of_order_of_which_one_was_passed_over(p: Planting) -> None:
    raw = await p.raw()
    await p.original(await p.article(raw, 1, 2))
    lost = await p.article(raw, 0, 2)
    p.expect("dedupe", "missing", lost, "passed over as a repeat, of no record before it")


@defect
async def two_articles_with_one_position(p: Planting) -> None:
    raw = await p.raw()
    await p.original(await p.article(raw, 0, 2))
    await p.original(await p.article(raw, 0, 2, index=1))
    p.expect("clean", "twice", raw)


@defect
async def contradictory_of(p: Planting) -> None:
    raw = await p.raw()
    await p.original(await p.article(raw, 0, 2))
    await p.original(await p.article(raw, 1, 3))
    p.expect("clean", "contradictory", raw, "article 1 of 3")


@defect
async def article_with_wrong_lineage(p: Planting) -> None:
    raw = await p.raw()
    other = Coordinates(raw.topic, 3, 77)
    await p.original(await p.article(raw, lineage=other))
    p.expect("clean", "lineage", raw, f"with lineage {other} in place of {raw}")


@defect
async def article_without_lineage(p: Planting) -> None:
    raw = await p.raw()
    await p.original(await p.article(raw, lineage=None))
    p.expect("clean", "lineage", raw, "no lineage")


@defect
async def original_with_wrong_lineage(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.original(article, lineage=Coordinates(p.flow.settings.topic("raw"), 0, 10**6))
    p.expect("dedupe", "lineage", article)


@defect
async def link_with_wrong_lineage(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.link(article, lineage=Coordinates(p.flow.settings.topic("raw"), 1, 0))
    p.expect("dedupe", "lineage", article)


@defect
async def enriched_with_wrong_lineage(p: Planting) -> None:
    original = await p.put("originals", await p.article(await p.raw()))
    await p.put("enriched", original, lineage=Coordinates("other.raw", 0, 0))
    p.expect("tag", "lineage", original)


@defect
async def original_missing(p: Planting) -> None:
    raw = await p.raw()
    await p.original(await p.article(raw, 0, 2))
    article = await p.article(raw, 1, 2)
    p.expect("dedupe", "missing", article, f"no fate; it is article 1 of 2 of {raw}")


@defect
async def original_and_link_that_is_not_forwarded(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.original(article)
    await p.link(article, 1)
    p.expect("dedupe", "two fates", article)


@defect
async def forwarded_link_without_its_original(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.link(article, forwarded=True)
    p.expect("dedupe", "incomplete", article, "forwarded at")


@defect
async def duplicate_link_twice(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.link(article)
    await p.link(article)
    p.expect("dedupe", "twice", article)


@defect
async def enriched_missing(p: Planting) -> None:
    raw = await p.raw()
    article = await p.article(raw)
    original = await p.put("originals", article)
    p.expect("tag", "missing", original, f"it is article 0 of 1 of {raw}, by way of {article}")


@defect
async def enriched_twice(p: Planting) -> None:
    original = await p.original(await p.article(await p.raw()))
    await p.put("enriched", original)
    p.expect("tag", "twice", original)


@defect
async def dead_letter_and_article(p: Planting) -> None:
    raw = await p.page(0)
    await p.letter("clean", raw)
    p.expect("clean", "two fates", raw)


@defect
async def dead_letter_and_original(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.original(article)
    await p.letter("dedupe", article)
    p.expect("dedupe", "two fates", article)


@defect
async def dead_letter_and_enriched(p: Planting) -> None:
    original = await p.original(await p.article(await p.raw()))
    await p.letter("tag", original)
    p.expect("tag", "two fates", original)


@defect
async def dead_letter_twice(p: Planting) -> None:
    raw = await p.raw()
    await p.letter("clean", raw)
    await p.letter("clean", raw)
    p.expect("clean", "twice", raw)


@defect
async def orphan_whose_origin_is_no_record(p: Planting) -> None:
    raw = await p.raw()
    original = await p.original(await p.article(raw))
    marker = p.flow.place("originals", original.offset - 3)  # before those of this transaction
    orphan = await p.put("enriched", marker, lineage=raw)
    p.expect("tag", "orphan", orphan, f"origin {marker}, which is no record")


@defect
async def output_without_origin(p: Planting) -> None:
    raw = await p.page(0)
    stray = await p.original(None, lineage=raw)
    p.expect("dedupe", "orphan", stray, "has no origin")


@defect
async def article_that_is_no_record(p: Planting) -> None:
    raw = await p.raw()
    await p.letter("dedupe", await p.put("articles", raw, value=b"{"))
    p.expect("clean", "unreadable", raw, "an unreadable article at")


@defect
async def enriched_that_is_no_record(p: Planting) -> None:
    original = await p.put("originals", await p.article(await p.raw()))
    await p.put("enriched", original, value=b"")
    p.expect("tag", "unreadable", original)


@defect
async def raw_record_with_no_fate(p: Planting) -> None:
    p.expect("clean", "missing", await p.raw(), "no fate")


@defect
async def torn_outputs_aborted_though_the_offset_is_committed(p: Planting) -> None:
    raw = await p.raw()
    async with p.flow.transaction("torn", abort=True) as torn:
        await p.flow.put(torn, "articles", raw, value={"position": 0, "of": 1})
    p.expect("clean", "missing", raw, "no fate")


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
        await commit_all(flow)
        blocks["output_of_a_record_that_is_not_committed"] = await ahead(flow)
        blocks["records_deleted_unread"] = await deleted(flow)
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


async def ask(process: subprocess.Popen[str], arguments: str) -> tuple[int, dict[str, Any]]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{arguments}\n")
    process.stdin.flush()
    code, output = orjson.loads(await asyncio.to_thread(process.stdout.readline))
    return code, orjson.loads(output)


NAMES = [*DEFECTS, "output_of_a_record_that_is_not_committed", "records_deleted_unread"]


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
