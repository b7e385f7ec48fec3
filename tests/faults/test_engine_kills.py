"""Guarantees 1 and 4 of the engine: workers are killed inside open transactions, nothing is lost, twice or wrong."""

from __future__ import annotations

import random
import signal
import sys
import time

import pytest

from harness import Topics, Workers, check_counts, wait_until
from rounds import seed

PARTITIONS = 4
RECORDS = 12_000
KILLS = 10
WORKERS = 3


@pytest.mark.timeout(300)
def test_every_record_exactly_once_with_its_state_while_workers_are_killed(topics: Topics, workers: Workers) -> None:
    number = seed()
    sys.stdout.write(f"schedule of seed {number}\n")
    schedule = random.Random(number)
    topics.create(**{"in": PARTITIONS}, out=PARTITIONS, count_state=PARTITIONS, dead_letters=1)
    values = [b"%d" % number for number in range(RECORDS)]
    # 40 records a transaction, each held open for 0.15 s: kills fall inside transactions.
    hold = {"LODESTREAM_HOLD_TRANSACTION_SECONDS": "0.15", "LODESTREAM_BATCH_MAX_RECORDS": "40"}
    running = [workers.counting(**hold) for _ in range(WORKERS)]
    topics.fill("in", values, PARTITIONS)
    wait_until("the first outputs", lambda: len(topics.read("out", committed=False)) > 0)
    for _ in range(KILLS):
        time.sleep(schedule.uniform(0, 2))
        topics.wait_for_open_transaction("out")  # the group works again after the last kill
        victim = schedule.randrange(WORKERS)
        kill = schedule.random() < 0.7
        if not kill:  # before its signal handlers are there, SIGTERM simply ends a process
            wait_until("the worker to run", lambda: "fenced" in workers.output(running[victim]))  # noqa: B023
        running[victim].send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        assert running[victim].wait(60) == (-signal.SIGKILL if kill else 0)
        running[victim] = workers.counting(**hold)
    wait_until("all records", lambda: len(topics.read("out")) >= RECORDS, 150)
    for worker in running:
        wait_until("the worker to run", lambda: "fenced" in workers.output(worker))  # noqa: B023
        worker.terminate()
    assert [worker.wait(60) for worker in running] == [0] * WORKERS
    wait_until("no open transactions", lambda: topics.open_transactions("out") == 0)

    check_counts(topics, values)
    # The kills did fall inside transactions: what they left is there for those who look past the commits.
    assert len(topics.read("out", committed=False)) > RECORDS


@pytest.mark.timeout(120)
def test_sigterm_ends_with_0_and_leaves_nothing_in_flight(topics: Topics, workers: Workers) -> None:
    topics.create(**{"in": PARTITIONS}, out=PARTITIONS, count_state=PARTITIONS, dead_letters=1)
    topics.fill("in", [b"%d" % number for number in range(2000)], PARTITIONS)
    worker = workers.counting(LODESTREAM_BATCH_MAX_RECORDS="20", LODESTREAM_HOLD_TRANSACTION_SECONDS="0.2")
    wait_until("the first outputs", lambda: len(topics.read("out", committed=False)) > 0)
    worker.terminate()
    assert worker.wait(60) == 0
    assert topics.open_transactions("out") == 0
    assert len(topics.read("out")) == len(topics.read("out", committed=False)) < 2000
