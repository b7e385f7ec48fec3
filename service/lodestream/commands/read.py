"""`lodestream read`: a topic as JSON lines."""

from __future__ import annotations

import base64
import contextlib
import sys
from collections.abc import AsyncGenerator
from typing import Any, Final

import click
import orjson

from lodestream.commands.terminal import run
from lodestream.kafka.admin import all_topics
from lodestream.kafka.clients import clear_errors, client_arguments, reachable
from lodestream.kafka.log import LogRecord, follow_log, offsets, offsets_since, read_log
from lodestream.settings import Settings, load
from lodestream.times import from_rfc3339
from lodestream.topics import ARTICLES, DUPLICATES, ENRICHED, ORIGINALS, STORIES, TRENDS

JSON_TOPICS: Final = frozenset({ARTICLES, ORIGINALS, DUPLICATES, STORIES, ENRICHED, TRENDS})

Start = str | int
"""`beginning`, `end`, or a time in ms since the epoch."""


def _start(_context: click.Context, _parameter: click.Parameter, value: str) -> Start:
    if value in {"beginning", "end"}:
        return value
    try:
        return from_rfc3339(value)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is neither beginning nor end nor a time with a zone, such as 2025-07-17T03:04:05Z"
        ) from None


@click.command(name="read")
@click.argument("topic")
@click.option("--follow", is_flag=True, help="Go on with new records until Ctrl-C.")
@click.option(
    "--from",
    "start",
    default="beginning",
    metavar="beginning|end|TIME",
    callback=_start,
    help="Where to begin; a time is that of Kafka's append. [default: beginning]",
)
@click.option("--limit", type=click.IntRange(0), help="Print N records at most.")
@click.option("--partition", type=click.IntRange(0), help="Only this partition.")
@click.option("--headers", "with_headers", is_flag=True, help="Each record with its place, key and headers.")
def command(
    *, topic: str, follow: bool, start: Start, limit: int | None, partition: int | None, with_headers: bool
) -> None:
    """Print a topic as JSON lines: raw, articles, originals, duplicates, stories, enriched, trends, dead-letters.

    Only what is committed is read. raw, dead-letters and the agents' state come as an envelope with place, key,
    headers and value, as does everything with --headers; what is no UTF-8 is base64, with `"encoding": "base64"`.
    """
    settings = load()
    names = [each.name for each in all_topics(settings)]
    if topic not in names:
        raise click.BadParameter(f"{topic!r} is no topic; there are {', '.join(names)}", param_hint="TOPIC")
    run(settings, lambda: _read(settings, topic, start, partition, limit, follow=follow, enveloped=with_headers))


async def _read(
    settings: Settings,
    topic: str,
    start: Start,
    partition: int | None,
    limit: int | None,
    *,
    follow: bool,
    enveloped: bool,
) -> None:
    await reachable(settings)
    with clear_errors(settings):
        async with contextlib.aclosing(_batches(settings, topic, start, partition, follow=follow)) as batches:
            left, is_json = limit, topic in JSON_TOPICS
            if left == 0:
                return
            async for batch in batches:
                page = batch[:left]
                sys.stdout.buffer.write(b"".join(line(record, is_json=is_json, enveloped=enveloped) for record in page))
                sys.stdout.buffer.flush()
                if left is not None and (left := left - len(page)) <= 0:
                    return


async def _batches(
    settings: Settings, topic: str, start: Start, partition: int | None, *, follow: bool
) -> AsyncGenerator[list[LogRecord], None]:
    arguments, name = client_arguments(settings), settings.topic(topic)
    partitions = None if partition is None else [partition]
    first: dict[int, int] | None = None
    if start != "beginning":
        bounds = await offsets(arguments, name, partitions)
        first = {at: bound.stable for at, bound in bounds.items()}
        if isinstance(start, int):
            found = await offsets_since(arguments, name, start, list(bounds))
            first |= {at: offset for at, offset in found.items() if offset is not None}
    reading = follow_log if follow else read_log
    async with contextlib.aclosing(reading(arguments, name, partitions=partitions, start=first)) as batches:
        async for batch in batches:
            yield batch


def line(record: LogRecord, *, is_json: bool, enveloped: bool) -> bytes:
    """A record as one line. `is_json`: its topic holds JSON; a value that is none comes as an envelope after all."""
    if is_json and not enveloped:
        value = b"null" if record.value is None else record.value
        with contextlib.suppress(orjson.JSONDecodeError):
            decoded = orjson.loads(value)
            return (orjson.dumps(decoded) if b"\n" in value else value) + b"\n"
    return orjson.dumps(envelope(record, is_json=is_json)) + b"\n"


def envelope(record: LogRecord, *, is_json: bool) -> dict[str, Any]:
    """A record with its place, key and headers (of a header that repeats, the last value)."""
    place = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": None if record.key is None else record.key.decode("utf-8", "backslashreplace"),
        "headers": {name: (value or b"").decode("utf-8", "backslashreplace") for name, value in record.headers},
    }
    if record.value is None:
        return {**place, "value": None}
    if is_json:
        with contextlib.suppress(orjson.JSONDecodeError):
            return {**place, "value": orjson.loads(record.value)}
    try:
        return {**place, "value": record.value.decode()}
    except UnicodeDecodeError:
        return {**place, "value": base64.b64encode(record.value).decode(), "encoding": "base64"}
