"""How the ledger can be broken, and what one stage's ledger came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lodestream.letters import Coordinates

PROBLEMS_KEPT: Final = 20
REPEAT_DROPPED: Final = "repeat (dropped)"
"""The fate of a record that the stage before wrote twice: the second one is passed over."""


class Breach(StrEnum):
    """How a record, or an output, can break the ledger. Of several, a record counts under the first."""

    REPEAT_TAKEN = "repeat taken"  # the stage before wrote it twice, and it was not passed over
    UNREADABLE = "unreadable"  # an output whose value is no record
    TWICE = "twice"  # the same fate, position or index more than once
    TWO_FATES = "two fates"  # fates that exclude each other
    # Its articles do not agree on how many they are, or on their positions; or an original and its forwarded link on
    # what it extends.
    CONTRADICTORY = "contradictory"
    INCOMPLETE = "incomplete"  # some of its articles are missing, or one of an original and its forwarded link
    MISSING = "missing"  # no fate at all
    LINEAGE = "lineage"  # an output's lineage is not that of the record it came from
    MISPLACED = "misplaced"  # an output has another index, key or partition than its stage gives it
    ALTERED = "altered"  # an output does not hold what its input held
    DANGLING = "dangling"  # an original or a link names an original or a story that is not there
    # breaches of outputs, not of input records
    ORPHAN = "orphan"  # its origin is no input record
    AHEAD = "ahead"  # its origin is not committed: it would be written again
    # breaches of a log, not of records that are there
    DELETED_UNREAD = "deleted unread"  # retention took input that the group had not read
    STATE_GAP = "state gap"  # input that no block of the changelog covers, though it is committed
    STATE_AHEAD = "state ahead"  # a block covers input that is not committed: it would be done again
    STATE_UNREADABLE = "state unreadable"  # a block that no worker can restore from
    BEYOND_THE_END = "beyond the end"  # the group has committed what the log does not have


NEED_ALL_OUTPUTS: Final = frozenset({Breach.INCOMPLETE, Breach.MISSING})
"""What an output that retention took may explain; no other breach of a record is mended by one output more."""


@dataclass(frozen=True, slots=True)
class Ancestors:
    """Where a record came from. None: not known, or it has none, as a record of `raw`.

    `raw` is the document; `parent` the record that a stage made this one of. `position` counts from 0: article
    `position` of `of` of that document.
    """

    raw: Coordinates | None = None
    parent: Coordinates | None = None
    position: int | None = None
    of: int | None = None

    def __str__(self) -> str:
        if self.raw is None:
            return ""
        article = "from" if self.position is None else f"article {self.position} of {self.of} of"
        via = "" if self.parent in (None, self.raw) else f", by way of {self.parent}"
        return f"{article} {self.raw}{via}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One breach: the coordinates of the record, or of the output, and what was found in words."""

    stage: str
    breach: Breach
    coordinates: str
    found: str
    ancestors: Ancestors = field(default_factory=Ancestors)

    def as_json(self) -> dict[str, Any]:
        found = self.ancestors
        return {
            "stage": self.stage,
            "breach": self.breach.value,
            "coordinates": self.coordinates,
            "found": self.found,
            "raw": None if found.raw is None else str(found.raw),
            "parent": None if found.parent is None else str(found.parent),
            "position": found.position,
            "of": found.of,
        }


@dataclass(slots=True)
class StageReport:
    """The ledger of one stage: `records` = the sum of `fates` and of the breaches that are records'."""

    stage: str
    kept: int = PROBLEMS_KEPT
    records: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    outputs: int = 0  # that belong to these records
    breaches: Counter[Breach] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)  # the first `kept`
    not_yet_processed: int = 0
    out_of_reach: int = 0  # processed, and it cannot be known whether all outputs were written
    warnings: list[str] = field(default_factory=list)  # what could not be judged, and why

    @property
    def adds_up(self) -> bool:
        return not self.breaches.total()

    @property
    def full(self) -> bool:
        """Further problems are only counted."""
        return len(self.problems) >= self.kept

    def room_for(self, breach: Breach, found: NDArray[np.int64]) -> list[int]:
        """Of what has a breach, those that are still to be named, by `add`; the others are counted here.

        To name one takes a search for where it came from, and there may be millions.
        """
        named: list[int] = found[: max(0, self.kept - len(self.problems))].tolist()
        if more := len(found) - len(named):
            self.breaches[breach] += more
        return named

    def add(self, breach: Breach, coordinates: str, found: str, ancestors: Ancestors | None = None) -> None:
        self.breaches[breach] += 1
        if not self.full:
            self.problems.append(Problem(self.stage, breach, coordinates, found, ancestors or Ancestors()))

    def as_json(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "outputs": self.outputs,
            "fates": dict(sorted(self.fates.items())),
            "breaches": {breach.value: self.breaches[breach] for breach in Breach},
            "not_yet_processed": self.not_yet_processed,
            "out_of_reach": self.out_of_reach,
            "warnings": self.warnings,
        }
