"""The records that a verdict becomes: originals, links and stories."""

from __future__ import annotations

from typing import Final

from lodestream.dedupe.compare import Similarity
from lodestream.dedupe.stories import Summary
from lodestream.dedupe.verdict import Fate, Verdict
from lodestream.records import (
    DUPLICATE_SCHEMA,
    ORIGINAL_SCHEMA,
    STORY_SCHEMA,
    Article,
    DuplicateLink,
    Extends,
    LinkKind,
    Original,
    Story,
)
from lodestream.times import rfc3339

# An article that someone else wrote may bring fields of these names; only the verdict says what is true of them.
_NOT_PASSED_ON: Final = frozenset(("fingerprint", "extends", "previous"))


def original_of(article: Article, verdict: Verdict, story_id: str) -> Original:
    """The article as it goes on: without its fingerprint, with its story."""
    fields = {name: value for name, value in article.items() if name not in _NOT_PASSED_ON}
    fields |= {
        "schema": ORIGINAL_SCHEMA,
        "version": verdict.version,
        "story_id": story_id,
        "first_seen": article["ingested_at"],
    }
    if verdict.fate is Fate.EXTENSION and verdict.match is not None:
        fields["extends"] = Extends(article_id=verdict.match.article_id)
    if verdict.previous is not None:
        fields["previous"] = verdict.previous
    original: Original = fields  # type: ignore[assignment] # the article's fields and those of `Original`
    return original


def link_of(
    article: Article,
    kind: LinkKind,
    *,
    duplicate_of: str,
    story_id: str,
    similarity: Similarity | None = None,
    forwarded: bool = False,
) -> DuplicateLink:
    """The link record. Without a similarity, that is where nothing was compared, its figures are null."""
    return DuplicateLink(
        schema=DUPLICATE_SCHEMA,
        article_id=article["article_id"],
        duplicate_of=duplicate_of,
        story_id=story_id,
        kind=kind.value,
        forwarded=forwarded,
        jaccard=None if similarity is None else round(similarity.jaccard, 4),
        containment=None if similarity is None else round(similarity.containment, 4),
        headline=article["headline"],
        source=article["source"],
        url=article["url"],
        document_id=article["document_id"],
        role=article["role"],
        published_at=article["published_at"],
        lineage=article["lineage"],
    )


def story_of(summary: Summary, clock: int) -> Story:
    """How the story stands at the log's clock (ms)."""
    return Story(
        schema=STORY_SCHEMA,
        story_id=summary.original,
        original=summary.original,
        first_published=summary.first_published,
        copies=summary.copies,
        sites=sorted(summary.sites),
        updated_at=rfc3339(clock),
    )
