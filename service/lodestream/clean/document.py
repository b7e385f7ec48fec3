"""A raw document, the limits it must keep, and its bytes as text."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from dataclasses import dataclass
from typing import Final

from lodestream.errors import Reason, Rejected

MIB: Final = 1024 * 1024
NAME_MAX_BYTES: Final = 2048  # of an id, a site or a URL: every record about the document carries them
PLAIN: Final = "text/plain"
JSON: Final = "application/json"
HTML: Final = "text/html"
_XHTML: Final = "application/xhtml+xml"

_UTF8: Final = "utf-8"
_CHARSETS: Final = {
    "utf-8": _UTF8, "utf8": _UTF8, "unicode-1-1-utf-8": _UTF8, "us-ascii": _UTF8, "ascii": _UTF8,
    "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be", "utf-32": "utf-32",
    # a page that says Latin 1 means its superset, as browsers read it
    "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "cp1252": "cp1252",
    **{f"{prefix}{page}": f"cp{page}" for page in range(1250, 1259) for prefix in ("windows-", "x-cp", "cp")},
    "windows-874": "cp874", "iso-8859-8-i": "iso8859-8",
    **{
        f"{prefix}-{part}": f"iso8859-{part}"
        for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16) for prefix in ("iso-8859", "iso8859")
    },
    "koi8-r": "koi8-r", "koi8-u": "koi8-u", "macintosh": "mac-roman", "tis-620": "iso8859-11",
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs", "big5-hkscs": "big5hkscs",
    "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932", "euc-jp": "euc-jp",
    "iso-2022-jp": "iso2022-jp", "euc-kr": "cp949", "ks-c-5601-1987": "cp949", "windows-949": "cp949",
    "ksc5601": "cp949", "uhc": "cp949", "cp949": "cp949", "x-gbk": "gb18030", "gb-2312-80": "gb18030",
    "cn-big5": "big5hkscs", "x-x-big5": "big5hkscs", "ms-kanji": "cp932", "x-euc-jp": "euc-jp",
}  # fmt: skip
"""Charset labels of the WHATWG Encoding Standard and the codecs that read them. Others are refused, not guessed."""

_BOMS: Final = (
    (BOM_UTF8, _UTF8),
    (BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (BOM_UTF32_BE, "utf-32-be"),
    (BOM_UTF16_LE, "utf-16-le"),
    (BOM_UTF16_BE, "utf-16-be"),
)
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff\ufff9-\ufffb\ud800-\udfff]"
)
_SPACES: Final = "\n\r\t\xa0\u3000"  # that count as not printable
_REPLACEMENT: Final = "\ufffd"
_DAMAGE: Final = 0.01  # of the characters: more and the charset is not the one declared
_WIDE_SPACE: Final = re.compile("[ \n\t,.\u3000\u3001\u3002\uff0c]")
"""No text of some length goes without; and bytes that are two ASCII characters are none of these in UTF-16."""
_TELLING: Final = 8  # characters
_UTF16_JSON: Final = re.compile(rb"(?P<le>[{\[]\x00[\t-\r -~]\x00)|\x00[{\[]\x00[\t-\r -~]")
_BLANK: Final = re.compile(rb"[\s\x00]*")


@dataclass(frozen=True, slots=True)
class Document:
    """A record of `raw`: bytes as fetched, and what its headers say. `fetched_at` is RFC 3339."""

    body: bytes
    content_type: str | None = None
    document_id: str | None = None
    site: str | None = None
    url: str | None = None
    fetched_at: str | None = None
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused: larger documents and article bodies (bytes), more articles in one document."""

    document_bytes: int = 4 * MIB
    article_bytes: int = MIB
    articles: int = 500


