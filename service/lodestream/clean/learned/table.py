"""Keys and the newest stories that each was seen in: flat memory, 24 bytes a key.

A key has one place in one row of its store, 8 places a row. In a full row the key goes whose newest story is the
oldest. Stories are numbered as they come and leave in that order, so the dead go before the living, and what a row
holds of the living is a function of what was added since the oldest of them came: a table that is built anew from
that answers as the one that ran on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lodestream.errors import StateError
from lodestream.hashes import Hashes, Places

Numbers = npt.NDArray[np.uint32]

DEPTH: Final = 4
"""Stories that are kept of a key: as many as the strictest rule counts, an article's own among them."""

_PLACES: Final = 8
_LARGEST: Final = np.uint64(2**64 - 1)


class Change(NamedTuple):
    """What adding did, key by key. Numbers are of stories, 0 of none."""

    stores: Places
    before: Numbers  # the newest story of the key
    after: Numbers
    out: Numbers  # that of the key which had to make room


class Table:
    """A store of keys for each of some kinds, all of the same size and in one array."""

    def __init__(self, stores: int, entries: int, keys: Hashes | None = None, stories: Numbers | None = None) -> None:
        """`entries`: of a store at most; rows fill unevenly, so it holds a little less. The rest: what is in it."""
        self._stores = stores
        self._rows = max(1, entries // _PLACES)
        shape = (stores * self._rows, _PLACES)
        self._keys = np.zeros(shape, dtype=np.uint64) if keys is None else keys
        self._stories = np.zeros((*shape, DEPTH), dtype=np.uint32) if stories is None else stories  # newest first

    def look_up(self, stores: Places | int, keys: Hashes) -> Numbers:
        """The stories of each key, (n, DEPTH); 0 where there is none. A key of 0 has none."""
        rows = self._row(stores, keys)
        places = (self._keys[rows] == keys[:, np.newaxis]).argmax(axis=1)
        found: Numbers = self._stories[rows, places]
        found[(self._keys[rows, places] != keys) | (keys == 0)] = 0
        return found

    def add(self, stores: Places, keys: Hashes, numbers: Numbers) -> Iterator[Change]:
        """Each key was seen in a story. In order where they meet in a row, else at once."""
        rows = self._row(stores, keys)
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        begins = np.ones(len(rows), dtype=np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
        if begins.all():
            yield self._add_apart(rows, stores, keys, numbers)
            return
        places = np.arange(len(rows))
        turns = places - np.maximum.accumulate(np.where(begins, places, 0))
        by_turn = order[np.argsort(turns, kind="stable")]
        for some in np.split(by_turn, np.cumsum(np.bincount(turns))[:-1]):
            yield self._add_apart(rows[some], stores[some], keys[some], numbers[some])

    def shift(self, by: int) -> None:
        """Count stories from later on; those before are none."""
        self._stories = np.where(self._stories > by, self._stories - np.uint32(by), np.uint32(0))

    def copy(self) -> Table:
        return Table(self._stores, self._rows * _PLACES, self._keys.copy(), self._stories.copy())

    def entries(self, store: int, first: int) -> tuple[Hashes, Numbers]:
        """The keys with a story from `first` on, ascending, and their stories, those before as 0."""
        some = slice(store * self._rows, (store + 1) * self._rows)
        alive = self._stories[some, :, 0] >= max(first, 1)
        keys, stories = self._keys[some][alive], self._stories[some][alive]
        stories[stories < first] = 0
        order = np.argsort(keys)
        return keys[order], stories[order]

    def load(self, store: int, keys: Hashes, stories: Numbers) -> None:
        """Take over entries into a store that is empty. Raises `StateError` when they do not fit."""
        rows = self._row(store, keys)
        order = np.argsort(rows, kind="stable")
        counts = np.bincount(rows[order] - store * self._rows)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        if (counts > _PLACES).any() or (keys[1:] <= keys[:-1]).any():
            raise StateError("frozen state: keys that do not fit")
        self._keys[rows[order], places] = keys[order]
        self._stories[rows[order], places] = stories[order]

    def nbytes(self) -> int:
        """Of one store. The system gives memory to those pages of it that were ever written to."""
        return (self._keys.nbytes + self._stories.nbytes) // self._stores

    def _row(self, stores: Places | int, keys: Hashes) -> Places:
        """By the upper half of the key: the whole is compared."""
        inside = ((keys >> np.uint64(32)) * np.uint64(self._rows)) >> np.uint64(32)
        return inside.astype(np.intp) + stores * self._rows

    def _add_apart(self, rows: Places, stores: Places, keys: Hashes, numbers: Numbers) -> Change:
        """Each in a row of its own."""
        hits = self._keys[rows] == keys[:, np.newaxis]
        places = hits.argmax(axis=1)
        out = np.zeros(len(rows), dtype=np.uint32)
        new = np.flatnonzero(~hits.any(axis=1))
        if len(new):
            at = rows[new]
            newest = self._stories[at, :, 0]
            oldest = newest.min(axis=1)
            # Where several are as old, the smallest key: which place each has, is of no meaning.
            leaving = np.where(newest == oldest[:, np.newaxis], self._keys[at], _LARGEST).argmin(axis=1)
            places[new], out[new] = leaving, oldest
            self._keys[at, leaving] = keys[new]
            self._stories[at, leaving] = 0
        known = self._stories[rows, places]
        before = known[:, 0].copy()
        if (numbers > before).all():  # so it is, but for refetches and copies
            self._stories[rows, places, 1:] = known[:, :-1]
            self._stories[rows, places, 0] = numbers
            return Change(stores, before, numbers, out)
        again = (known == numbers[:, np.newaxis]).any(axis=1)
        seen = np.concatenate((known, np.where(again, np.uint32(0), numbers)[:, np.newaxis]), axis=1)
        seen.sort(axis=1)
        self._stories[rows, places] = seen[:, :0:-1]
        return Change(stores, before, seen[:, -1], out)
