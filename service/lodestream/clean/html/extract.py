"""Where a page's article is: the element that holds most of the running text, and which of its parts are text.

Running text are paragraphs of some length that are not mostly links. The smallest element that holds most of it is
the article's; what in it is boxes (by their class), lists of links or labels is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborNode

from lodestream.clean.html.tree import (
    Piece,
    Tree,
    in_order,
    lines_of,
    link_share,
    loose_paragraphs,
    paragraphs_of,
    text_of,
    weight,
)

_BOX: Final = re.compile(
    r"(?:^|[\s_-])(?:related|recommend\w*|newsletter|promo\w*|teaser\w*|share|sharing|social\w*|comments?|kommentar\w*"
    r"|disqus|footer|nav|navbar|navigation|menu|sidebar|breadcrumbs?|caption|credits?|copyright|tags?|taglist|keywords"
    r"|author\w*|byline|bio|subscri\w*|paywall|piano|outbrain|taboola|advert\w*|ads?|sponsor\w*|cookie\w*|consent"
    r"|popular|most-?read|trending|more-?on|read-?more|read-?also|also-?read|mehr-zum-thema|toc|rating|poll|modal"
    r"|popup|overlay|signup|login|audio|player|gallery|figcaption|image|photo|legal|disclaimer|meta|dateline"
    r"|timestamp|published|skip|hidden|sr-only|visually-hidden|infobox|weather|widget|banner|donat\w*"
    r"|app-?download|follow\w*|twitter-tweet|instagram-media|tiktok-embed|fb-post|bluesky-embed)(?:$|[\s_-])",
    re.IGNORECASE,
)
"""Words in the class or id of an element that is no text of the article."""
_BOX_CLASSES_MAX: Final = 200  # characters: longer lists of classes are of style sheets that name no purpose
_ENDS: Final = re.compile(r"[.!?…:;\"“”»'’)\]。！？」』）।؟۔]\s*$")

_PARAGRAPH_MIN: Final = 60  # characters that make running text
_LOOSE_MIN: Final = 100  # of text that stands in no paragraph element
_DIRECT_MIN: Final = 32  # characters of an element's own: with fewer its text is in its children
_LINKED_MAX: Final = 0.4  # share of links in running text
_FEW: Final = 500  # characters in paragraphs: with fewer a page writes its text without them
_HOLDS: Final = 0.6  # share of all running text that the article's element holds
_BULK: Final = 0.35  # of all running text: a box does not hold as much, whatever its class says
_SHORT: Final = 50  # characters of a paragraph that must end like a sentence
_ITEM_MIN: Final = 25
_ITEM_LINKED_MAX: Final = 0.3
_PART_LINKED_MAX: Final = 0.5
_HEADING_MAX: Final = 300
_TEASERS: Final = 4  # that make a list
_SCATTERED: Final = 0.3  # share of the page's text in paragraphs: with less it may stand elsewhere
_SCOPE: Final = "article,main,[role=main],[itemprop~=articleBody]"
_SCOPE_HOLDS: Final = 0.45  # of all running text, for an element that says it holds the article
_LOOSE: Final = "div,section,td,article,span"
_HEADINGS: Final = frozenset({"h2", "h3", "h4"})
_PARTS: Final = frozenset({"p", "li", "blockquote", "pre", *_HEADINGS})
_ALL: Final = ",".join(sorted(_PARTS))


@dataclass(slots=True)
class Extraction:
    """The article's text in page order. `coverage`: share of the page's running text that its element holds.

    `lines`: the text nodes of the paragraphs.
    """

    paragraphs: list[str] = field(default_factory=list)
    coverage: float = 0.0
    lines: Counter[str] = field(default_factory=Counter)
    _texts: set[str] = field(default_factory=set)
    leads: int = 0  # paragraphs at the start that stand before the article's element
    linked_headings: int = 0  # between the paragraphs: headings that lead to other pages

    def add(self, pieces: Iterable[Piece]) -> None:
        """Adds what is not in the text yet."""
        for piece in pieces:
            if piece.text not in self._texts:
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
    found = Extraction(paragraphs, 1.0)
    missing = set(paragraphs)
    for node in [] if tree.body is None else tree.body.css(f"{_ALL},{_LOOSE}"):
        for piece in paragraphs_of(node) if node.tag in _PARTS else loose_paragraphs(node):
            if piece.text in missing:
                missing.discard(piece.text)
                found.lines.update(piece.lines)
    return found


class _Extractor:
    def __init__(self, body: LexborNode, title: str | None) -> None:
        self._body = body
        self._title = _bare(title or "")
        self._name_of: dict[int, str] = {}  # of elements
        self._boxes: dict[str, bool] = {}  # whether a name is a box's
        self._named_hold: dict[str, int] = {}  # running text in elements of a name: chunks of an article share theirs
        self._inside: dict[int, bool] = {}  # whether an element is in a box
        self._holds: dict[int, int] = {}  # running text in an element, boxes included
        self._total = 0
        self._loose = False  # whether text counts that stands in no paragraph

    def extract(self) -> Extraction:
        running = self._running()
        self._total = sum(size for _, size in running)
        if not self._total:
            return Extraction()
        for node, size in running:
            chain = _chain(node)
            for element in chain:
                self._holds[element.mem_id] = self._holds.get(element.mem_id, 0) + size
            for name in {self._name(element) for element in (node, *chain)}:
                self._named_hold[name] = self._named_hold.get(name, 0) + size
        scope = self._scope()
        counted: list[LexborNode] = []
        own: dict[int, int] = {}
        elements: dict[int, LexborNode] = {}
        total = 0
        for node, size in running:
            chain = _chain(node)
            if self._in_box(node) or (scope is not None and all(element.mem_id != scope for element in chain)):
                continue
            total += size
            counted.append(node)
            for element in chain:
                own[element.mem_id] = own.get(element.mem_id, 0) + size
                elements[element.mem_id] = element
        if not total:
            return Extraction()
        least = min(size for size in own.values() if size >= _HOLDS * total)
        article = elements[next(key for key, size in own.items() if size == least)]
        found = Extraction()
        for node in [] if scope is None else self._lead(counted, article):
            found.add(paragraphs_of(node))
        found.leads = len(found.paragraphs)
        held = least + found.weight
        self._add_parts(article, found)
        found.coverage = min(1.0, held / total)
        return found

    def _lead(self, running: list[LexborNode], article: LexborNode) -> list[LexborNode]:
        """The paragraphs right before the article's element, in one that says it holds the article.

        Some pages part the beginning from the rest, for what readers see who do not pay.
        """
        inside = [any(element.mem_id == article.mem_id for element in _chain(node)) for node in running]
        first = inside.index(True) if True in inside else 0
        return [node for node in running[:first] if node.tag == "p"]

    def _scope(self) -> int | None:
        """The smallest of the elements that say they hold the article and do."""
        holds = {node.mem_id: self._holds.get(node.mem_id, 0) for node in self._body.css(_SCOPE)}
        large = {key: size for key, size in holds.items() if size >= _SCOPE_HOLDS * self._total}
        return min(large, key=large.__getitem__, default=None)

    def _running(self) -> list[tuple[LexborNode, int]]:
        """Running text: the element, and what it weighs."""
        found = []
        seen: set[str] = set()  # what boxes repeat weighs once
        for node in self._body.css("p"):
            text = text_of(node)
            size = 0 if text in seen else weight(text)
            seen.add(text)
            if size >= _PARAGRAPH_MIN and link_share(node, text) <= _LINKED_MAX:
                found.append((node, size))
        total = sum(size for _, size in found)
        if total < _FEW or total < _SCATTERED * weight(self._body.text()):
            loose = self._loose_text()
            self._loose = total < _FEW or sum(size for _, size in loose) > total
            found += loose if self._loose else []
        return found

    def _loose_text(self) -> list[tuple[LexborNode, int]]:
        """Running text that stands in no paragraph element."""
        found = []
        for node in self._body.css(_LOOSE):
            if len(node.text(deep=False)) < _DIRECT_MIN:
                continue
            size = sum(each for loose in loose_paragraphs(node) if (each := weight(loose.text)) >= _LOOSE_MIN)
            in_paragraph = node.tag == "span" and node.parent is not None and node.parent.tag == "p"
            if size and not in_paragraph and link_share(node, text_of(node)) <= _LINKED_MAX:
                found.append((node, size))
        return found

    def _add_parts(self, article: LexborNode, found: Extraction) -> None:
        heading = None
        for node, loose in in_order(article, _PARTS) if self._loose else ((part, None) for part in article.css(_ALL)):
            if self._in_box(node):
                continue
            if loose is None and node.tag in _HEADINGS:
                text = text_of(node)
                linked = link_share(node, text) >= _PART_LINKED_MAX
                found.linked_headings += bool(text) and linked
                if not linked and 0 < weight(text) < _HEADING_MAX and _bare(text) != self._title:
                    heading = node
                continue
            pieces = self._pieces(node) if loose is None else [one for one in loose if _is_text(one)]
            if pieces and heading is not None:
                found.add([Piece(text_of(heading), lines_of(heading))])
                heading = None
            found.add(pieces)

    def _pieces(self, node: LexborNode) -> list[Piece]:
        """The paragraphs that an element adds to the text."""
        if node.tag in {"li", "blockquote"} and node.css_first("p,li li") is not None:
            return [] if not self._loose else self._nested(node)
        text = text_of(node)
        linked, size = link_share(node, text), weight(text)
        if linked > _PART_LINKED_MAX or (size < _SHORT and not _ENDS.search(text)):
            return []
        if node.tag == "li" and (size < _ITEM_MIN or linked > _ITEM_LINKED_MAX):
            return []
        return paragraphs_of(node)

    def _nested(self, node: LexborNode) -> list[Piece]:
        """The paragraphs in an item or a quotation that has elements of its own."""
        inner = [part for part in node.css("p,li") if part.css_first("p,li") is None and not self._in_box(part)]
        return [piece for part in inner for piece in self._pieces(part)]

    def _in_box(self, node: LexborNode) -> bool:
        """Whether an element or one around it is a box: by a name whose elements do not hold the bulk of the text."""
        passed: list[int] = []
        inside = False
        at: LexborNode | None = node
        while at is not None and at.tag not in {"body", "html", "article", "main"}:
            key = at.mem_id
            known = self._inside.get(key)
            if known is not None:
                inside = known
                break
            passed.append(key)
            if at.tag == "a":
                inside = True
                break
            name = self._name(at)
            if self._named_hold.get(name, 0) < _BULK * self._total and self._names_box(name):
                inside = True
                break
            at = at.parent
        self._inside.update(dict.fromkeys(passed, inside))
        return inside

    def _name(self, node: LexborNode) -> str:
        """Classes and id of an element; what is hidden is named so."""
        key = node.mem_id
        name = self._name_of.get(key)
        if name is None:
            attributes = node.attributes
            hidden = "hidden" in attributes or attributes.get("aria-hidden") == "true"
            name = f"{attributes.get('class') or ''} {attributes.get('id') or ''}{' hidden' if hidden else ''}"
            self._name_of[key] = name
        return name

    def _names_box(self, name: str) -> bool:
        known = self._boxes.get(name)
        if known is None:
            known = self._boxes[name] = len(name) < _BOX_CLASSES_MAX and _BOX.search(name) is not None
        return known


def _is_text(piece: Piece) -> bool:
    """Whether loose text is a paragraph of the article."""
    return weight(piece.text) >= _SHORT and piece.linked <= _PART_LINKED_MAX


def _chain(node: LexborNode) -> list[LexborNode]:
    """An element's ancestors, the nearest first; itself before them where it holds text that is in no paragraph."""
    found = [] if node.tag == "p" else [node]
    at = node.parent
    while at is not None and at.tag != "html":
        found.append(at)
        at = at.parent
    return found


def _bare(text: str) -> str:
    return re.sub(r"\W+", "", text.casefold())
