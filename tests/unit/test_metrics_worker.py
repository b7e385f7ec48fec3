"""What each event of the engine does to the metrics."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from lodestream.engine.observer import Observer, Tear
from lodestream.engine.step import StoreSize
from lodestream.errors import Reason
from lodestream.metrics import Metrics, new_registry
from lodestream.metrics.catalogue import OUTCOMES, SNAPSHOT_EVENTS, TAG_KINDS, TEARS, Stage

NOW = 1_753_000_000.0


class Worker:
    """Metrics of a stage with a clock that can be set, and a short way to read them."""

    def __init__(self, stage: str) -> None:
        self.registry = CollectorRegistry()
        self.now = NOW
        self.metrics = Metrics(self.registry, stage, clock=lambda: self.now)
        self.observer: Observer = self.metrics  # the type checker compares all signatures here
        self.stage = stage

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"lodestream_{name}", {"stage": self.stage} | labels)


def test_it_has_every_method_of_the_engines_observer_with_the_same_parameters() -> None:
    for name, method in inspect.getmembers(Observer, inspect.isfunction):
        if not name.startswith("_"):
            ours = inspect.signature(getattr(Metrics, name))
            assert list(ours.parameters) == list(inspect.signature(method).parameters), name


EVENTS: list[tuple[Callable[[Metrics], None], dict[str, float]]] = [
    (lambda m: m.received(7), {"records_received_total": 7}),
    (
        lambda m: m.stepped(7, 0.02),
        {"stage_seconds_count": 1, "stage_seconds_sum": 0.02, "batch_records_count": 1, "batch_records_sum": 7},
    ),
    (
        lambda m: m.committed(0.03, {}, [0.5, 1.5]),
        {
            "transaction_seconds_count": 1,
            "transaction_seconds_sum": 0.03,
            "record_age_seconds_count": 2,
            "record_age_seconds_sum": 2.0,
        },
    ),
    (lambda m: m.committed(0.03, {}, []), {"transaction_seconds_count": 1, "record_age_seconds_count": 0}),
    (lambda m: m.rebalanced(3), {"rebalances_total": 1, "assigned_partitions": 3}),
    (lambda m: m.fenced(), {"fenced_lanes_total": 1}),
    (lambda m: m.loop_delay(0.004), {"event_loop_delay_seconds_count": 1, "event_loop_delay_seconds_sum": 0.004}),
    (lambda m: m.ready(True), {"ready": 1}),
]


@pytest.mark.parametrize(("event", "expected"), EVENTS)
@pytest.mark.parametrize("stage", Stage)
def test_an_event_changes_its_metrics(stage: str, event: Callable[[Metrics], None], expected: dict[str, float]) -> None:
    worker = Worker(stage)
    before = {name: worker.value(name) for name in expected}
    assert set(before.values()) == {0.0}, "a series that starts with its first event hides it from rate()"
    event(worker.metrics)
    assert {name: worker.value(name) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("stage", Stage)
def test_every_outcome_of_a_stage_is_counted_from_zero(stage: Stage) -> None:
    worker = Worker(stage)
    for outcome in OUTCOMES[stage]:
        assert worker.value("articles_total", outcome=outcome) == 0
        worker.metrics.committed(0.01, {("articles", outcome.value): 3}, [])
        assert worker.value("articles_total", outcome=outcome) == 3


def test_every_kind_of_tag_is_counted_from_zero() -> None:
    worker = Worker("tag")
    for kind in TAG_KINDS:
        worker.metrics.committed(0.01, {("tags", kind): 2}, [])
        assert worker.registry.get_sample_value("lodestream_tags_total", {"kind": kind}) == 2
    assert len(TAG_KINDS) == 8


def test_every_reason_of_a_dead_letter_is_counted_from_zero() -> None:
    worker = Worker("clean")
    for reason in Reason:
        assert worker.value("dead_letters_total", reason=reason) == 0
        worker.metrics.dead_lettered({reason: 2})
        assert worker.value("dead_letters_total", reason=reason) == 2


def test_transactions_are_counted_by_result() -> None:
    worker = Worker("clean")
    worker.metrics.committed(0.01, {}, [])
    worker.metrics.aborted()
    worker.metrics.aborted()
    assert worker.value("transactions_total", result="committed") == 1
    assert worker.value("transactions_total", result="aborted") == 2


def test_documents_are_counted_where_they_come_in_and_nowhere_else() -> None:
    clean, tag = Worker("clean"), Worker("tag")
    clean.metrics.received(5)
    tag.metrics.received(5)
    assert clean.registry.get_sample_value("lodestream_documents_received_total") == 5
    assert tag.registry.get_sample_value("lodestream_documents_received_total") is None


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("clean", ("articles", "near")),
        ("dedupe", ("articles", "duplicate")),
        ("dedupe", ("tags", "topic")),
        ("tag", ("tags", "animal")),
        ("tag", ("pages", "enriched")),
    ],
)
def test_a_name_that_the_catalogue_does_not_have_raises(stage: str, name: tuple[str, str]) -> None:
    with pytest.raises(KeyError):
        Worker(stage).metrics.committed(0.01, {name: 1}, [])


def test_an_unknown_reason_store_reason_or_stage_raises() -> None:
    with pytest.raises(KeyError):
        Worker("tag").metrics.dead_lettered({"bad_luck": 1})
    with pytest.raises(KeyError):
        Worker("tag").metrics.state(0, {"index": StoreSize(1, 1)}, {("index", "age"): 1})
    with pytest.raises(ValueError, match="polish"):
        Metrics(CollectorRegistry(), "polish")


def test_sizes_are_summed_over_partitions_and_leave_with_them() -> None:
    worker = Worker("dedupe")

    def sizes() -> tuple[float | None, float | None]:
        return worker.value("state_entries", store="index"), worker.value("state_bytes", store="index")

    worker.metrics.state(0, {"index": StoreSize(10, 100)}, {})
    worker.metrics.state(1, {"index": StoreSize(5, 50)}, {})
    assert sizes() == (15, 150)
    worker.metrics.state(0, {"index": StoreSize(7, 70)}, {})
    assert sizes() == (12, 120)
    worker.metrics.released(1)
    assert sizes() == (7, 70)
    worker.metrics.released(0)
    assert sizes() == (0, 0)


def test_evictions_count_what_happens_live_and_not_what_a_restore_repeats() -> None:
    worker = Worker("dedupe")
    store = {"index": StoreSize(1, 1)}

    def evicted() -> float | None:
        return worker.value("state_evictions_total", store="index", why="window")

    worker.metrics.restored(0, 10, 1.0)
    worker.metrics.state(0, store, {("index", "window"): 1_000})
    assert evicted() == 0, "these left when the blocks were first written"
    worker.metrics.state(0, store, {("index", "window"): 1_004})
    assert evicted() == 4
    worker.metrics.restored(0, 10, 1.0)
    worker.metrics.state(0, store, {("index", "window"): 1_050})
    assert evicted() == 4
    worker.metrics.state(0, store, {("index", "window"): 1_051})
    assert evicted() == 5
    worker.metrics.released(0)
    worker.metrics.state(0, store, {("index", "window"): 2_000})
    assert evicted() == 5


def test_a_restore_shows_its_progress_and_its_end() -> None:
    worker = Worker("dedupe")
    worker.metrics.restoring(0, 10, 0.5)
    worker.metrics.restoring(1, 4, 0.5)
    worker.metrics.restoring(0, 25, 0.5)
    assert worker.value("state_restored_blocks_total") == 29
    assert worker.value("state_restoring_partitions") == 2
    worker.metrics.restored(0, 30, 2.0)
    assert worker.value("state_restored_blocks_total") == 34
    assert worker.value("state_restoring_partitions") == 1
    assert worker.value("state_restore_seconds_sum") == 2.0
    worker.metrics.released(1)
    assert worker.value("state_restoring_partitions") == 0
    worker.metrics.restoring(0, 3, 0.5)
    assert worker.value("state_restored_blocks_total") == 37, "a second restore counts from its own start"


def test_a_restore_that_ends_without_a_word_is_not_shown_for_ever() -> None:
    worker = Worker("dedupe")

    def restoring() -> float | None:
        return worker.value("state_restoring_partitions")

    def evicted() -> float | None:
        return worker.value("state_evictions_total", store="index", why="cap")

    store = {"index": StoreSize(1, 1)}
    worker.metrics.state(0, store, {("index", "cap"): 5})
    worker.metrics.restoring(0, 10, 0.5)
    assert restoring() == 1
    worker.metrics.state(0, store, {("index", "cap"): 9})  # a batch was rewound and done again
    assert (restoring(), evicted()) == (0, 0)
    worker.metrics.restoring(0, 10, 0.5)
    worker.metrics.restoring(1, 10, 0.5)
    worker.metrics.rebalanced(1)
    assert restoring() == 0


def test_lag_shows_the_partitions_of_the_last_report_only() -> None:
    worker = Worker("clean")

    def lag(partition: str) -> float | None:
        return worker.value("consumer_lag_records", topic="lodestream.raw", partition=partition)

    worker.metrics.lag({("lodestream.raw", 0): 5, ("lodestream.raw", 1): 6})
    assert (lag("0"), lag("1")) == (5, 6)
    worker.metrics.lag({("lodestream.raw", 1): 2, ("lodestream.raw", 2): 3})
    assert (lag("0"), lag("1"), lag("2")) == (None, 2, 3)
    worker.metrics.released(2)
    assert (lag("1"), lag("2")) == (2, None)


def test_progress_is_the_time_of_the_last_commit_or_restored_block() -> None:
    worker = Worker("clean")
    assert worker.value("last_progress_timestamp_seconds") == NOW, "0 would read as 50 years of standstill"
    worker.now += 10
    worker.metrics.received(1)
    worker.metrics.aborted()
    assert worker.value("last_progress_timestamp_seconds") == NOW
    worker.metrics.committed(0.01, {}, [])
    assert worker.value("last_progress_timestamp_seconds") == NOW + 10
    worker.now += 10
    worker.metrics.restoring(0, 1, 0.5)
    assert worker.value("last_progress_timestamp_seconds") == NOW + 20


def test_the_registry_of_a_process_holds_its_memory_and_cpu_too() -> None:
    text = generate_latest(new_registry()).decode()
    assert "process_resident_memory_bytes" in text
    assert "process_cpu_seconds_total" in text
    assert "_created" not in text


def test_torn_repeated_and_expired_are_counted_from_0() -> None:
    worker = Worker("dedupe")
    for name in ("repeated_records_total", "expired_records_total"):
        assert worker.value(name) == 0
    assert [worker.value("torn_transactions_total", tear=tear) for tear in Tear] == [0, 0]
    worker.metrics.torn(Tear.OFFSET_AHEAD)
    worker.metrics.repeated(3)
    worker.metrics.expired(40)
    assert [worker.value("torn_transactions_total", tear=tear) for tear in Tear] == [0, 1]
    assert (worker.value("repeated_records_total"), worker.value("expired_records_total")) == (3, 40)


def test_snapshots_are_counted_and_their_sizes_summed_over_the_partitions_that_are_ours() -> None:
    worker = Worker("dedupe")
    worker.metrics.snapshot_written(0, 0.5, 100)
    worker.metrics.snapshot_written(1, 0.5, 30)
    worker.metrics.snapshot_written(0, 0.5, 110)
    worker.metrics.snapshot_failed(1)
    worker.metrics.snapshot_used(1)
    worker.metrics.snapshot_ignored(1)
    events = {event: worker.value("snapshots_total", event=event) for event in SNAPSHOT_EVENTS}
    assert events == {"written": 3, "failed": 1, "used": 1, "ignored": 1}
    assert worker.value("snapshot_bytes") == 140
    assert worker.value("snapshot_seconds_sum") == 1.5
    worker.metrics.released(0)
    assert worker.value("snapshot_bytes") == 30


def test_the_progress_of_a_restore_is_that_of_the_least_advanced() -> None:
    worker = Worker("dedupe")
    assert worker.value("state_restore_progress_ratio") == 1
    worker.metrics.restoring(0, 10, 0.75)
    worker.metrics.restoring(1, 1, 0.25)
    assert worker.value("state_restore_progress_ratio") == 0.25
    worker.metrics.restored(1, 5, 1.0)
    assert worker.value("state_restore_progress_ratio") == 0.75
    worker.metrics.rebalanced(1)
    assert worker.value("state_restore_progress_ratio") == 1


def test_the_catalogue_has_the_tears_that_the_engine_tells() -> None:
    assert tuple(Tear) == TEARS
