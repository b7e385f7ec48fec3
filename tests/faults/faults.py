"""The catalogue of faults: each a function that makes one on real processes, and undoes it.

`worker_faults` and `broker_faults` hold the faults themselves.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiokafka.errors import KafkaError

from cluster import Cluster
from crew import Crew
from harness import Topics
from lodestream.errors import LodestreamError
from lodestream.kafka.log import Offsets
from lodestream.topics import ENRICHED

OPEN_SECONDS: Final = 3.0  # how long a fault waits for a transaction to fall into
AGAIN_SECONDS: Final = 12.0  # how long the next fault waits for the flow to flow again
ANSWER_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.02


@dataclass(slots=True)
class Scene:
    """What faults are made on."""

    cluster: Cluster
    crew: Crew
    topics: Topics

    def in_transaction(self, topic: str, seconds: float = OPEN_SECONDS) -> bool:
        """Waits a little for a transaction on the topic; whether one is open, as far as one can know."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.crew.look_after()
            ends = self._ends(topic)
            if ends is not None and any(each.high > each.stable for each in ends.values()):
                return True
            time.sleep(POLL_SECONDS)
        return False

    def after_commit(self, topic: str) -> bool:
        """Waits a little for a commit on the topic behind which no transaction is open; whether there was one."""
        until = time.monotonic() + AGAIN_SECONDS
        before: int | None = None
        while time.monotonic() < until:
            self.crew.look_after()
            ends = self._ends(topic)
            if ends is not None:
                stable = sum(each.stable for each in ends.values())
                if before is not None and stable > before and all(each.high == each.stable for each in ends.values()):
                    return True
                before = stable if before is None else before
            time.sleep(POLL_SECONDS)
        return False

    def _ends(self, topic: str) -> dict[int, Offsets] | None:
        try:
            return self.topics.ends(topic, ANSWER_SECONDS)
        except (KafkaError, LodestreamError, TimeoutError):  # brokers are away
            return None

    def enriched(self) -> int | None:
        """How far the end of the flow has come; None when no broker says."""
        ends = self._ends(ENRICHED)
        return None if ends is None else sum(each.stable for each in ends.values())

    def wait_for_flow(self, seconds: float = AGAIN_SECONDS) -> bool:
        """Until something comes out at the end of the flow; whether it did."""
        before = self.enriched()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.crew.wait(0.3)
            now = self.enriched()
            if now is not None and before is not None and now > before:
                return True
            before = now if before is None else before
        return False


class Made(NamedTuple):
    """What a fault did to whom, and whether it came to pass as its name says: only then it counts."""

    what: str
    happened: bool = True


Make = Callable[[Scene, random.Random], Made]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault. `make` returns once it is undone."""

    name: str
    group: str
    weight: float
    make: Make


CATALOGUE: Final[list[Fault]] = []


def fault(group: str, weight: float = 1.0) -> Callable[[Make], Make]:
    """Puts a function into the catalogue, under its own name."""

    def add(make: Make) -> Make:
        CATALOGUE.append(Fault(make.__name__.replace("_", " "), group, weight, make))
        return make

    return add


def schedule_of(number: int, source: random.Random) -> list[Fault]:
    """So many faults: each kind at least once where there is room, the others by weight, in random order."""
    chosen = source.sample(CATALOGUE, min(number, len(CATALOGUE)))
    chosen += source.choices(CATALOGUE, [each.weight for each in CATALOGUE], k=number - len(chosen))
    source.shuffle(chosen)
    return chosen


def named(names: Sequence[str]) -> list[Fault]:
    """Faults by name."""
    by_name = {each.name: each for each in CATALOGUE}
    return [by_name[name] for name in names]
