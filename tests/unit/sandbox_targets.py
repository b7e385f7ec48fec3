"""What a sandbox is tried with: functions that answer, hang, crash and take memory, run in its child."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import time
from collections.abc import Callable

hoard: list[bytes] = []


def act(request: bytes) -> bytes:
    """Does what the request says: a word, and what it is done with."""
    word, _, rest = request.partition(b" ")
    answer = ACTS[word](rest)
    return b"did " + word if answer is None else answer


def hang_in_python(_: bytes) -> None:
    while True:
        pass


def hang_with_the_interpreters_lock(_: bytes) -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")  # for years


def hang_deaf(_: bytes) -> None:
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(100_000)


def hang_up(_: bytes) -> None:
    os.closerange(0, 100)
    time.sleep(100_000)


def fail(rest: bytes) -> None:
    raise ZeroDivisionError(rest.decode())


def write(rest: bytes) -> None:
    os.write(1, rest)
    os.write(2, rest)


ACTS: dict[bytes, Callable[[bytes], bytes | None]] = {
    b"fine": lambda _: None,
    b"echo": lambda rest: rest,
    b"python": hang_in_python,
    b"native": hang_with_the_interpreters_lock,
    b"sleep": lambda rest: time.sleep(float(rest)),
    b"deaf": hang_deaf,
    b"abort": lambda _: os.abort(),
    b"segfault": lambda _: ctypes.string_at(0),
    b"exit": lambda rest: os._exit(int(rest)),
    b"memory": lambda rest: bytes(int(rest)),
    b"hoard": lambda rest: hoard.append(bytes(int(rest))),
    b"hang-up": hang_up,
    b"fail": fail,
    b"write": write,
    b"environment": lambda _: "\n".join(os.environ).encode(),
}
