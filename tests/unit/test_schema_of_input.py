"""The published schema of JSON documents and the code that reads them say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from lodestream.clean import Document, Limits, clean
from lodestream.clean.document import visible
from lodestream.clean.structured import fields, shapes
from lodestream.clean.times.time_lines import parse
from lodestream.errors import Reason, Rejected
from lodestream.records import Lineage
from lodestream.schemas import schema

LINEAGE: Final = Lineage(topic="t", partition=0, offset=0)
FORMATS: Final = FormatChecker(())
SCHEMA: Final = schema("document")
PATH: Final = re.compile(r"(?:document|[\w@]+|\[\d+\])(?:\.[\w@]+|\[\d+\])*: ")


@FORMATS.checks("printed-time")
def is_printed_time(value: object) -> bool:
    """The format of the schema that no validator knows: it is described there in words."""
    if not isinstance(value, str) or not visible(value).strip():
        return True
    time = parse(" ".join(visible(value).split()))
    return time is not None and time.at is not None


VALIDATOR: Final = Draft202012Validator(SCHEMA, format_checker=FORMATS)


def refused(value: object) -> Rejected | None:
    """Why `clean` refuses a JSON document, or None."""
    document = Document(json.dumps(value).encode(), "application/json", "d", "s")
    try:
        clean(document, limits=Limits(), lineage=LINEAGE, ingested_at="2026-05-28T20:26:40.000Z")
    except Rejected as rejected:
        return rejected
    return None


LD: Final = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "x", "articleBody": "y"}
FEED: Final = {"version": "https://jsonfeed.org/version/1.1", "title": "The Paper", "items": [{"content_text": "y"}]}

TAKEN: Final[list[Any]] = [
    {"body": "y"},
    {"title": "x", "body": "y", "id": "n-1", "url": "https://a.example/1", "source": "A", "language": "en-GB"},
    {"body": "y", "published_at": "2026-03-01T10:00:00Z", "authors": ["A", "B"], "section": {"other": "keys"}},
    {"body": "y", "published_at": "1 March 2026", "authors": "A"},
    {"title": None, "body": "y", "id": None, "url": None, "source": None, "authors": None, "published_at": None},
    {"body": None, "text": "y"},
    {"body": " ", "html": "<p>y</p>"},
    {"body": "y", "id": 7, "url": ""},
    {"body": "y", "source": {"name": "A", "site": "a.example"}},
    {"body": "y", "source": {"site": "a.example"}},
    [{"text": "y", "authors": ["a"]}, {"html": "<p>y</p>", "id": 7}],
    *({name: "<p>some text</p>"} for name in (*fields.TEXTS, *fields.MARKUPS, *fields.SUMMARIES)),
    *({"body": "y", name: "x"} for name in (*fields.TITLES, *fields.SUMMARIES, *fields.SOURCES, *fields.AUTHORS)),
    *({"body": "y", name: "https://a.example/1"} for name in fields.URLS),
    *({"body": "y", name: "2026-03-01"} for name in fields.TIMES),
    *({"body": "y", name: "en"} for name in fields.LANGUAGES),
    *({name: [{"body": "y"}]} for name in shapes.WRAPPERS),
    *({**LD, "@type": name} for name in shapes.ARTICLE_TYPES),
    *({**LD, "@type": f"{prefix}NewsArticle"} for prefix in shapes.TYPE_PREFIXES),
    {**LD, "@type": ["Thing", "NewsArticle"]},
    {**LD, "name": "z", "author": {"@type": "Person", "name": "A"}, "publisher": {"name": "P"}, "inLanguage": "en"},
    {**LD, "author": [{"name": ["A", "B"]}, "C", {"@id": "#c"}], "inLanguage": {"@type": "Language", "name": "en"}},
    {**LD, "mainEntityOfPage": True},
    {**LD, "mainEntityOfPage": {"@type": "WebPage", "@id": "https://a.example/1"}},
    {"@graph": [{"@type": "WebPage"}, LD, {"@id": "#c"}]},
    [{"@type": "BreadcrumbList"}, LD],
    FEED,
    {"status": "ok", "articles": [{"title": "x", "content": "y", "publishedAt": "2026-03-01T10:00:00Z"}]},
    {"articles": [{"body": "y"}], "items": {"no": "list"}, "data": None, "source": "A", "language": "en"},
    {"body": "y", "items": ["a", {"b": 1}], "name": 7},
    {"body": "y", "@type": None, "@graph": None},
]


@pytest.mark.parametrize("value", TAKEN, ids=lambda value: json.dumps(value)[:60])
def test_what_the_schema_takes_is_read(value: Any) -> None:
    assert VALIDATOR.is_valid(value)
    assert refused(value) is None


REFUSED: Final[list[tuple[Any, str]]] = [
    *(({"body": "y", name: 7}, f"{name}: not a string") for name in ("url", "title", "published_at", "language")),
    *(({"body": "y", name: 7}, f"{name}: neither") for name in ("source", "authors")),
    *(({"body": "y", name: ["y"]}, f"{name}: ") for name in ("id", "url", "source", "title", "published_at")),
    *(({name: 7}, f"{name}: not a string") for name in (*fields.TEXTS, *fields.MARKUPS, *fields.SUMMARIES)),
    *(({"body": "y", name: "soon"}, f"{name}: not a time") for name in fields.TIMES),
    *(({"body": "y", name: "a.example/1"}, f"{name}: not a URL") for name in fields.URLS),
    *(({"body": "y", name: {"name": 7}}, f"{name}.name: not a string") for name in (*fields.SOURCES, "author")),
    *(({"body": "y", name: {"name": 7}}, f"{name}.name: not a string") for name in fields.LANGUAGES),
    *(({name: []}, f"{name}: an empty list") for name in shapes.WRAPPERS),
    *(({name: [{"title": "x"}]}, f"{name}[0].body: missing") for name in shapes.WRAPPERS),
    *(({"body": "y", name: [{"text": "z"}]}, f"{name}: articles inside") for name in shapes.WRAPPERS),
    ({"body": "y", "id": True}, "id: neither"),
    ({"body": "y", "id": 2**64}, "id: neither"),
    ({"body": "y", "id": 7.5}, "id: neither"),
    ({"body": "y", "id": "x" * 2049}, "id: more than 2048 characters"),
    ({"body": "y", "link": f"https://a.example/{'x' * 2048}"}, "link: more than 2048 characters"),
    ({"body": "y", "url": "ftp://a.example/1"}, "url: not a URL"),
    ({"body": "y", "authors": [["A"]]}, "authors[0]: neither"),
    ({"body": "y", "authors": ["A", {"name": ["A", 7]}]}, "authors[1].name: not a string"),
    ([{"body": "y", "items": [{"text": "z"}]}], "[0].items: articles inside"),
    ({"articles": [{"body": "y", "data": [7, {"html": "z"}]}]}, "articles[0].data: articles inside"),
    ({"@graph": [{**LD, "items": [{"text": "z"}]}]}, "@graph[0].items: articles inside"),
    ({"@graph": [LD, {"@type": "WebPage", "items": [{"text": "z"}]}]}, "@graph[1].items: articles inside"),
    ({"summary": " "}, "document: no text"),
    ({"body": None}, "body: missing"),
    ({"body": " \n"}, "document: no text"),
    ({"title": "x"}, "body: missing"),
    ({}, "body: missing"),
    ([], "an empty list"),
    ([{"body": "y"}, {"title": "x"}], "[1].body: missing"),
    ([[{"body": "y"}]], "[0]: not an object"),
    ("text", "document: not an object"),
    (None, "document: not an object"),
    (7, "document: not an object"),
    ({"articles": [{"body": "y"}], "items": []}, "document: a list in articles and one in items"),
    ({"articles": [{"body": "y"}, {"body": "y", "title": 1}]}, "articles[1].title: not a string"),
    ({"articles": [{"body": "y"}], "source": 7}, "source: neither"),
    ({"articles": {"body": "y"}}, "body: missing"),
    ({"data": {"articles": [{"body": "y"}]}}, "body: missing"),
    ({**FEED, "title": 7}, "title: not a string"),
    ({**FEED, "authors": 7}, "authors: neither"),
    ({**FEED, "items": [{"id": "1"}]}, "items[0].body: missing"),
    ({**LD, "@type": "Recipe"}, "@type: no type of article"),
    ({**LD, "@type": []}, "@type: no type of article"),
    ({**LD, "@type": 7}, "@type: neither"),
    ({**LD, "name": 7}, "name: not a string"),
    ({"@type": "WebPage", "name": "x"}, "@type: no type of article"),
    ({"@type": "NewsArticle", "headline": "x"}, "body: missing"),
    ([{"@type": "BreadcrumbList"}], "no article among 1 nodes"),
    ([{"@type": "Recipe", "text": "y"}, LD], "[0].@type: no type of article"),
    ({"@graph": []}, "@graph: no article among 0 nodes"),
    ({"@graph": {}}, "@graph: not a list"),
    ({"@graph": [LD, 7]}, "@graph[1]: not an object"),
    ({"@graph": [{"@type": "WebPage"}]}, "@graph: no article among 1 nodes"),
    ({"@graph": [{**LD, "datePublished": "soon"}]}, "@graph[0].datePublished: not a time"),
]


@pytest.mark.parametrize(("value", "detail"), REFUSED, ids=lambda value: json.dumps(value)[:60])
def test_what_the_schema_refuses_is_refused_with_its_path(value: Any, detail: str) -> None:
    assert not VALIDATOR.is_valid(value)
    rejected = refused(value)
    assert rejected is not None
    assert rejected.reason in {Reason.INVALID_SHAPE, Reason.NO_ARTICLE}
    assert rejected.detail.startswith(detail)


def test_the_schema_has_the_names_that_are_read() -> None:
    read = {*fields.TEXTS, *fields.MARKUPS, *fields.SUMMARIES, *fields.TITLES, *fields.URLS, *fields.SOURCES}
    read |= {*fields.AUTHORS, *fields.TIMES, *fields.LANGUAGES, *shapes.WRAPPERS, shapes.TYPE, fields.ADDRESSED}
    assert set(SCHEMA["$defs"]["article"]["properties"]) == read | {"id", "guid"}


NAMES: Final = sorted(SCHEMA["$defs"]["article"]["properties"])
ANY: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just(" ")
ANY |= st.lists(ANY, max_size=2) | st.dictionaries(st.sampled_from(["name", "@id", "body", "@type"]), ANY, max_size=2)
URLS: Final = [
    "https://a.example/1",
    " HTTP://b.example",
    "a.example",
    "http://",
    "ftp://a.example",
    "http:///x",
    "",
    7,
]
TIMES: Final = ["2026-03-01T10:00:00Z", "2026-03-01", "3 March 2026", "soon", "2026-02-31", "12:30", " ", None, 7]
TYPES: Final = [
    "NewsArticle",
    "https://schema.org/Report",
    ["Thing", "Article"],
    "WebPage",
    ["Thing"],
    [],
    None,
    7,
    [7],
]
LISTS: Final = st.lists(ANY | st.just({"text": "some"}), max_size=2)
FIELD: Final = {
    **dict.fromkeys(fields.URLS, st.sampled_from(URLS)),
    **dict.fromkeys(fields.TIMES, st.sampled_from(TIMES)),
    **dict.fromkeys(shapes.WRAPPERS, ANY | LISTS),
    shapes.TYPE: st.sampled_from(TYPES),
}


@st.composite
def articles(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly an article: one text as a rule, and a few other fields of any value."""
    texts = draw(st.lists(st.sampled_from((*fields.TEXTS, *fields.MARKUPS, *fields.SUMMARIES)), max_size=2))
    found: dict[str, Any] = {name: draw(ANY | st.just("Some words.")) for name in texts}
    for name in draw(st.lists(st.sampled_from([*NAMES, "name", "section", "version"]), max_size=3)):
        found[name] = draw(FIELD.get(name, ANY))
    return found


