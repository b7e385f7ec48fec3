"""Datelines: where a report was written, at the start of its text.

Forms: "TOKYO -", "ANCHORAGE, Alaska –", "WASHINGTON, D.C., July 3 (Reuters) -", "Seoul, July 3 (Jiji Press)--",
"Berlin (dpa) -", "[NEW YORK]", "NEW DELHI:", "(ANSA) - ROMA, 03 LUG -", "МОСКВА, 3 июля. /ТАСС/.", "Wien – Die …",
"新华社北京7月3日电", "【東京＝時事】", "【北京時事】", "(서울=연합뉴스)".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lodestream.clean.words.names import AGENCY, agency, is_agency
from lodestream.clean.words.patterns import FUNCTIONS, HEADINGS, INTERFACE, KICKERS, LINK_LABELS, NAMES, STARTERS, key

_HEAD: Final = 700  # characters in which a standfirst and the dateline after it are looked for
_LINE_MAX: Final = 140  # characters of a dateline
_STANDFIRST_WORDS: Final = 60

_PLACE: Final = (
    r"(?P<place>[^\W\d_][\w.'’/]*(?:[ -][^\W\d_][\w.'’/]*){0,4}?"
    r"(?:,\s[^\W\d_][\w.'’]*(?:\s[^\W\d_][\w.'’]*){0,2}?)?)"
)
_DATE: Final = (
    r"(?P<date>,?\s(?:le\s)?(?:\d{1,2}(?:\.|er|º|st|nd|rd|th)?\s(?:de\s)?[^\W\d_]{3,10}\.?|[^\W\d_]{3,10}\.?\s\d{1,2}|\d{1,2}/\d{1,2})"
    r"(?:,?\s(?:de\s)?\d{4})?)"
)
_DASH: Final = r"(?P<sep>\s?\.?(?:--|[–—―])|(?:\s|\.|(?<=[)\]/]))-|:)"
_WITH_AGENCY: Final = re.compile(rf"{_PLACE}{_DATE}?\.?\s?[(/\[](?P<agency>[^()\[\]/]{{2,40}})[)/\]](?:{_DASH}|\.)?\s*")
_WITHOUT: Final = re.compile(rf"{_PLACE}{_DATE}?{_DASH}\s*(?:(?P<agency>{AGENCY})\.\s)?")
_AGENCY_FIRST: Final = re.compile(
    rf"\(?(?P<agency>{AGENCY})\)?\s*(?P<sep>-{{1,2}}|[–—])\s*(?:{_PLACE}{_DATE}?\s*[-–—.:]\s*)?"
)
_SQUARE: Final = re.compile(r"\[(?P<place>[^\]\d]{3,40})\]\s*[-–—]?\s*")
_CHINESE: Final = re.compile(
    rf"[（(]?(?P<agency>{AGENCY}|本报|本報|中央社)(?:记者[^，。\d]{{2,8}})?(?P<place>[\u4e00-\u9fff]{{2,8}}?)(?P<date>(?:\d{{1,2}}月)?\d{{1,2}}日)?[电電讯訊][）)]?\s*"
)
_JAPANESE: Final = re.compile(
    r"[【［\[](?P<place>[^＝=】］\]\d\s]{1,12})(?:[＝=]|\s+\d{1,2}日\s+|\s+[０-９]{1,2}日\s+)(?P<agency>[^】］\]]{1,12})[】］\]]\s*[-‐－—]?\s*"
)
_JAPANESE_SHORT: Final = re.compile(rf"【(?P<place>[^＝=】\d\s]{{1,8}}?)?(?P<agency>{AGENCY})】\s*")
_KOREAN: Final = re.compile(
    r"[(\[](?P<place>[\uac00-\ud7a3]{2,6})\s?=\s?(?P<agency>[^)\]]{2,12})[)\]]\s*(?:[^=]{2,30}기자\s*=\s*)?"
)
_BRACKET: Final = re.compile(r"[)/\]]")
_MARK: Final = re.compile(r"\s[-–—―]|--|[—–)/\]:]|\.-")  # no dateline is without one
_SENTENCE_START: Final = re.compile(r"[.!?…][\"'”’»)\]]?\s+(?=[\[(]?[^\W\d_a-z])")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_SMALL: Final = frozenset("de la le las los del di da do dos of am an der den und upon sur les el al y et".split())
_OPENING: Final = "\"'“‘«„([¿¡"


@dataclass(frozen=True, slots=True)
class Dateline:
    """Where a dateline stands in a text, and what it says. `end` is past the space after it."""

    start: int
    end: int
    place: str | None
    agency: str | None
    certain: bool  # it names a date, an agency or the country too


def find_dateline(text: str, *, start_only: bool = False) -> Dateline | None:
    """The dateline at the start of a text, or after a standfirst of one or two sentences; None if there is none."""
    found = _at(text, 0, first=True)
    if found is not None or start_only:
        return found
    for match in _SENTENCE_START.finditer(text, 0, _HEAD):
        if len(text[: match.end()].split()) > _STANDFIRST_WORDS:
            return None
        found = _at(text, match.end(), first=False)
        if found is not None:
            return found
    return None


def _at(text: str, start: int, *, first: bool) -> Dateline | None:
    head = text[start : start + _LINE_MAX]
    if head[:1].isupper():
        match = _western(head, first=first) if _MARK.search(head, 0, _LINE_MAX - 40) else None
        return None if match is None else _dateline(match, start)
    for pattern, is_one in _OTHERS:
        match = pattern.match(head)
        if match is not None and is_one(match):
            return _dateline(match, start)
    return None


def _western(head: str, *, first: bool) -> re.Match[str] | None:
    if _BRACKET.search(head):
        match = _WITH_AGENCY.match(head)
        if match is not None and _has_agency(match, head):
            return match
    match = _WITHOUT.match(head)
    return match if match is not None and _has_dash(match, head, first=first) else None


def _words(match: re.Match[str]) -> list[str]:
    return match["place"].split(",")[0].replace("/", " ").replace("-", " ").split()


def _has_agency(match: re.Match[str], head: str) -> bool:
    """Whether "Place, date (AGENCY)" is a dateline: an agency that is known or in capitals, a place of names."""
    words = _words(match)
    named = all(word[0].isupper() or word.lower() in _SMALL for word in words)
    known = is_agency(match["agency"]) or (match["agency"].isupper() and match["place"].split(",")[0].isupper())
    return known and named and _goes_on(head, match.end()) and not _is_kicker(words)


def _has_dash(match: re.Match[str], head: str, *, first: bool) -> bool:
    """Whether "PLACE, date -" is a dateline: in capitals, or with a date, or (at the very start) "Wien – Die …".

    Before a colon a speaker's name or a label looks like a place, so the place must be known.
    """
    city, words = match["place"].split(",")[0], _words(match)
    separator = match["sep"].strip(" .")
    spaced = match["sep"][:1].isspace() or separator in {"--", ":"} or match["agency"] is not None
    if not spaced or not _goes_on(head, match.end()) or _is_kicker(words):
        return False
    if separator == ":" and match["date"] is None and match["agency"] is None:
        return first and city.isupper() and city.casefold() in _PLACES
    letters = sum(len(run) for run in _LETTERS.findall(city))
    if city.isupper():
        return letters >= 4 or (letters == 3 and match["date"] is not None)
    named = (
        all(word[0].isupper() or word.lower() in _SMALL for word in words) and not {*city.lower().split()} & _NO_PLACE
    )
    if not named or separator == ":":
        return False
    if match["date"] is not None:
        return len(words) <= 4
    opening = _LETTERS.match(head[match.end() :].lstrip(_OPENING))
    return (
        first and separator in {"–", "—"} and len(words) <= 3 and opening is not None and opening[0].lower() in STARTERS
    )


def _goes_on(head: str, at: int) -> bool:
    """Whether a sentence starts here."""
    following = head[at:].lstrip(_OPENING)
    return following != "" and not following[0].islower()


def _is_kicker(words: list[str]) -> bool:
    """Whether some words are a label of the page or of the article's kind: "NEWS -", "BREAKING -"."""
    if any(word.casefold().strip(".") in KICKERS for word in words):
        return True
    whole = key(" ".join(words))
    return whole in HEADINGS or whole in INTERFACE or whole in _LINKS


