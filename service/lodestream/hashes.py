"""Hashes of tokens and of runs of tokens: plain arithmetic modulo 2^64, in numpy.

A sequence v[0..k) hashes to `mix(sum v[i] * B^i)`; `mix` is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
All sums over parts of one long sequence come from its running sums: the sum over [s, e) is (S[e] - S[s]) / B^s,
and B, being odd, can be divided by. Never Python's `hash()`, which differs from process to process.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from lodestream.text import CodePoints

Hashes: TypeAlias = npt.NDArray[np.uint64]
Places: TypeAlias = npt.NDArray[np.intp]

TOKEN_BASE: Final = 0x9FB21C651E98DF25  # B over the code points of a token: odd, bits well mixed, like the next
RUN_BASE: Final = 0x9E3779B97F4A7C15  # over the tokens of a run: 2^64 / golden ratio
_POWERS_KEPT: Final = 1 << 16  # code points: 10,000 words; 512 KiB a table


class RunningSums:
    """The sums from the start of a sequence, with which any part of it is hashed at once."""

    def __init__(self, values: CodePoints | Hashes, base: int) -> None:
        count = len(values)
        self._sums = np.zeros(count + 1, dtype=np.uint64)
        np.cumsum(values * powers(base, count)[:count], out=self._sums[1:])
        self._inverses = powers(pow(base, -1, 1 << 64), count)

    def over(self, starts: Places, ends: Places) -> Hashes:
        """The sum of each part, not mixed yet; 0 for an empty one."""
        return (self._sums[ends] - self._sums[starts]) * self._inverses.take(starts, mode="clip")

    def every(self, width: int) -> Hashes:
        """The same of all parts of a width that is at most the length of the sequence, in order."""
        count = len(self._sums) - width
        return (self._sums[width:] - self._sums[:count]) * self._inverses[:count]


def mix(values: Hashes) -> Hashes:
    """The finaliser of splitmix64: a bijection in which every bit in moves every bit out."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def powers(base: int, count: int) -> Hashes:
    """B^0 … B^(count-1) modulo 2^64, or more of them."""
    return _powers_kept(base) if count <= _POWERS_KEPT else _powers_of(base, count)


@cache
def _powers_kept(base: int) -> Hashes:
    return _powers_of(base, _POWERS_KEPT)


def _powers_of(base: int, count: int) -> Hashes:
    steps = np.full(count, base, dtype=np.uint64)
    steps[0] = 1
    return np.multiply.accumulate(steps)
