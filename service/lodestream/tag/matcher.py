"""Finding all terms of all vocabularies in one pass over a text.

Two Aho-Corasick automata: one over the normalised text for terms of words between spaces, one for terms in
scripts without spaces, which is only asked where such a script occurs. Whether a found string counts is
decided by its senses: language, capitals, marks that normalising removed, and its conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import ahocorasick_rs

from lodestream.tag.guards import LocalGuard, local_guard
from lodestream.tag.normalise import is_unspaced, normalise, spaced_view
from lodestream.tag.terms import Guard, Term
from lodestream.tag.vocabulary import Vocabulary

MASK: Final = -1
SHADOW: Final = -2
_ANY: Final = "*"
_CUE: Final = "cue"
_UNKNOWN: Final = "und"
# Most terms are checked for nothing or for their first letter: those two are done without a call.
_NOTHING: Final = 0
_CAPITAL: Final = 1
_ALL: Final = 2
_CHECK: Final[dict[tuple[int, ...], int]] = {(): _NOTHING, (0,): _CAPITAL}
# Names of countries and capitals in English are also found in articles of other languages: quotations, names
# of bodies, languages without a vocabulary. Adjectives and terms with conditions are not: they collide. Where the
# language is unknown, names in other scripts than Latin count too; in Latin script one language's name is
# another's word ("Island", "Chili", "Mauricio").
_LINGUA_FRANCA: Final = "en"
_LENT_KIND: Final = "country"
_LENT_CLASSES: Final = frozenset({"name", "capital", "government"})
_LATIN_END: Final = "\u024f"
_REMOVED_BY_NORMALISING: Final = "-' \xa0"  # what may stand for one another between the words of a term
_SAME: Final = str.maketrans({"’": "'", "‘": "'", "–": "-", "—": "-"})
# What may stand where a term begins or ends with one of these. Normalised they are spaces, as any mark is.
_END_MARKS: Final = {"-": "-\u2010\u2011–", "'": "'’"}


@dataclass(frozen=True, slots=True, eq=False)
class Sense:
    """What a pattern means in a language: entry number (or `MASK`, `SHADOW`), where its span lies in the pattern."""

    kind: str
    entry: int
    term: Term
    lead: int  # 1 where the pattern begins with the space before the word
    length: int  # of the span, in code points
    capitals: tuple[int, ...]  # offsets that must be capitals
    literal: str | None  # the term itself where normalising removes marks that matter ("US$", "U.S.")
    before: str  # marks of which one stands before the span, where the term begins with one; else empty
    after: str  # the same behind it ("ATP-*")
    katakana: bool
    local: LocalGuard | None
    guard: Guard | None
    check: int  # what is to be checked where it was found: `_NOTHING`, `_CAPITAL` or `_ALL`
    shadow: Sense | None = None  # what stands there where a neighbour makes it another name: hides what lies inside


class Match(NamedTuple):
    """A sense found at [start, end) of the text, in code points."""

    start: int
    end: int
    sense: Sense


class Matcher:
    """All terms of a vocabulary and the cues of their conditions, compiled. `entries` are numbered by position."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._numbers: dict[str, int] = {}
        self._senses: list[list[Sense]] = []
        for number, entry in enumerate(vocabulary.entries):
            for term in entry.terms:
                self._add(entry.kind, number, term)
        for kind, terms in vocabulary.masks.items():
            for term in terms:
                self._add(kind, MASK, term)
        self.cues: dict[str, int] = {}
        for entry in vocabulary.entries:
            for term in entry.terms:
                if term.guard is not None:
                    for cue in (*term.guard.needs, *term.guard.unless):
                        self._add_cue(cue)
        self._spaced = _Automaton({p: n for p, n in self._numbers.items() if not is_unspaced(p)}, self._senses)
        self._unspaced = _Automaton({p: n for p, n in self._numbers.items() if is_unspaced(p)}, self._senses)
        self._languages = frozenset(sense.term.language for senses in self._senses for sense in senses)

    def find(self, text: str, normalised: str, language: str) -> tuple[list[Match], set[int]]:
        """Every sense whose own conditions hold at its place, and the numbers of the cues in the text.

        Where a neighbour makes a term another name, its place comes as a `SHADOW`: "Panama City, Florida" is no
        "Panama" either.

        `text` begins and ends with a character of no word and `normalised` is its normal form. Conditions about
        the whole article (`needs`, `unless`) are the caller's.
        """
        known = language in self._languages
        views = [(self._spaced, normalised)]
        if is_unspaced(normalised):
            views = [(self._spaced, spaced_view(normalised)), (self._unspaced, normalised)]
        matches: list[Match] = []
        cues: set[int] = set()
        for automaton, view in views:
            active = automaton.active(language, known=known)
            for pattern, position, _ in automaton.search(view, overlapping=True):
                for sense in active[pattern]:
                    start = position + sense.lead
                    end = start + sense.length
                    check = sense.check
                    if check == _NOTHING or (
                        text[start].isupper() if check == _CAPITAL else _stands(sense, text, normalised, start, end)
                    ):
                        if sense.kind == _CUE:
                            cues.add(sense.entry)
                        else:
                            matches.append(Match(start, end, sense))
                    elif (
                        sense.shadow is not None
                        and sense.local is not None
                        and sense.local.is_other_name(normalised, start, end)
                    ):
                        matches.append(Match(start, end, sense.shadow))
        return matches, cues

    def _add_cue(self, cue: str) -> None:
        if cue not in self.cues:
            self.cues[cue] = len(self.cues)
            stripped = cue.strip("*")
            term = Term(stripped, _ANY, _CUE, cue, cue.startswith("*"), cue.endswith("*"))
            self._add(_CUE, self.cues[cue], term)

    def _add(self, kind: str, entry: int, term: Term) -> None:
        normalised = normalise(term.text)
        pattern, lead = _pattern(term, normalised)
        number = self._numbers.setdefault(pattern, len(self._numbers))
        if number == len(self._senses):
            self._senses.append([])
        before, after = _END_MARKS.get(term.text[0], ""), _END_MARKS.get(term.text[-1], "")
        word = term.text[bool(before) : len(term.text) - bool(after)]
        capitals = tuple(offset for offset, char in enumerate(word) if char.isupper())
        literal = _literal(word, normalise(word))
        katakana = _is_katakana(term.text[0]) or _is_katakana(term.text[-1])
        local = local_guard(term.guard) if term.guard is not None else None
        sense = Sense(
            kind=kind,
            entry=entry,
            term=term,
            lead=lead + bool(before),
            length=len(word),
            capitals=capitals,
            literal=literal,
            before=before,
            after=after,
            katakana=katakana,
            local=local,
            guard=term.guard if term.guard is not None and (term.guard.needs or term.guard.unless) else None,
            check=_ALL if literal or before or after or katakana or local else _CHECK.get(capitals, _ALL),
        )
        if local is not None and " " in normalised.strip():
            sense = replace(sense, shadow=replace(sense, entry=SHADOW, guard=None))
        self._senses[number].append(sense)


