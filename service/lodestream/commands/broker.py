"""`lodestream broker`: the embedded Kafka alone, in the foreground."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from lodestream.errors import BrokerError
from lodestream.kafka.archive import prepare
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.jars import KAFKA_VERSION

_WATCH_SECONDS = 0.2


class _StopAsked(BaseException):
    """SIGINT or SIGTERM: it must pass through everything that handles errors."""


@click.command("broker")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=9092,
    show_default=True,
    help="Port on 127.0.0.1; 0: any free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for its data, kept. Without it: a temporary one, removed at the end.",
)
@click.option("--heap-mb", type=click.IntRange(128), default=512, show_default=True, help="Memory of its Java heap.")
@click.option(
    "--prepare",
    "only_prepare",
    is_flag=True,
    help="Fetch what it needs, prepare faster starts, and end: for images and CI.",
)
def command(*, port: int, data: Path | None, heap_mb: int, only_prepare: bool) -> None:
    """Run the embedded Kafka in the foreground, until Ctrl-C or SIGTERM.

    For development and tests: one broker on 127.0.0.1, nothing replicated, no login.
    """
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _ask_stop)
        if only_prepare:
            prepare(say=_say)
            click.echo(f"Apache Kafka {KAFKA_VERSION} is ready to start")
            return
        with EmbeddedKafka(data, port, heap_mb, say=_say) as broker:
            kept = f"data in {data}" if data else "data in a temporary folder"
            click.echo(
                f"Apache Kafka {KAFKA_VERSION} listens on {broker.bootstrap_servers} "
                f"(process {broker.pid}, {kept}); Ctrl-C stops it"
            )
            while broker.running:
                time.sleep(_WATCH_SECONDS)
            raise BrokerError(f"the broker ended by itself: {broker.last_words()}")
    except _StopAsked:
        click.echo("stopped")


def _ask_stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signature of a handler
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # the stop that begins now must not be cut short
    raise _StopAsked


def _say(text: str) -> None:
    click.echo(text, err=True)
