"""The catalogue is the whole truth: names, exposition and documentation agree with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from lodestream.engine.step import StoreSize
from lodestream.metrics import CATALOGUE, Metrics, Stage
from lodestream.metrics.catalogue import LABELS, Metric, markdown

ROOT = Path(__file__).parents[2]
ENDINGS = {"counter": ("_total",), "histogram": ("_seconds", "_bytes", "_records")}


def used(stage: str) -> CollectorRegistry:
    """A registry after every kind of event, so that series with open labels exist too."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, stage)
    metrics.state(0, {"index": StoreSize(1, 1)}, {("index", "cap"): 1})
    metrics.lag({("lodestream.raw", 0): 1})
    return registry


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_a_metric_follows_the_naming_rules(metric: Metric) -> None:
    assert re.fullmatch(r"lodestream_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    if metric.kind in ENDINGS:
        assert metric.name.endswith(ENDINGS[metric.kind])
    if metric.unit in {"seconds", "bytes"}:
        assert metric.name.endswith(f"_{metric.unit}")
    assert metric.help.endswith(".")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert set(metric.labels) <= LABELS.keys()


def test_every_declared_label_is_used() -> None:
    assert {label for metric in CATALOGUE.values() for label in metric.labels} == LABELS.keys()


def test_all_stages_together_expose_the_catalogue_and_nothing_else() -> None:
    found: dict[str, tuple[str, str]] = {}
    for stage in Stage:
        for family in used(stage).collect():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = (family.type, family.documentation)
    assert found == {metric.name: (metric.kind, metric.help) for metric in CATALOGUE.values()}


@pytest.mark.parametrize("stage", Stage)
def test_every_sample_has_the_labels_and_values_that_the_catalogue_declares(stage: Stage) -> None:
    for family in used(stage).collect():
        metric = CATALOGUE[f"{family.name}_total" if family.type == "counter" else family.name]
        assert family.samples, metric.name
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == set(metric.labels)
            assert not sample.name.endswith("_created")
            for label, value in sample.labels.items():
                closed = LABELS.get(label)
                assert not isinstance(closed, tuple) or value in closed


def test_the_documentation_is_what_the_catalogue_makes() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == markdown(), "python -m lodestream.metrics > docs/metrics.md"
