"""What one broker needs to be told: `server.properties` for a single node that is broker and controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lodestream.topics import MESSAGE_MAX_BYTES

NODE_ID: Final = 1
LISTENER: Final = "PLAINTEXT"

# One broker, so one copy of everything, and few partitions of the internal topics: each is a folder, an index and
# a log to open at every start.
_SINGLE: Final = {
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "num.partitions": "4",
}

_BEHAVIOUR: Final = {
    # A topic that a typing error names must be an error, not a topic.
    "auto.create.topics.enable": "false",
    # There is no fleet of consumers to wait for at the first start.
    "group.initial.rebalance.delay.ms": "0",
    # An 8 MiB document with its headers; followers and consumers must be able to fetch what producers may write.
    "message.max.bytes": str(MESSAGE_MAX_BYTES),
    "replica.fetch.max.bytes": str(MESSAGE_MAX_BYTES),
    "replica.fetch.response.max.bytes": str(2 * MESSAGE_MAX_BYTES),
    "socket.request.max.bytes": str(64 * 1024 * 1024),
    # Clients ask for 15-30 s. Abandoned transactions are looked for every second (default 10 s), so that an open
    # one hides later records no longer than its own time-out.
    "transaction.max.timeout.ms": "120000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # Old segments go within a minute of their retention, not five: disks of laptops are small.
    "log.retention.check.interval.ms": "60000",
    "log.segment.bytes": str(128 * 1024 * 1024),
    "group.min.session.timeout.ms": "1000",
    # After a kill the controller, in the same process, waits this long for the broker that it thinks still lives
    # (default 9 s). A node stalled for longer is only without leaders until its next heartbeat.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


@dataclass(frozen=True, slots=True)
class Listener:
    """An additional listener: its security protocol and its port on 127.0.0.1."""

    protocol: str
    port: int


def server_properties(
    data_dir: Path, *, port: int, controller_port: int, listeners: Mapping[str, Listener] | None = None
) -> dict[str, str]:
    """All properties of a single node that listens on 127.0.0.1 only, in plain text and as `listeners` say."""
    clients = {LISTENER: Listener("PLAINTEXT", port), **(listeners or {})}
    addresses = [f"{name}://127.0.0.1:{listener.port}" for name, listener in clients.items()]
    protocols = [f"{name}:{listener.protocol}" for name, listener in clients.items()]
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE_ID),
        "controller.quorum.voters": f"{NODE_ID}@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join([*addresses, f"CONTROLLER://127.0.0.1:{controller_port}"]),
        "advertised.listeners": ",".join(addresses),
        "listener.security.protocol.map": ",".join([*protocols, "CONTROLLER:PLAINTEXT"]),
        "inter.broker.listener.name": LISTENER,
        "log.dirs": str(data_dir / "kafka"),
        **_SINGLE,
        **_BEHAVIOUR,
    }


def render(properties: Mapping[str, str]) -> str:
    """Properties as Java reads them: `key=value` lines, backslashes and non-ASCII escaped."""
    return "".join(f"{key}={_escaped(value)}\n" for key, value in properties.items())


def _escaped(value: str) -> str:
    text = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    if text[:1] in {" ", "\t"}:
        text = "\\" + text
    return "".join(char if " " <= char <= "~" or char == "\t" else _unicode(char) for char in text)


def _unicode(char: str) -> str:
    r"""`\uXXXX` for each UTF-16 unit: Java's properties are Latin-1."""
    raw = char.encode("utf-16-be")
    return "".join(f"\\u{raw[i]:02x}{raw[i + 1]:02x}" for i in range(0, len(raw), 2))
