"""The records of a stage's input, as columns."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lodestream.ledger.content import Content

Mask = NDArray[np.bool_]

IN_SCOPE: Final = 1
REPEAT: Final = 2  # the stage before wrote it twice, and this is not the first
UNSURE: Final = 4  # it may repeat a record that lies before what was read

_COLUMNS: Final = {
    "offset": "q",
    "timestamp": "q",
    "flags": "b",
    "lineage_partition": "i",
    "lineage_offset": "q",
    "whole": "Q",
    "onward": "Q",
    "linked": "Q",
}


@dataclass(frozen=True, slots=True)
class InputRecords:
    """The records of one partition, ascending, as arrays of the same length; other offsets hold none.

    `timestamps` in ms; `lineage_*` are those of the values, negative where there is none that can be read; for the
    hashes see `Content`.
    """

    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    flags: NDArray[np.int8]
    lineage_partitions: NDArray[np.int32]
    lineage_offsets: NDArray[np.int64]
    whole: NDArray[np.uint64]
    onward: NDArray[np.uint64]
    linked: NDArray[np.uint64]

    def has(self, flag: int) -> Mask:
        mask: Mask = (self.flags & flag) != 0
        return mask

    def find(self, offsets: NDArray[Any]) -> tuple[NDArray[np.int64], Mask]:
        """For each offset the number of its record, and whether there is one."""
        at = np.searchsorted(self.offsets, offsets)
        exists = at < len(self.offsets)
        exists[exists] = self.offsets[at[exists]] == offsets[exists]
        return at, exists


@dataclass(slots=True)
class Inputs:
    """The records of one topic that were read: 53 bytes each."""

    _columns: dict[int, tuple[array[int], ...]] = field(default_factory=dict)

    def add(self, partition: int, row: tuple[int, int, int], lineage: tuple[int, int], content: Content) -> None:
        """A record behind those before it. `row`: offset, time, flags; `lineage`: partition and offset on `raw`."""
        columns = self._columns.get(partition)
        if columns is None:
            columns = self._columns[partition] = tuple(array(code) for code in _COLUMNS.values())
        numbers = (*row, *lineage, content.whole, content.onward, content.linked)
        for column, number in zip(columns, numbers, strict=True):
            column.append(number)

    def partitions(self) -> Iterable[int]:
        return self._columns.keys()

    def in_scope(self, partition: int, offset: int) -> bool | None:
        """Whether a record is within the bounds; None where none was read."""
        columns = self._columns.get(partition)
        if columns is None:
            return None
        at = bisect_left(columns[0], offset)
        if at == len(columns[0]) or columns[0][at] != offset:
            return None
        return bool(columns[2][at] & IN_SCOPE)

    def records(self, partition: int) -> InputRecords:
        """Views of the columns: nothing can be added while they are held."""
        columns = self._columns.get(partition) or tuple(array(code) for code in _COLUMNS.values())
        return InputRecords(*(view(column) for column in columns))


def view(column: array[int]) -> NDArray[Any]:
    """A column as an array over the same memory."""
    return np.frombuffer(column, column.typecode) if len(column) else np.empty(0, column.typecode)
