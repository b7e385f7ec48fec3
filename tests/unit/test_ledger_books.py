"""What is noted of records as they are read: repeats, bounds, ancestors, and how far documents have come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import pytest

from lodestream.headers import Header, Headers
from lodestream.ledger.ancestry import State, follow
from lodestream.ledger.books import TRUNCATED, Books
from lodestream.ledger.bounds import Horizon, Range, Scope
from lodestream.ledger.breaches import Ancestors, Breach
from lodestream.ledger.inputs import IN_SCOPE, REPEAT, UNSURE
from lodestream.ledger.judge import InputPartition, judge
from lodestream.ledger.outputs import STAGES
from lodestream.letters import Coordinates, letter_headers
from lodestream.times import rfc3339


@dataclass(frozen=True)
class Record:
    offset: int
    headers: Sequence[tuple[str, bytes | None]] = ()
    value: bytes | None = b"{}"
    timestamp: int = 1000
    key: bytes | None = b"k"


def written(
    offset: int, origin: str | None, raw: int | None = None, *, ingested: int | None = None, **fields: object
) -> Record:
    """A record that a stage wrote; `raw`: the offset of its lineage, in partition 0."""
    headers: Headers = () if origin is None else ((Header.ORIGIN, origin.encode()),)
    if ingested is not None:
        headers = (*headers, (Header.INGESTED_AT, rfc3339(ingested).encode()))
    if raw is not None:
        fields["lineage"] = {"topic": "p.raw", "partition": 0, "offset": raw}
    return Record(offset, headers, orjson.dumps(fields))


def flags(books: Books, topic: str, partition: int = 0) -> list[int]:
    return list(map(int, books.inputs[topic].records(partition).flags))


def test_a_record_whose_origin_was_seen_in_its_partition_is_a_repeat() -> None:
    books = Books("p.", Scope())
    origins = ["p.raw:0:7:0", "p.raw:0:7:1", "p.raw:1:2:0", "p.raw:0:7:0", None, "p.raw:0:8:0"]
    books.add("articles", 0, [written(at, origin) for at, origin in enumerate(origins[:3])])
    books.add("articles", 0, [written(at, origin) for at, origin in enumerate(origins[3:], 3)])
    books.add("articles", 1, [written(0, "p.raw:0:7:0")])
    again = IN_SCOPE | REPEAT
    assert flags(books, "articles") == [IN_SCOPE, IN_SCOPE, IN_SCOPE, again, IN_SCOPE, IN_SCOPE]
    assert flags(books, "articles", 1) == [IN_SCOPE]


def test_raw_records_are_no_repeats_whatever_their_headers_say() -> None:
    books = Books("p.", Scope())
    books.add("raw", 0, [written(0, "p.raw:0:7:0"), written(1, "p.raw:0:7:0")])
    assert flags(books, "raw") == [IN_SCOPE, IN_SCOPE]


def test_what_was_taken_before_the_log_begins_may_repeat_what_is_gone() -> None:
    records = [
        written(10, "p.raw:0:7:0", ingested=999),
        written(11, "p.raw:0:8:0", ingested=1001),
        written(12, "p.raw:0:9:0"),
        written(13, None),
    ]
    for covered, unsure in ((TRUNCATED, [1, 0, 1, 0]), (1001, [1, 1, 1, 0]), (None, [0, 0, 0, 0])):
        books = Books("p.", Scope())
        books.begin("articles", {0: covered})
        books.add("articles", 0, records)
        assert [bool(flag & UNSURE) for flag in flags(books, "articles")] == unsure


def test_what_comes_of_a_record_within_the_bounds_is_within() -> None:
    books = Books("p.", Scope("raw", {0: Range(5, 7), 1: Range(0, 0)}))
    books.add("raw", 0, [Record(5), Record(6)])
    books.add("raw", 1, [Record(0)])
    put_back = Record(5, ((Header.PARENT_ORIGIN, b"p.raw:0:6:0"),))
    books.add(
        "articles",
        0,
        [
            written(0, "p.raw:0:4:0"),
            written(1, "p.raw:0:5:0"),
            written(2, "p.raw:0:6:0", raw=99),  # its origin counts
            written(3, "p.raw:1:0:0"),
            written(4, None, raw=6),
            put_back,
            written(6, None),
        ],
    )
    assert flags(books, "articles") == [0, 1, 1, 0, 1, 1, 0]
    books.add(
        "originals",
        0,
        [
            written(0, "p.articles:0:1:0", raw=99),
            written(1, "p.articles:0:3:0", raw=6),
            written(2, "p.articles:0:77:0", raw=6),  # a parent that is not there: its lineage counts
            written(3, "p.articles:0:78:0", raw=4),
        ],
    )
    assert flags(books, "originals") == [1, 0, 1, 0]
    assert books.last == {"raw": {0: 6}, "articles": {0: 5}, "originals": {0: 2}}


def test_what_comes_of_bounded_articles_is_within() -> None:
    books = Books("p.", Scope("articles", {0: Range(5)}))
    books.add("articles", 0, [written(4, "p.raw:0:1:0", raw=1), written(5, "p.raw:0:1:1", raw=1)])
    books.add("originals", 0, [written(0, "p.articles:0:4:0", raw=1), written(1, "p.articles:0:5:0", raw=1)])
    books.add("originals", 0, [written(2, None, raw=1)])
    assert flags(books, "articles") == [0, 1]
    assert flags(books, "originals") == [0, 1, 0]


def test_orphans_are_told_by_stage_and_only_the_first_are_named() -> None:
    books = Books("p.", Scope("raw", {0: Range(5, 7)}), kept=2)
    strays = [written(at, None, raw=raw) for at, raw in enumerate((4, 5, 6, None))]
    books.add("enriched", 0, strays)
    books.add("dead-letters", 0, [Record(9, ((Header.STAGE, b"trim"),))])
    tag, unknown = books.with_orphans([])
    assert (tag.stage, tag.breaches, unknown.stage, unknown.breaches) == (
        "tag",
        {Breach.ORPHAN: 3},
        "unknown",
        {Breach.ORPHAN: 1},
    )
    assert [problem.coordinates for problem in tag.problems] == ["p.enriched:0:1", "p.enriched:0:2"]


def mark(offset: int, letter: str) -> Record:
    return Record(offset, ((Header.REDRIVEN, letter.encode()),), b"")


@pytest.mark.parametrize(
    ("named", "begins", "orphans"),
    [
        ("p.dead-letters:0:4", None, 0),
        ("p.dead-letters:0:5", None, 1),  # another mark
        ("p.dead-letters:0:3", None, 1),  # nothing
        ("p.dead-letters:0:6", None, 1),  # itself
        ("p.dead-letters:0:7", None, 1),  # a letter that came later
        ("p.dead-letters:1:4", None, 1),
        ("q.dead-letters:0:4", None, 1),
        ("p.articles:0:4", None, 1),
        ("p.dead-letters:0:3", TRUNCATED, 0),  # it may be gone
        ("p.dead-letters:0:3", 1000, 0),  # or not have been read
        ("p.dead-letters:0:5", TRUNCATED, 1),
    ],
)
def test_a_mark_names_a_letter_before_it(named: str, begins: int | None, orphans: int) -> None:
    books = Books("p.", Scope())
    books.begin("dead-letters", {0: begins})
    first, later = letter(4, "clean", "p.raw", Record(0)), letter(7, "clean", "p.raw", Record(1))
    books.add("dead-letters", 0, [first, mark(5, "p.dead-letters:0:4"), mark(6, named), later])
    reports = books.with_orphans([])
    assert [report.breaches for report in reports] == ([{Breach.ORPHAN: 1}] if orphans else [])
    for report in reports:
        assert report.stage == "unknown"
        assert report.problems[0].coordinates == "p.dead-letters:0:6"
        assert report.problems[0].found == f"marks {named} as redriven, which is no dead letter before it"


@pytest.mark.parametrize(("named", "orphans"), [(3, 0), (6, 1), (7, 1)])
def test_a_letter_that_compaction_took_is_still_marked(named: int, orphans: int) -> None:
    """Where an operator has dead letters compacted, a mark replaces its letter."""
    books = Books("p.", Scope(), compacted=["dead-letters"])
    books.begin("dead-letters", {0: None})
    books.add("dead-letters", 0, [letter(4, "clean", "p.raw", Record(0)), mark(6, f"p.dead-letters:0:{named}")])
    assert len(books.with_orphans([])) == orphans


def test_a_null_value_is_no_output_where_it_takes_away_those_of_its_key() -> None:
    nulls = [Record(0, ((Header.ORIGIN, b"p.originals:0:0:0"),), None), Record(1, (), None)]
    books = Books("p.", Scope(), compacted=["enriched"])
    books.add("enriched", 0, nulls)
    assert (len(books.fates["tag"]), books.with_orphans([])) == (0, ())
    books = Books("p.", Scope(), compacted=["stories"])
    books.add("enriched", 0, nulls)
    assert (len(books.fates["tag"]), len(books.with_orphans([]))) == (1, 1)


def test_stages_before_the_bounded_topic_have_no_orphans() -> None:
    books = Books("p.", Scope("originals", {0: Range()}))
    books.add("originals", 0, [written(0, None, raw=1)])
    assert books.with_orphans([]) == ()


def test_outputs_are_seen_by_the_horizon_of_their_stage() -> None:
    books = Books("p.", Scope())
    books.horizons["clean"] = Horizon({0: 7}, slack_ms=0)
    books.add("articles", 0, [written(0, "p.raw:0:6:0")])
    assert not books.horizons["clean"].over(10**9)
    books.add("articles", 0, [written(1, "p.raw:0:7:0")])
    assert books.horizons["clean"].over(1001)


def test_reading_keeps_what_the_reader_asks_for() -> None:
    books = Books("p.", Scope())
    books.add("raw", 2, [Record(5, timestamp=70), Record(6, timestamp=60)])
    books.add("raw", 2, [Record(9, timestamp=90)])
    assert (books.oldest, books.next, books.read, books.first_ms) == (
        {("raw", 2): 70},
        {("raw", 2): 10},
        {"raw": 3},
        60,
    )


def letter(offset: int, stage: str, topic: str, held: Record) -> Record:
    headers = letter_headers(
        (),
        topic=topic,
        partition=0,
        offset=held.offset,
        key=held.key,
        reason="r",
        stage=stage,
        detail="",
        at="2026-01-01T00:00:00Z",
    )
    return Record(offset, headers, held.value, key=f"{topic}:0:{held.offset}".encode())


def flow(committed: dict[str, int]) -> tuple[Books, dict[State, int]]:
    """Five documents: a dead letter, two articles, one, one that is not cleaned, one with a missing article."""
    books = Books("p.", Scope())
    documents = [Record(at) for at in range(5)]
    books.add("raw", 0, documents)
    parts = [(1, 0, 2), (1, 1, 2), (2, 0, 1), (4, 0, 2)]
    articles = [
        written(at, f"p.raw:0:{raw}:{position}", raw, article_id="k", position=position, of=of)
        for at, (raw, position, of) in enumerate(parts)
    ]
    books.add("articles", 0, articles)
    originals = [
        written(0, "p.articles:0:0:0", 1, article_id="k", position=0, of=2, story_id="s"),
        written(1, "p.articles:0:2:0", 2, article_id="k", position=0, of=1, story_id="t"),
    ]
    books.add("originals", 0, originals)
    books.add("duplicates", 0, [written(0, "p.articles:0:1:0", 1, article_id="k", duplicate_of="k", forwarded=False)])
    books.add(
        "enriched", 0, [written(0, "p.originals:0:0:0", 1, article_id="k", position=0, of=2, story_id="s", tags=[])]
    )
    letters = [letter(0, "clean", "p.raw", documents[0]), letter(1, "dedupe", "p.articles", articles[3])]
    books.add("dead-letters", 0, letters)
    ancestry, states, inputs = books.ancestry(), {}, {}
    for stage in STAGES:
        inputs[stage.input] = {0: books.inputs[stage.input].records(0)}
        given = InputPartition(inputs[stage.input][0], committed[stage.name], committed[stage.name])
        _, states[stage.name] = judge(stage, {0: given}, ancestry)
    counted = follow(ancestry, inputs, states)
    return books, {state: count for state, count in counted.items() if count}


@pytest.mark.parametrize(
    ("committed", "expected"),
    [
        # The document without a fate is broken once it is committed.
        ({"clean": 5, "dedupe": 4, "tag": 1}, {State.THROUGH: 2, State.UNDER_WAY: 1, State.BROKEN: 2}),
        ({"clean": 5, "dedupe": 4, "tag": 2}, {State.THROUGH: 2, State.BROKEN: 3}),
        ({"clean": 5, "dedupe": 1, "tag": 0}, {State.THROUGH: 1, State.UNDER_WAY: 2, State.BROKEN: 2}),
        ({"clean": 0, "dedupe": 0, "tag": 0}, {State.UNDER_WAY: 5}),
    ],
)
def test_documents_are_followed_to_the_end(committed: dict[str, int], expected: dict[State, int]) -> None:
    assert flow(committed)[1] == expected


def test_ancestors_lead_back_to_the_document() -> None:
    ancestry = flow({"clean": 5, "dedupe": 4, "tag": 2})[0].ancestry()
    raw, article = Coordinates("p.raw", 0, 1), Coordinates("p.articles", 0, 0)
    assert ancestry.of("raw", 0, 1, (0, 1)) == Ancestors(raw)
    assert ancestry.of("articles", 0, 0, (0, 1)) == Ancestors(raw, raw, 0, 2)
    assert ancestry.of("originals", 0, 0, (0, 1)) == Ancestors(raw, article, 0, 2)
    assert ancestry.of("originals", 0, 9, (0, 1)) == Ancestors(raw)
    assert ancestry.of("originals", 0, 9, (-1, -1)) == Ancestors()
