"""The ledger finds each kind of breach, and nothing else. A slow model over dicts checks the counting over arrays."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.ledger.ancestry import Ancestry
from lodestream.ledger.bounds import Range, Scope
from lodestream.ledger.breaches import PROBLEMS_KEPT, Breach, StageReport
from lodestream.ledger.inputs import IN_SCOPE, REPEAT, UNSURE, InputRecords
from lodestream.ledger.judge import InputPartition, judge
from lodestream.ledger.outputs import (
    NO_LINEAGE,
    NO_NUMBER,
    STAGES,
    TOPIC_OF,
    UNREADABLE_LINEAGE,
    Fate,
    Fates,
    Kind,
    Stage,
)
from lodestream.letters import Coordinates

CLEAN, DEDUPE, TAG = STAGES


@dataclass(frozen=True)
class Out:
    """An output in a test: of the record at `offset` in partition 0."""

    kind: Kind
    offset: int
    index: int = 0
    position: int = NO_NUMBER
    of: int = NO_NUMBER
    partition: int = 0
    lineage: tuple[int, int] | None = None  # None: the right one


def article(offset: int, position: int, of: int, index: int | None = None) -> Out:
    return Out(Kind.ARTICLE, offset, position if index is None else index, position, of)


def letter(offset: int) -> Out:
    return Out(Kind.DEAD_LETTER, offset, NO_NUMBER)


def partition(
    offsets: Iterable[int],
    committed: int,
    begin: int = 0,
    after: int | None = None,
    times: Iterable[int] | None = None,
    **more: Any,
) -> InputPartition:
    """Records whose lineage is offset 100 + their own of partition 0; `flags` by offset, all in scope otherwise."""
    numbers = np.array(list(offsets), np.int64)
    timestamps = numbers * 10 if times is None else np.array(list(times), np.int64)
    flags = more.pop("flags", {})
    records = InputRecords(
        numbers,
        timestamps,
        np.array([flags.get(offset, IN_SCOPE) for offset in numbers.tolist()], np.int8),
        np.zeros(len(numbers), np.int32),
        numbers + 100,
    )
    return InputPartition(records, committed, committed if after is None else after, begin, **more)


def judged(
    stage: Stage,
    inputs: InputPartition | dict[int, InputPartition],
    outs: Iterable[Out],
    reach_ms: int | None = None,
    *,
    parents: Iterable[Fate] = (),
    scope: Scope | None = None,
) -> StageReport:
    """`parents`: the fates of the stages before; each stands on its topic at the offset of its place in the list."""
    fates = {each.name: Fates(each.name) for each in STAGES}
    for at, fate in enumerate(parents):
        fates[fate.stage].add(fate, 0, at)
    for at, out in enumerate(outs):
        lineage = (out.partition, out.offset) if stage is CLEAN else (0, out.offset + 100)
        if out.kind is Kind.DEAD_LETTER:
            lineage = NO_LINEAGE
        origin = Coordinates("x", out.partition, out.offset)
        fate = Fate(stage.name, out.kind, origin, out.index, out.position, out.of, out.lineage or lineage)
        fates[stage.name].add(fate, 0, at)
    ancestry = Ancestry("p.", {name: each.columns() for name, each in fates.items()})
    partitions = inputs if isinstance(inputs, dict) else {0: inputs}
    report, states = judge(stage, partitions, ancestry, reach_ms=reach_ms, scope=scope)
    assert {at: len(state) for at, state in states.items()} == {
        at: len(each.records.offsets) for at, each in partitions.items()
    }
    return report


LINK, FORWARDED, ORIGINAL, ENRICHED = (
    Out(kind, 5, index) for index, kind in enumerate((Kind.LINK, Kind.FORWARDED, Kind.ORIGINAL, Kind.ENRICHED))
)


@pytest.mark.parametrize(
    ("stage", "outs", "fate"),
    [
        (CLEAN, [article(5, 0, 1)], "articles"),
        (CLEAN, [article(5, 2, 3), article(5, 0, 3), article(5, 1, 3)], "articles"),
        (CLEAN, [letter(5)], "dead letter"),
        (DEDUPE, [ORIGINAL], "original"),
        (DEDUPE, [LINK], "duplicate"),
        (DEDUPE, [FORWARDED, ORIGINAL], "linked original"),
        (DEDUPE, [letter(5)], "dead letter"),
        (TAG, [ENRICHED], "enriched"),
        (TAG, [letter(5)], "dead letter"),
    ],
)
def test_one_fate_adds_up(stage: Stage, outs: list[Out], fate: str) -> None:
    report = judged(stage, partition([5], 6), outs)
    assert report.adds_up
    assert report.fates == {fate: 1}
    assert (report.records, report.outputs, report.problems) == (1, len(outs), [])


@pytest.mark.parametrize(
    ("stage", "outs", "breach"),
    [
        (CLEAN, [], Breach.MISSING),
        (DEDUPE, [], Breach.MISSING),
        (TAG, [], Breach.MISSING),
        (CLEAN, [article(5, 0, 2)], Breach.INCOMPLETE),
        (CLEAN, [article(5, 0, 3), article(5, 2, 3)], Breach.INCOMPLETE),
        (DEDUPE, [FORWARDED], Breach.INCOMPLETE),
        (CLEAN, [article(5, 0, 1), article(5, 0, 1)], Breach.TWICE),
        (CLEAN, [article(5, 0, 1), article(5, 0, 1, index=1)], Breach.TWICE),
        (CLEAN, [article(5, 0, 2), article(5, 1, 2, index=0)], Breach.TWICE),
        (CLEAN, [letter(5), letter(5)], Breach.TWICE),
        (CLEAN, [article(5, 0, 2), article(5, 1, 2), article(5, 0, 2), article(5, 1, 2)], Breach.TWICE),
        (DEDUPE, [ORIGINAL, ORIGINAL], Breach.TWICE),
        (DEDUPE, [Out(Kind.ORIGINAL, 5, 0), Out(Kind.ORIGINAL, 5, 1)], Breach.TWICE),
        (DEDUPE, [LINK, LINK], Breach.TWICE),
        (DEDUPE, [Out(Kind.LINK, 5, 0), Out(Kind.FORWARDED, 5, 1), ORIGINAL], Breach.TWICE),
        (DEDUPE, [Out(Kind.FORWARDED, 5, 0), Out(Kind.ORIGINAL, 5, 0)], Breach.TWICE),
        (DEDUPE, [letter(5), letter(5)], Breach.TWICE),
        (TAG, [Out(Kind.ENRICHED, 5, 0), Out(Kind.ENRICHED, 5, 1)], Breach.TWICE),
        (TAG, [letter(5), letter(5)], Breach.TWICE),
        (CLEAN, [article(5, 0, 1), letter(5)], Breach.TWO_FATES),
        (DEDUPE, [ORIGINAL, letter(5)], Breach.TWO_FATES),
        (DEDUPE, [LINK, letter(5)], Breach.TWO_FATES),
        (DEDUPE, [FORWARDED, ORIGINAL, letter(5)], Breach.TWO_FATES),
        (DEDUPE, [LINK, ORIGINAL], Breach.TWO_FATES),
        (TAG, [ENRICHED, letter(5)], Breach.TWO_FATES),
        (CLEAN, [article(5, 0, 2), article(5, 1, 3)], Breach.CONTRADICTORY),
        (CLEAN, [article(5, 1, 1)], Breach.CONTRADICTORY),
        (CLEAN, [article(5, NO_NUMBER, NO_NUMBER)], Breach.CONTRADICTORY),
        (CLEAN, [article(5, 0, NO_NUMBER)], Breach.CONTRADICTORY),
        (CLEAN, [article(5, 0, 0)], Breach.CONTRADICTORY),
        (CLEAN, [Out(Kind.ARTICLE, 5, 0, 0, 1, lineage=(0, 4))], Breach.LINEAGE),
        (CLEAN, [Out(Kind.ARTICLE, 5, 0, 0, 1, lineage=(1, 5))], Breach.LINEAGE),
        (CLEAN, [Out(Kind.ARTICLE, 5, 0, 0, 1, lineage=NO_LINEAGE)], Breach.LINEAGE),
        (CLEAN, [Out(Kind.ARTICLE, 5, 0, lineage=UNREADABLE_LINEAGE)], Breach.UNREADABLE),
        *(
            (stage, [Out(kind, 5, 0, lineage=lineage)], breach)
            for stage, kind in ((DEDUPE, Kind.ORIGINAL), (DEDUPE, Kind.LINK), (TAG, Kind.ENRICHED))
            for lineage, breach in (
                ((0, 104), Breach.LINEAGE),
                (NO_LINEAGE, Breach.LINEAGE),
                (UNREADABLE_LINEAGE, Breach.UNREADABLE),
            )
        ),
    ],
)
def test_a_breach_is_found_and_told_with_coordinates(stage: Stage, outs: list[Out], breach: Breach) -> None:
    report = judged(stage, partition([4, 5, 6], 7), [*healthy(stage, 4), *outs, *healthy(stage, 6)])
    assert not report.adds_up
    assert report.breaches == {breach: 1}
    assert report.fates.total() == 2
    assert report.records == 3
    [problem] = report.problems
    assert problem.coordinates == f"p.{stage.input}:0:5"
    assert ("no fate" in problem.found) == (not outs)


def healthy(stage: Stage, offset: int) -> list[Out]:
    if stage is CLEAN:
        return [article(offset, 0, 2), article(offset, 1, 2)]
    return [Out(Kind.ORIGINAL if stage is DEDUPE else Kind.ENRICHED, offset)]


@pytest.mark.parametrize(
    ("out", "breach"),
    [
        (Out(Kind.ENRICHED, 5), Breach.ORPHAN),  # a transaction marker
        (Out(Kind.ENRICHED, 9), Breach.AHEAD),  # a record, not committed
        (Out(Kind.ENRICHED, 99), Breach.AHEAD),
        (Out(Kind.ENRICHED, 4, partition=7), Breach.ORPHAN),
        (letter(5), Breach.ORPHAN),
        (Out(Kind.ENRICHED, 2), None),  # retention took the record
        (Out(Kind.ENRICHED, 7), None),  # committed while the outputs were being read
    ],
)
def test_an_output_must_come_from_a_committed_record(out: Out, breach: Breach | None) -> None:
    inputs = partition([4, 6, 7, 9], 7, begin=3, after=9)
    report = judged(TAG, inputs, [*healthy(TAG, 4), *healthy(TAG, 6), out])
    assert report.breaches == ({} if breach is None else {breach: 1})
    assert (report.records, report.not_yet_processed, report.fates) == (2, 2, {"enriched": 2})
    if breach is not None:
        assert report.problems[0].coordinates == f"p.{TOPIC_OF[out.kind]}:0:2"


def test_what_retention_may_have_taken_is_left_out_and_counted() -> None:
    inputs = partition([0, 1, 2, 3, 4], 4, times=[10, 20, 20, 30, 40])
    lost_outputs = [*healthy(CLEAN, 1), *healthy(CLEAN, 3)]
    report = judged(CLEAN, inputs, lost_outputs, reach_ms=20)
    assert report.adds_up
    assert (report.out_of_reach, report.records, report.not_yet_processed) == (3, 1, 1)
    assert judged(CLEAN, inputs, lost_outputs, reach_ms=19).breaches == {Breach.MISSING: 1}


def test_nothing_adds_up_to_nothing() -> None:
    report = judged(DEDUPE, {0: partition([], 0), 3: partition([], 0)}, [])
    assert report.adds_up
    assert report.records == 0


def test_partitions_are_told_apart() -> None:
    inputs = {0: partition([1, 2], 3), 1: partition([1, 2], 3)}
    outs = [Out(Kind.ENRICHED, offset, partition=at) for at in (0, 1) for offset in (1, 2)]
    assert judged(TAG, inputs, outs).adds_up
    report = judged(TAG, inputs, [*outs[:3], outs[0]])
    assert [(problem.breach, problem.coordinates) for problem in report.problems] == [
        (Breach.TWICE, "p.originals:0:1"),
        (Breach.MISSING, "p.originals:1:2"),
    ]


def test_only_the_first_problems_are_kept_but_all_are_counted() -> None:
    report = judged(TAG, partition(range(100), 100), [])
    assert report.breaches == {Breach.MISSING: 100}
    assert [problem.coordinates for problem in report.problems] == [
        f"p.originals:0:{at}" for at in range(PROBLEMS_KEPT)
    ]


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


def test_wrong_lineage_is_told_with_the_right_one() -> None:
    report = judged(TAG, partition([5], 6), [Out(Kind.ENRICHED, 5, lineage=(3, 9))])
    assert "with lineage p.raw:3:9 in place of p.raw:0:105" in report.problems[0].found


def test_what_is_deleted_unread_is_told_with_its_range() -> None:
    report = judged(CLEAN, partition([9], 4, begin=9, deleted=range(4, 9)), [])
    assert report.breaches == {Breach.DELETED_UNREAD: 1}
    assert (report.problems[0].coordinates, report.not_yet_processed) == ("p.raw:0:4", 1)
    assert "offsets 4 to 8 were deleted" in report.problems[0].found


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


def model(stage: Stage, offsets: list[int], committed: int, outs: list[Out]) -> Counter[str]:
    """The rules once more, record by record."""
    verdicts: Counter[str] = Counter()
    found = defaultdict(list)
    for out in outs:
        if out.offset in offsets and out.offset < committed:
            found[out.offset].append(out)
        else:
            verdicts[Breach.AHEAD if out.offset >= committed else Breach.ORPHAN] += 1
    for offset in offsets:
        if offset < committed:
            verdicts[verdict(stage, found[offset])] += 1
    return verdicts


def verdict(stage: Stage, outs: list[Out]) -> str:  # noqa: PLR0911 - the rules, in their order
    kinds = Counter(out.kind for out in outs)
    indexes = [out.index for out in outs if out.kind is not Kind.DEAD_LETTER]
    articles = [out for out in outs if out.kind is Kind.ARTICLE]
    positions = [out.position for out in articles]
    links = kinds[Kind.LINK] + kinds[Kind.FORWARDED]
    if (
        len(set(indexes)) < len(indexes)
        or len(set(positions)) < len(positions)
        or max(kinds[Kind.ORIGINAL], links, kinds[Kind.ENRICHED], kinds[Kind.DEAD_LETTER]) > 1
    ):
        return Breach.TWICE
    if (kinds[Kind.DEAD_LETTER] and len(outs) > 1) or (kinds[Kind.LINK] and kinds[Kind.ORIGINAL]):
        return Breach.TWO_FATES
    if len({out.of for out in articles}) > 1 or any(not 0 <= out.position < out.of for out in articles):
        return Breach.CONTRADICTORY
    if (articles and len(articles) < articles[0].of) or (kinds[Kind.FORWARDED] and not kinds[Kind.ORIGINAL]):
        return Breach.INCOMPLETE
    if not outs:
        return Breach.MISSING
    if kinds[Kind.DEAD_LETTER]:
        return "dead letter"
    if kinds[Kind.FORWARDED]:
        return "linked original"
    return {CLEAN: "articles", TAG: "enriched", DEDUPE: "duplicate" if kinds[Kind.LINK] else "original"}[stage]


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[Stage, list[int], int, list[Out]]:
    stage = draw(st.sampled_from(STAGES))
    offsets = sorted(draw(st.sets(st.integers(0, 8))))
    kinds = {
        "clean": [Kind.ARTICLE, Kind.DEAD_LETTER],
        "dedupe": [Kind.ORIGINAL, Kind.LINK, Kind.FORWARDED, Kind.DEAD_LETTER],
        "tag": [Kind.ENRICHED, Kind.DEAD_LETTER],
    }[stage.name]
    outs = []
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(kinds))
        offset = draw(st.integers(0, 9))
        if kind is Kind.DEAD_LETTER:
            outs.append(letter(offset))
        elif kind is Kind.ARTICLE:
            position = draw(st.integers(-1, 3))
            outs.append(article(offset, position, draw(st.integers(-1, 3)), draw(st.integers(0, 3))))
        else:
            outs.append(Out(kind, offset, draw(st.integers(0, 3))))
    return stage, offsets, draw(st.integers(0, 9)), outs


@given(ledgers())
def test_arrays_count_as_the_model_does(ledger: tuple[Stage, list[int], int, list[Out]]) -> None:
    stage, offsets, committed, outs = ledger
    report = judged(stage, partition(offsets, committed), outs)
    found: Counter[str] = Counter(report.fates)
    found.update(report.breaches)
    assert found == model(stage, offsets, committed, outs)
    record_breaches = report.breaches.total() - report.breaches[Breach.ORPHAN] - report.breaches[Breach.AHEAD]
    assert report.records == report.fates.total() + record_breaches
