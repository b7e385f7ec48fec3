"""What a run of `verify` says about its bounds."""

from __future__ import annotations

from lodestream.ledger.bounds import SLACK_MS
from lodestream.ledger.report import Used


def used(slack_ms: int | None) -> Used:
    return Used("p.raw", everything=False, since_ms=None, until_ms=None, spans={0: (3, 9)}, slack_ms=slack_ms)


def test_bounds_with_an_end_say_what_they_leave_unread() -> None:
    assert used(SLACK_MS).unseen == "outputs more than 10 minutes behind the last one that was due, such as repeats"
    assert used(SLACK_MS).as_json()["read_behind_ms"] == 600_000


def test_what_is_read_to_the_end_leaves_nothing_unread() -> None:
    assert used(None).unseen is None
    assert used(None).as_json()["read_behind_ms"] is None
