"""docker-compose.yml: valid, complete, closed to the outside, and its Kafka equal to the embedded one."""

from __future__ import annotations

import base64
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from lodestream.kafka.properties import server_properties

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("lodestream")]


def test_it_is_a_compose_file() -> None:
    assert sorted(PyCompose.from_json(json.dumps(COMPOSE)).service_names()) == sorted(SERVICES)


def test_a_mistake_would_be_found() -> None:
    broken = {**COMPOSE, "services": {"kafka": {"image": "apache/kafka", "port": ["9092:9092"]}}}
    with pytest.raises(ValueError, match="port"):
        PyCompose.from_json(json.dumps(broken))


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_exists_and_can_come_true(name: str) -> None:
    needed = SERVICES[name].get("depends_on", {})
    for other, condition in needed.items() if isinstance(needed, dict) else [(item, {}) for item in needed]:
        assert other in SERVICES
        if condition.get("condition") == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        if condition.get("condition") == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "no"


@pytest.mark.parametrize("name", SERVICES)
def test_mounts_exist_and_volumes_are_declared(name: str) -> None:
    for mount in SERVICES[name].get("volumes", ()):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).is_dir()
            assert mount.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_ports_are_open_to_this_machine_only_and_taken_once() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in published)
    hosts = [port.split(":")[1] for port in published]
    assert len(hosts) == len(set(hosts))


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_has_a_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_change_nothing_but_tmp(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - a mount of the container
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_the_seeds_are_replayed_only_when_asked_for() -> None:
    assert [name for name, service in SERVICES.items() if service.get("profiles")] == ["seeds"]


def as_properties(environment: dict[str, str]) -> dict[str, str]:
    """What the image's start script makes of its environment: KAFKA_LOG_DIRS is log.dirs."""
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    }


def test_kafka_is_set_as_the_embedded_broker_is() -> None:
    ours = as_properties(SERVICES["kafka"]["environment"])
    embedded = server_properties(Path("data"), port=9092, controller_port=9093)
    place = {name for name in embedded if "listener" in name or name in {"log.dirs", "controller.quorum.voters"}}
    assert ours.keys() == embedded.keys()
    assert {name: ours[name] for name in ours.keys() - place} == {
        name: embedded[name] for name in embedded.keys() - place
    }


def test_kafka_is_the_version_that_the_tests_run() -> None:
    coordinates = tomllib.loads((ROOT / "service/lodestream/kafka/broker/jgo.toml").read_text())
    (kafka,) = [item for item in coordinates["dependencies"]["coordinates"] if ":kafka_" in item]
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka.rsplit(':')[-1]}"


def test_clients_reach_a_listener_that_kafka_advertises() -> None:
    properties = as_properties(SERVICES["kafka"]["environment"])
    advertised = dict(item.split("://") for item in properties["advertised.listeners"].split(","))
    listening = dict(item.split("://") for item in properties["listeners"].split(","))
    protocols = dict(item.split(":") for item in properties["listener.security.protocol.map"].split(","))
    assert listening.keys() == protocols.keys() == advertised.keys() | {"CONTROLLER"}
    for name, address in advertised.items():
        assert address.split(":")[1] == listening[name].removeprefix(":")
    for name in OURS:
        assert SERVICES[name]["environment"]["LODESTREAM_BOOTSTRAP_SERVERS"] == advertised["PLAINTEXT"]
    assert advertised["HOST"].split(":")[1] in SERVICES["kafka"]["ports"][0]
    assert advertised["PLAINTEXT"] in SERVICES["kafka"]["healthcheck"]["test"][1]


def test_the_data_of_kafka_is_on_a_volume_and_the_cluster_id_is_one() -> None:
    kafka = SERVICES["kafka"]
    assert kafka["volumes"] == [f"kafka:{kafka['environment']['KAFKA_LOG_DIRS']}"]
    assert len(base64.urlsafe_b64decode(kafka["environment"]["CLUSTER_ID"] + "==")) == 16
