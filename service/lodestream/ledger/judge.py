"""The ledger of design guarantee 2, as counting over arrays: every record of a stage's input has exactly one fate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lodestream.ledger.outputs import Fates, Kind, Stage
from lodestream.letters import Coordinates

PROBLEMS_KEPT: Final = 20
OUTPUTS_NAMED: Final = 6

Numbers = NDArray[Any]
Mask = NDArray[np.bool_]


class Breach(StrEnum):
    """How a record, or an output, can break the ledger. Of several, a record counts under the first."""

    TWICE = "twice"  # the same fate, position or index more than once
    TWO_FATES = "two fates"  # fates that exclude each other
    CONTRADICTORY = "contradictory"  # its articles do not agree on how many they are, or on their positions
    INCOMPLETE = "incomplete"  # some of its articles are missing, or the original of a forwarded link
    MISSING = "missing"  # no fate at all
    # breaches of outputs, not of input records
    ORPHAN = "orphan"  # its origin is no input record
    AHEAD = "ahead"  # its origin is not committed: it would be written again


@dataclass(frozen=True, slots=True)
class InputPartition:
    """What is known of one partition of a stage's input.

    `offsets` (ascending) and `timestamps` (ms) are those of its records; other offsets are transaction markers
    or aborted. `begin`: the first offset that the topic still has. `committed`: the group's next offset *before*
    the outputs were read, below which every record must have its fate; `committed_after`: afterwards, at or
    above which no record may have one.
    """

    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    begin: int
    committed: int
    committed_after: int


@dataclass(frozen=True, slots=True)
class Problem:
    breach: Breach
    coordinates: str
    found: str


@dataclass(slots=True)
class StageReport:
    """The ledger of one stage: `records` = the sum of `fates` and of the breaches that are records'."""

    stage: str
    records: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    outputs: int = 0  # that belong to these records
    breaches: Counter[Breach] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)  # the first ones
    not_yet_processed: int = 0
    out_of_reach: int = 0

    @property
    def adds_up(self) -> bool:
        return not self.breaches.total()

    def add(self, breach: Breach, coordinates: str, found: str) -> None:
        self.breaches[breach] += 1
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(Problem(breach, coordinates, found))


def judge(
    stage: Stage,
    inputs: Mapping[int, InputPartition],
    fates: Fates,
    *,
    reach_ms: int | None,
    prefix: str,
) -> StageReport:
    """Hold the outputs of a stage against its input.

    `reach_ms`: records appended at or before this time may have lost outputs to retention and are left out.
    """
    report = StageReport(stage.name)
    columns = fates.columns()
    for partition in sorted(inputs):
        mine = {name: column[columns["partition"] == partition] for name, column in columns.items()}
        _Partition(stage, prefix, partition, inputs[partition], mine).judge(report, reach_ms)
    strangers = np.flatnonzero(~np.isin(columns["partition"], list(inputs)))
    for at in strangers.tolist():
        found = f"origin in partition {columns['partition'][at]}, which the input does not have"
        report.add(Breach.ORPHAN, _output_place(stage, prefix, columns, at), found)
    return report


class _Partition:
    """One input partition and the outputs that name it as theirs."""

    def __init__(
        self, stage: Stage, prefix: str, partition: int, given: InputPartition, columns: Mapping[str, Numbers]
    ) -> None:
        self.stage = stage
        self.prefix = prefix
        self.partition = partition
        self.given = given
        self.columns = columns

    def judge(self, report: StageReport, reach_ms: int | None) -> None:
        offsets = self.given.offsets
        processed = offsets < self.given.committed
        reached = np.full(len(offsets), True) if reach_ms is None else self.given.timestamps > reach_ms
        judged = processed & reached
        report.records += int(judged.sum())
        report.not_yet_processed += int((~processed).sum())
        report.out_of_reach += int((processed & ~reached).sum())

        record = np.searchsorted(offsets, self.columns["offset"])
        exists = record < len(offsets)
        exists[exists] = offsets[record[exists]] == self.columns["offset"][exists]
        self._strays(report, exists)
        belongs = exists.copy()
        belongs[exists] = judged[record[exists]]
        report.outputs += int(belongs.sum())

        own = {name: column[belongs] for name, column in self.columns.items()}
        count = _Count(record[belongs], own, len(offsets))
        breaches = count.breaches()
        open_ = judged.copy()
        for breach, mask in breaches:
            for at in np.flatnonzero(open_ & mask).tolist():
                place = Coordinates(self.prefix + self.stage.input, self.partition, int(offsets[at]))
                if len(report.problems) < PROBLEMS_KEPT:
                    report.add(breach, str(place), self._found(own, int(offsets[at])))
                else:
                    report.breaches[breach] += 1
            open_ &= ~mask
        for fate, mask in count.fates():
            if number := int((open_ & mask).sum()):
                report.fates[fate] += number

    def _strays(self, report: StageReport, exists: Mask) -> None:
        """Outputs of no record, and of records that are not committed."""
        origin = self.columns["offset"]
        ahead = origin >= self.given.committed_after
        between = (origin >= self.given.committed) & ~ahead  # committed while the outputs were being read
        orphan = ~exists & ~ahead & ~between & (origin >= self.given.begin)
        for breach, mask in ((Breach.ORPHAN, orphan), (Breach.AHEAD, ahead)):
            for at in np.flatnonzero(mask).tolist():
                what = "which is no record" if breach is Breach.ORPHAN else "which the group has not committed"
                place = Coordinates(self.prefix + self.stage.input, self.partition, int(origin[at]))
                report.add(breach, _output_place(self.stage, self.prefix, self.columns, at), f"origin {place}, {what}")

    def _found(self, columns: Mapping[str, Numbers], offset: int) -> str:
        """What a record got instead of one fate."""
        rows = np.flatnonzero(columns["offset"] == offset).tolist()
        if not rows:
            return "no fate"
        named = [
            f"{_kind_name(columns, row)} at {_output_place(self.stage, self.prefix, columns, row)}"
            for row in rows[:OUTPUTS_NAMED]
        ]
        more = f" and {len(rows) - OUTPUTS_NAMED} more" if len(rows) > OUTPUTS_NAMED else ""
        return ", ".join(named) + more


