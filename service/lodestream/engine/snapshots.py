"""Local snapshots of the state: a restore then needs the changelog's tail only.

A snapshot is a copy that may always be missing. It is never trusted: one that is damaged, of another format, another
deployment or other settings, or whose last block is not in the changelog, is ignored with a warning, and the
changelog gives the state.

Layout, little endian: magic `LSSN`, u16 format of the file, u32 length of the head, the head (JSON), the state's own
bytes, then 16 bytes of XXH3-128 over all before. Written beside its place and renamed, so it is whole or not there.
"""

from __future__ import annotations

import base64
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
import xxhash

from lodestream.engine.breaker import Breaker
from lodestream.engine.changelog import PartitionState, Place
from lodestream.engine.config import EngineConfig
from lodestream.engine.step import Step
from lodestream.origins import Marks

FORMAT: Final = 1

_MAGIC: Final = b"LSSN"
_START: Final = struct.Struct("<4sHI")
_DIGEST: Final = 16
_CHECKED_AT_ONCE: Final = 16 << 20


class SnapshotError(Exception):
    """A snapshot that cannot be used: the text says why."""


class CancelledWriteError(Exception):
    """A snapshot was given up while it was written."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A state at one committed offset, ready to be written while the live one goes on. `pieces` gives its bytes."""

    head: dict[str, Any]
    pieces: Callable[[], Iterator[bytes]]


class Snapshots:
    """The snapshots of one agent in a folder; None: there are none. Methods block: call them in a thread."""

    def __init__(self, config: EngineConfig) -> None:
        self.busy = False  # one is being written: they are large, and take their turns
        self._config = config
        self._folder = config.state_folder

    @property
    def enabled(self) -> bool:
        return self._folder is not None

    def path(self, partition: int) -> Path:
        """The file of a partition. Topic names hold no character that a file name may not."""
        if self._folder is None:
            raise SnapshotError("there is no folder for snapshots")
        return self._folder / f"{self._config.changelog}-{partition}.snapshot"

    def freeze(self, partition: int, partitions: int, state: PartitionState) -> Frozen:
        """Copy what the state has now: cheap, and not to be run beside a step. The state must be the committed one."""
        if state.place is None:
            raise SnapshotError("the state has no block in the changelog yet")
        head = {
            **self._identity(partition, partitions, state.step),
            "next_offset": state.next_offset,
            "clock": state.clock,
            "blocks": state.blocks,
            "block_offset": state.place.offset,
            "block_digest": state.place.digest.hex(),
            "breaker": base64.b64encode(state.breaker.pack()).decode(),
            "marks": base64.b64encode(state.marks.pack()).decode(),
        }
        return Frozen(head, state.step.state.freeze())

    def write(self, partition: int, frozen: Frozen, cancelled: threading.Event) -> int:
        """Write a snapshot in place of the one before; its size in bytes.

        Raises `OSError` when the disk does not take it and `CancelledWriteError`; the one before stays then.
        """
        path = self.path(partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        for left_over in path.parent.glob(f"{path.name}.*.part"):  # by a writer that was killed
            left_over.unlink(missing_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                digest = xxhash.xxh3_128()
                head = orjson.dumps(frozen.head)
                for piece in chain([_START.pack(_MAGIC, FORMAT, len(head)), head], frozen.pieces()):
                    _check(cancelled)
                    digest.update(piece)
                    file.write(piece)
                file.write(digest.digest())
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return size

    def read(self, partition: int, partitions: int, step: Step) -> PartitionState | None:
        """The state of a partition with its bytes in the given, fresh step; None when there is no snapshot.

        Raises `SnapshotError` for one that is damaged or does not fit; the step must not be used then.
        """
        if self._folder is None:
            return None
        try:
            with self.path(partition).open("rb") as file:
                # A bad sector is an error to a read, and the end of the process to who touches mapped memory.
                _check_whole(file)
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as all_:
                    view = memoryview(all_)
                    try:
                        return self._state(view, self._identity(partition, partitions, step), step)
                    finally:
                        view.release()
        except FileNotFoundError:
            return None
        except BufferError as error:  # what went wrong holds a piece of the file, which cannot be unmapped then
            raise SnapshotError(f"its state does not fit: {_first_of(error)!r}") from error
        except (OSError, ValueError) as error:  # an empty file cannot be mapped
            raise SnapshotError(f"it cannot be read: {error}") from error

    def _state(self, file: memoryview, identity: dict[str, Any], step: Step) -> PartitionState:
        head, payload = _unpacked(file)
        try:
            _compare(head, identity)
            state = PartitionState(
                step,
                head["next_offset"],
                head["clock"],
                Breaker.unpack(base64.b64decode(head["breaker"])),
                Marks.unpack(base64.b64decode(head["marks"])),
                head["blocks"],
                Place(head["block_offset"], bytes.fromhex(head["block_digest"])),
            )
            step.state.load(payload)
        except (SnapshotError, MemoryError):
            raise
        except Exception as error:  # whatever a step makes of bytes that are not its own: the changelog has all
            raise SnapshotError(f"its state does not fit: {error!r}") from error
        finally:
            payload.release()
        return state

    def _identity(self, partition: int, partitions: int, step: Step) -> dict[str, Any]:
        return {
            "changelog": self._config.changelog,
            "partition": partition,
            "partitions": partitions,
            "state_format": step.state.FORMAT,
        }


def _check_whole(file: BinaryIO) -> None:
    """Raises `SnapshotError` for what is no snapshot of this format, or is damaged."""
    start = file.read(_START.size)
    size = os.fstat(file.fileno()).st_size
    if size < _START.size + _DIGEST or start[:4] != _MAGIC:
        raise SnapshotError("it is no snapshot")
    _, number, _ = _START.unpack(start)
    if number != FORMAT:
        raise SnapshotError(f"it has format {number}, this release reads {FORMAT}")
    digest = xxhash.xxh3_128(start)
    left = size - _START.size - _DIGEST
    while piece := file.read(min(left, _CHECKED_AT_ONCE)):
        digest.update(piece)
        left -= len(piece)
    if digest.digest() != file.read(_DIGEST):
        raise SnapshotError("it is damaged: its checksum differs")


def _unpacked(file: memoryview) -> tuple[dict[str, Any], memoryview]:
    """Head and state's bytes of a whole snapshot."""
    _, _, head_length = _START.unpack_from(file)
    head_end = _START.size + head_length
    head = orjson.loads(file[_START.size : head_end])
    if not isinstance(head, dict):
        raise SnapshotError("its head is no object")
    return head, file[head_end : len(file) - _DIGEST]


def _first_of(error: BaseException) -> BaseException:
    """What was raised first, and the others while it was handled."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _compare(head: dict[str, Any], identity: dict[str, Any]) -> None:
    for name, value in identity.items():
        if head.get(name) != value:
            raise SnapshotError(f"it is of another {name}: {head.get(name)!r}, not {value!r}")


def _check(cancelled: threading.Event) -> None:
    if cancelled.is_set():
        raise CancelledWriteError


def _sync_folder(folder: Path) -> None:
    """Make the rename last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
