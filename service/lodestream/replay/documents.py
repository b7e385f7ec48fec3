"""A document as `replay` puts it on `raw`, and what it refuses to put there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from lodestream.headers import Header, Headers
from lodestream.times import from_rfc3339, rfc3339

DOCUMENT_MAX_BYTES: Final = 8 * 1024 * 1024  # a topic takes records of 9 MiB: the document, its headers, the batch
HEADERS_MAX_BYTES: Final = 64 * 1024  # ids, sites and URLs are short; what is not is no id


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One record for `raw`: the bytes as they are, headers that say what they are, the site as key."""

    value: bytes
    headers: Headers
    key: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that could not be read or is not taken: where it is (path, or path:line), and why."""

    place: str
    why: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read: its name is the path below the folder that was given, or just its name."""

    path: Path
    name: str
    site: str


@dataclass(frozen=True, slots=True)
class Labels:
    """What the caller states about all documents.

    `source` takes the place of every site that the documents themselves would give. `fetched_at` (RFC 3339)
    holds where a document does not say. `charset` holds for files of text and HTML.
    """

    source: str | None = None
    fetched_at: str | None = None
    charset: str | None = None
    replay_id: str | None = None


def raw_document(
    value: bytes,
    *,
    place: str,
    document_id: str,
    site: str,
    content_type: str,
    labels: Labels,
    url: str | None = None,
    fetched_at: str | None = None,
    charset: str | None = None,
) -> RawDocument | Refused:
    """The record for a document. A missing site, oversized headers or an oversized value are refused."""
    site = labels.source or site
    if not site:
        return Refused(place, "no site: give one with --source")
    if len(value) > DOCUMENT_MAX_BYTES:
        return too_large(place, len(value))
    stated = (
        (Header.DOCUMENT_ID, document_id),
        (Header.SITE, site),
        (Header.CONTENT_TYPE, content_type),
        (Header.URL, url),
        (Header.FETCHED_AT, fetched_at or labels.fetched_at),
        (Header.CHARSET, charset),
        (Header.REPLAY_ID, labels.replay_id),
    )
    headers = tuple((name, _utf8(text)) for name, text in stated if text)
    if sum(len(content) for _, content in headers) > HEADERS_MAX_BYTES:
        return Refused(place, f"its id, site and URL are over {HEADERS_MAX_BYTES // 1024} KiB")
    return RawDocument(value, headers, _utf8(site))


def too_large(place: str, size: int | None = None) -> Refused:
    """A document over the limit; `size` in bytes, where it is known."""
    known = "" if size is None else f"{size / 1024 / 1024:.1f} MiB, "
    return Refused(place, f"{known}over the limit of {DOCUMENT_MAX_BYTES // 1024 // 1024} MiB")


def host(url: str | None) -> str | None:
    """The host of a URL, in lower case; None where it has none."""
    try:
        return urlsplit(url or "").hostname
    except ValueError:
        return None


def moment(value: Any) -> str | None:
    """A stated time in RFC 3339; None for what is no time with a zone (it still stands in the document)."""
    try:
        return rfc3339(from_rfc3339(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _utf8(text: str) -> bytes:
    """UTF-8 of a text that may hold what no UTF-8 has: bytes of a file name, half a surrogate pair of a JSON."""
    return text.encode("utf-8", "backslashreplace")
