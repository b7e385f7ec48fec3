"""Layouts of real pages in which something else is as large as the article, or the article is in pieces."""

from __future__ import annotations

import pytest
from test_clean_html import BODY, PARAGRAPHS, cleaned, lost, page, refusal

from lodestream.errors import Reason

H1 = "<h1>Bridge reopens</h1>"
TEXT = list(PARAGRAPHS)
REMARKS = [
    f"Reader number {number} thinks that the ferry was far better than the bridge, and says so at some length here."
    for number in range(40)
]


@pytest.mark.parametrize("many", [4, 8, 12, 40])
@pytest.mark.parametrize(
    "frame",
    [
        "<main><article>{h1}{text}</article><section id=comments><ol>{remarks}</ol></section></main>",
        "<div class=wrap><div class=story>{h1}{text}</div><div class=comments-area>{remarks}</div></div>",
        "<article>{h1}{text}<div class=kommentare>{remarks}</div></article>",
        "<div>{h1}<div>{text}</div><div id=disqus_thread>{remarks}</div></div>",
    ],
)
def test_comments_longer_than_the_article_are_not_the_article(frame: str, many: int) -> None:
    remarks = "".join(f"<li class=comment><div class=comment-body><p>{text}</p></div></li>" for text in REMARKS[:many])
    markup = page(frame.format(h1=H1, text=BODY, remarks=remarks))
    found = cleaned(markup)
    assert found["body"].split("\n\n") == TEXT
    assert not lost(markup, found)


def test_an_article_whose_own_class_speaks_of_comments_stays() -> None:
    assert (
        cleaned(page(f"<article class='post comments-open has-comments'>{H1}{BODY}</article>"))["body"].split("\n\n")
        == TEXT
    )


@pytest.mark.parametrize(
    "body",
    [
        "<article>{h1}<div class=a>{0}{1}{2}{3}</div><div class=ad>Advert</div><div class=b>{4}{5}</div></article>",
        "<div>{h1}<div>{0}{1}{2}{3}</div><div>{4}</div><div>{5}</div></div>",
        "<article>{h1}<div class=c1>{0}</div><div class=c2>{1}{2}{3}{4}</div><div class=c3>{5}</div></article>",
        "<main>{h1}<section class=chunk>{0}{1}{2}{3}{4}</section><hr><section class=chunk>{5}</section></main>",
    ],
)
def test_an_article_in_chunks_is_whole(body: str) -> None:
    markup = page(body.format(*(f"<p>{text}</p>" for text in PARAGRAPHS), h1=H1))
    found = cleaned(markup)
    assert found["body"].split("\n\n") == TEXT
    assert not lost(markup, found)


@pytest.mark.parametrize(
    "box",
    [
        "<div class=jp-relatedposts><p>{0}</p></div>",
        "<div class=relatedArticles><p>{0}</p></div>",
        "<div class=c-newsletterSignup__box><p>{0}</p></div>",
        "<div class=noticias-relacionadas><p>{0}</p></div>",
        "<div class=a-lire-aussi><p>{0}</p></div>",
    ],
)
def test_boxes_are_known_by_the_words_in_their_classes(box: str) -> None:
    found = cleaned(page(f"<article>{H1}{BODY}{box.format(REMARKS[0])}</article>"))
    assert found["body"].split("\n\n") == TEXT


@pytest.mark.parametrize(
    ("part", "texts"),
    [
        ("<p><strong>Who may cross</strong></p>", ["Who may cross"]),
        ("<h5>Who may cross</h5>", ["Who may cross"]),
        ("<h2>Traffic</h2><h3>Who may cross</h3>", ["Traffic", "Who may cross"]),
        (
            ("<ul><li>Lorries may cross again from Friday on."
            "<ul><li>Those of over forty tonnes have to wait.</li></ul></li></ul>"),
            ["Lorries may cross again from Friday on.", "Those of over forty tonnes have to wait."],
        ),
        ("<blockquote>It was a long winter without it.<p>The mayor said so to all who asked.</p></blockquote>",
         ["It was a long winter without it.", "The mayor said so to all who asked."]),
    ],
)  # fmt: skip
def test_parts_inside_a_text_stay(part: str, texts: list[str]) -> None:
    first, *others = (f"<p>{text}</p>" for text in PARAGRAPHS)
    found = cleaned(page(f"<article>{H1}{first}{part}{''.join(others)}</article>"))
    assert found["body"].split("\n\n") == [TEXT[0], *texts, *TEXT[1:]]


@pytest.mark.parametrize(
    "teaser",
    [
        "<article><a href=/{n}><h2>Story {n}</h2></a><p>{text}</p></article>",
        "<div><h3><a href=/{n}>Story {n}</a></h3><p>{text}</p></div>",
    ],
)  # fmt: skip
def test_a_front_page_is_no_article(teaser: str) -> None:
    markup = page(
        "<main>" + "".join(teaser.format(n=n, text=REMARKS[n]) for n in range(12)) + "</main>",
        head="<title>Harbour</title>",
    )
    assert refusal(markup).reason is Reason.NO_ARTICLE


