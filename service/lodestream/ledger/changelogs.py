"""The changelogs: their blocks must cover the input without a gap, up to the group's next offset.

What a block covers was done in the transaction that wrote it. A block that begins where one before it ended says that
what came behind was done again, as after a torn transaction: those are void, and the state is whole.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from heapq import merge
from itertools import chain
from operator import attrgetter
from typing import Final, NamedTuple

from lodestream.engine.block import Span
from lodestream.errors import StateError
from lodestream.ledger.breaches import Breach, StageReport
from lodestream.ledger.outputs import STAGES
from lodestream.topics import changelog_of

CHANGELOGS: Final = {changelog_of(stage.name): stage for stage in STAGES}
"""The stage by its changelog (short name)."""


WHY_KEPT: Final = 1000
"""Of how many blocks that cannot be read it is kept why, for each partition."""


class Flaw(NamedTuple):
    """What is wrong at an offset of a changelog, and which input offsets it is about: from `start` to before `end`."""

    breach: Breach
    offset: int
    start: int
    end: int
    found: str


class Blocks:
    """The blocks of one partition of a changelog, in order: 8 bytes each, and 24 at most for what is wrong with it."""

    def __init__(self, partitions: int) -> None:
        """`partitions`: of the input."""
        self.last = 0  # the offset of the newest that can be read
        self._partitions = partitions
        self._ends = array("q")  # of those that are not void; each begins where the one before it ends
        self._first = (0, 0)  # of the first of those: its own offset, and the input offset that it begins at
        self._follows = True  # False behind one that cannot be read
        # Of a damaged changelog there may be as many flaws as blocks, so these are kept as numbers, too.
        self._gaps = array("q")  # three each: offset, and the input from where to before where
        self._unreadable = array("q")  # two each: offset, and the input offset up to which they reach there
        self._why: list[str] = []  # of the first ones that cannot be read

    @property
    def end(self) -> int | None:
        """The input offset up to which they reach; None: there are none."""
        return self._ends[-1] if self._ends else None

    def flaws(self) -> Iterator[Flaw]:
        """What is wrong with them, in the order of the changelog."""
        return merge(self._read_gaps(), self._read_unreadable(), key=attrgetter("offset"))

    def _read_gaps(self) -> Iterator[Flaw]:
        for at in range(0, len(self._gaps), 3):
            offset, start, end = self._gaps[at : at + 3]
            yield Flaw(Breach.STATE_GAP, offset, start, end, "the block before it ends there")

    def _read_unreadable(self) -> Iterator[Flaw]:
        for number, at in enumerate(range(0, len(self._unreadable), 2)):
            offset, start = self._unreadable[at : at + 2]
            why = self._why[number] if number < len(self._why) else "a block that cannot be read"
            yield Flaw(Breach.STATE_UNREADABLE, offset, start, start + 1, why)

    @property
    def gap_before(self) -> Flaw | None:
        """The input before the first block, which none covers if it is the first that there ever was; None: nothing.

        That of a new group begins at offset 0, also where its input began behind that.
        """
        offset, start = self._first
        return Flaw(Breach.STATE_GAP, offset, 0, start, "the first block begins behind them") if start else None

    def add(self, offset: int, packed: bytes | None) -> None:
        """The next block, at this offset of the changelog."""
        try:
            span = self._read(packed or b"")
        except StateError as error:
            self._unreadable.extend((offset, self.end or 0))
            if len(self._why) < WHY_KEPT:
                self._why.append(str(error))
            self._follows = False
            return
        if self._ends and self._ends[-1] > span.start:
            self._rewind(span.start)
        end = self.end
        if end is not None and end < span.start and self._follows:
            self._gaps.extend((offset, end, span.start))
        if end is None:
            # Behind one that cannot be read it does not say where they begin.
            self._first = offset, span.start if self._follows else 0
        self._ends.append(span.end)
        self._follows = True
        self.last = offset

    def _read(self, packed: bytes) -> Span:
        span = Span.of(packed)
        if span.partitions != self._partitions:
            raise StateError(f"a block of {span.partitions} input partitions, where there are {self._partitions}")
        if span.end < span.start:
            raise StateError(f"a block from input offset {span.start} to {span.end}")
        return span

    def _rewind(self, start: int) -> None:
        """What reaches beyond `start` is void, and so is what was missing right before that."""
        while self._ends and self._ends[-1] > start:
            self._ends.pop()
        end = self.end or 0
        while self._gaps and self._gaps[-1] > end:
            del self._gaps[-3:]


class Given(NamedTuple):
    """What the blocks are held against: the group's next offset before they were read and afterwards.

    Looked at is the input from `first` to before `stop`; None: to its end. `is_whole`: no block that was written since
    `first` can be missing because retention took it; `is_all`: none at all can.
    """

    committed: int
    committed_after: int
    first: int = 0
    stop: int | None = None
    is_whole: bool = False
    is_all: bool = False


def hold(report: StageReport, blocks: Blocks, given: Given, places: tuple[str, str]) -> None:
    """Hold the blocks of a partition against its group. `places`: topic:partition of the changelog and of the input."""
    changelog, source = places
    first = blocks.gap_before if given.is_all else None
    for flaw in chain([first] if first else [], blocks.flaws(), _at_the_end(blocks, given)):
        if flaw.end <= given.first or (given.stop is not None and flaw.start >= given.stop):
            continue
        found = flaw.found
        if flaw.breach is Breach.STATE_GAP:
            found = f"no block covers offsets {flaw.start} to {flaw.end - 1} of {source}: {found}"
        report.add(flaw.breach, f"{changelog}:{flaw.offset}", found)


def _at_the_end(blocks: Blocks, given: Given) -> list[Flaw]:
    committed, after, end = given.committed, given.committed_after, blocks.end
    must = committed if given.stop is None else min(committed, given.stop)
    if end is None:
        found = f"there is none, but {committed} is committed"
        return [Flaw(Breach.STATE_GAP, 0, given.first, must, found)] if given.is_whole and must > given.first else []
    if end < must:
        found = f"the last one ends there, but {committed} is committed"
        return [Flaw(Breach.STATE_GAP, blocks.last, end, must, found)]
    if end > after:
        found = f"the last block ends at input offset {end}, but the group has committed {after}"
        return [Flaw(Breach.STATE_AHEAD, blocks.last, after, end, found)]
    return []
