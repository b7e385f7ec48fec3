"""What learned repetition cuts, and what it must not: wire stories, news sites, flattened pages, promos in paragraphs.

    python -m benchmarks.learned_quality --data ../shared/data [--show 10] [--only wire sites pages promos]

The folder is that of `benchmarks.dedupe_quality`, and `fundus` beside it. Documents go through `clean` and a memory in
the order of their dates, as a stream would bring them, with the settings' window and cap. "Lost" is an article that
loses over half of its words. `--show`: what was cut most often, and where. Exits with 1 where articles are eaten:
reference figures of the design are less than 0.5 % of the words and no article lost.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from benchmarks.dedupe_quality import HOUR_MS, allsides_date, lines, milliseconds
from benchmarks.learned_pages import HOUR, Page, Promoted, promoted, sites
from lodestream.clean import Document, Limits, clean
from lodestream.clean.learned import Memory, recall
from lodestream.errors import Rejected
from lodestream.records import ArticleFields
from lodestream.settings import load
from lodestream.text import words

LIMIT = 0.005
APART_MS = 600_000  # between two articles with promos, of all sites
DRAINED = 256  # documents between two blocks


class Given(NamedTuple):
    """A document: what `clean` made of it, its site, and when it came (ms)."""

    site: str
    articles: list[ArticleFields]
    at: int
    page: bool


class Cutting:
    """A memory, and the record of what it cut."""

    def __init__(self) -> None:
        settings = load()
        self._memory = Memory(settings.clean_window_hours * HOUR_MS, settings.clean_max_entries)
        self.words = self.cut = self.lost = self.touched = self.documents = 0
        self.pieces: Counter[tuple[str, str]] = Counter()
        self.seconds = 0.0

    def read(self, given: Given) -> list[ArticleFields]:
        if not given.articles:
            return []
        self.documents += 1
        began = time.process_time()
        found, lesson = recall(self._memory, given.site, given.articles, given.at, page=given.page)
        self._memory.learn(lesson)
        self.seconds += time.process_time() - began
        if self.documents % DRAINED == 0:
            self._memory.drain()
        for before, after in zip(given.articles, found, strict=True):
            gone = before["word_count"] - after["word_count"]
            self.words += before["word_count"]
            self.cut += gone
            self.touched += gone > 0
            self.lost += gone > before["word_count"] / 2
            self.pieces.update((given.site, cut["text"]) for cut in after["removed"][len(before["removed"]) :])
        return found

    def told(self, name: str, show: int) -> None:
        each = 1e6 * self.seconds / max(1, self.documents)
        print(
            f"{name:32} {self.documents:6} documents, {self.cut / self.words:8.3%} of the words cut in {self.touched} "
            f"articles, {self.lost} lost; {each:.0f} µs each"
        )
        for (site, piece), count in self.pieces.most_common(show):
            print(f"    {count:5} {site}: {piece[:160]}")


def cleaned(body: bytes, kind: str, name: str, site: str) -> list[ArticleFields]:
    try:
        return clean(
            Document(body, kind, name, site),
            limits=Limits(),
            lineage={"topic": "raw", "partition": 0, "offset": 0},
            ingested_at="2026-01-01T00:00:00Z",
        )
    except Rejected:
        return []


def as_json(row: dict[str, Any], text: str, site: str, at: int) -> Given:
    value = json.dumps({"id": row["id"], "title": row["title"] or None, "body": text}).encode()
    return Given(site, cleaned(value, "application/json", row["id"], site), at, page=False)


def as_page(row: dict[str, Any], text: str, site: str, at: int) -> Given:
    return Given(site, cleaned(f"{row['title']}\n\n{text}".encode(), "text/plain", row["id"], site), at, page=True)


def wire(data: Path, show: int) -> bool:
    """Reuters-21578 in time order as one site: earnings tables and notices in templates. Also with its lines joined."""
    dated = [(milliseconds(row["date"], "%d-%b-%Y %H:%M:%S.%f"), row) for row in lines(data / "reuters21578")]
    dated.sort(key=lambda item: item[0])
    fine = True
    for kind, read in (("JSON", as_json), ("page text", as_page)):
        for layout, pattern in (("lines as printed", "(?!)"), ("lines joined", r"\n(?! )")):
            cutting = Cutting()
            clock = 0
            for at, row in dated:
                clock = max(clock, at)
                cutting.read(read(row, re.sub(pattern, " ", row["text"]), "wire", clock))
            cutting.told(f"Reuters, {kind}, {layout}", show)
            fine &= cutting.lost == 0 and (kind != "JSON" or cutting.cut < LIMIT * cutting.words)
    return fine


def news_sites(data: Path, show: int) -> bool:
    """AllSides by source. Those without a date come first."""
    rows = sorted(
        ((allsides_date(row["date"]) or 0, row) for row in lines(data / "allsides")), key=lambda item: item[0]
    )
    fine = True
    for kind, read in (("JSON", as_json), ("page text", as_page)):
        cutting = Cutting()
        for at, row in rows:
            cutting.read(read(row, row["text"], row["source"] or "none", at))
        cutting.told(f"AllSides, {kind}", show)
        fine &= kind != "JSON" or (cutting.lost == 0 and cutting.cut < LIMIT * cutting.words)
    return fine


def pages(data: Path, show: int) -> bool:
    """Token F of the main article's body against the gold, by how many stories of the site came before."""
    made = list(sites(data, random.Random(1)))
    print(f"flattened pages: {len(made)} frames; without learning, with it, recall of the body with it")
    for name, read in (("all lines as one article", one_article), ("the rules of clean", by_rules)):
        cutting = Cutting()
        told: defaultdict[int, list[tuple[float, float, float]]] = defaultdict(list)
        for site, some in made:
            for number, page in enumerate(some):
                articles = read(page, site, number)
                found = cutting.read(Given(site, articles, 0, page=True))
                if found:
                    before, after = shared(articles[0]["body"], page.gold), shared(found[0]["body"], page.gold)
                    told[number].append((before[0], after[0], after[1]))
        cutting.told(name, show)
        for number, figures in told.items():
            columns = (f"{mean(column):.3f}" for column in zip(*figures, strict=True))
            print(f"    story {number + 1}: {' '.join(columns)}")
    return True


