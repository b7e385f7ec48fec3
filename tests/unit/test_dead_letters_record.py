"""The record on dead-letters: nothing of the input is lost, and it comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.headers import Header, Headers, header
from lodestream.letters import (
    DETAIL_MAX_CHARACTERS,
    Coordinates,
    letter_headers,
    letter_key,
    mark_headers,
    marked_letter,
    original_key,
    parse_origin,
    redrives,
    restore_headers,
)

NAMES = st.sampled_from(
    [
        Header.DOCUMENT_ID,
        Header.SITE,
        Header.ORIGIN,
        Header.PARENT_ORIGIN,
        Header.REASON,
        Header.STAGE,
        Header.DETAIL,
        Header.AT,
        Header.ORIGIN_KEY,
        Header.REDRIVEN,
        "x",
    ]
)
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=12)), max_size=12).map(tuple)
KEYS = st.none() | st.binary(max_size=12)


def letter(original: Headers, key: bytes | None = b"k", detail: str = "bad") -> Headers:
    return letter_headers(
        original,
        topic="lodestream.raw",
        partition=2,
        offset=17,
        key=key,
        reason="not_utf8",
        stage="clean",
        detail=detail,
        at="2026-01-02T03:04:05.678Z",
    )


@given(HEADERS, KEYS)
def test_the_input_comes_back_but_for_its_origin(original: Headers, key: bytes | None) -> None:
    headers = letter(original, key)
    expected = tuple((Header.PARENT_ORIGIN if name == Header.ORIGIN else name, value) for name, value in original)
    assert restore_headers(headers) == (*expected, (Header.REDRIVE, b"1"))
    assert original_key(headers) == key


@given(HEADERS, KEYS)
def test_a_letter_says_what_is_wrong_whatever_the_input_says(original: Headers, key: bytes | None) -> None:
    headers = letter(original, key)
    said = {name: header(headers, name) for name in (Header.REASON, Header.STAGE, Header.DETAIL, Header.AT)}
    assert said == {
        Header.REASON: "not_utf8",
        Header.STAGE: "clean",
        Header.DETAIL: "bad",
        Header.AT: "2026-01-02T03:04:05.678Z",
    }
    assert header(headers, Header.ORIGIN) == "lodestream.raw:2:17"


@pytest.mark.parametrize(
    ("before", "after"), [(b"1", b"2"), (b"41", b"42"), (b"", b"1"), (b"x", b"1"), (b"\xff", b"1"), (b"9" * 30, b"1")]
)
def test_each_redrive_counts_one_up(before: bytes, after: bytes) -> None:
    headers = restore_headers(letter(((Header.REDRIVE, before), ("x", b"y"))))
    assert headers == (("x", b"y"), (Header.REDRIVE, after))


def test_a_letter_of_a_letter_of_a_letter_counts_its_redrives() -> None:
    headers: Headers = ((Header.SITE, b"s"), (Header.ORIGIN, b"lodestream.raw:0:1:0"))
    for _ in range(3):
        headers = restore_headers(letter(headers))
    assert headers == (
        (Header.SITE, b"s"),
        (Header.PARENT_ORIGIN, b"lodestream.raw:0:1:0"),
        (Header.REDRIVE, b"3"),
    )
    assert redrives(headers) == 3


def test_the_detail_is_cut() -> None:
    text = header(letter((), detail="ä" * 500), Header.DETAIL)
    assert text == "ä" * DETAIL_MAX_CHARACTERS


def test_a_detail_that_is_no_unicode_is_still_a_header() -> None:
    assert header(letter((), detail="half \ud800"), Header.DETAIL) == "half ?"


@pytest.mark.parametrize(
    ("original", "key"),
    [
        ((), b"t:1:2"),
        (((Header.DOCUMENT_ID, b""),), b"t:1:2"),
        (((Header.DOCUMENT_ID, b"a/b.txt"),), b"a/b.txt"),
        (((Header.DOCUMENT_ID, b"first"), (Header.DOCUMENT_ID, "letzte ü".encode())), "letzte ü".encode()),
    ],
)
def test_the_key_is_the_document_id_or_the_place(original: Headers, key: bytes) -> None:
    assert letter_key(original, topic="t", partition=1, offset=2) == key


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("lodestream.raw:0:0", (Coordinates("lodestream.raw", 0, 0), None)),
        ("a-b_c.d:12:9223372036854775807", (Coordinates("a-b_c.d", 12, 2**63 - 1), None)),
        ("t:1:2:3", (Coordinates("t", 1, 2), 3)),
    ],
)
def test_an_origin_is_read(text: str, parsed: tuple[Coordinates, int | None]) -> None:
    assert parse_origin(text) == parsed


@pytest.mark.parametrize(
    "text", ["", "t", "t:1", "t:1:", ":1:2", "t:-1:2", "t:1:2:3:4", "t:1:2 ", "t:1:٢", "t:1:2\n", "t/u:1:2", "t:1:x"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no origin"):
        parse_origin(text)


def test_coordinates_have_no_index() -> None:
    assert Coordinates.parse(str(Coordinates("t", 1, 2))) == Coordinates("t", 1, 2)
    with pytest.raises(ValueError, match="no coordinates"):
        Coordinates.parse("t:1:2:3")


@given(HEADERS)
def test_a_mark_is_known_and_a_letter_is_never_taken_for_one(original: Headers) -> None:
    place = Coordinates("lodestream.dead-letters", 0, 3)
    assert marked_letter(mark_headers(place)) == place
    assert marked_letter(letter((*original, *mark_headers(place)))) is None


@pytest.mark.parametrize("headers", [(), ((Header.REDRIVEN, b"nonsense"),), ((Header.REDRIVEN, b"t:0:1:2"),)])
def test_what_names_no_letter_is_no_mark(headers: Headers) -> None:
    assert marked_letter(headers) is None


def test_what_is_no_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="no dead letter"):
        restore_headers(((Header.REDRIVEN, b"t:0:1"),))
    with pytest.raises(ValueError, match="base64"):
        original_key((*letter((), None), (Header.ORIGIN_KEY, b"!")))
