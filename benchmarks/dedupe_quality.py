"""How well the deduper finds duplicates: silver clusters of Reuters-21578, hand-labelled pairs of AllSides.

    python benchmarks/dedupe_quality.py DATA [--window-hours 168]

DATA is a folder with `reuters21578/articles.jsonl.gz`, `allsides/articles.jsonl.gz` and `labelled_pairs/`, as the
documentation of near-duplicates describes them. The articles go through a `Deduper` in the order of their dates, as
a stream would bring them; two articles are found to be duplicates when they are in the same story. Bodies are taken
as they are, with whatever boilerplate they have.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from lodestream.dedupe import Deduper
from lodestream.dedupe.fingerprint import fingerprint
from lodestream.records import ARTICLE_SCHEMA, Article
from lodestream.text import exact_key
from lodestream.times import rfc3339

HOUR_MS = 3_600_000


class Scores(NamedTuple):
    """Pairs found among those that are duplicates, and the adjusted Rand index over the documents."""

    precision: float
    recall: float
    f1: float
    ari: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--window-hours", type=int, default=168)
    options = parser.parse_args()
    window_ms = options.window_hours * HOUR_MS
    reuters(options.data, window_ms)
    allsides(options.data, window_ms)


def reuters(data: Path, window_ms: int) -> None:
    truth = json.loads((data / "labelled_pairs" / "reuters_clusters_dev.json").read_text())
    before = milliseconds(truth["before"], "%Y-%m-%dT%H:%M:%S")
    dated = [(milliseconds(row["date"], "%d-%b-%Y %H:%M:%S.%f"), row) for row in lines(data / "reuters21578")]
    stories = found_stories(((time, row) for time, row in dated if time < before), window_ms)
    clusters = {name: cluster for name, cluster in truth["cluster"].items() if name in stories}
    s = scores(clusters, stories)
    figures = f"P {s.precision:.3f} R {s.recall:.3f} F1 {s.f1:.3f} ARI {s.ari:.3f}"
    print(f"Reuters clusters: {len(clusters)} documents, {figures}")
    labelled("Reuters pairs", data / "labelled_pairs" / "reuters_pairs.csv", found_stories(dated, window_ms))


def allsides(data: Path, window_ms: int) -> None:
    """Some dates are missing or no dates. Copies lie years apart: the window is as long as the collection."""
    dated: list[tuple[int | None, dict[str, Any]]] = [
        (allsides_date(row["date"]), row) for row in lines(data / "allsides")
    ]
    times = [time for time, _ in dated if time is not None]
    stories = found_stories(dated, max(times) - min(times) + window_ms)
    labelled("AllSides pairs", data / "labelled_pairs" / "allsides_pairs.csv", stories)


def allsides_date(text: str) -> int | None:
    return milliseconds(text, "%Y-%m-%d") if re.fullmatch(r"20\d\d-\d\d-\d\d", text) else None


def found_stories(dated: Iterable[tuple[int | None, dict[str, Any]]], window_ms: int) -> dict[str, str]:
    """The story of each document, by document id. Those without a date come first."""
    deduper = Deduper(window_ms, 1_000_000)
    stories = {}
    rows = sorted(dated, key=lambda item: item[0] or 0)
    clock = min(time for time, _ in rows if time is not None)
    for time, row in rows:
        clock = max(clock, time or 0)
        decision = deduper.decide(article(row, time, clock), clock)
        record = decision.original or decision.link
        stories[row["id"]] = record["story_id"] if record else row["id"]
    return stories


def article(row: Mapping[str, Any], time: int | None, clock: int) -> Article:
    return Article(
        schema=ARTICLE_SCHEMA,
        article_id=row["id"],
        version=1,
        document_id=row["id"],
        role="main",
        position=0,
        of=1,
        source={"name": row.get("source"), "site": row.get("source") or "wire"},
        url=row.get("url"),
        headline=row["title"],
        standfirst=None,
        body=row["text"],
        language="en",
        byline=[],
        credits=[],
        dateline={"place": None, "raw": None},
        published_at=None if time is None else rfc3339(time),
        published_precision="second",
        published_from="header",
        published_raw=None,
        fetched_at=None,
        ingested_at=rfc3339(clock),
        removed=[],
        text_key=exact_key(row["text"]),
        word_count=0,
        lineage={"topic": "raw", "partition": 0, "offset": 0},
        fingerprint=fingerprint(row["text"]),
    )


def scores(truth: Mapping[str, int], found: Mapping[str, str]) -> Scores:
    """Scores over the documents of `truth`."""
    both = pairs(Counter((cluster, found[name]) for name, cluster in truth.items()))
    right = pairs(Counter(truth.values()))
    said = pairs(Counter(found[name] for name in truth))
    every = len(truth) * (len(truth) - 1) / 2
    by_chance = right * said / every
    precision, recall = both / said, both / right
    return Scores(
        precision,
        recall,
        2 * precision * recall / (precision + recall),
        (both - by_chance) / ((right + said) / 2 - by_chance),
    )


def pairs(sizes: Counter[Any]) -> float:
    return sum(size * (size - 1) / 2 for size in sizes.values())


def labelled(name: str, path: Path, stories: Mapping[str, str]) -> None:
    """Print precision and recall over hand-labelled pairs. Those labelled U (unsure) are left out."""
    counts: Counter[tuple[str, bool]] = Counter()
    with path.open(newline="") as rows:
        for row in csv.DictReader(rows):
            counts[row["label"], stories[row["id_a"]] == stories[row["id_b"]]] += 1
    right, missed, wrong = counts["D", True], counts["D", False], counts["N", True]
    print(f"{name}: P {right / (right + wrong):.3f} R {right / (right + missed):.3f} ({missed} missed, {wrong} wrong)")


def lines(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "articles.jsonl.gz", "rt", encoding="utf-8") as rows:
        return [json.loads(row) for row in rows]


def milliseconds(text: str, layout: str) -> int:
    """A date as ms since the epoch. Some of Reuters' have a remark behind them, and one an hour of three digits."""
    dated = re.sub(r" \d(?=\d\d:)", " ", re.split("[&#]", text)[0].strip())
    return round(datetime.strptime(dated, layout).replace(tzinfo=UTC).timestamp() * 1000)


if __name__ == "__main__":
    main()
