"""`lodestream worker`: run agents until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys

import click

from lodestream import logs, settings
from lodestream.agents import INPUTS
from lodestream.errors import TopicsError
from lodestream.kafka.admin import check_topics
from lodestream.settings import Settings
from lodestream.supervisor import Program, end_with_parent, supervise


@click.command(name="worker")
@click.argument("agents", nargs=-1, type=click.Choice(list(INPUTS)))
@click.option(
    "--processes",
    multiple=True,
    metavar="AGENT=N",
    help="More than one process of an agent, e.g. clean=2. Useful up to the partitions of its input.",
)
@click.option("--number", type=int, default=0, hidden=True, help="Number of this process among its agent's.")
@click.option("--port", type=int, default=None, hidden=True, help="HTTP port of this process.")
def command(agents: tuple[str, ...], processes: tuple[str, ...], number: int, port: int | None) -> None:
    """Run agents (all three by default), one process each, until SIGTERM or Ctrl-C.

    Exits 0 when asked to stop, with nothing in flight. Exits non-zero as soon as one process dies, so that
    whatever runs it restarts it. Metrics and health are on LODESTREAM_HTTP_PORT and the ports after it,
    one per process in the order given.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until Faust's handlers stand nothing is in flight
    end_with_parent()
    current = settings.load()
    counts = _counts(agents or tuple(INPUTS), processes)
    logs.configure(current, agent=next(iter(counts)) if sum(counts.values()) == 1 else None)
    logs.log_settings(current)
    if sum(counts.values()) == 1:
        _check(current)
        from lodestream.agents.process import run_agent  # noqa: PLC0415 - Faust is imported where it runs

        sys.exit(run_agent(next(iter(counts)), current, number=number, port=port))
    _check(current)
    sys.exit(supervise(_programs(counts, current.http_port)))


def _counts(agents: tuple[str, ...], processes: tuple[str, ...]) -> dict[str, int]:
    """Processes by agent, in the order of the flow."""
    counts = {agent: 1 for agent in INPUTS if agent in agents}
    for item in processes:
        agent, _, number = item.partition("=")
        if agent not in counts:
            raise click.BadParameter(f"{item!r}: {agent!r} is none of the agents to run ({', '.join(counts)})")
        if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 64:
            raise click.BadParameter(f"{item!r}: a number of processes from 1 to 64 is wanted, as in clean=2")
        counts[agent] = int(number)
    return counts


def _programs(counts: dict[str, int], first_port: int) -> list[Program]:
    """A command line per process; 0 as first port leaves each to take a free one."""
    programs: list[Program] = []
    for agent, processes in counts.items():
        for number in range(processes):
            port = first_port + len(programs) if first_port else 0
            arguments = [sys.executable, "-m", "lodestream", "worker", agent]
            programs.append(Program(f"{agent}-{number}", [*arguments, f"--number={number}", f"--port={port}"]))
    return programs


def _check(current: Settings) -> None:
    """All topics must be there and as they should be: a worker does not start on anything else."""
    differences = asyncio.run(check_topics(current))
    if differences:
        listed = "; ".join(str(difference) for difference in differences[:5])
        more = f" and {len(differences) - 5} more" if len(differences) > 5 else ""
        raise TopicsError(f"topics are not as they should be: {listed}{more}. Run `lodestream topics apply`")
