"""HTML of an article's body to paragraphs.

The standard library's parser is quadratic on hostile input (an unclosed `<a ` 20,000 times takes it a minute), so
tags are found by a scanner of our own: it goes through the text once and looks for each closing mark once.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BLOCKS: Final = frozenset(
    "address article aside blockquote br center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_SKIPPED: Final = frozenset(
    "aside audio button canvas dialog figure footer head iframe math nav noscript object script select style svg "
    "template textarea title video".split()
)
_RAW: Final = frozenset({"script", "style", "textarea", "title", "noscript", "iframe"})  # their content is no markup
_NAME: Final = re.compile(r"[A-Za-z][^\s/>\x00]{0,40}")


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
    return found if own else _blocks(markup, _RAW)


def _blocks(markup: str, skipped: frozenset[str]) -> list[Block]:
    found: list[Block] = []
    line: list[str] = []  # the text's own, and that of elements left out: one may stand inside a paragraph
    aside: list[str] = []
    outer: str | None = None
    unclosed = _unclosed(markup, skipped)
    skipping: dict[str, int] = {}  # open elements that are left out, by name: a depth each, so nesting costs nothing
    open_skipped = number = 0
    for tag, text in _tokens(markup):
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
    for tag, _ in _tokens(markup):
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
    return " ".join(html.unescape("".join(parts)).split())


class _Finder:
    """`str.find` from left to right that never looks twice at the same stretch."""

    def __init__(self, text: str, mark: str) -> None:
        self._text, self._mark = text, mark
        self._known = -2

    def find(self, at: int) -> int:
        """Where the mark next stands from `at` on; the text's length when nowhere. `at` must not go back."""
        if self._known < at and self._known != len(self._text):
            known = self._text.find(self._mark, at)
            self._known = len(self._text) if known < 0 else known
        return self._known


def _tokens(markup: str) -> Iterator[tuple[str | None, str]]:
    """Tags as (name, with "/" before it when it closes; "") and text between them as (None, text)."""
    less, greater = _Finder(markup, "<"), _Finder(markup, ">")
    quotes = {mark: _Finder(markup, mark) for mark in "\"'"}
    comment = _Finder(markup, "-->")
    at = 0
    while at < len(markup):
        start = less.find(at)
        if start > at:
            yield None, markup[at:start]
        if start >= len(markup):
            return
        closing = markup.startswith("/", start + 1)
        name = _NAME.match(markup, start + 1 + closing)
        if markup.startswith("<!--", start):
            at = comment.find(start + 4) + 3
        elif name is not None:
            tag = name[0].lower()
            at = _tag_end(markup, name.end(), greater, quotes)
            yield ("/" + tag if closing else tag), ""
            if tag in _RAW and not closing:
                at = _raw_end(markup, at, tag)
            elif markup.startswith("/>", at - 2) and not closing:  # <svg/>
                yield "/" + tag, ""
        elif markup.startswith(("<!", "<?", "</"), start):
            at = greater.find(start) + 1
        else:
            yield None, "<"
            at = start + 1


def _tag_end(markup: str, at: int, greater: _Finder, quotes: dict[str, _Finder]) -> int:
    """Past the `>` of a tag whose name ends at `at`; one inside quotes does not count."""
    while True:
        end = greater.find(at)
        mark, opens = min(((mark, finder.find(at)) for mark, finder in quotes.items()), key=lambda pair: pair[1])
        if opens > end or opens >= len(markup):
            return end + 1
        closes = quotes[mark].find(opens + 1)
        if closes >= len(markup):
            return end + 1
        at = closes + 1


def _raw_end(markup: str, at: int, tag: str) -> int:
    """Where the closing tag of an element with raw content starts; the end when it is not closed."""
    found = re.compile(rf"</{tag}", re.IGNORECASE).search(markup, at)
    return len(markup) if found is None else found.start()
