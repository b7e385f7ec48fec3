"""The deduper of one partition: articles in, records out, and a state that a changelog restores."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, NamedTuple

from lodestream.dedupe.arrival import Arrival
from lodestream.dedupe.blocks import decode_block, encode_block
from lodestream.dedupe.entry import FORMAT, Entry
from lodestream.dedupe.frozen import from_bytes, to_bytes
from lodestream.dedupe.index import Addition, Index
from lodestream.dedupe.outcome import link_of, original_of, story_of
from lodestream.dedupe.stories import Head, Summary
from lodestream.dedupe.verdict import Fate, Repeat, Verdict, judge
from lodestream.errors import StateError
from lodestream.records import Article, DuplicateLink, Original, Story


class StoreSize(NamedTuple):
    """How large a store is: live entries and bytes held for them."""

    entries: int
    bytes: int


class Decision(NamedTuple):
    """What becomes of an article: at least an original or a link; the story, where it changed."""

    original: Original | None
    link: DuplicateLink | None
    story: Story | None


class Deduper:
    """Near-duplicate search over a window of arrivals.

    `window_ms`: an article leaves that long after it came. `max_articles`: above, the oldest leaves before.
    """

    FORMAT: ClassVar[int] = FORMAT

    def __init__(self, window_ms: int, max_articles: int) -> None:
        self._index = Index(window_ms, max_articles)
        self._pending: list[Addition] = []
        self._pending_first = 0  # number of the first entry of these
        self._clock = 0

    def decide(self, article: Article, clock: int) -> Decision:
        """The verdict on the next article of the partition, at the log's clock (ms), which never goes back.

        Raises `Rejected` on a field that is missing or wrong, before anything changes.
        """
        arrival = Arrival.of(article)
        self._index.expire(clock)
        self._clock = clock
        verdict = judge(arrival, self._index)
        if isinstance(verdict, Repeat):
            return Decision(None, self._repeat_link(article, verdict), None)
        joined = self._joined(arrival, verdict)
        entry = self._entry(arrival, verdict, clock)
        summary = joined or Summary.opened_by(entry.story, entry)
        decision = Decision(
            None if verdict.fate is Fate.DUPLICATE else original_of(article, verdict, summary.original),
            self._link(article, verdict),
            story_of(summary, clock) if joined is None or verdict.is_new else None,
        )
        self._add(entry, joined)
        return decision

    def drain(self) -> bytes:
        """What was added since the last drain, as one block; no bytes when nothing was."""
        if not self._pending:
            return b""
        block = encode_block(self._clock, self._pending_first, self._pending)
        self._pending.clear()
        return block

    def apply(self, block: bytes) -> None:
        """Add what a block holds. Raises `StateError`, before anything changes, when it does not fit."""
        if not block:
            return
        clock, first, additions = decode_block(block)
        window = self._index.window
        if first != window.next:
            if window.next:
                raise StateError(f"changelog block begins at entry {first}, not {window.next}")
            window.start_at(first)
        counted = self._index.evicted.copy()
        for entry, summary in additions:
            self._index.add(entry, summary)
        self._index.expire(clock)
        self._clock = clock
        self._index.evicted = counted  # what left before a restart was counted then

    def freeze(self) -> Callable[[], Iterator[bytes]]:
        """A copy of the state, everything drained; what is returned gives its bytes, in any thread."""
        frozen = self._index.freeze(self._clock)
        return lambda: to_bytes(frozen)

    def load(self, data: memoryview) -> None:
        """Take over frozen bytes, in a deduper that is new. Raises `StateError` when they do not fit."""
        frozen = from_bytes(data)
        try:
            self._index.load(frozen)
        except (KeyError, ValueError, struct.error) as error:
            raise StateError(f"frozen state does not fit: {error}") from None
        self._clock = frozen.clock

    def sizes(self) -> Mapping[str, StoreSize]:
        return {
            "articles": StoreSize(len(self._index.window), self._index.entry_bytes()),
            "stories": StoreSize(self._index.stories, self._index.story_bytes()),
        }

    def evictions(self) -> Mapping[tuple[str, str], int]:
        """Entries that left so far, by store and why: `window` or `cap`."""
        return {("articles", why): self._index.evicted[why] for why in ("window", "cap")}

    def _add(self, entry: Entry, joined: Summary | None) -> None:
        addition = Addition(entry, joined)
        if not self._pending:
            self._pending_first = self._index.window.next
        self._pending.append(addition)
        self._index.add(*addition)

    def _joined(self, arrival: Arrival, verdict: Verdict) -> Summary | None:
        """The story with the article in it: one more, or a new text of one that it has. None: it opens a story."""
        if verdict.joins is None:
            return None
        summary = self._index.summary(verdict.joins)
        if verdict.is_new:
            return summary.joined_by(arrival)
        if arrival.article_id != summary.original:
            return summary
        return replace(summary, head=Head.of(self._index.window.next, verdict.version, arrival))

    def _entry(self, arrival: Arrival, verdict: Verdict, clock: int) -> Entry:
        match = verdict.match
        duplicate_of = match.article_id if match is not None and verdict.fate is Fate.DUPLICATE else None
        return Entry(
            arrival=arrival,
            clock=clock,
            story=self._index.window.next if verdict.joins is None else verdict.joins,
            version=verdict.version,
            duplicate_of=duplicate_of,
            round_up=verdict.fate is Fate.ROUND_UP or (match is not None and match.is_of_round_up),
            chained=duplicate_of is not None and match is not None and match.is_copy,
        )

    def _link(self, article: Article, verdict: Verdict) -> DuplicateLink | None:
        match = verdict.match
        if match is None:
            return None
        return link_of(
            article,
            match.kind,
            duplicate_of=match.article_id,
            story_id=self._index.summary(match.story).original,
            similarity=verdict.figures,
            forwarded=verdict.fate is not Fate.DUPLICATE,
        )

    def _repeat_link(self, article: Article, repeat: Repeat) -> DuplicateLink:
        known = repeat.known
        story_id = self._index.summary(known.story).original
        return link_of(
            article, repeat.kind, duplicate_of=known.duplicate_of or article["article_id"], story_id=story_id
        )
