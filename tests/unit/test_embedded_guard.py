"""What is started behind the guard ends with whoever started it, whatever happens to either."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from lodestream.errors import BrokerError
from lodestream.kafka.jars import locked
from lodestream.kafka.process import GuardedProcess

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
STUBBORN = [
    *(sys.executable, "-S", "-u", "-c"),
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)",
]


def wait_until(what: str, seconds: float = 20.0, *, log: Path | None = None, pid: int | None = None) -> None:
    """Waits for a word in a log, or for the end of a process."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if log is not None and log.exists() and what in log.read_text():
            return
        if pid is not None and not alive(pid):
            return
        time.sleep(0.02)
    pytest.fail(f"not seen within {seconds} s: {what}")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start(tmp_path: Path, command: list[str], grace: float = 10.0, remove: Path | None = None) -> GuardedProcess:
    return GuardedProcess(command, log=tmp_path / "log", grace_seconds=grace, remove=remove)


def parent_of_one(tmp_path: Path, *, then: str = "time.sleep(600)", remove: Path | None = None) -> tuple[int, int]:
    """A Python process that starts a guarded one: the process ids of both."""
    code = (
        "import os, sys, time; from pathlib import Path; from lodestream.kafka.process import GuardedProcess\n"
        f"one = GuardedProcess({SLEEP!r}, log=Path({str(tmp_path / 'log')!r}), grace_seconds=5, "
        f"remove={f'Path({str(remove)!r})' if remove else None})\n"
        f"print(one.pid, flush=True)\n{then}\n"
    )
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        pid = int(process.stdout.readline())
    process.returncode = 0  # nobody here waits for it through Popen: the tests end it by its process id
    return process.pid, pid


def test_end_ends_it_with_sigterm(tmp_path: Path) -> None:
    process = start(tmp_path, SLEEP)
    assert process.alive
    assert alive(process.pid)
    process.end()
    assert not process.alive
    assert not alive(process.pid)
    process.end()


def test_kill_ends_one_that_ignores_sigterm_at_once(tmp_path: Path) -> None:
    process = start(tmp_path, STUBBORN, grace=600)
    wait_until("deaf", log=tmp_path / "log")
    process.kill()
    assert not alive(process.pid)


def test_end_kills_one_that_ignores_sigterm_after_the_grace(tmp_path: Path) -> None:
    process = start(tmp_path, STUBBORN, grace=0.3)
    wait_until("deaf", log=tmp_path / "log")
    process.end()
    assert not alive(process.pid)


def test_one_that_ends_by_itself_is_seen(tmp_path: Path) -> None:
    process = start(tmp_path, [sys.executable, "-S", "-c", "print('said'); raise SystemExit(3)"])
    deadline = time.monotonic() + 20
    while process.alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not process.alive
    assert "said" in (tmp_path / "log").read_text()
    process.kill()
    process.end()


def test_a_command_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="No such file"):
        start(tmp_path, [str(tmp_path / "nothing")])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_when_its_parent_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    parent, pid = parent_of_one(tmp_path, remove=folder)
    assert alive(pid)
    os.kill(parent, number)
    os.waitpid(parent, 0)
    wait_until("end of the command", pid=pid)
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()


def test_it_ends_when_its_parent_just_ends(tmp_path: Path) -> None:
    parent, pid = parent_of_one(tmp_path, then="sys.exit()")
    os.waitpid(parent, 0)
    wait_until("end of the command", pid=pid)


def test_a_fork_of_the_parent_that_lives_on_does_not_keep_it_alive(tmp_path: Path) -> None:
    """A forked process holds the pipe open: the guard must look at its parent as well."""
    note = tmp_path / "fork"
    then = f"fork = os.fork()\nif fork: Path({str(note)!r}).write_text(str(fork))\ntime.sleep(600)"
    parent, pid = parent_of_one(tmp_path, then=then)
    deadline = time.monotonic() + 20
    while not note.exists() or not note.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    try:
        wait_until("end of the command", pid=pid)
    finally:
        os.kill(int(note.read_text()), signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_it_ends_when_its_guard_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, SLEEP)
    guard = psutil.Process(process.pid).ppid()
    assert guard != os.getpid()
    os.kill(guard, signal.SIGKILL)
    wait_until("end of the command", pid=process.pid)
    process.end()


def test_a_folder_is_removed_by_end_but_not_by_kill(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    start(tmp_path, SLEEP, remove=folder).kill()
    assert folder.exists()
    start(tmp_path, SLEEP, remove=folder).end()
    assert not folder.exists()


def test_a_lock_that_it_holds_lasts_as_long_as_it_does(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, 1.0) as descriptor:
        process = GuardedProcess(SLEEP, log=tmp_path / "log", grace_seconds=5, hold=[descriptor])
    with pytest.raises(BlockingIOError), locked(path, 0.1):
        pass
    process.end()
    with locked(path, 1.0) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
