"""TLS and login against a real broker: the right ones work, each wrong one is one clear error, soon."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from lodestream.errors import LodestreamError
from lodestream.kafka.admin import apply_topics, check_topics
from lodestream.kafka.clients import client_arguments, reachable
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.kafka.java import java_executable
from lodestream.settings import Settings, load

PHRASE = "correct horse, battery = staple"
KEYSTORE_PHRASE = "changeit"


class Secured(NamedTuple):
    """A broker with a listener for TLS and login, one for TLS only, and the certificates to know them by."""

    broker: EmbeddedKafka
    ca_file: Path
    wrong_host_ca_file: Path


def certificate(folder: Path, name: str, alternative: str) -> tuple[Path, Path]:
    """A self-signed certificate for a name: a PKCS 12 key store and the certificate as PEM."""
    keytool = str(java_executable().with_name("keytool"))
    store, pem = folder / f"{name}.p12", folder / f"{name}.pem"
    common = ["-keystore", str(store), "-storetype", "PKCS12", "-storepass", KEYSTORE_PHRASE, "-alias", name]
    make = ["-genkeypair", "-keyalg", "EC", "-dname", f"CN={name}", "-validity", "2", "-ext", f"SAN={alternative}"]
    subprocess.run([keytool, *make, *common], check=True, capture_output=True)
    subprocess.run([keytool, "-exportcert", "-rfc", "-file", str(pem), *common], check=True, capture_output=True)
    return store, pem


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, prepared_broker: None) -> Iterator[Secured]:  # noqa: ARG001
    folder = tmp_path_factory.mktemp("tls")
    store, pem = certificate(folder, "right", "ip:127.0.0.1")
    other_store, other_pem = certificate(folder, "elsewhere", "dns:kafka.example")

    def keystore(listener: str, path: Path) -> dict[str, str]:
        prefix = f"listener.name.{listener.lower()}.ssl.keystore"
        return {f"{prefix}.location": str(path), f"{prefix}.password": KEYSTORE_PHRASE, f"{prefix}.type": "PKCS12"}

    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    properties = {
        **keystore("SECURE", store),
        **keystore("ELSEWHERE", other_store),
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.secure.plain.sasl.jaas.config": f'{login} user_reader="{PHRASE}";',
    }
    listeners = {"SECURE": "SASL_SSL", "ELSEWHERE": "SSL"}
    with EmbeddedKafka(listeners=listeners, properties=properties) as broker:
        yield Secured(broker, pem, other_pem)


def login(secured: Secured, **overrides: object) -> Settings:
    """Settings that are right, but for the overrides."""
    right: dict[str, object] = {
        "bootstrap_servers": secured.broker.address("SECURE"),
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_username": "reader",
        "sasl_password": PHRASE,
        "tls_ca_file": secured.ca_file,
    }
    return load(**right | overrides)


async def test_the_right_login_works_for_every_client(secured: Secured, prefix: str) -> None:
    settings = login(secured, topic_prefix=prefix)
    await reachable(settings, 5)
    await apply_topics(settings)
    assert await check_topics(settings) == []
    topic = settings.topic("raw")
    async with (
        AIOKafkaProducer(transactional_id=prefix, **client_arguments(settings)) as producer,
        producer.transaction(),
    ):
        await producer.send_and_wait(topic, b"secret")
    async with AIOKafkaConsumer(topic, auto_offset_reset="earliest", **client_arguments(settings)) as consumer:
        assert (await asyncio.wait_for(consumer.getone(), 30)).value == b"secret"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"sasl_password": "wrong phrase"}, "refuses the login of 'reader'"),
        ({"sasl_username": "nobody"}, "refuses the login of 'nobody'"),
        ({"sasl_mechanism": "SCRAM-SHA-512"}, "does not offer LODESTREAM_SASL_MECHANISM=SCRAM-SHA-512"),
        ({"tls_ca_file": None}, "is not trusted: self"),
        ({"security_protocol": "PLAINTEXT"}, "LODESTREAM_SECURITY_PROTOCOL=PLAINTEXT"),
        ({"security_protocol": "SASL_PLAINTEXT", "sasl_without_tls": True}, "SECURITY_PROTOCOL=SASL_PLAINTEXT"),
    ],
)
async def test_what_is_wrong_is_one_clear_error(secured: Secured, overrides: dict[str, object], says: str) -> None:
    settings = login(secured, **overrides)
    begin = time.monotonic()
    with pytest.raises(LodestreamError) as error:
        await reachable(settings, 3)
    assert time.monotonic() - begin < 15
    text = str(error.value)
    assert says in text
    assert "\n" not in text
    assert "phrase" not in text
    assert PHRASE not in text


async def test_a_certificate_for_another_host_is_refused(secured: Secured) -> None:
    settings = load(
        bootstrap_servers=secured.broker.address("ELSEWHERE"),
        security_protocol="SSL",
        tls_ca_file=secured.wrong_host_ca_file,
    )
    with pytest.raises(LodestreamError, match="is not trusted: IP address mismatch"):
        await reachable(settings, 3)


async def test_tls_to_a_port_without_it_is_one_clear_error(secured: Secured) -> None:
    settings = login(secured, bootstrap_servers=secured.broker.bootstrap_servers)
    with pytest.raises(LodestreamError, match="LODESTREAM_SECURITY_PROTOCOL=SASL_SSL right"):
        await reachable(settings, 1)
