"""A text's tokens and their hashes, remembered for a moment: each stage asks for them, of the same body."""

from __future__ import annotations

from functools import cache, cached_property, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from lodestream.hashes import TOKEN_BASE, Hashes, Places, RunningSums, mix, powers
from lodestream.text import CodePoints, TokenSpans, code_points, normalise, token_spans

PARAGRAPH: Final = "\x01"
"""Stands for a blank line. No cleaned text has it, and no normal form touches it."""

_KEPT_LENGTH: Final = 1 << 16  # of a text: 64 of them take 60 MB at most
_ZERO: Final = np.uint32(ord("0"))
_FIRST_FOREIGN_DIGIT: Final = 0x660


class Tokenised:
    """A text in normal form. Its tokens are those of `text.words`, whatever stands between them; arrays are shared."""

    def __init__(self, text: str) -> None:
        normal = normalise(text.replace(PARAGRAPH, " ").replace("\n\n", PARAGRAPH))
        self.points: CodePoints = code_points(normal)
        self.spans: TokenSpans = token_spans(self.points)

    @cached_property
    def hashes(self) -> Hashes:
        """One hash per token."""
        return mix(self._sums)

    @cached_property
    def folded(self) -> Hashes:
        """The same of the text with a 0 for every digit: only tokens with digits are hashed again."""
        places = np.flatnonzero(self._is_digit(self.points))
        if not len(places):
            return self.hashes
        starts = self.spans.starts
        tokens = np.searchsorted(starts, places, side="right") - 1
        weights = powers(TOKEN_BASE, len(self.points))[places - starts[tokens]]
        sums = self._sums.copy()
        np.subtract.at(sums, tokens, (self.points[places] - _ZERO) * weights)
        return mix(sums)

    @cached_property
    def paragraph_ends(self) -> Places:
        """By paragraph, between blank lines: the number of the token behind it."""
        breaks = np.append(np.flatnonzero(self.points == ord(PARAGRAPH)), len(self.points))
        return np.searchsorted(self.spans.starts, breaks)

    @cached_property
    def begins_with_digit(self) -> npt.NDArray[np.bool_]:
        """By token."""
        return self._is_digit(self.points[self.spans.starts])

    @cached_property
    def _sums(self) -> Hashes:
        return RunningSums(self.points, TOKEN_BASE).over(self.spans.starts, self.spans.ends)

    @staticmethod
    def _is_digit(points: CodePoints) -> npt.NDArray[np.bool_]:
        digits: npt.NDArray[np.bool_] = points - _ZERO <= 9
        if points.max(initial=0) >= _FIRST_FOREIGN_DIGIT:
            digits |= _decimals().take(points, mode="clip")
        return digits


def tokenised(text: str) -> Tokenised:
    return _kept(text) if len(text) <= _KEPT_LENGTH else Tokenised(text)


_kept = lru_cache(maxsize=64)(Tokenised)


@cache
def _decimals() -> npt.NDArray[np.bool_]:
    """By code point: whether it is a digit in some script."""
    return np.array([chr(point).isdecimal() for point in range(0x20000)], dtype=np.bool_)
