"""What `verify` found, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lodestream.ledger.judge import PROBLEMS_KEPT, Breach, Problem, StageReport


@dataclass(frozen=True, slots=True)
class Report:
    """The ledger of all stages."""

    stages: tuple[StageReport, ...]

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
        return [problem for stage in self.stages for problem in stage.problems][:PROBLEMS_KEPT]

    def as_json(self) -> dict[str, Any]:
        return {
            "adds_up": self.adds_up,
            "stages": {
                stage.stage: {
                    "records": stage.records,
                    "outputs": stage.outputs,
                    "fates": dict(sorted(stage.fates.items())),
                    "breaches": {breach.value: stage.breaches[breach] for breach in Breach},
                    "not_yet_processed": stage.not_yet_processed,
                    "out_of_reach": stage.out_of_reach,
                }
                for stage in self.stages
            },
            "problems": [
                {"breach": problem.breach.value, "coordinates": problem.coordinates, "found": problem.found}
                for problem in self.problems
            ],
        }
