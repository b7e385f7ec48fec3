"""`lodestream replay`: documents from folders and archives onto the raw topic."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import math
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
import orjson
import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lodestream.commands.left_out import LISTED, say_left_out
from lodestream.commands.terminal import printable, run, size
from lodestream.replay.archive import Archive
from lodestream.replay.documents import Labels, Refused
from lodestream.replay.send import Sent, replay
from lodestream.replay.tally import Tally
from lodestream.settings import Settings, load
from lodestream.times import from_rfc3339, rfc3339

EXIT_REFUSED: Final = 3
LOG_SECONDS: Final = 5.0


def moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else rfc3339(from_rfc3339(value))
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is no time with a zone, such as 2025-07-17T03:04:05Z") from None


def _charset(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else codecs.lookup(value).name
    except LookupError:
        raise click.BadParameter(f"{value!r} is no known charset") from None


class Rate(click.FloatRange):
    """A number above 0: NaN compares with nothing and would pass."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no rate", param, ctx)
        return number


@click.command(
    name="replay",
    epilog=(
        "Exit codes: 0 all documents are sent. 1 Kafka or a path failed; the message says where to go on. 2 wrong "
        "usage. 3 everything that could be read is sent, but something was refused or unreadable. 130 or 143 stopped "
        "by Ctrl-C or SIGTERM; what was sent is acknowledged, and the summary says where to go on."
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--rate", type=Rate(min=0, min_open=True), help="Documents a second at most.")
@click.option("--source", help="Site of all documents, in place of what folders and articles say.")
@click.option("--fetched-at", callback=moment, metavar="TIME", help="When documents were fetched that do not say it.")
@click.option("--charset", callback=_charset, help="Charset of text and HTML files, where it is not UTF-8.")
@click.option("--replay-id", help="Marks every document of this replay in a header.")
@click.option("--skip", type=click.IntRange(0), default=0, help="Pass over the first N documents.")
@click.option("--limit", type=click.IntRange(0), help="Send N documents at most.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent. Needs no Kafka.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
def command(
    *,
    paths: tuple[Path, ...],
    rate: float | None,
    source: str | None,
    fetched_at: str | None,
    charset: str | None,
    replay_id: str | None,
    skip: int,
    limit: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put documents on the raw topic, in an order that is always the same.

    A folder is read with all folders below it, sorted by path; hidden files are left out.

    \b
    .txt .html .htm .json  a document each (id: the path below the folder;
                           site: the folder's name)
    .jsonl .ndjson         an article object a line (id: its `id`, or file name
                           and line; site: its `source`, or its URL's host)
    .warc .wet             pages of a crawl: HTML, plain text, JSON of status 2xx
                           (id: the record's; site: its URL's host)

    Each also packed with gzip (.gz) or zstd (.zst). A document over 8 MiB is refused. Of a damaged archive all that
    can be read is sent, and one line says what cannot.

    A document counts as sent when Kafka has acknowledged it. Replaying the same documents again is safe: they
    are found to be known.
    """  # noqa: D301 - the backspace is click's mark for what it shall not wrap
    archive = Archive(paths, Labels(source, fetched_at, charset, replay_id))
    if dry_run:
        tally = _plan(archive, skip, limit)
        _report(tally.as_json() if as_json else _plan_text(tally), tally, archive)
        sys.exit(EXIT_REFUSED if tally.refused else 0)
    settings = load()
    sent, signal_number = run(settings, lambda: _send(settings, archive, rate, skip, limit))
    summary = {**sent.as_json(), "replay_id": replay_id}
    _report(summary if as_json else _sent_text(sent), sent.tally, archive)
    if sent.interrupted:
        sys.exit(128 + signal_number)
    sys.exit(EXIT_REFUSED if sent.tally.refused else 0)


async def _send(
    settings: Settings, archive: Archive, rate: float | None, skip: int, limit: int | None
) -> tuple[Sent, int]:
    """What was sent, and the signal that stopped it, if one did."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def on_signal(number: int) -> None:
        received.append(number)
        stop.set()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)  # a second one ends the program at once

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    with _progress(archive) as progress:
        sent = await replay(settings, archive, rate=rate, skip=skip, limit=limit, stop=stop, progress=progress)
    return sent, received[0] if received else signal.SIGINT


def _plan(archive: Archive, skip: int, limit: int | None) -> Tally:
    tally = Tally()

    def documents() -> Iterator[Any]:
        for item in archive:
            if isinstance(item, Refused):
                tally.refuse(item)
            else:
                yield item

    for document in islice(documents(), skip, None if limit is None else skip + limit):
        tally.add(document)
    return tally


@contextlib.contextmanager
def _progress(archive: Archive) -> Iterator[Callable[[Sent], None]]:
    """A bar on a terminal, else a line in the log every few seconds. Both on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Logged(archive)
        return
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[documents]:,} documents"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=archive.total_bytes(), documents=0, rate=0.0)
        started = time.monotonic()

        def show(sent: Sent) -> None:
            documents = sent.tally.documents
            rate = documents / max(time.monotonic() - started, 0.001)
            bar.update(task, completed=archive.read_bytes(), documents=documents, rate=rate)

        yield show


class _Logged:
    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._log = structlog.get_logger("lodestream.replay")
        self._next = time.monotonic() + LOG_SECONDS

    def __call__(self, sent: Sent) -> None:
        if (now := time.monotonic()) < self._next:
            return
        self._next = now + LOG_SECONDS
        tally = sent.tally
        read = self._archive.read_bytes()
        self._log.info(
            "replaying", documents=tally.documents, bytes=tally.bytes, refused=tally.refused, read_bytes=read
        )


def _plan_text(tally: Tally) -> str:
    return "\n".join(
        [
            f"{tally.documents:,} documents, {size(tally.bytes)}",
            *_counted("content types", tally.content_types),
            *_counted("sites", tally.sites),
        ]
    )


def _sent_text(sent: Sent) -> str:
    tally = sent.tally
    text = f"{tally.documents:,} documents, {size(tally.bytes)} on {sent.topic} in {sent.seconds:.1f} s"
    text += f" ({sent.rate:,.1f}/s)"
    return text + (f"; stopped, go on with --skip {sent.next_skip}" if sent.interrupted else "")


def _counted(title: str, counts: Counter[str]) -> list[str]:
    lines = [f"{title}:", *(f"  {count:>9,}  {printable(name)}" for name, count in counts.most_common(LISTED))]
    return [*lines, f"  and {len(counts) - LISTED:,} more"] if len(counts) > LISTED else lines


def _report(summary: str | dict[str, Any], tally: Tally, archive: Archive) -> None:
    """The summary on stdout; what was left out or refused on stderr, and in the JSON."""
    if isinstance(summary, str):
        click.echo(summary)
    else:
        left_out = {
            "skipped_files": dict(archive.skipped.most_common()),
            "skipped_records": dict(archive.skipped_records.most_common()),
        }
        click.echo(orjson.dumps({**summary, **left_out}))
    say_left_out(archive, tally)
