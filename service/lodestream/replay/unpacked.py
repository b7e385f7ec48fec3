"""A file's content as a stream, whatever it is packed with; where it is damaged, reading goes on behind that."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from lodestream.replay import gzip_members, zstd_frames
from lodestream.replay.damage import Damages
from lodestream.replay.packed import READ_BYTES, Damaged, Packed

UNPACKED_FREE_BYTES: Final = 32 * 1024 * 1024  # four of the largest documents, whatever they are packed to
UNPACKED_RATIO: Final = 250  # news packs to a tenth; a page again and again to a hundredth; deflate ends at 1,032
# A decoder that meets damage goes astray, for a block or two (zlib's are at most 64 KiB): so far before where it
# notices the next member may begin. Further back only costs time, and with many false beginnings much of it.
STRAY_BYTES: Final = 256 * 1024
_LINE_END: Final = re.compile(b"\n")
_LINE_ENDS: Final = re.compile(b"[\r\n]+")
_FOREIGN: Final = {
    b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"7z\xbc\xaf": "7z", b"\x04\x22\x4d\x18": "lz4",
    b"Rar!": "rar",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Packing:
    pieces: Callable[[Packed], Iterator[bytes]]
    beginning: re.Pattern[bytes] | None  # of a member: where reading can start in the middle of a file


def _plain_pieces(packed: Packed) -> Iterator[bytes]:
    while piece := packed.read(READ_BYTES):
        yield piece


_PLAIN: Final = _Packing(_plain_pieces, None)
_GZIP: Final = _Packing(gzip_members.gzip_pieces, gzip_members.BEGINNING)
_ZSTD: Final = _Packing(zstd_frames.zstd_pieces, zstd_frames.BEGINNING)
_BY_NAME: Final = {"gzip": _GZIP, "zstd": _ZSTD}


class Unpacked:
    """The content of a file: unpacked by its first bytes, in bounded memory.

    It is read in runs. A run ends where the file ends or cannot be read on; when all of it is read, `resume` goes on at
    the next member (gzip) or frame (zstd) that can be read. What happened is in `damages`.
    """

    def __init__(self, file: io.BufferedIOBase, damages: Damages, packing_by_name: str | None = None) -> None:
        """`packing_by_name` ("gzip", "zstd") decides where the first bytes are of no packing and of no text.

        Raises `OSError`.
        """
        self.damages = damages
        self.position = 0  # of the next byte in the content
        self.sealed = 0  # up to here members ended, and their checksums were right
        self._packed = Packed(file)
        self._packing, self.foreign = _packing_of(self._packed.peek(8), packing_by_name)
        self._pieces = self._packing.pieces(self._packed)
        self._unpacked = 0
        self._buffer = bytearray()
        self._next = 0  # in the buffer
        self._damage: Damaged | None = None
        self._ended = False

    @property
    def is_packed(self) -> bool:
        return self._packing is not _PLAIN

    @property
    def damage(self) -> Damaged | None:
        """What the run ends by, if that is known yet and is not the end of the file."""
        return self._damage

    @property
    def at(self) -> int:
        """Where in the file the next byte comes from: of a packed one about, that is how far it is read."""
        return self.position if not self.is_packed else self._packed.at

    def take(self, size: int) -> bytes:
        """The next `size` bytes; fewer only at the end of the run."""
        data = self.ahead(0, size)
        self._advance(len(data))
        return data

    def may_have(self, size: int) -> bool:
        """Whether the file is large enough for so many bytes more of content."""
        rest = self._packed.size() - (self._packed.at if self.is_packed else self.position)
        return size <= rest or (self.is_packed and size <= UNPACKED_FREE_BYTES + UNPACKED_RATIO * rest)

    def ahead(self, offset: int, size: int) -> bytes:
        """`size` bytes after the next `offset`, which all stay to be read; fewer only at the end of the run."""
        self._have(offset + size)
        return bytes(self._buffer[self._next + offset : self._next + offset + size])

    def skip(self, size: int) -> int:
        """Pass over `size` bytes, holding none. Returns how many there were."""
        left = size
        while left and self._have(1):
            step = min(left, len(self._buffer) - self._next)
            self._advance(step)
            left -= step
        return size - left

    def skip_line_ends(self) -> int:
        """Pass over line ends. Returns how many line feeds there were."""
        lines = 0
        while self._have(1) and (found := _LINE_ENDS.match(self._buffer, self._next)):
            lines += self._buffer.count(b"\n", self._next, found.end())
            self._advance(found.end() - self._next)
        return lines

    def until(self, end: re.Pattern[bytes], limit: int, overlap: int) -> bytes | None:
        """The bytes up to and with the next match, at most `limit`; of a match `overlap` bytes suffice to see the rest.

        None: there is none within the limit, or within the run; nothing is read then.
        """
        searched = 0
        while True:
            if found := end.search(self._buffer, self._next + searched):
                size = found.end() - self._next
                return self.take(size) if size <= limit else None
            have = len(self._buffer) - self._next
            searched = max(0, have - overlap)
            if have > limit or not self._have(have + 1):
                return None

    def skip_to(self, beginning: re.Pattern[bytes], overlap: int) -> bool:
        """Go to the next match, holding nothing of what is before. False: the run ends before."""
        while True:
            if found := beginning.search(self._buffer, self._next):
                self._advance(found.start() - self._next)
                return True
            self._advance(max(0, len(self._buffer) - self._next - overlap))
            if not self._have(len(self._buffer) - self._next + 1):
                self._advance(len(self._buffer) - self._next)
                return False

    def line(self, limit: int) -> bytes | None:
        """The next line with its end; empty at the end of the run. None for one over the limit: it is passed over."""
        searched = 0
        while True:
            end = self._buffer.find(b"\n", self._next + searched)
            if end >= 0:
                line = bytes(self._buffer[self._next : end + 1])
                self._advance(len(line))
                return line if len(line) <= limit else None
            searched = len(self._buffer) - self._next
            if searched > limit:
                self.skip_to(_LINE_END, 0)
                self.skip(1)
                return None
            if not self._have(searched + 1):
                return self.take(searched)

    def resume(self, after: str) -> int | None:
        """With a run read: go on behind the damage, at the byte of the file that is returned. None: it is the end.

        `after` says, for the report, what the last thing was that could be read.
        """
        damage, beginning = self._damage, self._packing.beginning
        if damage is None:
            return None
        self.damages.add(after, damage.at, damage.why)
        start = max(self._packed.member + 1, damage.at - STRAY_BYTES)
        while beginning is not None and not damage.is_final and not self.damages.is_hopeless:
            if not self._restart(beginning, start):
                break
            start = self._packed.at + 1
            place = self._packed.at
            if self._have(1) or self._damage is None:
                self.damages.goes_on(place)
                return place
            self.damages.false_beginning()
        self._damage = None
        self._ended = True
        return None

    def _restart(self, beginning: re.Pattern[bytes], start: int) -> bool:
        try:
            found = self._packed.can_go_back() and self._packed.find(beginning, start)
        except OSError:
            return False
        self._pieces = self._packing.pieces(self._packed)
        self._damage = None
        self.sealed = self.position
        return found

    def _have(self, size: int) -> bool:
        """Read until the buffer holds `size` bytes. False: the run ends before."""
        while len(self._buffer) - self._next < size:
            if not self._read_on():
                return False
        return True

    def _read_on(self) -> bool:
        """Read a piece. False: the run is at its end."""
        if self._ended or self._damage is not None:
            return False
        try:
            piece = self._next_piece()
        except Damaged as damage:
            self._damage = damage
            return False
        if piece is None:
            self._ended = True
        elif not piece:
            self.sealed = self.position + len(self._buffer) - self._next
        else:
            del self._buffer[: self._next]
            self._next = 0
            self._buffer += piece
        return piece is not None

    def _next_piece(self) -> bytes | None:
        at = self._packed.at
        try:
            piece = next(self._pieces, None)
        except OSError as error:
            raise Damaged(at, f"cannot be read: {error.strerror or error}", is_cut=True, is_final=True) from None
        self._unpacked += len(piece or b"")
        if self.is_packed and self._unpacked > UNPACKED_FREE_BYTES + UNPACKED_RATIO * self._packed.at:
            why = f"it unpacks to over {UNPACKED_RATIO} times its size: if that is right, unpack it before"
            raise Damaged(self._packed.at, why, is_cut=True, is_final=True)
        return piece

    def _advance(self, size: int) -> None:
        self._next += size
        self.position += size


def _packing_of(head: bytes, by_name: str | None) -> tuple[_Packing, str | None]:
    """The packing that the first bytes tell, and the name of one that is not read."""
    if head.startswith(gzip_members.MAGIC):
        return _GZIP, None
    if head.startswith(zstd_frames.MAGIC) or zstd_frames.SKIPPABLE.match(head):
        return _ZSTD, None
    foreign = next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), None)
    if by_name is None or (head and _is_text(head)):
        return _PLAIN, foreign
    return _BY_NAME[by_name], foreign


def _is_text(head: bytes) -> bool:
    """Whether it can be UTF-8 without control characters; a character may be cut at the end."""
    text = head.decode("utf-8-sig", "replace").rstrip("\ufffd")
    return "\ufffd" not in text and all(character.isprintable() or character.isspace() for character in text)