@st.composite
def documents(draw: st.DrawFn) -> Any:
    one = articles() | st.builds(lambda item: {**LD, **item}, articles())
    listed = st.lists(one | ANY, max_size=3)
    graph = st.builds(lambda nodes: {"@graph": nodes}, listed | ANY)
    wrapper = st.builds(lambda key, items, item: {**item, key: items}, st.sampled_from(shapes.WRAPPERS), listed, one)
    feed = st.builds(
        lambda items, item: {**item, **FEED, "items": items},
        listed,
        st.dictionaries(st.sampled_from(NAMES), ANY, max_size=2),
    )
    bare = st.builds(lambda key, items: {key: items}, st.sampled_from(shapes.WRAPPERS), listed)
    return draw(one | listed | graph | wrapper | bare | feed | ANY)


def leaves(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)


@given(documents())
@settings(max_examples=1500)
def test_schema_and_code_agree_on_any_document(value: Any) -> None:
    if any(isinstance(leaf, int) and not -(2**63) <= leaf < 2**64 for leaf in leaves(value)):
        return
    rejected = refused(value)
    valid = VALIDATOR.is_valid(value)
    if rejected is None:
        assert valid
        return
    assert rejected.reason in {Reason.INVALID_SHAPE, Reason.NO_ARTICLE}
    assert PATH.match(rejected.detail) or rejected.detail.startswith(("an empty list", "no article among"))
    beyond_a_schema = "another text than" in rejected.detail or rejected.detail.endswith("no text")
    assert not valid or beyond_a_schema
