"""A TCP proxy on loopback between clients and a broker, which can delay, cut, fall silent, and lose commits.

Bytes go through sockets of the kernel as they would through a network; what they mean is not looked at, except for
one thing: the api key of requests, so that the outcome of a commit can be made unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Final

END_TXN: Final = 26  # Kafka protocol guide: commits or aborts a transaction
CHUNK: Final = 64 << 10
WAITING_CHUNKS: Final = 64  # a silent connection takes 4 MiB, as the buffers of a network would
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, for 0 s: a close sends RST
CALL_SECONDS: Final = 10.0


class Mode(StrEnum):
    """What happens to bytes. The silent ones accept bytes and deliver nothing."""

    OPEN = "open"
    DELAY = "delay"
    CUT = "cut"  # connections are reset, new ones refused
    SILENT_UP = "silent to the broker"
    SILENT_DOWN = "silent to the client"
    SILENT = "silent"
    LOSE_ANSWERS = "lose answers to commits"  # the broker commits, the client never knows
    LOSE_COMMITS = "lose commits"  # the broker never hears of it


class Requests:
    """Finds EndTxn in the bytes from a client: a length in four bytes, an api key in two, then the rest."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    def find_commit(self, data: bytes) -> int | None:
        """Where in the data the first EndTxn request begins, also when its first bytes came before."""
        at = 0
        found: int | None = None
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            begin = at if not self._head else 0
            more = data[at : at + 6 - len(self._head)]
            self._head += more
            at += len(more)
            if len(self._head) == 6:
                length, key = struct.unpack(">ih", self._head)
                self._head = b""
                self._left = length - 2
                if key == END_TXN and found is None:
                    found = begin
        return found


class Pipe:
    """One direction of a connection: bytes wait in a queue until they are due and the way is open."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.open = asyncio.Event()
        self.open.set()
        self.lost = False  # what is read from now on is dropped
        self._in_hand = False  # the writer has taken bytes that it has not sent
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING_CHUNKS)

    @property
    def held(self) -> bool:
        """Whether bytes were dropped or wait behind a closed way."""
        return self.lost or (not self.open.is_set() and (self._in_hand or not self._queue.empty()))

    async def read(self, delay: Callable[[], float], look: Callable[[bytes], bytes]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await loop.sock_recv(self.source, CHUNK)
            except OSError:
                data = b""
            if data:
                if self.lost:
                    continue
                passed = look(data)
                if passed:
                    await self._queue.put((loop.time() + delay(), passed))
            else:
                await self._queue.put((loop.time() + delay(), b""))
                return

    async def write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._in_hand = False
            due, data = await self._queue.get()
            self._in_hand = True
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self.open.wait()
            if not data:
                with contextlib.suppress(OSError):
                    self.sink.shutdown(socket.SHUT_WR)
                return
            await loop.sock_sendall(self.sink, data)


class Connection:
    """A client's connection and ours to the broker."""

    def __init__(self, client: socket.socket, broker: socket.socket) -> None:
        self.up = Pipe(client, broker)
        self.down = Pipe(broker, client)
        self.requests = Requests()
        self.task: asyncio.Task[None] | None = None
        self.resetting = False

    @property
    def harmed(self) -> bool:
        return self.up.held or self.down.held

    def reset(self) -> None:
        self.resetting = True
        if self.task is not None:
            self.task.cancel()


