"""Drafts to records: times resolved, languages told, ids given."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

from lodestream.clean import ids, language
from lodestream.clean.draft import Draft
from lodestream.clean.times.dates import Precision, PrintedTime
from lodestream.clean.words import names
from lodestream.records import ARTICLE_SCHEMA, ArticleFields, Dateline, Lineage, Removed, Source
from lodestream.text import exact_key_of
from lodestream.times import rfc3339
from lodestream.tokenised import tokenised

Origin = Literal["page", "header", "relative", "inferred", "none"]

_DAY: Final = 86_400_000  # milliseconds
_FINENESS: Final[dict[Precision, int]] = {"second": 0, "minute": 1, "hour": 2, "day": 3, "none": 4}


@dataclass(frozen=True, slots=True)
class Context:
    """What the articles of a document share. `fetched_at`: ms since the epoch, None when it is not known."""

    document_id: str
    site: str
    url: str | None
    fetched_at: int | None
    ingested_at: str
    lineage: Lineage


@dataclass(frozen=True, slots=True)
class Published:
    """When an article was published, how precisely that is known, and how."""

    at: int | None
    precision: Precision
    origin: Origin
    raw: str | None


def records(drafts: list[Draft], context: Context) -> list[ArticleFields]:
    """The articles of one document in page order."""
    clock = page_clock(drafts)
    bodies = ["\n\n".join(paragraph.text for paragraph in draft.paragraphs) for draft in drafts]
    page_language = drafts[0].language or language.detect(bodies[0])
    seen: Counter[str] = Counter()
    found = []
    for position, (draft, body) in enumerate(zip(drafts, bodies, strict=True)):
        if draft.role == "main":
            article_id, url = ids.main_id(context.site, context.url, context.document_id), context.url
        else:
            headline = ids.heading_of(draft.headline, body)
            article_id = ids.part_id(context.site, context.document_id, headline, seen[headline])
            seen[headline] += 1
            url = None
        own = page_language if position == 0 else language.detect(body)
        code = page_language if own == language.UNKNOWN else own
        times = [time.in_zone_of(code) for time in draft.times]
        found.append(
            record(
                draft,
                body,
                context,
                article_id=article_id,
                url=url,
                position=position,
                of=len(drafts),
                language_code=code,
                published=resolve(times, context.fetched_at, clock),
            )
        )
    return found


def record(
    draft: Draft,
    body: str,
    context: Context,
    *,
    article_id: str,
    url: str | None,
    position: int,
    of: int,
    language_code: str,
    published: Published,
) -> ArticleFields:
    """One article as a record of `articles`, without its fingerprint."""
    text = tokenised(body)
    return ArticleFields(
        schema=ARTICLE_SCHEMA,
        article_id=article_id,
        version=1,
        document_id=context.document_id,
        role=draft.role,
        position=position,
        of=of,
        source=Source(name=None if draft.publisher is None else names.publisher(draft.publisher), site=context.site),
        url=url,
        headline=draft.headline,
        standfirst=draft.standfirst,
        body=body,
        language=language_code,
        byline=draft.byline,
        credits=draft.credits,
        dateline=Dateline(place=draft.place, raw=draft.dateline),
        published_at=None if published.at is None else rfc3339(published.at),
        published_precision=published.precision,
        published_from=published.origin,
        published_raw=published.raw,
        fetched_at=None if context.fetched_at is None else rfc3339(context.fetched_at),
        ingested_at=context.ingested_at,
        removed=[Removed(kind=str(cut.kind), text=cut.text) for cut in draft.cuts],
        text_key=exact_key_of(text.points, text.spans),
        word_count=len(text.spans.starts),
        lineage=context.lineage,
    )


def page_clock(drafts: list[Draft]) -> tuple[int, Precision] | None:
    """When the page was made (ms since the epoch), where an article prints an age and a time both."""
    for draft in drafts:
        absolute = next((time for time in draft.times if time.at is not None and time.precision != "day"), None)
        relative = next((time for time in draft.times if time.age is not None and time.precision != "none"), None)
        if absolute is not None and relative is not None and absolute.at is not None and relative.age is not None:
            return absolute.at + relative.age * 1000, relative.precision
    return None


def resolve(times: list[PrintedTime], fetched_at: int | None, clock: tuple[int, Precision] | None) -> Published:
    """When an article was published: as printed, else by its age before the fetch, else before the page's clock.

    The first time counts that is not after the fetch; where all are, the first is the fetch time, and `inferred`. When
    it was changed counts where nothing else is said. An age in weeks or more is no time.
    """
    times = sorted(times, key=lambda time: time.updated)
    absolute = _first_before(times, fetched_at)
    if absolute is not None and absolute.at is not None:
        return not_after(Published(absolute.at, absolute.precision, "page", absolute.raw), fetched_at)
    relative = next((time for time in times if time.age is not None), None)
    if relative is None or relative.age is None or relative.precision == "none":
        raw = next((time.raw for time in times), None)
        return Published(None, "none", "none", raw)
    if fetched_at is not None:
        return Published(fetched_at - relative.age * 1000, relative.precision, "relative", relative.raw)
    if clock is not None:
        precision = max(relative.precision, clock[1], key=_FINENESS.__getitem__)
        return Published(clock[0] - relative.age * 1000, precision, "inferred", relative.raw)
    return Published(None, "none", "none", relative.raw)


def _first_before(times: list[PrintedTime], fetched_at: int | None) -> PrintedTime | None:
    """The first absolute time not after the fetch, else the first; that one's day without a clock is no other."""
    first = next((time for time in times if time.at is not None), None)
    if first is None or first.at is None or fetched_at is None or first.at <= fetched_at:
        return first
    for time in times:
        if (
            time.at is not None
            and time.at <= fetched_at
            and not (time.precision == "day" and first.at - time.at < _DAY)
        ):
            return time
    return first


def not_after(published: Published, fetched_at: int | None) -> Published:
    """A time that lies after the fetch is the fetch time, and inferred. A bare date may be the fetch's own day."""
    if fetched_at is None or published.at is None or published.at <= fetched_at:
        return published
    return Published(fetched_at, published.precision, "inferred", published.raw)
