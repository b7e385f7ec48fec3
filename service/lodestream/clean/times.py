"""Times as pages print them: relative ("13 minutes ago") and absolute ("01.06.25 15:06 Uhr").

Patterns of our own, one set per language (`languages/*.toml`). Nothing here reads a clock: a relative time stays
an age until someone who knows when the page was fetched resolves it.

A printed time without a zone is read in the zone of the language whose words stand beside it ("Uhr": Berlin), else
of the article's language where that is spoken in one zone; where neither tells, as UTC and good to the day only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

from lodestream.clean import timezones
from lodestream.clean.patterns import LANGUAGES, alternatives, key, relative_hints

Precision = Literal["second", "minute", "hour", "day", "none"]

_SECONDS: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_629_746,
    "year": 31_556_952,
}
_PRECISION: Final[dict[str, Precision]] = {"second": "minute", "minute": "minute", "hour": "hour", "day": "day"}
_REST_WORDS: Final = 6  # beside a time: a publisher, a name, a section
LINE_MAX: Final = 160  # characters; a line of times and names is shorter


@dataclass(frozen=True, slots=True)
class PrintedTime:
    """One time as printed. Either `at` (ms since the epoch) or `age` (seconds before the page's clock) or neither.

    `local`: the precision that the time would have if its zone were known; until then it is good to the day.
    """

    raw: str
    precision: Precision
    at: int | None = None
    age: int | None = None
    local: Precision = "none"

    def in_zone_of(self, language: str) -> PrintedTime:
        """A time whose zone nothing tells, read in the zone of an article's language, where that has one."""
        if self.local == "none" or self.at is None or language not in _ZONE_OF_LANGUAGE:
            return self
        local = datetime.fromtimestamp(self.at / 1000, UTC).replace(tzinfo=None)
        moment = timezones.to_utc(local, _ZONE_OF_LANGUAGE[language])
        return self if moment is None else PrintedTime(self.raw, self.local, at=_milliseconds(moment))


@dataclass(frozen=True, slots=True)
class TimeLine:
    """A line that is about a time: the times on it and what else it says (a publisher, a byline)."""

    times: tuple[PrintedTime, ...]
    rest: tuple[str, ...]


class _Relative:
    """The relative times of one language."""

    def __init__(self, language: dict[str, Any]) -> None:
        table = language["relative"]
        self.hints = tuple(relative_hints(language))
        self._numbers: dict[str, int] = table["numbers"]
        self._unit = {word: unit for unit, entries in table["units"].items() for word in entries}
        self._fixed = dict.fromkeys(table["now"], 0) | dict.fromkeys(table["yesterday"], _SECONDS["day"])
        number = rf"(?P<n>\d{{1,3}}|{alternatives(sorted(self._numbers, key=len, reverse=True))})"
        unit = rf"(?P<u>{alternatives(sorted(self._unit, key=len, reverse=True))})\.?"
        forms = []
        for form in sorted(table["forms"], key=len, reverse=True):
            pattern = re.escape(form).replace(r"\ ", r"\s*").replace(r"\{n\}", number).replace(r"\{unit\}", unit)
            forms.append(re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])"))
        self._forms = tuple(forms)
        self._now = re.compile(rf"(?<![^\W_])(?:{alternatives(sorted(self._fixed, key=len, reverse=True))})(?![^\W_])")

    def find(self, lower: str) -> tuple[int, int, int, Precision] | None:
        """Start, end, age in seconds and precision of the first relative time in a lower-case text."""
        for form in self._forms:
            match = form.search(lower)
            if match is not None:
                groups = match.groupdict()
                unit = self._unit[_one_space(groups["u"])]
                number = groups.get("n")
                count = (
                    1 if number is None else int(number) if number.isdecimal() else self._numbers[_one_space(number)]
                )
                return match.start(), match.end(), count * _SECONDS[unit], _PRECISION.get(unit, "none")
        match = self._now.search(lower)
        if match is None:
            return None
        age = self._fixed[_one_space(match[0])]
        return match.start(), match.end(), age, "day" if age else "minute"


def _one_space(text: str) -> str:
    return " ".join(text.split())


_RELATIVE: Final = tuple(_Relative(language) for language in LANGUAGES)
_MONTHS: Final = {
    name: number
    for language in LANGUAGES
    for number, names in enumerate(language["absolute"]["months"], start=1)
    for name in names.split()
}


