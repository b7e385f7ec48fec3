"""Workers under something that starts them again and asks after their health, as an orchestrator does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import psutil

from harness import Workers

AGENTS: Final = ("clean", "dedupe", "tag")
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
}
# How a worker may end: asked to or failed, by SIGTERM before its handler stands, given up stopping (70), killed.
CODES: Final = {0, 1, -signal.SIGTERM, 70, -signal.SIGKILL}
# Without memory also in native code: an abort, a segmentation fault, an illegal instruction.
CODES_WITHOUT_MEMORY: Final = CODES | {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGILL, -signal.SIGTRAP, 120, 127, 134}


@dataclass(eq=False, slots=True)
class Post:
    """A place for one worker: whoever stands there is replaced when it ends."""

    name: str
    agents: tuple[str, ...]
    process: subprocess.Popen[bytes]
    environment: dict[str, str] = field(default_factory=dict)
    started: float = 0.0
    asked: float | None = None  # when it was asked to stop
    killed: bool = False
    starved: bool = False  # of memory
    leaving: bool = False  # is not replaced


class Crew:
    """Posts by agent. `look_after` must be called again and again: `wait` does."""

    def __init__(self, workers: Workers) -> None:
        self.posts: list[Post] = []
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []  # ends that no fault explains
        self._workers = workers
        self._numbers: Counter[str] = Counter()

    def add(self, *agents: str, **environment: str) -> Post:
        """A new worker: of one agent, or of several under one parent."""
        agents = agents or AGENTS
        kind = "+".join(agents)
        name = f"{kind}-{self._numbers[kind]}"
        self._numbers[kind] += 1
        post = Post(name, agents, self._start(agents, environment), environment, time.monotonic())
        self.posts.append(post)
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

    def ask(self, post: Post) -> None:
        """SIGTERM. Whether it ends in time `look_after` watches."""
        post.asked = post.asked or time.monotonic()
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
                post.process = self._start(post.agents, post.environment)
                post.started = now
                post.asked = None
                post.killed = post.starved = False

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
        """Whether it has been given partitions since it started."""
        return '"fenced"' in self.output(post)

    def output(self, post: Post) -> str:
        return self._workers.output(post.process)

    def end(self) -> bool:
        """Ask all to stop; whether all did by themselves and in time."""
        for post in self.posts:
            if not post.leaving:
                self.dismiss(post)
        until = time.monotonic() + STOP_SECONDS + 5
        while self.posts and time.monotonic() < until:
            self.look_after()
            time.sleep(0.05)
        return not self.posts

    def _start(self, agents: tuple[str, ...], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return self._workers.start([sys.executable, "-m", "lodestream", "worker", *agents], **(SETTINGS | environment))

    def _note(self, post: Post, code: int) -> None:
        how = "killed" if post.killed and code < 0 else "asked" if post.asked is not None else "by itself"
        self.ended[f"{code} {how}"] += 1
        allowed = CODES_WITHOUT_MEMORY if post.starved else CODES
        by_itself = how == "by itself" and code in {0, -signal.SIGTERM, -signal.SIGKILL}
        if code not in allowed or by_itself:
            self.wrong.append(f"{post.name} ended {how} with {code}: {self._workers.output(post.process)[-600:]}")

    def _port(self, post: Post) -> int | None:
        for line in self.output(post).splitlines():
            if '"http_port"' in line and '"event": "worker"' in line:
                return int(json.loads(line)["http_port"])
        return None


def children(post: Post) -> list[psutil.Process]:
    """The processes of a worker with several agents."""
    try:
        return psutil.Process(post.process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
