"""The circuit breaker: too many dead letters stop the worker, so that a bad release cannot drain a topic."""

from __future__ import annotations

from collections.abc import Sequence

from lodestream.errors import BreakerOpenError

WINDOW = 2000  # records over which the ratio is taken: minutes of a stream, seconds of a backfill
_FULL = (1 << WINDOW) - 1


class Breaker:
    """Counts dead letters in a row and among the last `WINDOW` records. Its counts travel in the changelog.

    A restarted worker therefore finds the breaker as it was left. It goes on when the limit was raised: a worker that
    tried the next records at each restart would drain the topic, a few records a restart.
    """

    __slots__ = ("_bits", "_run", "_seen")

    def __init__(self, run: int = 0, seen: int = 0, bits: int = 0) -> None:
        self._run = run
        self._seen = seen
        self._bits = bits

    def count_all(self, fates: Sequence[bool]) -> None:
        """Count records in order: True is a dead letter."""
        if True not in fates:
            if fates:
                self._run = 0
                self._seen = min(self._seen + len(fates), WINDOW)
                self._bits = (self._bits << min(len(fates), WINDOW)) & _FULL
            return
        for dead in fates:
            self._run = self._run + 1 if dead else 0
            self._seen = min(self._seen + 1, WINDOW)
            self._bits = (self._bits << 1 | dead) & _FULL

    def copy(self) -> Breaker:
        return Breaker(self._run, self._seen, self._bits)

    def is_open(self, run_limit: int, ratio_limit: float) -> bool:
        """A limit is reached. The ratio counts once the window is full."""
        full = self._seen == WINDOW
        return self._run >= run_limit or (full and self._bits.bit_count() > ratio_limit * WINDOW)

    def check(self, run_limit: int, ratio_limit: float) -> None:
        """Raise `BreakerOpenError` when a limit is reached."""
        if not self.is_open(run_limit, ratio_limit):
            return
        if self._run >= run_limit:
            raise BreakerOpenError(
                f"{self._run} dead letters in a row (LODESTREAM_DEAD_LETTER_RUN_LIMIT={run_limit}): look at "
                "`lodestream dead-letters list`, mend the cause, and raise the limit until good records have come"
            )
        raise BreakerOpenError(
            f"{self._bits.bit_count()} of the last {WINDOW} records became dead letters "
            f"(LODESTREAM_DEAD_LETTER_RATIO_LIMIT={ratio_limit:g}): look at `lodestream dead-letters list`, "
            "mend the cause, and raise the limit until good records have come"
        )

    def pack(self) -> bytes:
        """Run, records seen and the window's bits: at most 258 bytes."""
        bits = self._bits.to_bytes((self._bits.bit_length() + 7) // 8, "little")
        return self._run.to_bytes(4, "little") + self._seen.to_bytes(2, "little") + bits

    @classmethod
    def unpack(cls, packed: bytes) -> Breaker:
        return cls(
            int.from_bytes(packed[:4], "little"),
            int.from_bytes(packed[4:6], "little"),
            int.from_bytes(packed[6:], "little"),
        )
