"""What the metrics and health server answers, and what a client cannot do to it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter

from lodestream.errors import LodestreamError
from lodestream.http import server as module
from lodestream.http.server import Health, HttpServer


class Worker:
    """A server and the state it tells about."""

    def __init__(self) -> None:
        self.live = Health(ok=True, reason="idle")
        self.ready = Health(ok=False, reason="restoring partition 2:\n120 blocks")
        self.status: dict[str, Any] = {"stage": "clean", "partitions": [0, 1]}
        registry = CollectorRegistry()
        Counter("lodestream_things_total", "Things.", registry=registry).inc(3)
        self.server = HttpServer(
            "127.0.0.1",
            0,
            registry=registry,
            live=lambda: self.live,
            ready=lambda: self.ready,
            status=lambda: self.status,
        )

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def send(self, data: bytes) -> bytes:
        """Send bytes as they are and read to the end."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as connection:
            connection.sendall(data)
            received = b""
            try:
                while part := connection.recv(65536):
                    received += part
            except ConnectionResetError:  # closed with our bytes unread: what came before counts
                pass
            return received


@pytest.fixture(autouse=True)
def _quick_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_POLL_SECONDS", 0.02)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    worker.server.start()
    yield worker
    worker.server.stop()


def test_metrics_are_served_in_the_format_that_is_asked_for(worker: Worker) -> None:
    code, headers, body = worker.ask("/metrics")
    assert (code, headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    assert "lodestream_things_total 3.0" in body
    code, headers, body = worker.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert (code, headers["Content-Type"].partition(";")[0]) == (200, "application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_a_probe_gets_the_state_of_now_as_code_and_one_line(worker: Worker) -> None:
    assert worker.ask("/healthz")[::2] == (200, "idle\n")
    assert worker.ask("/readyz")[::2] == (503, "restoring partition 2: 120 blocks\n")
    worker.live = Health(ok=False, reason="no progress for 95 s")
    worker.ready = Health(ok=True, reason="2 partitions")
    assert worker.ask("/healthz?full=1")[::2] == (503, "no progress for 95 s\n")
    assert worker.ask("/readyz")[::2] == (200, "2 partitions\n")


def test_the_status_is_json_and_the_index_names_every_page(worker: Worker) -> None:
    code, headers, body = worker.ask("/status.json")
    assert (code, headers["Content-Type"], json.loads(body)) == (200, "application/json", worker.status)
    code, headers, body = worker.ask("/")
    assert (code, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert all(f'href="{page}"' in body for page in ("/metrics", "/healthz", "/readyz", "/status.json"))


def test_head_gives_the_headers_of_get_without_a_body(worker: Worker) -> None:
    code, headers, body = worker.ask("/status.json", "HEAD")
    assert (code, body) == (200, "")
    assert headers["Content-Length"] == worker.ask("/status.json")[1]["Content-Length"]


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/../etc/passwd", "/%2e%2e", "*"])
def test_any_other_path_is_not_found(worker: Worker, path: str) -> None:
    assert worker.ask(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_any_other_method_is_not_allowed(worker: Worker, method: str) -> None:
    code, headers, _ = worker.ask("/metrics", method)
    assert (code, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("page", ["/status.json", "/healthz"])
def test_an_error_behind_a_page_is_a_500_without_its_text_and_the_server_goes_on(worker: Worker, page: str) -> None:
    worker.status = {"odd": object()}
    worker.live = None  # type: ignore[assignment]  # a callback that breaks its word
    with structlog.testing.capture_logs() as lines:
        assert worker.ask(page)[::2] == (500, "500 internal error; see the log\n")
    assert [(line["event"], line["path"]) for line in lines] == [("http page failed", page)]
    assert worker.ask("/readyz")[0] == 503


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"x: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 200 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + (b"x: " + b"a" * 1000 + b"\r\n") * 20 + b"\r\n", b"431"),
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
    ],
)
def test_a_request_that_is_too_large_or_no_http_is_refused_in_plain_text(
    worker: Worker, request_bytes: bytes, code: bytes
) -> None:
    answer = worker.send(request_bytes)
    assert code in answer.partition(b"\n")[0] + answer[:40]
    assert b"<html" not in answer.lower()
    assert worker.ask("/healthz")[0] == 200


def test_the_server_does_not_tell_what_it_is_made_of(worker: Worker) -> None:
    assert "python" not in worker.ask("/")[1]["Server"].lower()


def test_a_silent_client_loses_its_connection_and_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < module._Handler.timeout < module.CONNECTION_SECONDS
    monkeypatch.setattr(module._Handler, "timeout", 0.2)
    worker = Worker()
    worker.server.start()
    with socket.create_connection(("127.0.0.1", worker.server.port), timeout=10) as connection:
        assert connection.recv(1) == b""
    worker.server.stop()


def test_a_client_that_dribbles_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTION_SECONDS", 0.5)
    worker = Worker()
    worker.server.start()
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", worker.server.port), timeout=10) as connection:
        connection.settimeout(0.05)
        ended = False
        while not ended and time.monotonic() - began < 10:
            try:
                connection.sendall(b"G")
                ended = connection.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
    worker.server.stop()
    assert ended


def test_connections_beyond_the_limit_are_closed_and_the_others_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 3)
    worker = Worker()
    worker.server.start()
    held = [socket.create_connection(("127.0.0.1", worker.server.port), timeout=10) for _ in range(3)]
    try:
        # Sooner than the server gives up on a silent client, so that it can only be the limit.
        with socket.create_connection(("127.0.0.1", worker.server.port), timeout=module.READ_SECONDS / 2) as fourth:
            assert fourth.recv(1) == b""
        held[0].sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert held[0].recv(12) == b"HTTP/1.0 200"
    finally:
        for connection in held:
            connection.close()
        worker.server.stop()


def test_it_answers_while_many_ask_at_once(worker: Worker) -> None:
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(worker.ask("/metrics")[0])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 20


def test_a_taken_port_is_one_clear_error(worker: Worker) -> None:
    second = HttpServer(
        "127.0.0.1",
        worker.server.port,
        registry=CollectorRegistry(),
        live=lambda: worker.live,
        ready=lambda: worker.ready,
        status=dict,
    )
    with pytest.raises(LodestreamError, match=rf"127\.0\.0\.1:{worker.server.port}.*taken.*LODESTREAM_HTTP_PORT"):
        second.start()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_one_clear_error(host: str) -> None:
    registry = CollectorRegistry()
    health = Health(ok=True, reason="")
    server = HttpServer(host, 0, registry=registry, live=lambda: health, ready=lambda: health, status=dict)
    with pytest.raises(LodestreamError, match="cannot serve metrics and health"):
        server.start()


def test_after_stop_nothing_listens_and_the_port_can_be_had_again() -> None:
    worker = Worker()
    worker.server.start()
    port = worker.server.port
    worker.server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    worker.server.stop()  # twice is no fault: shutdown paths meet
    with pytest.raises(RuntimeError):
        _ = worker.server.port
    worker.server.start()
    assert worker.ask("/healthz")[0] == 200
    worker.server.stop()


def test_it_does_not_keep_the_process_alive(worker: Worker) -> None:
    assert worker.server.port > 0
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "http")
