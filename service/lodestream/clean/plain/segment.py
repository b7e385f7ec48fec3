"""A page's lines into regions, one for each article: by the heads that articles have, and by section headings.

A head is `[PUBLISHER] TIME [- PUBLISHER] HEADLINE TEXT` or `HEADLINE [PUBLISHER] TIME TEXT`, anchored on the line
of the time; publisher and blank lines may be missing. Without times, the lines below a section heading are taken
apart by `related`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Final

from lodestream.clean.fields.bylines import is_name, is_source_line
from lodestream.clean.kinds import Kind
from lodestream.clean.plain import related
from lodestream.clean.plain.core import Core, find_core
from lodestream.clean.plain.lines import Line
from lodestream.clean.words import names
from lodestream.clean.words.patterns import SECTIONS, STAFF, Heading

_PUBLISHER_WORDS: Final = 6
_CARD_WORDS: Final = 3  # of a publisher that no list has
_HEADLINE_WORDS: Final = 4  # above the time, what is shorter is a publisher or a section's name
_STANDFIRST_WORDS: Final = 60  # above a time that may be the article's own; two paragraphs may have twice as many
_SOURCE_LINES: Final = 3  # below a time: sections and the publisher
_UNTIMED: Final = 0.25  # of the text's words: what readers wrote, where no ages tell that they did
_AHEAD: Final = 8  # lines of buttons and captions that may stand between a time and its headline


_LAST: Final = frozenset({Kind.COPYRIGHT, Kind.CONTRIBUTORS, Kind.COMMENTS, Kind.BYLINE})
_SECTIONS: Final = frozenset({Heading.RELATED, Heading.SOFT, Heading.PROMO})


@dataclass(frozen=True, slots=True)
class Anchor:
    """An article's head found by its time: indexes of the page's lines."""

    time: int
    start: int
    headline: int | None
    publisher: int | None
    source: int | None
    text: int


@dataclass(slots=True)
class Region:
    """The lines of one article in page order. `headline` and `publisher` are known where its head told them."""

    main: bool
    lines: list[Line]
    headline: Line | None = None
    publisher: Line | None = None
    text: Line | None = None  # where the head says that the text starts
    links: list[Line] = field(default_factory=list)  # below its headings: other articles' headlines without text


def segment(lines: list[Line]) -> list[Region]:
    """The regions of a page, the main article's first. Every line is in exactly one region, as line or link."""
    core = find_core(lines)
    main = Region(main=True, lines=[])
    if core is None:
        main.lines += lines
        return [main]
    main.text = lines[core.start]
    _set_main_head(main, lines, core.start)
    _cut_comments(lines, core)
    regions = [main]
    starts = {anchor.start: anchor for anchor in _anchors(lines, core.start)}
    headings = {at for at in range(core.start, len(lines)) if lines[at].heading in _SECTIONS}
    over = next((at for at in range(core.end, len(lines)) if _is_over(lines[at])), len(lines))
    bounds = sorted({0, len(lines), *starts, *headings})
    for start, end in itertools.pairwise(bounds):
        anchor = starts.get(start)
        if anchor is not None:
            region = Region(main=False, lines=lines[start:end])
            _set_head(region, lines, anchor)
            regions.append(region)
        elif start == 0:
            main.lines += lines[:end]
        else:
            _take_section(regions, lines[start:end], ended=start > over, inside=start < core.end)
    return regions


def _set_main_head(main: Region, lines: list[Line], text: int) -> None:
    """The main article's publisher and headline, where a time right above its text anchors them."""
    for at in range(text - 1, max(-1, text - 1 - _AHEAD), -1):
        if lines[at].time is not None:
            anchor = _anchor(lines, at, 0)
            if anchor is not None and anchor.text == text and anchor.source is not None:
                _set_head(main, lines, anchor)
            elif anchor is not None and anchor.publisher is not None and anchor.headline is not None:
                publisher, time = lines[anchor.publisher], lines[at].time
                aged = time is not None and any(printed.age is not None for printed in time.times)
                card = aged and anchor.publisher == at - 1 and anchor.headline > at and publisher.size > 1
                main.publisher = publisher if card or names.looks_like_publisher(publisher.text) else None
            return