@pytest.mark.parametrize(
    "title", ["404 Not Found", "Page not found", "Just a moment...", "Access denied", "Redirecting…"]
)
def test_a_server_s_notice_is_no_article(title: str) -> None:
    notice = (
        "<p>We are checking your browser before you reach the page that you asked for; this takes a few seconds.</p>"
    )
    assert refusal(page(f"<main>{notice}</main>", head=f"<title>{title}</title>")).reason is Reason.NO_ARTICLE
    assert cleaned(page(f"<main>{BODY}</main>", head=f"<title>{title}</title>"))["body"].split("\n\n") == TEXT


def test_what_stands_in_a_form_s_box_of_text_is_accounted_for() -> None:
    markup = page(f"<article>{BODY}<textarea>Write & tell us <b>more</b></textarea></article>")
    assert not lost(markup, cleaned(markup))
    deep = page("<div>" * 1200 + BODY + "<textarea>Write & tell us <b>more</b></textarea>")
    assert not lost(deep, cleaned(deep))


@pytest.mark.parametrize(
    "frame",
    [
        "<header><time datetime=2026-11-27>Today</time></header><article>{h1}{own}{text}</article>",
        "<div class=ticker><time datetime=2026-11-27>now</time></div><article>{h1}{own}{text}</article>",
        "<article>{h1}{own}{text}</article><aside><time datetime=2026-11-27>Another</time></aside>",
        "<article>{h1}<a href=/x><time datetime=2026-11-27>Another</time></a>{own}{text}</article>",
        "<article>{h1}{text}<div class=comments><time datetime=2026-11-27>said</time></div></article>{own}",
        "<article>{h1}<time datetime=2026-11-27>U</time><time pubdate datetime=2026-03-03>P</time>{text}</article>",
        "{h1}<time datetime=2026-11-27>U</time><time itemprop=datePublished datetime=2026-03-03>P</time>{text}",
    ],
)  # fmt: skip
def test_the_time_of_a_page_is_the_article_s_own(frame: str) -> None:
    own = "<time datetime=2026-03-03>3 March</time>"
    found = cleaned(page(frame.format(h1=H1, own=own, text=BODY), head="<title>Bridge reopens</title>"))
    assert (found["published_at"], found["published_from"]) == ("2026-03-03T00:00:00.000Z", "page")


def test_an_article_without_a_time_has_none() -> None:
    remark = "<div class=comments><time datetime=2026-11-27>said</time><p>A remark.</p></div>"
    found = cleaned(page(f"<article>{H1}{BODY}</article>{remark}", head="<title>Bridge reopens</title>"))
    assert (found["published_at"], found["published_from"]) == (None, "none")


@pytest.mark.parametrize("other", ["comments", "teaser", "related"])
def test_who_remarks_or_writes_another_article_is_no_author(other: str) -> None:
    box = f"<div class={other}><b class=comment-author>Donald Dock</b><p>A remark on the bridge.</p></div>"
    found = cleaned(page(f"{box}<article>{H1}<span class=byline>By Anna Berg</span>{BODY}</article>"))
    assert found["byline"] == ["Anna Berg"]
    assert cleaned(page(f"{box}<article>{H1}{BODY}</article>"))["byline"] == []


TEASER = (
    "<article class=card><h3><a href='/{0}'>Other news {0}</a></h3><p>{1} It is story {0} of the day.</p></article>"
)


@pytest.mark.parametrize("heading", ["h1", "h2"])
def test_the_element_with_the_headline_is_the_article_however_long_the_river_below(heading: str) -> None:
    teasers = "".join(TEASER.format(number, REMARKS[number]) for number in range(40))
    river = f"<section role=main>{teasers}</section>"
    story = f"<article class=single><{heading}>Bridge reopens</{heading}>{BODY}</article>"
    for body in (f"<section>{story}</section>{river}", f"{river}<section>{story}</section>"):
        found = cleaned(page(body))
        assert found["body"].split("\n\n") == TEXT
        assert not lost(page(body), found)


def test_of_two_large_elements_that_hold_text_the_first_is_the_article() -> None:
    other = "".join(f"<p>{remark}</p>" for remark in REMARKS[:6])
    found = cleaned(page(f"<main>{BODY}</main><article class=more>{other}</article>"))
    assert found["body"].split("\n\n") == TEXT


def test_items_of_a_list_are_text_where_most_of_the_list_is() -> None:
    items = [
        "Flour, 200 g",
        "Two eggs",
        "A pinch of salt",
        "Milk as needed until the dough no longer sticks to the bowl",
    ]
    listed = "".join(f"<li>{item}</li>" for item in items)
    markup = page(
        f"<article>{H1}{BODY}<ul>{listed}</ul><ul><li><a href=/a>Share</a><li><a href=/b>Print</a></ul></article>"
    )
    found = cleaned(markup)
    assert found["body"].split("\n\n") == [*TEXT, *items]
    assert not lost(markup, found)


