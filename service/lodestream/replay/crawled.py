"""A WARC record as a document for `raw`, or the reason why it is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fastwarc import WarcRecord as ParsedRecord

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
from lodestream.replay.http_body import TooLarge, Undecodable, decoded_body
from lodestream.replay.warc import BLOCK_MAX_BYTES, WarcRecord

CONTENT_TYPES: Final = {
    "text/html": "text/html",
    "application/xhtml+xml": "text/html",
    "text/plain": "text/plain",
    "application/json": "application/json",
    "text/json": "application/json",
    "application/ld+json": "application/json",
}
_TYPES: Final = frozenset(
    ("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation")
)
# Crawlers write their own logs as resources, too: `metadata://` (wget), `urn:pageinfo:` (Browsertrix).
_PAGE_SCHEMES: Final = frozenset(("http", "https", "ftp", "file", ""))
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';,]{1,40})", re.IGNORECASE)
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,60}")
_LINE_END: Final = re.compile(rb"\r?\n")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(rb"^(Content-Length[ \t]*:[ \t]*)\d+", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record that is no document and was never meant to be one: why, in words that few records differ in."""

    why: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that may be a document and cannot be had: why."""

    why: str


def document_of(record: WarcRecord, file: SourceFile, labels: Labels) -> RawDocument | Refused | LeftOut | Unreadable:
    """The document of a record: HTML, plain text or JSON of a `response` of status 2xx, a `resource` or `conversion`.

    The id is the record's, without brackets: the same fetch has it wherever its record is copied to. Without one it is
    URL and date. HTTP's transfer and content encodings are undone. One over the limit is refused.
    """
    place = f"{file.path}:record {record.number}"
    try:
        parsed = ParsedRecord.from_bytes(_for_the_parser(record, _http_lines(record)))
        parsed.parse_http()
    except (OSError, ValueError):
        return Unreadable("its headers cannot be read")
    kind = (parsed.headers.get("WARC-Type") or "").strip().lower()
    stated = _content_type(parsed, kind)
    media_type = stated.partition(";")[0].strip().lower()
    why = _why_not(parsed, kind)
    if why is None and media_type not in CONTENT_TYPES:
        why = f"{kind} of type {media_type if _MEDIA_TYPE.fullmatch(media_type) else 'unknown'}"
    if why is not None:
        return LeftOut(why)
    try:
        value = _value(parsed, record, kind)
    except Undecodable as error:
        return Unreadable(str(error))
    except TooLarge:
        return too_large(place, record.length if record.length > BLOCK_MAX_BYTES else None)
    if not value:
        return LeftOut(f"{kind} without a body")
    url = _url(parsed) or None
    date = (parsed.headers.get("WARC-Date") or "").strip()
    charset = _CHARSET.search(stated)
    return raw_document(
        value,
        place=place,
        document_id=_id(parsed, url, date) or f"{file.name}:{record.number}",
        site=host(url) or file.site,
        content_type=CONTENT_TYPES[media_type],
        labels=labels,
        url=url,
        fetched_at=moment(date),
        charset=charset[1].lower() if charset else None,
    )


def has_wrong_digest(record: WarcRecord) -> bool:
    """Whether the record states a digest of its block that is not the block's."""
    if b"warc-block-digest" not in record.head.lower() or record.length != len(record.block):
        return False
    parsed = ParsedRecord.from_bytes(_for_the_parser(record, record.block))
    return "WARC-Block-Digest" in parsed.headers and not parsed.verify_block_digest()


def _why_not(parsed: ParsedRecord, kind: str) -> str | None:
    """Why a record is no document, whatever its content type; None where it may be one."""
    if kind not in {"response", "resource", "conversion"}:
        return f"{kind if kind in _TYPES else 'unknown'} record"
    if "WARC-Segment-Number" in parsed.headers:
        return "segmented record"
    if kind != "response":
        scheme = _url(parsed).partition(":")[0].lower()
        return None if scheme in _PAGE_SCHEMES else f"{kind} that is no page"
    if not parsed.is_http_parsed:
        return "response that is not HTTP"
    status = parsed.http_headers.status_code or 0
    if not 100 <= status <= 599:
        return "response without a status"
    is_whole = 200 <= status <= 299 and status != 206  # 206: Partial Content
    return None if is_whole else f"status {status}"


def _url(parsed: ParsedRecord) -> str:
    return (parsed.headers.get("WARC-Target-URI") or "").strip().strip("<>")


def _content_type(parsed: ParsedRecord, kind: str) -> str:
    headers = parsed.http_headers if kind == "response" and parsed.is_http_parsed else parsed.headers
    return headers.get("Content-Type") or parsed.headers.get("WARC-Identified-Payload-Type") or ""


def _value(parsed: ParsedRecord, record: WarcRecord, kind: str) -> bytes:
    """The document itself. Raises `Undecodable` and `TooLarge`."""
    if record.length > BLOCK_MAX_BYTES:
        raise TooLarge
    value: bytes = parsed.reader.read() if parsed.reader is not None else b""
    if kind != "response":
        return value
    http = parsed.http_headers
    transfer, encodings = http.get_multiple("Transfer-Encoding"), http.get_multiple("Content-Encoding")
    return decoded_body(value, ", ".join(transfer), ", ".join(encodings), DOCUMENT_MAX_BYTES)


def _id(parsed: ParsedRecord, url: str | None, date: str) -> str | None:
    if stated := (parsed.headers.get("WARC-Record-ID") or "").strip().strip("<>"):
        return stated
    return f"{url} {date}" if url and date else None


def _http_lines(record: WarcRecord) -> bytes:
    """The block, with line ends in its HTTP headers as the parser wants them: some servers send bare line feeds."""
    end = _HEAD_END.search(record.block) if b"application/http" in record.head.lower() else None
    if end is None or end[0] == b"\r\n\r\n":
        return record.block
    return _LINE_END.sub(b"\r\n", record.block[: end.end()]) + record.block[end.end() :]


def _for_the_parser(record: WarcRecord, block: bytes) -> bytes:
    """The record with line ends as the parser wants them, and the length of what is there of its block."""
    head = _LINE_END.sub(b"\r\n", record.head)
    if record.length != len(block):
        head = _LENGTH.sub(rb"\g<1>%d" % len(block), head, count=1)
    return head + block
