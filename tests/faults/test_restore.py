"""Crashes at points that no signal from outside hits for sure, and restores that do not get to their end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import Cluster
from corpus import documents
from crew import Crew
from harness import Topics, Workers, check_counts, wait_until
from lodestream.kafka.admin import apply_topics
from lodestream.replay.send import replay
from lodestream.settings import load
from lodestream.topics import ORIGINALS
from proxy import Mode

PARTITIONS = 2
CRASHED = 9
# Many blocks that do not fit into one fetch: a restore then has places where it can be stopped.
BLOCKS = {"LODESTREAM_BATCH_MAX_RECORDS": "20", "COUNTING_WORKER_BLOCK_BYTES": "60000"}
SLOW = {**BLOCKS, "COUNTING_WORKER_APPLY_SECONDS": "0.1"}


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


class Flow:
    """What goes into a counting worker's input, and what must have come of it."""

    def __init__(self, topics: Topics, workers: Workers, partitions: int = PARTITIONS) -> None:
        topics.create(**{"in": partitions}, out=partitions, count_state=partitions, dead_letters=1)
        self.topics = topics
        self.workers = workers
        self.values: list[bytes] = []
        self._partitions = partitions

    def fill(self, count: int) -> None:
        """A multiple of the partitions, so that each value goes on where the last one of its partition was."""
        some = numbers(count, len(self.values))
        self.topics.fill("in", some, self._partitions)
        self.values += some

    def drain(self) -> None:
        wait_until("all records", lambda: len(self.topics.read("out")) >= len(self.values))

    def run(self, **environment: str) -> None:
        """A worker from start to end."""
        worker = self.workers.counting(**environment)
        self.drain()
        worker.terminate()
        assert worker.wait(60) == 0

    def aborted(self) -> int:
        return len(self.topics.read("out", committed=False)) - len(self.topics.read("out"))


@pytest.mark.timeout(120)
def test_a_crash_behind_a_commit_that_the_worker_does_not_know_of(topics: Topics, workers: Workers) -> None:
    flow = Flow(topics, workers)
    flow.fill(1000)
    first = workers.counting(COUNTING_WORKER_DIES="committed:5", LODESTREAM_BATCH_MAX_RECORDS="20")
    assert first.wait(60) == CRASHED, workers.output(first)
    wait_until("its last commit to show", lambda: len(topics.read("out")) >= 5 * 20)
    flow.run()
    check_counts(topics, flow.values)


@pytest.mark.timeout(120)
def test_crashes_in_the_middle_of_a_restore(topics: Topics, workers: Workers) -> None:
    flow = Flow(topics, workers)
    flow.fill(1000)
    flow.run(**BLOCKS)
    flow.fill(400)
    for block in (1, 7, 30):
        first = workers.counting(**BLOCKS, COUNTING_WORKER_DIES=f"restoring:{block}")
        assert first.wait(60) == CRASHED, workers.output(first)
        assert '"event": "fenced"' in workers.output(first)
    assert len(topics.read("out")) == 1000
    flow.run()
    assert flow.aborted() == 0
    check_counts(topics, flow.values)


@pytest.mark.timeout(200)
def test_a_restore_is_given_up_for_a_rebalance_and_for_sigterm(topics: Topics, workers: Workers) -> None:
    flow = Flow(topics, workers)
    flow.fill(2400)
    flow.run(**BLOCKS)
    flow.fill(200)

    first = workers.counting(**SLOW)
    wait_until("it to begin", lambda: told(workers.output(first), "fenced") == 1)
    second = workers.counting(**SLOW)
    wait_until("a rebalance", lambda: told(workers.output(first), "fenced") == 2, every=0.05)
    assert told(workers.output(first), "restored") == 0, "it was not done when its partition went"
    time.sleep(1)
    asked = time.monotonic()
    first.terminate()
    assert first.wait(60) == 0
    assert time.monotonic() - asked < 30
    assert told(workers.output(first), "restored") == 0

    flow.drain()
    assert told(workers.output(second), "restoring") > 0, "how far it is"
    second.terminate()
    assert second.wait(60) == 0
    check_counts(topics, flow.values)


@pytest.mark.timeout(200)
def test_partitions_that_a_worker_keeps_through_a_rebalance_are_not_restored_again(
    topics: Topics, workers: Workers
) -> None:
    flow = Flow(topics, workers, 4)
    flow.fill(400)
    first = workers.counting()
    flow.drain()
    assert told(workers.output(first), "restored") == 4
    second = workers.counting()
    wait_until("the second to have its part", lambda: told(workers.output(second), "restored") == 2)
    flow.fill(400)
    flow.drain()
    second.terminate()
    assert second.wait(60) == 0
    flow.fill(400)
    flow.drain()
    assert told(workers.output(first), "fenced") == 3
    assert told(workers.output(first), "restored") == 4 + 2, "those that had been away, and no others"
    first.terminate()
    assert first.wait(60) == 0
    check_counts(topics, flow.values)


def told(output: str, event: str) -> int:
    return output.count(f'"event": "{event}"')


@pytest.fixture
def crew(cluster: Cluster, prefix: str, tmp_path: Path) -> Iterator[Crew]:
    """Real agents behind a network that can be made slow."""
    workers = Workers(load(bootstrap_servers=cluster.client_servers, topic_prefix=prefix, http_port=0), tmp_path)
    yield Crew(workers)
    workers.end()


@pytest.mark.timeout(300)
def test_a_worker_is_not_ready_before_its_state_is_there_and_says_how_far_it_is(
    cluster: Cluster, prefix: str, crew: Crew
) -> None:
    settings = load(bootstrap_servers=cluster.bootstrap_servers, topic_prefix=prefix, http_port=0)
    topics = Topics(settings)
    asyncio.run(apply_topics(settings))
    asyncio.run(replay(settings, documents(200, 1)))
    clean, dedupe = crew.add("clean"), crew.add("dedupe")
    wait_until("originals", lambda: len(topics.read(ORIGINALS)) > 20)
    wait_until("it to be ready", lambda: crew.is_ready(dedupe))
    crew.dismiss(clean)
    crew.kill(dedupe)
    cluster.proxies.switch(Mode.DELAY, 0.15)
    try:
        crew.wait(2)  # the next one is started
        seen: list[tuple[int, str]] = []
        until = time.monotonic() + 90
        while not crew.is_ready(dedupe):
            assert time.monotonic() < until, seen
            answer = crew.ask_health(dedupe, "readyz")
            if answer is not None and answer not in seen:
                seen.append(answer)
            time.sleep(0.05)
    finally:
        cluster.proxies.heal()
    restoring = [status for status, said in seen if "restoring partitions" in said]
    assert restoring
    assert set(restoring) == {503}
    assert crew.end()
    assert crew.wrong == []
    topics.delete()
