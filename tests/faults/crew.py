"""Workers under something that starts them again and asks after their health, as an orchestrator does."""

from __future__ import annotations

import builtins
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import psutil

from harness import Workers

AGENTS: Final = ("clean", "dedupe", "tag")
PROGRAM: Final = (sys.executable, "-m", "lodestream", "worker")
BACK_OFF_SECONDS: Final = 1.0  # between two starts of the same post
STOP_SECONDS: Final = 90.0  # a worker gives its own stop 45 s, and a supervisor that of its workers 60 s
ASK_SECONDS: Final = 2.0
# Each transaction holds few records and stays open for a while, so that faults fall inside transactions. The
# session time-out is short, so that a dead worker is missed soon.
SETTINGS: Final = {
    "LODESTREAM_HOLD_TRANSACTION_SECONDS": "0.15",
    "LODESTREAM_BATCH_MAX_RECORDS": "40",
    "LODESTREAM_SESSION_TIMEOUT_SECONDS": "4",
    "LODESTREAM_TRANSACTION_TIMEOUT_SECONDS": "8",
    "LODESTREAM_SNAPSHOT_INTERVAL_SECONDS": "1",
}
# How a worker may end: asked to or failed, by SIGTERM before its handler stands, given up stopping (70), killed.
CODES: Final = {0, 1, -signal.SIGTERM, 70, -signal.SIGKILL}
# Without memory also in native code: an abort, a segmentation fault, an illegal instruction.
CODES_WITHOUT_MEMORY: Final = CODES | {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGILL, -signal.SIGTRAP, 120, 127, 134}
# What a fault outside the worker may show up as there. Any other of Python's own errors is one of the program.
OF_THE_WORLD: Final = (OSError, EOFError)


@dataclass(eq=False, slots=True)
class Post:
    """A place for one worker: whoever stands there is replaced when it ends."""

    name: str
    agents: tuple[str, ...]
    process: subprocess.Popen[bytes]
    environment: dict[str, str] = field(default_factory=dict)
    former: list[subprocess.Popen[bytes]] = field(default_factory=list)
    started: float = 0.0
    asked: float | None = None  # when it was asked to stop
    calm: bool = False  # it was asked while nothing was wrong: it must end with 0
    killed: bool = False
    starved: bool = False  # of memory
    leaving: bool = False  # is not replaced


