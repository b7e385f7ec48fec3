"""Every metric of the service as data: name, type, unit, labels, what it says.

`docs/metrics.md` is made from this list (`python -m lodestream.metrics`), and dashboards, rules and the worker's
exposition are checked against it. Base units; label values come from closed lists or are names from the code and
partition numbers, never a URL, an id or a source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, get_args, get_type_hints

from lodestream.errors import Reason
from lodestream.records import LinkKind, Tag


class Stage(StrEnum):
    """The stages of the flow: each is an agent and a process of its own."""

    CLEAN = "clean"
    DEDUPE = "dedupe"
    TAG = "tag"


class Outcome(StrEnum):
    """What became of an article at a stage."""

    CLEAN = "clean"
    ORIGINAL = "original"
    VERSION = "version"
    EXTENSION = "extension"
    EXACT = LinkKind.EXACT.value
    NEAR = LinkKind.NEAR.value
    CONTAINED = LinkKind.CONTAINED.value
    CONTAINS = LinkKind.CONTAINS.value
    REFETCH = LinkKind.REFETCH.value
    OLDER_VERSION = LinkKind.OLDER_VERSION.value
    ENRICHED = "enriched"


OUTCOMES: Final[dict[Stage, tuple[Outcome, ...]]] = {
    Stage.CLEAN: (Outcome.CLEAN,),
    Stage.DEDUPE: tuple(outcome for outcome in Outcome if outcome not in {Outcome.CLEAN, Outcome.ENRICHED}),
    Stage.TAG: (Outcome.ENRICHED,),
}
TAG_KINDS: Final[tuple[str, ...]] = get_args(get_type_hints(Tag)["kind"])
WHY: Final = ("window", "cap")
TEARS: Final = ("changelog_ahead", "offset_ahead")
SNAPSHOT_EVENTS: Final = ("written", "failed", "used", "ignored")

LABELS: Final[dict[str, tuple[str, ...] | str]] = {
    "stage": tuple(Stage),
    "outcome": tuple(Outcome),
    "reason": tuple(Reason),
    "result": ("committed", "aborted"),
    "kind": TAG_KINDS,
    "why": WHY,
    "tear": TEARS,
    "event": SNAPSHOT_EVENTS,
    "store": "a store of the stage's state",
    "topic": "full name of an input topic",
    "partition": "number of an input partition",
    "version": "version of the service",
    "python": "version of Python",
}
"""Each label with its closed list of values, or with what its values are where the code or Kafka names them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `name` is the name in queries; a histogram adds `_bucket`, `_sum` and `_count` to it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


# Bounds stand where an objective or a limit stands: .25 and 1 s from raw to enriched, .2 s of work in a batch,
# 20 s until Kafka ends a transaction. A quantile read between two bounds is a guess; at a bound it is exact.
_AGE: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 21600, 86400)
_WORK: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5)
_TRANSACTION: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_BATCH: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_LATE: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5)
_RESTORE: Final = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)

