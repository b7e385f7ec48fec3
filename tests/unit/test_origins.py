"""What a torn transaction made the stage before write twice is taken once."""

from __future__ import annotations

import pytest

from lodestream.headers import Header, Headers
from lodestream.origins import Marks

RAW = "test.raw"


def from_(origin: str) -> Headers:
    return (("content-type", b"application/json"), (Header.ORIGIN, origin.encode()))


def test_an_origin_is_new_once() -> None:
    marks = Marks()
    taken = ["test.raw:0:7:0", "test.raw:0:7:1", "test.raw:1:3:0", "test.raw:0:9:0"]
    assert [marks.take(from_(origin), RAW) for origin in taken] == [True] * 4
    assert [marks.take(from_(origin), RAW) for origin in taken] == [False] * 4
    assert marks.take(from_("test.raw:1:3:1"), RAW)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        from_("not an origin"),
        from_("test.raw:0:7"),  # a dead letter's
        from_("other.raw:0:7:0"),
        ((Header.ORIGIN, None),),
    ],
)
def test_a_record_without_an_origin_upstream_is_never_a_repeat(headers: Headers) -> None:
    marks = Marks({0: (100, 0)})
    assert marks.take(headers, RAW)
    assert marks == Marks({0: (100, 0)})


def test_packed_and_unpacked_they_are_the_same() -> None:
    marks = Marks({3: (2**40, 1), 0: (5, 0)})
    assert Marks.unpack(marks.pack()) == marks
    assert Marks.unpack(Marks().pack()) == Marks()
    copy = marks.copy()
    copy.take(from_("test.raw:0:6:0"), RAW)
    assert marks == Marks({3: (2**40, 1), 0: (5, 0)})
