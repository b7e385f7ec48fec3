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
)
from lodestream.errors import Reason, Rejected

_HEAD: Final = 4096  # bytes in which a page must say its charset; the standard says 1024, pages do not keep to it
_META: Final = re.compile(
    rb"<meta[^>]{0,400}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE
)
_XML: Final = re.compile(rb"^\s{0,99}<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z0-9_:.-]{2,40})")


_UTF8: Final = "utf-8"


def decode_page(document: Document) -> str:
    """A page of HTML as text. Raises `Rejected`.

    A byte order mark wins. What is valid UTF-8 and more than ASCII is that, whatever is declared: nothing else looks
    so by chance. Else the header counts, then what the page says itself, then what its bytes look like. A few wrong
    bytes are replaced, as browsers do. Invisible characters stay: entities bring more, so the texts of elements are
    freed of them (`one_line`).
    """
    mark = byte_order_mark(document.body)
    text = _utf8(document.body) if mark is None and not document.body.isascii() else None
    if text is None:
        codec, skipped = mark or (_codec(document), 0)
        text = document.body[skipped:].decode(codec, "replace")
        check_damage(text, codec)
    if not text or text.isspace():
        raise Rejected(Reason.EMPTY_DOCUMENT, "no visible character")
    return text


def _utf8(body: bytes) -> str | None:
    try:
        return body.decode(_UTF8)
    except UnicodeDecodeError:
        return None


def _codec(document: Document) -> str:
    for label in (declared_charset(document), _stated(document.body), detect_encoding(document.body)):
        codec = codec_of(label) if label else None
        if codec is not None:
            return codec
    return _UTF8


def _stated(page: bytes) -> str | None:
    """The label in a page's meta element or XML declaration."""
    head = page[:_HEAD]
    match = _META.search(head) or _XML.search(head)
    return match[1].decode("ascii") if match else None
