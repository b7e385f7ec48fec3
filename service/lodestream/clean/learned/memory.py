"""What the sites of a partition have repeated: windowed state, taught by each record, restored from a changelog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lodestream.clean.learned import frozen
from lodestream.clean.learned.blocks import FORMAT, STORES, Lesson, decode_block, encode_block
from lodestream.clean.learned.stories import Stories
from lodestream.clean.learned.table import Table
from lodestream.errors import StateError
from lodestream.hashes import Hashes, Places

RUNS: Final = STORES.index("runs")

Seen = npt.NDArray[np.int64]
"""Stories by number, a row of them for each key; 0 where there is none."""

_SHIFT: Final = 1 << 31  # of stories, when their numbers outgrow the 32 bits of a place in the table


class StoreSize(NamedTuple):
    """How large a store is: live entries and bytes held for them."""

    entries: int
    bytes: int


class Memory:
    """Which keys were seen in which stories, over a window of stories.

    `window_ms`: a story leaves that long after it came, and with it what no later one repeats. `entries`: of each
    store at most; the oldest leave before.
    """

    FORMAT: ClassVar[int] = FORMAT

    def __init__(self, window_ms: int, entries: int) -> None:
        self._window_ms = window_ms
        self.entries = entries
        self._table = Table(len(STORES), entries)
        self._stories = Stories(len(STORES))
        self._base = 0  # the table's numbers of stories count from here
        self._evicted = {(store, why): 0 for store in ("stories", *STORES) for why in ("window", "cap")}
        self._pending: list[Lesson] = []
        self._pending_next = 0  # number of the first new story of these

    @property
    def next_story(self) -> int:
        """The number of the next new story."""
        return self._stories.next

    def expire(self, clock: int) -> None:
        """What came a window before this time (ms) leaves."""
        self._leave(self._stories.older_than(clock - self._window_ms), "window")

    def look_up(self, stores: Places | int, keys: Hashes) -> Seen:
        """The newest live stories that each key was seen in, (n, `table.DEPTH`). `stores`: by key, or of all."""
        seen = self._table.look_up(stores, keys).astype(np.int64)
        seen[seen > 0] += self._base
        seen[seen < self._stories.first] = 0
        return seen

    def learn(self, lesson: Lesson) -> None:
        """Take what a record teaches. It is noted for the changelog before anything changes."""
        if not self._pending:
            self._pending_next = self._stories.next
        self._pending.append(lesson)
        self._take([lesson])

    def drain(self) -> bytes:
        """What was learned since the last drain, as one block; no bytes when nothing was."""
        if not self._pending:
            return b""
        block = encode_block(self._pending_next, self._pending)
        self._pending.clear()
        return block

    def apply(self, block: bytes) -> None:
        """Learn what a block holds. Raises `StateError`, before anything changes, when it does not fit."""
        if not block:
            return
        following, lessons = decode_block(block)
        if following != self._stories.next:
            if self._stories.next != 1:
                raise StateError(f"changelog block begins at story {following}, not {self._stories.next}")
            self._start_at(following)
        counted = self._evicted.copy()
        self._take(lessons)
        self._evicted = counted  # what left before a restart was counted then

    def freeze(self) -> Callable[[], Iterator[bytes]]:
        """A copy of the state, everything drained; what is returned gives its bytes, in any thread."""
        head = frozen.Head(self._window_ms, self.entries, self._stories.first, self._stories.next)
        clocks, table, base = self._stories.clocks.copy(), self._table.copy(), self._base
        return lambda: frozen.to_bytes(head, clocks, table, base)

    def load(self, data: memoryview) -> None:
        """Take over frozen bytes, in a memory that is new. Raises `StateError` when they do not fit."""
        head, clocks, stores = frozen.from_bytes(data)
        if (head.window_ms, head.entries) != (self._window_ms, self.entries):
            raise StateError("frozen state of another window or cap")
        self._start_at(head.first)
        for clock in clocks.tolist():
            self._stories.open(clock)
        for store, (keys, numbers) in enumerate(stores):
            self._table.load(store, keys, numbers)
            self._stories.load(store, numbers[:, 0])

    def sizes(self) -> Mapping[str, StoreSize]:
        each = self._table.nbytes()
        keys = {store: StoreSize(count, each) for store, count in zip(STORES, self._stories.keys, strict=True)}
        return {"stories": StoreSize(len(self._stories), self._stories.nbytes()), **keys}

    def evictions(self) -> Mapping[tuple[str, str], int]:
        """Entries that left so far, by store and why: `window` or `cap`."""
        return self._evicted.copy()

    def _take(self, lessons: Sequence[Lesson]) -> None:
        """All at once: what they come to is what they come to one by one, but for the dead."""
        parts = [part for lesson in lessons for part in lesson.parts]
        if not parts:
            return
        for clock, some, _ in lessons:
            for part in some:
                if part.story == self._stories.next:
                    self._stories.open(clock)
        self.expire(lessons[-1].clock)
        self._leave(len(self._stories) - self.entries, "cap")
        if self._stories.next - self._base > _SHIFT + self.entries:
            self._table.shift(_SHIFT)
            self._base += _SHIFT
        spread = [_spread(lesson) for lesson in lessons]
        stores = np.concatenate([each[0] for each in spread])
        numbers = np.concatenate([each[1] for each in spread])
        keys = np.concatenate([lesson.keys for lesson in lessons])
        alive = numbers >= self._stories.first
        if not alive.all():  # the block is of a time when an older one lived, which this state has never seen
            stores, keys, numbers = stores[alive], keys[alive], numbers[alive]
        numbers -= self._base
        for change in self._table.add(stores, keys, numbers.astype(np.uint32)):
            made_room = self._stories.count(change, self._base)
            for store, left in zip(STORES, made_room, strict=True):
                self._evicted[store, "cap"] += left

    def _leave(self, count: int, why: str) -> None:
        """The oldest stories go."""
        if count > 0:
            self._evicted["stories", why] += count
            for store, keys in zip(STORES, self._stories.leave(count), strict=True):
                self._evicted[store, why] += keys

    def _start_at(self, number: int) -> None:
        self._stories.start_at(number)
        self._base = number - 1


def _spread(lesson: Lesson) -> tuple[Places, Seen]:
    """By key its store and its story."""
    counts = np.array([part.counts for part in lesson.parts]).T
    stories = np.array([part.story for part in lesson.parts])
    stores = np.arange(len(STORES)).repeat(counts.sum(axis=1))
    return stores, np.tile(stories, len(STORES)).repeat(counts.ravel())
