"""The memory of clean as state: restored from blocks or a snapshot it answers as the one that ran on."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learned_articles import DAY, START, WEEK, article, prose, read, repeated, stories

from lodestream.clean.learned import Memory, recall
from lodestream.clean.learned.table import DEPTH, Table
from lodestream.errors import StateError
from lodestream.records import ArticleFields

LINES = [prose(9000 + n, 4) for n in range(6)]
PROMOS = [prose(9100 + n, 18).replace(".", "") for n in range(3)]


class Move(NamedTuple):
    """A record of a stream: an article of its own or an earlier one, with some of what the site repeats."""

    which: int
    copies: bool
    site: int
    lines: int  # bits
    promo: int
    hours: int  # that pass before
    page: bool


MOVES = st.lists(
    st.builds(
        Move,
        which=st.integers(0, 30),
        copies=st.booleans(),
        site=st.integers(0, 1),
        lines=st.integers(0, 63),
        promo=st.integers(0, 3),
        hours=st.sampled_from([0, 0, 1, 6, 30]),
        page=st.booleans() | st.just(True),
    ),
    min_size=1,
    max_size=40,
)
CUTS = st.sets(st.integers(0, 40), max_size=8)
WINDOWS = st.sampled_from([DAY // 4, DAY, WEEK])
CAPS = st.sampled_from([1, 16, 64, 4000])


class Given(NamedTuple):
    site: str
    articles: list[ArticleFields]
    days: float
    page: bool


def stream(moves: Sequence[Move]) -> list[Given]:
    records: list[Given] = []
    hours = 0
    for n, move in enumerate(moves):
        hours += move.hours
        seed = move.which % n if move.copies and n else 1000 + n
        lines = [line for bit, line in enumerate(LINES) if move.lines >> bit & 1]
        glued = f"{prose(seed, 30)} {PROMOS[move.promo]} {prose(seed + 500, 30)}" if move.promo < 3 else prose(seed, 60)
        parts = [article(f"a{seed}", prose(seed + 100, 40), *lines, glued)]
        if move.which % 5 == 0:
            parts.append(article(f"b{n}", prose(move.which, 50), *lines[:2]))
        records.append(Given(f"{move.site}.example", parts, hours / 24, move.page))
    return records


def given_to(memory: Memory, record: Given) -> list[ArticleFields]:
    return read(memory, *record.articles, days=record.days, page=record.page, site=record.site)


def restored(blocks: Sequence[bytes], window_ms: int, cap: int) -> Memory:
    memory = Memory(window_ms, cap)
    for block in blocks:
        memory.apply(block)
    return memory


def frozen(memory: Memory) -> bytes:
    return b"".join(memory.freeze()())


def thawed(data: bytes, window_ms: int, cap: int) -> Memory:
    memory = Memory(window_ms, cap)
    memory.load(memoryview(data))
    return memory


@settings(max_examples=80)
@given(MOVES, CUTS, CUTS, WINDOWS, CAPS)
def test_a_restored_state_answers_exactly_like_the_one_that_ran_on(
    moves: list[Move], drains: set[int], crashes: set[int], window_ms: int, cap: int
) -> None:
    live, crashing = Memory(window_ms, cap), Memory(window_ms, cap)
    blocks: list[bytes] = []
    for n, record in enumerate(stream(moves)):
        if n in drains | crashes:
            blocks.append(crashing.drain())
        if n in crashes:
            crashing = restored(blocks, window_ms, cap)
        assert given_to(crashing, record) == given_to(live, record)
        assert crashing.sizes() == live.sizes()
    crashing.drain()
    live.drain()
    assert frozen(crashing) == frozen(live)


@settings(max_examples=80)
@given(MOVES, CUTS, CUTS, WINDOWS, CAPS)
def test_a_state_from_a_snapshot_and_the_blocks_after_it_answers_exactly_like_the_one_that_ran_on(
    moves: list[Move], snapshots: set[int], crashes: set[int], window_ms: int, cap: int
) -> None:
    live, crashing = Memory(window_ms, cap), Memory(window_ms, cap)
    kept, tail = frozen(live), list[bytes]()
    for n, record in enumerate(stream(moves)):
        copy = crashing.freeze()
        assert given_to(crashing, record) == given_to(live, record)
        if n in snapshots:  # of the state before this record, which the copy knows nothing of
            kept, tail = b"".join(copy()), []
        tail.append(crashing.drain())
        if n in crashes:
            crashing = thawed(kept, window_ms, cap)
            for block in tail:
                crashing.apply(block)
        assert crashing.sizes() == live.sizes()
    crashing.drain()
    live.drain()
    assert frozen(crashing) == frozen(live), "the bytes are a function of the answers"


@settings(max_examples=40)
@given(MOVES, st.sampled_from([DAY // 4, DAY]), CAPS)
def test_blocks_whose_stories_have_all_left_are_not_needed(moves: list[Move], window_ms: int, cap: int) -> None:
    """Retention takes a changelog's beginning, two windows back."""
    records = stream(moves)
    live = Memory(window_ms, cap)
    blocks = []
    for record in records:
        given_to(live, record)
        blocks.append((START + record.days * DAY, live.drain()))
    now = blocks[-1][0]
    short = restored([block for at, block in blocks if at > now - 2 * window_ms], window_ms, cap)
    for record in records:
        again = record._replace(days=records[-1].days)
        assert given_to(short, again) == given_to(live, again)