def _cut_comments(lines: list[Line], core: Core) -> None:
    """What readers wrote below a heading for it: names, ages and remarks, until another section starts."""
    at = core.end
    while at < len(lines):
        if lines[at].heading is not Heading.COMMENTS:
            at += 1
            continue
        end = at + 1
        while end < len(lines) and lines[end].heading in {None, Heading.COMMENTS} and not _starts_item(lines, end):
            end += 1
        zone = lines[at + 1 : end]
        words = sum(line.size for line in zone if line.prose and line.content)
        timed = any(line.time for line in zone)
        if words < (core.weight if timed else _UNTIMED * core.weight) or not words:
            for line in zone:
                line.kind, line.heading, line.time = line.kind or Kind.COMMENTS, None, None
        at = end


def _starts_item(lines: list[Line], at: int) -> bool:
    """Whether an article's own head stands here: a publisher, an age, and the publisher again."""
    ahead = lines[at : at + 3]
    return len(ahead) == 3 and ahead[1].time is not None and is_source_line(ahead[2].text) and ahead[0].content


def _is_over(line: Line) -> bool:
    """Whether nothing of an article follows on a line below its text: an author's life, a notice."""
    return line.heading in {Heading.END, Heading.COMMENTS} or line.kind in _LAST


def _take_section(regions: list[Region], lines: list[Line], *, ended: bool, inside: bool) -> None:
    """A heading and what is below it until the next bound: its own articles, links, or more of the text above.

    `ended`: the main article's text is over; `inside`: its stretch of text goes on below.
    """
    heading = lines[0].heading
    before = regions[-1]
    parts = related.take_apart(lines, before.lines, formal=heading is Heading.RELATED or ended, inside=inside)
    regions[0].links += parts.links
    if heading is Heading.PROMO:
        for line in parts.resumed[:1]:
            line.headed = line.content
    before.lines += parts.resumed
    for headline, text in parts.articles:
        own = [headline, *text] if headline is not None else text
        start = next(line for line in text if line.content and line.prose)
        regions.append(Region(main=False, lines=own, headline=headline, text=start))


def _set_head(region: Region, lines: list[Line], anchor: Anchor) -> None:
    region.headline = None if anchor.headline is None else lines[anchor.headline]
    region.publisher = None if anchor.publisher is None else lines[anchor.publisher]
    region.text = lines[anchor.text]
    if anchor.source is not None:
        region.publisher = region.publisher or lines[anchor.source]


def _anchors(lines: list[Line], start: int) -> list[Anchor]:
    """The heads of other articles below the main one's text, which starts at `start`."""
    found: list[Anchor] = []
    words = paragraphs = 0
    below_heading, floor = False, start + 1
    for at in range(start, len(lines)):
        line = lines[at]
        if line.heading in {Heading.RELATED, Heading.SOFT}:
            below_heading = True
        if line.time is None or not line.time.times:
            if line.content and line.prose:
                words, paragraphs = words + line.size, paragraphs + 1
            continue
        anchor = _anchor(lines, at, floor) if at >= floor else None
        if anchor is None:
            continue
        listed = anchor.source is not None or below_heading or bool(found)
        few = words <= _STANDFIRST_WORDS or (paragraphs <= 2 and words <= 2 * _STANDFIRST_WORDS)
        if listed or (not few and _is_new(lines, anchor, start)):
            found.append(anchor)
            floor = anchor.text
    return found


def _is_new(lines: list[Line], anchor: Anchor, start: int) -> bool:
    """Whether a head that no heading announces starts another article, and is no time in the one above it.

    `start`: where the text above starts.
    """
    time = lines[anchor.time].time
    if time is None or all(printed.at is None and printed.age is None for printed in time.times):
        return False
    if anchor.headline is None and anchor.publisher is None and not time.rest:
        return False
    text = lines[anchor.text : anchor.text + _AHEAD]
    above = related.sample(lines, start, anchor.start)
    if anchor.headline is not None and related.owns(lines[anchor.headline], text):
        return True
    return any(printed.age is not None for printed in time.times) and related.differs(above, text)


