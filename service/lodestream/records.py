"""The records that travel between the stages, as JSON, and the names that go with them.

A record is a plain dict with a `TypedDict` to describe it: a stage decodes it once, adds or drops fields and
encodes it again, and fields that a stage does not know pass through. Each value names its `schema`. Times are
RFC 3339 strings in UTC (`2025-07-17T03:04:05Z`). The JSON Schemas in `lodestream/schemas/` describe the same
and are checked against real output by the tests.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, NotRequired, TypedDict

import orjson

ARTICLE_SCHEMA = "lodestream.article/1"
ORIGINAL_SCHEMA = "lodestream.original/1"
ENRICHED_SCHEMA = "lodestream.enriched/1"
DUPLICATE_SCHEMA = "lodestream.duplicate/1"
STORY_SCHEMA = "lodestream.story/1"

Role = Literal["main", "related", "teaser"]


class LinkKind(StrEnum):
    """How a duplicate relates to its original (design: verdicts of dedupe)."""

    EXACT = "exact"
    NEAR = "near"
    CONTAINED = "contained"
    CONTAINS = "contains"
    REFETCH = "refetch"
    OLDER_VERSION = "older_version"


class Source(TypedDict):
    """Who published the article: the name as printed or stated, and the site it was fetched from."""

    name: str | None
    site: str


class Dateline(TypedDict):
    place: str | None
    raw: str | None


class Removed(TypedDict):
    """What cleaning cut. `kind` is a closed list, documented in `clean`."""

    kind: str
    text: str


class Lineage(TypedDict):
    """Coordinates of the `raw` record that everything here came from."""

    topic: str
    partition: int
    offset: int


class Fingerprint(TypedDict):
    """What near-duplicate search needs of a text (`dedupe.fingerprint`). Binary parts are base64, little endian."""

    format: int
    exact: str  # 32 hex digits over the normalised tokens
    anchors: str  # u32[]
    sketch: str  # u32[], ascending, at most 128
    shingles: int


class ArticleFields(TypedDict):
    """What `articles`, `originals` and `enriched` share."""

    schema: str
    article_id: str
    version: int
    document_id: str
    role: Role
    position: int  # 0 … of-1
    of: int  # articles of the same document
    source: Source
    url: str | None
    headline: str | None
    standfirst: str | None
    body: str
    language: str  # ISO 639 code or "und"
    byline: list[str]
    credits: list[str]
    dateline: Dateline
    published_at: str | None
    published_precision: Literal["second", "minute", "hour", "day", "none"]
    published_from: Literal["page", "header", "relative", "inferred", "none"]
    published_raw: str | None  # the time as printed, also when it could not be resolved
    fetched_at: str | None
    ingested_at: str
    removed: list[Removed]
    text_key: str
    word_count: int
    lineage: Lineage


class Article(ArticleFields):
    """A record of `articles`."""

    fingerprint: Fingerprint


class Extends(TypedDict):
    """The shorter article that this one extends."""

    article_id: str


class Previous(TypedDict):
    """The text that a new version replaces."""

    version: int
    text_key: str


class Original(ArticleFields):
    """A record of `originals`: no fingerprint any more, a story instead."""

    story_id: str
    first_seen: str
    extends: NotRequired[Extends]
    previous: NotRequired[Previous]


class Tag(TypedDict):
    kind: Literal["topic", "country", "place", "organisation", "person", "commodity", "amount", "date"]
    id: str
    label: str
    score: float
    spans: list[tuple[str, int, int]]  # field, start, end in code points
    rule: str


class Enriched(Original):
    """A record of `enriched`: the product."""

    tags: list[Tag]
    ruleset: str
    trending: list[str]


class DuplicateLink(TypedDict):
    """A record of `duplicates`: nothing disappears silently."""

    schema: str
    article_id: str
    duplicate_of: str
    story_id: str
    kind: str
    forwarded: bool
    jaccard: float | None
    containment: float | None
    headline: str | None
    source: Source
    url: str | None
    document_id: str
    role: Role
    published_at: str | None
    lineage: Lineage


class StoryMember(TypedDict):
    article_id: str
    site: str
    source: str | None
    published_at: str | None


class Story(TypedDict):
    """A record of `stories`: the newest one under a key says how the story stands."""

    schema: str
    story_id: str
    original: str  # article id of the first seen
    first_published: StoryMember
    copies: int  # articles beyond the original
    sites: list[str]  # sorted, capped
    updated_at: str


def encode(record: object) -> bytes:
    """A record as JSON bytes. Key order is insertion order, so equal records give equal bytes."""
    return orjson.dumps(record)


def decode(value: bytes) -> Any:
    """JSON bytes as a record. Raises `orjson.JSONDecodeError` (a `ValueError`)."""
    return orjson.loads(value)
