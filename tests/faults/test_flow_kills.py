"""Guarantee 1 through all three stages: the flow gives exactly what the same steps give without Kafka and faults."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import cycle, islice
from typing import Any

import pytest

from corpus import documents
from harness import Topics, Workers, wait_until
from lodestream.export import dead_letter_json
from lodestream.kafka.admin import apply_topics
from lodestream.ledger.audit import verify
from lodestream.pipeline import Pipeline
from lodestream.replay.send import replay
from lodestream.settings import Settings
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS

DOCUMENTS = 5_000
KILLS = 9
# Each agent with a topic that it writes to, and records a transaction: enough transactions for kills to fall into.
AGENTS = {"clean": (ARTICLES, 40), "dedupe": (ORIGINALS, 100), "tag": (ENRICHED, 100)}
HOLD_SECONDS = 0.3
VOLATILE = {"ingested_at", "first_seen"}  # the broker's append time of the raw record

Fates = dict[str, Counter[str]]


def settled(topic: str, value: bytes, headers: Any) -> str:
    """A record without what two runs may differ in."""
    if topic == DEAD_LETTERS:
        letter = dead_letter_json(value, headers)
        return json.dumps([letter[name] for name in ("document_id", "reason", "stage", "detail", "value")])
    record = {name: content for name, content in json.loads(value).items() if name not in VOLATILE}
    return json.dumps(record, sort_keys=True)


def expected(settings: Settings, seed: int) -> Fates:
    pipeline = Pipeline(settings, ingested_at=1_780_000_000_000)
    fates: Fates = {topic: Counter() for topic in (ENRICHED, DUPLICATES, DEAD_LETTERS)}
    for document in documents(DOCUMENTS, seed):
        for written in pipeline.feed(document.key, document.value, document.headers):
            if written.topic in fates:
                fates[written.topic][settled(written.topic, written.value, written.headers)] += 1
    return fates


def found(topics: Topics) -> Fates:
    return {
        topic: Counter(settled(topic, record.value or b"", record.headers) for record in topics.read(topic))
        for topic in (ENRICHED, DUPLICATES, DEAD_LETTERS)
    }


@pytest.mark.timeout(500)
def test_killed_workers_lose_nothing_repeat_nothing_and_forget_nothing(
    settings: Settings, topics: Topics, workers: Workers
) -> None:
    seed = random.randrange(2**32)
    sys.stdout.write(f"documents and schedule of seed {seed}\n")
    schedule = random.Random(seed)
    want = expected(settings, seed)
    assert all(sum(some.values()) > 100 for some in want.values()), "a corpus that proves nothing"

    asyncio.run(apply_topics(settings))

    def start(agent: str) -> subprocess.Popen[bytes]:
        return workers.start(
            [sys.executable, "-m", "lodestream", "worker", agent],
            LODESTREAM_HOLD_TRANSACTION_SECONDS=str(HOLD_SECONDS),
            LODESTREAM_BATCH_MAX_RECORDS=str(AGENTS[agent][1]),
        )

    running = {agent: start(agent) for agent in AGENTS}
    asyncio.run(replay(settings, documents(DOCUMENTS, seed)))
    wait_until("the flow to flow", lambda: len(topics.read(ENRICHED, committed=False)) > 0)
    inside = 0
    for agent, (topic, _) in islice(cycle(AGENTS.items()), KILLS):
        time.sleep(schedule.uniform(0, 1.5))
        topics.wait_for_open_transaction(topic)
        running[agent].kill()
        assert running[agent].wait(60) == -signal.SIGKILL
        # It was the only one that writes there: what is open now is open because it died inside.
        inside += topics.open_transactions(topic) > 0
        running[agent] = start(agent)

    wait_until("every document's fate", lambda: done(settings), 300)
    for worker in running.values():
        worker.terminate()
    assert {agent: worker.wait(60) for agent, worker in running.items()} == dict.fromkeys(AGENTS, 0)
    for topic in (ARTICLES, ORIGINALS, ENRICHED, DUPLICATES):
        assert topics.open_transactions(topic) == 0

    have = found(topics)
    for topic, some in want.items():
        assert have[topic] - some == Counter(), f"{topic}: too many or wrong"
        assert some - have[topic] == Counter(), f"{topic}: missing"
    assert asyncio.run(verify(settings)).adds_up
    aborted = sum(len(topics.read(topic, committed=False)) - len(topics.read(topic)) for topic, _ in AGENTS.values())
    assert inside > 0, "no kill fell inside a transaction: the test shows nothing"
    assert aborted >= inside, "what was left open was not aborted"


def done(settings: Settings) -> bool:
    """Everything replayed has gone through all stages."""
    report = asyncio.run(verify(settings))
    stages = report.stages
    return stages[0].records == DOCUMENTS and not any(stage.not_yet_processed for stage in stages)
