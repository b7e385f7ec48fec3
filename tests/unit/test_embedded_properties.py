"""What the embedded broker is told, and its ports."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.kafka.java import explain
from lodestream.kafka.ports import free_ports, is_free
from lodestream.kafka.properties import Listener, render, server_properties
from lodestream.topics import MESSAGE_MAX_BYTES


@pytest.fixture
def properties() -> dict[str, str]:
    return server_properties(Path("/data"), port=1111, controller_port=2222)


def test_it_listens_on_the_loopback_only(properties: dict[str, str]) -> None:
    secured = server_properties(
        Path("/data"), port=1111, controller_port=2222, listeners={"SECURE": Listener("SASL_SSL", 3333)}
    )
    for values in (properties, secured):
        for key in ("listeners", "advertised.listeners"):
            hosts = re.findall(r"//([^:]*):", values[key])
            assert hosts
            assert set(hosts) == {"127.0.0.1"}
    assert secured["listeners"] == "PLAINTEXT://127.0.0.1:1111,SECURE://127.0.0.1:3333,CONTROLLER://127.0.0.1:2222"
    assert secured["listener.security.protocol.map"] == "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT"


def test_a_single_node_asks_for_one_copy_of_everything(properties: dict[str, str]) -> None:
    copies = {key: value for key, value in properties.items() if key.endswith(("replication.factor", "min.isr"))}
    assert len(copies) == 6
    assert set(copies.values()) == {"1"}
    assert properties["min.insync.replicas"] == "1"


def test_what_may_be_written_can_be_fetched(properties: dict[str, str]) -> None:
    assert int(properties["message.max.bytes"]) == MESSAGE_MAX_BYTES
    assert int(properties["replica.fetch.max.bytes"]) >= MESSAGE_MAX_BYTES
    assert int(properties["socket.request.max.bytes"]) > MESSAGE_MAX_BYTES


def test_no_topic_is_created_by_naming_it(properties: dict[str, str]) -> None:
    assert properties["auto.create.topics.enable"] == "false"


def java_reads(text: str) -> dict[str, str]:
    """`java.util.Properties.load`, as far as rendered text goes: no comments, no continued lines."""
    read = {}
    for line in text.splitlines():
        key, value = line.split("=", 1)
        value = value.lstrip(" \t\f")
        units = re.sub(
            r"\\(u[0-9a-f]{4}|.)",
            lambda match: (
                chr(int(match[1][1:], 16)) if len(match[1]) == 5 else {"n": "\n", "r": "\r"}.get(match[1], match[1])
            ),
            value,
        )
        read[key] = units.encode("utf-16", "surrogatepass").decode("utf-16")
    return read


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?", fullmatch=True), st.text(max_size=40), max_size=5))
def test_java_reads_what_was_rendered(properties: dict[str, str]) -> None:
    text = render(properties)
    assert text.isascii()
    assert java_reads(text) == properties


def test_free_ports_are_different_free_and_not_for_outgoing_connections() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)
    with socket.create_server(("127.0.0.1", 0)) as server:
        outgoing = [socket.create_connection(server.getsockname()) for _ in range(20)]
        lowest = min(connection.getsockname()[1] for connection in outgoing)
        for connection in outgoing:
            connection.close()
    assert max(ports) < lowest


def test_a_port_on_which_somebody_listens_is_not_free() -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
    assert is_free(port)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", "it said nothing"),
        ("java.io.IOException: No space left on device\n\tat a.b(C.java:1)\n", "the disk is full (java.io.IOException"),
        ("java.nio.file.AccessDeniedException: /x/y\n", "the data folder is not writable ("),
        ("x Failed to acquire lock on file .lock in /x.\n", "the data folder is in use by another broker ("),
        ("java.net.BindException: Address already in use\n", "its port is taken ("),
        ("WARNING: sun\nSLF4J: bla\nreason one\n\tat x.y(Z.java)\nreason two\n... 3 more\n", "reason one | reason two"),
    ],
)
def test_the_output_of_java_becomes_one_line(output: str, expected: str) -> None:
    line = explain(output)
    assert line.startswith(expected)
    assert "\n" not in line
    assert "\tat " not in line
