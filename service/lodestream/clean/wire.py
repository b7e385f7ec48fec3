"""Cleaning as bytes for bytes, for the documents that run a parser of markup: that is done in a process of its own.

Such a parser gets hostile input, and one in C can hang or crash with it. What comes out is what `clean` gives in
this process, article for article and reason for reason.
"""

from __future__ import annotations

import re
import struct
from dataclasses import asdict
from typing import Any, Final

import orjson

from lodestream.clean import clean
from lodestream.clean.document import JSON, PLAIN, Document, Limits, codec_and_bytes, media_type
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields, Lineage

_SIZE: Final = struct.Struct("<I")
_GAP: Final = rb"[\\\x00-\x1f\x7f-\xff]"  # a character that is taken out may be here, as it stands or escaped
_MAY_HOLD_MARKUP: Final = tuple(  # 5 KB take 6 us; in one pattern, which no single character begins, 16
    re.compile(pattern.replace(b"GAP", _GAP), re.VERBOSE)
    for pattern in (
        rb"< (?: [A-Za-z/!?] | GAP )",  # as `bodies.MAY_BE_MARKUP`
        rb"& (?: [lL] (?: [tT] | GAP ) | \# 0*+ (?: 6 | [xX] 0*+ (?: 3 | GAP ) | GAP ) | GAP )",  # &lt; &#60; &#x3c;
        rb"\\ (?: u (?: 00[0-7] | 0?0? GAP ) | GAP )",  # \u003c
    )
)
_NOT_ASCII: Final = ("utf-16", "utf-32", "iso2022")


def runs_parser(document: Document, limits: Limits) -> bool:
    """Whether cleaning this document may parse markup; it may say so of one more, never of one less.

    Goes by the bytes, so that a document which is cleaned here is decoded there only. In the charsets that are read,
    but those in `_NOT_ASCII`, an ASCII character is the byte that ASCII has. Raises `Rejected` as `clean` would.
    """
    kind = media_type(document, limits)
    if kind != JSON:
        return kind != PLAIN
    codec, body = codec_and_bytes(document)
    return codec.startswith(_NOT_ASCII) or any(each.search(body) for each in _MAY_HOLD_MARKUP)


def pack(document: Document, *, limits: Limits, lineage: Lineage, ingested_at: str) -> bytes:
    """The arguments of `clean` as a request: the length of the head, the head as JSON, the body."""
    head = orjson.dumps(
        {
            "document": {**asdict(document), "body": None},
            "limits": asdict(limits),
            "lineage": lineage,
            "ingested_at": ingested_at,
        }
    )
    return _SIZE.pack(len(head)) + head + document.body


def clean_packed(request: bytes) -> bytes:
    """`clean` on a request of `pack`; its answer is for `unpack`. This is what the child process runs."""
    (size,) = _SIZE.unpack_from(request)
    end = _SIZE.size + size
    head = orjson.loads(request[_SIZE.size : end])
    document = Document(**{**head["document"], "body": request[end:]})
    try:
        articles = clean(
            document, limits=Limits(**head["limits"]), lineage=head["lineage"], ingested_at=head["ingested_at"]
        )
    except Rejected as rejected:
        return orjson.dumps({"reason": rejected.reason, "detail": rejected.detail})
    return orjson.dumps(articles)


def unpack(answer: bytes) -> list[ArticleFields]:
    """The articles of an answer. Raises `Rejected` where `clean` did."""
    found: Any = orjson.loads(answer)
    if isinstance(found, dict):
        raise Rejected(Reason(found["reason"]), found["detail"])
    articles: list[ArticleFields] = found
    return articles
