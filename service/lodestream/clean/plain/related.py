"""The lines below a section heading when no times tell its articles apart: "Related Articles", "Mehr zum Thema".

Three things look alike there. A list of headlines without text is links. A headline with text is an article, or a
teaser of one. And where a box of links stands inside an article, the article's text goes on below it. Which is which
is told by words: an article's first sentences have its headline's words in them, and the rest of an article says
again what its beginning said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from lodestream.clean.fields.bylines import is_name
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.lines import Line
from lodestream.clean.words.patterns import FUNCTIONS, STARTERS, Heading

_HEADLINE_WORDS: Final = 3
_QUESTION_WORDS: Final = 18  # of a headline that ends like a sentence: "Will it hold?"
_TEASER_WORDS: Final = 40
_CROSSHEAD_WORDS: Final = 5  # inside an article, what is not longer is a crosshead

# Measured on 600 AllSides articles. A headline's words are in the first 70 words of its own text: .33 or more for
# 3 in 4; in those of another article on the same topic: .29 or less for 19 in 20. Of the words of 150 words, an
# article had .16 or more (9 in 10) in its own 250 words before, .19 or less (9 in 10) in another's on the same topic.
_OWN: Final = 0.34
_SAME: Final = 0.18
_SAME_AFTER_LITTLE: Final = 0.13  # where fewer than 150 words stand before
_OTHER: Final = 0.1  # less is another article's, for half of the articles on the same topic
_UNLIKE: Final = 0.07  # half of what is of no article at all, notices and forms, has less; an article's rest has more
_LEAD: Final = 420  # characters: some 70 words
_SAMPLE: Final = 900  # characters: some 150 words
_ENOUGH: Final = 600  # characters: less tells nothing
_BEFORE: Final = 1800  # characters, from the beginning and once more from the last lines
_LAST: Final = 8  # lines
_AHEAD: Final = 24  # lines of a text that are enough to tell what it is of

_WORD: Final = re.compile(
    r"[^\W\d_\u3040-\u9fff\uac00-\ud7a3]{4,}"
    r"|(?=((?![\u3040-\u309f]{2})[\u3040-\u30fa\u30fc-\u9fff\uac00-\ud7a3]{2}))."
)
"""A word; of scripts without spaces, or with particles at words, any two characters in a row but two Hiragana."""
_STEM: Final = 6  # letters of a word that are compared: endings differ


@dataclass(slots=True)
class Parts:
    """What a section holds: links, articles as (headline, text), and lines of the article above it that go on."""

    links: list[Line] = field(default_factory=list)
    articles: list[tuple[Line | None, list[Line]]] = field(default_factory=list)
    resumed: list[Line] = field(default_factory=list)


def coverage(headline: str, text: str) -> float:
    """The share of a headline's longer words that a text has, 0 to 1."""
    return _share(_stems(headline), _stems(text))


def _share(words: frozenset[str], others: frozenset[str]) -> float:
    return len(words & others) / len(words) if words else 0.0


@lru_cache(maxsize=512)  # the lines around one are looked at again for the next
def _stems(text: str) -> frozenset[str]:
    words = (match[1] or match[0] for match in _WORD.finditer(text.casefold()))
    return frozenset(word[:_STEM] for word in words if word not in FUNCTIONS and word not in STARTERS)


