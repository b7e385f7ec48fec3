"""What single lines of a page surely are, whatever article they stand in: times, headings, buttons, notices.

Every line gets at most one of `time`, `heading` and `kind`; what stays without is headline, publisher or text, and
only its place tells which. The rules go by a line's own words and by its neighbours, never by the article.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Final

from lodestream.clean.fields.bylines import BYLINE_WORDS, NAME_JOINTS, is_byline, source_name
from lodestream.clean.fields.sentences import sentence_start
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.lines import Line, ends_sentence, size_of
from lodestream.clean.times.time_lines import read_time_line
from lodestream.clean.words.patterns import (
    ADVERTS,
    ARTICLES,
    COLON,
    FUNCTIONS,
    HEADING_PREFIXES,
    HEADINGS,
    INTERFACE,
    LINK_LABELS,
    PHOTO_LABELS,
    STARTERS,
    Cue,
    Heading,
    alternatives,
    cues,
)

_TIME_WORDS: Final = 18
_CRUMBS_WORDS: Final = 16
_MOSTLY: Final = 0.6  # of the characters
_NOTICE_START: Final = 12  # characters before a notice's phrase
_LINK_WORDS: Final = 25
_NOTICE_WORDS: Final = 45  # a newsletter box's sentence or a footer's; an article's paragraph is often longer
_CAPTION_WORDS: Final = 60
_CREDIT_WORDS: Final = 6  # of a line that names a photographer; after "Photos:" more are a link

_DIGIT: Final = re.compile(r"\d")
_LETTER: Final = re.compile(r"[^\W\d_]")
_PHOTO: Final = re.compile(rf"[\[(]?\s?(?:{alternatives(PHOTO_LABELS)})(?:{COLON}|\s+by\s|$|\s*/)", re.IGNORECASE)
_PICTURE: Final = re.compile(alternatives(PHOTO_LABELS), re.IGNORECASE)
_PHOTO_AT_END: Final = re.compile(
    rf"(?:^|[\s(\[])(?:{alternatives(PHOTO_LABELS)}){COLON}[^.!?]{{2,80}}$", re.IGNORECASE
)
_LINK: Final = re.compile(rf"[\[(]?\s?(?:{alternatives(LINK_LABELS)}){COLON}\S", re.IGNORECASE)
_SMALL: Final = ARTICLES | FUNCTIONS | STARTERS
_QUOTES: Final = "\"'“‘«„"
_COPYRIGHT: Final = re.compile(r"\W*(?:copyright|©|\(c\))\W*(?:©|\d{4}|the\b|by\b|(?-i:[A-Z]))", re.IGNORECASE)
_CRUMBS: Final = re.compile(r"\s*[>›»→/|]\s*")
_TOKENS_ONLY: Final = re.compile(r"(?:[#@][\w.]+[,\s]*)+|\S+@\S+\.\S+|(?:https?://|www\.)\S+")


def mark(lines: list[Line]) -> None:
    """Sets `time`, `heading` or `kind` on the lines that are surely no headline and no text."""
    _find_cues(lines)
    for line in lines:
        _mark_one(line)
    _mark_newsletter_boxes(lines)
    _mark_cookie_notices(lines, [at for at, line in enumerate(lines) if Cue.COOKIE in line.cues])
    _mark_captions(lines)
    _keep_text_above_labels(lines)


def _find_cues(lines: list[Line]) -> None:
    """Notes on each line the cues in it. Of phrases of one kind that overlap, only the one that starts first."""
    lowered = [line.text.lower() for line in lines]
    starts = list(accumulate((len(text) + 1 for text in lowered), initial=0))
    found: dict[int, dict[Cue, list[tuple[int, int]]]] = {}
    reached: dict[Cue, int] = {}
    for cue, start, end in cues("\n".join(lowered)):
        if start >= reached.get(cue, 0):
            at = bisect_right(starts, start) - 1
            found.setdefault(at, {}).setdefault(cue, []).append((start - starts[at], end - starts[at]))
        reached[cue] = max(end, reached.get(cue, 0))
    for at, of_line in found.items():
        lines[at].cues = of_line


def _mark_one(line: Line) -> None:
    text = line.text
    if line.size <= _TIME_WORDS and (Cue.TIME in line.cues or _DIGIT.search(text)):
        line.time = read_time_line(text)
        if line.time is not None:
            return
    if line.key and (not line.prose or line.key in ADVERTS):
        line.heading = _heading(line)
        if line.heading is None:
            line.kind = _short_kind(line)
    elif line.cues:
        if line.size <= _CAPTION_WORDS:
            line.kind = _prose_kind(line)
        if line.kind is None and Cue.FULL_ARTICLE in line.cues:
            _cut_full_article(line, line.cues[Cue.FULL_ARTICLE][-1][0])


def _heading(line: Line) -> Heading | None:
    if line.size > 8 or line.ends:
        return None
    heading = HEADINGS.get(line.key)
    if heading is None and line.size <= 6 and line.key.startswith(HEADING_PREFIXES):
        return Heading.PROMO
    return heading


def _short_kind(line: Line) -> Kind | None:
    """The kind of a line that does not read like running text; None when it may be headline, publisher or text."""
    text = line.text
    if line.key in INTERFACE or _TOKENS_ONLY.fullmatch(text):
        return Kind.INTERFACE
    if line.key in ADVERTS:
        return Kind.ADVERT
    by_cue = next((kind for cue, is_one, kind in _SHORT_RULES if cue in line.cues and is_one(line)), None)
    if by_cue is not None:
        return by_cue
    if line.size <= BYLINE_WORDS and is_byline(text):
        return Kind.BYLINE
    if line.size <= _CRUMBS_WORDS and not text.isalnum() and _is_breadcrumb(text):
        return Kind.MENU
    return Kind.WIDGET if _is_figures(text) else None


def _prose_kind(line: Line) -> Kind | None:
    """The kind of a line that reads like running text and still is none."""
    return next((kind for cue, is_one, kind in _PROSE_RULES if cue in line.cues and is_one(line)), None)


def _is_notice(line: Line) -> bool:
    return line.size <= _NOTICE_WORDS


def _is_mostly(cue: Cue) -> Callable[[Line], bool]:
    """A test whether a line starts with a cue or is mostly made of it: "Scams in your inbox: a guide" is a headline."""

    def test(line: Line) -> bool:
        found = line.cues[cue]
        return found[0][0] <= 2 or sum(end - start for start, end in found) >= _MOSTLY * len(line.text)

    return test


def _starts_with(cue: Cue, characters: int) -> Callable[[Line], bool]:
    """A test whether a cue starts within the first characters of a line."""
    return lambda line: line.cues[cue][0][0] <= characters


def _asks_to_sign_up(line: Line) -> bool:
    """Whether a line is a sign-up box's: more than one of its phrases, or one sentence that starts or ends with one."""
    found = line.cues[Cue.NEWSLETTER]
    at_edge = found[0][0] <= _NOTICE_START or len(line.text) - found[-1][1] <= 2
    alone = at_edge and _is_one_sentence(line, Cue.NEWSLETTER) and sentence_start(line.text, len(line.text)) == 0
    return line.text[0] not in _QUOTES and (len(found) > 1 or alone)


