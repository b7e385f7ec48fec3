"""zstd, of any number of frames, unpacked block by block.

The frames are walked here because the library, handed a piece of a file, gives all that it unpacks to at once: 64 KiB
can be 2 GiB. A block is at most 128 KiB (RFC 8878, section 3.1.1.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import zstandard

from lodestream.replay.packed import Damaged, Packed

MAGIC: Final = b"\x28\xb5\x2f\xfd"
BEGINNING: Final = re.compile(re.escape(MAGIC))
SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
_DICTIONARY: Final = b"\x5d\x2a\x4d\x18"  # of a .warc.zst: IIPC, "Use of Zstandard in WARC files", 1.0
WINDOW_MAX_BYTES: Final = 128 * 1024 * 1024  # what `zstd -d` takes without being told: --ultra, and --long as it is
DICTIONARY_MAX_BYTES: Final = 16 * 1024 * 1024  # trained ones have about 1 MiB
_HEADER_MAX_BYTES: Final = 18
_BLOCK_MAX_BYTES: Final = 128 * 1024
_RLE: Final = 1
_RESERVED: Final = 3


def zstd_pieces(packed: Packed) -> Iterator[bytes]:
    """The content, in pieces of at most 128 KiB; an empty piece says that a frame ended, and a checksum is right.

    Raises `Damaged` where it cannot be read on; what comes before has been given then. A dictionary that stands at the
    file's beginning is used, other skippable frames are passed over.
    """
    dictionary: zstandard.ZstdCompressionDict | None = None
    if packed.at and packed.can_go_back():  # read on after damage
        dictionary = _dictionary_of(packed)
    more = True
    while more:
        packed.member = packed.at
        magic = packed.peek(len(MAGIC))
        if magic == _DICTIONARY and packed.at == 0:
            dictionary = _dictionary(packed)
        elif SKIPPABLE.fullmatch(magic):
            packed.exactly(len(MAGIC))
            if not packed.skip(int.from_bytes(packed.exactly(4), "little")):
                raise Damaged(packed.at, "the file ends inside a skippable zstd frame", is_cut=True)
        elif magic == MAGIC:
            yield from _frame(packed, dictionary)
            yield b""
        else:
            raise Damaged(packed.at, "no zstd frame begins where one should")
        more = packed.skip_zeros()


def _frame(packed: Packed, dictionary: zstandard.ZstdCompressionDict | None) -> Iterator[bytes]:
    decoder, has_checksum, header = _decoder(packed, dictionary)
    try:
        decoder.decompress(header)
        is_last = False
        while not is_last:
            block_header = _whole(packed, 3)
            bits = int.from_bytes(block_header, "little")
            is_last, kind, size = bool(bits & 1), bits >> 1 & 3, bits >> 3
            if kind == _RESERVED or size > _BLOCK_MAX_BYTES:
                raise Damaged(packed.at - 3, "invalid zstd data (no block begins where one should)")
            if piece := decoder.decompress(block_header + _whole(packed, 1 if kind == _RLE else size)):
                yield piece
        if has_checksum:
            decoder.decompress(_whole(packed, 4))
    except zstandard.ZstdError as error:
        raise Damaged(packed.at, _reason(error, packed.member)) from None
    if not decoder.eof:
        raise Damaged(packed.at, "invalid zstd data (the frame does not end with its last block)")


def _decoder(packed: Packed, dictionary: zstandard.ZstdCompressionDict | None) -> tuple[Any, bool, bytes]:
    """What decodes the frame that begins here, whether it has a checksum, and its header."""
    beginning = packed.peek(_HEADER_MAX_BYTES)
    try:
        frame = zstandard.get_frame_parameters(beginning)
        size = zstandard.frame_header_size(beginning)
    except zstandard.ZstdError as error:
        raise Damaged(packed.at, f"invalid zstd frame header ({_text(error)})") from None
    if frame.window_size > WINDOW_MAX_BYTES:
        mib = frame.window_size / 1024 / 1024
        raise Damaged(packed.at, f"a zstd window of {mib:.0f} MiB: the limit is {WINDOW_MAX_BYTES >> 20} MiB")
    if frame.dict_id and (dictionary is None or frame.dict_id != dictionary.dict_id()):
        raise Damaged(packed.at, f"a zstd dictionary is needed ({frame.dict_id}) that is not in the file")
    decompressor = zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=WINDOW_MAX_BYTES)
    return decompressor.decompressobj(), frame.has_checksum, packed.exactly(size)


def _dictionary_of(packed: Packed) -> zstandard.ZstdCompressionDict | None:
    """The dictionary at the file's beginning; the place in the file stays."""
    here = packed.at
    packed.seek(0)
    try:
        return _dictionary(packed) if packed.peek(len(MAGIC)) == _DICTIONARY else None
    except Damaged:
        return None
    finally:
        packed.seek(here)


def _dictionary(packed: Packed) -> zstandard.ZstdCompressionDict:
    """The dictionary that stands in a skippable frame, itself compressed or not."""
    packed.exactly(len(_DICTIONARY))
    size = int.from_bytes(packed.exactly(4), "little")
    too_large = f"a zstd dictionary over the limit of {DICTIONARY_MAX_BYTES >> 20} MiB"
    if size > DICTIONARY_MAX_BYTES:
        raise Damaged(packed.at, too_large, is_final=True)
    data = _whole(packed, size)
    try:
        if data.startswith(MAGIC):
            decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_MAX_BYTES)
            with decompressor.stream_reader(data) as reader:
                data = reader.read(DICTIONARY_MAX_BYTES + 1)
        if len(data) > DICTIONARY_MAX_BYTES:
            raise Damaged(packed.at, too_large, is_final=True)
        return zstandard.ZstdCompressionDict(data)
    except zstandard.ZstdError as error:
        raise Damaged(packed.at, f"invalid zstd dictionary ({_text(error)})") from None


def _whole(packed: Packed, size: int) -> bytes:
    data = packed.exactly(size)
    if len(data) < size:
        raise Damaged(packed.at, "the file ends inside a zstd frame", is_cut=True)
    return data


def _reason(error: zstandard.ZstdError, frame: int) -> str:
    if "checksum" in str(error):
        return f"wrong checksum, so that what was read since byte {frame} may be wrong"
    return f"invalid zstd data ({_text(error)})"


def _text(error: zstandard.ZstdError) -> str:
    """From `zstd decompressor error: Data corruption detected`."""
    return str(error).rpartition(": ")[2]
