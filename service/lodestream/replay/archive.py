"""Folders and files as one stream of documents, in an order that is always the same."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lodestream.errors import LodestreamError
from lodestream.replay.content import read_document, read_warc
from lodestream.replay.damage import Damages
from lodestream.replay.documents import Labels, RawDocument, Refused, SourceFile
from lodestream.replay.folder import suffix_of, unreadable, walk
from lodestream.replay.jsonl import read_jsonl
from lodestream.replay.kinds import KNOWN_SUFFIXES, PACKING_SUFFIXES, Kind, Named, kind_of, named
from lodestream.replay.unpacked import Unpacked


class Archive:
    """The documents of some folders and files, path after path, each folder sorted by path.

    Hidden files and folders are left out; files of no known kind, and folders behind symbolic links, are left
    out and counted in `skipped` (by suffix). Records of WARC files that are no documents are counted in
    `skipped_records` (by reason). What of a file cannot be read is one `Refused`, the file's last item. It can be
    iterated again, each time from the start, and reads a file only when it comes to it. The file's own times are never
    used, so two copies give the same stream.
    """

    def __init__(self, paths: Sequence[Path], labels: Labels = Labels()) -> None:  # noqa: B008 - it is frozen
        """Raises `LodestreamError` for a path that is missing or a single file of no known kind."""
        for path in paths:
            if not path.exists():
                raise LodestreamError(f"{path}: no such file or folder")
            if not path.is_dir() and named(path.name) is None:
                known, packed = ", ".join(KNOWN_SUFFIXES), ", ".join(PACKING_SUFFIXES)
                raise LodestreamError(f"{path}: its name ends in none of {known}, nor in one of {packed}")
        self.paths = tuple(paths)
        self.labels = labels
        self.skipped: Counter[str] = Counter()
        self.skipped_records: Counter[str] = Counter()
        self._done_bytes = 0
        self._current: int | None = None

    def total_bytes(self) -> int:
        """Size of all files to read, as they are on disk."""
        return sum(_size(file.path) for file in self._files(Counter()) if isinstance(file, SourceFile))

    def read_bytes(self) -> int:
        """How much of `total_bytes` the running iteration has read."""
        if self._current is None:
            return self._done_bytes
        try:
            return self._done_bytes + os.lseek(self._current, 0, os.SEEK_CUR)
        except OSError:
            return self._done_bytes

    def __iter__(self) -> Iterator[RawDocument | Refused]:
        self._done_bytes = 0
        self.skipped.clear()
        self.skipped_records.clear()
        for file in self._files(self.skipped):
            if isinstance(file, Refused):
                yield file
                continue
            try:
                with file.path.open("rb") as opened:
                    self._current = opened.fileno()
                    yield from self._read(file, opened)
            except OSError as error:
                yield unreadable(file.path, error)
            finally:
                self._current = None
            self._done_bytes += _size(file.path)

    def _files(self, skipped: Counter[str]) -> Iterator[SourceFile | Refused]:
        for path in self.paths:
            if path.is_dir():
                yield from walk(path, path.resolve().name, skipped)
            else:
                says = named(path.name)
                is_document = says is not None and says.kind is Kind.DOCUMENT
                site = path.resolve().parent.name if is_document else path.name.split(".")[0]
                yield SourceFile(path, path.name, site)

    def _read(self, file: SourceFile, opened: io.BufferedReader) -> Iterator[RawDocument | Refused]:
        says = named(file.name) or Named(None)
        damages = Damages(str(file.path))
        content = Unpacked(opened, damages, says.packing)
        kind = kind_of(says, content)
        if content.foreign is not None and kind is not Kind.DOCUMENT:
            yield Refused(str(file.path), f"packed with {content.foreign}, which is not read: unpack it before")
        elif kind is Kind.WARC:
            yield from read_warc(content, file, self.labels, self.skipped_records)
        elif kind is Kind.LINES:
            yield from read_jsonl(content, file, self.labels)
        elif kind is Kind.DOCUMENT:
            size = None if content.is_packed else os.fstat(opened.fileno()).st_size
            yield from read_document(content, file, says.content_type or "", self.labels, size)
        elif file.path in self.paths:
            yield Refused(str(file.path), "there is neither a WARC nor JSON Lines in it")
        else:
            self.skipped[suffix_of(file.name)] += 1
        yield from damages.report()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # it is refused when it is read
