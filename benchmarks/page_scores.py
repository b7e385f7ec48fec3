"""How well the articles found on a page of plain text are the articles that it holds.

A page's gold is a mapping: `articles`, in page order, each with `role`, `headline`, `body` and any of the fields in
`FIELDS`; and `boilerplate`, texts that must be in no body. What a gold does not mention is not compared. Texts are
compared with white space collapsed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lodestream.clean import Document, Limits, clean
from lodestream.errors import Rejected
from lodestream.records import ArticleFields, Lineage

_TOKEN: Final = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\\s\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]+")
LINEAGE: Final = Lineage(topic="raw", partition=0, offset=0)
FETCHED_AT: Final = "2025-07-04T12:00:00Z"
FIELDS: Final[dict[str, Callable[[ArticleFields], Any]]] = {
    "headline": lambda article: plain(article["headline"]) or None,
    "publisher": lambda article: article["source"]["name"],
    "standfirst": lambda article: plain(article["standfirst"]) or None,
    "byline": lambda article: sorted(article["byline"]),
    "credits": lambda article: sorted(article["credits"]),
    "place": lambda article: article["dateline"]["place"],
    "language": lambda article: article["language"],
    "published_raw": lambda article: article["published_raw"],
}
"""What is compared beside role and body, as the record has it."""


@dataclass(slots=True)
class Score:
    """What is right on a page. `wrong`: for a reader, each with what was wanted and what was found."""

    articles: int = 0  # in the gold
    roles: int = 0  # articles with the right role in the right place
    bodies: int = 0  # exact
    fields: Counter[str] = field(default_factory=Counter)  # right, by name
    asked: Counter[str] = field(default_factory=Counter)  # in the gold, by name
    kept: int = 0  # tokens of bodies that are in the gold and were found
    tokens: int = 0  # of bodies in the gold
    found: int = 0  # tokens of bodies found
    boilerplate: int = 0  # texts that must go and are in a body
    lost: int = 0  # visible characters that are in no place, or in two
    exact: int = 0  # pages without any fault
    pages: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Adds another page's figures, without its faults' texts."""
        for name in ("articles", "roles", "bodies", "kept", "tokens", "found", "boilerplate", "lost", "exact", "pages"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.fields += other.fields
        self.asked += other.asked


def plain(text: str | None) -> str:
    return " ".join((text or "").split())


def articles_of(text: str) -> list[ArticleFields]:
    """The articles of a page; none when it is refused."""
    document = Document(text.encode(), "text/plain", "page", "pages", fetched_at=FETCHED_AT)
    try:
        return clean(document, limits=Limits(), lineage=LINEAGE, ingested_at="2025-07-04T12:00:01.000Z")
    except Rejected:
        return []


def score(text: str, gold: Mapping[str, Any]) -> Score:
    """Compares what is found on a page with its gold."""
    found, wanted = articles_of(text), gold["articles"]
    result = Score(articles=len(wanted), pages=1)
    if len(found) != len(wanted):
        result.wrong.append(f"{len(wanted)} articles wanted, {len(found)} found")
    for number, (gold_article, article) in enumerate(_aligned(wanted, found)):
        _compare(number, gold_article, article, result)
    bodies = [plain(article["body"]) for article in found]
    for piece in map(plain, gold.get("boilerplate", ())):
        own = any(piece in plain(article["body"]) for article in wanted)
        if not own and len(piece.split()) > 2 and any(piece in body for body in bodies):
            result.boilerplate += 1
            result.wrong.append(f"boilerplate in a body: {piece[:100]!r}")
    result.lost = _lost(text, found)
    if result.lost:
        result.wrong.append(f"{result.lost} characters unaccounted for")
    result.exact = not result.wrong
    return result


def _aligned(
    wanted: Sequence[Mapping[str, Any]], found: Sequence[ArticleFields]
) -> list[tuple[Mapping[str, Any], ArticleFields | None]]:
    """Each gold article with the one found for it: in order, by the headline or by the words of the body."""
    left = list(found)
    pairs: list[tuple[Mapping[str, Any], ArticleFields | None]] = []
    for gold in wanted:
        words = tokens(gold["body"])
        best = max(left, key=lambda article: _common(words, article), default=None)
        if best is not None and _common(words, best) < 0.3 * max(1, sum(words.values())):
            best = None
        if best is not None:
            left.remove(best)
        pairs.append((gold, best))
    return pairs


def _common(words: Counter[str], article: ArticleFields) -> int:
    return sum((words & tokens(article["body"])).values())


def tokens(text: str) -> Counter[str]:
    """Words of a text, and single characters where a script has no spaces between words."""
    return Counter(_TOKEN.findall(text))


def _compare(number: int, gold: Mapping[str, Any], article: ArticleFields | None, result: Score) -> None:
    body = plain(gold["body"])
    words = tokens(body)
    result.tokens += sum(words.values())
    asked = [name for name in FIELDS if name in gold]
    result.asked.update(asked)
    if article is None:
        result.wrong.append(f"{number}: not found: {gold['headline']!r}")
        return
    if article["role"] == gold["role"]:
        result.roles += 1
    else:
        result.wrong.append(f"{number}: role {gold['role']}, found {article['role']}")
    result.kept += _common(words, article)
    result.found += sum(tokens(article["body"]).values())
    if plain(article["body"]) == body:
        result.bodies += 1
    else:
        result.wrong.append(f"{number}: body: {difference(body, plain(article['body']))}")
    for name in asked:
        value = _wanted(name, gold[name])
        if FIELDS[name](article) == value:
            result.fields[name] += 1
        else:
            result.wrong.append(f"{number}: {name}: {value!r}, found {FIELDS[name](article)!r}")


def _wanted(name: str, value: Any) -> Any:
    if name in {"headline", "standfirst"}:
        return plain(value) or None
    return sorted(value) if name in {"byline", "credits"} else value


def difference(wanted: str, found: str) -> str:
    """Where two texts part first from the start and from the end, for a reader."""
    start = next(
        (at for at, (one, other) in enumerate(zip(wanted, found, strict=False)) if one != other),
        min(len(wanted), len(found)),
    )
    end = 0
    while end < min(len(wanted), len(found)) - start and wanted[-1 - end] == found[-1 - end]:
        end += 1
    missing, extra = wanted[start : len(wanted) - end], found[start : len(found) - end]
    return f"missing {_short(missing)}, too much {_short(extra)} at {start} of {len(wanted)}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 160 else f"{text[:90]} … {text[-60:]}")


def _lost(text: str, found: Sequence[ArticleFields]) -> int:
    if not found:
        return 0
    placed: Counter[str] = Counter()
    for article in found:
        texts = [article["headline"], article["standfirst"], article["dateline"]["raw"], article["body"]]
        for part in [*texts, *(piece["text"] for piece in article["removed"])]:
            placed.update(character for character in part or "" if not character.isspace())
    there = Counter(character for character in text if not character.isspace())
    return sum((there - placed).values()) + sum((placed - there).values())


def row(name: str, total: Score) -> str:
    """A line of a table under `HEADER`: shares in per cent, counts for what must be none."""

    def share(part: int, whole: int) -> str:
        return f"{100 * part / whole:.1f}" if whole else "-"

    named = ("headline", "publisher", "standfirst", "byline", "credits", "place", "language")
    cells = [
        f"{total.pages:5d}", f"{share(total.exact, total.pages):>6}", f"{share(total.roles, total.articles):>5}",
        f"{share(total.bodies, total.articles):>6}", f"{share(total.kept, total.tokens):>6}",
        f"{share(total.kept, total.found):>6}",
        *(f"{share(total.fields[name], total.asked[name]):>5}" for name in named),
        f"{total.boilerplate:4d}", f"{total.lost:4d}",
    ]  # fmt: skip
    return f"{name:24.24} " + " ".join(cells)


HEADER: Final = " " * 24 + "  page exact roles bodies recall precis  head  publ stand bylin credi place  lang boil lost"
