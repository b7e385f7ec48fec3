"""What a page says of its article in JSON-LD, in the vocabulary of schema.org."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from lodestream.clean.document import one_line
from lodestream.clean.html.scan import elements, raw_end
from lodestream.clean.ids import canonical_url

ARTICLE_TYPES: Final = frozenset(
    "NewsArticle Article ReportageNewsArticle AnalysisNewsArticle OpinionNewsArticle BackgroundNewsArticle "
    "ReviewNewsArticle AskPublicNewsArticle LiveBlogPosting BlogPosting SocialMediaPosting AdvertiserContentArticle "
    "SatiricalArticle ScholarlyArticle TechArticle Report Review".split()
)
"""Types that are articles; https://schema.org/Article and what derives from it."""

_ENVELOPES: Final = ("@graph", "mainEntity", "mainEntityOfPage")
_TELLING: Final = ("articleBody", "headline", "datePublished", "author")  # who has more of these is the page's article
_ASIDE: Final = frozenset({"Review", "SocialMediaPosting", "ReviewNewsArticle"})
_NO_LETTER: Final = re.compile(r"[\W_]+")
_DEPTH: Final = 6
_ITEMS: Final = 50
_CONTROLS: Final = re.compile(r"[\x00-\x1f]+")
_WRAPPING: Final = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/)|(?:-->|//\s*\]\]>|/\*\s*\]\]>\s*\*/|;)\s*$"
)


def articles(markup: str) -> list[dict[str, Any]]:
    """The objects of a page that are an article, those that say most about it first. Broken blocks are passed over."""
    found: list[dict[str, Any]] = []
    for block in _blocks(markup):
        found += _articles_in(block, 0)
    return sorted(found, key=lambda one: -sum(name in one for name in _TELLING))


def of_page(
    found: list[dict[str, Any]], titles: Iterable[str | None], stated: Iterable[str | None]
) -> list[dict[str, Any]]:
    """Those objects that are about the page itself; a page may describe related articles as well.

    First those with an address that the page states as its own, and those without one under its titles; where no
    address tells, those under its titles. Where none has a headline that the titles have: the only one, or the only one
    that is no review or post.
    """
    known = [letters for title in titles if title and (letters := _letters(title))]
    titled = [
        one for one in found if _is_among(_letters(first_text(one.get("headline") or one.get("name")) or ""), known)
    ]
    own = _at(found, {address for text in stated if text and (address := canonical_url(text))}, titled) or titled
    if own or len(found) <= 1:
        return own or found
    left = [one for one in found if not types(one) & _ASIDE]
    headlines = {_letters(first_text(one.get("headline")) or "") for one in left}
    return left if len(left) == 1 or (len(headlines) == 1 and "" not in headlines and not known) else []


def _at(found: list[dict[str, Any]], page: set[str], titled: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those objects that are at the page's addresses, of several those under its titles; none where none is there."""
    if len(found) <= 1 or not page:
        return []
    under = {*map(id, titled)}
    places = [(one, _places(one)) for one in found]
    there = {id(one) for one, own in places if own & page}
    right = there & under or there
    return [one for one, own in places if id(one) in right or (right and not own and id(one) in under)]


def _places(one: dict[str, Any]) -> set[str]:
    """The addresses of an object; a fragment tells objects of one page apart."""
    values = [one.get("url"), one.get("@id"), one.get("mainEntityOfPage")]
    named = [value for of in values for value in ([of.get("@id"), of.get("url")] if isinstance(of, dict) else [of])]
    return {address for text in named if isinstance(text, str) and (address := canonical_url(text))}


def _is_among(headline: str, known: list[str]) -> bool:
    return headline != "" and any(headline in title or title in headline for title in known)


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text).casefold()


def first_text(values: Any) -> str | None:
    """A string of a value as JSON-LD writes them: plain, in a list, or in an object with a name; on one line."""
    if isinstance(values, list):
        values = next((value for value in values[:_ITEMS] if value), None)
    if isinstance(values, dict):
        values = next((values[name] for name in ("name", "@value", "url", "@id") if values.get(name)), None)
    if isinstance(values, int | float) and not isinstance(values, bool):
        values = str(values)  # a Unix time
    return plain_text(values) if isinstance(values, str) else None


def plain_text(text: str) -> str | None:
    """Text on one line without entities; some sites encode them twice."""
    return one_line(html.unescape(html.unescape(text))) or None


def names(values: Any) -> list[str]:
    """The names of people in `author`: strings, objects, or lists of both; addresses are none."""
    found: list[str] = []
    for value in (values if isinstance(values, list) else [values])[:_ITEMS]:
        named = value.get("name") if isinstance(value, dict) else value
        for name in named if isinstance(named, list) else [named]:
            text = plain_text(name) if isinstance(name, str) else None
            if text and not text.startswith(("http://", "https://")) and text not in found:
                found.append(text)
    return found


def _blocks(markup: str) -> Iterator[Any]:
    past = 0
    for script in elements(markup, "script"):
        if script.end <= past:  # it stands in one that is not closed
            continue
        if "ld+json" not in script.tag or "ld+json" not in script.attributes().get("type", "").lower():
            continue
        past = raw_end(markup, script.end, "script")
        text = markup[script.end : past].strip()
        try:
            yield orjson.loads(text)
        except orjson.JSONDecodeError:
            # a line break inside a string is common, and wrapping that hid the script from browsers of the nineties
            with contextlib.suppress(orjson.JSONDecodeError):
                yield orjson.loads(_CONTROLS.sub(" ", _WRAPPING.sub("", text)))


def _articles_in(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > _DEPTH:
        return
    if isinstance(value, list):
        for entry in value[:_ITEMS]:
            yield from _articles_in(entry, depth + 1)
    elif isinstance(value, dict):
        if types(value) & ARTICLE_TYPES or "articleBody" in value:
            yield value
        for name in _ENVELOPES:
            if name in value:
                yield from _articles_in(value[name], depth + 1)


def types(value: dict[str, Any]) -> set[str]:
    """The types of an object without their namespace."""
    named = value.get("@type")
    every = named if isinstance(named, list) else [named]
    return {name.rsplit("/", 1)[-1] for name in every if isinstance(name, str)}
