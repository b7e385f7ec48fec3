"""JSON documents in the shapes of feeds, crawlers and linked data, and texts that are markup."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.clean import Document, Limits, clean
from lodestream.clean.structured.bodies import is_markup, told
from lodestream.clean.structured.parse import parse
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields, Lineage

ONE: Final = "The bridge over the sound was closed on Friday because of the wind."
TWO: Final = "It will open again on Sunday, the port said."
BODY: Final = f"{ONE}\n\n{TWO}"
HTML: Final = f"<p>{ONE}</p><p>{TWO}</p>"


def cleaned(value: Any, **headers: Any) -> list[ArticleFields]:
    known = {"document_id": "feed/7", "site": "example", "fetched_at": "2025-07-04T12:00:00Z", **headers}
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    document = Document(body, known.pop("content_type", "application/json"), **known)
    lineage = Lineage(topic="raw", partition=0, offset=0)
    return clean(document, limits=Limits(), lineage=lineage, ingested_at="2025-07-04T12:00:00.000Z")


def refused(value: Any, **headers: Any) -> tuple[Reason, str]:
    with pytest.raises(Rejected) as found:
        cleaned(value, **headers)
    return found.value.reason, found.value.detail


def facts(article: ArticleFields) -> dict[str, Any]:
    """What a reader would look for in a record."""
    return {
        "title": article["headline"],
        "standfirst": article["standfirst"],
        "body": article["body"],
        "url": article["url"],
        "source": article["source"]["name"],
        "authors": article["byline"],
        "at": article["published_at"],
        "language": article["language"],
    }


WANTED: Final = {
    "title": "Storm closes the bridge",
    "standfirst": "Traffic goes by the tunnel.",
    "body": BODY,
    "url": "https://example.org/storm",
    "source": "The Harbour Post",
    "authors": ["Jane Roe", "John Doe"],
    "at": "2025-07-03T10:00:00.000Z",
    "language": "en",
}
OWN: Final = {
    "title": "Storm closes the bridge",
    "standfirst": "Traffic goes by the tunnel.",
    "body": BODY,
    "url": "https://example.org/storm",
    "source": {"name": "The Harbour Post"},
    "authors": ["Jane Roe", "John Doe"],
    "published_at": "2025-07-03T10:00:00Z",
    "language": "en-GB",
}
LINKED: Final = {
    "@context": "https://schema.org",
    "@type": "NewsArticle",
    "headline": "Storm closes the bridge",
    "description": "Traffic goes by the tunnel.",
    "articleBody": BODY,
    "mainEntityOfPage": {"@type": "WebPage", "@id": "https://example.org/storm"},
    "publisher": {"@type": "NewsMediaOrganization", "name": "The Harbour Post", "logo": {"@type": "ImageObject"}},
    "author": [{"@type": "Person", "name": "Jane Roe"}, {"@type": "Person", "name": "John Doe"}],
    "datePublished": "2025-07-03T12:00:00+02:00",
    "dateModified": "2025-07-03T14:00:00+02:00",
    "inLanguage": {"@type": "Language", "name": "English", "alternateName": "en"},
}
SHAPES: Final = {
    "our own": OWN,
    "a list": [OWN],
    "linked data": LINKED,
    "a graph": {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebSite", "@id": "#site", "name": "The Harbour Post", "inLanguage": "en-GB"},
            {"@type": "BreadcrumbList", "itemListElement": [{"@type": "ListItem", "name": "Home"}]},
            {
                **LINKED,
                "@type": ["Article", "NewsArticle"],
                "publisher": {"@id": "#site"},
                "author": [{"@id": "#jane"}, {"name": "John Doe", "@id": "#john"}],
            },
            {"@type": "Person", "@id": "#jane", "name": "Jane Roe"},
        ],
    },
    "the scripts of a page": [{"@type": "Organization", "name": "The Harbour Post"}, LINKED],
    "a JSON Feed": {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "The Harbour Post",
        "home_page_url": "https://example.org/",
        "language": "en-US",
        "authors": [{"name": "Jane Roe"}, {"name": "John Doe"}],
        "items": [
            {
                "id": "https://example.org/storm",
                "url": "https://example.org/storm",
                "title": "Storm closes the bridge",
                "summary": "Traffic goes by the tunnel.",
                "content_html": HTML,
                "date_published": "2025-07-03T12:00:00+02:00",
            }
        ],
    },
    "a crawler": {
        "authors": ["Jane Roe", "John Doe"],
        "date_download": "2025-07-04 02:00:00",
        "date_publish": "2025-07-03 10:00:00",
        "description": "Traffic goes by the tunnel.",
        "filename": "storm.json",
        "image_url": "https://example.org/storm.jpg",
        "language": "en",
        "localpath": None,
        "maintext": BODY,
        "source_domain": "The Harbour Post",
        "title": "Storm closes the bridge",
        "title_page": None,
        "url": "https://example.org/storm",
    },
    "a data set": {
        "title": "Storm closes the bridge",
        "text": BODY,
        "summary": "Traffic goes by the tunnel.",
        "authors": ["Jane Roe", "John Doe"],
        "publish_date": "2025-07-03T10:00:00",
        "link": "https://example.org/storm",
        "domain": "The Harbour Post",
        "meta_lang": "en",
    },
    "an interface": {
        "status": "ok",
        "totalResults": 1,
        "articles": [
            {
                "source": {"id": "harbour", "name": "The Harbour Post"},
                "author": "By Jane Roe and John Doe",
                "title": "Storm closes the bridge",
                "description": "Traffic goes by the tunnel.",
                "url": "https://example.org/storm",
                "urlToImage": None,
                "publishedAt": "2025-07-03T10:00:00Z",
                "content": BODY,
            }
        ],
    },
    "entries of a feed": {
        "source": "The Harbour Post",
        "entries": [
            {
                "headline": "Storm closes the bridge",
                "link": "https://example.org/storm",
                "content": HTML,
                "excerpt": "<p>Traffic goes by the tunnel.</p>",
                "published": "Thu, 03 Jul 2025 10:00:00 GMT",
                "author": ["Jane Roe", "John Doe"],
                "lang": "en",
            }
        ],
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_one_article_is_the_same_in_every_shape(shape: str) -> None:
    (article,) = cleaned(SHAPES[shape])
    assert facts(article) == WANTED


def test_the_articles_of_a_wrapper_are_numbered() -> None:
    articles = cleaned({"items": [{"text": BODY}, {"@type": "Person", "name": "x"}, {"guid": "g", "html": HTML}]})
    assert [(article["document_id"], article["position"], article["of"]) for article in articles] == [
        ("feed/7#0", 0, 2),
        ("g", 1, 2),
    ]


def test_the_one_article_of_a_graph_is_the_document() -> None:
    (article,) = cleaned({"@graph": [{"@type": "Article", "articleBody": BODY}]}, url="https://example.org/b")
    assert (article["document_id"], article["url"]) == ("feed/7", "https://example.org/b")


def test_a_summary_is_the_text_where_there_is_no_other_and_is_not_said_twice() -> None:
    (article,) = cleaned({"title": "x", "summary": "Short.", "description": f"<p>{ONE}</p>"})
    assert (article["body"], article["standfirst"]) == (ONE, "Short.")
    for said in (ONE, ONE.upper(), f"{ONE[:40]} …", f"{ONE[:40]} [...]", f"<b>{ONE}</b>", "", " "):
        (article,) = cleaned({"body": BODY, "description": said})
        assert article["standfirst"] is None
    (article,) = cleaned({"body": BODY, "description": "Other words.", "summary": "Other", "excerpt": "More."})
    assert article["standfirst"] == "Other words. More."


def test_another_headline_is_in_removed() -> None:
    (article,) = cleaned({"title": "Storm &amp; wind", "headline": "A <b>gale</b>", "body": BODY})
    assert article["headline"] == "Storm & wind"
    assert article["removed"] == [{"kind": "title", "text": "A gale"}]


def test_of_two_texts_the_one_that_holds_the_other_is_read() -> None:
    for value in (
        {"body": ONE, "content": BODY},
        {"text": BODY, "articleBody": HTML},
        {"content": HTML, "maintext": ONE},
        {"content_html": f"<p>{ONE}", "html": HTML},
    ):
        (article,) = cleaned(value)
        assert article["body"] == BODY


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ({"body": ONE, "content": TWO}, "content: another text than body"),
        ([{"text": TWO, "articleBody": BODY.replace("port", "town")}], "[0].text: another text than [0].articleBody"),
        ({"items": [{"html": HTML, "content_html": "<p>x"}]}, "items[0].content_html: another text than items[0].html"),
    ],
)  # fmt: skip
def test_two_different_texts_are_refused_with_their_paths(value: Any, detail: str) -> None:
    assert refused(value) == (Reason.INVALID_SHAPE, detail)


PAGE: Final = (
    "<!DOCTYPE html>\n<html><head><title>Gale - The Harbour Post</title>"
    '<meta property="og:title" content="Gale shuts the bridge"><meta name="author" content="Ann Other">'
    "</head><body><nav><a href=/>Home</a> <a href=/s>Sport</a></nav><article><h1>Gale shuts the bridge</h1>"
    + "".join(f"<p>{ONE} {TWO} That is part {number} of what the port told.</p>" for number in range(6))
    + "</article><footer>Imprint</footer></body></html>"
)


@pytest.mark.parametrize("name", ["html", "content_html", "body", "content"])
def test_a_whole_page_in_a_record_is_read_as_a_page(name: str) -> None:
    (article,) = cleaned({"title": "Storm", "author": "Jane Roe", name: PAGE})
    assert (article["headline"], article["byline"]) == ("Storm", ["Jane Roe"])
    assert article["body"].startswith(ONE)
    assert article["body"].count("of what the port told.") == 6
    cut = {piece["text"] for piece in article["removed"]}
    assert {"Gale shuts the bridge", "Imprint"} <= cut
    (bare,) = cleaned({name: PAGE})
    assert (bare["headline"], bare["byline"]) == ("Gale shuts the bridge", ["Ann Other"])


def test_a_page_without_an_article_has_the_path_of_its_field() -> None:
    reason, detail = refused([{"body": BODY}, {"html": "<html><body><nav><a href=/>Home</a></nav></body></html>"}])
    assert (reason, detail[:9]) == (Reason.NO_ARTICLE, "[1].html:")


MARKUP: Final = [
    "<p>Hello</p>", "Hello<br>World", "Hello<br/><br />World", "One.<br>\nTwo", "One <br>\nTwo", "<p>\nOne\n</p>",
    "<p>One<p>Two", "One</p><p>Two", "a <b>bold</b> word", "<div class='x'>a</div>", "<P>x</P>", "<p> Hello </p>",
    "see <a href='https://a.example'>this</a>.", "<img src=a.png> text", "<!DOCTYPE html><html><body>x",
    "<ul>\n<li>one</li>\n</ul>", '<p>"He said so"</p>', "x <i>“quoted”</i> y", "<h2>Title</h2>\nText",
    "Text\n<blockquote>\nword\n</blockquote>", "one<br>", "关税<br>涨", "<span>x</span>",
]  # fmt: skip
MENTIONS: Final = [
    "the <p> tag", "between <b> and </b>", "<b> and </b> make it bold", "use <b>, then </b>.", '"<b>" and "</b>"',
    "(<b>) … (</b>)", "the <br> tag", "the <br /> tag", "a < b and c > d", "x <y> z", "The element <div>, or <p>.",
    "<title> is a tag, and <head> too", "`<p>` and `</p>`", "if a<b then", "I <3 you", "<redacted> said",
    "Use <br>.", "an “<i>” here", "<person> wrote to <person@example.org>", "<", "<p", "2<p and p>1", "<br",
    "List<String> names", "the <img> element", "„<b>“ und „</b>“",
]  # fmt: skip


@pytest.mark.parametrize("text", MARKUP)
def test_a_tag_in_use_makes_a_text_markup(text: str) -> None:
    assert is_markup(text)
    assert "<" not in cleaned({"body": f"{text}\n{ONE}"})[0]["body"]


@pytest.mark.parametrize("text", MENTIONS)
def test_a_text_that_speaks_of_tags_stays_whole(text: str) -> None:
    assert not is_markup(text)
    (article,) = cleaned({"body": f"{text} {ONE}"})
    assert article["body"] == f"{text} {ONE}"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Tom &amp; Jerry", ("Tom & Jerry", False)),
        ("&#8220;x&#8221;&nbsp;y &#x2019;", ("“x”\u00a0y ’", False)),
        ("&lt;p&gt;x&lt;/p&gt;", ("<p>x</p>", True)),
        ("the &lt;p&gt; tag", ("the <p> tag", False)),
        ("&amp;quot;x&amp;quot;", ('"x"', False)),
        ("clo&shy;ses&#x200b;", ("closes", False)),
        ("AT&T &amp; others", ("AT&T &amp; others", False)),  # written by hand: it speaks of a reference
        ("a&b; c", ("a&b; c", False)),
        ("R&D", ("R&D", False)),
        ("<p>R&amp;D</p>", ("<p>R&amp;D</p>", True)),
    ],
)
def test_a_text_is_escaped_where_every_ampersand_begins_a_reference(text: str, wanted: tuple[str, bool]) -> None:
    assert told(text) == wanted


@given(st.text(alphabet="<>/pb r&;lt'\"=\n", max_size=60))
def test_nothing_is_cut_from_a_text_that_is_no_markup(text: str) -> None:
    plain, markup = told(text)
    assert markup or "&" in text or plain == text


INVALID: Final[list[tuple[bytes, str]]] = [
    (b'{"body": "x"', "unexpected end of data: line 1"),
    (b'{"body": NaN}', "unexpected character"),
    (b'{"body": "x", "score": Infinity}', "unexpected character"),
    (b'{"body": "x", "score": 1e999}', "number is infinity"),
    (rb'{"body": "\ud800"}', "no low surrogate"),
    (b"{'body': 'x'}", "unexpected character"),
    (b'{"body": "x",}', "trailing comma"),
    (b'{"body": "a\nb"}', "unexpected control character"),
    (b"[" * 2000 + b"]" * 2000, "depth limit exceeded"),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "depth limit exceeded"),
    (b'{"body": "x"}\n{"body": "y"}\n', "another value behind the first: line 2 column 1; of JSON Lines"),
    (b'{"body": "x"} {"body": "y"}', "unexpected content after document: line 1"),
    (b'{"body": "x", "body": "y"}', "body: a key that its object has twice"),
    (b'[{"x": 1}, {"b\\u006fdy": "x", "source": {"a": [1, {"c": ":"}]}, "body": "y"}]', "[1].body: a key"),
    (b'{"body": "x", "source": {"name": "\\": \\\\", "x": [], "name": ":"}}', "source.name: a key"),
    (b'{"a\\\\": {"b": 1, "b" : 2}, "body": "x"}', "a\\.b: a key"),
    (b"<html>", "unexpected character"),
    ("{\u201cbody\u201d: 1}".encode(), "unexpected character"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "detail"), INVALID, ids=lambda part: str(part)[:40])
def test_what_is_no_json_is_one_dead_letter_that_says_where(body: bytes, detail: str) -> None:
    reason, said = refused(body)
    assert reason is Reason.INVALID_JSON
    assert said.startswith(detail)
    assert len(said) < 200


@pytest.mark.parametrize("text", ['": a', 'a": b', "\\", '\\": c', "::", '":":', ": x"])
def test_quotes_and_colons_in_texts_are_no_keys(text: str) -> None:
    value = {"body": text, text: [{"body": 1}, text, {}], "b": {"body": text}}
    assert parse(json.dumps(value)) == value


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(alphabet='":\\,{}[]ab ', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='":\\,{}ab', max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON, st.data())
def test_a_repeated_key_is_found_and_no_other(value: Any, data: st.DataObject) -> None:
    assert parse(json.dumps(value, indent=data.draw(st.sampled_from([None, 1])))) == value

    pairs = data.draw(st.lists(st.tuples(st.text(alphabet='":\\a', max_size=2), JSON), min_size=1, max_size=4))
    inner = ", ".join(f"{json.dumps(key)}: {json.dumps(each)}" for key, each in pairs)
    text = f'[{json.dumps(value)}, {{"x": {{{inner}}}}}]'
    if len({key for key, _ in pairs}) == len(pairs):
        assert parse(text) == [value, {"x": dict(pairs)}]
    else:
        with pytest.raises(Rejected, match=r"\[1\]\.x\."):
            parse(text)


@pytest.mark.parametrize(
    ("codec", "content_type"),
    [
        ("utf-8-sig", "application/json"),
        ("utf-16", "application/json"),
        ("utf-16-le", "application/json"),  # zeros tell
        ("utf-16-be", "application/json"),
        ("utf-16-be", "application/json; charset=utf-16be"),
        ("utf-32", "application/json"),
        ("shift_jis", "application/json; charset=shift_jis"),
        ("cp1252", "application/json; charset=latin1"),
    ],
)
def test_json_is_read_in_its_charset(codec: str, content_type: str) -> None:
    text = "港は強風で閉鎖された。" if codec.startswith(("utf", "shift")) else "Die Brücke über den Sund"
    for value in ({"body": text}, [{"body": text}], {"title": text, "body": f"{text}\n\n{text}"}):
        found = cleaned(json.dumps(value, ensure_ascii=False).encode(codec), content_type=content_type)
        assert found[0]["body"].startswith(text)


@pytest.mark.parametrize(
    "unit",
    [
        "<p",
        "<p>",
        "<b> ",
        "</b>",
        "<br ",
        "&lt;",
        "&",
        "&amp;",
        "<a href='",
        '"',
        "\\",
        "<p>x</p>",
        "x<",
        "\n<p>\n",
        "<x>",
    ],
)
def test_a_hostile_text_is_told_in_one_pass(unit: str) -> None:
    told(unit * 300_000)
    assert cleaned({"title": unit * 50_000, "body": f"{ONE} {unit * 100_000}", "summary": unit * 1000})