def _asks_to_follow(line: Line) -> bool:
    """Whether a notice starts a line: "Follow us on Facebook" does, "Follow us on the trail" does not."""
    start, end = line.cues[Cue.FOLLOW][0]
    last, following = line.text[start:end].split()[-1].lower(), line.text[end:].split(None, 1)
    told = last in _SMALL and following != [] and following[0].lower() in _SMALL
    return start <= _NOTICE_START and not told


def _is_one_sentence(line: Line, cue: Cue) -> bool:
    """Whether no sentence stands before the one that holds a cue."""
    return sentence_start(line.text, line.cues[cue][-1][0]) == 0


def _is_copyright(line: Line) -> bool:
    return _is_notice(line) and _COPYRIGHT.match(line.text) is not None


def _is_photo(line: Line) -> bool:
    return _PHOTO.match(line.text) is not None or _PHOTO_AT_END.search(line.text) is not None


def _is_link(line: Line) -> bool:
    return _LINK.match(line.text) is not None


_SHORT_RULES: Final[tuple[tuple[Cue, Callable[[Line], bool], Kind], ...]] = (
    (Cue.AI, _is_mostly(Cue.AI), Kind.AI_LABEL),
    (Cue.NEWSLETTER, _is_mostly(Cue.NEWSLETTER), Kind.NEWSLETTER),
    (Cue.COPYRIGHT, _is_copyright, Kind.COPYRIGHT),
    (Cue.SOURCE, lambda line: source_name(line.text) is not None, Kind.SOURCE),
    (Cue.LINK, lambda line: line.size > _CREDIT_WORDS and _is_link(line), Kind.LINK),
    (Cue.PHOTO, _is_photo, Kind.CAPTION),
    (Cue.LINK, _is_link, Kind.LINK),
    (Cue.FULL_ARTICLE, _starts_with(Cue.FULL_ARTICLE, 3), Kind.LINK),
    (Cue.CONTRIBUTORS, _starts_with(Cue.CONTRIBUTORS, 2), Kind.CONTRIBUTORS),
    (Cue.FOLLOW, _is_mostly(Cue.FOLLOW), Kind.INTERFACE),
)
_PROSE_RULES: Final[tuple[tuple[Cue, Callable[[Line], bool], Kind], ...]] = (
    (Cue.NEWSLETTER, lambda line: _is_notice(line) and _asks_to_sign_up(line), Kind.NEWSLETTER),
    (Cue.FOLLOW, lambda line: _is_notice(line) and _asks_to_follow(line), Kind.INTERFACE),
    (Cue.COPYRIGHT, _is_copyright, Kind.COPYRIGHT),
    (Cue.PHOTO, _is_photo, Kind.CAPTION),
    (Cue.CONTRIBUTORS, _starts_with(Cue.CONTRIBUTORS, 2), Kind.CONTRIBUTORS),
    (Cue.CONTRIBUTED, lambda line: _is_notice(line) and _is_one_sentence(line, Cue.CONTRIBUTED), Kind.CONTRIBUTORS),
    (Cue.LINK, lambda line: line.size <= _LINK_WORDS and line.text[-1] != "." and _is_link(line), Kind.LINK),
)
"""What a line with a cue is, the surer first. A list of such rules is short, so that a line can be followed by hand."""


