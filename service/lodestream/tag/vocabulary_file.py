"""Reading one vocabulary document into the draft that all documents together make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lodestream.tag.inflection import inflect
from lodestream.tag.terms import Term, parse_term


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of tag allows: the prefix of its ids, whether a file may add ids, its classes of terms."""

    prefix: str
    closed: bool
    classes: frozenset[str]


KINDS: Final = {
    "country": Kind("", True, frozenset({"name", "adjective", "capital", "government"})),
    "commodity": Kind("commodity:", False, frozenset({"name"})),
    "topic": Kind("medtop:", True, frozenset({"strong", "fair", "weak", "against"})),
}
_DOCUMENT_KEYS: Final = frozenset({"kind", "language", "labels", "broader", "terms", "entry", "mask", "cues"})
_ENTRY_KEYS: Final = frozenset({"id", "ids", "label", "broader", "group", "lists", "from", "replace", "remove"})


@dataclass(slots=True)
class DraftEntry:
    label: str
    terms: list[Term] = field(default_factory=list)
    broader: str | None = None
    group: str | None = None
    sources: dict[str, float] = field(default_factory=dict)
    lists: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """What the documents read so far say. Entries by kind and id (with its prefix)."""

    entries: dict[tuple[str, str], DraftEntry] = field(default_factory=dict)
    masks: dict[str, list[Term]] = field(default_factory=dict)
    cues: dict[str, list[str]] = field(default_factory=dict)


def read_entries(document: dict[str, Any], draft: Draft) -> None:
    """Adds a document to the draft. Raises `ValueError` whose text begins with the place in the document."""
    unknown = sorted(document.keys() - _DOCUMENT_KEYS)
    if unknown:
        raise ValueError(f"top level: unknown key {unknown[0]!r}")
    name = document.get("kind")
    if name not in KINDS:
        raise ValueError(f"top level: kind is one of {', '.join(KINDS)}, not {name!r}")
    _Reader(name, document, draft).read()


class _Reader:
    def __init__(self, name: str, document: dict[str, Any], draft: Draft) -> None:
        self._name = name
        self._kind = KINDS[name]
        self._document = document
        self._draft = draft
        self._language: str = document.get("language", "*")

    def read(self) -> None:
        for cue, words in _table(self._document, "cues", "cues").items():
            self._draft.cues.setdefault(cue, []).extend(words)
        self._read_labels()
        for language, specs in _table(self._document, "mask", "mask").items():
            terms = self._terms(specs, language, "mask", "mask")
            if any(term.guard and (term.guard.needs or term.guard.unless) for term in terms):
                raise ValueError("mask: a mask has no conditions about the whole article (needs, unless)")
            self._draft.masks.setdefault(self._name, []).extend(terms)
        for word_class, languages in _table(self._document, "terms", "terms").items():
            for language, entries in _table({"": languages}, "", f"terms.{word_class}").items():
                for identity, specs in _table({"": entries}, "", f"terms.{word_class}.{language}").items():
                    place = f"entry {identity} (terms.{word_class}.{language})"
                    self._entry(identity, place).terms.extend(self._terms(specs, language, word_class, place))
        entries = self._document.get("entry", [])
        if not isinstance(entries, list):
            raise ValueError("entry: write [[entry]], one for each")  # noqa: TRY004 - one kind of error for bad files
        for position, spec in enumerate(entries, 1):
            self._read_entry(spec, position)

    def _read_labels(self) -> None:
        """`[labels]` and `[broader]` define entries: the ids that exist, their labels and the tree they form."""
        for identity, label in _table(self._document, "labels", "labels").items():
            self._draft.entries.setdefault((self._name, self._kind.prefix + identity), DraftEntry(label)).label = label
        for identity, broader in _table(self._document, "broader", "broader").items():
            self._entry(identity, f"broader.{identity}").broader = self._kind.prefix + broader

    def _entry(self, identity: str, place: str) -> DraftEntry:
        found = self._draft.entries.get((self._name, self._kind.prefix + identity))
        if found is None:
            raise ValueError(f"{place}: no {self._name} has the id {identity!r}")
        return found

    def _read_entry(self, spec: dict[str, Any], position: int) -> None:
        identities = spec.get("ids", [spec.get("id")])
        place = f"entry {', '.join(map(str, identities))}" if any(identities) else f"entry number {position}"
        if not all(isinstance(identity, str) and identity for identity in identities) or not identities:
            raise ValueError(f"{place}: no id")
        unknown = sorted(spec.keys() - _ENTRY_KEYS - self._kind.classes)
        if unknown:
            raise ValueError(f"{place}: unknown key {unknown[0]!r}")
        entries = [self._define(identity, spec, place) for identity in identities]
        terms = [
            term
            for word_class in sorted(spec.keys() & self._kind.classes)
            for language, specs in self._by_language(spec[word_class], place)
            for term in self._terms(specs, language, word_class, place)
        ]
        for entry in entries:
            entry.terms.extend(terms)

    def _define(self, identity: str, spec: dict[str, Any], place: str) -> DraftEntry:
        if "label" in spec and not self._kind.closed:
            key = (self._name, self._kind.prefix + identity)
            self._draft.entries.setdefault(key, DraftEntry(spec["label"])).label = spec["label"]
        entry = self._entry(identity, place)
        if spec.get("replace"):
            entry.terms, entry.sources = [], {}
        removed = set(spec.get("remove", []))
        entry.terms = [term for term in entry.terms if term.text not in removed]
        if "broader" in spec:
            entry.broader = self._kind.prefix + spec["broader"]
        entry.group = spec.get("group", entry.group)
        entry.lists.extend(spec.get("lists", []))
        for group, weight in _table(spec, "from", place).items():
            if not isinstance(weight, int | float):
                raise ValueError(f"{place}: the weight of {group!r} is a number, not {weight!r}")  # noqa: TRY004 - as above
            entry.sources[group] = float(weight)
        return entry

    def _by_language(self, value: Any, place: str) -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            yield from value.items()
        elif self._language == "*":
            raise ValueError(f"{place}: terms need a language, here or at the top of the file")
        else:
            yield self._language, value

    def _terms(self, specs: Any, language: str, word_class: str, place: str) -> list[Term]:
        if not isinstance(specs, list):
            raise ValueError(f"{place}: terms are a list, not {specs!r}")  # noqa: TRY004 - as above
        if word_class != "mask" and word_class not in self._kind.classes:
            raise ValueError(f"{place}: a {self._name} has no terms of the class {word_class!r}")
        try:
            return [
                form
                for spec in specs
                for term in parse_term(spec, language, word_class, self._draft.cues)
                for form in _inflected(term)
            ]
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error


def _inflected(term: Term) -> Iterator[Term]:
    if term.open_start or term.open_end:
        yield term
        return
    for text in inflect(term.text, term.language, term.word_class):
        yield term if text == term.text else replace(term, text=text)


def _table(holder: dict[str, Any], key: str, place: str) -> dict[str, Any]:
    value = holder.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"{place}: a table, not {value!r}")  # noqa: TRY004 - as above
    return value