class _Automaton:
    """Some of the patterns, with the senses of each in the languages asked for so far. Unknown ones are all alike."""

    def __init__(self, numbers: Mapping[str, int], senses: Sequence[Sequence[Sense]]) -> None:
        self._senses = [senses[number] for number in numbers.values()]
        self._active: dict[str, list[tuple[Sense, ...]]] = {}
        self.search = ahocorasick_rs.AhoCorasick(
            list(numbers),
            matchkind=ahocorasick_rs.MatchKind.Standard,
            store_patterns=False,
            implementation=ahocorasick_rs.Implementation.ContiguousNFA,
        ).find_matches_as_indexes

    def active(self, language: str, *, known: bool) -> list[tuple[Sense, ...]]:
        key = language if known else _UNKNOWN
        found = self._active.get(key)
        if found is None:
            found = [tuple(_active(senses, language, known=known)) for senses in self._senses]
            self._active[key] = found
        return found


def _active(senses: Iterable[Sense], language: str, *, known: bool) -> Iterator[Sense]:
    """The senses that count in an article of this language (`und` or one without terms: `known` is false)."""
    own = [sense for sense in senses if sense.term.language in (language, _ANY)]
    yield from own
    if any(sense.kind == _LENT_KIND for sense in own):
        return
    seen: set[int] = set()
    for sense in senses:
        term = sense.term
        lent = term.language == _LINGUA_FRANCA or (not known and term.text[0] > _LATIN_END)
        if sense.kind == _LENT_KIND and lent and term.guard is None and term.word_class in _LENT_CLASSES:
            if sense.entry not in seen:
                yield sense
            seen.add(sense.entry)


def _pattern(term: Term, normalised: str) -> tuple[str, int]:
    """The string to search for and how many spaces stand before its span.

    A word of a script with spaces is searched with the space on either side; a term that begins or ends with a
    mark ("US$") or that is open there needs none.
    """
    if is_unspaced(term.text):
        korean = "\uac00" <= term.text[0] <= "\ud7a3"  # particles follow a word, nothing stands before it
        return (" " + normalised, 1) if korean and not term.open_start else (normalised, 0)
    before = "" if term.open_start or normalised[0] == " " else " "
    after = "" if term.open_end or normalised[-1] == " " else " "
    return before + normalised + after, len(before)


def _literal(text: str, normalised: str) -> str | None:
    """The term in small letters where a mark that normalising removed tells it from others, else None."""
    same = text.translate(_SAME)
    removed = {char for char, plain in zip(same, normalised, strict=True) if plain == " "}
    return same.lower() if removed.difference(_REMOVED_BY_NORMALISING) else None


def _is_katakana(char: str) -> bool:
    return "\u30a1" <= char <= "\u30fa" or char in "ーヽヾ"


def _stands(sense: Sense, text: str, normalised: str, start: int, end: int) -> bool:
    """Whether the sense's own conditions hold at [start, end)."""
    for offset in sense.capitals:
        if not text[start + offset].isupper():
            return False
    if sense.literal is not None and text[start:end].translate(_SAME).lower() != sense.literal:
        return False
    if (sense.before and text[start - 1] not in sense.before) or (sense.after and text[end] not in sense.after):
        return False
    if sense.katakana and (
        (_is_katakana(text[start]) and _is_katakana(text[start - 1]))
        or (_is_katakana(text[end - 1]) and _is_katakana(text[end]))
    ):
        return False
    return sense.local is None or sense.local.holds(text, normalised, start, end)
