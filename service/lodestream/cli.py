"""The command line: `lodestream COMMAND`. Each command lives in `commands/` and is imported when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

import click

from lodestream import __version__
from lodestream.errors import LodestreamError

COMMANDS: Final = {
    "demo": ("lodestream.commands.demo", "See it work: everything on an embedded Kafka, over the seed pages."),
    "worker": ("lodestream.commands.worker", "Run the agents clean, dedupe and tag until SIGTERM."),
    "replay": ("lodestream.commands.replay", "Put documents from folders or JSONL files on the raw topic."),
    "run": ("lodestream.commands.run", "The same steps without Kafka: files in, JSONL files out."),
    "read": ("lodestream.commands.read", "Print a topic as JSON lines."),
    "verify": ("lodestream.commands.verify", "Check that every record has exactly one fate."),
    "dead-letters": ("lodestream.commands.dead_letters", "List, show and redrive what could not be processed."),
    "topics": ("lodestream.commands.topics", "Create the topics, or say what differs."),
    "broker": ("lodestream.commands.broker", "Run the embedded Kafka in the foreground."),
    "settings": ("lodestream.commands.settings", "Print every setting, its value and what it means."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when that command is asked for: `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = module.command
        if not isinstance(command, click.Command):
            msg = f"{module.__name__}.command is no click command"
            raise TypeError(msg)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lodestream")
@click.pass_context
def cli(context: click.Context) -> None:
    """A stream of raw news pages in; clean, deduplicated, tagged articles out: on Apache Kafka, exactly once.

    Settings come from the environment (LODESTREAM_…); `lodestream settings` lists them.
    """
    if context.invoked_subcommand == "worker":
        return  # which logs it, in the form that is set
    from lodestream.settings import unknown  # noqa: PLC0415 - `--help` stays fast

    for sentence in unknown(os.environ):
        click.echo(f"lodestream: {sentence}", err=True)


def main() -> None:
    """Entry point: an expected error is one line on stderr and a non-zero exit, never a traceback."""
    try:
        cli.main(prog_name="lodestream")
    except LodestreamError as error:
        click.echo(f"lodestream: {error}", err=True)
        sys.exit(error.exit_code)
