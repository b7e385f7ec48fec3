"""A page as a tree, without what no reader sees, and the texts of its elements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from lodestream.clean.document import one_line
from lodestream.clean.kinds import Kind

_INVISIBLE: Final = "script,style,noscript,template,svg,iframe,object,canvas,video,audio,math,title,link,meta"
_NO_TEXT: Final = {
    "figcaption": Kind.CAPTION, "figure": Kind.CAPTION, "nav": Kind.MENU, "footer": Kind.MENU, "aside": Kind.LINK,
    "form": Kind.INTERFACE, "button": Kind.INTERFACE, "select": Kind.INTERFACE, "dialog": Kind.INTERFACE,
    "textarea": Kind.INTERFACE,
}  # fmt: skip
"""Elements that hold no text of an article, and what their text is."""
_MOST: Final = 0.5  # of a page's text: such an element with more holds the page (a form around everything)
_PUBLISHED: Final = "[itemprop~=datePublished],time[pubdate]"
_TIMES: Final = "time[datetime]:not([itemprop~=dateModified])"
_OTHERS: Final = re.compile(
    r"(?:^|[\s_-])(?:comments?(?!-(?:open|closed|count))|related|teasers?|ticker|breaking|most-read)(?:$|[\s_-])",
    re.IGNORECASE,
)
_LARGE_MAX: Final = 8  # such elements in one another: no page has more, and each is read as a whole
_MENU: Final = 0.8
_BLOCKS: Final = frozenset(
    "address article aside blockquote center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header "
    "hr li main nav ol p pre section table tbody td tfoot th thead tr ul".split()
)
_ANY_BLOCK: Final = ",".join(sorted(_BLOCKS))
_BREAK: Final = "\x0b"  # stands for <br>; a page's own are white space like any other
_BREAKS: Final = re.compile(rf"{_BREAK}(?:\s*{_BREAK})+|(?<=[.!?…。\"”»:])\s*{_BREAK}")
_ENDED: Final = re.compile(r"[.!?…。\"”»:]\s*$")
_CJK_FROM: Final = "\u2e80"
_CJK_WORTH: Final = 3  # characters of Latin that one of an unspaced script is worth


class Tree:
    """A parsed page. `body` is None where there is none; `aside`: the kinds and texts of elements taken out of it."""

    def __init__(self, markup: str) -> None:
        self._parser = LexborHTMLParser(markup)  # keeps the tree alive
        self.body = self._parser.body
        self.aside: list[tuple[Kind, str]] = []
        if self.body is None:
            return
        # Inner elements before outer ones: an element goes with all that is in it.
        for node in reversed(self.body.css(_INVISIBLE)):
            node.decompose()
        for node in self.body.css("br"):
            node.replace_with(_BREAK)

    def headings(self) -> list[str]:
        """The texts of the headings of first order."""
        return [] if self.body is None else [text for node in self.body.css("h1") if (text := text_of(node))]

    def stamps(self) -> list[str]:
        """What its elements for times say to machines, those that say "published" first.

        Not those of other things: in links, asides, menus, remarks of readers, or above and below all articles.
        """
        found: list[str] = []
        for selector in (_PUBLISHED, _TIMES):
            for node in [] if self.body is None else self.body.css(selector):
                attributes = node.attributes
                stamp = attributes.get("content") or attributes.get("datetime")
                if stamp and not _is_elsewhere(node):
                    found.append(stamp)
        return found

    def take_aside(self) -> None:
        """Takes out the elements that hold no text, in page order into `aside`."""
        if self.body is None:
            return
        most = _MOST * len(text_of(self.body))
        taken: list[LexborNode] = []
        inside: dict[int, bool] = {}  # whether an element is in one that is taken out
        large = 0
        for node in self.body.css(",".join(_NO_TEXT)):  # in page order: outer elements are decided first
            if large > _LARGE_MAX or _is_in(node.parent, inside):
                continue
            is_large = len(node.text()) > most and len(text_of(node)) > most
            large += is_large
            inside[node.mem_id] = not is_large or node.tag == "dialog"
            if inside[node.mem_id]:
                taken.append(node)
                text = "\n".join(lines_of(node))
                self.aside += [(_NO_TEXT[node.tag or ""], text)] if text else []
        for node in taken:
            node.decompose()

    def is_menu(self) -> bool:
        """Whether nearly all of the text is in links."""
        return self.body is not None and link_share(self.body, text_of(self.body)) > _MENU

    def lines(self) -> list[str]:
        """All text that is left, a line each of its text nodes."""
        return [] if self.body is None else lines_of(self.body)


def text_of(node: LexborNode) -> str:
    """The text of an element on one line."""
    return one_line(node.text())


def lines_of(node: LexborNode) -> list[str]:
    """The text nodes of an element, a line each, and broken where it breaks lines."""
    lines = node.text(separator="\n").replace(_BREAK, "\n").split("\n")
    return [text for line in lines if line and not line.isspace() and (text := one_line(line))]


class Piece(NamedTuple):
    """A paragraph, its text nodes, and the share of links in it where that was looked at."""

    text: str
    lines: list[str]
    linked: float = 0.0


def paragraphs_of(node: LexborNode) -> list[Piece]:
    """The text of an element, taken apart at double line breaks and at such behind a sentence.

    The first piece has the text nodes of all.
    """
    text: str = node.text()
    parts = _BREAKS.split(text) if _BREAK in text else [text]
    texts = [one for part in parts if (one := one_line(part))]
    return [Piece(one, [] if number else lines_of(node)) for number, one in enumerate(texts)]


class _Run:
    """Text between two blocks, taken apart at line breaks."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._texts: list[str] = []
        self._lines: list[str] = []
        self._linked = 0

    def add(self, child: LexborNode) -> None:
        if child.is_text_node and not self._texts and (child.text_content or "").isspace():
            return  # as between most blocks
        links = [child] if child.tag == "a" else child.css("a") if child.is_element_node else []
        parts = zip(child.text().split(_BREAK), child.text(separator="\n").split(_BREAK), strict=True)
        for number, (text, broken) in enumerate(parts):
            if number and (not text.strip() or _ENDED.search("".join(self._texts[-3:]))):
                self._end_piece()
            elif number:
                self._texts.append(" ")
            self._texts.append(text)
            self._lines += [line for each in broken.split("\n") if (line := one_line(each))]
        self._linked += sum(len(link.text()) for link in links)

    def end(self) -> list[Piece]:
        self._end_piece()
        pieces, self._pieces = self._pieces, []
        return pieces

    def _end_piece(self) -> None:
        if text := one_line("".join(self._texts)):
            self._pieces.append(Piece(text, self._lines, min(1.0, self._linked / len(text))))
        self._texts, self._lines, self._linked = [], [], 0


