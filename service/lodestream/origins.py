"""Which outputs of the stage before have been taken already: the highest `origin` per partition of its input.

A stage writes the outputs of one of its input partitions in the order of that input, so on any one partition of its
output topic their origins go up. One that does not is a repeat: a torn transaction made the stage before do its work
again (Kafka's older transaction protocol allows that: Jepsen, Bufstream 0.1.0, 2024). It is taken once.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from lodestream.headers import Header, Headers, header
from lodestream.letters import parse_origin

_COUNT: Final = struct.Struct("<I")
_MARK: Final = struct.Struct("<IqI")


@dataclass(slots=True)
class Marks:
    """Highest origin (offset, index) taken so far, by partition of the input of the stage before."""

    highest: dict[int, tuple[int, int]] = field(default_factory=dict)

    def take(self, headers: Headers, upstream: str) -> bool:
        """Note the origin that these headers name; False when it is a repeat.

        `upstream` is the full name of the topic that the stage before reads. A record without an origin there is
        never a repeat: replays, redrives and foreign producers write none.
        """
        text = header(headers, Header.ORIGIN)
        if text is None:
            return True
        try:
            place, index = parse_origin(text)
        except ValueError:
            return True
        if place.topic != upstream or index is None:
            return True
        origin = (place.offset, index)
        if origin <= self.highest.get(place.partition, (-1, -1)):
            return False
        self.highest[place.partition] = origin
        return True

    def copy(self) -> Marks:
        return Marks(dict(self.highest))

    def pack(self) -> bytes:
        """A count, then partition (u32), offset (i64) and index (u32) of each, little endian."""
        marks = [_MARK.pack(partition, *mark) for partition, mark in sorted(self.highest.items())]
        return _COUNT.pack(len(marks)) + b"".join(marks)

    @classmethod
    def unpack(cls, packed: bytes) -> Marks:
        """Raises `struct.error` on bytes that `pack` did not write."""
        (count,) = _COUNT.unpack_from(packed)
        marks = {}
        for at in range(count):
            partition, offset, index = _MARK.unpack_from(packed, _COUNT.size + at * _MARK.size)
            marks[partition] = (offset, index)
        return cls(marks)
