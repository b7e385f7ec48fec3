"""Tokens with their hashes, of a text as it is and with its digits folded."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lodestream.text import normalise, words
from lodestream.tokenised import Tokenised, tokenised

TEXTS = st.lists(st.sampled_from(["a1b2", "2024", "12.5", "don't", "٣٤", "稀土9", "Ⅷ", "\n\n", " ", "\x01", "7"])).map(
    "".join
)


@given(TEXTS | st.text(max_size=80))
@example("9" * 70_000 + " 8")
def test_folded_hashes_are_those_of_the_text_with_zeros(text: str) -> None:
    text = normalise(text)  # which makes digits of some characters
    zeros = "".join("0" if character.isdecimal() else character for character in text)
    assert Tokenised(text).folded.tolist() == Tokenised(zeros).hashes.tolist()
    differ = [a != b for a, b in zip(Tokenised(text).hashes, Tokenised(zeros).hashes, strict=True)]
    assert differ == [a != b for a, b in zip(words(text), words(zeros), strict=True)]


@given(TEXTS)
def test_paragraphs_end_behind_their_tokens(text: str) -> None:
    ends = [0, *Tokenised(text).paragraph_ends.tolist()]
    counts = [end - start for start, end in pairwise(ends)]
    assert counts == [len(words(part)) for part in text.replace("\x01", " ").split("\n\n")]


@pytest.mark.parametrize("length", [100, 100_000])
def test_the_same_text_has_the_same_tokens(length: int) -> None:
    text = "word7 " * (length // 6)
    assert len(tokenised(text).hashes) == length // 6
    assert len(set(tokenised(text).hashes.tolist())) == 1
    assert re.findall(r"\w+", text) == words(text)
