"""Lines of a page that are about a time: "Published 3 July 2025", "Straits Times · 13 minutes ago".

Patterns of our own, one set per language (`languages/*.toml`). Nothing here reads a clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from lodestream.clean.times import timezones
from lodestream.clean.times.ages import find_age, may_hold_age
from lodestream.clean.times.dates import (
    WORD,
    FoundDate,
    Precision,
    PrintedTime,
    find_date,
    may_hold_date,
    milliseconds,
    read_date,
    span_with_clock,
    starts_with_clock,
)
from lodestream.clean.words.patterns import BYLINE_LABELS, LANGUAGES, SOURCE_LABELS, alternatives, key

_LINE_MAX: Final = 160  # characters; a line of times and names is shorter
_REST_WORDS: Final = 6  # set off beside a time: a publisher, a name, a section
_DATES: Final = 3
_HALVES: Final = frozenset("a p m am pm".split())
_NAME_WORDS: Final = 4  # right before or after a time

_BESIDE: Final = frozenset(
    word
    for language in LANGUAGES
    for word in f"{language['absolute']['labels']} {language['absolute']['weekdays']}".split()
)
"""Words that stand beside a time and say nothing more: "Published", "Uhr", "Thursday"."""
_UPDATES: Final = frozenset(word for language in LANGUAGES for word in language["absolute"]["updates"].split())
"""Those of them that say that an article was changed then: "Updated"."""
_READING: Final = re.compile(
    "|".join(
        re.escape(form).replace(r"\ ", r"\s*").replace(r"\{n\}", r"\d{1,3}")
        for form in sorted(
            {form for language in LANGUAGES for form in language["absolute"]["reading"]}, key=len, reverse=True
        )
    )
)
_READING_UNITS: Final = ("min", "мин", "хв", "dk")
_PARTS: Final = re.compile(r"\s*[|·•⋅∙●]\s*|\s[–—-]\s|\s//\s")
_LABELLED: Final = re.compile(rf"\s+(?=(?:{alternatives((*SOURCE_LABELS, *BYLINE_LABELS))})\s*[:：])", re.IGNORECASE)
"""Before a label and its colon: "来源：… 作者：…" are two facts."""
_ISO_CLOCK: Final = re.compile(r"(?<=\d)[T ]\d{2}(?::?(?P<m>\d{2})(?::?(?P<s>\d{2}))?)?")
_UNIX: Final = re.compile(r"(1\d{9})(?:\d{3}|\.\d{1,9})?")
"""Seconds or milliseconds since the epoch, of 2001 to 2033: figures that begin with 20 are a year's."""
_YEAR_LAST: Final = re.compile(
    r"(?P<weekday>[A-Z][a-z]{2}),? (?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}) (?P<clock>\d\d:\d\d(?::\d\d)?)"
    r"(?P<zone> [A-Z]{1,5}| [+-]\d{4})? (?P<year>\d{4})"
)
"""As C's `asctime` and `date` print times: "Tue Mar 3 14:02:11 CET 2026"."""
_ZONE_TOLD: Final = re.compile(r"(?<=[+-]\d{4}) \([^()]{1,60}\)$")
"""What JavaScript puts behind a zone: "GMT+0100 (Central European Standard Time)"."""


@dataclass(frozen=True, slots=True)
class TimeLine:
    """A line that is about a time: the times on it, those of changes last, and what else it says (a byline)."""

    times: tuple[PrintedTime, ...]
    rest: tuple[str, ...]


def read_time_line(text: str) -> TimeLine | None:
    """The times on a line that says little else, or None.

    Up to four capitalised words before or after the time, or any short part set off by `|`, `·` or a dash, come
    back as `rest`. A line that only tells how long reading takes has no times. Lines over 160 characters are none.
    """
    return _read_line(text) if len(text) <= _LINE_MAX else None


@lru_cache(maxsize=4096)  # "2 hours ago" and today's date stand on page after page
def _read_line(text: str) -> TimeLine | None:
    lower = text.lower()
    if not (may_hold_date(lower) or may_hold_age(lower) or _may_hold_reading(lower)):
        return None
    whole = _read_part(text)
    if whole is not None and not whole[1]:
        return TimeLine(_changes_last(whole[0]), ())
    times: list[PrintedTime] = []
    rest: list[str] = []
    for part in _parts(text):
        found = _read_part(part)
        if found is None:
            return None
        times += found[0]
        rest += _LABELLED.split(found[1]) if found[1] else []
    resolvable = any(time.at is not None or time.age is not None for time in times)
    return TimeLine(_changes_last(times), tuple(rest)) if resolvable or (times and not rest) else None


def is_update_label(text: str) -> bool:
    """Whether a text says that the time behind it is that of a change, and no more: "Last updated:"."""
    words = WORD.findall(text.lower()) if len(text) <= _LINE_MAX else []
    return not _UPDATES.isdisjoint(words) and all(word in _BESIDE for word in words)


def _changes_last(times: list[PrintedTime]) -> tuple[PrintedTime, ...]:
    return tuple(sorted(times, key=lambda time: time.updated))


