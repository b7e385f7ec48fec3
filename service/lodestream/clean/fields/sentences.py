"""Where sentences start: what stands at a text's end or start must not take its neighbours along."""

from __future__ import annotations

import re
from typing import Final

from lodestream.clean.words.patterns import ABBREVIATIONS, STARTERS

_EDGE: Final = re.compile(
    r"(?P<stop>[.!?…])[\"'”’»)\]]{0,2}\s+(?=(?:[-–—]{1,2}\s?)?[\"'“‘«„(\[*]{0,2}(?P<next>[^\W\d_a-z][^\W_]*))|[。！？।]"
)
_OPENERS: Final = "\"'“‘«„(["
_WINDOW: Final = 40  # characters before a stop in which its word is


def sentence_start(text: str, at: int) -> int:
    """Where the sentence starts that holds the character at `at`."""
    start = 0
    for match in _EDGE.finditer(text):
        if match.end() > at:
            break
        if _is_edge(text, match):
            start = match.end()
    return start


def _is_edge(text: str, match: re.Match[str]) -> bool:
    """Whether a stop ends a sentence; behind an abbreviation or an initial only before a word that starts one."""
    if match["stop"] != ".":
        return True
    before = text[max(0, match.start() - _WINDOW) : match.start()].split()
    word = before[-1].lstrip(_OPENERS) if before else ""
    short = len(word) == 1 or word.lower() in ABBREVIATIONS or ("." in word and word.replace(".", "").isalpha())
    return not short or match["next"].lower() in STARTERS
