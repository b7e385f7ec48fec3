"""What a file is: a document, JSON Lines or a WARC, and what it is packed with; by its name, and by its first bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePath
from typing import Final

from lodestream.replay.unpacked import Unpacked
from lodestream.replay.warc import VERSION

CONTENT_TYPES: Final = {
    ".txt": "text/plain",
    ".json": "application/json",
    ".html": "text/html",
    ".htm": "text/html",
}
LINES_SUFFIXES: Final = (".jsonl", ".ndjson")
WARC_SUFFIXES: Final = (".warc", ".wet")
PACKING_SUFFIXES: Final = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
KNOWN_SUFFIXES: Final = (*CONTENT_TYPES, *LINES_SUFFIXES, *WARC_SUFFIXES)
_HEAD_BYTES: Final = 12
_BOM: Final = b"\xef\xbb\xbf"


class Kind(Enum):
    DOCUMENT = auto()
    LINES = auto()
    WARC = auto()


@dataclass(frozen=True, slots=True)
class Named:
    """What a name says. Without a kind (`dump.gz`) the content decides. `content_type` is that of a document."""

    kind: Kind | None
    content_type: str | None = None
    packing: str | None = None


def named(name: str) -> Named | None:
    """What a file's name says of it, whatever its case; None: nothing that can be read."""
    path = PurePath(name.lower())
    packing = PACKING_SUFFIXES.get(path.suffix)
    suffix = PurePath(path.stem).suffix if packing else path.suffix
    if suffix in LINES_SUFFIXES:
        return Named(Kind.LINES, None, packing)
    if suffix in WARC_SUFFIXES:
        return Named(Kind.WARC, None, packing)
    if content_type := CONTENT_TYPES.get(suffix):
        return Named(Kind.DOCUMENT, content_type, packing)
    return Named(None, None, packing) if packing else None


def kind_of(says: Named, content: Unpacked) -> Kind | None:
    """What it is: a WARC wherever one begins, lines for a WARC that begins as JSON, else what the name says."""
    head = content.ahead(0, _HEAD_BYTES)
    if VERSION.match(head):
        return Kind.WARC
    if says.kind in {None, Kind.WARC} and head.removeprefix(_BOM).lstrip().startswith(b"{"):
        return Kind.LINES
    return says.kind
