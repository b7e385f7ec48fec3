"""Markup that would hold a parser of C for long, told before one sees it.

Such parsers are quadratic in the depth, 200,000 nested elements (1 MB) held three of them for over 40 s, and in the
attributes of one tag.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from lodestream.clean.html.scan import RAW, elements, raw_end

DEPTH_MAX: Final = 1000
"""Open elements: of 132 real pages the deepest had 339."""
_APPARENT_MAX: Final = 3000
"""The same with what looks like elements in scripts, of which a parser takes some for true ones: the most was 1,024."""
_TAG_MAX: Final = 20_000  # characters of a tag whose attributes are counted: pictures are written into them
_ATTRIBUTES_MAX: Final = 1000

_TAG: Final = re.compile(
    r"<(/?)(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|p|li|option|optgroup|dt|dd|tr|td"
    r"|th|thead|tbody|tfoot)[\s/>])[a-z]",
    re.IGNORECASE,
)
"""Tags but those that hold nothing, and those that the next of their kind ends."""
_ATTRIBUTE: Final = re.compile(rb"\s[^\s=\"'<>]+=")
_LESS, _GREATER, _SLASH = ord("<"), ord(">"), ord("/")


def is_hostile(markup: str) -> bool:
    """Whether markup is nested deeper than `DEPTH_MAX`, or a tag has very many attributes. Linear."""
    code = np.frombuffer(markup.encode("utf-8", "replace"), dtype=np.uint8)
    signs = np.flatnonzero((code == _LESS) | (code == _GREATER))
    if _bound(code, signs) > DEPTH_MAX and _is_deep(markup):
        return True
    ends = np.append(signs[1:], len(code))
    long = np.flatnonzero((ends - signs > _TAG_MAX) & (code[signs] == _LESS))
    return any(_is_crowded(code[signs[at] : ends[at]].tobytes()) for at in long.tolist())


def _is_crowded(tag: bytes) -> bool:
    """Whether what stands between two of the signs is a tag with very many attributes."""
    named = tag[1:2].isalpha() and tag.count(b"=") > _ATTRIBUTES_MAX
    return named and len(_ATTRIBUTE.findall(tag)) > _ATTRIBUTES_MAX


def _is_deep(markup: str) -> bool:
    apparent = _depth(markup)
    return apparent > _APPARENT_MAX or (apparent > DEPTH_MAX and _depth(_without_raw(markup)) > DEPTH_MAX)


def _without_raw(markup: str) -> str:
    """Markup without the content of scripts and the like: some hold data with tags by the hundred."""
    parts: list[str] = []
    at = 0
    for element in elements(markup, *RAW):
        if element.end >= at:
            parts.append(markup[at : element.end])
            at = raw_end(markup, element.end, element.name)
    return "".join([*parts, markup[at:]])


def _depth(markup: str) -> int:
    """The most elements that are open at some place; what looks like one in a script counts too."""
    return max(accumulate(-1 if closes else 1 for closes in _TAG.findall(markup)), default=0)


def _bound(code: npt.NDArray[np.uint8], signs: npt.NDArray[np.intp]) -> int:
    """The depth if every opening tag stayed open until a closing one: never less than the true one."""
    at = signs[code[signs] == _LESS]
    following = code[np.minimum(at + 1, len(code) - 1)]
    opens = (following | 0x20) - np.uint8(ord("a")) < 26
    steps = np.where(following == _SLASH, -1, opens.astype(np.int64))
    return int(np.cumsum(steps).max(initial=0))
