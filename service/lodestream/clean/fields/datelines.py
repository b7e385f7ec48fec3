"""Datelines: where a report was written, at the start of its text.

Forms: "TOKYO -", "ANCHORAGE, Alaska –", "WASHINGTON, D.C., July 3 (Reuters) -", "Seoul, July 3 (Jiji Press)--",
"Berlin (dpa) -", "[NEW YORK]", "NEW DELHI:", "(ANSA) - ROMA, 03 LUG -", "МОСКВА, 3 июля. /ТАСС/.", "Wien – Die …",
"新华社北京7月3日电", "【東京＝時事】", "【北京時事】", "五島（長崎）― ", "(서울=연합뉴스) … 기자 =",
"عمّان (بترا) -".
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
_WITH_AGENCY: Final = re.compile(
    rf"{_PLACE}{_DATE}?\.?\s?(?:\((?P<agency>[^()]{{2,40}})\)|[/\[](?P<other>[^()\[\]/]{{2,40}})[/\]])(?:{_DASH}|\.)?\s*"
)
_WITHOUT: Final = re.compile(rf"{_PLACE}{_DATE}?{_DASH}\s*(?:(?P<agency>{AGENCY})\.\s)?")
_AGENCY_FIRST: Final = re.compile(
    rf"\(?(?P<agency>{AGENCY})\)?\s*(?P<sep>-{{1,2}}|[–—])\s*(?:{_PLACE}{_DATE}?\s*[-–—.:]\s*)?"
)
_UNKNOWN_FIRST: Final = re.compile(rf"\((?P<agency>[A-Z]{{2,8}})\)\s*[-–—]\s*{_PLACE}{_DATE}\s*[-–—]\s*")
_INDIC: Final = re.compile(
    rf"(?P<place>[\u0900-\u0dff]{{2,20}}(?:\s[\u0900-\u0dff]{{2,20}})?)(?P<date>,\s[^()]{{2,20}}?)?\s\((?P<agency>{AGENCY})\)\s*[-–—:]?\s*"
)
_SQUARE: Final = re.compile(r"\[(?P<place>[^\]\d]{3,40})\]\s*[-–—]?\s*")
_CHINESE: Final = re.compile(
    rf"[（(]?(?P<agency>{AGENCY}|本报|本報|中央社|[\u4e00-\u9fff]{{2,5}}?[网網社报報])(?:[记記]者(?P<reporter>[\u4e00-\u9fff]{{2,3}}))?"
    r"(?P<place>[\u4e00-\u9fff]{2,8}?)(?P<date>(?:\d{1,2}月)?\d{1,2}日)?[电電讯訊][）)]?\s*"
    r"(?:[（(](?:记者|記者)(?P<reporters>[^（）()]{2,20})[）)]\s*)?"
)
_JAPANESE: Final = re.compile(
    r"[【［\[](?P<place>[^＝=】］\]\d\s]{1,12})(?:[＝=]|\s+\d{1,2}日\s+|\s+[０-９]{1,2}日\s+)(?P<agency>[^】］\]]{1,12})[】］\]]\s*[-‐－—]?\s*"
)
_JAPANESE_BARE: Final = re.compile(
    r"(?P<place>[\u3040-\u9fff]{2,8}(?:（[\u3040-\u9fff]{2,6}）)?)\s?[―—–]\s?(?=[^\s―—–])"
)
_ARABIC: Final = re.compile(
    r"(?P<place>[\u0620-\u06ff]{2,}(?:\s[\u0620-\u06ff]{2,}){0,2}?)\s?(?:\((?P<agency>[^()]{2,20})\))?\s?[-–—]\s(?=\S)"
)
_JAPANESE_SHORT: Final = re.compile(rf"【(?P<place>[^＝=】\d\s]{{1,8}}?)?(?P<agency>{AGENCY})】\s*")
_KOREAN: Final = re.compile(
    r"[(\[](?P<place>[\uac00-\ud7a3]{2,6})\s?=\s?(?P<agency>[^)\]]{2,12})[)\]]\s*"
    r"(?:(?P<reporter>[\uac00-\ud7a3][^=]{1,29}?)\s(?:기자|특파원|통신원)\s*=\s*)?"
)
_TOWN: Final = re.compile(r"(?P<place>[A-ZÄÖÜ][a-zäöüß]{2,}(?:[ -][A-ZÄÖÜ][a-zäöüß]+)?)\.\s+(?=[\"„“»]?[A-ZÄÖÜ])")
_PAPER: Final = re.compile(r",\s[^\W\d_]+\.[^\W\d_]{2,}$|（.*）$")
"""What stands behind a place and is none: the paper that reports, "JAKARTA, KOMPAS.com"; a prefecture."""
_BRACKET: Final = re.compile(r"[)/\]]")
_MARK: Final = re.compile(r"\s[-–—―]|--|[—–)/\]:]|\.-")  # no dateline is without one
_MARKS: Final = "-—–―)/]:"  # a cheap look first
_SENTENCE_START: Final = re.compile(
    r"[.!?…。！？](?:(?<=[.!?…])[\"'”’»)\]]?\s+(?=[\[(]?[^\W\d_a-z])|(?<=[。！？])\s?(?=[\[［【\u3040-\u9fff]))"
)
_REPORTER: Final = re.compile(r"[\u4e00-\u9fff]{1,3}[ 　]?[\u3040-\u9fff]{1,4}")
_SEPARATORS: Final = re.compile(r"[/,]\s?|\s")
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
    reporter: str | None = None


def find_dateline(text: str, *, start_only: bool = False) -> Dateline | None:
    """The dateline at the start of a text, or after a standfirst of one or two sentences; None if there is none."""
    found = _at(text, 0, first=True)
    if found is not None or start_only:
        return found
    for match in _SENTENCE_START.finditer(text, 0, _HEAD):
        if text.count(" ", 0, match.end()) > _STANDFIRST_WORDS:
            return None
        found = _at(text, match.end(), first=False)
        if found is not None:
            return found
    return None


def find_town(text: str, others: str) -> Dateline | None:
    """A town and a full stop before the text, as German papers print it: "Brunnhausen. Die Sanierung …".

    `others`: the rest of the article, which must speak of something in that town where it is none that is known.
    """
    match = _TOWN.match(text)
    if match is None or not _opens_sentence(text, match.end()) or _is_kicker(match["place"].split()):
        return None
    town = match["place"]
    told = re.search(rf"\b(?:in|aus|bei|nach|von)\s{re.escape(town)}\b", f"{text[match.end() :]} {others}")
    if told is None and town.casefold() not in _PLACES:
        return None
    return Dateline(0, match.end(), town, None, certain=False)


def _at(text: str, start: int, *, first: bool) -> Dateline | None:
    head = text[start : start + _LINE_MAX]
    if head[:1].isupper():
        match = _western(head, first=first) if _has_mark(head[: _LINE_MAX - 40]) else None
        return None if match is None else _dateline(match, start)
    for pattern, is_one in _OTHERS:
        match = pattern.match(head)
        if match is not None and is_one(match):
            return _dateline(match, start)
    return None


def _has_mark(head: str) -> bool:
    return any(map(head.__contains__, _MARKS)) and _MARK.search(head) is not None


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
    name = match["agency"] or match["other"]
    known = _first_agency(name) is not None or (name.isupper() and match["place"].split(",")[0].isupper())
    return known and named and _goes_on(head, match.end()) and not _is_kicker(words)


def _has_dash(match: re.Match[str], head: str, *, first: bool) -> bool:
    """Whether "PLACE, date -" is a dateline: in capitals, or with a date, or (at the very start) as `_is_plain` says.

    Before a colon a speaker's name or a label looks like a place, so the place must be known.
    """
    city, words = match["place"].split(",")[0], _words(match)
    separator = match["sep"].strip(" .")
    spaced = (
        match["sep"][:1] in {" ", ".", "\u00a0"}
        or match["sep"][:1].isspace()
        or separator in {"--", ":"}
        or match["agency"] is not None
    )
    if not spaced or not _goes_on(head, match.end()) or _is_kicker(words):
        return False
    if separator == ":" and match["date"] is None and match["agency"] is None:
        return first and city.casefold() in _PLACES and (city.isupper() or _opens_sentence(head, match.end()))
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
    return first and _is_plain(match, words, head)


def _is_plain(match: re.Match[str], words: list[str], head: str) -> bool:
    """Whether a place in usual letters is a dateline: "Wien – Die …", "Ciudad de México.- El …"."""
    if match["sep"].startswith("."):
        return len(words) <= 4
    return match["sep"].strip() in {"–", "—"} and len(words) <= 3 and _opens_sentence(head, match.end())


def _opens_sentence(head: str, at: int) -> bool:
    """Whether a word that often starts a sentence stands here."""
    opening = _LETTERS.match(head[at:].lstrip(_OPENING))
    return opening is not None and opening[0].lower() in STARTERS


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
    """Whether it names an agency, or a reporter and where from."""
    if _first_agency(match["agency"]) is not None or match.groupdict().get("reporter") is not None:
        return True
    return match[0][0] == "【" and _REPORTER.fullmatch(match["agency"]) is not None


def _first_agency(name: str) -> str | None:
    """The agency that a group of names or a service of it starts with: "dpa/lno", "Reuters Breakingviews"."""
    parts = [name, *_SEPARATORS.split(name)]
    return next((part for part in parts if is_agency(part)), None)


def _is_spaced(match: re.Match[str]) -> bool:
    """Whether an Arabic place of few words, or one with its agency, stands before a dash."""
    return match["agency"] is not None or len(match["place"].split()) <= 2


def _has_place(match: re.Match[str]) -> bool:
    return "（" in match["place"] or match["place"] in _PLACES


_OTHERS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...]] = (
    (_SQUARE, _is_square),
    (_AGENCY_FIRST, _is_agency_first),
    (_UNKNOWN_FIRST, _is_certain),
    (_INDIC, _is_certain),
    (_CHINESE, _is_certain),
    (_JAPANESE, _names_agency),
    (_JAPANESE_SHORT, _is_certain),
    (_JAPANESE_BARE, _has_place),
    (_KOREAN, _names_agency),
    (_ARABIC, _is_spaced),
)


def _dateline(match: re.Match[str], start: int) -> Dateline:
    groups = match.groupdict()
    place, name, reporter = (
        groups.get("place"),
        groups.get("agency") or groups.get("other"),
        groups.get("reporter") or groups.get("reporters"),
    )
    if name is not None and match[0][0] == "【" and _first_agency(name) is None:
        name = None
    return Dateline(
        start,
        start + match.end(),
        None if place is None else _plain(_PAPER.sub("", place)),
        None if name is None else agency(_first_agency(name) or name),
        certain=name is not None or groups.get("date") is not None or "," in (place or ""),
        reporter=reporter,
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
