"""What a batch becomes: which partition, in what order, with which headers."""

from __future__ import annotations

import pytest

from lodestream.engine.config import EngineConfig
from lodestream.engine.output import OVERHEAD, Outgoing, PoisonedError
from lodestream.engine.partitioner import partition_of
from lodestream.engine.step import Output, Record
from lodestream.engine.transaction import Message
from lodestream.errors import Reason, Rejected
from lodestream.headers import Header, header

CONFIG = EngineConfig(
    agent="copy",
    prefix="p.",
    group="p.copy",
    input="p.in",
    changelog="p.copy-state",
    outputs=("out", "links"),
    dead_letters="dead-letters",
    client={},
    output_bytes=OVERHEAD + 100,
)
PARTITIONS = {"out": 4, "links": 3, "dead-letters": 1}
NOW = 1_780_000_000_000


def record(offset: int, ingested_at: int = NOW) -> Record:
    return Record("p.in", 2, offset, b"key", b"value", ((Header.DOCUMENT_ID, b"d"),), ingested_at, ingested_at)


def said(message: Message, name: str) -> str | None:
    return header(tuple(message[2]), name)


def outgoing() -> Outgoing:
    return Outgoing(CONFIG, PARTITIONS, NOW)


def test_outputs_go_where_their_keys_say_in_the_order_of_the_input() -> None:
    some = outgoing()
    records = [record(offset) for offset in range(100)]
    some.add_all(records[:60], [[Output("out", b"%d" % each.offset, b"v")] for each in records[:60]])
    some.add_all(records[60:], [[Output("out", b"%d" % each.offset, b"v")] for each in records[60:]])
    found = {place: [key for key, _, _ in messages] for place, messages in some.messages().items()}
    keys = [b"%d" % number for number in range(100)]
    assert found == {("p.out", n): [key for key in keys if partition_of(key, 4) == n] for n in range(4)}


def test_a_partition_that_is_given_and_a_missing_key_are_kept_to() -> None:
    some = outgoing()
    some.add_all([record(0)], [[Output("out", b"k", b"v", partition=3), Output("links", None, b"w")]])
    assert {place: len(messages) for place, messages in some.messages().items()} == {("p.out", 3): 1, ("p.links", 0): 1}


def test_outputs_of_one_topic_with_and_without_a_partition_are_a_bug() -> None:
    some = outgoing()
    some.add_all([record(0)], [[Output("out", b"k", b"v", partition=1), Output("out", b"other", b"v")]])
    with pytest.raises(TypeError, match="out"):
        some.messages()


def test_each_output_says_where_it_comes_from_and_keeps_its_own_headers() -> None:
    some = outgoing()
    some.add_all(
        [record(7), record(8, NOW + 1000)],
        [[Output("out", b"k", b"v", (("a", b"b"),)), Output("out", b"k", b"w")], [Output("out", b"k", b"x")]],
    )
    ((messages),) = some.messages().values()
    assert [said(each, Header.ORIGIN) for each in messages] == ["p.in:2:7:0", "p.in:2:7:1", "p.in:2:8:0"]
    times = ["2026-05-28T20:26:40.000Z", "2026-05-28T20:26:40.000Z", "2026-05-28T20:26:41.000Z"]
    assert [said(each, Header.INGESTED_AT) for each in messages] == times
    assert {said(each, Header.PROCESSED_AT) for each in messages} == {times[0]}
    assert messages[0][2][0] == ("a", b"b")


def test_a_refused_record_is_a_letter_and_counted_by_its_reason() -> None:
    some = outgoing()
    some.add_all([record(1), record(2)], [Rejected(Reason.NOT_UTF8, "why"), [Output("out", b"k", b"v")]])
    (letter,) = some.messages()["p.dead-letters", 0]
    assert (letter[0], letter[1], said(letter, Header.REASON)) == (b"d", b"value", "not_utf8")
    assert some.fates == [True, False]
    assert some.reasons == {"not_utf8": 1}


def test_counts_are_added_up() -> None:
    some = outgoing()
    counted = (("articles", "near", 1), ("tags", "topic", 3))
    some.add_all([record(1), record(2)], [[Output("out", b"k", b"v", counts=counted)]] * 2)
    assert some.counts == {("articles", "near"): 2, ("tags", "topic"): 6}


def test_an_output_that_no_broker_takes_is_its_records_fault() -> None:
    some = outgoing()
    with pytest.raises(PoisonedError) as caught:
        some.add_all([record(1)], [[Output("out", b"k", b"v" * 101)]])
    assert caught.value.rejected.reason is Reason.OUTPUT_TOO_LARGE
    assert caught.value.record == record(1)
    some = outgoing()
    some.add_all([record(1)], [[Output("out", b"k", b"v" * 100)]])
