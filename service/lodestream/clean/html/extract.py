"""Where a page's article is: the element that holds most of the running text, and which of its parts are text.

Running text are paragraphs, and items of lists, of some length that are not mostly links. In the order of the work:

1. where it is, and how much of it each element holds (`_running`);
2. the element that says it is the article, with the headline in it if one has it (`_scope`);
3. the smallest element in there that holds most of it, what stands before it, and its next chunks (`_article`);
4. the parts of these that are text (`_add_parts`): boxes by their class, lists of links, labels and second copies go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborNode

from lodestream.clean.html.boxes import Boxes
from lodestream.clean.html.tree import (
    Piece,
    Tree,
    add_chain,
    by_container,
    chain,
    has_inside,
    in_order,
    is_in_link,
    is_inside,
    lines_of,
    link_share,
    loose_paragraphs,
    paragraphs_of,
    sibling,
    text_of,
    weight,
)

_NO_CONTAINER: Final = frozenset("a b blockquote center em font i li ol p span strong u ul".split())
"""What holds a part of an article, and not the article."""
_ENDS: Final = re.compile(r"[.!?…:;\"“”»'’)\]。！？」』）।؟۔]\s*$")

_PARAGRAPH_MIN: Final = 60  # characters that make running text
_LOOSE_MIN: Final = 100  # of text that stands in no paragraph element
_DIRECT_MIN: Final = 32  # characters of an element's own: with fewer its text is in its children
_LINKED_MAX: Final = 0.4  # share of links in running text
_FEW: Final = 500  # characters in paragraphs: with fewer a page writes its text without them
_HOLDS: Final = 0.7  # share of all running text that the article's element holds
_SHORT: Final = 50  # characters of a paragraph that must end like a sentence
_ITEM_MIN: Final = 25
_ITEM_LINKED_LEAST: Final = 0.1  # of an item of a list that makes running text: teasers start with a link
_LIST_MIN: Final = 60
_ITEM_LINKED_MAX: Final = 0.3
_PART_LINKED_MAX: Final = 0.5
_HEADING_MAX: Final = 300
_HEADINGS_MAX: Final = 2  # in a row above a text; more are a list
_LOOKS: Final = 8  # times all text of a page that is read in elements in one another: more is no page
_COPY: Final = 3  # different paragraphs
_TEASERS: Final = 4  # that make a list
_SCATTERED: Final = 0.3  # share of the page's text in paragraphs: with less it may stand elsewhere
_SCOPE: Final = "article,main,[role=main],[itemprop~=articleBody]"
_TITLE_MIN: Final = 10  # letters of a headline
_BESIDE: Final = 2  # paragraphs of running text beside an element, which make it a part only; one is a standfirst
_SCOPE_HOLDS: Final = 0.45  # of all running text, for an element that says it holds the article
_LOOSE: Final = "div,section,td,article,span"
_HEADINGS: Final = frozenset({"h2", "h3", "h4", "h5", "h6"})
_LINKED_HEADING: Final = ",".join(f"{name} a,a {name}" for name in ("h1", *sorted(_HEADINGS)))
_PARTS: Final = frozenset({"p", "li", "blockquote", "pre", *_HEADINGS})
_ALL: Final = ",".join(sorted(_PARTS))


@dataclass(slots=True)
class Extraction:
    """The article's text in page order. `lines`: the text nodes of the paragraphs."""

    paragraphs: list[str] = field(default_factory=list)
    lines: Counter[str] = field(default_factory=Counter)
    _texts: set[str] = field(default_factory=set)
    _again: list[Piece] = field(default_factory=list)  # the last pieces, which the text has before as well
    leads: int = 0  # paragraphs at the start that stand before the article's element
    linked_headings: int = 0  # between the paragraphs: headings that lead to other pages

    def add(self, pieces: Iterable[Piece]) -> None:
        """Adds paragraphs, but no second copy of the text: `_COPY` different ones in a row that it has already."""
        for piece in pieces:
            if piece.text in self._texts:
                self._again.append(piece)
            else:
                self.end()
                self._append(piece)

    def end(self) -> None:
        """Adds what was repeated last, if it is no copy of the text, and no label that stands there many times."""
        texts = {piece.text for piece in self._again}
        label = len(self._again) > 1 and texts == {self.paragraphs[-1]}
        if len(texts) < _COPY and not label:
            for piece in self._again:
                self._append(piece)
        self._again.clear()

    def _append(self, piece: Piece) -> None:
        self.paragraphs.append(piece.text)
        self._texts.add(piece.text)
        self.lines.update(piece.lines)

    @property
    def weight(self) -> int:
        return sum(map(weight, self.paragraphs))

    @property
    def is_listing(self) -> bool:
        """Whether it is a list of teasers: a headline that leads to its article for each two paragraphs or fewer."""
        return self.linked_headings >= max(_TEASERS, len(self.paragraphs) / 2)


