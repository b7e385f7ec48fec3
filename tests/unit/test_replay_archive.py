"""Folders, files and JSON Lines become documents, in one order, with nothing dropped in silence."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestream.errors import LodestreamError
from lodestream.headers import Header, header
from lodestream.replay.archive import Archive
from lodestream.replay.documents import DOCUMENT_MAX_BYTES, HEADERS_MAX_BYTES, Labels, RawDocument, Refused


def documents(*paths: Path, labels: Labels = Labels()) -> list[RawDocument]:  # noqa: B008 - it is frozen
    items = list(Archive(paths, labels))
    assert not [item for item in items if isinstance(item, Refused)]
    return [item for item in items if isinstance(item, RawDocument)]


def said(document: RawDocument) -> dict[str, str]:
    return {name: header(document.headers, name) or "" for name, _ in document.headers}


def mixed(*paths: Path) -> list[str]:
    """The documents' ids and, in brackets, the reasons of refusal."""
    return [f"[{item.why}]" if isinstance(item, Refused) else said(item)[Header.DOCUMENT_ID] for item in Archive(paths)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "The Site"
    for name in (
        "b.txt",
        "a/z.html",
        "a/b/c.json",
        "a.TXT",
        "c.HTM",
        ".hidden.txt",
        ".git/x.txt",
        "notes.md",
        "README",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def test_a_folder_is_read_in_order_of_path_parts(folder: Path) -> None:
    archive = Archive([folder])
    found = [item for item in archive if isinstance(item, RawDocument)]
    names = ["a/b/c.json", "a/z.html", "a.TXT", "b.txt", "c.HTM"]
    types = ["application/json", "text/html", "text/plain", "text/plain", "text/html"]
    assert [said(item) for item in found] == [
        {Header.DOCUMENT_ID: name, Header.SITE: "The Site", Header.CONTENT_TYPE: kind}
        for name, kind in zip(names, types, strict=True)
    ]
    assert [item.value.decode() for item in found] == names
    assert {item.key for item in found} == {b"The Site"}
    assert archive.skipped == {".md": 1, "no suffix": 1}
    assert archive.total_bytes() == archive.read_bytes() == sum(map(len, names))
    assert list(archive) == found
    assert archive.skipped == {".md": 1, "no suffix": 1}


def test_a_single_file_has_its_name_and_its_folders(folder: Path) -> None:
    [document] = documents(folder / "a/z.html")
    assert said(document) == {Header.DOCUMENT_ID: "z.html", Header.SITE: "a", Header.CONTENT_TYPE: "text/html"}


def test_a_path_relative_to_here_still_has_a_site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert {item.key for item in documents(Path(), Path("b.txt"))} == {b"The Site"}


def test_labels_are_stated_on_all_documents(folder: Path, tmp_path: Path) -> None:
    jsonl = tmp_path / "x.jsonl"
    jsonl.write_text('{"source": "own", "fetched_at": "2026-01-01T00:00:00+01:00"}\n{}\n')
    labels = Labels("agency", "2026-02-02T00:00:00.000Z", "latin-1", "backfill 7")
    found = [said(item) for item in documents(folder, jsonl, labels=labels)]
    assert {item[Header.SITE] for item in found} == {"agency"}
    assert {item[Header.REPLAY_ID] for item in found} == {"backfill 7"}
    assert [item[Header.FETCHED_AT] for item in found] == [
        *["2026-02-02T00:00:00.000Z"] * 5,
        "2025-12-31T23:00:00.000Z",
        "2026-02-02T00:00:00.000Z",
    ]
    assert [item.get(Header.CHARSET) for item in found] == [None, *["latin-1"] * 4, None, None]


@pytest.mark.parametrize(
    ("line", "document_id", "site", "more"),
    [
        ({"id": "a1", "source": "Wire"}, "a1", "Wire", {}),
        ({"id": 17, "source": " Wire "}, "17", "Wire", {}),
        ({"id": 0, "source": "Wire"}, "0", "Wire", {}),
        ({"source": "Wire"}, "some.news.jsonl:1", "Wire", {}),
        ({"id": None, "source": "Wire"}, "some.news.jsonl:1", "Wire", {}),
        ({"id": True, "source": "Wire"}, "some.news.jsonl:1", "Wire", {}),
        ({"id": " ", "source": "Wire"}, "some.news.jsonl:1", "Wire", {}),
        ({"id": "a", "source": {"name": "The Wire", "site": "wire.example"}}, "a", "wire.example", {}),
        (
            {"id": "a", "source_domain": "wire.example", "link": "https://a.example/x"},
            "a",
            "wire.example",
            {"url": "https://a.example/x"},
        ),
        ({"id": "a", "canonical_url": "https://a.example/x"}, "a", "a.example", {"url": "https://a.example/x"}),
        ({"id": "a", "source": {"id": None, "name": "The Wire"}}, "a", "The Wire", {}),
        (
            {"id": "a", "url": "https://WWW.Example.org:81/x?y"},
            "a",
            "www.example.org",
            {Header.URL: "https://WWW.Example.org:81/x?y"},
        ),
        ({"id": "a", "url": "http://[bad"}, "a", "some", {Header.URL: "http://[bad"}),
        ({"id": "a", "url": "/no/host"}, "a", "some", {Header.URL: "/no/host"}),
        ({"id": "a", "url": 5, "source": ["x"]}, "a", "some", {}),
        (
            {"id": "a", "fetched_at": "2026-01-02T03:04:05Z"},
            "a",
            "some",
            {Header.FETCHED_AT: "2026-01-02T03:04:05.000Z"},
        ),
        ({"id": "a", "fetched_at": "yesterday"}, "a", "some", {}),
        ({"id": "a", "fetched_at": "2026-01-02T03:04:05"}, "a", "some", {}),
        ({"id": "a", "fetched_at": "0001-01-01T00:00:00+14:00"}, "a", "some", {}),
        ({"id": "a", "fetched_at": 1700000000}, "a", "some", {}),
        ({"id": "ä/ö", "source": "新华社"}, "ä/ö", "新华社", {}),
    ],
)
def test_a_json_line_says_what_it_is(
    tmp_path: Path, line: dict[str, object], document_id: str, site: str, more: dict[str, str]
) -> None:
    path = tmp_path / "some.news.jsonl"
    path.write_bytes(b"  " + json.dumps(line).encode() + b" \r\n")
    [document] = documents(path)
    expected = {Header.DOCUMENT_ID: document_id, Header.SITE: site, Header.CONTENT_TYPE: "application/json", **more}
    assert said(document) == expected
    assert document.key == site.encode()
    assert document.value == json.dumps(line).encode()


def test_json_lines_below_a_folder_belong_to_it(tmp_path: Path) -> None:
    (tmp_path / "paper/2026").mkdir(parents=True)
    (tmp_path / "paper/2026/x.jsonl.gz").write_bytes(gzip.compress(b'{}\n\n{"id": "i"}'))
    found = [said(item) for item in documents(tmp_path / "paper")]
    assert [(item[Header.DOCUMENT_ID], item[Header.SITE]) for item in found] == [
        ("2026/x.jsonl.gz:1", "paper"),
        ("i", "paper"),
    ]


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "X.JSONL.GZ"])
@pytest.mark.parametrize("packed", [True, False])
def test_gzip_is_known_by_its_bytes(tmp_path: Path, name: str, packed: bool) -> None:  # noqa: FBT001 - a parameter
    lines = b'\xef\xbb\xbf{"id": "1"}\n{"id": "2"}\n'
    (tmp_path / name).write_bytes(gzip.compress(lines) if packed else lines)
    assert [item.value for item in documents(tmp_path / name)] == [b'{"id": "1"}', b'{"id": "2"}']


