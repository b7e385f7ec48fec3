"""The histogram for batches counts as the client library's own does."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from lodestream.metrics.histogram import BatchHistogram

BUCKETS = (0.01, 0.1, 0.25, 1, 60)
AGES = st.one_of(st.sampled_from(BUCKETS), st.floats(0, 100, width=32))


def batch_histogram(registry: CollectorRegistry) -> BatchHistogram:
    return BatchHistogram("age_seconds", "Age.", labels={"stage": "tag"}, buckets=BUCKETS, registry=registry)


@given(st.lists(st.lists(AGES, max_size=20), max_size=5))
def test_it_exposes_the_same_text_as_the_client_library_would(batches: list[list[float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    histogram = batch_histogram(ours)
    reference = Histogram("age_seconds", "Age.", ("stage",), buckets=BUCKETS, registry=theirs).labels("tag")
    for batch in batches:
        histogram.observe(batch)
        for value in batch:
            reference.observe(value)

    def lines(registry: CollectorRegistry) -> list[str]:
        return [line for line in generate_latest(registry).decode().splitlines() if "_sum" not in line]

    assert lines(ours) == lines(theirs)
    total = ours.get_sample_value("age_seconds_sum", {"stage": "tag"})
    assert total == pytest.approx(sum(map(sum, batches)))


def test_a_negative_value_counts_as_zero_so_that_the_sum_never_falls() -> None:
    registry = CollectorRegistry()
    batch_histogram(registry).observe([-5.0, 0.5])
    assert registry.get_sample_value("age_seconds_sum", {"stage": "tag"}) == 0.5
    assert registry.get_sample_value("age_seconds_bucket", {"stage": "tag", "le": "0.01"}) == 1


def test_a_second_histogram_of_the_same_name_is_refused() -> None:
    registry = CollectorRegistry()
    batch_histogram(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        batch_histogram(registry)


def test_an_exposition_taken_while_batches_come_in_is_consistent() -> None:
    registry = CollectorRegistry()
    histogram = batch_histogram(registry)
    stop = threading.Event()

    def observe() -> None:
        while not stop.is_set():
            histogram.observe([0.5] * 100)

    thread = threading.Thread(target=observe)
    thread.start()
    try:
        for _ in range(200):
            (family,) = histogram.collect()
            values = {sample.name: sample.value for sample in family.samples}
            assert values["age_seconds_sum"] == values["age_seconds_count"] * 0.5
    finally:
        stop.set()
        thread.join()
