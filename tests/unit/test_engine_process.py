"""The exit code of a worker."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from engine_config import CONFIG as ENGINE

from counting_worker import CountingStep
from lodestream.engine.observer import Observer
from lodestream.engine.process import _exit_code
from lodestream.engine.runtime import Engine
from lodestream.errors import BreakerOpenError

CONFIG = replace(ENGINE, client={"bootstrap_servers": ["127.0.0.1:1"]})


@pytest.fixture
async def engine() -> Engine:
    return Engine(CONFIG, CountingStep, Observer())


async def test_a_stop_that_was_asked_for_is_0(engine: Engine) -> None:
    assert _exit_code(engine, 0) == 0


async def test_a_failure_of_a_lane_is_not_0(engine: Engine) -> None:
    engine.failure = BreakerOpenError("too many")
    assert _exit_code(engine, 0) == 1


async def test_a_crash_inside_faust_is_not_0(engine: Engine) -> None:
    """An error in its consumer or in fencing marks the app as crashed and passes the engine by."""
    engine.app._crash(RuntimeError("made up"))
    assert _exit_code(engine, 0) == 1


CRASHING = """
import threading, time
from lodestream.engine.process import run_engine
def build():
    threading.Thread(target=time.sleep, args=(1000,)).start()
    raise MemoryError
run_engine(build)
"""


def test_a_crash_ends_the_process_whatever_other_threads_do() -> None:
    """Out of memory, the consumer's thread lived on: its heartbeats kept the partitions of a worker that was dead."""
    done = subprocess.run([sys.executable, "-c", CRASHING], capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert b"MemoryError" in done.stdout + done.stderr


def test_an_engine_that_could_not_be_built_is_not_0() -> None:
    assert _exit_code(None, 1) == 1
