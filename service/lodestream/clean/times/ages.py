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


class _Language:
    """The relative times of one language."""

    def __init__(self, language: dict[str, Any]) -> None:
        table = language["relative"]
        self.hints = tuple(relative_hints(language))
        self._numbers: dict[str, int] = table["numbers"]
        self._unit = {word: unit for unit, entries in table["units"].items() for word in entries}
        self._fixed = dict.fromkeys(table["now"], 0) | dict.fromkeys(table["yesterday"], _SECONDS["day"])
        number = rf"(?P<number>\d{{1,3}}|{_any_of(self._numbers)})"
        unit = rf"(?P<unit>{_any_of(self._unit)})\.?"
        self._forms = [self._form(form, number, unit) for form in sorted(table["forms"], key=len, reverse=True)]
        self._now = re.compile(rf"(?<![^\W_])(?:{_any_of(self._fixed)})(?![^\W_])")
        self._today = re.compile(rf"(?<![^\W_])(?:{_any_of(dict.fromkeys(table['today']))})(?![^\W_])")

    @staticmethod
    def _form(form: str, number: str, unit: str) -> re.Pattern[str]:
        pattern = re.escape(form).replace(r"\ ", r"\s*").replace(r"\{n\}", number).replace(r"\{unit\}", unit)
        return re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])")

    def find(self, lower: str, text: str) -> tuple[int, int, PrintedTime] | None:
        """Start, end and time of the first relative time in a text, which is given in lower case too."""
        for form in self._forms:
            match = form.search(lower)
            if match is not None:
                unit = self._unit[_one_space(match["unit"])]
                age = self._count(match.groupdict().get("number")) * _SECONDS[unit]
                time = PrintedTime(text[match.start() : match.end()], _PRECISION.get(unit, "none"), age=age)
                return match.start(), match.end(), time
        match = self._now.search(lower)
        age = 0 if match is None else self._fixed[_one_space(match[0])]
        precision: Precision = "day" if age else "minute"
        if match is None and has_clock(lower):
            match, precision = self._today.search(lower), "day"
        if match is None:
            return None
        time = PrintedTime(text[match.start() : match.end()], precision, age=age)
        return match.start(), match.end(), time

    def _count(self, number: str | None) -> int:
        if number is None:
            return 1
        return int(number) if number.isdecimal() else self._numbers[_one_space(number)]


def _any_of(words: dict[str, Any]) -> str:
    return alternatives(sorted(words, key=len, reverse=True))


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
