"""The embedded Kafka as a process: starts, keeps its data, ends with whoever started it, says what is wrong."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from lodestream.errors import BrokerError
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.ports import free_ports, is_free
from lodestream.kafka.wire import ask_cluster

pytestmark = pytest.mark.usefixtures("prepared_broker")


def gone(pid: int, seconds: float = 30.0) -> bool:
    """Whether a process ends in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


async def write(bootstrap: str, topic: str, *values: bytes, create: bool) -> None:
    if create:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(topic, 1, 1)])
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    values: list[bytes | None] = []
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        while len(values) < count:
            values.append((await consumer.getone()).value)
    return values


async def test_records_survive_a_kill_on_the_same_port_and_a_stop_removes_the_data() -> None:
    broker = EmbeddedKafka()
    broker.start()
    try:
        pid, address, folder = broker.pid, broker.bootstrap_servers, broker.data_dir
        await write(address, "t", b"one", b"two", create=True)
        broker.kill()
        assert gone(pid, 1)
        assert not broker.running
        with pytest.raises(BrokerError, match="does not run"):
            _ = broker.pid
        broker.start()
        assert broker.bootstrap_servers == address
        assert broker.pid != pid
        await write(address, "t", b"three", create=False)
        assert await read(address, "t", 3) == [b"one", b"two", b"three"]
        pid = broker.pid
    finally:
        broker.stop()
    assert gone(pid, 1)
    assert not folder.exists()
    broker.stop()


async def test_a_data_folder_is_kept_for_the_next_broker_and_locked_for_others(tmp_path: Path) -> None:
    folder = tmp_path / "data of a brokér"
    with EmbeddedKafka(folder) as broker:
        await write(broker.bootstrap_servers, "t", b"kept", create=True)
        port = int(broker.bootstrap_servers.rpartition(":")[2])
        with pytest.raises(BrokerError, match=r"in use by another broker$"), EmbeddedKafka(folder):
            pass
        with pytest.raises(BrokerError, match=f"port {port} is taken"), EmbeddedKafka(tmp_path / "other", port):
            pass
        assert ask_cluster("127.0.0.1", port, 5).brokers == 1
    with EmbeddedKafka(folder) as broker:
        assert await read(broker.bootstrap_servers, "t", 1) == [b"kept"]


def test_it_listens_on_the_loopback_only(kafka: EmbeddedKafka) -> None:
    listening = [item.laddr.ip for item in psutil.Process(kafka.pid).net_connections() if item.status == "LISTEN"]
    assert len(listening) == 2
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_two_brokers_run_side_by_side(kafka: EmbeddedKafka) -> None:
    with EmbeddedKafka() as other:
        assert other.bootstrap_servers != kafka.bootstrap_servers
        ids = [
            ask_cluster("127.0.0.1", int(broker.bootstrap_servers.rpartition(":")[2]), 5).cluster_id
            for broker in (kafka, other)
        ]
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("properties", "flags", "says"),
    [
        ({"num.partitions": "many"}, (), "num.partitions"),
        ({}, ("-XX:NoSuchFlag=1",), "NoSuchFlag"),
        ({"compression.type": "nonsense"}, (), "compression.type"),
    ],
)
def test_a_broker_that_dies_at_its_start_says_why_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, properties: dict[str, str], flags: tuple[str, ...], says: str
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(BrokerError) as error, EmbeddedKafka(properties=properties, flags=flags):
        pass
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("lodestream-kafka-*"))


@pytest.mark.parametrize("name", ["file/data", "with,comma"])
def test_a_data_folder_that_cannot_be_one_line_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match=re.escape(str(tmp_path / name))) as error, EmbeddedKafka(tmp_path / name):
        pass
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "server.properties").symlink_to("/dev/full")
    with pytest.raises(BrokerError, match="No space left on device"), EmbeddedKafka(folder):
        pass


def test_a_port_is_chosen_again_when_somebody_was_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_ports(1)[0])) as server:
        taken = server.getsockname()[1]
        answers = [[free_ports(1)[0], taken]]
        monkeypatch.setattr(
            "lodestream.kafka.embedded.free_ports", lambda count: answers.pop() if answers else free_ports(count)
        )
        with EmbeddedKafka() as broker:
            assert not answers
            assert broker.bootstrap_servers != f"127.0.0.1:{taken}"


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`lodestream broker …` as a process of its own, killed in the end whatever happens."""
    line = [sys.executable, "-m", "lodestream", "broker", *arguments]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> tuple[int, int]:
    """Port and process id that the command prints when the broker is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.search(r"listens on 127\.0\.0\.1:(\d+) \(process (\d+)", line)
    assert match, line + (process.stderr.read() if process.stderr else "")
    return int(match[1]), int(match[2])


@pytest.mark.parametrize("ctrl_c", [False, True])
def test_the_command_stops_cleanly_at_sigterm_and_at_ctrl_c(*, ctrl_c: bool) -> None:
    """A terminal's Ctrl-C goes to every process of the group, so also to what the command started."""
    with command("--port", "0") as process:
        port, pid = first_line(process)
        assert ask_cluster("127.0.0.1", port, 5).brokers == 1
        if ctrl_c:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.terminate()
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "stopped\n", "")
        assert gone(pid, 0.1)
        assert is_free(port)


def test_the_broker_ends_when_the_command_is_killed(tmp_path: Path) -> None:
    with command("--port", "0", "--data", str(tmp_path / "data")) as process:
        port, pid = first_line(process)
        process.kill()
        assert gone(pid)
        assert is_free(port)
    with command("--port", str(port), "--data", str(tmp_path / "data")) as process:
        assert first_line(process)[0] == port


def test_a_temporary_folder_goes_when_the_command_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with command("--port", "0") as process:
        _, pid = first_line(process)
        assert len(list(tmp_path.iterdir())) == 1
        process.kill()
        assert gone(pid)
        deadline = time.monotonic() + 10
        while list(tmp_path.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not list(tmp_path.iterdir())


def test_the_command_ends_with_an_error_when_the_broker_dies() -> None:
    with command("--port", "0") as process:
        _, pid = first_line(process)
        os.kill(pid, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert err.startswith("lodestream: the broker ended by itself")
        assert len(err.splitlines()) == 1


def test_the_command_names_a_taken_port(kafka: EmbeddedKafka) -> None:
    port = kafka.bootstrap_servers.rpartition(":")[2]
    with command("--port", port) as process:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (1, "")
        assert err == f"lodestream: port {port} is taken: another program listens on 127.0.0.1:{port}\n"
