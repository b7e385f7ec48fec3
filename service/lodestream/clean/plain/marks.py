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

from lodestream.clean.fields.bylines import BYLINE_WORDS, is_byline, is_name, source_name
from lodestream.clean.fields.sentences import sentence_start
from lodestream.clean.kinds import Kind
from lodestream.clean.plain import boxes, pictures
from lodestream.clean.plain.lines import Line, ends_sentence, size_of
from lodestream.clean.times import timezones
from lodestream.clean.times.dates import Precision, PrintedTime
from lodestream.clean.times.time_lines import TimeLine, read_time_line
from lodestream.clean.words.patterns import (
    ADVERTS,
    AI_ABOUT,
    ARTICLES,
    COLON,
    FUNCTIONS,
    HEADING_PREFIXES,
    HEADINGS,
    INTERFACE,
    LINE_STARTS,
    LINK_LABELS,
    LONG_STARTS,
    SECTIONS,
    STARTERS,
    TIME_WORDS,
    Cue,
    Heading,
    alternatives,
    cues,
    hints_at_age,
    key,
)

_TIME_WORDS: Final = 18
_CRUMBS_WORDS: Final = 16
_HEADING_WORDS: Final = 10
_START_WORDS: Final = 20  # of a button or a box's line that is told by how it begins
_MENU_ITEMS: Final = 3
_CJK_ITEMS: Final = 5  # of up to four characters
_WIDE_FROM: Final = "\u2e80"
_MENU_SHARE: Final = 0.5  # of the items that are known
_MOSTLY: Final = 0.6  # of the characters
_NOTICE_START: Final = 12  # characters before a notice's phrase
_LINK_WORDS: Final = 25
_NOTICE_WORDS: Final = 45  # a newsletter box's sentence or a footer's; an article's paragraph is often longer
_CAPTION_WORDS: Final = 60

_DIGIT: Final = re.compile(r"\d")
_LETTER: Final = re.compile(r"[^\W\d_]")
_LINK: Final = re.compile(
    rf"(?:>>\s?)?[\[(【]?\s?(?:{alternatives(LINK_LABELS)})(?:{COLON}|\s?[】\])]\s?|(?<=[\u3040-\u9fff\uac00-\ud7a3])\s)\S",
    re.IGNORECASE,
)
_START_MAX: Final = 40  # characters
_SMALL: Final = ARTICLES | FUNCTIONS | STARTERS
_ASKING: Final = frozenset({Cue.NEWSLETTER, Cue.COOKIE, Cue.FOLLOW})
_OPENING: Final = frozenset("“«„「『‘")
_QUOTES: Final = "\"'“‘«„"
_COPYRIGHT: Final = re.compile(r"\W*(?:copyright|©|\(c\))\W*(?:©|\d{4}|the\b|by\b|(?-i:[A-Z]))", re.IGNORECASE)
_CRUMBS: Final = re.compile(r"\s*[>›»→/|]\s*")
_BARE_AGE: Final = re.compile(r"(?P<n>\d{1,2})\s?(?P<unit>[mhdw])")
_READING: Final = re.compile(r"\d{1,2}\s?(?:min|mins|мин|хв|dk|dk\.|분|分)\.?")
_NAMED: Final = re.compile(r"(?P<name>[^,|·—–]{4,40}?)\s*[,|·—–]\s*(?P<time>\S.*\d.*)")
_BARE_UNITS: Final[dict[str, tuple[int, Precision]]] = {
    "m": (60, "minute"), "h": (3600, "hour"), "d": (86_400, "day"), "w": (604_800, "none"),
}  # fmt: skip
_BAR: Final = re.compile(r"[|｜·•‧/]")
_BARS: Final = re.compile(r"\s*[|｜·•‧/]\s*")
_CLOCK: Final = re.compile(r"(?<![\d.:])\d{1,2}[:.h時时시]\s?\d{2}(?::\d{2}|[分분])?(?![\d.:])")
_CLOCK_DATE: Final = re.compile(r"\d[./-]\d{1,2}[./-]\d|\d{3}")
_CLOCK_WORD: Final = re.compile(r"[^\W\d_]+")
_TOKENS_ONLY: Final = re.compile(r"(?:[#@][\w.]+[,\s]*)+|\S+@\S+\.\S+|(?:https?://|www\.)\S+")


def mark(lines: list[Line]) -> None:
    """Sets `time`, `heading` or `kind` on the lines that are surely no headline and no text."""
    _find_cues(lines)
    for line in lines:
        _mark_one(line)
    boxes.mark_newsletter_boxes(lines)
    boxes.mark_pitches(lines)
    boxes.mark_cookie_notices(lines, [at for at, line in enumerate(lines) if Cue.COOKIE in line.cues])
    boxes.mark_summaries(lines)
    boxes.mark_repeated(lines)
    boxes.mark_remarks(lines)
    pictures.mark_captions(lines)
    pictures.keep_text_above_labels(lines)


