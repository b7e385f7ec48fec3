"""What `verify` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lodestream.ledger.breaches import PROBLEMS_KEPT, Problem, StageReport
from lodestream.times import rfc3339


@dataclass(frozen=True, slots=True)
class Used:
    """The bounds of a run, as they came out: records of `topic` (full name) in `spans`, and what came of them.

    `spans`: by partition the first offset, and that behind the last; partitions that were not looked at are left
    out. Times in ms. `slack_ms`: how long behind the last output of these records the topics were read; None: to
    their ends.
    """

    topic: str
    everything: bool
    since_ms: int | None
    until_ms: int | None
    spans: Mapping[int, tuple[int, int]]
    slack_ms: int | None = None

    def __str__(self) -> str:
        if self.everything:
            return f"everything that {self.topic} and the topics behind it still hold"
        times = [
            f"{word} {rfc3339(moment)}"
            for word, moment in (("since", self.since_ms), ("until", self.until_ms))
            if moment is not None
        ]
        spans = ", ".join(f"{part}:{first} to {last}" for part, (first, last) in sorted(self.spans.items()))
        return f"{self.topic} {' '.join(times)}{': ' if times else ''}{spans}, and what came of it"

    @property
    def unseen(self) -> str | None:
        """What these bounds leave unread although it is about their records; None: nothing."""
        if self.slack_ms is None:
            return None
        return f"outputs more than {self.slack_ms // 60_000} minutes behind the last one that was due, such as repeats"

    def as_json(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "everything": self.everything,
            "since": None if self.since_ms is None else rfc3339(self.since_ms),
            "until": None if self.until_ms is None else rfc3339(self.until_ms),
            "partitions": {str(part): {"from": first, "to": last} for part, (first, last) in self.spans.items()},
            "read_behind_ms": self.slack_ms,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The ledger of all stages that were looked at.

    `documents`: how many records of `raw` have come how far, to the last of what came of them; None where `raw` was
    not looked at. `read`: records read, by topic (short name). `kept`: how many problems it names.
    """

    stages: tuple[StageReport, ...]
    used: Used
    documents: Mapping[str, int] | None
    read: Mapping[str, int]
    kept: int = PROBLEMS_KEPT

    @property
    def adds_up(self) -> bool:
        """True: every record that is committed and in reach has exactly one fate, and no output is a stranger."""
        return all(stage.adds_up for stage in self.stages)

    @property
    def breaches(self) -> int:
        return sum(stage.breaches.total() for stage in self.stages)

    @property
    def problems(self) -> list[Problem]:
        """The first of them."""
        return [problem for stage in self.stages for problem in stage.problems][: self.kept]

    @property
    def warnings(self) -> list[str]:
        """What could not be judged, and why."""
        return [f"{stage.stage}: {warning}" for stage in self.stages for warning in stage.warnings]

    def as_json(self) -> dict[str, Any]:
        return {
            "adds_up": self.adds_up,
            "bounds": self.used.as_json(),
            "stages": {stage.stage: stage.as_json() for stage in self.stages},
            "documents": self.documents,
            "read": dict(self.read),
            "breaches": self.breaches,
            "problems": [problem.as_json() for problem in self.problems],
        }
