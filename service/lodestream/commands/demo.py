"""`lodestream demo`: the whole service over the seed pages, on an embedded Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from lodestream import settings
from lodestream.errors import BrokerError, LodestreamError
from lodestream.export import FILES, Export
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.log import LogRecord, read_log
from lodestream.ledger.audit import verify
from lodestream.ledger.report import Report
from lodestream.records import decode
from lodestream.replay.archive import Archive
from lodestream.replay.send import replay
from lodestream.settings import Settings
from lodestream.supervisor import PARENT
from lodestream.topics import DEAD_LETTERS

DRAIN_SECONDS = 150  # on two busy cores the seeds take about 10 s, most of it for three processes to start
POLL_SECONDS = 0.3
STOP_SECONDS = 70
AGENTS = ("clean", "dedupe", "tag")
SEEDS = (Path(__file__).parents[3] / "seeds", Path(__file__).parents[1] / "_seeds")  # checkout, installed package


@click.command("demo")
@click.option(
    "--out", default="out/demo", type=click.Path(file_okay=False, path_type=Path), help="Folder for the files."
)
@click.option("--input", "input_", type=click.Path(exists=True, path_type=Path), help="Other documents than the seeds.")
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C.")
def command(*, out: Path, input_: Path | None, keep: bool) -> None:
    """See it work: an embedded Kafka, all topics, three agents, and the seed pages replayed through them.

    Waits until the stream has drained, checks the ledger, prints a summary and writes enriched.jsonl,
    duplicates.jsonl and dead-letters.jsonl to the folder. Exits 0 only if every record has exactly one fate.
    """
    source = input_ or next((folder for folder in SEEDS if folder.is_dir()), None)
    if source is None:
        raise LodestreamError("the seed pages are not here; name other documents with --input")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: everything is stopped
    console = Console(highlight=False, soft_wrap=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LodestreamError(f"cannot make the folder {out}: {error.strerror}") from None
    try:
        adds_up = _demo(console, source, out, keep=keep)
    except KeyboardInterrupt:
        console.print("stopped")
        sys.exit(130)
    sys.exit(0 if adds_up else 1)


def _demo(console: Console, source: Path, out: Path, *, keep: bool) -> bool:
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {text}")

    with EmbeddedKafka(say=say) as kafka:
        say(f"Apache Kafka listens on {kafka.bootstrap_servers}")
        current = settings.load(
            bootstrap_servers=kafka.bootstrap_servers,
            topic_prefix="demo.",
            replication_factor=1,
            http_port=0,
        )
        created = asyncio.run(apply_topics(current))
        say(f"{len(created)} topics created")
        with _workers(current, out / "workers.log") as workers:
            say(f"agents {', '.join(AGENTS)} started")
            sent = asyncio.run(replay(current, Archive([source])))
            say(f"{sent.tally.documents} documents replayed from {source.name}")
            report = _drain(current, sent.tally.documents, workers, out / "workers.log")
            seconds = time.monotonic() - began
            export = asyncio.run(_export(current, out))
            console.print()
            export.summary(console)
            adds_up = _print_ledger(console, report)
            console.print(f"\nfiles in {out}: {', '.join(FILES.values())}; {seconds:.0f} s from start to drained")
            metrics = ", ".join(_metrics(current, out / "workers.log"))
            console.print(f"metrics{'' if keep else ' while it ran'}: {metrics}")
            if keep:
                _wait(console, current, workers)
    return adds_up


@contextmanager
def _workers(current: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`lodestream worker` with all three agents, ended when the block is left."""
    environment = {
        **os.environ,
        "LODESTREAM_BOOTSTRAP_SERVERS": current.bootstrap_servers,
        "LODESTREAM_TOPIC_PREFIX": current.topic_prefix,
        "LODESTREAM_REPLICATION_FACTOR": "1",
        "LODESTREAM_HTTP_PORT": str(current.http_port),
        "LODESTREAM_LOG_FORMAT": "json",
        "LODESTREAM_LOG_LEVEL": "info",  # a worker's first line says which port it took
        PARENT: str(os.getpid()),
    }
    with log.open("wb") as file:
        program = [sys.executable, "-m", "lodestream", "worker"]
        process = subprocess.Popen(program, env=environment, stdout=file, stderr=file, start_new_session=True)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _drain(current: Settings, documents: int, workers: subprocess.Popen[bytes], log: Path) -> Report:
    """Wait until every stage has processed what the one before has written; the ledger then."""
    deadline = time.monotonic() + DRAIN_SECONDS
    before: list[int] | None = None
    while time.monotonic() < deadline:
        if workers.poll() is not None:
            last = log.read_text(errors="replace").splitlines()[-3:]
            raise LodestreamError(
                f"the workers ended with code {workers.returncode}; {log} ends with: {' | '.join(last)}"
            )
        report = asyncio.run(verify(current))
        records = [stage.records for stage in report.stages]
        # Twice the same: a stage's input may grow between the look at it and the look at the stage before.
        if records[0] == documents and not any(stage.not_yet_processed for stage in report.stages):
            if records == before:
                return report
            before = records
        time.sleep(POLL_SECONDS)
    raise LodestreamError(f"the stream has not drained after {DRAIN_SECONDS} s; see {log}")


async def _export(current: Settings, out: Path) -> Export:
    """The product topics as files, in the order of the documents."""
    with Export(out) as export:
        for topic in FILES:
            records: list[LogRecord] = []
            async for batch in read_log(client_arguments(current), current.topic(topic)):
                records.extend(batch)
            for record in sorted(records, key=lambda each: _order(topic, each)):
                export.add(topic, record.value or b"", tuple(record.headers))
    return export


def _order(topic: str, record: LogRecord) -> tuple[int, int, int]:
    if topic == DEAD_LETTERS:
        return (record.partition, record.offset, 0)
    value = decode(record.value or b"")
    return (value["lineage"]["partition"], value["lineage"]["offset"], value.get("position", 0))


def _print_ledger(console: Console, report: Report) -> bool:
    stages = "; ".join(
        f"{stage.stage} {stage.records} → {', '.join(f'{n} {fate}' for fate, n in sorted(stage.fates.items()))}"
        for stage in report.stages
    )
    verdict = "[green]adds up[/green]" if report.adds_up else f"[red]does not add up: {report.breaches} breaches[/red]"
    console.print(f"[bold]ledger[/bold] {verdict}: {stages}")
    for problem in report.problems:
        console.print(f"  {problem.breach.value} {problem.coordinates} {problem.found}")
    return report.adds_up


def _wait(console: Console, current: Settings, workers: subprocess.Popen[bytes]) -> None:
    console.print(
        f"\nleft running until Ctrl-C. In another terminal:\n"
        f"  export LODESTREAM_BOOTSTRAP_SERVERS={current.bootstrap_servers}\n"
        f"  export LODESTREAM_TOPIC_PREFIX={current.topic_prefix}\n"
        f"  lodestream read enriched --follow"
    )
    if workers.wait():
        raise BrokerError(f"the workers ended with code {workers.returncode}")


def _metrics(current: Settings, log: Path) -> list[str]:
    """Where each worker serves its metrics: on a port that it chose itself, so that demos do not meet."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    ports = {line["agent"]: line["http_port"] for line in lines if "http_port" in line}
    return [f"http://{current.http_host}:{ports[agent]}/metrics ({agent})" for agent in AGENTS]
