"""The proxy itself: what its modes do to bytes, so that a fault of the network is the fault that it says it is."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from lodestream.kafka.ports import free_ports
from proxy import END_TXN, Mode, Proxies, Requests

FETCH = 1


def request(key: int, body: bytes = b"body") -> bytes:
    return struct.pack(">ih", len(body) + 2, key) + body


class Server:
    """Keeps what it gets, and answers each piece with as many bytes in capitals."""

    def __init__(self) -> None:
        self.got = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(1 << 16):
                self.got += data
                connection.sendall(data.upper())

    def end(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def server() -> Iterator[Server]:
    some = Server()
    yield some
    some.end()


@pytest.fixture
def proxies(server: Server) -> Iterator[Proxies]:
    (port,) = free_ports(1)
    some = Proxies([(port, server.port)])
    some.start()
    yield some
    some.end()


def connect(proxies: Proxies) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxies.each[0].port), 5)


def ask(connection: socket.socket, data: bytes, seconds: float = 5) -> bytes:
    """What comes back within the time; nothing is an answer too."""
    connection.settimeout(seconds)
    connection.sendall(data)
    with contextlib.suppress(TimeoutError):
        return connection.recv(1 << 16)
    return b""


def test_passes_and_delays(proxies: Proxies) -> None:
    with connect(proxies) as connection:
        assert ask(connection, b"abc") == b"ABC"
        proxies.switch(Mode.DELAY, 0.2)
        began = time.monotonic()
        assert ask(connection, b"abc") == b"ABC"
        assert time.monotonic() - began >= 0.4  # each way


def test_a_cut_resets_and_refuses_until_it_is_healed(proxies: Proxies) -> None:
    with connect(proxies) as connection:
        assert ask(connection, b"abc") == b"ABC"
        proxies.switch(Mode.CUT)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxies)
    proxies.heal()
    with connect(proxies) as connection:
        assert ask(connection, b"abc") == b"ABC"


@pytest.mark.parametrize("mode", [Mode.SILENT, Mode.SILENT_UP, Mode.SILENT_DOWN])
def test_a_silent_way_takes_bytes_and_delivers_none(proxies: Proxies, server: Server, mode: Mode) -> None:
    with connect(proxies) as connection:
        proxies.switch(mode)
        assert ask(connection, b"abc", 0.3) == b""
        assert server.got == (b"abc" if mode is Mode.SILENT_DOWN else b"")
        proxies.heal()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_late_bytes_arrive_although_their_sender_has_gone(proxies: Proxies, server: Server) -> None:
    with connect(proxies) as connection:
        assert ask(connection, b"one") == b"ONE"
        proxies.switch(Mode.SILENT)
        assert ask(connection, b"two", 0.3) == b""
    assert server.got == b"one"
    proxies.heal(late=True)
    deadline = time.monotonic() + 5
    while server.got != b"onetwo" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.got == b"onetwo"


def test_the_answer_to_a_commit_is_lost(proxies: Proxies, server: Server) -> None:
    proxies.switch(Mode.LOSE_ANSWERS)
    with connect(proxies) as connection:
        assert ask(connection, request(FETCH)) == request(FETCH).upper()
        assert ask(connection, request(END_TXN), 0.3) == b""
    assert server.got == request(FETCH) + request(END_TXN)
    assert proxies.lost == 1


def test_a_commit_is_lost_and_what_stands_before_it_is_not(proxies: Proxies, server: Server) -> None:
    proxies.switch(Mode.LOSE_COMMITS)
    with connect(proxies) as connection:
        assert ask(connection, request(FETCH) + request(END_TXN)) == request(FETCH).upper()
        assert ask(connection, request(FETCH), 0.3) == b""
    assert server.got == request(FETCH)


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_commits_are_found_however_the_bytes_are_cut(step: int) -> None:
    data = request(FETCH, b"x" * 40) + request(END_TXN) + request(FETCH) + request(END_TXN)
    requests = Requests()
    found = [requests.find_commit(data[at : at + step]) is not None for at in range(0, len(data), step)]
    assert sum(found) == (1 if step == 1000 else 2)
