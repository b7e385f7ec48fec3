"""Prometheus, its rules, and the dashboard ask for metrics that exist, and say so in the tools' own words."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from lodestream.engine.step import StoreSize
from lodestream.metrics import CATALOGUE, Metrics, Stage
from lodestream.metrics.catalogue import LABELS

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
RULES = PROMETHEUS / "rules" / "lodestream.yml"
RULES_TEST = ROOT / "tests" / "deploy" / "lodestream_rules_test.yml"
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
SERIES = {metric.name + suffix: metric for metric in CATALOGUE.values() for suffix in SUFFIXES[metric.kind]}

GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
RECORDED = {rule["record"]: rule["expr"] for group in GROUPS for rule in group["rules"] if "record" in rule}
GENERATOR = runpy.run_path(str(GRAFANA / "dashboard.py"))
DASHBOARD: dict[str, Any] = GENERATOR["dashboard"]()
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def promtool(*arguments: str | Path, given: bytes | None = None) -> None:
    """Run promtool; where there is none, fail in CI and say so elsewhere."""
    tool = shutil.which("promtool") or shutil.which(ROOT / ".tools/prometheus/usr/bin/promtool")
    if tool is None:
        missing = "promtool is missing: deploy/prometheus/fetch.sh fetches it where there is apt-get"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    done = subprocess.run([tool, *arguments], input=given, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def queries() -> Iterator[tuple[str, str]]:
    """(where it stands, PromQL) of everything that asks for metrics."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield f"panel {panel['title']} {target['refId']}", target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["query"]
    for name, rule in ALERTS.items():
        yield f"alert {name}", rule["expr"]
    yield from ((f"record {name}", query) for name, query in RECORDED.items())


QUERIES = [pytest.param(query, id=where) for where, query in queries()]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_series_that_exist(query: str) -> None:
    recorded = set(re.findall(r"\b\w+:[\w:]+", query))
    assert recorded <= RECORDED.keys()
    names = set(re.findall(r"(?<![:\w])lodestream_\w+", query))
    assert names | recorded
    assert names <= SERIES.keys()


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_labels_and_values_that_the_series_have(query: str) -> None:
    scraped = {"job", "instance", "le"}
    for name, selector in re.findall(r"(lodestream_\w+)\{(.*?)\}", query):
        for label, operator, value in re.findall(r'(\w+)\s*(=~|=)\s*"(.*?)"', selector):
            if label in scraped:
                continue
            assert label in SERIES[name].labels
            values = LABELS[label]
            asked = value.split("|") if operator == "=~" else [value]
            assert isinstance(values, str) or set(asked) <= set(values)
        for bound in re.findall(r'le="(.*?)"', selector):
            assert float(bound) in SERIES[name].buckets
            assert bound == str(float(bound)), "buckets are written with a point: 10.0"
    grouped = {label.strip() for by in re.findall(r"\bby \((.*?)\)", query) for label in by.split(",")}
    assert grouped <= LABELS.keys() | scraped


def test_a_counter_is_never_read_without_rate_or_increase() -> None:
    for where, query in queries():
        for name in re.findall(r"(?<![:\w])lodestream_\w+(?:_total|_bucket|_sum|_count)\b", query):
            assert re.search(rf"(rate|increase)\({name}\b", query), where


def test_the_dashboard_is_what_its_generator_makes() -> None:
    committed = (GRAFANA / "dashboards" / "lodestream.json").read_text()
    made = json.dumps(DASHBOARD, indent=2) + "\n"
    assert committed == made, "python deploy/grafana/dashboard.py > deploy/grafana/dashboards/lodestream.json"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_has_a_unit_a_description_and_a_place_of_its_own(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}

    def cells(place: dict[str, int]) -> set[tuple[int, int]]:
        return {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }

    assert max(x for x, _ in cells(panel["gridPos"])) < 24
    others = [other for other in DASHBOARD["panels"] if other["id"] != panel["id"]]
    assert len(others) == len(DASHBOARD["panels"]) - 1
    assert not any(cells(panel["gridPos"]) & cells(other["gridPos"]) for other in others)


