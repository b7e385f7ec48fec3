"""Foreign matter inside a paragraph: sign-up sentences, and runs of other headlines behind a marker.

A run looks like "Top stories Swipe. Select. Stay informed. Singapore … Opinion …". Its start is marked, its end is
not: `runs` finds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final

from lodestream.clean.kinds import Kind
from lodestream.clean.plain.runs import count_sections, take_apart
from lodestream.clean.words.patterns import ABBREVIATIONS, FUNCTIONS, STARTERS, Cue, cues

_SLOGAN: Final = r"(?:\s?[^\W\d_]{1,20}(?:\s[^\W\d_]{1,20}){0,3}[.。]){2,4}"  # "Swipe. Select. Stay informed."
_UNKNOWN: Final = re.compile(
    r"(?:^|[.!?。！？][\"”’»)\]]?\s)"
    r"(?P<slogan>[^\W\d_][^\s.!?。]{0,40}(?:\s[^\s.!?。]{1,40}){0,7}[.。]"
    r"(?:\s?[^\W\d_]{1,20}(?:\s[^\W\d_]{1,20}){0,3}[.。]){1,3})(?=\s?[^\W\d_])"
)
"""A slogan of short sentences behind a marker that no list has: "What to read now Local. Trusted. Yours."."""
_SHORT: Final = re.compile(r"(?:\.\s|。\s?)[^\W\d_]{1,20}(?:\s[^\W\d_]{1,20}){0,3}[.。]")
"""A sentence of up to four words: a cheap look before `_UNKNOWN`."""
_SHORT_MAX: Final = 85  # its characters
_SHORT_WORDS: Final = 4
_FIRST_MAX: Final = 350  # characters of a slogan's first sentence: eight words of 41 at most
_REST_MAX: Final = 270  # characters of what follows it: three sentences of four words of 20 at most
_UNKNOWN_MIN: Final = 300  # characters of a paragraph that may hold a run
_AFTER_MARKER: Final = re.compile(rf"(?P<slogan>{_SLOGAN})?[:：]?\s+(?=[\"'“‘«$€£(\[]?[^\W_a-z])")
_NO_MARKER: Final = re.compile(r"\s*")
_BOUNDARY: Final = re.compile(r"[.!?…\"”’»)\]。！？]\s$")
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s|$)")
_TOPIC: Final = re.compile(r":\s+[^\W\d_A-Z]")  # "Subscribe to our newsletter: three words that …" is about them
_STOP: Final = re.compile(r"[.。।](?:(?<=[。।])|[\"'”’»)\]]{0,3}(?=\s|$))")
_UNSPACED: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff]|(?<=[\u3040-\u30ff\u3400-\u9fff])[ 　:：]")
_UNSPACED_END: Final = re.compile(r"[。！]|(?=\s)")
_LOWER_UPPER: Final = re.compile(r"[^\W\d_A-Z]\s(?P<next>[^\W\d_a-z][^\W\d_]*)")
_OPENERS: Final = "\"'“‘«„([$€£"
_ZONE_MAX: Final = 4000  # characters: a list of headlines and a sentence are not longer
_AROUND: Final = 20_000  # characters of the article before and after a run that are searched for its words
_SECTIONS_MIN: Final = 2  # names of sections behind a slogan whose marker no list has
_RUNS_MAX: Final = 16  # markers looked at in one paragraph, so that a text of nothing else costs no more
_SAME_SENTENCE: Final = 60  # characters between two phrases of a sign-up sentence
_SIGNUP_MAX: Final = 200  # characters of a sign-up sentence


@dataclass(frozen=True, slots=True)
class Stripped:
    """A paragraph without foreign matter, and what was in it, in order."""

    text: str
    pieces: tuple[tuple[Kind, str], ...]


def strip_signups(text: str, found: Sequence[tuple[int, int]]) -> Stripped:
    """Cuts sentences that ask the reader to sign up, also one without a stop before the text.

    `found`: start and end of the phrases that ask.
    """
    if len(text.lower()) != len(text):  # then they are not where they seem
        return Stripped(text, ())
    kept: list[str] = []
    pieces: list[tuple[Kind, str]] = []
    at = 0
    for start, end, count in _joined(found):
        first = _sentence_start(text, start, at)
        last = None if first is None else _signup_end(text, end)
        if (
            first is None
            or last is None
            or last - first > _SIGNUP_MAX
            or (start - first > _lead_of(text) and count < 2)
        ):
            continue  # one such phrase deep in a sentence may be the article's own
        kept.append(text[at:first].strip())
        pieces.append((Kind.NEWSLETTER, text[first:last].strip()))
        at = last
    kept.append(text[at:].strip())
    return Stripped(" ".join(part for part in kept if part), tuple(pieces))


def _lead_of(text: str) -> int:
    """How many characters of a sentence may stand before its only phrase that asks: "今すぐ登録：…" has some."""
    return 2 if _UNSPACED.search(text, 0, 16) is None else 16


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Phrases close together are of one sentence: start, end, how many they are."""
    joined: list[tuple[int, int, int]] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] <= _SAME_SENTENCE:
            first, last, count = joined[-1]
            joined[-1] = (first, max(end, last), count + 1)
        else:
            joined.append((start, end, 1))
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
    if _UNSPACED.match(text, at) is not None:  # a phrase ends where a space is, in scripts without spaces between words
        end = _UNSPACED_END.search(text, at, at + _SIGNUP_MAX)
        return len(text) if end is None and len(text) <= at + _SIGNUP_MAX else None if end is None else end.end()
    while at < len(text) and (text[at].isalnum() or text[at] in "’'-"):
        at += 1
    if at < len(text) and text[at] in ".!?:" and _TOPIC.match(text, at) is None:
        return at + 1
    if at >= len(text):
        return at
    following = text[at : at + 2].lstrip(" " + _OPENERS)
    open_end = text[:at].rsplit(None, 1)[-1].lower() in FUNCTIONS  # "Sign up for our Wine Club today."
    if not open_end and (following[:1].isupper() or following[:1].isdigit()):
        return at
    stop = _SENTENCE_END.search(text, at, at + _SIGNUP_MAX)
    start = _next_start(text, at, stop.end() if stop else at + _SIGNUP_MAX)
    if start is not None:
        return start
    return stop.end() if stop and _TOPIC.search(text, at, stop.end()) is None else None


