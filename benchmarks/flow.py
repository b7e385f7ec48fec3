"""Articles per second of the whole service, beside its pure steps in one process, and the cost of each step.

    python benchmarks/flow.py [--articles 2000] [--runs 3]

Generated articles of 500 words, all new. The service: an embedded Kafka and three agents, a process each; the
articles are on `raw` before the workers start, and the time is that between the first and the last enriched record
by the broker's clock. The pure steps: the same articles through `pipeline.Pipeline`, no Kafka at all.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import click

from lodestream import settings
from lodestream.clean import Document, Limits, clean
from lodestream.dedupe import Deduper
from lodestream.dedupe.fingerprint import fingerprint
from lodestream.headers import Header
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.log import read_log
from lodestream.pipeline import Pipeline
from lodestream.records import decode, encode
from lodestream.replay.documents import RawDocument
from lodestream.replay.send import replay
from lodestream.settings import Settings
from lodestream.tag import Tagger, load_vocabulary
from lodestream.topics import ENRICHED

WORDS = 500
SITES = 16
LEXICON = Path(__file__).parents[1] / "seeds"
AT = 1_780_000_000_000


def articles(number: int) -> list[RawDocument]:
    """New articles: words of the seed pages in random order, so that tags and sentences are like those of news."""
    words = [word for page in sorted(LEXICON.glob("*.txt")) for word in page.read_text().split()]
    source = random.Random(1)
    made = []
    for at in range(number):
        body = " ".join(source.choices(words, k=WORDS))
        site = f"site-{at % SITES}.example"
        value = json.dumps({"url": f"https://{site}/{at}", "title": " ".join(source.choices(words, k=8)), "body": body})
        headers = ((Header.DOCUMENT_ID, str(at)), (Header.SITE, site), (Header.CONTENT_TYPE, "application/json"))
        made.append(RawDocument(value.encode(), tuple((k, v.encode()) for k, v in headers), site.encode()))
    return made


def pure(documents: list[RawDocument]) -> float:
    """Articles per second through the steps alone, in this process."""
    pipeline = Pipeline(settings.load(), AT)
    began = time.perf_counter()
    for document in documents:
        for _ in pipeline.feed(document.key, document.value, document.headers):
            pass
    return len(documents) / (time.perf_counter() - began)


def service(kafka: EmbeddedKafka, documents: list[RawDocument], run: int) -> float:
    """Articles per second from the first to the last enriched record."""
    current = settings.load(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=f"flow{run}.", replication_factor=1)
    asyncio.run(apply_topics(current))
    asyncio.run(replay(current, documents))
    own = {
        "LODESTREAM_BOOTSTRAP_SERVERS": current.bootstrap_servers,
        "LODESTREAM_TOPIC_PREFIX": current.topic_prefix,
        "LODESTREAM_HTTP_PORT": "0",
    }
    with tempfile.TemporaryFile() as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "lodestream", "worker"], env={**os.environ, **own}, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 300
            while len(stamps := asyncio.run(times(current))) < len(documents):
                if time.monotonic() > deadline or worker.poll() is not None:
                    raise click.ClickException(f"{len(stamps)} of {len(documents)} articles came out")
                time.sleep(0.5)
        finally:
            worker.terminate()
            worker.wait(70)
    return len(documents) / ((max(stamps) - min(stamps)) / 1000)


async def times(current: Settings) -> list[int]:
    return [
        record.timestamp
        async for batch in read_log(client_arguments(current), current.topic(ENRICHED))
        for record in batch
    ]


def step_costs(documents: list[RawDocument]) -> dict[str, float]:
    """CPU per article of each step, in µs."""
    limits, tagger, deduper = Limits(), Tagger(load_vocabulary()), Deduper(7 * 24 * 3_600_000, 1_000_000)
    lineage = {"topic": "raw", "partition": 0, "offset": 0}
    costs: dict[str, float] = {}

    def timed(name: str, do: Callable[[Any], Any], some: list[Any]) -> list[Any]:
        began = time.process_time()
        results = [do(one) for one in some]
        costs[name] = (time.process_time() - began) / len(some) * 1e6
        return results

    def cleaned(document: RawDocument) -> Any:
        said = {name: value.decode() for name, value in document.headers}
        source = Document(
            document.value, said[Header.CONTENT_TYPE], said[Header.DOCUMENT_ID], said[Header.SITE], None, None, None
        )
        return clean(source, limits=limits, lineage=lineage, ingested_at="2026-05-28T20:26:40.000Z")[0]  # type: ignore[arg-type]

    found = timed("clean", cleaned, documents)
    prints = timed("fingerprint", lambda one: fingerprint(one["body"]), found)
    whole = [{**one, "fingerprint": print_} for one, print_ in zip(found, prints, strict=True)]
    values = timed("JSON encode", encode, whole)
    timed("JSON decode", decode, values)
    timed("duplicates: decide", lambda one: deduper.decide(one, AT), whole)
    timed("tag", tagger.tag, whole)
    return costs


@click.command()
@click.option("--articles", "number", default=2000, show_default=True)
@click.option("--runs", default=3, show_default=True)
def main(number: int, runs: int) -> None:
    """Compare; print two tables."""
    documents = articles(number)
    pure(documents[:50])  # imports and vocabularies
    alone, whole = [], []
    with EmbeddedKafka() as kafka:
        for run in range(runs):
            alone.append(pure(documents))
            whole.append(service(kafka, documents, run))
            print(f"run {run + 1}: steps alone {alone[-1]:,.0f}, service {whole[-1]:,.0f} articles/s")
    print(f"\nmedian of {runs}, {number} articles of {WORDS} words\n")
    print("| | articles/s |\n|---|---|")
    print(f"| pure steps, one process, no Kafka | {median(alone):,.0f} |")
    print(f"| the service: three processes and Kafka | {median(whole):,.0f} |")
    print("\n| step | µs CPU per article |\n|---|---|")
    for name, cost in step_costs(documents).items():
        print(f"| {name} | {cost:,.0f} |")


if __name__ == "__main__":
    main()
