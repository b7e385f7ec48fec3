"""What the flow must give for the documents that it was fed, and whether the topics hold exactly that.

The answer comes from the same steps without Kafka, faults and concurrency (`lodestream.pipeline`). Everything is
compared record for record; counts only sum up.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from harness import Topics
from lodestream.headers import Header, Headers, header
from lodestream.ledger.audit import verify
from lodestream.pipeline import Pipeline
from lodestream.replay.documents import RawDocument
from lodestream.settings import Settings
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS, STORIES

WRITTEN: Final = (ARTICLES, ORIGINALS, ENRICHED, DUPLICATES, DEAD_LETTERS)
TRANSACTED: Final = (*WRITTEN, STORIES)
ONE_OUTPUT_EACH: Final = (ARTICLES, ORIGINALS, ENRICHED, DUPLICATES)
CLEAN: Final = "clean"  # reads `raw`, which has no markers
SHOWN: Final = 3
# From the broker's append time of the raw record, which no two runs share.
VOLATILE: Final = frozenset({"ingested_at", "first_seen", "updated_at"})
CLOCKS: Final = frozenset({Header.INGESTED_AT, Header.PROCESSED_AT, Header.AT, Header.CE_TIME})
# Places in topics with markers between the records, or where several partitions meet: they are compared by `verify`.
PLACES: Final = frozenset({Header.ORIGIN, Header.PARENT_ORIGIN})


def settled(topic: str, key: bytes | None, value: bytes, headers: Headers) -> str:
    """A record, key and headers included, without what two runs may differ in."""
    read = value.decode("utf-8", "backslashreplace") if topic == DEAD_LETTERS else _without_times(value)
    volatile = CLOCKS if header(headers, Header.STAGE) == CLEAN else CLOCKS | PLACES
    kept = sorted(
        (name, content.decode("utf-8", "backslashreplace")) for name, content in headers if name not in volatile
    )
    return json.dumps([(key or b"").decode("utf-8", "backslashreplace"), read, kept], sort_keys=True)


def _without_times(value: bytes) -> dict[str, Any]:
    return {name: content for name, content in json.loads(value).items() if name not in VOLATILE}


class Answer:
    """Grows with the documents that are fed."""

    def __init__(self, settings: Settings) -> None:
        self.documents = 0
        self.records: dict[str, Counter[str]] = {topic: Counter() for topic in WRITTEN}
        self.stories: dict[bytes, list[str]] = defaultdict(list)  # by key, in order
        self._pipeline = Pipeline(settings, ingested_at=1_780_000_000_000)

    def add(self, document: RawDocument) -> None:
        self.documents += 1
        for topic, key, value, headers in self._pipeline.feed(document.key, document.value, document.headers):
            text = settled(topic, key, value, headers)
            if topic == STORIES:
                self.stories[key or b""].append(text)
            else:
                self.records[topic][text] += 1


@dataclass(slots=True)
class Verdict:
    """What was found to be otherwise than it must be, and figures."""

    records: int = 0
    lost: int = 0
    twice: int = 0
    wrong: int = 0
    aborted: int = 0  # records of transactions that did not commit: only `read_uncommitted` sees them
    found: list[str] = field(default_factory=list)

    def say(self, what: str, some: Iterable[str]) -> int:
        """Note examples of something wrong; how many there are."""
        listed = list(some)
        self.found += [f"{what}: {text[:400]}" for text in listed[:SHOWN]]
        if len(listed) > SHOWN:
            self.found.append(f"{what}: {len(listed)} in all")
        return len(listed)


def check(topics: Topics, answer: Answer) -> Verdict:
    """Hold the topics against the answer. Nothing must run any more."""
    verdict = Verdict()
    for topic in WRITTEN:
        records = topics.read(topic)
        verdict.records += len(records)
        verdict.aborted += len(topics.read(topic, committed=False)) - len(records)
        want = answer.records[topic]
        have = Counter(settled(topic, record.key, record.value or b"", record.headers) for record in records)
        verdict.lost += verdict.say(f"{topic}, lost", (want - have).elements())
        verdict.twice += verdict.say(f"{topic}, twice", (text for text in (have - want).elements() if text in want))
        verdict.wrong += verdict.say(f"{topic}, wrong", (text for text in (have - want).elements() if text not in want))
        if topic in ONE_OUTPUT_EACH:
            origins = Counter(header(record.headers, Header.ORIGIN) or "none" for record in records)
            verdict.twice += verdict.say(f"{topic}, origin twice", (text for text, n in origins.items() if n > 1))
    _check_stories(topics, answer, verdict)
    report = asyncio.run(verify(topics.settings))
    if not report.adds_up:
        verdict.wrong += report.breaches
        verdict.say("ledger", (f"{each.breach} {each.coordinates} {each.found}" for each in report.problems))
    for topic in TRANSACTED:
        left = topics.open_transactions(topic)
        if left:
            verdict.wrong += verdict.say(f"{topic}, left open", [f"{left} offsets"])
    return verdict


def _check_stories(topics: Topics, answer: Answer, verdict: Verdict) -> None:
    """Each story's updates, all of them in order: a key stays on its partition, whose order the log keeps."""
    have: dict[bytes, list[str]] = defaultdict(list)
    for record in topics.read(STORIES):
        have[record.key or b""].append(settled(STORIES, record.key, record.value or b"", record.headers))
    verdict.records += sum(map(len, have.values()))
    for key in sorted(answer.stories.keys() | have.keys()):
        want, found = Counter(answer.stories[key]), Counter(have[key])
        if answer.stories[key] != have[key]:
            verdict.lost += (want - found).total()
            verdict.twice += sum(n for text, n in (found - want).items() if text in want)
            verdict.wrong += 1 if want == found else sum(n for text, n in (found - want).items() if text not in want)
            verdict.say("stories", [f"{key!r}: {have[key]}, not {answer.stories[key]}"])
