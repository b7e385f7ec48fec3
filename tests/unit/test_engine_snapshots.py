"""Snapshots: what they hold comes back, and what does not fit is ignored: the changelog has everything."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from engine_config import CONFIG
from engine_logs import PARTITIONS, Memory, Text, TextStep, block
from structlog.testing import capture_logs

from lodestream.engine.breaker import Breaker
from lodestream.engine.changelog import PartitionState, Place
from lodestream.engine.config import EngineConfig
from lodestream.engine.observer import Observer
from lodestream.engine.restore import Restorer
from lodestream.engine.snapshots import CancelledWriteError, Frozen, SnapshotError, Snapshots
from lodestream.engine.snapshotter import Snapshotter
from lodestream.errors import StateError
from lodestream.origins import Marks

BLOCKS = [block(0, 5, b"a"), block(5, 9, b"b"), block(9, 12, b"c"), block(12, 13, b"d")]


class Counting(Observer):
    def __init__(self) -> None:
        self.events: list[str] = []

    def snapshot_written(self, partition: int, seconds: float, size: int) -> None:
        assert (partition, seconds > 0, size > 0) == (2, True, True)
        self.events.append("written")

    def snapshot_failed(self, partition: int) -> None:
        assert partition == 2
        self.events.append("failed")

    def snapshot_used(self, partition: int) -> None:
        assert partition == 2
        self.events.append("used")

    def snapshot_ignored(self, partition: int) -> None:
        assert partition == 2
        self.events.append("ignored")


def config(folder: Path | None) -> EngineConfig:
    return replace(CONFIG, state_folder=folder, snapshot_interval=0.001)


async def restore(
    settings: EngineConfig, memory: Memory, committed: int, partitions: int = PARTITIONS
) -> tuple[PartitionState, list[str]]:
    told = Counting()
    restorer = Restorer(
        config=settings,
        partition=2,
        new_step=TextStep,
        logs=memory,
        snapshots=Snapshots(settings),
        observer=told,
        progressed=lambda: None,
    )
    return await restorer.restore(committed, partitions), told.events


def text(state: PartitionState) -> bytes:
    assert isinstance(state.step, TextStep)
    return state.step.text.text


async def written(folder: Path, committed: int = 9) -> Path:
    """A snapshot of the state at this offset."""
    state, _ = await restore(config(None), Memory(BLOCKS), committed)
    snapshots = Snapshots(config(folder))
    assert snapshots.write(2, snapshots.freeze(2, PARTITIONS, state), threading.Event()) > 100
    return snapshots.path(2)


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_restore_begins_with_the_snapshot_and_reads_the_tail_only(tmp_path: Path) -> None:
    path = await written(tmp_path)
    memory = Memory(BLOCKS)
    state, events = await restore(config(tmp_path), memory, 13)
    assert (text(state), state.next_offset, state.blocks, events) == (b"abcd", 13, 4, ["used"])
    assert state.breaker.pack() == Breaker(run=13).pack()
    assert memory.read == [2, 4, 6], "from the block that the snapshot ends with, to know it again"
    assert files(tmp_path) == [path]

    state, events = await restore(config(tmp_path), Memory(BLOCKS), 9)
    assert (text(state), state.next_offset, state.clock, state.marks) == (b"ab", 9, 90, Marks({0: (9, 0)}))
    assert state.breaker.pack() == Breaker(run=9).pack()
    assert events == ["used"]


def cut_short(data: bytes) -> bytes:
    return data[:-1]


def flipped(data: bytes) -> bytes:
    """One bit of the state's bytes."""
    at = data.index(b"ab", 40)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def too_new(data: bytes) -> bytes:
    return data[:4] + b"\x02\x00" + data[6:]


DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "is no snapshot": lambda _: b"",
    "it is no snapshot": lambda data: b"XXXX" + data[4:],
    "it has format 2, this release reads 1": too_new,
    "its checksum differs": flipped,
    "it is damaged": cut_short,
    "no snapshot": lambda _: b"LSSN",
}


