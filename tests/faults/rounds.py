"""A round: documents are fed without a pause while faults are made, then everything is held against the answer."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import broker_faults  # noqa: F401 - fills the catalogue
import worker_faults  # noqa: F401 - the same
from answer import Answer, Verdict, check
from cluster import Cluster
from corpus import documents, in_four_scripts
from crew import PROGRAM, Crew
from faults import Fault, Scene
from feeder import Feeder
from harness import Topics, Workers, wait_until
from lodestream.kafka.admin import apply_topics
from lodestream.ledger.audit import verify
from lodestream.settings import load

CREW: Final = ("clean", "clean", "dedupe", "tag")
DOCUMENTS_A_SECOND: Final = 25.0
MOST_DOCUMENTS: Final = 12_000
START_SECONDS: Final = 180.0  # four workers on two cores that others use as well
DRAIN_SECONDS: Final = 240.0  # a worker that hangs is found out after 120 s
PROBE_SECONDS: Final = 5.0
QUIET_SECONDS: Final = 10.0  # where records were lost, what is to come never comes
CALM_SECONDS: Final = 60.0  # after the last fault; what it left open has its own limits of 4 and 8 s, and two cores


def seed() -> int:
    """Of the environment (`SEED=n`), else a new one."""
    return int(os.environ.get("SEED", "0")) or random.randrange(1, 2**32)


@dataclass(slots=True)
class Round:
    """What happened in a round."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)  # that came to pass
    missed: Counter[str] = field(default_factory=Counter)  # those that did not: nothing to kill was there in time
    snapshots: int = 0  # that a restore began with
    documents: int = 0
    seconds: float = 0.0
    drained: bool = False
    stopped: bool = False
    ended: Counter[str] = field(default_factory=Counter)
    wrong_ends: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def good(self) -> bool:
        return self.drained and self.stopped and not self.wrong_ends and not self.verdict.found

    def as_json(self) -> dict[str, Any]:
        verdict = self.verdict
        return {
            "seed": self.seed,
            "faults": dict(self.faults),
            "missed": dict(self.missed),
            "documents": self.documents,
            "records": verdict.records,
            "lost": verdict.lost,
            "twice": verdict.twice,
            "wrong": verdict.wrong,
            "aborted": verdict.aborted,
            "snapshots_used": self.snapshots,
            "worker_ends": dict(self.ended),
            "wrong_ends": len(self.wrong_ends),
            "seconds": round(self.seconds, 1),
        }

    def say(self) -> None:
        """One line to standard output, one of JSON to the file that `REPORT` names."""
        figures = self.as_json()
        _say(", ".join(f"{name} {value}" for name, value in figures.items()))
        if path := os.environ.get("REPORT"):
            with Path(path).open("a") as file:
                file.write(json.dumps(figures) + "\n")


def run_round(
    cluster: Cluster, prefix: str, folder: Path, faults: Sequence[Fault], *, seed: int, program: Sequence[str] = PROGRAM
) -> Round:
    """Make the faults one after the other on a new deployment, and say what came of it."""
    schedule = random.Random(seed)
    outcome = Round(seed)
    began = time.monotonic()
    topics = Topics(load(bootstrap_servers=cluster.bootstrap_servers, topic_prefix=prefix, http_port=0))
    workers = Workers(load(bootstrap_servers=cluster.client_servers, topic_prefix=prefix, http_port=0), folder)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # our own clients tell of brokers that we killed
    asyncio.run(apply_topics(topics.settings))
    feeder = Feeder(topics.settings, in_four_scripts(documents(MOST_DOCUMENTS, seed)), DOCUMENTS_A_SECOND)
    crew = Crew(workers, program)
    scene = Scene(cluster, crew, topics)
    try:
        for agent in CREW:
            crew.add(agent)
        feeder.start()
        wait_until("the flow to flow", lambda: scene.wait_for_flow(1), START_SECONDS)
        _say(f"flows after {time.monotonic() - began:.1f} s")
        for number, each in enumerate(faults, 1):
            happened = _make(scene, each, schedule, f"{number}/{len(faults)}")
            (outcome.faults if happened else outcome.missed)[each.name] += 1
            feeder.check()
        cluster.heal()
        crew.calm_at = time.monotonic() + CALM_SECONDS
        answer = feeder.finish()
        outcome.documents = answer.documents
        outcome.drained = _drain(scene, answer)
        _say(f"drained after {time.monotonic() - began:.1f} s")
        outcome.stopped = crew.end()
        outcome.ended, outcome.wrong_ends = crew.ended, crew.wrong
        outcome.snapshots = sum(crew.all_output(post).count('"event": "snapshot read"') for post in crew.ever)
        outcome.verdict = check(topics, answer)
    finally:
        feeder.stop()
        workers.end()
    topics.delete()
    outcome.seconds = time.monotonic() - began
    outcome.say()
    return outcome


def _make(scene: Scene, fault: Fault, schedule: random.Random, number: str) -> bool:
    """Whether it came to pass. Half of the faults fall on a flow that flows, the others on one that may not yet."""
    began = time.monotonic()
    flows = ""
    if schedule.random() < 0.5:
        flows = "" if scene.wait_for_flow() else " (nothing flowed)"
    else:
        scene.crew.wait(schedule.uniform(0.2, 2))
    waited = time.monotonic() - began
    made = fault.make(scene, random.Random(schedule.random()))
    lasted = time.monotonic() - began - waited
    name = fault.name if made.happened else f"{fault.name}, MISSED"
    _say(f"{number} {fault.group}: {name}: {made.what}; after {waited:.1f} s{flows}, {lasted:.1f} s")
    return made.happened


def _drain(scene: Scene, answer: Answer) -> bool:
    """Until everything that was fed has gone through all stages; whether it did."""
    until = time.monotonic() + DRAIN_SECONDS
    probe = time.monotonic() + PROBE_SECONDS
    came, moved_at = -1, time.monotonic()
    while time.monotonic() < until:
        scene.crew.wait(0.5)
        if time.monotonic() > probe:
            scene.crew.probe()
            probe = time.monotonic() + PROBE_SECONDS
        enriched = sum(answer.records["enriched"].values())
        now = scene.enriched() or 0
        came, moved_at = (now, time.monotonic()) if now != came else (came, moved_at)
        if now < enriched and time.monotonic() - moved_at < QUIET_SECONDS:
            continue
        stages = asyncio.run(verify(scene.topics.settings)).stages
        if stages[0].records == answer.documents and not any(stage.not_yet_processed for stage in stages):
            return True
    return False


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
