"""The ledger finds each kind of breach, and nothing else. A slow model over dicts checks the counting over arrays."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_cases import CLEAN, DEDUPE, HELD, TAG, Out, article, healthy, judged, letter, partition

from lodestream.ledger.ancestry import Ancestry
from lodestream.ledger.breaches import PROBLEMS_KEPT, Ancestors, Breach
from lodestream.ledger.outputs import (
    NO_LINEAGE,
    NO_NUMBER,
    STAGES,
    TOPIC_OF,
    UNREADABLE_LINEAGE,
    Kind,
    Stage,
)
from lodestream.ledger.places import WRONG_KEY, WRONG_PARTITION
from lodestream.ledger.retention import Lost, Reach

INDEX = {Kind.ORIGINAL: 0, Kind.LINK: 0, Kind.FORWARDED: 1, Kind.ENRICHED: 0}
LINK, FORWARDED, ORIGINAL, ENRICHED = (
    Out(kind, 5, INDEX.get(kind, 0)) for kind in (Kind.LINK, Kind.FORWARDED, Kind.ORIGINAL, Kind.ENRICHED)
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
        (DEDUPE, [Out(Kind.LINK, 5, 1), ORIGINAL], Breach.TWO_FATES),
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
        (CLEAN, [article(5, 0, 1, index=1)], Breach.MISPLACED),
        (CLEAN, [article(5, 1, 2, index=0), article(5, 0, 2, index=1)], Breach.MISPLACED),
        (DEDUPE, [Out(Kind.ORIGINAL, 5, 1)], Breach.MISPLACED),
        (DEDUPE, [Out(Kind.LINK, 5, 1)], Breach.MISPLACED),
        (DEDUPE, [Out(Kind.ORIGINAL, 5, 1), Out(Kind.FORWARDED, 5, 0)], Breach.MISPLACED),
        (TAG, [Out(Kind.ENRICHED, 5, 1)], Breach.MISPLACED),
        *(
            (stage, [Out(kind, 5, INDEX.get(kind, NO_NUMBER), astray=wrong)], Breach.MISPLACED)
            for stage, kind in (
                (CLEAN, Kind.DEAD_LETTER),
                (DEDUPE, Kind.ORIGINAL),
                (DEDUPE, Kind.LINK),
                (DEDUPE, Kind.DEAD_LETTER),
                (TAG, Kind.ENRICHED),
            )
            for wrong in (WRONG_KEY, WRONG_PARTITION, WRONG_KEY | WRONG_PARTITION)
        ),
        (CLEAN, [Out(Kind.ARTICLE, 5, 0, 0, 1, astray=WRONG_PARTITION)], Breach.MISPLACED),
        (DEDUPE, [Out(Kind.ORIGINAL, 5, at_partition=1)], Breach.MISPLACED),
        # Each holds what another record held, or another kind of output of this one would.
        (CLEAN, [Out(Kind.DEAD_LETTER, 5, NO_NUMBER, held=HELD[Kind.DEAD_LETTER] + 4)], Breach.ALTERED),
        (DEDUPE, [Out(Kind.ORIGINAL, 5, held=HELD[Kind.ORIGINAL] + 4)], Breach.ALTERED),
        (DEDUPE, [Out(Kind.ORIGINAL, 5, held=HELD[Kind.LINK] + 5)], Breach.ALTERED),
        (DEDUPE, [Out(Kind.LINK, 5, held=HELD[Kind.LINK] + 4)], Breach.ALTERED),
        (DEDUPE, [ORIGINAL, Out(Kind.FORWARDED, 5, 1, held=HELD[Kind.LINK] + 4)], Breach.ALTERED),
        (DEDUPE, [Out(Kind.DEAD_LETTER, 5, NO_NUMBER, held=HELD[Kind.ORIGINAL] + 5)], Breach.ALTERED),
        (TAG, [Out(Kind.ENRICHED, 5, held=HELD[Kind.ENRICHED] + 4)], Breach.ALTERED),
        (TAG, [Out(Kind.ENRICHED, 5, held=0)], Breach.ALTERED),
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


@pytest.mark.parametrize(
    ("stage", "outs", "breach"),
    [
        (CLEAN, [article(5, 0, 3), article(5, 0, 3)], Breach.TWICE),
        (CLEAN, [article(5, 0, 3), letter(5)], Breach.TWO_FATES),
        (CLEAN, [article(5, 0, 3), article(5, 1, 4)], Breach.CONTRADICTORY),
        (CLEAN, [Out(Kind.ARTICLE, 5, 0, 0, 3, lineage=(0, 4))], Breach.LINEAGE),
        (DEDUPE, [Out(Kind.LINK, 5), Out(Kind.ORIGINAL, 5, 1)], Breach.TWO_FATES),
        (TAG, [Out(Kind.ENRICHED, 5, lineage=UNREADABLE_LINEAGE)], Breach.UNREADABLE),
    ],
)
def test_what_no_output_more_can_explain_is_a_breach_also_out_of_reach(
    stage: Stage, outs: list[Out], breach: Breach
) -> None:
    report = judged(stage, partition([4, 5, 6], 7), [*outs, *healthy(stage, 6)], reach_ms=55)
    assert report.breaches == {breach: 1}
    assert report.problems[0].coordinates == f"p.{stage.input}:0:5"
    assert (report.records, report.out_of_reach, report.fates.total()) == (2, 1, 1)
    assert report.outputs == len(outs) + len(healthy(stage, 6))
    assert report.warnings == []


@pytest.mark.parametrize(
    ("stage", "outs"),
    [(CLEAN, [article(5, 0, 3)]), (DEDUPE, [FORWARDED]), (TAG, [])],
)
def test_what_may_be_gone_is_not_missed_and_a_stage_of_which_nothing_is_judged_says_so(
    stage: Stage, outs: list[Out]
) -> None:
    report = judged(stage, partition([4, 5, 6], 6), outs, reach_ms=55)
    assert report.adds_up
    assert (report.records, report.out_of_reach, report.not_yet_processed) == (0, 2, 1)
    assert report.warnings == ["nothing is judged: all 2 records it processed are out of reach"]
    assert report.as_json()["warnings"] == report.warnings
    assert judged(stage, partition([6], 6), []).warnings == [], "it has processed nothing"


def test_where_a_newer_record_replaces_an_output_none_is_missing() -> None:
    reach = Reach(compacted=["enriched"])
    twice = [Out(Kind.ENRICHED, 4)] * 2
    report = judged(TAG, partition([4, 5, 6, 7], 7), [*twice, *healthy(TAG, 6)], reach=reach)
    assert report.breaches == {Breach.TWICE: 1}
    assert (report.records, report.out_of_reach, report.not_yet_processed) == (2, 1, 1)
    told = "p.enriched is compacted: what lacks an output there may have had one, and is out of reach"
    assert report.warnings == [told]


def test_only_records_up_to_the_first_output_that_is_left_are_out_of_reach() -> None:
    """As where a partition's first time is late, because the stage was behind."""
    inputs = {0: partition([1, 2, 3, 4], 5), 1: partition([1, 2], 3)}
    report = judged(CLEAN, inputs, healthy(CLEAN, 3), reach=Reach([Lost(1000, {0: 2})]))
    assert report.breaches == {Breach.MISSING: 1}
    assert report.problems[0].coordinates == "p.raw:0:4"
    assert (report.records, report.out_of_reach) == (2, 4)


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