def _find_cues(lines: list[Line]) -> None:
    """Notes on each line the cues in it. Of phrases of one kind that overlap, only the one that starts first."""
    lowered = [line.text.lower() for line in lines]
    starts = list(accumulate((len(text) + 1 for text in lowered), initial=0))
    found: dict[int, dict[Cue, list[tuple[int, int]]]] = {}
    reached: dict[Cue, int] = {}
    page = "\n".join(lowered)
    for cue, start, end in cues(page):
        quoted = cue in _ASKING and page[start - 1 : start] in _OPENING
        if start >= reached.get(cue, 0) and not quoted:
            at = bisect_right(starts, start) - 1
            found.setdefault(at, {}).setdefault(cue, []).append((start - starts[at], end - starts[at]))
        reached[cue] = max(end, reached.get(cue, 0))
    for at, of_line in found.items():
        lines[at].cues = of_line


def _mark_one(line: Line) -> None:
    text = line.text
    if line.size <= _TIME_WORDS and (_DIGIT.search(text) or hints_at_age(text.lower())):
        line.time = read_time_line(text) or _bare_age(text) or _named_time(text)
        if line.time is not None:
            return
    if not line.prose or (line.key and line.key in ADVERTS):
        line.heading = _heading(line) if line.key else None
        if line.heading is None:
            line.kind = _short_kind(line)
    elif line.size <= _NOTICE_WORDS and _begins_notice(line):
        line.kind = Kind.INTERFACE
    elif line.cues:
        if line.size <= _CAPTION_WORDS:
            line.kind = _prose_kind(line)
        if line.kind is None and Cue.FULL_ARTICLE in line.cues:
            _cut_full_article(line, line.cues[Cue.FULL_ARTICLE][-1][0])


def _begins_notice(line: Line) -> bool:
    """Whether one sentence begins as only the page's own do: "If you have noticed a mistake, …"."""
    if not LONG_STARTS.begin(line.text[:_START_MAX].casefold()):
        return False
    return line.size <= _LINK_WORDS and sentence_start(line.text, len(line.text)) == 0


def _heading(line: Line) -> Heading | None:
    if line.size > _HEADING_WORDS or line.ends:
        return None
    heading = HEADINGS.get(line.key)
    if heading is None and line.size <= 6 and HEADING_PREFIXES.begin(line.key):
        return Heading.PROMO
    return heading


def _short_kind(line: Line) -> Kind | None:
    """The kind of a line that does not read like running text; None when it may be headline, publisher or text."""
    text = line.text
    if line.key in INTERFACE or _TOKENS_ONLY.fullmatch(text):
        return Kind.INTERFACE
    if line.key in ADVERTS:
        return Kind.ADVERT
    cued = line.cues  # most lines have none
    by_cue = next((kind for cue, is_one, kind in _SHORT_RULES if cue in cued and is_one(line)), None) if cued else None
    return _kind_by_shape(line) if by_cue is None else by_cue


def _kind_by_shape(line: Line) -> Kind | None:
    """The kind of a short line that no phrase tells."""
    text = line.text
    if line.size <= BYLINE_WORDS and is_byline(text):
        return Kind.BYLINE
    if line.size <= _START_WORDS and text[0] not in _QUOTES and LINE_STARTS.begin(line.key or key(text[:_START_MAX])):
        return Kind.INTERFACE
    if line.size <= _CRUMBS_WORDS and not text.isalnum() and (_is_breadcrumb(text) or is_menu(text)):
        return Kind.MENU
    if _DIGIT.search(text) is None:
        return Kind.WIDGET if _is_figures(text) else None
    if _READING.fullmatch(text) or (line.size <= _TIME_WORDS and _is_clock(text)):
        return Kind.TIME
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
    found = line.cues[Cue.FOLLOW]
    start, end = found[0]
    if len(found) > 1 or (line.size > line.text.count(" ") + 1 and line.size <= _LINK_WORDS):
        return _is_one_sentence(line, Cue.FOLLOW) or len(found) > 1
    last, following = line.text[start:end].split()[-1].lower(), line.text[end:].split(None, 1)
    told = last in _SMALL and following != [] and following[0].lower() in _SMALL
    return start <= _NOTICE_START and not told


def _is_one_sentence(line: Line, cue: Cue) -> bool:
    """Whether no sentence stands before the one that holds a cue."""
    return sentence_start(line.text, line.cues[cue][-1][0]) == 0


