"""Apache Kafka as a child process: one KRaft node on 127.0.0.1, for development, the demo and the tests.

It is the real broker, not an imitation. It ends with the process that started it, also when that is killed
(`guard.py`), and it can be killed and started again on the same data and port.
"""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import time
import uuid
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lodestream.errors import BrokerError
from lodestream.kafka.jars import Say, cache_folder, locked
from lodestream.kafka.java import SERVER, STORAGE_TOOL, Java, explain, find_java, run_tool
from lodestream.kafka.ports import free_ports, is_free
from lodestream.kafka.process import GuardedProcess
from lodestream.kafka.properties import Listener, render, server_properties
from lodestream.kafka.wire import ask_cluster

_START_SECONDS: Final = 120.0  # 2-4 s on an idle machine; many times that where tests share two cores
_GRACE_SECONDS: Final = 20.0  # a clean stop takes 0.4 s on an idle machine
_IN_USE_SECONDS: Final = 3.0  # a broker whose owner was just killed is gone by then
_PORT_ATTEMPTS: Final = 5
_POLL_SECONDS: Final = 0.03


class _PortTakenError(BrokerError):
    """Java found a port taken that was free a moment before."""


class EmbeddedKafka:
    """One Kafka broker, started by `start` and ended by `stop` or with this process.

    `data_dir` None: a temporary folder, removed at `stop`. `port` 0: a free one, chosen at the first start and
    kept. `cluster_id`: 22 characters of URL-safe base64, its own by default; brokers of one cluster share it.
    `listeners` are more listeners, name and protocol (`{"SECURE": "SASL_SSL"}`), each on a port of its own; what they
    need stands in `properties`, which are added to the broker's `server.properties` and win. `flags` are added to
    Java's, which then starts without the archive. Every error is a `BrokerError` with one clear line.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        port: int = 0,
        heap_mb: int = 512,
        *,
        cluster_id: str | None = None,
        listeners: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
        cache: Path | None = None,
        say: Say | None = None,
    ) -> None:
        self._folder = data_dir.absolute() if data_dir is not None else None
        self._temporary = data_dir is None
        self._forget: weakref.finalize[[Path, int], EmbeddedKafka] | None = None
        self._port = port
        self._chosen = port == 0  # may still choose another one
        self._heap_mb = heap_mb
        self._cluster_id = cluster_id
        self._listeners = {name: Listener(protocol, 0) for name, protocol in (listeners or {}).items()}
        self._properties = dict(properties or {})
        self._flags = tuple(flags)
        self._cache = cache
        self._say = say
        self._process: GuardedProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        """`127.0.0.1:PORT`, also while it is down between `kill` and `start`."""
        if self._port == 0:
            raise BrokerError("the embedded broker has no port before its first start")
        return f"127.0.0.1:{self._port}"

    def address(self, listener: str) -> str:
        """`127.0.0.1:PORT` of one of the additional listeners."""
        return f"127.0.0.1:{self._listeners[listener].port}"

    @property
    def data_dir(self) -> Path:
        """Where its data and its log `kafka.log` are."""
        if self._folder is None:
            raise BrokerError("the embedded broker has no data folder before its first start")
        return self._folder

    @property
    def running(self) -> bool:
        """Whether the broker's process lives."""
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int:
        """Process id of the broker's Java. Raises `BrokerError` when it does not run."""
        if self._process is None or not self._process.alive:
            raise BrokerError("the embedded broker does not run")
        return self._process.pid

    def start(self) -> None:
        """Starts the broker and returns when it answers. Blocks for seconds; the very first start fetches jars."""
        if self.running:
            return
        self._end_process()
        first = self._chosen or self._folder is None
        cache = self._cache or cache_folder()
        java = find_java(cache, say=self._say)
        where = self._folder or Path(tempfile.gettempdir())
        try:
            self._start(java, self._make_folder())
        except BaseException as error:
            # A broker that ran before keeps its data for another try; one that never did leaves nothing behind.
            self.stop() if first else self._end_process()
            if isinstance(error, OSError):
                raise BrokerError(f"cannot start the broker in {where}: {error.strerror or error}") from error
            raise

    def stop(self) -> None:
        """Stops the broker cleanly (SIGTERM, later SIGKILL) and removes a temporary data folder."""
        self._end_process()
        if self._forget is not None:
            self._forget()
            self._forget = None
            self._folder = None

    def kill(self) -> None:
        """Ends the broker by SIGKILL, as a power cut would. The data stays: `start` brings it back on its port."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def last_words(self) -> str:
        """What the broker logged last, as one line: for the error of whoever finds it dead."""
        return explain(_from(self.data_dir / "kafka.log", 0))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None

    def _make_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="lodestream-kafka-"))
            self._forget = weakref.finalize(self, _remove, self._folder, os.getpid())
        if "," in str(self._folder):
            raise BrokerError(f"the data folder's path must have no comma (Kafka reads it as a list): {self._folder}")
        (self._folder / "tmp").mkdir(parents=True, exist_ok=True)
        return self._folder

    def _start(self, java: Java, folder: Path) -> None:
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            controller_port, *more = free_ports(2 + len(self._listeners))
            if self._chosen:
                self._port = more.pop()
            elif not _becomes_free(self._port):
                raise BrokerError(f"port {self._port} is taken: another program listens on 127.0.0.1:{self._port}")
            for name, listener in self._listeners.items():
                if listener.port == 0 or not is_free(listener.port):
                    self._listeners[name] = Listener(listener.protocol, more.pop())
            try:
                self._start_on(java, folder, controller_port)
            except _PortTakenError:
                self._end_process()
                if attempt == _PORT_ATTEMPTS:
                    raise
            else:
                self._chosen = False
                return

    def _start_on(self, java: Java, folder: Path, controller_port: int) -> None:
        log = folder / "kafka.log"
        try:
            with locked(folder / "lock", _IN_USE_SECONDS) as lock:
                configuration = folder / "server.properties"
                values = server_properties(
                    folder, port=self._port, controller_port=controller_port, listeners=self._listeners
                )
                configuration.write_text(render(values | self._properties), "ascii")
                cluster_id = _format_once(java, folder, configuration, self._cluster_id)
                begin = log.stat().st_size if log.exists() else 0
                self._process = GuardedProcess(
                    java.command(SERVER, str(configuration), flags=self._java_flags(java, folder)),
                    log=log,
                    grace_seconds=_GRACE_SECONDS,
                    hold=[lock],  # the folder stays locked for as long as Java lives
                    remove=folder if self._temporary else None,
                )
        except BlockingIOError:
            raise BrokerError(f"the data folder {folder} is in use by another broker") from None
        self._wait_until_ready(self._process, cluster_id, log, begin)

    def _java_flags(self, java: Java, folder: Path) -> list[str]:
        flags = [
            f"-Xmx{self._heap_mb}m",
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            f"-XX:ErrorFile={folder}/java-error.log",
        ]
        return [*flags, *self._flags] if self._flags else [*flags, *java.use_archive()]

    def _wait_until_ready(self, process: GuardedProcess, cluster_id: str, log: Path, begin: int) -> None:
        """Until the broker answers a Metadata request with itself in it."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if not process.alive:
                output = _from(log, begin)
                if "Address already in use" in output:
                    raise _PortTakenError(f"the broker did not start: {explain(output)}")
                raise BrokerError(f"the broker did not start: {explain(output)}")
            try:
                cluster = ask_cluster("127.0.0.1", self._port, 2.0)
            except OSError:
                cluster = None
            if cluster and cluster.cluster_id == cluster_id and cluster.brokers > 0 and cluster.controller >= 0:
                return
            time.sleep(_POLL_SECONDS)
        raise BrokerError(f"the broker did not answer within {_START_SECONDS:.0f} s: {explain(_from(log, begin))}")


