"""From settings to what aiokafka's clients take: the one place where addresses, TLS and SASL are put together."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)

from lodestream.errors import LodestreamError
from lodestream.settings import Settings

_RETRY_SECONDS = 0.2
_FINISH_SECONDS = 1.0
_ASK_SECONDS = 5.0  # one try: a broker that is there answers in milliseconds

_REFUSED = (SaslAuthenticationFailed, IllegalSaslStateError)
_NO_PERMISSION = (
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
_NOBODY = (KafkaConnectionError, NodeNotReadyError, RequestTimedOutError)


class Secret(str):
    """A string that does not show itself in a `repr`, and so not in that of the arguments around it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


def client_arguments(settings: Settings) -> dict[str, Any]:
    """Arguments for `AIOKafkaConsumer`, `AIOKafkaProducer`, `AIOKafkaAdminClient` and `AIOKafkaClient`.

    Raises `LodestreamError` that names the setting when something is missing, does not fit, or would send a
    password over an open line.
    """
    protocol = settings.security_protocol
    arguments: dict[str, Any] = {"bootstrap_servers": _servers(settings), "security_protocol": protocol}
    if protocol in {"SSL", "SASL_SSL"}:
        arguments["ssl_context"] = _tls(settings)
    if protocol == "SASL_PLAINTEXT" and not settings.sasl_without_tls:
        raise LodestreamError(
            "LODESTREAM_SECURITY_PROTOCOL: SASL_PLAINTEXT sends the login without TLS; use SASL_SSL, or allow it with "
            "LODESTREAM_SASL_WITHOUT_TLS=true"
        )
    if protocol in {"SASL_SSL", "SASL_PLAINTEXT"}:
        if not settings.sasl_username:
            raise LodestreamError(f"LODESTREAM_SASL_USERNAME: needed with {protocol}")
        if settings.sasl_password is None or not settings.sasl_password.get_secret_value():
            raise LodestreamError(f"LODESTREAM_SASL_PASSWORD: needed with {protocol}")
        arguments["sasl_mechanism"] = settings.sasl_mechanism
        arguments["sasl_plain_username"] = settings.sasl_username
        arguments["sasl_plain_password"] = Secret(settings.sasl_password.get_secret_value())
    return arguments


async def reachable(settings: Settings, timeout_seconds: float = 10.0) -> None:
    """Returns once a bootstrap server has answered, TLS and login included.

    Keeps trying until the timeout while nobody answers: a broker may be starting. A wrong login or certificate
    does not get better and is an error at once. Raises `LodestreamError` with one clear line.
    """
    arguments = client_arguments(settings)
    hosts = collect_hosts(arguments.pop("bootstrap_servers"))
    deadline = time.monotonic() + timeout_seconds
    while True:
        last: Exception | None = None
        for host, port, _ in hosts:
            left = max(0.1, min(_ASK_SECONDS, deadline - time.monotonic()))
            try:
                connection = await create_conn(host, port, request_timeout_ms=int(left * 1000), **arguments)
                closed = connection.close()
            except (OSError, KafkaError) as error:
                final = _final(error, settings)
                if final is not None:
                    raise final from error
                last = error
            else:
                await closed
                return
        if time.monotonic() + _RETRY_SECONDS >= deadline:
            raise _unreachable(settings, last) from last
        await asyncio.sleep(_RETRY_SECONDS)


async def started(start: Coroutine[Any, Any, None]) -> None:
    """Awaits a client's `start` or `bootstrap`; a cancellation first lets it finish, for a second at most.

    Cancelled while it bootstraps, aiokafka forgets its connection open. Started, it can be stopped as usual.
    """
    task = asyncio.ensure_future(start)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_FINISH_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


@contextmanager
def clear_errors(settings: Settings) -> Iterator[None]:
    """Turns what aiokafka raises into a `LodestreamError` with one clear line."""
    try:
        yield
    except KafkaError as error:
        final = _final(error, settings)
        if final is not None:
            raise final from error
        if isinstance(error, _NOBODY):
            raise _unreachable(settings, error) from error
        raise LodestreamError(f"Kafka answers with an error: {type(error).__name__}: {error}") from error


def _servers(settings: Settings) -> list[str]:
    servers = [server.strip() for server in settings.bootstrap_servers.split(",") if server.strip()]
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise LodestreamError(f"LODESTREAM_BOOTSTRAP_SERVERS: {server!r} is not host:port")
    if not servers:
        raise LodestreamError("LODESTREAM_BOOTSTRAP_SERVERS: names no broker")
    return servers


def _tls(settings: Settings) -> ssl.SSLContext:
    """Certificates and host names are checked, TLS 1.2 is the least: the defaults of Python's client context."""
    ca_file = settings.tls_ca_file
    try:
        return ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca_file)
    except ssl.SSLError:
        raise LodestreamError(f"LODESTREAM_TLS_CA_FILE: {ca_file} holds no certificate in PEM format") from None
    except OSError as error:
        raise LodestreamError(f"LODESTREAM_TLS_CA_FILE: cannot read {ca_file}: {error.strerror or error}") from None


def _final(error: BaseException, settings: Settings) -> LodestreamError | None:
    """The error when trying again cannot help, or None."""
    where = settings.bootstrap_servers
    if isinstance(error, _REFUSED):
        return LodestreamError(f"Kafka at {where} refuses the login of {settings.sasl_username!r}: {error}")
    if isinstance(error, UnsupportedSaslMechanismError):
        return LodestreamError(f"Kafka at {where} does not offer LODESTREAM_SASL_MECHANISM={settings.sasl_mechanism}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return LodestreamError(f"the certificate of Kafka at {where} is not trusted: {error.verify_message}")
    if isinstance(error, _NO_PERMISSION):
        return LodestreamError(f"Kafka at {where} does not permit it: {type(error).__name__}: {error}")
    return None


def _unreachable(settings: Settings, error: Exception | None) -> LodestreamError:
    why = ""
    if isinstance(error, ConnectionRefusedError):
        why = ": the connection is refused"
    elif isinstance(error, TimeoutError | RequestTimedOutError):
        why = ": no answer in time"
    elif isinstance(error, ssl.SSLError | ConnectionResetError) or "closed" in str(error):
        why = f": it ends the connection; is LODESTREAM_SECURITY_PROTOCOL={settings.security_protocol} right?"
    elif isinstance(error, OSError):
        why = f": {error.strerror or error}"
    return LodestreamError(f"no Kafka broker answers at {settings.bootstrap_servers}{why}")
