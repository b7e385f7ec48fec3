"""The metrics of one worker process: implements `engine.observer.Observer` on the catalogue."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector

from lodestream import __version__
from lodestream.engine.observer import Observer, Tear, TopicPartition
from lodestream.engine.step import Size
from lodestream.errors import Reason
from lodestream.metrics.catalogue import CATALOGUE, OUTCOMES, SNAPSHOT_EVENTS, TAG_KINDS, TEARS, WHY, Metric, Stage
from lodestream.metrics.histogram import BatchHistogram

# `*_created` doubles the series and nobody asks for it; the client library has one switch for the process.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


def new_registry() -> CollectorRegistry:
    """A registry with the metrics of the Python process, for the service's to be added."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class Metrics(Observer):
    """What a worker of one stage counts, per batch and never per record.

    Children of closed labels exist from the start. A family or label that the catalogue does not have raises
    `KeyError`, and an unknown stage `ValueError`: such a name is a bug of the caller, which its tests find; a
    count that is quietly dropped is not found at all. `clock` gives seconds since the epoch.
    """

    def __init__(self, registry: CollectorRegistry, stage: str, clock: Callable[[], float] = time.time) -> None:
        self.stage: Final = Stage(stage)
        self._clock = clock
        self._registry = registry
        self._build_counters()
        self._build_gauges()
        self._build_histograms()
        self._sizes: dict[int, Mapping[str, Size]] = {}
        self._stores: tuple[str, ...] = ()
        self._evicted: dict[int, dict[tuple[str, str], int]] = {}
        self._restoring: dict[int, int] = {}
        self._shares: dict[int, float] = {}
        self._snapshot_sizes: dict[int, int] = {}
        self._lags: set[tuple[str, str]] = set()
        self._progressed()

    # Observer: the flow

    def received(self, records: int) -> None:
        self._received.inc(records)
        if self._documents is not None:
            self._documents.inc(records)

    def stepped(self, records: int, seconds: float) -> None:
        self._batch.observe(records)
        self._step.observe(seconds)

    def committed(self, seconds: float, counts: Mapping[tuple[str, str], int], ages: Sequence[float]) -> None:
        self._commits.inc()
        self._transaction.observe(seconds)
        for name, n in counts.items():
            self._counts[name].inc(n)
        if len(ages):
            self._age.observe(ages)
        self._progressed()

    def aborted(self) -> None:
        self._aborts.inc()

    def dead_lettered(self, reasons: Mapping[str, int]) -> None:
        for reason, n in reasons.items():
            self._dead[reason].inc(n)

    # Observer: the group

    def rebalanced(self, assigned: int) -> None:
        """Rebalances are eager: they end every restore that was under way, also of partitions that are lost."""
        self._restoring.clear()
        self._show_restores()
        self._rebalances.inc()
        self._assigned.set(assigned)

    def fenced(self) -> None:
        self._fenced.inc()

    def lag(self, records: Mapping[TopicPartition, int]) -> None:
        """Replaces what was said before: a partition that is not named any more has no lag here."""
        current = {(topic, str(partition)): n for (topic, partition), n in records.items()}
        for topic, partition in self._lags - current.keys():
            self._lag.remove(self.stage, topic, partition)
        for (topic, partition), n in current.items():
            self._lag.labels(self.stage, topic, partition).set(n)
        self._lags = set(current)

    def ready(self, is_ready: bool) -> None:  # noqa: FBT001 - the protocol's signature
        self._ready.set(is_ready)

    def loop_delay(self, seconds: float) -> None:
        self._late.observe(seconds)

    # Observer: the state

    def torn(self, tear: Tear) -> None:
        self._torn[tear].inc()

    def repeated(self, records: int) -> None:
        self._repeated.inc(records)

    def expired(self, records: int) -> None:
        self._expired.inc(records)

    def restoring(self, partition: int, blocks: int, share: float) -> None:
        before = self._restoring.get(partition, 0)
        self._restoring[partition] = blocks
        # Fewer than before: the restore began anew.
        self._blocks.inc(blocks - before if blocks >= before else blocks)
        self._shares[partition] = share
        self._show_restores()
        self._progressed()

    def restored(self, partition: int, blocks: int, seconds: float) -> None:
        self.restoring(partition, blocks, 1.0)
        self._end_restore(partition)
        self._restore.observe(seconds)

    def state(
        self,
        partition: int,
        sizes: Mapping[str, Size],
        evictions: Mapping[tuple[str, str], int],
    ) -> None:
        """Sizes are summed over the partitions. Evictions count from the first report after a restore on.

        What a restore evicts by going through the changelog again was counted when it happened first. State that
        is reported is there: a rewind after a failed batch restores without saying `restored`.
        """
        self._end_restore(partition)
        self._sizes[partition] = dict(sizes)
        self._show_sizes()
        for store in sizes:
            for why in WHY:
                self._evictions.labels(self.stage, store, why)
        before = self._evicted.get(partition)
        for (store, why), n in evictions.items():
            if why not in WHY:
                raise KeyError(why)
            if before is not None:
                self._evictions.labels(self.stage, store, why).inc(max(0, n - before.get((store, why), 0)))
        self._evicted[partition] = dict(evictions)

    def released(self, partition: int) -> None:
        self._end_restore(partition)
        self._sizes.pop(partition, None)
        self._snapshot_sizes.pop(partition, None)
        self._snapshot_bytes.set(sum(self._snapshot_sizes.values()))
        self._evicted.pop(partition, None)
        self._show_sizes()
        for topic, number in [name for name in self._lags if name[1] == str(partition)]:
            self._lag.remove(self.stage, topic, number)
            self._lags.discard((topic, number))

    def snapshot_written(self, partition: int, seconds: float, size: int) -> None:
        self._snapshots["written"].inc()
        self._snapshot_seconds.observe(seconds)
        self._snapshot_sizes[partition] = size
        self._snapshot_bytes.set(sum(self._snapshot_sizes.values()))

    def snapshot_failed(self, partition: int) -> None:  # noqa: ARG002 - the protocol's signature
        self._snapshots["failed"].inc()

    def snapshot_used(self, partition: int) -> None:  # noqa: ARG002 - the protocol's signature
        self._snapshots["used"].inc()

    def snapshot_ignored(self, partition: int) -> None:  # noqa: ARG002 - the protocol's signature
        self._snapshots["ignored"].inc()

    # Inside

    def _show_restores(self) -> None:
        for partition in self._shares.keys() - self._restoring.keys():
            del self._shares[partition]
        self._restoring_partitions.set(len(self._restoring))
        self._restore_progress.set(min(self._shares.values(), default=1))

    def _end_restore(self, partition: int) -> None:
        if self._restoring.pop(partition, None) is not None:
            self._evicted.pop(partition, None)
            self._show_restores()

    def _progressed(self) -> None:
        self._progress.set(self._clock())

    def _show_sizes(self) -> None:
        entries = dict.fromkeys(self._stores, 0)
        held = dict.fromkeys(self._stores, 0)
        for sizes in self._sizes.values():
            for store, size in sizes.items():
                entries[store] = entries.get(store, 0) + size.entries
                held[store] = held.get(store, 0) + size.bytes
        for store in entries:
            self._entries.labels(self.stage, store).set(entries[store])
            self._bytes.labels(self.stage, store).set(held[store])
        self._stores = tuple(entries)  # one whose last partition is gone shows 0

    def _build_counters(self) -> None:
        stage = self.stage
        self._documents = self._counter("documents_received_total") if stage is Stage.CLEAN else None
        self._received = self._counter("records_received_total").labels(stage)
        articles = self._counter("articles_total")
        self._counts = {("articles", str(outcome)): articles.labels(stage, outcome) for outcome in OUTCOMES[stage]}
        if stage is Stage.TAG:
            tags = self._counter("tags_total")
            self._counts |= {("tags", kind): tags.labels(kind) for kind in TAG_KINDS}
        dead = self._counter("dead_letters_total")
        self._dead = {str(reason): dead.labels(stage, reason) for reason in Reason}
        transactions = self._counter("transactions_total")
        self._commits = transactions.labels(stage, "committed")
        self._aborts = transactions.labels(stage, "aborted")
        self._rebalances = self._counter("rebalances_total").labels(stage)
        self._fenced = self._counter("fenced_lanes_total").labels(stage)
        torn = self._counter("torn_transactions_total")
        self._torn = {tear: torn.labels(stage, tear) for tear in TEARS}
        self._repeated = self._counter("repeated_records_total").labels(stage)
        self._expired = self._counter("expired_records_total").labels(stage)
        snapshots = self._counter("snapshots_total")
        self._snapshots = {event: snapshots.labels(stage, event) for event in SNAPSHOT_EVENTS}
        self._blocks = self._counter("state_restored_blocks_total").labels(stage)
        self._evictions = self._counter("state_evictions_total")

    def _build_gauges(self) -> None:
        stage = self.stage
        self._assigned = self._gauge("assigned_partitions").labels(stage)
        self._lag = self._gauge("consumer_lag_records")
        self._entries = self._gauge("state_entries")
        self._bytes = self._gauge("state_bytes")
        self._restoring_partitions = self._gauge("state_restoring_partitions").labels(stage)
        self._restore_progress = self._gauge("state_restore_progress_ratio").labels(stage)
        self._restore_progress.set(1)
        self._snapshot_bytes = self._gauge("snapshot_bytes").labels(stage)
        self._progress = self._gauge("last_progress_timestamp_seconds").labels(stage)
        self._ready = self._gauge("ready").labels(stage)
        self._gauge("build_info").labels(stage, __version__, platform.python_version()).set(1)

    def _build_histograms(self) -> None:
        self._step = self._histogram("stage_seconds")
        self._batch = self._histogram("batch_records")
        self._transaction = self._histogram("transaction_seconds")
        self._late = self._histogram("event_loop_delay_seconds")
        self._restore = self._histogram("state_restore_seconds")
        self._snapshot_seconds = self._histogram("snapshot_seconds")
        metric = _metric("record_age_seconds")
        self._age = BatchHistogram(
            metric.name,
            metric.help,
            labels={"stage": self.stage.value},
            buckets=metric.buckets,
            registry=self._registry,
        )

    def _counter(self, name: str) -> Counter:
        metric = _metric(name)
        return Counter(metric.name, metric.help, metric.labels, registry=self._registry)

    def _gauge(self, name: str) -> Gauge:
        metric = _metric(name)
        return Gauge(metric.name, metric.help, metric.labels, registry=self._registry)

    def _histogram(self, name: str) -> Histogram:
        metric = _metric(name)
        family = Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self._registry)
        return family.labels(self.stage)


def _metric(name: str) -> Metric:
    return CATALOGUE[f"lodestream_{name}"]
