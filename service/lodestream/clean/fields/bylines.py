"""Lines that name somebody: bylines ("By Jane Doe") and sources ("Quelle: Mining.com", "- Straits Times")."""

from __future__ import annotations

import re
from typing import Final

from lodestream.clean.words.names import is_agency
from lodestream.clean.words.patterns import BYLINE_LABELS, COLON, SOURCE_LABELS, alternatives

_SOURCE: Final = re.compile(rf"\(?(?:{alternatives(SOURCE_LABELS)}){COLON}(?P<name>.+)", re.IGNORECASE)
_BYLINE: Final = re.compile(rf"(?i:{alternatives(BYLINE_LABELS)})(?:\s*[:：]\s*|\s+)(?P<names>[^\W\d_a-z].+)")
_BYLINE_STARTS: Final = tuple(label.casefold() for label in BYLINE_LABELS)
NAME_JOINTS: Final = frozenset(
    "and und och y e et en og in for from de la van von der den del di da bin al & i".split()
)
_COMMAS: Final = re.compile(r"[,;]|、")
_JOINTS: Final = re.compile(r"\s*(?:&|\band\b|\bund\b|\boch\b|\bet\b|\by\b|\ben\b|\bog\b)\s*")
BYLINE_WORDS: Final = 12


def is_byline(text: str) -> bool:
    """A byline's word and up to ten capitalised words that are no sentence."""
    if not text.casefold().startswith(_BYLINE_STARTS) or text.endswith((".", "?", "!")):
        return False
    match = _BYLINE.fullmatch(text)
    if match is None:
        return False
    words = match["names"].replace(",", " ").split()
    named = [word for word in words if word.lower() not in NAME_JOINTS]
    return (
        bool(named) and all(not word[0].islower() for word in named) and (len(named) > 1 or ":" in text or "：" in text)
    )


def byline_names(text: str) -> list[str]:
    """The names in a byline, without its word and what follows a comma's office."""
    match = _BYLINE.fullmatch(text)
    names = match["names"] if match else text
    found = [part for group in _groups(names) for part in _JOINTS.split(group)]
    return [name.strip(" .") for name in found if name.strip(" .") and not name.strip()[0].islower()]


def _groups(names: str) -> list[str]:
    """What commas set apart; a single word behind a whole name is its place or paper: "Katrin Meier, Frankfurt"."""
    first, *others = _COMMAS.split(names)
    alone = " " not in first.strip()
    return [first, *(other for other in others if alone or " " in other.strip() or is_agency(other))]


def source_name(text: str) -> str | None:
    """The name on a line like "Quelle: Mining.com"."""
    match = _SOURCE.match(text)
    return match["name"].strip(" )") or None if match else None


def is_source_line(text: str) -> bool:
    """A line like "- Straits Times"."""
    dashed = text[0] in "-–—•·" and text[1:2] == " " and text[-1] not in ".!?:"
    return dashed and 1 <= len(text.split()) - 1 <= 6 and not is_byline(text[2:])
