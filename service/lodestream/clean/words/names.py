"""Canonical names of publishers and news agencies (`names.toml`)."""

from __future__ import annotations

import re
from typing import Final

from lodestream.clean.words.patterns import NAMES, SECTIONS, alternatives


def _fold(name: str) -> str:
    """A name without regard to case and to white space; a Turkish İ is an i."""
    return " ".join(name.split()).casefold().replace("i\u0307", "i")


_PUBLISHERS: Final[dict[str, str]] = {
    **{alias.casefold(): name for name, aliases in NAMES["publishers"].items() for alias in (name, *aliases)},
    **{form.casefold(): f"The {name}" for name in NAMES["with_article"] for form in (name, f"The {name}")},
}
_SHORT_FORMS: Final[dict[str, str]] = {
    alias: name for name, aliases in NAMES["publishers"].items() for alias in aliases if alias.isupper()
}
_AGENCIES: Final[dict[str, str]] = {
    _fold(alias): name for name, aliases in NAMES["agencies"].items() for alias in (name, *aliases)
}
_EXACT: Final = frozenset(alias for name, aliases in NAMES["agencies"].items() for alias in (name, *aliases))
_ALIASES: Final = tuple(
    sorted({alias for name, aliases in NAMES["agencies"].items() for alias in (name, *aliases)}, key=len, reverse=True)
)
AGENCY: Final = f"(?:{alternatives(_ALIASES)}|(?i:{alternatives(alias for alias in _ALIASES if len(alias) > 3)})|dpa)"
"""A regex for one agency. Names of up to three letters must be in capitals: "AP", not "ap"."""

_LAST_WORDS: Final = frozenset(re.findall(r"[^\W_]+", alias)[-1] for alias in _AGENCIES)
_PUBLISHER_WORDS: Final = frozenset(NAMES["publisher_words"])
_AGENCY_WORDS: Final = frozenset(
    "agencia agencias agency agence agentur agenzia agência agentschap ajansı агентство".split()
)
_HOST: Final = re.compile(
    r"(?:[\w-]+\.)+(?:com|org|net|de|fr|it|es|se|nl|uk|jp|cn|in|ru|info|news|tv|eu|ch|at)", re.IGNORECASE
)
_BRAND: Final = (
    re.compile(rf"\b({alternatives(sorted(_SHORT_FORMS, key=len, reverse=True))})\b") if _SHORT_FORMS else None
)


def publisher(name: str) -> str:
    """A publisher's usual name; one that is not known stays as printed."""
    name = name.strip(" -–—•·|,:")
    return _PUBLISHERS.get(name.casefold(), name)


def is_publisher(name: str) -> bool:
    return name.strip().casefold() in _PUBLISHERS


def looks_like_publisher(text: str) -> bool:
    """Whether a short line is a publisher's name: a known one, an agency, an abbreviation, or "… Times", "….com"."""
    words = text.replace("-", " ").split()
    if text.casefold() in SECTIONS:
        return is_agency(text)
    if is_publisher(text) or is_agency(text) or (len(words) == 1 and text.isupper() and 2 <= len(text) <= 5):
        return True
    return len(words) <= 5 and any(
        word.casefold().strip(",.") in _PUBLISHER_WORDS or _HOST.fullmatch(word) for word in words
    )


def agency(name: str) -> str:
    """An agency's usual name; one that is not known stays as printed."""
    return _AGENCIES.get(_fold(name), name.strip())


def is_agency(name: str) -> bool:
    return _fold(name) in _AGENCIES


def calls_itself_agency(name: str) -> bool:
    """Whether a name that is not known says that it is an agency's: "Agencia Andina"."""
    return bool({*name.casefold().split()} & _AGENCY_WORDS)


def agency_names(name: str) -> bool:
    """Whether a text is the name of one agency, space around it aside, whatever brackets it has."""
    return is_agency(name.strip(" ()[]"))


def is_credit(name: str) -> bool:
    """Whether a name credits an agency. One of up to three letters must be in capitals: "AP", not "ap"."""
    return is_agency(name) and (len(name) > 3 or name == name.upper() or name in _EXACT or name == "dpa")


def is_last_word_of_agency(word: str) -> bool:
    """Whether the name of an agency may end in this word."""
    return _fold(word) in _LAST_WORDS


def brand_in(text: str) -> str | None:
    """The publisher whose short form a box of its own names: "BT in your inbox"."""
    match = _BRAND.search(text) if _BRAND is not None else None
    return _SHORT_FORMS[match[1]] if match else None
