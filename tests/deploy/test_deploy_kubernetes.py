"""k8s/: what kustomize makes of it is valid, restricted, and fits together."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

ROOT = Path(__file__).parents[2] / "k8s"
KUBECTL = shutil.which("kubectl")
FOLDERS = sorted(path.parent for path in ROOT.glob("**/kustomization.yaml"))
VERSIONS = ("1.31", "1.34", "1.37")  # the oldest still met, one between, the newest known to the schemas
CLUSTER_WIDE = {"Namespace"}
WORKLOADS = {"Deployment", "StatefulSet", "Job"}

Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    """What `kubectl kustomize` makes of a folder: the few features that are used here, nothing else."""
    plan = yaml.safe_load((folder / "kustomization.yaml").read_text())
    known = {"apiVersion", "kind", "resources", "namespace", "images", "replicas", "patches"}
    assert plan.keys() <= known, "a feature that this renderer does not have"
    manifests: list[Manifest] = []
    for resource in plan["resources"]:
        path = folder / resource
        manifests += render(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    for patch in plan.get("patches", ()):
        (target,) = [item for item in manifests if is_target(item, patch["target"])]
        for step in yaml.safe_load(patch["patch"]):
            apply(target, step)
    for count in plan.get("replicas", ()):
        (target,) = [
            item for item in manifests if item["metadata"]["name"] == count["name"] and "template" in spec(item)
        ]
        spec(target)["replicas"] = count["count"]
    tags = {image["name"]: image["newTag"] for image in plan.get("images", ())}
    for item in manifests:
        for container in containers(item):
            if container["image"] in tags:
                container["image"] += f":{tags[container['image']]}"
        if "namespace" in plan and item["kind"] not in CLUSTER_WIDE:
            item["metadata"]["namespace"] = plan["namespace"]
    return manifests


def is_target(item: Manifest, target: Manifest) -> bool:
    return (item["kind"], item["metadata"]["name"]) == (target["kind"], target["name"])


def apply(document: Any, step: dict[str, Any]) -> None:
    """One step of a JSON patch: add, or replace of what is there."""
    *parents, last = step["path"].strip("/").split("/")
    for name in parents:
        document = document[int(name)] if isinstance(document, list) else document[name]
    assert step["op"] == "add" or (step["op"] == "replace" and last in document)
    document[last] = step["value"]


def spec(item: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = item.get("spec", {})
    return found


def pod(item: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = spec(item).get("template", {}).get("spec", {})
    return found


def containers(item: Manifest) -> list[dict[str, Any]]:
    return list(pod(item).get("containers", ()))


RENDERED = {str(folder.relative_to(ROOT)): render(folder) for folder in FOLDERS}
ALL = [(folder, item) for folder, items in RENDERED.items() for item in items]
PODS = [(folder, item) for folder, item in ALL if item["kind"] in WORKLOADS]


def each(items: list[tuple[str, Manifest]]) -> pytest.MarkDecorator:
    """Parametrises a test over manifests, named by folder, kind and name."""
    names = [f"{folder} {item['kind']} {item['metadata']['name']}" for folder, item in items]
    return pytest.mark.parametrize("item", [item for _, item in items], ids=names)


@pytest.mark.parametrize("version", VERSIONS)
@each(ALL)
def test_a_manifest_is_valid_and_has_no_unknown_field(item: Manifest, version: str) -> None:
    kubernetes_validate.validate(item, version, strict=True)


def test_an_unknown_field_would_be_found() -> None:
    (deployment,) = [item for item in RENDERED["base"] if item["kind"] == "Deployment"]
    broken = copy.deepcopy(deployment)
    pod(broken)["containers"][0]["livenessprobe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


if KUBECTL is not None:  # it is on no registry; where there is one, it has the last word on what is rendered

    @pytest.mark.parametrize("folder", RENDERED)
    def test_kustomize_makes_the_same_of_a_folder(folder: str) -> None:
        made = subprocess.run([str(KUBECTL), "kustomize", ROOT / folder], capture_output=True, text=True, check=True)

        def canonical(items: list[Manifest]) -> list[str]:
            return sorted(json.dumps(item, sort_keys=True) for item in items)

        assert canonical(RENDERED[folder]) == canonical(list(yaml.safe_load_all(made.stdout)))


@each(PODS)
def test_a_pod_meets_the_restricted_standard(item: Manifest) -> None:
    security = pod(item)["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] >= 10_000
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(item)["automountServiceAccountToken"] is False
    assert pod(item)["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod(item).keys()
    for container in containers(item):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    for volume in pod(item)["volumes"]:
        assert volume.keys() & {"emptyDir", "secret"}


@each(PODS)
def test_memory_is_limited_to_what_is_requested_and_the_cpu_is_not_throttled(item: Manifest) -> None:
    for container in containers(item):
        resources = container["resources"]
        assert resources["limits"] == {"memory": resources["requests"]["memory"]}
        assert "cpu" in resources["requests"]


@each([(folder, item) for folder, item in PODS if item["kind"] != "Job"])
def test_a_worker_is_probed_on_the_pages_that_the_server_has(item: Manifest) -> None:
    from prometheus_client import CollectorRegistry

    from lodestream.http.server import Health, HttpServer

    health = Health(ok=True, reason="")
    server = HttpServer("", 0, registry=CollectorRegistry(), live=lambda: health, ready=lambda: health, status=dict)
    (container,) = containers(item)
    paths = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    annotations = item["spec"]["template"]["metadata"]["annotations"]
    assert {*paths.values(), annotations["prometheus.io/path"]} <= server._pages.keys()
    assert {container[name]["httpGet"]["port"] for name in paths} == {container["ports"][0]["name"]}


@pytest.mark.parametrize("folder", RENDERED)
def test_selectors_find_their_pods_and_names_exist(folder: str) -> None:
    items = RENDERED[folder]
    labels = [item["spec"]["template"]["metadata"]["labels"] for item in items if item["kind"] in WORKLOADS]
    names = {(item["kind"], item["metadata"]["name"]) for item in items}
    for item in items:
        selector = spec(item).get("selector")
        if selector is not None:
            wanted = selector.get("matchLabels", selector)
            assert sum(wanted.items() <= found.items() for found in labels) == 1, item["metadata"]["name"]
        if item["kind"] == "StatefulSet":
            assert ("Service", item["spec"]["serviceName"]) in names
        if item["kind"] in WORKLOADS:
            assert ("ServiceAccount", pod(item)["serviceAccountName"]) in names
            for container in containers(item):
                assert all(("ConfigMap", entry["configMapRef"]["name"]) in names for entry in container["envFrom"])
                mounted = {mount["name"] for mount in container["volumeMounts"]}
                claims = {claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", ())}
                assert mounted == {volume["name"] for volume in pod(item)["volumes"]} | claims


@pytest.mark.parametrize("folder", RENDERED)
def test_one_pod_of_a_workload_at_a_time_may_be_taken_away(folder: str) -> None:
    items = RENDERED[folder]
    budgets = {
        item["metadata"]["name"]: item["spec"]["maxUnavailable"]
        for item in items
        if item["kind"] == "PodDisruptionBudget"
    }
    assert budgets == {item["metadata"]["name"]: 1 for item in items if item["kind"] in {"Deployment", "StatefulSet"}}


def test_every_file_is_part_of_a_kustomization() -> None:
    named = {
        folder / resource
        for folder in FOLDERS
        for resource in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    }
    files = {path for path in ROOT.glob("**/*.yaml") if path.name != "kustomization.yaml"}
    assert files <= named
