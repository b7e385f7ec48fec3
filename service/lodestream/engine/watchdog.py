"""The watchdog: a worker that has work and makes no progress ends itself, and says where each thread and task stood.

Its successor fences it and goes on from the last commit, so an end is always safe; a worker that hangs and keeps its
partitions is not. It looks for four things, for as long as the loop runs:

- the event loop does not turn: a thread of ours sees that, and where C code holds the interpreter's lock, so that no
  thread of Python runs, faulthandler's own timer does;
- a lane has work in hand, or a state to restore, and does not get on with it;
- there are no lanes, though the group has given us partitions, or should have long since;
- Kafka has records for a lane that has nothing in hand.

The last two only Kafka knows (what is left may be markers and aborted records), so it is asked, and where it does not
answer there is nothing to blame the worker for. The end waits for nobody: standard error may be a pipe that nobody
empties. As a last resort a signal of the kernel's ends the process, unless it is the first one of a container.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from itertools import islice
from types import FrameType
from typing import IO, Any, Final, Protocol

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from lodestream.engine.config import EngineConfig
from lodestream.errors import LodestreamError
from lodestream.kafka.log import offsets, read_log

EXIT_CODE: Final = 70  # EX_SOFTWARE of sysexits.h; faulthandler's own end is 1
LOOK_SECONDS: Final = 0.5  # between two looks, and between two marks of the loop
BACKSTOP_SECONDS: Final = 2.0  # that faulthandler leaves to the thread, which says more
ASK_SECONDS: Final = 10.0  # for Kafka to answer
DUMP_SECONDS: Final = 10.0  # to write where all stand: stderr may be a pipe that nobody empties
FRAMES: Final = 30  # of a stack

log = structlog.get_logger(__name__)


class Watched(Protocol):
    """What an engine tells its watchdog, from any thread and without asking anybody."""

    config: EngineConfig

    def turned(self) -> None:
        """The event loop turns: called on it, again and again."""
        ...

    def stalled(self, seconds: float) -> str | None:
        """Which work in hand has not moved for so long."""
        ...

    def quiet(self, seconds: float) -> Mapping[int, int]:
        """Partitions with nothing in hand for so long, and the next offset of each."""
        ...

    def unopened(self, seconds: float) -> str | None:
        """Why it has no lanes, for so long after the group gave it partitions or should have."""
        ...


class Watchdog:
    """Watches an engine and its event loop from a thread of its own."""

    def __init__(self, engine: Watched, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._seconds = engine.config.watchdog_seconds
        self._turned_at = self._looked_at = self._asked_at = time.monotonic()
        self._known: dict[int, tuple[int, float]] = {}  # Kafka has a record from this offset on, known since
        self._stderr: IO[Any] = sys.stderr
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch from now on, whether or not the loop runs already."""
        self._stderr = _unblocked_stderr()
        self._turn()
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self._stderr is not sys.stderr:
            self._stderr.close()

    def _turn(self) -> None:
        """A callback and no task: nothing that ends tasks ends it, and it turns as long as the loop does."""
        if self._stopped.is_set():
            return
        self._turned_at = time.monotonic()
        self._engine.turned()
        if self._turned_at - self._looked_at < self._seconds + ASK_SECONDS:  # else the thread that watches hangs
            faulthandler.dump_traceback_later(self._seconds + BACKSTOP_SECONDS, exit=True, file=self._stderr)
            signal.setitimer(signal.ITIMER_REAL, self._seconds + BACKSTOP_SECONDS + DUMP_SECONDS)
        self._loop.call_later(LOOK_SECONDS, self._turn)

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self._looked_at = time.monotonic()
            reason = self._look()
            if reason is not None and not self._stopped.is_set():
                self._stopped.set()  # a loop that turns must not put off the kernel's end
                end(reason, self._loop)

    def _look(self) -> str | None:
        try:
            return self._not_turning() or self._engine.stalled(self._seconds) or self._left_behind()
        except Exception as error:  # a worker that nobody watches must not run on
            log.exception("the watchdog failed", exc_info=error)
            return f"the watchdog failed: {type(error).__name__}"

    def _not_turning(self) -> str | None:
        late = time.monotonic() - self._turned_at
        return f"the event loop has not turned for {late:.1f} s" if late > self._seconds else None

    def _left_behind(self) -> str | None:
        """What Kafka has and the worker does not take. Asked twice in the time; an outage starts it anew."""
        now = time.monotonic()
        if now - self._asked_at < self._seconds / 2:
            return None
        self._asked_at = now
        quiet = self._engine.quiet(self._seconds / 2)
        unopened = self._engine.unopened(self._seconds)
        if not quiet and not unopened:
            self._known.clear()
            return None
        waiting = self._ask(quiet, asks_group=unopened is not None)
        if waiting is None:
            self._known.clear()
            return None
        if unopened and (unopened := self._engine.unopened(self._seconds)):
            return unopened
        still = self._engine.quiet(self._seconds / 2)
        former, self._known = self._known, {}
        for partition in waiting:
            offset = quiet[partition]
            if still.get(partition) == offset:
                known, since = former.get(partition, (offset, now))
                self._known[partition] = offset, since if known == offset else now
        for partition, (offset, since) in self._known.items():
            if now - since >= self._seconds:
                return f"partition {partition} has records from offset {offset} on that have not been taken"
        return None

    def _ask(self, quiet: Mapping[int, int], *, asks_group: bool) -> set[int] | None:
        """Which of the partitions have a committed record from the offset on; None without an answer.

        `asks_group`: the group's coordinator must answer as well.
        """
        config = self._engine.config
        try:
            if asks_group:
                asyncio.run(_ask_group(config.client, config.group))
            return asyncio.run(_waiting(config.client, config.input, quiet))
        except (KafkaError, LodestreamError, OSError) as error:  # a TimeoutError is an OSError
            log.warning("the watchdog got no answer from Kafka", error=type(error).__name__)
            return None


