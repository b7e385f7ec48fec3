"""Any markup at all: an article or one reason, nothing visible lost, the same each time, within bounds."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser
from test_clean_html import BODY, FRAME, PARAGRAPHS, characters, page

from lodestream.agents.clean import PARSER
from lodestream.clean import Document, Limits, clean
from lodestream.clean.document import visible
from lodestream.clean.wire import pack, unpack
from lodestream.engine.sandbox import Sandbox
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields, Lineage, encode

LINEAGE = Lineage(topic="raw", partition=0, offset=0)
AT = "2026-03-04T00:00:00.000Z"
REASONS = {
    Reason.NO_ARTICLE, Reason.EMPTY_DOCUMENT, Reason.NOT_UTF8, Reason.DOCUMENT_TOO_LARGE, Reason.TOO_MANY_ARTICLES,
    Reason.ARTICLE_TOO_LARGE,
}  # fmt: skip
UNSEEN = "script,style,noscript,template,svg,iframe,object,canvas,video,audio,math,title,link,meta"


def document(body: bytes) -> Document:
    return Document(body, "text/html", "1", "one.example", "https://one.example/a")


def outcome(body: bytes) -> list[ArticleFields] | Rejected:
    try:
        return clean(document(body), limits=Limits(), lineage=LINEAGE, ingested_at=AT)
    except Rejected as rejected:
        return rejected


def checked(body: bytes) -> list[ArticleFields] | Rejected:
    found = outcome(body)
    assert not isinstance(found, Rejected) or found.reason in REASONS
    return found


def lost(markup: str, articles: list[ArticleFields]) -> Counter[str]:
    """The visible characters that are nowhere, by the tree that a browser would build."""
    body = LexborHTMLParser(markup).body
    if body is None:
        return Counter()
    for node in reversed(body.css(UNSEEN)):
        node.decompose()
    placed: Counter[str] = Counter()
    for one in articles:
        texts = (one["headline"], one["standfirst"], one["dateline"]["raw"], one["body"])
        placed += characters("".join(filter(None, texts)) + "".join(piece["text"] for piece in one["removed"]))
    return characters(visible(body.text())) - placed


names = st.sampled_from(
    "div p span a b h1 h2 h3 li ul ol table tr td article main section aside nav form figure figcaption br script "
    "style blockquote title header footer button select option svg template noscript pre time".split()
)
attribute = st.sampled_from(
    ["", " class='related'", ' id="comments"', " class=text hidden", " href=/x", ' title="a>b"', " class='a", "/"]
)
words = st.sampled_from(
    [
        *PARAGRAPHS,
        "Home",
        "Read more",
        "By Anna Berg",
        "3 March 2026",
        "&amp; &#8203;&shy;&nbsp;",
        "<",
        ">",
        "–",
        "橋が再開した。",
        "",
    ]
)
tag = st.builds(lambda close, name, more: f"<{close}{name}{more}>", st.sampled_from(["", "/"]), names, attribute)
markup = st.lists(st.one_of(tag, words), max_size=60).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(markup)
def test_any_markup_is_an_article_or_has_a_reason_and_nothing_is_lost(text: str) -> None:
    found = checked(page(text).encode())
    if not isinstance(found, Rejected):
        assert all(one["body"] for one in found)
        assert not lost(page(text), found)
    again = outcome(page(text).encode())
    assert str(again) == str(found) if isinstance(found, Rejected) else encode(again) == encode(found)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400), st.sampled_from(["", "utf-8", "shift_jis", "utf-16"]))
def test_any_bytes_are_an_article_or_have_a_reason(body: bytes, charset: str) -> None:
    checked(f"<meta charset={charset}>".encode() + body + BODY.encode())


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_page_is_an_article_or_has_a_reason(seed: int) -> None:
    """Bytes of a page of news flipped, cut out, doubled and put elsewhere."""
    source = random.Random(seed)
    body = bytearray(page(FRAME).encode())
    for _ in range(source.randrange(1, 30)):
        at, to = sorted(source.randrange(len(body) + 1) for _ in range(2))
        piece = body[at : min(to, at + 200)]
        match source.randrange(4):
            case 0:
                del body[at : min(to, at + 200)]
            case 1:
                body[at:at] = piece
            case 2:
                body[at:at] = bytes(source.randrange(256) for _ in range(source.randrange(1, 9)))
            case _:
                place = source.randrange(len(body) + 1)
                body[place:place] = piece
    checked(bytes(body))


MIB = 1 << 20
TEXT = "<p>The harbour of Lower Marsh was closed on Monday after a storm, the council said in a statement.</p>"
HOSTILE = {
    "nested": "<div>",
    "formatting": "<b>",
    "formatting and paragraphs": "<b id=x><p>",
    "unclosed tags": "<a ",
    "open quotes": "<meta content='",
    "scripts": '<script type="application/ld+json">{',
    "comments": "<!--",
    "tables": "<table><tr><td>",
    "lists": "<ul><li>abc abc abc abc abc abc.</li></ul>",
    "short items": "<ul><li>A part.</li></ul>",
    "breaks": "word word word. <br>",
    "links": "<a href=x>link</a> text ",
    "menus": "<nav>x</nav>",
    "headings": "<h1>Head line of it</h1>",
    "entities": "&#x",
    "signs": "<",
    "nul": "\0<p>abc def ghi. ",
}
NESTED = {
    "articles around headlines": ("<article>" * 900, "<h2>Harbour of Lower Marsh</h2>"),
    "lists around items": ("<ul><li>Some item of it.</li><li>" * 300, "<p>A part of an item. </p>"),
    "lists around lists": ("<ul><li>" * 450, "<ul><li>A part.</li></ul>"),
    "quotations around items": ("<blockquote>" * 900, "<ul><li>A part of it, and a link. </li></ul>"),
    "spans around text": ("<span>" * 900, "<p>A part of it.</p>Loose text. "),
}
"""Elements in one another, and what is in the innermost: work on each must not be work on all in it."""


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(PARSER, seconds=5, memory_bytes=512 * MIB)


@pytest.mark.parametrize("kind", NESTED)
def test_depth_times_length_is_not_the_work_on_a_page(kind: str) -> None:
    """Deep costs less than four times flat: what reads all that is in each of the elements costs 20 times as much."""
    start, unit = NESTED[kind]
    text = f"<title>Harbour of Lower Marsh</title>{TEXT * 8}"

    def cost(before: str) -> float:
        body = (text + before + unit * (300_000 // len(unit))).encode()
        best = float("inf")
        for _ in range(2):
            began = time.process_time()
            outcome(body)
            best = min(best, time.process_time() - began)
        return best

    assert cost(start) < 4 * cost("") + 0.3


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_pages_keep_the_limits_of_a_worker(kind: str, sandbox: Sandbox) -> None:
    """A mebibyte each, in the child that a worker cleans them in, is done in five seconds of work and 512 MiB."""
    unit = HOSTILE[kind]
    body = (TEXT * 5 + unit * (MIB // len(unit))).encode()
    request = pack(document(body), limits=Limits(), lineage=LINEAGE, ingested_at=AT)
    try:
        found: list[ArticleFields] | Rejected = unpack(sandbox.call(request))
    except Rejected as rejected:
        found = rejected
    if isinstance(found, Rejected):
        assert found.reason in REASONS
    else:
        assert TEXT.removeprefix("<p>").removesuffix("</p>") in found[0]["body"]


STORIES = "".join(
    f"<p>The harbour was closed on day {day} after a storm, the council said in a statement.</p>" for day in range(3)
)
GROWING = {
    "paragraphs": ("", TEXT),
    "nested paragraphs": ("<div>" * 900, TEXT),
    "nested quotations": ("<blockquote>" * 400, TEXT),
    "nested tables": ("<table><tr><td>" * 200, TEXT),
    "asides": ("<aside>" * 400, TEXT),
    "siblings": ("", "<div><p>One more part of the text that is long enough to be running text, by itself.</p></div>"),
    "items": ("", "<ul><li>Some item that is long enough.<ul><li>And one in it that is, too.</li></ul></li></ul>"),
    "breaks": ("", "A line of text that is rather long, and ends. <br>"),
    "comments": (
        STORIES,
        "<div class=comments><p>A remark of a reader that is long enough to be running text.</p></div>",
    ),
}


@pytest.mark.parametrize("kind", GROWING)
def test_work_on_a_page_grows_with_its_length(kind: str) -> None:
    """Four times the page costs less than ten times the work; what is quadratic costs sixteen times as much."""
    start, unit = GROWING[kind]

    def cost(length: int) -> float:
        best = float("inf")
        for run in range(2):  # other words in each, since lines are remembered
            parts = (unit.replace("t", f"t{run}x{n} ", 1) for n in range(length // len(unit)))
            body = (start + "".join(parts)).encode()
            began = time.process_time()
            outcome(body)
            best = min(best, time.process_time() - began)
        return best

    assert cost(600_000) < 10 * cost(150_000) + 0.1
