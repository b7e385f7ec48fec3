"""What counts as repeated, by the kind of document. The figures are measured: docs/decisions/012."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rules:
    """`name` keeps what the kinds of documents of a site teach apart."""

    name: str
    stories: int  # distinct ones that a line stands in, the article's own among them
    line_words: int  # that a line has at least
    folds_digits: bool  # 2024 and 1999 are the same
    runs: bool  # are found inside a paragraph, too
    keeps_prose: bool  # what is left may be little where it is an article by itself


PAGE: Final = Rules("page", stories=3, line_words=1, folds_digits=True, runs=True, keeps_prose=True)
"""Text of a page: its lines are also menus, teasers and labels."""

RECORD: Final = Rules("record", stories=4, line_words=12, folds_digits=False, runs=False, keeps_prose=False)
"""JSON and extracted HTML: somebody has told the article from its page before, and templates are full of numbers."""

SHARE: Final = 0.4
"""No cut takes more of an article's words."""

PROSE_WORDS: Final = 12
"""A line with so many words is text, not a menu."""

PROSE_LEFT: Final = 150
"""Words of such lines that are an article by themselves, however much of a page goes."""

WIDTH: Final = 8
"""Words of a window by which a run is known."""

PICKED: Final = 16
"""Windows in a row of which one is kept: a repeated run of 23 words has one that is (winnowing)."""

RUN_WORDS: Final = 15
"""Words of the shortest run that is cut."""

SAME: Final = 0.3
"""Share of the keys of what an article is about that make it the story that has them: 5 of 16."""

TELLING_WORDS: Final = 25
"""A line with so many words says what an article is about: those of menus, teasers and forms have fewer."""
