"""The blocks of a changelog cover the input without a gap, up to what is committed."""

from __future__ import annotations

import tracemalloc

import pytest
from test_ledger_books import Record, written

from lodestream.engine.block import Block, Span
from lodestream.ledger.books import Books
from lodestream.ledger.bounds import Range, Scope
from lodestream.ledger.breaches import Breach, StageReport
from lodestream.ledger.changelogs import CHANGELOGS, WHY_KEPT, Blocks, Given, hold

GAP, AHEAD, UNREADABLE = Breach.STATE_GAP, Breach.STATE_AHEAD, Breach.STATE_UNREADABLE


def block(start: int, end: int, partitions: int = 4) -> bytes:
    return Block(7, partitions, start, end, 1000, b"counts", b"marks", b"changes").pack()


def judged(spans: list[tuple[int, int]], given: Given) -> StageReport:
    blocks = Blocks(4)
    for at, (start, end) in enumerate(spans):
        blocks.add(2 * at, block(start, end))  # with a marker behind each
    report = StageReport("dedupe")
    hold(report, blocks, given, ("p.dedupe-state:1", "p.articles:1"))
    return report


@pytest.mark.parametrize(
    ("spans", "committed", "after"),
    [
        ([(0, 10), (10, 15), (15, 30)], 30, 30),
        ([(0, 10), (10, 15), (15, 30)], 15, 30),  # two were written while it was read
        ([(0, 10), (10, 20), (10, 15), (15, 30)], 30, 30),  # the second was torn, and done again
        ([(0, 10), (10, 20), (20, 30), (10, 30)], 30, 30),  # two were
        ([(0, 10), (10, 20), (0, 20)], 20, 20),
        ([(0, 10), (20, 30), (10, 30)], 30, 30),  # what was missing was done again as well
        ([(40, 50), (35, 60)], 60, 60),  # retention took where it began
        ([(40, 50), (50, 50), (50, 60)], 60, 60),
        ([], 0, 0),
        ([], 30, 30),  # retention took them all
        ([(5, 10), (10, 30)], 30, 30),  # retention took the first ones
    ],
)
def test_blocks_that_follow_on_each_other_add_up(spans: list[tuple[int, int]], committed: int, after: int) -> None:
    assert judged(spans, Given(committed, after)).problems == []


@pytest.mark.parametrize(
    ("spans", "given", "breach", "place", "found"),
    [
        ([(0, 10), (12, 20)], Given(20, 20), GAP, 2, "offsets 10 to 11 of p.articles:1: the block before it ends"),
        # Begun again within a block, not where one ended: what came before within that one is lost.
        ([(0, 10), (10, 20), (15, 30)], Given(30, 30), GAP, 4, "offsets 10 to 14 of"),
        ([(0, 10), (20, 30), (25, 40)], Given(40, 40), GAP, 4, "offsets 10 to 24 of"),
        ([(0, 10), (10, 20)], Given(25, 25), GAP, 2, "offsets 20 to 24 of p.articles:1: the last one ends there"),
        ([(0, 10), (10, 20)], Given(10, 15), AHEAD, 2, "ends at input offset 20, but the group has committed 15"),
        ([(0, 10), (10, 20)], Given(0, 0), AHEAD, 2, "ends at input offset 20, but the group has committed 0"),
        ([], Given(5, 5, is_whole=True), GAP, 0, "offsets 0 to 4 of p.articles:1: there is none, but 5 is committed"),
        ([(2, 10)], Given(10, 10, is_all=True), GAP, 0, "offsets 0 to 1 of p.articles:1: the first block begins beh"),
        # All was done again from there, so what had been before is void as well.
        ([(0, 10), (2, 10)], Given(10, 10, is_all=True), GAP, 2, "offsets 0 to 1 of p.articles:1: the first block"),
    ],
)
def test_a_changelog_that_does_not_fit_is_told(
    spans: list[tuple[int, int]], given: Given, breach: Breach, place: int, found: str
) -> None:
    report = judged(spans, given)
    assert report.breaches == {breach: 1}
    [problem] = report.problems
    assert (problem.stage, problem.coordinates) == ("dedupe", f"p.dedupe-state:1:{place}")
    assert found in problem.found


def test_where_the_first_block_begins_is_known_only_of_one_that_can_be_read() -> None:
    blocks = Blocks(4)
    for at, each in enumerate((b"", block(5, 9), block(9, 12))):
        blocks.add(at, each)
    assert blocks.gap_before is None
    report = judged([(0, 10), (10, 12)], Given(12, 12, is_all=True))
    assert report.breaches == {}, "it begins at the input's first offset, also where that is gone"
    assert judged([(5, 10), (0, 12)], Given(12, 12, is_all=True)).breaches == {}, "that was void"
    assert judged([(5, 10)], Given(10, 10, 5, is_all=True)).breaches == {}, "out of bounds"


@pytest.mark.parametrize(
    ("given", "breaches"),
    [
        (Given(50, 50, 0, 10), {}),
        (Given(50, 50, 0, 11), {GAP: 1}),
        (Given(50, 50, 12, 20), {}),
        (Given(50, 50, 11, 20), {GAP: 1}),
        (Given(50, 50, 20), {GAP: 1}),  # the last one ends at 40
        (Given(50, 50, 20, 40), {}),
        (Given(50, 50, 20, 41), {GAP: 1}),
        (Given(30, 35, 20), {AHEAD: 1}),
        (Given(30, 35, 20, 30), {}),
        (Given(30, 35, 20, 38), {AHEAD: 1}),
    ],
)
def test_only_input_within_the_bounds_is_looked_at(given: Given, breaches: dict[Breach, int]) -> None:
    assert judged([(0, 10), (12, 40)], given).breaches == breaches