def _zones_of_words() -> dict[str, str]:
    """The zone that a word beside a time tells: of its language, where all languages that have it agree or are silent."""
    found: dict[str, str] = {}
    for language in LANGUAGES:
        zone = language.get("zone", "")
        table = language["absolute"]
        for word in " ".join([*table["months"], table["labels"], table["weekdays"]]).split():
            if len(word) > 2 or word in {"kl", "klo"}:
                found[word] = zone if found.get(word, zone) == zone or _same_clock(found[word], zone) else ""
    return {word: zone for word, zone in found.items() if zone}


def _same_clock(one: str, other: str) -> bool:
    noon = datetime(2025, 1, 1, 12)  # noqa: DTZ001 - local time, on purpose
    return bool(one and other) and timezones.to_utc(noon, one) == timezones.to_utc(noon, other)


_ZONE_OF_WORD: Final = _zones_of_words()
_ZONE_OF_LANGUAGE: Final = {entry["language"]: entry["zone"] for entry in LANGUAGES if "zone" in entry}
_ZONE_OF_SIGN: Final = tuple(
    (sign, language["zone"]) for language in LANGUAGES for sign in language["absolute"].get("signs", "").split()
)
_BESIDE: Final = frozenset(
    word
    for language in LANGUAGES
    for word in f"{language['absolute']['labels']} {language['absolute']['weekdays']}".split()
)
_READING: Final = re.compile(
    "|".join(
        re.escape(form).replace(r"\ ", r"\s*").replace(r"\{n\}", r"\d{1,3}")
        for form in sorted(
            {form for language in LANGUAGES for form in language["absolute"]["reading"]}, key=len, reverse=True
        )
    )
)
_READING_UNITS: Final = ("min", "мин", "хв", "dk")
_DATE_HINT: Final = re.compile(r"\d{4}|\d[./-]\s?\d{1,2}[./-]\s?\d")
_NUMERIC: Final = re.compile(
    r"(?<!\d)(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})\.?|(?P<d2>\d{1,2})(?P<sep>[./-])\s?(?P<m2>\d{1,2})(?P=sep)\s?(?P<y2>\d{4}|\d{2}))(?!\d)"
)
_CJK: Final = re.compile(r"(?P<y>\d{4})\s?[年년]\s?(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日일]")
_DAY_MONTH: Final = re.compile(
    r"(?<!\d)(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|\.)?\s+(?:de\s+|of\s+)?(?P<month>[^\W\d_]{3,13})\.?,?(?:\s+(?:del?\s+)?(?P<y>\d{4}))?(?![\d:])"
)
_MONTH_DAY: Final = re.compile(
    r"(?<![^\W\d_])(?P<month>[^\W\d_]{3,13})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(?P<y>\d{4}))?(?![\d:])"
)
_CLOCK: Final = re.compile(
    r"(?<![\d.,])(?:(?P<half>午前|午後|오전|오후|上午|下午)\s?)?(?P<h>\d{1,2})\s?(?:[:.]|h|时|時|시)\s?(?P<min>\d{2})\s?(?:분|分)?(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?\s?(?P<ap>[ap]\.?m\b\.?)?(?![\d])"
    r"|(?<![\d.,])(?P<h2>\d{1,2})\s?(?P<ap2>[ap]\.?m\b\.?)",
    re.IGNORECASE,
)
_ZONE: Final = re.compile(
    r"(?:UTC|GMT)\s?[+\-−]\d{1,2}(?::?\d{2})?|(?<!\S)[+\-−]\d{2}:?\d{2}(?!\d)|(?<=\d)[+\-−]\d{2}:\d{2}|(?<![^\W\d_])[A-ZМСК]{1,4}(?![^\W\d_])"
)
_PARTS: Final = re.compile(r"\s*[|·•⋅∙●]\s*|\s[–—-]\s|\s//\s")
_WORD: Final = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")


@lru_cache(maxsize=4096)  # "2 hours ago" and today's date stand on page after page
def read_time_line(text: str) -> TimeLine | None:
    """The times on a line that says little else, or None.

    Up to four capitalised words before or after the time, or any part set off by `|`, `·` or a dash, come back as
    `rest`. A line that only tells how long reading takes has no times. Lines over 160 characters are none.
    """
    if len(text) > LINE_MAX or not _may_hold_time(text.lower()):
        return None
    whole = _read_part(text)
    if whole is not None and not whole[1]:
        return TimeLine(tuple(whole[0]), ())
    times: list[PrintedTime] = []
    rest: list[str] = []
    for part in _PARTS.split(text):
        found = _read_part(part)
        if found is None:
            return None
        times += found[0]
        rest += [found[1]] if found[1] else []
    whole_times = any(time.at is not None or time.age is not None for time in times)
    return TimeLine(tuple(times), tuple(rest)) if whole_times or (times and not rest) else None


