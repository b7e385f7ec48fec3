"""Metrics, health and status over HTTP, from a thread of its own: it answers while the event loop is busy.

For an orchestrator and a Prometheus on a trusted network: plain HTTP, GET and HEAD only, one request per
connection. What a client can hold is bounded: connections, the size of a request, and the time it may take.
"""

from __future__ import annotations

import errno
import io
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

import orjson
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from lodestream.errors import LodestreamError

CONNECTIONS_MAX: Final = 32  # a scraper, a probe or two, some people; each takes a thread
READ_SECONDS: Final = 5.0  # without a byte of the request
CONNECTION_SECONDS: Final = 15.0  # in all: above Prometheus' default scrape timeout of 10 s
STOP_POLL_SECONDS: Final = 0.2  # how soon `stop` is seen and old connections are looked for
REQUEST_MAX: Final = 16_384  # bytes of request line and headers
TEXT: Final = "text/plain; charset=utf-8"

INDEX: Final = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Lodestream worker</title>
<h1>Lodestream worker</h1>
<ul>
<li><a href="/metrics">/metrics</a>: Prometheus metrics
<li><a href="/healthz">/healthz</a>: the worker makes progress
<li><a href="/readyz">/readyz</a>: partitions assigned, state restored
<li><a href="/status.json">/status.json</a>: what it does now
</ul>
</html>
"""

log = structlog.get_logger(__name__)


class Health(NamedTuple):
    """An answer to a probe. `reason` is one line for the operator, also when all is well."""

    ok: bool
    reason: str


class Reply(NamedTuple):
    code: HTTPStatus
    content_type: str
    body: bytes


class HttpServer:
    """Serves `/metrics`, `/healthz`, `/readyz`, `/status.json` and an index.

    `live`, `ready` and `status` are called on threads of the server; they must not block. `status` gives what
    orjson can write. One that raises gives the client a 500 without a word of why; the log has it.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        registry: CollectorRegistry,
        live: Callable[[], Health],
        ready: Callable[[], Health],
        status: Callable[[], dict[str, Any]],
    ) -> None:
        self._host = host
        self._wanted_port = port
        self._registry = registry
        self._pages: dict[str, Callable[[str], Reply]] = {
            "/": lambda _: Reply(HTTPStatus.OK, "text/html; charset=utf-8", INDEX),
            "/metrics": self._metrics,
            "/healthz": lambda _: _health(live()),
            "/readyz": lambda _: _health(ready()),
            "/status.json": lambda _: Reply(HTTPStatus.OK, "application/json", orjson.dumps(status())),
        }
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on; asked for port 0, the one the system gave. Raises before `start`."""
        if self._server is None:
            raise RuntimeError("the HTTP server is not started")
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen, and answer from now on. Raises `LodestreamError` where the address cannot be had."""
        if self._server is not None:
            raise RuntimeError("the HTTP server is started already")
        try:
            self._server = _Server(self._host, self._wanted_port, self._pages)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "the port is taken; set LODESTREAM_HTTP_PORT" if taken else error.strerror or str(error)
            raise LodestreamError(
                f"cannot serve metrics and health on {self._host}:{self._wanted_port}: {why}"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_POLL_SECONDS,), name="http", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening. Connections that are open end by themselves or with the process."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.shutdown()
            thread.join()
            server.server_close()

    def _metrics(self, accept: str) -> Reply:
        encode, content_type = choose_encoder(accept)
        return Reply(HTTPStatus.OK, content_type, encode(self._registry))


def _health(health: Health) -> Reply:
    code = HTTPStatus.OK if health.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Reply(code, TEXT, " ".join(health.reason.split()).encode() + b"\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True  # a restart need not wait for old connections
    allow_reuse_port = False  # two workers on one port would answer in turns
    request_queue_size = 64

    def __init__(self, host: str, port: int, pages: dict[str, Callable[[str], Reply]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.pages = pages
        self._open: dict[socket.socket, float] = {}
        self._open_lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's: it asks the resolver for the host's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the base class's names
        with self._open_lock:
            if len(self._open) >= CONNECTIONS_MAX:
                return False
            self._open[request] = time.monotonic()
        return True

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End what takes too long, called between requests: a time-out per read lets a client dribble for hours."""
        oldest = time.monotonic() - CONNECTION_SECONDS
        with self._open_lock:
            for request in [request for request, since in self._open.items() if since < oldest]:
                del self._open[request]
                try:
                    request.shutdown(socket.SHUT_RDWR)  # its thread sees the end and closes it
                except OSError:  # the client was faster
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's names
        """A client that went away is no event; stdlib would print a traceback for it."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.error("http connection failed", exc_info=error)


class _BoundedReader(io.BufferedReader):
    """Reads at most `REQUEST_MAX` bytes as lines; `LineTooLong` beyond, which the base handler knows."""

    _left = REQUEST_MAX

    def readline(self, size: int | None = -1, /) -> bytes:
        asked = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        line = super().readline(asked)
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("request")
        return line


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = READ_SECONDS
    protocol_version = "HTTP/1.0"  # one request per connection: no idle connection holds a thread
    server_version = "lodestream"
    sys_version = ""
    error_message_format = "%(code)d %(message)s\n"
    error_content_type = TEXT

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = _BoundedReader(self.connection.makefile("rb", buffering=0))

    def handle(self) -> None:
        try:
            super().handle()
        except LineTooLong:
            self.requestline = self.request_version = self.command = ""  # nothing was parsed yet
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        if self.command in {"GET", "HEAD"}:
            return True
        self._send(Reply(HTTPStatus.METHOD_NOT_ALLOWED, TEXT, b"405 only GET and HEAD\n"))
        return False

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        page = self.server.pages.get(path)
        if page is None:
            self._send(Reply(HTTPStatus.NOT_FOUND, TEXT, b"404 not found; see /\n"))
            return
        try:
            reply = page(self.headers.get("Accept", ""))
        except Exception:  # the thread's edge: an error in a callback must not end in a hung probe
            log.exception("http page failed", path=path)
            reply = Reply(HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, b"500 internal error; see the log\n")
        self._send(reply)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.code)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        if reply.code is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: a probe every few seconds is no news."""
