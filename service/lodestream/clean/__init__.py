"""From a raw document to its articles: pure functions, no input or output, no clock.

    document.py        bytes to text: content type, charset, limits
    plain/             plain text: the articles of a page (`page.py` says the order of the work)
    structured/        JSON: articles, lists, feeds, linked data; bodies as text or HTML
    html/              pages of HTML (`page.py` says the order of the work), HTML in bodies (`running.py`)
    articles.py        drafts to records: times resolved, languages told (`language.py`), ids given (`ids.py`)
    learned/           afterwards, in the worker and with its state: what the site was seen to repeat goes

What they share: `fields/` (bylines, credits, datelines), `times/` (printed times), `words/` (what is a matter of a
language). `draft.py` is an article while it is put together, `wire.py` the way through a process that can be killed.

What cleaning cuts is kept in `removed`, each piece with its kind (`Kind`): on a page, every visible character is in
headline, standfirst, dateline, body or `removed`. Words that depend on a language are in
`words/languages/*.toml`.
"""

from __future__ import annotations

from dataclasses import replace

from lodestream.clean.articles import Context, records
from lodestream.clean.document import HTML, JSON, Document, Limits, decode, media_type, visible
from lodestream.clean.html.encoding import decode_page
from lodestream.clean.html.page import read_html
from lodestream.clean.ids import own_address
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.page import read_page
from lodestream.clean.structured.articles import read_json
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields, Lineage
from lodestream.times import from_rfc3339

__all__ = ["Document", "Kind", "Limits", "clean"]


def clean(document: Document, *, limits: Limits, lineage: Lineage, ingested_at: str) -> list[ArticleFields]:
    """The articles of a document, without fingerprints. Raises `Rejected`, whatever the bytes, and nothing else.

    Deterministic and linear in the length of the document.
    """
    kind = media_type(document, limits)
    context = Context(
        document_id=visible(document.document_id or ""),
        site=visible(document.site or ""),
        url=visible(document.url) if document.url else None,
        fetched_at=_milliseconds(document.fetched_at),
        ingested_at=ingested_at,
        lineage=lineage,
    )
    if kind == HTML:
        page = read_html(decode_page(document), limits.articles, context.fetched_at)
        articles = records(page.drafts, replace(context, url=own_address(context.url, page.addresses)))
    elif kind == JSON:
        articles = read_json(decode(document), context, limits)
    else:
        articles = records(read_page(decode(document), limits.articles), context)
    _check(articles, limits)
    return articles


def _check(articles: list[ArticleFields], limits: Limits) -> None:
    for article in articles:
        size = len(article["body"].encode())
        if size > limits.article_bytes:
            raise Rejected(
                Reason.ARTICLE_TOO_LARGE, f"body {article['position']}: {size} bytes, limit {limits.article_bytes}"
            )


def _milliseconds(fetched_at: str | None) -> int | None:
    """A header's time; None when it is missing or is no time between the years 1970 and 2200."""
    try:
        moment = from_rfc3339(fetched_at) if fetched_at else None
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and 0 <= moment < 7_258_118_400_000 else None
