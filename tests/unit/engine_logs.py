"""A changelog in memory with a state that is the text of all its changes, for tests of the engine's restore."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiokafka.structs import ConsumerRecord

from lodestream.engine.block import Block
from lodestream.engine.breaker import Breaker
from lodestream.engine.step import Outcome, Record, Size, State
from lodestream.errors import StateError
from lodestream.kafka.log import Offsets
from lodestream.origins import Marks

PARTITIONS = 4


class Text:
    """A state that is the text of all its changes."""

    FORMAT: ClassVar[int] = 7

    def __init__(self) -> None:
        self.text = b""

    def drain(self) -> bytes:
        return b""

    def apply(self, block: bytes) -> None:
        self.text += block

    def freeze(self) -> Callable[[], Iterator[bytes]]:
        text = self.text
        return lambda: iter([text[:3], text[3:]])

    def load(self, data: memoryview) -> None:
        self.text = bytes(data)
        if self.text.startswith(b"!"):
            raise StateError("made up")

    def sizes(self) -> Mapping[str, Size]:
        return {}

    def evictions(self) -> Mapping[tuple[str, str], int]:
        return {}


class TextStep:
    def __init__(self) -> None:
        self.text = Text()
        self.state: State = self.text

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        raise AssertionError(records)


def block(start: int, end: int, changes: bytes = b"x", **other: Any) -> Block:
    given: dict[str, Any] = {
        "state_format": Text.FORMAT,
        "partitions": PARTITIONS,
        "clock": end * 10,
        "breaker": Breaker(run=end).pack(),
        "marks": Marks({0: (end, 0)}).pack(),
    }
    return Block(start=start, end=end, changes=changes, **(given | other))


@dataclass
class Memory:
    """Blocks at every second offset, as on a topic with a commit marker behind each; pages of two."""

    blocks: list[Block] = field(default_factory=list)
    beginning: int = 0
    read: list[int] = field(default_factory=list)  # offsets of the blocks that were read

    async def changelog_offsets(self, partition: int) -> Offsets:
        assert partition == 2
        end = max(self.beginning, 2 * len(self.blocks))
        return Offsets(self.beginning, end, end)

    async def changelog(self, partition: int, start: int, end: int) -> AsyncGenerator[list[Any], None]:
        assert partition == 2
        assert start >= self.beginning
        places = [at for at in range(0, 2 * len(self.blocks), 2) if start <= at < end]
        for at in range(0, len(places), 2):
            page = places[at : at + 2]
            self.read += page
            yield [_record(offset, self.blocks[offset // 2].pack()) for offset in page]

    async def input_offsets(self, partition: int) -> Offsets:
        raise AssertionError(partition)

    def input(self, partition: int, start: int, end: int) -> AsyncGenerator[list[Any], None]:
        raise AssertionError((partition, start, end))


def _record(offset: int, value: bytes) -> Any:
    return ConsumerRecord("p.count-state", 2, offset, 0, 1, None, value, None, 0, len(value), ())
