"""Runs one command and ends it with the process that asked for it, whatever happens to that process.

Started by `embedded.py` as a script (`python -I -S guard.py …`, standard library only, so it is up in 20 ms).
Its standard input is a pipe from the parent: end of file means that the parent stopped it or is gone, also by
`kill -9`. Then the command gets SIGTERM and, if that does not end it, SIGKILL. On Linux the command is also
killed by the kernel when the guard itself is. Exit code: the command's, negative signals as 128 + signal.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

KILL = b"K"  # from the parent: end the command by SIGKILL
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_ORPHAN_CHECK_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True, help="process id of who started the guard")
    parser.add_argument("--log", required=True, help="file for the command's output")
    parser.add_argument("--grace", type=float, default=15.0, help="seconds between SIGTERM and SIGKILL")
    parser.add_argument("--hold", type=int, action="append", default=[], help="descriptor that the command inherits")
    parser.add_argument("--remove", help="folder to remove once the parent is done with the command")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)

    # The parent's terminal sends these to the whole group: what ends the command is the parent, not the terminal.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    guard = os.getpid()
    with Path(options.log).open("ab") as log:
        child = subprocess.Popen(
            options.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=options.hold,
            preexec_fn=lambda: _in_child(guard),  # noqa: PLW1509 - no other thread runs yet
        )
    for descriptor in options.hold:
        os.close(descriptor)
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    ended_by_parent = threading.Event()
    threading.Thread(target=_follow, args=(child, options.parent, options.grace, ended_by_parent), daemon=True).start()
    code = child.wait()
    if ended_by_parent.is_set() and options.remove:
        shutil.rmtree(options.remove, ignore_errors=True)
    return code if code >= 0 else 128 - code


def _in_child(guard: int) -> None:
    """Between fork and exec: default signals again, and death together with the guard."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # it died before the line above
            os._exit(1)


def _follow(child: subprocess.Popen[bytes], parent: int, grace: float, ended_by_parent: threading.Event) -> None:
    """Waits for the parent's word or its end."""
    while True:
        # A process that the parent forked may hold the pipe open: so the parent itself is looked at as well.
        readable, _, _ = select.select([0], [], [], _ORPHAN_CHECK_SECONDS)
        word = os.read(0, 1) if readable else None
        if word == KILL:
            child.kill()
        elif word == b"" or os.getppid() != parent:
            break
    ended_by_parent.set()
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace)
    child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
