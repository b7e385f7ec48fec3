"""What a text in a JSON document is: text as it stands, text with character references, or markup.

Records of feeds and crawlers hold all three under one name, so the text itself must tell, and a text that speaks of
tags must stay whole. Where it is unclear it is text: then a tag may be left in it, but nothing is lost.

- Markup has a tag in use: an element that is opened and closed (`<b>bold</b>`), a line break (`one<br>two`), an image
  with attributes, or a paragraph that begins the text and is followed by another one. A tag that is spoken of stands
  between spaces, in quotes or before a comma: "the <p> tag", "between <b> and </b>".
- A text without a tag in which every `&` begins a character reference is escaped: one `&` that does not, and it was
  written by hand. What is escaped is read once more, as it may be escaped markup.
"""

from __future__ import annotations

import html
import re
from itertools import islice
from typing import Final

from lodestream.clean.document import visible
from lodestream.clean.html import running
from lodestream.clean.html.running import Block

MAY_BE_MARKUP: Final = re.compile(r"<[A-Za-z/!?]")
"""What each text has that is given to a parser of markup; others never are."""
_ELEMENTS: Final = (
    "a abbr address article aside b blockquote body br center cite code dd del div dl dt em figcaption figure font "
    "footer h1 h2 h3 h4 h5 h6 head header hr html i iframe img ins kbd li main mark nav noscript ol p picture pre q s "
    "script section small span strike strong style sub sup table tbody td tfoot th thead time title tr tt u ul video"
).split()
_TAG: Final = re.compile(
    rf"<(?P<close>/?)(?P<name>{'|'.join(sorted(_ELEMENTS, key=len, reverse=True))})(?=[\s/>])"
    r"(?P<rest>[^<>]{0,2000}+)>",
    re.IGNORECASE,
)
_VOID: Final = frozenset({"br", "hr", "img"})
_PARAGRAPH: Final = re.compile(r"\s*<p[\s>]", re.IGNORECASE)
_WHOLE_PAGE: Final = re.compile(r"\s*(?:<[!?][^>]{0,400}>\s*){0,3}<(?:html|head|body)[\s>]", re.IGNORECASE)
_DOCTYPE: Final = re.compile(r"\s*<!doctype\s+html[\s>]", re.IGNORECASE)
_QUOTES: Final = "\"'`“”‘’„«»()[]"
_AFTER_A_MENTION: Final = ",.;:!?/…、。，"
_REFERENCE: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAGS_READ: Final = 10_000  # a text that has shown no tag in use by then speaks of them


def is_markup(text: str) -> bool:
    """Whether a text is markup, and not one that speaks of it."""
    if MAY_BE_MARKUP.search(text) is None:
        return False
    return is_page(text) or _has_tag_in_use(text)


def is_page(markup: str) -> bool:
    """Whether markup is a page with its head and menus, and not an article's own text."""
    return _DOCTYPE.match(markup) is not None or _WHOLE_PAGE.match(markup) is not None


def _has_tag_in_use(text: str) -> bool:
    begins_with_paragraph = _PARAGRAPH.match(text) is not None
    opened: set[str] = set()
    for number, tag in enumerate(islice(_TAG.finditer(text), _TAGS_READ)):
        name = tag["name"].lower()
        before, after = text[max(0, tag.start() - 1) : tag.start()], text[tag.end() : tag.end() + 1]
        if tag["close"]:
            used = (name in opened or after == "<") and _is_end_in_use(before, after)
        elif name in _VOID:
            used = "=" in tag["rest"] or _is_void_in_use(before, after)
        else:
            starts = _is_start_in_use(before, after)
            used = starts and name == "p" and number > 0 and begins_with_paragraph
            if starts or "=" in tag["rest"]:
                opened.add(name)
        if used:
            return True
    return False


def _is_start_in_use(before: str, after: str) -> bool:
    """Whether an opening tag stands at what it opens, or begins a line."""
    if before in {"", "\n"}:
        return True
    return bool(after.strip()) and after not in _AFTER_A_MENTION and not _is_quoted(before, after)


def _is_end_in_use(before: str, after: str) -> bool:
    """Whether a closing tag stands at what it closes, or at either end of a line."""
    if before == "\n" or after in {"", "\n"}:
        return True
    return bool(before.strip()) and not _is_quoted(before, after)


def _is_void_in_use(before: str, after: str) -> bool:
    if before in {"", "\n"} or after in {"", "\n"}:
        return True
    if _is_quoted(before, after):
        return False
    return bool(before.strip()) or (bool(after.strip()) and after not in _AFTER_A_MENTION)


def _is_quoted(before: str, after: str) -> bool:
    return before != "" and before in _QUOTES and (after in _QUOTES or after in _AFTER_A_MENTION)


def is_escaped(text: str) -> bool:
    """Whether every `&` of a text begins a character reference, and there is one."""
    count = text.count("&")
    return count > 0 and count == sum(html.unescape(match[0]) != match[0] for match in _REFERENCE.finditer(text))


def told(text: str) -> tuple[str, bool]:
    """A text without character references where it was escaped, and whether it is markup."""
    if MAY_BE_MARKUP.search(text) is not None:
        return text, is_markup(text)
    if not is_escaped(text):
        return text, False
    once = visible(html.unescape(text))
    if is_markup(once):
        return once, True
    if MAY_BE_MARKUP.search(once) is None and is_escaped(once):  # escaped twice, as some feeds are
        once = visible(html.unescape(once))
    return once, False


def blocks(markup: str) -> list[Block]:
    """The blocks of what is said to be markup. Without a tag in it no parser is run."""
    if MAY_BE_MARKUP.search(markup) is not None:
        return running.blocks(markup)
    text = " ".join(visible(html.unescape(markup)).split())
    return [Block(text)] if text else []


def one_line(text: str) -> str:
    """A short text, a headline or a summary, without markup and references, on one line."""
    plain, markup = told(text)
    if markup:
        plain = " ".join(block.text for block in blocks(plain))
    return " ".join(plain.split())
