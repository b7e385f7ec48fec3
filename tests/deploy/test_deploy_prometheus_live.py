"""A real Prometheus scrapes three workers' metrics: every panel and recorded series has an answer, and a full one."""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lodestream.engine.observer import Tear
from lodestream.engine.step import StoreSize
from lodestream.http.server import Health, HttpServer
from lodestream.metrics import Metrics, Stage, new_registry
from lodestream.metrics.catalogue import OUTCOMES

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules" / "lodestream.yml"
DASHBOARD: dict[str, Any] = runpy.run_path(str(ROOT / "deploy" / "grafana" / "dashboard.py"))["dashboard"]()
DEADLINE_SECONDS = 60  # a handful of scrapes a second apart, on a machine that may be busy


def work(metrics: Metrics, number: int) -> None:
    """One round of everything that a worker of this stage can report."""
    metrics.received(10)
    metrics.stepped(10, 0.02)
    counts = {("articles", outcome.value): 1 for outcome in OUTCOMES[metrics.stage]}
    metrics.committed(0.01, counts | ({("tags", "country"): 3} if metrics.stage is Stage.TAG else {}), [0.2, 0.4])
    metrics.dead_lettered({"no_article": 1})
    metrics.aborted()
    metrics.rebalanced(4)
    metrics.fenced()
    metrics.torn(Tear.OFFSET_AHEAD)
    metrics.repeated(2)
    metrics.expired(3)
    metrics.snapshot_written(0, 0.2, 1000)
    metrics.loop_delay(0.003)
    metrics.restoring(1, number, 0.5)
    metrics.state(
        0, {"index": StoreSize(number, 100 * number)}, {("index", "window"): number, ("index", "cap"): number}
    )
    metrics.lag({(f"lodestream.{metrics.stage}", 0): 2})
    metrics.ready(True)


@contextlib.contextmanager
def workers() -> Iterator[tuple[list[int], Callable[[int], None]]]:
    """A server per stage: their ports, and how to make them all work a round."""
    health = Health(ok=True, reason="")
    metrics, servers = [], []
    for stage in Stage:
        registry = new_registry()
        metrics.append(Metrics(registry, stage))
        servers.append(
            HttpServer("127.0.0.1", 0, registry=registry, live=lambda: health, ready=lambda: health, status=dict)
        )
    for server in servers:
        server.start()

    def work_a_round(number: int) -> None:
        for each in metrics:
            work(each, number)

    try:
        yield [server.port for server in servers], work_a_round
    finally:
        for server in servers:
            server.stop()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def prometheus(folder: Path, targets: list[int]) -> Iterator[str]:
    """A Prometheus with our rules that scrapes each second; its address."""
    tool = shutil.which("prometheus") or shutil.which(ROOT / ".tools/prometheus/usr/bin/prometheus")
    if tool is None:
        missing = "prometheus is missing: deploy/prometheus/fetch.sh fetches it where there is apt-get"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": "lodestream",
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in targets]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    arguments = [
        tool,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(arguments, stdout=log, stderr=log) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def ask(address: str, query: str) -> list[Any]:
    """The result of an instant query; an error of Prometheus raises."""
    url = f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - a server of our own
        body = json.load(answer)
    assert body["status"] == "success"
    result: list[Any] = body["data"]["result"]
    return result


def panel_queries() -> dict[str, str]:
    """Each panel's query with Grafana's variables filled in."""
    filled = {"$__rate_interval": "10s", "$job": "lodestream", "$instance": ".*"}
    found = {}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in filled.items():
                query = query.replace(name, value)
            found[f"{panel['title']} {target['refId']}"] = query
    return found


def recorded_queries() -> dict[str, str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["record"]: rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def unanswered(address: str, queries: dict[str, str]) -> set[str]:
    """Queries whose answer is empty or has no number in it."""
    found = set()
    for name, query in queries.items():
        try:
            samples = ask(address, query)
        except (ConnectionError, urllib.error.URLError):
            return set(queries)  # not up yet
        if not any(sample["value"][1] != "NaN" for sample in samples):
            found.add(name)
    return found


def test_every_panel_and_recorded_series_has_an_answer(tmp_path: Path) -> None:
    queries = panel_queries() | recorded_queries()
    with workers() as (ports, work_a_round), prometheus(tmp_path, ports) as address:
        began = time.monotonic()
        number = 0
        missing = set(queries)
        while missing and time.monotonic() - began < DEADLINE_SECONDS:
            number += 1
            work_a_round(number)
            time.sleep(0.5)
            missing = unanswered(address, {name: queries[name] for name in missing})
        assert not missing
        assert {sample["metric"]["stage"] for sample in ask(address, "lodestream_ready")} == set(Stage)
        assert ask(address, "lodestream_nothing_total") == [], "what is not there has no answer"
