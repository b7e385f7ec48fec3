"""Absolute times as pages print them ("01.06.25 15:06 Uhr", "Jul 3, 2025 19:48 (JST)"): date, clock and zone.

A time without a zone is read in the zone of the language whose words stand beside it ("Uhr": Berlin), else of the
article's language where that is spoken in one zone; where neither tells, as UTC and good to the day only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from lodestream.clean.times import timezones
from lodestream.clean.words.patterns import LANGUAGES

Precision = Literal["second", "minute", "hour", "day", "none"]
Day = tuple[int, int, int]
"""Year, month, day; not checked to exist."""


@dataclass(frozen=True, slots=True)
class PrintedTime:
    """One time as printed. Either `at` (ms since the epoch) or `age` (seconds before the page's clock) or neither.

    `local`: the precision that the time would have if its zone were known; until then it is good to the day.
    `updated`: whether a word beside it says that the article was changed then.
    """

    raw: str
    precision: Precision
    at: int | None = None
    age: int | None = None
    local: Precision = "none"
    updated: bool = False

    def in_zone_of(self, language: str) -> PrintedTime:
        """A time whose zone nothing tells, read in the zone of an article's language, where that has one.

        So is a day whose figures could be the month's, where the language writes the day first.
        """
        if self.at is None and self.age is None and language in _DAY_FIRST_LANGUAGES:
            read = read_date(self.raw, day_first=True)
            return self if read is None or read.at is None else replace(read.in_zone_of(language), updated=self.updated)
        if self.local == "none" or self.at is None or language not in _ZONE_OF_LANGUAGE:
            return self
        local = datetime.fromtimestamp(self.at / 1000, UTC).replace(tzinfo=None)
        moment = timezones.to_utc(local, _ZONE_OF_LANGUAGE[language])
        if moment is None:
            return self
        return replace(self, precision=self.local, local="none", at=milliseconds(moment))


@dataclass(frozen=True, slots=True)
class FoundDate:
    """Where a date stands in a text, and which day it is; None where the year is missing or day and month unclear."""

    start: int
    end: int
    day: Day | None


_MONTHS: Final = {
    name.replace("_", " "): number
    for language in LANGUAGES
    for number, names in enumerate(language["absolute"]["months"], start=1)
    for name in names.split()
}


def _zones_of_words() -> dict[str, str]:
    """The zone that a word beside a time tells: of its language, where no other that has the word disagrees."""
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
_DATE_HINT: Final = re.compile(r"\d{4}|\d[./-]\s?\d{1,2}[./-]\s?\d")
_NUMERIC: Final = re.compile(
    r"(?<!\d)(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})\.?"
    r"|(?P<d2>\d{1,2})(?P<sep>[./-])\s?(?P<m2>\d{1,2})(?P=sep)\s?(?P<y2>\d{4}|\d{2}))(?!\d)"
)
_CJK: Final = re.compile(r"(?P<y>\d{4})\s?[年년]\s?(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日일]")
_SIGNS: Final = "[\u064b-\u0652\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]"
"""Vowels and the like of Arabic, Hindi, Bengali and Thai, which count as no letters."""
_MONTH: Final = (
    r"(?P<month>(?:تشرين|كانون)\s(?:الأول|الثاني)|[\u0e01-\u0e4e]{1,3}\.[\u0e01-\u0e4e]"
    rf"|(?:[^\W\d_]{_SIGNS}{{0,2}}){{2,13}}|[^\W\d_]{_SIGNS})"
)
_DAY_MONTH: Final = re.compile(
    rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?\s+(?:de\s+|of\s+)?{_MONTH}(?:/[^\W\d_]{{2,13}}+(?:\s[^\W\d_]{{2,13}}+)?)?\.?,?"
    r"(?:\s+(?:del?\s+|พ\.ศ\.\s?)?(?P<y>\d{4}))?(?![\d:])"
)
_MONTH_DAY: Final = re.compile(
    rf"(?<![^\W\d_]){_MONTH}\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<y>\d{{4}}))?(?![\d:])"
)
_YEAR_MONTH_DAY: Final = re.compile(rf"(?<!\d)(?P<y>\d{{4}})\.?,?\s+{_MONTH}\.?\s+(?P<d>\d{{1,2}})(?![\d:])")
_CLOCK: Final = re.compile(
    r"(?<![\d.,])(?:(?P<half>午前|午後|오전|오후|上午|下午)\s?)?(?:"
    r"(?P<hc>\d{1,2})\s?[時时시點点]\s?(?P<minc>\d{1,2})\s?[分분](?:\s?(?P<sc>\d{1,2})\s?[秒초])?"
    r"|(?P<h>\d{1,2})\s?(?:[:.]|h|時|时|시)\s?(?P<min>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?\s?(?P<ap>[ap]\.?m\b\.?)?(?!\d)"
    r"|(?P<h2>\d{1,2})\s?(?:(?P<ap2>[ap]\.?m\b\.?)|[時时시點点](?![間间간])|(?:h|uhr)\b))",
    re.IGNORECASE,
)
_ZONE: Final = re.compile(
    r"(?:UTC|GMT)\s?[+\-−]\d{1,2}(?::?\d{2})?|(?<!\S)[+\-−]\d{2}:?\d{2}(?!\d)|(?<=\d)[+\-−]\d{2}:\d{2}"
    r"|(?<![^\W\d_])[A-ZМСК]{1,4}(?![^\W\d_])"
)
WORD: Final = re.compile(rf"(?:[^\W_]++{_SIGNS}*+)+(?:[-'’](?:[^\W_]++{_SIGNS}*+)+)*")
"""A word beside a time."""
_DAY_FIRST_LANGUAGES: Final = frozenset(
    language["language"] for language in LANGUAGES if language["language"] not in {"en", "zh", "ja", "ko", "hu"}
)
_DAY_FIRST: Final = frozenset(
    word
    for language in LANGUAGES
    if language["language"] in _DAY_FIRST_LANGUAGES
    for word in language["absolute"]["labels"].split()
    if len(word) > 3
)
"""Words that stand beside a time in a language that writes the day before the month."""
_YEARS: Final = range(1900, 2201)
_BUDDHIST: Final = 543  # years that Thailand's calendar is ahead
_GAP: Final = 12  # characters between a date and its clock, or a clock and its zone, at most


def may_hold_date(lower: str) -> bool:
    """A cheap look before `find_date`: a year or a date in figures, or a month's name, in a lower-case text."""
    return _DATE_HINT.search(lower) is not None or any(word.strip(".,") in _MONTHS for word in lower.split())


def find_date(lower: str, at: int = 0) -> FoundDate | None:
    """The first date in a lower-case text from `at` on."""
    match = _CJK.search(lower, at) or _NUMERIC.search(lower, at)
    if match is not None:
        return FoundDate(match.start(), match.end(), _numeric_day(match))
    for pattern in (_YEAR_MONTH_DAY, _DAY_MONTH, _MONTH_DAY):
        for match in pattern.finditer(lower, at):
            month = _MONTHS.get(match["month"])
            if month is not None and 1 <= int(match["d"]) <= 31:
                day = (int(match["y"]), month, int(match["d"])) if match["y"] else None
                return FoundDate(match.start(), match.end(), day)
    return None


def has_clock(text: str) -> bool:
    return _CLOCK.search(text) is not None


def starts_with_clock(text: str, at: int) -> bool:
    """Whether a clock stands at a place in a text."""
    return _CLOCK.match(text, at) is not None


def span_with_clock(text: str, date: FoundDate) -> tuple[int, int]:
    """Start and end of a date with the clock and the zone that stand beside it."""
    start, end = date.start, date.end
    clock = _CLOCK.search(text, end) or _CLOCK.search(text, 0, start)
    if clock is not None:
        start, end = min(start, clock.start()), max(end, clock.end())
    for zone in _ZONE.finditer(text, start):
        if timezones.known(_plain(zone[0])):
            end = max(end, zone.end())
    return start, end


def find_stamp(text: str) -> tuple[int, int, PrintedTime] | None:
    """The first date with year and clock in a text: start, end, time. Give it a short text."""
    lower = text.lower()
    date = find_date(lower) if len(lower) == len(text) else None
    if date is None or date.day is None:
        return None
    clock = _CLOCK.search(text, date.end)
    if clock is None or clock.start() - date.end > _GAP:
        return None
    end = clock.end()
    zone = _ZONE.search(text, end, end + _GAP)
    if zone is not None and zone.start() - end <= 2 and timezones.known(_plain(zone[0])):
        end = zone.end()
        end += text.startswith(")", end)
    elif lower.startswith(" uhr", end):
        end += len(" uhr")
    time = read_date(text[date.start : end])
    return None if time is None else (date.start, end, time)


def read_date(raw: str, *, day_first: bool = False) -> PrintedTime | None:
    """The time that a text prints which holds a date, maybe a clock and a zone, and little else.

    `day_first`: whether of figures that could be either, the first is the day.
    """
    raw = raw.strip(" ,:")
    lower = raw.lower()
    found = find_date(lower) if len(lower) == len(raw) else None
    if found is None:
        return None
    day = found.day or _day_first(raw, known=day_first)
    clock = _CLOCK.search(raw, found.end) or _CLOCK.search(raw, 0, found.start)
    local = None if day is None else _local(day, clock)
    if local is None:
        return PrintedTime(raw, "none")
    as_utc = milliseconds(local.replace(tzinfo=UTC))
    if clock is None:
        return PrintedTime(raw, "day", at=as_utc)
    precision: Precision = "second" if clock["s"] or clock["sc"] else "hour" if clock["h2"] else "minute"
    moment = _with_zone(local, raw)
    if moment is None:
        return PrintedTime(raw, "day", at=as_utc, local=precision)
    return PrintedTime(raw, precision, at=milliseconds(moment))


def milliseconds(moment: datetime) -> int:
    """A moment as ms since the epoch."""
    return round(moment.timestamp() * 1000)


def _numeric_day(match: re.Match[str]) -> Day | None:
    """The day of a date in figures; None where day and month could be either."""
    groups = match.groupdict()
    if groups["y"]:
        return int(groups["y"]), int(groups["m"]), int(groups["d"])
    first, second, year = int(groups["d2"]), int(groups["m2"]), _full_year(int(groups["y2"]))
    if groups["sep"] == "." or first > 12 or first == second:
        return year, second, first
    return (year, first, second) if second > 12 else None


def _full_year(year: int) -> int:
    """A year of two digits is of the century around 2000: 70 and later of the one before."""
    return year if year > 99 else year + (2000 if year < 70 else 1900)


def _day_first(raw: str, *, known: bool) -> Day | None:
    """An ambiguous `03/07/2025` in a language that writes the day first: it is `known`, or a word beside it tells."""
    match = _NUMERIC.search(raw)
    if match is None or not match["y2"] or not (known or not _DAY_FIRST.isdisjoint(WORD.findall(raw.lower()))):
        return None
    return _full_year(int(match["y2"])), int(match["m2"]), int(match["d2"])


def _local(day: Day, clock: re.Match[str] | None) -> datetime | None:
    """Day and clock as a naive time; None when there is no such day or hour."""
    if day[0] - _BUDDHIST in _YEARS and day[0] not in _YEARS:
        day = (day[0] - _BUDDHIST, day[1], day[2])
    try:
        local = datetime(*day, *_hour_minute_second(clock))  # noqa: DTZ001 - the zone comes next
    except ValueError:
        return None
    return local if local.year in _YEARS else None


def _hour_minute_second(clock: re.Match[str] | None) -> tuple[int, int, int]:
    if clock is None:
        return 0, 0, 0
    hour = int(clock["h"] or clock["hc"] or clock["h2"])
    half = (clock["ap"] or clock["ap2"] or clock["half"] or "").lower().replace(".", "")
    if half in {"pm", "午後", "오후", "下午"} and hour < 12:
        hour += 12
    if half in {"am", "午前", "오전", "上午"} and hour == 12:
        hour = 0
    return hour, int(clock["min"] or clock["minc"] or 0), int(clock["s"] or clock["sc"] or 0)


def _with_zone(local: datetime, raw: str) -> datetime | None:
    """The moment, by the zone as printed, else by the zone of the language whose words stand beside it."""
    printed = [_plain(match[0]) for match in _ZONE.finditer(raw)]
    told = [zone for zone in printed if timezones.known(zone)]
    told += [_ZONE_OF_WORD[word] for word in WORD.findall(raw.lower()) if word in _ZONE_OF_WORD]
    told += [zone for sign, zone in _ZONE_OF_SIGN if sign in raw]
    return timezones.to_utc(local, told[0]) if told else None


def _plain(zone: str) -> str:
    return zone.replace(" ", "")
