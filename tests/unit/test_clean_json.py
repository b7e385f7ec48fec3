"""JSON documents: one article or a list, and HTML bodies."""

from __future__ import annotations

import textwrap
from typing import Any, Final

import orjson
import pytest

from lodestream.clean import Document, Limits, clean
from lodestream.clean.html.running import paragraphs
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields, Lineage

BODY: Final = (
    "The bridge over the sound was closed on Friday because of the wind.\n\n"
    "It will open again on Sunday, the port said."
)


def cleaned(value: Any, **headers: Any) -> list[ArticleFields]:
    known = {"document_id": "feed/7", "site": "example", "fetched_at": "2025-07-04T12:00:00Z", **headers}
    document = Document(orjson.dumps(value), "application/json; charset=utf-8", **known)
    lineage = Lineage(topic="raw", partition=0, offset=0)
    return clean(document, limits=Limits(), lineage=lineage, ingested_at="2025-07-04T12:00:00.000Z")


def test_one_article_becomes_a_record() -> None:
    (article,) = cleaned(
        {
            "id": "x-1",
            "url": "https://www.example.org/a?utm_source=feed#top",
            "source": "Straits Times",
            "title": "Storm closes\nthe bridge",
            "body": BODY,
            "published_at": "2025-07-03T19:48:00+09:00",
            "language": "en-GB",
            "authors": ["Shoichi Ishii", "Shoichi Ishii", " "],
            "unknown": {"is": "ignored"},
        }
    )
    assert article["document_id"] == "x-1"
    assert article["headline"] == "Storm closes the bridge"
    assert article["source"] == {"name": "The Straits Times", "site": "example"}
    assert article["body"] == BODY
    assert (article["language"], article["byline"]) == ("en", ["Shoichi Ishii"])
    assert (article["published_at"], article["published_precision"], article["published_from"]) == (
        "2025-07-03T10:48:00.000Z",
        "second",
        "header",
    )
    assert (article["role"], article["position"], article["of"]) == ("main", 0, 1)
    assert article["removed"] == []


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"name": "Straits Times", "site": "st.example"}, "The Straits Times"),
        ({"name": None, "site": "st.example"}, None),
        ({}, None),
    ],
)
def test_a_source_may_be_an_object_as_in_our_own_records(source: dict[str, Any], name: str | None) -> None:
    (article,) = cleaned({"body": BODY, "source": source})
    assert article["source"] == {"name": name, "site": "example"}


def test_a_list_numbers_its_articles() -> None:
    articles = cleaned([{"body": BODY}, {"id": 12, "text": BODY}, {"html": f"<p>{BODY}</p>"}])
    assert [article["document_id"] for article in articles] == ["feed/7#0", "12", "feed/7#2"]
    assert [(article["position"], article["of"], article["role"]) for article in articles] == [
        (0, 3, "main"),
        (1, 3, "main"),
        (2, 3, "main"),
    ]
    assert len({article["article_id"] for article in articles}) == 3


def test_a_single_article_without_id_and_url_has_those_of_the_document() -> None:
    (article,) = cleaned({"body": BODY}, url="https://example.org/b")
    assert (article["document_id"], article["url"]) == ("feed/7", "https://example.org/b")


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("text", "document: not an object"),
        (None, "document: not an object"),
        ({}, "body: missing (body, text or html)"),
        ({"body": None, "text": None}, "body: missing (body, text or html)"),
        ({"body": 1}, "body: not a string"),
        ({"body": BODY, "title": ["a"]}, "title: not a string"),
        ({"body": BODY, "id": {}}, "id: neither a string nor a whole number of 64 bits"),
        ({"body": BODY, "id": True}, "id: neither a string nor a whole number of 64 bits"),
        ({"body": BODY, "id": 1e30}, "id: neither a string nor a whole number of 64 bits"),
        ({"body": BODY, "id": 2**64 + 0.0}, "id: neither a string nor a whole number of 64 bits"),
        ({"body": BODY, "source": ["x"]}, "source: neither a name nor an object with one"),
        ({"body": BODY, "source": {"name": 1}}, "source.name: not a string"),
        ({"body": BODY, "url": "/relative"}, "url: not a URL"),
        ({"body": BODY, "url": "http://[::1"}, "url: not a URL"),
        ({"body": BODY, "authors": [1]}, "authors[0]: neither a name nor an object with one"),
        ({"body": BODY, "language": 5}, "language: not a string"),
        ({"body": BODY, "published_at": "soon"}, "published_at: not a time"),
        ({"body": BODY, "published_at": "2 hours ago"}, "published_at: not a time"),
        ({"body": BODY, "published_at": "0001-01-01T00:00:00Z"}, "published_at: not a time"),
        ({"body": BODY, "published_at": 1751600000}, "published_at: not a string"),
        ([{"body": BODY}, "x"], "[1]: not an object"),
        ([{"body": BODY}] * 3 + [{"body": BODY, "published_at": "x"}], "[3].published_at: not a time"),
        ([{"body": BODY}, {"title": "x"}], "[1].body: missing (body, text or html)"),
    ],
)
def test_a_wrong_shape_is_refused_with_the_path_of_the_field(value: Any, detail: str) -> None:
    with pytest.raises(Rejected) as refused:
        cleaned(value)
    assert (refused.value.reason, refused.value.detail) == (Reason.INVALID_SHAPE, detail)


