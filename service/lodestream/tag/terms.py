"""Terms as a vocabulary file writes them.

A term is a string or a table. In a string `{,s}` and `{a,o}` stand for alternatives and a `*` at its end or
start means that the word may go on there (`lithium*` also finds the German "Lithiumvorkommen"). A capital
letter in a term must be a capital in the text, a small letter may be either: "Turkey" is never found in
"roast turkey", "chinesische" also at the start of a sentence. A table adds conditions:

    { term = "Georgia", needs = ["Tbilisi", "Russia"], unless = ["Atlanta"], alone = true }

| key | the term counts only |
|---|---|
| `term`, `terms` | the strings that the conditions are for |
| `needs` | when one of these is in the article too, or a term without conditions of the same entry |
| `unless` | when none of these is in the article |
| `not_after`, `not_before` | when none of these stands directly before, after it |
| `alone` | when no other capitalised word stands directly beside it, as in a person's name |
| `inside` | when it is not the first word of a sentence, where every word has a capital |
| `lower` | in small letters, or at the start of a sentence: "rice", not "Ms Rice" |
| `mixed` | when the text around it is not all in capitals |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_LISTS: Final = ("needs", "unless", "not_after", "not_before")
_FLAGS: Final = ("alone", "inside", "lower", "mixed")


@dataclass(frozen=True, slots=True)
class Guard:
    """The conditions of a term (see above)."""

    needs: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    not_before: tuple[str, ...] = ()
    alone: bool = False
    inside: bool = False
    lower: bool = False
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One string to find. `language` is an ISO 639-1 code or `*`; `word_class` becomes the tag's rule.

    `family` is what the file says (`mine{,s}`): its forms are one word when occurrences are counted.
    """

    text: str
    language: str
    word_class: str
    family: str
    open_start: bool = False
    open_end: bool = False
    guard: Guard | None = None


def parse_term(spec: Any, language: str, word_class: str, cues: dict[str, list[str]]) -> Iterator[Term]:
    """The terms that one item of a list stands for. Raises `ValueError` with what is wrong.

    `cues` are the named lists that conditions refer to as `@name`.
    """
    if isinstance(spec, str):
        texts, guard = [spec], None
    elif isinstance(spec, dict):
        texts, guard = _table(spec, cues)
    else:
        raise ValueError(f"a term is a string or a table, not {spec!r}")  # noqa: TRY004 - one kind of error for bad files
    for text in texts:
        for form in expand(text):
            stripped = form.strip("*")
            if not any(char.isalnum() for char in stripped) or stripped != stripped.strip() or "*" in stripped:
                raise ValueError(f"no term to look for: {form!r}")
            yield Term(stripped, language, word_class, text, form.startswith("*"), form.endswith("*"), guard)


def expand(text: str) -> Iterator[str]:
    """`text` with every choice of its braces: `mine{,s}` gives `mine` and `mines`."""
    found = _BRACES.search(text)
    if found is None:
        if "{" in text or "}" in text:
            raise ValueError(f"braces that do not close: {text!r}")
        yield text
        return
    for choice in found.group(1).split(","):
        yield from expand(text[: found.start()] + choice + text[found.end() :])


def _table(spec: dict[str, Any], cues: dict[str, list[str]]) -> tuple[list[str], Guard]:
    unknown = sorted(spec.keys() - {"term", "terms", *_LISTS, *_FLAGS})
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r} in a term")
    texts = [spec["term"]] if "term" in spec else spec.get("terms", [])
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"a term without text: {spec!r}")
    needs, unless, after, before = (tuple(_words(spec.get(key, []), cues)) for key in _LISTS)
    alone, inside, lower, mixed = (bool(spec.get(key, False)) for key in _FLAGS)
    return texts, Guard(needs, unless, after, before, alone, inside, lower, mixed)


def _words(words: Any, cues: dict[str, list[str]]) -> Iterator[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"conditions are lists of strings, not {words!r}")
    for word in words:
        if not word.startswith("@"):
            yield from expand(word)
        elif word[1:] in cues:
            yield from (form for cue in cues[word[1:]] for form in expand(cue))
        else:
            raise ValueError(f"no list of cues is named {word[1:]!r}")