def test_what_is_not_where_or_what_it_must_be_is_told_of_the_output() -> None:
    outs = [ORIGINAL, Out(Kind.FORWARDED, 5, 1, held=0)]
    [problem] = judged(DEDUPE, partition([5], 6), outs).problems
    assert ", forwarded at p.duplicates:0:1 does not hold what the record held; it is from" in problem.found
    [problem] = judged(TAG, partition([5], 6), [Out(Kind.DEAD_LETTER, 5, NO_NUMBER, held=0)]).problems
    assert "dead letter at p.dead-letters:0:0 does not hold the record whole" in problem.found
    [problem] = judged(TAG, partition([5], 6), [Out(Kind.ENRICHED, 5, 3)]).problems
    assert "enriched at p.enriched:0:0 has index 3 in place of 0" in problem.found
    [problem] = judged(TAG, partition([5], 6), [Out(Kind.ENRICHED, 5, astray=WRONG_KEY)]).problems
    assert "enriched at p.enriched:0:0 has another key than its content says" in problem.found
    [problem] = judged(DEDUPE, partition([5], 6), [Out(Kind.ORIGINAL, 5, at_partition=2)]).problems
    assert "original at p.originals:2:0 is on another partition than its key or its article says" in problem.found


def test_links_and_enriched_records_go_where_their_key_says() -> None:
    outs = [Out(Kind.LINK, 5, at_partition=3), Out(Kind.LINK, 6)]
    assert judged(DEDUPE, partition([5, 6], 7), outs).adds_up


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
    if any(out.index != (out.position if out.kind is Kind.ARTICLE else INDEX.get(out.kind, out.index)) for out in outs):
        return Breach.MISPLACED
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


def test_only_what_is_named_is_looked_for_with_its_ancestors(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look for each of many takes longer the more there are."""
    many = 4 * PROBLEMS_KEPT
    asked = []
    of = Ancestry.of

    def count(self: Ancestry, topic: str, partition: int, offset: int, lineage: tuple[int, int]) -> Ancestors:
        asked.append(offset)
        return of(self, topic, partition, offset, lineage)

    monkeypatch.setattr(Ancestry, "of", count)
    ahead = judged(TAG, partition(range(many), 0), [Out(Kind.ENRICHED, at) for at in range(many)])
    assert (ahead.breaches, len(asked)) == ({Breach.AHEAD: many}, PROBLEMS_KEPT)
    assert len(ahead.problems) == PROBLEMS_KEPT
    missing = judged(TAG, partition(range(many), many), [])
    assert (missing.breaches, len(asked)) == ({Breach.MISSING: many}, 2 * PROBLEMS_KEPT)
    strangers = judged(TAG, partition([], 0), [Out(Kind.ENRICHED, at, partition=7) for at in range(many)])
    assert (strangers.breaches, len(strangers.problems)) == ({Breach.ORPHAN: many}, PROBLEMS_KEPT)


@given(ledgers())
def test_arrays_count_as_the_model_does(ledger: tuple[Stage, list[int], int, list[Out]]) -> None:
    stage, offsets, committed, outs = ledger
    report = judged(stage, partition(offsets, committed), outs)
    found: Counter[str] = Counter(report.fates)
    found.update(report.breaches)
    assert found == model(stage, offsets, committed, outs)
    record_breaches = report.breaches.total() - report.breaches[Breach.ORPHAN] - report.breaches[Breach.AHEAD]
    assert report.records == report.fates.total() + record_breaches
