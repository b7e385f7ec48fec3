"""What replay takes: every kind of file, packed in every way, known by its bytes and by its name."""

from __future__ import annotations

import gzip
import json
import lzma
import re
import struct
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner
from replay_archives import PACKINGS, ids, json_lines, read, response, said, text_of, warc_pages, warc_record, zstd

from lodestream.cli import cli
from lodestream.headers import Header
from lodestream.replay.archive import Archive
from lodestream.replay.documents import DOCUMENT_MAX_BYTES


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".warc", ".warc.wet"])
def test_archives_are_read_however_they_are_packed(tmp_path: Path, packing: str, suffix: str) -> None:
    parts = {
        ".jsonl": json_lines(40),
        ".ndjson": json_lines(40),
        ".warc": warc_pages(40),
        ".warc.wet": [
            warc_record("conversion", text_of(at).encode(), number=at, headers={"Content-Type": "text/plain"})
            for at in range(40)
        ],
    }[suffix]
    packed_suffix, pack = PACKINGS[packing]
    path = tmp_path / f"news{suffix}{packed_suffix}"
    path.write_bytes(pack(parts))
    documents, refused = read(path)
    assert not refused
    names = [f"urn:uuid:{at:08}" for at in range(40)] if "warc" in suffix else [f"a{at}" for at in range(40)]
    assert ids(documents) == names
    kinds = {".warc": "text/html", ".warc.wet": "text/plain"}
    assert {said(document)[Header.CONTENT_TYPE] for document in documents} == {kinds.get(suffix, "application/json")}
    assert all(text_of(at).encode() in document.value for at, document in enumerate(documents))
    assert read(path) == (documents, [])


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".txt", "text/plain"), (".html", "text/html"), (".htm", "text/html"), (".json", "application/json")],
)
def test_documents_are_read_however_they_are_packed(tmp_path: Path, packing: str, suffix: str, kind: str) -> None:
    packed_suffix, pack = PACKINGS[packing]
    folder = tmp_path / "paper"
    (folder / "2026").mkdir(parents=True)
    path = folder / f"2026/page{suffix.upper()}{packed_suffix}"
    path.write_bytes(pack([b"first part, ", b"second part"]))
    [document], refused = read(folder)
    assert not refused
    assert document.value == b"first part, second part"
    assert said(document) == {
        Header.DOCUMENT_ID: f"2026/{path.name}",
        Header.SITE: "paper",
        Header.CONTENT_TYPE: kind,
    }


@pytest.mark.parametrize(
    "name", ["news.jsonl", "news.jsonl.gz", "news.jsonl.zst", "news.gz", "news.warc.gz", "news.zstd"]
)
@pytest.mark.parametrize("packing", PACKINGS)
def test_bytes_tell_more_than_names(tmp_path: Path, name: str, packing: str) -> None:
    """Wrong suffixes: packed otherwise than the name says, JSON Lines named as a WARC and the other way round."""
    _, pack = PACKINGS[packing]
    path = tmp_path / name
    path.write_bytes(pack(json_lines(5)))
    documents, refused = read(path)
    assert (ids(documents), refused) == ([f"a{at}" for at in range(5)], [])
    path.write_bytes(pack(warc_pages(5)))
    documents, refused = read(path)
    assert (ids(documents), refused) == ([f"urn:uuid:{at:08}" for at in range(5)], [])


def test_packed_files_of_unknown_content_are_left_out_of_a_folder_and_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar.gz"
    path.write_bytes(gzip.compress(b"backup/\0\0\0\0"))
    archive = Archive([tmp_path])
    assert list(archive) == []
    assert archive.skipped == {".gz": 1}
    documents, [refused] = read(path)
    assert (documents, refused.why) == ([], "there is neither a WARC nor JSON Lines in it")


def test_an_archive_that_is_packed_otherwise_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lzma.compress(b'{"id": 1}\n'))
    (tmp_path / "b.warc.gz").write_bytes(b"PK\x03\x04" + bytes(100))
    (tmp_path / "c.jsonl").write_bytes(b'{"id": "c"}')
    documents, refused = read(tmp_path)
    assert [item.why for item in refused] == [
        f"packed with {name}, which is not read: unpack it before" for name in ("xz", "zip")
    ]
    assert ids(documents) == ["c"]


def test_empty_files(tmp_path: Path) -> None:
    """An empty file of lines holds no line. An empty gzip file is none: something was to be in it."""
    for name in ("a.jsonl", "b.warc", "c.jsonl.gz", "d.warc.gz", "e.txt.gz", "f.txt", "g.jsonl.zst"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "h.jsonl.gz").write_bytes(gzip.compress(b""))
    documents, refused = read(tmp_path)
    assert ids(documents) == ["f.txt"]
    assert [Path(item.place).name for item in refused] == ["c.jsonl.gz", "d.warc.gz", "e.txt.gz", "g.jsonl.zst"]


def test_an_archive_may_be_filled_up_with_zeros_and_begin_with_a_mark(tmp_path: Path) -> None:
    first, *rest = json_lines(5)
    (tmp_path / "a.jsonl.gz").write_bytes(
        gzip.compress(b"\xef\xbb\xbf" + first) + bytes(70_000) + gzip.compress(rest[0])
    )
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b"".join(rest)) + bytes(512))
    documents, refused = read(tmp_path)
    assert (ids(documents), refused) == (["a0", "a1", "a1", "a2", "a3", "a4"], [])


