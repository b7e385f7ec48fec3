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
from lodestream.ledger.content import NOTHING, Named
from lodestream.ledger.inputs import view
from lodestream.letters import Coordinates, marked_letter, parse_origin
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS, RAW

INT32_MAX: Final = int(np.iinfo(np.int32).max)
INT64_MAX: Final = int(np.iinfo(np.int64).max)
NO_NUMBER: Final = -1
UNREADABLE: Final = -2
UNKNOWN_STAGE: Final = "unknown"
NOTHING_NAMED: Final = Named()
NO_LINEAGE: Final = (NO_NUMBER, NO_NUMBER)
UNREADABLE_LINEAGE: Final = (UNREADABLE, UNREADABLE)
"""In place of the lineage of an output whose value is no record."""


class Kind(IntEnum):
    """What an output is to its input."""

    ARTICLE = 0
    ORIGINAL = 1
    LINK = 2
    FORWARDED = 3  # a link whose article is also an original
    ENRICHED = 4
    DEAD_LETTER = 5


TOPIC_OF: Final = {
    Kind.ARTICLE: ARTICLES,
    Kind.ORIGINAL: ORIGINALS,
    Kind.LINK: DUPLICATES,
    Kind.FORWARDED: DUPLICATES,
    Kind.ENRICHED: ENRICHED,
    Kind.DEAD_LETTER: DEAD_LETTERS,
}


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

# Letters go back to the inputs of the stages only; elsewhere every record is some stage's output.
_REDRIVEN: Final = frozenset(stage.input for stage in STAGES)


@dataclass(frozen=True, slots=True)
class Fate:
    """One output, read: `position` and `of` are those of an article, else `NO_NUMBER`, as is a letter's `index`.

    `lineage`: partition and offset on `raw` as the value says; `NO_LINEAGE` where it says none, and of a letter;
    `UNREADABLE_LINEAGE` where the value is no record.
    """

    stage: str
    kind: Kind
    origin: Coordinates
    index: int
    position: int = NO_NUMBER
    of: int = NO_NUMBER
    lineage: tuple[int, int] = NO_LINEAGE


class NoOutputError(Exception):
    """A record on an output topic that cannot be an output of its stage: an orphan. The text says why."""

    def __init__(self, stage: str, why: str) -> None:
        super().__init__(why)
        self.stage = stage


def decode(value: bytes | None) -> dict[str, Any] | None:
    """A JSON object; None for what is none."""
    try:
        record = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def lineage_of(record: Mapping[str, Any] | None, raw: str) -> tuple[int, int]:
    """Partition and offset that a value names on `raw` (full name). See `Fate.lineage` for what stands for none."""
    if record is None:
        return UNREADABLE_LINEAGE
    lineage = record.get("lineage")
    if not isinstance(lineage, dict) or lineage.get("topic") != raw:
        return NO_LINEAGE
    place = _number(lineage.get("partition")), _number(lineage.get("offset"), INT64_MAX)
    return NO_LINEAGE if NO_NUMBER in place else place


def read_fate(
    topic: str, headers: Headers, record: Mapping[str, Any] | None, input_topics: Mapping[str, str]
) -> Fate | None:
    """What a record of an output topic (name without prefix) says; None for one that a redrive put there.

    `record`: its decoded value, None when that is no record; not looked at for a dead letter. `input_topics`: the
    full name of each stage's input topic. Raises `NoOutputError`.
    """
    if topic == DEAD_LETTERS:
        return _letter(headers, input_topics)
    stage = WRITER[topic].name
    origin = header(headers, Header.ORIGIN)
    if origin is None:
        if topic in _REDRIVEN and header(headers, Header.REDRIVE) is not None:
            return None
        raise NoOutputError(stage, "has no origin")
    coordinates, index = _origin(stage, origin, input_topics[stage])
    if index is None:
        raise NoOutputError(stage, f"origin {origin} has no index")
    position = of = NO_NUMBER
    kind = {ARTICLES: Kind.ARTICLE, ORIGINALS: Kind.ORIGINAL, ENRICHED: Kind.ENRICHED}.get(topic, Kind.LINK)
    if record is not None:
        if kind is Kind.ARTICLE:
            position, of = _number(record.get("position")), _number(record.get("of"))
        elif kind is Kind.LINK and record.get("forwarded") is True:
            kind = Kind.FORWARDED
    return Fate(stage, kind, coordinates, index, position, of, lineage_of(record, input_topics["clean"]))


