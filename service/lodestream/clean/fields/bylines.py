"""Lines that name somebody: bylines ("By Jane Doe") and sources ("Quelle: Mining.com", "- Straits Times")."""

from __future__ import annotations

import re
from typing import Final

from lodestream.clean.words.names import AGENCY, is_agency, looks_like_publisher
from lodestream.clean.words.patterns import (
    BYLINE_LABELS,
    COLON,
    FUNCTIONS,
    INTERFACE,
    REPORTERS,
    SECTIONS,
    SOURCE_LABELS,
    STAFF,
    STARTERS,
    Starts,
    alternatives,
)
from lodestream.clean.words.patterns import key as _key

_SOURCE: Final = re.compile(rf"\(?(?:{alternatives(SOURCE_LABELS)}){COLON}(?P<name>.+)", re.IGNORECASE)
_BYLINE: Final = re.compile(rf"(?i:{alternatives(BYLINE_LABELS)})(?:\s*[:：]\s*|\s+)(?P<names>[^\W\d_a-z].+)")
_LABELS: Final = tuple(label.casefold() for label in BYLINE_LABELS)
_BYLINE_STARTS: Final = Starts(_LABELS)
NAME_JOINTS: Final = frozenset(
    "and und och y e et en og in for from de la van von der den del di da bin al & i".split()
)
NAME_PARTS: Final = frozenset("de la van von der den del di da bin al el ibn ten ter zu dos das du le y e".split())
_NAME_WORD: Final = re.compile(r"[^\W\d_a-z][^\W\d_]*(?:[-'’.][^\W\d_]+)*\.?")
_SMALL: Final = (STARTERS | FUNCTIONS) - NAME_PARTS
_REPORTED: Final = (
    re.compile(
        rf"(?:[\uac00-\ud7a3]{{2,6}}\s?=\s?)?(?P<name>[^\W\d_]{{2,4}}(?:[·,、][^\W\d_]{{2,4}})*)\s?(?:{alternatives(REPORTERS)})(?:\s\S+@\S+)?"
    )
    if REPORTERS
    else None
)
_SIGNED: Final = re.compile(r"[（(](?P<name>[\u3005\u4e00-\u9fff]{2,5}(?:[ \u3000・][\u4e00-\u9fff]{1,3})?)[）)]")
"""Who wrote, as Japanese papers sign below a text: "（小池真帆）"."""
_WITH: Final = re.compile(rf",?\s(?:avec|with|mit|con|com|med|met|z)\s(?:the\s|l['’])?(?P<agency>{AGENCY})$")
_PLACE: Final = re.compile(r"\s[—–]\s[^\W\d_a-z].*$|\s(?:at|in|à|bei|aus|from)\s[^\W\d_a-z].*$|\s\([^()]*\)$")
"""What stands behind a name and is none: where somebody was, or an office in brackets."""
_ROLES: Final = frozenset(
    "reporter correspondent editor writer columnist journalist policy korrespondent redakteur redakteurin journaliste"
    " periodista redactor giornalista jornalista verslaggever muhabiri корреспондент журналист desk".split()
)
_LABELLED: Final = re.compile(rf"\s+(?:{alternatives(BYLINE_LABELS)})\s*[:：].*$", re.IGNORECASE)
_COMMAS: Final = re.compile(r"[,;]|、")
_JOINTS: Final = re.compile(r"\s*(?:&|\band\b|\bund\b|\boch\b|\bet\b|\by\b|\ben\b|\bog\b)\s*")
BYLINE_WORDS: Final = 12


def is_byline(text: str) -> bool:
    """A byline's word and up to ten capitalised words that are no sentence."""
    if not _BYLINE_STARTS.begin(text.casefold()) or text.endswith((".", "?", "!")):
        return False
    match = _BYLINE.fullmatch(text)
    if match is None:
        return _staff_of(text) is not None
    words = _PLACE.sub("", _WITH.sub("", match["names"])).replace(",", " ").split()
    if not words:
        return False
    if _key(match["names"]) in STAFF or _key(text) in STAFF:
        return True
    named = [word for word in words if word.lower() not in NAME_JOINTS]
    return (
        bool(named) and all(not word[0].islower() for word in named) and (len(named) > 1 or ":" in text or "：" in text)
    )


def is_name(text: str) -> bool:
    """Whether a line looks like a person's name and nothing else: two to four capitalised words, or one with a role.

    "Jane Doe", "J. Doe", "Ursula von der Leyen", "홍길동 기자"; not "Politik", "What Happens Next".
    """
    if _reported(text) is not None:
        return True
    words = text.split()
    if not 2 <= len(words) <= 5 or not all(
        (word[0].isupper() and _NAME_WORD.fullmatch(word)) or word in NAME_PARTS for word in words
    ):
        return False
    named = [word for word in words if word not in NAME_PARTS]
    if named and named[-1].casefold() in _ROLES:
        return False
    small = any(word.lower() in _SMALL or word.lower() in SECTIONS for word in named)
    return 2 <= len(named) <= 4 and not small and not looks_like_publisher(text)


def _reported(text: str) -> re.Match[str] | None:
    """A name with a role behind it, or in the brackets of a sign below a text."""
    signed = _SIGNED.fullmatch(text)
    if signed is not None:
        return None if is_agency(signed["name"]) or _key(signed["name"]) in INTERFACE else signed
    return _REPORTED.fullmatch(text) if _REPORTED is not None else None


def reported_names(text: str) -> list[str]:
    """The names on a line of a name alone (`is_name`), without the role behind them."""
    match = _reported(text)
    return [name.strip() for name in re.split(r"[·,、]", match["name"])] if match is not None else [text]


def _staff_of(text: str) -> str | None:
    """Who wrote without a name, behind a byline's word: "Door onze economieredactie"."""
    folded = text.casefold()
    label = next((label for label in _LABELS if folded.startswith(label) and folded[len(label) :][:1] == " "), None)
    name = None if label is None else text[len(label) :].strip()
    return name if name is not None and _key(name) in STAFF else None


def byline_names(text: str) -> list[str]:
    """The names in a byline, without its word and what follows a comma's office."""
    match = _BYLINE.fullmatch(text)
    if match is None and (staff := _staff_of(text)) is not None:
        return [staff]
    names = _PLACE.sub("", match["names"]) if match else text
    if match is not None and _key(text) in STAFF:
        return [text]
    names = _WITH.sub(r", \g<agency>", names)
    found = [part for group in _groups(names) for part in _JOINTS.split(group)]
    return [name.strip(" .") for name in found if name.strip(" .") and not name.strip()[0].islower()]


def _groups(names: str) -> list[str]:
    """What commas set apart; a single word behind a whole name is its place or paper: "Katrin Meier, Frankfurt"."""
    first, *others = _COMMAS.split(names)
    alone = " " not in first.strip()
    others = [other for other in others if not {*other.casefold().split()} & _ROLES]
    return [first, *(other for other in others if alone or " " in other.strip() or is_agency(other))]


def source_name(text: str) -> str | None:
    """The name on a line like "Quelle: Mining.com"."""
    match = _SOURCE.match(text)
    return _LABELLED.sub("", match["name"]).strip(" )") or None if match else None


def is_source_line(text: str) -> bool:
    """A line like "- Straits Times"."""
    dashed = text[0] in "-–—•·" and text[1:2] == " " and text[-1] not in ".!?:"
    return dashed and 1 <= len(text.split()) - 1 <= 6 and not is_byline(text[2:])
