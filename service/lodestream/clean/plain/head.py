"""What stands above an article's text: headline, publisher, times, byline, standfirst, and what is none of these."""

from __future__ import annotations

import math
from typing import Final

from lodestream.clean.draft import Draft
from lodestream.clean.fields.bylines import (
    byline_names,
    is_byline,
    is_name,
    is_source_line,
    reported_names,
    source_name,
)
from lodestream.clean.fields.credits import credits_of_line
from lodestream.clean.fields.edges import add_contributors
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.lines import Line
from lodestream.clean.plain.marks import is_menu
from lodestream.clean.plain.related import coverage
from lodestream.clean.plain.segment import Region
from lodestream.clean.words import names
from lodestream.clean.words.patterns import SECTIONS, STAFF, key

_LOOKALIKES: Final = frozenset({Kind.NEWSLETTER, Kind.INTERFACE, Kind.AI_LABEL, Kind.BYLINE, Kind.CAPTION})
_HEADLINE_WORDS: Final = 4
_OPENING_WORDS: Final = 3  # of the first line of a page without a menu: that is the headline
_FEW_LINES: Final = 4  # above the text, where there is no menu
_SENTENCE_WORDS: Final = 16  # of a headline that is a sentence with its stop
_NEAR: Final = 4  # lines above the headline that may be the article's; what is higher is the page's
_DECK_WORDS: Final = 5  # of a line right below the headline: shorter ones are labels
_STANDFIRST_WORDS: Final = 60
_WORDS_THAT_COUNT: Final = 10  # of a headline; more do not make it more of one
_FAR: Final = 0.2  # what a line loses in score for each candidate below it
_TELLING: Final = 0.3  # of a headline's words that its text has, where another line has none
_CLOSE: Final = 0.8  # scores that differ by less are equal, and the first line wins: what follows may be its deck


def read_head(region: Region, draft: Draft) -> list[Line]:
    """Takes the head off a region's lines into the draft and gives the lines of the text."""
    lines = region.lines
    start, first = _text_start(region)
    headline = region.headline or first or _headline(lines, start)
    standfirst, start = _standfirst(lines, start, headline)
    if headline is not None:
        draft.headline = headline.text
        draft.cut_pieces(headline)
    above = next((at for at, line in enumerate(lines) if line is headline), None)
    below = None if above is None else next((at for at in range(above + 1, start) if lines[at].content), None)
    for at, line in enumerate(lines[:start]):
        if line is headline:
            continue
        if line is standfirst:
            _add_standfirst(line, draft)
        elif line is region.publisher:
            draft.publisher = draft.publisher or line.text.lstrip("-–—•· ")
            draft.cut_line(line, Kind.PUBLISHER)
        elif _is_section(line, region.publisher):
            draft.cut_line(line, Kind.MENU)
        elif above is not None and at < above - _NEAR:
            draft.cut_line(line, line.kind or Kind.MENU)
        else:
            _read_line(line, draft, passed=above is None or at > above, near=at == below)
    return [line for line in lines[start:] if line is not headline]


def _is_section(line: Line, publisher: Line | None) -> bool:
    """Whether a line that looks like a source's ("- Politics") names the section instead."""
    if not line.content or not is_source_line(line.text):
        return False
    return line.key in SECTIONS or (publisher is not None and line.key != publisher.key)


def read_fact(line: Line, draft: Draft, *, inside: bool = False) -> None:
    """Cuts a line that is no text and takes what it tells: a time, a byline, a source.

    `inside`: it stands between paragraphs, where a source is more likely a picture's than the article's.
    """
    if line.time is not None:
        draft.times += line.time.times
        for rest in line.time.rest:
            _read_rest(rest, draft)
        draft.cut_line(line, Kind.TIME)
        return
    if line.kind is Kind.BYLINE:
        _read_byline(line.text, draft)
    elif line.kind is Kind.CONTRIBUTORS:
        add_contributors(draft, line.text)
    elif line.kind is Kind.COPYRIGHT and names.is_agency(line.text.strip("©()[]. ")):  # "(©NTB)"
        draft.add_name(names.agency(line.text.strip("©()[]. ")))
    elif line.kind is Kind.SOURCE:
        _read_source(source_name(line.text), draft, inside=inside)
    draft.cut_line(line, line.kind or (Kind.SECTION if line.heading is not None else Kind.INTERFACE))


