"""The state of near-duplicate search: entries, how they are found, and the stories they make.

It is a function of the entries in the window alone: an entry leaves a window after its arrival, or as the oldest
when the cap is reached, and wherever something is full the oldest goes first. What has left is older than all that
is there, so it never hid anything that would show now, and a restore that begins anywhere before the window ends up
with the same answers.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import xxhash

from lodestream.dedupe.entry import Entry, story_and_anchors
from lodestream.dedupe.frozen import Frozen
from lodestream.dedupe.postings import Postings
from lodestream.dedupe.stories import Head, Stories, Summary
from lodestream.dedupe.window import Window

CANDIDATES: Final = 16  # stories verified per article: those that share most anchors
_SHARED_MIN: Final = 2
_FEW_ANCHORS: Final = 4  # a text with fewer is found by one
_ANCHORS_PER_ARTICLE: Final = 30  # of 500 words


class Addition(NamedTuple):
    """The one change that the state knows: an article joins.

    Without a summary the entry opens a story, which is then this entry alone.
    """

    entry: Entry
    summary: Summary | None


class Known(NamedTuple):
    """A text of an article that is remembered."""

    head: Head
    story: int
    duplicate_of: str | None


class Index:
    """Entries of one partition, by arrival, anchor and article."""

    def __init__(self, window_ms: int, max_articles: int) -> None:
        if window_ms < 1 or max_articles < 1:
            raise ValueError("window and cap are at least 1")
        self.window = Window()
        self.evicted: Counter[str] = Counter()  # by why: `window` or `cap`
        self._window_ms = window_ms
        self._max_articles = max_articles
        self._anchors = Postings(_ANCHORS_PER_ARTICLE * max_articles)
        self._articles = Postings(max_articles)
        self._stories = Stories()
        self._story_count = 0

    # what changes it

    def expire(self, clock: int) -> None:
        """Let go what arrived a window ago or earlier. `clock` in ms."""
        while self.window and self.window.oldest_clock() <= clock - self._window_ms:
            self._evict("window")

    def add(self, entry: Entry, summary: Summary | None) -> None:
        """Add an entry, and its story as it is with it. The oldest leave where the window or the cap asks for it."""
        self.expire(entry.clock)
        while len(self.window) >= self._max_articles:
            self._evict("cap")
        number = self.window.append(entry.encode())
        story = entry.story
        if summary is None:
            self._story_count += 1
        else:
            alone = story in self.window and self._stories.summary(story) is None
            opened_by = self.entry(story) if alone else None
            self._story_count += not alone and self._stories.summary(story) is None
            self._stories.join(story, number, entry, summary, opened_by)
        self._anchors.add(entry.arrival.anchors, number)
        self._articles.add(_article_key(entry.arrival.article_id), number)

    def _evict(self, why: str) -> None:
        number = self.window.first
        entry = Entry.decode(self.window.pop())
        self._anchors.discard(entry.arrival.anchors, number)
        self._articles.discard(_article_key(entry.arrival.article_id), number)
        self._stories.leave(entry.story, number)
        self._story_count -= self._stories.summary(entry.story) is None
        self.evicted[why] += 1

    # a copy of it

    def freeze(self, clock: int) -> Frozen:
        """All of it at the log's clock (ms), sharing what never changes."""
        return Frozen(
            self._window_ms,
            self._max_articles,
            clock,
            self.window.first,
            self._story_count,
            self.window.freeze(),
            self._anchors.freeze(),
            self._articles.freeze(),
            self._stories.freeze(),
        )

    def load(self, frozen: Frozen) -> None:
        """Take over a copy, in an index that is new. Raises `ValueError` when it was of another window or cap."""
        if (frozen.window_ms, frozen.max_articles) != (self._window_ms, self._max_articles):
            raise ValueError("another window or cap")
        self.window.load(frozen.first, frozen.entries)
        self._anchors.load(frozen.anchors)
        self._articles.load(frozen.articles)
        self._stories.load([story for story in frozen.stories if isinstance(story, bytes)])
        self._story_count = frozen.story_count

    # what reads it

    def entry(self, number: int) -> Entry:
        return Entry.decode(self.window[number])

    def known(self, article_id: str) -> list[Known]:
        """The remembered texts of an article, newest first; at least that which its story remembers."""
        found = []
        for low in reversed(self._articles.find(_article_key(article_id))):
            number = self.window.number(low)
            entry = self.entry(number)
            if entry.arrival.article_id == article_id:
                head = Head.of(number, entry.version, entry.arrival)
                found.append(Known(head, entry.story, entry.duplicate_of))
        if not found and (story := self._stories.of_original(article_id)) is not None:
            found.append(Known(self.summary(story).head, story, None))
        return found

    def candidates(self, anchors: bytes) -> list[int]:
        """Stories with an article that shares anchors with a text, those that share most first."""
        shared = Counter(self._anchors.find(anchors))
        few = len(anchors) < 4 * _FEW_ANCHORS
        best: dict[int, tuple[int, int]] = {}
        for low, count in shared.items():
            number = self.window.number(low)
            story, n_anchors = story_and_anchors(self.window[number])
            if count >= _SHARED_MIN or few or n_anchors < _FEW_ANCHORS:
                best[story] = max(best.get(story, (0, 0)), (count, number))
        return sorted(best, key=best.__getitem__, reverse=True)[:CANDIDATES]

    def summary(self, story: int) -> Summary:
        """What is known of a story. Raises `KeyError` when it has left."""
        summary = self._stories.summary(story)
        return Summary.opened_by(story, self.entry(story)) if summary is None else summary

    def representatives(self, story: int) -> list[int]:
        """The entries that a text is compared with to be of this story.

        Its original in the first and newest version, and its longest text, if that was not itself only like a
        copy: else a chain of small changes would tie together what has nothing in common. When none of them is
        left, the oldest entry that is stands for the story.
        """
        summary = self._stories.summary(story)
        if summary is None:
            return [story]
        longest = self._stories.longest_unchained(story)
        numbers = [story, summary.head.number, *([] if longest is None else [longest])]
        found = dict.fromkeys(number for number in numbers if number in self.window)
        return list(found) or [self._stories.oldest(story)]

    def siblings(self, story: int, most: int) -> list[Entry]:
        """What a story has in the window: its original in the first and newest version, and the newest others."""
        summary = self._stories.summary(story)
        if summary is None:
            return [self.entry(story)]
        numbers = dict.fromkeys([story, summary.head.number, *self._stories.newest(story, most)])
        return [self.entry(number) for number in numbers if number in self.window]

    def longest(self, story: int) -> int:
        """Shingles of the story's longest known text."""
        if self._stories.summary(story) is None:
            return self.entry(story).arrival.shingles
        return self._stories.longest(story)

    # how large it is

    @property
    def stories(self) -> int:
        """Stories with an entry in the window."""
        return self._story_count

    def entry_bytes(self) -> int:
        """Bytes held for entries and how they are found."""
        return self.window.nbytes() + self._anchors.nbytes() + self._articles.nbytes()

    def story_bytes(self) -> int:
        """Bytes held for stories of more than one entry."""
        return self._stories.nbytes()


def _article_key(article_id: str) -> bytes:
    return xxhash.xxh3_64_digest(article_id.encode())[:4]