class Crew:
    """Posts by agent. `look_after` must be called again and again: `wait` does."""

    def __init__(self, workers: Workers, program: Sequence[str] = PROGRAM) -> None:
        self.posts: list[Post] = []
        self.ever: list[Post] = []  # also those who have left
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []  # ends that no fault explains
        self.calm_at: float | None = None  # from when on nobody has a reason to give up
        self._workers = workers
        self._program = program  # and the agents as arguments
        self._numbers: Counter[str] = Counter()

    def add(self, *agents: str, **environment: str) -> Post:
        """A new worker: of one agent, or of several under one parent."""
        agents = agents or AGENTS
        kind = "+".join(agents)
        name = f"{kind}-{self._numbers[kind]}"
        self._numbers[kind] += 1
        post = Post(name, agents, self._start(name, agents, environment), environment, started=time.monotonic())
        self.posts.append(post)
        self.ever.append(post)
        return post

    def of(self, agent: str) -> list[Post]:
        """Posts that are to go on with this agent."""
        return [post for post in self.posts if agent in post.agents and not post.leaving]

    @property
    def staying(self) -> list[Post]:
        return [post for post in self.posts if not post.leaving]

    def kill(self, *posts: Post) -> None:
        """SIGKILL to all of them before any is waited for. `look_after` replaces them."""
        for post in posts:
            post.killed = True
            post.process.kill()
        for post in posts:
            post.process.wait(30)

    def ask(self, post: Post, *, calm: bool = False) -> None:
        """SIGTERM. Whether it ends in time `look_after` watches; `calm`: also whether with 0."""
        post.asked = post.asked or time.monotonic()
        post.calm = calm
        post.process.send_signal(signal.SIGCONT)
        post.process.terminate()

    def dismiss(self, post: Post, *, kill: bool = False) -> None:
        """It goes and is not replaced."""
        post.leaving = True
        if kill:
            self.kill(post)
        else:
            self.ask(post)

    def freeze(self, post: Post) -> None:
        post.process.send_signal(signal.SIGSTOP)

    def thaw(self, post: Post) -> None:
        post.process.send_signal(signal.SIGCONT)

    def look_after(self) -> None:
        """Replace who has ended; note those that end as they should not, or not at all."""
        now = time.monotonic()
        for post in list(self.posts):
            code = post.process.poll()
            if code is None:
                if post.asked is not None and now - post.asked > STOP_SECONDS:
                    self.wrong.append(f"{post.name} does not end {STOP_SECONDS:g} s after SIGTERM")
                    self.kill(post)
                continue
            if post.leaving:
                self._note(post, code)
                self.posts.remove(post)
            elif now - post.started > BACK_OFF_SECONDS:
                self._note(post, code)
                post.former.append(post.process)
                post.process = self._start(post.name, post.agents, post.environment)
                post.started = now
                post.asked = None
                post.killed = post.starved = post.calm = False

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look_after()
            time.sleep(min(0.2, max(0.0, until - time.monotonic())))

    def probe(self) -> None:
        """The orchestrator's liveness probe: who answers that it is not alive is killed, and replaced."""
        for post in self.staying:
            answer = self.ask_health(post, "healthz")
            if answer is not None and answer[0] != 200 and not post.killed:
                self.ended[f"unhealthy: {answer[1].strip()[:80]}"] += 1
                self.kill(post)

    def ask_health(self, post: Post, path: str) -> tuple[int, str] | None:
        """Status and text of a worker's `healthz` or `readyz`; None when it does not answer (yet)."""
        port = self._port(post)
        if port is None:
            return None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=ASK_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None

    def runs(self, post: Post) -> bool:
        """Whether the group has told it its partitions since it started."""
        return '"fenced"' in self.output(post)

    def assignments(self, post: Post) -> int:
        """How often partitions were given to those who stood there so far."""
        return sum(
            '"event": "fenced"' in line and '"partitions": []' not in line
            for line in self.all_output(post).splitlines()
        )

    def is_ready(self, post: Post) -> bool:
        answer = self.ask_health(post, "readyz")
        return answer is not None and answer[0] == 200

    def output(self, post: Post) -> str:
        return self._workers.output(post.process)

    def all_output(self, post: Post) -> str:
        """Also of those who stood there before."""
        return "".join(map(self._workers.output, (*post.former, post.process)))

    def end(self) -> bool:
        """Ask all to stop; whether all did by themselves and in time. Nothing must be wrong any more."""
        for post in self.staying:
            post.leaving = True
            self.ask(post, calm=self.is_ready(post))
        until = time.monotonic() + STOP_SECONDS + 5
        while self.posts and time.monotonic() < until:
            self.look_after()
            time.sleep(0.05)
        return not self.posts

    def _start(self, name: str, agents: tuple[str, ...], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Each post keeps its folder, as a pod of a stateful set does: its snapshots may be old when they are read."""
        folder = {"LODESTREAM_STATE_FOLDER": str(self._workers.folder / f"state-{name}")}
        return self._workers.start([*self._program, *agents], **(SETTINGS | folder | environment))

    def _note(self, post: Post, code: int) -> None:
        how = "killed" if post.killed and code < 0 else "asked" if post.asked is not None else "by itself"
        reason = failure(self.output(post)) if code == 1 else None
        self.ended[f"{code} {how}" if reason is None else f"{code} {how}: {reason}"] += 1
        if self._is_wrong(post, code, how, reason):
            self.wrong.append(f"{post.name} ended {how} with {code}: {self.output(post)[-600:]}")

    def _is_wrong(self, post: Post, code: int, how: str, reason: str | None) -> bool:
        if post.starved:
            return code not in CODES_WITHOUT_MEMORY
        if code not in CODES or (how == "by itself" and code in {0, -signal.SIGTERM, -signal.SIGKILL}):
            return True
        if how == "by itself" and self.calm_at is not None and time.monotonic() > self.calm_at:
            return True
        error = getattr(builtins, reason or "", None)
        return (post.calm and code != 0) or (isinstance(error, type) and not issubclass(error, OF_THE_WORLD))

    def _port(self, post: Post) -> int | None:
        for line in self.output(post).splitlines():
            if '"http_port"' in line and '"event": "worker"' in line:
                return int(json.loads(line)["http_port"])
        return None


def failure(output: str) -> str | None:
    """The type of the error that a worker says it failed with."""
    said = [line for line in output.splitlines() if '"event": "failed"' in line]
    return json.loads(said[-1]).get("error", "unnamed") if said else None


def children(post: Post) -> list[psutil.Process]:
    """The processes of a worker with several agents."""
    try:
        return psutil.Process(post.process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
