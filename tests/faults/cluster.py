"""Three real brokers on loopback, each of which can be killed, stopped and started again."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.ports import free_ports

CLUSTER_ID: Final = "LodestreamTestCluster0"
BROKERS: Final = 3
HEAP_MB: Final = 400

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


class Cluster:
    """Brokers 0 to 2; every topic has three copies, of which two must have a record before it counts as written."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(2 * BROKERS)
        self._ports, controllers = ports[:BROKERS], ports[BROKERS:]
        self.brokers = [
            EmbeddedKafka(
                folder / f"broker-{at}",
                port,
                HEAP_MB,
                cluster_id=CLUSTER_ID,
                properties=_properties(at, port, controllers),
            )
            for at, port in enumerate(self._ports)
        ]
        self._stopped: set[int] = set()

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self._ports)

    def start(self) -> None:
        """All at once: no one is ready before two are."""
        with ThreadPoolExecutor(BROKERS) as pool:
            list(pool.map(EmbeddedKafka.start, self.brokers))

    def kill(self, at: int) -> None:
        """As a power cut would. It stays away until `restart`."""
        self.brokers[at].kill()

    def restart(self, at: int) -> None:
        self.brokers[at].start()

    def stop(self, at: int) -> None:
        """SIGSTOP: it holds its connections and answers nothing."""
        os.kill(self.brokers[at].pid, signal.SIGSTOP)
        self._stopped.add(at)

    def go_on(self, at: int) -> None:
        if at in self._stopped:
            self._stopped.discard(at)
            os.kill(self.brokers[at].pid, signal.SIGCONT)

    def end(self) -> None:
        for at in range(BROKERS):
            self.go_on(at)
        with ThreadPoolExecutor(BROKERS) as pool:
            list(pool.map(EmbeddedKafka.stop, self.brokers))


def _properties(at: int, port: int, controllers: list[int]) -> Mapping[str, str]:
    voters = ",".join(f"{number + 1}@127.0.0.1:{each}" for number, each in enumerate(controllers))
    address = f"PLAINTEXT://127.0.0.1:{port}"
    return {
        **_COPIES,
        "node.id": str(at + 1),
        "controller.quorum.voters": voters,
        "listeners": f"{address},CONTROLLER://127.0.0.1:{controllers[at]}",
        "advertised.listeners": address,
    }
