"""Pages of plain text in `tests/pages`, written for the project by who did not know its rules, in 26 languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from benchmarks.page_scores import Score, score

FOLDER: Final = Path(__file__).parents[2] / "tests" / "pages"


def evaluate_plain_pages() -> dict[str, Score]:
    """What is right on each page, by its name."""
    found = {}
    for file in sorted(FOLDER.glob("*.txt")):
        gold = json.loads(file.with_suffix(".json").read_text("utf-8"))
        found[file.stem] = score(file.read_text("utf-8"), gold)
    return found


def shares(found: dict[str, Score]) -> dict[str, float]:
    total = Score()
    for one in found.values():
        total.add(one)
    named = {name: total.fields[name] / asked for name, asked in total.asked.items()}
    return {
        "articles with their role": total.roles / total.articles,
        "bodies exact": total.bodies / total.articles,
        "words of bodies found": total.kept / total.tokens,
        "words found that are of bodies": total.kept / total.found,
        **{f"{name} exact": share for name, share in named.items()},
        "pages without boilerplate in a body": sum(not one.boilerplate for one in found.values()) / len(found),
        "no character lost": sum(not one.lost for one in found.values()) / len(found),
    }
