"""What retention took of the topics, as far as the ledger must know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lodestream.ledger.inputs import InputRecords, Mask
from lodestream.ledger.outputs import INT64_MAX, TOPIC_OF, Columns

CLOCKS_MS: Final = 60_000
"""How far the clocks of two brokers lie apart at most: one took the input, another the output that came of it."""


class OutputPartition(NamedTuple):
    """A partition of an output topic (short name), as it was read.

    `beginning` is its first offset that is left, `start` the first that was read, and `oldest` the time (ms) of the
    first record that was; None: none was.
    """

    topic: str
    partition: int
    beginning: int
    start: int
    oldest: int | None


class InputLeft(NamedTuple):
    """A partition of a stage's input: its first offset that is left, and its records from `start` on, as read."""

    beginning: int
    start: int
    records: InputRecords

    def has(self, offsets: NDArray[np.int64]) -> Mask:
        """Which of these offsets, named by outputs in this order, are those of records, as far as that is known.

        Below its beginning one alone may as well be wrong: there it takes two that differ.
        """
        _, exists = self.records.find(offsets)
        gone = offsets < self.beginning
        last = self.records.offsets[-1] if len(self.records.offsets) else -1
        was_read = (offsets >= self.start) & (offsets <= last)
        may_be: Mask = exists | ~(gone | was_read)
        return may_be | gone if len(np.unique(offsets[gone])) > 1 else may_be


@dataclass(frozen=True, slots=True)
class Lost:
    """Which outputs of a stage one partition of its output topics may have lost.

    None of a record that was appended after `until_ms`. `first`: by input partition, of which record is the first
    output that is left; on one partition the outputs of another go up in their origin, so later records have lost
    none. Of an input partition that is not in it, no output is left.
    """

    until_ms: int
    first: Mapping[int, int] = field(default_factory=dict)

    def may_miss(self, partition: int, records: InputRecords) -> Mask:
        """The records of an input partition that may have had an output among those."""
        last = self.first.get(partition, INT64_MAX)
        mask: Mask = (records.timestamps <= self.until_ms) & (records.offsets <= last)
        return mask


@dataclass(frozen=True, slots=True)
class Reach:
    """From where on the outputs of a stage are all there, if they were ever written."""

    lost: Sequence[Lost] = ()
    all_outputs: bool = False  # those of records that retention took are there as well
    compacted: Sequence[str] = ()  # output topics (short names) where a newer record replaces those of its key

    def covers(self, partition: int, records: InputRecords) -> Mask:
        """The records of an input partition that have lost no output."""
        mask = np.full(len(records.offsets), True)
        for lost in self.lost:
            mask &= ~lost.may_miss(partition, records)
        return mask


def find_lost(
    read: OutputPartition, columns: Columns, lost_by_age_ms: int, inputs: Mapping[int, InputLeft] | None = None
) -> Lost | None:
    """What a partition of an output topic may have lost of a stage; None: nothing that is looked at.

    `columns`: all outputs of the stage. What a partition lost is older than what it still has: where reading began
    behind its first offset, it lost nothing that matters. Where it has nothing, what it lost had reached the topic's
    retention time, so it was older than `lost_by_age_ms`. `inputs`: by partition; an output of no record there is a
    stray, which says nothing of what came before it.
    """
    if read.beginning == 0 or read.start > read.beginning:
        return None
    if read.oldest is None:
        return Lost(lost_by_age_ms + CLOCKS_MS)
    kinds = [kind for kind, topic in TOPIC_OF.items() if topic == read.topic]
    left = np.flatnonzero(np.isin(columns["kind"], kinds) & (columns["at_partition"] == read.partition))
    partitions, offsets = columns["partition"][left], columns["offset"][left]
    trusted = np.full(len(left), True)
    for partition, records in (inputs or {}).items():
        mine = partitions == partition
        trusted[mine] = records.has(offsets[mine])
    partitions, at = np.unique(partitions[trusted], return_index=True)
    first = offsets[trusted][at]
    return Lost(read.oldest + CLOCKS_MS, dict(zip(partitions.tolist(), first.tolist(), strict=True)))


def deleted_unread(committed: int, beginning: int, markers: int, *, forgotten: bool = False) -> tuple[range, range]:
    """Offsets that are gone from the log of an input before the group read them: surely records, and maybe.

    A group's next offset stands directly behind its last record, and the markers that end transactions come behind
    that: when all of it has aged, the log begins behind them. `markers`: how many there may be at most, one for each
    producer that writes there. So few offsets may be markers, but at offset 0 stands a record. `forgotten`: a group at
    0 may have read on all the same, since what told that is gone, too.
    """
    gone = range(committed, max(committed, beginning))
    nothing = range(0)
    maybe = 0 < len(gone) <= markers if committed > 0 else forgotten
    return (nothing, gone) if gone and maybe else (gone or nothing, nothing)