def _is_figures(text: str) -> bool:
    """Whether a line has more digits than letters, or neither: quotes, scores, rules."""
    digits = len(_DIGIT.findall(text))
    if not digits and text[0].isalpha():
        return False
    letters = len(_LETTER.findall(text))
    return letters < digits or not (letters or digits)


def _cut_full_article(line: Line, start: int) -> None:
    """Cuts a link to the full article off the end of a paragraph and notes that the text ends there."""
    link = line.text[start:]
    before = line.text[:start].rstrip()
    if len(line.text.lower()) == len(line.text) and size_of(link) <= 12 and ends_sentence(before):
        line.pieces = ((Kind.LINK, link),)
        line.text, line.last = before, True


def _is_breadcrumb(text: str) -> bool:
    parts = _CRUMBS.split(text)
    figures = sum(_DIGIT.match(part) is not None and _LETTER.search(part) is None for part in parts)
    if len(parts) == 1 or figures >= 2:  # "on 17/12/2025" is a date
        return False
    long = max(len(part.split()) for part in parts)
    return (
        (len(parts) >= 4 and long <= 4)
        or (len(parts) >= 3 and long <= 3)
        or (len(parts) == 2 and parts[0].lower() == "home")
    )


def _mark_newsletter_boxes(lines: list[Line]) -> None:
    """The lines of a sign-up box around the one that says newsletter: its title in the text, its buttons."""
    for at, line in enumerate(lines):
        if line.kind is not Kind.NEWSLETTER:
            continue
        for after in range(at + 1, min(at + 6, len(lines))):
            if lines[after].gap > 1 or lines[after].kind not in {Kind.INTERFACE, Kind.NEWSLETTER}:
                break
            lines[after].kind = Kind.NEWSLETTER
        if at >= 2:
            title, before = lines[at - 1], lines[at - 2]
            if title.content and not title.prose and title.size <= 6 and before.prose and line.gap <= title.gap:
                title.kind = Kind.NEWSLETTER


def _mark_cookie_notices(lines: list[Line], with_cue: list[int]) -> None:
    """A notice about cookies at the top or the bottom of a page, or with its buttons, and what belongs to it."""
    for at in with_cue:
        if lines[at].size > 2 * _NOTICE_WORDS:
            continue
        buttons = any(line.kind is Kind.INTERFACE for line in lines[at + 1 : at + 5])
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


def _mark_captions(lines: list[Line]) -> None:
    """A sentence right above the line that says who took or made the picture is its caption."""
    for at in range(1, len(lines)):
        line, above = lines[at], lines[at - 1]
        if not (above.content and above.ends and above.size <= _CAPTION_WORDS and _is_picture_label(line)):
            continue
        before = lines[at - 2] if at >= 2 else None
        apart = before is None or not (before.content and before.prose)
        close = line.gap == 0 and above.gap > 0 and (at + 1 >= len(lines) or lines[at + 1].gap > 0)
        if close or (apart and line.gap <= above.gap):
            above.kind = Kind.CAPTION


def _keep_text_above_labels(lines: list[Line]) -> None:
    """A paragraph of several sentences inside a text that ends in "Photo: …" is text: only its end is a caption.

    One sentence is a caption there too: in 900 AllSides articles all 27 of such lines were.
    """
    for at in range(1, len(lines)):
        line = lines[at]
        if line.kind is not Kind.CAPTION or not line.prose or not (lines[at - 1].content and lines[at - 1].prose):
            continue
        label = _PHOTO_AT_END.search(line.text)
        before = line.text[: label.start()].rstrip() if label is not None else ""
        several = before != "" and ends_sentence(before) and sentence_start(before, len(before)) > 0
        if several and _PHOTO.match(line.text) is None:
            line.pieces = ((Kind.CAPTION, line.text[len(before) :].strip()),)
            line.kind, line.text, line.size, line.ends = None, before, size_of(before), True


def _is_picture_label(line: Line) -> bool:
    """Whether a line says who took or made a picture, and no more."""
    if line.kind is Kind.CAPTION:
        match = _PHOTO.match(line.text)
        names = line.text[match.end() :].split() if match else []
        named = all(not name[0].islower() or name in NAME_JOINTS for name in names)
        return line.size <= _CREDIT_WORDS and named
    return line.kind is Kind.AI_LABEL and _PICTURE.search(line.text) is not None
