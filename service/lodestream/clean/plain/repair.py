"""Damage that scrapers do to a text: paragraphs glued without a space ("reported.According"), labels glued between.

Glue is a stop with a capitalised word right behind it. What looks like it and is none must survive: abbreviations
("U.S.", "St.Louis"), figures ("2.693,00"), names of hosts ("Mining.com", "Booking.Com"), "Node.JS".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

from lodestream.clean.words.patterns import ABBREVIATIONS, LINK_LABELS, STARTERS, alternatives

_LABEL_MAX: Final = 160  # characters of a link's label glued into a text

_GLUE: Final = re.compile(r"[.!?][\"”’»)\]]?(?=[“«„]?[^\W\d_a-z])")
_OPENING: Final = "“«„"
_LEFT: Final = re.compile(r"[\w.@/’'&%°-]*$")
_RIGHT: Final = re.compile(r"[^\W_]+")
_HOST_ENDS: Final = frozenset("com org net edu gov info biz uk eu io tv".split())
_LABEL: Final = re.compile(rf"(?:{alternatives(LINK_LABELS)})\s*[:|：]\s*", re.IGNORECASE)
_CAMEL: Final = re.compile(r"(?<![^\W_])([^\W\d_]*[^\W\d_A-Z]|\d+)([^\W\d_a-z][^\W\d_]*)")
_ONE_LETTER: Final = frozenset(word.upper() for word in STARTERS if len(word) == 1)
_WINDOW: Final = 40  # characters before a stop that can matter


def split_glued(text: str) -> list[str]:
    """The paragraphs of a text in which some were glued together. Nothing but white space is lost."""
    edges = [0]
    quotes, counted = 0, 0
    for match in _tight_stops(text):
        quotes += text.count('"', counted, match.end())
        counted = match.end()
        if _is_glue(text, match, inside_quotes=quotes % 2 == 1):
            edges.append(match.end())
    if len(edges) == 1:
        return [text]
    edges.append(len(text))
    return [part for start, end in itertools.pairwise(edges) if (part := text[start:end].strip())]


def _tight_stops(text: str) -> Iterator[re.Match[str]]:
    """The stops with a capital right behind, in order. Most have a space there, and `str.find` is fastest for them."""
    places: list[int] = []
    for stop in ".!?":
        at = text.find(stop)
        while at >= 0:
            if not text.startswith(" ", at + 1):
                places.append(at)
            at = text.find(stop, at + 1)
    return (match for at in sorted(places) if (match := _GLUE.match(text, at)) is not None)


def cut_link_label(paragraph: str) -> tuple[str, str] | None:
    """A label ("Infographic: …") glued before a paragraph: (label, paragraph). None when there is no such label.

    The label ends where a word runs into a capitalised one: "spheres of controlFor decades".
    """
    label = _LABEL.match(paragraph)
    if label is None:
        return None
    for match in _CAMEL.finditer(paragraph, label.end(), min(len(paragraph), label.end() + _LABEL_MAX)):
        left, right = match[1], match[2].lower()
        if (left[0].islower() and len(left) > 1) or left.isdigit() or right in STARTERS:
            return paragraph[: match.end(1)], paragraph[match.end(1) :]
    return None


def _is_glue(text: str, match: re.Match[str], *, inside_quotes: bool) -> bool:
    start = match.end() + (text[match.end()] in _OPENING)
    right = _RIGHT.match(text, start, start + _WINDOW)
    if right is None or not text[start].isupper():
        return False
    after = right[0]
    if after.isupper() and not (after in _ONE_LETTER and text[right.end() : right.end() + 1] == " "):
        return False
    if len(match[0]) > 1:  # a closing quote or bracket, or an opening one that looks the same
        return match[0][-1] != '"' or not inside_quotes
    left = _LEFT.search(text[max(0, match.start() - _WINDOW) : match.start()])
    word = left[0] if left else ""
    if after.lower() in _HOST_ENDS or "@" in word or "/" in word or word.lower() == "www":
        return False
    return _ends_sentence(word, match[0], starts=after.lower() in STARTERS)


def _ends_sentence(word: str, stop: str, *, starts: bool) -> bool:
    """Whether a word and its stop may end a sentence. `starts`: the word behind them often starts one."""
    if not word or stop != ".":  # "Yahoo!Japan"
        return stop != "." and starts
    if "." in word:  # an abbreviation like "U.S", a figure, a host
        return starts and word.replace(".", "").isalpha() and len(word.rsplit(".", 1)[1]) == 1
    if word.isdigit():  # "2.Bundesliga"
        return len(word) >= 3 or starts
    whole = len(word) >= 3 or (len(word) == 2 and (starts or word.isupper()))
    return whole and word.lower() not in ABBREVIATIONS
