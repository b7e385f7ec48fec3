"""Archives for the tests of replay: written here, packed in every way that is read."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import zstandard

from lodestream.headers import Header, header
from lodestream.replay.archive import Archive
from lodestream.replay.documents import Labels, RawDocument, Refused

WORDS = "harbour budget minister strike river election shares coast storm court treaty rail wheat port".split()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def whole(pack: Callable[[bytes], bytes]) -> Callable[[Sequence[bytes]], bytes]:
    return lambda parts: pack(b"".join(parts))


def each(pack: Callable[[bytes], bytes]) -> Callable[[Sequence[bytes]], bytes]:
    return lambda parts: b"".join(map(pack, parts))


PACKINGS: dict[str, tuple[str, Callable[[Sequence[bytes]], bytes]]] = {
    "plain": ("", whole(bytes)),
    "gzip": (".gz", whole(gzip_packed := lambda data: gzip.compress(data, mtime=0))),
    "gzip members": (".gz", each(gzip_packed)),
    "zstd": (".zst", whole(zstd)),
    "zstd frames": (".zst", each(zstd)),
}
"""Name to suffix and how parts (lines, records) become a file."""


def text_of(number: int, words: int = 60) -> str:
    """A text of its own for each number."""
    drawn = random.Random(number)
    return " ".join(f"{drawn.choice(WORDS)}{drawn.randrange(100)}" for _ in range(words))


def json_lines(count: int) -> list[bytes]:
    return [json.dumps({"id": f"a{at}", "source": "wire", "body": text_of(at)}).encode() + b"\n" for at in range(count)]


def warc_record(
    kind: str, block: bytes, *, number: int = 0, headers: dict[str, str] | None = None, version: str = "WARC/1.1"
) -> bytes:
    """A record. A header that is None or "" in `headers` is left out."""
    said = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{number:08}>",
        "WARC-Target-URI": f"https://paper.example/{number}",
        "WARC-Date": "2026-03-04T05:06:07Z",
        "Content-Length": str(len(block)),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
    return f"{version}\r\n{head}\r\n".encode() + block + b"\r\n\r\n"


def http(body: bytes, content_type: str = "text/html; charset=UTF-8", status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}\r\n".encode() + body


def response(body: bytes, number: int = 0, **said: str) -> bytes:
    """A `response` record; `said`: arguments of `http`."""
    return warc_record(
        "response",
        http(body, **said),
        number=number,
        headers={"Content-Type": "application/http; msgtype=response"},
    )


def warc_pages(count: int) -> list[bytes]:
    return [response(f"<html><p>{text_of(at)}</p></html>".encode(), at) for at in range(count)]


def read(*paths: Path, labels: Labels = Labels()) -> tuple[list[RawDocument], list[Refused]]:  # noqa: B008 - frozen
    items = list(Archive(paths, labels))
    return [item for item in items if isinstance(item, RawDocument)], [
        item for item in items if isinstance(item, Refused)
    ]


def said(document: RawDocument) -> dict[str, str]:
    return {name: header(document.headers, name) or "" for name, _ in document.headers}


def ids(documents: Sequence[RawDocument]) -> list[str]:
    return [said(document)[Header.DOCUMENT_ID] for document in documents]
