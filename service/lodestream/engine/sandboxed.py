"""The child of `sandbox.py`: answers requests, bytes for bytes, within limits that the kernel keeps.

Started as a script with nothing of the environment or of site-packages (`python -I -S`), its standard input a socket
to the parent. The first frame says what it works with, and the answer to it is empty. What it does not survive it
says by its end: a signal, or `EXIT_MEMORY`. It ends with its parent: an idle one reads the end of the socket, a busy
one meets its time limit.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

FRAME = struct.Struct("<cI")  # kind, bytes that follow
REQUEST = b"q"
ANSWER = b"a"
FAULT = b"f"  # an exception: its type and place
EXIT_MEMORY = 66

Target = Callable[[bytes], bytes]


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent ends us, not the terminal or whoever stops a whole group
    link = socket.socket(fileno=os.dup(0))
    setup = json.loads(_receive(link))
    sys.path[:] = setup["path"]
    from lodestream.errors import place_of  # noqa: PLC0415 - from now on it can be found

    try:
        target = _load(setup["target"])
    except Exception as error:  # noqa: BLE001 - the parent says it
        _send(link, FAULT, place_of(error).encode())
        return
    _limit(resource.RLIMIT_CORE, 0)  # a core file would hold the document
    _limit(resource.RLIMIT_AS, _address_space() + setup["memory_bytes"])
    _send(link, ANSWER, b"")
    while True:
        request = _receive(link)
        _allow(setup["seconds"])
        try:
            kind, answer = ANSWER, target(request)
        except MemoryError:
            os._exit(EXIT_MEMORY)
        except Exception as error:  # noqa: BLE001 - the parent says it
            kind, answer = FAULT, place_of(error).encode()
        _allow(0)
        _send(link, kind, answer)


def _load(target: str) -> Target:
    module, _, name = target.partition(":")
    found: Target = getattr(importlib.import_module(module), name)
    return found


def _allow(seconds: float) -> None:
    """The kernel ends us after so much work, or after twice the time: no code, of Python or C, can hold that up."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds)


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    with contextlib.suppress(ValueError, OSError):  # macOS keeps no limit of address space
        resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _address_space() -> int:
    """What we have taken so far: libraries reserve more of it on machines with more cores."""
    statistics = Path("/proc/self/statm")
    return int(statistics.read_text().split()[0]) * resource.getpagesize() if statistics.exists() else 0


def _send(link: socket.socket, kind: bytes, content: bytes) -> None:
    link.sendall(FRAME.pack(kind, len(content)))
    link.sendall(content)


def _receive(link: socket.socket) -> bytes:
    _, size = FRAME.unpack(_exactly(link, FRAME.size))
    return _exactly(link, size)


def _exactly(link: socket.socket, size: int) -> bytes:
    content = bytearray(size)
    view = memoryview(content)
    while view:
        got = link.recv_into(view)
        if not got:
            os._exit(0)  # the parent is gone, or done with us
        view = view[got:]
    return bytes(content)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        main()