def _becomes_free(port: int) -> bool:
    """Whether a port is free, or becomes so while a broker whose owner was just killed ends."""
    deadline = time.monotonic() + _IN_USE_SECONDS
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _format_once(java: Java, folder: Path, configuration: Path, cluster_id: str | None) -> str:
    """Formats the data folder, unless it is, and gives its cluster id. `meta.properties` is what is written last."""
    meta = folder / "kafka" / "meta.properties"
    if not meta.exists():
        cluster_id = cluster_id or "L" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii")[1:22]
        arguments = ("format", "--ignore-formatted", "-t", cluster_id, "-c", str(configuration))
        flags = java.use_archive() or ["-XX:TieredStopAtLevel=1"]
        flags.append(f"-Djava.io.tmpdir={folder / 'tmp'}")
        run_tool("format the broker's data folder", java.command(STORAGE_TOOL, *arguments, flags=flags))
    for line in meta.read_text("utf-8").splitlines():
        if line.startswith("cluster.id="):
            return line.removeprefix("cluster.id=")
    raise BrokerError(f"{meta} names no cluster: this is no data folder of the embedded broker")


def _from(log: Path, begin: int) -> str:
    """What the broker logged in this start, at most the last 64 KiB."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(begin, end - 65_536))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _remove(folder: Path, owner: int) -> None:
    """Removes a temporary folder, but not from a process that was forked from its owner."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
