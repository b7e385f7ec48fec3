"""A page of HTML to the draft of its article: the order of the work on a page.

guard         would it hold a parser? then as flat text         guard.py, running.py
metadata      titles, times, authors, address from the head       metadata.py, linked_data.py
tree          without scripts, menus, forms, pictures             tree.py
text          the element that holds the running text             extract.py
check         is that all? else trafilatura's answer              fallback.py
lines         what is surely no text of an article: its kind      plain/marks.py
fields        headline, authors, credits, dateline, times          headline.py, authors.py, printed.py, fields/
rest          what else a reader sees on the page                 rest.py

Everything a reader sees on the page is in the draft's texts or among its cuts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lodestream.clean import language
from lodestream.clean.draft import Draft, Paragraph
from lodestream.clean.fields import edges
from lodestream.clean.html import running
from lodestream.clean.html.authors import authors
from lodestream.clean.html.extract import Extraction, extract, located
from lodestream.clean.html.fallback import paragraphs_by_trafilatura
from lodestream.clean.html.guard import is_hostile
from lodestream.clean.html.headline import choose_headline
from lodestream.clean.html.metadata import Metadata, read_metadata
from lodestream.clean.html.printed import printed_times
from lodestream.clean.html.rest import cut_rest
from lodestream.clean.html.standfirst import find_standfirst, is_standfirst
from lodestream.clean.html.tree import Tree, weight
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.head import read_fact
from lodestream.clean.plain.lines import make_line
from lodestream.clean.plain.marks import mark
from lodestream.clean.plain.page import LINES_MAX, read_page
from lodestream.clean.times.dates import PrintedTime
from lodestream.clean.times.time_lines import parse
from lodestream.clean.words import names
from lodestream.errors import Reason, Rejected

_SHORT: Final = 600  # weight of a text that may be an advert for the article
_TOLD: Final = 0.7  # share of the words of JSON-LD's body that must be in the text
_TOLD_MIN: Final = 300  # characters of such a body, that it is one
_TAGS_MAX: Final = 10_000  # of a page that trafilatura is asked about: its work grows with their square
_LEAST: Final = 0.7  # of our text: what trafilatura finds must not be much less
_SAMPLE: Final = 6  # paragraphs that tell the language
_NO_PAGE: Final = re.compile(
    r"(?:error )?(?:403|404|410|429|50[0-4])\b.{0,60}|(?:page )?not found|just a moment\W*|access denied|forbidden"
    r"|attention required!? \| cloudflare|are you a robot\?|robot check|bad gateway|service unavailable|redirecting\W*"
    r"|enable javascript|please wait\W*|too many requests|internal server error|security check",
    re.IGNORECASE,
)
"""Titles of pages that stand in for one. A longer text under such a title is an article about it."""
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page of HTML gives. `addresses`: what it says its own are, the likeliest first."""

    drafts: list[Draft]
    addresses: tuple[str, ...]


def read_html(markup: str, most: int, fetched_at: int | None = None) -> Page:
    """The article of a page. Raises `Rejected` where it has none.

    Markup that would hold a parser for long, or whose elements hold no running text, is read as the plain text in it,
    with up to `most` articles. `fetched_at`: ms since the epoch; a time after it is not believed where the page prints
    another.
    """
    metadata = read_metadata(markup)
    draft = None if is_hostile(markup) else _draft(Tree(markup), metadata, markup, fetched_at)
    return Page([draft] if draft is not None else _flat(metadata, markup, most), metadata.canonical)


def _flat(metadata: Metadata, markup: str, most: int) -> list[Draft]:
    """The articles of a page as plain text. Raises `Rejected` where nothing is like an article."""
    drafts = read_page("\n\n".join(block.text for block in running.blocks(markup)), most)
    first = drafts[0]
    headline = choose_headline(metadata.titles, (), metadata.site_name)
    if headline is not None and headline != first.headline:
        first.cut(0, Kind.TITLE, first.headline or "")
        first.headline = headline
    first.times = _times(metadata.published) or first.times
    return drafts


