"""Guarantee 1 of the whole flow on three brokers, while workers, groups, brokers and the network fail.

The expected answer is exact: each record of each topic, from the same steps without Kafka.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from cluster import Cluster
from faults import named
from rounds import run_round, seed

# Of each group so many, among those that are soon over. The long form makes all.
SHORT = (
    (3, ("kill in a transaction", "kill after a commit", "kill while restoring", "zombie", "sigterm", "out of memory")),
    (1, ("all agents at once", "joining and leaving")),
    (1, ("kill the leader", "kill the transaction coordinator")),
    (1, ("slow broker",)),
    (2, ("half open", "committed but not told", "not committed and not told", "cut", "delay")),
)


@pytest.mark.timeout(400)
def test_a_mixed_schedule_of_faults_loses_nothing_and_repeats_nothing(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    number = seed()
    source = random.Random(number)
    sys.stdout.write(f"documents and schedule of seed {number}\n")
    faults = named([name for number_of, names in SHORT for name in source.sample(names, number_of)])
    source.shuffle(faults)
    outcome = run_round(cluster, prefix, tmp_path, faults, number)
    assert outcome.verdict.found == []
    assert outcome.wrong_ends == []
    assert outcome.drained, "not everything went through"
    assert outcome.stopped, "a worker did not stop"
    assert outcome.verdict.aborted > 0, "no fault fell inside a transaction: the test shows nothing"
