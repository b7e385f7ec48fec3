"""Guarantee 5 of the engine: what breaks the step becomes one dead letter, and the stream and the state go on."""

from __future__ import annotations

import pytest

from harness import Topics, Workers, wait_until
from lodestream.headers import Header, header


@pytest.mark.timeout(120)
def test_each_bad_record_is_one_dead_letter_and_changes_no_state(topics: Topics, workers: Workers) -> None:
    topics.create(**{"in": 1}, out=1, count_state=1, dead_letters=1)
    values = [b"good-%d" % number for number in range(300)]
    bad = {7: b"raise-\xff\x00", 8: b"reject-1", 100: b"raise-2", 101: b"raise-3", 250: b"large-1", 299: b"reject-2"}
    for number, value in bad.items():
        values[number] = value
    topics.fill("in", values, 1)
    worker = workers.counting()
    good = [value for number, value in enumerate(values) if number not in bad]
    wait_until("all good records", lambda: len(topics.read("out")) >= len(good))
    worker.terminate()
    assert worker.wait(60) == 0

    # The count before each record goes up by one: the changes of those that broke are gone.
    assert [record.value for record in topics.read("out")] == [b"%d %s" % pair for pair in enumerate(good)]
    letters = topics.read("dead-letters")
    assert [letter.value for letter in letters] == list(bad.values())
    told = [(header(letter.headers, Header.REASON), header(letter.headers, Header.ORIGIN)) for letter in letters]
    reasons = ["step_error", "invalid_record", "step_error", "step_error", "output_too_large", "invalid_record"]
    place = topics.settings.topic("in")
    assert told == [(reason, f"{place}:0:{number}") for reason, number in zip(reasons, bad, strict=True)]
    detail = header(letters[0].headers, Header.DETAIL) or ""
    assert detail.startswith("ZeroDivisionError at counting_worker.py:")
    assert "secret" not in detail
    assert "secret" not in workers.output(worker)


@pytest.mark.timeout(180)
def test_the_breaker_stops_the_worker_also_after_a_restart_until_its_limit_is_raised(
    topics: Topics, workers: Workers
) -> None:
    topics.create(**{"in": 1}, out=1, count_state=1, dead_letters=1)
    topics.fill("in", [b"good"] + [b"reject"] * 400 + [b"good"], 1)
    limit = {"LODESTREAM_DEAD_LETTER_RUN_LIMIT": "100", "LODESTREAM_BATCH_MAX_RECORDS": "50"}
    first = workers.counting(**limit)
    assert first.wait(60) == 1
    assert "LODESTREAM_DEAD_LETTER_RUN_LIMIT=100" in workers.output(first)
    drained = len(topics.read("dead-letters"))
    assert 100 <= drained <= 164, "the limit and at most the rest of the 64 that the step had at once"

    second = workers.counting(**limit)
    assert second.wait(60) == 1
    assert len(topics.read("dead-letters")) == drained, "a restart must not drain another batch"

    third = workers.counting(**{**limit, "LODESTREAM_DEAD_LETTER_RUN_LIMIT": "1000"})
    wait_until("the good record after them", lambda: len(topics.read("out")) == 2)
    third.terminate()
    assert third.wait(60) == 0
    assert len(topics.read("dead-letters")) == 400


@pytest.mark.timeout(180)
def test_the_breaker_also_stops_a_step_that_raises_on_every_record(topics: Topics, workers: Workers) -> None:
    topics.create(**{"in": 1}, out=1, count_state=1, dead_letters=1)
    topics.fill("in", [b"good"] + [b"raise"] * 100, 1)
    worker = workers.counting(LODESTREAM_DEAD_LETTER_RUN_LIMIT="20")
    assert worker.wait(120) == 1
    assert "LODESTREAM_DEAD_LETTER_RUN_LIMIT=20" in workers.output(worker)
    assert len(topics.read("dead-letters")) == 20
    assert [record.value for record in topics.read("out")] == [b"0 good"]
    blocks = len(topics.read("count-state"))
    assert blocks > 20, "each letter is committed before the next record is tried: a restart loses no progress"