def _draft(tree: Tree, metadata: Metadata, markup: str, fetched_at: int | None) -> Draft | None:
    """The article of a page by its elements; None where they hold no running text."""
    headings, stamps = tree.headings(), tree.stamps()
    writers = authors(metadata.authors, metadata.site_name, tree)
    tree.take_aside()
    found = extract(tree, next(iter(metadata.titles), None))
    _check(found, tree, metadata)
    if _is_doubtful(found, metadata) and markup.count("<") <= _TAGS_MAX:
        found = _second_opinion(found, tree, markup)
    if not found.paragraphs:
        return None
    lines = tree.lines()
    standfirst = None
    if found.leads and len(found.paragraphs) > 1 and is_standfirst(found.paragraphs[0], metadata.description):
        standfirst = found.paragraphs.pop(0)
    draft = Draft(
        headline=choose_headline(metadata.titles, headings, metadata.site_name),
        publisher=metadata.site_name,
        standfirst=standfirst or find_standfirst(metadata.description, lines, found.paragraphs),
        byline=[name for name in writers if not names.is_agency(name)],
    )
    for agency in filter(names.is_agency, writers):
        draft.add_name(names.agency(agency))
    draft.times += _times([*metadata.published, *stamps[:1]])
    if not any(_is_told(time, fetched_at) for time in draft.times):
        draft.times += printed_times(tree, lines, draft.headline)
    cut_rest(draft, found, lines, tree.aside, headings)
    _read_lines(found.paragraphs, draft)
    edges.read_ends(draft)
    edges.read_starts(draft)
    if not draft.paragraphs:
        return None
    own = language.detect(" ".join(paragraph.text for paragraph in draft.paragraphs[:_SAMPLE]))
    draft.language = language.stated(metadata.language or "") if own == language.UNKNOWN else own
    draft.cuts.sort(key=lambda cut: cut.at)
    return draft


def _check(found: Extraction, tree: Tree, metadata: Metadata) -> None:
    """Raises `Rejected` for a page that has no article, or is too large."""
    if found.weight < _SHORT and _NO_PAGE.fullmatch(next(iter(metadata.titles), "")):
        raise Rejected(Reason.NO_ARTICLE, "the notice of a server, by its title")
    if found.is_listing and not metadata.is_article:
        raise Rejected(Reason.NO_ARTICLE, f"a list of {found.linked_headings} teasers")
    if not found.paragraphs and tree.is_menu():
        raise Rejected(Reason.NO_ARTICLE, "hardly any text but links")
    if len(found.paragraphs) > LINES_MAX:
        raise Rejected(Reason.DOCUMENT_TOO_LARGE, f"a page of more than {LINES_MAX} paragraphs")


def _is_told(time: PrintedTime, fetched_at: int | None) -> bool:
    """Whether a time says when the article was published, as far as can be told before all are compared."""
    return time.at is not None and not time.updated and (fetched_at is None or time.at <= fetched_at)


def _is_doubtful(found: Extraction, metadata: Metadata) -> bool:
    """Whether the text may be only a part of the article, or not the article."""
    if found.weight < _SHORT:
        return True
    told = metadata.body or ""
    if len(told) <= _TOLD_MIN:
        return False
    words, there = set(_WORD.findall(told)), set(_WORD.findall(" ".join(found.paragraphs)))
    return len(words & there) < _TOLD * len(words)


def _second_opinion(found: Extraction, tree: Tree, markup: str) -> Extraction:
    """Trafilatura's text, unless it finds nothing or much less."""
    other = paragraphs_by_trafilatura(markup)
    size = sum(map(weight, other))
    if not other or size < _LEAST * found.weight:
        return found
    return located(tree, other)


def _times(stated: Iterable[str]) -> list[PrintedTime]:
    return [time for raw in stated if (time := parse(raw)) is not None]


def _read_lines(paragraphs: list[str], draft: Draft) -> None:
    """Takes the paragraphs into the draft; what is surely no text of an article, by its own words, into its cuts."""
    lines = [make_line(number, text) for number, text in enumerate(paragraphs)]
    mark(lines)
    if len(lines) > 1 and draft.headline and lines[0].text.casefold() == draft.headline.casefold():
        lines[0].kind, lines[0].heading, lines[0].time = Kind.TITLE, None, None
    last = max((line.number for line in lines if line.content and line.prose), default=0)
    for line in lines:
        if line.content:
            draft.paragraphs.append(Paragraph(line.text, line.number, line.cues))
            draft.cut_pieces(line)
        else:
            read_fact(line, draft, inside=line.number < last)
