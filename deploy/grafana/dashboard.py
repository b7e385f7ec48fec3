"""The Grafana dashboard as code: `python deploy/grafana/dashboard.py > deploy/grafana/dashboards/lodestream.json`.

Thresholds are those of the alerts in `deploy/prometheus/rules/lodestream.yml`; tests compare metrics and
thresholds with the catalogue and the rules.
"""  # noqa: INP001 - a script, no package

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
WIDTH: Final = 24  # columns of Grafana's grid
HEIGHT: Final = 7
STAT_HEIGHT: Final = 4
DEDUPE: Final = 'stage="dedupe"'
TAG: Final = 'stage="tag"'


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `queries`: (PromQL, legend); `limit`: the alert's threshold, drawn as a line."""

    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]
    width: int = 8
    kind: str = "timeseries"
    limit: float | None = None
    limit_is_floor: bool = False
    stacked: bool = False


def of(metric: str, labels: str = "") -> str:
    """A selector that keeps to the chosen job and instances."""
    return f"lodestream_{metric}" + "{" + ", ".join(filter(None, ['job="$job", instance=~"$instance"', labels])) + "}"


def rate(metric: str, labels: str = "") -> str:
    return f"rate({of(metric, labels)}[$__rate_interval])"


def total(by: str, query: str) -> str:
    return f"sum by ({by}) ({query})"


def mean(amount: str, number: str) -> str:
    return f"{total('stage', rate(amount))} / {total('stage', rate(number))}"


def quantile(share: float, metric: str, labels: str = "", by: str = "le, stage") -> str:
    return f"histogram_quantile({share}, {total(by, rate(metric + '_bucket', labels))})"