def _next_start(text: str, at: int, end: int) -> int | None:
    """Where a sentence starts without a stop before it: a word in lower case, then a capitalised one of `STARTERS`."""
    for match in _LOWER_UPPER.finditer(text, at, end):
        if match["next"].lower() in STARTERS:
            return match.start("next") - 1
    return None


def may_hold_run(text: str) -> bool:
    """Whether a paragraph has a slogan with names of sections behind it, whatever marker stands before."""
    return bool(_slogans(text))


@lru_cache(maxsize=16)  # asked twice for each paragraph that has one
def _slogans(text: str) -> tuple[tuple[int, int], ...]:
    """Start and end of the slogans in a text, their markers with them, that a list of headlines follows."""
    if len(text) < _UNKNOWN_MIN:
        return ()
    spans = islice(_spans_of_slogans(text), _RUNS_MAX)
    return tuple((start, end) for start, end in spans if count_sections(text[end : end + _ZONE_MAX]) >= _SECTIONS_MIN)


def _spans_of_slogans(text: str) -> Iterator[tuple[int, int]]:
    """Where `_UNKNOWN` is, looked for around short sentences only: few texts have some."""
    found = 0
    for stop in ".。":
        before, at = -1, text.find(stop)
        while at >= 0:
            near = before >= found and at - before <= _SHORT_MAX and text.count(" ", before + 2, at) < _SHORT_WORDS
            if near and _SHORT.match(text, before, at + 1) is not None:
                match = _UNKNOWN.search(text, max(found, before - _FIRST_MAX), at + _REST_MAX)
                if match is not None:
                    yield match.span("slogan")
                    found = match.end() - 1
            before, at = at, text.find(stop, at + 1)


def strip_runs(
    text: str, others: str, *, headed: bool = False, known: Sequence[tuple[Cue, int, int]] | None = None
) -> Stripped:
    """Cuts runs of other headlines. `others`: the rest of the article; `headed`: the text starts with such a run.

    `known`: the cues in the text, where they are known already.
    """
    kept: list[str] = []
    pieces: list[tuple[Kind, str]] = []
    at = 0
    for cue, start, end in islice(_markers(text, known, headed=headed), _RUNS_MAX):
        after = _AFTER_MARKER.match(text, end) if cue is not None and end else _NO_MARKER.match(text, end)
        if start < at or after is None:
            continue
        stop = _zone_end(text, after.end())
        around = f"{text[max(0, start - _AROUND) : start]} {text[stop : stop + _AROUND]} {others[:_AROUND]}".casefold()
        zone = text[after.end() : stop]
        slogan = cue is None or after.groupdict().get("slogan") is not None
        if cue is None and count_sections(zone) < _SECTIONS_MIN:
            continue
        starts, resumes = take_apart(zone, around, slogan=slogan, link=cue is Cue.LINK)
        if not starts:
            continue
        kept.append(text[at:start].strip())
        pieces += [(Kind.PROMO, text[start : after.end()].strip())] if after.end() else []
        pieces += [(Kind.PROMO, zone[one:other].strip()) for one, other in pairwise([*sorted({0, *starts}), resumes])]
        at = after.end() + resumes
    kept.append(text[at:].strip())
    parts = [part for part in kept if part]
    joint = "" if any(_UNSPACED.match(part[:1]) for part in parts[1:]) else " "
    return Stripped(joint.join(parts), tuple(pieces))


def _markers(
    text: str, known: Sequence[tuple[Cue, int, int]] | None, *, headed: bool
) -> Iterator[tuple[Cue | None, int, int]]:
    """The markers of runs in a text, at the start of a sentence and capitalised: kind, start and end.

    `headed`: the first stands above the text. One without a kind is none that a list has, but has a slogan.
    """
    if headed:
        yield Cue.PROMO, 0, 0
    lower = text.lower()
    if len(lower) != len(text):
        return
    found: dict[int, tuple[Cue | None, int, int]] = {}
    for start, end in _slogans(text):
        found[start] = (None, start, end)
    for cue, start, end in cues(lower) if known is None else known:
        if cue not in {Cue.PROMO, Cue.LINK} or text[start].islower():
            continue
        opens = start == 0 or _BOUNDARY.search(text, start - 2, start)
        free = start not in found or (found[start][0] is None and _AFTER_MARKER.match(text, end) is not None)
        if opens and free:
            found[start] = (cue, start, end)
    yield from (found[start] for start in sorted(found))


def _zone_end(text: str, at: int) -> int:
    """The end of the first full stop's sentence from `at` on: a run of headlines cannot reach beyond it."""
    for match in _STOP.finditer(text, at, at + _ZONE_MAX):
        if match[0] != "." and match[0][0] != ".":
            return match.end()
        word = text[text.rfind(" ", at, match.start()) + 1 : match.start()].lstrip(_OPENERS)
        if len(word) > 1 and "." not in word and word.lower() not in ABBREVIATIONS:
            return match.end()
    return min(len(text), at + _ZONE_MAX)