def take_apart(lines: list[Line], above: Sequence[Line], *, formal: bool, inside: bool = False) -> Parts:
    """A section, its heading first. `above`: the article before it; `formal`: the heading announces articles.

    `inside`: the article's stretch of text goes on below it.
    """
    parts = Parts(links=[lines[0]])
    labelled = _mark_repeated_labels(lines[1:]) or any(line.kind is Kind.AI_LABEL for line in lines[1:])
    shorts: list[Line] = []
    other: list[Line] = []  # no content: goes with what comes next
    last = max((at for at, line in enumerate(lines) if line.content and line.prose and not line.shaped), default=0)
    at = 1
    while at < len(lines):
        line = lines[at]
        if not line.content:
            other.append(line)
        elif _may_be_headline(line) and (not line.prose or _text_follows(lines, at) or (at > last and shorts)):
            shorts.append(line)
        else:
            end = _end_of_text(lines, at)
            crosshead = shorts.pop() if lines[0].heading is Heading.SOFT and _ends_in_crosshead(shorts) else None
            headline = _headline(shorts, lines[at:end])
            ahead = lines[at : at + _AHEAD]
            if headline is not None and _breaks_off(line) and not labelled:
                parts.links += [short for short in shorts if short is not headline]
                _add(parts, headline, [*other, line], single=False)
                shorts, other, at = [], [], at + 1
                parts.resumed += [] if formal else lines[at:]
                at = at if formal else len(lines)
                continue
            if _goes_on(headline, ahead, above, formal=formal, labelled=labelled):
                other += [] if crosshead is None else [crosshead]
                parts.links += shorts
                if formal or inside or not _is_unlike(above, ahead):
                    parts.resumed += [*other, *lines[at:]]
                else:
                    parts.links += [*other, *lines[at:]]
                return parts
            if crosshead is not None:
                shorts, headline = [*shorts, crosshead], crosshead
            parts.links += [short for short in shorts if short is not headline]
            below = _teaser_end(headline, lines, at, end)
            if below < end and not labelled and (not formal or continues(above, lines[below : below + _AHEAD])):
                _add(parts, headline, [*other, *lines[at:below]], single=False)
                parts.resumed += lines[below:]
                return parts
            _add(parts, headline, [*other, *lines[at:end]], single=labelled or headline is None)
            shorts, other, at = [], [], end
            continue
        at += 1
    parts.links += shorts
    if parts.articles:
        parts.articles[-1][1].extend(other)
    else:
        parts.links += other
    return parts


def _ends_in_crosshead(shorts: list[Line]) -> bool:
    """Whether the last of some short lines is a crosshead of the text below a link, and the link is above it."""
    if len(shorts) < 2 or is_name(shorts[-1].text):
        return False
    return shorts[-1].size <= _CROSSHEAD_WORDS + 2 and shorts[-1].size + 3 <= shorts[-2].size


def _breaks_off(line: Line) -> bool:
    """Whether a short text ends in dots: a teaser of an article elsewhere."""
    return line.size <= 2 * _TEASER_WORDS and line.text.rstrip("]) ").endswith(("...", "…"))


def _may_be_headline(line: Line) -> bool:
    """Short, or a question or a call of a headline's length."""
    return not line.prose or (line.shaped and line.size <= _QUESTION_WORDS)


def _teaser_end(headline: Line | None, lines: list[Line], at: int, end: int) -> int:
    """Past the one sentence or two that announce a headline's article, where more text follows; else `end`."""
    if headline is None or lines[at].size > _TEASER_WORDS:
        return end
    return next((number for number in range(at + 1, end) if lines[number].content and lines[number].prose), end)


def _end_of_text(lines: list[Line], at: int) -> int:
    """Where the text that starts at `at` ends: before the next headline, and what belongs above that."""
    end = at + 1
    while end < len(lines):
        line = lines[end]
        if line.content and not line.prose and _starts_article(lines, at, end):
            return end
        end += 1
    return end


def _starts_article(lines: list[Line], text: int, at: int) -> bool:
    """Whether the short line at `at` is the next article's headline, and no crosshead in the text from `text` on."""
    if not _text_follows(lines, at):
        return True
    line, above, below = lines[at], sample(lines, text, at), lines[at + 1 : at + 1 + _AHEAD]
    if _is_item(lines, text, at):
        return True
    if line.size < _HEADLINE_WORDS + 1:
        return False
    goes_on = continues(above, below)
    return owns(line, below) and not goes_on if line.size <= _CROSSHEAD_WORDS else owns(line, below) or not goes_on


def _is_item(lines: list[Line], text: int, at: int) -> bool:
    """Whether a headline stands between two texts of one short paragraph each: a list of teasers."""
    if at - text != 1 or lines[at].size < _HEADLINE_WORDS + 1 or not lines[at].shaped:
        return False
    short = all(number < len(lines) and lines[number].size <= _TEASER_WORDS for number in (text, at + 1))
    alone = at + 2 >= len(lines) or not (lines[at + 2].content and lines[at + 2].prose)
    return short and lines[at + 1].prose and alone


