"""The seed pages against `tests/gold/seeds_gold.json`: every article, field and character."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.evaluate.scores import characters
from lodestream.clean import Document, Limits, clean
from lodestream.records import ArticleFields, Lineage

ROOT: Final = Path(__file__).parents[2]
_ROLES: Final = {"main": "main", "embedded": "related", "teaser": "teaser"}
_LINEAGE: Final = Lineage(topic="raw", partition=0, offset=0)


@dataclass
class Counts:
    """What is right of what is asked, by name; `wrong` says what is not, for a reader."""

    right: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)  # article, name, gold, found

    def count(self, where: str, name: str, gold: str | None, found: str | None) -> None:
        self.asked[name] = self.asked.get(name, 0) + 1
        same = gold == found
        self.right[name] = self.right.get(name, 0) + same
        if not same:
            self.wrong.append((where, name, gold or "-", found or "-"))


def evaluate_seeds() -> Counts:
    counts = Counts()
    pages = json.loads((ROOT / "tests" / "gold" / "seeds_gold.json").read_text("utf-8"))["pages"]
    for page in pages:
        text = (ROOT / "seeds" / page["file"]).read_text("utf-8")
        document = Document(text.encode(), "text/plain", page["file"], "seeds")
        articles = clean(document, limits=Limits(), lineage=_LINEAGE, ingested_at="2025-08-17T00:00:00.000Z")
        for number, gold in enumerate(page["articles"]):
            _count_article(counts, gold, articles[number] if number < len(articles) else None)
        counts.count(page["page_id"], "articles and no more", str(len(page["articles"])), str(len(articles)))
        for span in _spans(page):
            kept = any(_plain(span) in article["body"] for article in articles)
            cut = any(_plain(span) in _plain(" ".join(piece["text"] for piece in one["removed"])) for one in articles)
            gone = cut and (not kept or len(span.split()) <= 3)
            counts.count(page["page_id"], "spans cut", "cut", "cut" if gone else f"kept: {span[:80]}")
        placed = characters(*(text for article in articles for text in _texts(article)))
        off = (placed - characters(text)).total() + (characters(text) - placed).total()
        counts.count(page["page_id"], "pages with every character in one place", "0 off", f"{off} off")
    return counts


def _count_article(counts: Counts, gold: dict[str, Any], found: ArticleFields | None) -> None:
    where = gold["id"]
    counts.count(where, "roles", _ROLES[gold["role"]], found["role"] if found else None)
    if gold["role"] != "teaser":
        counts.count(where, "bodies", _plain(gold["body"]), _plain(found["body"]) if found else None)
    counts.count(where, "headlines", _plain(gold["headline"]) or None, found["headline"] if found else None)
    counts.count(where, "publishers", gold["publisher"]["name"], found["source"]["name"] if found else None)
    counts.count(where, "languages", gold["language"], found["language"] if found else None)
    place = (gold["dateline"] or {}).get("place")
    counts.count(where, "places", place, found["dateline"]["place"] if found else None)
    credit = gold["agency_credit"]["name"] if gold["agency_credit"] else None
    counts.count(where, "credits", credit, ", ".join(found["credits"]) or None if found else None)
    standfirst = (gold["standfirst"] or {}).get("text")
    counts.count(where, "standfirsts", standfirst, found["standfirst"] if found else None)


def _spans(page: dict[str, Any]) -> Iterator[str]:
    for span in page["page_boilerplate"]:
        yield span["text"]
    for gold in page["articles"]:
        for span in gold["remove"]:
            yield span["text"]


def _texts(article: ArticleFields) -> Iterator[str | None]:
    yield from (article["headline"], article["standfirst"], article["dateline"]["raw"], article["body"])
    yield from (piece["text"] for piece in article["removed"])


def _plain(text: str | None) -> str:
    return " ".join((text or "").split())
