"""A parent and its worker processes live and die together: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from harness import wait_until
from lodestream import supervisor
from lodestream.supervisor import PARENT, Program, supervise

PYTHON = [sys.executable, "-I", "-S", "-c"]  # up in 20 ms

# A worker that stops as asked: it says that it is ready, then that it was stopped, and ends with a code.
STOPS = """
import pathlib, signal, sys, time
def stop(*_):
    pathlib.Path({folder!r}, {name!r} + ".stopped").touch()
    sys.exit({code})
signal.signal(signal.SIGTERM, stop)
pathlib.Path({folder!r}, {name!r} + ".ready").touch()
time.sleep(60)
"""
# One that ends by itself when the other is ready.
ENDS = """
import os, pathlib, signal, sys, time
while not pathlib.Path({folder!r}, "other.ready").exists():
    time.sleep(0.01)
{end}
"""
SUPERVISE = """
import sys
from lodestream.supervisor import Program, supervise
python = [sys.executable, "-I", "-S", "-c"]
sys.exit(supervise([Program(str(at), [*python, text]) for at, text in enumerate(sys.argv[1:])]))
"""


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python with a program text and arguments; ends what still runs."""
    started: list[subprocess.Popen[bytes]] = []

    def one(text: str, *arguments: str, parent: int | None = None) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != PARENT}
        if parent is not None:
            environment[PARENT] = str(parent)
        started.append(subprocess.Popen([sys.executable, "-c", text, *arguments], env=environment))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait()


def stops(folder: Path, name: str = "other", code: int = 0) -> Program:
    return Program(name, [*PYTHON, STOPS.format(folder=str(folder), name=name, code=code)])


def ends(folder: Path, end: str) -> Program:
    return Program("one", [*PYTHON, ENDS.format(folder=str(folder), end=end)])


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("sys.exit(3)", 3),
        ("sys.exit(0)", 1),  # a worker has no reason to end: that is a failure, too
        ("os.kill(os.getpid(), signal.SIGKILL)", 137),
    ],
)
def test_one_that_ends_by_itself_ends_all_with_a_code_that_says_so(tmp_path: Path, end: str, code: int) -> None:
    assert supervise([ends(tmp_path, end), stops(tmp_path)]) == code
    assert (tmp_path / "other.stopped").exists(), "the other one was asked to stop, not killed"


def test_handlers_of_before_are_back_afterwards(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    supervise([ends(tmp_path, "sys.exit(3)"), stops(tmp_path)])
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_one_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.5)
    pid = tmp_path / "pid"
    deaf = f"""
import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))
pathlib.Path({str(tmp_path)!r}, "other.ready").touch()
time.sleep(600)
"""
    assert supervise([ends(tmp_path, "sys.exit(3)"), Program("deaf", [*PYTHON, deaf])]) == 3
    assert not alive(int(pid.read_text()))


@pytest.mark.parametrize(
    ("codes", "number", "code"),
    [
        ((0, 0), signal.SIGTERM, 0),
        ((0, 0), signal.SIGINT, 0),
        ((0, 5), signal.SIGTERM, 5),  # it was asked to stop, and something went wrong on the way
    ],
)
def test_a_signal_stops_all_and_the_code_is_theirs(
    tmp_path: Path, start: Start, codes: tuple[int, int], number: signal.Signals, code: int
) -> None:
    programs = [stops(tmp_path, str(at), own) for at, own in enumerate(codes)]
    parent = start(SUPERVISE, *(program.arguments[-1] for program in programs))
    wait_until("both to be ready", lambda: all((tmp_path / f"{at}.ready").exists() for at in range(2)), 30)
    parent.send_signal(number)
    assert parent.wait(30) == code
    assert all((tmp_path / f"{at}.stopped").exists() for at in range(2))


def test_a_child_that_the_signal_meets_before_its_handler_stands_has_not_failed(tmp_path: Path, start: Start) -> None:
    early = f"import pathlib, time; pathlib.Path({str(tmp_path)!r}, 'early.ready').touch(); time.sleep(60)"
    parent = start(SUPERVISE, early)
    wait_until("the child to run", (tmp_path / "early.ready").exists)
    parent.terminate()
    assert parent.wait(20) == 0


def test_children_know_their_parent_and_have_sessions_of_their_own(tmp_path: Path) -> None:
    told = tmp_path / "told"
    child = f"""
import os, pathlib
pathlib.Path({str(told)!r}).write_text(f"{{os.environ[{PARENT!r}]}} {{os.getppid()}} {{os.getsid(0)}} {{os.getpid()}}")
"""
    assert supervise([Program("one", [*PYTHON, child])]) == 1
    parent, real_parent, session, own = told.read_text().split()
    assert parent == real_parent == str(os.getpid())
    assert session == own, "a Ctrl-C on the terminal must not reach it"


CHILD = """
import os, pathlib, sys, time
from lodestream.supervisor import end_with_parent
end_with_parent()
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(60)
"""
STARTS = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], env={**os.environ, "LODESTREAM_PARENT_PID": str(os.getpid())})
time.sleep(60)
"""


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path, start: Start) -> None:
    pid = tmp_path / "pid"
    parent = start(STARTS, CHILD, str(pid))
    wait_until("the child to be ready", lambda: pid.exists() and pid.read_text() != "", 30)
    child = int(pid.read_text())
    assert alive(child)
    parent.kill()
    parent.wait()
    wait_until("the child to end by itself", lambda: not alive(child), 10)


def test_a_child_that_starts_after_its_parents_end_ends_too(tmp_path: Path, start: Start) -> None:
    gone = start("")
    gone.wait()
    assert start(CHILD, str(tmp_path / "pid"), parent=gone.pid).wait(30) == -signal.SIGTERM


def test_who_has_no_supervisor_lives_on(tmp_path: Path, start: Start) -> None:
    assert start(CHILD.replace("sleep(60)", "sleep(1.2)"), str(tmp_path / "pid")).wait(30) == 0
