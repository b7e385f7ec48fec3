"""Cleaning against right answers: the seeds' gold, pages of text and of HTML. Exits 1 under `figures.toml`.

    python -m benchmarks.evaluate [--data DIR] [--show NAME]

The pages of HTML are no part of this repository: `--data`, or `LODESTREAM_EVALUATION_DATA`, names the folder that
holds `fundus/` (see `pages.py`).
"""

from __future__ import annotations

import sys
import time
import tomllib
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.evaluate.pages import Result, evaluate, read_pages
from benchmarks.evaluate.plain_pages import evaluate_plain_pages, shares
from benchmarks.evaluate.scores import mean
from benchmarks.evaluate.seeds import Counts, evaluate_seeds

HERE: Final = Path(__file__).parent
DATA: Final = HERE.parents[2] / "shared" / "data"
console = Console(soft_wrap=True, highlight=False)


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=DATA,
    envvar="LODESTREAM_EVALUATION_DATA",
    help="Folder with the pages of HTML.  [default: ../shared/data beside the checkout]",
)
@click.option("--show", metavar="NAME", help="What differs on pages whose name holds this; `all` for every page.")
def main(data: Path, show: str | None) -> None:
    """Clean the seeds and pages of HTML and compare with the right answers."""
    if not (data / "fundus").is_dir():
        raise click.ClickException(f"no folder {data / 'fundus'}: name the evaluation data with --data")
    floors = tomllib.loads((HERE / "figures.toml").read_text("utf-8"))
    counts = evaluate_seeds()
    plain = evaluate_plain_pages()
    pages = [*read_pages(data / "fundus")]
    began = time.process_time()
    results = [evaluate(page) for page in track(pages, "pages of HTML", console=Console(stderr=True), transient=True)]
    seconds = time.process_time() - began
    if show:
        part = "" if show == "all" else show
        _show(counts, results, part)
        for name, one in plain.items():
            if part in name and one.wrong:
                console.print(f"\n{name}", style="bold")
                for wrong in one.wrong:
                    console.print(f"  {wrong}", markup=False)
    table = Table("", "measured", "at least", "")
    reached = [*_rows(table, "seeds", _seed_shares(counts), floors["seeds"])]
    reached += _rows(table, "text", shares(plain), floors["text"])
    reached += _rows(table, "html", _page_shares(results), floors["html"])
    console.print(table)
    console.print(
        f"{len(pages)} pages of HTML, {len(pages) / seconds:,.0f} a second and core; benchmarks.extraction compares"
    )
    sys.exit(0 if all(reached) else 1)


def _seed_shares(counts: Counts) -> dict[str, float]:
    return {
        f"{name} ({counts.right[name]} of {asked})": counts.right[name] / asked for name, asked in counts.asked.items()
    }


def _page_shares(results: list[Result]) -> dict[str, float]:
    text = mean(result.score for result in results)
    many = len(results)
    return {
        "precision": text.precision,
        "recall": text.recall,
        "f": text.f,
        "title": sum(result.title for result in results) / many,
        "day": sum(result.day for result in results) / many,
        "authors": sum(result.authors for result in results) / many,
        "found": sum(result.article is not None for result in results) / many,
        "no character lost": sum(not result.lost for result in results) / many,
    }


def _rows(table: Table, group: str, shares: dict[str, float], floors: dict[str, float]) -> list[bool]:
    """A row for each figure; whether each is reached. A figure without a floor is a mistake."""
    reached = []
    for name, share in shares.items():
        floor = floors.get(name, floors.get("*"))
        if floor is None:
            raise click.ClickException(f"no floor for {name} in figures.toml")
        reached.append(share >= floor)
        table.add_row(f"{group}: {name}", f"{share:.3f}", f"{floor:.3f}", "" if reached[-1] else "[red]below")
    return reached


def _show(counts: Counts, results: list[Result], part: str) -> None:
    for where, name, gold, found in counts.wrong:
        if part in where:
            console.print(f"[bold]{where}[/] {name}\n  [red]- {gold}[/]\n  [green]+ {found}[/]", markup=True)
    for result in sorted(results, key=lambda one: one.score.f):
        if part not in result.page.name:
            continue
        score = result.score
        console.print(f"\n{result.page.name}: P {score.precision:.3f} R {score.recall:.3f} {result.why}", style="bold")
        right = [" ".join(text.split()) for text in result.page.paragraphs]
        given = [text for text in result.text.split("\n") if text]
        for text in (one for one in right if one not in given):
            console.print(f"  - {text[:300]}", style="red", markup=False)
        for text in (one for one in given if one not in right):
            console.print(f"  + {text[:300]}", style="green", markup=False)
        if result.article is not None and not result.title:
            console.print(f"  title {result.page.title!r} / {result.article['headline']!r}", markup=False)
        if result.article is not None and not result.day:
            at, raw = result.article["published_at"], result.article["published_raw"]
            console.print(f"  time {result.page.published} / {at} ({raw!r})", markup=False)


if __name__ == "__main__":
    main()
