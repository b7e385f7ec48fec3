"""gzip, of any number of members, unpacked piece by piece."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any, Final

from lodestream.replay.packed import Damaged, Packed

MAGIC: Final = b"\x1f\x8b"
BEGINNING: Final = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")  # RFC 1952: method 8, the three upper flags are 0
# Deflate makes up to 1,032 bytes of one: at most 16 MiB come out at once. And members of a WARC are about as large: of
# more, most would be given back again and again.
_READ_BYTES: Final = 16 * 1024


def gzip_pieces(packed: Packed) -> Iterator[bytes]:
    """The content, in pieces of at most 16 MiB; an empty piece says that a member ended and its checksum is right.

    Raises `Damaged` where it cannot be read on. Every byte that comes out before that spot has been given then.
    Behind a member zero bytes may stand, which some writers fill up with.
    """
    more = True
    while more:
        packed.member = packed.at
        if packed.peek(len(MAGIC)) != MAGIC:
            raise Damaged(packed.at, "no gzip member begins where one should")
        yield from _member(packed)
        yield b""
        more = packed.skip_zeros()


def _member(packed: Packed) -> Iterator[bytes]:
    inflate: Any = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    while not inflate.eof:
        data = packed.read(_READ_BYTES)
        if not data:
            raise Damaged(packed.at, "the file ends inside a gzip member", is_cut=True)
        before = inflate.copy()
        try:
            piece = inflate.decompress(data)
        except zlib.error as error:
            piece, good = _before_the_error(before, data)
            packed.give_back(data[good:])
            if piece:
                yield piece
            raise Damaged(packed.at, _reason(error, packed.member)) from None
        if piece:
            yield piece
    packed.give_back(inflate.unused_data)


def _before_the_error(inflate: Any, data: bytes) -> tuple[bytes, int]:
    """What still comes out of data that holds an error, and how many bytes of the data that takes."""
    pieces = []
    good = 0
    step = len(data)
    while step:
        probe = inflate.copy()
        try:
            pieces.append(probe.decompress(data[good : good + step]))
        except zlib.error:
            step //= 2
            continue
        inflate = probe
        good += step
        step = min(step, len(data) - good)
    return b"".join(pieces), good


def _reason(error: zlib.error, member: int) -> str:
    """From `Error -3 while decompressing data: invalid block type`."""
    reason = str(error).rpartition(": ")[2]
    if reason in {"incorrect data check", "incorrect length check"}:
        return f"wrong checksum, so that what was read since byte {member} may be wrong"
    return f"invalid gzip data ({reason})"
