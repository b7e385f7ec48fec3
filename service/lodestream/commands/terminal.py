"""How the short commands run and print: quiet ends, nothing of a record that could steer a terminal."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import unicodedata
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from rich.console import Console

from lodestream import logs
from lodestream.settings import Settings

INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it

PIPE_WIDTH: Final = 200  # columns of a table where the output is no terminal

T = TypeVar("T")


def run(settings: Settings, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's coroutine. Ctrl-C exits 130 without a word, a reader of stdout that is gone exits 0.

    The Kafka library stays silent: what goes wrong is raised, and said once, in one line.
    """
    logs.configure(settings)
    if settings.log_level != "debug":
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        result = asyncio.run(main())
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # What is left in the buffer goes nowhere; without this the interpreter complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    return result


def console() -> Console:
    """Where tables go: stdout."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def printable(text: str) -> str:
    """A text from outside for a terminal: control characters, line ends too, become `�`."""
    return "".join("�" if unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character for character in text)


def size(number: int) -> str:
    """Bytes for people: `1.2 MiB`."""
    if number < 1024:
        return f"{number} B"
    amount = float(number)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"
