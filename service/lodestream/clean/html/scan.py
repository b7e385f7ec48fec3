"""Finding tags in markup in one pass: each closing mark is looked for once, so hostile input costs no more.

Regular expressions over whole tags are quadratic on it (an unclosed `<a ` 20,000 times), and so is the standard
library's parser.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

RAW: Final = frozenset({"script", "style", "textarea", "title", "noscript", "iframe"})
"""Elements whose content is no markup."""

_NAME: Final = re.compile(r"[A-Za-z][^\s/>\x00]{0,40}")
_ATTRIBUTE: Final = re.compile(
    r"(?<![^\s\"'/])(?P<name>[^\s\"'<>/=]++)(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s\"'>]++)))?"
)
_USUAL: Final = 4000  # characters of a tag
_ATTRIBUTES_MAX: Final = 64  # of one tag; of those that are read few have more than ten


class Finder:
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


class TagEnds:
    """Where tags end: past their `>`; one inside a quoted value does not count."""

    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._greater = Finder(markup, ">")
        self._quotes = {mark: Finder(markup, mark) for mark in "\"'"}

    def past(self, at: int) -> int:
        """Past the end of a tag whose name ends at `at`. `at` must not go back."""
        end = self._greater.find(at)
        if end - at <= _USUAL:  # nearly all: one kind of quotes, all closed
            double, single = self._markup.count('"', at, end), self._markup.count("'", at, end)
            if (not single and not double & 1) or (not double and not single & 1):
                return end + 1
        while True:
            end = self._greater.find(at)
            opens, mark = min((finder.find(at), mark) for mark, finder in self._quotes.items())
            if opens > end or opens >= len(self._markup):
                return end + 1
            if not self._is_value(opens, at):
                at = opens + 1
                continue
            closes = self._quotes[mark].find(opens + 1)
            if closes >= len(self._markup):
                return end + 1
            at = closes + 1

    def _is_value(self, quote: int, start: int) -> bool:
        """Whether a quote opens an attribute's value: an equals sign stands before it, from `start` on."""
        while quote > start and self._markup[quote - 1].isspace():
            quote -= 1
        return quote > start and self._markup[quote - 1] == "="


def tokens(markup: str) -> Iterator[tuple[str | None, str]]:
    """Tags as (name, with "/" before it when it closes; "") and text between them as (None, text)."""
    less, ends = Finder(markup, "<"), TagEnds(markup)
    greater, comment = Finder(markup, ">"), Finder(markup, "-->")
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
            at = ends.past(name.end())
            yield ("/" + tag if closing else tag), ""
            if tag in RAW and not closing:
                content, at = at, raw_end(markup, at, tag)
                if tag == "textarea":  # no markup either, but a reader sees it
                    yield None, markup[content:at]
            elif markup.startswith("/>", at - 2) and not closing:  # <svg/>
                yield "/" + tag, ""
        elif markup.startswith(("<!", "<?", "</"), start):
            at = greater.find(start) + 1
        else:
            yield None, "<"
            at = start + 1


def raw_end(markup: str, at: int, tag: str) -> int:
    """Where the closing tag of an element with raw content starts; the end when it is not closed."""
    found = re.compile(rf"</{tag}", re.IGNORECASE).search(markup, at)
    return len(markup) if found is None else found.start()


class Element(NamedTuple):
    """An opening tag: its name, what stands between that and its `>`, and where its content starts."""

    name: str
    tag: str
    end: int

    def attributes(self) -> dict[str, str]:
        """The attributes by lower-case name; the first of a name counts."""
        return attributes(self.tag)


def elements(markup: str, *names: str) -> Iterator[Element]:
    """The opening tags of these names in order, without building a tree; none in comments, scripts and styles."""
    ends, comments = TagEnds(markup), Finder(markup, "-->")
    at = 0
    for match in re.compile(rf"<(?:!--|((?i:{'|'.join(names)}|script|style))(?=[\s/>]))").finditer(markup):
        start = match.end()
        if start < at:
            continue
        if match[1] is None:
            end = comments.find(start)
            at = end if end < len(markup) else start  # one that never ends is as if it were none
            continue
        name = match[1].lower()
        at = ends.past(start)
        if name in names:
            yield Element(name, markup[start : at - 1], at)
        if name in RAW:
            at = raw_end(markup, at, name)


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a tag, given what stands between its name and its `>`; the first of a name counts."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(tag):
        name, double, single, bare = match.groups()
        found.setdefault(name.lower(), html.unescape(double or single or bare or "").strip())
        if len(found) >= _ATTRIBUTES_MAX:
            break
    return found
