"""What was read of the topics: inputs and outputs of every stage, kept as columns until they are judged."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from lodestream.headers import Header, Headers, header
from lodestream.ledger.ancestry import Ancestry
from lodestream.ledger.bounds import HEADS, Horizon, Scope
from lodestream.ledger.breaches import PROBLEMS_KEPT, Breach, StageReport
from lodestream.ledger.changelogs import CHANGELOGS, Blocks
from lodestream.ledger.content import Content, content_of, content_of_letter, named_by
from lodestream.ledger.inputs import IN_SCOPE, REPEAT, UNSURE, Inputs
from lodestream.ledger.names import Stories
from lodestream.ledger.outputs import STAGES, UNKNOWN_STAGE, Fates, NoOutputError, decode, lineage_of, read_fate
from lodestream.ledger.places import WRONG_PARTITION, astray, by_key
from lodestream.letters import Coordinates, marked_letter, parse_origin
from lodestream.origins import Marks
from lodestream.times import from_rfc3339
from lodestream.topics import DEAD_LETTERS, RAW, STORIES

TRUNCATED: Final = -1
"""In place of a time: the log was read from its first record, and may have lost some before that."""


class LogRecord(Protocol):
    """What is looked at of a record of a log; the timestamp is that of the append, in ms."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class _Read(NamedTuple):
    """A record as it was read; `value` is None where it is no JSON object, or is not looked at as one."""

    topic: str
    partition: int
    record: LogRecord
    headers: Headers
    value: Mapping[str, Any] | None
    content: Content


@dataclass(frozen=True, slots=True)
class _Orphan:
    stage: str
    place: str
    why: str


