"""What an article is beside those that are known: the order of verdicts, and the thresholds.

The thresholds were chosen on Reuters-21578 and AllSides (docs: near-duplicates). J is the estimated Jaccard
similarity of the shingles, C the containment of the smaller text in the larger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, NamedTuple

from lodestream.dedupe.arrival import Arrival
from lodestream.dedupe.compare import Similarity, headline_similarity, similarities
from lodestream.dedupe.entry import Entry
from lodestream.dedupe.index import Index, Known
from lodestream.dedupe.stories import Head
from lodestream.records import LinkKind, Previous

HOUR_MS: Final = 3_600_000
NEAR_AGE_MS: Final = 72 * HOUR_MS  # agencies and papers bring a story again for about three days
NEAR_JACCARD: Final = 0.40
NEAR_CONTAINMENT: Final = 0.60
FAR_JACCARD: Final = 0.90  # later, alike texts are templates with other numbers, unless they are the same
FAR_CONTAINMENT: Final = 0.95
SHORT_SHINGLES: Final = 40  # below, a shared quote is half the text
SHORT_AGE_MS: Final = 24 * HOUR_MS
SHORT_JACCARD: Final = 0.80
TINY_SHINGLES: Final = 10  # below, a few words decide, and only the very same text is a copy
STUB_SHINGLES: Final = 6  # below ten words a text says nothing without its headline: "Watch the video."
PART_RATIO: Final = 0.75  # of the lengths, below which a shared text is a part
EXTENSION_RATIO: Final = 4 / 3  # to the story's longest text
ROUND_UP_COVERAGE: Final = 0.5  # a text of which less is covered is about more than what it contains,
SAME_HEADLINE: Final = 0.3  # unless so many words of the headlines are the same: an alert that became a full story
OTHER_HEADLINE: Final = 0.1  # below, two headlines are about different things
UNRELATED: Final = 0.1  # of the smaller text: what two stories may share
SIBLINGS: Final = 8  # newest texts of a story that are asked whether the longer text is about more


class Fate(Enum):
    """What becomes of an article that is no repeat."""

    ORIGINAL = auto()  # opens a story
    ROUND_UP = auto()  # opens a story, and contains another that it is linked to
    PART = auto()  # opens a story, and stands whole in a known text about more, that it is linked to
    VERSION = auto()  # a new text of an original, or of a copy that is none any more
    EXTENSION = auto()  # joins a story with much more text
    DUPLICATE = auto()  # joins a story


class Match(NamedTuple):
    """A known text that a new one relates to."""

    kind: LinkKind
    similarity: Similarity
    story: int
    article_id: str  # of the text's article, or of what that was linked to: one that is in `originals`
    arrival: Arrival
    is_of_round_up: bool
    is_copy: bool
    is_part: bool  # the known text is about more than the new one, which it contains


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an article is, and the story it joins: None when it opens one."""

    fate: Fate
    version: int = 1
    joins: int | None = None
    match: Match | None = None
    figures: Similarity | None = None  # of the article and the one that the match names
    is_new: bool = True  # no text of this article is remembered
    previous: Previous | None = None


class Repeat(NamedTuple):
    """An article that brings nothing new: `refetch` or `older_version` of a known text."""

    kind: LinkKind
    known: Known


def judge(arrival: Arrival, index: Index) -> Verdict | Repeat:
    """The verdict on an article, in the order of the design: what is known of this article first, then the search."""
    known = index.known(arrival.article_id)
    if not known:
        return _settle(
            arrival, index, _matches(arrival, index, index.candidates(arrival.anchors)), Verdict(Fate.ORIGINAL)
        )
    newest = known[0]
    for same in known:
        # A later fetch that brings an older text back is a change; without times it is a repeated replay.
        if arrival.text_key == same.head.text_key and (same is newest or not _fetched_after(arrival, newest.head)):
            return Repeat(LinkKind.REFETCH, same)
    if _older(arrival, newest.head):
        return Repeat(LinkKind.OLDER_VERSION, newest)
    previous = Previous(version=newest.head.version, text_key=newest.head.text_key)
    version = Verdict(Fate.VERSION, newest.head.version + 1, is_new=False, previous=previous)
    if newest.duplicate_of is not None:
        matches = _matches(arrival, index, [newest.story])
        if matches:
            return _settle(arrival, index, matches, version)
    return replace(version, joins=None if newest.duplicate_of else newest.story)


