"""A parser that some documents hang, crash or make take all memory: what a sandbox of the fault tests runs."""

from __future__ import annotations

import os
import re
import time

from lodestream.clean.wire import clean_packed


def parse(request: bytes) -> bytes:
    if b"HANG-NATIVE" in request:
        re.match(r"(a+)+$", "a" * 64 + "b")  # holds the interpreter's lock, for years
    if b"HANG-ASLEEP" in request:
        time.sleep(100_000)
    if b"CRASH" in request:
        os.abort()
    if b"MEMORY" in request:
        bytes(1 << 40)
    if b"RAISE" in request:
        raise ZeroDivisionError("secret words")
    return clean_packed(request)