def _parts(text: str) -> list[str]:
    """What a line sets off by bars, dots and dashes; a clock stays with its date: "3 feb 2026 - 10:15 CET"."""
    parts: list[str] = []
    start = 0
    for bar in _PARTS.finditer(text):
        if starts_with_clock(text, bar.end()) and find_date(text[start : bar.start()].lower()) is not None:
            continue
        parts.append(text[start : bar.start()])
        start = bar.end()
    return [*parts, text[start:]]


def parse(text: str) -> PrintedTime | None:
    """An absolute time that is the whole text: ISO 8601, RFC 3339, RFC 2822, Unix time or as pages print it, or None.

    ISO 8601 without a zone is UTC: a machine wrote it.
    """
    text = " ".join(text[:_LINE_MAX].split())
    unix = _UNIX.fullmatch(text)
    if unix is not None:
        return PrintedTime(text, "second", at=int(unix[1]) * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        line = read_time_line(_in_order(text))
        whole = line is not None and not line.rest and len(line.times) == 1 and line.times[0].at is not None
        return line.times[0] if line is not None and whole else None
    clock = _ISO_CLOCK.search(text)
    precision: Precision = "day" if clock is None else "second" if clock["s"] else "minute" if clock["m"] else "hour"
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return PrintedTime(text, precision, at=milliseconds(moment)) if 1900 <= moment.year <= 2200 else None


def _in_order(text: str) -> str:
    """A time as a program prints it, in the order of pages."""
    found = _YEAR_LAST.fullmatch(text)
    if found is None:
        return _ZONE_TOLD.sub("", text)
    return f"{found['day']} {found['month']} {found['year']} {found['clock']}{found['zone'] or ''}"


def _may_hold_reading(lower: str) -> bool:
    return any(unit in lower for unit in _READING_UNITS)


def _read_part(part: str) -> tuple[list[PrintedTime], str] | None:
    """Times and what else a part of a line says; None when it is no such part."""
    lower = part.lower()
    if len(lower) != len(part):
        return None
    times: list[PrintedTime] = []
    spans: list[tuple[int, int]] = []
    reading = _READING.search(lower) if _may_hold_reading(lower) else None
    if reading is not None:
        spans.append(reading.span())
    age = find_age(lower, part)
    if age is not None:
        start, end, time = age
        if time.precision == "day":  # "yesterday, 18:32"
            wide = span_with_clock(part, FoundDate(start, end, None))
            if _is_clock(f"{part[wide[0] : start]} {part[end : wide[1]]}"):
                start, end = wide
        times.append(replace(time, raw=part[start:end].strip(), updated=_is_change(lower[:start] or lower[end:])))
        spans.append((start, end))
    dates = _dates(lower, part) if age is None else []
    spans += dates
    left = _left_over(part, spans)
    behind = bool(dates) and not WORD.search(lower, 0, dates[0][0])  # words stand before the times, or all behind
    for number, (start, end) in enumerate(dates):
        edge = dates[number + 1][0] if number + 1 < len(dates) else len(part)
        printed = read_date(part if not left and len(dates) == 1 else part[start : end if left else edge])
        updated = _is_change(lower[end:edge] if behind else lower[dates[number - 1][1] if number else 0 : start])
        if printed is not None:
            times.append(replace(printed, updated=updated, raw=part[start:end] if len(dates) > 1 else printed.raw))
    if not spans:
        return None if len(part.split()) > _REST_WORDS else ([], part.strip())
    return (times, left) if _is_name(left) else None


def _is_change(words: str) -> bool:
    """Whether words in lower case say that an article was changed."""
    return not _UPDATES.isdisjoint(WORD.findall(words))


def _is_clock(text: str) -> bool:
    """Whether some text is a clock with its zone and words like "at", and no more."""
    return all(
        word[0].isdigit() or word in _BESIDE or word in _HALVES or timezones.known(word.upper())
        for word in WORD.findall(text.lower())
    )


def _dates(lower: str, part: str) -> list[tuple[int, int]]:
    """Start and end of the dates on a line, with their clocks: when it was published, and when changed."""
    spans: list[tuple[int, int]] = []
    date = find_date(lower)
    while date is not None and len(spans) < _DATES:
        following = find_date(lower, date.end)
        edge = len(part) if following is None else following.start
        spans.append(span_with_clock(part[:edge], date))
        date = following
    return spans


def _left_over(part: str, spans: list[tuple[int, int]]) -> str:
    """What a part says beside its times: nothing when only words like "Published" or "Uhr" are left."""
    kept: list[str] = []
    at = 0
    for start, end in [*sorted(spans), (len(part), len(part))]:
        kept.append(part[at : max(start, at)])
        at = max(end, at)
    left = " ".join(" ".join(kept).split()).strip(" ,:()-–—|·•.")
    plain = all(word in _BESIDE for word in WORD.findall(left.lower()))
    return "" if plain or not key(left) else left


def _is_name(text: str) -> bool:
    """Whether a few words may be a name: none of them in lower case."""
    words = text.split()
    return len(words) <= _NAME_WORDS and not any(word[0].islower() for word in words)
