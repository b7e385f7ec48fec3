"""Which of the newest entries have a key: a multimap from 32 bits to entry numbers, in a few bytes each."""

from __future__ import annotations

from typing import Final

NEWEST: Final = 8  # entries kept per key: that finds .96 of the copies of a story that has 70 already
_PAIR: Final = 8  # bytes: key, then the entry's number modulo 2^32
_ROW_PAIRS: Final = 14  # on average, when full: a row's 150 bytes are then mostly pairs


class Postings:
    """Keys of 4 bytes, each with its newest entries in the order they were added.

    Rows hold the pairs of all keys that share the low bits, as one `bytes` each. Nothing is lost but by `NEWEST`,
    so what is found does not depend on the rows' number or on what was there before.
    """

    def __init__(self, pairs_max: int) -> None:
        """`pairs_max`: how many pairs to lay the rows out for; more only make it slower."""
        rows = 1 << max(8, (pairs_max // _ROW_PAIRS).bit_length() - 1)
        self._rows = [b""] * rows
        self._mask = rows - 1
        self._pairs = 0

    def __len__(self) -> int:
        """Pairs held."""
        return self._pairs

    def get(self, key: bytes) -> list[int]:
        """Numbers modulo 2^32 of the newest entries with this key, oldest first."""
        row = self._rows[int.from_bytes(key, "little") & self._mask]
        return [int.from_bytes(row[at + 4 : at + _PAIR], "little") for at in _places(row, key)] if row else []

    def add(self, key: bytes, number: int) -> None:
        """Add an entry that is newer than all there; beyond `NEWEST` the key's oldest goes."""
        place = int.from_bytes(key, "little") & self._mask
        row = self._rows[place]
        if row:
            places = _places(row, key)
            if len(places) >= NEWEST:
                row = row[: places[0]] + row[places[0] + _PAIR :]
                self._pairs -= 1
        self._rows[place] = row + key + (number & 0xFFFFFFFF).to_bytes(4, "little")
        self._pairs += 1

    def discard(self, key: bytes, number: int) -> None:
        """Take an entry out; it may have gone before, as the key's oldest."""
        place = int.from_bytes(key, "little") & self._mask
        row = self._rows[place]
        pair = key + (number & 0xFFFFFFFF).to_bytes(4, "little")
        for at in _places(row, pair):
            self._rows[place] = row[:at] + row[at + _PAIR :]
            self._pairs -= 1

    def nbytes(self) -> int:
        """Bytes held: 8 for a row's place, 8 for a pair, and 33 of Python around each row that has some."""
        return 8 * len(self._rows) + _PAIR * self._pairs + 33 * min(self._pairs, len(self._rows))


def _places(row: bytes, start: bytes) -> list[int]:
    """Where the pairs that start with these bytes are."""
    found = []
    at = row.find(start)
    while at >= 0:
        if at % _PAIR == 0:
            found.append(at)
        at = row.find(start, at + 1)
    return found