class Books:
    """Takes the topics in the order of the flow: what a record is depends on the one it came from.

    Topics are named by their short names.
    """

    def __init__(
        self, prefix: str, scope: Scope, kept: int = PROBLEMS_KEPT, compacted: Collection[str] = frozenset()
    ) -> None:
        """`kept`: how many orphans are named; the others are only counted.

        `compacted`: topics where a null value is no output, but takes away those of its key.
        """
        self.inputs = {topic: Inputs() for topic in HEADS}
        self.fates = {stage.name: Fates(stage.name) for stage in STAGES}
        self.horizons: dict[str, Horizon] = {}  # by stage; without one its outputs are read to their end
        self.oldest: dict[tuple[str, int], int] = {}  # timestamp of the first record that was read of a partition
        self.next: dict[tuple[str, int], int] = {}  # the offset behind the last one
        self.read: Counter[str] = Counter()  # records by topic
        self.last: dict[str, dict[int, int]] = {topic: {} for topic in HEADS}  # offset of the last record in scope
        self.first_ms: int | None = None  # the time of the first record in scope of the topic that is bounded
        self.stories = Stories()
        self.blocks: dict[tuple[str, int], Blocks] = {}  # by changelog and partition
        self._prefix = prefix
        self._scope = scope
        self._kept = kept
        self._compacted = compacted
        self._judged = {stage.name for stage in STAGES[HEADS.index(scope.head) :]}
        self._input_topics = {stage.name: prefix + stage.input for stage in STAGES}
        self._partitions: dict[str, int] = {}  # how many each topic has
        self._covered: dict[tuple[str, int], int] = {}
        self._marks: dict[tuple[str, int], Marks] = {}
        self._letters: dict[int, array[int]] = {}  # their offsets by partition of the dead letters, ascending
        self._orphans: list[_Orphan] = []
        self._orphans_of: Counter[str] = Counter()

    def begin(self, topic: str, covered: Mapping[int, int | None]) -> None:
        """From which time (ms) on each partition of a topic is read without a gap; None: it is read as a whole."""
        self._partitions[topic] = len(covered)
        self._covered |= {(topic, part): since for part, since in covered.items() if since is not None}

    def add(self, topic: str, partition: int, batch: Sequence[LogRecord]) -> None:
        """The next records of a partition."""
        key = topic, partition
        self.oldest.setdefault(key, batch[0].timestamp)
        if self._covered.get(key) == TRUNCATED:
            self._covered[key] = batch[0].timestamp
        self.next[key] = batch[-1].offset + 1
        self.read[topic] += len(batch)
        if topic in CHANGELOGS:
            # Each says how many partitions the input has; whoever reads the changelog alone takes them for as many.
            of_input = self._partitions.get(CHANGELOGS[topic].input, self._partitions[topic])
            blocks = self.blocks.setdefault(key, Blocks(of_input))
            for record in batch:
                blocks.add(record.offset, record.value)
            return
        if topic == STORIES:
            for record in batch:
                self.stories.add(record.key)
            return
        expected_on = by_key(topic, [record.key for record in batch], self._partitions.get(topic))
        for record, expected in zip(batch, expected_on, strict=True):
            headers = tuple((name, value or b"") for name, value in record.headers)
            value = None if topic in {RAW, DEAD_LETTERS} else decode(record.value)
            read = _Read(topic, partition, record, headers, value, _content(topic, record, headers, value))
            if topic in self.inputs:
                self._add_input(read)
            if topic != RAW and not (record.value is None and topic in self._compacted):
                self._add_fate(read, expected)

    def ancestry(self) -> Ancestry:
        """All fates as views: nothing can be added while it is held."""
        return Ancestry(self._prefix, {stage: fates.columns() for stage, fates in self.fates.items()})

    def span(self, topic: str, partition: int) -> tuple[int, int | None] | None:
        """From which to before which offset the records of an input are in scope; the second None: to its end."""
        if self._scope.ranges is None:
            return 0, None
        records = self.inputs[topic].records(partition)
        within = records.offsets[records.has(IN_SCOPE)]
        if not len(within):
            return None
        return int(within[0]), int(within[-1]) + 1 if self._scope.closed else None

    def with_orphans(self, reports: Sequence[StageReport]) -> tuple[StageReport, ...]:
        """The reports, and in them the records on output topics that are of no input at all."""
        by_name = {report.stage: report for report in reports}
        for orphan in self._orphans:
            report = by_name.setdefault(orphan.stage, StageReport(orphan.stage, self._kept))
            report.add(Breach.ORPHAN, orphan.place, orphan.why)
        named = Counter(orphan.stage for orphan in self._orphans)
        for stage, count in self._orphans_of.items():
            report = by_name.setdefault(stage, StageReport(stage, self._kept))
            report.breaches[Breach.ORPHAN] += count - named[stage]
        return tuple(by_name.values())

    def _add_input(self, read: _Read) -> None:
        topic, partition, record, headers, value, content = read
        raw = self._prefix + RAW
        lineage = (partition, record.offset) if topic == RAW else lineage_of(value, raw)
        flags = 0
        if self._in_scope(topic, partition, record.offset, headers, lineage):
            flags |= IN_SCOPE
            self.last[topic][partition] = record.offset
            if topic == self._scope.head:
                self.first_ms = min(record.timestamp, self.first_ms or record.timestamp)
        if topic != RAW:
            upstream = self._input_topics[STAGES[HEADS.index(topic) - 1].name]
            marks = self._marks.setdefault((topic, partition), Marks())
            if not marks.take(headers, upstream):
                flags |= REPEAT
            if self._unsure(topic, partition, headers):
                flags |= UNSURE
        self.inputs[topic].add(partition, (record.offset, record.timestamp, flags), lineage, content)

    def _in_scope(self, topic: str, partition: int, offset: int, headers: Headers, lineage: tuple[int, int]) -> bool:
        """Whether an input record is within the bounds: itself, or else what it came from."""
        scope = self._scope
        if scope.ranges is None:
            return True
        if topic == scope.head:
            return scope.holds(partition, offset)
        upstream = HEADS[HEADS.index(topic) - 1]
        if (parent := _parent(headers, self._prefix + upstream)) is not None:
            if upstream == scope.head:
                return scope.holds(parent.partition, parent.offset)
            known = self.inputs[upstream].in_scope(parent.partition, parent.offset)
            if known is not None:
                return known
        return scope.head == RAW and scope.holds(*lineage)

    def _unsure(self, topic: str, partition: int, headers: Headers) -> bool:
        """Whether it may repeat a record before those that were read: their document was taken before that."""
        covered = self._covered.get((topic, partition))
        if covered is None or header(headers, Header.ORIGIN) is None:
            return False
        try:
            return from_rfc3339(header(headers, Header.INGESTED_AT) or "") <= covered
        except ValueError:
            return True

    def _add_fate(self, read: _Read, expected: int | None) -> None:
        """`expected`: the partition that its key belongs on, where that is known."""
        topic, partition, record, headers, value, content = read
        try:
            if topic == DEAD_LETTERS:
                self._match_mark(partition, record.offset, headers)
            fate = read_fate(topic, headers, value, self._input_topics)
        except NoOutputError as error:
            lineage = lineage_of(value, self._prefix + RAW)
            unknown = self._scope.head != RAW or min(lineage) < 0
            is_judged = error.stage in self._judged or error.stage == UNKNOWN_STAGE
            if is_judged and (unknown or self._scope.holds(*lineage)):
                place = Coordinates(self._prefix + topic, partition, record.offset)
                self._orphans_of[error.stage] += 1
                if len(self._orphans) < self._kept:
                    self._orphans.append(_Orphan(error.stage, str(place), str(error)))
            return
        if fate is None:
            return
        wrong = astray(fate, record.key, headers, value) | (0 if expected in {None, partition} else WRONG_PARTITION)
        named = named_by(topic, value)
        self.fates[fate.stage].add(fate, partition, record.offset, held=content.held, named=named, astray=wrong)
        if fate.stage in self.horizons:
            self.horizons[fate.stage].see(fate.origin.partition, fate.origin.offset, record.timestamp)

    def _match_mark(self, partition: int, offset: int, headers: Headers) -> None:
        """A mark must name a letter before it, on its own partition. Raises `NoOutputError`.

        One that may lie before what was read, or that a newer one may have replaced, is let pass.
        """
        letters = self._letters.setdefault(partition, array("q"))
        marked = marked_letter(headers)
        if marked is None:
            letters.append(offset)
            return
        if (marked.topic, marked.partition) == (self._prefix + DEAD_LETTERS, partition):
            is_whole = (DEAD_LETTERS, partition) not in self._covered
            if not is_whole and marked.offset < (letters[0] if letters else offset):
                return
            if DEAD_LETTERS in self._compacted and marked.offset < offset:
                return
            at = bisect_left(letters, marked.offset)
            if at < len(letters) and letters[at] == marked.offset:
                return
        raise NoOutputError(UNKNOWN_STAGE, f"marks {marked} as redriven, which is no dead letter before it")


def _content(topic: str, record: LogRecord, headers: Headers, value: Mapping[str, Any] | None) -> Content:
    if topic == DEAD_LETTERS:
        return content_of_letter(headers, record.value)
    return content_of(topic, record.key, record.value, value)


def _parent(headers: Headers, upstream: str) -> Coordinates | None:
    """The record on `upstream` that this one came from, also when it was put back since."""
    for name in (Header.ORIGIN, Header.PARENT_ORIGIN):
        try:
            place, _ = parse_origin(header(headers, name) or "")
        except ValueError:
            continue
        if place.topic == upstream:
            return place
    return None