@pytest.mark.parametrize("item", [{"body": ""}, {"body": " \n "}, {"html": "<script>x</script>"}, {"text": "\u200b"}])
def test_an_article_without_text_is_none(item: dict[str, str]) -> None:
    with pytest.raises(Rejected) as refused:
        cleaned([{"body": BODY}, item])
    assert (refused.value.reason, refused.value.detail) == (Reason.NO_ARTICLE, "[1]: no text")


@pytest.mark.parametrize(
    ("stated", "at", "precision"),
    [
        ("2025-07-03T10:48:22.5Z", "2025-07-03T10:48:22.500Z", "second"),
        ("2025-07-03 10:48", "2025-07-03T10:48:00.000Z", "minute"),
        ("20250703T104822Z", "2025-07-03T10:48:22.000Z", "second"),
        ("20250703T1048+0200", "2025-07-03T08:48:00.000Z", "minute"),
        ("2025-07-03T10:48+02:00", "2025-07-03T08:48:00.000Z", "minute"),
        ("2025-07-03T10Z", "2025-07-03T10:00:00.000Z", "hour"),
        ("20250703", "2025-07-03T00:00:00.000Z", "day"),
        ("Thu, 03 Jul 2025 10:48:22 GMT", "2025-07-03T10:48:22.000Z", "second"),
        ("July 3, 2025", "2025-07-03T00:00:00.000Z", "day"),
        ("01.06.25 15:06 Uhr", "2025-06-01T13:06:00.000Z", "minute"),
        ("", None, "none"),
    ],
)
def test_times_are_read_as_feeds_write_them(stated: str, at: str | None, precision: str) -> None:
    (article,) = cleaned({"body": BODY, "published_at": stated})
    assert (article["published_at"], article["published_precision"]) == (at, precision)


def test_a_stated_time_after_the_fetch_is_the_fetch_time_and_flagged() -> None:
    (article,) = cleaned({"body": BODY, "published_at": "2025-07-05T10:00:00Z"})
    assert (article["published_at"], article["published_from"], article["published_raw"]) == (
        "2025-07-04T12:00:00.000Z",
        "inferred",
        "2025-07-05T10:00:00Z",
    )
    (article,) = cleaned({"body": BODY, "published_at": "2025-07-05T10:00:00Z"}, fetched_at=None)
    assert (article["published_at"], article["published_from"]) == ("2025-07-05T10:00:00.000Z", "header")


def test_rules_for_pages_do_not_touch_a_body() -> None:
    body = (
        "Share\nBT in your inbox\nRelated Articles\nShr 36 cts vs 36 cts\nNet 1,679,000 vs 1,418,000\n"
        "Top stories Swipe. Select. Stay informed. World A b c d e The sentence goes on here.\n"
        "The company said.According to it, this stays.\nMenu"
    )
    (article,) = cleaned({"title": "Net", "body": body})
    assert article["body"].split("\n\n") == body.split("\n")
    assert article["removed"] == []


def test_dateline_credit_and_a_repeated_title_are_taken_off_a_body() -> None:
    (article,) = cleaned(
        {
            "title": "Storm closes the bridge",
            "body": f"Storm closes the bridge\n\nOSLO, July 3 (AFP) - {BODY}\n\nREUTERS",
        }
    )
    assert article["body"] == BODY
    assert article["dateline"] == {"place": "Oslo", "raw": "OSLO, July 3 (AFP) -"}
    assert sorted(article["credits"]) == ["AFP", "Reuters"]
    assert {(piece["kind"], piece["text"]) for piece in article["removed"]} == {
        ("title", "Storm closes the bridge"),
        ("credit", "REUTERS"),
    }


