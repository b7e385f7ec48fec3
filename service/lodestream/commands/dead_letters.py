"""`lodestream dead-letters`: look at what could not be processed, and put it back."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import click
import orjson
from rich.table import Table
from rich.text import Text

from lodestream.commands.terminal import console, printable, run, size
from lodestream.dead_letters import Letter, Place, Redriven, headers_of, list_letters, read_letter, redrive
from lodestream.errors import Reason
from lodestream.ledger.outputs import STAGES
from lodestream.settings import Settings, load

PREVIEW_BYTES: Final = 2000
LISTED: Final = 50
ID_SHOWN: Final = 80  # characters of a document id in the list
EXIT_REFUSED: Final = 3

reason_option = click.option(
    "--reason", type=click.Choice([r.value for r in Reason]), help="Only letters with this reason."
)
stage_option = click.option("--stage", type=click.Choice([s.name for s in STAGES]), help="Only letters of this stage.")


class _PlaceType(click.ParamType):
    """PARTITION:OFFSET, or OFFSET alone, which is in partition 0: the topic has only that."""

    name = "place"

    def convert(self, value: str | Place, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(?:([0-9]{1,9}):)?([0-9]{1,18})", value)
        if found is None:
            self.fail(f"{value!r} is no place of a letter, such as 0:17 or 17", param, ctx)
        return int(found[1] or 0), int(found[2])


@click.group(name="dead-letters")
def command() -> None:
    """List, show and put back records that could not be processed."""


@command.command(name="list")
@reason_option
@stage_option
@click.option("--limit", type=click.IntRange(1), default=LISTED, show_default=True, help="The newest N letters.")
@click.option("--all", "with_redriven", is_flag=True, help="Also letters that were put back.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
def list_(*, reason: str | None, stage: str | None, limit: int, with_redriven: bool, as_json: bool) -> None:
    """List dead letters, oldest first; without --all only those that were not put back."""
    settings = load()
    found = _chosen(run(settings, lambda: list_letters(settings)), reason, stage)
    letters = [letter for letter in found if with_redriven or not letter.redriven]
    shown = letters[-limit:]
    if as_json:
        for letter in shown:
            click.echo(orjson.dumps(asdict(letter)))
        return
    if shown:
        console().print(_table(shown))
    earlier = f", of which the newest {len(shown):,} are shown" if len(shown) < len(letters) else ""
    redriven = sum(letter.redriven for letter in found)
    click.echo(f"{len(letters):,} dead letters{earlier}; {redriven:,} were put back")


@command.command()
@click.argument("place", type=_PlaceType(), metavar="PARTITION:OFFSET|OFFSET")
@click.option("--raw", is_flag=True, help="Only the body, byte for byte.")
def show(*, place: Place, raw: bool) -> None:
    """Show one dead letter: its headers and the beginning of its body."""
    settings = load()
    record = run(settings, lambda: read_letter(settings, *place))
    value = record.value or b""
    if raw:
        sys.stdout.buffer.write(value)
        sys.stdout.buffer.flush()
        return
    headers = headers_of(record)
    width = max((len(name) for name, _ in headers), default=0)
    for name, content in headers:
        click.echo(f"{printable(name):<{width}}  {printable(content.decode('utf-8', 'backslashreplace'))}")
    click.echo(f"\n{size(len(value))}" + (", beginning:" if len(value) > PREVIEW_BYTES else ":"))
    for text in value[:PREVIEW_BYTES].decode("utf-8", "replace").splitlines():
        click.echo(f"  {printable(text)}")


@command.command(name="redrive", epilog="Exit codes: 0 all are put back. 1 Kafka failed. 3 some cannot be put back.")
@reason_option
@stage_option
@click.option("--id", "places", type=_PlaceType(), multiple=True, metavar="PARTITION:OFFSET", help="This letter.")
@click.option("--all", "everything", is_flag=True, help="All letters that were not put back.")
@click.option("--dry-run", is_flag=True, help="Only say which.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def redrive_(
    *, reason: str | None, stage: str | None, places: tuple[Place, ...], everything: bool, dry_run: bool, yes: bool
) -> None:
    """Put dead letters back on the topic, partition and key they came from.

    Each is put back once: a mark is written with it in one transaction, and marked letters are passed over. A
    record that fails again becomes a new letter.
    """
    if not (reason or stage or places or everything):
        raise click.UsageError("say which: --reason, --stage, --id or --all")
    settings = load()
    letters = _chosen(run(settings, lambda: list_letters(settings)), reason, stage)
    if places:
        known = {letter.place for letter in letters}
        for partition, offset in sorted(set(places) - known):
            raise click.UsageError(f"no letter at {partition}:{offset}" + (" fits" if reason or stage else ""))
        letters = [letter for letter in letters if letter.place in places]
    chosen = [letter for letter in letters if not letter.redriven]
    click.echo(f"{len(chosen):,} letters to put back; {len(letters) - len(chosen):,} were put back before")
    if dry_run:
        if chosen:
            console().print(_table(chosen))
        return
    if not chosen:
        return
    if not yes:
        click.confirm("Put them back?", abort=True)
    _put_back(settings, [letter.place for letter in chosen])


def _put_back(settings: Settings, places: Sequence[Place]) -> None:
    result: Redriven = run(settings, lambda: redrive(settings, places))
    already = f"; {result.already:,} were by somebody else" if result.already else ""
    click.echo(f"{result.put_back:,} letters are put back{already}")
    for (partition, offset), why in result.refused:
        click.echo(f"{partition}:{offset} cannot be put back: {printable(why)}", err=True)
    if result.refused:
        sys.exit(EXIT_REFUSED)


def _chosen(letters: Sequence[Letter], reason: str | None, stage: str | None) -> list[Letter]:
    return [
        letter
        for letter in letters
        if (reason is None or letter.reason == reason) and (stage is None or letter.stage == stage)
    ]


def _cut(text: str) -> str:
    return text if len(text) <= ID_SHOWN else text[:ID_SHOWN] + "…"


def _table(letters: Sequence[Letter]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("place", "reason", "stage", "document", "detail", "at", "size", "redriven"):
        table.add_column(title, overflow="fold", no_wrap=title in {"place", "reason", "stage"})
    for letter in letters:
        earlier = f" (after {letter.redrives})" if letter.redrives else ""
        cells = (
            f"{letter.partition}:{letter.offset}",
            letter.reason,
            letter.stage,
            _cut(letter.document_id),
            letter.detail,
            letter.at,
            size(letter.size),
            ("yes" if letter.redriven else "no") + earlier,
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table
