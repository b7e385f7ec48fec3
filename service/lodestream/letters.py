"""The record on `dead-letters`: which key and headers it has, and how the input comes back out of it.

A letter holds its input whole: the value as it was, the key in `origin-key`, the place in `origin`, and all
headers. Its own headers stand *after* the input's, so an input that happens to have a header `reason` or `at`
gets it back untouched. Only the input's own `origin` is set aside, as `parent-origin`: on a letter, `origin` is
the place of the input itself.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from lodestream.headers import Header, Headers, header

DETAIL_MAX_CHARACTERS: Final = 200
KEY_MAX_BYTES: Final = 2048  # of a letter: its headers hold the whole document id as well

_COORDINATES: Final = re.compile(r"([A-Za-z0-9._-]{1,249}):(\d{1,10}):(\d{1,19})(?::(\d{1,10}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Coordinates:
    """Where a record is: full topic name, partition, offset. Written as `topic:partition:offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Coordinates:
        """`topic:partition:offset`, as letters and marks write it. Raises `ValueError` on anything else."""
        coordinates, index = parse_origin(text)
        if index is not None:
            raise ValueError(f"no coordinates of a record: {text!r}")
        return coordinates


def parse_origin(text: str) -> tuple[Coordinates, int | None]:
    """A header `origin`: the input's coordinates, and which of its outputs this is.

    The index is None on a dead letter, whose `origin` has none. Raises `ValueError` on anything else.
    """
    found = _COORDINATES.fullmatch(text)
    if found is None:
        raise ValueError(f"no origin: {text[:100]!r}")
    topic, partition, offset, index = found.groups()
    return Coordinates(topic, int(partition), int(offset)), None if index is None else int(index)


def letter_key(original: Headers, *, topic: str, partition: int, offset: int) -> bytes:
    """The key of a letter: the document's id where the input names it, else the input's coordinates."""
    document_id = next((value for name, value in reversed(original) if name == Header.DOCUMENT_ID), b"") or b""
    return document_id[:KEY_MAX_BYTES] or str(Coordinates(topic, partition, offset)).encode()


def key_of_letter(letter: Headers, origin: Coordinates) -> bytes:
    """The key that a letter with these headers has. Raises `ValueError` when these are no letter's headers."""
    original, _ = _split(letter)
    return letter_key(original, topic=origin.topic, partition=origin.partition, offset=origin.offset)


def letter_headers(
    original: Headers,
    *,
    topic: str,
    partition: int,
    offset: int,
    key: bytes | None,
    reason: str,
    stage: str,
    detail: str,
    at: str,
) -> Headers:
    """The headers of a letter about the record at these coordinates (full topic name), whose headers are `original`.

    `detail` is cut at 200 characters; `at` is RFC 3339.
    """
    kept = tuple((Header.PARENT_ORIGIN if name == Header.ORIGIN else name, value) for name, value in original)
    own = (
        (Header.REASON, reason.encode()),
        (Header.STAGE, stage.encode()),
        (Header.DETAIL, detail[:DETAIL_MAX_CHARACTERS].encode("utf-8", "replace")),
        (Header.ORIGIN, str(Coordinates(topic, partition, offset)).encode()),
        (Header.AT, at.encode()),
    )
    origin_key = () if key is None else ((Header.ORIGIN_KEY, base64.b64encode(key)),)
    return kept + own + origin_key


def restore_headers(letter: Headers) -> Headers:
    """The headers with which a letter's input goes back: its own, and `redrive: n` for the n-th time.

    `origin` does not come back, `parent-origin` stays: a record without `origin` is exempt from the check that
    takes once what an upstream stage wrote twice. Raises `ValueError` when these are no letter's headers.
    """
    original, _ = _split(letter)
    kept = tuple((name, value) for name, value in original if name != Header.REDRIVE)
    return (*kept, (Header.REDRIVE, str(redrives(original) + 1).encode()))


def original_key(letter: Headers) -> bytes | None:
    """The key of a letter's input; None when it had none. Raises `ValueError` when the headers are damaged."""
    _, own = _split(letter)
    encoded = dict(own).get(Header.ORIGIN_KEY)
    if encoded is None:
        return None
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"header {Header.ORIGIN_KEY} is no base64: {error}") from None


def redrives(headers: Headers) -> int:
    """How often this record was put back so far; 0 when the header is missing or no number."""
    text = header(headers, Header.REDRIVE) or ""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def mark_headers(letter: Coordinates) -> Headers:
    """The headers of the mark on dead-letters that says that this letter was put back."""
    return ((Header.REDRIVEN, str(letter).encode()),)


def marked_letter(headers: Headers) -> Coordinates | None:
    """The letter that a mark is about; None for what is no mark. An input may have any header: a mark has no stage."""
    text = header(headers, Header.REDRIVEN)
    if text is None or header(headers, Header.STAGE) is not None:
        return None
    try:
        return Coordinates.parse(text)
    except ValueError:
        return None


def _split(letter: Headers) -> tuple[Headers, Headers]:
    """The input's headers and the letter's own, which begin with the last `reason`."""
    for at in range(len(letter) - 1, -1, -1):
        if letter[at][0] == Header.REASON:
            return letter[:at], letter[at:]
    raise ValueError(f"no dead letter: it has no header {Header.REASON}")
