"""Relative times ("13 minutes ago", "vor 3 Stunden") in the languages of `languages/*.toml`.

An age stays an age here: who knows when the page was fetched resolves it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from lodestream.clean.times.dates import Precision, PrintedTime, has_clock
from lodestream.clean.words.patterns import LANGUAGES, alternatives, relative_hints

_SECONDS: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_629_746,  # of a Gregorian year of 365.2425 days, as is
    "year": 31_556_952,
}
_PRECISION: Final[dict[str, Precision]] = {"second": "minute", "minute": "minute", "hour": "hour", "day": "day"}


_JOINT: Final = r"(?:,?\s*(?:and|und|et|e|y|og|och|en|i|и|و)?\s*)"
"""What may stand between the parts of an age: "4 hours, 10 minutes ago", "vor 1 Stunde und 20 Minuten"."""


class _Language:
    """The relative times of one language."""

    def __init__(self, language: dict[str, Any]) -> None:
        table = language["relative"]
        self.hints = tuple(relative_hints(language))
        self._numbers: dict[str, int] = table["numbers"]
        self._unit = {word: unit for unit, entries in table["units"].items() for word in entries}
        self._fixed = dict.fromkeys(table["now"], 0) | dict.fromkeys(table["yesterday"], _SECONDS["day"])
        self._phrases: dict[str, int] = table.get("fixed", {})
        number = rf"(?P<number>\d{{1,3}}|{_any_of(self._numbers)})"
        units = _any_of(self._unit)
        unit = rf"(?P<unit>{units})\.?(?:{_JOINT}(?P<rest>\d{{1,2}})\s*(?P<smaller>{units})\.?(?![^\W_]))?"
        self._forms = [self._form(form, number, unit) for form in sorted(table["forms"], key=len, reverse=True)]
        self._phrase = re.compile(rf"(?<![^\W_])(?:{_any_of(self._phrases)})(?![^\W_])")
        self._now = re.compile(rf"(?<![^\W_])(?:{_any_of(self._fixed)})(?![^\W_])")
        self._today = re.compile(rf"(?<![^\W_])(?:{_any_of(dict.fromkeys(table['today']))})(?![^\W_])")

    @staticmethod
    def _form(form: str, number: str, unit: str) -> re.Pattern[str]:
        pattern = re.escape(form).replace(r"\ ", r"\s*").replace(r"\{n\}", number).replace(r"\{unit\}", unit)
        return re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])")

    def find(self, lower: str, text: str) -> tuple[int, int, PrintedTime] | None:
        """Start, end and time of the first relative time in a text, which is given in lower case too."""
        match = self._phrase.search(lower)  # before the forms: "half an hour ago" holds one
        if match is not None:
            return self._time_of(match, text, self._phrases[_one_space(match[0])])
        for form in self._forms:
            match = form.search(lower)
            if match is not None:
                unit = self._unit[_one_space(match["unit"])]
                age = self._count(match.groupdict().get("number")) * _SECONDS[unit]
                smaller = self._unit[_one_space(match["smaller"])] if match["smaller"] else unit
                if _SECONDS[smaller] < _SECONDS[unit]:
                    age, unit = age + int(match["rest"]) * _SECONDS[smaller], smaller
                time = PrintedTime(text[match.start() : match.end()], _PRECISION.get(unit, "none"), age=age)
                return match.start(), match.end(), time
        match = self._now.search(lower)
        if match is not None:
            return self._time_of(match, text, self._fixed[_one_space(match[0])])
        match = self._today.search(lower) if has_clock(lower) else None
        if match is None:
            return None
        start, end = match.span()
        return start, end, PrintedTime(text[start:end], "day", age=0)

    @staticmethod
    def _time_of(match: re.Match[str], text: str, age: int) -> tuple[int, int, PrintedTime]:
        start, end = match.span()
        unit = "day" if age >= _SECONDS["day"] else "hour" if age >= _SECONDS["hour"] else "minute"
        return start, end, PrintedTime(text[start:end], _PRECISION[unit], age=age)

    def _count(self, number: str | None) -> int:
        if number is None:
            return 1
        return int(number) if number.isdecimal() else self._numbers[_one_space(number)]


def _any_of(words: dict[str, Any]) -> str:
    return alternatives(sorted(words, key=len, reverse=True)) or r"(?!)"


def _one_space(text: str) -> str:
    return " ".join(text.split())


_LANGUAGES: Final = tuple(_Language(language) for language in LANGUAGES)


def may_hold_age(lower: str) -> bool:
    """A cheap look before `find_age`: whether any language's fixed words are in a lower-case text."""
    return any(hint in lower for language in _LANGUAGES for hint in language.hints)


def find_age(lower: str, text: str) -> tuple[int, int, PrintedTime] | None:
    """Start, end and time of the first relative time in a text; `lower`: the text in lower case, of the same length."""
    for language in _LANGUAGES:
        if any(hint in lower for hint in language.hints):
            found = language.find(lower, text)
            if found is not None:
                return found
    return None