class _Count:
    """Outputs per input record: `record` gives each output's record as a number below `records`."""

    def __init__(self, record: Numbers, columns: Mapping[str, Numbers], records: int) -> None:
        self.record = record
        self.columns = columns
        self.records = records
        self.articles, self.originals, self.links, self.forwarded, self.enriched, self.letters = (
            self._per_record(columns["kind"] == kind) for kind in Kind
        )

    def breaches(self) -> Sequence[tuple[Breach, Mask]]:
        """Masks over the records, in the order in which they count."""
        one_each = (self.originals, self.links + self.forwarded, self.enriched, self.letters)
        twice = np.logical_or.reduce([counts > 1 for counts in one_each])
        twice |= self._repeats("position", self.columns["kind"] == Kind.ARTICLE)
        twice |= self._repeats("index", self.columns["kind"] != Kind.DEAD_LETTER)
        products = self.articles + self.originals + self.links + self.forwarded + self.enriched
        two_fates = (self.letters > 0) & (products > 0) | (self.links > 0) & (self.originals > 0)
        contradictory, incomplete = self._positions()
        return (
            (Breach.TWICE, twice),
            (Breach.TWO_FATES, two_fates),
            (Breach.CONTRADICTORY, contradictory),
            (Breach.INCOMPLETE, incomplete | (self.forwarded > 0) & (self.originals == 0)),
            (Breach.MISSING, products + self.letters == 0),
        )

    def fates(self) -> Sequence[tuple[str, Mask]]:
        """Masks over the records without a breach: exactly one is true for each."""
        return (
            ("articles", self.articles > 0),
            ("original", (self.originals > 0) & (self.forwarded == 0)),
            ("linked original", (self.originals > 0) & (self.forwarded > 0)),
            ("duplicate", self.links > 0),
            ("enriched", self.enriched > 0),
            ("dead letter", self.letters > 0),
        )

    def _per_record(self, chosen: Mask) -> Numbers:
        return np.bincount(self.record[chosen], minlength=self.records)

    def _repeats(self, column: str, chosen: Mask) -> Mask:
        """Records with two chosen outputs that are equal in a column."""
        record, number = self.record[chosen], self.columns[column][chosen]
        order = np.lexsort((number, record))
        record, number = record[order], number[order]
        equal = (record[1:] == record[:-1]) & (number[1:] == number[:-1])
        return np.bincount(record[1:][equal], minlength=self.records) > 0

    def _positions(self) -> tuple[Mask, Mask]:
        """Records whose articles contradict each other, and records of which articles are missing.

        Told only of records that have no position twice (`twice` counts first).
        """
        article = self.columns["kind"] == Kind.ARTICLE
        record, position, of = self.record[article], self.columns["position"][article], self.columns["of"][article]
        smallest = np.full(self.records, np.iinfo(np.int32).max, np.int64)
        largest = np.full(self.records, -1, np.int64)
        np.minimum.at(smallest, record, of)
        np.maximum.at(largest, record, of)
        outside = np.bincount(record[(position < 0) | (position >= of)], minlength=self.records) > 0
        has_articles = self.articles > 0
        contradictory = has_articles & (outside | (smallest != largest))
        return contradictory, has_articles & (self.articles < largest)


def _output_place(stage: Stage, prefix: str, columns: Mapping[str, Numbers], at: int) -> str:
    topic = prefix + stage.outputs[int(columns["topic"][at])]
    return str(Coordinates(topic, int(columns["at_partition"][at]), int(columns["at_offset"][at])))


def _kind_name(columns: Mapping[str, Numbers], row: int) -> str:
    kind = Kind(int(columns["kind"][row]))
    if kind is Kind.ARTICLE:
        return f"article {columns['position'][row]} of {columns['of'][row]}"
    return kind.name.lower().replace("_", " ")
