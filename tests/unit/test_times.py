"""Durations as people write them."""

from __future__ import annotations

import pytest

from lodestream.times import from_duration


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("90s", 90_000),
        ("2h", 7_200_000),
        ("30m", 1_800_000),
        ("1d12h", 129_600_000),
        ("0s", 0),
        ("1d1h1m1s", 90_061_000),
    ],
)
def test_a_duration(text: str, milliseconds: int) -> None:
    assert from_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "-2h", "1.5h", "2h1d", "٢h", "1y"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        from_duration(text)