def test_an_article_that_is_a_list_is_found() -> None:
    text = "".join(f"<li>{part}</li>" for part in PARAGRAPHS)
    markup = page(f"<div class=entry>{H1}<ol>{text}</ol></div><section><p>{REMARKS[0]}</p></section>")
    found = cleaned(markup)
    assert found["body"].split("\n\n") == TEXT
    assert not lost(markup, found)


def test_teasers_in_a_list_are_not_the_article() -> None:
    teasers = "".join(
        f"<li><a href=/{n}>Other news of today, number {n}</a> {remark}</li>" for n, remark in enumerate(REMARKS)
    )
    found = cleaned(page(f"<div class=entry>{H1}{BODY}</div><div class=block><ul>{teasers}</ul></div>"))
    assert found["body"].split("\n\n") == TEXT


def test_an_id_made_of_a_heading_names_no_box() -> None:
    chapters = "".join(
        f"<section id='sharing-with-the-{n}-developers'><h2>Sharing with the {n} developers</h2><p>{part}</p></section>"
        for n, part in enumerate(PARAGRAPHS)
    )
    body = cleaned(page(f"<article>{H1}{chapters}</article>"))["body"].split("\n\n")
    assert body[1::2] == TEXT


def test_a_paragraph_that_comes_again_stays() -> None:
    refrain = "Row, row, row your boat, gently down the stream, said the ferryman."
    text = [TEXT[0], refrain, TEXT[1], refrain, refrain, *TEXT[2:]]
    markup = page(f"<article>{H1}{''.join(f'<p>{part}</p>' for part in text)}</article>")
    found = cleaned(markup)
    assert found["body"].split("\n\n") == text
    assert not lost(markup, found)


@pytest.mark.parametrize("copy", ["<div class=print>{}</div>", "<div class=desktop><div>{}</div></div>"])
def test_a_second_copy_of_the_article_goes(copy: str) -> None:
    markup = page(f"<article>{H1}<div class=body>{BODY}</div>{copy.format(BODY)}</article>")
    found = cleaned(markup)
    assert found["body"].split("\n\n") == TEXT
    assert not lost(markup, found)


@pytest.mark.parametrize("style", ["display:none", "color: red; Visibility : hidden"])
def test_what_a_style_hides_is_no_text(style: str) -> None:
    markup = page(f"<article>{H1}{BODY}<div style='{style}'><p>{REMARKS[0]}</p><p>{REMARKS[1]}</p></div></article>")
    assert cleaned(markup)["body"].split("\n\n") == TEXT


@pytest.mark.parametrize("inner", ["div", "section"])
def test_paragraphs_beside_the_element_that_holds_most_of_them_belong_to_the_article(inner: str) -> None:
    first, second, *rest = (f"<p>{part}</p>" for part in PARAGRAPHS)
    markup = page(f"<div class=story>{H1}{first}{second}<{inner}>{''.join(rest)}</{inner}></div>")
    assert cleaned(markup)["body"].split("\n\n") == TEXT


@pytest.mark.parametrize(
    "part",
    [
        "<div class=text>{0}<br><br>{1}</div>",
        "<p>{0}</p>{1}",
        "<ol><li><p>{0}</p></li><li><p>{1}</p></li></ol>",
        "<blockquote><p>{0}</p><p>{1}</p></blockquote>",
        "<ul><li><h3>First</h3><p>{0}</p></li><li><p>{1}</p></li></ul>",
    ],
)
def test_text_in_other_elements_among_paragraphs_stays(part: str) -> None:
    rest = [*PARAGRAPHS[3:], *(text.replace("Reader", "Ferryman") for text in REMARKS[:5])]
    before, after = f"<p>{TEXT[0]}</p>", "".join(f"<p>{text}</p>" for text in rest)
    markup = page(f"<article>{H1}{before}{part.format(*PARAGRAPHS[1:3])}{after}</article>")
    found = cleaned(markup)
    assert [one for one in found["body"].split("\n\n") if one != "First"] == [*TEXT[:3], *rest]
    assert not lost(markup, found)


def test_a_list_of_teasers_with_linked_headings_goes() -> None:
    teasers = "".join(f"<li><h3><a href=/{n}>News {n}</a></h3><p>{REMARKS[n]}</p></li>" for n in range(3))
    found = cleaned(page(f"<article>{H1}{BODY}<ul>{teasers}</ul></article>"))
    assert found["body"].split("\n\n") == TEXT


def test_a_short_paragraph_between_long_ones_stays() -> None:
    text = [*TEXT[:3], "The mayor, of all people", *TEXT[3:]]
    found = cleaned(page(f"<article>{H1}{''.join(f'<p>{part}</p>' for part in text)}<p>Share this</p></article>"))
    assert found["body"].split("\n\n") == text
