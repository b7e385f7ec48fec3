"""Which records a run of `verify` looks at: those of one topic within bounds, and everything that came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lodestream.ledger.outputs import STAGES, Stage
from lodestream.topics import RAW

HEADS: Final = tuple(stage.input for stage in STAGES)
"""Topics whose records can be bounded: the inputs of the stages, in the order of the flow."""

SLACK_MS: Final = 600_000
"""How far around the bounds the other topics are read.

An output is appended after its input, but by another broker's clock. And what a torn transaction made a stage write
twice comes again as soon as a worker has restarted: within this time.
"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What was asked for. `topic` is a short name out of `HEADS`; times are those of Kafka's append to it, in ms.

    `first` and `stop` are offsets by partition: a record is looked at from `first` to before `stop`. Where they name
    partitions, only these are looked at. Raises `ValueError` when nothing can lie within.
    """

    topic: str = RAW
    since_ms: int | None = None
    until_ms: int | None = None
    first: Mapping[int, int] = field(default_factory=dict)
    stop: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.topic not in HEADS:
            raise ValueError(f"{self.topic!r} is no input of a stage; there are {', '.join(HEADS)}")
        if self.since_ms is not None and self.until_ms is not None and self.since_ms >= self.until_ms:
            raise ValueError("it ends before it begins")
        for partition, first in self.first.items():
            if first >= self.stop.get(partition, first + 1):
                raise ValueError(f"{self.topic}:{partition} ends at {self.stop[partition]}, before it begins")

    @property
    def everything(self) -> bool:
        return self.since_ms is None and self.until_ms is None and not self.partitions

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that are named; none: all of them are meant."""
        return frozenset((*self.first, *self.stop))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that can be judged: the one that reads `topic`, and those after it."""
        return STAGES[HEADS.index(self.topic) :]


@dataclass(frozen=True, slots=True)
class Range:
    """Offsets of a partition: from `first` to before `stop`; None: whatever comes."""

    first: int = 0
    stop: int | None = None

    def __contains__(self, offset: int) -> bool:
        return self.first <= offset and (self.stop is None or offset < self.stop)


@dataclass(frozen=True, slots=True)
class Scope:
    """The bounds as offsets of the topic `head`, by partition. None: everything."""

    head: str = RAW
    ranges: Mapping[int, Range] | None = None

    @property
    def closed(self) -> bool:
        """True when no record that comes later can be within."""
        return self.ranges is not None and all(each.stop is not None for each in self.ranges.values())

    def holds(self, partition: int, offset: int) -> bool:
        """Whether this record of `head` is within."""
        return self.ranges is None or (partition in self.ranges and offset in self.ranges[partition])

    def hold(self, partitions: NDArray[Any], offsets: NDArray[Any]) -> NDArray[np.bool_]:
        """`holds` for arrays of the same length."""
        if self.ranges is None:
            return np.full(len(offsets), True)
        inside = np.full(len(offsets), False)
        for partition, each in self.ranges.items():
            below = True if each.stop is None else offsets < each.stop
            inside |= (partitions == partition) & (offsets >= each.first) & below
        return inside


@dataclass(frozen=True, slots=True)
class Found:
    """Where a partition of the bounded topic begins and ends, and what its times are.

    `since` and `until`: the first offset appended at or after that time; None: there is none yet.
    """

    beginning: int
    high: int
    since: int | None = None
    until: int | None = None


def ranges(bounds: Bounds, found: Mapping[int, Found]) -> dict[int, Range]:
    """The bounds as offsets, by partition. `found` holds all partitions of the topic.

    Raises `ValueError` when a partition is not there, or begins behind the end of its log.
    """
    for partition in sorted(bounds.partitions):
        if partition not in found:
            raise ValueError(f"has no partition {partition}: it has {len(found)}")
        if bounds.first.get(partition, 0) > found[partition].high:
            first, high = bounds.first[partition], found[partition].high
            raise ValueError(f"does not reach to {partition}:{first}: partition {partition} ends at {high}")
    chosen = bounds.partitions or frozenset(found)
    return {
        partition: _range(bounds, partition, each) if partition in chosen else Range(0, 0)
        for partition, each in found.items()
    }


def _range(bounds: Bounds, partition: int, found: Found) -> Range:
    first, stop = bounds.first.get(partition, 0), bounds.stop.get(partition)
    if bounds.since_ms is not None:
        since = found.high if found.since is None else found.since
        # A log that begins within the time may have lost more of it: what came of that is looked at as well.
        first = max(first, since if since > found.beginning else 0)
    if bounds.until_ms is not None:
        until = found.high if found.until is None else found.until
        stop = until if stop is None else min(stop, until)
    return Range(first, stop)


class Horizon:
    """Up to which time a stage's outputs must be read, so that none of a bounded input is left out.

    A stage takes each input partition in order, so an output of the last record, or of a later one, comes behind
    those of all before. When there is one for each partition, what follows within the slack is read as well.
    """

    def __init__(self, last: Mapping[int, int], slack_ms: int = SLACK_MS) -> None:
        """`last`: the offset of the last record within the bounds, by input partition that has one."""
        self._last = last
        self._slack_ms = slack_ms
        self._passed: dict[int, int] = {}

    def see(self, partition: int, offset: int, timestamp: int) -> None:
        """An output of this input record, appended at this time (ms)."""
        if offset >= self._last.get(partition, offset + 1):
            self._passed[partition] = min(timestamp, self._passed.get(partition, timestamp))

    def over(self, timestamp: int) -> bool:
        """True when no output that was appended at this time or later can belong to the input."""
        if len(self._passed) < len(self._last):
            return False
        return not self._last or timestamp > max(self._passed.values()) + self._slack_ms
