"""`lodestream verify`: the ledger of guarantee 2, on the topics."""

from __future__ import annotations

import sys
from typing import Final

import click
import orjson
from rich.table import Table

from lodestream.commands.terminal import console, printable, run
from lodestream.ledger import Breach, Report, StageReport, verify
from lodestream.settings import load

SHOWN: Final = (Breach.MISSING, Breach.TWICE, Breach.TWO_FATES, Breach.INCOMPLETE, Breach.CONTRADICTORY)
STRANGERS: Final = (Breach.ORPHAN, Breach.AHEAD)


@click.command(name="verify", epilog="Exit codes: 0 it adds up. 1 it does not, or it could not be checked.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def command(*, as_json: bool) -> None:
    """Check on the topics themselves that every record has exactly one fate.

    Each raw record became all of its articles or one dead letter; each article an original, a duplicate, both (an
    extension, a round-up or a part of one) or a dead letter; each original an enriched record or a dead letter.
    Checked are the records that the agents have committed, from where all topics still reach; agents and replays
    may go on meanwhile.
    """
    settings = load()
    report = run(settings, lambda: verify(settings))
    if as_json:
        click.echo(orjson.dumps(report.as_json()))
    else:
        _print(report)
    sys.exit(0 if report.adds_up else 1)


def _print(report: Report) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("stage", "records", "fates"):
        table.add_column(title, justify="right" if title == "records" else "left")
    for title in (*SHOWN, *STRANGERS, "not yet processed", "out of reach"):
        table.add_column(title, justify="right")
    for stage in report.stages:
        table.add_row(stage.stage, f"{stage.records:,}", _fates(stage), *_numbers(stage))
    console().print(table)
    for problem in report.problems:
        click.echo(f"{problem.breach}: {problem.coordinates}: {printable(problem.found)}")
    if (more := report.breaches - len(report.problems)) > 0:
        click.echo(f"and {more:,} more")
    click.echo("It adds up." if report.adds_up else f"It does not add up: {report.breaches:,} breaches.")


def _fates(stage: StageReport) -> str:
    return ", ".join(f"{fate} {count:,}" for fate, count in sorted(stage.fates.items())) or "-"


def _numbers(stage: StageReport) -> list[str]:
    return [
        *(f"{stage.breaches[breach]:,}" for breach in (*SHOWN, *STRANGERS)),
        f"{stage.not_yet_processed:,}",
        f"{stage.out_of_reach:,}",
    ]
