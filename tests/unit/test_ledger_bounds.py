"""Bounds as offsets, how far to read for them, and what retention took."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ledger_cases import partition

from lodestream.ledger.bounds import Bounds, Found, Horizon, Range, Scope, ranges
from lodestream.ledger.outputs import Fate, Fates, Kind
from lodestream.ledger.retention import CLOCKS_MS, InputLeft, Lost, OutputPartition, Reach, deleted_unread, find_lost
from lodestream.letters import Coordinates


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"topic": "enriched"}, "'enriched' is no input of a stage; there are raw, articles, originals"),
        ({"since_ms": 5, "until_ms": 5}, "it ends before it begins"),
        ({"first": {2: 7}, "stop": {2: 7}}, "raw:2 ends at 7, before it begins"),
    ],
)
def test_bounds_with_nothing_in_them_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bounds(**arguments)


def test_the_bounded_topic_says_which_stages_are_judged() -> None:
    assert [stage.name for stage in Bounds().stages] == ["clean", "dedupe", "tag"]
    assert [stage.name for stage in Bounds("originals", first={0: 1}).stages] == ["tag"]
    assert Bounds().everything
    assert not Bounds(until_ms=0).everything
    assert not Bounds(stop={0: 9}).everything


@pytest.mark.parametrize(
    ("arguments", "found", "expected"),
    [
        ({"first": {0: 3}}, Found(0, 9), Range(3)),
        ({"stop": {0: 3}}, Found(0, 9), Range(0, 3)),
        ({"stop": {0: 99}}, Found(0, 9), Range(0, 99)),
        ({"since_ms": 5}, Found(0, 9, since=4), Range(4)),
        ({"since_ms": 5}, Found(0, 9, since=None), Range(9)),  # nothing is that new
        ({"since_ms": 5}, Found(2, 9, since=2), Range(0)),  # retention may have taken something as new
        ({"until_ms": 5}, Found(0, 9, until=4), Range(0, 4)),
        ({"until_ms": 5}, Found(0, 9, until=None), Range(0, 9)),  # everything there is, is older
        ({"since_ms": 5, "first": {0: 6}}, Found(0, 9, since=4), Range(6)),
        ({"until_ms": 5, "stop": {0: 6}}, Found(0, 9, until=7), Range(0, 6)),
    ],
)
def test_bounds_become_offsets(arguments: dict[str, Any], found: Found, expected: Range) -> None:
    assert ranges(Bounds(**arguments), {0: found}) == {0: expected}


def test_partitions_that_are_not_named_are_left_out() -> None:
    found = {part: Found(0, 9) for part in range(3)}
    scope = Scope("raw", ranges(Bounds(first={1: 3}, stop={2: 4}), found))
    assert [scope.holds(part, 3) for part in range(4)] == [False, True, True, False]
    assert not scope.closed
    assert Scope("raw", ranges(Bounds(stop={2: 4}), found)).closed
    partitions, offsets = np.array([0, 1, 1, 2, 2, 7]), np.array([3, 2, 3, 3, 4, 3])
    held = [scope.holds(part, offset) for part, offset in zip(partitions.tolist(), offsets.tolist(), strict=True)]
    assert scope.hold(partitions, offsets).tolist() == held
    assert Scope().hold(partitions, offsets).all()


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (Bounds(first={3: 0}), "has no partition 3: it has 1"),
        (Bounds(first={0: 10}), "does not reach to 0:10: partition 0 ends at 9"),
    ],
)
def test_bounds_that_do_not_fit_the_topic_are_refused(bounds: Bounds, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ranges(bounds, {0: Found(0, 9)})


def test_reading_is_over_when_the_stage_has_come_past_every_partition() -> None:
    horizon = Horizon({0: 10, 3: 20}, slack_ms=100)
    horizon.see(0, 9, 1000)
    horizon.see(1, 99, 1000)  # nothing of that partition is within
    assert not horizon.over(10**9)
    horizon.see(0, 10, 2000)
    assert not horizon.over(10**9)
    horizon.see(3, 21, 3000)
    horizon.see(0, 11, 1500)
    assert not horizon.over(3100)
    assert horizon.over(3101)
    assert Horizon({}).over(0), "nothing is within"


@pytest.mark.parametrize(
    ("beginning", "start", "oldest", "until_ms"),
    [
        (0, 0, 50, None),  # nothing is gone
        (5, 5, 50, 50),
        (5, 8, 50, None),  # what is gone is older than what was not read either
        (5, 5, None, 7),  # nothing is left
    ],
)
def test_what_retention_took_is_older_than_what_is_left(
    beginning: int, start: int, oldest: int | None, until_ms: int | None
) -> None:
    lost = find_lost(OutputPartition("articles", 0, beginning, start, oldest), Fates("clean").columns(), 7)
    assert lost == (None if until_ms is None else Lost(until_ms + CLOCKS_MS))


def test_the_clocks_of_two_brokers_may_differ() -> None:
    """By its broker the input was taken after its output, which is gone; another broker took that."""
    lost = find_lost(OutputPartition("articles", 0, 5, 5, 100_000), Fates("clean").columns(), 7)
    assert lost is not None
    records = partition([1, 2], 9, times=[100_001, 200_000]).records
    assert Reach([lost]).covers(0, records).tolist() == [False, True]


def test_the_first_output_that_is_left_says_of_which_records_some_are_gone() -> None:
    fates = Fates("dedupe")
    for kind, part, offset, at in (
        (Kind.LINK, 0, 30, 1),
        (Kind.FORWARDED, 0, 34, 2),
        (Kind.LINK, 1, 70, 2),
        (Kind.LINK, 1, 20, 1),  # on another partition
        (Kind.ORIGINAL, 2, 9, 2),  # on another topic
        (Kind.FORWARDED, 0, 33, 2),  # done again: it was there before
    ):
        fates.add(Fate("dedupe", kind, Coordinates("p.articles", part, offset), 0), at, 100)
    lost = find_lost(OutputPartition("duplicates", 2, 5, 5, 50), fates.columns(), 7)
    assert lost == Lost(50 + CLOCKS_MS, {0: 34, 1: 70})


@pytest.mark.parametrize(
    ("origins", "first"),
    [
        ([31, 32], {0: 31}),
        ([25, 31], {0: 31}),  # at 25 is no record
        ([3, 31], {0: 31}),  # of what is gone: one alone may be wrong
        ([3, 3, 31], {0: 31}),
        ([18, 19, 31], {0: 18}),  # there the outputs of what was taken begin
        ([28, 31], {0: 28}),  # not read
        ([99, 31], {0: 99}),  # likewise: appended since
        ([25], {}),
    ],
)
def test_an_output_of_no_record_does_not_say_what_is_left(origins: list[int], first: dict[int, int]) -> None:
    fates = Fates("tag")
    for at, offset in enumerate(origins):
        fates.add(Fate("tag", Kind.ENRICHED, Coordinates("p.originals", 0, offset), 0), 2, 100 + at)
    start = 30 if 28 in origins else 20
    read = [offset for offset in (20, 21, 30, 31, 32) if offset >= start]
    inputs = {0: InputLeft(20, start, partition(read, 33).records)}
    lost = find_lost(OutputPartition("enriched", 2, 5, 5, 50), fates.columns(), 7, inputs)
    assert lost == Lost(50 + CLOCKS_MS, first)


def test_a_record_has_lost_no_output_when_a_later_time_or_origin_is_left_in_every_partition() -> None:
    records = partition([1, 2, 3, 4], 9, times=[10, 20, 30, 40]).records
    reach = Reach([Lost(30, {0: 2})])
    assert reach.covers(0, records).tolist() == [False, False, True, True]
    assert reach.covers(1, records).tolist() == [False, False, False, True]
    reach = Reach([Lost(30, {0: 2}), Lost(10, {1: 99})])
    assert reach.covers(0, records).tolist() == [False, False, True, True]
    assert reach.covers(1, records).tolist() == [False, False, False, True]
    assert Reach().covers(0, records).all()


@pytest.mark.parametrize(
    ("committed", "beginning", "lost", "maybe"),
    [
        (9, 5, range(0), range(0)),
        (5, 5, range(0), range(0)),
        (4, 5, range(0), range(4, 5)),
        (3, 5, range(0), range(3, 5)),
        (2, 5, range(2, 5), range(0)),
        (0, 5, range(5), range(0)),
        (0, 1, range(1), range(0)),  # a log does not begin with a marker
        (0, 0, range(0), range(0)),
    ],
)
def test_markers_behind_the_last_record_are_no_loss_but_may_be_one(
    committed: int, beginning: int, lost: range, maybe: range
) -> None:
    assert deleted_unread(committed, beginning, markers=2) == (lost, maybe)


@pytest.mark.parametrize(
    ("committed", "beginning", "lost", "maybe"),
    [
        (0, 5, range(0), range(5)),
        (0, 0, range(0), range(0)),
        (2, 5, range(2, 5), range(0)),
        (4, 5, range(0), range(4, 5)),
    ],
)
def test_what_a_forgotten_group_had_not_read_is_not_known(
    committed: int, beginning: int, lost: range, maybe: range
) -> None:
    assert deleted_unread(committed, beginning, markers=2, forgotten=True) == (lost, maybe)
