"""The sandbox: real children that hang, crash and take memory, and what is left of them."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sandbox_targets import fail

from harness import wait_until
from lodestream.engine.sandbox import Sandbox
from lodestream.errors import LodestreamError, Reason, Rejected

HERE = Path(__file__).parent
SECONDS = 0.5
MIB = 1 << 20
RAISES = fail.__code__.co_firstlineno + 1


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.syspath_prepend(HERE)
    one = Sandbox("sandbox_targets:act", seconds=SECONDS, memory_bytes=200 * MIB)
    yield one
    one.close()


def alive(pid: int | None) -> bool:
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def fate(sandbox: Sandbox, request: bytes) -> tuple[Reason, str]:
    with pytest.raises(Rejected) as caught:
        sandbox.call(request)
    return caught.value.reason, caught.value.detail


def test_bytes_of_any_size_come_back_from_one_child(sandbox: Sandbox) -> None:
    assert sandbox.pid is None, "nothing is started before it is needed"
    pids: set[int | None] = set()
    for size in (0, 1, 5, 65_536, 8 * MIB):
        request = os.urandom(size)
        assert sandbox.call(b"echo " + request) == request
        pids.add(sandbox.pid)
    assert len(pids) == 1


@pytest.mark.parametrize("request_", [b"python", b"native", b"sleep 100000", b"deaf"])
def test_what_hangs_is_ended_and_the_next_call_goes_on(sandbox: Sandbox, request_: bytes) -> None:
    assert sandbox.call(b"fine") == b"did fine"
    first = sandbox.pid
    began = time.monotonic()
    assert fate(sandbox, request_) == (Reason.PARSER_TIMEOUT, "not done after 0.5 s of work")
    assert time.monotonic() - began < 2 * SECONDS + 3
    assert not alive(first)
    assert sandbox.call(b"fine") == b"did fine"
    assert sandbox.pid != first


def test_waiting_for_a_busy_machine_is_not_work(sandbox: Sandbox) -> None:
    assert sandbox.call(b"sleep 0.8") == b"did sleep"


@pytest.mark.parametrize(
    ("request_", "reason", "detail"),
    [
        (b"abort", Reason.PARSER_CRASH, "killed by SIGABRT"),
        (b"segfault", Reason.PARSER_CRASH, "killed by SIGSEGV"),
        (b"exit 3", Reason.PARSER_CRASH, "ended with exit code 3"),
        (b"exit 0", Reason.PARSER_CRASH, "ended with exit code 0"),
        (b"memory %d" % (300 * MIB), Reason.PARSER_MEMORY, f"wanted more than {200 * MIB} bytes"),
        (b"fail secret words", Reason.STEP_ERROR, f"ZeroDivisionError at sandbox_targets.py:{RAISES} fail"),
    ],
)
def test_each_end_has_its_reason_and_the_next_call_goes_on(
    sandbox: Sandbox, request_: bytes, reason: Reason, detail: str
) -> None:
    assert fate(sandbox, request_) == (reason, detail)
    assert sandbox.call(b"fine") == b"did fine"


def test_a_child_that_hangs_up_and_lives_on_is_ended(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lodestream.engine.sandbox.GONE_SECONDS", 0.2)
    sandbox.call(b"fine")
    sandbox._child, child = None, sandbox._child  # a first call in a fresh child, so that it is tried once
    assert child is not None
    child.end()
    assert fate(sandbox, b"hang-up") == (Reason.PARSER_CRASH, "killed by SIGKILL")


def test_what_requests_before_have_left_is_no_ones_fault(sandbox: Sandbox) -> None:
    assert sandbox.call(b"hoard %d" % (150 * MIB)) == b"did hoard"
    first = sandbox.pid
    assert sandbox.call(b"hoard %d" % (150 * MIB)) == b"did hoard", "alone it fits"
    assert sandbox.pid != first


def test_memory_below_the_limit_can_be_had(sandbox: Sandbox) -> None:
    assert len(sandbox.call(b"memory %d" % (80 * MIB))) == 80 * MIB


def test_a_child_has_no_secrets_and_no_terminal(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LODESTREAM_SASL_PASSWORD", "hunter2")
    seen = sandbox.call(b"environment").decode().split("\n")
    assert set(seen) <= {"PATH", "LD_LIBRARY_PATH", "TZ", "LC_CTYPE"}
    sandbox.call(b"write text of an article")
    assert capfd.readouterr() == ("", "")
    child = psutil.Process(sandbox.pid)
    assert os.getsid(child.pid) == child.pid


def test_signals_that_stop_a_group_do_not_reach_a_child(sandbox: Sandbox) -> None:
    sandbox.call(b"fine")
    first = sandbox.pid
    assert first is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(first, number)
    assert sandbox.call(b"fine") == b"did fine"
    assert sandbox.pid == first


def test_a_child_killed_between_two_calls_is_nobodys_fault(sandbox: Sandbox) -> None:
    sandbox.call(b"fine")
    assert sandbox.pid is not None
    os.kill(sandbox.pid, signal.SIGKILL)
    assert sandbox.call(b"fine") == b"did fine"


def test_a_call_that_is_interrupted_leaves_no_answer_behind(sandbox: Sandbox) -> None:
    sandbox.call(b"fine")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGUSR1, interrupt)
    try:
        killer = subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -USR1 {os.getpid()}"])
        with pytest.raises(KeyboardInterrupt):
            sandbox.call(b"sleep 0.9")
        killer.wait()
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert sandbox.call(b"fine") == b"did fine"


@pytest.mark.parametrize("target", ["sandbox_targets:nothing", "no_such_module:act"])
def test_a_target_that_is_not_there_stops_the_process_and_is_no_records_fault(target: str) -> None:
    one = Sandbox(target, seconds=SECONDS, memory_bytes=MIB)
    with pytest.raises(LodestreamError, match=f"no process for {target}: [A-Za-z]+Error at "):
        one.call(b"")


def test_a_sandbox_that_is_dropped_or_closed_leaves_no_process(sandbox: Sandbox) -> None:
    one = Sandbox("sandbox_targets:act", seconds=SECONDS, memory_bytes=MIB)
    one.call(b"fine")
    sandbox.call(b"fine")
    dropped, closed = one.pid, sandbox.pid
    assert dropped in {child.pid for child in psutil.Process().children()}
    del one
    gc.collect()
    sandbox.close()
    sandbox.close()
    assert {dropped, closed} & {child.pid for child in psutil.Process().children()} == set()


PARENT = """
import sys
sys.path.insert(0, {here!r})
from lodestream.engine.sandbox import Sandbox
sandbox = Sandbox("sandbox_targets:act", seconds=1, memory_bytes=1 << 20)
sandbox.call(b"fine")
print(sandbox.pid, flush=True)
sandbox.call({request!r})
{end}
"""


@pytest.mark.parametrize("request_", [b"fine", b"native"])
def test_a_child_ends_with_its_parent_also_when_that_is_killed(request_: bytes) -> None:
    text = PARENT.format(here=str(HERE), request=request_, end="import time; time.sleep(600)")
    parent = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    wait_until("the child to end", lambda: not alive(child), 20)


def test_at_a_normal_end_nothing_is_said_and_nothing_left() -> None:
    text = PARENT.format(here=str(HERE), request=b"fine", end="")
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", text], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    assert not alive(int(done.stdout))
