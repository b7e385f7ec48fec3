"""What `read` prints of a record: one line of JSON, whatever the record holds."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.commands.read import line
from lodestream.headers import Headers


@dataclass
class Record:
    value: bytes | None
    key: bytes | None = b"k"
    headers: Headers = (("a", b"1"), ("b", b"\xff"), ("a", b"2"))
    topic: str = "p.raw"
    partition: int = 1
    offset: int = 2
    timestamp: int = 3


PLACE = {
    "topic": "p.raw",
    "partition": 1,
    "offset": 2,
    "timestamp": 3,
    "key": "k",
    "headers": {"a": "2", "b": "\\xff"},
}


@pytest.mark.parametrize("value", [b'{"b":1,"a":[0.10,12345678901234567890]}', b'"\xc3\xa4"', b"null"])
def test_json_is_printed_as_it_is(value: bytes) -> None:
    assert line(Record(value), is_json=True, enveloped=False) == value + b"\n"


def test_json_over_several_lines_becomes_one() -> None:
    assert line(Record(b'{\n"a": 1}'), is_json=True, enveloped=False) == b'{"a":1}\n'


@pytest.mark.parametrize(
    ("record", "is_json", "enveloped", "rest"),
    [
        (Record(b'{"a": 1}'), True, True, {"value": {"a": 1}}),
        (Record(b'{"a": 1}'), False, False, {"value": '{"a": 1}'}),
        (Record(b'{"a": 1}'), False, True, {"value": '{"a": 1}'}),
        (Record("zwölf\n".encode()), False, False, {"value": "zwölf\n"}),
        (Record(b"\xff\x00"), False, False, {"value": base64.b64encode(b"\xff\x00").decode(), "encoding": "base64"}),
        (Record(b"\xff"), True, False, {"value": "/w==", "encoding": "base64"}),
        (Record(b"no json"), True, False, {"value": "no json"}),
        (Record(b""), True, False, {"value": ""}),
        (Record(b""), False, False, {"value": ""}),
        (Record(None), False, False, {"value": None}),
        (Record(None), True, True, {"value": None}),
        (Record(b"x", key=None), False, False, {"key": None, "value": "x"}),
        (Record(b"x", key=b"\xff"), False, False, {"key": "\\xff", "value": "x"}),
    ],
)
def test_an_envelope_tells_place_key_headers_and_value(
    record: Record,
    is_json: bool,  # noqa: FBT001 - a parameter
    enveloped: bool,  # noqa: FBT001 - a parameter
    rest: dict[str, object],
) -> None:
    printed = line(record, is_json=is_json, enveloped=enveloped)
    assert orjson.loads(printed) == {**PLACE, **rest}


def test_a_tombstone_of_a_json_topic_is_null() -> None:
    assert line(Record(None), is_json=True, enveloped=False) == b"null\n"


@given(st.none() | st.binary(max_size=30), st.none() | st.binary(max_size=9), st.booleans(), st.booleans())
def test_every_record_is_one_line_of_json(
    value: bytes | None,
    key: bytes | None,
    is_json: bool,  # noqa: FBT001 - drawn
    enveloped: bool,  # noqa: FBT001 - drawn
) -> None:
    printed = line(Record(value, key), is_json=is_json, enveloped=enveloped)
    assert printed.endswith(b"\n")
    assert printed.count(b"\n") == 1
    orjson.loads(printed)
