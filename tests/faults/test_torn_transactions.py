"""Transactions that Kafka does not keep whole: what heals, and what `verify` says of the rest."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from corpus import documents
from harness import Topics, Workers, wait_until
from lodestream.engine.observer import Tear
from lodestream.kafka.admin import apply_topics
from lodestream.ledger import Breach, Report, StageReport, verify
from lodestream.pipeline import Pipeline
from lodestream.replay.documents import RawDocument
from lodestream.replay.send import replay
from lodestream.settings import Settings
from lodestream.topics import DUPLICATES, ENRICHED, ORIGINALS, STORIES
from rounds import seed

DOCUMENTS = 800
AGENTS = ("clean", "dedupe", "tag")
TEARING_WORKER = Path(__file__).with_name("tearing_worker.py")
EXIT_CODE = 9
VOLATILE = {"ingested_at", "first_seen", "updated_at"}  # the broker's append time of the raw record


def corpus() -> list[RawDocument]:
    """Without broken documents: a dead letter is an output that no later stage takes once."""
    number = seed()
    sys.stdout.write(f"documents of seed {number}\n")
    return [document for document in documents(DOCUMENTS, number) if b"broken.example" not in (document.key or b"")]


def settled(value: bytes | None) -> str:
    record = {name: content for name, content in json.loads(value or b"").items() if name not in VOLATILE}
    return json.dumps(record, sort_keys=True)


def expected(settings: Settings, fed: list[RawDocument]) -> dict[str, Counter[str]]:
    pipeline = Pipeline(settings, ingested_at=1_780_000_000_000)
    found: dict[str, Counter[str]] = {name: Counter() for name in (ORIGINALS, ENRICHED, DUPLICATES, STORIES)}
    for document in fed:
        for written in pipeline.feed(document.key, document.value, document.headers):
            if written.topic in found:
                found[written.topic][settled(written.value)] += 1
    return found


def newest_stories(settings: Settings, fed: list[RawDocument]) -> dict[bytes | None, str]:
    pipeline = Pipeline(settings, ingested_at=1_780_000_000_000)
    return {
        written.key: settled(written.value)
        for document in fed
        for written in pipeline.feed(document.key, document.value, document.headers)
        if written.topic == STORIES
    }


def torn_and_mended(
    settings: Settings, workers: Workers, fed: list[RawDocument], keeps: dict[str, str]
) -> tuple[Report, dict[str, str]]:
    """Run the three agents, each of which tears a transaction and is replaced; the ledger, and what the others said."""
    asyncio.run(apply_topics(settings))
    asyncio.run(replay(settings, fed))
    mended = {}
    for agent in AGENTS:
        program = [sys.executable, str(TEARING_WORKER), agent]
        torn = workers.start(program, TEARING_WORKER_KEEPS=keeps[agent], LODESTREAM_BATCH_MAX_RECORDS="40")
        assert torn.wait(60) == EXIT_CODE, workers.output(torn)
        mended[agent] = workers.start([sys.executable, "-m", "lodestream", "worker", agent])

    def drained() -> bool:
        stages = asyncio.run(verify(settings)).stages
        inputs = sum(stage.records for stage in stages if stage.stage == "clean")
        return inputs == len(fed) and not any(stage.not_yet_processed for stage in stages)

    wait_until("every document's fate", drained, 120)
    for worker in mended.values():
        worker.terminate()
    assert {agent: worker.wait(60) for agent, worker in mended.items()} == dict.fromkeys(AGENTS, 0)
    return asyncio.run(verify(settings)), {agent: workers.output(worker) for agent, worker in mended.items()}


def stage(report: Report, name: str) -> StageReport:
    return next(stage for stage in report.stages if stage.stage == name)


def found(topics: Topics, topic: str) -> Counter[str]:
    return Counter(settled(record.value) for record in topics.read(topic))


@pytest.mark.timeout(200)
def test_what_is_torn_is_done_again_and_taken_once(settings: Settings, topics: Topics, workers: Workers) -> None:
    fed = corpus()
    want = expected(settings, fed)
    keeps = {"clean": "outputs", "dedupe": "changelog", "tag": "offset"}
    report, said = torn_and_mended(settings, workers, fed, keeps)
    for topic, some in want.items():
        assert found(topics, topic) == some

    assert str(Tear.CHANGELOG_AHEAD) in said["dedupe"]
    assert str(Tear.OFFSET_AHEAD) in said["tag"]
    # The articles are on their topic twice, and the ledger says so; the stages after it have it right.
    twice = stage(report, "clean").breaches
    assert twice == Counter({Breach.TWICE: twice[Breach.TWICE]})
    assert twice[Breach.TWICE] > 0
    assert stage(report, "dedupe").breaches == Counter()
    assert stage(report, "dedupe").fates["repeat (dropped)"] >= twice[Breach.TWICE]
    assert stage(report, "tag").breaches == Counter()


@pytest.mark.timeout(200)
def test_what_cannot_heal_the_ledger_finds(settings: Settings, topics: Topics, workers: Workers) -> None:
    fed = corpus()
    want = expected(settings, fed)
    keeps = {"clean": "outputs+changelog", "dedupe": "outputs+offset", "tag": "changelog+offset"}
    report, said = torn_and_mended(settings, workers, fed, keeps)

    assert str(Tear.CHANGELOG_AHEAD) in said["clean"]
    assert str(Tear.OFFSET_AHEAD) in said["dedupe"]
    # What was there is written again. Originals the next stage takes once; links and stories nobody does.
    have = {name: found(topics, name) for name in (ORIGINALS, DUPLICATES, STORIES)}
    assert {name: set(some) for name, some in have.items()} == {name: set(want[name]) for name in have}
    again = {name: have[name] - want[name] for name in (ORIGINALS, DUPLICATES)}
    originals = again[ORIGINALS].total()
    assert originals > 0
    # A forwarded link stands beside its original: together they are one article, which is there twice.
    links = sum(number for link, number in again[DUPLICATES].items() if not json.loads(link)["forwarded"])
    assert stage(report, "dedupe").breaches == Counter({Breach.TWICE: originals + links})
    assert stage(report, "tag").fates["repeat (dropped)"] == originals
    newest = {record.key: settled(record.value) for record in topics.read(STORIES)}
    assert newest == newest_stories(settings, fed), "who reads a story's last update has it right"
    # Enriched records that were never written although all says so.
    assert found(topics, ENRICHED) - want[ENRICHED] == Counter()
    lost = (want[ENRICHED] - found(topics, ENRICHED)).total()
    assert lost > 0
    assert stage(report, "tag").breaches == Counter({Breach.MISSING: lost})
    coordinates = {problem.coordinates for problem in stage(report, "tag").problems}
    assert all(f"{settings.topic('originals')}:" in place for place in coordinates)
    assert not report.adds_up


def test_the_corpus_has_what_the_tests_need(settings: Settings) -> None:
    some: dict[str, Any] = expected(settings, corpus())
    assert some[ENRICHED].total() > 200
    assert some[DUPLICATES].total() > 40
