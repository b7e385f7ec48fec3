"""What a record on an output topic says about its input."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from lodestream.headers import Header, Headers
from lodestream.ledger.content import Named
from lodestream.ledger.outputs import (
    NO_LINEAGE,
    NO_NUMBER,
    UNREADABLE_LINEAGE,
    Fate,
    Fates,
    Kind,
    NoOutputError,
    decode,
    lineage_of,
    read_fate,
)
from lodestream.letters import Coordinates, letter_headers

INPUTS = {"clean": "p.raw", "dedupe": "p.articles", "tag": "p.originals"}
LINEAGE = {"topic": "p.raw", "partition": 3, "offset": 9}


def origin(text: str) -> Headers:
    return (("x", b"y"), (Header.ORIGIN, text.encode()))


def letter(stage: str, topic: str, offset: int = 7) -> Headers:
    return letter_headers(
        origin("p.raw:9:9:9"),
        topic=topic,
        partition=1,
        offset=offset,
        key=None,
        reason="r",
        stage=stage,
        detail="",
        at="2026-01-01T00:00:00Z",
    )


def value(**fields: Any) -> bytes:
    return orjson.dumps(fields)


@pytest.mark.parametrize(
    ("topic", "headers", "body", "fate"),
    [
        (
            "articles",
            origin("p.raw:1:7:2"),
            value(position=2, of=3, lineage=LINEAGE),
            Fate("clean", Kind.ARTICLE, Coordinates("p.raw", 1, 7), 2, 2, 3, (3, 9)),
        ),
        (
            "originals",
            origin("p.articles:1:7:0"),
            value(position=2, of=3, lineage=LINEAGE),
            Fate("dedupe", Kind.ORIGINAL, Coordinates("p.articles", 1, 7), 0, NO_NUMBER, NO_NUMBER, (3, 9)),
        ),
        (
            "duplicates",
            origin("p.articles:1:7:1"),
            value(forwarded=False),
            Fate("dedupe", Kind.LINK, Coordinates("p.articles", 1, 7), 1, NO_NUMBER, NO_NUMBER),
        ),
        (
            "duplicates",
            origin("p.articles:1:7:1"),
            value(forwarded=True),
            Fate("dedupe", Kind.FORWARDED, Coordinates("p.articles", 1, 7), 1, NO_NUMBER, NO_NUMBER),
        ),
        (
            "enriched",
            origin("p.originals:1:7:0"),
            b"{}",
            Fate("tag", Kind.ENRICHED, Coordinates("p.originals", 1, 7), 0, NO_NUMBER, NO_NUMBER),
        ),
        *(
            (
                "dead-letters",
                letter(stage, topic),
                b"\xff",
                Fate(stage, Kind.DEAD_LETTER, Coordinates(topic, 1, 7), NO_NUMBER, NO_NUMBER, NO_NUMBER),
            )
            for stage, topic in INPUTS.items()
        ),
        ("dead-letters", ((Header.REDRIVEN, b"p.dead-letters:0:3"),), b"", None),
        ("articles", ((Header.REDRIVE, b"1"), (Header.PARENT_ORIGIN, b"p.raw:1:7:0")), value(position=0, of=1), None),
        ("originals", ((Header.REDRIVE, b"2"),), b"{}", None),
        # A redriven record's own outputs carry its headers on, and an origin.
        (
            "originals",
            ((Header.REDRIVE, b"1"), *origin("p.articles:0:1:0")),
            b"{}",
            Fate("dedupe", Kind.ORIGINAL, Coordinates("p.articles", 0, 1), 0, NO_NUMBER, NO_NUMBER),
        ),
    ],
)
def test_an_output_names_its_input_and_its_fate(topic: str, headers: Headers, body: bytes, fate: Fate | None) -> None:
    assert read_fate(topic, headers, decode(body), INPUTS) == fate


@pytest.mark.parametrize(
    ("topic", "headers", "body", "why"),
    [
        ("articles", (), b"{}", "has no origin"),
        ("articles", origin("p.raw:1:7"), b"{}", "has no index"),
        ("articles", origin("p.raw:1:x:0"), b"{}", "no origin"),
        ("articles", origin("q.raw:1:7:0"), b"{}", "is not on p.raw"),
        ("enriched", origin("p.articles:1:7:0"), b"{}", "is not on p.originals"),
        ("enriched", ((Header.REDRIVE, b"1"),), b"{}", "has no origin"),  # nothing is put back there
        ("duplicates", ((Header.REDRIVE, b"1"), (Header.PARENT_ORIGIN, b"p.raw:1:7:0")), b"{}", "has no origin"),
        ("articles", origin("p.raw:4294967296:7:0"), b"{}", "out of range"),
        ("articles", origin("p.raw:1:9999999999999999999:0"), b"{}", "out of range"),
        ("dead-letters", (), b"", "is of no stage"),
        ("dead-letters", letter("trim", "p.raw"), b"", "is of no stage"),
        ("dead-letters", letter("clean", "p.articles"), b"", "is not on p.raw"),
        ("dead-letters", (*letter("clean", "p.raw"), (Header.ORIGIN, b"p.raw:1:7:0")), b"", "has an index"),
    ],
)
def test_what_cannot_be_an_output_says_why(topic: str, headers: Headers, body: bytes | None, why: str) -> None:
    with pytest.raises(NoOutputError, match=why):
        read_fate(topic, headers, decode(body), INPUTS)


@pytest.mark.parametrize("number", [-1, 2**31, 1.0, "1", None, True])
def test_a_position_that_is_no_position_is_none(number: object) -> None:
    fate = read_fate("articles", origin("p.raw:1:7:0"), {"position": number, "of": number}, INPUTS)
    assert fate is not None
    assert (fate.position, fate.of) == (NO_NUMBER, NO_NUMBER)


@pytest.mark.parametrize(
    ("topic", "parent", "kind"),
    [
        ("articles", "p.raw", Kind.ARTICLE),
        ("originals", "p.articles", Kind.ORIGINAL),
        ("duplicates", "p.articles", Kind.LINK),
        ("enriched", "p.originals", Kind.ENRICHED),
    ],
)
@pytest.mark.parametrize("body", [b"{", b"[]", b"", None])
def test_an_output_that_is_no_record_still_says_where_it_came_from(
    topic: str, parent: str, kind: Kind, body: bytes | None
) -> None:
    fate = read_fate(topic, origin(f"{parent}:1:7:0"), decode(body), INPUTS)
    assert fate is not None
    assert (fate.kind, fate.origin, fate.lineage) == (kind, Coordinates(parent, 1, 7), UNREADABLE_LINEAGE)


@pytest.mark.parametrize(
    "lineage",
    [
        None,
        [],
        "p.raw:3:9",
        {**LINEAGE, "topic": "q.raw"},
        {**LINEAGE, "partition": -1},
        {**LINEAGE, "offset": True},
        {"topic": "p.raw"},
    ],
)
def test_a_lineage_that_is_none(lineage: object) -> None:
    assert lineage_of({"lineage": lineage}, "p.raw") == NO_LINEAGE


def test_a_lineage_holds_any_offset() -> None:
    assert lineage_of({"lineage": {**LINEAGE, "offset": 2**40}}, "p.raw") == (3, 2**40)


def test_columns_hold_what_was_added() -> None:
    largest = np.iinfo(np.int64).max
    place = {
        "kind": [0],
        "partition": [3],
        "offset": [largest],
        "index": [4],
        "at_partition": [7],
        "at_offset": [largest],
        "lineage_partition": [8],
        "lineage_offset": [largest],
        "held": [2**64 - 1],
        "astray": [2],
    }
    of_dedupe = {"article": [1], "names": [2], "story": [3]}
    for stage, more in (("clean", {"position": [5], "of": [6]}), ("dedupe", of_dedupe), ("tag", {})):
        fates = Fates(stage)
        assert all(len(column) == 0 for column in fates.columns().values())
        fate = Fate(stage, Kind.ARTICLE, Coordinates("p.raw", 3, largest), 4, 5, 6, (8, largest))
        fates.add(fate, 7, largest, held=2**64 - 1, named=Named(1, 2, 3), astray=2)
        assert {name: column.tolist() for name, column in fates.columns().items()} == place | more
        assert len(fates) == 1