@pytest.mark.parametrize(
    ("spans", "given", "offsets"),
    [
        ([(0, 10), (10, 40)], Given(50, 50, 20, 45), "40 to 44"),  # within the bounds
        ([(0, 10), (10, 40)], Given(42, 60, 20, 45), "40 to 41"),  # committed before they were read
        ([], Given(50, 50, 20, 45, is_whole=True), "20 to 44"),
        ([], Given(42, 60, 20, is_whole=True), "20 to 41"),
    ],
)
def test_a_gap_reaches_to_what_must_be_covered(spans: list[tuple[int, int]], given: Given, offsets: str) -> None:
    [problem] = judged(spans, given).problems
    assert (problem.breach, f"offsets {offsets} of" in problem.found) == (GAP, True)


@pytest.mark.parametrize(("committed", "gaps"), [(9, 1), (6, 1), (5, 0)])
def test_without_blocks_what_is_committed_within_the_bounds_is_not_covered(committed: int, gaps: int) -> None:
    assert judged([], Given(committed, 9, 5, 8, is_whole=True)).breaches[GAP] == gaps


@pytest.mark.parametrize(
    ("packed", "found"),
    [
        (b"LSB1" + bytes(60), "unknown format"),
        (b"", "unknown format"),
        (None, "unknown format"),
        (block(10, 20, partitions=8), "a block of 8 input partitions, where there are 4"),
        (block(20, 10), "a block from input offset 20 to 10"),
    ],
)
def test_a_block_that_cannot_be_read_is_told_and_nothing_else(packed: bytes | None, found: str) -> None:
    blocks = Blocks(4)
    for at, each in enumerate((block(0, 10), packed, block(20, 30))):
        blocks.add(at, each)
    report = StageReport("tag")
    hold(report, blocks, Given(30, 30), ("p.tag-state:0", "p.originals:0"))
    assert report.breaches == {UNREADABLE: 1}
    assert found in report.problems[0].found
    assert report.problems[0].coordinates == "p.tag-state:0:1"


def test_many_blocks_that_cannot_be_read_take_little_memory() -> None:
    many = 50 * WHY_KEPT
    tracemalloc.start()
    blocks = Blocks(4)
    for at in range(many):
        blocks.add(at, b"LSB1")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * many
    report = StageReport("tag", kept=WHY_KEPT + 1)
    hold(report, blocks, Given(30, 30), ("p.tag-state:0", "p.originals:0"))
    assert report.breaches == {UNREADABLE: many}
    assert "unknown format" in report.problems[WHY_KEPT - 1].found
    assert report.problems[WHY_KEPT].found == "a block that cannot be read"


def test_flaws_are_told_in_the_order_of_the_changelog() -> None:
    blocks = Blocks(4)
    for at, each in enumerate((block(0, 10), block(12, 20), b"", block(20, 30), block(31, 40))):
        blocks.add(at, each)
    assert [(flaw.breach, flaw.offset, flaw.start, flaw.end) for flaw in blocks.flaws()] == [
        (GAP, 1, 10, 12),
        (UNREADABLE, 2, 20, 21),
        (GAP, 4, 30, 31),
    ]


def test_a_span_is_read_without_the_payload() -> None:
    packed = block(3, 9)
    assert Span.of(packed) == Span.of(packed[:44]) == Span(4, 3, 9)


def test_books_keep_blocks_by_changelog_and_partition() -> None:
    books = Books("p.", Scope())
    for changelog in CHANGELOGS:
        books.begin(changelog, dict.fromkeys(range(4)))
    books.add("clean-state", 1, [Record(0, value=block(0, 5)), Record(2, value=block(5, 9))])
    books.add("clean-state", 1, [Record(4, value=block(9, 11))])
    books.add("tag-state", 1, [Record(0, value=block(0, 2))])
    assert {key: blocks.end for key, blocks in books.blocks.items()} == {("clean-state", 1): 11, ("tag-state", 1): 2}
    assert books.read == {"clean-state": 3, "tag-state": 1}


def test_a_block_must_be_of_as_many_partitions_as_its_input_has() -> None:
    """A changelog that someone gave further partitions holds what it held."""
    books = Books("p.", Scope())
    books.begin("raw", dict.fromkeys(range(4)))
    books.begin("clean-state", dict.fromkeys(range(6)))
    books.add("clean-state", 1, [Record(0, value=block(0, 5)), Record(2, value=block(5, 9, partitions=6))])
    assert [flaw.breach for flaw in books.blocks["clean-state", 1].flaws()] == [UNREADABLE]
    assert books.blocks["clean-state", 1].end == 5


def test_the_input_within_the_bounds_is_known_by_its_records() -> None:
    assert Books("p.", Scope()).span("articles", 0) == (0, None)
    records = [written(at, f"p.raw:0:{at}:0", at) for at in range(3, 9)]
    for scope, span in (
        (Scope("raw", {0: Range(5, 7)}), (2, 4)),
        (Scope("raw", {0: Range(5)}), (2, None)),
    ):
        books = Books("p.", scope)
        books.add("articles", 0, [Record(each.offset - 3, each.headers, each.value) for each in records])
        assert books.span("articles", 0) == span
        assert books.span("articles", 1) is None
