"""The agent `dedupe`: each article is an original, a link to one, or both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lodestream.agents.events import event_headers
from lodestream.dedupe import Deduper
from lodestream.engine.step import Outcome, Output, Record, Step, one_by_one
from lodestream.errors import Reason, Rejected
from lodestream.headers import Header
from lodestream.records import Article, DuplicateLink, Original, Story, decode, encode
from lodestream.settings import Settings
from lodestream.topics import DUPLICATES, ORIGINALS, STORIES

HOUR_MS = 3_600_000


class DedupeStep:
    """One article to its verdict, with the window of this partition as state."""

    def __init__(self, window_ms: int, max_articles: int) -> None:
        self.state = Deduper(window_ms, max_articles)

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        return one_by_one(self._decide, records)

    def _decide(self, record: Record) -> list[Output]:
        decision = self.state.decide(_article(record), record.clock)
        outputs = []
        if decision.original is not None:
            outputs.append(_original(decision.original, record))
        if decision.link is not None:
            outputs.append(_link(decision.link))
        if decision.story is not None:
            outputs.append(_story(decision.story))
        return outputs


def _article(record: Record) -> Article:
    try:
        article: Article = decode(record.value or b"")
    except ValueError:
        raise Rejected(Reason.INVALID_RECORD, "not JSON") from None
    if not isinstance(article, dict):
        raise Rejected(Reason.INVALID_RECORD, "not an object")
    return article


def _original(original: Original, record: Record) -> Output:
    """To the same partition number as the input: copies never cross a script, so neither do originals."""
    outcome = "extension" if "extends" in original else "version" if "previous" in original else "original"
    return Output(
        ORIGINALS,
        record.key,
        encode(original),
        event_headers("dedupe", "original", original, str(original["version"]), str(original["position"])),
        partition=record.partition,
        counts=(("articles", outcome, 1),),
    )


def _link(link: DuplicateLink) -> Output:
    counts = () if link["forwarded"] else (("articles", link["kind"], 1),)  # what is forwarded counts as an original
    headers = event_headers("dedupe", "duplicate", link, link["kind"])
    return Output(DUPLICATES, link["duplicate_of"].encode(), encode(link), headers, counts=counts)


def _story(story: Story) -> Output:
    return Output(STORIES, story["story_id"].encode(), encode(story), ((Header.CONTENT_TYPE, b"application/json"),))


def steps(settings: Settings) -> Callable[[], Step]:
    window_ms = settings.dedupe_window_hours * HOUR_MS
    return lambda: DedupeStep(window_ms, settings.dedupe_max_articles)