ROWS: Final[Sequence[tuple[str, Sequence[Panel]]]] = (
    (
        "Is it well",
        (
            Panel(
                "Stages ready",
                "Stages with a worker that has its partitions and its state; 3 are needed.",
                "none",
                [(f"count(sum by (stage) ({of('ready')}) > 0) or vector(0)", "")],
                width=6,
                kind="stat",
                limit=3,
                limit_is_floor=True,
            ),
            Panel(
                "Articles a second",
                "Enriched articles committed.",
                "cps",
                [(f"sum({rate('articles_total', TAG)})", "")],
                width=6,
                kind="stat",
            ),
            Panel(
                "Raw to enriched, p95",
                "From arrival on raw to the commit of the enriched article.",
                "s",
                [(quantile(0.95, "record_age_seconds", TAG, by="le"), "")],
                width=6,
                kind="stat",
                limit=10,
            ),
            Panel(
                "Records waiting",
                "Lag of all stages; 1 a partition may remain when idle.",
                "short",
                [(f"sum({of('consumer_lag_records')})", "")],
                width=6,
                kind="stat",
            ),
        ),
    ),
    (
        "Flow",
        (
            Panel(
                "Records in, by stage",
                "Records handed to the steps.",
                "cps",
                [(total("stage", rate("records_received_total")), "{{stage}}")],
            ),
            Panel(
                "Articles by outcome",
                "What dedupe found them to be.",
                "cps",
                [(total("outcome", rate("articles_total", DEDUPE)), "{{outcome}}")],
                stacked=True,
            ),
            Panel(
                "Duplicates",
                "Share of articles that copy a known one.",
                "percentunit",
                [("lodestream:duplicates:ratio_rate5m", "duplicates")],
            ),
            Panel(
                "Dead letters by reason",
                "Records that could not be processed.",
                "cps",
                [(total("stage, reason", rate("dead_letters_total")) + " > 0", "{{stage}} {{reason}}")],
                width=12,
            ),
            Panel(
                "Dead letters, share",
                "Of the records of the stage; the line is the alert's.",
                "percentunit",
                [("stage:lodestream_dead_letters:ratio_rate10m", "{{stage}}")],
                width=12,
                limit=0.05,
            ),
        ),
    ),
    (
        "Time",
        (
            Panel(
                "Age at each stage, p50 and p99",
                "From arrival on raw to the commit of the stage.",
                "s",
                [
                    (quantile(0.5, "record_age_seconds"), "{{stage}} p50"),
                    (quantile(0.99, "record_age_seconds"), "{{stage}} p99"),
                ],
            ),
            Panel(
                "Step, per record",
                "Mean time of a record in the step, Kafka apart.",
                "s",
                [
                    (
                        f"sum by (stage) ({rate('stage_seconds_sum')}) / sum by (stage) ({rate('batch_records_sum')})",
                        "{{stage}}",
                    )
                ],
            ),
            Panel(
                "Event loop, late, p99",
                "How late the loop wakes up.",
                "s",
                [(quantile(0.99, "event_loop_delay_seconds"), "{{stage}}")],
            ),
        ),
    ),
    (
        "Kafka",
        (
            Panel(
                "Lag by partition",
                "Records between the committed position and the end.",
                "short",
                [(f"max by (topic, partition) ({of('consumer_lag_records')})", "{{topic}} {{partition}}")],
            ),
            Panel(
                "Transaction, p95",
                "Time of a committed transaction.",
                "s",
                [(quantile(0.95, "transaction_seconds"), "{{stage}}")],
            ),
            Panel(
                "Transactions",
                "Committed and aborted.",
                "cps",
                [(total("stage, result", rate("transactions_total")), "{{stage}} {{result}}")],
            ),
            Panel(
                "Records in a batch, mean",
                "Large batches mean that the stage is behind.",
                "short",
                [
                    (
                        mean("batch_records_sum", "batch_records_count"),
                        "{{stage}}",
                    )
                ],
            ),
            Panel(
                "Partitions",
                "Input partitions by worker.",
                "short",
                [(of("assigned_partitions"), "{{stage}} {{instance}}")],
            ),
            Panel(
                "Rebalances and fenced lanes",
                "In the last ten minutes.",
                "short",
                [
                    (total("stage", f"increase({of('rebalances_total')}[10m])"), "{{stage}} rebalances"),
                    (total("stage", f"increase({of('fenced_lanes_total')}[10m])"), "{{stage}} fenced"),
                ],
            ),
            Panel(
                "Torn, repeated, expired",
                "In the last hour: transactions that Kafka did not keep whole, records written twice and taken once, "
                "and offsets that retention took unread. All should be 0.",
                "short",
                [
                    (total("stage", f"increase({of('torn_transactions_total')}[1h])"), "{{stage}} torn"),
                    (total("stage", f"increase({of('repeated_records_total')}[1h])"), "{{stage}} repeated"),
                    (total("stage", f"increase({of('expired_records_total')}[1h])"), "{{stage}} expired"),
                ],
            ),
        ),
    ),
    (
        "State",
        (
            Panel(
                "Entries by store",
                "Live entries.",
                "short",
                [(total("stage, store", of("state_entries")), "{{stage}} {{store}}")],
            ),
            Panel(
                "Memory by store",
                "Bytes held for the entries.",
                "bytes",
                [(total("stage, store", of("state_bytes")), "{{stage}} {{store}}")],
            ),
            Panel(
                "Evictions",
                "cap: the store was full before the window was over.",
                "cps",
                [
                    (
                        total("stage, store, why", rate("state_evictions_total")),
                        "{{stage}} {{store}} {{why}}",
                    )
                ],
            ),
            Panel(
                "Restoring",
                "Partitions whose state is being restored.",
                "short",
                [(total("stage", of("state_restoring_partitions")), "{{stage}}")],
            ),
            Panel(
                "Restored blocks",
                "Changelog blocks applied by restores.",
                "cps",
                [(total("stage", rate("state_restored_blocks_total")), "{{stage}}")],
            ),
            Panel(
                "Snapshots",
                "In the last hour. failed: the disk took none; ignored: one that did not fit.",
                "short",
                [(total("stage, event", f"increase({of('snapshots_total')}[1h])"), "{{stage}} {{event}}")],
            ),
        ),
    ),
    (
        "Content",
        (
            Panel(
                "Tags by kind",
                "Tags of enriched articles.",
                "cps",
                [(total("kind", rate("tags_total")), "{{kind}}")],
                width=24,
                stacked=True,
            ),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana's JSON model."""
    return {
        "uid": "lodestream",
        "title": "Lodestream",
        "description": "A stream of raw news pages in; clean, deduplicated, tagged articles out.",
        "tags": ["lodestream"],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 41,
        "version": 1,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "utc",
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "type": "datasource",
                    "query": "prometheus",
                    "current": {"text": "Prometheus", "value": "lodestream-prometheus"},
                },
                _variable("job", "label_values(lodestream_build_info, job)", several=False),
                _variable("instance", 'label_values(lodestream_build_info{job="$job"}, instance)', several=True),
            ]
        },
        "panels": list(_panels()),
    }


def _variable(name: str, query: str, *, several: bool) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "includeAll": several,
        "multi": several,
        "allValue": ".*" if several else None,
        "current": {"text": "All", "value": "$__all"} if several else {"text": "lodestream", "value": "lodestream"},
    }


def _panels() -> Iterator[dict[str, Any]]:
    number = y = 0
    for title, panels in ROWS:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
        }
        y += 1
        x = 0
        height = max(STAT_HEIGHT if panel.kind == "stat" else HEIGHT for panel in panels)
        for panel in panels:
            if x + panel.width > WIDTH:
                x, y = 0, y + height
            number += 1
            yield _panel(panel, number, {"x": x, "y": y, "w": panel.width, "h": height})
            x += panel.width
        y += height


def _panel(panel: Panel, number: int, position: dict[str, int]) -> dict[str, Any]:
    good, bad = ("red", "green") if panel.limit_is_floor else ("green", "red")
    steps: list[dict[str, Any]] = [{"color": good, "value": None}]
    if panel.limit is not None:
        steps.append({"color": bad, "value": panel.limit})
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.kind == "stat":
        options: dict[str, Any] = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value" if panel.limit is not None else "none",
            "graphMode": "area",
        }
    else:
        options = {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
        defaults["custom"] = {
            "fillOpacity": 20 if panel.stacked else 5,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "off" if panel.limit is None else "line"},
        }
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": position,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "expr": query,
                "legendFormat": legend or "__auto",
            }
            for index, (query, legend) in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dashboard(), indent=2) + "\n")