class Proxy:
    """Listens on a port and passes on to another. Lives on the loop of `Proxies`."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        self.mode = Mode.OPEN
        self.seconds = 0.0
        self.commits = 0  # EndTxn requests seen
        self.lost = 0  # of them, commits that were swallowed or whose answers were
        self._connections: set[Connection] = set()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setblocking(False)
        self._accepting: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._listener.bind(("127.0.0.1", self.port))
        self._listen()

    def switch(self, mode: Mode, seconds: float = 0) -> None:
        self.mode = mode
        self.seconds = seconds
        if mode is Mode.CUT:
            self._refuse()
            for connection in self._connections:
                connection.reset()
        for connection in self._connections:
            self._gate(connection)

    def heal(self, *, late: bool) -> None:
        """Back to passing. Connections that were harmed are reset, or deliver `late` what was held back."""
        refused = self.mode is Mode.CUT
        self.mode = Mode.OPEN
        self.seconds = 0
        for connection in self._connections:
            if connection.up.lost or connection.down.lost or (connection.harmed and not late):
                connection.reset()
            else:
                self._gate(connection)
        if refused:
            self._listen()

    async def end(self) -> None:
        self._refuse()
        self._listener.close()
        tasks = [connection.task for connection in self._connections if connection.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _listen(self) -> None:
        self._listener.listen(128)
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def _refuse(self) -> None:
        """The port stays ours, but nobody listens: the kernel refuses connections. Linux allows to listen again."""
        if self._accepting is not None:
            self._accepting.cancel()
            self._accepting = None
            self._listener.shutdown(socket.SHUT_RDWR)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._listener)
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            broker = socket.socket()
            broker.setblocking(False)
            broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(client, broker)
            self._connections.add(connection)
            connection.task = loop.create_task(self._serve(connection))

    async def _serve(self, connection: Connection) -> None:
        client, broker = connection.up.source, connection.up.sink
        try:
            await asyncio.get_running_loop().sock_connect(broker, ("127.0.0.1", self.target))
            self._gate(connection)
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.up.read(self._delay, lambda data: self._look(connection, data)))
                group.create_task(connection.up.write())
                group.create_task(connection.down.read(self._delay, lambda data: data))
                group.create_task(connection.down.write())
        except* OSError:
            pass  # an end of the connection went away, and with it the other
        finally:
            self._connections.discard(connection)
            for each in (client, broker):
                if connection.resetting:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                each.close()

    def _gate(self, connection: Connection) -> None:
        for pipe, modes in (
            (connection.up, (Mode.SILENT, Mode.SILENT_UP)),
            (connection.down, (Mode.SILENT, Mode.SILENT_DOWN)),
        ):
            if self.mode in modes:
                pipe.open.clear()
            else:
                pipe.open.set()

    def _delay(self) -> float:
        return self.seconds if self.mode is Mode.DELAY else 0.0

    def _look(self, connection: Connection, data: bytes) -> bytes:
        at = connection.requests.find_commit(data)
        if at is None:
            return data
        self.commits += 1
        if self.mode is Mode.LOSE_ANSWERS:
            self.lost += 1
            connection.down.lost = True
        elif self.mode is Mode.LOSE_COMMITS:
            self.lost += 1
            connection.up.lost = True
            return data[:at]
        return data


class Proxies:
    """Proxies in a thread of their own. All methods may be called from any other thread."""

    def __init__(self, ways: Sequence[tuple[int, int]]) -> None:
        """`ways`: ports to listen on, and to pass on to."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self.each = [Proxy(*way) for way in ways]

    def start(self) -> None:
        self._thread.start()

        async def start() -> None:
            for proxy in self.each:
                proxy.start()

        self._call(start())

    def switch(self, mode: Mode, seconds: float = 0, only: Sequence[int] | None = None) -> None:
        """A mode for all or `only` some of the proxies. `seconds`: of delay."""

        async def switch() -> None:
            for at in range(len(self.each)) if only is None else only:
                self.each[at].switch(mode, seconds)

        self._call(switch())

    def heal(self, *, late: bool = False) -> None:
        """Everything passes again. `late`: bytes that were held back are still delivered, also of clients long gone."""

        async def heal() -> None:
            for proxy in self.each:
                proxy.heal(late=late)

        self._call(heal())

    @property
    def commits(self) -> int:
        return sum(proxy.commits for proxy in self.each)

    @property
    def lost(self) -> int:
        return sum(proxy.lost for proxy in self.each)

    def end(self) -> None:
        if not self._thread.is_alive():
            return

        async def end() -> None:
            for proxy in self.each:
                await proxy.end()

        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()

    def _call(self, work: Awaitable[None]) -> None:
        asyncio.run_coroutine_threadsafe(_await(work), self._loop).result(CALL_SECONDS)


async def _await(work: Awaitable[None]) -> None:
    await work
