"""Runs of other headlines inside a paragraph: where each headline starts, and where the article goes on.

A run lists headlines without full stops, each after its section's name, and the article goes on at once: its next
sentence ends in the first full stop. So the last headline and that sentence are one stretch of words without a
boundary between them, and the boundary is the place that fits best:

- a sentence starts with a capital, and a headline does not end in "of" or a comma;
- the sentence shares words with the rest of the article, the headlines do not;
- a headline has about ten words; sections are named before the boundary, not behind it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from lodestream.clean.words.patterns import FUNCTIONS, SECTIONS, STARTERS

_TOKEN: Final = re.compile(r"\S+")
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_UNSPACED: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_OPENERS: Final = "\"'“‘«„([$€£"
_CLOSERS: Final = "\"'”’»)]"
_SMALL: Final = FUNCTIONS | STARTERS
_STEM: Final = 6  # letters of a word that are compared: endings differ
_HEADLINE_MIN: Final = 3  # words
_HEADLINE_MAX: Final = 24
_USUAL: Final = range(6, 12)  # words of most headlines
_AHEAD: Final = 6  # words on either side whose capitals are compared: some headlines have nothing else


def take_apart(zone: str, around: str, *, slogan: bool, link: bool) -> tuple[list[int], int]:
    """Offsets in the zone at which headlines start, and at which the article goes on; no offsets: it is no run.

    `zone`: from behind the run's marker to the first full stop; `around`: the rest of the article, case folded;
    `slogan`: the marker is one that no article says; `link`: it announces one headline ("Read also: …").
    """
    tokens = list(_TOKEN.finditer(zone))
    words = [token[0] for token in tokens]
    if slogan and _UNSPACED.search(zone) is not None:
        return _unspaced(tokens)
    labels = _labels(words, slogan=slogan)
    if not labels and (not link or len(words) < _HEADLINE_MIN):
        return [], 0
    ended = zone.rstrip(_CLOSERS).endswith(".")
    at = _resume(words, labels or [0], around, labelled=bool(labels), ended=ended)
    if at is None or (not labels and at < len(words) and _bare(words[at]).lower() not in STARTERS):
        return [], 0  # without sections the end of a headline is told by a plain beginning only
    starts = [number for number in labels or [0] if number < at]
    return [tokens[number].start() for number in starts], tokens[at].start() if at < len(tokens) else len(zone)


def count_sections(zone: str) -> int:
    """How many words of a zone are names of sections, capitalised where the script has capitals."""
    return sum(not token[0].islower() and token.lower() in SECTIONS for token in zone.split())


def _unspaced(tokens: list[re.Match[str]]) -> tuple[list[int], int]:
    """A run in a script without spaces between words: spaces part labels and headlines, and what goes on is last."""
    if len(tokens) <= _HEADLINE_MIN:
        return [], 0
    starts = [token.start() for token in tokens[:-1] if token[0] in SECTIONS]
    return sorted({tokens[0].start(), *starts}), tokens[-1].start()


def _labels(words: list[str], *, slogan: bool) -> list[int]:
    """Indexes of the words that name a section: known ones, and the run's first word where it comes again."""
    places = [at for at in range(len(words) - 1) if _may_be_label(words, at)]
    counts = Counter(words[at] for at in places)
    known = {word for word in counts if word.lower() in SECTIONS}
    if words and places[:1] == [0] and (counts[words[0]] > 1 or slogan):
        known.add(words[0])
    found = [at for at in places if words[at] in known]
    found = [at for at in found if at + 1 not in found]
    return found if len(found) > 1 or slogan else []


def _may_be_label(words: list[str], at: int) -> bool:
    """Whether a word may be a section's name: capitalised, with a headline's end before and its start behind."""
    word = words[at]
    if not word.isalpha() or not (word[0].isupper() or (word in SECTIONS and not word[0].islower())):
        return False
    following = words[at + 1].lstrip(_OPENERS)
    if not following or following[0].islower():
        return False
    return at == 0 or _may_end(words[at - 1])


def _may_end(word: str) -> bool:
    """Whether a headline may end in this word."""
    return word[-1] not in ",:;–—-" and word.rstrip(_CLOSERS).lower() not in FUNCTIONS


def _resume(words: list[str], labels: list[int], around: str, *, labelled: bool, ended: bool) -> int | None:
    """Index of the word at which the article goes on; None when the words are no run."""
    behind = max(0, len(labels) - _LABELS_BELOW)  # how many labels stand before the boundary
    start = labels[behind]  # where the headline starts that may be the last
    weights = [_weight(word, around) for word in words[start:]]
    below, above = sum(weights), 0.0
    best: tuple[float, int] | None = None
    for at, weight in enumerate(weights, start):
        while behind < len(labels) and labels[behind] < at:
            start, behind = labels[behind], behind + 1
        length = at - start - labelled
        fits = _HEADLINE_MIN <= length <= _HEADLINE_MAX and at <= len(words) - _HEADLINE_MIN
        if fits and not words[at][0].islower() and _may_start(words, at):
            score = below - 2 * above + _fit(words, at)
            score -= _LABEL_BELOW * (len(labels) - behind) + _LENGTH * _unusual(length)
            if best is None or score > best[0]:
                best = (score, at)
        above += weight
    if best is not None:
        return best[1]
    last = len(words) - labels[-1]
    return len(words) if not ended or (labelled and last <= _HEADLINE_MAX) else None


# Tuned on 400 runs of real headlines put into AllSides articles: of runs in sentence case 84 %
# come out exactly with these and 6 % take words of the article along; on the seeds all are exact.
_ELSEWHERE: Final = -0.5  # for a word that the article has nowhere else; one that it has counts 1
_STARTER: Final = 4.0  # for a word that often starts a sentence
_LABEL_BELOW: Final = 8.0  # what a section's name behind the boundary costs: "World Bank" may be one
_LABELS_BELOW: Final = 3  # so many of the last are looked at: what would stand above them costs too much
_LENGTH: Final = 1.0  # what each word costs that a headline is longer or shorter than usual


def _unusual(length: int) -> int:
    return max(_USUAL.start - length, length - _USUAL.stop + 1, 0)


def _weight(word: str, around: str) -> float:
    """How much a word speaks for the article: 1 when the article has it elsewhere, below 0 when not."""
    lower = word.casefold()
    if lower in _SMALL or (match := _WORD.search(lower)) is None or match[0] in _SMALL:
        return 0.0
    return 1.0 if _is_in(match[0], around) else _ELSEWHERE


def _is_in(word: str, around: str) -> bool:
    """Whether a text has a word, endings aside. A short one counts only where a word starts."""
    stem = word[:_STEM]
    return stem in around if len(stem) > 4 else f" {stem}" in around


def _may_start(words: list[str], at: int) -> bool:
    """Whether the article may go on with this word."""
    first = words[at].lstrip(_OPENERS)[:1]
    return first != "" and not first.islower() and (first.isupper() or not first.isascii()) and _may_end(words[at - 1])


def _fit(words: list[str], at: int) -> float:
    """How much the word looks like a sentence's first, after a headline's last."""
    score = _STARTER if _bare(words[at]).lower() in STARTERS else 0.0
    score += _lower(words[at + 1 : at + 1 + _AHEAD]) - _lower(words[max(0, at - _AHEAD) : at])
    return score - (0.5 if words[at - 1][:1].isupper() else 0.0)


def _bare(word: str) -> str:
    return word.strip(_OPENERS + _CLOSERS + ",")


def _lower(words: list[str]) -> float:
    """The share of words in lower case."""
    return sum(word[0].islower() for word in words) / len(words) if words else 0.0
