"""What Compose and Kubernetes say about the product is what the product is: commands, settings, names, ports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from lodestream import __version__
from lodestream.cli import cli
from lodestream.settings import Settings, load

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


class Run(NamedTuple):
    """One container of ours: where it is declared, its arguments, and its literal environment."""

    where: str
    arguments: list[str]
    environment: dict[str, str]


def of_compose() -> Iterator[Run]:
    for name, service in COMPOSE["services"].items():
        if service["image"].startswith("lodestream"):
            # A folder of the repository stands where the container sees its mount.
            mounts = {
                target: source for source, target, *_ in (mount.split(":") for mount in service.get("volumes", ()))
            }
            arguments = [str(ROOT / mounts[word]) if word in mounts else word for word in service["command"]]
            yield Run(f"compose {name}", arguments, service["environment"])


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted((ROOT / "k8s" / "base").glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


def of_kubernetes() -> Iterator[Run]:
    shared = next(item["data"] for item in manifests() if item["kind"] == "ConfigMap")
    for item in manifests():
        for container in item.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
            environment = {entry["name"]: entry.get("value", "from-the-pod") for entry in container.get("env", ())}
            name = f"{item['kind']} {item['metadata']['name']}"
            yield Run(name, container["args"], {**shared, **environment})


RUNS = [*of_compose(), *of_kubernetes()]


def parse(arguments: list[str]) -> None:
    """Parse a command line down to the command's own options, without running it. Raises `click.UsageError`."""
    context: click.Context | None = None
    command: click.Command = cli
    name = "lodestream"
    while True:
        context = command.make_context(name, list(arguments), parent=context)
        if not isinstance(command, click.Group):
            return
        rest = [*context._protected_args, *context.args]
        found, chosen, arguments = command.resolve_command(context, rest)
        assert chosen is not None
        name, command = found or name, chosen


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.where)
def test_a_command_line_parses(run: Run) -> None:
    parse(run.arguments)


def test_the_commands_in_the_head_of_the_compose_file_would_run() -> None:
    head = (ROOT / "docker-compose.yml").read_text().partition("\nname:")[0]
    ours = dict(re.findall(r"run --rm (\w+) ?(.*?)  ", head))
    assert ours == {"seeds": "", "topics": "read enriched"}
    for service, arguments in ours.items():
        assert service in COMPOSE["services"]
        if arguments:
            parse(arguments.split())


@pytest.mark.parametrize(
    "arguments", [["worker", "polish"], ["topics", "create"], ["replay"], ["settings", "--yaml"], ["serve"]]
)
def test_a_wrong_command_line_would_be_found(arguments: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parse(arguments)


def test_each_stage_runs_once_and_the_topics_are_made() -> None:
    for runs in (of_compose(), of_kubernetes()):
        lines = [run.arguments for run in runs if run.arguments[0] != "replay"]
        assert sorted(lines) == [["topics", "apply"], ["worker", "clean"], ["worker", "dedupe"], ["worker", "tag"]]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.where)
def test_settings_exist_and_their_values_are_accepted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {f"LODESTREAM_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in run.environment if name.startswith("LODESTREAM_")} <= known
    for name, value in run.environment.items():
        assert isinstance(value, str), f"{name}: an unquoted value is no string to Kubernetes"
        monkeypatch.setenv(name, value)
    load()


def test_the_settings_of_the_overlays_exist() -> None:
    known = {f"/data/LODESTREAM_{name.upper()}" for name in Settings.model_fields}
    patched = []
    for path in (ROOT / "k8s" / "overlays").glob("*/kustomization.yaml"):
        for patch in yaml.safe_load(path.read_text())["patches"]:
            if patch["target"]["kind"] == "ConfigMap":
                patched += [step["path"] for step in yaml.safe_load(patch["patch"])]
    assert patched
    assert set(patched) <= known


def test_a_worker_listens_where_its_port_is_published_and_probed() -> None:
    for name in ("clean", "dedupe", "tag"):
        service = COMPOSE["services"][name]
        port = service["environment"]["LODESTREAM_HTTP_PORT"]
        assert service["environment"]["LODESTREAM_HTTP_HOST"] == "0.0.0.0"  # noqa: S104 - inside a container
        assert [published.split(":")[2] for published in service["ports"]] == [port]
        assert f"http://127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1]
    data = next(item["data"] for item in manifests() if item["kind"] == "ConfigMap")
    assert data["LODESTREAM_HTTP_HOST"] == "0.0.0.0"  # noqa: S104 - inside a pod
    for item in manifests():
        if item["kind"] in {"Deployment", "StatefulSet"}:
            template = item["spec"]["template"]
            (port,) = template["spec"]["containers"][0]["ports"]
            assert str(port["containerPort"]) == data["LODESTREAM_HTTP_PORT"]
            assert template["metadata"]["annotations"]["prometheus.io/port"] == data["LODESTREAM_HTTP_PORT"]


def test_the_image_has_the_version_of_the_package() -> None:
    images = {service["image"] for service in COMPOSE["services"].values() if service["image"].startswith("lodestream")}
    assert images == {f"lodestream:{__version__}"}
    overlay = yaml.safe_load((ROOT / "k8s" / "overlays" / "dev" / "kustomization.yaml").read_text())
    assert overlay["images"] == [{"name": "lodestream", "newTag": __version__}]


def test_a_worker_is_given_longer_to_stop_than_it_takes() -> None:
    from lodestream.engine.process import STOP_SECONDS

    for name in ("clean", "dedupe", "tag"):
        assert int(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s")) > STOP_SECONDS
    for item in manifests():
        if item["kind"] in {"Deployment", "StatefulSet"}:
            assert item["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > STOP_SECONDS


def test_workers_of_one_group_have_instance_ids_of_their_own() -> None:
    ids = [
        next((entry for entry in container.get("env", ()) if entry["name"] == "LODESTREAM_INSTANCE_ID"), None)
        for item in manifests()
        if item["kind"] == "StatefulSet"
        for container in item["spec"]["template"]["spec"]["containers"]
    ]
    assert len(ids) == 2
    assert all(entry and entry["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name" for entry in ids)
    for name in ("clean", "dedupe", "tag"):
        assert "deploy" not in COMPOSE["services"][name], "replicas of a service would share its instance id"
