"""Changelog blocks: what a state added since the last, as bytes.

A block is its format, the clock (ms) and the number of its first entry, then per entry the encoded `Entry` and
`Summary`, each behind its length; a length of 0 says that there is no summary.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from lodestream.dedupe.entry import FORMAT, Entry
from lodestream.dedupe.index import Addition
from lodestream.dedupe.stories import Summary
from lodestream.errors import StateError

_HEAD: Final = struct.Struct("<HqQI")
_LENGTHS: Final = struct.Struct("<II")


class Block(NamedTuple):
    clock: int
    first: int
    additions: list[Addition]


def encode_block(clock: int, first: int, additions: Sequence[Addition]) -> bytes:
    """`first` is the number of the first entry, `clock` that of the last record seen."""
    parts = [_HEAD.pack(FORMAT, clock, first, len(additions))]
    for addition in additions:
        entry = addition.entry.encode()
        summary = b"" if addition.summary is None else addition.summary.encode()
        parts += (_LENGTHS.pack(len(entry), len(summary)), entry, summary)
    return b"".join(parts)


def decode_block(data: bytes) -> Block:
    """Read a block. Raises `StateError` on bytes that are none, or of another format."""
    try:
        number, clock, first, count = _HEAD.unpack_from(data)
        if number != FORMAT:
            raise StateError(f"changelog block of format {number}, not {FORMAT}")
        at = _HEAD.size
        additions = []
        for _ in range(count):
            entry_size, summary_size = _LENGTHS.unpack_from(data, at)
            at += _LENGTHS.size
            entry = Entry.decode(data[at : at + entry_size])
            at += entry_size
            summary = Summary.decode(data[at : at + summary_size]) if summary_size else None
            at += summary_size
            additions.append(Addition(entry, summary))
    except (struct.error, ValueError):
        raise StateError("changelog block: not readable") from None
    if at != len(data):
        raise StateError("changelog block: bytes too many or too few")
    return Block(clock, first, additions)