@pytest.mark.parametrize("why", DAMAGES)
async def test_a_damaged_or_too_new_one_is_ignored_with_a_warning(tmp_path: Path, why: str) -> None:
    path = await written(tmp_path)
    path.write_bytes(DAMAGES[why](path.read_bytes()))
    await ignored(config(tmp_path), Memory(BLOCKS), 13, why)


async def ignored(settings: EngineConfig, memory: Memory, committed: int, why: str) -> None:
    with capture_logs() as logs:
        state, events = await restore(settings, memory, committed)
    assert [line["log_level"] for line in logs if why in line.get("why", "")] == ["warning"], logs
    assert events == ["ignored"]
    whole, _ = await restore(config(None), memory, committed)
    assert (text(state), state.next_offset, state.blocks) == (text(whole), whole.next_offset, whole.blocks)


async def test_one_of_another_log_is_ignored(tmp_path: Path) -> None:
    await written(tmp_path)
    other = [block(0, 5, b"A"), block(5, 9, b"B"), *BLOCKS[2:]]
    await ignored(config(tmp_path), Memory(other), 13, "another block where it ends")
    await ignored(config(tmp_path), Memory(BLOCKS[:1]), 5, "but 5 is committed")
    short = [block(0, 13, b"A")]
    await ignored(config(tmp_path), Memory(short), 13, "does not have the block that it ends with")
    await ignored(config(tmp_path), Memory(BLOCKS, beginning=4), 13, "no longer has the block")


@pytest.mark.parametrize(
    ("change", "partitions", "why"),
    [({"changelog": "q.count-state"}, 4, "another changelog"), ({}, 5, "another partitions")],
)
async def test_one_of_another_deployment_is_ignored(
    tmp_path: Path, change: dict[str, Any], partitions: int, why: str
) -> None:
    path = await written(tmp_path)
    settings = replace(config(tmp_path), **change)
    path.rename(Snapshots(settings).path(2))
    with pytest.raises(SnapshotError, match=why):
        Snapshots(settings).read(2, partitions, TextStep())


async def test_one_with_a_state_of_another_format_or_other_settings_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(tmp_path)
    monkeypatch.setattr(Text, "FORMAT", 8)
    with pytest.raises(SnapshotError, match="another state_format: 7, not 8"):
        Snapshots(config(tmp_path)).read(2, PARTITIONS, TextStep())
    monkeypatch.undo()

    def refuse(_self: Text, _data: memoryview) -> None:
        raise StateError("another window")

    monkeypatch.setattr(Text, "load", refuse)
    await ignored(config(tmp_path), Memory(BLOCKS), 13, "another window")


@pytest.mark.parametrize("error", [StateError("no such place"), IndexError("no such place")])
async def test_one_whose_state_does_not_take_the_next_block_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await written(tmp_path)
    load, apply = Text.load, Text.apply
    loaded: list[Text] = []

    def load_wrong(state: Text, data: memoryview) -> None:
        loaded.append(state)
        load(state, data)

    def apply_to(state: Text, changes: bytes) -> None:
        if state in loaded:
            raise error
        apply(state, changes)

    monkeypatch.setattr(Text, "load", load_wrong)
    monkeypatch.setattr(Text, "apply", apply_to)
    await ignored(config(tmp_path), Memory(BLOCKS), 13, "does not take the block that follows")
    assert len(loaded) == 1


async def test_whatever_a_state_makes_of_its_bytes_it_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(tmp_path)

    def stumble(_self: Text, data: memoryview) -> None:
        piece = data[1:2]
        raise IndexError(f"out of range, with {len(piece)} byte in hand")

    monkeypatch.setattr(Text, "load", stumble)
    await ignored(config(tmp_path), Memory(BLOCKS), 13, "out of range")

    def too_much(_self: Text, _data: memoryview) -> None:
        raise MemoryError

    monkeypatch.setattr(Text, "load", too_much)
    with pytest.raises(MemoryError):
        await restore(config(tmp_path), Memory(BLOCKS), 13)


