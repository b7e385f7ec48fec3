"""The language of a text: ISO 639 code, by CLD2."""

from __future__ import annotations

import re
from typing import Final

import pycld2

UNKNOWN: Final = "und"
_SHORTEST: Final = 30  # characters: below that CLD2 guesses
_SAMPLE: Final = 400  # characters: 250 of 251 texts were told right from 200
_CODES: Final = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "nb": "no"}
_CODE_MAX: Final = 3  # letters
_TAG: Final = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8}){0,8}")


def detect(text: str) -> str:
    """The language of a text, or `und` for one that is too short or that CLD2 is not sure of."""
    if len(text) < _SHORTEST:
        return UNKNOWN
    try:
        reliable, _, found = pycld2.detect(text[:_SAMPLE].encode("utf-8", "replace"), isPlainText=True, bestEffort=True)
    except pycld2.error:  # it refuses some characters
        return UNKNOWN
    code: str = found[0][1].split("-")[0].lower()
    known = reliable and code not in {"un", "xx"} and code.isalpha() and len(code) <= _CODE_MAX
    if not known:  # no language, or only a script
        return UNKNOWN
    return _CODES.get(code, code)


def stated(tag: str) -> str | None:
    """The language that a tag like `en-GB` states; None when it is no language tag."""
    match = _TAG.fullmatch(tag.strip())
    return None if match is None else match[1].lower()
