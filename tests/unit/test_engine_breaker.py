"""The breaker: counts in a row and as a ratio, and survives being packed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.engine.breaker import WINDOW, Breaker
from lodestream.errors import BreakerOpenError


def is_open(breaker: Breaker, run: int = 10**9, ratio: float = 1.0) -> bool:
    try:
        breaker.check(run, ratio)
    except BreakerOpenError:
        return True
    return False


def test_opens_at_the_limit_of_dead_letters_in_a_row_and_names_the_setting() -> None:
    breaker = Breaker()
    breaker.count_all([True] * 9)
    assert not is_open(breaker, run=10)
    breaker.count_all([True])
    with pytest.raises(BreakerOpenError, match="LODESTREAM_DEAD_LETTER_RUN_LIMIT"):
        breaker.check(10, 1.0)


def test_one_good_record_ends_the_run() -> None:
    breaker = Breaker()
    breaker.count_all([True] * 9 + [False] + [True] * 9)
    assert not is_open(breaker, run=10)


def test_ratio_counts_only_once_the_window_is_full() -> None:
    breaker = Breaker()
    breaker.count_all([True, False] * (WINDOW // 2 - 1))
    assert not is_open(breaker, ratio=0.4)
    breaker.count_all([True, False])
    assert is_open(breaker, ratio=0.4)
    assert not is_open(breaker, ratio=0.5)


def test_good_records_push_dead_ones_out_of_the_window() -> None:
    breaker = Breaker()
    breaker.count_all([True] * WINDOW)
    breaker.count_all([False] * (WINDOW // 2))
    assert is_open(breaker, ratio=0.4)
    breaker.count_all([False] * (WINDOW // 2))
    assert not is_open(breaker, ratio=0.01)


@given(st.lists(st.lists(st.booleans(), max_size=60), max_size=12), st.integers(1, 40))
def test_cuts_and_packing_change_nothing(batches: list[list[bool]], run: int) -> None:
    cut, whole = Breaker(), Breaker()
    for batch in batches:
        cut.count_all(batch)
        cut = Breaker.unpack(cut.pack())
    whole.count_all([fate for batch in batches for fate in batch])
    assert cut.pack() == whole.pack()
    assert is_open(cut, run) == is_open(whole, run)
