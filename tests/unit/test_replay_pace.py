"""Documents go out at the rate that was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.replay.pace import CATCH_UP_SECONDS, Pace


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(None, 0)
    assert [pace.turn(now) for now in (0.0, 0.0, 1.0)] == [0, 0, 0]


def test_turns_come_at_equal_distances() -> None:
    pace = Pace(4, 10)
    now, at = 10.0, []
    for _ in range(5):
        now += pace.turn(now)
        at.append(now)
    assert at == [10, 10.25, 10.5, 10.75, 11]


def test_a_short_delay_is_caught_up_a_long_one_is_not() -> None:
    pace = Pace(4, 0)
    assert [pace.turn(0.9) for _ in range(5)] == pytest.approx([0, 0, 0, 0, 0.1])
    stalled = Pace(4, 0)
    assert [stalled.turn(100) for _ in range(6)] == pytest.approx([0, 0, 0, 0, 0, 0.25])


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 5), max_size=60))
def test_no_second_holds_more_than_two_seconds_worth(rate: float, stalls: list[float]) -> None:
    pace = Pace(rate, 0)
    now, at = 0.0, []
    for stall in stalls:
        now += stall
        now += pace.turn(now)
        at.append(now)
    for first in at:
        within = sum(first <= other < first + 1 for other in at)
        assert within <= rate * (1 + CATCH_UP_SECONDS) + 2
