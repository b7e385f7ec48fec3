"""Dead letters on a real Kafka: listed, shown, and put back once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections import Counter

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from lodestream.dead_letters import Letter, list_letters, redrive
from lodestream.errors import LodestreamError
from lodestream.headers import Header, Headers
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.clients import client_arguments
from lodestream.kafka.log import Isolation, LogRecord, Offsets, offsets, read_log
from lodestream.letters import letter_headers, letter_key
from lodestream.settings import Settings

BODY = b"\xffbody\x00\x1b[31m\r\nline"
RAW_HEADERS: Headers = (
    (Header.DOCUMENT_ID, b"doc/1.txt"),
    (Header.SITE, b"site"),
    (Header.REASON, b"the input's own"),
    (Header.SITE, b"twice"),
)


async def send(
    settings: Settings, topic: str, value: bytes | None, key: bytes | None, headers: Headers, *, partition: int = 0
) -> int:
    """Writes one record; its offset."""
    async with AIOKafkaProducer(**client_arguments(settings), max_request_size=9 << 20) as producer:
        record = await producer.send_and_wait(
            settings.topic(topic), value, key=key, partition=partition, headers=list(headers)
        )
    return int(record.offset)


async def bury(
    settings: Settings,
    value: bytes | None = BODY,
    *,
    original: Headers = RAW_HEADERS,
    topic: str = "raw",
    stage: str = "clean",
    reason: str = "not_utf8",
    partition: int = 3,
    offset: int = 17,
    key: bytes | None = b"site\xff",
    full_topic: str | None = None,
) -> int:
    """Writes a dead letter as an agent does; its offset."""
    name = full_topic or settings.topic(topic)
    headers = letter_headers(
        original,
        topic=name,
        partition=partition,
        offset=offset,
        key=key,
        reason=reason,
        stage=stage,
        detail="byte 0 \x1b[2J is no UTF-8",
        at="2026-01-02T03:04:05.678Z",
    )
    letter = letter_key(original, topic=name, partition=partition, offset=offset)
    return await send(settings, "dead-letters", value, letter, headers)


async def settled(settings: Settings, topic: str) -> None:
    """Waits for the markers of transactions that were just ended: they are on their way for some milliseconds."""
    deadline = time.monotonic() + 60
    while any(bound.stable < bound.high for bound in (await bounds(settings, topic)).values()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def bounds(settings: Settings, topic: str) -> dict[int, Offsets]:
    return await offsets(client_arguments(settings), settings.topic(topic))


async def everything(settings: Settings, topic: str) -> list[LogRecord]:
    await settled(settings, topic)
    return await visible(settings, topic)


async def visible(settings: Settings, topic: str, isolation: Isolation = "read_committed") -> list[LogRecord]:
    batches = read_log(client_arguments(settings), settings.topic(topic), isolation=isolation)
    return [record async for batch in batches for record in batch]


async def letters(settings: Settings) -> list[Letter]:
    await settled(settings, "dead-letters")
    return await list_letters(settings)


def environment(settings: Settings, **more: object) -> dict[str, str]:
    return {
        **os.environ,
        "LODESTREAM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "LODESTREAM_TOPIC_PREFIX": settings.topic_prefix,
        **{f"LODESTREAM_{name.upper()}": str(value) for name, value in more.items()},
    }


def dead_letters(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    line = [sys.executable, "-m", "lodestream", "dead-letters", *arguments]
    return subprocess.run(line, env=environment(settings), capture_output=True, timeout=120, check=False)


async def start_redrive(settings: Settings, **more: object) -> Process:
    line = [sys.executable, "-m", "lodestream", "dead-letters", "redrive", "--all", "--yes"]
    return await asyncio.create_subprocess_exec(
        *line, env=environment(settings, **more), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.fixture
async def topics(settings: Settings) -> Settings:
    await apply_topics(settings)
    return settings


async def test_a_letter_goes_back_as_it_came(topics: Settings) -> None:
    await bury(topics)
    result = await redrive(topics, [(0, 0)])
    assert (result.put_back, result.already, result.refused) == (1, 0, [])
    [record] = await everything(topics, "raw")
    assert (record.partition, record.key, record.value) == (3, b"site\xff", BODY)
    assert record.headers == (*RAW_HEADERS, (Header.REDRIVE, b"1"))
    letter, mark = await everything(topics, "dead-letters")
    assert (mark.key, mark.value) == (letter.key, b"")
    assert mark.headers == ((Header.REDRIVEN, f"{topics.topic('dead-letters')}:0:0".encode()),)
    [listed] = await letters(topics)
    assert listed.redriven


@pytest.mark.parametrize(("topic", "stage"), [("articles", "dedupe"), ("originals", "tag")])
async def test_a_letter_of_a_later_stage_goes_back_to_its_input(topics: Settings, topic: str, stage: str) -> None:
    original: Headers = ((Header.INGESTED_AT, b"2026-01-01T00:00:00.000Z"), (Header.ORIGIN, b"x:1:2:3"))
    await bury(topics, b"{}", original=original, topic=topic, stage=stage, partition=1, key=b"latin")
    await redrive(topics, [(0, 0)])
    [record] = await everything(topics, topic)
    assert (record.partition, record.key, record.value) == (1, b"latin", b"{}")
    assert record.headers == (original[0], (Header.PARENT_ORIGIN, b"x:1:2:3"), (Header.REDRIVE, b"1"))


async def test_keys_and_values_that_are_missing_stay_missing(topics: Settings) -> None:
    await bury(topics, None, key=b"k")
    await bury(topics, b"", key=None)
    await redrive(topics, [(0, 0), (0, 1)])
    found = [(record.key, record.value) for record in await everything(topics, "raw")]
    assert found == [(b"k", None), (None, b"")]


async def test_many_letters_go_back_in_order_and_once(topics: Settings) -> None:
    async with AIOKafkaProducer(**client_arguments(topics)) as producer:
        for at in range(1200):
            headers = letter_headers(
                (), topic=topics.topic("raw"), partition=at % 4, offset=at, key=b"k", reason="no_article",
                stage="clean", detail="", at="2026-01-01T00:00:00Z",
            )  # fmt: skip
            await producer.send(topics.topic("dead-letters"), str(at).encode(), key=b"k", headers=list(headers))
        await producer.flush()
    places = [letter.place for letter in await letters(topics)]
    first = await redrive(topics, places[:700])
    second = await redrive(topics, places)
    assert (first.put_back, second.put_back, second.already) == (700, 500, 700)
    for partition in range(4):
        numbers = [
            int(record.value or b"") for record in await everything(topics, "raw") if record.partition == partition
        ]
        assert numbers == list(range(partition, 1200, 4))
    assert all(letter.redriven for letter in await letters(topics))


async def test_what_cannot_go_back_is_said_and_the_rest_goes(topics: Settings) -> None:
    await bury(topics, full_topic="other.raw")
    await bury(topics, partition=4)
    await bury(topics, None, key=None)
    await send(topics, "dead-letters", b"garbage", b"k", ())
    await bury(topics, topic="enriched")
    await bury(topics, b"good")
    result = await redrive(topics, [(0, at) for at in range(6)])
    assert result.put_back == 1
    assert [place for place, _ in result.refused] == [(0, at) for at in range(5)]
    reasons = ["no input of this deployment", "not there", "neither key nor value", "no dead letter", "no input"]
    for (_, why), expected in zip(result.refused, reasons, strict=True):
        assert expected in why
    assert [record.value for record in await everything(topics, "raw")] == [b"good"]
    assert [letter.redriven for letter in await letters(topics)] == [False] * 5 + [True]


async def test_a_letter_that_fails_again_counts_its_redrives(topics: Settings) -> None:
    await bury(topics)
    await redrive(topics, [(0, 0)])
    [record] = await everything(topics, "raw")
    again = await bury(topics, original=record.headers, offset=record.offset)
    await redrive(topics, [(0, again)])
    assert [record.headers[-1] for record in await everything(topics, "raw")] == [
        (Header.REDRIVE, b"1"),
        (Header.REDRIVE, b"2"),
    ]
    assert [(letter.redrives, letter.redriven) for letter in await letters(topics)] == [(0, True), (1, True)]


async def uncommitted(settings: Settings, records: int) -> None:
    """Waits until so many records are written to raw, committed or not."""
    deadline = time.monotonic() + 60
    while len(await visible(settings, "raw", "read_uncommitted")) < records:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_a_redrive_that_is_killed_loses_and_doubles_nothing(topics: Settings) -> None:
    for at in range(5):
        await bury(topics, str(at).encode())
    process = await start_redrive(topics, hold_transaction_seconds=50, transaction_timeout_seconds=60)
    await uncommitted(topics, 5)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert await visible(topics, "raw") == []
    done = dead_letters(topics, "redrive", "--all", "--yes")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"5 letters are put back" in done.stdout
    assert Counter(record.value for record in await everything(topics, "raw")) == {b"%d" % at: 1 for at in range(5)}
    assert all(letter.redriven for letter in await letters(topics))
    assert len(await visible(topics, "raw", "read_uncommitted")) == 10, "the first try was inside its transaction"
    done = dead_letters(topics, "redrive", "--all", "--yes")
    assert done.stdout == b"0 letters to put back; 5 were put back before\n"


async def test_of_two_redrives_the_later_one_wins_and_nothing_is_doubled(topics: Settings) -> None:
    for at in range(5):
        await bury(topics, str(at).encode())
    first = await start_redrive(topics, hold_transaction_seconds=15, transaction_timeout_seconds=60)
    await uncommitted(topics, 5)
    assert (await redrive(topics, [(0, at) for at in range(5)])).put_back == 5
    _, errors = await asyncio.wait_for(first.communicate(), 60)
    assert first.returncode == 1
    assert errors.startswith(b"lodestream: another redrive took over; 0 letters are put back")
    assert Counter(record.value for record in await everything(topics, "raw")) == {b"%d" % at: 1 for at in range(5)}


async def test_ctrl_c_leaves_no_transaction_open(topics: Settings) -> None:
    await bury(topics)
    process = await start_redrive(topics, hold_transaction_seconds=50, transaction_timeout_seconds=60)
    await uncommitted(topics, 1)
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, errors) == (130, b"")
    assert await everything(topics, "raw") == []
    await send(topics, "raw", b"new", b"k", (), partition=3)
    assert [record.value for record in await everything(topics, "raw")] == [b"new"]


async def test_letters_are_listed_and_shown(topics: Settings) -> None:
    await bury(topics)
    await bury(topics, b"{}", topic="articles", stage="dedupe", reason="step_error", original=())
    await redrive(topics, [(0, 1)])
    await settled(topics, "dead-letters")
    listed = dead_letters(topics, "list", "--json").stdout.splitlines()
    assert [orjson.loads(line)["offset"] for line in listed] == [0]
    both = [orjson.loads(line) for line in dead_letters(topics, "list", "--all", "--json").stdout.splitlines()]
    assert [(each["stage"], each["document_id"], each["redriven"]) for each in both] == [
        ("clean", "doc/1.txt", False),
        ("dedupe", f"{topics.topic('articles')}:3:17", True),
    ]
    table = dead_letters(topics, "list", "--all").stdout.decode()
    assert "byte 0 �[2J is no UTF-8" in table, "a letter cannot steer the terminal"
    assert table.endswith("2 dead letters; 1 were put back\n")
    assert b"0 dead letters; 1 were put back" in dead_letters(topics, "list", "--stage", "dedupe").stdout
    assert dead_letters(topics, "list", "--all", "--reason", "step_error", "--limit", "1").stdout.count(b"0:1 ") == 1
    shown = dead_letters(topics, "show", "0").stdout.decode()
    assert "document-id  doc/1.txt" in shown.replace("document-id   ", "document-id  ")
    assert "\x1b" not in shown
    assert "�body��[31m" in shown
    assert dead_letters(topics, "show", "0:0", "--raw").stdout == BODY


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("show", "0:7"), 1, "is not in the log"),
        (("show", "0:1"), 1, "is no letter but the mark of a redrive"),
        (("show", "9:0"), 1, "has no partition 9"),
        (("show", "x"), 2, "is no place of a letter"),
        (("redrive",), 2, "say which"),
        (("redrive", "--id", "0:7"), 2, "no letter at 0:7"),
        (("redrive", "--id", "0", "--stage", "tag"), 2, "no letter at 0:0 fits"),
        (("list", "--reason", "bad luck"), 2, "Invalid value"),
    ],
)
async def test_what_cannot_be_done_is_one_clear_error(
    topics: Settings, arguments: tuple[str, ...], code: int, says: str
) -> None:
    await bury(topics)
    await redrive(topics, [(0, 0)])
    await settled(topics, "dead-letters")
    done = dead_letters(topics, *arguments)
    assert done.returncode == code
    assert says in done.stderr.decode().splitlines()[-1]


async def test_a_dry_run_and_a_no_change_nothing(topics: Settings) -> None:
    await bury(topics)
    done = dead_letters(topics, "redrive", "--id", "0", "--dry-run")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, b"1 letters to put back; 0 were put back before")
    refused = dead_letters(topics, "redrive", "--all")  # stdin is no terminal: nobody says yes
    assert refused.returncode == 1
    assert await everything(topics, "raw") == []
    assert len(await everything(topics, "dead-letters")) == 1


async def test_without_topics_there_is_one_clear_error(settings: Settings) -> None:
    with pytest.raises(LodestreamError, match="there is no topic"):
        await list_letters(settings)
