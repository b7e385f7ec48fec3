"""What near-duplicate search keeps of a text: winnowed anchors to find copies by, a sketch to verify them with.

Every number here is defined by plain arithmetic modulo 2^64, so that another implementation (a compiled kernel)
can give the same bytes; `FORMAT` names that definition:

1. The tokens of the text's normal form (`lodestream.text`). A token with code points c[0..k) hashes to
   mix(sum c[i] * B^i) (`lodestream.hashes`).
2. A shingle is 5 tokens in a row, 8 where the script is written without spaces and tokens are characters; it
   hashes to mix(sum token[i] * M^(i+1)). A text that is shorter than a shingle is one shingle.
3. The sketch is the 128 smallest distinct values of the shingles' upper 32 bits (bottom-k, Broder 1997).
4. The anchors are the smallest shingle hash of each window of 32 shingles, 16 in texts of up to 200 tokens
   (winnowing: Schleimer, Wilkerson, Aiken 2003), of which the lower 32 bits are kept: bits that being small
   says nothing about. Two texts that share 36 (20) words in a row share an anchor. A text of 500 words has
   about 30. Above `ANCHORS_MAX` the smallest stay, the same ones in each copy.
"""

from __future__ import annotations

import base64
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from lodestream.hashes import RUN_BASE, Hashes, mix
from lodestream.records import Fingerprint
from lodestream.text import (
    UNSPACED_CLASSES,
    CodePoints,
    exact_key_of,
    script_class_of,
)
from lodestream.tokenised import tokenised

FORMAT: Final = 1
SKETCH_SIZE: Final = 128
SHINGLE_WORDS: Final = 5
SHINGLE_CHARACTERS: Final = 8
WINDOW: Final = 32
WINDOW_SHORT: Final = 16
SHORT_TEXT_TOKENS: Final = 200
ANCHORS_MAX: Final = 1024  # 17,000 words; 4 KiB

Values: TypeAlias = npt.NDArray[np.uint32]

_SHINGLE_POWERS: Final = [np.uint64(pow(RUN_BASE, exponent, 1 << 64)) for exponent in range(1, SHINGLE_CHARACTERS + 1)]
_FIRST_UNSPACED: Final = 0xE00  # Thai is the first of the scripts without spaces
_LARGEST: Final = np.uint32(0xFFFFFFFE)  # 2^32 - 1 pads short sketches when they are compared


def fingerprint(text: str) -> Fingerprint:
    """The fingerprint of a clean body. Any `str` has one; without a single token it has no anchors."""
    known = tokenised(text)
    points, spans = known.points, known.spans
    shingles = shingle_hashes(known.hashes, shingle_width(points))
    window = WINDOW_SHORT if len(spans.starts) <= SHORT_TEXT_TOKENS else WINDOW
    return Fingerprint(
        format=FORMAT,
        exact=exact_key_of(points, spans),
        anchors=_base64(anchors(shingles, window)),
        sketch=_base64(sketch(shingles)),
        shingles=len(shingles),
    )


def shingle_width(points: CodePoints) -> int:
    """How many tokens make a shingle in a text of this script."""
    if points.max(initial=0) < _FIRST_UNSPACED:
        return SHINGLE_WORDS
    return SHINGLE_CHARACTERS if script_class_of(points) in UNSPACED_CLASSES else SHINGLE_WORDS


def shingle_hashes(tokens: Hashes, width: int) -> Hashes:
    """One hash per run of `width` tokens: n - width + 1 of them, one where there are fewer tokens, none of none."""
    count = len(tokens) - width + 1
    if count < 1:
        width, count = len(tokens), min(1, len(tokens))
    total = np.zeros(count, dtype=np.uint64)
    for place in range(width):
        total += tokens[place : place + count] * _SHINGLE_POWERS[place]
    return mix(total)


def sketch(shingles: Hashes) -> Values:
    """The `SKETCH_SIZE` smallest distinct upper halves, ascending."""
    return _distinct(np.minimum((shingles >> np.uint64(32)).astype(np.uint32), _LARGEST))[:SKETCH_SIZE]


def anchors(shingles: Hashes, window: int) -> Values:
    """The distinct lower halves of the smallest shingle of each window, ascending. `window` is a power of two."""
    if len(shingles) < window:
        smallest = np.sort(shingles)[:1]
    else:
        smallest, span = shingles, 1
        while span < window:  # smallest[i] covers shingles i … i + span - 1
            smallest = np.minimum(smallest[:-span], smallest[span:])
            span *= 2
    return _distinct(smallest.astype(np.uint32))[:ANCHORS_MAX]


def _distinct(values: Values) -> Values:
    """The values, ascending, each once (`np.unique`, at a third of its time for so few)."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def _base64(values: Values) -> str:
    return base64.b64encode(values.astype("<u4").tobytes()).decode("ascii")
