"""JSON Lines, plain or gzip: one article object a line, each a document of its own."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from lodestream.replay.documents import DOCUMENT_MAX_BYTES, Labels, RawDocument, Refused, raw_document, too_large
from lodestream.times import from_rfc3339, rfc3339

GZIP_MAGIC: Final = b"\x1f\x8b"
BOM: Final = b"\xef\xbb\xbf"


def read_jsonl(
    file: io.BufferedReader, *, place: str, name: str, site: str, labels: Labels
) -> Iterator[RawDocument | Refused]:
    """The documents of an open JSON Lines file, in order; gzip is known by its first bytes.

    `place` names the file in refusals, `name` in the ids of articles without an `id` (`name:line`). `site` is
    used where an article has neither `source` nor a URL with a host. A line over the limit is refused and the next
    one is read. When the file itself breaks off (damaged gzip, read error), the last item says after which line.
    """
    number = 0
    try:
        for number, line in enumerate(_lines(_plain(file)), 1):
            here = f"{place}:{number}"
            if line is None:
                yield too_large(here)
                continue
            text = (line.removeprefix(BOM) if number == 1 else line).strip(b" \t\r\n")
            if text:
                yield _article(text, place=here, fallback_id=f"{name}:{number}", site=site, labels=labels)
    except (OSError, EOFError, zlib.error) as error:
        yield Refused(place, f"breaks off after line {number}: {error}")


def _plain(file: io.BufferedReader) -> io.BufferedIOBase:
    if file.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)] == GZIP_MAGIC:
        # Read as it is: a buffer around it would lose what was read when the stream breaks off.
        return gzip.GzipFile(fileobj=file)
    return file


def _lines(file: io.BufferedIOBase) -> Iterator[bytes | None]:
    """Lines with their ends; None for a line over the limit, of which never more than the limit is held."""
    limit = DOCUMENT_MAX_BYTES + 2  # its end may be \r\n
    while line := file.readline(limit):
        if len(line) < limit or line.endswith(b"\n"):
            yield line
            continue
        while (rest := file.readline(limit)) and not rest.endswith(b"\n"):
            pass
        yield None


def _article(text: bytes, *, place: str, fallback_id: str, site: str, labels: Labels) -> RawDocument | Refused:
    """The document of a line. One that is no JSON object names nothing; it goes on too, and becomes a dead letter."""
    try:
        decoded = orjson.loads(text)
    except orjson.JSONDecodeError:
        decoded = None
    article = decoded if isinstance(decoded, dict) else {}
    url = _text(article.get("url"))
    return raw_document(
        text,
        place=place,
        document_id=_id(article.get("id")) or fallback_id,
        site=_source(article.get("source")) or _host(url) or site,
        content_type="application/json",
        labels=labels,
        url=url,
        fetched_at=_moment(article.get("fetched_at")),
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


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url or "").hostname
    except ValueError:
        return None


def _moment(value: Any) -> str | None:
    """A stated time in RFC 3339; None for what is no time with a zone (it still stands in the document)."""
    try:
        return rfc3339(from_rfc3339(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
