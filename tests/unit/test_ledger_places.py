"""Under which key an output must be, and on which partition."""

from __future__ import annotations

import pytest
from test_ledger_books import Record, letter, written

from lodestream.engine.partitioner import partition_of
from lodestream.headers import Header
from lodestream.ledger.books import Books
from lodestream.ledger.bounds import Scope
from lodestream.ledger.outputs import Fate, Kind
from lodestream.ledger.places import WRONG_KEY, WRONG_PARTITION, astray, by_key
from lodestream.letters import Coordinates, key_of_letter

RAW = Coordinates("p.raw", 0, 7)


@pytest.mark.parametrize(
    ("kind", "key", "wrong"),
    [
        (Kind.LINK, b"d", 0),
        (Kind.LINK, b"a", WRONG_KEY),
        (Kind.FORWARDED, b"d", 0),
        (Kind.FORWARDED, None, WRONG_KEY),
        (Kind.ENRICHED, b"a", 0),
        (Kind.ENRICHED, b"d", WRONG_KEY),
        (Kind.ARTICLE, b"whatever", 0),
        (Kind.ORIGINAL, b"whatever", 0),
    ],
)
def test_a_key_is_what_its_kind_of_record_says(kind: Kind, key: bytes | None, wrong: int) -> None:
    fate = Fate("any", kind, RAW, 0)
    assert astray(fate, key, (), {"article_id": "a", "duplicate_of": "d"}) == wrong
    assert astray(fate, key, (), None) == 0, "what is no record says nothing"


def test_a_letter_has_the_key_of_its_document_or_its_place() -> None:
    held = Record(7)
    headers = tuple((name, value or b"") for name, value in letter(0, "clean", "p.raw", held).headers)
    named = ((Header.DOCUMENT_ID, b"d"), *headers)
    fate = Fate("clean", Kind.DEAD_LETTER, RAW, -1)
    assert [astray(fate, b"p.raw:0:7", headers, None), astray(fate, b"d", named, None)] == [0, 0]
    assert [astray(fate, b"d", headers, None), astray(fate, b"p.raw:0:7", named, None)] == [WRONG_KEY] * 2
    assert astray(fate, b"d", (), None) == WRONG_KEY
    assert key_of_letter(named, RAW) == b"d"


def test_keys_say_the_partition_where_they_are_what_says_it() -> None:
    keys = [f"k{at}".encode() for at in range(20)]
    assert by_key("enriched", keys, 4) == [partition_of(key, 4) for key in keys]
    assert by_key("originals", keys, 4) == by_key("enriched", keys, None) == [None] * 20


def test_books_note_what_is_on_another_partition_than_its_key_says() -> None:
    books = Books("p.", Scope())
    books.begin("enriched", dict.fromkeys(range(4)))
    keys = [f"k{at}" for at in range(8)]
    records = [
        Record(at, one.headers, one.value, key=key.encode())
        for at, key in enumerate(keys)
        for one in [written(at, f"p.originals:0:{at}:0", article_id=key)]
    ]
    books.add("enriched", 1, records)
    wrong = [0 if partition_of(key.encode(), 4) == 1 else WRONG_PARTITION for key in keys]
    assert books.fates["tag"].columns()["astray"].tolist() == wrong
    assert len(set(wrong)) == 2