def test_the_lines_in_the_panels_are_the_thresholds_of_the_alerts() -> None:
    limits = {
        panel["title"]: step["value"]
        for panel in PANELS
        for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        if step["value"] is not None
    }
    assert limits.pop("Stages ready") == len(Stage)
    assert limits.pop("Dead letters, share") == float(ALERTS["LodestreamDeadLetters"]["expr"].rsplit(">")[-1])
    assert (
        f'le="{limits.pop("Raw to enriched, p95"):.1f}"'
        in RECORDED["stage:lodestream_record_age_over_10s:ratio_rate5m"]
    )
    assert ALERTS["LodestreamDelayed"]["expr"].endswith("> 0.05"), "p95 is what the panel shows"
    assert not limits


def test_the_provisioned_datasource_is_the_one_that_the_dashboard_starts_with() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["current"] == {"text": source["name"], "value": source["uid"]}
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    port = compose["prometheus"]["ports"][0].split(":")[2]
    assert source["url"] == f"http://prometheus:{port}"
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/lodestream.yml").read_text())["providers"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in compose["grafana"]["volumes"]
    assert provider["allowUiUpdates"] is False
    assert DASHBOARD["editable"] is False


def test_prometheus_scrapes_every_worker_of_compose() -> None:
    (job,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    workers = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    expected = {f"{stage}:{workers[stage]['environment']['LODESTREAM_HTTP_PORT']}" for stage in Stage}
    assert {target for config in job["static_configs"] for target in config["targets"]} == expected
    assert job.get("metrics_path", "/metrics") == "/metrics"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_severity_a_summary_and_a_runbook(name: str) -> None:
    assert ALERTS[name]["labels"]["severity"] in {"page", "ticket"}
    assert ALERTS[name]["annotations"]["summary"].endswith(".")
    runbook = (ROOT / "deploy" / "runbooks" / f"{name}.md").read_text()
    assert runbook.startswith(f"# {name}\n")
    assert re.findall(r"^\*\*(.*)\.\*\*", runbook, re.MULTILINE) == [
        "Meaning",
        "Impact",
        "Diagnosis",
        "Mitigation",
        "Verify",
    ]


def test_every_runbook_belongs_to_an_alert_and_names_metrics_and_settings_that_exist() -> None:
    from lodestream.settings import Settings

    runbooks = {path.stem: path.read_text() for path in (ROOT / "deploy" / "runbooks").glob("*.md")}
    assert runbooks.keys() == ALERTS.keys()
    settings = {f"LODESTREAM_{name.upper()}" for name in Settings.model_fields}
    for text in runbooks.values():
        assert set(re.findall(r"(?<![:\w])lodestream_\w+", text)) <= CATALOGUE.keys()
        assert set(re.findall(r"LODESTREAM_\w+", text)) <= settings
        assert set(re.findall(r"\b\w+:lodestream_[\w:]+", text)) <= RECORDED.keys()


def test_every_alert_has_cases_that_fire_and_that_do_not() -> None:
    cases = [
        case for test in yaml.safe_load(RULES_TEST.read_text())["tests"] for case in test.get("alert_rule_test", ())
    ]
    for name in ALERTS:
        fires = {bool(case.get("exp_alerts")) for case in cases if case["alertname"] == name}
        assert fires == {True, False}, name


def test_promtool_accepts_the_configuration() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_promtool_finds_that_the_rules_do_what_their_cases_say() -> None:
    promtool("test", "rules", RULES_TEST)


@pytest.mark.parametrize("stage", Stage)
def test_promtool_finds_nothing_to_mend_in_what_a_worker_exposes(stage: Stage) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, stage)
    metrics.committed(0.1, {}, [0.1, 20.0])
    metrics.state(0, {"index": StoreSize(1, 1)}, {})
    metrics.lag({("lodestream.raw", 0): 1})
    promtool("check", "metrics", given=generate_latest(registry))


def test_promtool_can_parse_every_query_of_the_dashboard(tmp_path: Path) -> None:
    filled = {"$__rate_interval": "1m", "$job": "lodestream", "$instance": ".*"}
    rules = []
    for number, (where, query) in enumerate(queries()):
        if where.startswith("panel"):
            for name, value in filled.items():
                query = query.replace(name, value)  # noqa: PLW2901 - one replacement after the other
            rules.append({"record": f"panel:{number}", "expr": query})
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", path)
