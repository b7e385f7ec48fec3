"""Archives that unpack to gigabytes: documents before them come out, and memory stays where it was."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Final

import cramjam
import pytest
from replay_archives import PACKINGS, json_lines, response, warc_pages, zstd

MIB: Final = 1024 * 1024
GIB_UNPACKED: Final = 4
# 128 MiB of a zstd window, a document of 8 MiB a few times over, and room for the allocator.
MEMORY_MAX_BYTES: Final = 256 * MIB
SECONDS_MAX: Final = 30  # without limits it is minutes, or no end

# What a process of its own does: the limit holds from where the modules are loaded.
READER: Final = """
import json, resource, sys, time
from pathlib import Path
from lodestream.replay.archive import Archive
from lodestream.replay.documents import Refused
room = int(sys.argv[2])
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
items = list(Archive([Path(sys.argv[1])]))
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
refused = [item.why for item in items if isinstance(item, Refused)]
print(json.dumps({"documents": len(items) - len(refused), "refused": refused, "grown": grown}))
"""


def deflated(filling: bytes, repeat: int) -> bytes:
    """Raw deflate of `filling` again and again, without packing it again and again."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return (packer.compress(filling) + packer.flush(zlib.Z_FULL_FLUSH)) * repeat


def gzip_bomb(filling: bytes) -> bytes:
    """A gzip member of 4 GiB. Its end is not well made; nobody gets there."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated(filling * (MIB // len(filling)), GIB_UNPACKED * 1024) + bytes(8)


def zstd_bomb(filling: bytes) -> bytes:
    """A zstd frame of 4 GiB: blocks that say "this byte 128 KiB times" (RFC 8878, 3.1.1.2.2)."""
    block = struct.pack("<I", (128 * 1024 << 3) | (1 << 1))[:3] + filling[:1]
    return b"\x28\xb5\x2f\xfd\x00\x88" + block * (GIB_UNPACKED * 8 * 1024) + b"\x01\0\0"


def read_apart(path: Path) -> tuple[int, list[str], int]:
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(MEMORY_MAX_BYTES)],
        capture_output=True, text=True, timeout=SECONDS_MAX, check=True,
    )  # fmt: skip
    assert not done.stderr
    found = json.loads(done.stdout)
    return found["documents"], found["refused"], found["grown"]


@pytest.mark.parametrize("filling", [b"x", b"\n", b"\0"])
@pytest.mark.parametrize("kind", [".jsonl", ".warc"])
@pytest.mark.parametrize("packing", ["gzip members", "zstd frames"])
def test_an_archive_that_unpacks_without_end(tmp_path: Path, packing: str, kind: str, filling: bytes) -> None:
    suffix, pack = PACKINGS[packing]
    parts = json_lines(20) if kind == ".jsonl" else warc_pages(20)
    bomb = gzip_bomb(filling) if suffix == ".gz" else zstd_bomb(filling)
    path = tmp_path / f"x{kind}{suffix}"
    path.write_bytes(pack(parts) + bomb + pack(parts))
    documents, refused, grown = read_apart(path)
    assert documents == 20
    assert len(refused) == 1
    assert "it unpacks to over 250 times its size" in refused[0]
    assert grown < MEMORY_MAX_BYTES


@pytest.mark.parametrize("kind", [".jsonl", ".warc"])
def test_a_line_or_record_without_end_in_a_plain_file(tmp_path: Path, kind: str) -> None:
    """256 MiB of nothing between two documents, which a file system keeps as a hole."""
    path = tmp_path / f"x{kind}"
    first, last = json_lines(2) if kind == ".jsonl" else warc_pages(2)
    with path.open("wb") as file:
        file.write(first + b"X")
        file.seek(256 * MIB, 1)
        file.write(b"\n" + last)
    documents, refused, grown = read_apart(path)
    assert (documents, len(refused)) == (2, 1)
    assert grown < 64 * MIB


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_document_is_unpacked_to_the_limit_only(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.txt{suffix}"
    path.write_bytes(gzip_bomb(b"x") if suffix == ".gz" else zstd_bomb(b"x"))
    documents, refused, grown = read_apart(path)
    assert (documents, refused) == (0, ["over the limit of 8 MiB"])
    assert grown < 64 * MIB


def test_bodies_that_unpack_without_end_in_records(tmp_path: Path) -> None:
    bombs = {
        "gzip": gzip_bomb(b"x"),
        "deflate": b"\x78\x9c" + deflated(bytes(MIB), GIB_UNPACKED * 1024),
        "zstd": zstd_bomb(b"x"),
        "br": bytes(cramjam.brotli.compress(bytes(256 * MIB), level=3)),
        "gzip, gzip": zlib.compress(gzip_bomb(b"x"), wbits=31),
        "zstd, zstd": zstd(zstd_bomb(b"x")),
    }
    path = tmp_path / "x.warc"
    records = [response(b"<p>first", 1)]
    records += [response(bomb, 2, more=f"Content-Encoding: {name}\r\n") for name, bomb in bombs.items()]
    path.write_bytes(b"".join([*records, response(b"<p>last", 3)]))
    documents, refused, grown = read_apart(path)
    assert (documents, refused) == (2, ["over the limit of 8 MiB"] * len(bombs))
    assert grown < MEMORY_MAX_BYTES


def test_windows_as_large_as_they_may_be_cost_their_memory_once(tmp_path: Path) -> None:
    """A frame of a few bytes that asks for 128 MiB, a thousand times; and one that asks for 2 GiB."""
    line = b'{"id": "1"}\n'
    block = struct.pack("<I", (len(line) << 3) | 1)[:3] + line
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(1000 * (b"\x28\xb5\x2f\xfd\x00\x88" + block) + b"\x28\xb5\x2f\xfd\x00\xa8" + block)
    documents, refused, _ = read_apart(path)
    assert (documents, len(refused)) == (1000, 1)
    assert "a zstd window of 2048 MiB: the limit is 128 MiB" in refused[0]


def test_a_header_that_announces_what_does_not_come(tmp_path: Path) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(b"WARC/1.1\r\nContent-Length: 99999999999\r\n\r\n" + b"".join(warc_pages(3)))
    documents, refused, grown = read_apart(path)
    assert (documents, len(refused)) == (3, 1)
    assert grown < 64 * MIB
