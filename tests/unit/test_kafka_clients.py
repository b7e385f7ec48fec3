"""From settings to the arguments of Kafka clients, and from what goes wrong to one clear line."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from lodestream.errors import LodestreamError
from lodestream.kafka.clients import clear_errors, client_arguments, reachable
from lodestream.kafka.ports import free_ports
from lodestream.settings import Settings, load

PHRASE = "hunter2"
LOGIN: dict[str, object] = {"sasl_username": "reader", "sasl_password": PHRASE}


def test_plain_text_needs_nothing_but_addresses() -> None:
    assert client_arguments(load(bootstrap_servers="a:1, b.example:9092 ,[::1]:3")) == {
        "bootstrap_servers": ["a:1", "b.example:9092", "[::1]:3"],
        "security_protocol": "PLAINTEXT",
    }


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
def test_tls_checks_certificate_and_host_name(protocol: str) -> None:
    context = client_arguments(load(security_protocol=protocol, **LOGIN))["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_goes_with_sasl_over_tls(mechanism: str) -> None:
    arguments = client_arguments(load(security_protocol="SASL_SSL", sasl_mechanism=mechanism, **LOGIN))
    assert arguments["sasl_mechanism"] == mechanism
    assert arguments["sasl_plain_username"] == "reader"
    assert arguments["sasl_plain_password"] == PHRASE


def test_the_password_shows_in_no_repr() -> None:
    arguments = client_arguments(load(security_protocol="SASL_SSL", **LOGIN))
    assert PHRASE not in repr(arguments)
    assert PHRASE not in f"{arguments!r} {arguments}"


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"bootstrap_servers": " , "}, "LODESTREAM_BOOTSTRAP_SERVERS"),
        ({"bootstrap_servers": "kafka"}, "LODESTREAM_BOOTSTRAP_SERVERS: 'kafka'"),
        ({"bootstrap_servers": "kafka:0"}, "LODESTREAM_BOOTSTRAP_SERVERS: 'kafka:0'"),
        ({"bootstrap_servers": "kafka:port"}, "LODESTREAM_BOOTSTRAP_SERVERS: 'kafka:port'"),
        ({"bootstrap_servers": ":9092"}, "LODESTREAM_BOOTSTRAP_SERVERS: ':9092'"),
        ({"security_protocol": "SASL_PLAINTEXT", **LOGIN}, "LODESTREAM_SASL_WITHOUT_TLS"),
        ({"security_protocol": "SASL_SSL", "sasl_password": "x"}, "LODESTREAM_SASL_USERNAME"),
        ({"security_protocol": "SASL_SSL", "sasl_username": "x"}, "LODESTREAM_SASL_PASSWORD"),
        ({"security_protocol": "SASL_SSL", "sasl_username": "x", "sasl_password": ""}, "LODESTREAM_SASL_PASSWORD"),
        ({"security_protocol": "SSL", "tls_ca_file": "/does/not/exist"}, "LODESTREAM_TLS_CA_FILE"),
        ({"security_protocol": "SSL", "tls_ca_file": __file__}, "LODESTREAM_TLS_CA_FILE"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_name_of_the_setting(overrides: dict[str, object], named: str) -> None:
    with pytest.raises(LodestreamError, match=named) as error:
        client_arguments(load(**overrides))
    assert "\n" not in str(error.value)
    assert PHRASE not in str(error.value)


def test_sasl_without_tls_can_be_allowed() -> None:
    arguments = client_arguments(load(security_protocol="SASL_PLAINTEXT", sasl_without_tls=True, **LOGIN))
    assert arguments["security_protocol"] == "SASL_PLAINTEXT"
    assert "ssl_context" not in arguments


@asynccontextmanager
async def server(*, silent: bool) -> AsyncIterator[Settings]:
    """A server that is no broker: it never answers, or ends each connection."""
    served: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())
        if silent:
            await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield load(bootstrap_servers=f"127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        await asyncio.gather(*(task for task in served if task is not None))


async def test_nobody_there_is_an_error_within_the_timeout() -> None:
    begin = time.monotonic()
    with pytest.raises(
        LodestreamError, match=r"no Kafka broker answers at 127\.0\.0\.1:\d+: the connection is refused"
    ):
        await reachable(load(bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}"), 0.5)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(("silent", "why"), [(True, "no answer in time"), (False, "LODESTREAM_SECURITY_PROTOCOL")])
async def test_something_else_there_is_an_error_within_the_timeout(*, silent: bool, why: str) -> None:
    async with server(silent=silent) as settings:
        with pytest.raises(LodestreamError, match=why):
            await reachable(settings, 0.5)


async def test_a_name_that_does_not_resolve_is_an_error() -> None:
    with pytest.raises(LodestreamError, match=r"no Kafka broker answers at nowhere\.invalid:9092"):
        await reachable(load(bootstrap_servers="nowhere.invalid:9092"), 0.2)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (SaslAuthenticationFailed("bad credentials"), "refuses the login of 'reader'"),
        (TopicAuthorizationFailedError("p.raw"), "does not permit it: TopicAuthorizationFailedError"),
        (KafkaConnectionError("Unable to bootstrap"), "no Kafka broker answers at k:1"),
        (UnknownTopicOrPartitionError(), "Kafka answers with an error: UnknownTopicOrPartitionError"),
    ],
)
def test_kafka_errors_become_one_line(error: KafkaError, text: str) -> None:
    settings = load(bootstrap_servers="k:1", **LOGIN)
    with pytest.raises(LodestreamError) as clear, clear_errors(settings):
        raise error
    assert text in str(clear.value)
    assert "\n" not in str(clear.value)


def test_own_errors_pass_unchanged() -> None:
    own = LodestreamError("mine")
    with pytest.raises(LodestreamError) as passed, clear_errors(load()):
        raise own
    assert passed.value is own


def test_a_ca_file_replaces_the_trust_of_the_system(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(LodestreamError, match="no certificate"):
        client_arguments(load(security_protocol="SSL", tls_ca_file=str(empty)))
