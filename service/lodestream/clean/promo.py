"""Foreign matter inside a paragraph: sign-up sentences and runs of other headlines, whose end nothing marks.

A run ("Top stories Swipe. Select. Stay informed. Singapore … Opinion …") starts with a marker and lists headlines
without full stops, each after its section's name; then the article goes on at once. The run ends before the first
full stop, so its last headline and the article's next sentence are one stretch of words without a boundary. The
boundary is looked for between words: a sentence starts with a capital, a headline does not end in "of", and the
sentence shares words with the rest of the article, which the headlines do not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lodestream.clean.kinds import Kind
from lodestream.clean.patterns import (
    ABBREVIATIONS,
    FUNCTIONS,
    SECTIONS,
    STARTERS,
    Cue,
    cues,
)

_SLOGAN: Final = r"(?:\s+[^\W\d_]+(?:\s[^\W\d_]+)?\.){2,4}"  # "Swipe. Select. Stay informed."
_AFTER_MARKER: Final = re.compile(rf"(?P<slogan>{_SLOGAN})?:?\s+(?=[\"'“‘«$€£(\[]?[^\W_a-z])")
_BOUNDARY: Final = re.compile(r"[.!?…\"”’»)\]]\s$")
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s|$)")
_TOKEN: Final = re.compile(r"\S+")
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_OPENERS: Final = "\"'“‘«„([$€£"
_CLOSERS: Final = "\"'”’»)]"
_STEM: Final = 6
_STOP: Final = re.compile(r"[^\s.]{1,60}\.[\"'”’»)\]]{0,3}(?=\s|$)")
_ZONE_MAX: Final = 4000  # characters: a list of headlines and a sentence are not longer
_RUNS_MAX: Final = 16  # markers looked at in one paragraph, so that a text of nothing else costs no more
_HEADLINE_MIN: Final = 3  # words
_HEADLINE_MAX: Final = 22
_SIGNUP_MAX: Final = 200  # characters of a sign-up sentence


@dataclass(frozen=True, slots=True)
class Stripped:
    """A paragraph without foreign matter, and what was in it, in order."""

    text: str
    pieces: tuple[tuple[Kind, str], ...]


def stems(text: str) -> set[str]:
    """The words of a text as a run's boundary compares them."""
    return set(_stems(text))


def _stems(text: str) -> list[str]:
    return [word[:_STEM] for word in _WORD.findall(text.casefold())]


def strip_signups(text: str) -> Stripped:
    """Cuts sentences that ask the reader to sign up, also one without a stop before the text."""
    lower = text.lower()
    if len(lower) != len(text):
        return Stripped(text, ())
    found = [(start, end) for cue, start, end in cues(lower) if cue is Cue.NEWSLETTER]
    kept: list[str] = []
    pieces: list[tuple[Kind, str]] = []
    at = 0
    for start, end in _joined(found):
        first = _sentence_start(text, start, at)
        last = None if first is None else _signup_end(text, end)
        if first is None or last is None or last - first > _SIGNUP_MAX:
            continue
        kept.append(text[at:first].strip())
        pieces.append((Kind.NEWSLETTER, text[first:last].strip()))
        at = last
    kept.append(text[at:].strip())
    return Stripped(" ".join(part for part in kept if part), tuple(pieces))


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Phrases close together are of one sentence."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] <= 60:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _sentence_start(text: str, at: int, floor: int) -> int | None:
    """Where the sentence starts that holds `at`, at most 80 characters before; None when it starts earlier."""
    window = max(floor, at - 80)
    stop = max((text.rfind(mark, window, at) for mark in (". ", "! ", "? ", ".” ", '." ', "' ")), default=-1)
    if stop >= 0:
        start = text.index(" ", stop) + 1
        return start if start <= at else None
    return window if window == floor else None


def _signup_end(text: str, at: int) -> int | None:
    """Where a sign-up sentence ends: at its stop, or before the capital that starts the text."""
    while at < len(text) and (text[at].isalnum() or text[at] in "’'-"):
        at += 1
    if at < len(text) and text[at] in ".!?:":
        return at + 1
    if at >= len(text):
        return at
    following = text[at : at + 2].lstrip(" " + _OPENERS)
    if following[:1].isupper() or following[:1].isdigit():
        return at
    stop = _SENTENCE_END.search(text, at, at + _SIGNUP_MAX)
    return stop.end() if stop else None


def strip_runs(text: str, vocabulary: AbstractSet[str]) -> Stripped:
    """Cuts runs of other headlines. `vocabulary`: the `stems` of the article around this paragraph."""
    kept: list[str] = []
    pieces: list[tuple[Kind, str]] = []
    at = 0
    here: Counter[str] | None = None
    for start, end in islice(_markers(text), _RUNS_MAX):
        if start < at:
            continue
        after = _AFTER_MARKER.match(text, end)
        if after is None:
            continue
        zone = text[after.end() : _zone_end(text, after.end())]
        here = Counter(_stems(text)) if here is None else here
        around = here - Counter(_stems(zone))
        starts, resumes = _headlines(zone, vocabulary | around.keys(), slogan=after["slogan"] is not None)
        if not starts:
            continue
        kept.append(text[at:start].strip())
        pieces.append((Kind.PROMO, text[start : after.end()].strip()))
        edges = [*starts, resumes]
        pieces += [(Kind.PROMO, zone[one:other].strip()) for one, other in zip(edges, edges[1:], strict=False)]
        at = after.end() + resumes
    kept.append(text[at:].strip())
    return Stripped(" ".join(part for part in kept if part), tuple(pieces))