def test_hard_wrapped_paragraphs_are_joined() -> None:
    first = "Showers continued in the Bahia cocoa zone, alleviating the drought since January. " * 3
    second = "The dry period means that the harvest will be late this year, says the weekly review. " * 2
    wrapped = "\n".join(textwrap.wrap(first, 60) + textwrap.wrap(second, 60, initial_indent="    "))
    (article,) = cleaned({"body": wrapped})
    assert article["body"] == f"{first.strip()}\n\n{second.strip()}"


def test_a_body_of_more_lines_than_a_page_may_have_is_whole() -> None:
    (article,) = cleaned({"title": "t", "body": "word here.\n" * 25_000})
    assert article["body"].count("word here.") == 25_000


def test_more_lines_than_fit_into_a_body_are_refused_for_their_size() -> None:
    with pytest.raises(Rejected) as refused:
        cleaned({"title": "t", "body": "a\n" * 600_000})
    assert (refused.value.reason, refused.value.detail) == (Reason.ARTICLE_TOO_LARGE, "body: more than 524288 lines")


@pytest.mark.parametrize(
    ("markup", "wanted"),
    [
        ("<p>One.</p><p>Two <b>bold</b> &amp; three.</p>", ["One.", "Two bold & three."]),
        ("One<br>Two<br/>Three", ["One", "Two", "Three"]),
        ("<script>if (a < b) {}</script><p>x</p><style>p > a</style>", ["x"]),
        ("<nav><ul><li>Home</ul></nav><p>x</p><aside>y<p>z</p></aside><p>w", ["x", "w"]),
        ("<p>a <!-- <p>no</p> --> b</p>", ["a b"]),
        ("<p title=\"a > b\">x</p><img alt='<p>'><p>y", ["x", "y"]),
        ("<P>x</P\n><DIV>y</DIV>", ["x", "y"]),
        ("a < b and c > d", ["a < b and c > d"]),
        ("<svg/><p>x</p><svg><text>no</text></svg>", ["x"]),
        ("<aside><p>all of it</p></aside>", ["all of it"]),
        ("<ul><li>one</li><li>two</li></ul>", ["one", "two"]),
        ("&lt;p&gt; &#8222;x&#8220; &nbsp; y", ["<p> „x“ y"]),
        ("<p>A</p><figure><img><p>B</p>", ["A", "B"]),
        ("<p>A</p><aside><p>B</p><aside>C</aside><p>D", ["A", "B", "D"]),
        ("<p>A <button>Share</button> B</p>", ["A B"]),
        ("<p>x<script>never closed <p>y", ["x"]),
        ("<!DOCTYPE html><?xml?><p>x", ["x"]),
        ("<", ["<"]),
        ("", []),
    ],
)
def test_markup_becomes_paragraphs(markup: str, wanted: list[str]) -> None:
    assert paragraphs(markup) == wanted


def test_what_is_left_out_of_a_body_is_in_removed() -> None:
    (article,) = cleaned(
        {
            "html": "<nav>Home</nav><p>Storm closes the <button>Share</button> bridge.</p><script>x()</script>"
            "<figure><img><figcaption>The bridge &amp; the sea<p>AP</figcaption></figure><p>It opens on Sunday."
            "<select><option>One</select><aside><ul><li>Read this<li>And that</ul></aside><footer>Imprint</footer>"
        }
    )
    assert article["body"] == "Storm closes the bridge.\n\nIt opens on Sunday."
    assert [(piece["kind"], piece["text"]) for piece in article["removed"]] == [
        ("menu", "Home"),
        ("interface", "Share"),
        ("caption", "The bridge & the sea"),
        ("caption", "AP"),
        ("interface", "One"),
        ("interface", "Read this"),
        ("interface", "And that"),
        ("interface", "Imprint"),
    ]


@pytest.mark.parametrize(
    "piece",
    ["<", "<a ", "<!--", "</", "<![CDATA[", "<a x='", '<a x="', "<?", "<!", "<div>", "<script>", "&#", "<svg>", "<p"],
)
def test_hostile_markup_is_read_in_one_pass(piece: str) -> None:
    assert isinstance(paragraphs(piece * 300_000), list)
