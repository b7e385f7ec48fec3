"""`lodestream worker` as an operator runs it: bad input, health, metrics, and how it ends."""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import Popen, run

import psutil
import pytest
from aiokafka import AIOKafkaProducer

from harness import Topics, Workers, wait_until
from lodestream.headers import Header, header
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.ports import is_free
from lodestream.ledger.audit import verify
from lodestream.replay.documents import RawDocument
from lodestream.replay.send import replay
from lodestream.settings import Settings, load
from lodestream.topics import DEAD_LETTERS, ENRICHED, MESSAGE_MAX_BYTES, RAW

WORKER = [sys.executable, "-m", "lodestream", "worker"]
LIMIT = 50_000
OWNED = {"1 partitions\n", "0 partitions\n"}
GOOD = json.dumps({"title": "A good one", "body": "It has a body of some words, and it comes out. " * 20}).encode()
LARGE = json.dumps(
    {"title": "A large one", "body": "Larger than the limit of this test, for now it is. " * 1200}
).encode()

BAD = {
    # document: (bytes, content type, reason)
    "not-utf8": (b"caf\xe9 and \xff\xfe", "text/plain", "not_utf8"),
    "no-utf-16": (b"\xff\xfe\xfa these are bytes of nothing\x80\x81" * 9, "text/plain", "not_utf8"),
    "empty": (b"", "text/plain", "empty_document"),
    "blank": (b" \n\t\n", "text/plain", "empty_document"),
    "large": (LARGE, "application/json", "document_too_large"),
    "id" * 1100: (GOOD, "application/json", "invalid_header"),
    "broken-json": (b'{"title": "x", "body": ', "application/json", "invalid_json"),
    "wrong-shape": (b'{"title": "x", "body": 7}', "application/json", "invalid_shape"),
    "bad-item": (b"[" + GOOD + b', {"body": []}]', "application/json", "invalid_shape"),
    "pdf": (b"%PDF-1.4", "application/pdf", "unknown_content_type"),
    "html": (b"<ul><li><a href=/>Home</a></li></ul>", "text/html", "no_article"),
}


def document(name: str, value: bytes, content_type: str) -> RawDocument:
    headers = ((Header.DOCUMENT_ID, name), (Header.SITE, "one.example"), (Header.CONTENT_TYPE, content_type))
    return RawDocument(value, tuple((key, text.encode()) for key, text in headers), b"one.example")


# As large as `raw` takes: its letter is larger still. No replay sends such a document, but others may.
LARGEST = document("largest", random.Random(1).randbytes(MESSAGE_MAX_BYTES - 300), "text/plain")


async def send_uncompressed(settings: Settings, one: RawDocument) -> None:
    async with AIOKafkaProducer(**client_arguments(settings), max_request_size=2 * MESSAGE_MAX_BYTES) as producer:
        await producer.send_and_wait(settings.topic(RAW), one.value, key=one.key, headers=list(one.headers))


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def free_port() -> int:
    return next(
        port
        for port in range(20_000 + time.monotonic_ns() % 20_000, 65_000, 7)
        if all(map(is_free, range(port, port + 3)))
    )


