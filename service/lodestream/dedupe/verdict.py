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


class Fate(Enum):
    """What becomes of an article that is no repeat."""

    ORIGINAL = auto()  # opens a story
    ROUND_UP = auto()  # opens a story, and contains another that it is linked to
    VERSION = auto()  # a new text of an original, or of a copy that is none any more
    EXTENSION = auto()  # joins a story with much more text
    DUPLICATE = auto()  # joins a story


class Match(NamedTuple):
    """A known text that a new one relates to."""

    kind: LinkKind
    similarity: Similarity
    story: int
    article_id: str  # of the text's article if that is in `originals`, else of its story's original
    arrival: Arrival
    is_of_round_up: bool
    is_copy: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an article is, and the story it joins: None when it opens one."""

    fate: Fate
    version: int = 1
    joins: int | None = None
    match: Match | None = None
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
    version = Verdict(Fate.VERSION, newest.head.version + 1, is_new=False)
    if newest.duplicate_of is not None:
        matches = _matches(arrival, index, [newest.story])
        if matches:
            return _settle(arrival, index, matches, version)
    previous = Previous(version=newest.head.version, text_key=newest.head.text_key)
    return replace(version, joins=None if newest.duplicate_of else newest.story, previous=previous)


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
        if kind is None or (kind is LinkKind.CONTAINED and entry.round_up):
            continue  # what a round-up contains is a story of its own
        of = entry.arrival.article_id if entry.duplicate_of is None else index.summary(story).original
        is_of_round_up = entry.round_up and kind is not LinkKind.CONTAINS
        is_copy = entry.duplicate_of is not None
        matches.append(Match(kind, similarity, story, of, entry.arrival, is_of_round_up, is_copy))
    return sorted(matches, key=_rank)


_ORDER: Final = {LinkKind.EXACT: 0, LinkKind.NEAR: 1, LinkKind.CONTAINED: 2, LinkKind.CONTAINS: 3}


def _rank(match: Match) -> tuple[int, float, int]:
    """Best first: by kind, then by how much of either text both have, then the earlier story."""
    return _ORDER[match.kind], -match.similarity.jaccard, match.story


def _settle(arrival: Arrival, index: Index, matches: list[Match], otherwise: Verdict) -> Verdict:
    """The verdict on a text that relates to these, best first; `otherwise` when there are none."""
    if not matches:
        return otherwise
    best = matches[0]
    fate, joins = Fate.DUPLICATE, best.story
    if best.kind is LinkKind.CONTAINS:
        if _is_round_up(arrival, matches):
            return replace(otherwise, fate=Fate.ROUND_UP, match=best)
        if arrival.shingles >= EXTENSION_RATIO * index.longest(best.story):
            fate = Fate.EXTENSION
    return replace(otherwise, fate=fate, joins=joins, match=best)


def _is_round_up(arrival: Arrival, matches: list[Match]) -> bool:
    """Whether a text that contains others, best first, is about more than one of them."""
    best = matches[0]
    story = [match for match in matches if match.story == best.story]
    if max(match.similarity.coverage for match in story) < ROUND_UP_COVERAGE:
        heads = (headline_similarity(arrival.headline, match.arrival.headline) for match in story)
        if max(heads) < SAME_HEADLINE:
            return True
    others = [match.arrival for match in matches if match.story != best.story]
    alike = similarities(best.arrival.sketch, [other.sketch for other in others])
    pairs = zip(others, alike, strict=True)
    return any(relate(best.arrival, other, similarity) is None for other, similarity in pairs)


def _fetched_after(arrival: Arrival, head: Head) -> bool:
    return arrival.fetched is not None and head.fetched is not None and arrival.fetched > head.fetched


def _older(arrival: Arrival, head: Head) -> bool:
    """Whether a text is older than the one known, by the first time that tells them apart."""
    times = ((arrival.fetched, head.fetched), (arrival.published, head.published), (arrival.ingested, head.ingested))
    return next((x < y for x, y in times if x is not None and y is not None and x != y), False)
