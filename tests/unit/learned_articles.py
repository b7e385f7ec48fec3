"""Articles of made-up words for the tests of what clean learns."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from lodestream.clean.learned import Memory, recall
from lodestream.records import ARTICLE_SCHEMA, ArticleFields, Removed
from lodestream.text import exact_key, words

DAY = 86_400_000
WEEK = 7 * DAY
START = 1_780_000_000_000
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeiou"]


def prose(seed: int, number: int) -> str:
    """So many words that no other seed has, in sentences of 11."""
    source = random.Random(seed)
    made = ["".join(source.choices(_SYLLABLES, k=source.randint(2, 5))) for _ in range(number)]
    for end in range(10, number, 11):
        made[end] += "."
    return " ".join(made)


def article(name: str, *paragraphs: str, site: str = "a.example", role: str = "main") -> ArticleFields:
    body = "\n\n".join(paragraphs)
    return ArticleFields(
        schema=ARTICLE_SCHEMA,
        article_id=name,
        version=1,
        document_id=name,
        role=role,  # type: ignore[typeddict-item]
        position=0,
        of=1,
        source={"name": None, "site": site},
        url=None,
        headline=None,
        standfirst=None,
        body=body,
        language="en",
        byline=[],
        credits=[],
        dateline={"place": None, "raw": None},
        published_at=None,
        published_precision="none",
        published_from="none",
        published_raw=None,
        fetched_at=None,
        ingested_at="2026-06-01T00:00:00Z",
        removed=[Removed(kind="menu", text="Home")],
        text_key=exact_key(body),
        word_count=len(words(body)),
        lineage={"topic": "raw", "partition": 0, "offset": 0},
    )


def read(
    memory: Memory, *articles: ArticleFields, days: float = 0, page: bool = True, site: str = "a.example"
) -> list[ArticleFields]:
    """One record with these articles, read and learned."""
    recalled = recall(memory, site, articles, START + int(days * DAY), page=page)
    memory.learn(recalled.lesson)
    return recalled.articles


def repeated(articles: Iterable[ArticleFields]) -> list[str]:
    return [cut["text"] for each in articles for cut in each["removed"] if cut["kind"] == "repeated"]


def stories(memory: Memory, lines: Sequence[str], number: int, *, first: int = 0, page: bool = True) -> list[str]:
    """So many stories with these lines, one record each; what was cut of the last."""
    found: list[str] = []
    for seed in range(first, first + number):
        found = repeated(read(memory, article(f"story {seed}", prose(seed, 120), *lines), page=page))
    return found