def skippable(magic: int, content: bytes) -> bytes:
    return struct.pack("<II", magic, len(content)) + content


@pytest.mark.parametrize("is_packed", [True, False])
def test_zstd_with_skippable_frames_and_a_dictionary_at_its_beginning(tmp_path: Path, is_packed: bool) -> None:  # noqa: FBT001 - a parameter
    pages = warc_pages(300)
    trained = zstandard.train_dictionary(8 * 1024, [*pages])
    compressor = zstandard.ZstdCompressor(dict_data=trained)
    packed = [compressor.compress(page) for page in pages]
    dictionary = trained.as_bytes()
    path = tmp_path / "crawl.warc.zst"
    beginning = skippable(0x184D2A5D, zstd(dictionary) if is_packed else dictionary)
    path.write_bytes(beginning + packed[0] + skippable(0x184D2A50, b"index") + b"".join(packed[1:]))
    documents, refused = read(path)
    assert (len(documents), refused) == (300, [])
    path.write_bytes(beginning + packed[0] + b"junk" + b"".join(packed[1:]))
    documents, [report] = read(path)
    assert (len(documents), "goes on" in report.why) == (300, True)
    path.write_bytes(packed[0])
    documents, [report] = read(path)
    assert not documents
    assert "a zstd dictionary is needed" in report.why


def test_a_zstd_window_over_the_limit_is_refused_and_one_at_it_is_read(tmp_path: Path) -> None:
    for log in (27, 28):
        parameters = zstandard.ZstdCompressionParameters(window_log=log, write_content_size=False)
        packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        line = b'{"id": "window %d"}\n' % log
        (tmp_path / f"{log}.jsonl.zst").write_bytes(packer.compress(line) + packer.flush())
    documents, [refused] = read(tmp_path)
    assert ids(documents) == ["window 27"]
    assert "a zstd window of 256 MiB: the limit is 128 MiB" in refused.why


@pytest.mark.parametrize("packing", PACKINGS)
def test_documents_and_lines_over_the_limit_are_refused_one_by_one(tmp_path: Path, packing: str) -> None:
    suffix, pack = PACKINGS[packing]
    long = b"x" * (DOCUMENT_MAX_BYTES + 1)
    (tmp_path / f"a.txt{suffix}").write_bytes(pack([long]))
    (tmp_path / f"b.txt{suffix}").write_bytes(pack([long[1:]]))
    (tmp_path / f"c.jsonl{suffix}").write_bytes(
        pack([b'{"id": 1}\n', b'"' + long + long + b'"\n', b"\n\r\n", b'{"id": 2}\n', b"{}"])
    )
    documents, refused = read(tmp_path)
    assert ids(documents) == [f"b.txt{suffix}", "1", "2", f"c.jsonl{suffix}:6"]
    assert [Path(item.place).name for item in refused] == [f"a.txt{suffix}", f"c.jsonl{suffix}:2"]
    assert all("over the limit of 8 MiB" in item.why for item in refused)


def mixed_folder(folder: Path) -> list[str]:
    """Archives of all kinds, one of them damaged. Returns the ids in order."""
    folder.mkdir(parents=True)
    (folder / "a.html.gz").write_bytes(gzip.compress(b"<p>one"))
    (folder / "b.warc.gz").write_bytes(PACKINGS["gzip members"][1]([*warc_pages(4), response(b"", status="404 Gone")]))
    damaged = bytearray(PACKINGS["zstd frames"][1](json_lines(6)))
    damaged[len(damaged) // 2] ^= 64
    (folder / "c.jsonl.zst").write_bytes(damaged)
    (folder / "d.pdf").write_bytes(b"%PDF")
    (folder / ".e.jsonl").write_bytes(b"{}")
    return ["a.html.gz", *(f"urn:uuid:{at:08}" for at in range(4)), "a0", "a1", "a3", "a4", "a5"]


def test_a_dry_run_says_what_is_taken_what_is_left_out_and_what_is_lost(tmp_path: Path) -> None:
    mixed_folder(tmp_path / "paper")
    result = CliRunner().invoke(cli, ["replay", str(tmp_path / "paper"), "--dry-run", "--json"])
    assert result.exit_code == 3
    summary = json.loads(result.stdout)
    assert summary["documents"] == 10
    assert summary["content_types"] == {"text/html": 5, "application/json": 5}
    assert (summary["skipped_files"], summary["skipped_records"]) == ({".pdf": 1}, {"status 404": 1})
    [refusal] = summary["refusals"]
    assert refusal["place"] == str(tmp_path / "paper/c.jsonl.zst")
    assert re.match(r"damaged after line 2, at byte \d+: .*; goes on at byte \d+$", refusal["why"])
    assert result.stderr.splitlines()[:3] == [
        "left out, being of no kind that can be read: 1 .pdf",
        "records that are no documents: 1 status 404",
        "refused or unreadable: 1",
    ]


def test_two_copies_give_the_same_documents_in_the_same_order(tmp_path: Path) -> None:
    """What `--skip` counts on, in damaged archives too."""
    expected = mixed_folder(tmp_path / "a" / "paper")
    mixed_folder(tmp_path / "b" / "paper")
    (documents, refused), (again, _) = (read(tmp_path / copy / "paper") for copy in ("a", "b"))
    assert ids(documents) == expected
    assert (documents, len(refused)) == (again, 1)