def one_article(page: Page, site: str, number: int) -> list[ArticleFields]:
    """The page without any rules: its lines are the body."""
    value = json.dumps({"id": f"{site}/{number}", "body": page.text}).encode()
    return cleaned(value, "application/json", f"{site}/{number}", site)


def by_rules(page: Page, site: str, number: int) -> list[ArticleFields]:
    return cleaned(page.text.encode(), "text/plain", f"{site}/{number}", site)


def shared(text: str, gold: str) -> tuple[float, float]:
    """F and recall over the tokens."""
    have, want = Counter(words(text)), Counter(words(gold))
    both = (have & want).total()
    return 2 * both / (have.total() + want.total()), both / want.total()


def promos(data: Path, show: int) -> bool:
    """Share of the promos' words that is cut, and of the articles' words that is lost with them."""
    rows = [row for row in lines(data / "allsides") if row["source"] and row["text"]]
    rows.sort(key=lambda row: allsides_date(row["date"]) or 0)
    made = list(promoted(rows, random.Random(3)))
    print(f"promos in paragraphs: {len(made)} articles, {HOUR} in a row of a site with the same; cut / lost")
    for name, with_rules in (("learning alone", False), ("with the rules of clean", True)):
        cutting = Cutting()
        told: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for number, one in enumerate(made):
            articles = promoted_articles(one, str(number), with_rules=with_rules)
            found = cutting.read(Given(one.site, articles, number * APART_MS, page=True))
            if found:
                told[one.nth]["documents"] += 1
                for when, some in (("before", articles), ("after", found)):
                    told[one.nth].update(counted(when, some, one))
        cutting.told(name, show)
        for nth, sums in sorted(told.items()):
            figures = (
                f"{1 - sums[f'{when} left'] / sums['promo']:.1%} / {sums[f'{when} lost'] / sums['body']:.2%}"
                for when in ("before", "after")
            )
            print(f"    {nth + 1} of {HOUR}: without learning {', with it '.join(figures)}")
    return True


def promoted_articles(one: Promoted, name: str, *, with_rules: bool) -> list[ArticleFields]:
    if with_rules:
        return cleaned(one.text.encode(), "text/plain", name, one.site)
    value = json.dumps({"id": name, "body": one.text.split("\n\n", 1)[1]}).encode()
    return cleaned(value, "application/json", name, one.site)


def counted(when: str, articles: Sequence[ArticleFields], one: Promoted) -> Counter[str]:
    """Words of the promo that are left and words of the article that are lost, as multisets."""
    have = Counter(words(" ".join(article["body"] for article in articles)))
    body, promo = Counter(words(one.body)), Counter(words(one.promo))
    left = min((have - body).total(), promo.total())
    sums = Counter({f"{when} left": left, f"{when} lost": (body - have).total()})
    if when == "after":
        sums.update({"promo": promo.total(), "body": body.total()})
    return sums


PARTS = {"wire": wire, "sites": news_sites, "pages": pages, "promos": promos}


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--show", type=int, default=0, help="pieces that were cut most often")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS])
    options = parser.parse_args(None if arguments is None else [*arguments])
    fine: Iterator[bool] = (PARTS[part](options.data, options.show) for part in options.only)
    return 0 if all([*fine]) else 1


if __name__ == "__main__":
    sys.exit(main())