def loose_paragraphs(node: LexborNode) -> list[Piece]:
    """The text of an element that stands in none of its blocks: what is between them, taken apart at line breaks."""
    found: list[Piece] = []
    run = _Run()
    for child in node.iter(include_text=True):
        if _is_inline(child):
            run.add(child)
        else:
            found += run.end()
    return found + run.end()


def _is_inline(child: LexborNode) -> bool:
    return child.tag not in _BLOCKS and (child.is_text_node or child.css_first(_ANY_BLOCK) is None)


def in_order(root: LexborNode, parts: frozenset[str]) -> Iterator[tuple[LexborNode, list[Piece] | None]]:
    """What an element holds, in page order: elements of these names with None, and loose text with whose it is."""
    run = _Run()
    waiting = [(root, root.iter(include_text=True))]
    while waiting:
        node, children = waiting[-1]
        child = next(children, None)
        if (
            child is not None
            and child.tag not in _BLOCKS
            and (child.is_text_node or child.css_first(_ANY_BLOCK) is None)
        ):
            run.add(child)
            continue
        if pieces := run.end():
            yield node, pieces
        if child is None:
            waiting.pop()
        elif child.tag in parts:
            yield child, None
        else:
            waiting.append((child, child.iter(include_text=True)))


def link_share(node: LexborNode, text: str) -> float:
    """The share of links in the text of an element."""
    return sum(len(link.text()) for link in node.css("a")) / max(1, len(text))


