"""Plain text of a page to the drafts of its articles: the order of the work on a page.

lines      white space, broken lines                          lines.py
marks      times, headings, buttons, notices                  marks.py, bylines.py
regions    one for each article                               segment.py, related.py
head       headline, publisher, time, byline                  head.py
body       paragraphs; what is between and behind them        body.py
text       sign-ups, credits, promo runs, glue, dateline      promo.py, fields.py, credits.py, repair.py, datelines.py
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lodestream.clean import language
from lodestream.clean.draft import Draft, Paragraph
from lodestream.clean.fields import edges
from lodestream.clean.kinds import Cut, Kind
from lodestream.clean.plain import promo, repair
from lodestream.clean.plain.body import read_body
from lodestream.clean.plain.head import read_fact, read_head
from lodestream.clean.plain.lines import Line, read_lines, size_of
from lodestream.clean.plain.marks import mark
from lodestream.clean.plain.segment import Region, segment
from lodestream.clean.words.names import brand_in
from lodestream.clean.words.patterns import LANGUAGES, Cue
from lodestream.errors import Reason, Rejected

TEASER_WORDS: Final = 70  # a related text of fewer, without credit or dateline, only announces an article
LINES_MAX: Final = 20_000  # non-blank; a large portal page has 700, a book of 1 MiB in short lines 15,000
_CUT_OFF_WORDS: Final = 120  # and so does a longer one that breaks off with dots
_UNRULY_WORDS: Final = 25  # of all lines that may be text
_UNRULY_LINE: Final = 4  # words of such a line on average: a menu's are fewer
_UNRULY_SHARE: Final = 0.75  # of the lines: a page of buttons has fewer
_EDGE_PARAGRAPHS: Final = 3  # at either end of a text that may be in the frame's language
_EDGE_SHARE: Final = 0.25  # of the words: more is a text in two languages
_EDGE_WORDS: Final = 12
_FRAME_LANGUAGES: Final = {table["language"] for table in LANGUAGES}  # of others CLD2 is not sure enough


def read_page(text: str, most: int) -> list[Draft]:
    """The articles of a page in page order, the main article first where there is one.

    What stands around the articles is cut from the first. Raises `Rejected` when nothing is like an article, and
    when there are more than `most`.
    """
    lines = read_lines(text, LINES_MAX)
    if lines is None:
        raise Rejected(Reason.DOCUMENT_TOO_LARGE, f"a page of more than {LINES_MAX} lines")
    mark(lines)
    regions = segment(lines)
    count = sum(region.text is not None for region in regions)
    if count > most:
        raise Rejected(Reason.TOO_MANY_ARTICLES, f"{count} articles, limit {most}")
    drafts = [_draft(region) for region in regions]
    found = [draft for draft in drafts if draft.paragraphs]
    if not found:
        return [_unruly(lines)]
    _keep_the_rest(found[0], (draft for draft in drafts if not draft.paragraphs))
    for region in regions:
        for line in region.links:
            found[0].cut_line(line, line.kind or (Kind.SECTION if line.heading is not None else Kind.LINK))
    _move_page_end(found)
    for draft in found:
        draft.cuts.sort(key=lambda cut: cut.at)
    return found


def _unruly(lines: list[Line]) -> Draft:
    """A page without running text that still is no menu: a table of results, a poem. Raises `Rejected`."""
    content = [line for line in lines if line.content or line.kind is Kind.WIDGET]
    size = sum(line.size for line in content)
    nothing = Rejected(Reason.NO_ARTICLE, f"no running text in {len(lines)} lines")
    if size < _UNRULY_WORDS or size < _UNRULY_LINE * len(content) or len(content) < _UNRULY_SHARE * len(lines):
        raise nothing
    draft = Draft(headline=content[0].text if content[0].shaped else None)
    for line in lines:
        if not line.content and line.kind is not Kind.WIDGET:
            read_fact(line, draft)
        else:
            draft.cut_pieces(line)
            if draft.headline is None or line is not content[0]:
                draft.paragraphs.append(Paragraph(line.text, line.number, line.cues))
    edges.read_ends(draft)
    edges.read_starts(draft)
    if not draft.paragraphs:
        raise nothing
    return draft


def _draft(region: Region) -> Draft:
    draft = Draft(role="main" if region.main else "related")
    read_body(read_head(region, draft), draft)
    _strip_signups(draft)
    edges.read_ends(draft)
    _strip_runs(draft)
    _repair(draft)
    edges.read_starts(draft)
    if region.main:
        _cut_foreign_edges(draft)
        if draft.publisher is None:
            draft.publisher = _publisher_of_boxes(draft.cuts)
    elif _is_teaser(draft):
        draft.role = "teaser"
    return draft


def _strip_signups(draft: Draft) -> None:
    for paragraph in draft.paragraphs:
        if Cue.NEWSLETTER in paragraph.cues:
            _take(draft, paragraph, promo.strip_signups(paragraph.text, paragraph.cues[Cue.NEWSLETTER]))
    draft.paragraphs = [paragraph for paragraph in draft.paragraphs if paragraph.text]


def _strip_runs(draft: Draft) -> None:
    marked = [
        paragraph
        for paragraph in draft.paragraphs
        if paragraph.headed
        or Cue.PROMO in paragraph.cues
        or Cue.LINK in paragraph.cues
        or promo.may_hold_run(paragraph.text)
    ]
    if not marked:
        return
    unmarked = (paragraph.text for paragraph in draft.paragraphs if Cue.PROMO not in paragraph.cues)
    others = " ".join([draft.headline or "", draft.standfirst or "", *unmarked])
    for paragraph in marked:
        known = paragraph.known_cues()
        _take(draft, paragraph, promo.strip_runs(paragraph.text, others, headed=paragraph.headed, known=known))
    draft.paragraphs = [paragraph for paragraph in draft.paragraphs if paragraph.text]


def _take(draft: Draft, paragraph: Paragraph, stripped: promo.Stripped) -> None:
    paragraph.text = stripped.text
    for kind, piece in stripped.pieces:
        draft.cut(paragraph.line, kind, piece)


def _repair(draft: Draft) -> None:
    """Takes glued paragraphs apart and cuts the labels that were glued between them."""
    repaired: list[Paragraph] = []
    for paragraph in draft.paragraphs:
        for part in repair.split_glued(paragraph.text):
            label = repair.cut_link_label(part) if Cue.LINK in paragraph.cues else None
            if label is not None:
                draft.cut(paragraph.line, Kind.LINK, label[0])
            repaired.append(Paragraph(part if label is None else label[1], paragraph.line))
    draft.paragraphs = repaired


def _is_teaser(draft: Draft) -> bool:
    words = sum(size_of(paragraph.text) for paragraph in draft.paragraphs)
    if words >= TEASER_WORDS:
        broken = bool(draft.paragraphs) and draft.paragraphs[-1].text.rstrip("]) ").endswith(("...", "…"))
        return broken and words < _CUT_OFF_WORDS
    return not draft.credits and draft.dateline is None


def _cut_foreign_edges(draft: Draft) -> None:
    """Cuts paragraphs at the edges of the text that are in the language of the frame around it."""
    paragraphs = draft.paragraphs
    if len(paragraphs) < _EDGE_PARAGRAPHS:
        return
    own = draft.language = language.detect(
        " ".join(paragraph.text for paragraph in paragraphs[1 : 2 * _EDGE_PARAGRAPHS])
    )
    room = _EDGE_SHARE * sum(size_of(paragraph.text) for paragraph in paragraphs)
    for at in (-1, 0):
        for _ in range(_EDGE_PARAGRAPHS):
            paragraph = paragraphs[at]
            size = size_of(paragraph.text)
            other = language.detect(paragraph.text) if size >= _EDGE_WORDS else language.UNKNOWN
            room -= size
            if other == own or room < 0 or not {own, other} <= _FRAME_LANGUAGES:
                break
            draft.cut(paragraph.line, Kind.FOREIGN, paragraph.text)
            paragraphs.pop(at)


def _publisher_of_boxes(cuts: Iterable[Cut]) -> str | None:
    """A publisher that no line names may be named by its own sign-up box."""
    return next((name for cut in cuts if cut.kind is Kind.NEWSLETTER and (name := brand_in(cut.text))), None)


def _keep_the_rest(first: Draft, empty: Iterable[Draft]) -> None:
    """What stood in regions that turned out to hold no text goes to the page's first article."""
    for draft in empty:
        first.cuts += draft.cuts
        line = draft.cuts[0].at[0] if draft.cuts else 0
        for kind, text in ((Kind.TITLE, draft.headline), (Kind.LINK, draft.standfirst), (Kind.LINK, draft.dateline)):
            first.cut(line, kind, text or "")


_PAGE_KINDS: Final = frozenset(
    {Kind.COOKIE, Kind.INTERFACE, Kind.MENU, Kind.SECTION, Kind.COPYRIGHT, Kind.ADVERT, Kind.NEWSLETTER}
)


def _move_page_end(found: list[Draft]) -> None:
    """What stands below the last article's text is the page's, not that article's."""
    last = found[-1]
    if len(found) == 1 or not last.paragraphs:
        return
    end = last.paragraphs[-1].line
    cuts, last.cuts = last.cuts, []
    for cut in cuts:
        owner = found[0] if cut.at[0] > end and cut.kind in _PAGE_KINDS else last
        owner.cuts.append(cut)