def relate(new: Arrival, known: Arrival, similarity: Similarity) -> LinkKind | None:
    """The relation of a new text to a known one, or None when they are two texts."""
    if new.exact == known.exact and new.shingles:
        return LinkKind.EXACT if new.headline == known.headline or _says_enough(new, known) else None
    shorter, longer = sorted((new.shingles, known.shingles))
    age = _age(new, known)
    jaccard, containment = similarity.jaccard, similarity.containment
    if shorter < SHORT_SHINGLES:
        alike = age <= SHORT_AGE_MS and jaccard >= SHORT_JACCARD and shorter >= TINY_SHINGLES
        return LinkKind.NEAR if alike else None
    near = age <= NEAR_AGE_MS
    contained = containment >= (NEAR_CONTAINMENT if near else FAR_CONTAINMENT)
    if contained and shorter < PART_RATIO * longer:
        return LinkKind.CONTAINED if new.shingles < known.shingles else LinkKind.CONTAINS
    return LinkKind.NEAR if contained or jaccard >= (NEAR_JACCARD if near else FAR_JACCARD) else None


def _says_enough(new: Arrival, known: Arrival) -> bool:
    """Whether a text that came under two headlines is one story: a short one may be a stub that comes every day."""
    if new.shingles >= TINY_SHINGLES:
        return True
    return new.shingles >= STUB_SHINGLES and _age(new, known) <= SHORT_AGE_MS


def _age(a: Arrival, b: Arrival) -> int:
    """Time between two articles in ms: of the first kind of time that is known of both."""
    for x, y in ((a.published, b.published), (a.fetched, b.fetched)):
        if x is not None and y is not None:
            return abs(x - y)
    return abs(a.ingested - b.ingested)


def _matches(arrival: Arrival, index: Index, stories: Iterable[int]) -> list[Match]:
    """The texts that a new one relates to, best first: of each story its original and its longest text."""
    texts = [(story, index.entry(number)) for story in stories for number in index.representatives(story)]
    if not texts:
        return []
    alike = similarities(arrival.sketch, [entry.arrival.sketch for _, entry in texts])
    matches = []
    for (story, entry), similarity in zip(texts, alike, strict=True):
        kind = relate(arrival, entry.arrival, similarity)
        if kind is None:
            continue
        matches.append(
            Match(
                kind=kind,
                similarity=similarity,
                story=story,
                article_id=entry.duplicate_of or entry.arrival.article_id,
                arrival=entry.arrival,
                is_of_round_up=entry.round_up and kind in (LinkKind.EXACT, LinkKind.NEAR),
                is_copy=entry.duplicate_of is not None,
                is_part=kind is LinkKind.CONTAINED and _is_part(arrival, entry, similarity, index),
            )
        )
    return sorted(matches, key=_rank)


def _is_part(arrival: Arrival, entry: Entry, similarity: Similarity, index: Index) -> bool:
    """Whether a known text that contains a new one is about more: what a round-up contains is a story of its own.

    It is when it was found to be a round-up, when little of it is the new text and nothing of its headline, and when
    something else of its story has nothing in common with the new text: the article that opened it, of which the
    longer text is an extension or a copy, or another text that the longer one contains.
    """
    if entry.round_up:
        return True
    known = entry.arrival
    named = bool(arrival.headline and known.headline)
    little = named and similarity.covered < ROUND_UP_COVERAGE
    if little and headline_similarity(arrival.headline, known.headline) < OTHER_HEADLINE:
        return True
    others = [
        other.arrival
        for other in index.siblings(entry.story, SIBLINGS)
        if other.arrival.article_id != arrival.article_id
        and PART_RATIO * known.shingles > other.arrival.shingles >= SHORT_SHINGLES
    ]
    to_known = similarities(known.sketch, [other.sketch for other in others])
    to_new = similarities(arrival.sketch, [other.sketch for other in others])
    return any(
        of_known.containment >= NEAR_CONTAINMENT and of_new.containment < UNRELATED
        for of_known, of_new in zip(to_known, to_new, strict=True)
    )


