"""Boxes of the page between and around paragraphs: sign-up boxes, cookie notices, lists of an article's points."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from lodestream.clean.kinds import Kind
from lodestream.clean.plain.lines import Line
from lodestream.clean.words.patterns import LINE_STARTS, Heading

_NOTICE_WORDS: Final = 45
_TITLE_WORDS: Final = 7  # of a box
_PITCH_WORDS: Final = 16  # of a sentence that says what one signs up for: a paragraph has more
_NAME_WORDS: Final = 5  # of a reader, and "says"
_REMARKS: Final = 3
_POINTS: Final = 8  # lines
_POINT_WORDS: Final = 30  # of an article's point


def mark_newsletter_boxes(lines: list[Line]) -> None:
    """The lines of a sign-up box around the one that says newsletter: title, pitch, form and buttons."""
    for at, line in enumerate(lines):
        if line.kind is not Kind.NEWSLETTER:
            continue
        for after in range(at + 1, min(at + 6, len(lines))):
            near = lines[after]
            pitch = near.content and near.prose and near.size <= _PITCH_WORDS and _form_follows(lines, after)
            if near.gap > 1 or not (near.kind in {Kind.INTERFACE, Kind.NEWSLETTER} or pitch):
                break
            near.kind = Kind.NEWSLETTER
        _mark_title(lines, at)


def mark_pitches(lines: list[Line]) -> None:
    """A sentence between a box's title, told by its beginning, and its button: "Get the app / All news. / Install"."""
    for at in range(1, len(lines) - 1):
        line, above, below = lines[at], lines[at - 1], lines[at + 1]
        if line.content and line.prose and line.size <= _PITCH_WORDS and above.kind is Kind.INTERFACE:
            closed = below.kind in {Kind.INTERFACE, Kind.NEWSLETTER} and not below.gap and not line.gap
            if closed and LINE_STARTS.begin(above.key):
                line.kind = Kind.NEWSLETTER


def _form_follows(lines: list[Line], at: int) -> bool:
    return at + 1 < len(lines) and lines[at + 1].kind in {Kind.INTERFACE, Kind.NEWSLETTER} and not lines[at].gap


def _mark_title(lines: list[Line], at: int) -> None:
    """The title right above a box's form, and the pitch between the two."""
    if at < 2:
        return
    above = lines[at - 1]
    pitched = above.content and above.ends and above.size <= _PITCH_WORDS and lines[at].gap <= above.gap
    title = lines[at - 2] if pitched else above
    first = at - 2 if pitched else at - 1
    if title.kind is Kind.INTERFACE and pitched:
        above.kind = Kind.NEWSLETTER
        return
    if not (title.content and not title.prose and not title.ends and title.size <= _TITLE_WORDS):
        return
    if first >= 1 and lines[first - 1].prose and lines[first].gap >= lines[first + 1].gap:
        for line in lines[first:at]:
            line.kind = Kind.NEWSLETTER


def mark_cookie_notices(lines: list[Line], with_cue: list[int]) -> None:
    """A notice about cookies at the top or the bottom of a page, or with its buttons, and what belongs to it."""
    for at in with_cue:
        if lines[at].size > 2 * _NOTICE_WORDS:
            continue
        above = lines[at - 1] if at else None
        buttons = any(line.kind is Kind.INTERFACE for line in lines[at + 1 : at + 5])
        if not buttons and lines[at].prose and above is not None and above.content and above.prose:
            continue  # a paragraph about cookies
        if not (at < 8 or at >= len(lines) - 12 or buttons):
            continue
        lines[at].kind, lines[at].heading, lines[at].time = Kind.COOKIE, None, None
        for step in (-1, 1):
            near = at + step
            while 0 <= near < len(lines) and abs(near - at) <= 6 and _of_notice(lines[near]):
                lines[near].kind = Kind.COOKIE
                near += step


def _of_notice(line: Line) -> bool:
    return line.kind in {Kind.INTERFACE, Kind.COOKIE} or ("cookie" in line.key and line.size <= 8 and line.time is None)


def mark_summaries(lines: list[Line]) -> None:
    """The points of an article below a heading that announces them, where a button or a notice ends the list."""
    for at, line in enumerate(lines):
        if line.heading is not Heading.SUMMARY:
            continue
        end = next(
            (
                after
                for after in range(at + 1, min(at + 2 + _POINTS, len(lines)))
                if not lines[after].content or lines[after].size > _POINT_WORDS
            ),
            at + 1,
        )
        if end < len(lines) and lines[end].kind in {Kind.INTERFACE, Kind.AI_LABEL, Kind.ADVERT}:
            for point in lines[at + 1 : end]:
                point.kind = Kind.INTERFACE
            if lines[end].kind is Kind.AI_LABEL:  # the notice stands above the points
                _mark_points_below(lines, end + 1)


def _mark_points_below(lines: list[Line], start: int) -> None:
    for end in range(start, min(start + _POINTS, len(lines))):
        if lines[end].kind is Kind.INTERFACE:
            for point in lines[start:end]:
                point.kind = Kind.INTERFACE
        if not lines[end].content or lines[end].size > _POINT_WORDS:
            return


def mark_remarks(lines: list[Line]) -> None:
    """What readers wrote, each with a head of their name and a colon, and the time below: "Jane says: / May 3 at 9 am".

    Where a page has a few of these heads, all from the first to the next heading is of them.
    """
    heads = [
        at
        for at, (line, below) in enumerate(pairwise(lines))
        if line.size <= _NAME_WORDS and line.text.endswith((":", "：")) and below.time is not None
    ]
    if len(heads) < _REMARKS:
        return
    for line in lines[heads[0] :]:
        if line.heading not in {None, Heading.COMMENTS}:
            break
        line.kind, line.heading, line.time = line.kind or Kind.COMMENTS, None, None


def mark_repeated(lines: list[Line]) -> None:
    """Notes which short lines stand on the page more than once: labels of the page, not of an article."""
    seen: dict[str, Line] = {}
    for line in lines:
        if line.key and not line.prose and line.size <= _TITLE_WORDS:
            first = seen.setdefault(line.key, line)
            if first is not line:
                first.repeated = line.repeated = True
