"""The ledger of design guarantee 2, as counting over arrays: every record of a stage's input has exactly one fate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lodestream.ledger.ancestry import Ancestry, State, States
from lodestream.ledger.bounds import Scope
from lodestream.ledger.breaches import NEED_ALL_OUTPUTS, PROBLEMS_KEPT, Ancestors, Breach, StageReport
from lodestream.ledger.compare import Comparison
from lodestream.ledger.count import Count
from lodestream.ledger.inputs import IN_SCOPE, REPEAT, UNSURE, InputRecords, Mask
from lodestream.ledger.names import Known
from lodestream.ledger.outputs import TOPIC_OF, UNREADABLE, Columns, Kind, Stage
from lodestream.ledger.repeats import may_repeat
from lodestream.ledger.retention import Reach
from lodestream.letters import Coordinates
from lodestream.topics import RAW

OUTPUTS_NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class InputPartition:
    """What is known of one partition of a stage's input.

    `committed`: the group's next offset *before* the outputs were read, below which every record must have its fate;
    `committed_after`: afterwards, at or above which no record may have one. Records from offset `begin` to before
    `end` were read (None: to where the log ends); outputs of others are not looked at. `deleted`: offsets that
    retention took before the group had read them; `maybe_deleted`: there may have been only markers. `high`: where
    the log ends; None: not known, or out of bounds.
    """

    records: InputRecords
    committed: int
    committed_after: int
    begin: int = 0
    end: int | None = None
    deleted: range = range(0)
    maybe_deleted: range = range(0)
    high: int | None = None


def judge(
    stage: Stage,
    inputs: Mapping[int, InputPartition],
    ancestry: Ancestry,
    *,
    reach: Reach | None = None,
    scope: Scope | None = None,
    known: Known | None = None,
    kept: int = PROBLEMS_KEPT,
) -> tuple[StageReport, States]:
    """Hold the outputs of a stage against its input; also how far each of its records has come in this stage.

    Of records that `reach` does not cover, outputs may be gone: they are left out, unless they break the ledger by
    what is left. `known`: what the outputs may name, where that is looked at. `kept`: how many problems the report
    names.
    """
    report = StageReport(stage.name, kept)
    columns = ancestry.fates[stage.name]
    states = {}
    for partition in sorted(inputs):
        mine = {name: column[columns["partition"] == partition] for name, column in columns.items()}
        judging = _Partition(stage, ancestry, partition, inputs[partition], mine, scope or Scope(), known)
        states[partition] = judging.judge(report, reach or Reach())
    strangers = np.flatnonzero(~np.isin(columns["partition"], list(inputs)))
    for at in report.room_for(Breach.ORPHAN, strangers):
        found = f"origin in partition {columns['partition'][at]}, which the input does not have"
        report.add(Breach.ORPHAN, _output_place(ancestry.prefix, columns, at), found)
    if reach is not None and reach.compacted:
        names = ", ".join(ancestry.prefix + topic for topic in reach.compacted)
        report.warnings.append(
            f"{names} is compacted: what lacks an output there may have had one, and is out of reach"
        )
    if report.out_of_reach and not report.records:
        report.warnings.append(f"nothing is judged: all {report.out_of_reach:,} records it processed are out of reach")
    return report, states


@dataclass(frozen=True, slots=True)
class _Partition:
    """One input partition and the outputs that name it as theirs."""

    stage: Stage
    ancestry: Ancestry
    partition: int
    given: InputPartition
    columns: Columns
    scope: Scope
    known: Known | None

    def judge(self, report: StageReport, reach: Reach) -> NDArray[np.int8]:
        records = self.given.records
        in_scope = records.has(IN_SCOPE)
        processed = in_scope & (records.offsets < self.given.committed)
        record, exists = records.find(self.columns["offset"])
        self._log(report)
        self._strays(report, exists, record)

        belongs = exists.copy()
        belongs[exists] = processed[record[exists]]
        own = {name: column[belongs] for name, column in self.columns.items()}
        count = Count(records, record[belongs], own)
        dropped = self._dropped(count)
        unsure = self._unsure(reach) & ~dropped
        compared = Comparison(count, self.ancestry.prefix + RAW, self.partition, self.known)
        breaches = count.breaches(compared.wrong)
        whole = processed & reach.covers(self.partition, records) & ~unsure
        if reach.compacted:
            lacking = np.logical_or.reduce([mask for breach, mask in breaches if breach in NEED_ALL_OUTPUTS])
            whole &= ~lacking | dropped

        state = np.full(len(records.offsets), State.OUT_OF_SCOPE, np.int8)
        state[in_scope] = State.UNDER_WAY
        state[processed] = State.OUT_OF_REACH
        state[whole] = State.THROUGH
        open_ = processed
        for breach, mask in breaches:
            found = open_ & mask & ~dropped
            if breach in NEED_ALL_OUTPUTS:
                found &= whole
            state[found] = State.BROKEN
            for at in report.room_for(breach, np.flatnonzero(found)):
                self._add(report, breach, count, compared, at)
            open_ = open_ & ~found
        for fate, mask in count.fates():
            if number := int((open_ & whole & mask).sum()):
                report.fates[fate] += number
        judged = whole | (state == State.BROKEN)
        report.records += int(judged.sum())
        report.outputs += int(judged[count.record].sum())
        report.not_yet_processed += int((in_scope & ~processed).sum())
        report.out_of_reach += int((processed & ~judged).sum())
        return state

    def _dropped(self, count: Count) -> Mask:
        """Records without a fate that are rightly passed over as repeats: their first lies in the log as it was read.

        Passed over without one, a record is lost, unless its first lies before what was read.
        """
        records = self.given.records
        without = np.flatnonzero(~count.has_fate & records.has(REPEAT))
        dropped = np.full(count.size, False)
        second = self.ancestry.follows_its_first(self.stage.input, self.partition, records.offsets[without])
        dropped[without[second]] = True
        return dropped

    def _unsure(self, reach: Reach) -> Mask:
        """Records without a fate whose first may lie before what was read."""
        records = self.given.records
        unsure = records.has(UNSURE)
        if not unsure.any():
            return unsure
        origins = self.ancestry.origins(self.stage.input, self.partition)
        return may_repeat(records, self.columns, origins, all_outputs=reach.all_outputs)

    def _log(self, report: StageReport) -> None:
        """What the log does not have any more, or not yet, of what the group has read."""
        committed, high = self.given.committed, self.given.high
        if high is not None and committed > high:
            found = f"the group's next offset is {committed}, but the log ends at {high}: it was made anew, or cut"
            report.add(Breach.BEYOND_THE_END, str(self._place(committed)), found)
        if lost := self.given.deleted:
            found = f"offsets {lost.start} to {lost.stop - 1} were deleted before the group had read them"
            report.add(Breach.DELETED_UNREAD, str(self._place(lost.start)), found)
        if maybe := self.given.maybe_deleted:
            where = f"offsets {maybe.start} to {maybe.stop - 1} of {self.ancestry.prefix}{self.stage.input}"
            report.warnings.append(
                f"{where}:{self.partition} were deleted before the group had read them: "
                "ends of transactions, or records that are lost"
                if maybe.start > 0
                else f"{where}:{self.partition} were deleted, and neither Kafka nor the changelog knows any more "
                "whether the group had read them"
            )

    def _strays(self, report: StageReport, exists: Mask, record: NDArray[np.int64]) -> None:
        """Outputs of no record, and of records that are not committed."""
        origin = self.columns["offset"]
        looked_at = origin >= self.given.begin
        if self.given.end is not None:
            looked_at &= origin < self.given.end
        looked_at[exists] &= self.given.records.has(IN_SCOPE)[record[exists]]
        if self.scope.head == RAW and self.stage.input != RAW:
            # Its input is not there to say so: its own lineage tells whether it is within the bounds.
            partition, offset = self.columns["lineage_partition"], self.columns["lineage_offset"]
            looked_at &= exists | (offset < 0) | self.scope.hold(partition, offset)
        ahead = origin >= self.given.committed_after
        between = (origin >= self.given.committed) & ~ahead  # committed while the outputs were being read
        orphan = ~exists & ~ahead & ~between
        for breach, mask in ((Breach.ORPHAN, orphan), (Breach.AHEAD, ahead)):
            rows = np.flatnonzero(mask & looked_at)
            for at in report.room_for(breach, rows):
                what = "which is no record" if breach is Breach.ORPHAN else "which the group has not committed"
                found = f"origin {self._place(int(origin[at]))}, {what}"
                ancestors = self._ancestors(int(record[at])) if exists[at] else None
                report.add(breach, _output_place(self.ancestry.prefix, self.columns, at), found, ancestors)

    def _add(self, report: StageReport, breach: Breach, count: Count, compared: Comparison, at: int) -> None:
        """Name a record that has a breach."""
        ancestors = self._ancestors(at)
        place = self._place(int(self.given.records.offsets[at]))
        found = self._found(count, at)
        if (why := compared.why(breach, at)) is not None:
            row, words = why
            name = "" if breach is Breach.LINEAGE else f"{_output_name(self.ancestry.prefix, count.columns, row)} "
            found += f", {name}{words}"
        if breach is Breach.INCOMPLETE and self.stage.input == RAW:
            of, missing, number = count.missing_positions(at, OUTPUTS_NAMED)
            ancestors = Ancestors(ancestors.raw, None, missing[0], of)
            more = f" and {number - len(missing):,} more" if number > len(missing) else ""
            found = f"article {', '.join(map(str, missing))}{more} of {of} of {place} is missing; has {found}"
        elif self.stage.input != RAW and ancestors.raw is not None:
            found += f"; it is {ancestors}"
        report.add(breach, str(place), found, ancestors)

    def _found(self, count: Count, at: int) -> str:
        """What a record got instead of one fate."""
        rows = np.flatnonzero(count.record == at).tolist()
        if not rows:
            is_repeat = bool(self.given.records.flags[at] & REPEAT)
            return "no fate" + (", passed over as a repeat, of no record before it" if is_repeat else "")
        named = [_output_name(self.ancestry.prefix, count.columns, row) for row in rows[:OUTPUTS_NAMED]]
        more = f" and {len(rows) - OUTPUTS_NAMED} more" if len(rows) > OUTPUTS_NAMED else ""
        return ", ".join(named) + more

    def _ancestors(self, at: int) -> Ancestors:
        records = self.given.records
        lineage = int(records.lineage_partitions[at]), int(records.lineage_offsets[at])
        return self.ancestry.of(self.stage.input, self.partition, int(records.offsets[at]), lineage)

    def _place(self, offset: int) -> Coordinates:
        return Coordinates(self.ancestry.prefix + self.stage.input, self.partition, offset)


def _output_place(prefix: str, columns: Columns, at: int) -> str:
    topic = prefix + TOPIC_OF[Kind(int(columns["kind"][at]))]
    return str(Coordinates(topic, int(columns["at_partition"][at]), int(columns["at_offset"][at])))


def _output_name(prefix: str, columns: Columns, row: int) -> str:
    kind = Kind(int(columns["kind"][row]))
    name = kind.name.lower().replace("_", " ")
    if columns["lineage_partition"][row] == UNREADABLE:
        name = f"an unreadable {'link' if kind is Kind.LINK else name}"
    elif kind is Kind.ARTICLE:
        name += f" {columns['position'][row]} of {columns['of'][row]}"
    return f"{name} at {_output_place(prefix, columns, row)}"
