"""Pages of HTML: what becomes article, field and cut, and that nothing a reader sees is lost."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest

from lodestream.clean import Document, Limits, clean
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields, Lineage

URL = "https://www.harbour-news.example/2026/03/bridge-reopens"
PARAGRAPHS = (
    "The swing bridge over the Lower Marsh canal reopened on Tuesday after eleven months of repairs to it.",
    "Engineers replaced forty metres of rail and the two electric motors that turn the bridge, the port said.",
    "Lorries will be allowed to cross again from Friday, once the new weighing station has been calibrated and tested.",
    "The work cost 4.2 million euros, about a tenth more than the council had planned when it was approved in 2024.",
    "A ferry that had carried cyclists and pedestrians in the meantime will stay in service until the end of May.",
    "Shopkeepers on the east bank said that they had lost a third of their customers while the bridge was closed.",
)
BODY = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
HEAD = f"""
<title>Bridge reopens - Harbour News</title>
<meta property="og:title" content="Bridge reopens">
<meta property="og:site_name" content="Harbour News">
<meta property="og:type" content="article">
<meta name="description" content="After eleven months of repairs the swing bridge turns again, at a higher price.">
<meta property="article:published_time" content="2026-03-03T14:02:11+01:00">
<link rel="canonical" href="{URL}">
"""


def page(body: str, head: str = HEAD, lang: str = "en") -> str:
    return f'<!doctype html><html lang="{lang}"><head>{head}</head><body>{body}</body></html>'


def cleaned(markup: str | bytes, **headers: Any) -> ArticleFields:
    body = markup if isinstance(markup, bytes) else markup.encode()
    said = {"content_type": "text/html", "document_id": "1", "site": "harbour-news.example", "url": URL, **headers}
    lineage = Lineage(topic="raw", partition=0, offset=0)
    (found,) = clean(Document(body, **said), limits=Limits(), lineage=lineage, ingested_at="2026-03-04T00:00:00.000Z")
    return found


def refusal(markup: str | bytes, **headers: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        cleaned(markup, **headers)
    return caught.value


class _Visible(HTMLParser):
    """The text that a reader sees, by another parser than the one that cleaning uses."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002 - the base class names them
        self._hidden += tag in {"script", "style", "head", "noscript", "template", "svg"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style", "head", "noscript", "template", "svg"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)


def characters(text: str) -> Counter[str]:
    return Counter(character for character in text if not character.isspace())


def lost(markup: str, found: ArticleFields) -> Counter[str]:
    """The visible characters of a page that are nowhere in its article, and its longer lines that are there too seldom.

    A character may be hidden by another place's; a line is not.
    """
    visible = _Visible()
    visible.feed(markup)
    texts = [found["headline"], found["standfirst"], found["dateline"]["raw"], found["body"]]
    pieces = [*filter(None, texts), *(piece["text"] for piece in found["removed"])]
    placed = "\0".join("".join(piece.split()) for piece in pieces)
    lines = Counter("".join(text.split()) for text in visible.texts)
    seldom = {line: count for line, count in lines.items() if len(line) > _LINE and placed.count(line) < count}
    return characters("".join(visible.texts)) - characters(placed) + Counter(seldom)


_LINE = 24  # characters of a line that stands in no other by chance
FRAME = f"""
<header><a href="/">Harbour News</a>
<nav><ul><li><a href="/a">Politics</a></li><li><a href="/b">Sport</a></li></ul></nav>
</header>
<main><article><h1>Bridge reopens</h1>
<p class="lead">After eleven months of repairs the swing bridge turns again, at a higher price.</p>
<div class="byline">By Anna Berg</div><time datetime="2026-03-03T14:02:11+01:00">3 March 2026</time>
<figure><img src="x.jpg"><figcaption>The bridge on Tuesday. Photo: Port Authority</figcaption></figure>
<div class="text">{BODY}
<div class="related-box"><h3>Related</h3>
<p><a href="/c">Ferry company asks for a longer contract on the canal route</a></p>
<p>The company says that it can carry twice as many people when the summer timetable starts in May.</p></div>
</div></article>
<aside><h2>Most read</h2><ol><li><a href="/d">Market moves to the old station</a></li></ol></aside></main>
<form><input name="mail"><button>Subscribe</button> Get our newsletter every morning.</form>
<footer>© 2026 Harbour News. All rights reserved. <a href="/imprint">Imprint</a></footer>
<script>var x = "<p>This is no text at all, and a script of some length that nobody should ever see.</p>";</script>
"""


def test_a_page_of_news_becomes_its_article() -> None:
    found = cleaned(page(FRAME))
    assert found["body"].split("\n\n") == list(PARAGRAPHS)
    assert found["headline"] == "Bridge reopens"
    assert found["standfirst"] == "After eleven months of repairs the swing bridge turns again, at a higher price."
    assert found["source"] == {"name": "Harbour News", "site": "harbour-news.example"}
    assert (found["published_at"], found["published_precision"]) == ("2026-03-03T13:02:11.000Z", "second")
    assert found["published_from"] == "page"
    assert (found["language"], found["role"], found["of"], found["url"]) == ("en", "main", 1, URL)


def test_what_is_cut_from_a_page_says_what_it_was() -> None:
    removed = [(piece["kind"], piece["text"].split("\n")) for piece in cleaned(page(FRAME))["removed"]]
    related = [text for kind, lines in removed for text in lines if kind == "page" and "company" in text]
    assert [text[:21] for text in related] == ["Ferry company asks fo", "The company says that"]
    assert removed == [
        ("page", ["Harbour News"]),
        ("page", ["By Anna Berg", "3 March 2026"]),
        ("page", ["Related", *related]),
        ("menu", ["Politics", "Sport"]),
        ("caption", ["The bridge on Tuesday. Photo: Port Authority"]),
        ("link", ["Most read", "Market moves to the old station"]),
        ("interface", ["Subscribe", "Get our newsletter every morning."]),
        ("menu", ["© 2026 Harbour News. All rights reserved.", "Imprint"]),
    ]


def test_no_visible_character_of_a_page_is_lost() -> None:
    assert not lost(page(FRAME), cleaned(page(FRAME)))


@pytest.mark.parametrize(
    "body",
    [
        f"<div class='a'>{BODY}</div>",
        "<div>" + "<br><br>".join(PARAGRAPHS) + "</div>",
        "<table><tr><td>" + "<br>".join(PARAGRAPHS) + "</td><td>Home</td></tr></table>",
        "".join(f"<div class='p'><span>{text}</span></div>" for text in PARAGRAPHS),
        f"<form id='aspnet'><h1>Bridge reopens</h1>{BODY}</form>",
        f"<div class='paywall'>{BODY}</div><div class='related'><p>{PARAGRAPHS[0][:70]} or so they say.</p></div>",
        f"<p>{'</p><p>'.join(PARAGRAPHS)}",
        f"<article><p>{PARAGRAPHS[0]}</p><div><div>{BODY[len(PARAGRAPHS[0]) + 7 :]}</div></div></article>",
        "<div>" * 1200 + BODY,
    ],
    ids=["div", "double breaks", "table", "spans", "form around all", "box that holds all", "unclosed", "lead", "deep"],
)
def test_the_text_is_found_however_a_page_writes_it(body: str) -> None:
    found = cleaned(page(body))
    assert found["body"].split("\n\n") == list(PARAGRAPHS)
    assert not lost(page(body), found)


def test_line_breaks_part_words_and_paragraphs() -> None:
    text = f"{PARAGRAPHS[0]}<br>Next<br>line goes on here.<br><br>New paragraph"
    found = cleaned(page(f"<p>{text}</p>{BODY[BODY.index('</p>') + 4 :]}"))
    assert found["body"].split("\n\n")[:3] == [PARAGRAPHS[0], "Next line goes on here.", "New paragraph"]


def test_crossheads_and_lists_stay_and_lists_of_links_go() -> None:
    first, *others = (f"<p>{text}</p>" for text in PARAGRAPHS)
    links = "<ul>" + "".join(f"<li><a href='/{n}'>Another story about the canal, number {n}</a></li>" for n in range(5))
    items = "<ul><li>Weekdays from six in the morning to ten at night.</li><li>Weekends from eight to eight.</li></ul>"
    found = cleaned(page(f"<article>{first}<h2>Who may cross</h2>{items}{links}</ul>{''.join(others)}</article>"))
    paragraphs = found["body"].split("\n\n")
    assert paragraphs[1:4] == [
        "Who may cross", "Weekdays from six in the morning to ten at night.", "Weekends from eight to eight.",
    ]  # fmt: skip
    assert "Another story" not in found["body"]


def test_embedded_posts_are_no_text() -> None:
    text = "Never seen so many cyclists on the ferry as this very morning!"
    post = f'<blockquote class="twitter-tweet"><p>{text}</p></blockquote>'
    assert text not in cleaned(page(f"<article>{BODY}{post}</article>"))["body"]


def test_a_heading_that_repeats_the_headline_is_cut() -> None:
    found = cleaned(
        page("<h1>Bridge reopens</h1><p>The bridge was opened on Tuesday.</p><p>It cost 4 million euros.</p>")
    )
    assert found["body"] == "The bridge was opened on Tuesday.\n\nIt cost 4 million euros."


def test_dateline_and_credit_become_fields() -> None:
    first = f"<p>LOWER MARSH, March 3 (Reuters) - {PARAGRAPHS[0]}</p>"
    found = cleaned(page(f"<article>{first}{BODY}</article>"))
    assert found["dateline"]["place"] == "Lower Marsh"
    assert found["credits"] == ["Reuters"]


def test_a_list_of_teasers_is_no_article() -> None:
    teasers = "".join(
        f"<div><h3><a href='/{n}'>Story number {n} of the day</a></h3><p>What story {n} is about, told in one sentence "
        "that is long enough to be running text.</p></div>"
        for n in range(12)
    )
    assert refusal(page(f"<main>{teasers}</main>", head="<title>Harbour News</title>")).reason is Reason.NO_ARTICLE


def test_a_menu_is_no_article() -> None:
    links = "".join(f"<li><a href='/{n}'>A headline of some length, number {n}</a></li>" for n in range(60))
    assert refusal(page(f"<ul>{links}</ul>", head="")).reason is Reason.NO_ARTICLE


def test_trafilatura_is_asked_where_much_of_the_text_is_elsewhere() -> None:
    """JSON-LD tells a body of which the paragraphs of the page are but a part: those in a box count after all."""
    body = " ".join(PARAGRAPHS)
    told = f'<script type="application/ld+json">{{"@type": "NewsArticle", "articleBody": "{body}"}}</script>'
    shown = f"<div><p>{PARAGRAPHS[0]}</p></div><div class='teaser'>{BODY[len(PARAGRAPHS[0]) + 7 :]}</div>"
    found = cleaned(page(shown, head=HEAD + told))
    assert all(text in found["body"] for text in PARAGRAPHS[1:])


@pytest.mark.parametrize(
    ("codec", "text", "label"),
    [
        ("cp1251", "Мост через канал открыли во вторник после одиннадцати месяцев ремонта. ", "windows-1251"),
        ("shift_jis", "運河にかかる橋は十一か月の工事を経て火曜日に再び開通した。費用は四億円に上った。", "Shift_JIS"),
        ("euc_jp", "運河にかかる橋は十一か月の工事を経て火曜日に再び開通した。費用は四億円に上った。", "EUC-JP"),
        ("gb18030", "运河上的大桥在维修十一个月后于星期二重新开放，费用高于市议会的计划。", "gb2312"),
        ("euc_kr", "운하 위의 다리가 열한 달의 수리를 마치고 화요일에 다시 열렸다고 시청이 밝혔다. ", "euc-kr"),
        ("iso8859_2", "Most nad kanałem otwarto we wtorek po jedenastu miesiącach napraw. ", "iso-8859-2"),
        ("cp1252", "Die Brücke über den Kanal wurde am Dienstag nach elf Monaten für größere Lkw geöffnet. ", ""),
        ("utf-8", "Die Brücke über den Kanal wurde am Dienstag nach elf Monaten für größere Lkw geöffnet. ", "x"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by", ["meta", "header"])
def test_charsets_are_told_by_header_page_and_bytes(codec: str, text: str, label: str, by: str) -> None:
    meta = f'<meta charset="{label}">' if by == "meta" else ""
    markup = page("".join(f"<p>{text} {number}</p>" for number in "abcdefg"), head=meta).encode(codec)
    found = cleaned(markup, charset=label or None if by == "header" else None)
    assert found["body"].startswith(text.strip())


def test_utf_8_is_told_by_its_bytes_whatever_is_declared() -> None:
    markup = page(BODY.replace("euros", "€"), head='<meta charset="iso-8859-15">')
    assert "4.2 million €" in cleaned(markup, charset="iso-8859-1")["body"]


def test_some_wrong_bytes_are_replaced() -> None:
    markup = page(BODY.replace("euros", "€")).encode().replace("€".encode(), b"\xff")
    assert "4.2 million \ufffd" in cleaned(markup, charset="utf-8")["body"]


def test_what_a_page_says_of_its_language_counts_where_its_text_does_not_tell() -> None:
    text = "ᚠᚢᚦᚨᚱᚲ ᚷᚹᚺᚾᛁᛃ ᛇᛈᛉᛊᛏᛒ ᛖᛗᛚᛜᛞᛟ. " * 8
    assert cleaned(page(f"<p>{text}</p>", lang="nl-BE"))["language"] == "nl"


def test_the_time_that_a_page_prints_counts_where_its_head_has_none() -> None:
    shown = f"<h1>Bridge reopens</h1><div>3 March 2026, 14:02 CET</div>{BODY}"
    found = cleaned(page(shown, head="<title>Bridge reopens</title>"))
    assert found["published_at"] == "2026-03-03T13:02:00.000Z"


def test_times_after_the_fetch_are_the_fetch() -> None:
    found = cleaned(page(FRAME), fetched_at="2026-03-03T10:00:00Z")
    assert (found["published_at"], found["published_from"]) == ("2026-03-03T10:00:00.000Z", "inferred")


@pytest.mark.parametrize(
    "shown",
    [
        '<meta name="date" content="2026-03-02T08:30:00Z">',
        "<div>2 March 2026, 08:30 GMT</div>",
    ],
)
def test_a_time_after_the_fetch_hides_no_other(shown: str) -> None:
    head = f"{HEAD.replace('2026-03-03T14:02:11', '2026-03-30T14:02:11')}{shown if 'meta' in shown else ''}"
    found = cleaned(page(f"<h1>Bridge reopens</h1>{shown}{BODY}", head=head), fetched_at="2026-03-03T15:00:00Z")
    assert (found["published_at"], found["published_from"]) == ("2026-03-02T08:30:00.000Z", "page")


OWN_TIME = "<p>3 March 2026, 14:02 CET</p>"


@pytest.mark.parametrize(
    "shown",
    [
        f"<ul class=related-list><li>Ferry sold<li>1 March 2026, 10:00 CET</ul>{OWN_TIME}",
        f"<div><a href=/ferry><b>Ferry sold</b> <i>1 March 2026, 10:00 CET</i></a></div>{OWN_TIME}",
        f"<p>Updated 4 March 2026, 10:00 CET</p>{OWN_TIME}",
        f"<p><b>Last updated:</b> <i>4 March 2026, 10:00 CET</i></p>{OWN_TIME}",
        "<p>Updated 4 March 2026, 10:00 CET, published 3 March 2026, 14:02 CET</p>",
        "<p>Aktualisiert: 04.03.2026, 10:00 Uhr | Erstellt: 03.03.2026, 14:02 Uhr</p>",
        "<p>2026年3月4日 18:00 JST 更新 2026年3月3日 22:02 JST 公開</p>",
    ],
)
def test_the_article_s_own_time_counts_before_that_of_others_and_of_changes(shown: str) -> None:
    found = cleaned(page(f"<h1>Bridge reopens</h1>{shown}{BODY}", head="<title>Bridge reopens</title>"))
    assert found["published_at"] == "2026-03-03T13:02:00.000Z"


@pytest.mark.parametrize(
    "stated",
    [
        "https://www.facebook.com/harbour",
        "www.facebook.com/harbour",
        "facebook.com/harbour",
        "desk@harbour.example",
        "12",
    ],
)
def test_an_address_is_no_author(stated: str) -> None:
    head = f'<title>Bridge reopens</title><meta name="author" content="{stated}">'
    assert cleaned(page(f'<h1>Bridge reopens</h1><p class="byline">By Jo Quist</p>{BODY}', head=head))["byline"] == [
        "Jo Quist"
    ]


def test_the_time_of_a_change_counts_where_no_other_is_told() -> None:
    shown = f"<h1>Bridge reopens</h1><p>Updated 4 March 2026, 10:00 CET</p>{BODY}"
    found = cleaned(page(shown, head="<title>Bridge reopens</title>"))
    assert found["published_at"] == "2026-03-04T09:00:00.000Z"


def test_text_with_entities_invisible_characters_and_odd_markup() -> None:
    odd = (
        "Fish &amp; chips cost &pound;9 &lt;now&gt;, the <b>bu</b>siness<!-- not this --> said &#8211; again and again."
    )
    found = cleaned(page(f"<article><p>{odd}</p>{BODY}</article>"))
    assert found["body"].split("\n\n")[0] == "Fish & chips cost £9 <now>, the business said – again and again."


def author(name: str) -> str:
    return f'<meta name="author" content="{name}">'


@pytest.mark.parametrize(
    ("head", "shown", "byline", "credits"),
    [
        (author("Anna Berg"), "", ["Anna Berg"], []),
        (author("Anna Berg and Jo Quist"), "", ["Anna Berg", "Jo Quist"], []),
        (author("Anna Berg") + author("anna-berg") + author("(Image: Getty)"), "", ["Anna Berg"], []),
        (author("Anna Berg") + author("Harbour News"), "", ["Anna Berg"], []),
        (author("Reuters"), "", [], ["Reuters"]),
        (author("Anna Berg") + author("AFP"), "", ["Anna Berg"], ["AFP"]),
        (author("https://harbour-news.example/anna"), "", [], []),
        (author("105092"), "", [], []),
        (author("Harbour News"), "", ["Harbour News"], []),
        (author("Harbour News"), "<i class=my__byline>By Anna Berg and Jo Quist</i>", ["Anna Berg", "Jo Quist"], []),
        ("", "<a rel=author href=/anna>Anna van Berg</a>", ["Anna van Berg"], []),
        ("", "<div class=author-box>Follow the author for more</div>", [], []),
    ],
)  # fmt: skip
def test_authors_are_people_agencies_are_credits(
    head: str,
    shown: str,
    byline: list[str],
    credits: list[str],  # noqa: A002 - the field's name
) -> None:
    found = cleaned(page(f"<article><h1>Bridge reopens</h1>{shown}{BODY}</article>", head=HEAD + head))
    assert (found["byline"], found["credits"]) == (byline, credits)


RUSSIAN = "".join(
    f"<p>Мост через канал открыли во вторник после ремонта, сообщили в порту, номер {n}.</p>" for n in range(8)
)


@pytest.mark.parametrize(
    ("codec", "head", "charset"),
    [
        ("cp1251", '<meta charset="windows-1251">', "utf-8"),
        ("cp1251", '<meta charset="utf-8">', None),
        ("cp1251", "<!-- " + "x" * 9000 + ' --><meta charset="windows-1251">', None),
        ("cp1251", '<!-- <meta charset="koi8-r"> --><meta charset="windows-1251">', None),
        ("cp1251", '<meta charset="cp1251">', "iso-8859-1"),
        ("utf-8", '<meta charset="utf-16">', None),
    ],
)
def test_the_first_charset_in_which_a_page_can_be_read_counts(codec: str, head: str, charset: str | None) -> None:
    found = cleaned(page(RUSSIAN, head=head).encode(codec), charset=charset)
    assert found["body"].startswith("Мост через канал открыли во вторник")


@pytest.mark.parametrize(
    ("codec", "text", "charset", "label"),
    [
        ("koi8_r", "Мост через канал открыли во вторник после одиннадцати месяцев ремонта.", "iso-8859-1", ""),
        ("cp1251", "Мост через канал открыли во вторник после одиннадцати месяцев ремонта.", None, "iso-8859-1"),
        ("euc_jp", "運河にかかる橋は十一か月の工事を経て火曜日に再び開通した。", "iso-8859-1", ""),
        ("gb18030", "运河上的大桥在维修十一个月后于星期二重新开放，费用高于市议会的计划。", "windows-1252", ""),
        ("gb18030", "运河上的大桥在维修十一个月后于星期二重新开放，费用高于市议会的计划。", "x-unknown", "x-gbk"),
        ("big5", "運河上的大橋在維修十一個月後於星期二重新開放，費用高於市議會的計劃。", "iso-8859-1", ""),
        ("big5", "運河上的大橋在維修十一個月後於星期二重新開放，費用高於市議會的計劃。", "utf-8", ""),
        ("shift_jis", "運河にかかる橋は十一か月の工事を経て火曜日に再び開通した。", "utf-8", "none"),
        ("euc_kr", "운하 위의 다리가 열한 달의 수리를 마치고 화요일에 다시 열렸다고 시청이 밝혔다.", "utf-8", ""),
        ("euc_kr", "운하 위의 다리가 열한 달의 수리를 마치고 화요일에 다시 열렸다고 시청이 밝혔다.", "iso-8859-1", ""),
        ("iso8859_2", "Most nad kanałem otwarto we wtorek po jedenastu miesiącach napraw, zażółć gęślą.", "utf-8", ""),
        ("iso8859_7", "Η γέφυρα πάνω από το κανάλι άνοιξε ξανά την Τρίτη μετά από έντεκα μήνες.", None, "utf-8"),
        ("cp1252", "Die Brücke wurde am Dienstag für „größere“ Lkw geöffnet – für 5 €.", "iso-8859-1", ""),
        ("utf_8", "Die Brücke wurde am Dienstag für „größere“ Lkw geöffnet – für 5 €.", "iso-8859-1", "utf-16"),
        ("utf_8_sig", "Die Brücke wurde am Dienstag für „größere“ Lkw geöffnet – für 5 €.", "utf-16", "x"),
        ("utf_16_le", "Die Brücke wurde am Dienstag für „größere“ Lkw geöffnet – für 5 €.", None, "utf-16"),
        ("utf_16_be", "Die Brücke wurde am Dienstag für „größere“ Lkw geöffnet – für 5 €.", "utf-8", ""),
    ],
)  # fmt: skip
def test_a_wrong_label_does_not_spoil_a_page(codec: str, text: str, charset: str | None, label: str) -> None:
    head = f'<meta charset="{label}">' if label else ""
    markup = page("".join(f"<p>{text} {number}</p>" for number in "abcdefg"), head=head).encode(codec)
    assert cleaned(markup, charset=charset)["body"].startswith(text)


def test_a_wrong_byte_makes_no_other_charset_of_utf_8() -> None:
    markup = page(RUSSIAN, head='<meta charset="iso-8859-1">').encode().replace(b"0.", b"0\xff.", 1)
    assert "номер 0\ufffd." in cleaned(markup)["body"]


def test_ascii_that_claims_to_be_utf_16_is_not() -> None:
    assert cleaned(page(BODY, head='<meta charset="utf-16">'))["body"].split("\n\n") == list(PARAGRAPHS)
