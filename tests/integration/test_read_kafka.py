"""`lodestream read` on a real Kafka."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.settings import Settings
from lodestream.times import rfc3339


@pytest.fixture
async def topics(settings: Settings) -> Settings:
    await apply_topics(settings)
    return settings


async def write(settings: Settings, topic: str, values: list[bytes], partition: int = 0) -> list[int]:
    """Writes records; Kafka's timestamps of them, ms."""
    async with AIOKafkaProducer(**client_arguments(settings)) as producer:
        sent = [await producer.send_and_wait(settings.topic(topic), value, partition=partition) for value in values]
    return [record.timestamp for record in sent]


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "LODESTREAM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "LODESTREAM_TOPIC_PREFIX": settings.topic_prefix,
    }


async def read(settings: Settings, *arguments: str) -> list[bytes]:
    process = await start(settings, *arguments)
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, errors) == (0, b"")
    return output.splitlines()


async def start(settings: Settings, *arguments: str) -> Process:
    line = [sys.executable, "-m", "lodestream", "read", *arguments]
    return await asyncio.create_subprocess_exec(
        *line, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


async def test_a_topic_is_printed_as_json_lines(topics: Settings) -> None:
    values = [b'{"n":%d}' % at for at in range(5)]
    await write(topics, "enriched", values)
    await write(topics, "enriched", [b'{"n":9}'], partition=2)
    assert sorted(await read(topics, "enriched")) == [*values, b'{"n":9}']
    assert await read(topics, "enriched", "--partition", "2") == [b'{"n":9}']
    assert len(await read(topics, "enriched", "--limit", "2")) == 2
    assert await read(topics, "enriched", "--limit", "0") == []
    assert await read(topics, "enriched", "--from", "end") == []
    [enveloped] = await read(topics, "enriched", "--partition", "2", "--headers")
    shown = orjson.loads(enveloped)
    assert (shown["topic"], shown["partition"], shown["offset"]) == (topics.topic("enriched"), 2, 0)
    assert shown["value"] == {"n": 9}


async def test_raw_is_printed_in_envelopes(topics: Settings) -> None:
    await write(topics, "raw", [b"text", b"\xff"])
    found = [orjson.loads(line) for line in await read(topics, "raw")]
    assert [(each["value"], each.get("encoding")) for each in found] == [("text", None), ("/w==", "base64")]


async def test_reading_begins_at_a_time(topics: Settings) -> None:
    await write(topics, "enriched", [b"1"])
    await asyncio.sleep(0.01)
    (second,) = await write(topics, "enriched", [b"2"])
    await write(topics, "enriched", [b"3"], partition=1)
    assert sorted(await read(topics, "enriched", "--from", rfc3339(second))) == [b"2", b"3"]
    assert await read(topics, "enriched", "--from", "2100-01-01T00:00:00Z") == []
    assert len(await read(topics, "enriched", "--from", "1960-01-01T00:00:00Z")) == 3


async def test_only_what_is_committed_is_printed(topics: Settings) -> None:
    name = topics.topic("enriched")
    async with AIOKafkaProducer(**client_arguments(topics), transactional_id=f"{topics.topic_prefix}x") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(name, b"1", partition=0)
        await producer.abort_transaction()
        await producer.begin_transaction()
        await producer.send_and_wait(name, b"2", partition=0)
        assert await read(topics, "enriched") == []
        await producer.commit_transaction()
    assert await read(topics, "enriched") == [b"2"]


async def test_following_goes_on_until_ctrl_c(topics: Settings) -> None:
    await write(topics, "enriched", [b"1"])
    process = await start(topics, "enriched", "--follow")
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"1\n"
    await write(topics, "enriched", [b"2"], partition=3)
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"2\n"
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.communicate(), 60) == (b"", b"")
    assert process.returncode == 130


async def test_following_from_the_end_prints_only_what_is_new(topics: Settings) -> None:
    await write(topics, "enriched", [b"1"])
    process = await start(topics, "enriched", "--follow", "--from", "end", "--limit", "1")
    # What comes while it starts may or may not be before its "end": write until it has seen one.
    number = 2
    async with AIOKafkaProducer(**client_arguments(topics)) as producer:
        while process.returncode is None:
            await producer.send_and_wait(topics.topic("enriched"), b"%d" % number, partition=0)
            number += 1
            await asyncio.sleep(0.1)
            assert number < 600
    output, errors = await process.communicate()
    assert errors == b""
    assert 2 <= int(output) < number


async def test_a_reader_that_has_enough_ends_it_quietly(topics: Settings) -> None:
    await write(topics, "enriched", [b'"%s"' % (b"x" * 9000) for _ in range(400)])
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        'set -o pipefail; "$0" -m lodestream read enriched | head -c 5',
        sys.executable,
        env=environment(topics),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert await asyncio.wait_for(process.communicate(), 60) == (b'"xxxx', b"")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("news",), 2, "'news' is no topic; there are raw, articles, originals,"),
        (("raw", "--from", "yesterday"), 2, "neither beginning nor end nor a time"),
        (("raw", "--from", "2025-01-01T00:00:00"), 2, "neither beginning nor end nor a time"),
        (("raw", "--partition", "7"), 1, "has no partition 7"),
    ],
)
async def test_what_cannot_be_read_is_one_clear_error(
    topics: Settings, arguments: tuple[str, ...], code: int, says: str
) -> None:
    process = await start(topics, *arguments)
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, output) == (code, b"")
    assert says in " ".join(errors.decode().split())


async def test_a_topic_that_is_not_there_is_one_clear_error(settings: Settings) -> None:
    process = await start(settings, "raw")
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, output) == (1, b"")
    assert errors.decode().startswith(f"lodestream: there is no topic {settings.topic('raw')}")
    assert errors.count(b"\n") == 1
