"""Guarantees 1 and 4 of the engine on three brokers: brokers and workers are killed and stopped, at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import BROKERS, Cluster
from harness import Topics, Workers, check_counts, wait_until
from lodestream.settings import load

PARTITIONS = 4
RECORDS = 40_000
WORKERS = 2
FAULTS = int(os.environ.get("FAULTS", "16"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 2**32)


@pytest.fixture
def cluster(prepared_broker: None, tmp_path: Path) -> Iterator[Cluster]:  # noqa: ARG001 - for its effect
    some = Cluster(tmp_path)
    try:
        some.start()
        yield some
    finally:
        some.end()


class Crew:
    """Workers under something that starts them again, as an orchestrator does."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.running = [self._start() for _ in range(WORKERS)]
        self.gave_up: Counter[int] = Counter()  # exit codes of those that ended by themselves

    def _start(self) -> subprocess.Popen[bytes]:
        # 40 records a transaction, each held open for 0.1 s: faults fall inside transactions.
        return self._workers.counting(LODESTREAM_HOLD_TRANSACTION_SECONDS="0.1", LODESTREAM_BATCH_MAX_RECORDS="40")

    def kill(self, at: int) -> None:
        self.running[at].kill()
        self.running[at].wait(30)
        self.running[at] = self._start()

    def look_after(self) -> None:
        for at, worker in enumerate(self.running):
            if worker.poll() is not None:
                self.gave_up[worker.returncode] += 1
                self.running[at] = self._start()

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look_after()
            time.sleep(0.2)


@pytest.mark.long
@pytest.mark.timeout(300 + 40 * FAULTS)
def test_every_record_exactly_once_with_its_state_while_brokers_and_workers_fail(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    sys.stdout.write(f"{FAULTS} faults of seed {SEED}\n")
    schedule = random.Random(SEED)
    settings = load(bootstrap_servers=cluster.bootstrap_servers, topic_prefix=prefix, http_port=0)
    topics = Topics(settings, replicas=BROKERS)
    topics.create(**{"in": PARTITIONS}, out=PARTITIONS, count_state=PARTITIONS, dead_letters=1)
    values = [b"%d" % number for number in range(RECORDS)]
    topics.fill("in", values, PARTITIONS)
    workers = Workers(settings, tmp_path)
    crew = Crew(workers)
    done: Counter[str] = Counter()
    try:
        wait_until("the first outputs", lambda: len(topics.read("out", committed=False)) > 0)
        for _ in range(FAULTS):
            crew.wait(schedule.uniform(1, 4))
            done[make_a_fault(cluster, crew, schedule)] += 1

        def all_there() -> bool:
            crew.look_after()
            return len(topics.read("out")) >= RECORDS

        wait_until("all records", all_there, 240)
        for each in crew.running:
            wait_until("the worker to run", lambda: "fenced" in workers.output(each))  # noqa: B023
            each.terminate()
        assert [each.wait(60) for each in crew.running] == [0] * WORKERS
        wait_until("no open transactions", lambda: topics.open_transactions("out") == 0)

        check_counts(topics, values)
        aborted = len(topics.read("out", committed=False)) - RECORDS
        sys.stdout.write(f"{dict(done)}; workers that gave up {dict(crew.gave_up)}; {aborted} aborted records\n")
        assert aborted > 0, "no fault fell inside a transaction"
    finally:
        workers.end()


def make_a_fault(cluster: Cluster, crew: Crew, schedule: random.Random) -> str:
    """One fault from beginning to end; what it was."""
    fault = schedule.choice(["kill worker", "kill broker", "stop broker", "stop worker"])
    broker, worker = schedule.randrange(BROKERS), schedule.randrange(WORKERS)
    seconds = schedule.uniform(2, 9)  # around the time-outs of sessions, which are 6 s
    sys.stdout.write(f"{fault} {broker if 'broker' in fault else worker}, {seconds:.1f} s\n")
    match fault:
        case "kill worker":
            crew.kill(worker)
        case "kill broker":
            cluster.kill(broker)
            crew.wait(seconds)
            cluster.restart(broker)
        case "stop broker":
            cluster.stop(broker)
            crew.wait(seconds)
            cluster.go_on(broker)
        case _:  # a zombie that wakes up and goes on writing
            zombie = crew.running[worker]
            zombie.send_signal(signal.SIGSTOP)
            crew.wait(seconds + 4)
            zombie.send_signal(signal.SIGCONT)
    return fault
