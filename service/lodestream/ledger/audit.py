"""The ledger on the topics themselves: what is read, in which order, from where, and up to where.

The order makes it right on a running system. First the committed offsets: what is below them has its outputs in
the log, since one transaction holds both. Then the high watermarks of the outputs: they lie behind those outputs,
also where the commit markers are still on their way; reading *committed* up to them waits for these. What is
processed meanwhile shows as outputs ahead of the committed offsets, so these are asked for again at the end.

Within bounds only their surroundings are read. No output is older than its input, so the other topics begin at the
time of the first record within; and where nothing later can be within, each ends when its stage has come past it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from lodestream.errors import LodestreamError, TruncatedError
from lodestream.kafka.admin import topic_policies, wanted_policies
from lodestream.kafka.clients import clear_errors, client_arguments, reachable
from lodestream.kafka.log import LogRecord, Offsets, offsets, offsets_since, read_log
from lodestream.ledger import retention
from lodestream.ledger.ancestry import Ancestry, States, follow
from lodestream.ledger.books import TRUNCATED, Books
from lodestream.ledger.bounds import SLACK_MS, Bounds, Found, Horizon, Scope, ranges
from lodestream.ledger.breaches import PROBLEMS_KEPT, Breach, StageReport
from lodestream.ledger.changelogs import CHANGELOGS, Blocks, Given, hold
from lodestream.ledger.groups import Forgotten, forgotten_offsets, group_offsets
from lodestream.ledger.judge import InputPartition, judge
from lodestream.ledger.names import Known, known_of
from lodestream.ledger.outputs import WRITER, Stage
from lodestream.ledger.report import Report, Used
from lodestream.ledger.retention import InputLeft, OutputPartition, Reach
from lodestream.settings import Settings
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS, RAW, STORIES, changelog_of

# The marker of a committed offset is written within milliseconds of those of the outputs, unless a broker restarts.
COMMIT_SECONDS: Final = 15.0
COMMIT_POLL_SECONDS: Final = 0.2
# Retention takes a segment now and then, minutes apart; what is read is then judged from another beginning.
READS: Final = 5

Committed = dict[str, dict[int, int]]
"""By stage and input partition: the group's next offset, 0 where it has none and its changelog no block."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the reading of a topic has come: records taken, and offsets passed of those there are to pass."""

    topic: str
    records: int
    done: int
    total: int


async def verify(
    settings: Settings,
    bounds: Bounds | None = None,
    *,
    problems: int = PROBLEMS_KEPT,
    progress: Callable[[Reading], None] | None = None,
) -> Report:
    """Hold every stage's outputs against its input (design guarantee 2).

    Looks at the records up to the groups' committed offsets, from where all topics still reach; with `bounds` only at
    those within, and what came of them. The report names the first `problems` of each stage. Raises
    `LodestreamError` when Kafka is not there, a topic or a partition is missing, a transaction stays open for too
    long, or retention takes again and again what is just to be read.
    """
    await reachable(settings)
    with clear_errors(settings):
        for _ in range(READS - 1):
            with contextlib.suppress(TruncatedError):
                return await _Audit(settings, bounds or Bounds(), problems, progress).run()
        return await _Audit(settings, bounds or Bounds(), problems, progress).run()