def _text_follows(lines: list[Line], at: int) -> bool:
    return any(line.prose and line.content for line in lines[at + 1 : at + 3])


def _headline(shorts: list[Line], text: list[Line]) -> Line | None:
    """Which of the short lines above a text is its headline: the last that is long enough."""
    if not shorts:
        return None
    fitting = [line for line in shorts if line.size >= _HEADLINE_WORDS and line.shaped]
    lead = _first_stems(text, _LEAD)
    own = [line for line in fitting if _share(_stems(line.text), lead) >= _OWN]
    return (own or fitting or shorts)[-1]


def _first(lines: Sequence[Line], length: int) -> Iterator[str]:
    """The first characters of some lines' text, line by line."""
    for line in lines:
        if line.content:
            yield line.text[:length]
            length -= len(line.text)
            if length <= 0:
                return


def _first_stems(lines: Sequence[Line], length: int) -> frozenset[str]:
    return frozenset().union(*map(_stems, _first(lines, length)))


def _is_long(lines: Sequence[Line], length: int) -> bool:
    return sum(len(part) + 1 for part in _first(lines, length)) > length


def _goes_on(headline: Line | None, text: list[Line], above: Sequence[Line], *, formal: bool, labelled: bool) -> bool:
    """Whether a text below a box of links is not the box's, but of the article above it."""
    if not any(line.prose and line.content for line in above):
        return False
    if headline is None:
        return not labelled and (not formal or continues(above, text))
    if not formal:
        return not _owns_alone(headline, text, above)
    if owns(headline, text):
        return False
    return continues(above, text)


def owns(headline: Line, text: Sequence[Line]) -> bool:
    """Whether the first sentences of a text have its headline's words. A crosshead has too few words to tell."""
    words = _stems(headline.text)
    return len(words) >= _HEADLINE_WORDS and _share(words, _first_stems(text, _LEAD)) >= _OWN


def _owns_alone(headline: Line, text: Sequence[Line], above: Sequence[Line]) -> bool:
    """Whether a text has words of its headline that the text above it has not: a link is to an article on the same."""
    words = _stems(headline.text) - _first_stems(above, _BEFORE) - _first_stems(above[-_LAST:], _BEFORE)
    return len(words) >= 2 and len(words & _first_stems(text, _LEAD)) >= 2 and owns(headline, text)


def continues(above: Sequence[Line], text: Sequence[Line]) -> bool:
    """Whether a text says so much again of what stands above it that it is of the same article."""
    much = _is_long(above, _SAMPLE)
    return similarity(above, text) >= (_SAME if much else _SAME_AFTER_LITTLE)


def _is_unlike(above: Sequence[Line], text: Sequence[Line]) -> bool:
    """Whether a text is surely of no article: notices and forms of the page. Little text tells nothing."""
    much = _is_long(above, _ENOUGH) and _is_long(text, _ENOUGH)
    return much and similarity(above, text) < _UNLIKE


def differs(above: Sequence[Line], text: Sequence[Line]) -> bool:
    """Whether a text says so little again of what stands above it that it is of another article."""
    return similarity(above, text) < _OTHER


def sample(lines: list[Line], start: int, end: int) -> list[Line]:
    """Enough of a long stretch of lines to compare it with what follows: its beginning and its end."""
    return (
        lines[start:end] if end - start <= 2 * _AHEAD else [*lines[start : start + _AHEAD], *lines[end - _AHEAD : end]]
    )


def similarity(above: Sequence[Line], text: Sequence[Line]) -> float:
    """The share of a text's first words that stand above it already, 0 to 1."""
    before = _first_stems(above, _BEFORE) | _first_stems(above[-_LAST:], _BEFORE)
    return _share(_first_stems(text, _SAMPLE), before)


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


def _mark_repeated_labels(lines: list[Line]) -> bool:
    """A short line that stands more than once in a section is a label of its items; whether there are any."""
    seen = Counter(line.key for line in lines if line.content and not line.prose and line.size <= 8)
    found = False
    for line in lines:
        if line.content and not line.prose and line.key and seen[line.key] > 1:
            line.kind, found = Kind.INTERFACE, True
    return found
