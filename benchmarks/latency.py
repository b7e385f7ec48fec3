"""Latency from raw to enriched, and what it costs, over the commit interval; and how much an idle service uses.

    python -m benchmarks.latency [--rate 100] [--seconds 25] [--intervals 0,10,20,30,50,100,200] [--json FILE]

An embedded Kafka, the three agents as a process each, and a feeder process that sends generated articles of 500 words
at a constant rate, an open loop. The latency is that from when an article was due to when a `read_committed` consumer
had its enriched record. CPU is that of the three agents without the broker, in % of one core. Then the same at half the
rate that the service reached with a backlog (`benchmarks/flow.py`), and the agents with nothing to do.

"load" is what feeder and reader used, "others" what all other processes of the machine used meanwhile, in % of one
core: where that is not near 0, the latencies tell of them as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import click
import numpy as np
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.flow import articles, service
from lodestream import settings
from lodestream.agents import INPUTS
from lodestream.headers import Header, header
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.log import offsets
from lodestream.replay.send import replay
from lodestream.settings import Settings
from lodestream.times import from_rfc3339
from lodestream.topics import ENRICHED, RAW, changelog_of

WARM_SECONDS = 5.0
PROBES = 64  # articles that go through before anything is measured: the agents have then loaded all they need
ARRIVE_SECONDS = 60.0
IDLE_SECONDS = 20.0
SETTLE_SECONDS = 3.0
FETCH_WAIT_MS = 10  # of the reader: an empty fetch keeps it no longer
BACKLOG, BACKLOGS = 1500, 3  # articles, and runs of that many, for the service's maximum
ROOT = Path(__file__).parents[1]


class Seen(NamedTuple):
    """An enriched record: of which article, when a reader had it, and when its raw record was appended (s)."""

    number: int
    at: float
    appended: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. Times in ms, CPU in % of a core, transactions of all agents a second."""

    interval: int
    rate: float
    p50: float
    p95: float
    p99: float
    longest: float
    appended_p99: float  # from the raw record's append instead of when it was due
    late_p99: float  # of the feeder itself
    late_max: float
    cpu: dict[str, float]
    transactions: float

    @property
    def agents(self) -> float:
        """CPU of the three agents."""
        return sum(self.cpu[agent] for agent in INPUTS)

    def row(self) -> str:
        times = (self.p50, self.p95, self.p99, self.longest, self.appended_p99)
        cpu = (self.agents, *self.cpu.values())
        cells = (self.interval, self.rate, *times, *cpu, self.transactions, self.late_p99)
        return "| " + " | ".join(f"{cell:,.0f}" for cell in cells) + " |"


HEAD = (
    "| interval ms | articles/s | p50 ms | p95 | p99 | max | p99 from append | agents % | clean | dedupe | tag "
    "| broker | load | others | transactions/s | feeder late p99 ms |\n" + "|---" * 16 + "|"
)


class Service:
    """The agents of one deployment, running; and the CPU that they, the broker and all others use."""

    def __init__(self, current: Settings, agents: Mapping[str, int], broker: int) -> None:
        self.settings = current
        self._agents = {name: psutil.Process(pid) for name, pid in agents.items()}
        self._broker = psutil.Process(broker)
        self._own = psutil.Process()

    async def used(self, *beside: psutil.Process) -> dict[str, float]:
        """CPU seconds so far: of each agent, of the broker, of the `load` (this process and `beside`), of others.

        `transactions` are how many the agents have committed so far.
        """
        used = {name: _seconds(process) for name, process in self._agents.items()}
        used["broker"] = _seconds(self._broker)
        everything = psutil.cpu_times()
        busy = everything.user + everything.nice + everything.system + everything.irq + everything.softirq
        used["load"] = sum(map(_seconds, (self._own, *beside)))
        used["others"] = busy - sum(used.values())
        used["transactions"] = await self._transactions()
        return used

    async def _transactions(self) -> int:
        """Each left a block in its agent's changelog, and a marker behind it."""
        names = [self.settings.topic(changelog_of(agent)) for agent in self._agents]
        found = [await offsets(client_arguments(self.settings), name) for name in names]
        return sum(each.high for partitions in found for each in partitions.values()) // 2


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def running(kafka: EmbeddedKafka, prefix: str, interval_ms: int | None) -> Iterator[Service]:
    """A deployment with its three agents, each a process. `interval_ms` None: the default commit interval."""
    overrides = {} if interval_ms is None else {"commit_interval_ms": interval_ms}
    current = settings.load(
        bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix, replication_factor=1, **overrides
    )
    asyncio.run(apply_topics(current))
    own = {
        "LODESTREAM_BOOTSTRAP_SERVERS": current.bootstrap_servers,
        "LODESTREAM_TOPIC_PREFIX": prefix,
        "LODESTREAM_HTTP_PORT": "0",
        "LODESTREAM_COMMIT_INTERVAL_MS": str(current.commit_interval_ms),
    }
    program = [sys.executable, "-m", "lodestream", "worker"]
    with tempfile.TemporaryFile() as log:
        workers = {
            # Own sessions, as `lodestream worker` does it: Linux shares CPU out by session.
            agent: subprocess.Popen(
                [*program, agent], env={**os.environ, **own}, stdout=log, stderr=log, start_new_session=True
            )
            for agent in INPUTS
        }
        try:
            yield Service(current, {agent: worker.pid for agent, worker in workers.items()}, kafka.pid)
        finally:
            for worker in workers.values():
                worker.terminate()
            for worker in workers.values():
                worker.wait(70)