def test_a_line_that_is_no_json_object_is_a_document_too_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"id":"1"}\n{"id":\n\n["a"]\n\xff\n{"id":"7","n":NaN}\n{"id":"\\ud800"}\n{"id":"8"}')
    items = documents(path)
    assert [said(item)[Header.DOCUMENT_ID] for item in items] == [
        "1", "x.jsonl:2", "x.jsonl:4", "x.jsonl:5", "x.jsonl:6", "x.jsonl:7", "8"
    ]  # fmt: skip
    assert [item.value for item in items][1:5] == [b'{"id":', b'["a"]', b"\xff", b'{"id":"7","n":NaN}']


def lines(number: int) -> bytes:
    return b"".join(b'{"id": "%d", "body": "%s"}\n' % (at, os.urandom(20).hex().encode()) for at in range(number))


def damaged(packed: bytes, how: str) -> bytes:
    at = len(packed) // 2
    return {
        "cut": packed[:at],
        "header only": packed[:12],
        "checksum": packed[:-8] + bytes(8),
        "garbage behind": packed + b"garbage",
        "overwritten": packed[:at] + bytes(400) + packed[at + 400 :],
    }[how]


@pytest.mark.parametrize("how", ["cut", "header only", "checksum", "garbage behind", "overwritten"])
def test_what_can_be_read_of_a_damaged_gzip_is_read(tmp_path: Path, how: str) -> None:
    path = tmp_path / "x.jsonl.gz"
    content = lines(5000)
    path.write_bytes(damaged(gzip.compress(content), how))
    (tmp_path / "y.jsonl").write_bytes(b'{"id": "next"}')
    found = mixed(path, tmp_path / "y.jsonl")
    assert found[-1] == "next"
    # In what was overwritten there may be line ends that never were: blank lines, which count and give nothing.
    last = r"\d+" if how == "overwritten" else str(len(found) - 2)
    assert re.match(rf"\[breaks off after line {last}, at byte \d+: ", found[-2])
    whole = {"cut": 2000, "header only": 0, "checksum": 5000, "garbage behind": 5000, "overwritten": 2000}[how]
    assert found[:whole] == [str(at) for at in range(whole)]
    assert how != "header only" or len(found) == 2


def test_documents_over_the_limit_are_refused(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "a.txt").write_bytes(b"x" * DOCUMENT_MAX_BYTES)
    (site / "b.txt").write_bytes(b"x" * (DOCUMENT_MAX_BYTES + 1))
    for name, size in (("c", 0), ("d", 1), ("e", 3 * DOCUMENT_MAX_BYTES)):
        text = b'{"id": "%s", "body": "%s"}'
        fill = b"x" * (DOCUMENT_MAX_BYTES - len(text % (name.encode(), b"")) + size)
        (site / f"{name}.jsonl").write_bytes(text % (name.encode(), fill) + b'\r\n{"id": "after %s"}\n' % name.encode())
    over = "over the limit of 8 MiB]"
    assert mixed(site) == [
        "a.txt",
        f"[8.0 MiB, {over}",
        "c",
        "after c",
        f"[{over}",
        "after d",
        f"[{over}",
        "after e",
    ]


def test_an_id_as_long_as_a_book_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"id": "x" * HEADERS_MAX_BYTES}) + "\n{}\n")
    assert mixed(path) == ["[its id, site and URL are over 64 KiB]", "x.jsonl:2"]