def _read_byline(text: str, draft: Draft) -> None:
    """Who wrote an article: people are its authors, an agency is its credit."""
    found = byline_names(text)
    draft.add_authors([name for name in found if not names.is_agency(name)])
    for name in filter(names.is_agency, found):
        draft.add_name(names.agency(name))


def _read_rest(rest: str, draft: Draft) -> None:
    """What stands beside a time: a byline, a source, a publisher; on a portal's card any name is the publisher's."""
    if is_byline(rest):
        _read_byline(rest, draft)
    elif draft.role == "main" and is_name(rest):
        draft.add_authors(reported_names(rest))
    elif source_name(rest) is not None:
        _read_source(source_name(rest), draft, inside=False)
    elif names.looks_like_publisher(rest) or (
        draft.role != "main" and key(rest) not in SECTIONS and rest[-1].isalpha()
    ):
        draft.publisher = draft.publisher or rest


def _read_source(name: str | None, draft: Draft, *, inside: bool) -> None:
    """A source's name: an agency's credit, or the publisher."""
    if name is None or (inside and not names.looks_like_publisher(name)):
        return
    if names.is_agency(name) or names.calls_itself_agency(name):
        draft.add_name(names.agency(name))
    else:
        draft.publisher = draft.publisher or name


def _read_line(line: Line, draft: Draft, *, passed: bool, near: bool) -> None:
    """A line of the head that is not the headline. `passed`: it stands below the headline, `near`: right below."""
    if passed and draft.role == "main" and _may_be_author(line):
        draft.add_authors(reported_names(line.text))
        draft.cut_line(line, Kind.BYLINE)
    elif not line.content:
        read_fact(line, draft)
    elif passed and (credited := credits_of_line(line.text, line.size)):
        for name in credited:
            draft.add_name(names.agency(name))
        draft.cut_line(line, Kind.CREDIT)
    elif is_source_line(line.text) or (draft.publisher is None and names.is_publisher(line.text)):
        draft.publisher = draft.publisher or line.text.lstrip("-–—•· ")
        draft.cut_line(line, Kind.PUBLISHER)
    elif _repeats(line, draft):
        draft.cut_line(line, Kind.TITLE)
    elif passed and line.size <= _STANDFIRST_WORDS and _is_deck(line, draft, near=near):
        _add_standfirst(line, draft)
    else:
        draft.cut_line(line, Kind.INTERFACE if passed else Kind.MENU)


def _may_be_author(line: Line) -> bool:
    """Whether a line is a name alone, or a desk's; a button of the page may have the same word."""
    if line.key in STAFF:
        return line.heading is None and line.time is None and line.kind in {None, Kind.INTERFACE}
    return line.content and is_name(line.text)


def _is_deck(line: Line, draft: Draft, *, near: bool) -> bool:
    """Whether a line between headline and text says something: a sentence, or long enough for one."""
    if line.text.endswith((":", "：")) or line.key in SECTIONS:
        return False
    return line.prose or (draft.standfirst is None and near and line.size >= _DECK_WORDS and line.shaped)


def _add_standfirst(line: Line, draft: Draft) -> None:
    draft.standfirst = line.text if draft.standfirst is None else f"{draft.standfirst} {line.text}"
    draft.cut_pieces(line)


def _repeats(line: Line, draft: Draft) -> bool:
    """Whether a line says the headline once more, as a page's title does."""
    if draft.headline is None:
        return False
    one, other = line.text.casefold(), draft.headline.casefold()
    return one in other or other in one if min(len(one), len(other)) >= 12 else one == other


def _text_start(region: Region) -> tuple[int, Line | None]:
    """Index of the first line of the text, and the headline when it is the line that the text seemed to start with."""
    lines = region.lines
    start = next((at for at, line in enumerate(lines) if line is region.text), len(lines))
    if start == len(lines) or region.headline is not None:
        return start, None
    if any(line.shaped and line.size >= _HEADLINE_WORDS for line in lines[:start]):
        return start, None
    below = [at for at in range(start + 1, len(lines)) if lines[at].content and lines[at].prose]
    if not below:
        return start, None
    line = lines[start]
    announces = line.size <= _SENTENCE_WORDS and 2 * lines[below[0]].size >= 3 * line.size and len(below) > 1
    return (below[0], line) if line.shaped or announces else (start, None)