class _Audit:
    def __init__(
        self, settings: Settings, bounds: Bounds, problems: int, progress: Callable[[Reading], None] | None
    ) -> None:
        self._settings = settings
        self._arguments = client_arguments(settings)
        self._bounds = bounds
        self._problems = problems
        self._progress = progress
        self._stages = bounds.stages
        names = [stage.name for stage in self._stages]
        written = [topic for topic in (ARTICLES, ORIGINALS, DUPLICATES, ENRICHED) if WRITER[topic].name in names]
        stories = (STORIES,) if ORIGINALS in written else ()
        # What a record came from, and what names a story, is read before it.
        self._topics = (bounds.topic, *written, DEAD_LETTERS, *stories, *map(changelog_of, names))
        self._ends: dict[str, dict[int, Offsets]] = {}
        self._starts: dict[str, dict[int, int]] = {}
        self._policies = wanted_policies(settings)
        self._notes: list[str] = []
        self._forgotten: dict[str, Forgotten] = {}  # by stage, as of the last time that they were asked for
        self._scope = Scope(bounds.topic)
        self._books = Books(settings.topic_prefix, self._scope)

    async def run(self) -> Report:
        partitions = {stage.input: await self._ends_of(stage.input) for stage in self._stages}
        committed = await self._committed(partitions)
        for topic in self._topics:
            self._ends[topic] = await self._ends_of(topic)
        if policies := await topic_policies(self._settings, self._topics):
            self._policies |= policies
        else:
            self._notes.append(
                "retention and compaction of its topics may not be read, so they are taken to be as wanted"
            )
        compacted = [topic for topic, policy in self._policies.items() if policy.compacts]
        self._scope = await self._resolve(time.time_ns() // 1_000_000)
        self._books = Books(self._settings.topic_prefix, self._scope, self._problems, compacted)
        for topic in self._topics:
            await self._read(topic)
        ancestry = self._books.ancestry()
        until = time.monotonic() + COMMIT_SECONDS
        while True:
            after = await self._committed(partitions)
            reports, states = [], {}
            for stage in self._stages:
                report, states[stage.name] = self._judge(stage, ancestry, committed, after)
                self._judge_changelog(report, stage, committed, after)
                reports.append(report)
            ahead = any(report.breaches[Breach.AHEAD] + report.breaches[Breach.STATE_AHEAD] for report in reports)
            if not ahead or time.monotonic() > until:
                break
            await asyncio.sleep(COMMIT_POLL_SECONDS)
        for report in reports:
            report.warnings += self._notes
            report.warnings += self._forgotten[report.stage].warnings(self._settings.group(report.stage))
        return Report(
            self._books.with_orphans(reports),
            self._used(),
            self._documents(ancestry, states),
            dict(self._books.read),
            self._problems,
        )

    async def _ends_of(self, topic: str) -> dict[int, Offsets]:
        return await offsets(self._arguments, self._settings.topic(topic))

    async def _committed(self, partitions: Mapping[str, Mapping[int, Offsets]]) -> Committed:
        """How far each group has come; where Kafka has forgotten that, by its changelog, as a worker goes on."""
        found = {}
        for stage in self._stages:
            group, topic = self._settings.group(stage.name), self._settings.topic(stage.input)
            known = await group_offsets(self._arguments, group, topic, partitions[stage.input].keys())
            none = [part for part, offset in known.items() if offset == 0]
            changelog = self._settings.topic(changelog_of(stage.name))
            forgotten = await forgotten_offsets(self._arguments, changelog, none)
            self._forgotten[stage.name] = forgotten
            found[stage.name] = known | dict(forgotten.offsets)
        return found

    async def _resolve(self, now_ms: int) -> Scope:
        bounds = self._bounds
        if bounds.everything:
            return Scope(bounds.topic)
        if bounds.until_ms is not None and bounds.until_ms > now_ms:
            bounds = replace(bounds, until_ms=None)
        ends = self._ends[bounds.topic]
        since, until = await self._at(bounds.topic, bounds.since_ms), await self._at(bounds.topic, bounds.until_ms)
        found = {part: Found(end.beginning, end.high, since.get(part), until.get(part)) for part, end in ends.items()}
        try:
            return Scope(bounds.topic, ranges(bounds, found))
        except ValueError as error:
            raise LodestreamError(f"{self._settings.topic(bounds.topic)} {error}") from None

    async def _at(self, topic: str, time_ms: int | None) -> dict[int, int | None]:
        if time_ms is None:
            return {}
        return await offsets_since(self._arguments, self._settings.topic(topic), time_ms)

    async def _read(self, topic: str) -> None:
        # Those before it took their time, and retention may have gone on meanwhile.
        now = await self._ends_of(topic)
        ends = {part: replace(end, beginning=now[part].beginning) for part, end in self._ends[topic].items()}
        self._ends[topic] = ends
        name = self._settings.topic(topic)
        # Nobody reads `raw` beyond its stable offset; outputs are awaited up to the high watermark.
        stop = {part: end.stable if topic == RAW else end.high for part, end in ends.items()}
        if topic == self._scope.head:
            start = await self._start_of_head(stop)
        elif topic == STORIES:
            start = self._start_of_stories()
        else:
            first_ms = self._books.first_ms
            start = await self._start(topic, None if first_ms is None else first_ms - SLACK_MS)
        self._starts[topic] = start
        enough, passed = self._enough(topic), dict(start)
        # Retention may by now have gone beyond where it is read to.
        total = sum(max(0, stop[part] - start[part]) for part in stop)
        async with aclosing(read_log(self._arguments, name, start=start, end=stop, enough=enough)) as batches:
            async for batch in batches:
                self._books.add(topic, batch[0].partition, batch)
                passed[batch[0].partition] = batch[-1].offset + 1
                self._tell(topic, sum(passed.values()) - sum(start.values()), total)
        self._tell(topic, total, total)  # markers are passed in silence
        if self._scope.closed and topic in self._books.inputs:
            (stage,) = (stage for stage in self._stages if stage.input == topic)
            self._books.horizons[stage.name] = Horizon(self._books.last[topic], SLACK_MS)

    def _tell(self, topic: str, done: int, total: int) -> None:
        if self._progress is not None and total:
            self._progress(Reading(topic, self._books.read[topic], done, total))

    async def _start_of_head(self, stop: dict[int, int]) -> dict[int, int]:
        """Where the bounded topic is read from; `stop` is cut to the bounds."""
        topic, ends = self._scope.head, self._ends[self._scope.head]
        if self._scope.ranges is None:
            return await self._start(topic, None)
        start = {}
        for part, within in self._scope.ranges.items():
            stop[part] = stop[part] if within.stop is None else min(stop[part], max(within.stop, ends[part].beginning))
            start[part] = min(max(within.first, ends[part].beginning), stop[part])
        if topic == RAW:
            return start
        # What the stage before wrote twice is known by the first of the two, which may lie before the bounds.
        first_ms = await self._first_ms(start, stop)
        earlier = await self._start(topic, None if first_ms is None else first_ms - SLACK_MS)
        return {part: min(start[part], earlier[part]) if start[part] < stop[part] else start[part] for part in start}

    async def _first_ms(self, start: Mapping[int, int], stop: Mapping[int, int]) -> int | None:
        """The time of the earliest of the first records within, on the bounded topic."""
        name = self._settings.topic(self._scope.head)
        reading = read_log(self._arguments, name, start=start, end=stop, enough=lambda _: True)
        async with aclosing(reading) as batches:
            return min([batch[0].timestamp async for batch in batches], default=None)

    async def _start(self, topic: str, since_ms: int | None) -> dict[int, int]:
        """Where a topic is read from, so that nothing that was appended since then is left out.

        Without a time that is its beginning, where everything is looked at, and else its end.
        """
        ends = self._ends[topic]
        if since_ms is not None:
            found = await self._at(topic, since_ms)
            start = {part: max(end.beginning, min(end.high, _or(found[part], end.high))) for part, end in ends.items()}
        elif self._scope.ranges is None:
            start = {part: end.beginning for part, end in ends.items()}
        else:
            start = {part: end.high for part, end in ends.items()}
        covered = {}
        for part, end in ends.items():
            whole = None if start[part] == 0 else TRUNCATED
            covered[part] = whole if start[part] <= end.beginning else since_ms
        self._books.begin(topic, covered)
        return start

    def _start_of_stories(self) -> dict[int, int]:
        """From the beginning, whatever the bounds: a story that gets a copy is no newer than its last update."""
        if self._scope.ranges is not None:
            self._books.stories.look_for(self._books.fates[WRITER[ORIGINALS].name].columns())
        ends = self._ends[STORIES]
        return {part: end.high if self._books.stories.complete else end.beginning for part, end in ends.items()}

    def _enough(self, topic: str) -> Callable[[list[LogRecord]], bool] | None:
        """Whether what follows a batch says nothing of what is within; None: that is never known."""
        if topic == STORIES:
            return lambda _: self._books.stories.complete
        if topic == self._scope.head:
            return None
        writers = self._stages if topic == DEAD_LETTERS else ((WRITER | CHANGELOGS)[topic],)
        horizons = [self._books.horizons[stage.name] for stage in writers if stage.name in self._books.horizons]
        if len(horizons) < len(writers):
            return None
        return lambda batch: all(horizon.over(batch[-1].timestamp) for horizon in horizons)

    def _judge(
        self, stage: Stage, ancestry: Ancestry, committed: Committed, after: Committed
    ) -> tuple[StageReport, States]:
        topic = stage.input
        markers = 1 if topic == RAW else self._settings.partitions + 1  # the stage before, and redrives
        inputs = {}
        for part, end in self._ends[topic].items():
            start = self._starts[topic][part]
            stop = self._books.next.get((topic, part), start) if self._scope.closed else None
            missed, high = start <= end.beginning, None if self._scope.closed else end.high
            if topic == self._scope.head and self._scope.ranges is not None:
                within = self._scope.ranges[part]
                start, stop = max(within.first, end.beginning), within.stop
                high = end.high if stop is None or stop > end.high else None
                missed = within.first < end.beginning and (stop is None or committed[stage.name][part] < stop)
            # The group may have read on, and retention taken that, since it was asked for the first time.
            read = max(committed[stage.name][part], after[stage.name][part])
            # Of a group that Kafka has forgotten the changelog tells, unless retention took what it held.
            blocks = self._ends[changelog_of(stage.name)].get(part)
            forgotten = part in self._forgotten[stage.name].unreadable or (blocks is not None and blocks.beginning > 0)
            lost = retention.deleted_unread(read, end.beginning, markers, forgotten=forgotten)
            deleted, maybe_deleted = lost if missed else (range(0), range(0))
            inputs[part] = InputPartition(
                self._books.inputs[topic].records(part),
                committed[stage.name][part],
                after[stage.name][part],
                start,
                stop,
                deleted,
                maybe_deleted,
                high,
            )
        return judge(
            stage,
            inputs,
            ancestry,
            reach=self._reach(stage, ancestry),
            scope=self._scope,
            known=self._known(stage, ancestry),
            kept=self._problems,
        )

    def _judge_changelog(self, report: StageReport, stage: Stage, committed: Committed, after: Committed) -> None:
        changelog = changelog_of(stage.name)
        for part, next_offset in committed[stage.name].items():
            span, end = self._books.span(stage.input, part), self._ends[changelog].get(part)
            if span is not None and end is not None:
                blocks = self._books.blocks.get((changelog, part), Blocks(len(committed[stage.name])))
                start = self._starts[changelog][part]
                # That it is not empty says nothing: the block of a torn transaction may lie there, aborted.
                is_whole = end.beginning == 0 or start > end.beginning
                given = Given(next_offset, after[stage.name][part], *span, is_whole, start == 0)
                places = [f"{self._settings.topic(topic)}:{part}" for topic in (changelog, stage.input)]
                hold(report, blocks, given, (places[0], places[1]))

    def _known(self, stage: Stage, ancestry: Ancestry) -> Known | None:
        if ORIGINALS not in stage.outputs:
            return None
        ends, starts = self._ends[ORIGINALS], self._starts[ORIGINALS]
        compacts = self._policies[ORIGINALS].compacts
        whole = [part for part in ends if ends[part].beginning == starts[part] == 0 and not compacts]
        return known_of(ancestry.fates[stage.name], whole, self._books.stories.found())

    def _reach(self, stage: Stage, ancestry: Ancestry) -> Reach:
        columns = ancestry.fates[stage.name]
        now_ms = time.time_ns() // 1_000_000  # retention may have gone on while it was read
        inputs = {
            part: InputLeft(
                end.beginning, self._starts[stage.input][part], self._books.inputs[stage.input].records(part)
            )
            for part, end in self._ends[stage.input].items()
        }
        found = [
            retention.find_lost(
                OutputPartition(
                    topic, part, end.beginning, self._starts[topic][part], self._books.oldest.get((topic, part))
                ),
                columns,
                self._policies[topic].lost_until(now_ms),
                inputs,
            )
            for topic in stage.outputs
            for part, end in self._ends[topic].items()
        ]
        compacted = [topic for topic in stage.outputs if self._policies[topic].compacts]
        begun = any(start for topic in stage.outputs for start in self._starts[topic].values())
        return Reach([lost for lost in found if lost is not None], not begun and not compacted, compacted)

    def _documents(self, ancestry: Ancestry, states: Mapping[str, States]) -> dict[str, int] | None:
        if self._scope.head != RAW:
            return None
        inputs = {
            stage.input: {part: self._books.inputs[stage.input].records(part) for part in self._ends[stage.input]}
            for stage in self._stages
        }
        counted = follow(ancestry, inputs, states)
        return {state.name.lower(): count for state, count in sorted(counted.items()) if state.name != "OUT_OF_SCOPE"}

    def _used(self) -> Used:
        topic = self._scope.head
        spans = {}
        for part, end in self._ends[topic].items():
            within = (self._scope.ranges or {}).get(part)
            if within is None or within.stop != 0:
                first = max(end.beginning, within.first if within else 0)
                last = end.stable if within is None or within.stop is None else min(within.stop, end.stable)
                spans[part] = (first, max(first, last))
        everything = self._scope.ranges is None
        since_ms, until_ms = self._bounds.since_ms, self._bounds.until_ms
        slack_ms = SLACK_MS if self._scope.closed else None
        return Used(self._settings.topic(topic), everything, since_ms, until_ms, spans, slack_ms)


def _or(offset: int | None, otherwise: int) -> int:
    return otherwise if offset is None else offset
