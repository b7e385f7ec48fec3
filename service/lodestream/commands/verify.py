"""`lodestream verify`: the ledger of guarantee 2, on the topics."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from lodestream.commands.terminal import console, printable, run
from lodestream.ledger import Bounds, Breach, Report, StageReport, verify
from lodestream.ledger.audit import Reading
from lodestream.ledger.bounds import HEADS
from lodestream.ledger.breaches import PROBLEMS_KEPT
from lodestream.settings import load
from lodestream.times import from_duration, from_rfc3339
from lodestream.topics import RAW

Place = tuple[str, int, int]


class _Moment(click.ParamType):
    """A time with a zone, or how long ago; as ms since the epoch."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        with contextlib.suppress(ValueError):
            return time.time_ns() // 1_000_000 - from_duration(value)
        try:
            return from_rfc3339(value)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is neither a time with a zone, such as 2025-07-17T03:04:05Z, nor how long ago, such as 2h",
                param,
                ctx,
            )


class _PlaceType(click.ParamType):
    """TOPIC:PARTITION:OFFSET, the topic without its prefix."""

    name = "place"

    def convert(self, value: str | Place, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([a-z-]+):([0-9]{1,9}):([0-9]{1,18})", value)
        if found is None or found[1] not in HEADS:
            topics = ", ".join(HEADS)
            self.fail(f"{value!r} is no place such as raw:0:1000; the topic is one of {topics}", param, ctx)
        return found[1], int(found[2]), int(found[3])


@click.command(name="verify", epilog="Exit codes: 0 it adds up. 1 it does not, or it could not be checked.")
@click.option(
    "--since",
    type=_Moment(),
    metavar="TIME|AGO",
    help="Only raw records that Kafka took then or later: 2025-07-17T03:04:05Z, or 90m, 2h, 7d ago.",
)
@click.option("--until", type=_Moment(), metavar="TIME|AGO", help="Only raw records that Kafka took before.")
@click.option(
    "--from",
    "first",
    type=_PlaceType(),
    multiple=True,
    metavar="TOPIC:PARTITION:OFFSET",
    help="Only this partition, from this offset on: raw:0:1000; articles and originals too. May be repeated.",
)
@click.option(
    "--to",
    "stop",
    type=_PlaceType(),
    multiple=True,
    metavar="TOPIC:PARTITION:OFFSET",
    help="Only this partition, to before this offset.",
)
@click.option(
    "--problems",
    type=click.IntRange(0),
    default=PROBLEMS_KEPT,
    show_default=True,
    metavar="N",
    help="Print the first N problems.",
)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def command(
    *,
    since: int | None,
    until: int | None,
    first: tuple[Place, ...],
    stop: tuple[Place, ...],
    problems: int,
    as_json: bool,
) -> None:
    """Check on the topics themselves that every record has exactly one fate.

    Each raw record became all of its articles or one dead letter; each article an original, a duplicate, both (an
    extension, a round-up or a part of one) or a dead letter; each original an enriched record or a dead letter; and
    each says rightly where it came from, and holds what a stage passes on unchanged. The originals and stories that
    are named are there, and the changelogs cover what is committed. What a stage wrote twice, the next one passed
    over. Checked are the records that the agents have committed, from where all topics still reach; agents and
    replays may go on meanwhile.

    Of records that are out of reach outputs may be gone, so a missing one is no breach; any other still is.

    With bounds only the records within are checked, and what came of them at the later stages; only what lies around
    them is read, and the keys of all stories. A place on articles or originals leaves out the stages before; times are
    then those of that topic. Where the bounds have an end, outputs are read to 10 minutes behind the last one that was
    due: what a stage writes again later than that is not seen. Positions of articles count from 0.
    """
    bounds = _bounds(since, until, first, stop)
    settings = load()
    with _progress() as progress:
        report = run(settings, lambda: verify(settings, bounds, problems=problems, progress=progress))
    if as_json:
        click.echo(orjson.dumps(report.as_json()))
    else:
        _print(report)
    sys.exit(0 if report.adds_up else 1)


def _bounds(since: int | None, until: int | None, first: tuple[Place, ...], stop: tuple[Place, ...]) -> Bounds:
    topics = sorted({topic for topic, _, _ in (*first, *stop)}) or [RAW]
    if len(topics) > 1:
        raise click.UsageError(f"--from and --to name more than one topic: {', '.join(topics)}")
    offsets = []
    for option, places in (("--from", first), ("--to", stop)):
        named = {partition: offset for _, partition, offset in places}
        if len(named) < len(places):
            raise click.UsageError(f"{option} names a partition twice")
        offsets.append(named)
    try:
        return Bounds(topics[0], since, until, *offsets)
    except ValueError as error:
        raise click.UsageError(f"nothing lies within: {error}") from None


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[Reading], None] | None]:
    """A bar for each topic, on a terminal only; on stderr."""
    stderr = Console(stderr=True)
    if not stderr.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[records]:,} records"),
    )
    with Progress(*columns, console=stderr, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(reading: Reading) -> None:
            if reading.topic not in tasks:
                tasks[reading.topic] = bar.add_task(reading.topic, total=reading.total, records=0)
            bar.update(tasks[reading.topic], completed=reading.done, records=reading.records)

        yield show


def _print(report: Report) -> None:
    click.echo(f"Looked at: {printable(str(report.used))}.")
    table = Table(box=None, pad_edge=False)
    for title in ("stage", "records", "fates", "breaches", "not yet processed", "out of reach"):
        table.add_column(title, justify="left" if title in {"stage", "fates", "breaches"} else "right")
    for stage in report.stages:
        table.add_row(
            stage.stage,
            f"{stage.records:,}",
            ", ".join(f"{fate} {count:,}" for fate, count in sorted(stage.fates.items())) or "-",
            _breaches(stage),
            f"{stage.not_yet_processed:,}",
            f"{stage.out_of_reach:,}",
        )
    console().print(table)
    if report.used.unseen is not None:
        click.echo(f"Not looked at: {report.used.unseen}.")
    if report.documents is not None:
        counts = ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in report.documents.items() if count)
        click.echo(f"Documents to the end of the flow: {counts or 'none'}.")
    for problem in report.problems:
        click.echo(f"{problem.breach}: {problem.coordinates}: {printable(problem.found)}")
    if (more := report.breaches - len(report.problems)) > 0:
        click.echo(f"and {more:,} more")
    for warning in report.warnings:
        click.echo(f"Warning: {printable(warning)}.")
    breaches = "1 breach" if report.breaches == 1 else f"{report.breaches:,} breaches"
    click.echo("It adds up." if report.adds_up else f"It does not add up: {breaches}.")


def _breaches(stage: StageReport) -> str:
    return ", ".join(f"{breach} {stage.breaches[breach]:,}" for breach in Breach if stage.breaches[breach]) or "-"
