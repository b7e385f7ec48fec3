"""The bytes of a file as they are on disk, with their offsets: what is unpacked is read through this."""

from __future__ import annotations

import io
import math
import re
from typing import Final

READ_BYTES: Final = 64 * 1024
SEARCH_BYTES: Final = 1 << 20
MAGIC_BYTES: Final = 4  # the longest beginning that is searched for


class Damaged(Exception):  # noqa: N818 - a state of a file, not an error of the program
    """The file cannot be read on from here: `at` is the offset in the file where that shows, `why` a phrase.

    `is_cut`: it ends too early, and what came before is right. `is_final`: there is no use in looking for a place where
    it goes on.
    """

    def __init__(self, at: int, why: str, *, is_cut: bool = False, is_final: bool = False) -> None:
        super().__init__(why)
        self.at = at
        self.why = why
        self.is_cut = is_cut
        self.is_final = is_final


class Packed:
    """A file read forwards, with a few bytes given back now and then. All methods raise `OSError` as the file does.

    `at` is the offset of the next byte; `member` that of the gzip member or zstd frame that is being read, kept here
    by who reads it.
    """

    def __init__(self, file: io.BufferedIOBase) -> None:
        self.at = 0
        self.member = 0
        self._file = file
        self._buffer = b""
        self._next = 0  # in the buffer

    def read(self, size: int) -> bytes:
        """At most `size` bytes, fewer also before the end of the file; none only at its end."""
        if self._next == len(self._buffer):
            self._buffer, self._next = self._file.read1(READ_BYTES), 0
        data = self._buffer[self._next : self._next + size]
        self._next += len(data)
        self.at += len(data)
        return data

    def exactly(self, size: int) -> bytes:
        """`size` bytes; fewer only at the end of the file."""
        data = self.read(size)
        if len(data) == size:
            return data
        pieces = [data]
        size -= len(data)
        while size and (data := self.read(size)):
            pieces.append(data)
            size -= len(data)
        return b"".join(pieces)

    def give_back(self, data: bytes) -> None:
        """What was read last, to be read again."""
        self.at -= len(data)
        if self._next >= len(data):
            self._next -= len(data)
        else:
            self._buffer, self._next = data + self._buffer[self._next :], 0

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, which stay to be read; fewer only at the end of the file."""
        data = self.exactly(size)
        self.give_back(data)
        return data

    def skip(self, size: int) -> bool:
        """Pass over `size` bytes. False: the file ends before."""
        while size and (data := self.read(min(size, SEARCH_BYTES))):
            size -= len(data)
        return not size

    def skip_zeros(self) -> bool:
        """Pass over zero bytes. False: there is nothing behind them."""
        while data := self.read(READ_BYTES):
            if not data.startswith(b"\0"):
                self.give_back(data)
                return True
            if rest := data.lstrip(b"\0"):
                self.give_back(rest)
                return True
        return False

    def size(self) -> float:
        """Of the file, in bytes; endless where that cannot be known, as of a pipe."""
        if not self._file.seekable():
            return math.inf
        here = self._file.tell()
        size = self._file.seek(0, io.SEEK_END)
        self._file.seek(here)
        return size

    def can_go_back(self) -> bool:
        return self._file.seekable()

    def seek(self, at: int) -> None:
        self._file.seek(at)
        self._buffer, self._next = b"", 0
        self.at = at

    def find(self, beginning: re.Pattern[bytes], start: int) -> bool:
        """Go to the next place from `start` on that matches (at most 4 bytes long). False: there is none."""
        self.seek(start)
        while data := self.exactly(SEARCH_BYTES):
            if found := beginning.search(data):
                self.give_back(data[found.start() :])
                return True
            if len(data) < SEARCH_BYTES:
                break
            self.give_back(data[1 - MAGIC_BYTES :])
        return False
