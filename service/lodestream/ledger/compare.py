"""Outputs held against the records that they belong to: what of the input they must have, and where they must be."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from lodestream.ledger.breaches import Breach
from lodestream.ledger.count import Count
from lodestream.ledger.inputs import Mask
from lodestream.ledger.names import Known, dangling
from lodestream.ledger.outputs import NO_NUMBER, UNREADABLE, Kind
from lodestream.ledger.places import WRONG_PARTITION
from lodestream.letters import Coordinates

_INDEX: Final = {Kind.ORIGINAL: 0, Kind.LINK: 0, Kind.FORWARDED: 1, Kind.ENRICHED: 0}
"""The only output of its record is the first; a forwarded link follows its original."""


class Comparison:
    """The outputs of one partition of a stage's input, one by one."""

    def __init__(self, count: Count, raw: str, partition: int, known: Known | None = None) -> None:
        """`raw`: full name; `partition`: the input's; `known`: what its outputs may name, where that is looked at."""
        self._count = count
        self._raw = raw
        self._partition = partition
        self.wrong: dict[Breach, Mask] = {  # over the outputs
            Breach.LINEAGE: self._lineage(),
            Breach.MISPLACED: self._misplaced(),
            Breach.ALTERED: self._altered(),
        }
        if known is not None:
            self.wrong[Breach.DANGLING] = dangling(count.columns, partition, known)

    def why(self, breach: Breach, at: int) -> tuple[int, str] | None:
        """What is wrong with the outputs of record number `at`: the first one's number, and words; None: nothing."""
        if breach not in self.wrong:
            return None
        row = int(np.flatnonzero(self.wrong[breach] & (self._count.record == at))[0])
        if breach is Breach.LINEAGE:
            return row, self._said_lineage(row, at)
        if breach is Breach.DANGLING:
            return row, "names an original or a story that is not there"
        if breach is Breach.ALTERED:
            letter = self._count.columns["kind"][row] == Kind.DEAD_LETTER
            return row, "does not hold the record whole" if letter else "does not hold what the record held"
        return row, self._said_place(row)

    def _lineage(self) -> Mask:
        """Outputs whose lineage is not that of their input. Those of `raw` have its coordinates; letters have none."""
        partition, offset = self._expected(self._count.record)
        columns = self._count.columns
        differs = (columns["lineage_partition"] != partition) | (columns["lineage_offset"] != offset)
        is_record = (columns["kind"] != Kind.DEAD_LETTER) & (columns["lineage_partition"] != UNREADABLE)
        wrong: Mask = differs & is_record & (offset >= 0)
        return wrong

    def _expected(self, at: Any) -> tuple[Any, Any]:
        records = self._count.records
        if "position" in self._count.columns:  # its input is `raw` itself
            return self._partition, records.offsets[at]
        return records.lineage_partitions[at], records.lineage_offsets[at]

    def _said_lineage(self, row: int, at: int) -> str:
        said = [int(self._count.columns[name][row]) for name in ("lineage_partition", "lineage_offset")]
        partition, offset = self._expected(at)
        what = "no lineage" if said[0] == NO_NUMBER else f"lineage {Coordinates(self._raw, *said)}"
        return f"with {what} in place of {Coordinates(self._raw, int(partition), int(offset))}"

    def _misplaced(self) -> Mask:
        columns = self._count.columns
        wrong_index = (columns["kind"] != Kind.DEAD_LETTER) & (columns["index"] != self._indexes())
        misplaced: Mask = wrong_index | (columns["astray"] != 0) | self._on_another_partition()
        return misplaced

    def _on_another_partition(self) -> Mask:
        """Outputs that are not on the partition of their key, and originals that are not on that of their article."""
        columns = self._count.columns
        of_another = (columns["kind"] == Kind.ORIGINAL) & (columns["at_partition"] != self._partition)
        wrong: Mask = of_another | ((columns["astray"] & WRONG_PARTITION) != 0)
        return wrong

    def _said_place(self, row: int) -> str:
        columns = self._count.columns
        if self._on_another_partition()[row]:
            return "is on another partition than its key or its article says"
        if columns["astray"][row]:
            return "has another key than its content says"
        return f"has index {columns['index'][row]} in place of {self._indexes()[row]}"

    def _indexes(self) -> Any:
        """The index that each output must have: the position of an article."""
        columns = self._count.columns
        indexes = np.full(len(columns["kind"]), NO_NUMBER, np.int32)
        for kind, index in _INDEX.items():
            indexes[columns["kind"] == kind] = index
        if "position" in columns:
            articles = columns["kind"] == Kind.ARTICLE
            indexes[articles] = columns["position"][articles]
        return indexes

    def _altered(self) -> Mask:
        """Outputs that do not hold what they must of their input. Of a document that is known only of its letter."""
        records, columns, record = self._count.records, self._count.columns, self._count.record
        kind = columns["kind"]
        must = records.onward[record]
        is_link, is_letter = (kind == Kind.LINK) | (kind == Kind.FORWARDED), kind == Kind.DEAD_LETTER
        must[is_link] = records.linked[record[is_link]]
        must[is_letter] = records.whole[record[is_letter]]
        altered: Mask = (kind != Kind.ARTICLE) & (columns["held"] != must)
        return altered
