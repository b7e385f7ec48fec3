"""Repeats, ancestors, what is deleted and what is out of bounds, as the ledger judges them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from ledger_cases import CLEAN, DEDUPE, TAG, Out, article, healthy, judged, letter, partition

from lodestream.ledger.bounds import Range, Scope
from lodestream.ledger.breaches import Breach
from lodestream.ledger.inputs import IN_SCOPE, REPEAT, UNSURE
from lodestream.ledger.outputs import (
    INT32_MAX,
    NO_LINEAGE,
    NO_NUMBER,
    Fate,
    Fates,
    Kind,
)
from lodestream.ledger.repeats import REDONE_MS, may_repeat
from lodestream.ledger.retention import Reach
from lodestream.letters import Coordinates


def written(*origins: tuple[int, int], kind: Kind = Kind.ARTICLE) -> list[Fate]:
    """What the stage before wrote: origins (offset, index) in partition 0."""
    stage = "clean" if kind is Kind.ARTICLE else "dedupe"
    return [Fate(stage, kind, Coordinates("y", 0, offset), index, index, 2) for offset, index in origins]


AGAIN = IN_SCOPE | REPEAT


def test_a_repeat_is_passed_over_and_counts_as_its_own_fate() -> None:
    parents = written((7, 0), (7, 1), (7, 0), (7, 1))
    inputs = partition([0, 1, 2, 3], 4, flags={2: AGAIN, 3: AGAIN})
    report = judged(DEDUPE, inputs, [*healthy(DEDUPE, 0), *healthy(DEDUPE, 1)], parents=parents)
    assert report.adds_up
    assert report.fates == {"original": 2, "repeat (dropped)": 2}
    assert report.records == 4


@pytest.mark.parametrize("out", [Out(Kind.ORIGINAL, 1), Out(Kind.LINK, 1), letter(1)])
def test_a_repeat_that_has_a_fate_is_a_breach(out: Out) -> None:
    inputs = partition([0, 1], 2, flags={1: AGAIN})
    report = judged(DEDUPE, inputs, [*healthy(DEDUPE, 0), out], parents=written((7, 0), (7, 0)))
    assert report.breaches == {Breach.REPEAT_TAKEN: 1}
    assert report.problems[0].coordinates == "p.articles:0:1"
    assert report.problems[0].found.endswith("it is article 0 of 2 of p.raw:0:7")


def test_what_is_passed_over_without_a_first_is_missing() -> None:
    """Origins that go back, as after a topic made anew, are no repeats: what is passed over then is lost."""
    inputs = partition([0, 1], 2, flags={1: AGAIN})
    report = judged(DEDUPE, inputs, healthy(DEDUPE, 0), parents=written((7, 0), (6, 0)))
    assert report.breaches == {Breach.MISSING: 1}
    assert "passed over as a repeat, of no record before it" in report.problems[0].found


@pytest.mark.parametrize("flags", [IN_SCOPE | UNSURE, AGAIN | UNSURE])
def test_what_may_repeat_a_record_before_those_that_were_read_is_out_of_reach(flags: int) -> None:
    inputs = partition([0, 1], 2, flags={0: flags, 1: IN_SCOPE | UNSURE})
    report = judged(TAG, inputs, healthy(TAG, 1), parents=written((7, 0), (8, 0), kind=Kind.ORIGINAL))
    assert report.adds_up
    assert (report.records, report.out_of_reach, report.fates) == (1, 1, {"enriched": 1})


UNTAKEN = IN_SCOPE | UNSURE


def unsure(
    origins: list[tuple[int, int]], taken: Iterable[int], *, outs: Iterable[Out] = (), **more: Any
) -> tuple[list[str], int]:
    """Which articles with these origins are missing, and how many are out of reach.

    Their documents all came before the log begins. `taken`: those that have an original.
    """
    first = more.pop("first", 10)
    offsets = range(first, first + len(origins))
    flags = dict.fromkeys(offsets, UNTAKEN) | more.pop("flags", {})
    inputs = partition(offsets, offsets.stop, flags=flags, begin=first, **more)
    stated = [*written(*([(0, 0)] * first), *origins)]
    report = judged(
        DEDUPE,
        inputs,
        [*outs, *(Out(Kind.ORIGINAL, at) for at in taken)],
        parents=stated,
        reach=Reach(all_outputs=bool(outs)),
    )
    return [problem.coordinates for problem in report.problems], report.out_of_reach


def test_behind_one_that_was_taken_nothing_repeats_what_was_not_read() -> None:
    """A backlog of old documents without fates is missing, from the first on that was taken."""
    origins = [(7, 0), (7, 1), (8, 0), (9, 0), (9, 1)]
    assert unsure(origins, [11]) == (["p.articles:0:12", "p.articles:0:13", "p.articles:0:14"], 1)
    assert unsure(origins, [10, 12]) == (["p.articles:0:11", "p.articles:0:13", "p.articles:0:14"], 0)
    assert unsure(origins, []) == ([], 5), "all of it may be done again"
    # What is below the first that was taken may have been there before.
    assert unsure([(7, 0), (6, 0), (8, 0)], [10]) == (["p.articles:0:12"], 1)


def test_what_was_taken_of_another_partition_says_nothing() -> None:
    flags = dict.fromkeys((0, 1), UNTAKEN)
    parents = [Fate("clean", Kind.ARTICLE, Coordinates("y", *origin), 0, 0, 1) for origin in ((1, 7), (0, 8))]
    report = judged(DEDUPE, partition([0, 1], 2, flags=flags), [Out(Kind.ORIGINAL, 0)], parents=parents)
    assert (report.breaches, report.out_of_reach) == ({}, 1)


def test_what_comes_later_than_anything_is_done_again_is_missing() -> None:
    times = [0, REDONE_MS, REDONE_MS + 1]
    assert unsure([(7, 0), (8, 0), (9, 0)], [], times=times) == (["p.articles:0:12"], 2)


def test_what_goes_back_to_where_reading_began_may_be_done_again_at_any_time() -> None:
    """Reading began within the first copy, and the stage before was down for an hour; then it wrote all of it again."""
    hour = 3_600_000
    flags = dict.fromkeys((12, 13, 14, 15), UNTAKEN | REPEAT)
    origins = [(7, 1), (8, 0), (6, 0), (7, 0), (7, 1), (8, 0)]
    times = [0, 1, hour, hour, hour, hour]
    # The last two have their first before them.
    assert unsure(origins, [10, 11], times=times, flags=flags) == ([], 2)
    # Those that are no repeats do not come so late.
    assert unsure(origins, [10, 11], times=times) == ([f"p.articles:0:{at}" for at in (12, 13, 14, 15)], 0)
    # What is above the first one read is behind it, and was read.
    flags = {12: UNTAKEN | REPEAT}
    assert unsure([(7, 1), (8, 0), (7, 2)], [], times=[0, 1, hour], flags=flags) == (["p.articles:0:12"], 2)
    assert unsure([(7, 1), (8, 0), (7, 0)], [10, 11], times=[0, 1, hour], flags=flags) == ([], 1)


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        (Out(Kind.LINK, 4, lineage=(0, 111)), (["p.articles:0:10"], 1)),  # of the document of the second
        (Out(Kind.LINK, 4, lineage=(1, 111)), (["p.articles:0:10", "p.articles:0:11"], 0)),
        (letter(4), ([], 2)),  # it does not name its document
    ],
)
def test_where_all_outputs_are_there_the_first_of_a_repeat_has_one(out: Out, expected: tuple[list[str], int]) -> None:
    assert unsure([(7, 0), (8, 0)], [], outs=[out]) == expected


def test_a_record_without_lineage_may_be_of_any_document() -> None:
    records = partition([10, 11], 12, flags={10: UNTAKEN, 11: UNTAKEN}).records
    records.lineage_offsets[1] = NO_NUMBER
    columns, origins = Fates("dedupe"), Fates("clean")
    columns.add(Fate("dedupe", Kind.LINK, Coordinates("x", 0, 4), 0, lineage=(0, 7)), 0, 0)
    for at, fate in enumerate(written((7, 0), (8, 0)), 10):
        origins.add(fate, 0, at)
    found = may_repeat(records, columns.columns(), origins.columns(), all_outputs=True)
    assert found.tolist() == [False, True]


def test_a_repeat_is_passed_over_also_where_outputs_are_replaced() -> None:
    inputs = partition([0, 1], 2, flags={1: AGAIN})
    parents = written((7, 0), (7, 0), kind=Kind.ORIGINAL)
    report = judged(TAG, inputs, healthy(TAG, 0), parents=parents, reach=Reach(compacted=["enriched"]))
    assert (report.fates, report.out_of_reach) == ({"enriched": 1, "repeat (dropped)": 1}, 0)


def test_the_first_of_two_that_has_no_fate_is_missing() -> None:
    inputs = partition([0, 1], 2, flags={1: AGAIN})
    report = judged(DEDUPE, inputs, [], parents=written((7, 0), (7, 0)))
    assert report.breaches == {Breach.MISSING: 1}
    assert report.fates == {"repeat (dropped)": 1}


def test_what_is_missing_is_told_by_position_parent_and_document() -> None:
    report = judged(CLEAN, partition([1371], 1372), [article(1371, at, 4) for at in (0, 1, 2)])
    [problem] = report.problems
    assert problem.found.startswith("article 3 of 4 of p.raw:0:1371 is missing; has article 0 of 4 at p.articles:0:0, ")
    assert problem.as_json() == {
        "stage": "clean",
        "breach": "incomplete",
        "coordinates": "p.raw:0:1371",
        "found": problem.found,
        "raw": "p.raw:0:1371",
        "parent": None,
        "position": 3,
        "of": 4,
    }
    report = judged(DEDUPE, partition([1], 2), [], parents=written((1371, 0), (1371, 1)))
    assert report.problems[0].found == "no fate; it is article 1 of 2 of p.raw:0:1371"
    parents = [*written((1371, 0), (1371, 1)), Fate("dedupe", Kind.ORIGINAL, Coordinates("y", 0, 1), 0)]
    report = judged(TAG, partition([2], 3), [], parents=parents)
    assert report.problems[0].found == "no fate; it is article 1 of 2 of p.raw:0:1371, by way of p.articles:0:1"
    report = judged(TAG, partition([2], 3), [])
    assert report.problems[0].found == "no fate; it is from p.raw:0:102", "put back: no stage wrote it"


def test_an_absurd_number_of_articles_takes_no_memory() -> None:
    """A damaged value can name up to 2**31 of them."""
    outs = [article(7, at, INT32_MAX) for at in (0, 1, 3)]
    tracemalloc.start()
    report = judged(CLEAN, partition([7], 8), outs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.breaches == {Breach.INCOMPLETE: 1}
    said = f"article 2, 4, 5, 6, 7, 8 and 2,147,483,638 more of {INT32_MAX} of p.raw:0:7 is missing; has article 0 of "
    assert report.problems[0].found.startswith(said)
    assert peak < 10_000_000


@pytest.mark.parametrize(("of", "missing"), [(8, "2, 4, 5, 6, 7"), (9, "2, 4, 5, 6, 7, 8"), (5, "2, 4")])
def test_missing_articles_are_named_to_the_last(of: int, missing: str) -> None:
    report = judged(CLEAN, partition([7], 8), [article(7, at, of) for at in (0, 1, 3)])
    assert report.problems[0].found.startswith(f"article {missing} of {of} of p.raw:0:7 is missing")


def test_wrong_lineage_is_told_with_the_right_one() -> None:
    report = judged(TAG, partition([5], 6), [Out(Kind.ENRICHED, 5, lineage=(3, 9))])
    assert "with lineage p.raw:3:9 in place of p.raw:0:105" in report.problems[0].found


def test_what_is_deleted_unread_is_told_with_its_range() -> None:
    report = judged(CLEAN, partition([9], 4, begin=9, deleted=range(4, 9)), [])
    assert report.breaches == {Breach.DELETED_UNREAD: 1}
    assert (report.problems[0].coordinates, report.not_yet_processed) == ("p.raw:0:4", 1)
    assert "offsets 4 to 8 were deleted" in report.problems[0].found


def test_what_may_be_deleted_unread_is_a_warning() -> None:
    report = judged(CLEAN, partition([9], 8, begin=9, maybe_deleted=range(8, 9)), [])
    assert report.adds_up
    [warning] = report.warnings
    assert warning.startswith("offsets 8 to 8 of p.raw:0 were deleted before the group had read them: ends of trans")


@pytest.mark.parametrize(("high", "found"), [(5, 1), (6, 0), (9, 0), (None, 0)])
def test_a_group_beyond_the_end_of_its_log_is_told(high: int | None, found: int) -> None:
    report = judged(TAG, partition([3, 4], 6, high=high), [*healthy(TAG, 3), *healthy(TAG, 4)])
    assert report.breaches == ({Breach.BEYOND_THE_END: 1} if found else {})
    assert report.records == 2
    for problem in report.problems:
        assert problem.coordinates == "p.originals:0:6"
        assert problem.found == "the group's next offset is 6, but the log ends at 5: it was made anew, or cut"


def test_what_lies_outside_the_bounds_is_not_looked_at() -> None:
    inputs = partition([1, 2, 3, 4], 4, begin=1, end=4, flags={1: 0, 3: 0})
    outs = [*healthy(TAG, 2), Out(Kind.ENRICHED, 3), Out(Kind.ENRICHED, 3)]
    report = judged(TAG, inputs, [*outs, Out(Kind.ENRICHED, 0), Out(Kind.ENRICHED, 7), Out(Kind.ENRICHED, 9)])
    assert report.adds_up
    assert (report.records, report.not_yet_processed) == (1, 1)


@pytest.mark.parametrize(("lineage", "found"), [((0, 7), 1), ((0, 9), 0), (NO_LINEAGE, 1)])
def test_an_orphan_is_within_the_bounds_by_its_own_lineage(lineage: tuple[int, int], found: int) -> None:
    scope = Scope("raw", {0: Range(5, 8)})
    stray = Out(Kind.ENRICHED, 2, lineage=lineage)
    report = judged(TAG, partition([1, 3], 4), [*healthy(TAG, 1), *healthy(TAG, 3), stray], scope=scope)
    assert report.breaches == ({Breach.ORPHAN: 1} if found else {})
