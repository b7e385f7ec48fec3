"""The product as files: complete or not there, every record one line, and a summary that shows what is in them."""

from __future__ import annotations

import base64
import json
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lodestream.errors import LodestreamError
from lodestream.export import FILES, SHOWN, TOP_TAGS, Export, dead_letter_json
from lodestream.headers import Headers
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS, STORIES

LETTER: Headers = (
    ("document-id", b"d-1"),
    ("reason", b"the input's own"),
    ("reason", b"not_utf8"),
    ("stage", b"clean"),
    ("detail", b"byte 3"),
    ("origin", b"p.raw:0:7"),
    ("at", b"2026-05-28T20:26:40.000Z"),
)


def enriched(number: int, *tags: tuple[str, str], headline: str | None = "A headline", role: str = "main") -> bytes:
    made = [{"kind": kind, "label": label} for kind, label in tags]
    return orjson.dumps(
        {"article_id": f"id-{number}", "headline": headline, "role": role, "language": "en", "tags": made}
    )


def link(number: int, of: int, containment: float | None = 0.9512, headline: str | None = "A copy") -> bytes:
    return orjson.dumps(
        {"article_id": f"id-{number}", "duplicate_of": f"id-{of}", "kind": "near", "containment": containment}
        | {"headline": headline}
    )


def lines(folder: Path, topic: str) -> list[bytes]:
    return (folder / FILES[topic]).read_bytes().splitlines()


def summary(export: Export) -> str:
    console = Console(file=StringIO(), width=200, highlight=False, soft_wrap=True)
    export.summary(console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_each_topic_of_the_product_is_a_file_with_its_records_byte_for_byte(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with Export(folder) as export:
        for topic, value in [
            (ARTICLES, b"{}"),
            (ENRICHED, enriched(1)),
            (DUPLICATES, link(2, 1)),
            (ORIGINALS, b"{}"),
            (ENRICHED, enriched(3)),
            (STORIES, b"{}"),
        ]:
            export.add(topic, value, ())
    assert sorted(path.name for path in folder.iterdir()) == [
        "dead-letters.jsonl",
        "duplicates.jsonl",
        "enriched.jsonl",
    ]
    assert lines(folder, ENRICHED) == [enriched(1), enriched(3)]
    assert lines(folder, DUPLICATES) == [link(2, 1)]
    assert lines(folder, DEAD_LETTERS) == []
    assert export.counts == {ENRICHED: 2, DUPLICATES: 1}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_run_that_fails_leaves_the_files_of_the_one_before(tmp_path: Path, error: type[BaseException]) -> None:
    with Export(tmp_path) as export:
        export.add(ENRICHED, enriched(1), ())

    def failing() -> None:
        with Export(tmp_path) as export:
            export.add(ENRICHED, enriched(2), ())
            raise error

    with pytest.raises(error):
        failing()
    assert lines(tmp_path, ENRICHED) == [enriched(1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES.values())


def test_files_have_their_names_only_when_they_are_complete(tmp_path: Path) -> None:
    with Export(tmp_path) as export:
        export.add(ENRICHED, enriched(1), ())
        assert not any((tmp_path / name).exists() for name in FILES.values())


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(LodestreamError, match=r"cannot write to .*file/below: Not a directory"),
        Export(tmp_path / "file" / "below"),
    ):
        pass


def test_a_dead_letter_says_why_where_and_what(tmp_path: Path) -> None:
    with Export(tmp_path) as export:
        export.add(DEAD_LETTERS, b"caf\xe9", LETTER)
    (line,) = lines(tmp_path, DEAD_LETTERS)
    assert json.loads(line) == {
        "document_id": "d-1",
        "reason": "not_utf8",
        "stage": "clean",
        "detail": "byte 3",
        "origin": "p.raw:0:7",
        "at": "2026-05-28T20:26:40.000Z",
        "headers": {name: content.decode() for name, content in LETTER},
        "value": "Y2Fm6Q==",
        "encoding": "base64",
    }


@given(
    st.binary(max_size=40) | st.text(max_size=40).map(str.encode),
    st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=9)), max_size=4),
)
def test_no_byte_of_a_dead_letter_is_lost_whatever_it_holds(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    letter: dict[str, Any] = json.loads(orjson.dumps(dead_letter_json(value, tuple(headers))))
    text = letter["value"]
    assert (base64.b64decode(text) if letter.get("encoding") == "base64" else text.encode()) == value


def test_the_summary_says_what_came_out(tmp_path: Path) -> None:
    with Export(tmp_path) as export:
        export.add(ENRICHED, enriched(1, ("country", "Japan"), ("country", "Japan"), headline="The first"), ())
        export.add(ENRICHED, enriched(2, ("country", "Japan"), ("topic", "war"), role="related"), ())
        export.add(DUPLICATES, link(3, 1), ())
        export.add(DUPLICATES, link(4, 99, containment=None, headline=None), ())
        export.add(DEAD_LETTERS, b"x", LETTER)
    printed = summary(export)
    assert "2 articles (1 main, 1 related; languages: 2 en)" in printed
    assert "2 duplicates linked" in printed
    assert "A copy  near, containment 0.95 of  The first" in printed
    assert "–  near of  id-99" in printed, "an original that is not in the files is named by its id"
    assert "1 dead letters" in printed
    assert "d-1  not_utf8: byte 3" in printed
    assert [line.split() for line in printed.splitlines() if "Japan" in line] == [["country", "Japan", "2"]]


def test_the_summary_shows_texts_as_they_are(tmp_path: Path) -> None:
    with Export(tmp_path) as export:
        export.add(ENRICHED, enriched(1, ("topic", "[red]tag[/red]"), headline="[bold]not bold[/bold] [/x]"), ())
        export.add(DUPLICATES, link(2, 1, headline="[link=x]copy[/"), ())
    printed = summary(export)
    for text in ("[red]tag[/red]", "[bold]not bold[/bold] [/x]", "[link=x]copy[/"):
        assert text in printed


def test_the_summary_cuts_a_headline_as_long_as_a_document(tmp_path: Path) -> None:
    with Export(tmp_path) as export:
        export.add(ENRICHED, enriched(1, headline="A" * 100_000), ())
        export.add(DUPLICATES, link(2, 1, headline="B" * 100_000), ())
        export.add(DEAD_LETTERS, b"x", (("document-id", b"c" * 100_000), *LETTER[1:]))
    printed = summary(export)
    assert len(printed) < 1000
    for text in ("A" * 159 + "…", "B" * 159 + "…", "c" * 159 + "…"):
        assert text in printed


def test_the_summary_lists_some_and_counts_all(tmp_path: Path) -> None:
    with Export(tmp_path) as export:
        for number in reversed(range(SHOWN + 5)):
            export.add(ENRICHED, enriched(number, *((("topic", f"tag {number:02}"),) * 2), ("topic", "most")), ())
            export.add(DUPLICATES, link(100 + number, number), ())
    printed = summary(export)
    assert f"{SHOWN + 5} duplicates linked" in printed
    assert printed.count("near, containment") == SHOWN
    rows = [line.split() for line in printed.splitlines() if " topic " in f" {line} "]
    assert rows[0] == ["topic", "most", str(SHOWN + 5)]
    assert [row[2] for row in rows[1:]] == [f"{number:02}" for number in range(TOP_TAGS - 1)], "equals by their names"


def test_the_summary_of_nothing_has_no_table(tmp_path: Path) -> None:
    with Export(tmp_path) as export:
        pass
    printed = summary(export)
    assert "0 articles" in printed
    assert "Top tags" not in printed
