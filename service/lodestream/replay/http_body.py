"""The body of an HTTP response as it was before transfer and content encodings, in bounded memory."""

from __future__ import annotations

import io
import re
import zlib
from typing import Any, Final

import cramjam

from lodestream.replay.damage import Damages
from lodestream.replay.unpacked import Unpacked

ENCODINGS_MAX: Final = 3  # one is usual, two are a proxy's mistake
_CHUNK_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_MARKUP: Final = (b"<", b"{", b"[")
_UTF8_MARK: Final = b"\xef\xbb\xbf"


class Undecodable(Exception):  # noqa: N818 - a fate of a document
    """The body cannot be had; the text says why."""


class TooLarge(Exception):  # noqa: N818 - the same
    """The body becomes larger than the limit."""


def decoded_body(body: bytes, transfer_encoding: str, content_encoding: str, limit: int) -> bytes:
    """The body without chunks and compression. Raises `Undecodable` and `TooLarge`.

    Archives often keep the headers of an encoding that they have undone: a body that is not as they say is taken as it
    is if its beginning shows that.
    """
    if "chunked" in transfer_encoding.lower():
        body = _unchunked(body)
    encodings = [name for name in re.split(r"[,\s]+", content_encoding.lower()) if name not in {"", "identity"}]
    if len(encodings) > ENCODINGS_MAX:
        raise Undecodable(f"{len(encodings)} content encodings")
    for name in reversed(encodings):
        body = _uncompressed(body, name, limit)
    return body


def _unchunked(body: bytes) -> bytes:
    if not _CHUNK_HEAD.match(body):
        return body
    pieces: list[bytes] = []
    at = 0
    while head := _CHUNK_HEAD.match(body, at):
        size = int(head[1], 16)
        if not size:
            return b"".join(pieces)
        piece = body[head.end() : head.end() + size]
        pieces.append(piece)
        at = head.end() + size
        if len(piece) < size:
            break
        at += 2 if body.startswith(b"\r\n", at) else body.startswith(b"\n", at)
    raise Undecodable("its chunked body breaks off")


def _uncompressed(body: bytes, encoding: str, limit: int) -> bytes:
    if encoding in {"gzip", "x-gzip", "zstd"}:
        return _unpacked(body, limit)
    if encoding == "deflate":
        return _inflated(body, limit)
    if encoding == "br":
        return _from_brotli(body, limit)
    return body  # `utf-8` and the like are seen there


def _unpacked(body: bytes, limit: int) -> bytes:
    content = Unpacked(io.BytesIO(body), Damages(""))
    value = content.take(limit + 1)
    _check(len(value), limit)
    if content.damage is not None and not 0 < content.sealed == content.position:
        raise Undecodable(f"its compressed body breaks off: {content.damage.why}")
    return value


def _inflated(body: bytes, limit: int) -> bytes:
    """RFC 9110 means zlib's format; some servers send it without its frame."""
    for window in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        inflate: Any = zlib.decompressobj(wbits=window)
        try:
            value: bytes = inflate.decompress(body, limit + 1)
        except zlib.error:
            continue
        _check(len(value), limit)
        if inflate.eof:
            return value
    return _as_it_is(body, "deflate")


def _from_brotli(body: bytes, limit: int) -> bytes:
    room = bytearray(limit + 1)
    try:
        size = cramjam.brotli.decompress_into(body, room)
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            size = limit + 1
        else:
            return _as_it_is(body, "br")
    _check(size, limit)
    return bytes(memoryview(room)[:size])


def _as_it_is(body: bytes, encoding: str) -> bytes:
    if body.removeprefix(_UTF8_MARK).lstrip().startswith(_MARKUP):
        return body
    raise Undecodable(f"its {encoding} body cannot be decoded")


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge
