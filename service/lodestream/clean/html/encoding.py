"""A page's bytes as text: by what they are, what is declared, what the page says, and what it looks like."""

from __future__ import annotations

import re
from typing import Final

from resiliparse.parse.encoding import detect_encoding

from lodestream.clean.document import (
    Document,
    byte_order_mark,
    check_damage,
    codec_of,
    declared_charset,
    is_damaged,
)
from lodestream.errors import Reason, Rejected

_HEAD: Final = 65_536  # bytes in which a page must say its charset; the standard says 1024, pages do not keep to it
_META: Final = re.compile(
    rb"<meta[^>]{0,400}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE
)
_XML: Final = re.compile(rb"^\s{0,99}<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z0-9_:.-]{2,40})")


_WIDE: Final = re.compile(rb"(?:\s\x00)*+(?P<le><\x00[!?A-Za-z]\x00)|(?:\x00\s)*+\x00<\x00[!?A-Za-z]")
"""How markup in UTF-16 starts that has no byte order mark."""
_ASCII: Final = bytes(range(128))
_RUN: Final = re.compile(rb"[\x80-\xff]{3,}")
_FOREIGN: Final = 0.6  # of the bytes over ASCII stand three and more together: letters with marks seldom do
_UTF8: Final = "utf-8"
_LATIN: Final = "cp1252"
_GOOD: Final = 20  # characters of more than a byte for each wrong byte, in a text that is UTF-8


def decode_page(document: Document) -> str:
    """A page of HTML as text. Raises `Rejected`.

    A byte order mark wins, and zeros tell UTF-16 without one. What is UTF-8 and more than ASCII is that, whatever is
    declared: nothing else looks so by chance. Latin 1 is not believed of bytes that are of another script.
    Else the first charset counts in which nearly all can be read: the header's, the page's own, what its bytes
    look like. A few wrong bytes are replaced, as browsers do. Invisible characters stay: entities bring more, so the
    texts of elements are freed of them (`one_line`).
    """
    mark = byte_order_mark(document.body)
    if mark is not None:
        codec, skipped = mark
        text = document.body[skipped:].decode(codec, "replace")
        check_damage(text, codec)
    elif (wide := _WIDE.match(document.body)) is not None:
        text = document.body.decode("utf-16-le" if wide["le"] else "utf-16-be", "replace")
        check_damage(text, "utf-16")
    else:
        text = (None if document.body.isascii() else _utf8(document.body)) or _by_labels(document)
    if not text or text.isspace():
        raise Rejected(Reason.EMPTY_DOCUMENT, "no visible character")
    return text


def _utf8(body: bytes) -> str | None:
    """The text of bytes that are UTF-8 but for a few; None for others."""
    try:
        return body.decode(_UTF8)
    except UnicodeDecodeError:
        text = body.decode(_UTF8, "replace")
    bad = text.count("\ufffd")
    good = len(text) - bad - len(text.encode("ascii", "ignore"))
    return text if good >= _GOOD * bad else None


def _by_labels(document: Document) -> str:
    header, own = (_codec_of(label) for label in (declared_charset(document), _stated(document.body)))
    if header == _LATIN and own is not None:
        header = None  # what servers say of all they have
    found = _codec_of(detect_encoding(document.body, html5_compatible=False))
    if found is not None and _LATIN in {header, own} and _is_foreign(document.body):
        header, own = (None if codec == _LATIN else codec for codec in (header, own))
    first = header or own or _UTF8
    for codec in (header, own, found):
        if codec is not None:
            text = document.body.decode(codec, "replace")
            if not is_damaged(text):
                return text
    text = document.body.decode(first, "replace")
    check_damage(text, first)
    return text


def _is_foreign(body: bytes) -> bool:
    """Whether the bytes over ASCII are of another script than Latin: they stand together."""
    together = sum(len(run) for run in _RUN.findall(body))
    return together > _FOREIGN * len(body.translate(None, _ASCII))


def _codec_of(label: str | None) -> str | None:
    return codec_of(label) if label else None


def _stated(page: bytes) -> str | None:
    """The label in a page's meta element or XML declaration; one that could be read at all is not in UTF-16."""
    head = page[:_HEAD]
    match = _XML.search(head)
    for found in _META.finditer(head):
        comment = head.rfind(b"<!--", 0, found.start())
        if comment < 0 or head.find(b"-->", comment, found.start()) >= 0:
            match = found
            break
    label = match[1].decode("ascii") if match else None
    return _UTF8 if label is not None and label.lower().startswith("utf-16") else label
