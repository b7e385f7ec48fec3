"""The vocabularies: what can be tagged, and by which words. Data files in TOML, checked when they are loaded.

A file names its `kind` and gives terms in one or both of two layouts:

    kind = "commodity"                      kind = "country"
    [[entry]]                               [terms.adjective.en]
    id = "lithium"                          JP = ["Japanese"]
    label = "lithium"                       PE = ["Peruvian"]
    name.en = ["lithium", "spodumene"]
    name.de = ["Lithium*"]

The files of the package come first, in the order of their names, then those of the user's folder. A later file
extends an entry by naming its id again; `replace = true` drops what earlier files said of it, and `remove`
lists single terms to drop. `[mask]` lists phrases that are no mention of anything, so that nothing shorter is
found inside them ("South China Sea"); `[cues]` names lists for the conditions of terms (see `terms`).
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from lodestream.errors import LodestreamError
from lodestream.tag.terms import Term
from lodestream.tag.vocabulary_file import Draft, read_entries

RELEASE: Final = "2026.1"
"""Year and number of the packaged vocabularies; the hash behind it in `Vocabulary.version` tells what is in them."""

_PACKAGED: Final = files("lodestream.tag") / "vocabularies"


class VocabularyError(LodestreamError):
    """A vocabulary file cannot be used: the text names the file and the entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be tagged.

    `broader` is the id of the entry that this one implies, `group` what topics can refer to, `sources` the
    groups that speak for a topic with their weights, `lists` the official lists that a commodity is on.
    """

    kind: str
    id: str
    label: str
    terms: tuple[Term, ...]
    broader: str | None = None
    group: str | None = None
    sources: tuple[tuple[str, float], ...] = ()
    lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All vocabularies together. `version` is made from the files' content: equal on every machine."""

    version: str
    entries: tuple[Entry, ...]
    masks: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)


def load_vocabulary(own: Path | None = None) -> Vocabulary:
    """The packaged vocabularies, extended by the `*.toml` files of the folder `own`.

    Raises `VocabularyError` on a file that is no TOML, unknown keys and ids, terms without text and terms that
    two entries of a kind claim in the same language.
    """
    packaged = {item.name: item.read_bytes() for item in _PACKAGED.iterdir() if item.name.endswith(".toml")}
    added: dict[str, bytes] = {}
    if own is not None:
        if not own.is_dir():
            raise VocabularyError(f"no folder of vocabularies: {own}")
        try:
            added = {path.name: path.read_bytes() for path in own.glob("*.toml")}
        except OSError as error:
            raise VocabularyError(f"cannot read {error.filename}: {error.strerror}") from error
    contents = [*sorted(packaged.items()), *sorted(added.items())]
    draft = Draft()
    documents = [(name, _parse(name, content)) for name, content in contents]
    for name, document in documents:
        try:
            read_entries(document, draft)
        except ValueError as error:
            raise VocabularyError(f"{name}, {error}") from error
    return Vocabulary(_version(contents), _finish(draft), {kind: tuple(found) for kind, found in draft.masks.items()})


@lru_cache(maxsize=32)
def _parse(name: str, content: bytes) -> dict[str, Any]:
    """Parsing takes half of the time of loading; a reload finds most files as they were. Callers do not write to it."""
    try:
        return tomllib.loads(content.decode())
    except ValueError as error:
        raise VocabularyError(f"{name}: {error}") from error


def _finish(draft: Draft) -> tuple[Entry, ...]:
    entries = []
    for (kind, identity), found in sorted(draft.entries.items()):
        if found.broader is not None and (kind, found.broader) not in draft.entries:
            raise VocabularyError(f"{kind} {identity}: its broader entry {found.broader!r} is not there")
        entries.append(
            Entry(
                kind=kind,
                id=identity,
                label=found.label,
                terms=tuple(found.terms),
                broader=found.broader,
                group=found.group,
                sources=tuple(sorted(found.sources.items())),
                lists=tuple(found.lists),
            )
        )
    _check_broader(entries)
    _check_ambiguous(entries)
    return tuple(entries)


def _check_broader(entries: Iterable[Entry]) -> None:
    above = {(entry.kind, entry.id): entry.broader for entry in entries}
    for kind, identity in above:
        seen, current = set(), identity
        while (current := above[kind, current] or "") != "":
            if current in seen:
                raise VocabularyError(f"{kind} {identity}: its broader entries run in a circle")
            seen.add(current)


def _check_ambiguous(entries: Iterable[Entry]) -> None:
    """A term means one entry. Topics share words, and a joint term (`ids`) is one object in several entries."""
    owners: dict[tuple[str, str, str], tuple[str, Term]] = {}
    for entry in entries:
        if entry.kind == "topic":
            continue
        for term in entry.terms:
            key = (entry.kind, term.language, term.text)
            owner, known = owners.setdefault(key, (entry.id, term))
            if owner != entry.id and known is not term:
                raise VocabularyError(
                    f"{entry.kind} {entry.id}: the term {term.text!r} ({term.language}) also stands for {owner}"
                )


def _version(contents: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in contents:
        # A checkout may turn line ends; the vocabulary is the same.
        digest.update(name.encode() + b"\0" + content.replace(b"\r\n", b"\n") + b"\0")
    return f"{RELEASE}-{digest.hexdigest()[:8]}"