def _markers(text: str) -> Iterator[tuple[int, int]]:
    """Where markers of runs stand in a text, at the start of a sentence and capitalised: start and end."""
    lower = text.lower()
    if len(lower) != len(text):
        return
    last = -1
    for cue, start, end in cues(lower):
        if cue not in {Cue.PROMO, Cue.LINK} or start == last or text[start].islower():
            continue
        if start == 0 or _BOUNDARY.search(text, start - 2, start):
            last = start
            yield start, end


def _zone_end(text: str, at: int) -> int:
    """The end of the first full stop's sentence from `at` on: a run of headlines cannot reach beyond it."""
    for match in _STOP.finditer(text, at, at + _ZONE_MAX):
        word = match[0].rstrip(_CLOSERS + ".").strip(_OPENERS)
        if len(word) > 1 and word.lower() not in ABBREVIATIONS:
            return match.end()
    return min(len(text), at + _ZONE_MAX)


def _headlines(zone: str, vocabulary: AbstractSet[str], *, slogan: bool) -> tuple[list[int], int]:
    """Offsets in the zone where headlines start, and where the article goes on; no offsets: it is no run."""
    tokens = list(_TOKEN.finditer(zone))
    words = [token[0] for token in tokens]
    labels = _labels(words, slogan=slogan)
    if not labels and len(words) < _HEADLINE_MIN:
        return [], 0
    last = labels[-1] if labels else 0
    resume = _resume(words, last, vocabulary, labelled=bool(labels), ended=zone.rstrip(_CLOSERS).endswith("."))
    if resume is None:
        return [], 0
    starts = [tokens[at].start() for at in (labels or [0])]
    return starts, tokens[resume].start() if resume < len(tokens) else len(zone)


def _labels(words: list[str], *, slogan: bool) -> list[int]:
    """Indexes of the words that name a section: known ones, and the run's first word where it comes again."""
    places = [at for at in range(len(words) - 1) if _may_be_label(words, at)]
    counts = Counter(words[at] for at in places)
    known = {word for word in counts if word.lower() in SECTIONS}
    if words and places[:1] == [0] and (counts[words[0]] > 1 or slogan):
        known.add(words[0])
    found = [at for at in places if words[at] in known]
    return found if len(found) > 1 or slogan else []


def _may_be_label(words: list[str], at: int) -> bool:
    """Whether a word may be a section's name: capitalised, with a headline's end before and its start behind."""
    word, following = words[at], words[at + 1].lstrip(_OPENERS)
    if not (word.isalpha() and word[0].isupper() and following[:1] and not following[0].islower()):
        return False
    if at == 0:
        return True
    before = words[at - 1]
    return before.lower() not in FUNCTIONS and before[-1] not in ",:;–—-"


def _resume(words: list[str], last: int, vocabulary: AbstractSet[str], *, labelled: bool, ended: bool) -> int | None:
    """Index of the word at which the article goes on after the headline that starts at `last`."""
    first = last + _HEADLINE_MIN + labelled
    weights = [_weight(word, vocabulary) for word in words]
    below = sum(weights[last:])
    best: tuple[float, int] | None = None
    above = 0.0
    for at in range(last, len(words)):
        if at >= first and at - last <= _HEADLINE_MAX + labelled and len(words) - at >= 3 and _may_resume(words, at):
            score = (below - above) - above + _fit(words, at, vocabulary) - 0.2 * max(0, at - last - 16)
            if best is None or score > best[0]:
                best = (score, at)
        above += weights[at]
    if best is not None:
        return best[1]
    if not ended or (labelled and len(words) - last <= _HEADLINE_MAX):
        return len(words)  # the paragraph ends with the run
    return None


def _weight(word: str, vocabulary: AbstractSet[str]) -> float:
    """How much a word speaks for the article: 1 when the article has it elsewhere, below 0 when not."""
    match = _WORD.search(word.casefold())
    if match is None or match[0] in FUNCTIONS or match[0] in STARTERS:
        return 0.0
    return 1.0 if match[0][:_STEM] in vocabulary else -0.5


def _may_resume(words: list[str], at: int) -> bool:
    word, before = words[at].lstrip(_OPENERS), words[at - 1]
    if not word[:1].isupper() or before[-1] in ",:;–—-":
        return False
    return before.rstrip(_CLOSERS).lower() not in FUNCTIONS


def _fit(words: list[str], at: int, vocabulary: AbstractSet[str]) -> float:
    """How much the word looks like a sentence's first."""
    word = words[at].strip(_OPENERS + _CLOSERS + ",")
    match = _WORD.search(word.casefold())
    score = 1.5 if word.lower() in STARTERS else 0.0
    score += 1.0 if match is not None and match[0][:_STEM] in vocabulary and score == 0 else 0.0
    score += 0.5 if words[at + 1][:1].islower() else 0.0
    return score - (1.0 if words[at - 1][:1].isupper() else 0.0)
