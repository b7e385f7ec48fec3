"""Asking a broker whether it is there, against servers that are none."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.kafka.ports import free_ports
from lodestream.kafka.wire import Cluster, _cluster, ask_cluster


@contextmanager
def server(answer: bytes) -> Iterator[int]:
    """A server that reads a request, sends these bytes and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def text(value: str | None) -> bytes:
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


def response(cluster_id: str | None, brokers: int, controller: int) -> bytes:
    """A Metadata response, version 4, as the protocol guide has it."""
    body = struct.pack(">iii", 1, 0, brokers)
    for node in range(brokers):
        body += struct.pack(">i", node) + text("127.0.0.1") + struct.pack(">i", 9092) + text(None)
    body += text(cluster_id) + struct.pack(">ii", controller, 0)
    return struct.pack(">i", len(body)) + body


@pytest.mark.parametrize("cluster", [Cluster("abc", 1, 0), Cluster("x" * 22, 3, 2), Cluster(None, 0, -1)])
def test_the_answer_of_a_broker_is_understood(cluster: Cluster) -> None:
    with server(response(cluster.cluster_id, cluster.brokers, cluster.controller)) as port:
        assert ask_cluster("127.0.0.1", port, 5.0) == cluster


def test_nobody_there_is_an_os_error() -> None:
    with pytest.raises(OSError, match="refused"):
        ask_cluster("127.0.0.1", free_ports(1)[0], 5.0)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        struct.pack(">i", -1),
        struct.pack(">i", 1 << 30),
        b"\0\0\0\x14no",
    ],
)
def test_something_else_there_is_an_os_error(answer: bytes) -> None:
    with server(answer) as port, pytest.raises(OSError, match=r"no Kafka broker|closed"):
        ask_cluster("127.0.0.1", port, 5.0)


def test_silence_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        ask_cluster("127.0.0.1", silent.getsockname()[1], 0.2)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_cluster_or_a_clear_refusal(answer: bytes) -> None:
    try:
        cluster = _cluster(answer)
    except (struct.error, UnicodeDecodeError):
        return
    assert cluster.brokers <= len(answer)