Columns = Mapping[str, NDArray[Any]]
"""The fates of one stage, as arrays of the same length. See `Fates`."""


class Fates:
    """The fates that one stage gave, as columns: 50 bytes each, 58 of `clean` and 74 of `dedupe`, however many.

    Columns: `kind`; `partition`, `offset` of the input; `index`; `at_partition`, `at_offset` of the output itself, on
    the topic of its kind; `lineage_partition`, `lineage_offset`; `held`, the hash of what it took over from the
    input; `astray`, whether its own key or partition is wrong (see `places`). Of `clean` also `position`, `of`; of
    `dedupe` the hashes `article`, `names`, `story` (see `Named`).
    """

    TYPES: Final = {
        "kind": "b",
        "partition": "i",
        "offset": "q",
        "index": "i",
        "at_partition": "i",
        "at_offset": "q",
        "lineage_partition": "i",
        "lineage_offset": "q",
        "held": "Q",
        "astray": "b",
    }
    OF_CLEAN: Final = {"position": "i", "of": "i"}
    OF_DEDUPE: Final = {"article": "Q", "names": "Q", "story": "Q"}

    def __init__(self, stage: str) -> None:
        self._clean, self._dedupe = stage == WRITER[ARTICLES].name, stage == WRITER[ORIGINALS].name
        types = self.TYPES | (self.OF_CLEAN if self._clean else self.OF_DEDUPE if self._dedupe else {})
        self._columns: dict[str, array[int]] = {name: array(code) for name, code in types.items()}

    def add(
        self,
        fate: Fate,
        at_partition: int,
        at_offset: int,
        *,
        held: int = NOTHING,
        named: Named = NOTHING_NAMED,
        astray: int = 0,
    ) -> None:
        origin = fate.origin
        row = (fate.kind, origin.partition, origin.offset, fate.index, at_partition, at_offset, *fate.lineage)
        more = (fate.position, fate.of) if self._clean else named if self._dedupe else ()
        for column, number in zip(self._columns.values(), (*row, held, astray, *more), strict=True):
            column.append(number)

    def __len__(self) -> int:
        return len(self._columns["kind"])

    def columns(self) -> dict[str, NDArray[Any]]:
        """Views of the columns: nothing can be added while they are held."""
        return {name: view(column) for name, column in self._columns.items()}


def _letter(headers: Headers, input_topics: Mapping[str, str]) -> Fate | None:
    if marked_letter(headers) is not None:
        return None
    stage = header(headers, Header.STAGE) or ""
    if stage not in input_topics:
        raise NoOutputError(UNKNOWN_STAGE, f"is of no stage: {stage[:40]!r}")
    coordinates, index = _origin(stage, header(headers, Header.ORIGIN) or "", input_topics[stage])
    if index is not None:
        raise NoOutputError(stage, "origin of a dead letter has an index")
    return Fate(stage, Kind.DEAD_LETTER, coordinates, NO_NUMBER)


def _origin(stage: str, text: str, input_topic: str) -> tuple[Coordinates, int | None]:
    try:
        coordinates, index = parse_origin(text)
    except ValueError as error:
        raise NoOutputError(stage, str(error)) from None
    if coordinates.topic != input_topic:
        raise NoOutputError(stage, f"origin {text} is not on {input_topic}")
    if max(coordinates.partition, index or 0) > INT32_MAX or coordinates.offset > INT64_MAX:
        raise NoOutputError(stage, f"origin {text} is out of range")
    return coordinates, index


def _number(value: Any, largest: int = INT32_MAX) -> int:
    is_index = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest
    return value if is_index else NO_NUMBER
