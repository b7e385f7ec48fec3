"""The lines below a section heading when no times tell its articles apart: "Related Articles", "Mehr zum Thema".

Three things look alike there. A list of headlines without text is links. A headline with text is an article, or a
teaser of one. And where a box of links stands inside an article, the article's text goes on below it. Which is
which is told by whether a text has its headline's words in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lodestream.clean.kinds import Kind
from lodestream.clean.lines import Line

_HEADLINE_WORDS: Final = 3
_CROSSHEAD_WORDS: Final = 5  # inside an article, what is not longer is a crosshead
_OWN: Final = 0.34  # of a headline's words: they are in its own text
_SAMPLE: Final = 2000  # characters of a text that are looked at

_WORD: Final = re.compile(r"[^\W\d_]{4,}|[\u3040-\u9fff\uac00-\ud7a3]{2}")
_STEM: Final = 6  # letters of a word that are compared: endings differ


@dataclass(slots=True)
class Parts:
    """What a section holds: links, articles as (headline, text), and lines of the article above it that go on."""

    links: list[Line] = field(default_factory=list)
    articles: list[tuple[Line | None, list[Line]]] = field(default_factory=list)
    resumed: list[Line] = field(default_factory=list)


def coverage(headline: str, text: str) -> float:
    """The share of a headline's longer words that the beginning of a text has, 0 to 1."""
    words = {word[:_STEM] for word in _WORD.findall(headline.casefold())}
    return len(words & _stems(text)) / len(words) if words else 0.0


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text[:_SAMPLE].casefold())}


def take_apart(lines: list[Line], above: Sequence[Line], *, formal: bool) -> Parts:
    """A section, its heading first. `above`: the article before it; `formal`: the heading announces articles."""
    parts = Parts(links=[lines[0]])
    _mark_repeated_labels(lines[1:])
    labelled = any(line.kind is Kind.INTERFACE or line.kind is Kind.AI_LABEL for line in lines[1:])
    shorts: list[Line] = []
    other: list[Line] = []  # no content: goes with what comes next
    at = 1
    while at < len(lines):
        line = lines[at]
        if not line.content:
            other.append(line)
        elif not line.prose:
            shorts.append(line)
        else:
            end = _end_of_text(lines, at)
            text = lines[at:end]
            headline = _headline(shorts, text)
            if _goes_on(headline, text, above, formal=formal):
                parts.links += [short for short in shorts if short is not headline or not formal]
                parts.resumed += [*other, *lines[at:]]
                return parts
            parts.links += [short for short in shorts if short is not headline]
            _add(parts, headline, [*other, *text], single=labelled or headline is None)
            shorts, other, at = [], [], end
            continue
        at += 1
    parts.links += shorts
    if parts.articles:
        parts.articles[-1][1].extend(other)
    else:
        parts.links += other
    return parts


def _end_of_text(lines: list[Line], at: int) -> int:
    """Where the text that starts at `at` ends: before the next headline, and what belongs above that."""
    end = at + 1
    while end < len(lines):
        line = lines[end]
        if line.content and not line.prose and line.size > _CROSSHEAD_WORDS:
            return end
        if line.content and not line.prose and not _text_follows(lines, end):
            return end
        end += 1
    return end


def _text_follows(lines: list[Line], at: int) -> bool:
    return any(line.prose and line.content for line in lines[at + 1 : at + 3])


def _headline(shorts: list[Line], text: list[Line]) -> Line | None:
    """Which of the short lines above a text is its headline: the last that is long enough."""
    if not shorts:
        return None
    fitting = [line for line in shorts if line.size >= _HEADLINE_WORDS and line.shaped]
    own = [line for line in fitting if coverage(line.text, _join(text)) >= _OWN]
    return (own or fitting or shorts)[-1]


def _join(text: list[Line]) -> str:
    return " ".join(line.text for line in text if line.content)[:_SAMPLE]


def _goes_on(headline: Line | None, text: list[Line], above: Sequence[Line], *, formal: bool) -> bool:
    """Whether a text below a box of links is not the box's, but of the article above it."""
    if not any(line.prose and line.content for line in above):
        return False
    if headline is None:
        return not formal
    sample = _join(text)
    own = coverage(headline.text, sample)
    if not formal:
        return own < _OWN
    title = next((line.text for line in above if line.content), "")
    return own < _OWN and own < coverage(title, sample) and coverage(title, sample) >= 0.5


def _add(parts: Parts, headline: Line | None, text: list[Line], *, single: bool) -> None:
    """Adds an article, or where a list has labels between its items, each paragraph as one."""
    if not single:
        parts.articles.append((headline, text))
        return
    waiting: list[Line] = []
    for line in text:
        waiting.append(line)
        if line.content and line.prose:
            parts.articles.append((headline, waiting))
            headline, waiting = None, []
    if waiting:
        parts.articles[-1][1].extend(waiting)


def _mark_repeated_labels(lines: list[Line]) -> None:
    """A short line that stands more than once in a section is a label of its items."""
    seen = Counter(line.key for line in lines if line.content and not line.prose and line.size <= 8)
    for line in lines:
        if line.content and not line.prose and line.key and seen[line.key] > 1:
            line.kind = Kind.INTERFACE
