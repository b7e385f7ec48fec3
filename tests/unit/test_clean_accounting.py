"""No character disappears: each one that a reader sees is in one field of one article, or in what was cut."""

from __future__ import annotations

import html
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestream.clean import Document, Limits, clean
from lodestream.clean.words.patterns import LANGUAGES
from lodestream.errors import Rejected
from lodestream.records import ArticleFields, Lineage

SEEDS: Final = [path.read_text("utf-8") for path in sorted((Path(__file__).parents[2] / "seeds").glob("*.txt"))]
LINES: Final = sorted({line for page in SEEDS for line in page.split("\n") if len(line) < 400})
WORDS: Final = [
    phrase.format(n=3, unit=next(iter(table["relative"]["units"]["hour"])))
    for table in LANGUAGES
    for phrase in (
        *table["relative"]["forms"],
        *(entry for name in ("related", "soft", "promo", "comments") for entry in table["headings"][name]),
        *(entry for entries in table["cues"].values() for entry in entries),
        *(f"{label}: Jane Roe" for name in ("source", "photo", "link", "byline") for label in table["labels"][name]),
        *table["lines"]["interface"].split("|")[:12],
        *(example[0] for example in table["absolute"]["examples"]),
    )
    if "{" not in phrase or "{n}" in phrase or "{unit}" in phrase
]
"""What the rules of every language look for."""
SENTENCES: Final = [
    "The bridge over the sound was closed on Friday because of the wind, the port said.",
    "Die Brücke über den Sund wurde am Freitag wegen des Windes geschlossen, teilte der Hafen mit.",
    "El puente sobre el estrecho se cerró el viernes a causa del viento, informó el puerto.",
    "海峡に架かる橋は強風のため金曜日に閉鎖された、と港湾当局は述べた。",
    "Мост через пролив закрыли в пятницу из-за ветра, сообщили в порту.",
    "أُغلق الجسر فوق المضيق يوم الجمعة بسبب الرياح، حسبما ذكر الميناء.",
    "해협을 가로지르는 다리가 금요일 강풍으로 폐쇄됐다고 항만 당국이 밝혔다.",
    "TOKYO, July 3 (Jiji Press)-- The bridge was closed. REUTERS",
    "said.According to the port.Infographic: Wind of the year",
    "Top stories Swipe. Select. Stay informed. Singapore A b c World D e f She also denied it.",
    "",
]
DROPPED: Final = set("\u00ad\u200b\u2060\ufeff\ufffe\uffff\ufff9\ufffa\ufffb")


def cleaned(body: bytes, content_type: str = "text/plain") -> list[ArticleFields] | None:
    document = Document(body, content_type, "d", "s", fetched_at="2025-07-04T12:00:00Z")
    lineage = Lineage(topic="raw", partition=0, offset=0)
    try:
        return clean(document, limits=Limits(), lineage=lineage, ingested_at="x")
    except Rejected:
        return None


def visible(text: str) -> Counter[str]:
    """What a reader sees of a text: no white space, no control and no zero-width character."""
    return Counter(
        character
        for character in text
        if not character.isspace()
        and character not in DROPPED
        and not (ord(character) < 0xA0 and not character.isprintable())
        and not 0xD800 <= ord(character) < 0xE000
    )


def placed(articles: list[ArticleFields]) -> Counter[str]:
    found: Counter[str] = Counter()
    for article in articles:
        texts = [article["headline"], article["standfirst"], article["dateline"]["raw"], article["body"]]
        for text in [*texts, *(piece["text"] for piece in article["removed"])]:
            found += visible(text or "")
    return found


def assert_whole(page: str) -> bool:
    """Whether it has articles; raises where one of its characters is nowhere, or twice."""
    page = page.encode("utf-8", "replace").decode()
    articles = cleaned(page.encode())
    if articles is not None:
        wanted, found = visible(page), placed(articles)
        assert found == wanted, (wanted - found, found - wanted)
    return articles is not None


def mutated(page: str, random_: random.Random) -> str:
    """A page as damage and other layouts leave it: lines lost, doubled, moved, joined, cut, or others put in."""
    lines = page.split("\n")
    for _ in range(random_.randrange(1, 12)):
        at = random_.randrange(len(lines))
        change = random_.randrange(8)
        if change == 0:
            del lines[at : at + random_.randrange(1, 5)]
        elif change == 1:
            lines.insert(at, lines[random_.randrange(len(lines))])
        elif change == 2:
            lines[at : at + 2] = [random_.choice([" ", "", "\u00a0"]).join(lines[at : at + 2])]
        elif change == 3:
            cut = random_.randrange(len(lines[at]) + 1)
            lines[at : at + 1] = [lines[at][:cut], lines[at][cut:]]
        elif change == 4:
            lines.insert(at, random_.choice(WORDS))
        elif change == 5:
            lines[at] += random_.choice([" ", ". ", "."]) + random_.choice(WORDS)
        elif change == 6:
            lines.insert(at, random_.choice(SENTENCES))
        else:
            lines = lines[at:] + lines[:at]
        lines = lines or [""]
    return "\n".join(lines)


