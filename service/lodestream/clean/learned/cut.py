"""Articles without what is repeated: whole lines, and runs of words inside them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, compress
from typing import Final, NamedTuple

from lodestream.clean.kinds import Kind
from lodestream.clean.learned.rules import PROSE_LEFT, PROSE_WORDS, SHARE, Rules
from lodestream.records import ArticleFields, Removed
from lodestream.text import words

Run = tuple[int, int]
"""The first word of its line, and the one behind the last."""

_CHUNK: Final = re.compile(r"\S+")


class Repeated(NamedTuple):
    """What is repeated in an article, by the number of its line in the body."""

    lines: list[int]
    runs: dict[int, list[Run]]


def without(article: ArticleFields, repeated: Repeated, line_words: Sequence[int], rules: Rules) -> ArticleFields:
    """The article without that, or as it is where too much of it would go. `line_words`: how many each line has.

    What goes is in `removed`, behind what the rules cut: where on the page that was is no longer known here.
    """
    if not repeated.lines and not repeated.runs:
        return article
    lines: list[str | None] = [*article["body"].split("\n\n")]
    left = list(line_words)
    removed: list[Removed] = []
    for number in sorted({*repeated.lines, *repeated.runs}):
        text = lines[number] or ""
        if number in repeated.runs:
            lines[number], gone = _without_runs(text, repeated.runs[number])
            left[number] -= sum(len(words(piece)) for piece in gone)
        else:
            lines[number], gone, left[number] = None, [text], 0
        removed += [Removed(kind=Kind.REPEATED.value, text=piece) for piece in gone]
    if not removed or _is_too_much(sum(line_words), left, rules):
        return article
    body = "\n\n".join(line for line in lines if line is not None)
    return {**article, "body": body, "removed": [*article["removed"], *removed], "word_count": sum(left)}


def _is_too_much(before: int, left: Sequence[int], rules: Rules) -> bool:
    if before - sum(left) <= SHARE * before:
        return False
    return not rules.keeps_prose or sum(n for n in left if n >= PROSE_WORDS) < PROSE_LEFT


def _without_runs(text: str, runs: Sequence[Run]) -> tuple[str | None, list[str]]:
    """What is left of a line, None when nothing is, and the pieces that went: whole words between blanks.

    `runs` are in order and apart.
    """
    chunks = [match.span() for match in _CHUNK.finditer(text)]
    counts = [len(words(text[start:end])) for start, end in chunks]
    chunks, counts = [*compress(chunks, counts)], [*filter(None, counts)]
    ends = [*accumulate(counts)]  # by chunk with words, the number of the word behind it
    starts = [end - count for end, count in zip(ends, counts, strict=True)]
    kept, gone = [], []
    at = 0
    for first, behind in runs:
        one, last = bisect_left(starts, first), bisect_right(ends, behind) - 1
        if one <= last:
            kept.append(text[at : chunks[one][0]].strip())
            gone.append(text[chunks[one][0] : chunks[last][1]])
            at = chunks[last][1]
    kept.append(text[at:].strip())
    rest = " ".join(piece for piece in kept if piece)
    return rest or None, gone