class Reader:
    """Reads `enriched` as a consumer of the product would, and notes when it had what."""

    def __init__(self, current: Settings) -> None:
        self.seen: list[Seen] = []
        self._settings = current

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        consumer = AIOKafkaConsumer(
            **client_arguments(self._settings),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        await consumer.start()
        topic = self._settings.topic(ENRICHED)
        consumer.assign([TopicPartition(topic, partition) for partition in range(self._settings.partitions)])
        task = asyncio.create_task(self._read(consumer))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            at = time.time()
            for records in fetched.values():
                for record in records:
                    number = int(header(record.headers, Header.DOCUMENT_ID) or "")
                    appended = from_rfc3339(header(record.headers, Header.INGESTED_AT) or "")
                    self.seen.append(Seen(number, at, appended / 1000))

    async def arrived(self, number: int) -> None:
        """Until so many records came. Raises when they do not."""
        deadline = time.monotonic() + ARRIVE_SECONDS
        while len(self.seen) < number:
            if time.monotonic() > deadline:
                raise click.ClickException(f"{len(self.seen)} of {number} articles came out")
            await asyncio.sleep(0.05)


async def measure(some: Service, rate: float, seconds: float) -> Figures:
    """Feed at a constant rate; the figures of what was due after the first seconds."""
    current = some.settings
    warm = int(rate * WARM_SECONDS)
    number = warm + int(rate * seconds)
    reader = Reader(current)
    async with reader.reading():
        await through(current, reader, number)
        arguments = (current.bootstrap_servers, current.topic(RAW), str(rate), str(number), str(number + PROBES))
        feeder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.latency_feeder", *arguments),
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            if feeder.stdout is None:
                raise RuntimeError("no pipe from the feeder")
            start = json.loads(await feeder.stdout.readline())["start"]
            beside = psutil.Process(feeder.pid)
            await asyncio.sleep(start + warm / rate - time.time())
            before, began = await some.used(beside), time.time()
            await asyncio.sleep(start + (number - 1) / rate - time.time() - 0.2)  # the feeder still lives
            after, lasted = await some.used(beside), time.time() - began
            lateness = json.loads(await feeder.stdout.readline())
            await reader.arrived(number + PROBES)
        finally:
            if feeder.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    feeder.kill()
            await feeder.wait()
    timed = [one for one in reader.seen if warm <= one.number < number]
    p50, p95, p99, longest = np.percentile([one.at - start - one.number / rate for one in timed], [50, 95, 99, 100])
    spent = {name: (after[name] - before[name]) / lasted for name in after}
    transactions = spent.pop("transactions")
    return Figures(
        interval=current.commit_interval_ms,
        rate=rate,
        p50=p50 * 1000,
        p95=p95 * 1000,
        p99=p99 * 1000,
        longest=longest * 1000,
        appended_p99=float(np.percentile([one.at - one.appended for one in timed], 99)) * 1000,
        late_p99=lateness["late_p99_ms"],
        late_max=lateness["late_max_ms"],
        cpu={name: used * 100 for name, used in spent.items()},
        transactions=transactions,
    )


async def through(current: Settings, reader: Reader, number: int) -> None:
    """A few articles, other ones than the first `number`, from end to end: all agents work and have what they need."""
    await replay(current, articles(number + PROBES)[number:])
    await reader.arrived(PROBES)


async def idle(some: Service) -> dict[str, float]:
    """CPU, in % of a core, of agents that have worked and have nothing to do now."""
    reader = Reader(some.settings)
    async with reader.reading():
        await through(some.settings, reader, 0)
    await asyncio.sleep(SETTLE_SECONDS)
    before = await some.used()
    await asyncio.sleep(IDLE_SECONDS)
    after = await some.used()
    return {name: (after[name] - before[name]) / IDLE_SECONDS * 100 for name in after if name != "transactions"}


@click.command()
@click.option("--rate", default=100.0, show_default=True, help="Articles a second.")
@click.option("--seconds", default=25.0, show_default=True, help="Of each measurement, after the warm-up.")
@click.option("--intervals", default="0,10,20,30,50,100,200", show_default=True, help="Commit intervals in ms.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write all figures to this file as well.")
def main(rate: float, seconds: float, intervals: str, file: Path | None) -> None:
    """Measure; print a table."""
    results: dict[str, Any] = {"load before": os.getloadavg()}
    with EmbeddedKafka() as kafka:
        # First, because it warms the broker up: cold, its compiler takes as much as everything else together.
        most = median(service(kafka, articles(BACKLOG), run) for run in range(BACKLOGS))
        results["most"] = most
        print(f"with a backlog: {most:,.0f} articles/s\n\n{HEAD}", flush=True)
        curve = []
        for interval in map(int, intervals.split(",")):
            with running(kafka, f"interval{interval}.", interval) as some:
                curve.append(asyncio.run(measure(some, rate, seconds)))
            print(curve[-1].row(), flush=True)
        results["curve"] = [asdict(figures) for figures in curve]
        with running(kafka, "idle.", None) as some:
            results["idle"] = asyncio.run(idle(some))
        with running(kafka, "half.", None) as some:
            half = asyncio.run(measure(some, most / 2, seconds))
        results["half"] = asdict(half)
        print(half.row())
    print("\nThe last line is at half of the rate with a backlog.")
    print("idle, % of a core: " + ", ".join(f"{name} {cpu:.1f}" for name, cpu in results["idle"].items()))
    results["load after"] = os.getloadavg()
    print(
        "load average (1, 5, 15 minutes) before and after:",
        *(f"{load:.1f}" for load in results["load before"]),
        "and",
        *(f"{load:.1f}" for load in results["load after"]),
    )
    if file is not None:
        file.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
