"""Changelog blocks: packed, unpacked, and refused when they are anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.engine.block import Block
from lodestream.errors import StateError


@given(
    st.builds(
        Block,
        state_format=st.integers(0, 2**16 - 1),
        partitions=st.integers(1, 2**16 - 1),
        start=st.integers(0, 2**62),
        end=st.integers(0, 2**62),
        clock=st.integers(0, 2**62),
        breaker=st.binary(max_size=300),
        marks=st.binary(max_size=300),
        changes=st.binary(max_size=3000),
    )
)
def test_a_block_comes_back_as_it_was(original: Block) -> None:
    assert Block.unpack(original.pack()) == original


@pytest.mark.parametrize("packed", [b"", b"LSB2", b"LSB1" + b"\0" * 40, b"{}" * 40])
def test_anything_else_is_refused(packed: bytes) -> None:
    with pytest.raises(StateError, match="unknown format"):
        Block.unpack(packed)
