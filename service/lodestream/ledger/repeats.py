"""Whether a record without a fate may have been passed over as a repeat of one before those that were read."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lodestream.ledger.inputs import REPEAT, UNSURE, InputRecords, Mask
from lodestream.ledger.outputs import Columns, Kind

REDONE_MS: Final = 60_000
"""How long it takes at most to write again what a torn transaction held, from its first record to its last."""


def may_repeat(records: InputRecords, columns: Columns, origins: Columns, *, all_outputs: bool) -> Mask:
    """Which records of an input partition may rightly have no fate, because what they repeat was not read.

    `columns`: the outputs of this partition. `origins`: of its records, as `Ancestry.origins` gives them.
    `all_outputs`: those of the records before them were read as well.

    Origins of one partition upstream go up, but for what is done again: a run of records that were all there before.
    Where reading began within such a run, it lasts from the first record of that upstream partition on, and all of
    it is passed over. Where reading began within what was done again later, that has the origins from the first
    record's down; it may come at any time, since no worker may have run meanwhile. Hence a record is no part of
    either

    - behind one of a lower origin that has a fate: the stage had taken nothing as high before that one, so whatever
      this one repeats lies behind that one, and was read;
    - later than a transaction takes to be done again, unless it goes back to the first record's origin or below;
    - when nothing of its document has a fate from before, though all outputs are there: its first would have one.
    """
    taken = np.isin(records.offsets, columns["offset"])
    found = records.has(UNSURE) & ~taken
    again = np.full(len(found), False)
    at, exists = records.find(origins["at_offset"])
    for upstream in np.unique(origins["partition"]).tolist():
        rows = np.flatnonzero((origins["partition"] == upstream) & exists)
        if len(rows):
            run = at[rows]
            offset, index = origins["offset"][rows], origins["index"][rows]
            within = records.timestamps[run] <= records.timestamps[run[0]] + REDONE_MS
            back = records.has(REPEAT)[run] & ~_is_above(offset, index, 0)
            again[run[(within | back) & ~_behind_one_taken(offset, index, taken[run])]] = True
    found &= again
    return found & _has_known_document(records, columns, found) if all_outputs else found


def _behind_one_taken(offset: NDArray[Any], index: NDArray[Any], taken: Mask) -> Mask:
    """Which of some origins, in the order of the log, come behind the first that was taken, and are above it."""
    if not taken.any():
        return np.full(len(taken), False)
    first = int(np.argmax(taken))
    behind: Mask = _is_above(offset, index, first) & (np.arange(len(taken)) > first)
    return behind


def _is_above(offset: NDArray[Any], index: NDArray[Any], than: int) -> Mask:
    """Which origins are above the one of this number."""
    above: Mask = (offset > offset[than]) | ((offset == offset[than]) & (index > index[than]))
    return above


def _has_known_document(records: InputRecords, columns: Columns, chosen: Mask) -> Mask:
    """Which of the chosen records have a document that an output of a record before all of them names."""
    before = columns["offset"] < records.offsets[0]
    if (columns["kind"][before] == Kind.DEAD_LETTER).any():
        return chosen  # a letter does not name its document
    lineage = columns["lineage_partition"][before].tolist(), columns["lineage_offset"][before].tolist()
    documents = set(zip(*lineage, strict=True))
    known = chosen.copy()
    for at in np.flatnonzero(chosen).tolist():
        document = int(records.lineage_partitions[at]), int(records.lineage_offsets[at])
        known[at] = min(document) < 0 or document in documents
    return known
