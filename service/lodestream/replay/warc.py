"""WARC files as records: framed here, so that a damaged one does not hide those behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lodestream.replay.documents import DOCUMENT_MAX_BYTES
from lodestream.replay.unpacked import Unpacked

VERSION: Final = re.compile(rb"WARC/\d\.\d{1,2}\r?\n")
HEAD_MAX_BYTES: Final = 64 * 1024  # a URL or two, digests, dates: under 1 KiB as a rule
BLOCK_MAX_BYTES: Final = DOCUMENT_MAX_BYTES + 1024 * 1024  # the document, HTTP headers, what chunks cost
BLOCK_BEGINNING_BYTES: Final = 64 * 1024  # of a larger block: enough for HTTP headers
_MAGIC: Final = b"WARC/"
_VERSION_MAX_BYTES: Final = 12
_TAIL_BYTES: Final = 16  # two line ends and the next record's first bytes, and a little that should not be there
_RECORD: Final = re.compile(VERSION.pattern + rb"(?=[A-Za-z][A-Za-z0-9-]{0,40}:)")  # wherever: a line end may be lost
_RECORD_MAX_BYTES: Final = _VERSION_MAX_BYTES + 42
_HEAD_END: Final = re.compile(rb"\n(?:\r?\n|(?=" + VERSION.pattern + rb"))")  # the latter: it broke off
_LENGTH: Final = re.compile(rb"^Content-Length[ \t]*:[ \t]*(\d{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """A record as it is written: `number` in the file from 1, its header lines, `length` of its block in bytes.

    `block` is whole, or the first 64 KiB of one over `BLOCK_MAX_BYTES`.
    """

    number: int
    head: bytes
    block: bytes
    length: int


def read_records(content: Unpacked) -> Iterator[WarcRecord]:
    """The records of a file, in order.

    A record is given when what follows it is a record too, or the end: then its length was right. Where it is not, and
    where no record begins or the file breaks off, that is told to the file's damages, and reading goes on with the next
    line that begins a record. So is a packed record whose checksum is wrong, if it has a gzip member or zstd frame to
    itself. Numbers count what can be read.
    """
    number = 0
    while not content.damages.is_hopeless:
        content.skip_line_ends()
        start, at = content.position, content.at
        is_first_of_member = start == content.sealed
        if not content.ahead(0, 1):
            if content.resume(f"record {number}") is None:
                return
            continue
        is_record = VERSION.match(content.ahead(0, _VERSION_MAX_BYTES)) is not None
        head = content.until(_HEAD_END, HEAD_MAX_BYTES, _VERSION_MAX_BYTES) if is_record else None
        size = _block_size(head) if head else None
        if head is None or size is None:
            is_cut_off = head is None and is_record and content.damage is not None
            content.skip(1 if head is None else 0)
            _go_on(content, None if is_cut_off else f"record {number}", at, "no record begins where one should")
            continue
        block = _block(content, size)
        if block is None:
            _go_on(content, f"record {number}", at, f"a record of {size:,} bytes is longer or shorter than that")
        elif not (is_first_of_member and content.sealed <= start and content.damage and not content.damage.is_cut):
            number += 1
            yield WarcRecord(number, head, block, size)


def _block(content: Unpacked, size: int) -> bytes | None:
    """The block of a record, read; if it is over the limit its beginning. None: it does not end where it should.

    In that case it is not read, so that what it may hold can be looked through, unless it is over the limit.
    """
    if size > BLOCK_MAX_BYTES:
        if not content.may_have(size):
            return None
        beginning = content.take(BLOCK_BEGINNING_BYTES)
        is_whole = content.skip(size - len(beginning)) == size - len(beginning)
        return beginning if is_whole and _ends_a_record(content.ahead(0, _TAIL_BYTES)) else None
    tail = content.ahead(size, _TAIL_BYTES)
    if not tail and len(content.ahead(0, size)) < size:
        return None
    return content.take(size) if _ends_a_record(tail) else None


def _ends_a_record(tail: bytes) -> bool:
    return tail.startswith(b"\r\n\r\n") or _MAGIC in tail or len(tail) <= len(b"\r\n\r\n")


def _block_size(head: bytes) -> int | None:
    length = _LENGTH.search(head) if head.endswith((b"\n\n", b"\n\r\n")) else None
    return int(length[1]) if length else None


def _go_on(content: Unpacked, after: str | None, at: int, why: str) -> None:
    """Look for the next record in the run. Without `after` it is the run's own end that is told."""
    if after is not None:
        content.damages.add(after, at, why)
    is_found = content.skip_to(_RECORD, _RECORD_MAX_BYTES)
    if is_found and after is not None:
        content.damages.goes_on(content.at)
