"""HTML of an article's body to paragraphs.

Tags are found by a scanner of our own (`scan.py`), which is linear whatever the input.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Final

from lodestream.clean.document import one_line
from lodestream.clean.html.scan import RAW, tokens

_BLOCKS: Final = frozenset(
    "address article aside blockquote br center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_SKIPPED: Final = frozenset(
    "aside audio button canvas dialog figure footer head iframe math nav noscript object script select style svg "
    "template textarea title video".split()
)


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph's text. `element`: the outermost of those that are left out and hold it, None for the text's own."""

    text: str
    element: str | None = None


def paragraphs(markup: str) -> list[str]:
    """The paragraphs of running markup: white space collapsed, scripts, navigation, asides and figures left out."""
    return [block.text for block in blocks(markup) if block.element is None]


def blocks(markup: str) -> list[Block]:
    """All text of running markup in its order, that of elements which are left out too.

    Where everything is inside such an element, only what is no text for a reader is left out. An element that is
    opened and never closed is as if it were not there: it must not take the rest of the text along.
    """
    found = _blocks(markup, _SKIPPED)
    own = not found or any(block.element is None for block in found)
    return found if own else _blocks(markup, RAW)


def _blocks(markup: str, skipped: frozenset[str]) -> list[Block]:
    found: list[Block] = []
    line: list[str] = []  # the text's own, and that of elements left out: one may stand inside a paragraph
    aside: list[str] = []
    outer: str | None = None
    unclosed = _unclosed(markup, skipped)
    skipping: dict[str, int] = {}  # open elements that are left out, by name: a depth each, so nesting costs nothing
    open_skipped = number = 0
    for tag, text in tokens(markup):
        if tag is None:
            (aside if open_skipped else line).append(text)
            continue
        name = tag.lstrip("/")
        if name in _BLOCKS:
            _flush(found, line, None)
            _flush(found, aside, outer)
        if name not in skipped:
            continue
        if not tag.startswith("/"):
            number += 1
            if number not in unclosed:
                skipping[name] = skipping.get(name, 0) + 1
                outer = outer if open_skipped else name
                open_skipped += 1
        elif skipping.get(name):
            skipping[name] -= 1
            open_skipped -= 1
            if not open_skipped:
                _flush(found, aside, outer)
    _flush(found, line, None)
    return found


def _unclosed(markup: str, skipped: frozenset[str]) -> set[int]:
    """Which of the elements that are left out have no end, by their number."""
    still_open: dict[str, list[int]] = {}
    number = 0
    for tag, _ in tokens(markup):
        if tag is None or tag.lstrip("/") not in skipped:
            continue
        if not tag.startswith("/"):
            number += 1
            still_open.setdefault(tag, []).append(number)
        elif still_open.get(tag[1:]):
            still_open[tag[1:]].pop()
    return {number for numbers in still_open.values() for number in numbers}


def _flush(found: list[Block], parts: list[str], element: str | None) -> None:
    if not parts:
        return
    text = _text(parts)
    parts.clear()
    if text:
        found.append(Block(text, element))


def _text(parts: list[str]) -> str:
    return one_line(html.unescape("".join(parts)))
