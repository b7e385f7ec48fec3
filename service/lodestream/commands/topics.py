"""`lodestream topics`: creates the topics of the service, or says where the cluster differs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from lodestream.errors import TopicsError
from lodestream.kafka.admin import Difference, all_topics, apply_topics, check_topics
from lodestream.settings import load


@click.group("topics")
def command() -> None:
    """Create the topics, or say what differs."""


@command.command("apply")
def apply() -> None:
    """Create the topics that are missing. Existing ones are never changed: differences are only named."""
    settings = load()
    created = asyncio.run(apply_topics(settings))
    for name in created:
        click.echo(f"created {name}")
    if not created:
        click.echo(f"all {len(all_topics(settings))} topics exist")
    differences = asyncio.run(check_topics(settings))
    if differences:
        click.echo(f"{table(differences)}\nnothing of this was changed", err=True)


@command.command("check")
def check() -> None:
    """Say where the topics differ from what the service needs. Exit code 1 when one does."""
    settings = load()
    differences = asyncio.run(check_topics(settings))
    if differences:
        click.echo(table(differences))
        raise TopicsError(f"the topics are not as they should be: {len(differences)} differences")
    click.echo(f"all {len(all_topics(settings))} topics are as they should be")


def table(differences: Sequence[Difference]) -> str:
    """Differences in aligned columns with a heading."""
    rows = [("TOPIC", "WHAT", "WANTED", "FOUND")]
    rows += [(each.topic, each.what, each.wanted, each.found) for each in differences]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