def extract(tree: Tree, title: str | None) -> Extraction:
    """The article's text; no paragraphs where a page has no running text."""
    if tree.body is None:
        return Extraction()
    return _Extractor(tree.body, title).extract()


def located(tree: Tree, paragraphs: list[str]) -> Extraction:
    """Paragraphs that somebody else found, with the text nodes of those that are an element's whole text."""
    found = Extraction(paragraphs)
    missing = set(paragraphs)
    if tree.body is None:
        return found
    room = _LOOKS * len(tree.body.text())  # elements in one another are looked at as a whole each
    for node in tree.body.css(f"{_ALL},{_LOOSE}"):
        room -= len(node.text())
        if room < 0 or not missing:
            break
        for piece in paragraphs_of(node) if node.tag in _PARTS else loose_paragraphs(node):
            if piece.text in missing:
                missing.discard(piece.text)
                found.lines.update(piece.lines)
    return found


class _Extractor:
    def __init__(self, body: LexborNode, title: str | None) -> None:
        self._body = body
        self._title = _bare(title or "")
        self._boxes = Boxes()
        self._holds: dict[int, int] = {}  # running text in an element, boxes included
        self._total = 0
        self._beside: Counter[int] = Counter()  # paragraphs of running text right in an element
        self._lists: dict[int, bool] = {}  # whether a list is text
        self._room = _LOOKS * len(body.text())  # characters in lists, each looked at as a whole
        self._loose = False  # whether text counts that stands in no paragraph

    def extract(self) -> Extraction:
        running = self._running()
        self._total = self._boxes.total = sum(size for _, size in running)
        if not self._total:
            return Extraction()
        for node, size in by_container(running):
            names = set()
            for element in chain(node):
                self._holds[element.mem_id] = self._holds.get(element.mem_id, 0) + size
                names.add(self._boxes.name(element))
            for name in names:
                self._boxes.named[name] = self._boxes.named.get(name, 0) + size
        for node, size in running:  # what names a paragraph itself
            if node.tag == "p" and (name := self._boxes.name(node)) != " ":
                self._boxes.named[name] = self._boxes.named.get(name, 0) + size
        scope = self._scope()
        within = [(node, size) for node, size in running if not self._boxes.hold(node)]
        if scope is not None:
            reaches: dict[int, bool] = {}
            within = [(node, size) for node, size in within if is_inside(node, scope, reaches)]
        return self._article(within, scope)

    def _article(self, within: list[tuple[LexborNode, int]], scope: int | None) -> Extraction:
        """The text of the smallest element that holds most of some running text."""
        own: dict[int, int] = {}
        elements: dict[int, LexborNode] = {}
        total = sum(size for _, size in within)
        for node, size in by_container(within):
            for element in chain(node):
                own[element.mem_id] = own.get(element.mem_id, 0) + size
                elements[element.mem_id] = element
        if not total:
            return Extraction()
        least = min(size for size in own.values() if size >= _HOLDS * total)
        article = elements[next(key for key, size in own.items() if size == least)]
        self._beside.update(node.parent.mem_id for node, _ in within if node.tag == "p" and node.parent is not None)
        while (parent := article.parent) is not None and parent.mem_id in own:
            if article.tag not in _NO_CONTAINER and self._beside[parent.mem_id] < _BESIDE:
                break
            article = parent
        counted = [node for node, _ in within]
        found = Extraction()
        for node in [] if scope is None else self._lead(counted, article):
            self._add_parts(node, found)
        found.end()
        found.leads = len(found.paragraphs)
        self._add_parts(article, found)
        for chunk in _chunks(article, own):
            self._add_parts(chunk, found)
        found.end()
        return found

    def _lead(self, running: list[LexborNode], article: LexborNode) -> list[LexborNode]:
        """The paragraphs right before the article's element, in one that says it holds the article.

        Some pages part the beginning from the rest, for what readers see who do not pay.
        """
        reaches: dict[int, bool] = {}
        inside = [is_inside(node, article.mem_id, reaches) for node in running]
        first = inside.index(True) if True in inside else 0
        around = {node.mem_id for node in chain(article)}
        found: dict[int, LexborNode] = {}
        for node in running[:first]:
            top = node
            while node.tag == "p" and top.parent is not None and top.parent.mem_id not in around:
                top = top.parent
            found[top.mem_id] = top
        return [*found.values()]

    def _scope(self) -> int | None:
        """The innermost of the elements that say they hold the article and do.

        Those with the page's headline come first, then those with much of the running text, then the first of a page.
        """
        found = {node.mem_id: node for node in self._body.css(_SCOPE)}
        holds = {key: self._holds.get(key, 0) for key in found}
        large = [key for key in found if holds[key] >= _SCOPE_HOLDS * self._total]
        around = self._around_headline()
        titled = [key for key in found if holds[key] >= _FEW and key in around]
        both = [key for key in large if key in titled]
        inner: int | None = None
        reaches: dict[int, bool] = {}
        for key in both or titled or large:
            if inner is None or is_inside(found[key], inner, reaches):
                inner, reaches = key, {}
        return inner

    def _around_headline(self) -> set[int]:
        """The elements that hold the page's headline, wherever it stands."""
        around: set[int] = set()
        for heading in self._body.css("h1,h2"):
            text = _bare(text_of(heading))
            if len(text) >= _TITLE_MIN and text in self._title:
                add_chain(heading, around)
        return around

    def _running(self) -> list[tuple[LexborNode, int]]:
        """Running text: the element, and what it weighs."""
        found = []
        seen: set[str] = set()  # what boxes repeat weighs once
        for node in self._body.css("p,li"):
            if node.tag == "li" and node.css_first("p,div,li li") is not None:
                continue  # it has parts, or is in another item: teasers are nested so
            text = text_of(node)
            size = 0 if text in seen else weight(text)
            seen.add(text)
            linked = _LINKED_MAX if node.tag == "p" else _ITEM_LINKED_LEAST
            if size >= _PARAGRAPH_MIN and link_share(node, text) <= linked:
                found.append((node, size))
        total = sum(size for _, size in found)
        if total < _FEW or total < _SCATTERED * weight(self._body.text()):
            loose = self._loose_text()
            self._loose = total < _FEW or sum(size for _, size in loose) > total
            found += loose if self._loose else []
        rest = [(node, size) for node, size in found if not self._boxes.by_readers(node)]
        self._boxes.without_comments = sum(size for _, size in rest) >= _FEW
        return rest if self._boxes.without_comments else found

    def _loose_text(self) -> list[tuple[LexborNode, int]]:
        """Running text that stands in no paragraph element."""
        found = []
        for node in [self._body, *self._body.css(_LOOSE)]:
            if len(node.text(deep=False)) < _DIRECT_MIN:
                continue
            size = sum(each for loose in loose_paragraphs(node) if (each := weight(loose.text)) >= _LOOSE_MIN)
            in_paragraph = node.tag == "span" and node.parent is not None and node.parent.tag == "p"
            if size and not in_paragraph and link_share(node, text_of(node)) <= _LINKED_MAX:
                found.append((node, size))
        return found

    def _add_parts(self, article: LexborNode, found: Extraction) -> None:
        headings: list[LexborNode] = []  # of the text to come
        for node, loose in in_order(article, _PARTS):
            if loose is None and node.tag in _HEADINGS and is_in_link(node):
                found.linked_headings += 1
                continue
            if self._boxes.hold(node):
                continue
            if loose is None and (node.tag in _HEADINGS or _is_crosshead(node)):
                text = text_of(node)
                linked = link_share(node, text) >= _PART_LINKED_MAX
                found.linked_headings += bool(text) and linked
                if not linked and 0 < weight(text) < _HEADING_MAX and _bare(text) != self._title:
                    headings.append(node)
                continue
            pieces = self._pieces(node) if loose is None else self._loose_pieces(loose, node, article)
            if pieces:
                found.add(Piece(text_of(heading), lines_of(heading)) for heading in headings[-_HEADINGS_MAX:])
                headings.clear()
            found.add(pieces)

    def _loose_pieces(self, pieces: list[Piece], holder: LexborNode, article: LexborNode) -> list[Piece]:
        """Which loose text is of the article: where paragraphs have their elements, only such beside them."""
        if self._loose:
            return [one for one in pieces if _is_text(one)]
        if holder.mem_id != article.mem_id and not self._beside[holder.mem_id] and not _is_between(holder):
            return []
        long = (one for one in pieces if weight(one.text) >= _PARAGRAPH_MIN and _ENDS.search(one.text))
        return [one for one in long if _is_short_of_links(one)]

    def _pieces(self, node: LexborNode) -> list[Piece]:
        """The paragraphs that an element adds to the text."""
        if node.tag in {"li", "blockquote"} and has_inside(node, "p,li"):
            if node.tag == "li" and node.css_first(_LINKED_HEADING) is not None:
                return []  # a teaser, a remark, an entry of a list of articles
            own = [
                piece
                for piece in loose_paragraphs(node)
                if weight(piece.text) >= _ITEM_MIN and _is_short_of_links(piece)
            ]
            return own + self._nested(node)
        text = text_of(node)
        linked, size = link_share(node, text), weight(text)
        if node.tag == "li" and self._is_listed(node):
            return paragraphs_of(node)
        if linked > _PART_LINKED_MAX or (
            size < _SHORT and not _ENDS.search(text) and not (node.tag == "p" and _is_between(node))
        ):
            return []
        if node.tag == "li" and (size < _ITEM_MIN or linked > _ITEM_LINKED_MAX):
            return []
        return paragraphs_of(node)

    def _is_listed(self, item: LexborNode) -> bool:
        """Whether an item is of a list that is text as a whole: short items stay where their neighbours do."""
        parent = item.parent
        if parent is None or parent.tag not in {"ul", "ol"}:
            return False
        known = self._lists.get(parent.mem_id)
        if known is None:
            text = text_of(parent) if self._room > 0 else ""
            self._room -= len(text)
            known = weight(text) >= _LIST_MIN and link_share(parent, text) <= _ITEM_LINKED_MAX
            self._lists[parent.mem_id] = known
        return known

    def _nested(self, node: LexborNode) -> list[Piece]:
        """The paragraphs in an item or a quotation that has elements of its own."""
        parts = [part for part in node.css("p,li") if part.mem_id != node.mem_id]
        around: set[int] = {node.mem_id}
        for part in parts:
            add_chain(part.parent, around)
        leaves = [part for part in parts if part.mem_id not in around and not self._boxes.hold(part)]
        return [piece for part in leaves for piece in self._pieces(part)]


