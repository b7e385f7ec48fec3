"""The five seed pages against the gold answer, as they are and as other portals would have printed them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from lodestream.clean import Document, Kind, Limits, clean
from lodestream.records import ArticleFields, Lineage, encode

ROOT: Final = Path(__file__).parents[2]
PAGES: Final[list[dict[str, Any]]] = json.loads((ROOT / "tests/gold/seeds_gold.json").read_text("utf-8"))["pages"]
LINEAGE: Final = Lineage(topic="raw", partition=0, offset=0)


def seed(page: dict[str, Any]) -> str:
    return Path(ROOT / "seeds" / page["file"]).read_text("utf-8")


def cleaned(page: dict[str, Any], text: str) -> list[ArticleFields]:
    document = Document(text.encode(), "text/plain", page["file"], "seeds")
    return clean(document, limits=Limits(), lineage=LINEAGE, ingested_at="2025-08-17T00:00:00.000Z")


def pairs() -> list[tuple[dict[str, Any], ArticleFields]]:
    """Each gold article with the one found in its place."""
    return [
        (gold, found) for page in PAGES for gold, found in zip(page["articles"], cleaned(page, seed(page)), strict=True)
    ]


def plain(text: str | None) -> str:
    return " ".join((text or "").split())


def test_every_article_is_found_in_page_order_with_its_role() -> None:
    roles = {"main": "main", "embedded": "related", "teaser": "teaser"}
    for page in PAGES:
        articles = cleaned(page, seed(page))
        assert [article["role"] for article in articles] == [roles[gold["role"]] for gold in page["articles"]]
        assert [article["position"] for article in articles] == list(range(len(articles)))
        assert {article["of"] for article in articles} == {len(page["articles"])}


def test_bodies_are_the_gold_bodies() -> None:
    wrong = [gold["id"] for gold, found in pairs() if plain(found["body"]) != plain(gold["body"])]
    assert not wrong


@pytest.mark.parametrize(
    ("field", "in_gold", "found"),
    [
        ("headline", lambda gold: plain(gold["headline"]) or None, lambda article: article["headline"]),
        ("publisher", lambda gold: gold["publisher"]["name"], lambda article: article["source"]["name"]),
        ("place", lambda gold: (gold["dateline"] or {}).get("place"), lambda article: article["dateline"]["place"]),
        ("dateline", lambda gold: (gold["dateline"] or {}).get("raw"), lambda article: article["dateline"]["raw"]),
        (
            "credit",
            lambda gold: [gold["agency_credit"]["name"]] if gold["agency_credit"] else [],
            lambda a: a["credits"],
        ),
        ("standfirst", lambda gold: (gold["standfirst"] or {}).get("text"), lambda article: article["standfirst"]),
        ("contributors", lambda gold: gold["contributors"], lambda article: article["byline"]),
        ("language", lambda gold: gold["language"], lambda article: article["language"]),
        (
            "time as printed",
            lambda gold: gold["published"]["also_raw"] or gold["published"]["raw"],
            lambda article: article["published_raw"],
        ),
    ],
)
def test_fields_are_the_gold_fields(
    field: str, in_gold: Callable[[dict[str, Any]], Any], found: Callable[[ArticleFields], Any]
) -> None:
    wrong = [(gold["id"], found(article)) for gold, article in pairs() if found(article) != in_gold(gold)]
    assert not wrong, field


def test_every_span_to_remove_is_cut_and_in_no_text() -> None:
    for page in PAGES:
        articles = cleaned(page, seed(page))
        cut = plain(" ".join(piece["text"] for article in articles for piece in article["removed"]))
        kept = plain(" ".join(article["body"] for article in articles))
        spans = page["page_boilerplate"] + [span for gold in page["articles"] for span in gold["remove"]]
        for span in spans:
            text = plain(span["text"])
            assert text in cut, span
            if len(text.split()) > 3:
                assert text not in kept, span


def test_what_stands_around_the_articles_is_cut_from_the_main_one() -> None:
    for page in PAGES:
        first, *others = cleaned(page, seed(page))
        for span in page["page_boilerplate"]:
            assert plain(span["text"]) in {plain(piece["text"]) for piece in first["removed"]}
            assert all(plain(span["text"]) != piece["text"] for article in others for piece in article["removed"])


def characters(text: str | None) -> Counter[str]:
    return Counter(character for character in text or "" if not character.isspace())


def test_every_character_of_a_page_is_in_exactly_one_place() -> None:
    for page in PAGES:
        placed: Counter[str] = Counter()
        for article in cleaned(page, seed(page)):
            texts = [article["headline"], article["standfirst"], article["dateline"]["raw"], article["body"]]
            for text in [*texts, *(piece["text"] for piece in article["removed"])]:
                placed += characters(text)
        assert placed == characters(seed(page))


def test_kinds_of_what_was_cut_are_of_the_closed_list() -> None:
    kinds = {piece["kind"] for _, article in pairs() for piece in article["removed"]}
    assert kinds <= {kind.value for kind in Kind}
    assert {"promo", "newsletter", "credit", "time", "publisher", "section", "cookie"} <= kinds


def test_a_page_with_two_clocks_dates_its_siblings() -> None:
    third = next(page for page in PAGES if page["page_id"] == "003")
    _, before, both, after = cleaned(third, seed(third))
    assert (both["published_at"], both["published_precision"], both["published_from"]) == (
        "2025-07-03T10:48:00.000Z",
        "minute",
        "page",
    )
    assert (before["published_at"], before["published_from"]) == ("2025-07-03T20:48:00.000Z", "inferred")
    assert (after["published_at"], after["published_precision"]) == ("2025-07-03T07:48:00.000Z", "hour")


def test_relative_times_stay_raw_without_a_fetch_time() -> None:
    page = PAGES[0]
    related = cleaned(page, seed(page))[1]
    assert (related["published_at"], related["published_precision"]) == (None, "none")
    assert related["published_raw"] == "13 minutes ago"


def test_the_same_document_gives_the_same_bytes() -> None:
    for page in PAGES:
        assert encode(cleaned(page, seed(page))) == encode(cleaned(page, seed(page)))


TIME: Final = r"(?:\d+|an?) (?:minute|hour|day)s? ago"
HEAD: Final = rf"\n([^\n]+)\n({TIME})\n- [^\n]+"


def in_words(units: dict[str, str], form: str) -> Callable[[str], str]:
    """Relative times in another language."""

    def translate(text: str) -> str:
        return re.sub(
            r"(?m)^(\d+|an?) (minute|hour|day)s? ago$",
            lambda match: form.format(n=match[1] if match[1].isdigit() else 1, unit=units[match[2]]),
            text,
        )

    return translate


LAYOUTS: Final[dict[str, Callable[[str], str]]] = {
    "no blank lines": lambda text: re.sub(r"\n\s*\n+", "\n", text),
    "a blank line between all lines": lambda text: re.sub(r"\n+", "\n\n", text),
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "publisher once": lambda text: re.sub(rf"(\n{TIME})\n- [^\n]+", r"\1", text),
    "publisher beside the time": lambda text: re.sub(HEAD, r"\n\1 · \2", text),
    "time beside the publisher": lambda text: re.sub(HEAD, r"\n\2 | \1", text),
    "time below the headline": lambda text: re.sub(rf"{HEAD}\n([^\n]+)\n", r"\n\3\n\1\n\2\n", text),
    "one line below the headline": lambda text: re.sub(rf"{HEAD}\n([^\n]+)\n", r"\n\3\n\1 | \2\n", text),
    "heading in capitals": lambda text: text.replace("Related Articles", "RELATED ARTICLES:"),
    "heading in German": lambda text: text.replace("Related Articles", "Ähnliche Artikel"),
    "German": in_words({"minute": "Minuten", "hour": "Stunden", "day": "Tagen"}, "vor {n} {unit}"),
    "French": in_words({"minute": "minutes", "hour": "heures", "day": "jours"}, "il y a {n} {unit}"),
    "Swedish": in_words({"minute": "minuter", "hour": "timmar", "day": "dagar"}, "för {n} {unit} sedan"),
    "Chinese": in_words({"minute": "分钟", "hour": "小时", "day": "天"}, "{n}{unit}前"),
    "hard spaces": lambda text: text.replace(". ", ".\u00a0 "),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_layouts_of_the_same_pages_give_the_same_articles(layout: str) -> None:
    for page in PAGES:
        articles = cleaned(page, LAYOUTS[layout](seed(page)))
        assert [article["headline"] for article in articles] == [
            plain(gold["headline"]) or None for gold in page["articles"]
        ]
        assert [plain(article["body"]) for article in articles] == [plain(gold["body"]) for gold in page["articles"]]
        assert [article["source"]["name"] for article in articles] == [
            gold["publisher"]["name"] for gold in page["articles"]
        ]


def test_without_any_publisher_line_the_one_before_is_not_taken_for_it() -> None:
    for page in PAGES:
        bare = re.sub(rf"\n[^\n]+\n({TIME})\n- [^\n]+", r"\n\1", seed(page))
        articles = cleaned(page, bare)
        assert [plain(article["body"]) for article in articles] == [plain(gold["body"]) for gold in page["articles"]]
        assert all(article["source"]["name"] is None for article in articles[1:])
