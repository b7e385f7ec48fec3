"""How near a text is to the right one, in word shingles, as the article extraction benchmark of Scrapinghub has it.

https://github.com/scrapinghub/article-extraction-benchmark: shingles of four words, each as often as it occurs;
precision and recall per page, their means over the pages, and F of the means.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

_WORD: Final = re.compile(r"\w+")
_SHINGLE: Final = 4


class Score(NamedTuple):
    """Shares, between 0 and 1."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def score(right: str, found: str) -> Score:
    """Of one page. A text that is missing has a precision of 0."""
    wanted, given = _shingles(right), _shingles(found)
    shared = sum((wanted & given).values())
    return Score(shared / given.total() if given else 0.0, shared / wanted.total() if wanted else 1.0)


def mean(scores: Iterable[Score]) -> Score:
    every = [*scores]
    return Score(sum(one.precision for one in every) / len(every), sum(one.recall for one in every) / len(every))


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return (
        Counter(tuple(words[at : at + _SHINGLE]) for at in range(max(1, len(words) - _SHINGLE + 1)))
        if words
        else Counter()
    )


def characters(*texts: str | None) -> Counter[str]:
    """The characters of some texts that are no white space."""
    return Counter(character for text in texts for character in text or "" if not character.isspace())
