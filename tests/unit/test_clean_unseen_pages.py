"""Pages written for the project by who did not know the rules, each with its gold: `tests/pages/NAME.{txt,json}`.

`known_differences.json` has what is not as the gold has it today, page by page. A page that gets worse fails here, and
so does one that gets better: then its differences are to be taken off the list.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from benchmarks.page_scores import score

FOLDER: Final = Path(__file__).parents[1] / "pages"
KNOWN: Final[dict[str, list[str]]] = json.loads((FOLDER / "known_differences.json").read_text("utf-8"))
NAMES: Final = sorted(path.stem for path in FOLDER.glob("*.txt"))
_EDGE: Final = 12  # characters
FIELDS: Final = {"role", "headline", "publisher", "standfirst", "byline", "credits", "place", "language", "body"}


def gold(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def text(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_gives_its_gold_but_for_what_is_known(name: str) -> None:
    assert score(text(name), gold(name)).wrong == KNOWN.get(name, [])


def test_no_page_loses_a_character() -> None:
    assert not [name for name in NAMES if score(text(name), gold(name)).lost]


@pytest.mark.parametrize("name", NAMES)
def test_the_gold_of_a_page_stands_on_it(name: str) -> None:
    page = "".join(text(name).split())
    for article in gold(name)["articles"]:
        assert set(article) == FIELDS
        for piece in [article["headline"] or "", article["standfirst"] or "", *article["body"].split("\n\n")]:
            close = "".join(piece.split())
            assert close[:_EDGE] in page  # a run of headlines may stand inside
            assert close[-_EDGE:] in page


def test_the_list_names_pages_that_are_there_and_most_are_exact() -> None:
    assert set(KNOWN) <= set(NAMES)
    assert all(KNOWN.values())
    assert len(NAMES) >= 60