def find_stamp(text: str) -> tuple[int, int, PrintedTime] | None:
    """The first absolute time with year and clock in a text: start, end, time. Give it a short text."""
    lower = text.lower()
    date = _find_date(lower)
    if date is None or date[2] is None:
        return None
    clock = _CLOCK.search(text, date[1])
    if clock is None or clock.start() - date[1] > 12:
        return None
    end = clock.end()
    zone = _ZONE.search(text, end, end + 12)
    if zone is not None and zone.start() - end <= 2 and timezones.known(_plain_zone(zone[0])):
        end = zone.end()
    if text[end : end + 1] == ")":
        end += 1
    for word in _WORD.finditer(text, end, min(len(text), end + 6)):
        if word[0].lower() == "uhr" and word.start() - end <= 1:
            end = word.end()
    stamp = _absolute(text[date[0] : end])
    return None if stamp is None else (date[0], end, stamp)


def parse(text: str) -> PrintedTime | None:
    """An absolute time that is the whole text: ISO 8601, RFC 3339, RFC 2822 or as pages print it. None otherwise."""
    text = " ".join(text[:LINE_MAX].split())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        line = read_time_line(text)
        if line is None or line.rest or len(line.times) != 1 or line.times[0].at is None:
            return None
        return line.times[0]
    precision: Precision = "second" if text.count(":") >= 2 and ":" in text[:19] else "minute" if ":" in text else "day"
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return PrintedTime(text, precision, at=_milliseconds(moment)) if 1900 <= moment.year <= 2200 else None


def _may_hold_time(lower: str) -> bool:
    """A cheap look before the patterns: a year or a date in figures, a month's name, a unit of time."""
    if _DATE_HINT.search(lower) or any(unit in lower for unit in _READING_UNITS):
        return True
    if any(word.strip(".,") in _MONTHS for word in lower.split()):
        return True
    return any(hint in lower for language in _RELATIVE for hint in language.hints)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _read_part(part: str) -> tuple[list[PrintedTime], str] | None:
    """Times and what else a part of a line says; None when it is no such part."""
    lower = part.lower()
    if len(lower) != len(part):
        return None
    times: list[PrintedTime] = []
    spans: list[tuple[int, int]] = []
    relative = _find_relative(lower)
    if relative is not None:
        start, end, age, precision = relative
        times.append(PrintedTime(part[start:end], precision, age=age))
        spans.append((start, end))
    reading = _READING.search(lower) if any(unit in lower for unit in _READING_UNITS) else None
    if reading is not None:
        spans.append(reading.span())
    date = _find_date(lower)
    if date is not None and relative is None:
        start, end = date[0], date[1]
        for match in (_CLOCK.search(part, end) or _CLOCK.search(part, 0, start),):
            if match is not None:
                start, end = min(start, match.start()), max(end, match.end())
        for zone in _ZONE.finditer(part, start):
            if timezones.known(_plain_zone(zone[0])):
                end = max(end, zone.end())
        spans.append((start, end))
    left = _left_over(part, spans)
    if date is not None and relative is None:
        stamp = _absolute(part.strip(" ,:")) if not left else _absolute(part[start:end])
        if stamp is not None:
            times.append(stamp)
    if not spans:
        return None if len(part.split()) > _REST_WORDS else ([], part.strip())
    if len(left.split()) > 4 or (
        left and not all(word[:1].isupper() or not word[:1].isalpha() for word in left.split())
    ):
        return None
    return times, left


def _left_over(part: str, spans: list[tuple[int, int]]) -> str:
    """What a part says beside its times: nothing when only words like "Published" or "Uhr" are left."""
    kept: list[str] = []
    at = 0
    for start, end in [*sorted(spans), (len(part), len(part))]:
        kept.append(part[at : max(start, at)])
        at = max(end, at)
    left = " ".join(" ".join(kept).split()).strip(" ,:()-–—|·•.")
    plain = all(word in _BESIDE for word in _WORD.findall(left.lower()))
    return "" if plain or not key(left) else left


def _find_relative(lower: str) -> tuple[int, int, int, Precision] | None:
    for language in _RELATIVE:
        if any(hint in lower for hint in language.hints):
            found = language.find(lower)
            if found is not None:
                return found
    return None