def _anchor(lines: list[Line], at: int, floor: int) -> Anchor | None:
    """The head around the time at `at`, not reaching above `floor`; None when there is no text to it."""
    source, after = _source(lines, at)
    first = _next_content(lines, after)
    if first is None:
        return None
    second = _next_content(lines, first + 1)
    if source is None and _names_source(lines, first, second):
        source, first, second = first, second or first, _next_content(lines, (second or first) + 1)
    lead = _lead(lines, at, floor)
    below = lines[first].shaped and second is not None and (lines[second].prose or lines[second].ends)
    above = [number for number in lead if lines[number].size >= _HEADLINE_WORDS and lines[number].shaped]
    publisher = _publisher(lines, at, lead)
    if below and (source is not None or not above or publisher is not None):
        start = at if publisher is None else publisher
        return Anchor(at, start, first, publisher, source, second or first)
    if not lines[first].prose and not below:
        return None
    if not above:
        return Anchor(at, at if publisher is None else publisher, None, publisher, source, first)
    headline = max(above, key=lambda number: lines[number].size)
    near = [number for number in lead if number in {at - 1, headline - 1, headline + 1}]
    named = (number for number in near if names.looks_like_publisher(lines[number].text))
    publisher = next((number for number in named if lines[number].key not in STAFF), None)
    if publisher is None and headline == at - 2 and at - 1 in lead and _is_card(lines, at):
        publisher = at - 1
    start = headline if publisher is None else min(headline, publisher)
    return Anchor(at, start, headline, publisher, source, first)


def _source(lines: list[Line], at: int) -> tuple[int | None, int]:
    """The line below the time at `at` that names the source, among such of sections; and the first line past them."""
    after = at + 1
    while (
        after < min(at + 1 + _SOURCE_LINES, len(lines)) and lines[after].content and is_source_line(lines[after].text)
    ):
        after += 1
    found = range(at + 1, after)
    above = lines[at - 1].key if at else ""
    named = [number for number in found if above and lines[number].key == above]
    others = [number for number in found if lines[number].key not in SECTIONS]
    best = named or others or [*found]
    return best[-1] if best else None, after


def _names_source(lines: list[Line], first: int, second: int | None) -> bool:
    """Whether the line below a time is a publisher's without a dash: a short one, a headline below it, then text."""
    if second is None or second != first + 1 or lines[second].gap:
        return False
    third = _next_content(lines, second + 1)
    source, headline = lines[first], lines[second]
    if third is None or not lines[third].prose or not headline.shaped:
        return False
    short = source.size <= _CARD_WORDS or (source.size <= _PUBLISHER_WORDS and names.looks_like_publisher(source.text))
    short = short and source.size < headline.size and not source.ends
    return short and headline.size >= _HEADLINE_WORDS and not source.prose and source.key not in SECTIONS


def _is_card(lines: list[Line], at: int) -> bool:
    """Whether the line above an age names a publisher that no list has, as cards print it below a headline."""
    time, line = lines[at].time, lines[at - 1]
    aged = time is not None and any(printed.age is not None for printed in time.times)
    return aged and line.size <= _CARD_WORDS and line.key not in SECTIONS and not is_name(line.text)


def _next_content(lines: list[Line], at: int) -> int | None:
    """The next line that may be headline or text, a few lines of other things passed over."""
    for number in range(at, min(at + _AHEAD, len(lines))):
        line = lines[number]
        if line.content:
            return number
        if line.heading is not None:
            return None
    return None


def _lead(lines: list[Line], at: int, floor: int) -> list[int]:
    """Up to three short lines right above the time, in page order."""
    found: list[int] = []
    number = at - 1
    while number >= floor and len(found) < 3:
        line = lines[number]
        if line.content and (not line.prose or (line.shaped and line.ends)):
            found.append(number)
        elif line.content or line.heading is not None or line.time is not None:
            break
        if lines[number].gap > lines[at].gap:
            break
        number -= 1
    return found[::-1]


def _publisher(lines: list[Line], at: int, lead: list[int]) -> int | None:
    """The line right above the time, when it is short and no farther from the time than from what is above it."""
    if not lead or lead[-1] != at - 1:
        return None
    line = lines[at - 1]
    near = lines[at].gap <= line.gap or at == 1
    return at - 1 if near and line.size <= _PUBLISHER_WORDS and not line.ends and line.key not in SECTIONS else None