async def _ask_group(client: Mapping[str, Any], group: str) -> None:
    """Raises `KafkaError` or `TimeoutError` when the coordinator of a group does not answer."""
    async with asyncio.timeout(ASK_SECONDS):
        admin = AIOKafkaAdminClient(**client)
        try:
            await admin.start()
            await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()


async def _waiting(client: Mapping[str, Any], topic: str, quiet: Mapping[int, int]) -> set[int]:
    async with asyncio.timeout(ASK_SECONDS):
        bounds = await offsets(client, topic, quiet or None)
        start = {
            partition: max(offset, bounds[partition].beginning)
            for partition, offset in quiet.items()
            if offset < bounds[partition].stable
        }
        found: set[int] = set()
        if start:
            async with aclosing(read_log(client, topic, partitions=start, start=start)) as pages:
                async for records in pages:
                    found.update(record.partition for record in records)
                    if len(found) == len(start):
                        break
        return found


@contextmanager
def watching(engine: Watched, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """A watchdog for as long as the context lasts, in the main thread. Native crashes say where they were, too."""
    faulthandler.enable()
    _ENDER.start()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends a process whatever its threads do
    watchdog = Watchdog(engine, loop)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()


def end(reason: str, loop: asyncio.AbstractEventLoop) -> None:
    """Dump all stacks to stderr and the log, places without values, and end the process at once.

    No orderly stop: that may hang as well, and takes longer than the group needs to miss us.
    """
    end_after(DUMP_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, DUMP_SECONDS + BACKSTOP_SECONDS)
    with suppress(OSError):
        sys.stderr.write(_dump())
    log.critical("watchdog: no progress, the worker ends", reason=reason, threads=threads(), tasks=tasks(loop))
    os._exit(EXIT_CODE)


def _unblocked_stderr() -> IO[Any]:
    """Standard error, so that a write does not wait for who reads, where the system can open it once more."""
    try:
        path = f"/proc/self/fd/{sys.stderr.fileno()}"
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND), "wb", buffering=0)
    except OSError:
        return os.fdopen(os.dup(sys.stderr.fileno()), "wb", buffering=0)


def _dump() -> str:
    """Where each thread stands. faulthandler holds the interpreter's lock while it writes, so not to a pipe."""
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read().decode("utf-8", "replace")


class _Ender:
    """Ends the process when its time is over, from a thread that stands ready: without memory none can be started.

    `Thread.start` then waits for good for a thread that died before it could say that it runs.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, Callable[[], int]]] = []
        self._told = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ender", daemon=True)
            self._thread.start()

    def end_after(self, seconds: float, code: Callable[[], int]) -> None:
        self._due.append((time.monotonic() + seconds, code))
        self._told.set()
        self.start()

    def _run(self) -> None:
        while True:
            due, code = min(self._due, key=lambda each: each[0], default=(None, None))
            left = None if due is None else due - time.monotonic()
            if code is not None and left is not None and left <= 0:
                number = EXIT_CODE
                try:
                    number = code()
                finally:
                    os._exit(number)  # without a flush, which waits for who reads
            self._told.wait(left)
            self._told.clear()


_ENDER: Final = _Ender()


def end_after(seconds: float, code: Callable[[], int] = lambda: EXIT_CODE) -> None:
    """End the process if it has not ended by itself: whatever is open then is fenced by the next owner.

    `code` is asked then, for a crash may come while it stops.
    """
    _ENDER.end_after(seconds, code)


def threads() -> dict[str, list[str]]:
    """Where each thread is, innermost last."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {
        names.get(ident) or str(ident): _places(frame for frame, _ in traceback.walk_stack(innermost))[::-1]
        for ident, innermost in sys._current_frames().items()  # noqa: SLF001 - documented
    }


def tasks(loop: asyncio.AbstractEventLoop) -> dict[str, list[str]]:
    """Where each task of the loop waits, innermost last. asyncio's own `get_stack` shows the outermost frame alone."""
    found = sorted(asyncio.all_tasks(loop), key=asyncio.Task.get_name)
    return {task.get_name(): _places(_awaited(task.get_coro())) for task in found}


def _awaited(awaitable: object) -> Iterator[FrameType]:
    """The frames of a coroutine and of what it awaits, as far as Python shows them."""
    while awaitable is not None:
        for kind, following in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            frame = getattr(awaitable, f"{kind}_frame", None)
            if frame is not None:
                yield frame
                awaitable = getattr(awaitable, following, None)
                break
        else:
            return


def _places(frames: Iterable[FrameType]) -> list[str]:
    """`package/module.py:line function` of at most so many frames: no values, no locals."""
    return [
        f"{'/'.join(frame.f_code.co_filename.split('/')[-2:])}:{frame.f_lineno} {frame.f_code.co_qualname}"
        for frame in islice(frames, FRAMES)
    ]
