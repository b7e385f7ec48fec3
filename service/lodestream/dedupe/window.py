"""The articles of the window, first in, first out."""

from __future__ import annotations

from typing import Final

from lodestream.dedupe.entry import clock_of

_TRIM_AT: Final = 1024  # places of entries that left, before they are given back; then when half of all are


class Window:
    """Encoded entries by number. Numbers count arrivals and are never used again."""

    def __init__(self) -> None:
        self.first = 0  # number of the oldest entry
        self._entries: list[bytes] = []
        self._left = 0  # places at the front whose entry has left
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries) - self._left

    def __contains__(self, number: int) -> bool:
        return self.first <= number < self.next

    def __getitem__(self, number: int) -> bytes:
        if number not in self:
            raise KeyError(number)
        return self._entries[self._left + number - self.first]

    @property
    def next(self) -> int:
        """The number that the next entry gets."""
        return self.first + len(self)

    def number(self, low: int) -> int:
        """The entry whose number ends in these 32 bits."""
        return self.first + ((low - self.first) & 0xFFFFFFFF)

    def start_at(self, number: int) -> None:
        """Count on from here: what was before has left. Only while there is no entry."""
        if self:
            raise ValueError("the window is not empty")
        self.first = number

    def append(self, entry: bytes) -> int:
        number = self.next
        self._entries.append(entry)
        self._bytes += len(entry)
        return number

    def oldest_clock(self) -> int:
        """When the oldest entry came. Raises `KeyError` without entries."""
        return clock_of(self[self.first])

    def pop(self) -> bytes:
        """Take the oldest entry out. Raises `KeyError` without entries."""
        entry = self[self.first]
        self._entries[self._left] = b""
        self._left += 1
        self.first += 1
        self._bytes -= len(entry)
        if self._left > max(_TRIM_AT, len(self._entries) // 2):
            del self._entries[: self._left]
            self._left = 0
        return entry

    def freeze(self) -> list[bytes]:
        """The entries, oldest first."""
        return self._entries[self._left :]

    def load(self, first: int, entries: list[bytes]) -> None:
        """Take over entries, the oldest with this number. Only in a window that is new."""
        self.start_at(first)
        self._entries = entries
        self._bytes = sum(map(len, entries))

    def nbytes(self) -> int:
        """Bytes held: the entries with 33 of Python around each, and 8 for its place."""
        return self._bytes + 33 * len(self) + 8 * len(self._entries)