def _is_copyright(line: Line) -> bool:
    match = _COPYRIGHT.match(line.text) if _is_notice(line) else None
    if match is None:
        return False
    stated = "©" in line.text or "(c)" in match[0].lower() or match[0][-1].isdigit()
    return stated or not line.prose or sentence_start(line.text, len(line.text)) == 0


def _is_about_ai(line: Line) -> bool:
    """Whether a sentence says that AI made the page's own text or picture: "This summary was generated by AI"."""
    return line.size <= _LINK_WORDS and AI_ABOUT.begin(line.text.casefold())


def _is_link(line: Line) -> bool:
    return _LINK.match(line.text) is not None


_SHORT_RULES: Final[tuple[tuple[Cue, Callable[[Line], bool], Kind], ...]] = (
    (Cue.AI, _is_mostly(Cue.AI), Kind.AI_LABEL),
    (Cue.AI, _is_about_ai, Kind.AI_LABEL),
    (Cue.NEWSLETTER, _is_mostly(Cue.NEWSLETTER), Kind.NEWSLETTER),
    (Cue.COPYRIGHT, _is_copyright, Kind.COPYRIGHT),
    (Cue.SOURCE, lambda line: source_name(line.text) is not None, Kind.SOURCE),
    (Cue.LINK, lambda line: not pictures.is_short_credit(line) and _is_link(line), Kind.LINK),
    (Cue.PHOTO, pictures.says_photo, Kind.CAPTION),
    (Cue.LINK, _is_link, Kind.LINK),
    (Cue.FULL_ARTICLE, _starts_with(Cue.FULL_ARTICLE, 3), Kind.LINK),
    (Cue.CONTRIBUTORS, _starts_with(Cue.CONTRIBUTORS, 2), Kind.CONTRIBUTORS),
    (Cue.FOLLOW, _is_mostly(Cue.FOLLOW), Kind.INTERFACE),
    (Cue.FOLLOW, lambda line: len(line.cues[Cue.FOLLOW]) > 1, Kind.INTERFACE),
)
_PROSE_RULES: Final[tuple[tuple[Cue, Callable[[Line], bool], Kind], ...]] = (
    (Cue.AI, _is_about_ai, Kind.AI_LABEL),
    (Cue.NEWSLETTER, lambda line: _is_notice(line) and _asks_to_sign_up(line), Kind.NEWSLETTER),
    (Cue.FOLLOW, lambda line: _is_notice(line) and _asks_to_follow(line), Kind.INTERFACE),
    (Cue.COPYRIGHT, _is_copyright, Kind.COPYRIGHT),
    (Cue.PHOTO, pictures.says_photo, Kind.CAPTION),
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


def _named_time(text: str) -> TimeLine | None:
    """A name and a time that only its place says to be one: "Jane Doe — 3 July, 14:02"."""
    match = _NAMED.fullmatch(text)
    if match is None or not is_name(match["name"]):
        return None
    time = read_time_line(match["time"])
    return None if time is None or time.rest else TimeLine(time.times, (match["name"],))


def _bare_age(text: str) -> TimeLine | None:
    """An age of one letter alone on a line, as cards print it: "42m", "5h", "3d"."""
    match = _BARE_AGE.fullmatch(text)
    if match is None:
        return None
    seconds, precision = _BARE_UNITS[match["unit"]]
    return TimeLine((PrintedTime(text, precision, age=int(match["n"]) * seconds),), ())


def is_menu(text: str) -> bool:
    """Whether a line is a row of sections and buttons, with bars or nothing between them."""
    barred = _BAR.search(text) is not None
    parts = [part for part in _BARS.split(text) if part.strip()] if barred else text.split()
    if len(parts) < 2 or (not barred and any(part[0].islower() for part in parts)):
        return False
    known = sum((item := key(part)) in INTERFACE or item in SECTIONS or item in HEADINGS for part in parts)
    if len(parts) >= _CJK_ITEMS and all(len(part) <= 4 and part > _WIDE_FROM for part in parts):
        return True
    pair = barred and len(parts) == 2 and all(len(part.split()) <= 3 for part in parts)
    if pair and any(key(part) in INTERFACE for part in parts):
        return True
    return (len(parts) >= _MENU_ITEMS and known >= _MENU_SHARE * len(parts)) or (len(parts) > 1 and known == len(parts))


def _is_clock(text: str) -> bool:
    """Whether a line is a clock with words like "updated" beside it, and no date: "Updated at 11.34 GMT"."""
    clock = _CLOCK.search(text)
    if clock is None or _CLOCK_DATE.search(text):
        return False
    words = _CLOCK_WORD.findall(_CLOCK.sub(" ", text).casefold())
    return all(
        word in TIME_WORDS or word in {"a", "p", "m", "am", "pm", "h"} or timezones.known(word.upper())
        for word in words
    )


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
