"""Snapshots under real workers: killed, damaged, swapped, and on a disk that takes nothing."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from harness import COUNTING_WORKER, Topics, Workers, check_counts, wait_until
from rounds import seed

PARTITIONS = 2
RECORDS = 6000


@pytest.mark.timeout(240)
def test_state_is_right_whatever_happens_to_its_snapshots(topics: Topics, workers: Workers, tmp_path: Path) -> None:
    topics.create(**{"in": PARTITIONS}, out=PARTITIONS, count_state=PARTITIONS, dead_letters=1)
    values = [b"%d" % number for number in range(RECORDS)]
    folder = tmp_path / "state"
    run = Runs(topics, workers, folder)

    run.feed(values[:1000])
    files = sorted(folder.glob("*.snapshot"))
    assert len(files) == PARTITIONS
    left_over = files[0].with_name(f"{files[0].name}.0.part")  # as of a worker that was killed while it wrote
    left_over.write_bytes(b"half a snapshot")

    said = run.feed(values[1000:2000])
    assert not left_over.exists()
    assert said.count('"event": "snapshot read"') == PARTITIONS, "a killed worker's snapshots are used"

    before = [file.read_bytes() for file in files]
    said = run.feed(values[2000:3000], full_disk=True)
    assert said.count('"event": "snapshot read"') == PARTITIONS
    assert '"event": "snapshot not written"' in said
    assert [file.read_bytes() for file in files] == before, "a disk that takes nothing leaves the ones before"

    number = seed()
    sys.stdout.write(f"damage of seed {number}\n")
    source, damaged = random.Random(number), bytearray(before[0])
    damaged[source.randrange(len(damaged))] ^= 1 << source.randrange(8)
    files[0].write_bytes(damaged)
    said = run.feed(values[3000:4000])
    assert said.count('"event": "snapshot ignored"') == 1
    assert said.count('"event": "snapshot read"') == PARTITIONS - 1

    swapped = [file.read_bytes() for file in files]
    for file, other in zip(files, reversed(swapped), strict=True):
        file.write_bytes(other)
    said = run.feed(values[4000:5000])
    assert said.count('"event": "snapshot ignored"') == PARTITIONS

    for file, old in zip(files, before, strict=True):  # from a backup: older than what the group has committed
        file.write_bytes(old)
    said = run.feed(values[5000:])
    assert said.count('"event": "snapshot read"') == PARTITIONS
    check_counts(topics, values)


class Runs:
    """One worker after the other on the same state folder, each killed when it has done its part."""

    def __init__(self, topics: Topics, workers: Workers, folder: Path) -> None:
        self._topics = topics
        self._workers = workers
        self._folder = folder
        self._fed = 0

    def feed(self, values: list[bytes], *, full_disk: bool = False) -> str:
        """Give a worker these records and kill it after it has had time for a snapshot of them; what it said."""
        self._topics.fill("in", values, PARTITIONS)
        self._fed += len(values)
        # The kernel lets no file of the worker grow beyond 256 KiB: room for its log, and for no snapshot.
        limit = ["sh", "-c", 'ulimit -f 512; exec "$0" "$@"'] if full_disk else []
        environment = {
            "LODESTREAM_STATE_FOLDER": str(self._folder),
            "LODESTREAM_SNAPSHOT_INTERVAL_SECONDS": "0.3",
            "LODESTREAM_BATCH_MAX_RECORDS": "25",
            "LODESTREAM_HOLD_TRANSACTION_SECONDS": "0.05",
            "LODESTREAM_LOG_FORMAT": "json",
            "LODESTREAM_INSTANCE_ID": "the-one",  # its successor takes over without the group waiting for it
        }
        worker = self._workers.start([*limit, sys.executable, str(COUNTING_WORKER)], **environment)
        self._wait(worker)
        worker.kill()
        worker.wait(30)
        return self._workers.output(worker)

    def _wait(self, worker: subprocess.Popen[bytes]) -> None:
        def done() -> bool:
            assert worker.poll() is None, self._workers.output(worker)
            return len(self._topics.read("out")) >= self._fed

        wait_until("all records so far", done, 60)