def _headline(lines: list[Line], start: int) -> Line | None:
    """The headline among the lines above the text: the one with most words of the text, the nearer the better."""
    shaped = [line for line in lines[:start] if line.shaped]
    candidates = [line for line in shaped if line.size >= _HEADLINE_WORDS] or shaped[-1:]
    if not candidates:
        spare = [
            line
            for line in lines[:start]
            if line.kind in {Kind.LINK, Kind.MENU} and line.size >= _HEADLINE_WORDS and not is_menu(line.text)
        ]
        first = [line for line in lines[: min(start, 1)] if line.kind in _LOOKALIKES and line.size >= _HEADLINE_WORDS]
        lookalikes = spare or first
        return lookalikes[-1] if lookalikes else None
    candidates = [
        line for at, line in enumerate(candidates) if not _is_title(line, candidates[max(0, at - 4) : at + 5])
    ]
    if len(candidates) == 1:
        return candidates[0]
    above = [line for line in lines[:start] if line.content]
    opens = above[0].shaped and above[0].size >= _OPENING_WORDS and not names.looks_like_publisher(above[0].text)
    text = " ".join(line.text for line in lines[start : start + 8] if line.content)
    if opens and len(above) <= _FEW_LINES and _may_open(above[0], candidates, text):
        return above[0]
    scores = [
        _score(line, text) - _FAR * rank for rank, line in zip(range(len(candidates), 0, -1), candidates, strict=True)
    ]
    best = max(scores)
    at = next(at for at, score in enumerate(scores) if score >= best - _CLOSE)
    if at and _is_deck_of(candidates[at], candidates[at - 1], text):
        at -= 1
    found = candidates[at]
    return next(line for line in reversed(candidates) if line.text == found.text)


def _is_title(line: Line, near: list[Line]) -> bool:
    """Whether a line is a page's title: it has another line in it, and the site's name and more."""
    text = line.text.casefold()
    return any(
        len(other.text) < len(line.text) and other.size >= _HEADLINE_WORDS and other.text.casefold() in text
        for other in near
    )


def _is_deck_of(line: Line, above: Line, text: str) -> bool:
    """Whether a line that says more of the text stands right below one that is a headline already."""
    adjacent = line.number == above.number + 1 and line.gap <= above.gap + 1
    return adjacent and above.size >= _DECK_WORDS and coverage(above.text, text) >= _TELLING


def _may_open(line: Line, candidates: list[Line], text: str) -> bool:
    """Whether the first line of a page says as much of its text as another; else it is the portal's name."""
    own, others = coverage(line.text, text), [coverage(other.text, text) for other in candidates if other is not line]
    return (own >= _TELLING / 2 and own >= max(others) / 2) or all(other < _TELLING for other in others)


def _score(line: Line, text: str) -> float:
    share = coverage(line.text, text)
    return math.sqrt(share) * min(line.size, _WORDS_THAT_COUNT)


def _standfirst(lines: list[Line], start: int, headline: Line | None) -> tuple[Line | None, int]:
    """A first paragraph that stands above byline or time is a standfirst; also where the text then starts."""
    if start >= len(lines) or headline is None or lines[start].size > _STANDFIRST_WORDS:
        return None, start
    if any(_is_stamp(line) for line in lines[:start]):
        return None, start
    stamped = False
    for at in range(start + 1, min(start + 7, len(lines))):
        line = lines[at]
        stamped = stamped or _is_stamp(line)
        if line.content and line.prose:
            return (lines[start], at) if stamped else (None, start)
    return None, start


def _is_stamp(line: Line) -> bool:
    if line.kind in {Kind.BYLINE, Kind.TIME} or (line.time is not None and bool(line.time.times)):
        return True
    return line.content and not line.prose and (line.key in STAFF or is_name(line.text))
