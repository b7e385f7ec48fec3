"""Free ports on 127.0.0.1."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final

_LOWEST: Final = 20_000
_EPHEMERAL_DEFAULT: Final = 32_768  # Linux's default; macOS and Windows begin at 49152
_ATTEMPTS: Final = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now. A port that only waits for old connections to end is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Different ports on which nobody listens now. Another process may still take one first: be ready to retry.

    They lie below the range from which the system takes ports for outgoing connections. In that range a client
    that reconnects to a broker while it restarts may be given the broker's own port, and the broker cannot start.
    """
    highest = max(_ephemeral_start(), _LOWEST + 1000)
    found: list[int] = []
    source = random.SystemRandom()
    for _ in range(_ATTEMPTS):
        if len(found) == count:
            break
        port = source.randrange(_LOWEST, highest)
        if port not in found and is_free(port):
            found.append(port)
    if len(found) < count:
        raise OSError(f"no free port between {_LOWEST} and {highest}")
    return found


def _ephemeral_start() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _EPHEMERAL_DEFAULT
