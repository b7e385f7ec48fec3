"""Folders, files and JSON Lines as one stream of documents, in an order that is always the same."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lodestream.errors import LodestreamError
from lodestream.replay.documents import DOCUMENT_MAX_BYTES, Labels, RawDocument, Refused, raw_document, too_large
from lodestream.replay.jsonl import read_jsonl

CONTENT_TYPES: Final = {
    ".txt": "text/plain",
    ".json": "application/json",
    ".html": "text/html",
    ".htm": "text/html",
}
JSONL_SUFFIXES: Final = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read: its name is the path below the folder that was given, or just its name."""

    path: Path
    name: str
    site: str


class Archive:
    """The documents of some folders and files, path after path, each folder sorted by path.

    Hidden files and folders are left out; files of no known kind, and folders behind symbolic links, are left
    out and counted in `skipped` (by suffix). It can be iterated again, each time from the start, and reads a
    file only when it comes to it. The file's own times are never used, so two copies give the same stream.
    """

    def __init__(self, paths: Sequence[Path], labels: Labels = Labels()) -> None:  # noqa: B008 - it is frozen
        """Raises `LodestreamError` for a path that is missing or a single file of no known kind."""
        for path in paths:
            if not path.exists():
                raise LodestreamError(f"{path}: no such file or folder")
            if not path.is_dir() and not _is_known(path.name):
                known = ", ".join((*CONTENT_TYPES, *JSONL_SUFFIXES))
                raise LodestreamError(f"{path}: its name ends in none of {known}")
        self.paths = tuple(paths)
        self.labels = labels
        self.skipped: Counter[str] = Counter()
        self._done_bytes = 0
        self._current: int | None = None

    def total_bytes(self) -> int:
        """Size of all files to read, as they are on disk."""
        return sum(_size(file.path) for file in self._files() if isinstance(file, SourceFile))

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
        for file in self._files(self.skipped):
            if isinstance(file, Refused):
                yield file
                continue
            try:
                yield from self._read(file)
            except OSError as error:
                yield Refused(str(file.path), _os_error(error))
            self._done_bytes += _size(file.path)

    def _files(self, skipped: Counter[str] | None = None) -> Iterator[SourceFile | Refused]:
        skipped = Counter() if skipped is None else skipped
        for path in self.paths:
            if path.is_dir():
                site = path.resolve().name
                yield from _walk(path, "", site, skipped)
            else:
                is_jsonl = path.name.lower().endswith(JSONL_SUFFIXES)
                site = path.name.split(".")[0] if is_jsonl else path.resolve().parent.name
                yield SourceFile(path, path.name, site)

    def _read(self, file: SourceFile) -> Iterator[RawDocument | Refused]:
        place = str(file.path)
        with file.path.open("rb") as opened:
            self._current = opened.fileno()
            try:
                if file.name.lower().endswith(JSONL_SUFFIXES):
                    yield from read_jsonl(opened, place=place, name=file.name, site=file.site, labels=self.labels)
                    return
                size = os.fstat(opened.fileno()).st_size
                value = b"" if size > DOCUMENT_MAX_BYTES else opened.read(DOCUMENT_MAX_BYTES + 1)
            finally:
                self._current = None
        if size > DOCUMENT_MAX_BYTES:
            yield too_large(place, size)
            return
        content_type = CONTENT_TYPES[file.path.suffix.lower()]
        yield raw_document(
            value,
            place=place,
            document_id=file.name,
            site=file.site,
            content_type=content_type,
            labels=self.labels,
            charset=self.labels.charset if content_type.startswith("text/") else None,
        )


def _walk(folder: Path, below: str, site: str, skipped: Counter[str]) -> Iterator[SourceFile | Refused]:
    """The files of a folder and its folders, sorted by path part; `below` is the folder's path with a slash."""
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        yield Refused(str(folder), _os_error(error))
        return
    for entry in entries:
        name = below + entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, f"{name}/", site, skipped)
        elif entry.is_dir():
            skipped["linked folder"] += 1  # a link can lead in a circle
        elif _is_known(entry.name) and (entry.is_file() or entry.is_symlink()):  # a broken link is refused when read
            yield SourceFile(folder / entry.name, name, site)
        else:
            skipped[Path(entry.name).suffix.lower() or "no suffix"] += 1


def _is_known(name: str) -> bool:
    lower = name.lower()
    return Path(lower).suffix in CONTENT_TYPES or lower.endswith(JSONL_SUFFIXES)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # it is refused when it is read


def _os_error(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
