"""Single faults with an answer of their own, which a mixed schedule would blur."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import BROKERS, Cluster
from corpus import documents
from harness import Topics, Workers, check_counts, wait_until
from lodestream.kafka.admin import apply_topics, check_topics
from lodestream.replay.send import replay
from lodestream.settings import Settings, load
from lodestream.topics import ENRICHED
from proxy import Mode

# Small transactions that stay open for a while.
HELD = {"LODESTREAM_HOLD_TRANSACTION_SECONDS": "0.1", "LODESTREAM_BATCH_MAX_RECORDS": "40"}

RETAINED = 20_000  # records of 1 kB: more than a worker fetches ahead


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


@pytest.fixture
def cluster_topics(cluster: Cluster, prefix: str) -> Topics:
    return Topics(load(bootstrap_servers=cluster.bootstrap_servers, topic_prefix=prefix, http_port=0), BROKERS)


@pytest.fixture
def proxied_workers(cluster: Cluster, prefix: str, tmp_path: Path) -> Iterator[Workers]:
    some = Workers(load(bootstrap_servers=cluster.client_servers, topic_prefix=prefix, http_port=0), tmp_path)
    yield some
    some.end()


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("mode", "aborted"), [(Mode.LOSE_ANSWERS, 0), (Mode.LOSE_COMMITS, 40)])
def test_a_commit_of_unknown_outcome_ends_the_worker_and_its_successor_finds_out(
    cluster: Cluster, cluster_topics: Topics, proxied_workers: Workers, mode: Mode, aborted: int
) -> None:
    topics, workers = cluster_topics, proxied_workers
    topics.create(**{"in": 1}, out=1, count_state=1, dead_letters=1)
    values = numbers(600)
    topics.fill("in", values, 1)
    first = workers.counting(**HELD, LODESTREAM_TRANSACTION_TIMEOUT_SECONDS="4")
    wait_until("the first outputs", lambda: len(topics.read("out")) > 0)
    cluster.proxies.switch(mode)
    assert first.wait(60) == 1, "it must not go on with a producer whose transaction it knows nothing of"
    assert "took longer than 4 s" in workers.output(first)
    cluster.proxies.heal()

    second = workers.counting(**HELD)
    wait_until("all records", lambda: len(topics.read("out")) >= len(values))
    second.terminate()
    assert second.wait(60) == 0
    check_counts(topics, values)
    # What was committed is not done again. What was not is aborted, as the successor fences.
    assert len(topics.read("out", committed=False)) - len(values) == aborted


@pytest.mark.timeout(240)
def test_two_workers_with_the_same_instance_id_fence_each_other_and_write_nothing_twice(
    topics: Topics, workers: Workers
) -> None:
    """Kafka may also refuse one of them for good; then it ends, says so, and is started again like any other."""
    topics.create(**{"in": 4}, out=4, count_state=4, dead_letters=1)
    values = numbers(4000)
    topics.fill("in", values, 4)
    twin = {**HELD, "LODESTREAM_INSTANCE_ID": "twin"}
    twins = [workers.counting(**twin) for _ in range(2)]
    refused: list[str] = []

    def look_after(most: int) -> bool:
        for at, each in enumerate(twins[:most]):
            if each.poll() is not None:
                refused.append(workers.output(each))
                twins[at] = workers.counting(**twin)
        return True

    def both_have_lost_their_place() -> bool:
        look_after(2)
        fenced = sum("not recognized" in workers.output(each) for each in twins)
        return fenced > 0 or any(refusal(said) for said in refused)

    wait_until("them to meet", both_have_lost_their_place)
    twins[1].kill()
    twins[1].wait()
    wait_until("all records", lambda: look_after(1) and len(topics.read("out")) >= len(values))
    twins[0].terminate()
    assert twins[0].wait(60) == 0
    assert all(refusal(said) for said in refused), refused
    check_counts(topics, values)


def refusal(output: str) -> bool:
    """Whether a worker that ended says that another took its place."""
    return any(sign in output for sign in ("Is LODESTREAM_INSTANCE_ID used twice?", "fenced on", "fenced out"))


@pytest.mark.timeout(200)
def test_an_idle_worker_that_takes_over_a_backlog_passes_nothing_over(topics: Topics, workers: Workers) -> None:
    """Its consumer fetches from the moment that the group gives it partitions, before they are its own.

    Faust fell over such records: its bookkeeping knows no partition before it was sought.
    """
    topics.create(**{"in": 2}, out=2, count_state=2, dead_letters=1)
    values = [b"%01000d" % number for number in range(RETAINED)]
    topics.fill("in", values, 2)
    owners = [workers.counting(**HELD) for _ in range(2)]
    wait_until("each to own a partition", lambda: all(has_partitions(workers.output(each)) for each in owners))
    idle = [workers.counting(COUNTING_WORKER_ASSIGN_SECONDS="1.5") for _ in range(2)]
    wait_until("all four in the group", lambda: topics.members("count") == 4)
    wait_until("the first outputs", lambda: len(topics.read("out")) > 0)
    for each in owners:
        each.kill()
    wait_until("all records", lambda: len(topics.read("out")) >= len(values))
    for each in idle:
        each.terminate()
    assert [each.wait(60) for each in idle] == [0, 0]
    check_counts(topics, values)


@pytest.mark.timeout(200)
def test_more_workers_than_partitions_share_them_and_the_idle_ones_step_in(topics: Topics, workers: Workers) -> None:
    topics.create(**{"in": 2}, out=2, count_state=2, dead_letters=1)
    values = numbers(6000)
    topics.fill("in", values, 2)
    crew = [workers.counting(**HELD) for _ in range(4)]
    wait_until("all four in the group", lambda: topics.members("count") == len(crew))
    wait_until("the first outputs", lambda: len(topics.read("out")) > 0)

    def owners() -> list[subprocess.Popen[bytes]]:
        return [each for each in crew if each.poll() is None and has_partitions(workers.output(each))]

    wait_until("each partition to have an owner", lambda: len(owners()) == 2)
    killed = owners()
    for each in killed:
        topics.wait_for_open_transaction("out")
        each.kill()
    for each in killed:
        assert each.wait(30) == -signal.SIGKILL
    wait_until("all records", lambda: len(topics.read("out")) >= len(values))
    left = [each for each in crew if each not in killed]
    assert owners() == left, "those that had nothing to do have stepped in"
    for each in left:
        each.terminate()
        assert each.wait(60) == 0
    check_counts(topics, values)


def has_partitions(output: str) -> bool:
    """Whether the last assignment that a worker tells of gave it any."""
    given = [line for line in output.splitlines() if '"event": "fenced"' in line]
    return bool(given) and json.loads(given[-1])["partitions"] != []


@pytest.mark.timeout(200)
def test_a_group_that_kafka_has_forgotten_goes_on_where_it_was(topics: Topics, workers: Workers) -> None:
    """A week without members is enough for that. The output would come twice, and nobody takes it once."""
    topics.create(**{"in": 4}, out=4, count_state=4, dead_letters=1)
    values = numbers(2000)

    def feed(some: list[bytes], until: int) -> str:
        topics.fill("in", some, 4)
        worker = workers.counting()
        wait_until("all records", lambda: len(topics.read("out")) >= until)
        worker.terminate()
        assert worker.wait(60) == 0
        return workers.output(worker)

    feed(values[:3], 3)  # so that one partition has nothing, the others a single transaction
    topics.forget("count")
    assert feed(values[3:1000], 1000).count("the group had forgotten its offset") == 3
    topics.forget("count")
    assert feed(values[1000:], 2000).count("the group had forgotten its offset") == 4
    assert "the group had forgotten its offset" not in feed(numbers(4, 2000), 2004)
    check_counts(topics, numbers(2004))


@pytest.mark.timeout(200)
def test_a_worker_does_not_start_while_a_topic_is_missing_and_does_once_it_is_there(
    settings: Settings, topics: Topics, workers: Workers
) -> None:
    asyncio.run(apply_topics(settings))
    topics.delete("dedupe-state")
    wait_until("the topic to be gone", lambda: bool(asyncio.run(check_topics(settings))))
    missing = workers.start([sys.executable, "-m", "lodestream", "worker"])
    assert missing.wait(60) == 1
    last = workers.output(missing).strip().splitlines()[-1]
    assert f"{settings.topic('dedupe-state')}: topic is missing" in last
    assert "Run `lodestream topics apply`" in last

    asyncio.run(apply_topics(settings))
    worker = workers.start([sys.executable, "-m", "lodestream", "worker"])
    asyncio.run(replay(settings, documents(50, 1)))
    wait_until("the flow to flow", lambda: len(topics.read(ENRICHED)) > 20)
    worker.terminate()
    assert worker.wait(90) == 0


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_minute_without_a_quorum_stops_everything_and_loses_nothing(
    cluster: Cluster, cluster_topics: Topics, proxied_workers: Workers
) -> None:
    topics, workers = cluster_topics, proxied_workers
    topics.create(**{"in": 4}, out=4, count_state=4, dead_letters=1)
    values = numbers(20_000)
    topics.fill("in", values, 4)
    running = workers.counting(**HELD)
    wait_until("the first outputs", lambda: len(topics.read("out")) > 0)
    cluster.kill(0, 1)
    time.sleep(60)
    assert running.poll() == 1, "without a quorum a worker can only give up"
    cluster.restart_soon(0, 1)
    cluster.wait()
    second = workers.counting(**HELD)
    wait_until("all records", lambda: len(topics.read("out")) >= len(values), 200)
    second.terminate()
    assert second.wait(60) == 0
    check_counts(topics, values)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("how", ["away", "slow"])
def test_what_retention_takes_unread_is_told_and_the_rest_goes_on(topics: Topics, workers: Workers, how: str) -> None:
    """A slow one has a part of the log in memory, which it finishes; where it fetches again, the log has gone."""
    topics.create(**{"in": 1}, out=1, count_state=1, dead_letters=1)
    values = [b"%01000d" % number for number in range(RETAINED)]
    small = {"LODESTREAM_LANE_QUEUE_BYTES": "1000000", "LODESTREAM_BATCH_MAX_RECORDS": "400"}
    topics.fill("in", values[: RETAINED // 10] if how == "away" else values, 1)
    first = workers.counting(**{**HELD, **small})
    wait_until("the first outputs", lambda: len(topics.read("out")) > 0)
    if how == "away":
        first.terminate()
        assert first.wait(60) == 0
        topics.fill("in", values[RETAINED // 10 :], 1)
    topics.delete_records("in", {0: RETAINED - 500})
    if how == "slow":
        assert first.wait(90) == 1, "it must not go on behind the gap as if there were none"
        assert "no longer in the log" in workers.output(first)
    second = workers.counting(**{**HELD, **small})
    wait_until("the last record", lambda: int((topics.read("out")[-1].value or b"").split()[1]) == RETAINED - 1)
    second.terminate()
    assert second.wait(60) == 0

    read = [tuple(map(int, (record.value or b"").split())) for record in topics.read("out")]
    assert [count for count, _ in read] == list(range(len(read))), "the state is of the records that it has seen"
    gaps = [(one, other) for (_, one), (_, other) in itertools.pairwise(read) if other != one + 1]
    assert [other for _, other in gaps] == [RETAINED - 500], "what is left is done, and each only once"
    lost = next(
        json.loads(line) for line in workers.output(second).splitlines() if '"event": "records were lost' in line
    )
    assert (lost["level"], lost["first"], lost["end"]) == ("error", gaps[0][0] + 1, RETAINED - 500)
