"""Fingerprints beside a plain implementation of their definition."""

from __future__ import annotations

import base64
import random
import struct
from collections.abc import Iterable

import pytest
from dedupe_articles import prose
from hypothesis import example, given
from hypothesis import strategies as st

from lodestream.dedupe.fingerprint import ANCHORS_MAX, FORMAT, SKETCH_SIZE, fingerprint
from lodestream.records import Fingerprint
from lodestream.text import UNSPACED_CLASSES, exact_key, normalise, script_class, words

MASK = 2**64 - 1
WORDS = st.lists(st.sampled_from(["rare", "earths", "l'été", "Größe", "2024", "手", "мир"]), max_size=400)


def values(data: str) -> list[int]:
    raw = base64.b64decode(data)
    return list(struct.unpack(f"<{len(raw) // 4}I", raw))


def mixed(value: int) -> int:
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


def polynomial(coefficients: Iterable[int], base: int) -> int:
    return sum(c * pow(base, exponent, 2**64) for exponent, c in enumerate(coefficients)) & MASK


def plain_fingerprint(text: str) -> Fingerprint:
    """The definition in `lodestream.dedupe.fingerprint`, point by point."""
    tokens = [mixed(polynomial(map(ord, token), 0x9FB21C651E98DF25)) for token in words(text)]
    width = 8 if script_class(normalise(text)) in UNSPACED_CLASSES else 5
    runs = [tokens[at : at + width] for at in range(len(tokens) - width + 1)] or ([tokens] if tokens else [])
    shingles = [mixed(polynomial([0, *run], 0x9E3779B97F4A7C15)) for run in runs]
    window = 16 if len(tokens) <= 200 else 32
    windows = [shingles[at : at + window] for at in range(len(shingles) - window + 1)] or (
        [shingles] if shingles else []
    )
    sketch = sorted({min(h >> 32, 2**32 - 2) for h in shingles})[:128]
    anchors = sorted({min(w) & 0xFFFFFFFF for w in windows})[:1024]
    return Fingerprint(
        format=1,
        exact=exact_key(text),
        anchors=base64.b64encode(struct.pack(f"<{len(anchors)}I", *anchors)).decode(),
        sketch=base64.b64encode(struct.pack(f"<{len(sketch)}I", *sketch)).decode(),
        shingles=len(shingles),
    )


@given(st.one_of(WORDS.map(" ".join), st.text(st.characters(exclude_categories=()), max_size=300)))
@example("")
@example("one")
@example("one two three four")
@example(prose(1, 200))
@example(prose(1, 201))
@example(prose(2, 1500))
@example("x" * 70_000 + " " + prose(3, 60))
@example("稀土出口管制" * 60)
def test_a_fingerprint_is_what_its_definition_says(text: str) -> None:
    assert fingerprint(text) == plain_fingerprint(text)


def test_fingerprints_are_pinned() -> None:
    """They are compared with those of weeks ago: another definition needs another format number."""
    assert FORMAT == 1
    assert fingerprint("The quick brown fox jumps over the lazy dog.") == {
        "format": 1,
        "exact": "b70ceccf3b1ce8431569efec5dd75ca3",
        "anchors": "3HtNHA==",
        "sketch": "9ZlDNdznU1yuAkJnMHKnhiquYeo=",
        "shingles": 5,
    }


@pytest.mark.parametrize(("shared", "around", "seed"), [(20, 60, 1), (20, 80, 2), (36, 300, 3), (36, 900, 4)])
def test_texts_that_share_a_run_of_words_share_an_anchor(shared: int, around: int, seed: int) -> None:
    for trial in range(50):
        run = prose(1000 * seed + trial, shared)
        one = f"{prose(trial, around)} {run} {prose(trial + 100, around)}"
        other = f"{prose(trial + 200, around)} {run}"
        assert set(values(fingerprint(one)["anchors"])) & set(values(fingerprint(other)["anchors"]))


def test_a_long_text_and_a_short_one_meet_as_well() -> None:
    run = prose(1, 36)
    short, long = f"{prose(2, 40)} {run}", f"{prose(3, 400)} {run} {prose(4, 400)}"
    assert set(values(fingerprint(short)["anchors"])) & set(values(fingerprint(long)["anchors"]))


def test_unlike_texts_share_nothing() -> None:
    one, other = fingerprint(prose(1, 600)), fingerprint(prose(2, 600))
    assert not set(values(one["anchors"])) & set(values(other["anchors"]))
    assert not set(values(one["sketch"])) & set(values(other["sketch"]))


def test_a_text_of_500_words_has_about_30_anchors() -> None:
    counts = [len(values(fingerprint(prose(seed, 500))["anchors"])) for seed in range(40)]
    assert 27 <= sum(counts) / len(counts) <= 33


def test_copies_of_a_very_long_text_keep_the_same_anchors() -> None:
    text = prose(1, 40_000)
    whole, more = values(fingerprint(text)["anchors"]), values(fingerprint(f"{text} {prose(2, 2_000)}")["anchors"])
    assert len(whole) == len(more) == ANCHORS_MAX
    assert len(set(whole) & set(more)) > 0.9 * ANCHORS_MAX


def test_a_sketch_is_the_smallest_of_all_shingles_wherever_they_stand() -> None:
    lines = [prose(seed, 30) for seed in range(30)]
    shuffled = random.Random(1).sample(lines, len(lines))
    one, other = (set(values(fingerprint("\n".join(order))["sketch"])) for order in (lines, shuffled))
    assert len(one) == SKETCH_SIZE
    assert len(one & other) > 0.7 * SKETCH_SIZE


@pytest.mark.parametrize("text", ["", " \n ", "… — !?", "\ud800\udfff"])
def test_a_text_without_tokens_has_an_empty_fingerprint(text: str) -> None:
    found = fingerprint(text)
    assert (found["anchors"], found["sketch"], found["shingles"]) == ("", "", 0)


@pytest.mark.parametrize(
    ("copy", "what"),
    [
        ("“Rare earths”, said the minister — don’t panic: 3,5 % of the world's supply", "typography"),
        ("RARE EARTHS SAID THE MINISTER DON'T PANIC 3.5 OF THE WORLD`S SUPPLY", "capitals"),
        ("Rare\u00a0ear\u00adths, said\n\nthe min\u200bister; don't panic, 3.5% of the world's supply", "invisible"),
    ],
)
def test_typography_changes_no_fingerprint(copy: str, what: str) -> None:
    assert fingerprint(copy) == fingerprint(
        "Rare earths, said the minister - don't panic: 3.5% of the world's supply"
    ), what
