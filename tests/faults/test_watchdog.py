"""A worker that hangs ends itself and says where; one that has nothing to do, or is slow, or has no Kafka, does not."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest

from harness import Topics, Workers, check_counts, wait_until
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.settings import load

SECONDS = 5
SHORT = {
    "LODESTREAM_WATCHDOG_SECONDS": str(SECONDS),
    "LODESTREAM_TRANSACTION_TIMEOUT_SECONDS": "4",
    "LODESTREAM_PARSER_SECONDS": "0.5",
}
TAME = {"COUNTING_WORKER_TAME": "1"}
DEAF = {"COUNTING_WORKER_DEAF": "1", "LODESTREAM_LANE_QUEUE_BYTES": "1"}
WORDS = [b"%d" % number for number in range(100)]


class Hang(NamedTuple):
    """What a worker is given, and how it must end: its code, why, and the function where it stood."""

    value: bytes
    code: int
    reason: str
    place: str


HANGS = (
    Hang(b"hang-python", 70, "the event loop has not turned", "hang_in_python"),
    # Nothing of Python ran any more, because the lock was held: that end is faulthandler's own.
    Hang(b"hang-native", 1, "", "hang_with_the_interpreters_lock"),
    Hang(b"hang-commit", 70, "partition 0 has made no progress", "hang_in_a_commit"),
)


class Deployment:
    """Topics and counting workers of a prefix of their own."""

    def __init__(self, kafka: EmbeddedKafka, folder: Path) -> None:
        prefix = f"t-{uuid.uuid4().hex[:8]}."
        settings = load(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix, http_port=0)
        (folder / prefix).mkdir()
        self.topics = Topics(settings)
        self.workers = Workers(settings, folder / prefix)
        self.topics.create(**{"in": 1}, out=1, count_state=1, dead_letters=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.workers.end()

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        return self.workers.counting(**SHORT, **environment)

    def fill(self, *values: bytes) -> None:
        self.topics.fill("in", values, 1)

    def done(self, worker: subprocess.Popen[bytes], *values: bytes) -> None:
        """All values come out, each once and with the right state, and the worker stops as it should."""
        wait_until("all records", lambda: len(self.topics.read("out")) >= len(values))
        worker.terminate()
        assert worker.wait(60) == 0, self.workers.output(worker)
        check_counts(self.topics, values)


def last_words(output: str) -> dict[str, Any]:
    """The line of the log that the watchdog wrote."""
    (said,) = [line for line in output.splitlines() if '"watchdog: no progress' in line]
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.timeout(180)
def test_a_worker_that_hangs_ends_and_names_the_place_and_its_successor_loses_nothing(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        each = {hang: stack.enter_context(Deployment(kafka, tmp_path)) for hang in HANGS}
        deaf = stack.enter_context(Deployment(kafka, tmp_path))
        deaf.fill(*WORDS)
        does_not_take = deaf.start(**DEAF)
        hung = {}
        for hang, one in each.items():
            one.fill(*WORDS, hang.value, *WORDS)
            hung[hang] = one.start()
        wait_until("the first records", lambda: len(deaf.topics.read("out")) > 0)
        deaf.fill(*WORDS)

        for hang, one in each.items():
            code = hung[hang].wait(60)
            output = one.workers.output(hung[hang])
            assert code == hang.code, output
            assert hang.place in output
            if hang.code == 70:
                said = last_words(output)
                assert hang.reason in said["reason"]
                places = [place for kind in ("threads", "tasks") for some in said[kind].values() for place in some]
                assert any(hang.place in place for place in places)
        assert does_not_take.wait(60) == 70
        assert "records from offset" in last_words(deaf.workers.output(does_not_take))["reason"]

        successors = {hang: one.start(**TAME) for hang, one in each.items()}
        hears = deaf.start()
        for hang, one in each.items():
            one.done(successors[hang], *WORDS, hang.value, *WORDS)
        deaf.done(hears, *WORDS, *WORDS)


@pytest.mark.timeout(180)
def test_a_worker_that_is_slow_or_has_nothing_to_do_or_no_kafka_lives_on(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    slowly = [b"slow-%d" % number for number in range(800)]  # each takes 0.015 s
    assert 0.015 * len(slowly) > 2 * SECONDS
    with EmbeddedKafka(tmp_path / "kafka") as other, Deployment(kafka, tmp_path) as slow:
        slow.fill(*slowly)
        slow_worker = slow.start()
        with Deployment(other, tmp_path) as idle:
            idle.fill(*WORDS)
            idle_worker = idle.start()
            wait_until("the first records", lambda: len(idle.topics.read("out")) == len(WORDS))
            time.sleep(1.5 * SECONDS)
            assert idle_worker.poll() is None, idle.workers.output(idle_worker)
            other.kill()
            time.sleep(2 * SECONDS)
            assert idle_worker.poll() is None, idle.workers.output(idle_worker)
            assert "the watchdog got no answer from Kafka" in idle.workers.output(idle_worker)
            other.start()
            idle.fill(*WORDS)
            idle.done(idle_worker, *WORDS, *WORDS)
            assert "no progress" not in idle.workers.output(idle_worker)
        slow.done(slow_worker, *slowly)
        assert "no progress" not in slow.workers.output(slow_worker)
