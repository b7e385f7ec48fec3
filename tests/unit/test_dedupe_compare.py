"""Estimates from sketches beside what the sets of shingles say."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.dedupe.compare import Similarity, headline_similarity, similarities

SETS = st.sets(st.integers(0, 2**32 - 2), max_size=128)


def sketch(hashes: set[int]) -> bytes:
    return np.array(sorted(hashes)[:128], dtype="<u4").tobytes()


def exact(new: set[int], known: set[int]) -> Similarity:
    both = len(new & known)
    return Similarity(
        both / max(1, len(new | known)), both / max(1, min(len(new), len(known))), both / max(1, len(new))
    )


@given(SETS, st.lists(SETS, max_size=4), st.randoms(use_true_random=False))
def test_sets_that_fit_into_their_sketches_are_compared_exactly(
    new: set[int], others: list[set[int]], choose: random.Random
) -> None:
    known = [other | set(choose.sample(sorted(new), len(new) // 2)) for other in others]
    known = [other if len(other) <= 128 else set(sorted(other)[:128]) for other in known]
    assert similarities(sketch(new), [sketch(other) for other in known]) == [exact(new, other) for other in known]


@pytest.mark.parametrize(
    ("shared", "only_new", "only_known"),
    [(500, 0, 0), (400, 100, 100), (400, 600, 0), (300, 0, 900), (50, 450, 450), (0, 500, 500), (2000, 2000, 4000)],
)
def test_estimates_of_large_sets_are_right_on_average_and_rarely_far_off(
    shared: int, only_new: int, only_known: int
) -> None:
    choose = random.Random(1)
    trials = []
    for _ in range(100):
        hashes = choose.sample(range(2**32 - 1), shared + only_new + only_known)
        new, known = set(hashes[: shared + only_new]), {*hashes[:shared], *hashes[shared + only_new :]}
        (found,) = similarities(sketch(new), [sketch(known)])
        trials.append(np.array(found) - np.array(exact(new, known)))
    assert np.abs(np.mean(trials, axis=0)).max() < 0.03
    assert np.abs(np.std(trials, axis=0)).max() < 0.09


def test_each_known_text_is_compared_on_its_own() -> None:
    one, other = set(range(0, 1000, 10)), set(range(5, 1000, 10))
    same, different = similarities(sketch(one), [sketch(one), sketch(other)])
    assert same == (1.0, 1.0, 1.0)
    assert different == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [([1, 2, 3], [1, 2, 3], 1.0), ([1, 2], [2, 3], 1 / 3), ([1], [2], 0.0), ([], [1], 0.0), ([], [], 0.0)],
)
def test_headlines_are_as_similar_as_the_words_they_share(a: list[int], b: list[int], share: float) -> None:
    one, other = (np.array(words, dtype="<u2").tobytes() for words in (a, b))
    assert headline_similarity(one, other) == pytest.approx(share)
