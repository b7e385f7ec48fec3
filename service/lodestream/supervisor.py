"""A parent for worker processes: they live and die together."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

import structlog

STOP_SECONDS = 60  # longer than a worker takes to stop or to give up stopping (45 s)
PARENT = "LODESTREAM_PARENT_PID"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """A child: what to call it in the logs, and its command line."""

    name: str
    arguments: Sequence[str]


def supervise(programs: Sequence[Program]) -> int:
    """Run all until a signal (then each gets SIGTERM; 0 if all end with 0) or until one ends by itself.

    One that ends by itself ends them all, with a non-zero code, so that the orchestrator restarts the whole.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    former = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    environment = {**os.environ, PARENT: str(os.getpid())}
    # Own sessions: a Ctrl-C on the terminal reaches the children once, as our SIGTERM.
    children = {
        program.name: subprocess.Popen(program.arguments, env=environment, start_new_session=True)
        for program in programs
    }
    code = 0
    try:
        while not stop.wait(0.2):
            ended = {name: child.returncode for name, child in children.items() if child.poll() is not None}
            if ended:
                for name, status in ended.items():
                    log.error("worker ended", worker=name, exit_code=status)
                code = next((_as_exit_code(status) for status in ended.values() if status), 1)
                break
    finally:
        codes = _stop(children)
        for number, handler in former.items():
            signal.signal(number, handler)
    return code or next((_as_exit_code(status) for status in codes if status), 0)


def end_with_parent() -> None:
    """In a child: SIGTERM to ourselves when the parent is gone, however it went."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _stop(children: dict[str, subprocess.Popen[bytes]]) -> list[int]:
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    codes = []
    for name, child in children.items():
        try:
            code = child.wait(max(0.1, deadline - time.monotonic()))
            # Our signal can meet a child before its handler stands: it had nothing in flight then.
            codes.append(0 if code == -signal.SIGTERM else code)
        except subprocess.TimeoutExpired:
            log.exception("worker does not stop; killed", worker=name)
            child.kill()
            codes.append(child.wait())
    return codes


def _as_exit_code(status: int) -> int:
    """A child's status as an exit code of ours: killed by signal n is 128 + n, as shells have it."""
    return 128 - status if status < 0 else status
