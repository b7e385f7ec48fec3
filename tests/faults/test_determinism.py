"""Guarantee 3: a stage is a function of its input log, whatever the batches, crashes, restarts and workers.

Each test writes one log and sends it through real workers twice. Both runs read the very same topic (see `twice.py`),
so "the same log" means just that, append times and offsets included, and no name has to be made alike afterwards.
The first run is calm: one worker of each agent, with the settings of a deployment. In the second, no two workers of an
agent have the same batches and commit intervals, and they are killed inside open transactions: all at once, and in (b)
one before that, so that its partitions move to others that cut them differently. What both runs wrote must be the same
byte for byte, and in order for each partition and the input partition that it came from.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from corpus import documents, in_four_scripts
from harness import Topics, Workers, wait_until
from lodestream.agents import INPUTS, OUTPUTS, steps
from lodestream.engine.partitioner import partition_of
from lodestream.engine.step import Record
from lodestream.errors import Rejected
from lodestream.headers import Header
from lodestream.kafka.admin import apply_topics
from lodestream.replay.documents import RawDocument
from lodestream.settings import Settings
from lodestream.times import rfc3339
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS, RAW, STORIES
from rounds import seed
from twice import Entry, Written, differences, processed, start_over, write_log, written

# Records of a transaction and commit interval in ms, a worker each; slow ones, so that there is work left when the last
# kill comes. The successor of all goes on at its own pace.
CUTS = ((1, 0), (2, 60), (2, 5))
LAST_CUT = (41, 10)
HOLD_SECONDS = 0.4
SHOWN_BY = {"clean": ARTICLES, "dedupe": ORIGINALS, "tag": ENRICHED}  # nobody else has transactions there
START, MINUTE = 1_780_000_000_000, 60_000
WINDOW_HOURS, CAP = 12, 40
REMEMBERED = 8  # stories of a partition, which has the articles of three sites or so


@pytest.fixture
def schedule() -> random.Random:
    number = seed()
    sys.stdout.write(f"documents and schedule of seed {number}\n")
    return random.Random(number)


class Run:
    """Workers of some agents, until what is on the input of the first one has gone through all of them."""

    def __init__(self, workers: Workers, topics: Topics, agents: Sequence[str], **environment: str) -> None:
        self._workers = workers
        self._topics = topics
        self._agents = agents
        self._environment = environment
        self._running: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self.inside = 0  # kills of all workers that surely left a transaction open

    def calm(self) -> None:
        """One worker of each agent, as a deployment has them."""
        for agent in self._agents:
            self._running[agent, 0] = self._worker(agent)
        self._finish()

    def killed(self, schedule: random.Random, numbers: Mapping[str, int], *, takeover: bool = False) -> None:
        """So many workers of each agent. All are killed, and one comes after.

        `takeover`: before that, one of each agent is killed, and the others take over what it had. Membership is
        static: a single worker's successor need not wait until the session of the dead one is over.
        """
        slow = {"LODESTREAM_HOLD_TRANSACTION_SECONDS": str(HOLD_SECONDS)}
        for agent in self._agents:
            for worker in range(numbers[agent]):
                self._running[agent, worker] = self._start(agent, worker, CUTS[worker], **slow)
        assigned: Counter[tuple[str, int]] = Counter()
        for agent in self._agents:
            if takeover:
                self._wait_until_assigned(agent, assigned)
                self._topics.wait_for_open_transaction(SHOWN_BY[agent])
                time.sleep(schedule.uniform(0, HOLD_SECONDS))
                self._kill(agent, schedule.randrange(numbers[agent]))
                assigned.update({who: self._assignments(who) for who in self._running if who[0] == agent})
        for agent in reversed(self._agents):  # while it gets input
            self._wait_until_assigned(agent, assigned)
            self._topics.wait_for_open_transaction(SHOWN_BY[agent])
            alive = [worker for name, worker in self._running if name == agent]
            for worker in alive:
                self._kill(agent, worker)
            # Nobody is left to end what is open now.
            self.inside += self._topics.open_transactions(SHOWN_BY[agent]) > 0
            self._running[agent, alive[0]] = self._start(agent, alive[0], LAST_CUT)
        self._finish()

    def _start(self, agent: str, number: int, cut: tuple[int, int], **environment: str) -> subprocess.Popen[bytes]:
        records, interval = map(str, cut)
        return self._worker(
            agent,
            LODESTREAM_INSTANCE_ID=f"w{number}",
            LODESTREAM_BATCH_MAX_RECORDS=records,
            LODESTREAM_COMMIT_INTERVAL_MS=interval,
            **environment,
        )

    def _worker(self, agent: str, **environment: str) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", "lodestream", "worker", agent]
        return self._workers.start(program, **{**self._environment, **environment})

    def _kill(self, agent: str, number: int) -> None:
        worker = self._running.pop((agent, number))
        worker.kill()
        assert worker.wait(60) == -signal.SIGKILL

    def _assignments(self, who: tuple[str, int]) -> int:
        """How often a worker got partitions, or learned that there are none for it."""
        return self._workers.output(self._running[who]).count('"fenced"')

    def _wait_until_assigned(self, agent: str, before: Counter[tuple[str, int]]) -> None:
        """Until each worker of an agent got more assignments than before."""
        mine = [who for who in self._running if who[0] == agent]
        wait_until(f"{mine} to run", lambda: all(self._assignments(who) > before[who] for who in mine), 60, every=0.1)

    def _finish(self) -> None:
        wait_until(f"everything through {' and '.join(self._agents)}", self._done, 60, every=1)
        for worker in self._running.values():
            worker.terminate()
        assert {who: worker.wait(60) for who, worker in self._running.items()} == dict.fromkeys(self._running, 0)

    def _done(self) -> bool:
        dead = [who for who, worker in self._running.items() if worker.poll() is not None]
        assert not dead, f"{dead} ended: {self._workers.output(self._running[dead[0]])[-2000:]}"
        return all(processed(self._topics, agent) for agent in self._agents)


def check_same(calm: Written, disturbed: Written, topics: Topics, run: Run, agents: Sequence[str]) -> None:
    found = differences(calm, disturbed)
    assert not found, "\n".join(found[:5])
    assert run.inside > 0, "no kill fell inside a transaction: the test shows nothing"
    for agent in agents:
        aborted = len(topics.read(SHOWN_BY[agent], committed=False)) - len(topics.read(SHOWN_BY[agent]))
        assert aborted > 0, f"{agent} aborted nothing"


def sizes(found: Written) -> Counter[str]:
    """Records by topic."""
    counts: Counter[str] = Counter()
    for source, records in found.items():
        counts[source.topic] += len(records)
    return counts


def learned(found: Written) -> int:
    """Articles that lost what their site repeats."""
    bodies = [
        record.value or b"" for source, records in found.items() if source.topic == ARTICLES for record in records
    ]
    return sum(b'"kind":"repeated"' in body for body in bodies)


def raw_log(made: Sequence[RawDocument], partition: int | None = None) -> list[Entry]:
    """Documents as `raw` gets them, by their sites, or all on one partition."""
    return [
        Entry(partition_of(one.key, 4) if partition is None else partition, one.key, one.value, one.headers)
        for one in made
    ]


@pytest.mark.timeout(200)
def test_raw_to_articles(settings: Settings, topics: Topics, workers: Workers, schedule: random.Random) -> None:
    """(a) The same `raw` log: the same set of `articles` (and more: in order, by partition of `raw`).

    What a site repeats is cut from its fourth story on, and forgotten by the cap: a worker that knows less than the one
    before it, or more, cuts otherwise.
    """
    asyncio.run(apply_topics(settings))
    log = raw_log(in_four_scripts(documents(800, schedule.randrange(2**32))))
    asyncio.run(write_log(settings, RAW, log))

    memory = {"LODESTREAM_CLEAN_MAX_ENTRIES": str(REMEMBERED)}

    Run(workers, topics, ["clean"], **memory).calm()
    calm = written(topics, [ARTICLES, DEAD_LETTERS], same=[RAW])
    assert sizes(calm)[ARTICLES] > 700, "a corpus that proves nothing"
    assert 100 < learned(calm) < sizes(calm)[ARTICLES] - 100, (
        "a corpus that teaches nothing, or a cap that forgets nothing"
    )

    asyncio.run(start_over(settings, ["clean"]))
    run = Run(workers, topics, ["clean"], **memory)
    run.killed(schedule, {"clean": 3})
    check_same(calm, written(topics, [ARTICLES, DEAD_LETTERS], same=[RAW]), topics, run, ["clean"])


@pytest.mark.timeout(200)
def test_articles_to_enriched(settings: Settings, topics: Topics, workers: Workers, schedule: random.Random) -> None:
    """(b) The same `articles` log: the same of everything that dedupe and tag write.

    The log is one of days, so that articles leave the window, by age and by the cap, while workers come and go; some of
    its records break a step, some only after it has changed its state.
    """
    asyncio.run(apply_topics(settings))
    made = in_four_scripts(documents(550, schedule.randrange(2**32)))
    log = list(articles_log(settings, made, schedule))
    asyncio.run(write_log(settings, ARTICLES, log))
    agents = ["dedupe", "tag"]
    names = [ORIGINALS, DUPLICATES, STORIES, ENRICHED, DEAD_LETTERS]
    window = {
        "LODESTREAM_DEDUPE_WINDOW_HOURS": str(WINDOW_HOURS),
        "LODESTREAM_DEDUPE_MAX_ARTICLES": str(CAP),
    }

    Run(workers, topics, agents, **window).calm()
    calm = written(topics, names, same=[ARTICLES])
    assert min(sizes(calm)[name] for name in names) > 20, "a corpus that proves nothing"

    asyncio.run(start_over(settings, agents))
    run = Run(workers, topics, agents, **window)
    run.killed(schedule, {"dedupe": 3, "tag": 2}, takeover=True)
    check_same(calm, written(topics, names, same=[ARTICLES]), topics, run, agents)


@pytest.mark.timeout(200)
def test_one_raw_partition(settings: Settings, topics: Topics, workers: Workers, schedule: random.Random) -> None:
    """(c) One partition of `raw`: the same end to end, for there is no race that could decide anything."""
    asyncio.run(apply_topics(settings))
    log = raw_log(in_four_scripts(documents(350, schedule.randrange(2**32))), partition=2)
    asyncio.run(write_log(settings, RAW, log))
    agents = list(INPUTS)
    names = [*(topic for agent in agents for topic in OUTPUTS[agent]), DEAD_LETTERS]

    Run(workers, topics, agents).calm()
    calm = written(topics, names, same=[RAW])
    assert min(sizes(calm)[name] for name in names) > 10, "a corpus that proves nothing"

    asyncio.run(start_over(settings, agents))
    run = Run(workers, topics, agents)
    run.killed(schedule, dict.fromkeys(agents, 1))
    check_same(calm, written(topics, names, same=[RAW]), topics, run, agents)


def articles_log(settings: Settings, made: Sequence[RawDocument], source: random.Random) -> Iterator[Entry]:
    """What `clean` makes of documents that came one every six minutes or so, with some records that are not in order.

    Where partitions of `raw` merge, a record may be older than the one before it.
    """
    step = steps("clean", settings)()
    offsets: Counter[int] = Counter()
    bad = set(source.sample(range(len(made)), len(made) // 12))
    for at, one in enumerate(made):
        partition = partition_of(one.key, 4)
        ingested_at = START + 6 * at * MINUTE + source.randrange(20 * MINUTE)
        place = (settings.topic(RAW), partition, offsets[partition])
        offsets[partition] += 1
        (outcome,) = step.process([Record(*place, one.key, one.value, one.headers, ingested_at, ingested_at)])
        if isinstance(outcome, Rejected):
            continue
        clock = (Header.INGESTED_AT, rfc3339(ingested_at).encode())
        for index, output in enumerate(outcome):
            origin = (Header.ORIGIN, f"{place[0]}:{place[1]}:{place[2]}:{index}".encode())
            key, value = output.key or b"", output.value or b""
            if at in bad:
                value = spoilt(json.loads(value), source)
            yield Entry(partition_of(key, 4), key, value, (*output.headers, clock, origin))


def spoilt(article: dict[str, Any], source: random.Random) -> bytes:
    """An article that is refused, or breaks a step: `dedupe` before or after it has changed its state, or `tag`."""
    match source.randrange(5):
        case 0:
            return b"not JSON"
        case 1:
            article["fingerprint"]["format"] = 99
        case 2:
            article["lineage"] = 7  # found out when the outputs are written: the deduper knows the article by then
        case 3:
            article["body"] = None  # `tag` refuses it
        case _:
            article["standfirst"] = 7  # breaks `tag`
    return json.dumps(article).encode()