def value_of(metrics: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", metrics, re.MULTILINE)
    assert found, f"no series {series}"
    return float(found[1])


def children(process: Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


@pytest.mark.timeout(240)
def test_each_bad_document_is_one_dead_letter_and_redrive_brings_it_through(
    settings: Settings, topics: Topics, workers: Workers
) -> None:
    asyncio.run(apply_topics(settings))
    port = free_port()
    worker = workers.start(WORKER, LODESTREAM_DOCUMENT_MAX_BYTES=str(LIMIT), LODESTREAM_HTTP_PORT=str(port))
    documents = [document("good-0", GOOD, "application/json")]
    for name, (value, content_type, _) in BAD.items():
        documents += [
            document(name, value, content_type),
            document(f"good-{name[:20]}", GOOD.replace(b"one", name.encode()), "application/json"),
        ]
    asyncio.run(send_uncompressed(settings, LARGEST))
    asyncio.run(replay(settings, documents))
    wait_until("all fates", lambda: len(topics.read(DEAD_LETTERS)) == len(BAD) + 1 and drained(settings))
    letters = topics.read(DEAD_LETTERS)
    told = {
        header(letter.headers, Header.DOCUMENT_ID): (letter.value, header(letter.headers, Header.REASON))
        for letter in letters
    }
    assert told.pop("largest") == (LARGEST.value, "document_too_large")
    assert told == {name: (value, reason) for name, (value, _, reason) in BAD.items()}
    item = next(letter for letter in letters if header(letter.headers, Header.DOCUMENT_ID) == "bad-item")
    assert "[1]" in (header(item.headers, Header.DETAIL) or ""), "the detail names the bad item of a list"

    # Health and metrics, while it is running.
    for number in range(3):
        assert get(port + number, "/healthz")[0] == 200
        assert get(port + number, "/readyz")[0] == 200
    clean, tag = get(port, "/metrics")[1], get(port + 2, "/metrics")[1]
    assert value_of(clean, "lodestream_documents_received_total") == len(documents) + 1
    assert value_of(clean, 'lodestream_dead_letters_total{reason="invalid_shape",stage="clean"}') == 2
    assert value_of(tag, 'lodestream_articles_total{outcome="enriched",stage="tag"}') == len(topics.read(ENRICHED))
    assert "lodestream_consumer_lag_records" in clean

    def is_told_ready() -> bool:  # each second
        return value_of(get(port, "/metrics")[1], 'lodestream_ready{stage="clean"}') == 1

    wait_until("the metric to say that it is ready", is_told_ready, 10)

    # The cause goes away, the documents come back.
    worker.terminate()
    assert worker.wait(70) == 0
    workers.start(WORKER)
    before = len(topics.read(ENRICHED))
    large = [one for one in letters if header(one.headers, Header.DOCUMENT_ID) == "large"]
    workers.command("dead-letters", "redrive", "--id", str(large[0].offset), "--yes")
    wait_until("the large one", lambda: len(topics.read(ENRICHED)) == before + 1 and drained(settings))
    workers.command("verify")
    listed = workers.command("dead-letters", "list", "--json")
    assert len(listed.splitlines()) == len(BAD)


def drained(settings: Settings) -> bool:
    report = asyncio.run(verify(settings))
    return report.adds_up and not any(stage.not_yet_processed for stage in report.stages)


@pytest.mark.timeout(180)
def test_it_ends_as_a_whole_when_one_dies_and_its_children_end_with_it(settings: Settings, workers: Workers) -> None:
    asyncio.run(apply_topics(settings))
    first = workers.start(WORKER)
    wait_until("three agents", lambda: len(children(first)) == 3)
    mine = children(first)
    mine[1].kill()
    assert first.wait(70) == 128 + signal.SIGKILL
    wait_until("no agent to be left", lambda: not any(map(alive, mine)), 5)

    second = workers.start(WORKER)
    wait_until("three agents", lambda: len(children(second)) == 3)
    mine = children(second)
    second.kill()
    assert second.wait(10) == -signal.SIGKILL
    wait_until("the orphans to end by themselves", lambda: not any(map(alive, mine)), 60)


@pytest.mark.timeout(180)
def test_sigterm_ends_it_also_when_kafka_is_gone(prepared_broker: None, prefix: str, tmp_path: Path) -> None:  # noqa: ARG001 - for its effect
    with EmbeddedKafka() as kafka:
        own = load(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix, http_port=0)
        asyncio.run(apply_topics(own))
        workers = Workers(own, tmp_path)
        worker = workers.start([*WORKER, "clean", "tag"])
        try:
            wait_until("two agents", lambda: workers.output(worker).count('"event": "restored"') == 8)
            kafka.kill()
            time.sleep(3)
            worker.terminate()
            assert worker.wait(40) == 0
        finally:
            workers.end()


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_without_topics_it_says_so_in_one_line_and_fails(settings: Settings, workers: Workers) -> None:
    worker = workers.start(WORKER)
    assert worker.wait(60) == 1
    last = workers.output(worker).splitlines()[-1]
    assert last.startswith("lodestream: ")
    assert "lodestream topics apply" in last
    assert settings.topic("raw") in last


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "'nonsense' is not one of"),
        (["clean", "--processes", "tag=2"], "none of the agents to run"),
        (["--processes", "clean=many"], "a number of processes"),
    ],
)
def test_wrong_arguments_are_refused_with_what_is_right(arguments: list[str], message: str) -> None:
    done = run([*WORKER, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.timeout(120)
def test_a_worker_that_gets_no_partition_is_ready_to_step_in(settings: Settings, workers: Workers) -> None:
    """Else more workers than partitions would hold up a rollout for ever."""
    one_partition = settings.model_copy(update={"partitions": 1})
    asyncio.run(apply_topics(one_partition))
    ports = [free_port(), free_port()]
    for port in ports:
        workers.start([*WORKER, "clean"], LODESTREAM_HTTP_PORT=str(port), LODESTREAM_PARTITIONS="1")
    wait_until("both to be ready", lambda: all(get(port, "/readyz")[0] == 200 for port in ports), 60)
    wait_until("one with and one without", lambda: {get(port, "/readyz")[1] for port in ports} == OWNED, 30)
    assert [get(port, "/healthz")[0] for port in ports] == [200, 200]
