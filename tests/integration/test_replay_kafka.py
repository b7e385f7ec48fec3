"""Replay on a real Kafka: what is reported as sent is on the topic, once and in order."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
import zstandard
from aiokafka.partitioner import murmur2

from lodestream.errors import LodestreamError, TopicsError
from lodestream.headers import Header, header
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.log import LogRecord, read_log
from lodestream.replay import send
from lodestream.replay.archive import Archive
from lodestream.replay.documents import DOCUMENT_MAX_BYTES, RawDocument
from lodestream.replay.send import Sent, replay
from lodestream.settings import Settings, load


def document(number: int, site: str = "s", size: int = 0) -> RawDocument:
    value = str(number).encode().ljust(size, b".")
    return RawDocument(value, ((Header.DOCUMENT_ID, str(number).encode()), (Header.SITE, site.encode())), site.encode())


async def on_topic(settings: Settings) -> list[LogRecord]:
    batches = read_log(client_arguments(settings), settings.topic("raw"), isolation="read_uncommitted")
    return [record async for batch in batches for record in batch]


def numbers(records: list[LogRecord]) -> list[int]:
    return [int((record.value or b"").rstrip(b".")) for record in records]


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "LODESTREAM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "LODESTREAM_TOPIC_PREFIX": settings.topic_prefix,
        "LODESTREAM_LOG_FORMAT": "json",
    }


def lodestream(settings: Settings, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lodestream", *map(str, arguments)]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
async def topics(settings: Settings) -> Settings:
    await apply_topics(settings)
    return settings


async def test_documents_arrive_whole_by_site_and_in_order(topics: Settings) -> None:
    documents = [document(at, f"site {at % 7}") for at in range(3000)]
    sent = await replay(topics, documents)
    assert (sent.tally.documents, sent.next_skip, sent.interrupted) == (3000, 3000, False)
    assert sent.tally.bytes == sum(len(item.value) for item in documents)
    records = await on_topic(topics)
    assert sorted(numbers(records)) == list(range(3000))
    by_number = dict(zip(numbers(records), records, strict=True))
    for number, item in enumerate(documents):
        record = by_number[number]
        assert (record.key, record.value, record.headers) == (item.key, item.value, item.headers)
        assert record.partition == (murmur2(item.key) & 0x7FFFFFFF) % 4
    for partition in range(4):
        mine = [
            number for number, record in zip(numbers(records), records, strict=True) if record.partition == partition
        ]
        assert mine == sorted(mine)
    assert len({record.partition for record in records}) > 1


async def test_the_largest_document_fits(topics: Settings, tmp_path: Path) -> None:
    content = os.urandom(DOCUMENT_MAX_BYTES)
    (tmp_path / "big.html").write_bytes(content)
    assert (await replay(topics, Archive([tmp_path]))).tally.documents == 1
    [record] = await on_topic(topics)
    assert record.value == content
    assert header(record.headers, Header.CONTENT_TYPE) == "text/html"


async def test_a_rate_limits_and_a_limit_ends(topics: Settings) -> None:
    seen: list[int] = []
    sent = await replay(
        topics,
        map(document, range(100)),
        rate=20,
        skip=3,
        limit=11,
        progress=lambda now: seen.append(now.tally.documents),
    )
    assert sent.seconds >= 10 / 20
    assert (sent.tally.documents, sent.next_skip) == (11, 14)
    assert numbers(await on_topic(topics)) == list(range(3, 14))
    assert seen[-1] == 11
    assert len(set(seen)) > 2, "progress is told as documents are acknowledged, not only at the end"


async def test_a_stop_leaves_nothing_half_sent_and_says_where_to_go_on(topics: Settings) -> None:
    stop = asyncio.Event()

    def at_some_point(sent: Sent) -> None:
        if sent.tally.documents > 2000:
            stop.set()

    first = await replay(topics, (document(at) for at in range(100_000)), stop=stop, progress=at_some_point)
    assert first.interrupted
    assert 2000 < first.next_skip < 100_000
    assert numbers(await on_topic(topics)) == list(range(first.next_skip))
    end = first.next_skip + 500
    second = await replay(topics, map(document, range(end)), skip=first.next_skip)
    assert (second.tally.documents, second.next_skip, second.interrupted) == (500, end, False)
    assert numbers(await on_topic(topics)) == list(range(end))


async def test_a_missing_topic_is_one_clear_error(settings: Settings) -> None:
    with pytest.raises(TopicsError, match=rf"{settings.topic('raw')} does not exist.*lodestream topics apply"):
        await replay(settings, [document(1)])


def archive_of(folder: Path, lines: int) -> Path:
    path = folder / "x.jsonl"
    path.write_bytes(b"".join(orjson.dumps({"id": str(at), "source": "s"}) + b"\n" for at in range(lines)))
    return path


def ids(records: list[LogRecord]) -> list[int]:
    return [int(header(record.headers, Header.DOCUMENT_ID) or "") for record in records]


async def reached(settings: Settings, records: int) -> None:
    deadline = time.monotonic() + 60
    while len(await on_topic(settings)) < records:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_flushes_and_says_where_to_go_on(
    topics: Settings, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    path = archive_of(tmp_path, 300)
    arguments = [sys.executable, "-m", "lodestream", "replay", str(path), "--rate", "50", "--json"]
    process = await asyncio.create_subprocess_exec(
        *arguments, env=environment(topics), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    await reached(topics, 20)
    process.send_signal(number)
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    summary = orjson.loads(output)
    assert (process.returncode, summary["interrupted"], errors) == (code, True, b"")
    assert 20 <= summary["next_skip"] == summary["documents"] < 300
    assert ids(await on_topic(topics)) == list(range(summary["next_skip"]))
    again = lodestream(topics, "replay", path, "--skip", summary["next_skip"])
    assert (again.returncode, again.stderr) == (0, "")
    assert ids(await on_topic(topics)) == list(range(300))


async def test_what_is_refused_is_listed_and_fails_the_command_at_its_end(topics: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"x" * (DOCUMENT_MAX_BYTES + 1))
    (folder / "b.jsonl").write_bytes(b'{"id": 1}\nnonsense\n{"id": 2}\n')
    (folder / "c.txt").write_text("c")
    done = lodestream(topics, "replay", folder, "--json")
    assert done.returncode == 3
    summary = orjson.loads(done.stdout)
    # What is no JSON goes on as it is and becomes a dead letter; what no topic takes cannot.
    assert (summary["documents"], summary["refused"]) == (4, 1)
    assert [item["place"] for item in summary["refusals"]] == [str(folder / "a.txt")]
    assert len(done.stderr.splitlines()) == 2
    assert len(await on_topic(topics)) == 4


def test_a_broker_that_is_not_there_is_one_line(settings: Settings, tmp_path: Path) -> None:
    nowhere = settings.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    done = lodestream(nowhere, "replay", archive_of(tmp_path, 3))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "lodestream: no Kafka broker answers at 127.0.0.1:1: the connection is refused\n"


async def test_a_broker_that_is_restarted_neither_loses_nor_doubles(prefix: str) -> None:
    with EmbeddedKafka() as kafka:
        own = load(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix)
        await apply_topics(own)
        sending = asyncio.create_task(replay(own, (document(at, size=300) for at in range(30_000)), rate=6000))
        for _ in range(2):
            await asyncio.sleep(1)
            await asyncio.to_thread(kafka.kill)
            await asyncio.to_thread(kafka.start)
        sent = await sending
        assert sent.tally.documents == 30_000
        assert numbers(await on_topic(own)) == list(range(30_000))


async def test_a_broker_that_is_gone_ends_the_replay_and_says_where_to_go_on(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "ACKNOWLEDGE_SECONDS", 2.0)
    with EmbeddedKafka() as kafka:
        own = load(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix)
        await apply_topics(own)
        sending = asyncio.create_task(replay(own, map(document, range(1_000_000)), rate=500))
        await asyncio.sleep(1)
        await asyncio.to_thread(kafka.kill)
        with pytest.raises(
            LodestreamError, match=r"documents are acknowledged by .*, then: .*go on with --skip \d+"
        ) as error:
            await sending
        kafka.start()
        await asyncio.sleep(1)
        on_disk = len(await on_topic(own))
        acknowledged = int(str(error.value).rpartition(" ")[2])
        # The broker may have written what it could not acknowledge any more. But nobody goes on sending.
        assert 0 < acknowledged <= on_disk <= acknowledged + 20


def crawl(folder: Path) -> Path:
    """A WARC and JSON Lines, both packed, with texts of their own; the last of the WARC's members is damaged."""
    folder.mkdir()

    def page(number: int) -> bytes:
        body = f"<html><body><p>Page {number} is about the harbour of town {number * 7}.</p></body></html>".encode()
        http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
        head = (
            f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
            f"WARC-Target-URI: https://paper.example/{number}\r\nWARC-Date: 2026-03-04T05:06:07Z\r\n"
            f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
        )
        return gzip.compress(head.encode() + http + b"\r\n\r\n")

    (folder / "a.warc.gz").write_bytes(b"".join(map(page, range(20))) + page(20)[:-20])
    lines = [
        orjson.dumps(
            {"id": f"line {at}", "source": "wire", "title": f"Town {at}", "body": f"It rains in town {at}. " * 9}
        )
        for at in range(20)
    ]
    packer = zstandard.ZstdCompressor(write_checksum=True)
    (folder / "b.jsonl.zst").write_bytes(b"".join(packer.compress(line + b"\n") for line in lines))
    return folder


