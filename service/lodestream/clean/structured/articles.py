"""JSON documents to records: the order of the work, and the text of one article."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from lodestream.clean import ids, language
from lodestream.clean.articles import Context, Published, not_after, record, resolve
from lodestream.clean.document import Limits
from lodestream.clean.draft import Draft, Paragraph
from lodestream.clean.fields import edges
from lodestream.clean.html.page import read_html
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.lines import read_lines
from lodestream.clean.structured import bodies, shapes
from lodestream.clean.structured.fields import Body, Reader
from lodestream.clean.structured.parse import parse
from lodestream.clean.structured.shapes import Found
from lodestream.clean.words.patterns import cues
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields
from lodestream.text import normalise

_KINDS: Final = {"figure": Kind.CAPTION, "nav": Kind.MENU, "math": Kind.WIDGET, "svg": Kind.WIDGET}
"""What the text of an element is that is no paragraph; of others it is of the interface."""
_DOTS: Final = " .…[]()"  # a summary that is the text's beginning ends with some


class Defaults(NamedTuple):
    """What a wrapper says for all of its articles."""

    publisher: str | None
    authors: list[str]
    language: str | None


def read_json(text: str, context: Context, limits: Limits) -> list[ArticleFields]:
    """The articles of a JSON document, in its order. Raises `Rejected`; one bad article refuses the document."""
    found = shapes.find(parse(text), limits.articles)
    defaults = _defaults(found[0].wrapper)
    articles = [
        _article(each, context, defaults, (number, len(found)), limits=limits) for number, each in enumerate(found)
    ]
    _identify_parts(articles, found, context)
    return articles


def _identify_parts(articles: list[ArticleFields], found: list[Found], context: Context) -> None:
    """Ids of articles in a list that have neither id nor address: a list fetched again has others before them."""
    seen: Counter[str] = Counter()
    for article, each in zip(articles, found, strict=True):
        if each.alone or article["url"] is not None or Reader(each.item).identifier() is not None:
            continue
        heading = ids.heading_of(article["headline"], article["body"])
        article["article_id"] = ids.part_id(context.site, context.document_id, heading, seen[heading])
        seen[heading] += 1


def _defaults(wrapper: Mapping[str, Any]) -> Defaults:
    above = Reader(wrapper)
    source, code = above.source(), above.language()
    if not shapes.is_feed(wrapper):
        return Defaults(source, [], code)
    titles = above.titles(linked=False)
    return Defaults(source or next(iter(titles), None), above.authors(), code)


def _article(
    found: Found, context: Context, defaults: Defaults, place: tuple[int, int], *, limits: Limits
) -> ArticleFields:
    position, of = place
    reader = Reader(found.item, found.path, found.known)
    document_id = reader.identifier() or (context.document_id if found.alone else f"{context.document_id}#{position}")
    url = reader.url() or (context.url if found.alone else None)
    stated = reader.language() or defaults.language
    draft = Draft(publisher=reader.source() or defaults.publisher, byline=reader.authors() or [*defaults.authors])
    body = _read_texts(reader, draft, linked=found.linked, limits=limits)
    if not body:
        raise Rejected(Reason.NO_ARTICLE, f"{found.path or 'document'}: no text")
    own = Context(document_id, context.site, url, context.fetched_at, context.ingested_at, context.lineage)
    return record(
        draft,
        body,
        own,
        article_id=ids.main_id(context.site, url, document_id),
        url=url,
        position=position,
        of=of,
        language_code=stated or language.detect(body),
        published=_published(reader, draft, context),
    )


def _read_texts(reader: Reader, draft: Draft, *, linked: bool, limits: Limits) -> str:
    """Headline, standfirst and paragraphs, and the fields that a text carries at its ends; the body."""
    titles = reader.titles(linked=linked)
    draft.headline = titles[0] if titles else None
    body = reader.body()
    if body is None:
        return ""
    for other in titles[1:]:
        draft.cut(0, Kind.TITLE, other)
    if not (body.markup and bodies.is_page(body.text) and _read_page(body, draft, limits)):
        _read_body(body, draft, limits)
        _read_edges(draft)
    text = "\n\n".join(paragraph.text for paragraph in draft.paragraphs)
    summaries = [(path, line) for path, text in reader.summaries() if (line := bodies.one_line(text))]
    if summaries:
        _read_summaries([line for path, line in summaries if path != body.path], draft, text)
    draft.cuts.sort(key=lambda cut: cut.at)
    return text


def _read_page(body: Body, draft: Draft, limits: Limits) -> bool:
    """Takes the article of a whole page of HTML; what the record states goes before what the page says.

    False where the page has more than one. Raises `Rejected` where it has none.
    """
    try:
        drafts = read_html(body.text, limits.articles).drafts
    except Rejected as rejected:
        raise Rejected(rejected.reason, f"{body.path}: {rejected.detail}") from None
    if len(drafts) > 1:
        return False
    page = drafts[0]
    if draft.headline is None:
        draft.headline = page.headline
    elif page.headline is not None and page.headline != draft.headline:
        draft.cut(0, Kind.TITLE, page.headline)
    draft.publisher = draft.publisher or page.publisher
    draft.byline = draft.byline or page.byline
    draft.standfirst, draft.credits, draft.times = page.standfirst, page.credits, page.times
    draft.place, draft.dateline, draft.paragraphs = page.place, page.dateline, page.paragraphs
    draft.cuts += page.cuts
    return True


def _read_edges(draft: Draft) -> None:
    """Takes what a text carries at its ends into the draft's fields, and a headline that it says once more."""
    first = draft.paragraphs[0] if draft.paragraphs else None
    if first is not None and len(draft.paragraphs) > 1 and draft.headline is not None and first.text == draft.headline:
        draft.cut(first.line, Kind.TITLE, first.text)
        draft.paragraphs.pop(0)
    if draft.paragraphs:
        draft.paragraphs[-1].cues = {cue: [(start, end)] for cue, start, end in cues(draft.paragraphs[-1].text.lower())}
    edges.read_ends(draft)
    edges.read_starts(draft)


def _read_body(body: Body, draft: Draft, limits: Limits) -> None:
    if body.markup:
        for at, block in enumerate(bodies.blocks(body.text)):
            if block.element is None:
                draft.paragraphs.append(Paragraph(block.text, at))
            else:
                draft.cut(at, _KINDS.get(block.element, Kind.INTERFACE), block.text)
        return
    most = limits.article_bytes // 2  # each has a byte and a space at least
    lines = read_lines(body.text, most)
    if lines is None:
        raise Rejected(Reason.ARTICLE_TOO_LARGE, f"{body.path}: more than {most} lines")
    draft.paragraphs = [Paragraph(line.text, line.number) for line in lines]


def _read_summaries(summaries: list[str], draft: Draft, text: str) -> None:
    """Takes summaries for the standfirst, but one that the text holds word for word, if only its beginning."""
    said = [f" {normalise(part)}" for part in (text, draft.standfirst) if part]
    kept = [draft.standfirst] if draft.standfirst is not None else []
    for line in summaries:
        words = f" {normalise(line.rstrip(_DOTS))}"
        if not any(words in part for part in said):
            kept.append(line)
            said.append(words)
    draft.standfirst = " ".join(kept) or None


def _published(reader: Reader, draft: Draft, context: Context) -> Published:
    """As the record states it (`header`), else as the text prints it."""
    stated = reader.published()
    if stated is None:
        return resolve(draft.times, context.fetched_at, None)
    return not_after(Published(stated.at, stated.precision, "header", stated.raw), context.fetched_at)