def test_the_seeds_and_their_mutations_are_whole() -> None:
    random_ = random.Random(11)
    with_articles = sum(assert_whole(mutated(random_.choice(SEEDS), random_)) for _ in range(600))
    assert with_articles > 500
    assert all(map(assert_whole, SEEDS))


PIECES: Final = st.sampled_from([*SENTENCES, *SENTENCES, *WORDS, *LINES]) | st.text(max_size=30)
PAGES: Final = st.lists(
    st.lists(PIECES, min_size=1, max_size=3).map(" ".join) | PIECES, min_size=1, max_size=40
).map("\n".join)  # fmt: skip


@given(PAGES)
@settings(max_examples=500)
def test_generated_pages_in_all_languages_are_whole(page: str) -> None:
    assert_whole(page)


@given(st.randoms(use_true_random=False), st.sampled_from([table["language"] for table in LANGUAGES]))
@settings(max_examples=300)
def test_pages_in_the_words_of_one_language_are_whole(random_: random.Random, language: str) -> None:
    table = next(table for table in LANGUAGES if table["language"] == language)
    own = [phrase for name in ("related", "promo", "soft", "comments") for phrase in table["headings"][name]]
    own += [phrase for phrases in table["cues"].values() for phrase in phrases] + table["lines"]["interface"].split("|")
    own += [f"{label}: X Y" for labels in table["labels"].values() if isinstance(labels, list) for label in labels]
    own += [example[0] for name in ("relative", "absolute") for example in table[name]["examples"]]
    lines = [
        random_.choice(
            [random_.choice(own), random_.choice(SENTENCES), f"{random_.choice(SENTENCES)} {random_.choice(own)}"]
        )
        for _ in range(random_.randrange(3, 40))
    ]
    assert_whole("\n".join(lines))


FIELD: Final = st.lists(PIECES, max_size=4).map("\n".join)


@given(title=FIELD, body=FIELD, name=st.sampled_from(["body", "content", "maintext", "articleBody", "html"]))
@settings(max_examples=400)
def test_titles_and_texts_of_json_are_whole(title: str, body: str, name: str) -> None:
    """What is written as text is there as text, and what is written as HTML as its text."""
    title, body = (
        text.encode("utf-8", "replace").decode().replace("&", "+").replace("<", "(") for text in (title, body)
    )
    text = body
    if name == "html":
        body = "".join(f"<p>{html.escape(line)}</p>" for line in body.split("\n"))
    articles = cleaned(json.dumps({"title": title, name: body}).encode(), "application/json")
    if articles is not None:
        wanted, found = visible(title) + visible(text), placed(articles)
        assert found == wanted, (wanted - found, found - wanted)


TAGS: Final = "p div span b i em strong ul li ol blockquote h2 h3 table tr td figure figcaption nav aside button footer"
NODES: st.SearchStrategy[tuple[str, str]] = st.recursive(
    st.text(alphabet="ab \n&<>\"'é漢\u00a0\u200b", max_size=12).map(lambda text: (html.escape(text), text)),
    lambda inner: (
        st.tuples(st.sampled_from(TAGS.split()), st.lists(inner, max_size=4)).map(
            lambda pair: (
                f"<{pair[0]} class='x > y'>{''.join(markup for markup, _ in pair[1])}</{pair[0]}>",
                "".join(text for _, text in pair[1]),
            )
        )
        | st.sampled_from([("<br>", ""), ("<hr/>", ""), ("<img src='x>y' alt='no'>", ""), ("<!-- no > -->", "")])
    ),
    max_leaves=20,
)


@given(st.lists(NODES, min_size=1, max_size=4), st.sampled_from(["html", "body", "description"]))
@settings(max_examples=500)
def test_markup_in_json_is_whole_with_what_is_left_out_of_it(nodes: list[tuple[str, str]], name: str) -> None:
    markup = "<p>The text.</p>" + "".join(part for part, _ in nodes)
    text = "The text." + "".join(part for _, part in nodes)
    articles = cleaned(json.dumps({name: markup}).encode(), "application/json")
    assert articles is not None
    assert placed(articles) == visible(text)


@pytest.mark.parametrize("value", [{"title": "A & B", "body": "x &amp y &nosuch; z & <p"}, {"body": "a <b c> d </e"}])
def test_text_that_is_almost_markup_is_whole(value: dict[str, Any]) -> None:
    articles = cleaned(json.dumps(value).encode(), "application/json")
    assert articles is not None
    assert placed(articles) == visible("".join(value.values()))
