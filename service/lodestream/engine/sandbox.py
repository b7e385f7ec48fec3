"""Work that may hang, crash or take all memory, in a process that can be killed for it.

For parsers of foreign input: bytes in, bytes out, and no state between two requests that counts. What becomes of a
request is to depend on the request alone; so one that a used child dies of is tried once more with a fresh child.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from typing import Final

import structlog

from lodestream.engine import sandboxed
from lodestream.engine.sandboxed import EXIT_MEMORY, FAULT, FRAME, REQUEST
from lodestream.errors import LodestreamError, Reason, Rejected

START_SECONDS: Final = 60.0  # to import the target, on a machine that is busy with other starts
MARGIN_SECONDS: Final = 1.0  # beyond the child's own time limits; then it is killed from here
GONE_SECONDS: Final = 5.0  # for a child that has closed its socket to be gone
ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "TZ")  # that a child is given: no secrets
_TIMERS: Final = (-signal.SIGPROF, -signal.SIGALRM)

log = structlog.get_logger(__name__)


class Sandbox:
    """Calls a function of bytes to bytes, `module:name`, in a child process. Threads wait for each other.

    `seconds` of CPU is what a call may take, and twice as long by the clock; `memory_bytes` what the child may take
    beside what it has when the target is imported. The first call starts the child. It ends by `close`, with this
    object, or with this process, however that ends.
    """

    def __init__(self, target: str, *, seconds: float, memory_bytes: int) -> None:
        self._target = target
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._child: _Child | None = None
        self._turn = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return None if self._child is None else self._child.pid

    def call(self, request: bytes) -> bytes:
        """What the target returns.

        Raises `Rejected` when the target raises, is too slow, or costs the child its life, and `LodestreamError` when
        no child can be started.
        """
        with self._turn:
            used = self._child is not None
            try:
                return self._ask(request)
            except Rejected as rejected:
                if not used or rejected.reason not in {Reason.PARSER_CRASH, Reason.PARSER_MEMORY}:
                    raise
            return self._ask(request)

    def close(self) -> None:
        """End the child. The next call starts another."""
        with self._turn:
            self._drop()

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _ask(self, request: bytes) -> bytes:
        if self._child is None:
            self._child = self._start()
        try:
            kind, answer = self._child.ask(request, 2 * self._seconds + MARGIN_SECONDS)
        except _EndedError as ended:
            self._child = None
            log.warning("sandbox: a request cost the child its life", target=self._target, how=ended.how)
            raise self._rejected(ended) from None
        except BaseException:  # Ctrl-C: the answer on its way would be taken for the next one's
            self._drop()
            raise
        if kind == FAULT:
            raise Rejected(Reason.STEP_ERROR, answer.decode())
        return answer

    def _start(self) -> _Child:
        child = _Child()
        setup = {
            "path": sys.path,
            "target": self._target,
            "seconds": self._seconds,
            "memory_bytes": self._memory_bytes,
        }
        try:
            kind, answer = child.ask(json.dumps(setup).encode(), START_SECONDS)
        except _EndedError as ended:
            raise LodestreamError(f"no process for {self._target}: {ended.how}") from None
        if kind == FAULT:
            child.end()
            raise LodestreamError(f"no process for {self._target}: {answer.decode()}")
        return child

    def _rejected(self, ended: _EndedError) -> Rejected:
        if ended.code is None or ended.code in _TIMERS:
            return Rejected(Reason.PARSER_TIMEOUT, f"not done after {self._seconds:g} s of work")
        if ended.code == EXIT_MEMORY:
            return Rejected(Reason.PARSER_MEMORY, f"wanted more than {self._memory_bytes} bytes")
        return Rejected(Reason.PARSER_CRASH, ended.how)


class _EndedError(Exception):
    """The child is gone. `code` is its return code; None when it was killed because it did not answer in time."""

    def __init__(self, code: int | None, how: str) -> None:
        super().__init__(how)
        self.code = code
        self.how = how


class _Child:
    """One child process and the socket to it. Ends when it is collected, or with this process."""

    def __init__(self) -> None:
        self._link, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", sandboxed.__file__],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,  # a parser's warnings quote the document
                    stderr=subprocess.DEVNULL,
                    env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
                    start_new_session=True,  # Ctrl-C on the terminal is for this process to see
                )
            except OSError as error:
                self._link.close()
                raise LodestreamError(f"no process for a parser: {error.strerror}") from error
        self.end = weakref.finalize(self, _end, self._process, self._link)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: bytes, seconds: float) -> tuple[bytes, bytes]:
        """Kind and content of the answer. Raises `_EndedError`, and then there is no child any more."""
        deadline = time.monotonic() + seconds
        try:
            self._link.settimeout(seconds)
            self._link.sendall(FRAME.pack(REQUEST, len(request)))
            self._link.sendall(request)
            kind, size = FRAME.unpack(self._receive(FRAME.size, deadline))
            return kind, self._receive(size, deadline)
        except TimeoutError:
            self.end()
            raise _EndedError(None, "did not answer in time") from None
        except (OSError, EOFError):
            code = self._code()
            raise _EndedError(code, _how(code)) from None

    def _receive(self, size: int, deadline: float) -> bytes:
        content = bytearray()
        while len(content) < size:
            self._link.settimeout(max(0.001, deadline - time.monotonic()))
            got = self._link.recv(min(size - len(content), 1 << 20))
            if not got:
                raise EOFError
            content += got
        return bytes(content)

    def _code(self) -> int:
        try:
            return self._process.wait(GONE_SECONDS)
        except subprocess.TimeoutExpired:  # it closed its socket and lives on
            return -signal.SIGKILL
        finally:
            self.end()


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _end(process: subprocess.Popen[bytes], link: socket.socket) -> None:
    """At once: there is nothing that it could save."""
    link.close()
    process.kill()
    process.wait()
