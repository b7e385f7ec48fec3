"""Where the articles of a JSON document are: a closed list of shapes.

    an article        {"title": …, "body": …}, {"@type": "NewsArticle", "articleBody": …}
    a list            [article, …]
    a wrapper         {"articles": [article, …]}; its source and language are those of articles that say none
    JSON Feed         a wrapper with `items`, whose title is the source, and which has a language and authors
    a graph           {"@graph": [node, …]}: the nodes that are articles; others may be who is named by `@id`

Nodes of linked data that are no articles (a breadcrumb, a publisher) are passed over in lists and graphs, but not one
that holds an article's text. What could be read in two ways is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lodestream.clean.structured.fields import MARKUPS, TEXTS
from lodestream.errors import Reason, Rejected

WRAPPERS: Final = ("articles", "items", "data", "results", "entries", "documents", "records", "stories")
"""Keys under which a wrapper may hold its list."""
JSON_FEED: Final = "https://jsonfeed.org/version/"
GRAPH: Final = "@graph"
TYPE: Final = "@type"
ARTICLE_TYPES: Final = frozenset(
    "Article NewsArticle AnalysisNewsArticle AskPublicNewsArticle BackgroundNewsArticle OpinionNewsArticle "
    "ReportageNewsArticle ReviewNewsArticle AdvertiserContentArticle SatiricalArticle ScholarlyArticle TechArticle "
    "Report BlogPosting SocialMediaPosting".split()
)
"""Types of schema.org that are articles."""
TYPE_PREFIXES: Final = ("http://schema.org/", "https://schema.org/", "schema:")
_BODIES: Final = (*TEXTS, *MARKUPS)


@dataclass(frozen=True, slots=True)
class Found:
    """An article's object and where it is. `alone`: it is the document, not one of several.

    `wrapper`: the object around its list; `known`: the nodes of its graph by `@id`.
    """

    item: Mapping[str, Any]
    path: str
    alone: bool = False
    wrapper: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def linked(self) -> bool:
        """Whether it is linked data."""
        return self.item.get(TYPE) is not None


def find(value: Any, most: int) -> list[Found]:
    """The articles of a document, at least one and at most `most`. Raises `Rejected`."""
    if isinstance(value, list):
        return _listed(value, "", most)
    if not isinstance(value, dict):
        raise Rejected(Reason.INVALID_SHAPE, "document: not an object")
    if value.get(GRAPH) is not None:
        return _graph(value[GRAPH], most)
    if value.get(TYPE) is None and not _says(value):
        lists = [key for key in WRAPPERS if isinstance(value.get(key), list)]
        if len(lists) > 1:
            raise Rejected(Reason.INVALID_SHAPE, f"document: a list in {lists[0]} and one in {lists[1]}")
        if lists:
            return _listed(value[lists[0]], lists[0], most, value)
    _refuse_articles_inside(value, "")
    _check_type(value, "")
    return [Found(value, "", alone=True)]


def is_feed(wrapper: Mapping[str, Any]) -> bool:
    """Whether a wrapper says that it is a JSON Feed."""
    version = wrapper.get("version")
    return isinstance(version, str) and version.strip().startswith(JSON_FEED)


def _listed(items: list[Any], path: str, most: int, wrapper: Mapping[str, Any] | None = None) -> list[Found]:
    where = f"{path}: " if path else ""
    if not items:
        raise Rejected(Reason.NO_ARTICLE, f"{where}an empty list")
    if len(items) > most:
        raise Rejected(Reason.TOO_MANY_ARTICLES, f"{where}{len(items)} articles, limit {most}")
    found = []
    for number, item in enumerate(items):
        here = f"{path}[{number}]"
        if not isinstance(item, dict):
            raise Rejected(Reason.INVALID_SHAPE, f"{here}: not an object")
        _refuse_articles_inside(item, here)
        if item.get(TYPE) is None or _is_node_of_an_article(item, here):
            found.append(Found(item, here, wrapper=wrapper or {}))
    if not found:
        raise Rejected(Reason.NO_ARTICLE, f"{where}no article among {len(items)} nodes")
    return found


def _graph(nodes: Any, most: int) -> list[Found]:
    if not isinstance(nodes, list):
        raise Rejected(Reason.INVALID_SHAPE, f"{GRAPH}: not a list")
    for number, node in enumerate(nodes):
        if not isinstance(node, dict):
            raise Rejected(Reason.INVALID_SHAPE, f"{GRAPH}[{number}]: not an object")
        _refuse_articles_inside(node, f"{GRAPH}[{number}]")
    known = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str)}
    places = [
        (f"{GRAPH}[{number}]", node)
        for number, node in enumerate(nodes)
        if _is_node_of_an_article(node, f"{GRAPH}[{number}]")
    ]
    if not places:
        raise Rejected(Reason.NO_ARTICLE, f"{GRAPH}: no article among {len(nodes)} nodes")
    if len(places) > most:
        raise Rejected(Reason.TOO_MANY_ARTICLES, f"{GRAPH}: {len(places)} articles, limit {most}")
    return [Found(node, path, alone=len(places) == 1, known=known) for path, node in places]


def _refuse_articles_inside(item: Mapping[str, Any], path: str) -> None:
    """An article with a list of articles in it could be read as one or the other; either would lose text."""
    for key in WRAPPERS:
        inner = item.get(key)
        if isinstance(inner, list) and any(isinstance(each, dict) and _says(each) for each in inner):
            here = f"{path}.{key}" if path else key
            raise Rejected(Reason.INVALID_SHAPE, f"{here}: articles inside of an article")


def _is_node_of_an_article(node: Mapping[str, Any], path: str) -> bool:
    """Whether a node is an article; one that is none, and may be passed over, holds no article's text."""
    if not _says(node):
        return any(name in ARTICLE_TYPES for name in _types(node, path))
    _check_type(node, path)
    return True


def _check_type(item: Mapping[str, Any], path: str) -> None:
    """Raises `Rejected` when an object is linked data of a type that is no article."""
    types = _types(item, path)
    if item.get(TYPE) is not None and not any(name in ARTICLE_TYPES for name in types):
        raise Rejected(Reason.INVALID_SHAPE, f"{_at(path)}: no type of article")


def _types(item: Mapping[str, Any], path: str) -> list[str]:
    """The types of a node, without the prefix of schema.org; none where it says none."""
    value = item.get(TYPE)
    types = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(name, str) for name in types):
        raise Rejected(Reason.INVALID_SHAPE, f"{_at(path)}: neither a string nor a list of strings")
    return [next((name[len(each) :] for each in TYPE_PREFIXES if name.startswith(each)), name) for name in types]


def _at(path: str) -> str:
    return f"{path}.{TYPE}" if path else TYPE


def _says(item: Mapping[str, Any]) -> bool:
    return any(item.get(name) is not None for name in _BODIES)
