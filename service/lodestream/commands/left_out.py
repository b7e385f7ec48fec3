"""What `replay` and `run` say at their end of files, records and documents that they did not take."""

from __future__ import annotations

from collections import Counter
from typing import Final

import click

from lodestream.commands.terminal import printable
from lodestream.replay.archive import Archive
from lodestream.replay.tally import Tally

LISTED: Final = 20


def say_left_out(archive: Archive, tally: Tally) -> None:
    """On stderr: what is of no kind that can be read, records that are no documents, and what was refused."""
    _say("left out, being of no kind that can be read", archive.skipped)
    _say("records that are no documents", archive.skipped_records)
    if tally.refused:
        click.echo(f"refused or unreadable: {tally.refused:,}", err=True)
        for refused in tally.refusals[:LISTED]:
            click.echo(f"  {printable(refused.place)}: {printable(refused.why)}", err=True)
        if tally.refused > LISTED:
            click.echo(f"  and {tally.refused - LISTED:,} more", err=True)


def _say(title: str, counts: Counter[str]) -> None:
    if counts:
        kinds = [f"{count:,} {printable(kind)}" for kind, count in counts.most_common(LISTED)]
        more = [f"{len(counts) - LISTED} more kinds"] if len(counts) > LISTED else []
        click.echo(f"{title}: {', '.join([*kinds, *more])}", err=True)
