"""What retention took of the topics, as far as the ledger must know it."""

from __future__ import annotations

from collections.abc import Iterable


def reach_ms(partitions: Iterable[tuple[int, int, int | None]], lost_by_age_ms: int) -> int | None:
    """Up to which time retention may have taken outputs of a stage; None: it took none that are looked at.

    `partitions`: of its output topics the first offset that is left, the first that was read, and the time (ms) of
    the first record that was. What a partition lost is older than what it still has: where reading began behind its
    first offset, it lost nothing that matters. Where it has nothing, what it lost had reached the topic's retention
    time, so it was older than `lost_by_age_ms`.
    """
    taken = [
        lost_by_age_ms if oldest is None else oldest
        for beginning, start, oldest in partitions
        if beginning > 0 and start <= beginning
    ]
    return max(taken, default=None)


def deleted_unread(committed: int, beginning: int, markers: int) -> range:
    """Offsets that are gone from the log of an input, and that the group had not read.

    A group's next offset stands directly behind its last record, and the markers that end transactions come behind
    that: when all of it has aged, the log begins behind them. `markers`: how many there may be at most, one for each
    producer that writes there. So few offsets are taken for markers.
    """
    return range(committed, beginning) if beginning - committed > markers else range(0)
