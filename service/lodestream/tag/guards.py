"""Conditions of a term that are decided where it stands: its neighbours, its place in the sentence, its letters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lodestream.tag.normalise import is_unspaced, normalise
from lodestream.tag.terms import Guard

_OPENING: Final = " \t\"'“”‘’«»„‚([{–—-"
_SENTENCE_ENDS: Final = ".!?:;…\n\r。！？；："
_LINE: Final = 20  # code points on either side that tell whether a line is all in capitals
# Words that stand in capitals at the start of a sentence or in a headline before a name without belonging to it.
_FUNCTION_WORDS: Final = frozenset(
    "in the from of for with and to at on by as but when while after before if since near between into across "
    "inside outside both against around under over despite until amid among via how why what where who that "
    "northern southern eastern western central than or nor is was are were has had will can could may says said "
    "neighbouring neighboring president king queen minister "
    "aus nach von mit und für bei über gegen durch zwischen ohne nahe auch wie wenn "
    "en de desde a para y con por sobre entre hacia contra si "
    "à la le les au aux du dans depuis vers pour avec et chez sur "
    "i från till av och med för om mot mellan över enligt när "
    "da do dos das em no na per con dal nel".split()
)
_PREVIOUS_WORD: Final = re.compile(r"[^\W\d_]+(?=[ ]$)|[^\W\d_](?=\.[ ]$)")
_REACH: Final = 40  # code points before a term in which its previous word is looked for


@dataclass(frozen=True, slots=True)
class LocalGuard:
    """The compiled form of a `Guard`'s conditions on the place of a term."""

    not_after: tuple[str, ...]
    not_before: tuple[str, ...]
    alone: bool
    inside: bool
    lower: bool
    mixed: bool

    def is_other_name(self, normalised: str, start: int, end: int) -> bool:
        """A neighbour makes the term part of another name: "Panama City" before "Florida"."""
        if self.not_after and normalised.endswith(self.not_after, max(0, start - _REACH), start):
            return True
        return bool(self.not_before) and normalised.startswith(self.not_before, end)

    def holds(self, text: str, normalised: str, start: int, end: int) -> bool:
        if self.is_other_name(normalised, start, end):
            return False
        if self.alone and not _alone(text, start, end):
            return False
        if self.lower and text[start].isupper() and not _begins_sentence(text, start):
            return False
        if self.inside and _begins_sentence(text, start):
            return False
        return not (self.mixed and in_capitals(text, start, end))


def local_guard(guard: Guard) -> LocalGuard | None:
    """The part of a guard that is decided on the spot, None when there is none."""
    if not (guard.not_after or guard.not_before or guard.alone or guard.inside or guard.lower or guard.mixed):
        return None
    return LocalGuard(
        not_after=tuple(map(_previous, guard.not_after)),
        not_before=tuple(form for word in guard.not_before for form in _next(word)),
        alone=guard.alone,
        inside=guard.inside,
        lower=guard.lower,
        mixed=guard.mixed,
    )


def _previous(word: str) -> str:
    """A word before, as the normalised text has it: whole, or bare characters of an unspaced script."""
    return normalise(word) if is_unspaced(word) or word.isdigit() else f" {normalise(word)} "


def _next(word: str) -> tuple[str, ...]:
    """A word after: next to the term or behind one mark ("Panama City, Florida"). It may be open (`Trot*`)."""
    if is_unspaced(word):
        return (normalise(word),)
    closed = "" if word.endswith("*") else " "
    form = normalise(word.rstrip("*")) + closed
    return f" {form}", f"  {form}"


def _alone(text: str, start: int, end: int) -> bool:
    """No capitalised word stands beside the term: `Jordan Henderson`, `Michael Jordan` and `M. Jordan` are names."""
    if text[end : end + 1] == " " and text[end + 1 : end + 2].isupper():
        return False
    previous = _PREVIOUS_WORD.search(text[max(0, start - _REACH) : start])
    if previous is None:
        return True
    word = previous.group()
    return not word[0].isupper() or word.lower() in _FUNCTION_WORDS


def _begins_sentence(text: str, start: int) -> bool:
    position = start - 1
    while position >= 0 and text[position] in _OPENING:
        position -= 1
    return position < 0 or text[position] in _SENTENCE_ENDS


def in_capitals(text: str, start: int, end: int) -> bool:
    """The letters around the term, some at least, are all capitals."""
    around = text[max(0, start - _LINE) : start] + text[end : end + _LINE]
    letters = [char for char in around if char.isalpha()]
    return len(letters) >= 4 and not any(char.islower() for char in letters)
