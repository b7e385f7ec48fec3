"""What a record that a stage wrote says about its input: which one it was, and which fate it got."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from lodestream.headers import Header, Headers, header
from lodestream.letters import Coordinates, marked_letter, parse_origin
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS, RAW

NO_NUMBER: Final = -1
UNKNOWN_STAGE: Final = "unknown"


class Kind(IntEnum):
    """What an output is to its input."""

    ARTICLE = 0
    ORIGINAL = 1
    LINK = 2
    FORWARDED = 3  # a link whose article is also an original
    ENRICHED = 4
    DEAD_LETTER = 5


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage and the topic it reads (name without prefix)."""

    name: str
    input: str
    outputs: tuple[str, ...]


STAGES: Final = (
    Stage("clean", RAW, (ARTICLES, DEAD_LETTERS)),
    Stage("dedupe", ARTICLES, (ORIGINALS, DUPLICATES, DEAD_LETTERS)),
    Stage("tag", ORIGINALS, (ENRICHED, DEAD_LETTERS)),
)
WRITER: Final = {topic: stage for stage in STAGES for topic in stage.outputs if topic != DEAD_LETTERS}


@dataclass(frozen=True, slots=True)
class Fate:
    """One output, read: `position` and `of` are those of an article, else `NO_NUMBER`, as is a letter's `index`."""

    stage: str
    kind: Kind
    origin: Coordinates
    index: int
    position: int
    of: int


class NoOutputError(Exception):
    """A record on an output topic that cannot be an output of its stage: an orphan. The text says why."""

    def __init__(self, stage: str, why: str) -> None:
        super().__init__(why)
        self.stage = stage


def read_fate(topic: str, headers: Headers, value: bytes | None, input_topics: Mapping[str, str]) -> Fate | None:
    """What a record of an output topic (name without prefix) says; None for one that a redrive put there.

    `input_topics`: the full name of each stage's input topic. Raises `NoOutputError`.
    """
    if topic == DEAD_LETTERS:
        return _letter(headers, input_topics)
    stage = WRITER[topic].name
    origin = header(headers, Header.ORIGIN)
    if origin is None:
        if header(headers, Header.REDRIVE) is not None:
            return None
        raise NoOutputError(stage, "has no origin")
    coordinates, index = _origin(stage, origin, input_topics[stage])
    if index is None:
        raise NoOutputError(stage, f"origin {origin} has no index")
    position = of = NO_NUMBER
    kind = {ARTICLES: Kind.ARTICLE, ORIGINALS: Kind.ORIGINAL, ENRICHED: Kind.ENRICHED}.get(topic, Kind.LINK)
    if kind is Kind.ARTICLE:
        article = _decode(stage, value)
        position, of = _number(article.get("position")), _number(article.get("of"))
    elif kind is Kind.LINK and _decode(stage, value).get("forwarded") is True:
        kind = Kind.FORWARDED
    return Fate(stage, kind, coordinates, index, position, of)


class Fates:
    """The fates that one stage gave, as columns: some 40 bytes each, however many there are.

    Columns: `kind`; `partition`, `offset` of the input; `index`, `position`, `of`; `topic` (its place in the
    stage's outputs), `at_partition`, `at_offset` of the output itself.
    """

    TYPES: Final = {
        "kind": "b",
        "partition": "i",
        "offset": "q",
        "index": "i",
        "position": "i",
        "of": "i",
        "topic": "b",
        "at_partition": "i",
        "at_offset": "q",
    }

    def __init__(self) -> None:
        self._columns: dict[str, array[int]] = {name: array(code) for name, code in self.TYPES.items()}

    def add(self, fate: Fate, topic: int, at_partition: int, at_offset: int) -> None:
        row = (
            fate.kind,
            fate.origin.partition,
            fate.origin.offset,
            fate.index,
            fate.position,
            fate.of,
            topic,
            at_partition,
            at_offset,
        )
        for column, number in zip(self._columns.values(), row, strict=True):
            column.append(number)

    def __len__(self) -> int:
        return len(self._columns["kind"])

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns as arrays of the same length."""
        return {name: np.array(column, dtype=column.typecode) for name, column in self._columns.items()}


def _letter(headers: Headers, input_topics: Mapping[str, str]) -> Fate | None:
    if marked_letter(headers) is not None:
        return None
    stage = header(headers, Header.STAGE) or ""
    if stage not in input_topics:
        raise NoOutputError(UNKNOWN_STAGE, f"is of no stage: {stage[:40]!r}")
    coordinates, index = _origin(stage, header(headers, Header.ORIGIN) or "", input_topics[stage])
    if index is not None:
        raise NoOutputError(stage, "origin of a dead letter has an index")
    return Fate(stage, Kind.DEAD_LETTER, coordinates, NO_NUMBER, NO_NUMBER, NO_NUMBER)


def _origin(stage: str, text: str, input_topic: str) -> tuple[Coordinates, int | None]:
    try:
        coordinates, index = parse_origin(text)
    except ValueError as error:
        raise NoOutputError(stage, str(error)) from None
    if coordinates.topic != input_topic:
        raise NoOutputError(stage, f"origin {text} is not on {input_topic}")
    if max(coordinates.partition, index or 0) > np.iinfo(np.int32).max or coordinates.offset > np.iinfo(np.int64).max:
        raise NoOutputError(stage, f"origin {text} is out of range")
    return coordinates, index


def _decode(stage: str, value: bytes | None) -> dict[str, Any]:
    try:
        record = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        raise NoOutputError(stage, "is no JSON object")
    return record


def _number(value: Any) -> int:
    is_index = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= np.iinfo(np.int32).max
    return value if is_index else NO_NUMBER
