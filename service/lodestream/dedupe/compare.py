"""How alike two texts are, estimated from their sketches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from lodestream.dedupe.fingerprint import SKETCH_SIZE

_PADDING: Final = b"\xff" * (4 * SKETCH_SIZE)  # 2^32 - 1: no sketch holds it
_NO_LIMIT: Final = 0xFFFFFFFE


class Similarity(NamedTuple):
    """Shares between 0 and 1 of the distinct shingles of a new text and a known one."""

    jaccard: float  # of all that either has, what both have
    containment: float  # of those of the smaller text, what both have
    coverage: float  # of those of the new text, what both have

    @property
    def covered(self) -> float:
        """Share of the shingles of the known text that the new one has too: what the other two leave it to be."""
        return 1 / (1 / self.jaccard + 1 - 1 / self.coverage) if self.jaccard else 0.0


def similarities(new: bytes, known: Sequence[bytes]) -> list[Similarity]:
    """The new text beside each known one, from their sketches (u32, little endian, ascending, up to 128).

    A sketch holds every shingle hash of its text up to its largest, or all of them when it is not full. Up to the
    smaller of both largest, then, both texts are known wholly: what is counted there is a random sample of both
    (bottom-k sketches, Broder 1997; Cohen and Kaplan 2007). The error is about sqrt(p (1 - p) / m) for a share p of
    m values in the sample: .04 for Jaccard.
    """
    x = np.frombuffer(new, dtype="<u4")
    y = np.frombuffer(b"".join([sketch + _PADDING[len(sketch) :] for sketch in known]), dtype="<u4")
    y = y.reshape(len(known), SKETCH_SIZE)
    if not len(x):
        return [Similarity(0.0, 0.0, 0.0)] * len(known)
    own_limit = x[-1] if len(x) == SKETCH_SIZE else np.uint32(_NO_LIMIT)
    limits = np.minimum(np.minimum(y[:, -1], _NO_LIMIT), own_limit)
    sampled = y <= limits[:, None]
    places = np.minimum(np.searchsorted(x, y), len(x) - 1)
    common = (x[places] == y).sum(axis=1)
    of_new = np.searchsorted(x, limits, side="right")
    of_known = sampled.sum(axis=1)
    return [
        Similarity(c / max(1, n + k - c), c / max(1, min(n, k)), c / max(1, n))
        for c, n, k in zip(common.tolist(), of_new.tolist(), of_known.tolist(), strict=True)
    ]


def headline_similarity(a: bytes, b: bytes) -> float:
    """Share of the words of two headlines that both have (u16 hashes); 0 where one is missing."""
    x, y = ({data[at : at + 2] for at in range(0, len(data), 2)} for data in (a, b))
    return len(x & y) / max(1, len(x | y))
