"""Where the main article's text is on a page: the first dense stretch of running text.

Each line weighs: running text its words, anything else a few words less than nothing. A stretch is dense as long as
the sum from its start stays positive. Navigation and teasers above an article make no stretch of any weight; the
articles that a portal shows below do, and often heavier ones, so the first that is heavy enough is taken, and only
what stands above other articles' heads and headings is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lodestream.clean.fields.bylines import is_source_line
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.lines import CLOSERS, QUESTIONS, Line
from lodestream.clean.words.patterns import Heading

_SHORT: Final = -7  # words that a line costs which is no running text: a teaser of one sentence makes up for two
_OTHER: Final = -4  # a picture's caption, an advert, a button: they stand inside articles too
_HEADING: Final = -10
_INSIDE: Final = frozenset({Kind.LINK, Kind.CAPTION, Kind.ADVERT, Kind.WIDGET, Kind.NEWSLETTER, Kind.AI_LABEL})
"""What stands inside articles too, and does not end one."""
_AFTER_TEXT: Final[dict[Kind, int]] = {
    Kind.COPYRIGHT: -40, Kind.CONTRIBUTORS: -40, Kind.COMMENTS: -40, Kind.BYLINE: -25, Kind.COOKIE: -25,
}  # fmt: skip
"""What stands below a text more often than inside: an author's life, a notice of one sentence."""
_END: Final = -60
_HEAVY: Final = 0.4  # of the heaviest stretch
_ABOVE_HEADING: Final = 60  # words above "Related Articles" that make an article
_ABOVE_HEAD: Final = 20  # words above another article's head


@dataclass(frozen=True, slots=True)
class Core:
    """A stretch of lines by index: the first of its running text, and past the last that adds to its weight."""

    start: int
    end: int
    weight: int


def find_core(lines: list[Line]) -> Core | None:
    """The main article's stretch; None when a page has no running text."""
    stretches = _stretches(lines, _limit(lines))
    if not stretches:
        return None
    heaviest = max(stretch.weight for stretch in stretches)
    return next(stretch for stretch in stretches if stretch.weight >= _HEAVY * heaviest)


def text_end(lines: list[Line]) -> int:
    """Past the last line of a text, given from its first line on; what follows are scattered sentences at most."""
    total = best = end = 0
    for at, line in enumerate(lines):
        total += _weight(line)
        if total > best:
            best, end = total, at + 1
    if end:
        end = _last_end(lines, end)
    below = max((stretch.weight for stretch in _stretches(lines[end:], len(lines) - end)), default=0)
    return end if below < _HEAVY * best else len(lines)


def _last_end(lines: list[Line], end: int) -> int:
    """Past what still belongs to the text that ends before `end`: short sentences, a list, with links between."""
    room = max((line.gap for line in lines[1:end] if line.content and line.prose), default=1)
    for at in range(end, len(lines)):
        line = lines[at]
        if not line.content:
            if line.kind not in _INSIDE:
                break
        elif line.gap > max(1, room) or not (line.listed or is_statement(line) or opens_list(lines, at)):
            break
        else:
            end = at + 1
    return end


def is_statement(line: Line) -> bool:
    """Whether a line ends like a sentence that states something: questions and calls below a text are the page's."""
    return line.ends and line.text.rstrip(CLOSERS)[-1:] not in QUESTIONS


def opens_list(lines: list[Line], at: int) -> bool:
    """Whether a line announces the list below it: "The law has three parts:"."""
    return lines[at].text.endswith((":", "：")) and at + 1 < len(lines) and lines[at + 1].listed


def _limit(lines: list[Line]) -> int:
    """Where other articles start, if some text stands above: at a head with its publisher twice, or a heading."""
    words = total = heaviest = 0
    for at, line in enumerate(lines):
        total += _weight(line)
        if total < 0:
            total = 0
        elif total > heaviest:
            heaviest = total
        if line.content and line.prose:
            words += line.size
        elif line.heading is Heading.RELATED and heaviest >= _ABOVE_HEADING:
            return at
        elif line.time is not None and words >= _ABOVE_HEAD and _is_head(lines, at):
            return at - 1 if lines[at - 1].content and not lines[at - 1].prose else at
    return len(lines)


def _is_head(lines: list[Line], at: int) -> bool:
    return at + 1 < len(lines) and lines[at + 1].content and is_source_line(lines[at + 1].text)


def _stretches(lines: list[Line], limit: int) -> list[Core]:
    found: list[Core] = []
    start = end = -1
    total = best = 0
    for at in range(limit):
        weight = _weight(lines[at])
        if total <= 0:
            if best > 0:
                found.append(Core(start, end, best))
            total = best = 0
            if weight <= 0:
                continue
            start = at
        total += weight
        if total > best:
            best, end = total, at + 1
    if best > 0:
        found.append(Core(start, end, best))
    return found


def _weight(line: Line) -> int:
    if line.content:
        return line.size if line.prose else 0 if line.listed else _SHORT
    if line.heading is not None:
        return _END if line.heading in {Heading.COMMENTS, Heading.END} else _HEADING
    return _AFTER_TEXT.get(line.kind, _OTHER) if line.kind is not None else _OTHER