def _find_date(lower: str) -> tuple[int, int, tuple[int, int, int] | None] | None:
    """Start, end and (year, month, day) of the first date in a lower-case text; None for a date that is not whole."""
    for pattern in (_CJK, _NUMERIC):
        match = pattern.search(lower)
        if match is not None:
            date = _numeric_date(match)
            if date is not None or pattern is _CJK:
                return match.start(), match.end(), date
            if match["y2"]:
                return match.start(), match.end(), None
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        for match in pattern.finditer(lower):
            month = _MONTHS.get(match["month"])
            if month is not None and 1 <= int(match["d"]) <= 31:
                year = match["y"]
                return match.start(), match.end(), (int(year), month, int(match["d"])) if year else None
    return None


def _numeric_date(match: re.Match[str]) -> tuple[int, int, int] | None:
    """Year, month, day of a date in figures; None where day and month could be either."""
    groups = match.groupdict()
    if groups["y"]:
        return int(groups["y"]), int(groups["m"]), int(groups["d"])
    first, second, year = int(groups["d2"]), int(groups["m2"]), int(groups["y2"])
    year += 0 if year > 99 else 2000 if year < 70 else 1900
    if groups["sep"] == "." or first > 12 or first == second:
        return year, second, first
    return (year, first, second) if second > 12 else None


def _absolute(raw: str) -> PrintedTime | None:
    """An absolute time: date, clock and zone out of a text that holds little else."""
    raw = raw.strip()
    lower = raw.lower()
    found = _find_date(lower) if len(lower) == len(raw) else None
    if found is None:
        return None
    if found[2] is None:
        date = _day_first(raw) if _NUMERIC.search(raw) else None
        if date is None:
            return PrintedTime(raw, "none")
    else:
        date = found[2]
    clock = _CLOCK.search(raw, found[1]) or _CLOCK.search(raw, 0, found[0])
    hour, minute, second = _clock(clock)
    try:
        local = datetime(*date, hour, minute, second)  # noqa: DTZ001 - the zone comes next
    except ValueError:
        return PrintedTime(raw, "none")
    if not 1900 <= local.year <= 2200:
        return PrintedTime(raw, "none")
    if clock is None:
        return PrintedTime(raw, "day", at=_milliseconds(local.replace(tzinfo=UTC)))
    precision: Precision = "second" if clock["s"] else "minute"
    moment = _with_zone(local, raw)
    if moment is None:
        return PrintedTime(raw, "day", at=_milliseconds(local.replace(tzinfo=UTC)), local=precision)
    return PrintedTime(raw, precision, at=_milliseconds(moment))


def _day_first(raw: str) -> tuple[int, int, int] | None:
    """An ambiguous `03/07/2025` in a language that writes the day first, which a word beside it tells."""
    match = _NUMERIC.search(raw)
    if match is None or not match["y2"] or not any(word.lower() in _DAY_FIRST for word in _WORD.findall(raw)):
        return None
    year = int(match["y2"])
    return year + (0 if year > 99 else 2000), int(match["m2"]), int(match["d2"])


_DAY_FIRST: Final = frozenset(
    word
    for language in LANGUAGES
    if language["language"] not in {"en", "zh", "ja", "ko"}
    for word in language["absolute"]["labels"].split()
    if len(word) > 3
)


def _clock(match: re.Match[str] | None) -> tuple[int, int, int]:
    if match is None:
        return 0, 0, 0
    hour = int(match["h"] or match["h2"])
    half = (match["ap"] or match["ap2"] or match["half"] or "").lower().replace(".", "")
    if half in {"pm", "午後", "오후", "下午"} and hour < 12:
        hour += 12
    if half in {"am", "午前", "오전", "上午"} and hour == 12:
        hour = 0
    return hour, int(match["min"] or 0), int(match["s"] or 0)


def _with_zone(local: datetime, raw: str) -> datetime | None:
    """The moment, by the zone as printed, else by the zone of the language whose words stand beside it."""
    for match in _ZONE.finditer(raw):
        moment = timezones.to_utc(local, _plain_zone(match[0])) if timezones.known(_plain_zone(match[0])) else None
        if moment is not None:
            return moment
    told = [_ZONE_OF_WORD[word] for word in _WORD.findall(raw.lower()) if word in _ZONE_OF_WORD]
    told += [zone for sign, zone in _ZONE_OF_SIGN if sign in raw]
    return timezones.to_utc(local, told[0]) if told else None


def _plain_zone(text: str) -> str:
    return text.replace(" ", "")
