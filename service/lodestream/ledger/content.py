"""What must come through a stage as it was, as 64-bit hashes: of an input what its outputs must hold, and of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson
import xxhash

from lodestream.headers import Headers
from lodestream.letters import original_key
from lodestream.topics import ARTICLES, DUPLICATES, ENRICHED, ORIGINALS

NOTHING: Final = 0
"""In place of a hash, where there is nothing to compare."""

_OF_DEDUPE: Final = ("version", "story_id", "first_seen", "extends", "previous")
_OF_TAG: Final = ("tags", "ruleset", "trending")
# Each stage names the schema of what it writes.
_GIVEN_ON_THE_WAY: Final = frozenset(("schema", "fingerprint", *_OF_DEDUPE, *_OF_TAG))
_LINKED: Final = ("article_id", "document_id", "headline", "source", "url", "role", "published_at", "lineage")


class Content(NamedTuple):
    """Hashes of one record.

    `held`: of what an output took over from its input. Of an input: `whole`, of its value and key, as a dead letter
    holds them; `onward`, of what an article or an enriched record made of it must hold; `linked`, of what a link to
    it must.
    """

    held: int = NOTHING
    whole: int = NOTHING
    onward: int = NOTHING
    linked: int = NOTHING


def content_of(topic: str, key: bytes | None, value: bytes | None, record: Mapping[str, Any] | None) -> Content:
    """The hashes of a record of any topic (short name) but the dead letters; `record`: its decoded value."""
    if topic == DUPLICATES:
        return Content(held=_linked(record))
    if topic == ENRICHED:
        return Content(held=_onward(_passed(record), record))
    whole = _whole(key, value)
    if topic == ARTICLES:
        return Content(whole=whole, onward=_keyed(_passed(record), key), linked=_linked(record))
    if topic == ORIGINALS:
        passed = _passed(record)
        return Content(held=_keyed(passed, key), whole=whole, onward=_onward(passed, record))
    return Content(whole=whole)


def content_of_letter(headers: Headers, value: bytes | None) -> Content:
    """The hash of the input that a dead letter holds: its value, and the key that a header keeps."""
    try:
        return Content(held=_whole(original_key(headers), value))
    except ValueError:
        return Content()


class Named(NamedTuple):
    """Hashes of the ids in an original or a link.

    `article` is an original's own. `names`: of a link the original that it is a duplicate of, of an original the one
    that it extends. `story`: the one that either belongs to.
    """

    article: int = NOTHING
    names: int = NOTHING
    story: int = NOTHING


def named_by(topic: str, record: Mapping[str, Any] | None) -> Named:
    """The ids in a record of any topic (short name)."""
    if record is None or topic not in {ORIGINALS, DUPLICATES}:
        return Named()
    story = identity(record.get("story_id"))
    if topic == DUPLICATES:
        return Named(names=identity(record.get("duplicate_of")), story=story)
    extends = record.get("extends")
    extended = extends.get("article_id") if isinstance(extends, dict) else extends
    return Named(identity(record.get("article_id")), identity(extended), story)


def identity(text: object) -> int:
    """The hash of an id, as text or as a key; `NOTHING` of what is none."""
    if isinstance(text, str):
        text = text.encode("utf-8", "replace")
    return xxhash.xxh3_64_intdigest(text) if isinstance(text, bytes) and text else NOTHING


def _whole(key: bytes | None, value: bytes | None) -> int:
    return xxhash.xxh3_64_intdigest(value or b"", 0 if key is None else xxhash.xxh3_64_intdigest(key))


def _passed(record: Mapping[str, Any] | None) -> int:
    """What all stages behind `clean` pass on, fields that they do not know included."""
    if record is None:
        return NOTHING
    return _hash({name: value for name, value in record.items() if name not in _GIVEN_ON_THE_WAY})


def _keyed(passed: int, key: bytes | None) -> int:
    """With the key, which an original has from its article."""
    return passed and xxhash.xxh3_64_intdigest(key or b"", passed)


def _onward(passed: int, record: Mapping[str, Any] | None) -> int:
    """With what `dedupe` gave to an original."""
    return passed and _hash({name: record[name] for name in _OF_DEDUPE if record and name in record}, passed)


def _linked(record: Mapping[str, Any] | None) -> int:
    return NOTHING if record is None else _hash([record.get(name) for name in _LINKED])


def _hash(value: object, seed: int = 0) -> int:
    try:
        return xxhash.xxh3_64_intdigest(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), seed)
    except TypeError:  # nested more deeply than it can be written: no agent writes such a record
        return NOTHING
