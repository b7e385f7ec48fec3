"""JSON Lines: one article object a line, each a document of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from lodestream.clean.structured.fields import URLS
from lodestream.replay.documents import (
    DOCUMENT_MAX_BYTES,
    Labels,
    RawDocument,
    Refused,
    SourceFile,
    host,
    moment,
    raw_document,
    too_large,
)
from lodestream.replay.unpacked import Unpacked

LINE_MAX_BYTES: Final = DOCUMENT_MAX_BYTES + 2  # its end may be \r\n
SITES: Final = ("source", "source_domain", "domain")
"""Names under which crawlers write the site; `clean` knows more names of a publisher."""
BOM: Final = b"\xef\xbb\xbf"


def read_jsonl(content: Unpacked, file: SourceFile, labels: Labels) -> Iterator[RawDocument | Refused]:
    """The documents of a JSON Lines file, in order.

    An article without an `id` is named by file and line (`name:line`), and behind damage, where nobody knows how many
    lines are lost, by the byte from where it goes on (`name@byte:line`). The file's site is used where an article has
    neither `source` nor a URL with a host. A line over the limit is refused and the next one is read. A line that
    damage cut off is part of what is lost.
    """
    number = 0
    region = ""
    may_be_cut = False  # the first line behind damage may be the rest of one
    while True:
        line = content.line(LINE_MAX_BYTES)
        if line == b"" or _is_cut(line, content):
            goes_on = content.resume(f"line {number}{region and f' behind byte {region[1:]}'}")
            if goes_on is None:
                return
            number, region, may_be_cut = 0, f"@{goes_on}", True
            continue
        number += 1
        here = f"{file.path}{region}:{number}"
        if line is None:
            yield too_large(here)
        elif text := (line.removeprefix(BOM) if number == 1 else line).strip(b" \t\r\n"):
            if not may_be_cut or isinstance(_decoded(text), dict):
                yield _article(text, here, f"{file.name}{region}:{number}", file.site, labels)
        else:
            number += content.skip_line_ends()
        may_be_cut = False


def _is_cut(line: bytes | None, content: Unpacked) -> bool:
    """Whether damage ends the line."""
    if content.damage is None or content.sealed == content.position:
        return False
    return not content.ahead(0, 1) if line is None else not line.endswith(b"\n")


def _decoded(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _article(text: bytes, place: str, fallback_id: str, site: str, labels: Labels) -> RawDocument | Refused:
    """The document of a line. One that is no JSON object names nothing; it goes on too, and becomes a dead letter."""
    decoded = _decoded(text)
    article = decoded if isinstance(decoded, dict) else {}
    url = next(filter(None, (_text(article.get(name)) for name in URLS)), None)
    return raw_document(
        text,
        place=place,
        document_id=_id(article.get("id")) or fallback_id,
        site=next(filter(None, (_source(article.get(name)) for name in SITES)), None) or host(url) or site,
        content_type="application/json",
        labels=labels,
        url=url,
        fetched_at=moment(article.get("fetched_at")),
    )


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _id(value: Any) -> str | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else _text(value)


def _source(value: Any) -> str | None:
    """`source` as text, or as an object that names it, as our own records do."""
    if isinstance(value, dict):
        return _text(value.get("site")) or _text(value.get("name"))
    return _text(value)
