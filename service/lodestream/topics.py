"""Every topic of the service: the one place for names, partition counts and policies (design section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY_MS: Final = 86_400_000
MESSAGE_MAX_BYTES: Final = 9 * 1024 * 1024  # an 8 MiB document, its headers and the batch around them
LETTER_MAX_BYTES: Final = 10 * 1024 * 1024  # any record that another topic takes, and why it is a dead letter
COMPACT: Final = None

RAW: Final = "raw"
ARTICLES: Final = "articles"
ORIGINALS: Final = "originals"
DUPLICATES: Final = "duplicates"
STORIES: Final = "stories"
ENRICHED: Final = "enriched"
TRENDS: Final = "trends"
DEAD_LETTERS: Final = "dead-letters"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic and its policy. `retention_ms` None: compacted, kept for good."""

    name: str
    partitions: int
    retention_ms: int | None
    max_bytes: int = MESSAGE_MAX_BYTES


def topics(window_ms: int, partitions: int = 4) -> tuple[Topic, ...]:
    """All topics. `window_ms`: the longest window that an agent keeps, in ms.

    A changelog lives for at least two windows: everything that is still in the window can then be restored,
    also when the service stood still for a whole window.
    """
    changelog = max(2 * window_ms, 14 * DAY_MS)
    return (
        Topic(RAW, partitions, 7 * DAY_MS),
        Topic(ARTICLES, partitions, 14 * DAY_MS),
        Topic(ORIGINALS, partitions, 14 * DAY_MS),
        Topic(DUPLICATES, partitions, 30 * DAY_MS),
        Topic(STORIES, partitions, COMPACT),
        Topic(ENRICHED, partitions, 30 * DAY_MS),
        Topic(TRENDS, 1, COMPACT),
        Topic(DEAD_LETTERS, 1, 90 * DAY_MS, LETTER_MAX_BYTES),
        *(Topic(changelog_of(agent), partitions, changelog) for agent in ("clean", "dedupe", "tag")),
    )


def changelog_of(agent: str) -> str:
    """The changelog topic of an agent: same partition number as its input."""
    return f"{agent}-state"
