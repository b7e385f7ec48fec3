"""What the flow must give for the documents that it was fed, and whether the topics hold exactly that.

The answer comes from the same steps without Kafka, faults and concurrency (`lodestream.pipeline`). Everything is
compared record for record; counts only sum up.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from harness import Topics
from lodestream.export import dead_letter_json
from lodestream.headers import Header, Headers, header
from lodestream.kafka.log import LogRecord
from lodestream.ledger.audit import verify
from lodestream.pipeline import Pipeline
from lodestream.replay.documents import RawDocument
from lodestream.settings import Settings
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS, STORIES

WRITTEN: Final = (ARTICLES, ORIGINALS, ENRICHED, DUPLICATES, DEAD_LETTERS)
TRANSACTED: Final = (*WRITTEN, STORIES)
ONE_OUTPUT_EACH: Final = (ARTICLES, ORIGINALS, ENRICHED, DUPLICATES)
SHOWN: Final = 3
# From the broker's append time of the raw record, which no two runs share.
VOLATILE: Final = frozenset({"ingested_at", "first_seen", "updated_at"})


def settled(topic: str, value: bytes, headers: Headers) -> str:
    """A record without what two runs may differ in."""
    if topic == DEAD_LETTERS:
        letter = dead_letter_json(value, headers)
        return json.dumps([letter[name] for name in ("document_id", "reason", "stage", "detail", "value")])
    record: dict[str, Any] = {name: content for name, content in json.loads(value).items() if name not in VOLATILE}
    return json.dumps(record, sort_keys=True)


class Answer:
    """Grows with the documents that are fed."""

    def __init__(self, settings: Settings) -> None:
        self.documents = 0
        self.records: dict[str, Counter[str]] = {topic: Counter() for topic in WRITTEN}
        self.stories: dict[bytes, str] = {}
        self._pipeline = Pipeline(settings, ingested_at=1_780_000_000_000)

    def add(self, document: RawDocument) -> None:
        self.documents += 1
        for topic, key, value, headers in self._pipeline.feed(document.key, document.value, document.headers):
            text = settled(topic, value, headers)
            if topic == STORIES:
                self.stories[key or b""] = text
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
        have = Counter(settled(topic, record.value or b"", record.headers) for record in records)
        verdict.lost += verdict.say(f"{topic}, lost", (want - have).elements())
        verdict.twice += verdict.say(f"{topic}, twice", (text for text in (have - want).elements() if text in want))
        verdict.wrong += verdict.say(f"{topic}, wrong", (text for text in (have - want).elements() if text not in want))
        if topic in ONE_OUTPUT_EACH:
            origins = Counter(header(record.headers, Header.ORIGIN) or "none" for record in records)
            verdict.twice += verdict.say(f"{topic}, origin twice", (text for text, n in origins.items() if n > 1))
    stories = _newest(topics.read(STORIES))
    verdict.records += len(stories)
    keys = sorted(answer.stories.keys() | stories.keys())
    differ = (key for key in keys if answer.stories.get(key) != stories.get(key))
    verdict.wrong += verdict.say(
        "stories", (f"{key!r}: {stories.get(key)}, not {answer.stories.get(key)}" for key in differ)
    )
    report = asyncio.run(verify(topics.settings))
    if not report.adds_up:
        verdict.wrong += report.breaches
        verdict.say("ledger", (f"{each.breach} {each.coordinates} {each.found}" for each in report.problems))
    for topic in TRANSACTED:
        left = topics.open_transactions(topic)
        if left:
            verdict.wrong += verdict.say(f"{topic}, left open", [f"{left} offsets"])
    return verdict


def _newest(records: Iterable[LogRecord]) -> dict[bytes, str]:
    """The last value of each key: a key stays on its partition, whose order the log keeps."""
    return {record.key or b"": settled(STORIES, record.value or b"", record.headers) for record in records}
