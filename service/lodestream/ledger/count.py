"""Outputs counted per input record, and what these counts mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodestream.ledger.breaches import REPEAT_DROPPED, Breach
from lodestream.ledger.content import NOTHING
from lodestream.ledger.inputs import REPEAT, InputRecords, Mask
from lodestream.ledger.outputs import UNREADABLE, Columns, Kind

Numbers = NDArray[Any]


class Count:
    """The outputs of one input partition: `record` gives for each the number of the record that it belongs to."""

    def __init__(self, records: InputRecords, record: Numbers, columns: Columns) -> None:
        self.records = records
        self.record = record
        self.columns = columns
        self.size = len(records.offsets)
        self.articles, self.originals, self.links, self.forwarded, self.enriched, self.letters = (
            self._per_record(columns["kind"] == kind) for kind in Kind
        )
        self.products = self.articles + self.originals + self.links + self.forwarded + self.enriched
        self.has_fate = self.products + self.letters > 0

    def breaches(self, wrong: Mapping[Breach, Mask]) -> Sequence[tuple[Breach, Mask]]:
        """Masks over the records, in the order in which they count. `wrong`: masks over the outputs, in theirs."""
        one_each = (self.originals, self.links + self.forwarded, self.enriched, self.letters)
        twice = np.logical_or.reduce([counts > 1 for counts in one_each])
        twice |= self._equal("index", self.columns["kind"] != Kind.DEAD_LETTER)
        two_fates = (self.letters > 0) & (self.products > 0) | (self.links > 0) & (self.originals > 0)
        incomplete = (self.forwarded > 0) & (self.originals == 0)
        contradictory = np.full(self.size, False)
        if "names" in self.columns:
            contradictory, unlinked = self._extensions()
            incomplete |= unlinked
        if "position" in self.columns:
            twice |= self._equal("position", self.columns["kind"] == Kind.ARTICLE)
            contradictory, missing = self._positions()
            incomplete |= missing
        unreadable = self.columns["lineage_partition"] == UNREADABLE
        return (
            (Breach.REPEAT_TAKEN, self.has_fate & self.records.has(REPEAT)),
            (Breach.UNREADABLE, self._per_record(unreadable) > 0),
            (Breach.TWICE, twice),
            (Breach.TWO_FATES, two_fates),
            (Breach.CONTRADICTORY, contradictory),
            (Breach.INCOMPLETE, incomplete),
            (Breach.MISSING, ~self.has_fate),
            *((breach, self._per_record(outputs) > 0) for breach, outputs in wrong.items()),
        )

    def fates(self) -> Sequence[tuple[str, Mask]]:
        """Masks over the records without a breach: exactly one is true for each."""
        return (
            (REPEAT_DROPPED, ~self.has_fate),  # else it were missing
            ("articles", self.articles > 0),
            ("original", (self.originals > 0) & (self.forwarded == 0)),
            ("linked original", (self.originals > 0) & (self.forwarded > 0)),
            ("duplicate", self.links > 0),
            ("enriched", self.enriched > 0),
            ("dead letter", self.letters > 0),
        )

    def missing_positions(self, at: int, named: int) -> tuple[int, list[int], int]:
        """How many articles record number `at` must have, the first positions that are not there, and how many are not.

        `named`: how many positions at most. `of` is what a value says, up to 2**31: nothing here grows with it.
        """
        mine = (self.record == at) & (self.columns["kind"] == Kind.ARTICLE)
        of = int(self.columns["of"][mine].max(initial=0))
        there = np.unique(self.columns["position"][mine])
        # Of so many positions `named` are missing, however many of them are there.
        first = np.setdiff1d(np.arange(min(of, len(there) + named)), there)[:named]
        return of, first.tolist(), of - int(((there >= 0) & (there < of)).sum())

    def _per_record(self, chosen: Mask) -> Numbers:
        return np.bincount(self.record[chosen], minlength=self.size)

    def _equal(self, column: str, chosen: Mask) -> Mask:
        """Records with two chosen outputs that are equal in a column."""
        record, number = self.record[chosen], self.columns[column][chosen]
        order = np.lexsort((number, record))
        record, number = record[order], number[order]
        equal = (record[1:] == record[:-1]) & (number[1:] == number[:-1])
        return np.bincount(record[1:][equal], minlength=self.size) > 0

    def _extensions(self) -> tuple[Mask, Mask]:
        """Records whose original and forwarded link contradict each other, and extensions without a forwarded link.

        An extension joins the story of the link, a round-up or a part of one opens its own; a link that names the
        article's own story says nothing of which it is.
        """
        kind = self.columns["kind"]
        original, link = kind == Kind.ORIGINAL, kind == Kind.FORWARDED
        extends, story, article = (self._of_record(original, name) for name in ("names", "story", "article"))
        names, linked_story = (self._of_record(link, name) for name in ("names", "story"))
        is_extension, has_link = extends != NOTHING, self.forwarded > 0
        differs = (extends != names) | (story != linked_story)
        unsaid = (story == linked_story) & (story != article)
        contradictory = has_link & (self.originals > 0) & np.where(is_extension, differs, unsaid)
        return contradictory, is_extension & ~has_link

    def _of_record(self, chosen: Mask, column: str) -> Numbers:
        """By record the number in a column of its chosen output; of several, one."""
        numbers = np.zeros(self.size, self.columns[column].dtype)
        numbers[self.record[chosen]] = self.columns[column][chosen]
        return numbers

    def _positions(self) -> tuple[Mask, Mask]:
        """Records whose articles contradict each other, and records of which articles are missing.

        Told only of records that have no position twice (`twice` counts first).
        """
        article = self.columns["kind"] == Kind.ARTICLE
        record, position, of = self.record[article], self.columns["position"][article], self.columns["of"][article]
        smallest = np.full(self.size, np.iinfo(np.int32).max, np.int64)
        largest = np.full(self.size, -1, np.int64)
        np.minimum.at(smallest, record, of)
        np.maximum.at(largest, record, of)
        outside = np.bincount(record[(position < 0) | (position >= of)], minlength=self.size) > 0
        has_articles = self.articles > 0
        contradictory = has_articles & (outside | (smallest != largest))
        return contradictory, has_articles & (self.articles < largest)
