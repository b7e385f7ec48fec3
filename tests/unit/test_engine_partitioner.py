"""Keys go where every other Kafka client puts them."""

from __future__ import annotations

from random import Random

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from lodestream.engine.partitioner import murmur2, partition_of, partitions_of


@pytest.mark.parametrize(
    ("key", "hashed"),  # values of Apache Kafka's own UtilsTest.testMurmur2
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_hashes_are_apache_kafkas(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed & 0xFFFFFFFF


@given(st.binary(max_size=200))
def test_hashes_are_aiokafkas(key: bytes) -> None:
    assert murmur2(key) == reference(key) & 0xFFFFFFFF


@given(
    st.lists(st.none() | st.binary(max_size=40) | st.binary(min_size=5, max_size=5), max_size=60), st.integers(1, 64)
)
def test_many_at_once_are_the_same(keys: list[bytes | None], count: int) -> None:
    assert partitions_of(keys, count) == [partition_of(key, count) for key in keys]


@given(st.integers(0, 33), st.integers(8, 20), st.randoms(use_true_random=False))
def test_many_of_one_length_are_the_same(length: int, number: int, source: Random) -> None:
    keys = [source.randbytes(length) for _ in range(number)]
    assert partitions_of(keys, 1 << 31) == [partition_of(key, 1 << 31) for key in keys]


@given(st.binary(min_size=1, max_size=40), st.integers(1, 64))
def test_partitions_are_those_of_the_default_partitioner(key: bytes, count: int) -> None:
    everyone = list(range(count))
    assert partition_of(key, count) == DefaultPartitioner()(key, everyone, everyone)


def test_no_key_goes_to_the_first_partition() -> None:
    assert partition_of(None, 4) == 0
