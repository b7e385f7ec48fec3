"""The few bytes of Kafka's protocol that tell whether a broker answers, without a client and without asyncio.

Kafka protocol guide: a request is a length, then api key, version, correlation id and client id; Metadata is api 3.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

_METADATA: Final = 3
_VERSION: Final = 4  # the oldest that Kafka 4 speaks that also tells the cluster id
_CLIENT: Final = b"lodestream-ready"


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a broker says of its cluster: its id, how many brokers it knows, which of them is controller."""

    cluster_id: str | None
    brokers: int
    controller: int


def ask_cluster(host: str, port: int, timeout_seconds: float) -> Cluster:
    """One Metadata request about no topic. Raises `OSError` when nobody answers like a Kafka broker."""
    body = struct.pack(">i?", 0, False)  # no topics; create none
    head = struct.pack(">hhih", _METADATA, _VERSION, 1, len(_CLIENT)) + _CLIENT
    request = head + body
    with socket.create_connection((host, port), timeout_seconds) as connection:
        if connection.getsockname() == connection.getpeername():
            # TCP can connect a port of the ephemeral range to itself when nobody listens there.
            raise ConnectionRefusedError("nobody listens there")
        connection.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", _read(connection, 4))
        if not 16 <= length <= 1 << 20:
            raise OSError("what answers there is no Kafka broker")
        answer = _read(connection, length)
    try:
        return _cluster(answer)
    except (struct.error, UnicodeDecodeError, IndexError):
        raise OSError("what answers there is no Kafka broker") from None


def _cluster(answer: bytes) -> Cluster:
    """Metadata response, version 4: correlation id, throttle time, brokers, cluster id, controller, topics."""
    (brokers,) = struct.unpack_from(">i", answer, 8)
    place = 12
    for _ in range(brokers):
        place += 4
        _, place = _text(answer, place)
        place += 4
        _, place = _text(answer, place)
    cluster_id, place = _text(answer, place)
    (controller,) = struct.unpack_from(">i", answer, place)
    return Cluster(cluster_id, brokers, controller)


def _text(answer: bytes, place: int) -> tuple[str | None, int]:
    """A nullable string: its length in two bytes, -1 for none."""
    (length,) = struct.unpack_from(">h", answer, place)
    place += 2
    if length < 0:
        return None, place
    return answer[place : place + length].decode(), place + length


def _read(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionResetError("the connection was closed")
        parts += part
    return bytes(parts)
