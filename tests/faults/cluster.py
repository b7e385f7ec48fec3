"""Three real brokers on loopback, each of which can be killed, stopped and started again, and a network to fail.

Brokers reach each other directly, as do the tests through `bootstrap_servers`. Clients of `client_servers` are told
to go through proxies, one for each broker.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaError

from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.partitions import leaders
from lodestream.kafka.ports import free_ports
from proxy import Proxies

CLUSTER_ID: Final = "LodestreamTestCluster0"
BROKERS: Final = 3
HEAP_MB: Final = 400
ASK_SECONDS: Final = 5.0

_COPIES: Final = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "unclean.leader.election.enable": "false",
    # A stopped broker (SIGSTOP) is missed after this, a killed one at once.
    "broker.session.timeout.ms": "6000",
    "broker.heartbeat.interval.ms": "1000",
    "replica.lag.time.max.ms": "5000",
}

T = TypeVar("T")


class Cluster:
    """Brokers 0 to 2; every topic has three copies, of which two must have a record before it counts as written."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(4 * BROKERS)
        self._direct, behind, controllers, self._proxied = (ports[at::4] for at in range(4))
        self.proxies = Proxies(list(zip(self._proxied, behind, strict=True)))
        self.brokers = [
            EmbeddedKafka(
                folder / f"broker-{at}",
                port,
                HEAP_MB,
                cluster_id=CLUSTER_ID,
                properties=_properties(at, port, behind[at], self._proxied[at], controllers),
            )
            for at, port in enumerate(self._direct)
        ]
        self._stopped: set[int] = set()
        self._pool = ThreadPoolExecutor(BROKERS, thread_name_prefix="brokers")
        self._starting: dict[int, Future[None]] = {}

    @property
    def bootstrap_servers(self) -> str:
        """Of brokers that are reached directly, whatever the network does."""
        return ",".join(f"127.0.0.1:{port}" for port in self._direct)

    @property
    def client_servers(self) -> str:
        """Of brokers behind the proxies."""
        return ",".join(f"127.0.0.1:{port}" for port in self._proxied)

    def start(self) -> None:
        """All at once: no one is ready before two are."""
        self.proxies.start()
        self.restart_soon(*range(BROKERS))
        self.wait()

    def kill(self, *some: int) -> None:
        """As a power cut would. They stay away until they are started again."""
        for at in some:
            self.go_on(at)
            self.brokers[at].kill()

    def restart(self, at: int) -> None:
        self.restart_soon(at)
        self.wait()

    def restart_soon(self, *some: int) -> None:
        """Starts brokers and does not wait for them: that takes seconds, and one alone is never ready."""
        for at in some:
            self._starting[at] = self._pool.submit(self.brokers[at].start)

    def wait(self) -> None:
        """Until all that were started are up. Raises what kept one from starting."""
        starting, self._starting = self._starting, {}
        for each in starting.values():
            each.result()

    def starting(self) -> bool:
        return any(not each.done() for each in self._starting.values())

    def shut_down(self, at: int) -> None:
        """A clean stop, as in a rolling restart: leaders move away first."""
        self.brokers[at].stop()

    def stop(self, at: int) -> None:
        """SIGSTOP: it holds its connections and answers nothing."""
        os.kill(self.brokers[at].pid, signal.SIGSTOP)
        self._stopped.add(at)

    def go_on(self, at: int) -> None:
        if at in self._stopped:
            self._stopped.discard(at)
            os.kill(self.brokers[at].pid, signal.SIGCONT)

    def heal(self) -> None:
        """All brokers up, nothing stopped, the network open."""
        self.proxies.heal()
        for at in range(BROKERS):
            self.go_on(at)
        self.wait()
        self.restart_soon(*(at for at in range(BROKERS) if not self.brokers[at].running))
        self.wait()

    def leader(self, topic: str, partition: int) -> int | None:
        """Which broker leads a partition; None when that cannot be learned now."""

        async def ask(client: AIOKafkaClient) -> int:
            return (await leaders(client, topic, [partition]))[partition] - 1

        return self._ask(ask)

    def transaction_coordinator(self, transactional_id: str) -> int | None:
        return self._ask(lambda client: _coordinator(client, CoordinationType.TRANSACTION, transactional_id))

    def group_coordinator(self, group: str) -> int | None:
        return self._ask(lambda client: _coordinator(client, CoordinationType.GROUP, group))

    def _ask(self, question: Callable[[AIOKafkaClient], Awaitable[T]]) -> T | None:
        async def ask() -> T:
            client = AIOKafkaClient(bootstrap_servers=self.bootstrap_servers)
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    await client.bootstrap()
                    return await question(client)
            finally:
                await client.close()

        try:
            return asyncio.run(ask())
        except (KafkaError, TimeoutError):
            return None

    def end(self) -> None:
        for at in range(BROKERS):
            self.go_on(at)
        list(self._pool.map(EmbeddedKafka.stop, self.brokers))
        self._pool.shutdown()
        self.proxies.end()


async def _coordinator(client: AIOKafkaClient, kind: Any, key: str) -> int:
    node: int = await client.coordinator_lookup(kind, key)
    return node - 1


def _properties(at: int, direct: int, behind: int, proxied: int, controllers: Sequence[int]) -> Mapping[str, str]:
    voters = ",".join(f"{number + 1}@127.0.0.1:{each}" for number, each in enumerate(controllers))
    address = f"PLAINTEXT://127.0.0.1:{direct}"
    return {
        **_COPIES,
        "node.id": str(at + 1),
        "controller.quorum.voters": voters,
        "listeners": f"{address},CLIENT://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controllers[at]}",
        "advertised.listeners": f"{address},CLIENT://127.0.0.1:{proxied}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
