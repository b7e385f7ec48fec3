"""What a reader sees on a page beside the article: nothing of it disappears without being accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lodestream.clean.draft import Draft
from lodestream.clean.html.extract import Extraction
from lodestream.clean.kinds import Kind

_END: Final = 1_000_000  # a line number behind all paragraphs


def cut_rest(
    draft: Draft,
    found: Extraction,
    lines: Sequence[str],
    aside: Sequence[tuple[Kind, str]],
    headings: Sequence[str],
) -> None:
    """Cuts the lines of the page that are neither text, headline nor standfirst, those in a row as one piece.

    `lines`: the page's text nodes; `aside`: the kinds and texts of elements that hold no text.
    """
    known = found.lines.copy()
    titles = {" ".join(heading.split()) for heading in headings} - {draft.headline}
    own = {draft.headline, draft.standfirst} - {*known}  # one that was a paragraph is known as such
    passed = 0
    run: list[str] = []
    for line in lines:
        if known[line] > 0:
            known[line] -= 1
            passed += 1
            _flush(draft, run, passed)
        elif line in own:
            own.discard(line)
            _flush(draft, run, passed)
        elif line in titles:
            _flush(draft, run, passed)
            draft.cut(passed, Kind.TITLE, line)
        else:
            run.append(line)
    _flush(draft, run, passed)
    for kind, piece in aside:
        draft.cut(_END, kind, piece)


def _flush(draft: Draft, run: list[str], passed: int) -> None:
    if run:
        draft.cut(passed, Kind.PAGE, "\n".join(run))
        run.clear()
