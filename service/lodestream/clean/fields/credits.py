"""Credits of news agencies: what stands at the end of a text, or on a line of its own."""

from __future__ import annotations

import re
from itertools import repeat
from typing import Final

from lodestream.clean.fields.sentences import sentence_start
from lodestream.clean.words.names import is_agency, is_credit, is_last_word_of_agency

AFTER_STOP: Final = r"(?:^|(?<=[.!?…。\"'”’»)\]」』]))\s*"
"""A regex for the start of a text, or for what follows a sentence's end."""

_NO_NAME: Final = ".!?…。\"'”’»()[]（）【】"
_CREDIT: Final = re.compile(
    rf"{AFTER_STOP}(?P<cut>(?:[-–—]{{1,2}}\s*|©\s*)?[(\[/（【]?\s*(?:©\s?)?"
    rf"(?P<names>[^\W_][^{re.escape(_NO_NAME)}]{{1,60}}?)\s*[)\]/）】]?\.?)$"
)
_BEFORE_NAMES: Final = 10  # characters of dashes, brackets and space
_CAPITAL: Final = "[A-ZА-ЯΑ-Ω]"
_CAPITALS: Final = re.compile(
    r"(?<=[.!?…\"'”’»)\]])\s+"
    rf"(?P<cut>[(\[]?(?P<names>{_CAPITAL}[A-ZА-ЯΑ-Ω&]{{2,}}(?: {_CAPITAL}[A-ZА-ЯΑ-Ω&]+){{0,2}})[)\]]?)$"
)
_PATTERNS: Final = ((_CREDIT, 120), (_CAPITALS, 60))  # each with the characters at the end in which it is looked for
_SIGN: Final = re.compile(r"[a-z]{2,4}|[A-Z]{1,2}-\d{1,2}")
"""Who edited, as agencies and papers sign: "(dpa/kw)", "(Ant/N-2)"."""
_AFTER_WORD: Final = ")]/.）】"  # may stand behind the last word of a credit
_LAST_CHARACTERS: Final = 40  # in which the last word is
_WITH: Final = re.compile(r"(?<=\S)\s+(?:with|avec|mit|con|com|med|met)\s+")
_WINDOW: Final = 200  # characters before some capitals in which their sentence may start
_JOINTS: Final = re.compile(r"\s*[,/&+]\s*|\s+(?:and|und|et|y|och)\s+")
_LINE_WORDS: Final = 6


def find_credit(text: str) -> tuple[int, str] | None:
    """Where the credit at the end of a text starts, and the names in it; None when there is none."""
    last = _last_word(text)
    if not last:
        return None
    for pattern, window in _PATTERNS:
        if not (last.isupper() if pattern is _CAPITALS else _may_end_credit(text, last)):
            continue  # a cheap look before the pattern
        at = max(0, len(text) - window)
        match = pattern.search(text, _before_names(text, at))
        if match is None or (at and match.start("cut") == at):
            continue
        names = match["names"]
        if match["cut"][0] in "([" and (told := _WITH.search(names)) is not None:  # "(FRANCE 24 with AP and AFP)"
            names = names[told.end() :]
        if _is_behind_sentence(text, match) if pattern is _CAPITALS else all(map(is_credit, agencies(names))):
            return match.start("cut"), names
    return None


def _before_names(text: str, floor: int) -> int:
    """Some characters before the last that no name has: the names of a credit start behind it. Not before `floor`."""
    bare = text.rstrip(f" {_AFTER_WORD}")
    last = max(map(bare.rfind, _NO_NAME, repeat(floor)))
    return max(floor, last - _BEFORE_NAMES)


def _last_word(text: str) -> str:
    """The letters and digits at a text's end, brackets and stops behind them aside."""
    tail = text[-_LAST_CHARACTERS:].rstrip(_AFTER_WORD)
    start = len(tail)
    while start and tail[start - 1].isalnum():
        start -= 1
    return tail[start:]


def _may_end_credit(text: str, word: str) -> bool:
    """Whether a text may end in a credit: in an agency's name, or behind a slash in the sign of who edited it."""
    return is_last_word_of_agency(word) or ("/" in text[-16:] and text[-1:] in ")]/")


def _is_behind_sentence(text: str, match: re.Match[str]) -> bool:
    """Whether a sentence ends right before some capitals: "U.S. SALES FALL" is a headline's end, and no credit."""
    start = max(0, match.start("cut") - _WINDOW)
    tail = text[start:]
    return sentence_start(tail, match.start("cut") - start) == match.start("cut") - start and not text.isupper()


def agencies(names: str) -> list[str]:
    """The agencies in a credit: one, or several with commas, slashes or "and" between."""
    parts = [part for part in _JOINTS.split(names) if part.strip()]
    return [part for part in parts if _SIGN.fullmatch(part) is None or is_agency(part)] or parts


def credits_of_line(text: str, size: int) -> list[str]:
    """The agencies that a line of `size` words names, when it says nothing else."""
    if size > _LINE_WORDS:
        return []
    parts = text.strip("()[]（）【】/-–— .").replace("/", ",").split(",")
    if all(map(is_agency, parts)):
        return parts
    found = find_credit(text)
    return agencies(found[1]) if found is not None and found[0] == 0 else []
