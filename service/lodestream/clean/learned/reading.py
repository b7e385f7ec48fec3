"""The bodies of a document as keys: of its lines, of runs of words in them, and of what each article is about.

A key is 64 bits over the normalised words (`lodestream.text`), the site, the kind of document and what it is the key
of. Of n keys that a memory holds, another text meets one with odds of n / 2^64: 1 to 18 million million for a million.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash

from lodestream.clean.learned.rules import PICKED, TELLING_WORDS, WIDTH, Rules
from lodestream.hashes import RUN_BASE, Hashes, Places, RunningSums, mix
from lodestream.tokenised import Tokenised, tokenised

Mask = npt.NDArray[np.bool_]

SKETCH: Final = 16
"""How many of the smallest hashes of an article's windows say what it is about (bottom-k, Broder 1997)."""

_FIRST_UNSPACED: Final = 0xE00  # Thai is the first of the scripts without spaces


class Reading:
    """All articles of a document, read at once: numpy costs by the call. Lines count through all of them."""

    def __init__(self, bodies: Sequence[str], site: str, rules: Rules) -> None:
        self.rules = rules
        self._site = site
        texts = [tokenised(body) for body in bodies]
        self._tokens = np.concatenate([text.folded if rules.folds_digits else text.hashes for text in texts])
        self._sums = RunningSums(self._tokens, RUN_BASE)
        first = np.cumsum([0, *(len(text.hashes) for text in texts)])
        self.ends = np.concatenate([text.paragraph_ends + n for text, n in zip(texts, first[:-1], strict=True)])
        """By line: the number of the token behind it."""
        self.starts = np.concatenate((first[:1], self.ends[:-1]))
        self.first_line = np.cumsum([0, *(len(text.paragraph_ends) for text in texts)])
        """By article, and one more."""
        self._has_word = self._count(~np.concatenate([text.begins_with_digit for text in texts])) > 0
        self._spaced = 2 * self._count(np.concatenate([_glued(text) for text in texts])) <= self.words

    @cached_property
    def words(self) -> Places:
        """By line: how many it has."""
        words: Places = self.ends - self.starts
        return words

    @cached_property
    def lines(self) -> Hashes:
        """By line its key; 0 where it counts for nothing."""
        keys = self._keys(self._sums.over(self.starts, self.ends), "line")
        return np.where((self.words >= self.rules.line_words) & self._has_word, keys, np.uint64(0))

    @cached_property
    def runs(self) -> Hashes:
        """By token the key of the window of words that begins there."""
        if len(self._tokens) < WIDTH:
            return np.zeros(0, dtype=np.uint64)
        return self._keys(self._sums.every(WIDTH), "run")

    @cached_property
    def line_of(self) -> Places:
        """By window the line that it begins in."""
        return np.repeat(np.arange(len(self.ends)), self.words)[: len(self.runs)]

    @cached_property
    def inside(self) -> Mask:
        """By window: it ends in the line that it begins in, which is written with spaces."""
        return (np.arange(len(self.runs)) + WIDTH <= self.ends[self.line_of]) & self._spaced[self.line_of]

    @cached_property
    def picked(self) -> Places:
        """The windows that are the smallest of some `PICKED` in a row of their line."""
        count = len(self.runs) - PICKED + 1
        if count < 1:
            return np.zeros(0, dtype=np.intp)
        whole = self.inside[PICKED - 1 :] & (self.line_of[:count] == self.line_of[PICKED - 1 :])
        smallest = np.where(whole, _extremes(np.minimum, self.runs), np.uint64(0))
        margin = np.zeros(PICKED - 1, dtype=np.uint64)
        largest = _extremes(np.maximum, np.concatenate((margin, smallest, margin)))
        return np.flatnonzero((largest == self.runs) & self.inside)

    def about(self, article_ids: Sequence[str]) -> tuple[Hashes, list[int]]:
        """The keys of what the articles are about, and how many each has, that of its id (first) among them.

        The others are the smallest hashes of its windows: of those that begin in lines of text, as long as there are
        enough of them.
        """
        bounds = np.append(self.starts, len(self._tokens))[self.first_line].tolist()
        telling = (self.words >= TELLING_WORDS)[self.line_of]
        pieces, counts = [], []
        for name, (start, end) in zip(article_ids, pairwise(bounds), strict=True):
            if end - start < WIDTH:
                sums = self._sums.over(np.array([start]), np.array([end])) if end > start else self.runs[:0]
            else:
                windows = self.runs[start : end - WIDTH + 1]
                chosen = windows[telling[start : end - WIDTH + 1]]
                sums = _smallest(chosen if len(chosen) >= SKETCH else windows)
            named = xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))
            pieces += [np.array([named], dtype=np.uint64), sums]
            counts.append(1 + len(sums))
        return self._keys(np.concatenate(pieces), "story"), counts

    def _count(self, tokens: Mask) -> Places:
        """By line: how many of these tokens it has."""
        before = np.zeros(len(tokens) + 1, dtype=np.intp)
        np.cumsum(tokens, out=before[1:])
        counts: Places = before[self.ends] - before[self.starts]
        return counts

    def _keys(self, sums: Hashes, what: str) -> Hashes:
        """0 is no key: it says that there is none."""
        return np.maximum(mix(sums + _seed(self.rules.name, what, self._site)), np.uint64(1))


def _glued(text: Tokenised) -> Mask:
    """By token: whether nothing stands between it and the one before."""
    glued = np.zeros(len(text.hashes), dtype=np.bool_)
    if text.points.max(initial=0) >= _FIRST_UNSPACED:
        glued[1:] = text.spans.starts[1:] == text.spans.ends[:-1]
    return glued


def _seed(name: str, what: str, site: str) -> np.uint64:
    return np.uint64(xxhash.xxh3_64_intdigest(f"{name}\0{what}\0{site}".encode("utf-8", "surrogatepass")))


def _smallest(hashes: Hashes) -> Hashes:
    """The `SKETCH` smallest distinct ones, or a few less where there are many alike."""
    few = np.partition(hashes, 2 * SKETCH)[: 2 * SKETCH] if len(hashes) > 2 * SKETCH else hashes.copy()
    few.sort()
    first = np.ones(len(few), dtype=np.bool_)
    np.not_equal(few[1:], few[:-1], out=first[1:])
    return few[first][:SKETCH]


def _extremes(extreme: np.ufunc, values: Hashes) -> Hashes:
    """The extreme of each `PICKED` values in a row. `PICKED` is a power of two."""
    span = 1
    while span < PICKED:
        values = extreme(values[:-span], values[span:])
        span *= 2
    return values