def media_type(document: Document, limits: Limits) -> str:
    """`PLAIN`, `JSON` or `HTML`. Raises `Rejected` for a document that cannot be read as one of them."""
    for name, value in (("document-id", document.document_id), ("site", document.site)):
        if not value or value.isspace():
            raise Rejected(Reason.MISSING_HEADER, f"header {name} is missing or empty")
    for name, value in (("document-id", document.document_id), ("site", document.site), ("url", document.url)):
        if value is not None and len(value.encode("utf-8", "replace")) > NAME_MAX_BYTES:
            raise Rejected(Reason.INVALID_HEADER, f"header {name} has more than {NAME_MAX_BYTES} bytes")
    if _BLANK.fullmatch(document.body):
        raise Rejected(Reason.EMPTY_DOCUMENT, "no byte but white space")
    if len(document.body) > limits.document_bytes:
        raise Rejected(Reason.DOCUMENT_TOO_LARGE, f"{len(document.body)} bytes, limit {limits.document_bytes}")
    kind = (document.content_type or "").split(";")[0].strip().lower()
    if kind in {PLAIN, JSON, HTML}:
        return kind
    if kind == _XHTML:
        return HTML
    raise Rejected(Reason.UNKNOWN_CONTENT_TYPE, f"{kind[:80]!r}: only {PLAIN}, {HTML} and {JSON} are read")


def decode(document: Document) -> str:
    """The document as text, without byte order mark and invisible characters.

    A byte order mark wins over what is declared; without either it must be UTF-8. Of another charset a few bytes
    may be wrong, as browsers have it. Raises `Rejected`.
    """
    codec, body = codec_and_bytes(document)
    try:
        text = body.decode(codec, "strict" if codec == _UTF8 else "replace")
    except UnicodeDecodeError as error:
        raise Rejected(Reason.NOT_UTF8, f"not valid {codec}: byte {error.start}") from None
    if codec.startswith("utf-16") and len(text) > _TELLING and not _WIDE_SPACE.search(text):
        raise Rejected(Reason.NOT_UTF8, f"a byte order mark of {codec} before what is no {codec}")
    if codec != _UTF8:
        check_damage(text, codec)
    return not_blank(text)


def not_blank(text: str) -> str:
    """Text without invisible characters. Raises `Rejected` where nothing is left."""
    text = visible(text)
    if not text or text.isspace():
        raise Rejected(Reason.EMPTY_DOCUMENT, "no visible character")
    return text


def is_damaged(text: str) -> bool:
    """Whether so many characters could not be read that the charset is not the one it was read in."""
    return text.count(_REPLACEMENT) > _DAMAGE * len(text)


def check_damage(text: str, codec: str) -> None:
    """Raises `Rejected` for a damaged text."""
    if is_damaged(text):
        raise Rejected(Reason.NOT_UTF8, f"not valid {codec}: {text.count(_REPLACEMENT)} characters")


def visible(text: str) -> str:
    """Text without control characters (line breaks and tabs stay), zero-width spaces and lone surrogates."""
    plain = text
    for space in _SPACES:
        plain = plain.replace(space, " ")
    if plain.isprintable():  # so most are, and this is three times as fast as the search
        return text
    return _INVISIBLE.sub("", text)


def one_line(text: str) -> str:
    """Text without invisible characters, white space collapsed to single spaces."""
    text = " ".join(text.split())
    return text if text.isprintable() else " ".join(_INVISIBLE.sub("", text).split())


def byte_order_mark(body: bytes) -> tuple[str, int] | None:
    """The codec that the first bytes say, and how many bytes say so."""
    return next(((codec, len(mark)) for mark, codec in _BOMS if body.startswith(mark)), None)


def codec_of(label: str) -> str | None:
    """The codec that reads a charset's label; None for one that is not known."""
    return _CHARSETS.get(label.strip().strip("\"'").lower().replace("_", "-"))


def declared_charset(document: Document) -> str | None:
    """The charset of the document's header, or of its content type."""
    return document.charset or _parameter(document.content_type or "")


def codec_and_bytes(document: Document) -> tuple[str, bytes]:
    """The codec of a document, and its bytes without a byte order mark. Raises `Rejected` for an unknown charset.

    JSON without a mark and a label begins with two ASCII characters, so zeros tell UTF-16.
    """
    mark = byte_order_mark(document.body)
    if mark is not None:
        return mark[0], document.body[mark[1] :]
    label = declared_charset(document)
    if not label:
        start = _UTF16_JSON.match(document.body)
        return (_UTF8 if start is None else "utf-16-le" if start["le"] else "utf-16-be"), document.body
    known = codec_of(label)
    if known is None:
        raise Rejected(Reason.UNKNOWN_CHARSET, f"charset {label[:40]!r}")
    return known, document.body


def _parameter(content_type: str) -> str | None:
    """The charset parameter of a content type."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip()
    return None
