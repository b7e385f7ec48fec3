"""One agent as a process: Faust's worker for signals and shutdown, and an exit code that can be trusted."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from signal import Signals
from typing import NoReturn

import faust
import structlog

from lodestream.engine.runtime import Engine
from lodestream.engine.watchdog import end_after, watching
from lodestream.errors import LodestreamError

STOP_SECONDS = 45  # a stop that takes longer hangs: lanes 15 s, producers 5 s, Faust's own waits about 5 s
LEAVE_SECONDS = 10  # to leave the group once nothing is in flight; Kafka may be gone, then the session ends it

log = structlog.get_logger(__name__)


class Worker(faust.Worker):
    """Faust's worker, quiet, with a bound on how long a stop may take."""

    def _schedule_shutdown(self, signal: Signals) -> None:
        end_after(STOP_SECONDS)
        super()._schedule_shutdown(signal)


def run_engine(build: Callable[[], Engine]) -> int:
    """Run until SIGTERM or SIGINT; the exit code. After a failure the process ends here, non-zero.

    `build` is called on the event loop.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    engine: Engine | None = None

    async def prepare() -> Engine:
        return build()

    calm_garbage_collector()
    try:
        engine = loop.run_until_complete(prepare())
        engine.app.on_crash = lambda: end_after(STOP_SECONDS)
        engine.on_stopped = lambda: end_after(LEAVE_SECONDS, lambda: _exit_code(engine, 0))
        worker = Worker(engine.app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False)
        worker.spinner = None  # it writes control characters to standard output
        with watching(engine, loop):
            worker.execute_from_commandline()
    except SystemExit as exit_:
        return _exit_code(engine, exit_.code)
    except BaseException as error:  # noqa: BLE001 - Faust raises a crash's reason again, and the process ends
        try:
            if engine is None or engine.failure is None:
                log.exception("failed", exc_info=error)
        finally:
            _end(_exit_code(engine, 1))
    return _exit_code(engine, 0)


def _end(code: int) -> NoReturn:
    """End at once. After a crash, out of memory above all, the consumer's thread may live and keep the partitions."""
    try:
        end_after(LEAVE_SECONDS, lambda: code)  # standard output may be a pipe that nobody empties
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def calm_garbage_collector() -> None:
    """Collect less often: batches make thousands of tuples that die together, without cycles.

    With Python's default of 700 new objects between collections the collector took a fifth of the engine's CPU
    (`benchmarks/engine.py`); what was imported is left out of every collection.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _exit_code(engine: Engine | None, code: object) -> int:
    failure = None if engine is None else engine.failure or engine.app.crash_reason
    if failure is not None:
        return failure.exit_code if isinstance(failure, LodestreamError) else 1
    return code if isinstance(code, int) else 1
