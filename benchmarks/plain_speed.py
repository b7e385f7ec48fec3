"""Plain text: pages and lines per second and core on the seed pages, and growth with the length of a page to 4 MiB.

    python -m benchmarks.plain_speed [--rounds 15]

The best of the rounds by CPU time, since other work on the machine only adds. Long pages are the seeds' paragraphs over
and over under one headline, in lines as the seeds have them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

from benchmarks.page_scores import LINEAGE
from lodestream.clean import Document, Limits, clean

SEEDS: Final = Path(__file__).parents[1] / "seeds"
LONG: Final = Limits(article_bytes=8 * 1024 * 1024)
SIZES: Final = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4)  # MiB


def seconds(texts: list[str], rounds: int) -> float:
    """CPU time of cleaning the texts once, the least of the rounds."""
    documents = [Document(text.encode(), "text/plain", "page", "pages") for text in texts]
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for document in documents:
            clean(document, limits=LONG, lineage=LINEAGE, ingested_at="2025-07-04T12:00:01.000Z")
        best = min(best, time.process_time() - start)
    return best


def long_page(paragraphs: list[str], size: int) -> str:
    """A page of about so many bytes, and no more than 4 MiB."""
    lines = ["Pages grow and the work on them grows alike"]
    room = size - 64
    while room > 0:
        for paragraph in paragraphs:
            room -= len(paragraph.encode()) + 1
            if room < 0:
                break
            lines.append(paragraph)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    seeds = [path.read_text("utf-8") for path in sorted(SEEDS.glob("*.txt"))]
    lines = sum(bool(line.strip()) for text in seeds for line in text.splitlines())
    took = seconds(seeds * 4, options.rounds) / 4
    print(f"seed pages: {len(seeds) / took:,.0f} pages and {lines / took:,.0f} lines a second and core")
    paragraphs = [line for text in seeds for line in text.splitlines() if 200 <= len(line) <= 800]
    print("MiB     ms   ms/MiB")
    for size in SIZES:
        took = seconds([long_page(paragraphs, int(size * 1024 * 1024))], 3)
        print(f"{size:<5.3g} {1000 * took:6.0f} {1000 * took / size:8.0f}")


if __name__ == "__main__":
    main()
