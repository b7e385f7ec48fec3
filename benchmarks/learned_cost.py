"""What learned repetition costs: time beside cleaning and fingerprint in one run, bytes of the changelog, a restore.

    python -m benchmarks.learned_cost [--pages 2000] [--entries 500000]

Pages are the seeds with every seventh word of their paragraphs made anew, on 50 sites; records are the main articles of
these pages as JSON. Figures are CPU time of this process, the mean over all pages.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from lodestream.clean import Document, Limits, clean
from lodestream.clean.learned import Memory, recall
from lodestream.dedupe.fingerprint import fingerprint
from lodestream.records import ArticleFields

SEEDS: Final = Path(__file__).parents[1] / "seeds"
SITES: Final = 50
WEEK_MS: Final = 7 * 86_400_000
LIMITS: Final = Limits()
BATCH: Final = 50  # documents between two blocks
PARAGRAPH_WORDS: Final = 30

T = TypeVar("T")


class Clock:
    """CPU seconds by what they were spent on."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)

    def time(self, name: str, work: Callable[[], T]) -> T:
        began = time.process_time()
        found = work()
        self.spent[name] += time.process_time() - began
        return found


def documents(number: int) -> Iterator[tuple[bytes, bool]]:
    """Pages, and then the same as records."""
    pages = [path.read_text() for path in sorted(SEEDS.glob("*.txt"))]
    made = ["\n".join(anew(line, n) for line in pages[n % len(pages)].split("\n")) for n in range(number)]
    for text in made:
        yield text.encode(), True
    for n, text in enumerate(made):
        paragraphs = [line for line in text.split("\n") if len(line.split()) > PARAGRAPH_WORDS]
        yield json.dumps({"id": str(n), "title": "A record", "body": "\n".join(paragraphs[:15])}).encode(), False


def anew(line: str, number: int) -> str:
    """The line, with words that no other page has where it is a paragraph."""
    tokens = line.split(" ")
    if len(tokens) < PARAGRAPH_WORDS:
        return line
    for at in range(number % 7, len(tokens), 7):
        tokens[at] = re.sub(r"\w+", lambda match: f"{match[0]}{number:x}q", tokens[at], count=1)
    return " ".join(tokens)


def measure(kind: str, given: list[bytes], memory: Memory, *, page: bool) -> None:
    clock = Clock()
    blocks: list[bytes] = []
    for n, body in enumerate(given):
        document = Document(body, "text/plain" if page else "application/json", f"{kind}-{n}", f"site{n % SITES}")
        found = clock.time("clean", lambda document=document: cleaned(document))  # type: ignore[misc]
        articles = clock.time("learned", lambda found=found, n=n: learned(memory, found, n, page=page))  # type: ignore[misc]
        clock.time("fingerprint", lambda articles=articles: [fingerprint(each["body"]) for each in articles])  # type: ignore[misc]
        if n % BATCH == BATCH - 1:
            blocks.append(memory.drain())
    blocks.append(memory.drain())
    again = Memory(WEEK_MS, memory.entries)
    began = time.process_time()
    for block in blocks:
        again.apply(block)
    restored = time.process_time() - began
    each = {name: 1e6 * seconds / len(given) for name, seconds in clock.spent.items()}
    share = each["learned"] / sum(each.values())
    print(
        f"{kind}: {len(given)} documents of {sum(map(len, given)) / len(given):.0f} bytes; µs each: clean "
        f"{each['clean']:.0f}, learned {each['learned']:.0f} ({share:.0%} of all), "
        f"fingerprint {each['fingerprint']:.0f}; changelog {sum(map(len, blocks)) / len(given):.0f} bytes each, "
        f"restore {1e6 * restored / len(given):.0f} µs each"
    )


def cleaned(document: Document) -> list[ArticleFields]:
    lineage = {"topic": "raw", "partition": 0, "offset": 0}
    return clean(document, limits=LIMITS, lineage=lineage, ingested_at="2026-01-01T00:00:00Z")  # type: ignore[arg-type]


def learned(memory: Memory, articles: list[ArticleFields], clock: int, *, page: bool) -> list[ArticleFields]:
    recalled = recall(memory, articles[0]["source"]["site"], articles, clock, page=page)
    memory.learn(recalled.lesson)
    return recalled.articles


def snapshots(memory: Memory) -> None:
    began = time.process_time()
    write = memory.freeze()
    frozen = time.process_time()
    data = b"".join(write())
    written = time.process_time()
    Memory(WEEK_MS, memory.entries).load(memoryview(data))
    loaded = time.process_time()
    sizes = ", ".join(f"{name} {size.entries}" for name, size in memory.sizes().items())
    print(
        f"state: {sizes}; snapshot of {len(data) / 1e6:.1f} MB: copied in {1e3 * (frozen - began):.0f} ms, written in "
        f"{1e3 * (written - frozen):.0f} ms, loaded in {1e3 * (loaded - written):.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--entries", type=int, default=500_000)
    options = parser.parse_args()
    given = [*documents(options.pages)]
    for kind, page in (("pages", True), ("records", False)):
        memory = Memory(WEEK_MS, options.entries)
        measure(kind, [body for body, is_page in given if is_page == page], memory, page=page)
        snapshots(memory)


if __name__ == "__main__":
    main()
