"""What a page says about its article in its head: JSON-LD first, then OpenGraph and other meta elements.

Read from the markup as it stands, without a tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import urljoin

from lodestream.clean.html import linked_data
from lodestream.clean.html.linked_data import plain_text
from lodestream.clean.html.scan import elements

_AUTHORS: Final = "article:author author dc.creator parsely-author sailthru.author byl cxenseparse:author".split()
_PUBLISHED: Final = (
    "article:published_time og:published_time og:article:published_time datepublished date dc.date.issued dc.date "
    "dcterms.created parsely-pub-date sailthru.date pubdate publishdate publish-date publication_date "
    "cxenseparse:recs:publishtime article.published rnews:datepublished"
).split()
_SITES: Final = "og:site_name application-name publisher dc.publisher article:publisher".split()
_NAMES_MAX: Final = 20
_HEADINGS_MAX: Final = 4
_HEADING_MAX: Final = 1000  # characters of markup
_TAG: Final = re.compile(r"<[^<>]*>")
_ADDRESS: Final = ("http://", "https://", "//", "@")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the head says; all of it foreign text on one line, nothing checked. `body`: of JSON-LD, as it stands."""

    titles: tuple[str, ...] = ()  # the likeliest first
    description: str | None = None
    authors: tuple[str, ...] = ()
    published: tuple[str, ...] = ()  # times as written, the likeliest first
    canonical: tuple[str, ...] = ()  # addresses, the likeliest first
    site_name: str | None = None
    language: str | None = None
    body: str | None = None
    is_article: bool = False


def read_metadata(markup: str) -> Metadata:
    """The metadata of a page; linear in its length."""
    meta: dict[str, list[str]] = {}
    language = canonical = title = base = None
    in_head = True
    for element in elements(markup, "meta", "link", "title", "html", "base", "body"):
        if element.name == "title":
            title = title or plain_text(markup[element.end : _text_end(markup, element.end)])
            continue
        in_head = in_head and element.name != "body"
        if element.name == "body" or (element.name == "link" and "canonical" not in element.tag.lower()):
            continue
        said = element.attributes()
        if element.name == "html":
            language = language or said.get("lang") or said.get("xml:lang")
        elif element.name == "link":
            if in_head and "canonical" in said.get("rel", "").lower().split():
                canonical = canonical or said.get("href")
        elif element.name == "base":
            base = base or (said.get("href") if in_head else None)
        elif content := plain_text(said.get("content", "")):
            for name in {said.get(kind, "").lower() for kind in ("property", "name", "itemprop", "http-equiv")} - {""}:
                meta.setdefault(name, []).append(content)
    found = linked_data.articles(markup)
    objects = linked_data.of_page(
        found,
        [_meta(meta, "og:title", "twitter:title"), title, *(_headings(markup) if len(found) > 1 else [])],
        _addresses(base, [canonical, _meta(meta, "og:url")]),
    )
    return Metadata(
        titles=_unique([*_titles(objects, meta), title]),
        description=_first(objects, "description") or _meta(meta, "og:description", "description"),
        authors=_authors(objects, meta),
        published=_unique([_first(objects, "datePublished"), *(_meta(meta, name) for name in _PUBLISHED)]),
        canonical=_addresses(base, [canonical, _meta(meta, "og:url"), _first(objects, "url")]),
        site_name=_site(objects, meta),
        language=_meta(meta, "content-language")
        or language
        or _first(objects, "inLanguage")
        or _meta(meta, "og:locale"),
        body=_body(objects),
        is_article=bool(objects) or "article" in (_meta(meta, "og:type") or "").lower(),
    )


def _headings(markup: str) -> list[str | None]:
    """The texts of the first headings of first order that end soon."""
    starts = [markup[one.end : one.end + _HEADING_MAX] for one in islice(elements(markup, "h1"), _HEADINGS_MAX)]
    return [plain_text(_TAG.sub(" ", text.partition("</h1")[0])) for text in starts if "</h1" in text]


def _addresses(base: str | None, stated: Iterable[str | None]) -> tuple[str, ...]:
    """Addresses against the page's base, as a browser has them."""
    try:
        return _unique(urljoin(base or "", address) for address in stated if address)
    except ValueError:  # of a base or an address that is none
        return _unique(stated)


def _text_end(markup: str, at: int) -> int:
    end = markup.find("<", at)
    return len(markup) if end < 0 else end


def _titles(objects: list[dict[str, Any]], meta: dict[str, list[str]]) -> list[str | None]:
    """OpenGraph's title, but the headline of JSON-LD where that is the same with less around it."""
    shown = _meta(meta, "og:title", "twitter:title", "title")
    headline = _first(objects, "headline") or _first(objects, "name")
    if shown and headline and len(shown) > len(headline) and headline in shown:
        return [headline, shown]
    return [shown, headline]


def _authors(objects: list[dict[str, Any]], meta: dict[str, list[str]]) -> tuple[str, ...]:
    named = next((names for one in objects if (names := linked_data.names(one.get("author")))), [])
    if not named:
        named = [name for kind in _AUTHORS for name in meta.get(kind, []) if not name.startswith(_ADDRESS)]
    return _unique(named)[:_NAMES_MAX]


def _site(objects: list[dict[str, Any]], meta: dict[str, list[str]]) -> str | None:
    stated = [_meta(meta, "og:site_name"), _first(objects, "publisher"), *(_meta(meta, name) for name in _SITES)]
    return next((name for name in stated if name and not name.startswith(_ADDRESS)), None)


def _body(objects: list[dict[str, Any]]) -> str | None:
    return next((body for one in objects if isinstance(body := one.get("articleBody"), str) and body.strip()), None)


def _first(objects: list[dict[str, Any]], name: str) -> str | None:
    return next((text for one in objects if (text := linked_data.first_text(one.get(name)))), None)


def _meta(meta: dict[str, list[str]], *names: str) -> str | None:
    return next((meta[name][0] for name in names if name in meta), None)


def _unique(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
