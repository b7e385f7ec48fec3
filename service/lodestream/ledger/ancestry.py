"""From a record back to its document, and from a document on to everything that came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodestream.ledger.breaches import Ancestors
from lodestream.ledger.inputs import InputRecords
from lodestream.ledger.outputs import STAGES, WRITER, Columns, Kind
from lodestream.letters import Coordinates
from lodestream.topics import ARTICLES, ORIGINALS, RAW

_INPUT_KINDS = {ARTICLES: Kind.ARTICLE, ORIGINALS: Kind.ORIGINAL}
_ORIGINS = ("at_offset", "partition", "offset", "index")
_READ_BY = {stage.name: stage.input for stage in STAGES}


class State(IntEnum):
    """How far a record has come; of several, the largest counts."""

    THROUGH = 0
    OUT_OF_REACH = 1
    UNDER_WAY = 2
    BROKEN = 3
    OUT_OF_SCOPE = 4


States = Mapping[int, NDArray[np.int8]]
"""By input partition of a stage, the `State` of each record there."""


class Ancestry:
    """Which record each record came from, by the fates of all stages."""

    def __init__(self, prefix: str, fates: Mapping[str, Columns]) -> None:
        self.prefix = prefix
        self.fates = fates

    def of(self, topic: str, partition: int, offset: int, lineage: tuple[int, int]) -> Ancestors:
        """The ancestors of a record of an input topic (short name). `lineage`: what its value says, negative: nothing.

        A record that no stage wrote, as one that was put back, has its lineage and no parent.
        """
        if topic == RAW:
            return Ancestors(self._place(RAW, partition, offset))
        said = None if min(lineage) < 0 else self._place(RAW, *lineage)
        row = self._row(topic, partition, offset)
        if row is None:
            return Ancestors(said)
        columns = self.fates[WRITER[topic].name]
        parent = int(columns["partition"][row]), int(columns["offset"][row])
        above = _READ_BY[WRITER[topic].name]
        place = self._place(above, *parent)
        if above == RAW:
            return Ancestors(place, place, int(columns["position"][row]), int(columns["of"][row]))
        further = self.of(above, *parent, lineage)
        return Ancestors(further.raw, place, further.position, further.of)

    def follows_its_first(self, topic: str, partition: int, offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For records of an input topic, whether one before them in their partition has the same origin and index."""
        if topic == RAW or not len(offsets):
            return np.full(len(offsets), False)
        columns = self.fates[WRITER[topic].name]
        mine = self._on(topic, partition)
        keys = [columns[name][mine] for name in ("at_offset", "index", "offset", "partition")]
        order = np.lexsort(keys)
        at, *origin = (key[order] for key in keys)
        again = np.full(len(at), False)
        again[1:] = np.logical_and.reduce([key[1:] == key[:-1] for key in origin])
        return np.isin(offsets, at[again])

    def origins(self, topic: str, partition: int) -> Columns:
        """Of the records of an input topic that a stage wrote: `at_offset`, and of their origins the rest."""
        if topic == RAW:
            return {name: np.empty(0, np.int64) for name in _ORIGINS}
        mine = self._on(topic, partition)
        return {name: self.fates[WRITER[topic].name][name][mine] for name in _ORIGINS}

    def _on(self, topic: str, partition: int) -> NDArray[np.bool_]:
        columns = self.fates[WRITER[topic].name]
        mine: NDArray[np.bool_] = (columns["kind"] == _INPUT_KINDS[topic]) & (columns["at_partition"] == partition)
        return mine

    def _row(self, topic: str, partition: int, offset: int) -> int | None:
        columns = self.fates[WRITER[topic].name]
        rows = np.flatnonzero(self._on(topic, partition) & (columns["at_offset"] == offset))
        return int(rows[0]) if len(rows) else None

    def _place(self, topic: str, partition: int, offset: int) -> Coordinates:
        return Coordinates(self.prefix + topic, partition, offset)


def follow(
    ancestry: Ancestry, inputs: Mapping[str, Mapping[int, InputRecords]], states: Mapping[str, States]
) -> Counter[State]:
    """The documents within the bounds by how far they have come, to the last of what came of them.

    One is through when all of its articles and all of their originals have their fates. `inputs` and `states` are
    by short name of the input topic, and by stage. What is not read to the end counts as under way.
    """
    known: dict[str, dict[int, NDArray[np.int8]]] = {}
    for stage in reversed(STAGES):
        own = {partition: state.copy() for partition, state in states[stage.name].items()}
        for topic in (topic for topic in stage.outputs if topic in known):
            columns = ancestry.fates[stage.name]
            rows = columns["kind"] == _INPUT_KINDS[topic]
            children = {name: columns[name][rows] for name in ("partition", "offset", "at_partition", "at_offset")}
            became = _states(inputs[topic], known[topic], children)
            for partition, state in own.items():
                mine = children["partition"] == partition
                at, exists = inputs[stage.input][partition].find(children["offset"][mine])
                np.maximum.at(state, at[exists], became[mine][exists])
        known[stage.input] = own
    counted: Counter[State] = Counter()
    for partition, state in known[RAW].items():
        # What is not looked at itself is not counted, whatever came of it.
        counts = np.bincount(state[states[STAGES[0].name][partition] != State.OUT_OF_SCOPE], minlength=len(State))
        counted.update({each: int(counts[each]) for each in State})
    return counted


def _states(
    inputs: Mapping[int, InputRecords], states: States, children: Mapping[str, NDArray[Any]]
) -> NDArray[np.int8]:
    """The state of each child as a record of the next input."""
    found = np.full(len(children["offset"]), State.UNDER_WAY, np.int8)
    for partition, records in inputs.items():
        mine = np.flatnonzero(children["at_partition"] == partition)
        at, exists = records.find(children["at_offset"][mine])
        found[mine[exists]] = states[partition][at[exists]]
    return found