def _is_between(node: LexborNode) -> bool:
    """Whether an element stands between two paragraphs of running text."""
    near = (sibling(node, "prev"), sibling(node, "next"))
    return all(one is not None and one.tag == "p" and weight(text_of(one)) >= _PARAGRAPH_MIN for one in near)


def _is_short_of_links(piece: Piece) -> bool:
    return piece.linked <= _ITEM_LINKED_MAX


def _is_crosshead(node: LexborNode) -> bool:
    """Whether a short paragraph is set in bold as a whole: a heading without a heading's element."""
    if node.tag != "p":
        return False
    text = text_of(node)
    if not 0 < weight(text) < _SHORT or _ENDS.search(text):
        return False
    bold = node.css_first("strong,b")
    return bold is not None and text_of(bold) == text


def _chunks(article: LexborNode, own: dict[int, int]) -> Iterator[LexborNode]:
    """The elements behind the article's, of its kind and with running text: pages part a text around adverts."""
    at = article.next
    while at is not None:
        if at.tag == article.tag and at.mem_id in own:
            yield at
        at = at.next


def _is_text(piece: Piece) -> bool:
    """Whether loose text is a paragraph of the article."""
    return weight(piece.text) >= _SHORT and piece.linked <= _PART_LINKED_MAX


def _bare(text: str) -> str:
    return re.sub(r"\W+", "", text.casefold())
