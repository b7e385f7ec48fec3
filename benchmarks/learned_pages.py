"""Pages of sites for `benchmarks.learned_quality`: real frames around real texts, and promos glued into paragraphs.

`fundus` has one to four pages of a publisher, too few to learn from. So a site here is the frame of one page (all that
is not its gold body), flattened to lines, around the gold bodies of other pages in the same language: menus, teasers
and labels are those of a real page, and stay the same from story to story, which flatters the filter.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from resiliparse.extract.html2text import extract_plain_text

from lodestream.clean.language import detect
from lodestream.text import words

STORIES = 6
LEAST_WORDS = 150  # of a gold body


class Page(NamedTuple):
    """A page as text, and the body that it should come to."""

    text: str
    gold: str


class Frame(NamedTuple):
    """A page without its body."""

    name: str
    before: list[str]
    after: list[str]
    gold: list[str]  # the paragraphs that stood between
    language: str


def sites(data: Path, source: random.Random) -> Iterator[tuple[str, list[Page]]]:
    """Each frame with its own text last, after those of others."""
    by_language: defaultdict[str, list[Frame]] = defaultdict(list)
    for frame in frames(data / "fundus"):
        by_language[frame.language].append(frame)
    for some in by_language.values():
        if len(some) >= STORIES:
            for frame in some:
                others = source.sample([other for other in some if other is not frame], STORIES - 1)
                texts = [other.gold for other in others] + [frame.gold]
                yield (
                    frame.name,
                    [Page("\n".join((*frame.before, *text, *frame.after)), "\n".join(text)) for text in texts],
                )


def frames(folder: Path) -> Iterator[Frame]:
    for path in sorted(folder.glob("*/*.html.gz")):
        html = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        lines = [" ".join(line.split()) for line in flattened(html).splitlines()]
        lines = [line for line in lines if line]
        golds = json.loads((path.parent / f"{path.name.split('_')[0]}.json").read_text()).values()
        found = max((between(lines, paragraphs(gold)) for gold in golds), key=lambda one: len(one[2]))
        before, after, gold = found
        if len(words(" ".join(gold))) >= LEAST_WORDS:
            yield Frame(path.name.removesuffix(".html.gz"), before, after, gold, detect("\n".join(gold)))


def flattened(html: str) -> str:
    return str(extract_plain_text(html, main_content=False, preserve_formatting=True, list_bullets=False))


def paragraphs(gold: dict[str, Any]) -> list[str]:
    body = gold.get("body") or {}
    found = [text for section in body.get("sections", []) for text in section["paragraphs"]]
    return [" ".join(text.split()) for text in found]


def between(lines: Sequence[str], gold: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """The lines before and behind the gold paragraphs that are on the page, and these."""
    wanted = {" ".join(words(text)) for text in gold}
    at = [n for n, line in enumerate(lines) if " ".join(words(line)) in wanted]
    if not at:
        return [*lines], [], []
    return [*lines[: at[0]]], [*lines[at[-1] + 1 :]], [lines[n] for n in at]


PROMOS = (
    "Top stories Swipe. Select. Stay informed. Singapore {} Opinion {} World {}",
    "Read more {} Most read in Politics {} {}",
    "MORE ON THIS {} {} Get our morning briefing, free, every weekday.",
    "Also in the news: {} | {} | {} – Subscribe today and never miss a story",
)
"""Runs of other headlines as pages glue them into a paragraph: some open as the rules know it, some do not."""

HOUR = 4
"""Stories of a site in a row whose promos have the same headlines."""


class Promoted(NamedTuple):
    """An article with a promo in the middle of its longest paragraph, and without."""

    site: str
    text: str
    promo: str
    body: str
    nth: int  # of those of its site in a row that have the same


def promoted(rows: Sequence[dict[str, Any]], source: random.Random) -> Iterator[Promoted]:
    """Articles in the order of `rows`, each source a site with a promo of its own."""
    titles = [row["title"] for row in rows if row["title"]]
    of_site: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        site = row["source"]
        shown = of_site[site]
        if len(shown) % HOUR == 0:
            promo = PROMOS[len(site) % len(PROMOS)].format(*source.sample(titles, 3))
        else:
            promo = shown[-1]
        nth = len(shown) % HOUR
        shown.append(promo)
        lines = [" ".join(line.split()) for line in row["text"].split("\n") if line.strip()]
        longest = max(range(len(lines)), key=lambda n: len(lines[n]))
        tokens = lines[longest].split()
        at = len(tokens) // 2
        glued = [*lines]
        glued[longest] = " ".join((*tokens[:at], promo, *tokens[at:]))
        yield Promoted(site, f"{row['title']}\n\n" + "\n\n".join(glued), promo, "\n\n".join(lines), nth)
