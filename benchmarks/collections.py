"""Public collections of pages with their texts, as their repositories have them, for `benchmarks.extraction --pages`.

- https://github.com/scrapinghub/article-extraction-benchmark: `ground-truth.json` and `html/*.html.gz`, 181 pages;
- https://github.com/mozilla/readability, folder `test/test-pages`: a folder each with `source.html` and
  `expected.html`, articles and other kinds of pages. What their figures say is left out: a caption is no text here.

They are never copied into the project; a folder is given.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from selectolax.lexbor import LexborHTMLParser

from benchmarks.evaluate.pages import GoldPage

_NO_DATE: Final = datetime(1970, 1, 1, tzinfo=UTC)  # these collections have none
_NO_TEXT: Final = "figcaption,figure,script,style"


def read_collection(folder: Path) -> Iterator[GoldPage]:
    """The pages of a collection by its layout. Raises `ValueError` for another."""
    if (folder / "ground-truth.json").is_file():
        answers = json.loads((folder / "ground-truth.json").read_text("utf-8"))
        for name, answer in sorted(answers.items()):
            raw = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
            yield _page(name, raw, answer["articleBody"], answer["url"])
        return
    pages = sorted(folder.glob("*/expected.html"))
    if not pages:
        raise ValueError(f"{folder} has neither ground-truth.json nor */expected.html")
    for expected in pages:
        tree = LexborHTMLParser(expected.read_text("utf-8", "replace"))
        for node in tree.css(_NO_TEXT):
            node.decompose()
        text = "" if tree.body is None else " ".join(tree.body.text(separator="\n").split())
        yield _page(expected.parent.name, (expected.parent / "source.html").read_bytes(), text, None)


def _page(name: str, raw: bytes, text: str, url: str | None) -> GoldPage:
    return GoldPage(name, raw, url, "", [text], _NO_DATE, [])
