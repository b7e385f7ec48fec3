"""`lodestream run`: the same steps without Kafka."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.console import Console

from lodestream import settings
from lodestream.commands.left_out import say_left_out
from lodestream.commands.replay import EXIT_REFUSED, moment
from lodestream.export import Export
from lodestream.pipeline import Pipeline
from lodestream.replay.archive import Archive
from lodestream.replay.documents import Labels, Refused
from lodestream.replay.tally import Tally
from lodestream.times import from_rfc3339

PROGRESS_SECONDS = 5.0


@click.command("run")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the files.")
@click.option("--source", help="Site of all documents, in place of what folders and articles say.")
@click.option("--fetched-at", callback=moment, metavar="TIME", help="When documents were fetched that do not say it.")
@click.option(
    "--ingested-at",
    callback=moment,
    metavar="TIME",
    help="The log's clock of the whole run, in place of now: the same input then gives the same bytes.",
)
def command(
    *, paths: tuple[Path, ...], out: Path, source: str | None, fetched_at: str | None, ingested_at: str | None
) -> None:
    """Clean, deduplicate and tag documents in this process, without Kafka.

    Takes what `replay` takes. Writes enriched.jsonl, duplicates.jsonl and dead-letters.jsonl to the folder, when
    it is through: after Ctrl-C or an error there are no half-written files. Exits 3 when documents were refused.
    """
    clock = from_rfc3339(ingested_at) if ingested_at is not None else int(time.time() * 1000)
    archive = Archive(paths, Labels(source, fetched_at))
    pipeline = Pipeline(settings.load(), clock)
    console = Console(highlight=False, soft_wrap=True)
    began = shown = time.monotonic()
    documents = 0
    tally = Tally()
    with Export(out) as export:
        for item in archive:
            if isinstance(item, Refused):
                tally.refuse(item)
                continue
            documents += 1
            for written in pipeline.feed(item.key, item.value, item.headers):
                export.add(written.topic, written.value, written.headers)
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                click.echo(f"{documents:,} documents, {documents / (shown - began):,.0f} a second", err=True)
    seconds = time.monotonic() - began
    console.print(f"{documents:,} documents in {seconds:.1f} s ({documents / max(seconds, 1e-9):,.0f} a second)")
    export.summary(console)
    console.print(f"written to {out}", style="dim")
    say_left_out(archive, tally)
    sys.exit(EXIT_REFUSED if tally.refused else 0)
