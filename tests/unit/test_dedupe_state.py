"""The deduper's state: what leaves it, what a refused article leaves untouched, and what a changelog brings back."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from dedupe_articles import HOUR, START, WEEK, article, clock, decide, prose, said
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestream.agents.dedupe import DedupeStep
from lodestream.dedupe import Decision, Deduper
from lodestream.dedupe.arrival import Arrival
from lodestream.dedupe.entry import Entry
from lodestream.dedupe.stories import Head, Summary
from lodestream.engine.step import Outcome, Record
from lodestream.errors import Reason, Rejected, StateError
from lodestream.records import Article, encode
from lodestream.times import from_rfc3339

TEXT = prose(1, 300)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["0001-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


class Move(NamedTuple):
    """How the next article of a stream comes to be from one before it."""

    kind: str
    which: int
    minutes: int  # that pass before it comes
    fetched: int | None  # hours


MOVES = st.lists(
    st.builds(
        Move,
        kind=st.sampled_from("new copy edit cut longer digest refetch version rewrite same-headline".split()),
        which=st.integers(0, 60),
        minutes=st.sampled_from([0, 0, 5, 30, 120, 400, 1500]),
        fetched=st.none() | st.integers(0, 60),
    ),
    min_size=1,
    max_size=60,
)
WINDOWS = st.sampled_from([3 * HOUR, 24 * HOUR, WEEK])
CAPS = st.sampled_from([1, 3, 8, 1000])
CUTS = st.sets(st.integers(0, 60), max_size=12)


def stream(moves: Sequence[Move]) -> list[Article]:
    """Articles that copy, cut, extend, repeat and change one another, on a clock that moves."""
    articles: list[Article] = []
    hours = 0.0
    for number, (kind, which, minutes, fetched) in enumerate(moves):
        hours += minutes / 60
        name, headline = f"a{number}", f"Headline {number}"
        tokens = prose(100 + number, 20 + 7 * (which % 40)).split()
        if articles and kind != "new":
            known = articles[which % len(articles)]
            body = known["body"].split()
            match kind:
                case "edit":
                    tokens = [*body[: len(body) // 3], "edited", *body[len(body) // 3 + 1 :]]
                case "cut":
                    tokens = body[: max(12, len(body) * 3 // 5)]
                case "longer":
                    tokens = [*body, *prose(500 + number, len(body) // 2 + 8).split()]
                case "digest":
                    tokens = [*body, *articles[(which + 1) % len(articles)]["body"].split()]
                case "version":
                    name, tokens = known["article_id"], [*body[:-4], *prose(700 + number, 6).split()]
                case "rewrite":
                    name = known["article_id"]
                case "same-headline":
                    headline = known["headline"] or headline
                case _:
                    name, tokens = (known["article_id"] if kind == "refetch" else name), body
        site = f"site{which % 7}.example"
        at = None if which % 3 else hours - which  # published; some tell no time
        made = article(name, " ".join(tokens[:600]), hours, headline=headline, site=site, published=at, fetched=fetched)
        articles.append(made)
    return articles


def one_by_one(deduper: Deduper, articles: Sequence[Article]) -> list[Decision]:
    return [decide(deduper, each)[0] for each in articles]


def restored(blocks: Sequence[bytes], window_ms: int, cap: int) -> Deduper:
    deduper = Deduper(window_ms, cap)
    for block in blocks:
        deduper.apply(block)
    return deduper


@settings(max_examples=80)
@given(MOVES, CUTS, CUTS, WINDOWS, CAPS)
def test_a_restored_state_answers_exactly_like_the_one_that_ran_on(
    moves: list[Move], drains: set[int], crashes: set[int], window_ms: int, cap: int
) -> None:
    live, crashing = Deduper(window_ms, cap), Deduper(window_ms, cap)
    blocks: list[bytes] = []
    for number, each in enumerate(stream(moves)):
        if number in drains | crashes:
            blocks.append(crashing.drain())
        if number in crashes:
            crashing = restored(blocks, window_ms, cap)
        assert decide(crashing, each) == decide(live, each)
        assert crashing.sizes() == live.sizes()


def thawed(deduper: Deduper, window_ms: int, cap: int) -> Deduper:
    again = Deduper(window_ms, cap)
    again.load(memoryview(b"".join(deduper.freeze()())))
    return again


@settings(max_examples=80)
@given(MOVES, CUTS, CUTS, WINDOWS, CAPS)
def test_a_state_from_a_snapshot_and_the_blocks_after_it_answers_exactly_like_the_one_that_ran_on(
    moves: list[Move], snapshots: set[int], crashes: set[int], window_ms: int, cap: int
) -> None:
    live, crashing = Deduper(window_ms, cap), Deduper(window_ms, cap)
    kept, tail = Deduper(window_ms, cap), list[bytes]()
    for number, each in enumerate(stream(moves)):
        tail.append(crashing.drain())
        if number in snapshots:
            frozen = crashing.freeze()
            decide(thawed(crashing, window_ms, cap), each)  # what becomes of another does not touch the copy
            kept, tail = Deduper(window_ms, cap), []
            kept.load(memoryview(b"".join(frozen())))
        if number in crashes:
            crashing = thawed(kept, window_ms, cap)
            for block in tail:
                crashing.apply(block)
        assert decide(crashing, each) == decide(live, each)
    crashing.drain()
    live.drain()
    assert b"".join(crashing.freeze()()) == b"".join(live.freeze()()), "the copy is a function of the state"


def test_a_frozen_state_does_not_change_with_the_live_one() -> None:
    deduper = Deduper(WEEK, 3)
    kinds = "new copy new longer new copy new version".split()
    moves = [Move(kind, which, 5, None) for which, kind in enumerate(kinds)]
    articles = stream(moves)
    one_by_one(deduper, articles[:5])
    deduper.drain()
    frozen = deduper.freeze()
    expected = b"".join(deduper.freeze()())
    one_by_one(deduper, articles[5:])
    assert b"".join(frozen()) == expected


@pytest.mark.parametrize(("window_ms", "cap"), [(WEEK, 11), (HOUR, 10)])
def test_a_snapshot_of_another_window_or_cap_is_refused(window_ms: int, cap: int) -> None:
    deduper = Deduper(WEEK, 10)
    one_by_one(deduper, stream([Move("new", 1, 0, None)]))
    deduper.drain()
    with pytest.raises(StateError, match="another window or cap"):
        thawed(deduper, window_ms, cap)


@given(st.binary(max_size=200) | st.integers(0, 100_000))
def test_bytes_that_are_no_frozen_state_are_refused(data: bytes | int) -> None:
    deduper = Deduper(WEEK, 10)
    one_by_one(deduper, stream([Move("new", 1, 0, None), Move("copy", 0, 0, None)]))
    deduper.drain()
    whole = b"".join(deduper.freeze()())
    if isinstance(data, int):
        data = whole[: data % len(whole)]
    with pytest.raises(StateError):
        Deduper(WEEK, 10).load(memoryview(data))
    with pytest.raises(StateError):
        Deduper(WEEK, 10).load(memoryview(whole + b"x"))


@settings(max_examples=30)
@given(MOVES, st.integers(0, 60), WINDOWS, CAPS)
def test_a_restore_that_crashed_before_its_commit_starts_from_the_last_block(
    moves: list[Move], at: int, window_ms: int, cap: int
) -> None:
    """What was decided after the drain is lost with the process: doing it again gives the same, also as bytes."""
    articles = stream(moves)
    live = Deduper(window_ms, cap)
    one_by_one(live, articles[:at])
    block = live.drain()
    lost = one_by_one(live, articles[at:])
    again = restored([block], window_ms, cap)
    assert one_by_one(again, articles[at:]) == lost
    assert again.drain() == live.drain()


@settings(max_examples=30)
@given(MOVES, CAPS, st.sampled_from([3 * HOUR, 24 * HOUR]))
def test_blocks_whose_articles_have_all_left_are_not_needed(moves: list[Move], cap: int, window_ms: int) -> None:
    articles = stream(moves)
    live = Deduper(window_ms, cap)
    blocks: list[tuple[int, bytes]] = []
    for each in articles:
        decide(live, each)
        blocks.append((from_rfc3339(each["ingested_at"]), live.drain()))
    now = blocks[-1][0]
    with_entries = [(came, block) for came, block in blocks if block]
    kept = [block for came, block in with_entries if came > now - window_ms][-cap:]
    short = restored(kept, window_ms, cap)
    assert short.sizes()["articles"].entries == live.sizes()["articles"].entries
    later = [*stream(moves), article("last", TEXT)]
    for each in later:
        assert short.decide(each, now) == live.decide(each, now)


@settings(max_examples=30)
@given(MOVES, CUTS, WINDOWS, CAPS)
def test_how_the_log_is_cut_into_batches_changes_nothing(
    moves: list[Move], cuts: set[int], window_ms: int, cap: int
) -> None:
    records = [
        Record("articles", 0, offset, b"latin", encode(each), (), came, came)
        for offset, each in enumerate(stream(moves))
        for came in (from_rfc3339(each["ingested_at"]),)
    ]
    whole, parts = DedupeStep(window_ms, cap), DedupeStep(window_ms, cap)
    outcomes: list[Outcome] = []
    for start, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(records)), len(records)]):
        outcomes += parts.process(records[start:end])
    assert outcomes == whole.process(records)
    assert parts.state.drain() == whole.state.drain()
    assert parts.state.evictions() == whole.state.evictions()


@settings(max_examples=30)
@given(MOVES, WINDOWS, CAPS)
def test_every_entry_is_in_the_window_or_counted_as_evicted(moves: list[Move], window_ms: int, cap: int) -> None:
    deduper = Deduper(window_ms, cap)
    added = 0
    for each in stream(moves):
        (decision,) = decide(deduper, each)
        added += decision.link is None or decision.link["kind"] not in {"refetch", "older_version"}
        sizes = deduper.sizes()
        assert sizes["articles"].entries + sum(deduper.evictions().values()) == added
        assert sizes["articles"].entries <= cap
        assert (sizes["stories"].entries > 0) == (sizes["articles"].entries > 0)
        assert sizes["stories"].entries <= sizes["articles"].entries


@pytest.mark.parametrize(
    ("hours", "verdict", "evicted"),
    [
        (0, "exact of a", 0),
        (23.9999, "exact of a", 0),
        (24, "original", 1),
        (240, "original", 1),
    ],
)
def test_an_article_leaves_a_window_after_it_came(hours: float, verdict: str, evicted: int) -> None:
    deduper = Deduper(24 * HOUR, 10)
    assert said(decide(deduper, article("a", TEXT), article("b", TEXT, hours))[-1]) == verdict
    assert deduper.evictions() == {("articles", "window"): evicted, ("articles", "cap"): 0}


@pytest.mark.parametrize(("between", "verdict", "evicted"), [(1, "exact of a", 0), (2, "exact of a", 1)])
def test_the_oldest_leaves_when_the_cap_is_reached(between: int, verdict: str, evicted: int) -> None:
    """The cap makes room for an article that joins: the search before still sees all."""
    deduper = Deduper(WEEK, 3)
    others = [article(f"x{number}", prose(50 + number, 100)) for number in range(between)]
    assert said(decide(deduper, article("a", TEXT), *others, article("b", TEXT))[-1]) == verdict
    assert deduper.evictions() == {("articles", "window"): 0, ("articles", "cap"): evicted}
    assert deduper.sizes()["articles"].entries == 3


def test_what_the_cap_evicted_is_forgotten() -> None:
    deduper = Deduper(WEEK, 3)
    others = [article(f"x{number}", prose(50 + number, 100)) for number in range(3)]
    assert said(decide(deduper, article("a", TEXT), *others, article("b", TEXT))[-1]) == "original"
    assert deduper.evictions() == {("articles", "window"): 0, ("articles", "cap"): 2}


def test_a_story_lives_as_long_as_one_of_its_articles() -> None:
    deduper = Deduper(24 * HOUR, 10)
    copies = [article(name, TEXT, hours) for name, hours in (("a", 0), ("b", 20), ("c", 40), ("d", 60))]
    decisions = decide(deduper, *copies)
    assert [said(each) for each in decisions] == ["original", "exact of a", "exact of a", "exact of a"]
    assert [each.story["copies"] for each in decisions if each.story] == [0, 1, 2, 3]
    assert said(decide(deduper, article("e", TEXT, 84))[0]) == "original"


def test_a_story_whose_original_has_left_remembers_its_version_also_after_a_restore() -> None:
    live = Deduper(24 * HOUR, 10)
    texts = [article("a", f"{TEXT} {word}", at, fetched=at) for at, word in enumerate(("one", "two", "three"))]
    decide(live, *texts, article("b", TEXT, 20))
    again = restored([live.drain()], 24 * HOUR, 10)
    for deduper in (live, again):
        assert said(decide(deduper, article("a", f"{TEXT} two", 30, fetched=1))[0]) == "older_version of a"
        assert said(decide(deduper, article("a", f"{TEXT} four", 31, fetched=31))[0]) == "version 4"


@pytest.mark.parametrize("times", [{}, {"published": 1.0}, {"fetched": 2.0}, {"published": 1.0, "fetched": 2.0}])
@pytest.mark.parametrize("duplicate_of", [None, "größe"])
@pytest.mark.parametrize(("round_up", "chained"), [(False, False), (True, False), (False, True), (True, True)])
def test_an_entry_and_a_summary_are_the_same_after_their_bytes(
    times: dict[str, float], duplicate_of: str | None, *, round_up: bool, chained: bool
) -> None:
    arrival = Arrival.of(article("a", TEXT, 3, **times))  # type: ignore[arg-type]
    entry = Entry(arrival, clock(4), 2**40, 7, duplicate_of, round_up, chained)
    assert Entry.decode(entry.encode()) == entry
    opened = Summary.opened_by(2**40, entry)
    joined = opened.joined_by(Arrival.of(article("b", TEXT, 3, site="other.example", published=0)))
    assert opened.head == Head(2**40, 7, arrival.text_key, arrival.published, arrival.fetched, clock(3))
    assert [Summary.decode(each.encode()) for each in (opened, joined)] == [opened, joined]


def test_a_restore_counts_no_eviction_twice() -> None:
    live = Deduper(24 * HOUR, 2)
    decide(live, *(article(f"a{n}", prose(50 + n, 60), n) for n in range(5)))
    again = restored([live.drain()], 24 * HOUR, 2)
    assert live.evictions()["articles", "cap"] == 3
    assert set(again.evictions().values()) == {0}
    decide(again, article("b", TEXT, 5))
    assert again.evictions()["articles", "cap"] == 1


def test_nothing_new_is_no_block() -> None:
    deduper = Deduper(WEEK, 10)
    assert deduper.drain() == b""
    decide(deduper, article("a", TEXT))
    assert deduper.drain()
    decide(deduper, article("a", TEXT, 1))  # a refetch
    assert deduper.drain() == b""
    deduper.apply(b"")
    assert deduper.sizes()["articles"].entries == 1


def packed(*numbers: int) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}I", *numbers)).decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("article_id", None),
        ("article_id", ""),
        ("article_id", 7),
        ("article_id", "x" * 2049),
        ("article_id", "\ud800"),
        ("text_key", None),
        ("document_id", []),
        ("source", None),
        ("source", {"name": "A"}),
        ("source", {"name": 1, "site": "a.example"}),
        ("headline", 3),
        ("ingested_at", None),
        ("ingested_at", "yesterday"),
        ("published_at", "2025-07-17T03:04:05"),
        ("fetched_at", 1_750_000_000),
        ("fingerprint", None),
        ("fingerprint.format", 2),
        ("fingerprint.format", None),
        ("fingerprint.exact", "ab"),
        ("fingerprint.exact", "g" * 32),
        ("fingerprint.exact", None),
        ("fingerprint.shingles", -1),
        ("fingerprint.shingles", 2**32),
        ("fingerprint.shingles", True),
        ("fingerprint.shingles", 1.5),
        ("fingerprint.shingles", 0),
        ("fingerprint.anchors", packed(2, 1)),
        ("fingerprint.anchors", packed(1, 1)),
        ("fingerprint.anchors", ""),
        ("fingerprint.anchors", "AAA="),
        ("fingerprint.anchors", "not base64"),
        ("fingerprint.anchors", packed(*range(1025))),
        ("fingerprint.sketch", packed(*range(129))),
        ("fingerprint.sketch", None),
    ],
)
def test_a_broken_article_is_refused_and_changes_nothing(field: str, value: object) -> None:
    """Not even what its time would make leave has left."""
    broken: dict[str, Any] = dict(article("b", TEXT, 30))
    name, _, inner = field.partition(".")
    broken[name] = {**broken[name], inner: value} if inner else value
    deduper, other = Deduper(24 * HOUR, 1), Deduper(24 * HOUR, 1)
    decide(deduper, article("a", TEXT))
    decide(other, article("a", TEXT))
    with pytest.raises(Rejected, match=f"{inner or name}|site|name") as refused:
        deduper.decide(broken, clock(30))  # type: ignore[arg-type]
    assert refused.value.reason is Reason.INVALID_RECORD
    assert deduper.evictions() == other.evictions()
    assert deduper.sizes() == other.sizes()
    assert deduper.drain() == other.drain()
    assert decide(deduper, article("c", TEXT, 1)) == decide(other, article("c", TEXT, 1))


@pytest.mark.parametrize("field", ["headline", "url", "role", "lineage", "source", "fingerprint", "article_id"])
def test_a_field_that_outputs_need_is_missed_before_anything_changes(field: str) -> None:
    broken: dict[str, Any] = dict(article("b", TEXT))
    del broken[field]
    deduper = Deduper(WEEK, 10)
    with pytest.raises(Rejected, match=field):
        deduper.decide(broken, START)  # type: ignore[arg-type]
    assert deduper.drain() == b""


@settings(max_examples=100)
@given(st.sampled_from([*article("b", TEXT)]), ANY_JSON)
def test_any_value_of_a_field_is_taken_or_refused(field: str, value: object) -> None:
    deduper = Deduper(WEEK, 10)
    decide(deduper, article("a", TEXT))
    deduper.drain()
    changed: dict[str, Any] = {**article("b", TEXT), field: value}
    try:
        deduper.decide(changed, START)  # type: ignore[arg-type]
    except Rejected:
        assert deduper.drain() == b""
    else:
        added = deduper.drain()  # the second block: a state without the first begins there
        assert restored([added], WEEK, 10).sizes()["articles"].entries == (1 if added else 0)


def three_blocks() -> list[bytes]:
    deduper, blocks = Deduper(WEEK, 10), []
    for name in "abc":
        decide(deduper, article(name, TEXT))
        blocks.append(deduper.drain())
    return blocks


@given(st.integers(0, 10_000))
def test_a_block_that_was_cut_off_or_has_too_much_is_refused_whole(at: int) -> None:
    first, second, _ = three_blocks()
    deduper = restored([first], WEEK, 10)
    for damaged in (second[: max(1, at % len(second))], second + b"\0"):
        with pytest.raises(StateError):
            deduper.apply(damaged)
        assert deduper.sizes() == restored([first], WEEK, 10).sizes()
    deduper.apply(second)


def test_blocks_out_of_order_or_twice_or_with_a_gap_are_refused() -> None:
    first, second, third = three_blocks()
    for applied, wrong in (([first, second], second), ([first, second], first), ([first], third)):
        deduper = restored(applied, WEEK, 10)
        with pytest.raises(StateError, match="begins at entry"):
            deduper.apply(wrong)
        assert deduper.sizes()["articles"].entries == len(applied)


def test_a_block_of_another_format_is_refused() -> None:
    other = struct.pack("<H", Deduper.FORMAT + 1) + three_blocks()[0][2:]
    with pytest.raises(StateError, match="format"):
        Deduper(WEEK, 10).apply(other)
