"""What the watchdog concludes from what it is told, without a process that ends."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types import TP
from test_engine_lane import CONFIG, Log, covering, fetched, lane, until

from counting_worker import CountingStep
from lodestream.engine import watchdog
from lodestream.engine.observer import Observer
from lodestream.engine.runtime import Engine
from lodestream.engine.transport import REBALANCE_SECONDS
from lodestream.engine.watchdog import Watchdog

SECONDS = 100.0


class Told:
    """An engine that says what it is told to say."""

    config = replace(CONFIG, watchdog_seconds=SECONDS)

    def __init__(self) -> None:
        self.still: dict[int, int] = {}
        self.opening: str | None = None
        self.stall: str | None = None

    def turned(self) -> None: ...

    def stalled(self, seconds: float) -> str | None:
        assert seconds == SECONDS
        return self.stall

    def quiet(self, seconds: float) -> Mapping[int, int]:
        assert seconds < SECONDS
        return dict(self.still)

    def unopened(self, seconds: float) -> str | None:
        assert seconds == SECONDS
        return self.opening


class Scene:
    """A watchdog whose time and Kafka are the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.kafka: set[int] | None = set()  # partitions with records that nobody took; None: it does not answer
        self.asked = 0
        monkeypatch.setattr(watchdog, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.engine = Told()
        self.loop = asyncio.new_event_loop()
        self.dog = Watchdog(self.engine, self.loop)
        monkeypatch.setattr(self.dog, "_ask", self._ask)

    def _ask(self, quiet: Mapping[int, int], *, asks_group: bool) -> set[int] | None:
        self.asked += 1
        assert asks_group == (self.engine.opening is not None)
        return None if self.kafka is None else self.kafka & set(quiet)

    def look_for(self, seconds: float) -> str | None:
        """Look every half second for so long; the first reason to end."""
        for _ in range(int(2 * seconds)):
            self.now += 0.5
            reason = self.dog._left_behind()
            if reason is not None:
                return reason
        return None


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    one = Scene(monkeypatch)
    yield one
    one.loop.close()


def test_nothing_in_hand_and_nothing_at_kafka_is_no_reason(scene: Scene) -> None:
    scene.engine.still = {0: 7, 1: 0}
    assert scene.look_for(50 * SECONDS) is None
    assert scene.asked == 100, "Kafka is asked twice in the time, not at each look"


def test_records_that_are_not_taken_for_the_whole_time_are_a_reason(scene: Scene) -> None:
    scene.engine.still = {0: 7, 1: 0}
    scene.kafka = {1}
    began = scene.now
    assert scene.look_for(3 * SECONDS) == "partition 1 has records from offset 0 on that have not been taken"
    assert SECONDS <= scene.now - began <= 1.5 * SECONDS + 1


def test_a_worker_that_takes_some_of_them_lives_on(scene: Scene) -> None:
    scene.kafka = {0}
    for offset in range(20):
        scene.engine.still = {0: offset}
        assert scene.look_for(0.9 * SECONDS) is None


def test_a_worker_that_took_them_while_kafka_was_asked_lives_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.kafka = {0}
    before_and_after_asking: Iterator[dict[int, int]] = cycle([{0: 7}, {}])
    monkeypatch.setattr(scene.engine, "quiet", lambda _: next(before_and_after_asking))
    assert scene.look_for(10 * SECONDS) is None
    assert scene.asked == 20


def test_an_outage_does_not_count(scene: Scene) -> None:
    scene.engine.still = {0: 7}
    for kafka in [{0}, None] * 20:
        scene.kafka = kafka
        assert scene.look_for(0.9 * SECONDS) is None


@pytest.mark.parametrize("kafka", [None, set()])
def test_partitions_without_lanes_are_a_reason_when_kafka_answers(scene: Scene, kafka: set[int] | None) -> None:
    scene.engine.opening = "they are not opened"
    scene.kafka = kafka
    reason = scene.look_for(2 * SECONDS)
    assert reason == (None if kafka is None else "they are not opened")


def test_a_watchdog_that_fails_is_a_reason_to_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scene.dog._look() is None

    def broken(_seconds: float) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(scene.engine, "stalled", broken)
    assert scene.dog._look() == "the watchdog failed: ZeroDivisionError"


@pytest.fixture
async def engine() -> Engine:
    config = replace(CONFIG, client={"bootstrap_servers": ["127.0.0.1:1"]}, watchdog_seconds=SECONDS)
    return Engine(config, CountingStep, Observer())


async def test_an_engine_tells_work_in_hand_from_nothing_to_do(engine: Engine) -> None:
    log = Log(seconds=0.2)
    one = lane(log)
    engine._lanes[0] = one
    assert engine.quiet(-1) == {}
    assert "restored nothing" in (engine.stalled(-1) or "")
    running = asyncio.create_task(one.run())
    await until(lambda: one.ready)
    assert (engine.stalled(-1), engine.quiet(-1)) == (None, {0: 0})

    one.put(covering(fetched(0, b"a")))
    assert one.waiting == 1
    await until(lambda: log.under_way == 1)
    assert one.waiting == 0, "what is in a transaction waits nowhere, and is work in hand all the same"
    assert "made no progress" in (engine.stalled(-1) or "")
    assert engine.stalled(60) is None
    assert engine.quiet(-1) == {}
    await until(lambda: log.commits == 1)
    assert (engine.stalled(-1), engine.quiet(-1)) == (None, {0: 1})

    one.close()
    await running


async def test_a_stop_has_its_own_limit(engine: Engine) -> None:
    engine._lanes[0] = lane(Log())
    assert engine.stalled(-1) is not None
    assert engine.unopened(-100)
    engine._stopping = True
    assert (engine.stalled(-1), engine.quiet(-1), engine.unopened(-100)) == (None, {}, None)


async def test_the_group_has_a_minute_more_to_give_partitions_than_we_have_to_open_them(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def waits(seconds: float) -> str | None:
        nonlocal now
        now += seconds
        return engine.unopened(SECONDS)

    assert waits(SECONDS + REBALANCE_SECONDS - 1) is None
    assert waits(2) == "the group gave no partitions for 161 s"
    engine._given()
    assert waits(SECONDS - 1) is None
    engine._given()  # the fence comes after the word of the group, which counts
    assert waits(2) == "partitions were given 101 s ago and are not opened"
    engine.open({}, {}, 1)
    assert waits(1000 * SECONDS) is None
    await engine.app.on_partitions_revoked.send(set())
    assert waits(SECONDS + REBALANCE_SECONDS - 1) is None
    assert waits(2) == "the group gave no partitions for 161 s"
    await engine.app.on_partitions_assigned.send({TP("p.in", 0)})
    assert waits(SECONDS - 1) is None
    assert waits(2) == "partitions were given 101 s ago and are not opened"


async def outer(entered: asyncio.Event) -> None:
    await inner(entered)


async def inner(entered: asyncio.Event) -> None:
    entered.set()
    secret = "the text of an article"  # noqa: S105 - what a dump must not hold
    await asyncio.sleep(len(secret) * 1000)


async def test_a_dump_names_where_tasks_and_threads_stand_and_holds_no_values() -> None:
    entered = asyncio.Event()
    task = asyncio.create_task(outer(entered), name="lane-7")
    await entered.wait()
    found = watchdog.tasks(asyncio.get_running_loop())
    where = [place.split()[-1] for place in found["lane-7"]]
    assert where == ["outer", "inner", "sleep"]
    assert found["lane-7"][0].startswith("unit/test_engine_watchdog.py:")
    threads = watchdog.threads()
    assert any("test_a_dump_names_where" in place for place in threads["MainThread"])
    assert "the text" not in str(found) + str(threads)
    task.cancel()


HANGING = """
import asyncio, ctypes, sys, time
from types import SimpleNamespace
from lodestream.engine import watchdog
watchdog.DUMP_SECONDS, watchdog.BACKSTOP_SECONDS = 0.5, 4.0
engine = SimpleNamespace(
    config=SimpleNamespace(watchdog_seconds=1.0),
    turned=lambda: None,
    stalled=lambda seconds: sys.argv[2] or None,
    quiet=lambda seconds: {},
    unopened=lambda seconds: None,
)
loop = asyncio.new_event_loop()
async def hang():
    await asyncio.sleep(0.1)
    {"sleeps": time.sleep, "holds-the-lock": ctypes.PyDLL(None).sleep}[sys.argv[1]](60)
with watchdog.watching(engine, loop):
    loop.run_until_complete(hang() if sys.argv[1] in {"sleeps", "holds-the-lock"} else asyncio.sleep(60))
"""


def as_first_process() -> list[str]:
    """How to run a program as the first process of a container, which most signals do not end; if one may."""
    command = ["unshare", "-Urpf", "--kill-child"]
    may = shutil.which("unshare") and subprocess.run([*command, "true"], check=False, capture_output=True)
    return command if may and may.returncode == 0 else []


@pytest.mark.parametrize(("how", "stall", "code"), [("sleeps", "", 70), ("holds-the-lock", "", 1), ("turns", "no", 70)])
def test_it_ends_the_process_also_when_nobody_reads_what_it_says(how: str, stall: str, code: int) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while os.write(writer, b"x" * 4096):
            pass
    os.set_blocking(writer, True)
    program = [sys.executable, "-c", HANGING, how, stall]
    both = [program, [*as_first_process(), *program]]
    hanging = [subprocess.Popen(each, stdout=writer, stderr=writer) for each in both]
    try:
        assert [each.wait(30) for each in hanging] == [code, code]
    finally:
        for each in hanging:
            each.kill()
            each.wait()
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("how", ["sleeps", "holds-the-lock", "turns"])
def test_it_says_where_threads_stand_to_who_reads(how: str, tmp_path: Path) -> None:
    said = tmp_path / "log"
    said.write_text("what was said before\n")
    with said.open("a") as log:
        program = [sys.executable, "-c", HANGING, how, "no" if how == "turns" else ""]
        subprocess.run(program, stdout=log, stderr=log, check=False, timeout=30)
    text = said.read_text()
    assert text.startswith("what was said before\n")
    assert "most recent call first" in text
    assert "in hang" in text or how == "turns"


async def test_a_thread_that_hangs_while_it_watches_is_not_the_end_of_the_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Blocked in a log, say: the timers of the system then run out, though the loop turns."""
    armed: list[float] = []
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda seconds, **_: armed.append(seconds))
    monkeypatch.setattr(signal, "setitimer", lambda _, seconds: armed.append(seconds))
    dog = Watchdog(Told(), asyncio.get_running_loop())
    dog._turn()
    assert len(armed) == 2
    dog._looked_at -= SECONDS + watchdog.ASK_SECONDS + 1
    dog._turn()
    assert len(armed) == 2
    dog.stop()


WITHOUT_MEMORY = HANGING.replace(
    "async def hang():",
    """async def hang():
    import resource, threading
    resource.setrlimit(resource.RLIMIT_AS, (1, 1))
    try:
        threading.Thread(target=print).start()
    except RuntimeError:
        watchdog.end_after(0.2, lambda: 5)
    await asyncio.sleep(0.5)
    return
""",
)


def test_without_memory_for_a_thread_a_process_that_is_to_end_does() -> None:
    """Out of memory, a worker stood for two minutes in the start of the thread that was to end it."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MEMORY, "sleeps", ""], capture_output=True, check=False, timeout=30
    )
    assert done.returncode == 5, done.stderr