async def test_packed_archives_arrive_and_what_is_damaged_is_told(topics: Settings, tmp_path: Path) -> None:
    folder = crawl(tmp_path / "crawl")
    first = lodestream(topics, "replay", folder, "--json", "--limit", "15")
    assert (first.returncode, first.stderr) == (0, "")
    rest = lodestream(topics, "replay", folder, "--json", "--skip", orjson.loads(first.stdout)["next_skip"])
    summary = orjson.loads(rest.stdout)
    assert (rest.returncode, summary["documents"], summary["next_skip"]) == (3, 25, 40)
    [refusal] = summary["refusals"]
    assert refusal["place"] == str(folder / "a.warc.gz")
    assert refusal["why"].startswith("breaks off after record 20, at byte ")
    records = await on_topic(topics)
    names = [header(record.headers, Header.DOCUMENT_ID) or "" for record in records]
    assert sorted(names) == sorted([f"urn:uuid:{at}" for at in range(20)] + [f"line {at}" for at in range(20)])
    pages = [record for record in records if header(record.headers, Header.SITE) == "paper.example"]
    assert {header(record.headers, Header.CONTENT_TYPE) for record in pages} == {"text/html"}
    assert {header(record.headers, Header.FETCHED_AT) for record in pages} == {"2026-03-04T05:06:07.000Z"}
    assert {record.key for record in records} == {b"paper.example", b"wire"}


def test_run_takes_packed_archives_too(settings: Settings, tmp_path: Path) -> None:
    done = lodestream(settings, "run", crawl(tmp_path / "crawl"), "--out", tmp_path / "out")
    assert done.returncode == 3
    assert done.stdout.startswith("40 documents in ")
    assert done.stderr.splitlines()[0] == "refused or unreadable: 1"
    assert "a.warc.gz: breaks off after record 20" in done.stderr
    written = [
        orjson.loads(line)["document_id"]
        for name in ("enriched", "duplicates", "dead-letters")
        for line in (tmp_path / f"out/{name}.jsonl").read_text().splitlines()
    ]
    assert {f"line {at}" for at in range(20)} | {f"urn:uuid:{at}" for at in range(20)} == set(written)