@settings(max_examples=40)
@given(MOVES, CUTS, WINDOWS, CAPS)
def test_blocks_may_be_cut_anywhere(moves: list[Move], cuts: set[int], window_ms: int, cap: int) -> None:
    """What is learned in one go is what is learned one by one."""
    one, other = Memory(window_ms, cap), Memory(window_ms, cap)
    whole, parts = [], []
    for n, record in enumerate(stream(moves)):
        given_to(one, record)
        given_to(other, record)
        parts.append(one.drain())
        if n in cuts:
            whole.append(other.drain())
    whole.append(other.drain())
    assert frozen(restored(whole, window_ms, cap)) == frozen(restored(parts, window_ms, cap)) == frozen(one)


@settings(max_examples=40)
@given(MOVES, WINDOWS, CAPS)
def test_every_story_is_in_the_window_or_counted_as_evicted(moves: list[Move], window_ms: int, cap: int) -> None:
    memory = Memory(window_ms, cap)
    seen: set[int] = set()
    for record in stream(moves):
        recalled = recall(memory, record.site, record.articles, START + int(record.days * DAY), page=record.page)
        memory.learn(recalled.lesson)
        seen |= {part.story for part in recalled.lesson.parts}
        sizes, evicted = memory.sizes(), memory.evictions()
        assert sizes["stories"].entries + evicted["stories", "window"] + evicted["stories", "cap"] == len(seen)
        assert sizes["stories"].entries <= cap
        assert all(size.entries <= max(cap, 8) for size in sizes.values())


def test_a_lesson_that_is_not_learned_has_taught_nothing() -> None:
    memory = Memory(WEEK, 1000)
    stories(memory, LINES, 2)
    before = frozen(memory)
    recall(memory, "a.example", [article("x", prose(70, 100), *LINES)], START, page=True)
    assert frozen(memory) == before
    assert repeated(read(memory, article("y", prose(71, 100), *LINES))) == LINES


def test_a_restore_counts_no_eviction_twice() -> None:
    memory = Memory(WEEK, 16)
    stories(memory, LINES, 40)
    again = restored([memory.drain()], WEEK, 16)
    assert sum(memory.evictions().values()) > 40
    assert set(again.evictions().values()) == {0}


def test_nothing_new_is_no_block() -> None:
    memory = Memory(WEEK, 1000)
    assert memory.drain() == b""
    stories(memory, LINES, 1)
    assert memory.drain()
    assert memory.drain() == b""
    memory.apply(b"")
    assert memory.sizes()["stories"].entries == 1


def block_of(number: int) -> bytes:
    memory = Memory(WEEK, 1000)
    stories(memory, LINES, number)
    return memory.drain()


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\x02" + block_of(1)[1:], "format 2, not 1"),
        (block_of(1)[:-1], "not readable"),
        (block_of(1) + b"x", "too many or too few"),
        (block_of(1)[:20], "not readable"),
        (b"x", "not readable"),
        (block_of(1)[:26] + struct.pack("<Q", 9) + block_of(1)[34:], "story 9 before 1"),
        (block_of(1)[:26] + struct.pack("<Q", 0) + block_of(1)[34:], "story 0 before 1"),
    ],
)
def test_a_block_that_is_none_is_refused_before_anything_changes(block: bytes, why: str) -> None:
    memory = Memory(WEEK, 1000)
    empty = frozen(memory)
    with pytest.raises(StateError, match=why):
        memory.apply(block)
    assert frozen(memory) == empty


def test_a_block_that_does_not_follow_is_refused() -> None:
    memory = Memory(WEEK, 1000)
    stories(memory, LINES, 2)
    with pytest.raises(StateError, match="begins at story 1, not 3"):
        memory.apply(block_of(1))


