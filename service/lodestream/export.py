"""The product as files: `enriched.jsonl`, `duplicates.jsonl` and `dead-letters.jsonl` in a folder, and a summary."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodestream.errors import LodestreamError
from lodestream.headers import Header, Headers
from lodestream.records import decode
from lodestream.topics import DEAD_LETTERS, DUPLICATES, ENRICHED

FILES: Final = {topic: f"{topic}.jsonl" for topic in (ENRICHED, DUPLICATES, DEAD_LETTERS)}
TOP_TAGS: Final = 10
SHOWN_CHARACTERS: Final = 160  # of a headline or an id, which may be as long as a document
SHOWN: Final = 12  # duplicates and dead letters that a summary lists


class Export:
    """Writes records as they come. The files appear under their names when the block ends without an error.

    Raises `LodestreamError` when the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()  # records by topic
        self.roles: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.tags: Counter[tuple[str, str]] = Counter()  # by (kind, label)
        self.links: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []
        self._headlines: dict[str, str] = {}
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for topic, name in FILES.items():
                self._files[topic] = (self.folder / f"{name}.partial").open("wb")
        except OSError as error:
            raise LodestreamError(f"cannot write to {self.folder}: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for topic, name in FILES.items():
            if topic in self._files:
                self._files[topic].close()
                partial = self.folder / f"{name}.partial"
                if kind is None:
                    partial.replace(self.folder / name)
                else:
                    partial.unlink(missing_ok=True)

    def add(self, topic: str, value: bytes, headers: Headers) -> None:
        """Take a record; those of topics that are no product are left out."""
        if topic not in FILES:
            return
        self.counts[topic] += 1
        if topic == DEAD_LETTERS:
            letter = dead_letter_json(value, headers)
            self._note(self.letters, letter)
            value = orjson.dumps(letter)
        elif topic == DUPLICATES:
            self._note(self.links, decode(value))
        else:
            self._count(decode(value))
        self._files[topic].write(value + b"\n")

    def _count(self, enriched: dict[str, Any]) -> None:
        self.roles[enriched["role"]] += 1
        self.languages[enriched["language"]] += 1
        if len(self._headlines) < 100_000:  # for the summary's links; a long run names no more of them
            self._headlines[enriched["article_id"]] = (enriched["headline"] or "")[: SHOWN_CHARACTERS + 1]
        self.tags.update({(tag["kind"], tag["label"]) for tag in enriched["tags"]})

    @staticmethod
    def _note(some: list[dict[str, Any]], record: dict[str, Any]) -> None:
        if len(some) < SHOWN:
            some.append(record)

    def summary(self, console: Console) -> None:
        """Print what came out, for a person."""
        roles = ", ".join(f"{number} {role}" for role, number in self.roles.most_common())
        languages = ", ".join(f"{number} {code}" for code, number in self.languages.most_common(8))
        console.print(f"[bold]{self.counts[ENRICHED]} articles[/bold] ({roles}; languages: {languages})")
        console.print(f"[bold]{self.counts[DUPLICATES]} duplicates linked[/bold]")
        for link in self.links:
            original = self._headlines.get(link["duplicate_of"], link["duplicate_of"])
            likeness = "" if link["containment"] is None else f", containment {link['containment']:.2f}"
            console.print(
                f"  {_short(link['headline'] or '–')}  [dim]{link['kind']}{likeness} of[/dim]  {_short(original)}"
            )
        console.print(f"[bold]{self.counts[DEAD_LETTERS]} dead letters[/bold]")
        for letter in self.letters:
            console.print(
                f"  {_short(letter['document_id'] or '–')}  [dim]{letter['reason']}: {escape(letter['detail'])}[/dim]"
            )
        if self.tags:
            table = Table(title="Top tags", title_justify="left", box=None, header_style="dim")
            for column in ("kind", "tag", "articles"):
                table.add_column(column)
            for (kind, label), number in _top(self.tags.items()):
                table.add_row(kind, _short(label), str(number))
            console.print(table)


def dead_letter_json(value: bytes, headers: Headers) -> dict[str, Any]:
    """A dead letter as one JSON object: why, where from, and the original bytes (base64 where they are no text)."""
    texts = {name: content.decode("utf-8", "backslashreplace") for name, content in headers}
    letter: dict[str, Any] = {
        "document_id": texts.get(Header.DOCUMENT_ID),
        "reason": texts.get(Header.REASON),
        "stage": texts.get(Header.STAGE),
        "detail": texts.get(Header.DETAIL, ""),
        "origin": texts.get(Header.ORIGIN),
        "at": texts.get(Header.AT),
        "headers": texts,
    }
    try:
        letter["value"] = value.decode()
    except UnicodeDecodeError:
        letter["value"] = base64.b64encode(value).decode()
        letter["encoding"] = "base64"
    return letter


def _short(text: str) -> str:
    """A text for the terminal, cut where it is longer than any headline."""
    return escape(text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…")


def _top(tags: Iterable[tuple[tuple[str, str], int]]) -> list[tuple[tuple[str, str], int]]:
    """The most frequent tags; of equals, by name, so that the same articles give the same list."""
    return sorted(tags, key=lambda item: (-item[1], item[0]))[:TOP_TAGS]
