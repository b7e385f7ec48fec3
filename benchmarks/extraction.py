"""Pages of HTML a second and core beside the usual extractors, and how well each does, on the same pages in one run.

    python -m benchmarks.extraction [--data DIR] [--rounds 3] [--pages DIR]

Each gets the decoded page; what is timed is CPU, the extractors in turn within a round, the best round of each. Those
that read metadata do so: it is part of the work. `cleaning` is all of `clean`: charset, metadata, text, accounting of
what was cut, language, ids, key.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks.collections import read_collection
from benchmarks.evaluate.__main__ import DATA
from benchmarks.evaluate.pages import LINEAGE, GoldPage, read_pages
from benchmarks.evaluate.scores import mean, score
from lodestream.clean import Document, Limits, clean
from lodestream.clean.html.page import read_html
from lodestream.errors import Rejected


def cleaning(page: GoldPage, _: str) -> str:
    document = Document(page.raw, "text/html", page.name, "pages", page.url)
    try:
        one = clean(document, limits=Limits(), lineage=LINEAGE, ingested_at="2026-01-01T00:00:00.000Z")[0]
    except Rejected:
        return ""
    return "\n".join(filter(None, (one["standfirst"], one["dateline"]["raw"], one["body"])))


def our_extraction(_: GoldPage, text: str) -> str:
    try:
        draft = read_html(text, 1).drafts[0]
    except Rejected:
        return ""
    return "\n".join(filter(None, (draft.standfirst, draft.dateline, *(one.text for one in draft.paragraphs))))


def trafilatura_standard(_: GoldPage, text: str) -> str:
    import trafilatura

    return trafilatura.extract(text, include_comments=False) or ""


def trafilatura_metadata(_: GoldPage, text: str) -> str:
    import trafilatura

    found: Any = trafilatura.bare_extraction(text, include_comments=False, with_metadata=True)
    return (found.text or "") if found is not None else ""


def trafilatura_fast(_: GoldPage, text: str) -> str:
    import trafilatura

    return trafilatura.extract(text, include_comments=False, fast=True) or ""


def resiliparse(_: GoldPage, text: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    found: str = extract_plain_text(text, main_content=True, alt_texts=False)
    return found


def readability(_: GoldPage, text: str) -> str:
    from lxml.html import fromstring
    from readability import Document as Readable
    from readability.readability import Unparseable

    try:
        found: str = fromstring(Readable(text).summary()).text_content()
    except Unparseable:  # control characters
        return ""
    return found


CONTENDERS: dict[str, Callable[[GoldPage, str], str]] = {
    "lodestream: all of cleaning": cleaning,
    "lodestream: text and metadata": our_extraction,
    "trafilatura standard, metadata": trafilatura_metadata,
    "trafilatura standard": trafilatura_standard,
    "trafilatura fast": trafilatura_fast,
    "resiliparse": resiliparse,
    "readability-lxml": readability,
}


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=DATA, envvar="LODESTREAM_EVALUATION_DATA"
)
@click.option("--rounds", default=3, show_default=True)
@click.option(
    "--pages",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Another collection: `benchmarks/collections.py` says which.",
)
def main(data: Path, rounds: int, folder: Path | None) -> None:
    """Compare; print a table."""
    given = read_pages(data / "fundus") if folder is None else read_collection(folder)
    pages = [(page, page.raw.decode("utf-8", "replace")) for page in given]
    best: dict[str, list[float]] = {name: [float("inf")] * len(pages) for name in CONTENDERS}
    texts: dict[str, list[str]] = {name: [""] * len(pages) for name in CONTENDERS}
    for work in CONTENDERS.values():
        work(*pages[0])  # imports
    for _ in range(rounds):
        for name, work in CONTENDERS.items():
            for number, (page, text) in enumerate(pages):
                began = time.process_time()
                texts[name][number] = work(page, text)
                best[name][number] = min(best[name][number], time.process_time() - began)
    base = sum(best["trafilatura standard, metadata"])
    print(f"{len(pages)} pages, {sum(len(text) for _, text in pages) / len(pages) / 1000:.0f} KB on average\n")
    print(
        "| extractor | P | R | F | pages/s | times trafilatura with metadata | p99 ms |\n|---|---|---|---|---|---|---|"
    )
    for name, costs in best.items():
        found = mean(score(page.text, text) for (page, _), text in zip(pages, texts[name], strict=True))
        slow = sorted(costs)[int(len(costs) * 0.99)] * 1000
        print(
            f"| {name} | {found.precision:.3f} | {found.recall:.3f} | {found.f:.3f} | {len(pages) / sum(costs):,.0f} "
            f"| {base / sum(costs):.1f} | {slow:.0f} |"
        )


if __name__ == "__main__":
    main()
