"""The internals of Faust, mode and aiokafka that the engine builds on, and the versions that have them.

When this test fails after an upgrade: read what changed in these places before touching the pins.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from importlib.metadata import requires, version
from types import SimpleNamespace
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import Sender
from engine_config import CONFIG
from faust.app.base import App
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from faust.transport.drivers.aiokafka import Consumer as AIOKafkaConsumer
from mode.worker import Worker

from lodestream.engine.transport import ConsumerThread, _positions

PINS = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}


@pytest.mark.parametrize(("package", "pin"), PINS.items())
def test_the_pins_are_exact_and_installed(package: str, pin: str) -> None:
    assert version(package) == pin
    assert f"{package}=={pin}" in (requires("lodestream") or [])


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        # transport.py overrides these
        (AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
        (
            AIOKafkaConsumerThread,
            "_fetch_records",
            ["self", "consumer", "active_partitions", "timeout", "max_records"],
        ),
        (AIOKafkaConsumer, "_new_consumer_thread", ["self"]),
        (AIOKafkaConsumer, "verify_event_path", ["self", "now", "tp"]),
        (Consumer, "getmany", ["self", "timeout"]),
        (Consumer, "on_partitions_revoked", ["self", "revoked"]),
        (Consumer, "on_partitions_assigned", ["self", "assigned", "generation_id"]),
        (Consumer, "_commit", ["self", "offsets"]),
        (Consumer, "_add_gap", ["self", "tp", "offset_from", "offset_to"]),
        (Consumer, "perform_seek", ["self"]),
        # … and calls or reads these
        (Consumer, "_wait_next_records", ["self", "timeout"]),
        (Consumer, "on_buffer_full", ["self", "tp"]),
        (Consumer, "on_buffer_drop", ["self", "tp"]),
        (AIOKafkaConsumerThread, "call_thread", ["self", "fun", "args", "kwargs"]),
        (AIOKafkaConsumerThread, "_ensure_consumer", ["self"]),
        (aiokafka.AIOKafkaConsumer, "committed", ["self", "partition"]),
        (aiokafka.AIOKafkaConsumer, "seek", ["self", "partition", "offset"]),
        (Consumer, "stop_flow", ["self"]),
        (Assignment, "state_value", ["self", "tp"]),
        (GroupCoordinator, "_push_error_to_user", ["self", "exc"]),
        (GroupCoordinator, "check_errors", ["self"]),
        # runtime.py
        (App, "_create_directories", ["self"]),
        (App, "crash", ["self", "reason"]),
        # process.py
        (Worker, "_schedule_shutdown", ["self", "signal"]),
        # transaction.py
        (Sender, "close", ["self"]),
        (aiokafka.AIOKafkaProducer, "send_offsets_to_transaction", ["self", "offsets", "group_id"]),
    ],
)
def test_what_the_engine_overrides_or_calls_is_there(owner: type, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_every_assignment_seeks_before_the_flow_resumes() -> None:
    source = inspect.getsource(Recovery._resume_streams)
    assert source.index("perform_seek()") < source.index("resume_flow()")


def test_a_fetch_begins_only_while_the_flow_goes_on_and_moves_positions_only_while_it_is_under_way() -> None:
    assert inspect.getsource(AIOKafkaConsumerThread._fetch_records).index("flow_active") < inspect.getsource(
        AIOKafkaConsumerThread._fetch_records
    ).index("fetched_records")
    assert "_update_position" in inspect.getsource(FetchResult.getall)


async def test_who_has_not_fetched_for_the_poll_interval_leaves_the_group_so_the_engine_makes_it_endless() -> None:
    assert "idle_time < self._max_poll_interval" in inspect.getsource(GroupCoordinator)
    config = replace(CONFIG, client={"bootstrap_servers": ["127.0.0.1:1"]})
    thread: Any = SimpleNamespace()
    consumer = ConsumerThread._create_worker_consumer(thread, SimpleNamespace(lanes=SimpleNamespace(config=config)))
    assert consumer._max_poll_interval_ms > 20 * 86_400_000
    assert consumer._rebalance_timeout_ms == 60_000
    assert _positions(consumer) == {}
    await consumer.stop()


def test_what_was_read_of_a_partition_must_be_known_before_a_record_of_it_passes() -> None:
    assert "get_read_offset = self._read_offset.__getitem__" in inspect.getsource(Consumer._drain_messages)
    assert "self._read_offset.pop(tp" in inspect.getsource(Consumer.on_partitions_revoked)


def test_committed_offsets_are_asked_for_each_time_and_move_no_position() -> None:
    source = inspect.getsource(aiokafka.AIOKafkaConsumer.committed)
    assert "fetch_committed_offsets" in source
    assert "seek" not in source.split('"""')[2]


def test_a_transport_names_its_consumer_class() -> None:
    assert issubclass(Transport.Consumer, Consumer)
    assert isinstance(faust.App.transport, property)


def test_a_batch_counts_what_its_builder_was_given() -> None:
    batch = BatchBuilder(1000, 0, is_transactional=1)
    headers = [("name", b"value")]
    assert batch._builder.append(0, 1_780_000_000_000, b"key", b"value", headers) is not None
    assert batch._builder.append(1, 1_780_000_000_000, None, b"x" * 2000, []) is None, "a full batch says None"
    batch._relative_offset = 1
    assert batch.record_count() == 1
    alone = BatchBuilder(1000, 0, is_transactional=1)
    assert alone._builder.append(0, 1_780_000_000_000, None, b"x" * 2000, []) is not None, "the first one always fits"
