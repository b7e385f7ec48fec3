"""Articles for the deduper's tests: made-up words, times in hours after a fixed moment."""

from __future__ import annotations

import random

from lodestream.dedupe import Decision, Deduper
from lodestream.dedupe.fingerprint import fingerprint
from lodestream.records import ARTICLE_SCHEMA, Article
from lodestream.text import exact_key
from lodestream.times import from_rfc3339, rfc3339

HOUR = 3_600_000
START = 1_750_000_000_000
WEEK = 168 * HOUR


def prose(seed: int, count: int) -> str:
    """A text of its own for each seed: two share no run of words but by chance."""
    choose = random.Random(seed)
    return " ".join(
        f"{choose.choice('bcdfglmnprstv')}{choose.choice('aeiou')}{choose.randrange(900)}" for _ in range(count)
    )


def clock(hours: float) -> int:
    return START + round(hours * HOUR)


def article(
    article_id: str,
    body: str,
    hours: float = 0.0,
    *,
    headline: str | None = "A headline",
    site: str = "site.example",
    published: float | None = None,
    fetched: float | None = None,
    text_key: str | None = None,
) -> Article:
    """An article that came `hours` after the start; the other times are hours too."""
    return Article(
        schema=ARTICLE_SCHEMA,
        article_id=article_id,
        version=1,
        document_id=f"doc-{article_id}",
        role="main",
        position=0,
        of=1,
        source={"name": f"The {site}", "site": site},
        url=f"https://{site}/{article_id}",
        headline=headline,
        standfirst=None,
        body=body,
        language="en",
        byline=[],
        credits=[],
        dateline={"place": None, "raw": None},
        published_at=None if published is None else rfc3339(clock(published)),
        published_precision="none" if published is None else "second",
        published_from="none" if published is None else "page",
        published_raw=None,
        fetched_at=None if fetched is None else rfc3339(clock(fetched)),
        ingested_at=rfc3339(clock(hours)),
        removed=[],
        text_key=text_key or exact_key(body),
        word_count=len(body.split()),
        lineage={"topic": "raw", "partition": 0, "offset": 0},
        fingerprint=fingerprint(body),
    )


def decide(deduper: Deduper, *articles: Article) -> list[Decision]:
    """The decisions on these articles, each at the time it came."""
    return [deduper.decide(each, from_rfc3339(each["ingested_at"])) for each in articles]


def said(decision: Decision) -> str:
    """What a decision comes to, in short: `version 2`, `near of a`, `extends a`, `beside a` or `part of a`."""
    original, link = decision.original, decision.link
    if original is None:
        assert link is not None
        assert not link["forwarded"]
        return f"{link['kind']} of {link['duplicate_of']}"
    if link is None:
        return f"version {original['version']}" if "previous" in original else "original"
    assert link["forwarded"]
    if link["kind"] == "contained":
        return f"part of {link['duplicate_of']}"
    assert link["kind"] == "contains"
    return f"extends {original['extends']['article_id']}" if "extends" in original else f"beside {link['duplicate_of']}"
