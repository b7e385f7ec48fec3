"""The standfirst of a page: what stands between its heading and its text and says what the article is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_MIN: Final = 40  # characters
_MAX: Final = 600
_SAME: Final = 40  # letters at its start, and at its end, by which a text is known again
_CUT_OFF: Final = ("…", "...")
_WORD: Final = re.compile(r"[^\W\d_]+")
_LONGEST: Final = 4
_NO_LETTER: Final = re.compile(r"[\W_]+")


def is_standfirst(paragraph: str, description: str | None) -> bool:
    """Whether a paragraph that stands before the text says what the page's description says."""
    start = _letters(description or "")[:_SAME]
    return start != "" and len(paragraph) <= _MAX and _letters(paragraph).startswith(start)


def find_standfirst(description: str | None, lines: Sequence[str], paragraphs: Sequence[str]) -> str | None:
    """The page's description where the page prints it and the text has neither its beginning nor its end.

    `lines`: the page's text nodes in order; of a description that breaks off the whole line is taken.
    """
    if description is None or not _MIN <= len(description) <= _MAX:
        return None
    letters = _letters(description)
    start, end = letters[:_SAME], letters[-_SAME:]
    text = _letters(" ".join(paragraphs))
    if not start or start in text or end in text:
        return None
    if description.endswith(_CUT_OFF):
        long = (line for line in lines if _MIN <= len(line) <= _MAX)
        return next((line for line in long if _letters(line).startswith(letters)), None)
    shown = " ".join(lines)
    if not _has_words(shown.casefold(), description.casefold()):
        return None
    return description if letters in _letters(shown) else None


def _has_words(text: str, description: str) -> bool:
    """A cheap look first: whether the longest words of a description are in a text."""
    words = sorted(_WORD.findall(description), key=len)[-_LONGEST:]
    return all(word in text for word in words)


def _letters(text: str) -> str:
    """A text as letters and digits alone: spaces and quotes differ between a page's head and its text."""
    return _NO_LETTER.sub("", text).casefold()
