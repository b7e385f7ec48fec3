"""The files of a folder and all folders below it, in an order that is always the same."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lodestream.replay.documents import Refused, SourceFile
from lodestream.replay.kinds import named


def walk(folder: Path, site: str, skipped: Counter[str], below: str = "") -> Iterator[SourceFile | Refused]:
    """The files that can be read, sorted by path part. What is left out, and not hidden, is counted by suffix.

    `below` is the folder's path below the one that was given, with a slash at its end.
    """
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        yield unreadable(folder, error)
        return
    for entry in entries:
        name = below + entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walk(folder / entry.name, site, skipped, f"{name}/")
        elif entry.is_dir():
            skipped["linked folder"] += 1  # a link can lead in a circle
        elif named(entry.name) and (entry.is_file() or entry.is_symlink()):  # a broken link is refused when read
            yield SourceFile(folder / entry.name, name, site)
        else:
            skipped[suffix_of(entry.name)] += 1


def suffix_of(name: str) -> str:
    return Path(name).suffix.lower() or "no suffix"


def unreadable(path: Path, error: OSError) -> Refused:
    return Refused(str(path), f"cannot be read: {error.strerror or error}")
