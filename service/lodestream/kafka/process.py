"""A child process that cannot outlive us: started behind `guard.py`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from lodestream.errors import BrokerError
from lodestream.kafka import guard

_GUARD_MARGIN_SECONDS = 10.0  # beyond the grace that the guard gives the command: then the guard itself is killed


class GuardedProcess:
    """One running command. It ends at `end`, at `kill`, or with this process, whatever ends that.

    `log` takes its output. `hold` are descriptors that it inherits. `remove` is a folder that goes away once the
    command was ended by `end` or by our death, not when it dies by itself or by `kill`.
    Raises `OSError` or `BrokerError` when it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        grace_seconds: float,
        hold: Sequence[int] = (),
        remove: Path | None = None,
    ) -> None:
        self._patience = grace_seconds + _GUARD_MARGIN_SECONDS
        arguments = [f"--parent={os.getpid()}", f"--log={log}", f"--grace={grace_seconds}"]
        arguments += [f"--hold={descriptor}" for descriptor in hold]
        if remove is not None:
            arguments.append(f"--remove={remove}")
        self._guard = subprocess.Popen(
            # -I -S: nothing of the environment or of site-packages, so it is up at once.
            [sys.executable, "-I", "-S", guard.__file__, *arguments, "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=hold,
            start_new_session=True,  # Ctrl-C on the terminal is for this process to see, not for the command
        )
        with _pipe(self._guard.stdout) as out, _pipe(self._guard.stderr) as err:
            first = out.readline()
            if not first:
                lines = err.read().decode("utf-8", "replace").strip().splitlines()
                self.end()
                raise BrokerError(f"cannot run {command[0]}: {lines[-1] if lines else 'its guard died'}")
        self.pid = int(first)

    @property
    def alive(self) -> bool:
        return self._guard.poll() is None

    def kill(self) -> None:
        """SIGKILL, and waits for its end."""
        words = _pipe(self._guard.stdin)
        with contextlib.suppress(BrokenPipeError):  # it had ended by itself
            words.write(guard.KILL)
            words.flush()
            self._wait()
        self.end()

    def end(self) -> None:
        """SIGTERM, after the grace SIGKILL, and waits for its end. Harmless when it has ended."""
        with contextlib.suppress(BrokenPipeError):
            _pipe(self._guard.stdin).close()
        self._wait()

    def _wait(self) -> None:
        try:
            self._guard.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # the kernel kills the command with its guard
            self._guard.wait()


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    """Our end of a pipe to the guard, for the type checker: `Popen` was told to make all three."""
    if end is None:
        raise RuntimeError("the guard was started without its pipes")
    return end
