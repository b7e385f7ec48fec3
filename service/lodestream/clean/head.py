"""What stands above an article's text: headline, publisher, times, byline, standfirst, and what is none of these."""

from __future__ import annotations

from typing import Final

from lodestream.clean.draft import Draft
from lodestream.clean.kinds import Kind
from lodestream.clean.lines import Line
from lodestream.clean.marks import byline_names, is_source_line, source_name
from lodestream.clean.names import is_publisher
from lodestream.clean.related import coverage
from lodestream.clean.segment import Region

_HEADLINE_WORDS: Final = 4
_DECK_WORDS: Final = 7  # of a line below the headline: shorter ones are labels
_STANDFIRST_WORDS: Final = 60
_WORDS_THAT_COUNT: Final = 8  # of a headline's words found in the text; more do not make it more of a headline


def read_head(region: Region, draft: Draft) -> list[Line]:
    """Takes the head off a region's lines into the draft and gives the lines of the text."""
    lines = region.lines
    start = _text_start(region)
    headline = region.headline or _headline(lines, start)
    standfirst, start = _standfirst(lines, start, headline)
    if headline is not None:
        draft.headline = headline.text
    passed = headline is None
    for line in lines[:start]:
        if line is headline:
            passed = True
        elif line is standfirst:
            draft.standfirst = line.text
        elif line is region.publisher:
            draft.publisher = draft.publisher or line.text.lstrip("-–—•· ")
            draft.cut_line(line, Kind.PUBLISHER)
        else:
            _read_line(line, draft, passed=passed)
    if headline is not None and any(line is headline for line in lines[start:]):
        return [line for line in lines[start:] if line is not headline]
    return lines[start:]


def read_fact(line: Line, draft: Draft) -> None:
    """Cuts a line that is no text and takes what it tells: a time, a byline, a source."""
    if line.time is not None:
        draft.times += line.time.times
        for rest in line.time.rest:
            names = byline_names(rest)
            if rest.split()[0].lower() in {"by", "von", "av", "par", "por", "di", "door"}:
                draft.add_authors(names)
            else:
                draft.publisher = draft.publisher or rest
        draft.cut_line(line, Kind.TIME)
        return
    if line.kind is Kind.BYLINE:
        draft.add_authors(byline_names(line.text))
    elif line.kind is Kind.SOURCE:
        draft.publisher = draft.publisher or source_name(line.text)
    draft.cut_line(line, line.kind or (Kind.SECTION if line.heading is not None else Kind.INTERFACE))


def _read_line(line: Line, draft: Draft, *, passed: bool) -> None:
    """A line of the head that is not the headline. `passed`: it stands below the headline."""
    if not line.content:
        read_fact(line, draft)
    elif is_source_line(line.text) or (draft.publisher is None and is_publisher(line.text)):
        draft.publisher = draft.publisher or line.text.lstrip("-–—•· ")
        draft.cut_line(line, Kind.PUBLISHER)
    elif _repeats(line, draft):
        draft.cut_line(line, Kind.TITLE)
    elif passed and draft.standfirst is None and line.size >= _DECK_WORDS and line.shaped:
        draft.standfirst = line.text
    else:
        draft.cut_line(line, Kind.INTERFACE if passed else Kind.MENU)


def _repeats(line: Line, draft: Draft) -> bool:
    """Whether a line says the headline once more, as a page's title does."""
    if draft.headline is None:
        return False
    one, other = line.text.casefold(), draft.headline.casefold()
    return one in other or other in one if min(len(one), len(other)) >= 12 else one == other


def _text_start(region: Region) -> int:
    """Index of the first line of the text."""
    lines = region.lines
    if region.text is not None:
        for at, line in enumerate(lines):
            if line is region.text:
                return at
    texts = [at for at, line in enumerate(lines) if line.content and line.prose]
    if not texts:
        return len(lines)
    named = any(line.shaped and line.size >= _HEADLINE_WORDS for line in lines[: texts[0]])
    is_headline = not named and lines[texts[0]].shaped and len(texts) > 1
    return texts[1] if is_headline else texts[0]


def _headline(lines: list[Line], start: int) -> Line | None:
    """The headline among the lines above the text: of those shaped like one, the first whose words the text has."""
    candidates = [line for line in lines[:start] if line.shaped]
    if not candidates:
        spare = [line for line in lines[:start] if line.kind in {Kind.LINK, Kind.MENU} and line.size >= _HEADLINE_WORDS]
        return spare[0] if spare else None
    if len(candidates) == 1:
        return candidates[0]
    text = " ".join(line.text for line in lines[start : start + 8] if line.content)
    scores = [coverage(line.text, text) * min(line.size, _WORDS_THAT_COUNT) for line in candidates]
    best = max(scores)
    if best > 0:
        return next(line for line, score in zip(candidates, scores, strict=True) if score >= 0.6 * best)
    long = [line for line in candidates if line.size >= _HEADLINE_WORDS]
    return (long or candidates)[0]


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
    return line.kind is Kind.BYLINE or (line.time is not None and bool(line.time.times))
