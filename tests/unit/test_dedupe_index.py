"""The deduper's memory inside: postings, numbers, stories, and that all of it follows from the live entries alone."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections import defaultdict

import pytest
from dedupe_articles import HOUR, article, clock, decide, prose, said
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestream.dedupe import Deduper
from lodestream.dedupe.postings import NEWEST, Postings
from lodestream.dedupe.window import Window
from lodestream.records import Article

KINDS = "new copy cut edit grow version back refetch older round_up brief".split()


class Steps:
    """A source of articles that have to do with each other."""

    def __init__(self, seed: int) -> None:
        self._choose = random.Random(seed)
        self._seen: list[Article] = []

    def article(self, kind: str, hours: float) -> Article:
        choose, number = self._choose, len(self._seen)
        name, body = f"n{number}", prose(number + 100, choose.choice([45, 90, 250]))
        if self._seen and kind != "new":
            known, other = choose.choices(self._seen[-12:], k=2)
            name = known["article_id"] if kind in ("version", "back", "refetch", "older") else name
            body = self._changed(kind, known["body"], other["body"])
        made = article(
            name,
            body,
            hours,
            headline=choose.choice(["One headline", "Another", None]),
            site=f"site{choose.randrange(4)}.example",
            published=choose.choice([None, hours - 5, hours - 60]),
            fetched=None if choose.random() < 0.5 else hours - 5 * (kind == "older"),
        )
        self._seen.append(made)
        return made

    def _changed(self, kind: str, body: str, other: str) -> str:
        tokens, number = body.split(), len(self._seen)
        half = len(tokens) // 2
        texts = {
            "cut": " ".join(tokens[: max(1, 2 * half // 3)]),
            "edit": " ".join([*tokens[:half], "edited", prose(number, 3), *tokens[half + 4 :]]),
            "grow": f"{body} {prose(number + 50, len(tokens) + 20)}",
            "version": f"{body} {prose(number + 50, 9)}",
            "older": f"{prose(number, 9)} {body}",
            "round_up": f"{body} {other} {prose(number, 30)}",
            "brief": " ".join(tokens[:8]),
        }
        return texts.get(kind, body)


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[Article, int]]:
    """Articles, each with the clock at which it comes."""
    steps, hours, made = Steps(draw(st.integers(0, 1000))), 0.0, []
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=40)):
        hours += draw(st.sampled_from([0, 0.1, 1, 5, 11]))
        made.append((steps.article(kind, hours), clock(hours)))
    return made


def look(deduper: Deduper) -> object:
    """Everything that future answers come from."""
    index = deduper._index
    live = range(index.window.first, index.window.next)
    stories = {index.entry(number).story for number in live}
    assert index.stories == len(stories)
    return (
        [index.window[number] for number in live],
        {story: (index.summary(story), index.representatives(story), index.longest(story)) for story in stories},
        {number: index.candidates(index.entry(number).arrival.anchors) for number in live},
        {number: index.known(index.entry(number).arrival.article_id) for number in live},
    )


@settings(max_examples=100)
@given(streams(), st.sampled_from([6, 24, 400]), st.sampled_from([1, 3, 8, 1000]), st.data())
def test_what_is_remembered_follows_from_the_live_entries_alone(
    stream: list[tuple[Article, int]], window: int, cap: int, data: st.DataObject
) -> None:
    """A restore may begin at any block before the window, wherever blocks were cut."""
    live = Deduper(window * HOUR, cap)
    blocks: list[tuple[int, bytes]] = []
    for made, now in stream:
        live.decide(made, now)
        if data.draw(st.booleans()):
            blocks.append((live._index.window.next, live.drain()))
    blocks.append((live._index.window.next, live.drain()))
    first_needed = next(at for at, (end, _) in enumerate(blocks) if end >= live._index.window.first)
    restored = Deduper(window * HOUR, cap)
    for _, block in blocks[data.draw(st.integers(0, first_needed)) :]:
        restored.apply(block)
    restored._index.expire(stream[-1][1])
    assert look(restored) == look(live)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=80), st.integers(0, 40))
def test_postings_are_the_newest_of_each_key_first_in_first_out(adds: list[tuple[int, int]], leave: int) -> None:
    """Also where keys share a row, and bytes across the border of two pairs look like a key."""
    postings, model = Postings(1), defaultdict[bytes, list[int]](list)
    keys = [b"\x00\x01\x00\x01", b"\x00\x01\x00\x00", b"\x00\x00\x01\x00", b"\x00\x00\x00\x01"]
    numbered = [(65536 * place + 256 * value, keys[key]) for place, (key, value) in enumerate(adds)]
    for number, key in numbered:
        postings.add(key, number)
        model[key] = [*model[key], number][-NEWEST:]
    for number, key in numbered[:leave]:
        postings.discard(key, number)
        model[key] = [each for each in model[key] if each != number]
    assert {key: postings.find(key) for key in keys} == {key: model[key] for key in keys}
    assert len(postings) == sum(map(len, model.values()))


def test_a_key_keeps_its_newest_entries() -> None:
    postings = Postings(1)
    for number in range(20):
        postings.add(b"abcd", number)
        postings.add(number.to_bytes(4, "little"), number)
    assert postings.find(b"abcd") == list(range(20 - NEWEST, 20))
    assert len(postings) == 20 + NEWEST


def test_postings_take_many_keys_at_once() -> None:
    postings = Postings(100_000)
    keys = [number.to_bytes(4, "little") for number in (3, 7, 2**32 - 1, 0)]
    postings.add(b"".join(keys), 5)
    postings.add(b"".join(keys[:2]), 6)
    assert postings.find(b"".join(keys)) == [5, 6, 5, 6, 5, 5]
    postings.discard(b"".join(keys), 5)
    assert postings.find(b"".join(keys)) == [6, 6]


def test_entries_keep_their_numbers_while_others_leave() -> None:
    window = Window()
    for number in range(5000):
        assert window.append(number.to_bytes(8, "little")) == number
        if number % 3:
            assert window.pop() == (window.first - 1).to_bytes(8, "little")
        assert window[window.first] == window.first.to_bytes(8, "little")
        assert window[number] == number.to_bytes(8, "little")
        assert window.first - 1 not in window
    assert len(window) == 5000 // 3 + 1
    with pytest.raises(KeyError):
        window[window.first - 1]


def test_entries_are_told_apart_when_their_numbers_outgrow_32_bits() -> None:
    deduper = Deduper(HOUR, 100)
    deduper._index.window.start_at(2**32 - 2)
    bodies = [prose(seed, 80) for seed in range(5)]
    decide(deduper, *(article(f"a{at}", body) for at, body in enumerate(bodies)))
    copies = decide(deduper, *(article(f"b{at}", body, 0.5) for at, body in enumerate(bodies)))
    assert [said(each) for each in copies] == [f"exact of a{at}" for at in range(5)]


def test_a_story_with_many_copies_is_still_found() -> None:
    deduper = Deduper(100 * HOUR, 1000)
    body = prose(1, 200)
    texts = [f"{body} {prose(10 + at, 12)}" for at in range(120)]
    decisions = decide(deduper, *(article(f"a{at}", text, at / 10) for at, text in enumerate(texts)))
    assert [said(each) for each in decisions[1:]] == ["near of a0"] * 119


def test_a_copy_of_a_copy_does_not_stand_for_its_story() -> None:
    """The longest text is one that was compared with the original, so that likeness goes one step at most."""
    tokens = prose(5, 800).split()
    bodies = [" ".join(tokens[start:stop]) for start, stop in ((0, 300), (60, 370), (150, 470), (250, 600))]
    deduper = Deduper(100 * HOUR, 1000)
    decisions = decide(deduper, *map(article, "abcd", bodies))
    assert [said(each) for each in decisions] == ["original", "near of a", "near of a", "original"]
    restored = Deduper(100 * HOUR, 1000)
    restored.apply(deduper.drain())
    assert deduper._index.representatives(0) == restored._index.representatives(0) == [0, 1]


def test_the_first_of_equally_long_texts_stands_for_its_story_until_it_leaves() -> None:
    body = prose(1, 300)
    deduper = Deduper(3 * HOUR, 1000)
    longer = [f"{prose(at, 10)} {body}" for at in range(2, 5)]
    decide(deduper, article("a", body), *(article(f"b{at}", text, at) for at, text in enumerate(longer)))
    index = deduper._index
    assert index.representatives(0) == [0, 1]
    index.expire(clock(3))
    assert index.representatives(0) == [2]
    assert index.longest(0) == 306


def test_memory_is_given_back() -> None:
    deduper = Deduper(HOUR, 1000)
    sizes = []
    for turn in range(6):
        decide(deduper, *(article(f"{turn}-{at}", prose(at, 60), turn * 2 + at / 500) for at in range(300)))
        sizes.append(deduper.sizes()["articles"].bytes)
        deduper.drain()
    assert max(sizes[1:]) <= 1.2 * sizes[0]
    assert len(deduper._index.window._entries) < 1500


def test_ten_times_past_the_cap_memory_is_what_it_was_at_the_cap() -> None:
    """Stories of copies among them: what a story keeps must leave with it."""
    cap = 150
    deduper = Deduper(1000 * HOUR, cap)
    tracemalloc.start()
    try:
        held = []
        for turn in range(11):
            for at in range(cap):
                number = turn * cap + at
                decide(deduper, article(f"a{number}", prose(number - number % 3, 80), number / 1000))
            deduper.drain()
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert deduper.sizes()["articles"].entries == cap
    assert deduper.evictions()["articles", "cap"] == 10 * cap
    assert max(held[6:]) <= 1.1 * max(held[:6])