_ORDER: Final = {LinkKind.EXACT: 0, LinkKind.NEAR: 1, LinkKind.CONTAINED: 2, LinkKind.CONTAINS: 3}


def _rank(match: Match) -> tuple[bool, int, float, int]:
    """Best first: by kind, then by how much of either text both have, then the earlier story. Parts come last."""
    return match.is_part, _ORDER[match.kind], -match.similarity.jaccard, match.story


def _settle(arrival: Arrival, index: Index, matches: list[Match], otherwise: Verdict) -> Verdict:
    """The verdict on a text that relates to these, best first; `otherwise` when there are none."""
    if not matches:
        return otherwise
    best = matches[0]
    if best.is_part:  # and so are all the others
        # Of what only a copy contains, no original has anything: there is nothing to link to.
        whole = next((match for match in matches if not match.is_copy), None)
        if whole is None:
            return otherwise
        return replace(otherwise, fate=Fate.PART, match=whole, figures=whole.similarity)
    named, figures = _named(arrival, index, matches)
    fate, joins = Fate.DUPLICATE, best.story
    if best.kind is LinkKind.CONTAINS:
        if _is_round_up(arrival, matches):
            return replace(otherwise, fate=Fate.ROUND_UP, match=named, figures=figures)
        if arrival.shingles >= EXTENSION_RATIO * index.longest(best.story):
            fate = Fate.EXTENSION
    previous = None if fate is Fate.DUPLICATE else otherwise.previous
    return replace(otherwise, fate=fate, joins=joins, match=named, figures=figures, previous=previous)


def _named(arrival: Arrival, index: Index, matches: list[Match]) -> tuple[Match, Similarity | None]:
    """The match that the link is about, and how alike the article is to the one that it names.

    Copies are not in `originals`. Where the best match is one, the article that it copies is named, or another text
    of the story that relates in the same way, if that is likelier.
    """
    best = matches[0]
    if not best.is_copy:
        return best, best.similarity
    same = (match for match in matches if (match.story, match.kind, match.is_copy) == (best.story, best.kind, False))
    other = next(same, None)
    numbers = [known.head.number for known in index.known(best.article_id) if known.head.number in index.window]
    if not numbers:
        return (best, None) if other is None else (other, other.similarity)
    copied = similarities(arrival.sketch, [index.entry(numbers[0]).arrival.sketch])[0]
    if other is not None and other.similarity.jaccard >= copied.jaccard:
        return other, other.similarity
    return best, copied


def _is_round_up(arrival: Arrival, matches: list[Match]) -> bool:
    """Whether a text that contains others, best first, is about more than one of them."""
    best = matches[0]
    story = [match for match in matches if match.story == best.story]
    alike = max(headline_similarity(arrival.headline, match.arrival.headline) for match in story)
    if max(match.similarity.coverage for match in story) < ROUND_UP_COVERAGE:
        if alike < SAME_HEADLINE:
            return True
    elif arrival.headline and best.arrival.headline and alike < OTHER_HEADLINE:
        return True
    others = [match.arrival for match in matches if match.story != best.story and not match.is_part]
    to_best = similarities(best.arrival.sketch, [other.sketch for other in others])
    pairs = zip(others, to_best, strict=True)
    return any(relate(best.arrival, other, similarity) is None for other, similarity in pairs)


def _fetched_after(arrival: Arrival, head: Head) -> bool:
    return arrival.fetched is not None and head.fetched is not None and arrival.fetched > head.fetched


def _older(arrival: Arrival, head: Head) -> bool:
    """Whether a text is older than the one known, by the first time that tells them apart."""
    times = ((arrival.fetched, head.fetched), (arrival.published, head.published), (arrival.ingested, head.ingested))
    return next((x < y for x, y in times if x is not None and y is not None and x != y), False)