def weight(text: str) -> int:
    """Characters, those of scripts without spaces three times."""
    start = text[:40]
    if start.isascii():
        return len(text)
    return len(text) * (_CJK_WORTH if sum(c > _CJK_FROM for c in start) > 10 else 1)


def chain(node: LexborNode) -> list[LexborNode]:
    """An element and its ancestors, the nearest first."""
    found = []
    at: LexborNode | None = node
    while at is not None and at.tag != "html":
        found.append(at)
        at = at.parent
    return found


def add_chain(node: LexborNode | None, around: set[int]) -> None:
    """Adds an element and those around it, up to the first that is known: each is passed once."""
    while node is not None and node.mem_id not in around:
        around.add(node.mem_id)
        node = node.parent


def sibling(node: LexborNode, side: str) -> LexborNode | None:
    """The next element on a side."""
    at: LexborNode | None = getattr(node, side)
    while at is not None and not at.is_element_node:
        at = getattr(at, side)
    return at


def has_inside(node: LexborNode, selector: str) -> bool:
    """Whether an element has one of these inside; selectors find the element itself as well."""
    return any(inner.mem_id != node.mem_id for inner in node.css(selector))


def _is_in(node: LexborNode | None, decided: dict[int, bool]) -> bool:
    """What is decided for the nearest ancestor of which something is."""
    passed: list[int] = []
    inside = False
    while node is not None:
        known = decided.get(node.mem_id)
        if known is not None:
            inside = known
            break
        passed.append(node.mem_id)
        node = node.parent
    decided.update(dict.fromkeys(passed, inside))
    return inside


def _is_elsewhere(node: LexborNode) -> bool:
    """Whether an element is of something else than the article: a link, an aside, the header of the page."""
    around = chain(node)
    if is_of_others(node) or any(one.tag == "a" for one in around):
        return True
    tags = [one.tag for one in around]
    return "header" in tags and not {"article", "main"} & {*tags[tags.index("header") :]}


def is_of_others(node: LexborNode) -> bool:
    """Whether an element is in an aside, a menu, a box of related articles, or among the remarks of readers."""
    return any(one.tag in {"aside", "nav", "footer"} or _OTHERS.search(_names(one)) for one in chain(node))


def _names(node: LexborNode) -> str:
    attributes = node.attributes
    return f"{attributes.get('class') or ''} {attributes.get('id') or ''}"


def is_in_link(node: LexborNode) -> bool:
    """Whether an element is right inside a link."""
    parent = node.parent
    return parent is not None and (parent.tag == "a" or (parent.parent is not None and parent.parent.tag == "a"))


def is_inside(node: LexborNode, key: int, known: dict[int, bool]) -> bool:
    """Whether an element is, or is in, the one of this key. `known`: answers for elements on the way."""
    passed: list[int] = []
    inside = False
    at: LexborNode | None = node
    while at is not None:
        if at.mem_id == key:
            inside = True
            break
        if at.mem_id in known:
            inside = known[at.mem_id]
            break
        passed.append(at.mem_id)
        at = at.parent
    known.update(dict.fromkeys(passed, inside))
    return inside


def by_container(running: list[tuple[LexborNode, int]]) -> list[tuple[LexborNode, int]]:
    """The running text of each element that holds some itself: a paragraph's is its parent's."""
    sizes: dict[int, int] = {}
    nodes: dict[int, LexborNode] = {}
    for node, size in running:
        holder = node.parent if node.tag == "p" and node.parent is not None else node
        sizes[holder.mem_id] = sizes.get(holder.mem_id, 0) + size
        nodes[holder.mem_id] = holder
    return [(nodes[key], size) for key, size in sizes.items()]
