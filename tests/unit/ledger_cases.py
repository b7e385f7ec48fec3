"""Inputs and outputs of a stage, written down in a line each, and their judgement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lodestream.ledger.ancestry import Ancestry
from lodestream.ledger.bounds import Scope
from lodestream.ledger.breaches import StageReport
from lodestream.ledger.content import Named
from lodestream.ledger.inputs import IN_SCOPE, InputRecords
from lodestream.ledger.judge import InputPartition, judge
from lodestream.ledger.names import Known
from lodestream.ledger.outputs import (
    NO_LINEAGE,
    NO_NUMBER,
    NOTHING_NAMED,
    STAGES,
    Fate,
    Fates,
    Kind,
    Stage,
)
from lodestream.ledger.retention import Lost, Reach
from lodestream.letters import Coordinates

CLEAN, DEDUPE, TAG = STAGES
WHOLE, ONWARD, LINKED = 10**6, 2 * 10**6, 3 * 10**6
HELD = {
    Kind.ARTICLE: 0,
    Kind.ORIGINAL: ONWARD,
    Kind.LINK: LINKED,
    Kind.FORWARDED: LINKED,
    Kind.ENRICHED: ONWARD,
    Kind.DEAD_LETTER: WHOLE,
}
"""What is added to the offset of the input for the hash of what an output has of it."""


@dataclass(frozen=True)
class Out:
    """An output in a test: of the record at `offset` in partition 0."""

    kind: Kind
    offset: int
    index: int = 0
    position: int = NO_NUMBER
    of: int = NO_NUMBER
    partition: int = 0
    lineage: tuple[int, int] | None = None  # None: the right one
    held: int | None = None  # the hash of what it has of its input; None: the right one
    named: Named = NOTHING_NAMED
    at_partition: int = 0
    astray: int = 0


def article(offset: int, position: int, of: int, index: int | None = None) -> Out:
    return Out(Kind.ARTICLE, offset, position if index is None else index, position, of)


def letter(offset: int) -> Out:
    return Out(Kind.DEAD_LETTER, offset, NO_NUMBER)


def partition(
    offsets: Iterable[int],
    committed: int,
    begin: int = 0,
    after: int | None = None,
    times: Iterable[int] | None = None,
    **more: Any,
) -> InputPartition:
    """Records whose lineage is offset 100 + their own of partition 0; `flags` by offset, all in scope otherwise.

    Their hashes are their offsets and `WHOLE`, `ONWARD`, `LINKED`.
    """
    numbers = np.array(list(offsets), np.int64)
    timestamps = numbers * 10 if times is None else np.array(list(times), np.int64)
    flags = more.pop("flags", {})
    records = InputRecords(
        numbers,
        timestamps,
        np.array([flags.get(offset, IN_SCOPE) for offset in numbers.tolist()], np.int8),
        np.zeros(len(numbers), np.int32),
        numbers + 100,
        *((numbers + more).astype(np.uint64) for more in (WHOLE, ONWARD, LINKED)),
    )
    return InputPartition(records, committed, committed if after is None else after, begin, **more)


def judged(
    stage: Stage,
    inputs: InputPartition | dict[int, InputPartition],
    outs: Iterable[Out],
    reach_ms: int | None = None,
    *,
    parents: Iterable[Fate] = (),
    scope: Scope | None = None,
    reach: Reach | None = None,
    known: Known | None = None,
) -> StageReport:
    """`parents`: the fates of the stages before; each stands on its topic at the offset of its place in the list."""
    fates = {each.name: Fates(each.name) for each in STAGES}
    for at, fate in enumerate(parents):
        fates[fate.stage].add(fate, 0, at)
    for at, out in enumerate(outs):
        lineage = (out.partition, out.offset) if stage is CLEAN else (0, out.offset + 100)
        if out.kind is Kind.DEAD_LETTER:
            lineage = NO_LINEAGE
        origin = Coordinates("x", out.partition, out.offset)
        fate = Fate(stage.name, out.kind, origin, out.index, out.position, out.of, out.lineage or lineage)
        held = out.offset + HELD[out.kind] if out.held is None else out.held
        fates[stage.name].add(fate, out.at_partition, at, held=held, named=out.named, astray=out.astray)
    ancestry = Ancestry("p.", {name: each.columns() for name, each in fates.items()})
    partitions = inputs if isinstance(inputs, dict) else {0: inputs}
    if reach_ms is not None:
        reach = Reach([Lost(reach_ms)])
    report, states = judge(stage, partitions, ancestry, reach=reach, scope=scope, known=known)
    assert {at: len(state) for at, state in states.items()} == {
        at: len(each.records.offsets) for at, each in partitions.items()
    }
    return report


def healthy(stage: Stage, offset: int) -> list[Out]:
    if stage is CLEAN:
        return [article(offset, 0, 2), article(offset, 1, 2)]
    return [Out(Kind.ORIGINAL if stage is DEDUPE else Kind.ENRICHED, offset)]
