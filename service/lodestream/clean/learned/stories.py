"""The stories of the window, first in, first out: when each came, and how many keys it is the newest story of."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from lodestream.clean.learned.table import Change, Numbers

Clocks = npt.NDArray[np.int64]

_LEAST: Final = 1024  # places that are taken at once


class Stories:
    """Stories by number. Numbers count arrivals and are never used again."""

    def __init__(self, stores: int) -> None:
        self.first = 1  # number of the oldest
        self.next = 1  # number that the next one gets
        self._stores = stores
        self._left = 0  # places at the front whose story has left
        self._clocks = np.zeros(_LEAST, dtype=np.int64)
        self._newest = np.zeros((stores, _LEAST), dtype=np.int64)
        self.keys = [0] * stores
        """Live keys by store: each counts at its newest story."""

    def __len__(self) -> int:
        return self.next - self.first

    @property
    def clocks(self) -> Clocks:
        """When each came, in ms."""
        return self._clocks[self._left : self._left + len(self)]

    def start_at(self, number: int) -> None:
        """Count on from here: what was before has left. Only while there is none."""
        if len(self):
            raise ValueError("there are stories")
        self.first = self.next = number

    def open(self, clock: int) -> int:
        """One more; its number."""
        place = self._left + len(self)
        if place == len(self._clocks):
            self._make_room()
            place = self._left + len(self)
        self._clocks[place] = clock
        self._newest[:, place] = 0
        self.next += 1
        return self.next - 1

    def older_than(self, clock: int) -> int:
        """How many came at that time or before."""
        return int(np.searchsorted(self.clocks, clock, side="right"))

    def leave(self, count: int) -> list[int]:
        """The oldest ones go; how many keys went with them, by store: no later story had them."""
        keys: list[int] = self._newest[:, self._left : self._left + count].sum(axis=1).tolist()
        self.first += count
        self._left += count
        self.keys = [now - gone for now, gone in zip(self.keys, keys, strict=True)]
        return keys

    def count(self, change: Change, base: int) -> list[int]:
        """Keys have another newest story; how many of the living made room, by store.

        `base`: what is added to the numbers in the change.
        """
        shift = base - self.first + self._left
        counted = np.zeros(self._stores, dtype=np.int64)
        for numbers, step in ((change.after, 1), (change.before, -1), (change.out, -1)):
            places = numbers + np.int64(shift)
            alive = np.flatnonzero((numbers > 0) & (places >= self._left))
            stores = change.stores[alive]
            np.add.at(self._newest, (stores, places[alive]), step)
            by_store = np.bincount(stores, minlength=self._stores)
            counted += step * by_store
        self.keys = [keys + more for keys, more in zip(self.keys, counted.tolist(), strict=True)]
        made_room: list[int] = by_store.tolist()
        return made_room

    def load(self, store: int, newest: Numbers) -> None:
        """Count keys by their newest story, the first story being 1, in a state that has none of the store yet."""
        counts = np.bincount(newest, minlength=1)[1:]
        self._newest[store, self._left : self._left + len(counts)] = counts
        self.keys[store] = len(newest)

    def nbytes(self) -> int:
        return self._clocks.nbytes + self._newest.nbytes

    def _make_room(self) -> None:
        """The places of those that left; when these are few, twice as many places."""
        size = max(_LEAST, 2 * len(self))
        clocks, newest = np.zeros(size, dtype=np.int64), np.zeros((self._stores, size), dtype=np.int64)
        here = slice(self._left, self._left + len(self))
        clocks[: len(self)], newest[:, : len(self)] = self._clocks[here], self._newest[:, here]
        self._clocks, self._newest, self._left = clocks, newest, 0
