"""The words that cleaning knows, read once from `languages/*.toml` and `names.toml`.

Rules are in the code and go by structure; what is a matter of a language is here. A page's frame and its articles
may be in different languages, so the tables of all languages are joined. Each file holds

- `relative`: forms of a relative time (`{n}` a number, `{unit}` a unit), number words, words for now, yesterday
  and today (which is a time with a clock beside it only), phrases of a `fixed` age in seconds;
- `absolute`: names of months, weekdays, the words that stand beside a time and those of them that say `updates`, forms
  of a reading time;
- `headings`: lines that start a section, by what follows them (`Heading`); `prefixes` begin such a line;
- `cues`: phrases that make a line suspicious wherever they stand; `lines`: lines that say nothing else, and `starts`,
  how short ones begin that are buttons and boxes of the page;
- `labels`: what stands before a colon or a name; `staff`: who writes without a name; `reporter`: what stands behind a
  name instead; `about`: how a sentence starts that says of the page's own text or picture that AI made it;
- `words`: small words that tell where a sentence may start or end.

Every entry is an example of itself, and `examples/*.toml` has lines for each table; a test runs both.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum, auto
from importlib import resources
from typing import Any, Final

import ahocorasick_rs

_EDGE: Final = " \t.,:;!?…*#>»«|·•→←↑↓▶►▼✕×+–—-_()[]{}\"'“”‘’。！？：；、（）【】「」"
_EDGE_AND_DIGITS: Final = _EDGE + "0123456789"


class Heading(IntEnum):  # for its hash, as `Cue`
    """What a heading says about the lines below it."""

    RELATED = auto()  # other articles
    SOFT = auto()  # a link or a few, then the text goes on
    PROMO = auto()  # a list of the portal's headlines, then the text goes on
    COMMENTS = auto()
    SUMMARY = auto()  # the article's points, until a button
    END = auto()  # nothing of the article any more: its author, its topics, the page's foot


class Cue(IntEnum):  # its members are keys of many small dicts, and an int hashes fastest
    """Why a line with a phrase from `cues` deserves a second look."""

    NEWSLETTER = auto()
    COOKIE = auto()
    FULL_ARTICLE = auto()
    FOLLOW = auto()
    PROMO = auto()
    LINK = auto()
    PHOTO = auto()
    CONTRIBUTORS = auto()
    CONTRIBUTED = auto()
    COPYRIGHT = auto()
    SOURCE = auto()
    AI = auto()


def key(text: str) -> str:
    """What is compared of a short line: case folded, without digits and punctuation at its ends."""
    folded = text.casefold().replace("i\u0307", "i")  # the Turkish capital İ
    return folded.strip(_EDGE_AND_DIGITS) or folded.strip(_EDGE)


def _read() -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    package = resources.files("lodestream.clean.words")
    files = sorted((file for file in (package / "languages").iterdir() if file.name.endswith(".toml")), key=str)
    languages = tuple(tomllib.loads(file.read_text("utf-8")) for file in files)
    return languages, tomllib.loads((package / "names.toml").read_text("utf-8"))


LANGUAGES, NAMES = _read()
"""The files as they are, languages by file name."""


def _all(get: Callable[[dict[str, Any]], Iterable[str]]) -> tuple[str, ...]:
    """What all languages have under a heading, once each, longest first so that a regex prefers the longer."""
    return tuple(sorted({entry for language in LANGUAGES for entry in get(language)}, key=lambda e: (-len(e), e)))


def _words(name: str) -> frozenset[str]:
    return frozenset(_all(lambda language: language["words"][name].split()))


class Starts:
    """Phrases that a text may start with, found by their first character: there are hundreds."""

    def __init__(self, phrases: Iterable[str]) -> None:
        by_first: dict[str, list[str]] = {}
        for phrase in phrases:
            by_first.setdefault(phrase[0], []).append(phrase)
        self._by_first = {first: tuple(same) for first, same in by_first.items()}

    def begin(self, text: str) -> bool:
        """Whether the text starts with one of them, as it is."""
        return text.startswith(self._by_first.get(text[:1], ()))


COLON: Final = r"\s*[:：|]\s*"
"""A regex for what stands between a label and what it labels."""


def alternatives(phrases: Iterable[str]) -> str:
    """A regex for any of the phrases; a space stands for any white space of one or more."""
    return "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in phrases)


STARTERS: Final = _words("starters")
FUNCTIONS: Final = _words("functions")
ARTICLES: Final = _words("articles")
ABBREVIATIONS: Final = _words("abbreviations")
KICKERS: Final = _words("kickers")
SECTIONS: Final = frozenset(_all(lambda language: language["lines"]["sections"].split()))
INTERFACE: Final = frozenset(key(line) for line in _all(lambda language: language["lines"]["interface"].split("|")))
ADVERTS: Final = frozenset(key(line) for line in _all(lambda language: language["lines"]["advert"].split("|")))
BYLINE_LABELS: Final = _all(lambda language: language["labels"]["byline"])
SOURCE_LABELS: Final = _all(lambda language: language["labels"]["source"])
PHOTO_LABELS: Final = _all(lambda language: language["labels"]["photo"])
LINK_LABELS: Final = _all(lambda language: language["labels"]["link"])
CONTRIBUTORS_LABELS: Final = _all(lambda language: language["labels"]["contributors"])
EDITORS_LABELS: Final = _all(lambda language: language["labels"].get("editors", []))
CONTRIBUTED: Final = _all(lambda language: language["labels"].get("contributed", []))
PROMO_MARKERS: Final = _all(lambda language: language["headings"]["promo"])
TIME_WORDS: Final = frozenset(
    _all(lambda language: f"{language['absolute']['labels']} {language['absolute']['weekdays']}".split())
)
"""Words that stand beside a time and say nothing more: "Published", "Uhr", "Thursday"."""
_STARTS: Final = tuple(start.casefold() for start in _all(lambda language: language["lines"].get("starts", [])))
LINE_STARTS: Final = Starts(_STARTS)
LONG_STARTS: Final = Starts(start for start in _STARTS if len(start) >= 14)
"""Shorter ones may begin a sentence of an article."""
STAFF: Final = frozenset(key(entry) for entry in _all(lambda language: language["labels"].get("staff", [])))
REPORTERS: Final = _all(lambda language: language["labels"].get("reporter", []))
AI_ABOUT: Final = Starts(_all(lambda language: language["labels"].get("about", [])))
HEADING_PREFIXES: Final = Starts(_all(lambda language: language["headings"]["prefixes"]))


def _headings() -> dict[str, Heading]:
    kinds = (
        ("end", Heading.END),
        ("summary", Heading.SUMMARY),
        ("comments", Heading.COMMENTS),
        ("promo", Heading.PROMO),
        ("soft", Heading.SOFT),
        ("related", Heading.RELATED),
    )
    return {
        key(line): heading
        for name, heading in kinds
        for language in LANGUAGES
        for line in language["headings"].get(name, [])
    }


HEADINGS: Final = _headings()
"""Section headings by key. A line that one language has as a list of articles is one in all."""


_UNSPACED: Final = "\u2e80"  # from here on scripts have no spaces, or particles after a word


def _cues() -> tuple[ahocorasick_rs.AhoCorasick, tuple[Cue, ...]]:
    phrases: dict[str, Cue] = {}

    def add(cue: Cue, entries: Iterable[str]) -> None:
        for entry in entries:
            phrases.setdefault(entry.lower(), cue)

    add(Cue.NEWSLETTER, _all(lambda language: language["cues"]["newsletter"]))
    add(Cue.COOKIE, _all(lambda language: language["cues"]["cookies"]))
    add(Cue.FULL_ARTICLE, _all(lambda language: language["cues"]["full_article"]))
    add(Cue.FOLLOW, _all(lambda language: language["cues"]["follow"]))
    add(Cue.AI, _all(lambda language: language["labels"]["ai"]))
    add(Cue.CONTRIBUTORS, CONTRIBUTORS_LABELS)
    add(Cue.CONTRIBUTED, CONTRIBUTED)
    add(Cue.COPYRIGHT, ("©", "copyright", "(c)"))
    for cue, labels in ((Cue.PHOTO, PHOTO_LABELS), (Cue.SOURCE, SOURCE_LABELS), (Cue.LINK, LINK_LABELS)):
        add(cue, (label + colon for label in labels for colon in (":", " :", "：", "|", " |")))
    add(Cue.LINK, (label + mark for label in LINK_LABELS if label[0] >= _UNSPACED for mark in ("】", " ", "]", ")")))
    add(Cue.PHOTO, (label + mark for label in PHOTO_LABELS for mark in ("=", "＝", "/", " /", " by ")))
    add(Cue.PROMO, PROMO_MARKERS)
    return _automaton(phrases), tuple(phrases.values())


def _automaton(phrases: Iterable[str]) -> ahocorasick_rs.AhoCorasick:
    return ahocorasick_rs.AhoCorasick(list(phrases), implementation=ahocorasick_rs.Implementation.DFA)


def relative_hints(language: dict[str, Any]) -> set[str]:
    """What a line must contain to hold a relative time of this language: the fixed words of each form, or its units."""
    forms: list[str] = language["relative"]["forms"]
    fixed = {max(re.split(r"\{n\}|\{unit\}", form), key=len).strip() for form in forms}
    if "" in fixed:
        units = language["relative"]["units"].values()
        fixed = (fixed - {""}).union(*units)
    return fixed.union(*(language["relative"].get(name, ()) for name in ("now", "yesterday", "today", "fixed")))


_CUES, _CUE_OF = _cues()
_HINTS: Final = _automaton({hint.lower() for language in LANGUAGES for hint in relative_hints(language)})


def cues(text: str) -> list[tuple[Cue, int, int]]:
    """Every cue phrase in a lower-case text, where it starts and ends, in one pass."""
    return [(_CUE_OF[number], start, end) for number, start, end in _whole(_CUES, text)]


def hints_at_age(text: str) -> bool:
    """Whether a lower-case text has a word without which no relative time is told. Most paragraphs have one."""
    return next(_whole(_HINTS, text), None) is not None


def _whole(automaton: ahocorasick_rs.AhoCorasick, text: str) -> Iterator[tuple[int, int, int]]:
    """Phrases in a text: number, start, end. Where words have spaces between, a phrase is no part of longer words."""
    size = len(text)
    for number, start, end in automaton.find_matches_as_indexes(text, overlapping=True):
        if start and (before := text[start - 1]) < _UNSPACED and before.isalnum() and text[start].isalnum():
            continue
        if end < size and (after := text[end]) < _UNSPACED and after.isalnum() and text[end - 1].isalnum():
            continue
        yield number, start, end
