"""What the head of a page says: titles, times, authors, addresses; and the scanner that reads it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lodestream.clean.html.guard import is_hostile
from lodestream.clean.html.headline import choose_headline
from lodestream.clean.html.metadata import read_metadata
from lodestream.clean.html.scan import attributes, elements
from lodestream.clean.html.standfirst import find_standfirst
from lodestream.clean.ids import own_address


def linked(*values: Any) -> str:
    return "".join(f'<script type="application/ld+json">{json.dumps(value)}</script>' for value in values)


ARTICLE = {
    "@context": "https://schema.org",
    "@type": "NewsArticle",
    "headline": "Bridge reopens",
    "datePublished": "2026-03-03T14:02:11+01:00",
    "author": [{"@type": "Person", "name": "Anna Berg"}, {"@type": "Person", "name": "Jo Quist"}],
    "publisher": {"@type": "Organization", "name": "Harbour News"},
    "inLanguage": "en-GB",
    "description": "The bridge turns again.",
    "articleBody": "The bridge\nturns again.",
    "url": "https://harbour.example/bridge",
}


@pytest.mark.parametrize(
    "markup",
    [
        linked(ARTICLE),
        linked([{"@type": "WebSite", "name": "Harbour"}, ARTICLE]),
        linked({"@graph": [{"@type": "Organization", "name": "Harbour"}, ARTICLE]}),
        linked({"@type": "WebPage", "mainEntity": ARTICLE}),
        linked({"@type": ["Article", "NewsArticle"], **{k: v for k, v in ARTICLE.items() if k != "@type"}}),
        linked({**ARTICLE, "@type": "http://schema.org/NewsArticle"}),
        linked({"@type": "NewsArticle", "headline": "Bridge reopens"}, ARTICLE),
        f"<script type='application/ld+json'>\n<!--\n{json.dumps(ARTICLE)}\n-->\n</script>",
        f"<script TYPE=application/ld+json data-x>{json.dumps(ARTICLE)};</script>",
        f"<script type='application/ld+json'>//<![CDATA[\n{json.dumps(ARTICLE)}\n//]]></script>",
        linked(ARTICLE).replace("\\n", "\n"),
        "<script type='application/ld+json'>{broken</script>" + linked(ARTICLE),
    ],
)
def test_an_article_in_json_ld_is_read_however_it_is_wrapped(markup: str) -> None:
    found = read_metadata(f"<html><head>{markup}</head><body>")
    assert found.titles[0] == "Bridge reopens"
    assert found.published[0] == "2026-03-03T14:02:11+01:00"
    assert found.authors == ("Anna Berg", "Jo Quist")
    assert (found.site_name, found.language, found.is_article) == ("Harbour News", "en-GB", True)
    assert found.canonical == ("https://harbour.example/bridge",)
    assert found.body is not None
    assert found.body.split() == ["The", "bridge", "turns", "again."]


@pytest.mark.parametrize(
    ("author", "names"),
    [
        ("Anna Berg", ("Anna Berg",)),
        ({"name": "Anna Berg", "url": "https://x.example"}, ("Anna Berg",)),
        ({"name": ["Anna Berg", "Jo Quist"]}, ("Anna Berg", "Jo Quist")),
        ([{"name": "Anna Berg"}, "Jo Quist", {"name": "Anna Berg"}], ("Anna Berg", "Jo Quist")),
        (["https://x.example/anna"], ()),
        ({"name": "Anna &amp; Jo"}, ("Anna & Jo",)),
        ([None, 3, {}, {"name": None}, {"name": {"x": 1}}], ()),
        (None, ()),
    ],
)
def test_authors_in_json_ld(author: Any, names: tuple[str, ...]) -> None:
    assert read_metadata(linked({**ARTICLE, "author": author})).authors == names


def test_a_unix_time_in_json_ld_is_a_time() -> None:
    assert read_metadata(linked({**ARTICLE, "datePublished": 1772542931})).published == ("1772542931",)


def test_meta_elements_count_where_json_ld_is_missing() -> None:
    found = read_metadata(
        "<HTML lang=de><title>Brücke offen | Hafenblatt</title>"
        '<meta content="Br&uuml;cke offen" property="og:title"><META NAME="author" CONTENT="Anna Berg">'
        "<meta name='date' content='2026-03-03'><link href='/bruecke' rel='shortlink canonical'>"
        "<meta property=og:site_name content=Hafenblatt><meta property='og:type' content='article'>"
    )
    assert found.titles == ("Brücke offen", "Brücke offen | Hafenblatt")
    assert (found.authors, found.published, found.canonical) == (("Anna Berg",), ("2026-03-03",), ("/bruecke",))
    assert (found.site_name, found.language, found.is_article) == ("Hafenblatt", "de", True)


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("a=1 b='2 3' c=\"4>5\" d", {"a": "1", "b": "2 3", "c": "4>5", "d": ""}),
        ("A=1 a=2", {"a": "1"}),
        ("content='it is 5 o&#39;clock'", {"content": "it is 5 o'clock"}),
        ('x = "1"  y= 2 /', {"x": "1", "y": "2"}),
        ("", {}),
        ("\"='", {}),
    ],
)
def test_attributes(tag: str, found: dict[str, str]) -> None:
    assert attributes(tag) == found


def test_elements_end_at_their_own_sign() -> None:
    markup = """<meta content="a > b" name=x><metadata><META name='y' content='it"s'>text<meta it's 'a'>it's<meta"""
    assert [element.attributes() for element in elements(markup, "meta")] == [
        {"content": "a > b", "name": "x"},
        {"name": "y", "content": 'it"s'},
        {"it": "", "s": "", "a": ""},
    ]


@pytest.mark.parametrize(
    ("titles", "headings", "site", "headline"),
    [
        (["Bridge reopens"], ["Something else"], None, "Bridge reopens"),
        (["Bridge reopens - Harbour.example"], [], "Harbour", "Bridge reopens"),
        (["Bridge reopens | Harbour News", "Bridge reopens"], [], None, "Bridge reopens"),
        (["“Bridge reopens” – Local – Harbour"], ['"Bridge reopens"'], None, "“Bridge reopens”"),
        (["Berlin - a city that never sleeps"], [], "Harbour", "Berlin - a city that never sleeps"),
        (["Who wins? | Who loses?"], [], None, "Who wins? | Who loses?"),
        ([], ["Bridge reopens"], None, "Bridge reopens"),
        ([], [], "Harbour", None),
        (["Harbour News", "Bridge reopens"], [], "Harbour News", "Bridge reopens"),
        (["Harbour News"], ["Bridge reopens"], None, "Harbour News"),
        ([], ["Harbour News", "Bridge reopens"], "Harbour News", "Bridge reopens"),
        (["Harbour News | Bridge reopens"], ["Bridge reopens"], None, "Bridge reopens"),
        (["运河大桥星期二重新开放_新闻频道_新华网"], ["运河大桥星期二重新开放"], None, "运河大桥星期二重新开放"),
        (["Bridge reopens » Harbour"], ["Bridge reopens"], None, "Bridge reopens"),
        (["Bridge reopens and closes again"], ["Bridge reopens"], None, "Bridge reopens and closes again"),
    ],
)
def test_the_headline_is_the_title_without_the_site(
    titles: list[str], headings: list[str], site: str | None, headline: str | None
) -> None:
    assert choose_headline(titles, headings, site) == headline


DECK = "The bridge turns again after eleven months, and at a higher price."


@pytest.mark.parametrize(
    ("description", "lines", "paragraphs", "found"),
    [
        (DECK, ["Bridge", DECK, "Text."], ["Text."], DECK),
        (DECK, ["The bridge turns again", "after eleven months, and at a higher price."], ["Text."], DECK),
        (DECK, ["Text."], ["Text."], None),
        (DECK, [DECK], [DECK], None),
        (f"Caption. {DECK}", [f"Caption. {DECK}"], [DECK], None),
        (DECK[:50] + "…", [DECK, "Text."], ["Text."], DECK),
        (DECK[:50] + "...", ["Text."], ["Text."], None),
        ("Short.", ["Short."], ["Text."], None),
        (None, [DECK], [], None),
    ],
)
def test_the_standfirst_is_what_the_page_prints_beside_its_text(
    description: str | None, lines: list[str], paragraphs: list[str], found: str | None
) -> None:
    assert find_standfirst(description, lines, paragraphs) == found


@pytest.mark.parametrize(
    ("url", "stated", "own"),
    [
        ("https://www.a.example/x?utm_source=rss", ["https://a.example/x"], "https://a.example/x"),
        ("https://m.a.example/x", ["https://www.a.example/x"], "https://www.a.example/x"),
        ("https://a.example/x", ["/y"], "https://a.example/y"),
        ("https://a.example/x", ["https://b.example/x", "https://a.example/z"], "https://a.example/z"),
        ("https://a.example/x", ["https://a.example/"], "https://a.example/x"),
        ("https://a.example/x", ["https://a.example", "//[broken", "mailto:x"], "https://a.example/x"),
        ("https://a.example/x", [], "https://a.example/x"),
        (None, ["https://a.example/x"], "https://a.example/x"),
        (None, ["/x", "https://a.example/"], None),
        ("https://a.example/x", ["https://a.example/{{url}}", "https://a.example/y"], "https://a.example/y"),
        ("https://a.example/x", ["https://a.example/%7B%7Burl%7D%7D"], "https://a.example/x"),
        ("https://a.example/x", ["https://me:secret@a.example/y"], "https://a.example/x"),
        ("https://a.example/x", ["https://a.example/@me/y"], "https://a.example/@me/y"),
        ("https://a.example/x.php?id=1", ["https://a.example/x.php"], "https://a.example/x.php?id=1"),
        ("https://a.example/de/1", ["https://a.example/de/"], "https://a.example/de/1"),
        ("https://a.example/x?utm_source=rss&id=1", ["https://a.example/x?id=1"], "https://a.example/x?id=1"),
    ],
)
def test_a_page_s_own_address(url: str | None, stated: list[str], own: str | None) -> None:
    assert own_address(url, stated) == own


@pytest.mark.parametrize(
    ("markup", "stated"),
    [
        ("<head></head><body><link rel=canonical href=https://a.example/other>", ()),
        ("<link rel=canonical href=/x><body><link rel=canonical href=/y>", ("/x",)),
        ("<head><base href=https://a.example/news/><link rel=canonical href=x>", ("https://a.example/news/x",)),
        ("<head><link rel=canonical href=x><base href=/news/><base href=/two/>", ("/news/x",)),
        ('<base href=/news/><meta property="og:url" content="x">', ("/news/x",)),
        ("<base href=//[broken><link rel=canonical href=x>", ("x",)),
    ],
)
def test_stated_addresses_are_of_the_head_and_count_from_its_base(markup: str, stated: tuple[str, ...]) -> None:
    assert read_metadata(markup).canonical == stated


@pytest.mark.parametrize(
    ("markup", "hostile"),
    [
        ("<div>" * 900 + "</div>" * 900, False),
        ("<div>" * 1100, True),
        ("<p>text" * 5000, False),
        ("<br><img src=x>" * 5000, False),
        ("<b>" * 1100, True),
        ("<script>data = '" + "<row>" * 1100 + "'</script>", False),
        ("<script>data = '</script>" + "<row>" * 1100, True),
        ("<title><script></title>" + "<b>" * 1100 + "</script>", True),
        ("<svg><script>" + "<g>" * 9000 + "</script>", True),
        ("<i>x</i>" * 5000, False),
        ("<img src='data:image/png;base64," + "A" * 300_000 + "'>", False),
        ("<div " + " ".join(f"a{number}=1" for number in range(5000)) + ">", True),
        ("", False),
    ],
)
def test_markup_that_would_hold_a_parser_is_told_before(markup: str, hostile: bool) -> None:  # noqa: FBT001
    assert is_hostile(markup) is hostile


@pytest.mark.parametrize(
    "unit",
    [
        "<meta ", '<meta "', "<meta content='",
        "<script ", '<script type="application/ld+json">{', "<title>", "<link '",
        "<html lang=", "<!--", "<", "&", '"', "<meta " + "a" * 50, "<meta a=b content=c>", "<script>", "</script",
    ],
)  # fmt: skip
def test_the_head_is_read_in_linear_time(unit: str) -> None:
    """Four times the input costs no more than ten times the work: a quadratic pattern costs sixteen times as much."""

    def cost(length: int) -> float:
        markup = unit * (length // len(unit))
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            read_metadata(markup)
            is_hostile(markup)
            best = min(best, time.process_time() - began)
        return best

    assert cost(400_000) < 10 * cost(100_000) + 0.05


RELATED = [
    {"@type": "NewsArticle", "headline": f"Other story {number}", "datePublished": "2026-02-01", "author": "Jo Quist",
     "url": f"https://harbour.example/other{number}"}
    for number in range(3)
]  # fmt: skip
BARE = {"@type": "NewsArticle", "headline": "Bridge reopens"}
TITLE = "<title>Bridge reopens - Harbour</title>"


@pytest.mark.parametrize(
    "markup",
    [
        TITLE + linked({"@graph": [BARE, *RELATED]}),
        TITLE + linked(*RELATED),
        TITLE + linked({"@type": "ItemList", "itemListElement": RELATED}),
        TITLE + linked(BARE, {"@type": "Review", "author": "Bob", "datePublished": "2020-01-01"}),
        TITLE + linked(BARE, {"@type": "SocialMediaPosting", "headline": "A post", "datePublished": "2020-01-01"}),
    ],
)
def test_linked_data_of_other_articles_tells_nothing_of_this_one(markup: str) -> None:
    found = read_metadata(markup)
    assert (found.published, found.authors, found.canonical, found.titles[0][:14]) == ((), (), (), "Bridge reopens")


OWN = {**ARTICLE, "headline": "Turning again"}
CANONICAL = '<link rel="canonical" href="https://harbour.example/bridge">'


@pytest.mark.parametrize(
    "own",
    [
        OWN,
        {**OWN, "url": None, "mainEntityOfPage": {"@type": "WebPage", "@id": "https://www.harbour.example/bridge"}},
        {**OWN, "url": None, "mainEntityOfPage": "http://harbour.example/bridge"},
        {**OWN, "url": None, "@id": "https://harbour.example/bridge#article"},
    ],
)
def test_the_linked_data_of_the_page_s_address_is_its_own(own: dict[str, Any]) -> None:
    found = read_metadata(CANONICAL + "<title>Ship ahoy</title>" + linked(*RELATED, own))
    assert found.published == ("2026-03-03T14:02:11+01:00",)
    same = [{**one, "headline": "Bridge reopens"} for one in RELATED]
    found = read_metadata(CANONICAL + TITLE + linked(*same, ARTICLE))
    assert (found.published, found.authors) == (("2026-03-03T14:02:11+01:00",), ("Anna Berg", "Jo Quist"))


def test_the_linked_data_under_the_page_s_heading_is_its_own() -> None:
    found = read_metadata("<title>Ship ahoy</title>" + linked(*RELATED, ARTICLE) + "<h1>Bridge <b>reopens</b></h1>")
    assert found.published == ("2026-03-03T14:02:11+01:00",)


LONG = (
    "The swing bridge over the Hollow River turns again after eleven months of repairs, and the toll for lorries "
    "doubles on Monday"
)


@pytest.mark.parametrize("cut", [LONG[:110], f"{LONG[:105]}...", f"{LONG[:107]}…"])
def test_a_headline_that_was_cut_gives_way_to_the_full_heading(cut: str) -> None:
    assert choose_headline([cut], ["Other", LONG], "Harbour") == LONG
    assert choose_headline([LONG[:60]], [LONG], "Harbour") == LONG[:60]


def test_a_title_of_many_parts_costs_little() -> None:
    began = time.process_time()
    assert choose_headline(["a | " * 100_000], [], "Harbour") is not None
    assert time.process_time() - began < 1


def test_what_stands_in_comments_and_scripts_says_nothing() -> None:
    old = '<meta property="og:title" content="Old"><meta property="article:published_time" content="2019-01-01">'
    new = old.replace("Old", "New").replace("2019", "2026")
    for hidden in (f"<!-- {old} -->", f"<script>var a = '{old}';</script>", f"<style>/* {old} */</style>"):
        found = read_metadata(hidden + new)
        assert (found.titles, found.published) == (("New",), ("2026-01-01",))
    assert read_metadata("<!-- never closed " + new).titles == ("New",)
