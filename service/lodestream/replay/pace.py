"""How fast documents go out."""

from __future__ import annotations

from typing import Final

CATCH_UP_SECONDS: Final = 1.0


class Pace:
    """Turns for N documents a second: after a stall at most one second's worth is caught up.

    Without a rate every turn is at once. Times are seconds of any steady clock that the caller reads.
    """

    def __init__(self, rate: float | None, start: float) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._next = start

    def turn(self, now: float) -> float:
        """Takes the next turn: how many seconds the caller has to wait for it."""
        due = max(self._next, now - CATCH_UP_SECONDS)
        self._next = due + self._interval
        return max(0.0, due - now) if self._interval else 0.0
