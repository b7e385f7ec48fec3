"""One article in the window, and its bytes: the same in memory and in the changelog."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from lodestream.dedupe.arrival import Arrival

FORMAT: Final = 2  # of the bytes of entries, summaries and what is made of them
_UNKNOWN: Final = -(2**63)  # a time that is not known
_NO_TEXT: Final = 0xFFFF
_TEXT_LENGTH: Final = struct.Struct("<H")
# clock, story, published, fetched, ingested; version, shingles; sizes of anchors, sketch, headline; flags; exact
_HEAD: Final = struct.Struct("<qQqqqIIHBBB16s")
_ROUND_UP: Final = 1
_CHAINED: Final = 2
_STORY_AT: Final = 8
_PEEK: Final = struct.Struct("<Q32xH")
_SHINGLES_AT: Final = 44
_PEEK_LENGTH: Final = struct.Struct("<I4xB")


class Entry(NamedTuple):
    """An article that the window remembers.

    `clock` is when it came (ms, the log's clock). `story` is the number of the entry that opened its story.
    `duplicate_of` is the article that it was linked to, if it did not go on to `originals`. `chained`: the text that
    it was found to be like is a copy itself.
    """

    arrival: Arrival
    clock: int
    story: int
    version: int
    duplicate_of: str | None
    round_up: bool
    chained: bool

    def encode(self) -> bytes:
        a = self.arrival
        head = _HEAD.pack(
            self.clock,
            self.story,
            encode_time(a.published),
            encode_time(a.fetched),
            a.ingested,
            self.version,
            a.shingles,
            len(a.anchors) // 4,
            len(a.sketch) // 4,
            len(a.headline) // 2,
            self.round_up * _ROUND_UP | self.chained * _CHAINED,
            a.exact,
        )
        texts = (a.article_id, a.text_key, a.site, a.source, a.published_at, self.duplicate_of)
        return b"".join((head, a.anchors, a.sketch, a.headline, *map(encode_text, texts)))

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        """The entry of these bytes. Raises `struct.error` or `ValueError` on others."""
        (
            clock,
            story,
            published,
            fetched,
            ingested,
            version,
            shingles,
            n_anchors,
            n_sketch,
            n_headline,
            flags,
            exact,
        ) = _HEAD.unpack_from(data)
        sketch_at = _HEAD.size + 4 * n_anchors
        headline_at = sketch_at + 4 * n_sketch
        at = texts_at = headline_at + 2 * n_headline
        article_id, at = decode_text(data, at)
        text_key, at = decode_text(data, at)
        site, at = decode_text(data, at)
        source, at = decode_text(data, at)
        published_at, at = decode_text(data, at)
        duplicate_of, at = decode_text(data, at)
        if at != len(data) or article_id is None or text_key is None or site is None:
            raise ValueError("not an entry")
        arrival = Arrival(
            article_id=article_id,
            text_key=text_key,
            site=site,
            source=source,
            published_at=published_at,
            published=decode_time(published),
            fetched=decode_time(fetched),
            ingested=ingested,
            headline=data[headline_at:texts_at],
            exact=exact,
            shingles=shingles,
            anchors=data[_HEAD.size : sketch_at],
            sketch=data[sketch_at:headline_at],
        )
        return cls(arrival, clock, story, version, duplicate_of, bool(flags & _ROUND_UP), bool(flags & _CHAINED))


def story_and_anchors(data: bytes) -> tuple[int, int]:
    """Story number and count of anchors of an encoded entry, without the rest."""
    story, n_anchors = _PEEK.unpack_from(data, _STORY_AT)
    return story, n_anchors


def shingles_and_chained(data: bytes) -> tuple[int, bool]:
    """Shingles of an encoded entry and whether it is `chained`, without the rest."""
    shingles, flags = _PEEK_LENGTH.unpack_from(data, _SHINGLES_AT)
    return shingles, bool(flags & _CHAINED)


def clock_of(data: bytes) -> int:
    """When an encoded entry came."""
    return int.from_bytes(data[:_STORY_AT], "little", signed=True)


def encode_time(milliseconds: int | None) -> int:
    return _UNKNOWN if milliseconds is None else milliseconds


def decode_time(value: int) -> int | None:
    return None if value == _UNKNOWN else value


def encode_text(text: str | None) -> bytes:
    """Up to 65,534 bytes of UTF-8 behind their length."""
    if text is None:
        return _TEXT_LENGTH.pack(_NO_TEXT)
    data = text.encode()
    return _TEXT_LENGTH.pack(len(data)) + data


def decode_text(data: bytes, at: int) -> tuple[str | None, int]:
    """The text at this place, and where it ends."""
    (length,) = _TEXT_LENGTH.unpack_from(data, at)
    at += _TEXT_LENGTH.size
    return (None, at) if length == _NO_TEXT else (data[at : at + length].decode(), at + length)
