"""Which of the newest entries have a key: a multimap from 32 bits to entry numbers, in a few bytes each."""

from __future__ import annotations

from typing import Final, NamedTuple

NEWEST: Final = 8  # entries kept per key: that finds .96 of the copies of a story that has 70 already
_KEY: Final = 4  # bytes
_PAIR: Final = 8  # bytes: key, then the entry's number modulo 2^32
_ROW_PAIRS: Final = 14  # on average, when full: a row's 150 bytes are then mostly pairs


class FrozenPostings(NamedTuple):
    """Postings at one moment: the number of pairs, and the rows."""

    pairs: int
    rows: list[bytes]


class Postings:
    """Keys of 4 bytes, each with its newest entries in the order they were added. Methods take keys in a row.

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

    def find(self, keys: bytes) -> list[int]:
        """Numbers modulo 2^32 of the newest entries with each key, one key after the other, oldest first."""
        found = []
        rows, mask = self._rows, self._mask
        for at in range(0, len(keys), _KEY):
            key = keys[at : at + _KEY]
            row = rows[int.from_bytes(key, "little") & mask]
            place = row.find(key)
            while place >= 0:
                if place % _PAIR == 0:
                    found.append(int.from_bytes(row[place + _KEY : place + _PAIR], "little"))
                place = row.find(key, place + 1)
        return found

    def add(self, keys: bytes, number: int) -> None:
        """Add an entry, newer than all there, under different keys; beyond `NEWEST` a key's oldest goes."""
        suffix = (number & 0xFFFFFFFF).to_bytes(4, "little")
        for at in range(0, len(keys), _KEY):
            key = keys[at : at + _KEY]
            index = int.from_bytes(key, "little") & self._mask
            row = self._rows[index]
            if key in row:
                places = _places(row, key)
                if len(places) >= NEWEST:
                    row = row[: places[0]] + row[places[0] + _PAIR :]
                    self._pairs -= 1
            self._rows[index] = row + key + suffix
            self._pairs += 1

    def discard(self, keys: bytes, number: int) -> None:
        """Take an entry out from under these keys; where it was the oldest of too many, it has gone before."""
        suffix = (number & 0xFFFFFFFF).to_bytes(4, "little")
        for at in range(0, len(keys), _KEY):
            key = keys[at : at + _KEY]
            index = int.from_bytes(key, "little") & self._mask
            row = self._rows[index]
            for place in _places(row, key + suffix):
                self._rows[index] = row[:place] + row[place + _PAIR :]
                self._pairs -= 1

    def freeze(self) -> FrozenPostings:
        """The rows as they are: bytes that never change."""
        return FrozenPostings(self._pairs, self._rows.copy())

    def load(self, frozen: FrozenPostings) -> None:
        """Take over rows of postings that were laid out alike. Raises `ValueError` for others."""
        if len(frozen.rows) != len(self._rows):
            raise ValueError(f"{len(frozen.rows)} rows, not {len(self._rows)}")
        self._pairs, self._rows = frozen

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
