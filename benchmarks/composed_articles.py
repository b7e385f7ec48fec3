"""Articles for `composed_pages`: of real texts, those without traces of a page's frame."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

_PARAGRAPHS: Final = 14
_WORDS: Final = 9  # of a paragraph; a shorter one may be a crosshead or a label
_SENTENCES: Final = 3  # in a paragraph made of a text in one line
_SENTENCE: Final = re.compile(r"(?<=[.!?።])\s+(?=[A-Z\"“À-ÞƁ-Ɗ\u1200-\u137f])|(?<=[。！？])")
_ENDS: Final = (".", "!", "?", ".”", '."', "?”", '?"', "。", "。”", "！", "።")
_FRAME: Final = re.compile(
    r"photo|image|video|newsletter|subscribe|sign up|inbox|copyright|©|\bcontributed\b|reporting by|follow |click|"
    r"facebook|twitter|read more|related|advertisement|http|www\.|@|\(AP\)|Reuters\)|foto|fotografia|picha|hoton|"
    r"update|editor|\(red|APA|\[|/|\bBBC\b|_{2}",
    re.IGNORECASE,
)
"""What may be of a page's frame, or be cut from a text by right."""
_DATELINE: Final = re.compile(r"^[^.]{2,60}?(?: [-–—]{1,2} |--|—|\(.{2,20}\))|^[A-Z]{4,}|^[^ ]+ [–—-] ")


@dataclass(frozen=True)
class Source:
    """An article: `paragraphs` are its text, `author` is one of its authors where the collection has them."""

    headline: str
    paragraphs: tuple[str, ...]
    author: str | None

    def shortened(self, words: int) -> Source:
        """Its first sentences, of at least so many words."""
        kept: list[str] = []
        for sentence in _SENTENCE.split(self.paragraphs[0]):
            kept.append(sentence)
            if sum(len(part.split()) for part in kept) >= words:
                break
        return replace(self, paragraphs=(" ".join(kept),))


def read_articles(data: Path) -> dict[str, list[Source]]:
    """Articles by ISO 639-3 code of the language."""
    found: dict[str, list[Source]] = {}
    rows = (
        *(("eng", row["title"], row["text"], row["authors"]) for row in _rows(data / "allsides", 3000)),
        *(("deu", None, row["text"], "") for row in _rows(data / "gnad10_test", 1028)),
        *((row["lang"], row["title"], row["text"], "") for row in _rows(data / "masakhanews", 3000)),
        *(("zho", row["title"], row["text"], "") for row in _rows(data / "zh_cctv", 632)),
    )
    for language, title, text, authors in rows:
        source = _source(language, title, text, authors)
        if source is not None:
            found.setdefault(language, []).append(source)
    return found


def _rows(folder: Path, most: int) -> Iterator[dict[str, Any]]:
    path = next(folder.glob("articles.jsonl*"))
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for _, line in zip(range(most), lines, strict=False):
            yield json.loads(line)


def _source(language: str, title: str | None, text: str, authors: str) -> Source | None:
    paragraphs = [" ".join(part.split()) for part in text.split("\n")]
    if len([part for part in paragraphs if part]) <= 2:
        sentences = [part for part in _SENTENCE.split(" ".join(paragraphs).strip()) if part]
        if title is None:
            title, sentences = sentences[0].rstrip(".!?"), sentences[3:]
        joint = "" if language == "zho" else " "
        paragraphs = [joint.join(sentences[at : at + _SENTENCES]) for at in range(0, len(sentences), _SENTENCES)]
    kept = [part for part in paragraphs if _is_text(part, language)][:_PARAGRAPHS]
    title = " ".join((title or "").split())
    words = len(title) // 2 if language == "zho" else len(title.split())
    plain = (
        5 <= words <= 18
        and title.isprintable()
        and title[-1] not in ".:"
        and not _FRAME.search(title)
        and " - " not in title
    )
    if not plain or len(kept) < 2 or sum(map(len, kept)) < 400:
        return None
    author = next((name for name in authors.split(", ") if re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", name)), None)
    return Source(title, tuple(kept), author)


def _is_text(paragraph: str, language: str) -> bool:
    words = len(paragraph) // 2 if language == "zho" else len(paragraph.split())
    plain = paragraph.isascii() or not any(mark in paragraph for mark in "•●■")
    return (
        plain
        and paragraph.isprintable()
        and words >= _WORDS
        and paragraph.endswith(_ENDS)
        and not paragraph[0].islower()
        and not _FRAME.search(paragraph)
        and not _DATELINE.match(paragraph)
        and paragraph.count('"') % 2 == 0
    )