@given(st.binary(max_size=300) | st.integers(0, 100_000))
def test_bytes_that_are_no_frozen_state_are_refused(data: bytes | int) -> None:
    memory = Memory(WEEK, 1000)
    stories(memory, LINES, 3)
    whole = frozen(memory)
    if isinstance(data, int):
        data = whole[: data % len(whole)]
    for wrong in (data, whole + b"x"):
        with pytest.raises(StateError):
            Memory(WEEK, 1000).load(memoryview(wrong))


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_damaged_frozen_bytes_are_refused_or_answer(at: int) -> None:
    """A checksum is around them; what gets past it must not break the table."""
    memory = Memory(WEEK, 1000)
    stories(memory, LINES, 3)
    damaged = bytearray(frozen(memory))
    damaged[at] ^= 0xFF
    try:
        again = thawed(bytes(damaged), WEEK, 1000)
    except StateError:
        return
    stories(again, LINES, 3, first=50)


@pytest.mark.parametrize(("window_ms", "cap"), [(DAY, 1000), (WEEK, 1001)])
def test_a_snapshot_of_another_window_or_cap_is_refused(window_ms: int, cap: int) -> None:
    with pytest.raises(StateError, match="another window or cap"):
        thawed(frozen(Memory(WEEK, 1000)), window_ms, cap)


def test_stories_are_numbered_beyond_32_bits() -> None:
    """The table counts from a base that moves: answers are those of low numbers."""
    low = Memory(WEEK, 1000)
    high = Memory(WEEK, 1000)
    stories(low, LINES, 2)
    block = bytearray(low.drain())
    start = 2**31 + 990
    shifted = struct.pack("<HQI", 1, start, 2) + bytes(block)[14:]
    at = 14
    for n in range(2):
        shifted = shifted[: at + 12] + struct.pack("<Q", start + n) + shifted[at + 20 :]
        counts = struct.unpack_from("<III", shifted, at + 20)
        at += 12 + 20 + 8 * sum(counts)
    high.apply(shifted)
    for n in range(2, 40):
        record = Given("a.example", [article(f"story {n}", prose(n, 120), *LINES)], 0, page=True)
        cut = given_to(low, record)
        assert repeated(cut) == LINES
        assert given_to(high, record) == cut
        assert high.next_story == start + n + 1
    low.drain(), high.drain()
    again = thawed(frozen(high), WEEK, 1000)
    assert repeated(read(again, article("z", prose(99, 120), *LINES))) == LINES


def test_numbers_that_outgrow_their_place_are_counted_from_later_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> tuple[list[list[str]], bytes]:
        memory = Memory(WEEK, 16)
        cuts = [repeated(read(memory, article(f"{n}", prose(n, 90), LINES[n % 3], LINES[3]))) for n in range(150)]
        memory.drain()
        return cuts, frozen(memory)

    expected = run()
    monkeypatch.setattr("lodestream.clean.learned.memory._SHIFT", 32)
    assert run() == expected
    assert sum(map(len, expected[0])) > 250


def test_a_million_lines_take_24_bytes_each() -> None:
    assert Memory(WEEK, 1_000_000).sizes()["lines"].bytes == 24_000_000


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 12)), max_size=80),
    st.lists(st.integers(0, 80), max_size=5),
    st.sampled_from([8, 16, 400]),
)
def test_a_table_is_what_a_plain_one_is(added: list[tuple[int, int]], cuts: list[int], entries: int) -> None:
    """Rows of 8: of those that meet in a row the ones stay whose newest story is the newest; of equals the largest."""
    table = Table(1, entries)
    plain: dict[int, dict[int, list[int]]] = {}
    keys = [key * 0x9E3779B97F4A7C15 % 2**64 for key, _ in added]
    for key, (_, story) in zip(keys, added, strict=True):
        row = plain.setdefault((key >> 32) * (entries // 8) >> 32, {})
        if key not in row and len(row) == 8:
            del row[min(row, key=lambda known: (row[known][0], known))]
        row[key] = sorted({*row.get(key, []), story}, reverse=True)[:DEPTH]
    bounds = sorted({0, len(added), *(cut for cut in cuts if cut < len(added))})
    for start, end in pairwise(bounds):
        some = np.array(keys[start:end], dtype=np.uint64)
        numbers = np.array([story for _, story in added[start:end]], dtype=np.uint32)
        list(table.add(np.zeros(len(some), dtype=np.intp), some, numbers))
    known = {key: told for row in plain.values() for key, told in row.items()}
    every = np.array([*keys, 12345], dtype=np.uint64)
    for key, found in zip(every.tolist(), table.look_up(0, every).tolist(), strict=True):
        assert [story for story in found if story] == known.get(key, [])