def test_what_cannot_be_opened_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "z").mkdir(parents=True)
    (site / "a.txt").symlink_to("gone")
    (site / "b.txt").write_text("b")
    (site / "c.txt").symlink_to("b.txt")
    (site / "round").symlink_to(site)
    os.mkfifo(site / "pipe.txt")
    archive = Archive([site])
    found = [item.why if isinstance(item, Refused) else said(item)[Header.DOCUMENT_ID] for item in archive]
    assert found == ["cannot be read: No such file or directory", "b.txt", "c.txt"]
    assert archive.skipped == {"linked folder": 1, ".txt": 1}


def test_a_file_name_that_is_no_unicode_still_gives_an_id(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    Path(os.fsdecode(os.fsencode(site) + b"/caf\xe9.txt")).write_text("x")
    [document] = documents(site)
    assert said(document)[Header.DOCUMENT_ID] == "caf\\udce9.txt"


@pytest.mark.parametrize(
    ("name", "why"), [("gone", "no such file"), ("gone.txt", "no such file"), ("x.pdf", "none of")]
)
def test_a_path_that_cannot_be_replayed_is_said_at_once(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "x.pdf").write_bytes(b"")
    with pytest.raises(LodestreamError, match=why):
        Archive([tmp_path, tmp_path / name])


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=40), max_size=8), st.booleans())
def test_every_line_is_a_document_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory,
    content: list[bytes],
    packed: bool,  # noqa: FBT001 - drawn
) -> None:
    path = tmp_path_factory.mktemp("lines") / "x.jsonl"
    text = b"\n".join([b'{"id": "first"}', *content])
    path.write_bytes(gzip.compress(text) if packed else text)
    expected = [line for line in text.split(b"\n") if line.strip(b" \t\r")]
    items = list(Archive([path]))
    assert len(items) == len(expected)
    for item, line in zip(items, expected, strict=True):
        assert isinstance(item, Refused) or item.value == line.strip(b" \t\r")