_ALL: Final = (
    # Flow
    Metric(
        "lodestream_documents_received_total",
        "counter",
        "documents",
        (),
        "Documents read from the raw topic by clean.",
    ),
    Metric(
        "lodestream_records_received_total",
        "counter",
        "records",
        ("stage",),
        "Input records handed to the step; those of a transaction that failed are handed to it again.",
    ),
    Metric(
        "lodestream_articles_total",
        "counter",
        "articles",
        ("stage", "outcome"),
        "Articles of committed transactions by what became of them.",
    ),
    Metric(
        "lodestream_dead_letters_total",
        "counter",
        "records",
        ("stage", "reason"),
        "Records of committed transactions that became dead letters.",
    ),
    Metric("lodestream_tags_total", "counter", "tags", ("kind",), "Tags of committed enriched articles by kind."),
    # Time
    Metric(
        "lodestream_stage_seconds",
        "histogram",
        "seconds",
        ("stage",),
        "Time of a batch in the step, Kafka apart. Its sum over records received is the mean cost of a record.",
        _WORK,
    ),
    Metric(
        "lodestream_record_age_seconds",
        "histogram",
        "seconds",
        ("stage",),
        "From a record's arrival on raw to the commit of this stage, per record; at tag it is the end to end delay.",
        _AGE,
    ),
    Metric(
        "lodestream_event_loop_delay_seconds",
        "histogram",
        "seconds",
        ("stage",),
        "How late the event loop woke up; a batch of work holds it for at most batch_max_seconds.",
        _LATE,
    ),
    Metric(
        "lodestream_last_progress_timestamp_seconds",
        "gauge",
        "seconds",
        ("stage",),
        "When a transaction was committed or a block restored last, since the epoch; at first the worker's start.",
    ),
    # Kafka
    Metric("lodestream_batch_records", "histogram", "records", ("stage",), "Input records in a batch.", _BATCH),
    Metric(
        "lodestream_transaction_seconds",
        "histogram",
        "seconds",
        ("stage",),
        "Time of a committed transaction.",
        _TRANSACTION,
    ),
    Metric(
        "lodestream_transactions_total",
        "counter",
        "transactions",
        ("stage", "result"),
        "Transactions by result; an aborted one is done again and leaves nothing behind.",
    ),
    Metric(
        "lodestream_rebalances_total",
        "counter",
        "rebalances",
        ("stage",),
        "Times that the consumer group gave this worker its partitions.",
    ),
    Metric(
        "lodestream_assigned_partitions",
        "gauge",
        "partitions",
        ("stage",),
        "Input partitions that this worker has now.",
    ),
    Metric(
        "lodestream_fenced_lanes_total",
        "counter",
        "lanes",
        ("stage",),
        "Partitions lost to a new owner while work was under way; it is done there.",
    ),
    Metric(
        "lodestream_torn_transactions_total",
        "counter",
        "transactions",
        ("stage", "tear"),
        "Transactions that Kafka did not keep whole, found by a restore. What they held is done again.",
    ),
    Metric(
        "lodestream_repeated_records_total",
        "counter",
        "records",
        ("stage",),
        "Input records that the stage before wrote twice: taken once, dropped after that.",
    ),
    Metric(
        "lodestream_expired_records_total",
        "counter",
        "records",
        ("stage",),
        "Offsets of the input that retention took before they were read, commit markers among them: lost.",
    ),
    Metric(
        "lodestream_consumer_lag_records",
        "gauge",
        "records",
        ("stage", "topic", "partition"),
        "From the committed position to the end of the partition. Commit markers count: 1 may remain when idle.",
    ),
    # State
    Metric(
        "lodestream_state_entries",
        "gauge",
        "entries",
        ("stage", "store"),
        "Live entries of a store, over the partitions of this worker.",
    ),
    Metric(
        "lodestream_state_bytes",
        "gauge",
        "bytes",
        ("stage", "store"),
        "Memory held for a store, over the partitions of this worker.",
    ),
    Metric(
        "lodestream_state_evictions_total",
        "counter",
        "entries",
        ("stage", "store", "why"),
        "Entries that left a store: their window was over, or (cap) the store was full before it was.",
    ),
    Metric(
        "lodestream_state_restore_seconds",
        "histogram",
        "seconds",
        ("stage",),
        "Time to restore the state of a partition from its snapshot and changelog.",
        _RESTORE,
    ),
    Metric(
        "lodestream_state_restore_progress_ratio",
        "gauge",
        "ratio",
        ("stage",),
        "How far the least advanced restore has read its changelog; 1 when there is none.",
    ),
    Metric(
        "lodestream_state_restored_blocks_total",
        "counter",
        "blocks",
        ("stage",),
        "Changelog blocks applied by restores.",
    ),
    Metric(
        "lodestream_state_restoring_partitions",
        "gauge",
        "partitions",
        ("stage",),
        "Partitions whose state is being restored now.",
    ),
    Metric(
        "lodestream_snapshots_total",
        "counter",
        "snapshots",
        ("stage", "event"),
        "Local snapshots of state: written, failed (the disk took none), used by a restore, ignored as unfit.",
    ),
    Metric(
        "lodestream_snapshot_seconds",
        "histogram",
        "seconds",
        ("stage",),
        "Time to write a snapshot, beside the stream.",
        _RESTORE,
    ),
    Metric(
        "lodestream_snapshot_bytes",
        "gauge",
        "bytes",
        ("stage",),
        "Size of the newest snapshots, over the partitions of this worker.",
    ),
    # Process
    Metric(
        "lodestream_ready",
        "gauge",
        "1 or 0",
        ("stage",),
        "1: partitions assigned, producers fenced, state restored.",
    ),
    Metric("lodestream_build_info", "gauge", "1", ("stage", "version", "python"), "Always 1: what runs here."),
)

CATALOGUE: Final[dict[str, Metric]] = {metric.name: metric for metric in _ALL}
"""Every metric by name, in the order of the documentation."""


def markdown() -> str:
    """The page `docs/metrics.md`."""
    lines = [
        "# Metrics",
        "",
        "Made from the catalogue by `python -m lodestream.metrics`; do not edit.",
        "",
        "A worker serves them on `/metrics`, with those of the Python process (`process_*`, `python_*`). Counters and",
        "histograms with closed labels start at 0, so `rate()` sees the first event. A histogram has `_bucket`,",
        "`_sum` and `_count`.",
        "",
        "| metric | type | unit | labels | says |",
        "|---|---|---|---|---|",
    ]
    for metric in CATALOGUE.values():
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        lines.append(f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.help} |")
    lines += ["", "## Labels", "", "| label | values |", "|---|---|"]
    for label, values in LABELS.items():
        text = values if isinstance(values, str) else ", ".join(f"`{value}`" for value in values)
        lines.append(f"| `{label}` | {text} |")
    lines += ["", "`outcome` by stage:", ""]
    lines += [f"- `{stage}`: " + ", ".join(f"`{outcome}`" for outcome in OUTCOMES[stage]) for stage in Stage]
    lines += ["", "## Buckets", "", "| histogram | upper bounds |", "|---|---|"]
    lines += [
        f"| `{metric.name}` | {', '.join(f'{bound:g}' for bound in metric.buckets)} |"
        for metric in CATALOGUE.values()
        if metric.buckets
    ]
    return "\n".join(lines) + "\n"
