"""A histogram that takes a batch of values in one call.

The client library's own takes one value at a time, in 2.6 microseconds with 17 buckets: at 70,000 records a
second that is a fifth of a core. Here a call costs about 15 microseconds and each value 0.06.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry


class BatchHistogram(Collector):
    """A histogram with fixed labels. Safe to read from another thread than the one that observes."""

    def __init__(
        self,
        name: str,
        documentation: str,
        *,
        labels: dict[str, str],
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._bounds = np.asarray(buckets, dtype=np.float64)
        self._counts = np.zeros(len(buckets) + 1, dtype=np.int64)  # the last one: above all bounds
        self._sum = 0.0
        self._lock = threading.Lock()  # counts and sum of one exposition belong together
        registry.register(self)

    def observe(self, values: Sequence[float]) -> None:
        """Count these values. A negative one counts as 0: two clocks may differ, and a sum must not fall."""
        array = np.maximum(np.asarray(values, dtype=np.float64), 0.0)
        counts = np.bincount(np.searchsorted(self._bounds, array), minlength=len(self._counts))
        total = float(array.sum())
        with self._lock:
            self._counts += counts
            self._sum += total

    def describe(self) -> Iterable[Metric]:
        """Name and type without values: the registry refuses a second metric of the same name by it."""
        return [HistogramMetricFamily(self._name, self._documentation, labels=list(self._labels))]

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            cumulated = np.cumsum(self._counts).tolist()
            total = self._sum
        bounds = [*(str(bound) for bound in self._bounds.tolist()), "+Inf"]
        family = HistogramMetricFamily(self._name, self._documentation, labels=list(self._labels))
        family.add_metric(list(self._labels.values()), list(zip(bounds, cumulated, strict=True)), total)
        return [family]