async def test_a_sector_that_cannot_be_read_is_an_error_and_not_the_end_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await written(tmp_path)

    class BadSector(BytesIO):
        def fileno(self) -> int:
            return descriptor

        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 0:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    with path.open("rb") as file:
        descriptor = file.fileno()
        bad = BadSector(path.read_bytes())
        monkeypatch.setattr(Path, "open", lambda *_: bad)
        await ignored(config(tmp_path), Memory(BLOCKS), 13, "it cannot be read: [Errno 5]")


async def test_one_with_a_torn_transaction_in_it_is_ignored_once_that_is_void(tmp_path: Path) -> None:
    await written(tmp_path)  # ends with the block 5 to 9
    again = [*BLOCKS[:2], block(5, 8, b"B"), block(8, 12, b"C")]
    await ignored(config(tmp_path), Memory(again), 12, "was void")
    await ignored(config(tmp_path), Memory(again[:2]), 5, "it ends at input offset 9, but 5 is committed")


async def test_a_write_that_fails_or_is_given_up_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await written(tmp_path)
    before = path.read_bytes()
    state, _ = await restore(config(None), Memory(BLOCKS), 12)
    snapshots = Snapshots(config(tmp_path))
    frozen = snapshots.freeze(2, PARTITIONS, state)

    given_up = threading.Event()
    given_up.set()
    with pytest.raises(CancelledWriteError):
        snapshots.write(2, frozen, given_up)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            snapshots.write(2, frozen, threading.Event())
    assert path.read_bytes() == before
    assert files(tmp_path) == [path]

    (tmp_path / f"{path.name}.123.part").write_bytes(b"left by a writer that was killed")
    snapshots.write(2, frozen, threading.Event())
    assert files(tmp_path) == [path]
    assert path.read_bytes() != before


async def settled(snapshotter: Snapshotter) -> None:
    assert snapshotter._task is not None
    await asyncio.wait([snapshotter._task], timeout=10)


async def test_a_lane_writes_one_now_and_then_and_goes_on_when_the_disk_does_not_take_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    settings = config(folder)
    snapshots, told = Snapshots(settings), Counting()
    state, _ = await restore(config(None), Memory(BLOCKS), 9)
    snapshotter = Snapshotter(settings, 2, snapshots, told)
    await asyncio.sleep(0.002)
    assert snapshotter.is_due(state)
    snapshotter.begin(PARTITIONS, state)
    assert not snapshotter.is_due(state), "one at a time"
    await settled(snapshotter)
    await asyncio.sleep(0.002)
    assert not snapshotter.is_due(state), "it has that one"

    state.place = Place(4, b"other")
    assert snapshotter.is_due(state)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_bytes(b"a file is no folder: the disk takes nothing")
    snapshotter.begin(PARTITIONS, state)
    await settled(snapshotter)
    assert told.events == ["written", "failed"]
    await asyncio.sleep(0.002)
    state.place = Place(6, b"another")
    assert snapshotter.is_due(state), "it tries again"
    await snapshotter.end()


async def test_a_bug_while_a_snapshot_is_written_is_not_swallowed(tmp_path: Path) -> None:
    class Broken(Snapshots):
        def freeze(self, partition: int, partitions: int, state: PartitionState) -> Frozen:
            def pieces() -> Iterator[bytes]:
                raise ZeroDivisionError

            return replace(super().freeze(partition, partitions, state), pieces=pieces)

    settings = config(tmp_path)
    state, _ = await restore(config(None), Memory(BLOCKS), 9)
    snapshotter = Snapshotter(settings, 2, Broken(settings), Counting())
    snapshotter.begin(PARTITIONS, state)
    await settled(snapshotter)
    await asyncio.sleep(0.002)
    with pytest.raises(ZeroDivisionError):
        snapshotter.is_due(state)
