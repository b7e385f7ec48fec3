"""Pages of HTML with the right answer: the collection of fundus, 132 pages of 93 publishers in 41 countries.

Each page is `COUNTRY/PUBLISHER_DATE.html.gz`, the answers of a publisher are in `COUNTRY/PUBLISHER.json`, and
`COUNTRY/meta.info` has the address of each page. Which answer is a page's is told by the text.
"""

from __future__ import annotations

import gzip
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from selectolax.lexbor import LexborHTMLParser

from benchmarks.evaluate.scores import Score, characters, score
from lodestream.clean import Document, Limits, clean
from lodestream.clean.document import visible
from lodestream.errors import Rejected
from lodestream.records import ArticleFields, Lineage

LINEAGE: Final = Lineage(topic="raw", partition=0, offset=0)
_AT: Final = "2026-01-01T00:00:00.000Z"
_UNSEEN: Final = "script,style,noscript,template,svg,iframe,object,canvas,video,audio,math,title"
_SAME: Final = 60  # characters of a paragraph by which a page's answer is known


@dataclass(frozen=True)
class GoldPage:
    """A page and its right answer. `paragraphs`: standfirst, crossheads and text in order."""

    name: str
    raw: bytes
    url: str | None
    title: str
    paragraphs: list[str]
    published: datetime
    authors: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)


@dataclass(frozen=True)
class Result:
    """What cleaning made of a page; `article` is None where it found none, and `why` says the reason."""

    page: GoldPage
    article: ArticleFields | None
    why: str = ""

    @property
    def text(self) -> str:
        """Standfirst, dateline and body: the answers have them all in one."""
        one = self.article
        return "" if one is None else "\n".join(filter(None, (one["standfirst"], one["dateline"]["raw"], one["body"])))

    @property
    def score(self) -> Score:
        return score(self.page.text, self.text)

    @property
    def title(self) -> bool:
        return self.article is not None and self.article["headline"] == self.page.title

    @property
    def day(self) -> bool:
        """Whether the day is right, in the zone in which the answer is written."""
        if self.article is None or self.article["published_at"] is None:
            return False
        wanted = self.page.published if self.page.published.tzinfo else self.page.published.replace(tzinfo=UTC)
        found = datetime.fromisoformat(self.article["published_at"])
        return found.astimezone(wanted.tzinfo).date() == wanted.date()

    @property
    def authors(self) -> bool:
        """Whether people and agencies together are those of the answer."""
        if self.article is None:
            return False
        return {*self.article["byline"], *self.article["credits"]} == set(self.page.authors)

    @property
    def lost(self) -> int:
        """Characters that a reader sees on the page and that are nowhere in the record."""
        one = self.article
        if one is None:
            return 0
        texts = (one["headline"], one["standfirst"], one["dateline"]["raw"], one["body"])
        placed = characters(*texts, *(piece["text"] for piece in one["removed"]))
        return (characters(_visible(self.page.raw)) - placed).total()


def read_pages(folder: Path) -> Iterator[GoldPage]:
    """All pages of the collection, by name."""
    for answers in sorted(folder.glob("*/*.json")):
        left: dict[str, Any] = json.loads(answers.read_text("utf-8"))
        about = json.loads((answers.parent / "meta.info").read_text("utf-8"))
        for file in sorted(answers.parent.glob(f"{answers.stem}_*.html.gz")):
            raw = gzip.decompress(file.read_bytes())
            shown = html.unescape(raw.decode("utf-8", "replace"))
            answer = left.pop(max(left, key=lambda name: _likeness(left[name], shown)))
            yield GoldPage(
                name=f"{answers.parent.name}/{file.name.removesuffix('.html.gz')}",
                raw=raw,
                url=about.get(file.name, {}).get("url"),
                title=" ".join(answer["title"].split()),
                paragraphs=_paragraphs(answer),
                published=datetime.fromisoformat(answer["publishing_date"]),
                authors=answer.get("authors") or [],
            )


def evaluate(page: GoldPage) -> Result:
    document = Document(page.raw, "text/html", page.name, "pages", page.url)
    try:
        (article, *_) = clean(document, limits=Limits(), lineage=LINEAGE, ingested_at=_AT)
    except Rejected as rejected:
        return Result(page, None, str(rejected))
    return Result(page, article)


def _paragraphs(answer: dict[str, Any]) -> list[str]:
    body = answer["body"] or {}
    found = [*(body.get("summary") or [])]
    for section in body.get("sections") or []:
        found += [*(section.get("headline") or []), *(section.get("paragraphs") or [])]
    return [visible(text) for text in found if text and text.strip()]


def _likeness(answer: dict[str, Any], shown: str) -> int:
    return sum(text[:_SAME] in shown for text in _paragraphs(answer)) + 2 * ((answer["title"] or "")[:_SAME] in shown)


def _visible(raw: bytes) -> str:
    body = LexborHTMLParser(raw.decode("utf-8", "replace")).body
    if body is None:
        return ""
    for node in reversed(body.css(_UNSEEN)):
        node.decompose()
    return visible(body.text())
