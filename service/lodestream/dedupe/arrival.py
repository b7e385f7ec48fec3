"""An article as the deduper sees it: identity, times and fingerprint, checked once."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, NamedTuple

import numpy as np
import xxhash

from lodestream.dedupe.fingerprint import ANCHORS_MAX, FORMAT, SKETCH_SIZE
from lodestream.errors import Reason, Rejected
from lodestream.records import Article
from lodestream.text import words
from lodestream.times import from_rfc3339

TEXT_MAX_BYTES: Final = 2048  # of an id, key, name or time: lengths are kept in 16 bits, and the window pays for them
HEADLINE_MAX_WORDS: Final = 64  # characters, where the script is written without spaces
HEADLINE_MAX_CHARACTERS: Final = 1000
_SHINGLES_MAX: Final = 2**32 - 1
_PASSED_ON: Final = ("headline", "url", "role", "lineage")  # into links, as they are


class Arrival(NamedTuple):
    """What verdicts are made of. Times are ms since the epoch."""

    article_id: str
    text_key: str
    site: str
    source: str | None
    published_at: str | None  # as the record has it
    published: int | None
    fetched: int | None
    ingested: int
    headline: bytes  # 16-bit hashes of its words, little endian, ascending
    exact: bytes  # 16 bytes
    shingles: int
    anchors: bytes  # u32 little endian, ascending
    sketch: bytes  # u32 little endian, ascending

    @classmethod
    def of(cls, article: Article) -> Arrival:
        """Read an article. Raises `Rejected` that names the field where one is missing or wrong."""
        fields: dict[str, Any] = dict(article)
        for name in _PASSED_ON:
            if name not in fields:
                raise _rejected(f"{name}: missing")
        source = _object(fields, "source")
        print_ = _object(fields, "fingerprint")
        if print_.get("format") != FORMAT:
            raise _rejected(f"fingerprint.format: {print_.get('format')!r:.20}, not {FORMAT}")
        _text(fields, "document_id")
        published_at = _optional_text(fields, "published_at")
        fetched_at = _optional_text(fields, "fetched_at")
        return cls(
            article_id=_text(fields, "article_id"),
            text_key=_text(fields, "text_key"),
            site=_text(source, "site"),
            source=_optional_text(source, "name"),
            published_at=published_at,
            published=_time("published_at", published_at),
            fetched=_time("fetched_at", fetched_at),
            ingested=_milliseconds("ingested_at", _text(fields, "ingested_at")),
            headline=_headline(fields["headline"]),
            exact=_exact(print_.get("exact")),
            shingles=_count(print_.get("shingles")),
            anchors=_values(print_, "anchors", ANCHORS_MAX),
            sketch=_values(print_, "sketch", SKETCH_SIZE),
        )


def _rejected(detail: str) -> Rejected:
    return Rejected(Reason.INVALID_RECORD, detail)


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    if not isinstance(value, dict):
        raise _rejected(f"{name}: not an object")
    return value


def _text(fields: dict[str, Any], name: str) -> str:
    value = _optional_text(fields, name)
    if not value:
        raise _rejected(f"{name}: missing or empty")
    return value


def _optional_text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _rejected(f"{name}: not a string")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise _rejected(f"{name}: a lone surrogate in it") from None
    if size > TEXT_MAX_BYTES:
        raise _rejected(f"{name}: {size} bytes, more than {TEXT_MAX_BYTES}")
    return value


def _time(name: str, value: str | None) -> int | None:
    return None if value is None else _milliseconds(name, value)


def _milliseconds(name: str, value: str) -> int:
    try:
        return from_rfc3339(value)
    except (ValueError, OverflowError):
        raise _rejected(f"{name}: not a time of RFC 3339") from None


def _headline(value: object) -> bytes:
    """Enough to tell whether two headlines share most of their words."""
    if value is None:
        return b""
    if not isinstance(value, str):
        raise _rejected("headline: not a string")
    tokens = words(value[:HEADLINE_MAX_CHARACTERS])[:HEADLINE_MAX_WORDS]
    hashes = {xxhash.xxh3_64_intdigest(token.encode()) & 0xFFFF for token in tokens}
    return b"".join(number.to_bytes(2, "little") for number in sorted(hashes))


def _exact(value: object) -> bytes:
    try:
        key = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        key = b""
    if len(key) != 16:
        raise _rejected("fingerprint.exact: not 32 hex digits")
    return key


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _SHINGLES_MAX:
        raise _rejected("fingerprint.shingles: not a count")
    return value


def _values(print_: dict[str, Any], name: str, most: int) -> bytes:
    """u32 values in base64: strictly ascending, at most `most`, some where there are shingles and none where not."""
    value = print_.get(name)
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else b"?"
    except (binascii.Error, ValueError):
        data = b"?"
    if len(data) % 4 or len(data) > 4 * most:
        raise _rejected(f"fingerprint.{name}: not base64 of up to {most} values")
    numbers = np.frombuffer(data, dtype="<u4")
    if not (numbers[1:] > numbers[:-1]).all() or bool(data) != bool(print_.get("shingles")):
        raise _rejected(f"fingerprint.{name}: not ascending, or at odds with the count of shingles")
    return data
