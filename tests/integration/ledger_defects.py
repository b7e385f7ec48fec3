"""Documents with all that comes of them, and every way to plant a defect into that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from ledger_flow import LATIN, Flow

from lodestream.letters import Coordinates


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

    async def letter(self, stage: str, parent: Coordinates, **more: Any) -> Coordinates:
        return await self.flow.letter(self.producer, stage, parent, **more)

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
        value = {"forwarded": forwarded, **more.pop("value", {})}
        return await self.put("duplicates", article, index, value=value, **more)

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
    await p.link(article, 1, forwarded=True)
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


@defect
async def original_with_the_body_of_another_article(p: Planting) -> None:
    article = await p.article(await p.raw())
    original = await p.original(article, value={"body": "another"})
    p.expect("dedupe", "altered", article, f"original at {original} does not hold what the record held")


@defect
async def enriched_record_of_another_article(p: Planting) -> None:
    other = await p.put("originals", await p.article(await p.raw()))
    original = await p.put("originals", await p.article(await p.raw()))
    for place, value in ((other, p.flow.values[other]), (original, p.flow.values[other])):
        await p.put("enriched", place, value={**value, "tags": []})
    p.expect("tag", "altered", original)


@defect
async def link_that_names_another_article(p: Planting) -> None:
    other, article = await p.article(await p.raw()), await p.article(await p.raw())
    await p.original(other)
    link = await p.link(article, value={"article_id": p.flow.values[other]["article_id"]})
    p.expect("dedupe", "altered", article, f"link at {link} does not hold what the record held")


@defect
async def dead_letter_with_other_bytes(p: Planting) -> None:
    raw = await p.raw()
    letter = await p.letter("clean", raw, value=b"a pag")
    p.expect("clean", "altered", raw, f"dead letter at {letter} does not hold the record whole")


@defect
async def article_with_an_index_that_is_not_its_position(p: Planting) -> None:
    raw = await p.raw()
    article = await p.article(raw, 0, 1, index=1)
    await p.original(article)
    p.expect("clean", "misplaced", raw, "has index 1 in place of 0")


@defect
async def link_to_an_article_that_is_no_original(p: Planting) -> None:
    article = await p.article(await p.raw())
    link = await p.link(article, value={"duplicate_of": p.flow.new_id()})
    p.expect("dedupe", "dangling", article, f"link at {link} names an original or a story that is not there")


@defect
async def original_without_its_story(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.original(article, value={"story_id": "of nobody"}, no_story=True)
    p.expect("dedupe", "dangling", article)


@defect
async def extension_without_its_link(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.original(article, value={"extends": {"article_id": p.flow.originals[-1]["article_id"]}})
    p.expect("dedupe", "incomplete", article)


@defect
async def extension_linked_to_another_article(p: Planting) -> None:
    first, second = p.flow.originals[-2:]
    article = await p.article(await p.raw())
    await p.original(article, value={"extends": {"article_id": first["article_id"]}, "story_id": second["story_id"]})
    await p.link(article, 1, forwarded=True, value={"duplicate_of": second["article_id"]})
    p.expect("dedupe", "contradictory", article)


@defect
async def original_on_another_partition_than_its_article(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.put("originals", article, partition=1)
    p.expect("dedupe", "misplaced", article, "is on another partition than its key or its article says")


@defect
async def original_under_another_key_than_its_article(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.original(article, key=b"k4")
    p.expect("dedupe", "altered", article)


@defect
async def article_on_another_partition_than_its_key_says(p: Planting) -> None:
    raw = await p.raw()
    await p.article(raw, key=LATIN, partition=2)
    p.expect("clean", "misplaced", raw)


@defect
async def link_under_another_key(p: Planting) -> None:
    article = await p.article(await p.raw())
    await p.link(article, key=LATIN)
    p.expect("dedupe", "misplaced", article, "has another key than its content says")


@defect
async def enriched_under_another_key(p: Planting) -> None:
    original = await p.put("originals", await p.article(await p.raw()))
    await p.put("enriched", original, key=LATIN)
    p.expect("tag", "misplaced", original)


@defect
async def dead_letter_under_another_key(p: Planting) -> None:
    raw = await p.raw()
    await p.letter("clean", raw, key=b"k")
    p.expect("clean", "misplaced", raw)