_PLACES: Final = frozenset(name.casefold() for name in NAMES["dateline_places"])
_LINKS: Final = frozenset(LINK_LABELS)
_NO_PLACE: Final = (STARTERS | FUNCTIONS) - _SMALL


def _is_square(match: re.Match[str]) -> bool:
    place = match["place"]
    return place.isupper() and sum(map(str.isalpha, place)) >= 4 and "COPYRIGHT" not in place


def _is_agency_first(match: re.Match[str]) -> bool:
    place = match.groupdict().get("place")
    return place is None or place.split(",")[0].isupper()


def _is_certain(_: re.Match[str]) -> bool:
    return True


def _names_agency(match: re.Match[str]) -> bool:
    return is_agency(match["agency"]) or any(is_agency(part) for part in match["agency"].split())


_OTHERS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...]] = (
    (_SQUARE, _is_square),
    (_AGENCY_FIRST, _is_agency_first),
    (_CHINESE, _is_certain),
    (_JAPANESE, _names_agency),
    (_JAPANESE_SHORT, _is_certain),
    (_KOREAN, _names_agency),
)


def _dateline(match: re.Match[str], start: int) -> Dateline:
    groups = match.groupdict()
    place, name = groups.get("place"), groups.get("agency")
    return Dateline(
        start,
        start + match.end(),
        None if place is None else _plain(place),
        None if name is None else agency(name),
        certain=name is not None or groups.get("date") is not None or "," in (place or ""),
    )


def _plain(place: str) -> str:
    """A place in usual letters: "RIO DE JANEIRO" is "Rio de Janeiro", "D.C." stays."""
    return _LETTERS.sub(_usual, place.strip(" ,"))


def _usual(match: re.Match[str]) -> str:
    word, at, whole = match[0], match.start(), match.string
    if not word.isupper() or (len(word) == 1 and whole[at + 1 : at + 2] == "."):
        return word
    if at and (word.lower() in _SMALL or whole[at - 1] in "'’"):
        return word.lower() if len(word) <= 3 else word.capitalize()
    return word.capitalize()
